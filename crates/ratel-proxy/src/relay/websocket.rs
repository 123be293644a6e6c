//! WebSockets: frames passed on as they come, messages recorded one by one, shown to hooks, dropped and injected.
//!
//! Each direction is a loop of its own. While nobody needs to see its messages whole, every piece of a frame leaves as soon
//! as it is in, in its own bytes. When an addon does, the frames of a message wait until it is complete; control frames
//! still pass at once. A message that is dropped or changed would leave the receiver's decompressor behind the
//! sender's, so from then on that direction is sent uncompressed, as any message may be (RFC 7692 §6).

mod direction;
mod held;
mod inject;
mod journal;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratel_core::control::Registration;
use ratel_core::hooks::Hook;
use ratel_flow::{HttpFlow, Side, StreamKind};
use ratel_proto::websocket::handshake;
use tokio::sync::Mutex;

use crate::body::{FrameSink, FrameSource};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::exchange::{self, After};
use crate::http::convert;
use crate::recorder::Recorder;

use direction::{Direction, Session};

/// How long the peers have to take a close that is not their own.
const GOODBYE: Duration = Duration::from_secs(2);

/// The two ends of the exchange, as raw bytes.
pub(crate) struct Ends<'e, B, T, R, S> {
    pub(crate) body: &'e mut B,
    pub(crate) tx: &'e mut T,
    pub(crate) rx: &'e mut R,
    pub(crate) sink: &'e mut S,
}

/// Whether an exchange that was upgraded is a WebSocket that can be followed. With an extension that nobody here knows
/// frames may mean anything.
pub(crate) fn is_followed(ctx: &ConnCtx, flow: &HttpFlow) -> bool {
    let is_known = |extension: &[u8]| {
        let name = extension.split(|b| *b == b';').next().unwrap_or_default();
        let name = name.trim_ascii();
        name.is_empty() || name.eq_ignore_ascii_case(b"permessage-deflate")
    };
    let agreed = flow.response.iter().flat_map(|response| {
        let values = response.headers.get_all("sec-websocket-extensions");
        values.flat_map(|value| value.split(|b| *b == b','))
    });
    ctx.config.websocket && convert::is_websocket(&flow.request) && agreed.into_iter().all(is_known)
}

/// Relays a WebSocket until both directions are done.
pub(crate) async fn run<B, T, R, S>(
    ctx: &ConnCtx,
    line: &Registration,
    flow: &mut HttpFlow,
    recorder: &Recorder,
    ends: Ends<'_, B, T, R, S>,
) -> Result<After, ProxyError>
where
    B: FrameSource,
    T: FrameSink,
    R: FrameSource,
    S: FrameSink,
{
    recorder.stream(StreamKind::WebSocket);
    line.carries(Side::Client, StreamKind::WebSocket);
    line.carries(Side::Server, StreamKind::WebSocket);
    let addons = &ctx.shared.addons;
    addons.websocket(Hook::WebsocketStart, flow, None).await;
    exchange::after_hook(flow, recorder)?;
    // A killed one says goodbye.
    line.ends_itself();
    let outcome = relay(ctx, line, flow, recorder, ends).await;
    addons.websocket(Hook::WebsocketEnd, flow, None).await;
    recorder.said(&mut flow.annotations);
    outcome.map(|()| After::Close)
}

async fn relay<B, T, R, S>(
    ctx: &ConnCtx,
    line: &Registration,
    flow: &mut HttpFlow,
    recorder: &Recorder,
    ends: Ends<'_, B, T, R, S>,
) -> Result<(), ProxyError>
where
    B: FrameSource,
    T: FrameSink,
    R: FrameSource,
    S: FrameSink,
{
    let Ends { body, tx, rx, sink } = ends;
    let response = flow.response.as_ref();
    let deflate = response.and_then(|response| handshake::deflate(&response.headers));
    let flow = Mutex::new(flow);
    let (closing, left) = (AtomicBool::new(false), OnceLock::new());
    let session = Session {
        ctx,
        line,
        recorder,
        flow: &flow,
        deflate,
        closing: &closing,
        left: &left,
    };
    let mut up = Direction::new(Side::Client, &session);
    let mut down = Direction::new(Side::Server, &session);
    let both = async { tokio::try_join!(up.run(body, tx), down.run(rx, sink)) };
    let outcome = tokio::select! {
        biased;
        ended = both => ended.map(|_| ()),
        () = line.ended() => Err(ProxyError::Killed),
    };
    let outcome = match (outcome, left.get()) {
        (Ok(()), Some(&by)) => Err(ProxyError::WebSocketLeft { by }),
        (Err(error), Some(&by)) if error.is_loss_of_peer() => Err(ProxyError::WebSocketLeft { by }),
        // After a close whoever leaves may do so as it likes.
        (Err(error), None) if closing.load(Ordering::Relaxed) && error.is_loss_of_peer() => Ok(()),
        (outcome, _) => outcome,
    };
    let Err(error) = &outcome else {
        return Ok(());
    };
    up.cut();
    down.cut();
    if let Some(code) = close_code(error) {
        let bye = async { tokio::join!(up.close(tx, code), down.close(sink, code)) };
        // Whether it is heard makes no difference any more.
        let _ = tokio::time::timeout(GOODBYE, bye).await;
    }
    outcome
}

/// What both peers are told about a failure (RFC 6455 §7.4.1); nothing when one of them is gone, since the other one
/// then sees the connection end as it would without us.
fn close_code(error: &ProxyError) -> Option<u16> {
    Some(match error {
        ProxyError::WebSocket { error, .. } => error.close_code(),
        ProxyError::MessageTooLong { .. } => 1009,
        ProxyError::Killed | ProxyError::Ended(_) => 1001,
        _ => return None,
    })
}
