//! The sending half: heads, data in turn, trailers, resets.

use bytes::{Bytes, BytesMut};

use super::Connection;
use crate::Headers;
use crate::h2::frame::{self, FrameHeader, FrameKind, StreamId, flags, put_header};
use crate::h2::hpack::Encoder;
use crate::h2::stream::{Send, Stream};
use crate::h2::{Flood, Output, Reason, Role, SendError};
use crate::headers::FieldRef;

/// Queued data waits while the output has this much, in bytes: what is in it can't be overtaken.
const OUTPUT_MAX: usize = 256 * 1024;

/// The largest DATA payload that is sent, in bytes, even if the peer takes more: other streams wait for it.
const DATA_MAX: usize = 64 * 1024;

impl Connection {
    /// Sends a head, informational ones included: first `pseudo`, then `headers`, names as they are. Fields that are
    /// [never indexed](FieldRef::never_indexed) stay so; credentials always are. The name of a field that is to be
    /// known by the peer must be in lower case (RFC 9113 §8.2.1), which is up to the caller.
    ///
    /// # Errors
    /// When the stream's state does not allow it; nothing is sent then.
    pub fn send_headers<'a, P>(
        &mut self,
        id: StreamId,
        pseudo: P,
        headers: &Headers,
        end: bool,
    ) -> Result<(), SendError>
    where
        P: IntoIterator<Item: Into<FieldRef<'a>>>,
    {
        let client = self.config.role == Role::Client;
        let stream = self.streams.get_mut(id).ok_or(SendError::Closed)?;
        match stream.send {
            _ if self.failed.is_some() => return Err(SendError::Closed),
            Send::Nothing if client && id < self.last_used => {
                self.close(id);
                return Err(SendError::OutOfOrder);
            }
            Send::Nothing | Send::Head => {}
            Send::Data => return Err(SendError::AfterData),
            Send::Ending(_) | Send::Ended => return Err(SendError::Ended),
        }
        stream.send = if end { Send::Ended } else { Send::Head };
        self.last_used = self.last_used.max(id);
        let (encoder, max) = (&mut self.encoder, self.peer.max_frame_size as usize);
        self.output.write(|out| {
            put_fields(out, id, end, max, encoder, |out, encoder| {
                let pseudo = pseudo.into_iter().map(Into::into);
                pseudo.for_each(|field| encoder.field(out, field));
                headers.fields().for_each(|field| encoder.field(out, field));
            });
        });
        if end {
            self.close_if_over(id);
        }
        Ok(())
    }

    /// Sends a part of the content; it is queued as far as windows or the output have no room. It is accepted whatever
    /// its size: callers look at [`queued`](Self::queued) and wait for [`Event::Writable`](super::Event::Writable).
    /// Empty data does nothing but end the stream, if `end` says so.
    ///
    /// # Errors
    /// When the stream's state does not allow it; nothing is sent then.
    pub fn send_data(&mut self, id: StreamId, mut data: Bytes, end: bool) -> Result<(), SendError> {
        let max = self.data_max();
        let stream = self.sending(id)?;
        if data.is_empty() && !end {
            return Ok(());
        }
        stream.send = if end { Send::Ending(None) } else { Send::Data };
        // Ahead of others only when nobody waits; an end without data needs no room.
        let only_end = data.is_empty();
        if (self.ready.is_empty() || only_end)
            && let Some(stream) = self.streams.get_mut(id)
            && stream.queue.len() == 0
        {
            while self.output.len() < OUTPUT_MAX || only_end {
                let window = stream
                    .send_window
                    .available()
                    .min(self.send_window.available());
                let n = data.len().min(window).min(max);
                if n == 0 && !only_end {
                    break;
                }
                let last = n == data.len();
                put_data_header(&mut self.output, id, n, last && end);
                self.output.payload(data.split_to(n));
                stream.send_window.take(n);
                self.send_window.take(n);
                self.idle_frames
                    .earn(self.config.limits.idle_frames_per_useful);
                if last {
                    if end {
                        stream.send = Send::Ended;
                        self.close_if_over(id);
                    }
                    return Ok(());
                }
            }
        }
        self.enqueue(id, data);
        Ok(())
    }

    /// Sends fields after the content, when all of it has left, and ends the stream.
    ///
    /// # Errors
    /// When the stream's state does not allow it; nothing is sent then.
    pub fn send_trailers(&mut self, id: StreamId, headers: &Headers) -> Result<(), SendError> {
        let stream = self.sending(id)?;
        if stream.queue.len() > 0 {
            // Encoded when they are sent: header blocks must be in order.
            stream.send = Send::Ending(Some(Box::new(headers.clone())));
        } else {
            stream.send = Send::Ended;
            self.put_trailers(id, headers);
            self.close_if_over(id);
        }
        Ok(())
    }

    /// Resets a stream and drops what is queued for it. Does nothing when it is closed.
    pub fn reset(&mut self, id: StreamId, reason: Reason) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        if self.failed.is_some() {
            return;
        }
        let unknown = matches!(stream.send, Send::Nothing) && self.config.role == Role::Client;
        self.close(id);
        // A stream that the peer has not heard of can't be reset.
        if !unknown {
            self.put_reset(id, reason);
        }
    }

    /// Moves queued data into the output, a frame of each stream in turn, while windows allow and the output holds less
    /// than 256 KiB. To be called before writing. Makes [`event`](Self::event)s.
    pub fn pump(&mut self) {
        while self.output.len() < OUTPUT_MAX && self.send_window.available() > 0 {
            let Some(id) = self.ready.pop_front() else {
                return;
            };
            self.send_turn(id);
        }
    }

    /// Sends one frame of a stream's data, and what follows when that was the last.
    fn send_turn(&mut self, id: StreamId) {
        let max = self.data_max().min(self.send_window.available());
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        stream.in_turn = false;
        let n = stream
            .queue
            .len()
            .min(stream.send_window.available())
            .min(max);
        if n == 0 {
            return;
        }
        let last = n == stream.queue.len();
        let end = last && matches!(stream.send, Send::Ending(None));
        put_data_header(&mut self.output, id, n, end);
        let rest = stream.queue.len() - n;
        while stream.queue.len() > rest {
            let part = stream.queue.take_first(stream.queue.len() - rest);
            self.output.payload(part);
        }
        stream.send_window.take(n);
        self.send_window.take(n);
        self.idle_frames
            .earn(self.config.limits.idle_frames_per_useful);
        let tell = (last && stream.tell_drained)
            || (stream.tell_low && stream.queue.len() <= self.config.low_water);
        if tell {
            stream.tell_low = false;
            stream.tell_drained &= !last;
            if !std::mem::replace(&mut stream.telling, true) {
                self.writable.push_back(id);
            }
        }
        if stream.can_send() {
            stream.in_turn = true;
            self.ready.push_back(id);
        }
        if last && let Send::Ending(trailers) = &mut stream.send {
            let trailers = trailers.take();
            stream.send = Send::Ended;
            if let Some(trailers) = trailers {
                self.put_trailers(id, &trailers);
            }
            self.close_if_over(id);
        }
    }

    /// Lets a stream send when it can and does not wait for its turn already.
    pub(super) fn schedule(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(id)
            && stream.can_send()
            && !std::mem::replace(&mut stream.in_turn, true)
        {
            self.ready.push_back(id);
        }
    }

    fn enqueue(&mut self, id: StreamId, data: Bytes) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.queue.push(data);
            stream.tell_drained = true;
            stream.tell_low = stream.queue.len() > self.config.low_water;
        }
        self.schedule(id);
    }

    /// The stream, if data or trailers may be sent on it.
    fn sending(&mut self, id: StreamId) -> Result<&mut Stream, SendError> {
        if self.failed.is_some() {
            return Err(SendError::Closed);
        }
        let stream = self.streams.get_mut(id).ok_or(SendError::Closed)?;
        match stream.send {
            Send::Head | Send::Data => Ok(stream),
            Send::Nothing => Err(SendError::NoHead),
            Send::Ending(_) | Send::Ended => Err(SendError::Ended),
        }
    }

    fn data_max(&self) -> usize {
        (self.peer.max_frame_size as usize).min(DATA_MAX)
    }

    fn put_trailers(&mut self, id: StreamId, headers: &Headers) {
        let (encoder, max) = (&mut self.encoder, self.peer.max_frame_size as usize);
        self.output.write(|out| {
            put_fields(out, id, true, max, encoder, |out, encoder| {
                headers.fields().for_each(|field| encoder.field(out, field));
            });
        });
    }

    /// Sends RST_STREAM, and remembers it.
    pub(super) fn put_reset(&mut self, id: StreamId, reason: Reason) {
        self.streams.was_reset(id, true);
        self.answer(|out| frame::put_reset(out, id, reason));
    }

    /// Sends what the peer has provoked. It is bounded, in case that the peer does not read.
    pub(super) fn answer(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let (total, written) = (self.output.total(), self.output.written());
        self.output.write(write);
        if self.unread.add(total, written) > self.config.limits.answers {
            self.flood = Some(Flood::Answers);
        }
    }
}

fn put_data_header(output: &mut Output, id: StreamId, len: usize, end: bool) {
    let flags = if end { flags::END_STREAM } else { 0 };
    output.write(|out| put_header(out, FrameKind::DATA, flags, id, len));
}

/// Appends a header block in as many frames as it takes.
fn put_fields(
    out: &mut BytesMut,
    id: StreamId,
    end: bool,
    max: usize,
    encoder: &mut Encoder,
    encode: impl FnOnce(&mut BytesMut, &mut Encoder),
) {
    let start = out.len();
    let content = start + FrameHeader::LEN;
    let end_stream = if end { flags::END_STREAM } else { 0 };
    put_header(out, FrameKind::HEADERS, end_stream, id, 0);
    encoder.begin(out);
    encode(out, encoder);
    let len = out.len() - content;
    let rest = (len > max).then(|| out.split_off(content + max));
    let header = FrameHeader {
        len: len.min(max) as u32,
        kind: FrameKind::HEADERS,
        flags: end_stream
            | if rest.is_none() {
                flags::END_HEADERS
            } else {
                0
            },
        id,
    };
    if let Some(place) = out.get_mut(start..content) {
        place.copy_from_slice(&header.to_bytes());
    }
    let Some(rest) = rest else {
        return;
    };
    let mut parts = rest.chunks(max).peekable();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_none() {
            flags::END_HEADERS
        } else {
            0
        };
        put_header(out, FrameKind::CONTINUATION, flags, id, part.len());
        out.extend_from_slice(part);
    }
}
