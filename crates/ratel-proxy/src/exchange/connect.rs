//! A request for a tunnel: addons may refuse it, or end it.

use ratel_core::addon::Bodies;
use ratel_core::hooks::Hook;
use ratel_flow::{FlowId, HttpFlow, LiveAnnotations, Request};

use super::{Exchange, ResponseSink, open};
use crate::conn::ConnCtx;
use crate::error::ProxyError;

/// Whether the tunnel may be opened; if not, the client has been told, and it is on record. A tunnel that is opened is
/// no flow: what passes in it is.
pub(crate) async fn connect(
    ctx: &ConnCtx,
    request: Request,
    sink: &mut impl ResponseSink,
) -> Result<Request, ()> {
    let addons = &ctx.shared.addons;
    if !addons.wants(Hook::HttpConnect) {
        return Ok(request);
    }
    let mut flow = HttpFlow {
        id: FlowId(0),
        client_conn: ctx.client.clone(),
        server_conn: None,
        request: request.into(),
        response: None,
        error: None,
        annotations: LiveAnnotations::default(),
    };
    let mut bodies = Bodies::default();
    addons.http(Hook::HttpConnect, &mut flow, &mut bodies).await;
    let granted = |status: u16| (200..300).contains(&status);
    let answered = flow.response.as_ref().map(|response| response.status);
    if flow.error.is_none() && answered.is_none_or(granted) {
        return Ok(flow.request.into_inner());
    }
    let writer = open(ctx, &flow.request);
    let line = ctx.shared.control.register(writer.id());
    let mut exchange = Exchange::new(ctx, &line, writer, flow.request.into_inner());
    exchange.recorder.request(&exchange.flow.request);
    exchange.recorder.said(&mut flow.annotations);
    exchange.flow.annotations = flow.annotations;
    exchange.flow.response = flow.response;
    exchange.bodies = bodies;
    let outcome = match flow.error {
        Some(error) => Err(ProxyError::Ended(Box::new(error))),
        None => exchange.deny(sink).await,
    };
    match outcome {
        Ok(()) => exchange.recorder.finish(ratel_core::clock::now()),
        Err(error) => exchange.fail(&error, sink).await,
    }
    Err(())
}
