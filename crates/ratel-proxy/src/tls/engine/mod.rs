//! The engines that do handshakes, behind one face: streams, what a handshake agreed on, and why one failed. Which
//! library it was shows nowhere else.

pub(super) mod modern;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use ratel_flow::{Certificates, TlsVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a handshake agreed on.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) version: Option<TlsVersion>,
    /// By OpenSSL's name.
    pub(super) cipher: Option<&'static str>,
    pub(super) alpn: Option<Bytes>,
    pub(super) certificates: Certificates,
}

/// A connection to a client, with TLS on it.
#[derive(Debug)]
pub struct ClientTls<S>(modern::ClientStream<S>);

/// A connection to a server, with TLS on it.
#[derive(Debug)]
pub struct ServerTls<S>(modern::ServerStream<S>);

impl<S> ClientTls<S> {
    /// What is under the TLS.
    pub(crate) fn inner(&mut self) -> &mut S {
        self.0.get_mut().0
    }
}

impl<S> ServerTls<S> {
    /// What is under the TLS.
    pub(crate) fn inner(&mut self) -> &mut S {
        self.0.get_mut().0
    }
}

#[cfg(test)]
impl<S> ServerTls<S> {
    /// Whether the handshake was a short one, with what an earlier one had left.
    pub(super) fn resumed(&self) -> bool {
        self.0.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }
}

macro_rules! forward_io {
    ($stream:ident) => {
        impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for $stream<S> {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_read(cx, buf)
            }
        }

        impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for $stream<S> {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                self.0.is_write_vectored()
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_flush(cx)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_shutdown(cx)
            }
        }
    };
}

forward_io!(ClientTls);
forward_io!(ServerTls);
