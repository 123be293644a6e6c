//! Messages: of WebSockets, of raw connections, datagrams.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use ratel_proto::tnetstring::{Encoder, Kind, Value};

use super::Frame;
use super::field::{Field, StateError, StateProblem};
use super::out::{Fill, Out};
use super::time;
use crate::flow::Side;
use crate::message::{Message, MessageFlags, MessageKind};
use crate::record::{Messages, ReadMessages};
use crate::verbatim::{Place, Verbatim};

/// What a message looks like in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `[opcode, from_client, content, timestamp, dropped, injected]`
    WebSocket,
    /// `[from_client, content, timestamp]`
    Stream,
}

/// Reads the messages of a flow, which may lie elsewhere.
pub(super) fn read_list(
    field: &Field<'_>,
    form: Form,
    frame: &Frame<'_>,
    verbatim: &mut Verbatim,
) -> Result<Messages, StateError> {
    let item = field.required()?;
    if let Some(messages) = frame.messages_elsewhere(&item, form) {
        return messages.map_err(|error| {
            StateError::new(
                field.name,
                Some(item.offset),
                StateProblem::Value(error.to_string()),
            )
        });
    }
    let (mut messages, mut list) = (Vec::new(), field.list()?);
    while let Some(item) = list.next()? {
        let mut odd = Verbatim::default();
        messages.push(read(&item, form, &mut odd, |bytes| frame.share(bytes))?);
        if let Some(value) = odd.get(Place::MessageTime(0)) {
            let number = u32::try_from(messages.len() - 1).unwrap_or(u32::MAX);
            verbatim.keep(Place::MessageTime(number), value.clone());
        }
    }
    Ok(Messages::List(messages))
}

/// Reads a message. An odd time is kept as that of the message 0.
pub(crate) fn read(
    field: &Field<'_>,
    form: Form,
    verbatim: &mut Verbatim,
    share: impl Fn(&[u8]) -> Bytes,
) -> Result<Message, StateError> {
    let mut list = field.list()?;
    let kind = match form {
        Form::Stream => MessageKind::Data,
        Form::WebSocket => {
            let opcode = list.expect()?;
            let number = opcode.int()?;
            kind_of(number)
                .ok_or_else(|| opcode.invalid(format_args!("with a message of opcode {number}")))?
        }
    };
    let from_client = list.expect()?;
    let side = match from_client.opt_bool()? {
        Some(true) => Side::Client,
        _ => Side::Server,
    };
    let content = share(list.expect()?.bytes()?);
    let timestamp = time::read_or_null(&list.expect()?, Place::MessageTime(0), verbatim)?;
    let mut flags = MessageFlags::default();
    for flag in [MessageFlags::DROPPED, MessageFlags::INJECTED] {
        // The oldest have neither.
        if form == Form::WebSocket
            && let Some(field) = list.next()?
            && field.opt_bool()? == Some(true)
        {
            flags = flags.with(flag);
        }
    }
    Ok(Message {
        side,
        kind,
        flags,
        timestamp,
        content,
    })
}

/// What a message with that opcode is (RFC 6455 §11.8). Fragments without a beginning are bytes.
fn kind_of(opcode: i64) -> Option<MessageKind> {
    Some(match opcode {
        0 => MessageKind::Data,
        1 => MessageKind::Text,
        2 => MessageKind::Binary,
        8 => MessageKind::Close,
        9 => MessageKind::Ping,
        10 => MessageKind::Pong,
        _ => return None,
    })
}

/// The opcode of a message; none for one that a WebSocket does not have.
pub(super) fn opcode(kind: MessageKind) -> i64 {
    match kind {
        MessageKind::Text | MessageKind::Event | MessageKind::Json => 1,
        MessageKind::Binary | MessageKind::Grpc | MessageKind::GrpcTrailers => 2,
        MessageKind::Close => 8,
        MessageKind::Ping => 9,
        MessageKind::Pong => 10,
        MessageKind::Data => 0,
    }
}

/// Whether files have no place for a message of that kind among the others.
pub(super) fn is_control(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::Ping | MessageKind::Pong | MessageKind::Close
    )
}

/// What must be known of the messages before they can be written.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Length of all of them in bytes; only of those that are not in memory.
    len: u64,
    /// Control frames, and their numbers among all messages.
    pub(super) controls: Vec<(u64, Message)>,
}

/// Control frames of one flow that are kept; a peer may send as many as it likes.
const CONTROLS_MAX: usize = 10_000;

/// Looks at the messages before they are written.
pub(super) fn measure(messages: &Messages, form: Form) -> io::Result<Measured> {
    let mut measured = Measured::default();
    let is_lazy = matches!(messages, Messages::Lazy(_));
    if !is_lazy && form == Form::Stream {
        return Ok(measured);
    }
    let mut encoder = Encoder::new();
    for (number, message) in messages.iter().enumerate() {
        let message = message?;
        if form == Form::WebSocket && is_control(message.kind) {
            if measured.controls.len() < CONTROLS_MAX {
                measured.controls.push((number as u64, message));
            }
        } else if is_lazy {
            encoder.clear();
            write_one(&mut encoder, &message, form, None);
            measured.len += encoder.len();
        }
    }
    Ok(measured)
}

/// Writes the messages that [`measure`] has seen, control frames left out.
pub(super) fn write_list(
    out: &mut Out<'_>,
    key: &'static str,
    messages: &Messages,
    form: Form,
    measured: &Measured,
    verbatim: &Verbatim,
) {
    out.list(key, |out| match messages {
        Messages::List(list) => {
            for (number, message) in list.iter().enumerate().rev() {
                if form == Form::WebSocket && is_control(message.kind) {
                    continue;
                }
                let place = u32::try_from(number).ok().map(Place::MessageTime);
                let odd = place.and_then(|place| verbatim.get(place));
                write_one(out.encoder, message, form, odd);
            }
        }
        Messages::Lazy(_) => {
            let fill = Fill::Messages(messages.clone(), form);
            out.gap(measured.len, fill);
        }
    });
}

/// The items of a list of messages, one at a time, as [`write_list`] has counted their bytes.
pub(crate) fn each_item(
    messages: &Messages,
    form: Form,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut encoder = Encoder::new();
    for message in messages.iter() {
        let message = message?;
        if form == Form::WebSocket && is_control(message.kind) {
            continue;
        }
        encoder.clear();
        write_one(&mut encoder, &message, form, None);
        each(encoder.bytes_written())?;
    }
    Ok(())
}

/// Writes a message.
fn write_one(encoder: &mut Encoder, message: &Message, form: Form, odd: Option<&Value>) {
    let list = encoder.begin(Kind::List);
    if form == Form::WebSocket {
        encoder.bool(message.flags.contains(MessageFlags::INJECTED));
        encoder.bool(message.flags.contains(MessageFlags::DROPPED));
    }
    match odd {
        Some(value) if time::of(value).unwrap_or_default() == message.timestamp => {
            encoder.value(value);
        }
        _ => time::append(encoder, message.timestamp),
    }
    encoder.bytes(&message.content);
    encoder.bool(message.side == Side::Client);
    if form == Form::WebSocket {
        encoder.int(opcode(message.kind));
    }
    encoder.end(list);
}

/// Messages with control frames among them.
#[derive(Debug)]
pub(super) struct WithControls {
    messages: Arc<dyn ReadMessages>,
    /// By their numbers among all.
    controls: Vec<(u64, Message)>,
}

impl WithControls {
    pub(super) fn new(messages: Arc<dyn ReadMessages>, mut controls: Vec<(u64, Message)>) -> Self {
        controls.sort_by_key(|(number, _)| *number);
        controls.dedup_by_key(|(number, _)| *number);
        let len = messages.len() + controls.len() as u64;
        controls.retain(|(number, _)| *number < len);
        Self { messages, controls }
    }
}

impl ReadMessages for WithControls {
    fn len(&self) -> u64 {
        self.messages.len() + self.controls.len() as u64
    }

    fn read(&self, number: u64) -> io::Result<Message> {
        let at = self.controls.partition_point(|(at, _)| *at < number);
        match self.controls.get(at) {
            Some((at, control)) if *at == number => Ok(control.clone()),
            _ => self.messages.read(number - at as u64),
        }
    }
}
