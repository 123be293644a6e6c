//! `console.edit.focus`: the parts of a flow that can be edited, what each is edited as, and what becomes of it.

use bytes::Bytes;
use ratel_core::commands::{CommandError, escaped, lex, unescape_bytes};
use ratel_core::control::{FlowCommand, Part as HeldPart};
use ratel_core::edit::{Part, Row};
use ratel_flow::format::with_hint;
use ratel_flow::{FlowId, FlowKind, OpenMessage, Side, StreamKind};
use ratel_views::{Rendering, Schemas, ViewInput};

use crate::backend::Backend;
use crate::backend::edit::refused;
use crate::external;
use crate::screens::known::Known;

/// What stands behind the name of a part that is to be edited on the screen.
pub(crate) const HERE: &str = " (here)";

/// A longer text is not edited on the screen, in bytes.
const HERE_MAX: usize = 256 * 1024;

/// A longer message is not edited, in bytes.
const MESSAGE_MAX: u64 = 16 * 1024 * 1024;

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
    let messages = MESSAGES.iter().flat_map(|(_, name)| {
        [
            (*name).to_owned(),
            message_name(name, Some(Side::Client)),
            message_name(name, Some(Side::Server)),
        ]
    });
    let parts = Part::names().map(str::to_owned);
    let names: Vec<_> = parts.chain(of_views).chain(messages).collect();
    let here = names.iter().filter(|name| is_text(name));
    let here: Vec<_> = here.map(|name| format!("{name}{HERE}")).collect();
    names.into_iter().chain(here).collect()
}

/// It is a part that can be a text as it is.
fn is_text(name: &str) -> bool {
    name.ends_with("-body") || name.contains("message")
}

/// What messages are called.
const MESSAGES: [(Option<StreamKind>, &str); 4] = [
    (Some(StreamKind::WebSocket), "websocket-message"),
    (Some(StreamKind::Tcp), "tcp-message"),
    (Some(StreamKind::Udp), "udp-message"),
    (None, "message"),
];

fn message_name(name: &str, side: Option<Side>) -> String {
    match side {
        Some(Side::Client) => format!("{name} (of the client)"),
        Some(Side::Server) => format!("{name} (of the server)"),
        None => name.to_owned(),
    }
}

/// The parts of a flow that can be edited.
pub fn options(
    backend: &Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
) -> Result<Vec<String>, CommandError> {
    let gone = || CommandError::Failed(format!("flow {id} is gone"));
    let flow = backend.flows.snapshot(id).ok_or_else(gone)?;
    let mut options = held_messages(backend, id, flow.stream);
    let mut here: Vec<_> = options.iter().map(|name| format!("{name}{HERE}")).collect();
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
    options.extend(Part::names().map(str::to_owned));
    for side in [Side::Client, Side::Server] {
        let content = draft.content(side);
        if content.is_ok_and(|content| on_screen(&content.bytes).is_ok()) {
            here.push(format!("{}{HERE}", Part::Body(side).name()));
        }
    }
    // Where they are seen first. Those that mitmproxy has keep their keys, which some have in the fingers.
    options.splice(0..0, here);
    for side in [Side::Client, Side::Server] {
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
            if !is_text && !options.contains(&name) && ratel_views::edit(view, &input).is_ok() {
                options.push(name);
            }
        }
    }
    Ok(options)
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
    if name.contains("message") {
        return message(backend, id, name);
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

/// Makes a part what was edited. False when that is what it was.
pub fn finish(
    backend: &mut Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
    of: &TextOf,
    edited: &[u8],
) -> Result<bool, CommandError> {
    let failed = |text: String| CommandError::Failed(text);
    let (side, bytes) = match of {
        TextOf::Message(side) => {
            let command = FlowCommand::EditMessage {
                side: *side,
                content: Bytes::copy_from_slice(edited),
            };
            let sent = backend.control.send(id, command);
            return sent.map(|()| true).map_err(|error| refused(&error));
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
        return Ok(false);
    }
    let set = draft.set_content(side, &bytes);
    set.map_err(|error| failed(error.to_string()))?;
    backend.change(id, draft)
}

/// Makes a part what the rows of a table say. False when that is what it was.
pub fn set_rows(
    backend: &mut Backend<'_>,
    id: FlowId,
    part: Part,
    rows: &[Vec<String>],
) -> Result<bool, CommandError> {
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

// Messages

/// The messages that are held back, which are those that can be edited.
fn held(backend: &Backend<'_>, id: FlowId) -> Vec<OpenMessage> {
    let held = backend.control.held(id);
    let is_held = |message: &OpenMessage| {
        message.held
            && held
                .iter()
                .any(|held| held.part == HeldPart::Message(message.side))
    };
    // The ones that are open come with any range.
    let window = backend.flows.messages(id, u64::MAX - 1..u64::MAX);
    let open = window.map(|window| window.open).unwrap_or_default();
    open.into_iter().filter(is_held).collect()
}

fn held_messages(backend: &Backend<'_>, id: FlowId, stream: Option<StreamKind>) -> Vec<String> {
    let held = held(backend, id);
    let named = MESSAGES
        .iter()
        .find(|(kind, _)| kind.is_none() || *kind == stream);
    let name = named.map_or("message", |(_, name)| name);
    match held.as_slice() {
        [_] => vec![name.to_owned()],
        held => held
            .iter()
            .map(|message| message_name(name, Some(message.side)))
            .collect(),
    }
}

fn nothing_held(id: FlowId) -> CommandError {
    CommandError::Failed(format!(
        "no message of flow {id} is held back (set the option intercept to hold back what matches a filter)"
    ))
}

fn message(backend: &Backend<'_>, id: FlowId, name: &str) -> Result<Begun, CommandError> {
    let held = held(backend, id);
    let is_named = |message: &&OpenMessage| match message.side {
        Side::Client => !name.ends_with("(of the server)"),
        Side::Server => !name.ends_with("(of the client)"),
    };
    let message = held.iter().find(is_named).ok_or_else(|| nothing_held(id))?;
    if message.payload.len > MESSAGE_MAX {
        return Err(CommandError::failed("the message is longer than 16 MiB"));
    }
    let (side, payload) = (message.side, message.payload);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < payload.len {
        let from = bytes.len() as u64;
        let window = backend.flows.payload(id, side, payload, from..payload.len);
        let window = window.filter(|window| window.offset == from && !window.bytes.is_empty());
        let gone = || CommandError::failed("the message is gone");
        bytes.extend_from_slice(&window.ok_or_else(gone)?.bytes);
    }
    Ok(Begun::Text(Text::new(bytes, ".txt", TextOf::Message(side))))
}
