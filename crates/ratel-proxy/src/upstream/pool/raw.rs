//! Connections whose bytes are passed on as they are, and servers that speak before they are asked.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use ratel_flow::{Scheme, ServerConn};
use tokio::io::AsyncReadExt;

use super::{Fresh, Kept, NoUpstream, Open, Speak, Upstreams};
use crate::error::ProxyError;
use crate::http::h1::client::H1Upstream;
use crate::io::{self, Reader, Writer};
use crate::upstream::Target;
use crate::upstream::connect::Dialled;

/// A connection for raw bytes.
pub(crate) struct RawUpstream {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    pub(crate) conn: Arc<ServerConn>,
    pub(crate) open: Open,
}

impl Upstreams {
    /// As [`prepare`](Self::prepare), for a connection that will carry raw bytes whatever ALPN says.
    pub(crate) async fn prepare_raw(
        &self,
        target: &Target,
        alpn: &[Bytes],
    ) -> Option<Arc<ServerConn>> {
        match self.connect(target, Speak::Raw(alpn)).await {
            Ok(Fresh::H1(upstream)) => {
                let conn = upstream.conn().clone();
                self.keep(target.clone(), upstream);
                Some(conn)
            }
            Ok(Fresh::H2(_)) => None,
            Err(error) => {
                self.kept().failed = Some((target.clone(), error));
                None
            }
        }
    }

    /// The connection to `target` that was made ahead, with what the server has said on it; or a fresh one.
    pub(crate) async fn raw(
        &self,
        target: &Target,
        alpn: &[Bytes],
    ) -> Result<RawUpstream, NoUpstream> {
        if let Some(ready) = self.made_ahead(target) {
            return ready;
        }
        let speak = match target.scheme {
            Scheme::Https => Speak::Raw(alpn),
            Scheme::Http => Speak::Http1,
        };
        match self.connect(target, speak).await? {
            Fresh::H1(upstream) => Ok(upstream.into_raw()),
            // Neither of the two is ever shared.
            Fresh::H2(_) => Err(ProxyError::NoResponse.into()),
        }
    }

    fn made_ahead(&self, target: &Target) -> Option<Result<RawUpstream, NoUpstream>> {
        let mut kept = self.kept();
        let Kept {
            idle,
            dialled,
            greeting,
            failed,
            ..
        } = &mut *kept;
        if let Some((_, error)) = failed.take_if(|(to, _)| to == target) {
            return Some(Err(error));
        }
        if target.scheme == Scheme::Http
            && let Some(Dialled { io, conn }) = dialled.take_if(|to| leads_to(to, target))
        {
            let open = Open::new(self.client, target, conn.peername);
            let (reader, writer) = io::split(io, std::mem::take(greeting), self.activity.clone());
            return Some(Ok(RawUpstream {
                reader,
                writer,
                conn: Arc::new(conn),
                open,
            }));
        }
        // One that carried a request before is not what a fresh connection would be.
        let unused =
            |(to, upstream): &(Target, Box<H1Upstream>)| to == target && !upstream.is_reused();
        let at = idle.iter().position(unused)?;
        let (_, upstream) = idle.swap_remove(at);
        Some(Ok(upstream.into_raw()))
    }

    /// The address that the connection to `target` was made to, if there is one already.
    pub(crate) fn dialled(&self, target: &Target) -> Option<SocketAddr> {
        let kept = self.kept();
        let dialled = kept.dialled.as_ref().filter(|to| leads_to(to, target));
        dialled?.conn.peername
    }

    /// Returns once the server has spoken on the connection to `target` that was made ahead; does not return if there
    /// is none, or the server has closed it.
    ///
    /// # Cancel safety
    /// What the server has said is kept with the connection.
    pub(crate) async fn greeted(&self, target: &Target) {
        std::future::poll_fn(|cx| self.poll_greeted(target, cx)).await;
    }

    fn poll_greeted(&self, target: &Target, cx: &mut Context<'_>) -> Poll<()> {
        let mut kept = self.kept();
        let Kept {
            idle,
            dialled,
            greeting,
            ..
        } = &mut *kept;
        let read = if let Some(dialled) = dialled.as_mut().filter(|to| leads_to(to, target)) {
            pin!(dialled.io.read_buf(greeting)).poll(cx)
        } else if let Some((_, upstream)) = idle.iter_mut().find(|(to, _)| to == target) {
            pin!(upstream.fill()).poll(cx)
        } else {
            Poll::Pending
        };
        match read {
            Poll::Ready(Ok(1..)) => Poll::Ready(()),
            // Whoever uses the connection finds out why.
            _ => Poll::Pending,
        }
    }
}

fn leads_to(dialled: &Dialled, target: &Target) -> bool {
    dialled.conn.address.0 == target.host && dialled.conn.address.1 == target.port
}
