//! One side of a raw connection as a source of frames: what is read at once is one, and the end of the side the last.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ratel_core::addon::{RawConnection, TlsBegin};
use ratel_core::network::FaultKind;
use ratel_flow::{LiveAnnotations, ServerConn, Side, Timestamp};
use ratel_proto::{Frame, client_hello};

use super::tcp::failed;
use crate::body::{AHEAD_MAX, FrameSource, PeerEnd, Watch};
use crate::conn::{ConnCtx, HANDSHAKE_FAILURE};
use crate::error::{FaultError, ProxyError};
use crate::exchange::{self, Link};
use crate::io::{self, Reader, Writer};
use crate::upstream::Target;

/// How long a client has to read what was left for it when its connection is to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// The type of the first record of a TLS connection (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Who sends, and where from.
pub(super) struct RawSource<'r> {
    side: Side,
    reader: &'r mut Reader,
    /// Its side is closed.
    done: bool,
}

impl<'r> RawSource<'r> {
    pub(super) fn new(side: Side, reader: &'r mut Reader) -> Self {
        Self {
            side,
            reader,
            done: false,
        }
    }
}

impl Watch for RawSource<'_> {
    async fn watch(&mut self) -> PeerEnd {
        loop {
            if self.reader.buf.len() >= AHEAD_MAX {
                std::future::pending::<()>().await;
            }
            match self.reader.fill().await {
                Ok(0) => return PeerEnd::HalfClosed,
                Ok(_) => {}
                Err(error) => return PeerEnd::Gone(failed(self.side, error)),
            }
        }
    }
}

impl FrameSource for RawSource<'_> {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        let is_there = !self.reader.buf.is_empty();
        Ok(is_there.then(|| Frame::data(self.reader.buf.split().freeze())))
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        if let Some(frame) = self.ready()? {
            return Ok(frame);
        }
        let filled = self.reader.fill().await;
        if filled.map_err(|error| failed(self.side, error))? == 0 {
            self.done = true;
            return Ok(Frame::end());
        }
        Ok(Frame::data(self.reader.buf.split().freeze()))
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn received(&self) -> Timestamp {
        self.reader.last_read()
    }
}

/// What a bad network does to a connection that begins, and what of it happens ahead of all bytes.
pub(super) fn network(
    ctx: &ConnCtx,
    target: &Target,
    server: &Arc<ServerConn>,
    said: &mut LiveAnnotations,
) -> (Link, Vec<FaultKind>) {
    let link = Link::default();
    let network = ctx.shared.addons.raw_network(&mut RawConnection {
        client: &ctx.client,
        server,
        address: (&target.host, target.port),
        said,
    });
    let faults = network.map(|mut network| link.take(&mut network));
    (link, faults.unwrap_or_default())
}

/// Lets happen what goes wrong ahead of all bytes.
pub(super) async fn suffer(
    ctx: &ConnCtx,
    faults: Vec<FaultKind>,
    client: &mut Reader,
) -> Result<(), ProxyError> {
    if faults.is_empty() {
        return Ok(());
    }
    let mut client = RawSource::new(Side::Client, client);
    // Few connections need it; the others need not have room for it.
    Box::pin(exchange::suffer(ctx, faults, Some(&mut client), None)).await
}

/// Why the handshake of TLS that begins with these bytes of the client is to fail, if it is one.
///
/// # Errors
/// That reason.
pub(super) fn judge_tls(ctx: &ConnCtx, target: &Target, first: &[u8]) -> Result<(), ProxyError> {
    // What lies in TLS that was opened was judged when that began.
    if first.first() != Some(&TLS_HANDSHAKE) || ctx.client.tls.is_some() {
        return Ok(());
    }
    let hello = client_hello::parse(first).ok().flatten();
    let host = hello.and_then(|hello| hello.sni);
    let begin = TlsBegin {
        client: &ctx.client,
        sni: host.as_deref(),
        address: Some((&target.host, target.port)),
    };
    match ctx.shared.addons.fails_tls(begin) {
        Some(rule) => Err(ProxyError::Fault(FaultError::tls(rule))),
        None => Ok(()),
    }
}

/// Ends a connection that something has gone wrong with: no side is to take what broke off for the end, unless that is
/// what a fault wants.
pub(super) async fn break_off(
    error: &ProxyError,
    (from_client, mut to_client): (Reader, Writer),
    (from_server, to_server): (Reader, Writer),
) {
    match error {
        ProxyError::Fault(fault) if !fault.resets => {
            if fault.alerts {
                to_client.push(Bytes::from_static(&HANDSHAKE_FAILURE));
            }
            // A client that does not read need not be told.
            let _ = tokio::time::timeout(GOODBYE, to_client.shutdown()).await;
        }
        _ => {
            io::unsplit(from_client, to_client).0.reset();
        }
    }
    io::unsplit(from_server, to_server).0.reset();
}
