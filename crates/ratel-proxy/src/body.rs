//! Bodies that must be seen whole: collected, shown, and sent as they came or as they were replaced.

use bytes::{Bytes, BytesMut};
use ratel_flow::Timestamp;
use ratel_proto::{Frame, Framing, Headers};

use crate::error::ProxyError;

/// The largest body that is held back for an addon that needs it whole, in bytes.
const HOLD_MAX: usize = 256 * 1024 * 1024;

/// Where the frames of a body come from.
pub(crate) trait FrameSource: Send {
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
pub(crate) struct Held {
    /// The frames as they came, or one with the replacement.
    pub(crate) frames: Vec<Frame>,
    /// Their payload in one piece.
    pub(crate) joined: Bytes,
}

/// Collects a body, up to 256 MiB.
pub(crate) async fn collect(source: &mut impl FrameSource) -> Result<Held, ProxyError> {
    let mut frames = Vec::new();
    let mut size = 0_usize;
    while !source.is_done() {
        let frame = match source.ready()? {
            Some(frame) => frame,
            None => source.next().await?,
        };
        size += frame.len();
        if size > HOLD_MAX {
            return Err(ProxyError::TooLargeToHold { limit: HOLD_MAX });
        }
        frames.push(frame);
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
    ) -> Option<Framing> {
        let body = body.unwrap_or_default();
        if body == self.joined {
            return None;
        }
        let framing = set_length(headers, body.len());
        self.joined = body.clone();
        self.frames = vec![Frame {
            data: [body].into_iter().collect(),
            wire: None,
            trailers: None,
            end: true,
        }];
        Some(framing)
    }
}

/// Makes `headers` announce a body of `len` bytes.
pub(crate) fn set_length(headers: &mut Headers, len: usize) -> Framing {
    headers.remove("transfer-encoding");
    headers.set("content-length", len.to_string().as_bytes());
    Framing::Length(len as u64)
}
