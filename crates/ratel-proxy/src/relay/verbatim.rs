//! Connections that are passed through untouched and unseen: bytes both ways, and nothing of them is kept.
//!
//! Each direction has an end of its own, so that a peer that is done sending can still be answered.

use bytes::BytesMut;
use ratel_flow::Side;

use super::tcp::{failed, other};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::io::{self, BoxIo, Reader, Writer};
use crate::upstream::Target;
use crate::upstream::pool::{RawUpstream, Upstreams};

/// Connects to the server, unless that was done already, and relays until both sides are done. `ahead` was read from
/// the client before.
pub(crate) async fn run(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    target: &Target,
    client: BoxIo,
    ahead: BytesMut,
) -> Result<(), ProxyError> {
    let server = upstreams.raw(target, &[]).await;
    let RawUpstream {
        mut reader,
        mut writer,
        open: _open,
        ..
    } = server.map_err(|none| none.error)?;
    let (mut from_client, mut to_client) = io::split(client, ahead, ctx.activity.clone());
    let up = forward(Side::Client, &mut from_client, &mut writer);
    let down = forward(Side::Server, &mut reader, &mut to_client);
    let outcome = tokio::try_join!(up, down);
    if outcome.is_err() {
        // Neither side is to take what broke off for the end.
        io::unsplit(from_client, to_client).0.reset();
        io::unsplit(reader, writer).0.reset();
    }
    outcome.map(|_| ())
}

/// Passes on what `from` sends, up to its end.
async fn forward(from: Side, reader: &mut Reader, writer: &mut Writer) -> Result<(), ProxyError> {
    loop {
        if !reader.buf.is_empty() {
            writer.push(reader.buf.split().freeze());
            let sent = writer.flush().await;
            sent.map_err(|error| failed(other(from), error))?;
        }
        let filled = reader.fill().await;
        if filled.map_err(|error| failed(from, error))? == 0 {
            break;
        }
    }
    let told = writer.shutdown().await;
    told.map_err(|error| failed(other(from), error))
}
