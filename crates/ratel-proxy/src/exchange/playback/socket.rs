//! The server's side of a recorded WebSocket.
//!
//! What it said after so many messages of the client is said after as many of them. It closes as the server did, and
//! answers a close (RFC 6455 §5.5.1).

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ratel_flow::record::{Messages, WebSocketRecord};
use ratel_flow::{Message, MessageFlags, MessageKind, Side, Timestamp};
use ratel_proto::Frame;
use ratel_proto::websocket::{FrameDecoder, Part, Peer, close_payload, encode_message, opcode};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::ProxyError;

/// What the client has said so far. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Ears>);

#[derive(Default)]
struct Ears {
    state: Mutex<State>,
    more: Notify,
}

#[derive(Default)]
struct State {
    decoder: Option<(FrameDecoder, BytesMut)>,
    /// Whole messages of data.
    messages: u64,
    /// The payload of the close.
    close: Option<Bytes>,
    /// The frame under way: its opcode and whether it ends its message.
    frame: (u8, bool),
    ended: bool,
}

impl Heard {
    /// What comes from here on is a WebSocket's.
    pub(super) fn begin(&self) {
        self.state().decoder = Some((FrameDecoder::new(Peer::Client, 0), BytesMut::new()));
    }

    pub(super) fn take(&self, bytes: &[u8]) {
        let mut state = self.state();
        let state = &mut *state;
        let Some((decoder, buf)) = &mut state.decoder else {
            return;
        };
        buf.extend_from_slice(bytes);
        loop {
            match decoder.next(buf) {
                Ok(Some(Part::Head { head, .. })) => state.frame = (head.opcode, head.fin),
                Ok(Some(Part::Payload { data, end, .. })) => {
                    let (opcode, fin) = state.frame;
                    if opcode == opcode::CLOSE {
                        state.close = Some(data);
                    } else if end && fin && opcode < opcode::CLOSE {
                        state.messages += 1;
                    }
                }
                Ok(None) => break,
                // The relay has told the client what it has broken.
                Err(_) => {
                    state.ended = true;
                    break;
                }
            }
        }
        self.0.more.notify_waiters();
    }

    pub(super) fn end(&self) {
        self.state().ended = true;
        self.0.more.notify_waiters();
    }

    /// What `look` finds, once it finds something.
    async fn until<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        loop {
            let mut more = std::pin::pin!(self.0.more.notified());
            more.as_mut().enable();
            if let Some(found) = look(&self.state()) {
                return found;
            }
            more.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a state that is still whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the [module](self).
pub(super) struct Socket {
    recorded: WebSocketRecord,
    heard: Heard,
    /// The time between messages is kept.
    timed: bool,
    /// The message that is next, and how many the client had sent before it.
    next: u64,
    awaited: u64,
    /// When the last event was, by the recording and by now.
    last: Option<(Timestamp, Instant)>,
    closed: bool,
    done: bool,
}

enum Turn {
    Say(Message),
    Close,
}

impl Socket {
    pub(super) fn new(recorded: WebSocketRecord, heard: Heard, timed: bool) -> Self {
        Self {
            recorded,
            heard,
            timed,
            next: 0,
            awaited: 0,
            last: None,
            closed: false,
            done: false,
        }
    }

    /// The next frame.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Frame, ProxyError> {
        if self.done {
            return Ok(Frame::end());
        }
        if self.closed {
            // The client may still have something to say.
            self.heard
                .until(|state| (state.ended || state.close.is_some()).then_some(()))
                .await;
            self.done = true;
            return Ok(Frame::end());
        }
        let heard = self.heard.clone();
        let left = heard.until(|state| match &state.close {
            Some(close) => Some(Some(close.clone())),
            None => state.ended.then_some(None),
        });
        tokio::select! {
            biased;
            turn = self.turn() => match turn? {
                Turn::Say(message) => {
                    self.next += 1;
                    Ok(frame(opcode_of(message.kind), &message.content))
                }
                Turn::Close => Ok(self.close()),
            },
            close = left => Ok(match close {
                Some(payload) => {
                    (self.closed, self.done) = (true, true);
                    let mut frame = frame(opcode::CLOSE, &payload);
                    frame.end = true;
                    frame
                }
                None => {
                    self.done = true;
                    Frame::end()
                }
            }),
        }
    }

    /// What is to be said, once it is time for it.
    async fn turn(&mut self) -> Result<Turn, ProxyError> {
        while self.next < self.recorded.messages.len() {
            let message = self.read(self.next).await.map_err(ProxyError::Recording)?;
            let data = matches!(message.kind, MessageKind::Text | MessageKind::Binary);
            // Pongs answer pings, which are the peers' own; a close is known without its frame.
            let dropped = message.flags.contains(MessageFlags::DROPPED);
            let says = data || message.kind == MessageKind::Ping;
            if message.side == Side::Client && data {
                let awaited = self.awaited + 1;
                self.heard
                    .until(|state| (state.messages >= awaited).then_some(()))
                    .await;
                self.awaited = awaited;
                self.last = Some((message.timestamp, Instant::now()));
            } else if message.side == Side::Server && says && !dropped {
                let last = *self.last.get_or_insert((message.timestamp, Instant::now()));
                let gap = message.timestamp.since(last.0);
                if self.timed && !gap.is_zero() {
                    tokio::time::sleep_until(last.1 + gap).await;
                }
                self.last = Some((message.timestamp, Instant::now()));
                return Ok(Turn::Say(message));
            }
            self.next += 1;
        }
        if self.recorded.closed_by == Some(Side::Client) {
            // It is the client's to close.
            std::future::pending::<()>().await;
        }
        if let Some((at, when)) = self.last
            && let Some(end) = self.recorded.timestamp_end.filter(|_| self.timed)
        {
            tokio::time::sleep_until(when + end.since(at).min(LONG)).await;
        }
        Ok(Turn::Close)
    }

    async fn read(&self, number: u64) -> io::Result<Message> {
        match &self.recorded.messages {
            Messages::List(list) => usize::try_from(number)
                .ok()
                .and_then(|number| list.get(number).cloned())
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
            Messages::Lazy(messages) => {
                let messages = messages.clone();
                let read = tokio::task::spawn_blocking(move || messages.read(number)).await;
                read.map_err(io::Error::other).flatten()
            }
        }
    }

    fn close(&mut self) -> Frame {
        self.closed = true;
        let reason = self.recorded.close_reason.as_deref().unwrap_or_default();
        let code = self.recorded.close_code.map(u16::try_from);
        match code {
            None => frame(opcode::CLOSE, &close_payload(1000, "")),
            // It had none (RFC 6455 §7.1.5).
            Some(Ok(1005)) => frame(opcode::CLOSE, b""),
            // The connection was lost.
            Some(Ok(1006 | 1015) | Err(_)) => {
                self.done = true;
                Frame::end()
            }
            Some(Ok(code)) => frame(opcode::CLOSE, &close_payload(code, reason)),
        }
    }
}

/// Nobody has waited longer for a close.
const LONG: Duration = Duration::from_secs(24 * 3600);

fn opcode_of(kind: MessageKind) -> u8 {
    match kind {
        MessageKind::Binary => opcode::BINARY,
        MessageKind::Ping => opcode::PING,
        _ => opcode::TEXT,
    }
}

fn frame(opcode: u8, payload: &[u8]) -> Frame {
    Frame {
        data: [encode_message(opcode, payload, None)]
            .into_iter()
            .collect(),
        ..Frame::default()
    }
}
