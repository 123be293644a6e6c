//! Buffered halves of a connection: what every protocol adapter reads from and writes to.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use ratel_core::clock;
use ratel_flow::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::tls::{ClientTls, ServerTls};

/// A byte stream in both directions: a socket, TLS over one, or a pipe in a test.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes the peer see that what it gets is not complete: the connection is reset when it is dropped, without a
    /// goodbye.
    fn reset(&mut self);

    /// Whether the peer has reset the connection. Looks without waiting; a socket says so once.
    fn is_reset(&mut self) -> bool;
}

impl Io for TcpStream {
    fn reset(&mut self) {
        // Refused only by a socket that is closed already.
        let _ = self.set_zero_linger();
    }

    fn is_reset(&mut self) -> bool {
        matches!(self.take_error(), Ok(Some(_)))
    }
}

#[cfg(test)]
impl Io for tokio::io::DuplexStream {
    fn reset(&mut self) {}

    fn is_reset(&mut self) -> bool {
        false
    }
}

/// Any byte stream. The cost of the indirection is a call, next to a system call.
pub(crate) type BoxIo = Box<dyn Io>;

/// Bytes asked for by the first read of a message; enough for most heads with their body.
const READ_MIN: usize = 8 * 1024;
/// Bytes asked for at once when a peer keeps filling the buffer: large bodies then cost few system calls.
const READ_MAX: usize = 256 * 1024;
/// Pieces up to this size are copied into one buffer before writing; larger ones are written from where they are.
const COPY_MAX: usize = 4 * 1024;
/// Pieces handed to one vectored write.
const SLICES: usize = 16;

/// When bytes last came in on either side of a client's connection, for the idle time-out. Counts the runtime's time,
/// which tests can turn.
#[derive(Debug)]
pub(crate) struct Activity {
    start: Instant,
    last_millis: AtomicU64,
    /// Parts of exchanges that wait for a person.
    paused: AtomicUsize,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            last_millis: AtomicU64::new(0),
            paused: AtomicUsize::new(0),
        }
    }
}

impl Activity {
    /// Bytes came in, or a new stage has begun.
    pub(crate) fn touch(&self) {
        // 2^64 ms are half a billion years.
        self.last_millis
            .store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Nobody is silent while a person has the word, which is until this is dropped.
    pub(crate) fn pause(self: &Arc<Self>) -> Pause {
        self.paused.fetch_add(1, Ordering::Relaxed);
        Pause(self.clone())
    }

    /// How long nothing has come in.
    pub(crate) fn silent(&self) -> Duration {
        if self.paused.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        self.start.elapsed().saturating_sub(Duration::from_millis(
            self.last_millis.load(Ordering::Relaxed),
        ))
    }
}

/// See [`Activity::pause`].
#[derive(Debug)]
pub(crate) struct Pause(Arc<Activity>);

impl Drop for Pause {
    fn drop(&mut self) {
        self.0.touch();
        self.0.paused.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The reading half with what was read ahead.
pub(crate) struct Reader {
    io: Half,
    /// Bytes read and not yet taken by a decoder.
    pub(crate) buf: BytesMut,
    eof: bool,
    next_read: usize,
    last_read: Timestamp,
    activity: Arc<Activity>,
}

/// The writing half with what is to be written.
pub(crate) struct Writer {
    io: Half,
    queue: VecDeque<Bytes>,
    /// Small pieces after everything in `queue`.
    tail: BytesMut,
}

/// Splits a stream; `ahead` was read from it already.
pub(crate) fn split(io: BoxIo, ahead: BytesMut, activity: Arc<Activity>) -> (Reader, Writer) {
    let vectored = io.is_write_vectored();
    let shared = Arc::new(Shared {
        io: Mutex::new(io),
        vectored,
    });
    (
        Reader {
            io: Half(shared.clone()),
            buf: ahead,
            eof: false,
            next_read: READ_MIN,
            last_read: clock::now(),
            activity,
        },
        Writer {
            io: Half(shared),
            queue: VecDeque::new(),
            tail: BytesMut::new(),
        },
    )
}

/// Puts the halves together again, with what was read ahead. Pieces not yet flushed are lost: flush first.
pub(crate) fn unsplit(reader: Reader, writer: Writer) -> (BoxIo, BytesMut) {
    drop(writer.io);
    let io: BoxIo = match Arc::try_unwrap(reader.io.0) {
        Ok(shared) => shared
            .io
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner),
        // It would be of another stream's halves, and works as it is.
        Err(shared) => Box::new(Half(shared)),
    };
    (io, reader.buf)
}

/// One of two that read and write the same stream, and may be asked about it.
struct Half(Arc<Shared>);

struct Shared {
    io: Mutex<BoxIo>,
    vectored: bool,
}

impl Half {
    fn io(&self) -> MutexGuard<'_, BoxIo> {
        // A panic elsewhere leaves a stream that is still whole.
        self.0.io.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Io for Half {
    fn reset(&mut self) {
        self.io().reset();
    }

    fn is_reset(&mut self) -> bool {
        self.io().is_reset()
    }
}

impl AsyncRead for Half {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Half {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.vectored
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io()).poll_shutdown(cx)
    }
}

impl Reader {
    /// Reads more bytes into [`Reader::buf`]; 0 once the peer has closed its side.
    ///
    /// # Cancel safety
    /// Cancel safe: bytes are either in the buffer or not yet read.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        if self.eof {
            return Ok(0);
        }
        self.buf.reserve(self.next_read);
        let room = self.buf.capacity() - self.buf.len();
        let read = match self.io.read_buf(&mut self.buf).await {
            // TLS without a proper goodbye, as many servers end it. Whether that cut a message short is for its
            // framing to say (RFC 9112 §9.8).
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        self.last_read = clock::now();
        self.activity.touch();
        self.eof = read == 0;
        if read == room {
            self.next_read = (room * 2).min(READ_MAX);
        } else if read < READ_MIN {
            self.next_read = READ_MIN;
        }
        Ok(read)
    }

    /// Whether the peer has closed its side and everything before that was read.
    pub(crate) fn is_eof(&self) -> bool {
        self.eof
    }

    /// When the newest bytes came in.
    pub(crate) fn last_read(&self) -> Timestamp {
        self.last_read
    }

    /// Whether the peer is still there: false when it has closed, or sent something nobody waits for.
    /// Looks without waiting.
    pub(crate) fn is_quiet(&mut self) -> bool {
        if self.eof || !self.buf.is_empty() {
            return false;
        }
        let mut byte = [0; 1];
        let mut probe = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        Pin::new(&mut self.io)
            .poll_read(&mut cx, &mut probe)
            .is_pending()
    }

    /// Gives back the memory of an empty buffer, since the connection may now be idle for long.
    pub(crate) fn rest(&mut self) {
        if self.buf.is_empty() && self.buf.capacity() > READ_MIN {
            self.buf = BytesMut::new();
        }
        self.next_read = READ_MIN;
    }
}

impl Writer {
    /// Adds a copy of `bytes` to what the next flush writes.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// The buffer to which encoders append what the next flush writes.
    pub(crate) fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Adds `bytes` to what the next flush writes, without a copy when they are many.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.len() <= COPY_MAX {
            return self.put(&bytes);
        }
        if !self.tail.is_empty() {
            self.queue.push_back(self.tail.split().freeze());
        }
        self.queue.push_back(bytes);
    }

    /// Writes everything added so far and waits until the stream has taken it.
    ///
    /// # Cancel safety
    /// What was written is not written again after a cancelled call; the rest is kept for the next one.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while self.queue.is_empty() && !self.tail.is_empty() {
            let written = self.io.write(&self.tail).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.tail.advance(written);
        }
        if !self.queue.is_empty() {
            if !self.tail.is_empty() {
                self.queue.push_back(self.tail.split().freeze());
            }
            self.flush_queue().await?;
        }
        self.tail.clear();
        self.io.flush().await
    }

    async fn flush_queue(&mut self) -> io::Result<()> {
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self
                .queue
                .iter()
                .take(SLICES)
                .zip(&mut slices)
                .map(|(b, s)| *s = IoSlice::new(b))
                .count();
            let mut written = self.io.write_vectored(&slices[..filled]).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            while let Some(front) = self.queue.front_mut() {
                let step = written.min(front.len());
                front.advance(step);
                written -= step;
                if !front.is_empty() {
                    break;
                }
                self.queue.pop_front();
            }
        }
        Ok(())
    }

    /// Whether the peer has reset the connection. Looks without waiting.
    pub(crate) fn is_reset(&mut self) -> bool {
        self.io.is_reset()
    }

    /// Tells the peer that nothing more will come; it may still send.
    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.io.shutdown().await
    }
}

/// A stream that gives back bytes that were read from it before, then goes on.
pub(crate) struct Rewind {
    ahead: BytesMut,
    io: BoxIo,
}

impl Rewind {
    pub(crate) fn new(ahead: BytesMut, io: BoxIo) -> Self {
        Self { ahead, io }
    }
}

impl Io for Rewind {
    fn reset(&mut self) {
        self.io.reset();
    }

    fn is_reset(&mut self) -> bool {
        self.io.is_reset()
    }
}

impl Io for ClientTls<Box<Rewind>> {
    fn reset(&mut self) {
        self.inner().reset();
    }

    fn is_reset(&mut self) -> bool {
        self.inner().is_reset()
    }
}

impl Io for ServerTls<BoxIo> {
    fn reset(&mut self) {
        self.inner().reset();
    }

    fn is_reset(&mut self) -> bool {
        self.inner().is_reset()
    }
}

impl AsyncRead for Rewind {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let step = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead.split_to(step));
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewind {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (BoxIo, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        (Box::new(ours), theirs)
    }

    #[tokio::test]
    async fn pieces_large_and_small_leave_in_order() {
        let (ours, mut theirs) = pair();
        let (_, mut writer) = split(ours, BytesMut::new(), Arc::default());
        let mut expected = Vec::new();
        for (i, len) in [3, COPY_MAX + 1, 10, 0, 70_000, 1, COPY_MAX]
            .into_iter()
            .enumerate()
        {
            let piece = Bytes::from(vec![i as u8; len]);
            expected.extend_from_slice(&piece);
            writer.push(piece);
        }
        writer.shutdown().await.expect("a pipe takes everything");
        let mut got = Vec::new();
        theirs
            .read_to_end(&mut got)
            .await
            .expect("the pipe was shut down");
        assert_eq!(got, expected);
    }

    #[tokio::test]
    async fn what_was_read_ahead_comes_first() {
        let (ours, mut theirs) = pair();
        theirs.write_all(b"def").await.expect("room");
        theirs.shutdown().await.expect("open");
        let mut rewind = Rewind::new(BytesMut::from("abc"), ours);
        let mut got = String::new();
        rewind.read_to_string(&mut got).await.expect("text");
        assert_eq!(got, "abcdef");
    }

    #[tokio::test]
    async fn a_closed_or_talking_peer_is_not_quiet() {
        let (ours, mut theirs) = pair();
        let (mut reader, _writer) = split(ours, BytesMut::new(), Arc::default());
        assert!(reader.is_quiet());
        theirs.write_all(b"x").await.expect("room");
        assert!(!reader.is_quiet());
        let (ours, theirs) = pair();
        let (mut reader, _writer) = split(ours, BytesMut::new(), Arc::default());
        drop(theirs);
        assert!(!reader.is_quiet());
    }
}
