//! A WebSocket as it was spoken: its frames, put together to messages (RFC 6455, RFC 7692).

use bytes::{Bytes, BytesMut};
use ratel_flow::record::WebSocketRecord;
use ratel_flow::{FlowError, Headers, MessageFlags, MessageKind, Side, Timestamp};
use ratel_proto::websocket::{
    Assembler, FrameDecoder, MessageType, Peer, Step, WsError, handshake, opcode, parse_close,
};

use crate::context::{Gap, no_room};
use crate::messages::{Head, MessageLog};
use crate::spool::Spool;

/// Pings and pongs that are kept of those that come within one message.
const BETWEEN_MAX: usize = 1000;

#[derive(Debug)]
pub(super) struct WebSocket {
    client: Direction,
    server: Direction,
    log: MessageLog,
    /// The first close: who, with which code and reason.
    close: Option<(Side, u16, String)>,
    problem: Option<FlowError>,
    last: Timestamp,
}

#[derive(Debug)]
struct Direction {
    frames: FrameDecoder,
    messages: Assembler,
    /// The message under way.
    kind: Option<MessageKind>,
    /// Pings and pongs that came while it was.
    between: Vec<(Head, Bytes)>,
    /// It cannot be followed any further.
    broken: bool,
}

impl Direction {
    fn new(peer: Peer, deflate: Option<(bool, u8)>) -> Self {
        let rsv = if deflate.is_some() { 4 } else { 0 };
        Self {
            frames: FrameDecoder::new(peer, rsv),
            messages: Assembler::new(deflate),
            kind: None,
            between: Vec::new(),
            broken: false,
        }
    }
}

impl WebSocket {
    /// What the response to the handshake has agreed to; none if it can't be followed, since frames may mean anything
    /// with an extension that is not known.
    pub(super) fn agreed(spool: &Spool, response: &Headers) -> Option<Box<Self>> {
        let mut extensions = response
            .get_all("sec-websocket-extensions")
            .flat_map(|value| value.split(|byte| *byte == b','));
        let is_known = |extension: &[u8]| {
            let name = extension.split(|byte| *byte == b';').next();
            let name = name.unwrap_or_default().trim_ascii();
            name.is_empty() || name.eq_ignore_ascii_case(b"permessage-deflate")
        };
        if !extensions.all(is_known) {
            return None;
        }
        let deflate = handshake::deflate(response);
        let client = deflate.map(|deflate| {
            (
                deflate.client_no_context_takeover,
                deflate.client_max_window_bits,
            )
        });
        let server = deflate.map(|deflate| {
            (
                deflate.server_no_context_takeover,
                deflate.server_max_window_bits,
            )
        });
        Some(Box::new(Self {
            client: Direction::new(Peer::Client, client),
            server: Direction::new(Peer::Server, server),
            log: MessageLog::new(spool),
            close: None,
            problem: None,
            last: Timestamp::default(),
        }))
    }

    /// Takes the next part of a frame that `side` has sent; whether there was one.
    pub(super) fn take(&mut self, side: Side, buffer: &mut BytesMut, time: Timestamp) -> bool {
        let direction = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        if direction.broken {
            buffer.clear();
            return false;
        }
        self.last = self.last.max(time);
        let part = match direction.frames.next(buffer) {
            Ok(Some(part)) => part,
            Ok(None) => return false,
            Err(error) => {
                self.fail(side, &error, time);
                return false;
            }
        };
        let (log, close) = (&mut self.log, &mut self.close);
        let (kind, between) = (&mut direction.kind, &mut direction.between);
        let outcome = direction.messages.take(&part, &mut |step| match step {
            Step::Begin(MessageType::Text) => *kind = Some(MessageKind::Text),
            Step::Begin(MessageType::Binary) => *kind = Some(MessageKind::Binary),
            Step::Data(data) => log.piece(side, &data),
            Step::End { compressed, .. } => {
                let flags = match compressed {
                    true => MessageFlags::COMPRESSED,
                    false => MessageFlags::default(),
                };
                let kind = kind.take().unwrap_or(MessageKind::Binary);
                log.end(Head {
                    side,
                    kind,
                    flags,
                    timestamp: time,
                });
                between
                    .drain(..)
                    .for_each(|(head, payload)| log.push(head, &payload));
            }
            Step::Control {
                opcode: opcode::CLOSE,
                payload,
            } => {
                let (code, reason) = parse_close(&payload);
                let reason = || String::from_utf8_lossy(reason).into_owned();
                close.get_or_insert_with(|| (side, code, reason()));
            }
            Step::Control { opcode, payload } => {
                let head = Head {
                    side,
                    kind: match opcode {
                        opcode::PING => MessageKind::Ping,
                        _ => MessageKind::Pong,
                    },
                    flags: MessageFlags::default(),
                    timestamp: time,
                };
                // The pieces of a message under way lie in the log already: nothing goes between them.
                match kind {
                    None => log.push(head, &payload),
                    Some(_) if between.len() < BETWEEN_MAX => between.push((head, payload)),
                    Some(_) => {}
                }
            }
        });
        if let Err(error) = outcome {
            self.fail(side, &error, time);
        }
        true
    }

    fn fail(&mut self, side: Side, error: &WsError, time: Timestamp) {
        let (direction, who) = match side {
            Side::Client => (&mut self.client, "the client"),
            Side::Server => (&mut self.server, "the server"),
        };
        direction.broken = true;
        self.problem.get_or_insert_with(|| FlowError {
            message: format!("{who} broke a rule of WebSocket: {error}").into(),
            hint: None,
            by_client: false,
            timestamp: time,
        });
    }

    /// Bytes of that side are not in the capture: what follows cannot be told apart.
    pub(super) fn gap(&mut self, side: Side, gap: Gap, time: Timestamp) {
        let direction = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        direction.broken = true;
        let message = format!("{} of its messages are not in the capture", gap.amount());
        self.problem.get_or_insert_with(|| FlowError {
            message: message.into(),
            hint: Some(gap.hint().into()),
            by_client: false,
            timestamp: time,
        });
    }

    /// The messages, and what went wrong.
    pub(super) fn finish(mut self) -> (WebSocketRecord, Option<FlowError>) {
        for (side, direction) in [(Side::Client, &self.client), (Side::Server, &self.server)] {
            if let Some(kind) = direction.kind {
                self.log.end(Head {
                    side,
                    kind,
                    flags: MessageFlags::MALFORMED,
                    timestamp: self.last,
                });
            }
        }
        let lost = no_room(self.log.lost(), self.last);
        let (closed_by, close_code, close_reason) = match self.close {
            Some((side, code, reason)) => (Some(side), Some(code.into()), Some(reason.into())),
            None => (None, None, None),
        };
        let record = WebSocketRecord {
            messages: self.log.finish(),
            closed_by,
            close_code,
            close_reason,
            timestamp_end: Some(self.last),
        };
        (record, self.problem.or(lost))
    }
}
