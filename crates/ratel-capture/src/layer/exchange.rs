//! A request and its response while they are put together, whatever the HTTP version.

use bytes::Bytes;
use ratel_flow::record::{Detail, HttpRecord};
use ratel_flow::{
    Body, FlowError, Request, Response, Scheme, Side, StreamKind, Timestamp, Version,
};
use ratel_proto::http1::{RequestHead, ResponseHead};
use ratel_proto::streams::{self, BodyStream};
use ratel_proto::url::{self, Target};

use super::websocket::WebSocket;
use crate::context::{Context, Ending, Ends, Gap, no_room};
use crate::gauge::Share;
use crate::spool::Collected;

/// What an exchange takes in memory beside its heads and bodies.
const COST: usize = 1500;

/// What has come of an exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Of the request's head, and of this.
    _share: Share,
    pub(super) record: HttpRecord,
    request_body: Collected,
    response_body: Collected,
    pub(super) request_done: bool,
    pub(super) response_done: bool,
    /// Bytes of the bodies that are not in the capture.
    missing: [Option<Gap>; 2],
    pub(super) error: Option<FlowError>,
    /// What follows where the server has agreed to it.
    pub(super) websocket: Option<Box<WebSocket>>,
}

impl Exchange {
    pub(super) fn new(cx: &Context, request: Request) -> Self {
        let mut share = cx.gauge.share();
        let fields = request.headers.to_wire().len() + request.pseudo.to_wire().len();
        share.set(COST + request.target.len() + fields);
        Self {
            _share: share,
            record: HttpRecord::new(request, Body::Missing),
            request_body: cx.spool.begin(),
            response_body: cx.spool.begin(),
            request_done: false,
            response_done: false,
            missing: [None; 2],
            error: None,
            websocket: None,
        }
    }

    /// Adds to the body of that side.
    pub(super) fn push(&mut self, side: Side, bytes: &[u8]) {
        match side {
            Side::Client => self.request_body.push(bytes),
            Side::Server => self.response_body.push(bytes),
        }
    }

    /// A part of the body of that side is not in the capture.
    pub(super) fn lack(&mut self, side: Side, gap: Gap) {
        let [client, server] = &mut self.missing;
        let missing = match side {
            Side::Client => client,
            Side::Server => server,
        };
        *missing = Some(gap.and(*missing));
    }

    /// It failed, unless it is known already why.
    pub(super) fn fail(&mut self, message: String, hint: Option<&'static str>, time: Timestamp) {
        self.error.get_or_insert_with(|| FlowError {
            message: message.into(),
            hint: hint.map(Into::into),
            by_client: false,
            timestamp: time,
        });
    }

    /// Nothing more comes of it, though it may not be complete.
    pub(super) fn cut(&mut self, ending: &Ending, time: Timestamp) {
        let before = match (self.request_done, self.response_done, &self.record.response) {
            // A WebSocket that was open to the end.
            (_, true, _) if self.websocket.is_some() => return,
            (_, true, _) | (false, _, None) => "the request was complete",
            (true, _, None) => "a response came",
            _ => "the response was complete",
        };
        self.fail(ending.before(before), None, time);
        if let Some(error) = &mut self.error {
            error.by_client |= *ending == Ending::Reset(Side::Client);
        }
    }

    /// Gives it out as it is.
    pub(super) fn emit(mut self, cx: &mut Context, ends: &mut Ends, time: Timestamp) {
        for (side, whose) in [(Side::Client, "request"), (Side::Server, "response")] {
            let [client, server] = self.missing;
            let missing = match side {
                Side::Client => client,
                Side::Server => server,
            };
            if let Some(gap) = missing {
                let len = gap.amount();
                let message = format!("{len} of the {whose}'s body are not in the capture");
                self.fail(message, Some(gap.hint()), time);
            }
        }
        let lost = self.request_body.lost() + self.response_body.lost();
        self.error = self.error.or_else(|| no_room(lost, time));
        let mut record = self.record;
        record.request_body = self.request_body.finish();
        if record.response.is_some() {
            record.response_body = self.response_body.finish();
        }
        if let Some(websocket) = self.websocket {
            let (messages, problem) = websocket.finish();
            record.websocket = Some(messages);
            record.stream = Some(StreamKind::WebSocket);
            self.error = self.error.or(problem);
        } else if let Some(response) = &record.response {
            record.stream = stream_kind(&response.headers);
        }
        let created = record.request.timestamp_start;
        cx.emit(ends, created, Detail::Http(Box::new(record)), self.error);
    }
}

fn stream_kind(headers: &ratel_flow::Headers) -> Option<StreamKind> {
    Some(match streams::kind_of(headers)? {
        BodyStream::Sse => StreamKind::Sse,
        BodyStream::Grpc => StreamKind::Grpc,
        BodyStream::GrpcWeb { .. } => StreamKind::GrpcWeb,
        BodyStream::Connect => StreamKind::Connect,
        BodyStream::Ndjson => StreamKind::Ndjson,
    })
}

/// An HTTP/1 request as flows have it.
pub(super) fn request(head: RequestHead, ends: &Ends, time: Timestamp) -> Request {
    let mut request = Request {
        path: head.target.clone(),
        method: head.method,
        target: head.target,
        version: Version::from_wire(head.version),
        line: Some(head.line),
        headers: head.headers,
        pseudo: ratel_flow::Headers::new(),
        scheme: Scheme::Http,
        host: "".into(),
        port: 0,
        timestamp_start: time,
    };
    route(&mut request, ends);
    request
}

/// An HTTP/1 response as flows have it.
pub(super) fn response(head: ResponseHead, time: Timestamp) -> Response {
    Response {
        version: Version::from_wire(head.version),
        status: head.status,
        reason: head.reason,
        line: Some(head.line),
        headers: head.headers,
        pseudo: ratel_flow::Headers::new(),
        timestamp_start: time,
    }
}

/// Whether it asks for a tunnel to elsewhere.
pub(super) fn is_connect(request: &Request) -> bool {
    request.method.eq_ignore_ascii_case(b"CONNECT") && !request.pseudo.contains(":protocol")
}

/// Notes where a request goes: by its target if that says so, else to the server of the connection, by the name that
/// the client gives it.
pub(super) fn route(request: &mut Request, ends: &Ends) {
    let tls = ends.client().tls.as_ref();
    request.scheme = match tls {
        Some(_) => Scheme::Https,
        None => Scheme::Http,
    };
    let named = request.pseudo.get(":authority");
    let named = named.or_else(|| request.headers.get("host"));
    let named = named.and_then(|name| url::parse_authority(name).ok());
    let form = match is_connect(request) {
        true => url::parse_connect_target(&request.target),
        false => url::parse_target(&request.target),
    };
    match form {
        Ok(Target::Authority { host, port }) => {
            (request.scheme, request.host, request.port) = (Scheme::Https, host.into(), port);
            request.path = Bytes::new();
        }
        Ok(Target::Absolute {
            scheme,
            host,
            port,
            path,
            ..
        }) => {
            (request.scheme, request.host) = (scheme, host.into());
            request.port = port.unwrap_or(scheme.default_port());
            request.path = match path.first() {
                Some(b'/') => path,
                None => Bytes::from_static(b"/"),
                Some(_) => [b"/", &path[..]].concat().into(),
            };
        }
        Ok(Target::Origin | Target::Asterisk) | Err(_) => {
            let (address, port) = &ends.server().address;
            let sni = tls.and_then(|tls| tls.sni.clone());
            let named = named.map(|(host, _)| host.into()).or(sni);
            (request.host, request.port) = (named.unwrap_or_else(|| address.clone()), *port);
        }
    }
}
