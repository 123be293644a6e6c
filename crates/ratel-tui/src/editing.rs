//! `console.edit.focus`: the parts of a flow that can be edited, what each is edited as, and what becomes of it.

pub(crate) mod messages;

use bytes::Bytes;
use ratel_core::commands::{CommandError, escaped, lex, unescape_bytes};
use ratel_core::control::{HeldPart, Part as Held};
use ratel_core::edit::{Part, Row};
use ratel_flow::format::with_hint;
use ratel_flow::{FlowId, FlowKind, Side};
use ratel_views::{Rendering, Schemas, ViewInput};

use crate::backend::Backend;
use crate::external;
use crate::screens::known::Known;

/// What stands behind the name of a part that is to be edited on the screen.
pub(crate) const HERE: &str = " (here)";

/// A longer text is not edited on the screen, in bytes.
const HERE_MAX: usize = 256 * 1024;

/// What a part is edited as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// A command that is completed.
    Line(String),
    /// A command that ends with the value as it is, which stands to be replaced.
    Value(String),
    /// A table; the cells have escapes.
    Table(Part, Vec<Vec<String>>),
    /// A text in a program of the user's own.
    Text(Text),
}

/// What is given to an editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The bytes.
    pub bytes: Bytes,
    /// The end of the file's name.
    pub extension: &'static str,
    /// What it is.
    pub of: TextOf,
    /// It is to be edited on the screen, though there is a program.
    pub here: bool,
    /// What was made of it before, and not taken.
    pub kept: Option<Vec<u8>>,
}

impl Text {
    fn new(bytes: impl Into<Bytes>, extension: &'static str, of: TextOf) -> Self {
        Self {
            bytes: bytes.into(),
            extension,
            of,
            here: false,
            kept: None,
        }
    }
}

/// What is edited as a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextOf {
    /// A body, without its content-encoding.
    Body(Side),
    /// A body as a view shows it.
    View(Side, String),
    /// The message of that side that is held back.
    Message(Side),
    /// That message as a view shows it.
    MessageView(Side, String),
}

/// What became of a part that was edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is as it was.
    No,
    /// It is changed.
    Yes,
    /// It is changed, and somebody should know this of it: the rest of a sentence that begins with its name.
    But(String),
}

/// Whether bytes can be edited on the screen.
///
/// # Errors
/// Why they cannot.
pub fn on_screen(bytes: &[u8]) -> Result<(), &'static str> {
    if bytes.len() > HERE_MAX {
        return Err("more than 256 KiB are edited in a program of your own; set EDITOR");
    }
    match str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(()),
        _ => Err(
            "what is not text is edited in a program of your own, or as a hex stream; set EDITOR",
        ),
    }
}

/// A name without what says that it is to be edited on the screen.
pub(crate) fn without_here(name: &str) -> &str {
    name.strip_suffix(HERE).unwrap_or(name)
}

/// The names of all parts that any flow has.
pub(crate) fn names() -> Vec<String> {
    let views = ratel_views::editable_views();
    let bodies = ["request-body", "response-body"];
    let of_views = bodies
        .iter()
        .flat_map(|body| views.iter().map(move |view| format!("{body} ({view})")));
    let parts = Part::names().map(str::to_owned);
    let names: Vec<_> = parts.chain(of_views).chain(messages::names()).collect();
    let here = names.iter().filter(|name| is_text(name));
    let here: Vec<_> = here.map(|name| format!("{name}{HERE}")).collect();
    names.into_iter().chain(here).collect()
}

/// It is a part that can be a text on the screen.
fn is_text(name: &str) -> bool {
    name.ends_with("-body") || name.ends_with(GRPC_BODY) || messages::is_named(name)
}

/// What stands behind the name of a body whose messages are edited by field.
const GRPC_BODY: &str = "-body (grpc)";

/// The parts of a flow that can be edited.
pub fn options(
    backend: &Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
) -> Result<Vec<String>, CommandError> {
    let gone = || CommandError::Failed(format!("flow {id} is gone"));
    let flow = backend.flows.snapshot(id).ok_or_else(gone)?;
    let (mut here, mut options) = messages::options(backend, schemas, &flow);
    match flow.kind {
        FlowKind::Dns => return Err(CommandError::failed("DNS flows cannot be edited")),
        FlowKind::Tcp | FlowKind::Udp => {
            options.splice(0..0, here);
            options.push(Part::Comment.name().to_owned());
            return Ok(options);
        }
        FlowKind::Http | FlowKind::Connection => {}
    }
    let draft = backend.draft(id)?;
    let reach = Reach::of(backend, id);
    if reach.is_nothing() && options.is_empty() {
        return Err(CommandError::Failed(format!(
            "flow {id} goes on, and nothing of it is held: what is held can be changed (i), and what is over"
        )));
    }
    let parts = Part::names().filter(|name| {
        let part = Part::from_name(name);
        part.is_some_and(|part| reach.has(part))
    });
    options.extend(parts.map(str::to_owned));
    let sides = [Side::Client, Side::Server].into_iter();
    let sides: Vec<_> = sides.filter(|side| reach.has(Part::Body(*side))).collect();
    let at = here.len();
    for side in &sides {
        let content = draft.content(*side);
        if content.is_ok_and(|content| on_screen(&content.bytes).is_ok()) {
            here.push(format!("{}{HERE}", Part::Body(*side).name()));
        }
    }
    let mut views = Vec::new();
    for side in sides {
        let Ok(content) = draft.content(side) else {
            continue;
        };
        if content.bytes.is_empty() {
            continue;
        }
        let known = Known::new(&flow, side, schemas);
        let input = whole(&known, &content.bytes);
        let fitting = Rendering::start(None, &input).view_name.to_lowercase();
        let body = Part::Body(side).name();
        // Text as it is comes without a view.
        for view in [fitting.as_str(), "hex stream"] {
            let is_text = matches!(view, "raw" | "query");
            let name = format!("{body} ({view})");
            if !is_text && !views.contains(&name) && ratel_views::edit(view, &input).is_ok() {
                // The bytes of a call mean nothing to most.
                if name.ends_with(GRPC_BODY) {
                    here.insert(at, format!("{name}{HERE}"));
                }
                views.push(name);
            }
        }
    }
    // Where they are seen first. Those that mitmproxy has keep their keys, which some have in the fingers.
    options.splice(0..0, here);
    options.extend(views);
    Ok(options)
}

/// What of an exchange can be changed: all of one that is over, of a live one what is held.
struct Reach {
    sides: [bool; 2],
    bodies: [bool; 2],
}

impl Reach {
    fn of(backend: &Backend<'_>, id: FlowId) -> Self {
        if !backend.control.is_live(id) {
            return Self {
                sides: [true; 2],
                bodies: [true; 2],
            };
        }
        let held = backend.control.held(id);
        let body = |part| {
            let held = held.iter().find(|held| held.part == part);
            held.map(|held: &HeldPart| !held.body_passes)
        };
        match (body(Held::Request), body(Held::Response)) {
            // A response that is made for it answers it.
            (Some(body), _) => Self {
                sides: [true; 2],
                bodies: [body, true],
            },
            (None, Some(body)) => Self {
                sides: [false, true],
                bodies: [false, body],
            },
            (None, None) => Self {
                sides: [false; 2],
                bodies: [false; 2],
            },
        }
    }

    fn is_nothing(&self) -> bool {
        self.sides == [false; 2]
    }

    fn has(&self, part: Part) -> bool {
        let [request, response] = self.sides;
        let [request_body, response_body] = self.bodies;
        match part {
            Part::Comment => true,
            Part::Attribute("status_code" | "reason") | Part::SetCookies => response,
            Part::Attribute(_) | Part::Cookies | Part::Path | Part::Query => request,
            Part::Headers(Side::Client) => request,
            Part::Headers(Side::Server) => response,
            Part::UrlencodedForm | Part::MultipartForm => request && request_body,
            Part::Body(Side::Client) | Part::Trailers(Side::Client) => request && request_body,
            Part::Body(Side::Server) | Part::Trailers(Side::Server) => response && response_body,
        }
    }
}

/// Begins to edit a part.
pub fn begin(
    backend: &Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
    name: &str,
) -> Result<Begun, CommandError> {
    let begun = begin_part(backend, schemas, id, without_here(name))?;
    Ok(match begun {
        Begun::Text(text) if name.ends_with(HERE) => {
            on_screen(&text.bytes).map_err(CommandError::failed)?;
            Begun::Text(Text { here: true, ..text })
        }
        begun => begun,
    })
}

fn begin_part(
    backend: &Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
    name: &str,
) -> Result<Begun, CommandError> {
    let failed = |text: String| CommandError::Failed(text);
    if messages::is_named(name) {
        return messages::begin(backend, schemas, id, name);
    }
    let (base, view) = match name.split_once(" (") {
        Some((base, view)) => (base, Some(view.trim_end_matches(')'))),
        None => (name, None),
    };
    let part = Part::from_name(base);
    let part = part.ok_or_else(|| failed(format!("there is no part '{name}'")))?;
    if part == Part::Comment {
        let said = backend.flows.snapshot(id).and_then(|flow| flow.annotations);
        let comment = said
            .map(|said| said.comment.to_string())
            .unwrap_or_default();
        return Ok(Begun::Line(command(&["flow.comment", "@focus"], &comment)));
    }
    let draft = backend.draft(id)?;
    if let Part::Attribute(attribute) = part {
        let value = draft.attribute(attribute);
        return Ok(Begun::Value(command(
            &["flow.set", "@focus", attribute],
            &value,
        )));
    }
    let Part::Body(side) = part else {
        let rows = draft
            .rows(part)
            .map_err(|error| failed(error.to_string()))?;
        let row = |row: &Row| row.iter().map(|cell| escaped(cell)).collect();
        return Ok(Begun::Table(part, rows.iter().map(row).collect()));
    };
    let content = draft.content(side);
    let content = content.map_err(|error| failed(error.to_string()))?;
    let extension = external::extension(content.content_type.as_deref());
    let Some(view) = view else {
        let text = Text::new(content.bytes, extension, TextOf::Body(side));
        return Ok(Begun::Text(text));
    };
    let gone = || CommandError::Failed(format!("flow {id} is gone"));
    let flow = backend.flows.snapshot(id).ok_or_else(gone)?;
    let known = Known::new(&flow, side, schemas);
    let text = ratel_views::edit(view, &whole(&known, &content.bytes))
        .map_err(|error| failed(with_hint(&error, error.hint())))?;
    let extension = match view {
        "json" | "graphql" => ".json",
        "hex stream" => ".txt",
        _ if extension == ".html" || extension == ".xml" => extension,
        _ => ".yaml",
    };
    let of = TextOf::View(side, view.to_owned());
    Ok(Begun::Text(Text::new(text, extension, of)))
}

/// Makes a part what was edited.
pub fn finish(
    backend: &mut Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
    of: &TextOf,
    edited: &[u8],
) -> Result<Changed, CommandError> {
    let failed = |text: String| CommandError::Failed(text);
    let (side, bytes) = match of {
        TextOf::Message(side) => {
            return messages::finish(backend, schemas, id, *side, None, edited);
        }
        TextOf::MessageView(side, view) => {
            return messages::finish(backend, schemas, id, *side, Some(view), edited);
        }
        TextOf::Body(side) => (*side, edited.to_vec()),
        TextOf::View(side, view) => {
            let gone = || CommandError::Failed(format!("flow {id} is gone"));
            let flow = backend.flows.snapshot(id).ok_or_else(gone)?;
            let content = backend.draft(id)?.content(*side);
            let content = content.map_err(|error| failed(error.to_string()))?;
            let text = str::from_utf8(edited)
                .map_err(|_| CommandError::failed("what was edited is not UTF-8"))?;
            let known = Known::new(&flow, *side, schemas);
            let made = ratel_views::reencode(view, text, &whole(&known, &content.bytes));
            (*side, made.map_err(|error| failed(error.to_string()))?)
        }
    };
    let mut draft = backend.draft(id)?;
    let before = draft
        .content(side)
        .map_err(|error| failed(error.to_string()))?;
    if before.bytes == bytes {
        return Ok(Changed::No);
    }
    let set = draft.set_content(side, &bytes);
    set.map_err(|error| failed(error.to_string()))?;
    let spoilt = is_spoilt(backend, schemas, id, side, [&before.bytes, &bytes]);
    Ok(match backend.change(id, draft)? {
        Changed::Yes if spoilt => {
            Changed::But("it is no body of gRPC: the peer will most likely refuse it".to_owned())
        }
        changed => changed,
    })
}

/// Whether a body of gRPC, before, is none any more.
fn is_spoilt(
    backend: &Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
    side: Side,
    [before, after]: [&[u8]; 2],
) -> bool {
    let Some(flow) = backend.flows.snapshot(id) else {
        return false;
    };
    let known = Known::new(&flow, side, schemas);
    let is_grpc = |bytes| {
        let input = whole(&known, bytes);
        let view = Rendering::start(None, &input).view_name.to_lowercase();
        view == messages::GRPC && ratel_views::edit(messages::GRPC, &input).is_ok()
    };
    is_grpc(before) && !after.is_empty() && !is_grpc(after)
}

/// Makes a part what the rows of a table say.
pub fn set_rows(
    backend: &mut Backend<'_>,
    id: FlowId,
    part: Part,
    rows: &[Vec<String>],
) -> Result<Changed, CommandError> {
    let row = |(nth, row): (usize, &Vec<String>)| {
        let cells: Result<Row, String> = row.iter().map(|cell| unescape_bytes(cell)).collect();
        cells.map_err(|why| CommandError::Failed(format!("row {}: {why}", nth + 1)))
    };
    let rows = rows.iter().enumerate().map(row);
    let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
    let mut draft = backend.draft(id)?;
    let set = draft.set_rows(part, &rows);
    set.map_err(|error| CommandError::Failed(error.to_string()))?;
    backend.change(id, draft)
}

/// A command to be completed, with the last word between quotes.
fn command(words: &[&str], value: &str) -> String {
    let value = value.replace('\\', "\\\\");
    let quoted = match lex::quote(&value) {
        quoted if quoted.starts_with(['"', '\'']) => quoted,
        plain => format!("'{plain}'"),
    };
    format!("{} {quoted}", words.join(" "))
}

fn whole<'a>(known: &'a Known<'_>, bytes: &'a [u8]) -> ViewInput<'a> {
    ViewInput {
        data: bytes,
        complete: true,
        max_lines: usize::MAX,
        ..known.body()
    }
}
