//! A CONNECT stream as a byte stream (RFC 9113 §8.5).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use ratel_proto::Frame;
use ratel_proto::h2::Reason;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::mux::{Received, Stream};
use crate::error::ProxyError;
use crate::io::Io;

/// Bytes taken from one write.
const WRITE_MAX: usize = 64 * 1024;

/// See the [module](self).
pub(super) struct Tunnel {
    stream: Stream,
    /// Received and not read yet.
    rest: Bytes,
    ended: bool,
}

impl Tunnel {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            rest: Bytes::new(),
            ended: false,
        }
    }
}

fn broken(error: &ProxyError) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error.to_string())
}

impl Io for Tunnel {
    fn reset(&mut self) {
        self.stream.reset(Reason::CONNECT_ERROR);
    }

    fn is_reset(&mut self) -> bool {
        self.stream.failure().is_some()
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() && !self.ended {
            match self.stream.poll_receive(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(&error))),
                Poll::Ready(Ok(Received::Head(..))) => {}
                Poll::Ready(Ok(Received::Frame(frame))) => {
                    self.ended = frame.end;
                    if let Some(data) = frame.data.into_iter().next() {
                        self.rest = data;
                    }
                }
            }
        }
        let step = self.rest.len().min(buf.remaining());
        buf.put_slice(self.rest.get(..step).unwrap_or_default());
        self.rest.advance(step);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.stream.poll_flushed(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(&error))),
            Poll::Ready(Ok(())) => {}
        }
        let piece = Bytes::copy_from_slice(buf.get(..WRITE_MAX).unwrap_or(buf));
        let written = piece.len();
        let sent = self.stream.send_frame(Frame::data(piece));
        Poll::Ready(sent.map(|()| written).map_err(|error| broken(&error)))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.finish();
        self.stream.poll_flushed(cx).map_err(|error| broken(&error))
    }
}
