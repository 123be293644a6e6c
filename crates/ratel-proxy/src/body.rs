//! Bodies that must be seen whole: collected, shown, and sent as they came or as they were replaced.

use bytes::{Bytes, BytesMut};
use ratel_core::addon::BodyNeeds;
use ratel_flow::{Timestamp, Version};
use ratel_proto::http1::framing;
use ratel_proto::{Frame, Framing, Headers};

use crate::error::ProxyError;

/// The largest body that is held back for an addon that can hardly do without it, in bytes.
const HOLD_MAX: usize = 256 * 1024 * 1024;

/// The largest body that is held back for an addon that can, in bytes.
pub(crate) const SMALL_MAX: usize = 16 * 1024 * 1024;

/// How much of a body is held back for addons that need it like that; `passes` is the size from which on bodies pass
/// whatever addons need.
pub(crate) fn hold_limit(needs: BodyNeeds, passes: Option<usize>) -> usize {
    let limit = if needs.large { HOLD_MAX } else { SMALL_MAX };
    passes.map_or(limit, |passes| limit.min(passes))
}

/// Bytes that are read ahead of a peer while nobody wants them, so that its end is noticed.
pub(crate) const AHEAD_MAX: usize = 64 * 1024;

/// What a peer did while nothing was wanted of it.
pub(crate) enum PeerEnd {
    /// It closed its side for sending and may still read.
    HalfClosed,
    /// It is gone.
    Gone(ProxyError),
}

/// Where the frames of a body come from.
pub(crate) trait FrameSource: Watch {
    /// The next frame if the bytes for it are there already.
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError>;

    /// The next frame.
    ///
    /// # Cancel safety
    /// Cancel safe: no byte is taken before the frame is returned.
    fn next(&mut self) -> impl Future<Output = Result<Frame, ProxyError>> + Send;

    /// Whether the last frame has been taken.
    fn is_done(&self) -> bool;

    /// When the newest bytes came in.
    fn received(&self) -> Timestamp;
}

/// A peer of which nothing is wanted for the moment.
pub(crate) trait Watch: Send {
    /// Waits for the peer to end the connection, or its side of it. What comes meanwhile is kept, up to a bound.
    ///
    /// # Cancel safety
    /// Cancel safe.
    fn watch(&mut self) -> impl Future<Output = PeerEnd> + Send;
}

/// Where the frames of a body go. Everything is queued until [`FrameSink::flush`].
pub(crate) trait FrameSink: Send {
    /// Queues a piece of the body.
    fn frame(&mut self, frame: Frame) -> Result<(), ProxyError>;

    /// Delivers what was queued, at the pace of whoever reads it.
    ///
    /// # Cancel safety
    /// What is not delivered yet stays queued.
    fn flush(&mut self) -> impl Future<Output = Result<(), ProxyError>> + Send;

    /// Delivers what was queued and tells the peer that nothing more will come; it may still send.
    fn shutdown(&mut self) -> impl Future<Output = Result<(), ProxyError>> + Send;
}

/// A collected body.
#[derive(Clone, Default)]
pub(crate) struct Held {
    /// The frames as they came, or one with the replacement.
    pub(crate) frames: Vec<Frame>,
    /// Their payload in one piece, if all of it is there.
    pub(crate) joined: Bytes,
}

/// Collects a body that is not known to be larger than `limit`. What there is of one that turns out to be is returned
/// too; `source` has the rest.
///
/// # Errors
/// When the body breaks off.
pub(crate) async fn collect(
    source: &mut impl FrameSource,
    limit: usize,
) -> Result<Held, ProxyError> {
    let mut frames = Vec::new();
    let mut size = 0_usize;
    while !source.is_done() {
        let frame = match source.ready()? {
            Some(frame) => frame,
            None => source.next().await?,
        };
        size += frame.len();
        frames.push(frame);
        if size > limit && !source.is_done() {
            return Ok(Held {
                frames,
                joined: Bytes::new(),
            });
        }
    }
    let joined = match &frames[..] {
        [frame] if frame.data.len() == 1 => frame.data[0].clone(),
        frames => {
            let mut joined = BytesMut::with_capacity(size);
            frames
                .iter()
                .flat_map(|f| &f.data)
                .for_each(|piece| joined.extend_from_slice(piece));
            joined.freeze()
        }
    };
    Ok(Held { frames, joined })
}

impl Held {
    /// Takes what the hooks left of the body. If it is another one, `headers` get its length and the new framing is
    /// returned; an untouched body keeps its frames, and so its exact form.
    pub(crate) fn replace(
        &mut self,
        body: Option<Bytes>,
        headers: &mut Headers,
        version: &Version,
    ) -> Option<Framing> {
        if self.is(body.as_ref()) {
            return None;
        }
        let body = body.unwrap_or_default();
        let trailers = self.trailers();
        Some(self.become_one(body, trailers, headers, version))
    }

    /// Whether it is that body; none is an empty one.
    pub(crate) fn is(&self, body: Option<&Bytes>) -> bool {
        let body = body.map(|body| &body[..]).unwrap_or_default();
        std::ptr::eq(body, &*self.joined) || *body == *self.joined
    }

    /// Makes it another body, with other trailers, or both; what is none stays.
    pub(crate) fn edit(
        &mut self,
        body: Option<Bytes>,
        trailers: Option<Headers>,
        headers: &mut Headers,
        version: &Version,
    ) -> Option<Framing> {
        if body.is_none() && trailers.is_none() {
            return None;
        }
        let body = body.unwrap_or_else(|| self.joined.clone());
        let trailers = trailers.or_else(|| self.trailers());
        let trailers = trailers.filter(|fields| !fields.is_empty());
        Some(self.become_one(body, trailers, headers, version))
    }

    fn trailers(&self) -> Option<Headers> {
        self.frames.last()?.trailers.clone()
    }

    fn become_one(
        &mut self,
        body: Bytes,
        trailers: Option<Headers>,
        headers: &mut Headers,
        version: &Version,
    ) -> Framing {
        let framing = if trailers.is_some() {
            unbound(headers, Framing::Length(0), version)
        } else {
            set_length(headers, body.len())
        };
        self.joined = body.clone();
        self.frames = vec![Frame {
            data: [body].into_iter().collect(),
            wire: None,
            trailers,
            end: true,
        }];
        framing
    }

    /// Whether its end is all there is of it, so that it may be said with the head.
    pub(crate) fn is_empty(&self) -> bool {
        let mut trailers = self
            .frames
            .iter()
            .filter_map(|frame| frame.trailers.as_ref());
        self.len() == 0 && trailers.next().is_none()
    }

    /// Payload bytes in the frames.
    pub(crate) fn len(&self) -> usize {
        self.frames.iter().map(Frame::len).sum()
    }
}

/// Makes `headers` announce a body whose length is not known ahead, in place of one with this framing.
pub(crate) fn unbound(headers: &mut Headers, framing: Framing, version: &Version) -> Framing {
    if !matches!(framing, Framing::Length(_) | Framing::None) {
        return framing;
    }
    headers.remove("content-length");
    match version {
        // Nothing has to be said for that.
        Version::Http2 | Version::Http3 => Framing::Chunked,
        // It knows no chunks (RFC 9112 §6.1).
        Version::Http10 => Framing::UntilClose,
        _ => {
            headers.set("transfer-encoding", b"chunked");
            Framing::Chunked
        }
    }
}

/// The length that a body announces.
pub(crate) fn announced(headers: &Headers) -> Option<u64> {
    framing::content_length(headers).ok().flatten()
}

/// Makes `headers` announce a body of `len` bytes.
pub(crate) fn set_length(headers: &mut Headers, len: usize) -> Framing {
    headers.remove("transfer-encoding");
    headers.set("content-length", len.to_string().as_bytes());
    Framing::Length(len as u64)
}
