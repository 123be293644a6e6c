//! WebSocket frames against the crate `tungstenite`: what either says, the other understands, and both refuse alike.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use bytes::BytesMut;
use proptest::prelude::*;
use ratel_proto::websocket::{
    Assembler, FrameDecoder, FrameHead, MessageType, Peer, Step, WsError, close_payload,
    encode_message, mask, opcode, parse_close,
};
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Error, Message};

/// What is to be read, and what was written.
#[derive(Default)]
struct Wire {
    input: VecDeque<u8>,
    output: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.input.is_empty() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.input.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.output.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message, in the words of either.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, Vec<u8>),
}

/// What `tungstenite` hears, up to a close, and what it finds wrong with that.
fn theirs(from: Peer, wire: &[u8]) -> (Vec<Said>, Option<Error>) {
    let role = match from {
        Peer::Client => Role::Server,
        Peer::Server => Role::Client,
    };
    let input = wire.iter().copied().collect();
    let wire = Wire {
        input,
        output: Vec::new(),
    };
    let mut socket = WebSocket::from_raw_socket(wire, role, None);
    let mut heard = Vec::new();
    loop {
        heard.push(match socket.read() {
            Ok(Message::Text(text)) => Said::Text(text.as_bytes().to_vec()),
            Ok(Message::Binary(data)) => Said::Binary(data.to_vec()),
            Ok(Message::Ping(data)) => Said::Ping(data.to_vec()),
            Ok(Message::Pong(data)) => Said::Pong(data.to_vec()),
            Ok(Message::Close(frame)) => {
                heard.push(match frame {
                    Some(frame) => Said::Close(frame.code.into(), frame.reason.as_bytes().to_vec()),
                    None => Said::Close(1005, Vec::new()),
                });
                return (heard, None);
            }
            Ok(Message::Frame(_)) => unreachable!("reading gives none"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (heard, None);
            }
            // A frame that it will not hold: as if its rest had not come yet.
            Err(Error::Capacity(_)) => return (heard, None),
            Err(error) => return (heard, Some(error)),
        });
    }
}

/// What the codec hears, up to a close.
fn ours(from: Peer, wire: &[u8], piece: usize) -> (Vec<Said>, Option<WsError>) {
    let (mut decoder, mut assembler) = (FrameDecoder::new(from, 0), Assembler::new(None));
    let (mut buf, mut heard) = (BytesMut::new(), Vec::new());
    let (mut kind, mut content, mut closed) = (MessageType::Binary, Vec::new(), false);
    for piece in wire.chunks(piece) {
        buf.extend_from_slice(piece);
        loop {
            let part = match decoder.next(&mut buf) {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(error) => return (heard, Some(error)),
            };
            let taken = assembler.take(&part, &mut |step| match step {
                Step::Begin(of) => kind = of,
                Step::Data(data) => content.extend_from_slice(&data),
                Step::End { .. } => heard.push(match kind {
                    MessageType::Text => Said::Text(std::mem::take(&mut content)),
                    MessageType::Binary => Said::Binary(std::mem::take(&mut content)),
                }),
                Step::Control { opcode, payload } => heard.push(match opcode {
                    opcode::CLOSE => {
                        closed = true;
                        let (code, reason) = parse_close(&payload);
                        Said::Close(code, reason.to_vec())
                    }
                    opcode::PING => Said::Ping(payload.to_vec()),
                    _ => Said::Pong(payload.to_vec()),
                }),
            });
            if let Err(error) = taken {
                return (heard, Some(error));
            }
            if closed {
                return (heard, None);
            }
        }
    }
    (heard, None)
}

fn said() -> impl Strategy<Value = Said> {
    let short = || prop::collection::vec(any::<u8>(), 0..126);
    prop_oneof![
        ".{0,200}".prop_map(|text: String| Said::Text(text.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..500).prop_map(Said::Binary),
        Just(Said::Binary(vec![7; 70_000])),
        short().prop_map(Said::Ping),
        short().prop_map(Said::Pong),
    ]
}

/// The frames of a message; text and binary in so many of them.
fn frames(said: &Said, key: Option<[u8; 4]>, fragments: usize) -> Vec<u8> {
    let (code, payload) = match said {
        Said::Text(text) => (opcode::TEXT, text.clone()),
        Said::Binary(data) => (opcode::BINARY, data.clone()),
        Said::Ping(data) => (opcode::PING, data.clone()),
        Said::Pong(data) => (opcode::PONG, data.clone()),
        Said::Close(code, reason) => {
            let reason = std::str::from_utf8(reason).expect("ours is text");
            (opcode::CLOSE, close_payload(*code, reason).to_vec())
        }
    };
    if code & 8 != 0 || fragments < 2 || payload.is_empty() {
        return encode_message(code, &payload, key).to_vec();
    }
    let mut out = BytesMut::new();
    let pieces: Vec<_> = payload.chunks(payload.len().div_ceil(fragments)).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let head = FrameHead {
            fin: index + 1 == pieces.len(),
            rsv: 0,
            opcode: if index == 0 {
                code
            } else {
                opcode::CONTINUATION
            },
            mask: key,
            len: piece.len() as u64,
        };
        head.encode(&mut out);
        let from = out.len();
        out.extend_from_slice(piece);
        if let Some(key) = key {
            mask(&mut out[from..], key, 0);
        }
    }
    out.to_vec()
}

fn key(from: Peer) -> Option<[u8; 4]> {
    (from == Peer::Client).then_some([0x9a, 0x3c, 0, 0xff])
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![Just(Peer::Client), Just(Peer::Server)]
}

proptest! {
    #[test]
    fn tungstenite_hears_what_was_said(
        all in prop::collection::vec((said(), 1_usize..4), 0..8),
        from in peer(),
    ) {
        let mut wire = Vec::new();
        let mut expected: Vec<_> = all.iter().map(|(said, _)| said.clone()).collect();
        for (said, fragments) in &all {
            wire.extend(frames(said, key(from), *fragments));
        }
        let bye = Said::Close(1001, b"bye".to_vec());
        wire.extend(frames(&bye, key(from), 1));
        expected.push(bye);
        let (heard, error) = theirs(from, &wire);
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert_eq!(heard, expected);
    }

    #[test]
    fn what_tungstenite_says_is_heard(
        all in prop::collection::vec(said(), 0..8),
        (from, piece) in (peer(), 1_usize..3000),
    ) {
        let role = match from {
            Peer::Client => Role::Client,
            Peer::Server => Role::Server,
        };
        let mut socket = WebSocket::from_raw_socket(Wire::default(), role, None);
        for said in &all {
            let message = match said.clone() {
                Said::Text(text) => Message::text(String::from_utf8(text).unwrap()),
                Said::Binary(data) => Message::binary(data),
                Said::Ping(data) => Message::Ping(data.into()),
                Said::Pong(data) => Message::Pong(data.into()),
                Said::Close(..) => unreachable!("none is made"),
            };
            socket.send(message).unwrap();
        }
        let bye = CloseFrame { code: CloseCode::Away, reason: "bye".into() };
        socket.close(Some(bye)).unwrap();
        let mut expected = all;
        expected.push(Said::Close(1001, b"bye".to_vec()));
        let (heard, error) = ours(from, &socket.get_ref().output, piece);
        prop_assert_eq!(error, None);
        prop_assert_eq!(heard, expected);
    }

    /// Broken frames: what stands before the mistake is heard by both, and nobody hears more than the other.
    #[test]
    fn both_refuse_the_same(
        all in prop::collection::vec((said().prop_filter("short", |s| !matches!(s, Said::Binary(d) if d.len() > 500)), 1_usize..4), 1..5),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..4),
        (from, at_heads) in (peer(), any::<bool>()),
    ) {
        let (mut wire, mut heads) = (Vec::new(), Vec::new());
        for (said, fragments) in &all {
            heads.extend([wire.len(), wire.len() + 1]);
            wire.extend(frames(said, key(from), *fragments));
        }
        for (at, bit) in damage {
            let at = if at_heads { heads[at.index(heads.len())] } else { at.index(wire.len()) };
            wire[at] ^= 1 << bit;
        }
        let (heard, refused) = ours(from, &wire, wire.len());
        let (they_heard, they_refused) = theirs(from, &wire);
        if refused == Some(WsError::Length) {
            // They take lengths in any form.
            prop_assert!(they_heard.starts_with(&heard));
            return Ok(());
        }
        match they_refused {
            // A close whose code or reason is not allowed is passed on as it came.
            Some(error) if refused.is_none() => {
                let Some((Said::Close(..), before)) = heard.split_last() else {
                    panic!("{error} is no mistake here: {heard:?}");
                };
                prop_assert_eq!(before, &they_heard[..]);
            }
            // Mistakes are seen before the frame is complete, so they may still be waiting.
            _ => match (heard.last(), they_heard.last()) {
                // Codes that are not allowed are replaced by them.
                (Some(Said::Close(..)), Some(Said::Close(..))) => {
                    prop_assert_eq!(heard.len(), they_heard.len());
                }
                _ => prop_assert_eq!(heard, they_heard),
            },
        }
    }
}
