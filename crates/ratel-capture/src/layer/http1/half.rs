//! One direction of HTTP/1: what has come and is not understood yet.

use bytes::{Bytes, BytesMut};
use ratel_flow::{Headers, Side, Timestamp};
use ratel_proto::Framing;
use ratel_proto::http1::{
    BodyDecoder, BodyError, HeadError, HeadLimits, HeadReader, RequestHead, ResponseHead,
    parse_request, parse_response,
};

use super::super::Piece;
use super::super::exchange::Exchange;
use crate::context::{Context, Gap};
use crate::gauge::Share;

#[derive(Debug)]
pub(super) struct Half {
    buffer: BytesMut,
    head: HeadReader,
    /// Of the body that is being read.
    decoder: Option<BodyDecoder>,
    /// That body ends with the connection.
    until_close: bool,
    /// When the first byte of the buffer came.
    pub(super) since: Timestamp,
    /// When the last one came.
    pub(super) last: Timestamp,
    /// The side is done.
    pub(super) ended: bool,
    /// It is not known where a message begins.
    pub(super) lost: bool,
    share: Share,
}

impl Half {
    pub(super) fn new(cx: &Context) -> Self {
        Self {
            buffer: BytesMut::new(),
            head: HeadReader::new(HeadLimits::default()),
            decoder: None,
            until_close: false,
            since: Timestamp::default(),
            last: Timestamp::default(),
            ended: false,
            lost: false,
            share: cx.gauge.share(),
        }
    }

    pub(super) fn push(&mut self, piece: &Piece) {
        if self.buffer.is_empty() {
            self.since = piece.time;
        }
        self.last = piece.time;
        self.buffer.extend_from_slice(&piece.bytes);
        self.share.set(self.buffer.len());
    }

    /// What has come. What is taken from its front is understood.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// The next request head. It has its bytes for itself: those of the buffer would keep the bodies around it.
    pub(super) fn request(&mut self) -> Result<Option<RequestHead>, HeadError> {
        let Some(head) = self.head.request(&mut self.buffer)? else {
            return Ok(None);
        };
        self.took(true);
        parse_request(whole(&head.line, &head.headers)).map(Some)
    }

    /// The next response head, likewise.
    pub(super) fn response(&mut self) -> Result<Option<ResponseHead>, HeadError> {
        let Some(head) = self.head.response(&mut self.buffer)? else {
            return Ok(None);
        };
        self.took(true);
        parse_response(whole(&head.line, &head.headers)).map(Some)
    }

    /// A body with this framing comes next.
    pub(super) fn begin(&mut self, framing: Framing) {
        self.decoder = Some(BodyDecoder::new(framing));
        self.until_close = framing == Framing::UntilClose;
    }

    fn took(&mut self, something: bool) {
        if something {
            // What is left came with the last bytes, as good as always.
            self.since = self.last;
            self.share.set(self.buffer.len());
        }
    }

    /// Takes as much as there is of the body of a message; whether that was anything.
    pub(super) fn body(&mut self, exchange: &mut Exchange, side: Side) -> Result<bool, BodyError> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(false);
        };
        let Some(frame) = decoder.decode(&mut self.buffer, self.ended)? else {
            return Ok(false);
        };
        frame.data.iter().for_each(|data| exchange.push(side, data));
        let record = &mut exchange.record;
        let (trailers, end, done) = match side {
            Side::Client => (
                &mut record.request_trailers,
                &mut record.request_end,
                &mut exchange.request_done,
            ),
            Side::Server => (
                &mut record.response_trailers,
                &mut record.response_end,
                &mut exchange.response_done,
            ),
        };
        *trailers = frame.trailers.or(trailers.take());
        if frame.end {
            (*end, *done) = (Some(self.last), true);
            self.decoder = None;
        }
        self.took(true);
        Ok(true)
    }

    /// Passes over bytes that are not there, if they can only be a part of the body.
    pub(super) fn skip(&mut self, gap: Gap, time: Timestamp) -> bool {
        let Some(decoder) = self.decoder.as_mut().filter(|_| self.buffer.is_empty()) else {
            return false;
        };
        let left = match decoder.remaining() {
            // Nothing is to come that could be missing.
            Some(0) => None,
            // How much of it is left would be a guess.
            Some(_) if gap.sealed => None,
            Some(remaining) => remaining.checked_sub(gap.len).map(Framing::Length),
            None if self.until_close => Some(Framing::UntilClose),
            None => None,
        };
        if let Some(left) = left {
            *decoder = BodyDecoder::new(left);
            self.last = time;
        }
        left.is_some()
    }

    /// It is no longer known where a message begins.
    pub(super) fn lose(&mut self) {
        self.buffer.clear();
        self.head = HeadReader::new(HeadLimits::default());
        self.decoder = None;
        self.lost = true;
        self.share.set(0);
    }
}

/// A head as it came.
fn whole(line: &[u8], headers: &Headers) -> Bytes {
    [line, &headers.to_wire(), headers.end()].concat().into()
}
