//! DNS over TCP: each message after its length (RFC 1035 §4.2.2).

use bytes::{Buf, BytesMut};
use ratel_flow::{Side, Timestamp};

use super::Piece;
use crate::context::{Context, Ends};
use crate::dns::Questions;

#[derive(Debug, Default)]
pub(crate) struct Dns {
    client: BytesMut,
    server: BytesMut,
    questions: Questions,
}

impl Dns {
    pub(super) fn data(&mut self, cx: &mut Context, ends: &mut Ends, piece: &Piece) {
        let buffer = match piece.side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        buffer.extend_from_slice(&piece.bytes);
        while let Some(len) = message(buffer) {
            buffer.advance(2);
            let message = buffer.split_to(len).freeze();
            self.questions.take(cx, ends, &message, piece.time);
        }
    }

    pub(super) fn finish(&mut self, cx: &mut Context, ends: &mut Ends, time: Timestamp) {
        self.questions.finish(cx, ends, time);
    }
}

/// The length of the message at the beginning, if it is all there. No more than 64 KiB are ever waited for.
pub(super) fn message(buffer: &[u8]) -> Option<usize> {
    let len = usize::from(u16::from_be_bytes(*buffer.first_chunk()?));
    (buffer.len() >= len + 2).then_some(len)
}
