//! The engines that do handshakes, behind one face: streams, what a handshake agreed on, and why one failed. Which
//! library it was shows nowhere else.

pub(super) mod legacy;
pub(super) mod modern;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use ratel_flow::{Certificates, TlsVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::LateAlert;

/// What a handshake agreed on.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) version: Option<TlsVersion>,
    /// By OpenSSL's name.
    pub(super) cipher: Option<&'static str>,
    /// What the key was exchanged with: `X25519`, `secp256r1`, `DH 2048 bits`, `RSA`.
    pub(super) group: Option<String>,
    pub(super) alpn: Option<Bytes>,
    /// The peer's.
    pub(super) certificates: Certificates,
    /// The handshake was a short one, with what an earlier one had left.
    pub(super) resumed: bool,
}

/// A connection to a client, with TLS on it.
#[derive(Debug)]
pub struct ClientTls<S>(Client<S>);

/// A connection to a server, with TLS on it.
#[derive(Debug)]
pub struct ServerTls<S>(Server<S>);

/// The streams are boxed: what is under them is moved about, and one of them is much larger than the other.
#[derive(Debug)]
enum Client<S> {
    Modern(Box<modern::ClientStream<S>>),
    Legacy(Box<legacy::Stream<S>>),
}

#[derive(Debug)]
enum Server<S> {
    Modern(Box<modern::ServerStream<S>>),
    Legacy(Box<legacy::Stream<S>>),
}

/// The same call on whichever stream it is.
macro_rules! either {
    ($kind:ident, $this:expr, $stream:ident => $call:expr) => {
        match &mut $this.0 {
            $kind::Modern($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
            $kind::Legacy($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
        }
    };
}

/// An alert as such, whichever library it comes from.
fn named(error: io::Error) -> io::Error {
    match modern::late_alert(&error).or_else(|| legacy::late_alert(&error)) {
        Some(alert) => io::Error::new(error.kind(), LateAlert(alert)),
        None => error,
    }
}

macro_rules! forward_io {
    ($outer:ident, $kind:ident) => {
        impl<S> $outer<S> {
            /// What is under the TLS.
            pub(crate) fn inner(&mut self) -> &mut S {
                match &mut self.0 {
                    $kind::Modern(stream) => stream.get_mut().0,
                    $kind::Legacy(stream) => legacy::inner(stream),
                }
            }
        }

        impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for $outer<S> {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let read = either!($kind, self, stream => stream.poll_read(cx, buf));
                read.map_err(named)
            }
        }

        impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for $outer<S> {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                either!($kind, self, stream => stream.poll_write(cx, buf))
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                either!($kind, self, stream => stream.poll_write_vectored(cx, bufs))
            }

            fn is_write_vectored(&self) -> bool {
                match &self.0 {
                    $kind::Modern(stream) => stream.is_write_vectored(),
                    $kind::Legacy(stream) => stream.is_write_vectored(),
                }
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                either!($kind, self, stream => stream.poll_flush(cx))
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                either!($kind, self, stream => stream.poll_shutdown(cx))
            }
        }
    };
}

forward_io!(ClientTls, Client);
forward_io!(ServerTls, Server);
