//! Connections that are passed through untouched and unseen: bytes both ways, and nothing of them is kept.
//!
//! Each direction has an end of its own, so that a peer that is done sending can still be answered.

use bytes::BytesMut;
use ratel_flow::{LiveAnnotations, Side};

use super::raw::{self, RawSource};
use super::tcp::{failed, other};
use crate::body::FrameSource as _;
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::exchange::{Link, Paced};
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
        conn,
    } = server.map_err(|none| none.error)?;
    let (mut from_client, mut to_client) = io::split(client, ahead, ctx.activity.clone());
    // There is no flow that anything could be said of.
    let mut said = LiveAnnotations::default();
    let (link, faults) = raw::network(ctx, target, &conn, &mut said);
    let outcome = async {
        raw::suffer(ctx, faults, &mut from_client).await?;
        let judge = |first: &[u8]| raw::judge_tls(ctx, target, first);
        let up = forward(Side::Client, &link, &mut from_client, &mut writer, judge);
        let down = forward(Side::Server, &link, &mut reader, &mut to_client, |_| Ok(()));
        tokio::try_join!(up, down)
    };
    let outcome = outcome.await;
    if let Err(error) = &outcome {
        error.mark(&mut said);
        raw::break_off(error, (from_client, to_client), (reader, writer)).await;
    }
    outcome.map(|_| ())
}

/// Passes on what `from` sends, up to its end, if its first bytes may pass.
async fn forward(
    from: Side,
    link: &Link,
    reader: &mut Reader,
    writer: &mut Writer,
    judge: impl FnOnce(&[u8]) -> Result<(), ProxyError>,
) -> Result<(), ProxyError> {
    let mut judge = Some(judge);
    let mut source = RawSource::new(from, reader);
    let mut source = Paced::new(&mut source, link, from).headless();
    while !source.is_done() {
        for content in source.next().await?.data {
            if let Some(judge) = judge.take() {
                judge(&content)?;
            }
            writer.push(content);
        }
        let sent = writer.flush().await;
        sent.map_err(|error| failed(other(from), error))?;
    }
    let told = writer.shutdown().await;
    told.map_err(|error| failed(other(from), error))
}
