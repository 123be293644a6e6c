//! One request that is sent again.

use std::net::IpAddr;
use std::sync::Arc;

use ratel_core::clock;
use ratel_core::store::FlowWriter;
use ratel_flow::{
    Annotations, ClientConn, ConnId, HttpRecord, LiveAnnotations, Replay, Request, Scheme, Version,
};
use ratel_proto::Framing;
use ratel_proto::http1::framing::request_framing;
use tokio_util::sync::CancellationToken;

use super::played::{Nowhere, Played};
use crate::body::{announced, set_length, unbound};
use crate::conn::{self, ConnCtx};
use crate::exchange::{self, Incoming, Opened};
use crate::modes::origin_form;
use crate::upstream::Target;
use crate::upstream::pool::Upstreams;
use ratel_core::replay::Turn;

/// A request to be sent again.
pub(crate) struct Job {
    pub(super) writer: FlowWriter,
    pub(super) client: Arc<ClientConn>,
    pub(super) annotations: Annotations,
    pub(super) http: Box<HttpRecord>,
    pub(super) turn: Turn,
}

impl Job {
    /// The client that it seems to come from: who has sent it before, on a connection of its own.
    pub(crate) fn client(&self) -> ClientConn {
        ClientConn {
            id: ConnId::next(),
            timestamp_start: clock::now(),
            timestamp_end: None,
            ..ClientConn::clone(&self.client)
        }
    }
}

/// Sends it, and takes in the response, unless nothing happens for too long or `kill` fires.
pub(crate) async fn run(ctx: ConnCtx, job: Job, kill: CancellationToken) {
    tokio::select! {
        biased;
        () = sent(&ctx, job) => {}
        () = conn::killed(&kill, &ctx.abort) => {}
        () = conn::idle(&ctx.activity, &ctx.abort, ctx.config.tcp_timeout) => {}
    }
}

async fn sent(ctx: &ConnCtx, job: Job) {
    let Job {
        writer,
        annotations,
        http,
        turn,
        ..
    } = job;
    let HttpRecord {
        mut request,
        request_body,
        request_trailers,
        ..
    } = *http;
    request.timestamp_start = clock::now();
    let len = request_body.len().unwrap_or_default();
    let framing = framing(&mut request, len, request_trailers.is_some());
    let upstreams = Upstreams::new(ctx.shared.clone(), ctx.activity.clone(), ctx.client.clone());
    let upstreams = upstreams.of_replay();
    if request.version == Version::Http2 {
        upstreams.client_speaks_http2(request.scheme == Scheme::Https);
    }
    let mut annotations = LiveAnnotations::of(annotations);
    annotations.is_replay = Some(Replay::Request);
    annotations.intercepted = false;
    let opened = Opened {
        writer,
        annotations,
    };
    let incoming = Incoming {
        target: target(&request),
        forward: forward(&request),
        request,
        framing,
    };
    let mut body = Played::new(request_body, request_trailers, framing);
    let mut sink = Nowhere::default();
    exchange::run_on(ctx, &upstreams, opened, incoming, &mut body, &mut sink).await;
    drop(turn);
}

/// Where it goes. The server is asked for the name that the client called it by.
fn target(request: &Request) -> Target {
    let name = request.pretty_host();
    let named = *name != *request.host && name.parse::<IpAddr>().is_err();
    Target {
        scheme: request.scheme,
        host: request.host.clone(),
        port: request.port,
        sni: named.then(|| name.as_ref().into()),
    }
}

/// What is sent as its target: servers themselves are not asked for URLs.
fn forward(request: &Request) -> Option<bytes::Bytes> {
    let is_path = matches!(request.target.first(), Some(b'/' | b'*'));
    let is_h2 = request.version == Version::Http2;
    (!is_path && !is_h2).then(|| origin_form(&request.method, request.path.clone()))
}

/// How the end of its body will be found, which somebody may have changed since it came.
fn framing(request: &mut Request, len: u64, trailers: bool) -> Framing {
    let size = usize::try_from(len).unwrap_or(usize::MAX);
    let Request {
        version, headers, ..
    } = request;
    if *version == Version::Http2 {
        return match announced(headers) {
            _ if len == 0 && !trailers => Framing::None,
            Some(said) if said != len => set_length(headers, size),
            Some(said) => Framing::Length(said),
            None => Framing::Chunked,
        };
    }
    match request_framing(headers, version.is_http10()) {
        Ok(Framing::Chunked) => Framing::Chunked,
        Ok(_) if trailers => unbound(headers, Framing::Length(len), version),
        Ok(Framing::None) if len == 0 => Framing::None,
        Ok(Framing::Length(said)) if said == len => Framing::Length(said),
        _ => set_length(headers, size),
    }
}
