//! HTTP/2 towards a client: many exchanges at once over one connection.

use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesUnordered, StreamExt};
use ratel_flow::{Response, Side, Timestamp, Version};
use ratel_proto::h2::{Config, Reason, Role, validate};
use ratel_proto::{Frame, Framing, Headers};

use super::driver::Driver;
use super::mux::{Begun, Mux, Received, Stream};
use super::tunnel::Tunnel;
use crate::body::{FrameSink, FrameSource, PeerEnd, Watch};
use crate::conn::{self, ConnCtx};
use crate::error::{Page, ProxyError};
use crate::exchange::{self, Incoming, RequestBody, ResponseSink};
use crate::http::convert;
use crate::io::BoxIo;
use crate::modes::{Destination, Refused, Routed};
use crate::upstream::pool::Upstreams;

/// Serves one connection until it is over.
pub(crate) async fn serve(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    destination: &Destination,
    io: BoxIo,
    ahead: BytesMut,
) {
    let mut config = Config::new(Role::Server);
    config.header_list_limit = ctx.config.head_limit;
    config.enable_connect_protocol = true;
    let mux = Mux::new(config, Side::Client);
    // A proxy's client has many servers; what one of them says is not about the others.
    if !matches!(destination, Destination::FromRequest) {
        upstreams.pass_goaway_to(&mux);
    }
    let mut driver = Driver::new(mux.clone(), io, ahead, ctx.activity.clone());
    let mut exchanges = FuturesUnordered::new();
    let mut any = false;
    let mut stop = pin!(ctx.stop.cancelled());
    let mut stopping = false;
    std::future::poll_fn(|cx| {
        loop {
            mux.state().unpark();
            let came = driver.poll_receive(cx);
            while let Some(begun) = mux.accept() {
                any = true;
                exchanges.push(serve_stream(ctx, upstreams, destination, begun));
            }
            let mut done = false;
            while let Poll::Ready(Some(())) = exchanges.poll_next_unpin(cx) {
                done = true;
            }
            if !stopping && stop.as_mut().poll(cx).is_ready() {
                stopping = true;
                mux.goaway(Reason::NO_ERROR, b"");
            }
            let sent = driver.poll_send(cx);
            if driver.poll_done(cx) && exchanges.is_empty() {
                return Poll::Ready(());
            }
            if !came && !done && !sent {
                mux.state().park(cx);
                return Poll::Pending;
            }
        }
    })
    .await;
    let failure = mux.failure().filter(|_| !any);
    if let Some(error) = failure {
        ctx.record_failure(&[], &ctx.noted(error, destination));
    }
    driver.shutdown().await;
}

/// Serves one stream.
async fn serve_stream(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    destination: &Destination,
    begun: Begun,
) {
    let Begun { stream, head, end } = begun;
    let invalid = ctx
        .config
        .validate_inbound_headers
        .then(|| validate::request(&head).err())
        .flatten();
    let mut sink = Sink {
        stream: &stream,
        is_head: head.pseudo.get(":method") == Some(b"HEAD"),
        started: false,
    };
    let routed = destination.route_h2(head, end, &ctx.client, stream.last_read());
    // A head that broke a rule of the protocol itself is shown and goes nowhere.
    let invalid = invalid.map(ProxyError::Http2RequestInvalid);
    let invalid = stream.failure().or(invalid);
    match (routed, invalid) {
        (Ok(Routed::Request(incoming)), None) => {
            let mut body = Body {
                stream: &stream,
                end,
                validates: ctx.config.validate_inbound_headers,
            };
            exchange::run(ctx, upstreams, *incoming, &mut body, &mut sink).await;
        }
        (
            Ok(Routed::Connect {
                request,
                host,
                port,
            }),
            None,
        ) => {
            let Ok(request) = exchange::connect(ctx, *request, &mut sink).await else {
                return;
            };
            let upstreams =
                Upstreams::new(ctx.shared.clone(), ctx.activity.clone(), ctx.client.clone());
            if ctx.config.eager
                && !ctx.shared.addons.serves(&host)
                && let Err(error) = upstreams.dial(&host, port).await
            {
                return exchange::refuse(ctx, request, &error, &mut sink).await;
            }
            let established = stream.send_head(&convert::status(200), &Headers::new(), false);
            if established.is_ok() {
                let tunnel = Box::new(Tunnel::new(stream));
                conn::in_tunnel(ctx, upstreams, tunnel, host, port).await;
            }
        }
        (Ok(Routed::Request(incoming)), Some(error)) => {
            let Incoming { request, .. } = *incoming;
            exchange::refuse(ctx, request, &error, &mut sink).await;
        }
        (Ok(Routed::Connect { request, .. }), Some(error)) => {
            exchange::refuse(ctx, *request, &error, &mut sink).await;
        }
        (Err(refused), _) => {
            let Refused { request, error } = *refused;
            exchange::refuse(ctx, request, &error, &mut sink).await;
        }
    }
}

/// The request body as it comes in on its stream.
struct Body<'s> {
    stream: &'s Stream,
    end: bool,
    validates: bool,
}

impl Body<'_> {
    fn takes(&mut self, frame: Frame) -> Result<Frame, ProxyError> {
        self.end |= frame.end;
        if let Some(trailers) = frame.trailers.as_ref().filter(|_| self.validates) {
            validate::trailers(trailers).map_err(ProxyError::Http2RequestInvalid)?;
        }
        Ok(frame)
    }
}

impl FrameSource for Body<'_> {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        loop {
            match self.stream.take()? {
                Some(Received::Frame(frame)) => return self.takes(frame).map(Some),
                Some(Received::Head(..)) => {}
                None => return Ok(None),
            }
        }
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        loop {
            if let Received::Frame(frame) = self.stream.receive().await? {
                return self.takes(frame);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.end
    }

    fn received(&self) -> Timestamp {
        self.stream.last_read()
    }
}

impl Watch for Body<'_> {
    async fn watch(&mut self) -> PeerEnd {
        PeerEnd::Gone(self.stream.given_up().await)
    }
}

impl RequestBody for Body<'_> {
    fn become_raw(&mut self) {}

    fn is_closed(&self) -> bool {
        // A stream that is given up says so.
        false
    }
}

/// The response on its way out on its stream.
struct Sink<'s> {
    stream: &'s Stream,
    /// The response has no body (RFC 9110 §9.3.2).
    is_head: bool,
    started: bool,
}

impl Sink<'_> {
    fn put_head(&self, response: &Response, end: bool) -> Result<(), ProxyError> {
        if response.version == Version::Http2 {
            if response.pseudo.is_empty() {
                let pseudo = convert::status(response.status);
                return self.stream.send_head(&pseudo, &response.headers, end);
            }
            return self
                .stream
                .send_head(&response.pseudo, &response.headers, end);
        }
        let (pseudo, headers) = convert::response_to_h2(response);
        self.stream.send_head(&pseudo, &headers, end)
    }
}

impl ResponseSink for Sink<'_> {
    fn informational(&mut self, response: &Response) -> Result<(), ProxyError> {
        self.put_head(response, false)
    }

    fn head(
        &mut self,
        response: &Response,
        framing: Framing,
        _verbatim: bool,
        done: bool,
    ) -> Result<(), ProxyError> {
        self.started = true;
        self.put_head(response, done || framing == Framing::None)
    }

    fn upgraded(&mut self, response: &Response) -> Result<(), ProxyError> {
        self.started = true;
        self.put_head(response, false)
    }

    fn page(&mut self, error: &ProxyError, page: Page) {
        self.started = true;
        // The code of the server's own refusal says more than a page of ours; a status of gRPC says it better where
        // it is not about this one stream.
        if let Some(reason) = error.passed_on()
            && (error.is_reset() || page.status != 200)
        {
            return self.stream.reset(reason);
        }
        let mut headers = Headers::new();
        for (name, value) in &page.fields {
            headers.append(name.to_ascii_lowercase().as_bytes(), value.as_bytes());
        }
        let end = self.is_head || page.body.is_empty();
        // A client that is gone cannot be told; the record has the reason either way.
        let mut told = self
            .stream
            .send_head(&convert::status(page.status), &headers, end);
        if !end && told.is_ok() {
            told = self.stream.send_frame(Frame {
                end: true,
                ..Frame::data(Bytes::from(page.body))
            });
        }
        drop(told);
    }

    fn abort(&mut self, error: &ProxyError, trailers: Option<&Headers>) {
        if let ProxyError::Fault(fault) = error
            && fault.goaway
        {
            let reason = fault.reason.unwrap_or(Reason::NO_ERROR);
            if !self.started {
                // Nothing has come of it, and so it may be asked again on another connection (RFC 9113 §8.7).
                return self.stream.goaway(reason);
            }
            self.stream.mux().goaway(reason, b"");
        }
        let ended = trailers.is_some_and(|trailers| {
            let end = Frame {
                trailers: Some(trailers.clone()),
                ..Frame::end()
            };
            self.stream.send_frame(end).is_ok()
        });
        if !ended {
            self.stream
                .reset(error.passed_on().unwrap_or(Reason::INTERNAL_ERROR));
        }
    }

    fn started(&self) -> bool {
        self.started
    }

    fn is_reset(&mut self) -> bool {
        // A stream that is given up says so.
        false
    }
}

impl FrameSink for Sink<'_> {
    fn frame(&mut self, mut frame: Frame) -> Result<(), ProxyError> {
        if frame.wire.is_some() {
            frame.trailers = frame.trailers.as_ref().map(convert::trailers_to_h2);
        }
        self.stream.send_frame(frame)
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        self.stream.flushed().await
    }

    async fn shutdown(&mut self) -> Result<(), ProxyError> {
        self.stream.finish();
        self.stream.flushed().await
    }
}
