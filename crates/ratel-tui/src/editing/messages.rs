//! Held messages as parts that are edited: as their bytes, and those of gRPC by field.

use bytes::Bytes;
use ratel_core::commands::CommandError;
use ratel_core::control::{FlowCommand, Part as HeldPart};
use ratel_core::store::FlowSnapshot;
use ratel_flow::format::with_hint;
use ratel_flow::{FlowId, MessageKind, OpenMessage, Side, StreamKind};
use ratel_views::{Schemas, ViewInput};

use super::{Begun, Changed, HERE, Text, TextOf, on_screen};
use crate::backend::Backend;
use crate::backend::edit::refused;
use crate::screens::known::Known;

/// A longer message is not edited, in bytes.
const MESSAGE_MAX: u64 = 16 * 1024 * 1024;

/// A longer message is not read to find out as what it can be edited, in bytes.
const LOOKED_AT: u64 = 4 * 1024 * 1024;

/// What messages are called.
const NAMES: [(Option<StreamKind>, &str); 4] = [
    (Some(StreamKind::WebSocket), "websocket-message"),
    (Some(StreamKind::Tcp), "tcp-message"),
    (Some(StreamKind::Udp), "udp-message"),
    (None, "message"),
];

/// The fields of a message of gRPC.
pub(crate) const GRPC: &str = "grpc";

/// Bytes in hexadecimal.
const HEX: &str = "hex stream";

/// Whether a part of that name is a message.
pub(crate) fn is_named(name: &str) -> bool {
    NAMES.iter().any(|(_, known)| {
        let rest = name.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
    })
}

/// All names that messages have.
pub(super) fn names() -> impl Iterator<Item = String> {
    let sides = [None, Some(Side::Client), Some(Side::Server)];
    NAMES.iter().flat_map(move |(kind, base)| {
        let views = [
            kind.is_none().then_some(Some(GRPC)),
            Some(None),
            Some(Some(HEX)),
        ];
        let views = views.into_iter().flatten();
        views.flat_map(move |view| sides.map(|side| name(base, view, side)))
    })
}

/// `message`, `message (grpc)`, `message (of the client)`, `message (grpc, of the client)`.
fn name(base: &str, view: Option<&str>, side: Option<Side>) -> String {
    let of = side.map(|side| match side {
        Side::Client => "of the client",
        Side::Server => "of the server",
    });
    let words: Vec<_> = view.into_iter().chain(of).collect();
    match words.is_empty() {
        true => base.to_owned(),
        false => format!("{base} ({})", words.join(", ")),
    }
}

/// The view that a name asks for.
fn view_of(name: &str) -> Option<&'static str> {
    [GRPC, HEX]
        .into_iter()
        .find(|view| name.contains(&format!(" ({view}")))
}

/// The messages that are held back, which are those that can be edited.
fn held(backend: &Backend<'_>, id: FlowId) -> Vec<OpenMessage> {
    let held = backend.control.held(id);
    let is_held = |message: &OpenMessage| {
        let part = HeldPart::Message(message.side);
        message.held && held.iter().any(|held| held.part == part)
    };
    // The ones that are open come with any range.
    let window = backend.flows.messages(id, u64::MAX - 1..u64::MAX);
    let open = window.map(|window| window.open).unwrap_or_default();
    open.into_iter().filter(is_held).collect()
}

/// The names of the messages that are held, first those that are edited on the screen.
pub(super) fn options(
    backend: &Backend<'_>,
    schemas: Option<&Schemas>,
    flow: &FlowSnapshot,
) -> (Vec<String>, Vec<String>) {
    let named = NAMES
        .iter()
        .find(|(kind, _)| kind.is_none() || *kind == flow.stream);
    let base = named.map_or("message", |(_, name)| name);
    let held = held(backend, flow.id);
    let (mut here, mut options) = (Vec::new(), Vec::new());
    for message in &held {
        let side = (held.len() > 1).then_some(message.side);
        let looked_at = message.payload.len <= LOOKED_AT;
        let bytes = looked_at.then(|| read(backend, flow.id, message).ok());
        let bytes = bytes.flatten();
        let known = Known::new(flow, message.side, schemas);
        let is_grpc = bytes.as_ref().is_some_and(|bytes| {
            message.kind == MessageKind::Grpc
                && ratel_views::edit_message(&input(&known, bytes)).is_ok()
        });
        if is_grpc {
            let name = name(base, Some(GRPC), side);
            here.push(format!("{name}{HERE}"));
            options.push(name);
        }
        let plain = name(base, None, side);
        let fits = bytes.as_ref().map(|bytes| on_screen(bytes).is_ok());
        if fits == Some(true) {
            here.push(format!("{plain}{HERE}"));
        }
        options.push(plain);
        if fits == Some(false) || is_grpc {
            options.push(name(base, Some(HEX), side));
        }
    }
    (here, options)
}

fn nothing_held(id: FlowId) -> CommandError {
    CommandError::Failed(format!(
        "no message of flow {id} is held back (set the option intercept to hold back what matches a filter)"
    ))
}

/// Begins to edit the message of that name.
pub(super) fn begin(
    backend: &Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
    name: &str,
) -> Result<Begun, CommandError> {
    let held = held(backend, id);
    let is_named = |message: &&OpenMessage| match message.side {
        Side::Client => !name.ends_with("of the server)"),
        Side::Server => !name.ends_with("of the client)"),
    };
    let message = held.iter().find(is_named).ok_or_else(|| nothing_held(id))?;
    let bytes = read(backend, id, message)?;
    let side = message.side;
    let Some(view) = view_of(name) else {
        let text = Text::new(bytes, ".txt", TextOf::Message(side));
        return Ok(Begun::Text(text));
    };
    let gone = || CommandError::Failed(format!("flow {id} is gone"));
    let flow = backend.flows.snapshot(id).ok_or_else(gone)?;
    let known = Known::new(&flow, side, schemas);
    let (text, extension) = match view {
        GRPC => (ratel_views::edit_message(&input(&known, &bytes)), ".yaml"),
        view => (ratel_views::edit(view, &input(&known, &bytes)), ".txt"),
    };
    let text = text.map_err(|error| CommandError::Failed(with_hint(&error, error.hint())))?;
    let of = TextOf::MessageView(side, view.to_owned());
    Ok(Begun::Text(Text::new(text, extension, of)))
}

/// Makes the held message of that side what was edited, as its bytes or in a view.
pub(super) fn finish(
    backend: &Backend<'_>,
    schemas: Option<&Schemas>,
    id: FlowId,
    side: Side,
    view: Option<&str>,
    edited: &[u8],
) -> Result<Changed, CommandError> {
    let held = held(backend, id);
    let message = held.iter().find(|message| message.side == side);
    let message = message.ok_or_else(|| nothing_held(id))?;
    let before = read(backend, id, message)?;
    let gone = || CommandError::Failed(format!("flow {id} is gone"));
    let flow = backend.flows.snapshot(id).ok_or_else(gone)?;
    let known = Known::new(&flow, side, schemas);
    let content = match view {
        None => edited.to_vec(),
        Some(view) => {
            let text = str::from_utf8(edited)
                .map_err(|_| CommandError::failed("what was edited is not UTF-8"))?;
            let input = input(&known, &before);
            let made = match view {
                GRPC => ratel_views::reencode_message(text, &input),
                view => ratel_views::reencode(view, text, &input),
            };
            made.map_err(|error| CommandError::Failed(error.to_string()))?
        }
    };
    if content == before {
        return Ok(Changed::No);
    }
    let doubt = doubt(message.kind, &input(&known, &content));
    let command = FlowCommand::EditMessage {
        side,
        content: content.into(),
    };
    let sent = backend.control.send(id, command);
    sent.map_err(|error| refused(&error))?;
    Ok(doubt.map_or(Changed::Yes, Changed::But))
}

/// What is to be known of bytes that go on as a message of that kind.
pub(crate) fn doubt(kind: MessageKind, input: &ViewInput<'_>) -> Option<String> {
    let what = ratel_views::no_message(input).filter(|_| kind == MessageKind::Grpc)?;
    Some(format!(
        "it is no {what}: the peer will most likely refuse it"
    ))
}

/// The message as input for views.
pub(crate) fn input<'a>(known: &'a Known<'_>, bytes: &'a [u8]) -> ViewInput<'a> {
    ViewInput {
        data: bytes,
        complete: true,
        max_lines: usize::MAX,
        // What waits has been decompressed.
        grpc_encoding: None,
        ..known.body()
    }
}

fn read(backend: &Backend<'_>, id: FlowId, message: &OpenMessage) -> Result<Bytes, CommandError> {
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
    Ok(bytes.into())
}
