//! One flow, made up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ratel_core::store::{Edit, FlowSnapshot, FlowState, Times};
use ratel_flow::{
    ClientConn, ConnId, FlowError, FlowId, FlowKind, Headers, MessageFlags, MessageHead,
    MessageKind, OpenMessage, Payload, PayloadStream, Request, Response, Scheme, ServerConn, Side,
    StreamKind, Timestamp, TlsInfo, Version, WebSocketClose,
};

/// 2026-03-01 13:05:59 UTC.
pub(crate) const START: u64 = 1_772_370_359_000_000_000;

/// A flow with its bodies and messages. Payloads lie in bytes of their own, one after another.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) snapshot: FlowSnapshot,
    pub(crate) bodies: [Bytes; 2],
    pub(crate) messages: Vec<MessageHead>,
    pub(crate) open: Vec<OpenMessage>,
    /// What messages had said before they were changed.
    pub(crate) came: BTreeMap<u64, Payload>,
    pub(crate) payloads: Vec<u8>,
}

fn at(millis: u64) -> Timestamp {
    Timestamp(START + millis * 1_000_000)
}

fn headers(fields: &[(&str, &[u8])]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name.as_bytes(), value);
    }
    headers
}

impl Fake {
    /// A finished exchange that took 123 ms.
    pub(crate) fn new(
        id: u64,
        method: &str,
        path: &str,
        status: u16,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Self {
        let created = id * 1000;
        let client = ClientConn {
            id: ConnId(1),
            peername: ([127, 0, 0, 1], 51234).into(),
            sockname: ([127, 0, 0, 1], 8080).into(),
            proxy_mode: "reverse:https://service.dev".into(),
            timestamp_start: at(created),
            timestamp_end: None,
            tls: None,
            passthrough: None,
            extra: None,
            error: None,
        };
        let server = ServerConn {
            id: ConnId(2),
            address: ("service.dev".into(), 443),
            peername: Some(([127, 0, 0, 2], 443).into()),
            sockname: None,
            timestamp_start: at(created + 2),
            timestamp_tcp_setup: Some(at(created + 5)),
            timestamp_end: None,
            tls: None,
            error: None,
            extra: None,
        };
        let request = Request {
            pseudo: Default::default(),
            method: Bytes::copy_from_slice(method.as_bytes()),
            target: Bytes::copy_from_slice(path.as_bytes()),
            version: Version::Http11,
            line: Some(Bytes::from(format!("{method} {path} HTTP/1.1\r\n"))),
            headers: headers(&[
                ("Host", b"service.dev"),
                ("accept", b"*/*"),
                ("Accept", b"text/html"),
            ]),
            scheme: Scheme::Https,
            host: "service.dev".into(),
            port: 443,
            path: Bytes::copy_from_slice(path.as_bytes()),
            timestamp_start: at(created + 1),
        };
        let response = Response {
            pseudo: Default::default(),
            version: Version::Http11,
            status,
            reason: Bytes::from_static(b"Because"),
            line: None,
            headers: headers(&[("Content-Type", content_type.as_bytes())]),
            timestamp_start: at(created + 100),
        };
        let body = body.into();
        let snapshot = FlowSnapshot {
            stream: None,
            messages: 0,
            grpc_status: None,
            close: None,
            id: FlowId(id),
            kind: FlowKind::Http,
            state: FlowState::Done,
            file_id: format!("00000000-0000-4000-8000-{id:012}").into(),
            annotations: None,
            modified: false,
            missing: [false; 2],
            client_conn: Arc::new(client),
            server_conn: Some(Arc::new(server)),
            request: Some(request),
            response: Some(response),
            informational: Vec::new(),
            request_trailers: None,
            response_trailers: None,
            error: None,
            request_body: 0,
            response_body: body.len() as u64,
            times: Times {
                held: Duration::ZERO,
                created: at(created),
                began: at(created),
                request_end: Some(at(created + 2)),
                response_start: Some(at(created + 100)),
                response_end: Some(at(created + 123)),
                last: at(created + 123),
            },
            imported: None,
            verbatim: Default::default(),
            websocket: None,
            lossy: false,
        };
        Self {
            snapshot,
            bodies: [Bytes::new(), body],
            messages: Vec::new(),
            open: Vec::new(),
            came: BTreeMap::new(),
            payloads: Vec::new(),
        }
    }

    /// It goes over HTTP/2.
    pub(crate) fn http2(mut self) -> Self {
        if let Some(request) = &mut self.snapshot.request {
            request.version = Version::Http2;
            request.line = None;
            request.pseudo = headers(&[
                (":method", &request.method.clone()),
                (":path", &request.path.clone()),
                (":scheme", b"https"),
                (":authority", b"service.dev"),
            ]);
            request.headers = headers(&[("accept", b"*/*"), ("x-odd", b"two\r\nlines")]);
        }
        if let Some(response) = &mut self.snapshot.response {
            response.version = Version::Http2;
            response.reason = Bytes::new();
            response.pseudo = headers(&[(":status", response.status.to_string().as_bytes())]);
        }
        self
    }

    /// It carries messages of that kind.
    pub(crate) fn stream(mut self, kind: StreamKind) -> Self {
        self.snapshot.stream = Some(kind);
        if kind == StreamKind::Tcp {
            self.snapshot.kind = FlowKind::Tcp;
            self.snapshot.request = None;
            self.snapshot.response = None;
        }
        self
    }

    /// Its bytes are not looked into; of the handshake the name is known.
    pub(crate) fn passed_through(mut self, sni: &str, why: &str) -> Self {
        let client = Arc::make_mut(&mut self.snapshot.client_conn);
        client.passthrough = Some(why.into());
        client.tls = Some(Arc::new(TlsInfo {
            sni: Some(sni.into()),
            ..TlsInfo::default()
        }));
        self
    }

    /// One more message, 10 ms after the one before.
    pub(crate) fn message(mut self, side: Side, kind: MessageKind, content: &[u8]) -> Self {
        self.push(side, kind, content, MessageFlags::default());
        self
    }

    pub(crate) fn push(
        &mut self,
        side: Side,
        kind: MessageKind,
        content: &[u8],
        flags: MessageFlags,
    ) {
        let payload = self.payload(content);
        self.messages.push(MessageHead {
            side,
            kind,
            flags,
            timestamp: self.next_time(),
            code: 0,
            payload,
        });
        self.snapshot.messages += 1;
    }

    /// The last message had said something else before it was changed.
    pub(crate) fn came_as(&mut self, content: &[u8]) {
        let payload = self.payload(content);
        let last = self.messages.len() as u64 - 1;
        self.came.insert(last, payload);
    }

    /// A message that waits for somebody.
    pub(crate) fn waits(&mut self, side: Side, kind: MessageKind, content: &[u8]) {
        let payload = self.payload(content);
        self.open.push(OpenMessage {
            side,
            kind,
            timestamp: self.next_time(),
            payload,
            held: true,
        });
    }

    /// A message that has begun.
    pub(crate) fn begun(&mut self, side: Side, kind: MessageKind, content: &[u8]) {
        let payload = self.payload(content);
        self.open = vec![OpenMessage {
            side,
            kind,
            timestamp: self.next_time(),
            payload,
            held: false,
        }];
    }

    /// More of the message that has begun.
    pub(crate) fn goes_on(&mut self, content: &[u8]) {
        self.payloads.extend_from_slice(content);
        self.open[0].payload.len += content.len() as u64;
    }

    /// The message that has begun is complete.
    pub(crate) fn completed(&mut self) {
        let OpenMessage {
            side,
            kind,
            timestamp,
            payload,
            held: _,
        } = self.open.remove(0);
        self.messages.push(MessageHead {
            side,
            kind,
            flags: MessageFlags::default(),
            timestamp,
            code: 0,
            payload,
        });
        self.snapshot.messages += 1;
    }

    fn payload(&mut self, content: &[u8]) -> Payload {
        let offset = self.payloads.len() as u64;
        self.payloads.extend_from_slice(content);
        Payload {
            stream: PayloadStream::Extra,
            offset,
            len: content.len() as u64,
        }
    }

    fn next_time(&self) -> Timestamp {
        let since = (self.messages.len() as u64 + 1) * 10_000_000;
        Timestamp(self.snapshot.times.created.0 + since)
    }

    /// The outcome of a call.
    pub(crate) fn grpc_status(mut self, code: u32, message: &str) -> Self {
        self.snapshot.grpc_status = Some((code, message.into()));
        self
    }

    /// The server could not be reached.
    pub(crate) fn failed(mut self, message: &str, hint: &str) -> Self {
        self.snapshot.response = None;
        self.snapshot.state = FlowState::Failed;
        self.snapshot.times.response_end = None;
        self.snapshot.times.response_start = None;
        let timestamp = self.snapshot.times.last;
        self.snapshot.error = Some(FlowError {
            by_client: false,
            message: message.into(),
            hint: Some(hint.into()),
            timestamp,
        });
        self
    }

    /// The response broke off, or the client left.
    pub(crate) fn broken_off(mut self, message: &str, by_client: bool) -> Self {
        self.snapshot.state = FlowState::Failed;
        self.snapshot.times.response_end = None;
        let timestamp = self.snapshot.times.last;
        self.snapshot.error = Some(FlowError {
            by_client,
            message: message.into(),
            hint: None,
            timestamp,
        });
        self
    }

    /// It was closed.
    pub(crate) fn closed(mut self, by: Option<Side>, code: u16, reason: &str) -> Self {
        let reason = reason.into();
        self.snapshot.close = Some(WebSocketClose { by, code, reason });
        self
    }

    /// Makes it an exchange of datagrams of that kind, with the question given.
    pub(crate) fn datagrams(mut self, kind: FlowKind, request: &'static [u8]) -> Self {
        self.snapshot.kind = kind;
        (self.snapshot.request, self.snapshot.response) = (None, None);
        self.bodies[0] = Bytes::from_static(request);
        self.snapshot.request_body = request.len() as u64;
        self
    }

    /// A connection that carried no request.
    pub(crate) fn connection(mut self) -> Self {
        self.snapshot.kind = FlowKind::Connection;
        self.snapshot.request = None;
        self
    }

    /// The response goes on.
    pub(crate) fn streaming(mut self) -> Self {
        self.snapshot.state = FlowState::Streaming;
        self.snapshot.times.response_end = None;
        self
    }

    /// There is no response yet.
    pub(crate) fn waiting(mut self) -> Self {
        self.snapshot.response = None;
        self.snapshot.state = FlowState::AwaitingResponse;
        self.snapshot.times.response_end = None;
        self.snapshot.response_body = 0;
        self
    }

    /// What the store does with a change.
    pub(super) fn edit(&mut self, edit: Edit) {
        let snapshot = &mut self.snapshot;
        snapshot.modified = true;
        if edit.request.is_some() {
            snapshot.request = edit.request;
        }
        if edit.response.is_some() {
            snapshot.response = edit.response;
        }
        if let Some(body) = edit.request_body {
            snapshot.request_body = body.len() as u64;
            self.bodies[0] = body;
        }
        if let Some(body) = edit.response_body {
            snapshot.response_body = body.len() as u64;
            self.bodies[1] = body;
        }
    }
}
