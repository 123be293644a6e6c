//! A screen without a terminal, and flows without a store.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratel_core::commands::{Candidate, CommandError, Executor as _};
use ratel_core::eventlog::{Entry, Level, LogUpdate};
use ratel_core::files::FlowFiles;
use ratel_core::options::Values;
use ratel_core::replay::{ClientReplay, ServerReplay};
use ratel_core::store::{
    Edit, FlowSnapshot, FlowState, FlowStore, MessageWindow, RequestLine, StoreConfig, Summary,
    Times, Update, Window,
};
use ratel_core::view::{Order, Tree, ViewSettings};
use ratel_flow::Headers;
use ratel_flow::dns::DnsMessage;
use ratel_flow::filter::{Filter, Subject};
use ratel_flow::{
    Annotations, Body, ClientConn, ConnId, Detail, FlowError, FlowId, FlowKind, HttpRecord,
    MessageFlags, MessageHead, MessageKind, OpenMessage, Payload, PayloadStream, Record, Request,
    Response, Scheme, ServerConn, Side, StreamKind, Timestamp, TlsInfo, Version, WebSocketClose,
};
use ratel_tui::backend::{self, Backend};
use ratel_tui::editing::{self, Begun};
use ratel_tui::errand::{Errand, Means, Progress, Replays, Shelf};
use ratel_tui::keymap::Key;
use ratel_tui::model::Model;
use ratel_tui::msg::{Effect, Msg};
use ratel_tui::source::{self, Counts, Source};
use ratel_tui::update::update;
use ratel_tui::view::view;
use ratel_tui::{Look, ModeInfo, ProxyInfo};

/// 2026-03-01 13:05:59 UTC.
pub(crate) const START: u64 = 1_772_370_359_000_000_000;

/// A flow with its bodies and messages. Payloads lie in bytes of their own, one after another.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) snapshot: FlowSnapshot,
    pub(crate) bodies: [Bytes; 2],
    pub(crate) messages: Vec<MessageHead>,
    pub(crate) open: Vec<OpenMessage>,
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
}

/// A list of flows.
#[derive(Clone, Default)]
pub(crate) struct Flows {
    pub(crate) list: Vec<Fake>,
    pub(crate) evicted: u64,
    pub(crate) settings: ViewSettings,
    /// What was said of flows, or that they were removed.
    pub(crate) changes: RefCell<Vec<(FlowId, Option<Annotations>)>>,
    /// What was changed in flows, and flows that came.
    pub(crate) edits: RefCell<Vec<(FlowId, Edit)>>,
    pub(crate) added: RefCell<Vec<Fake>>,
    /// Bytes of messages that were read.
    pub(crate) read: Cell<u64>,
    /// The same by host and path, while it is wanted.
    pub(crate) tree: Rc<RefCell<Option<Tree>>>,
}

impl Fake {
    /// What the store does with a change.
    fn edit(&mut self, edit: Edit) {
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

impl Source for Flows {
    fn counts(&self) -> Counts {
        Counts {
            shown: self.shown().len(),
            pending: 0,
            evicted: self.evicted,
        }
    }

    fn ids(&self, positions: Range<usize>) -> Vec<FlowId> {
        let shown = self.shown();
        let end = positions.end.min(shown.len());
        shown.get(positions.start..end).unwrap_or_default().to_vec()
    }

    fn position(&self, id: FlowId, hint: usize) -> Result<usize, usize> {
        let shown = self.shown();
        let near = shown.partition_point(|shown| *shown < id);
        let near = if self.settings.order == Order::Time && !self.settings.reversed {
            near
        } else {
            hint
        };
        shown.iter().position(|shown| *shown == id).ok_or(near)
    }

    fn newest(&self) -> Option<FlowId> {
        self.list.last().map(|flow| flow.snapshot.id)
    }

    fn summary(&self, id: FlowId) -> Option<Summary> {
        let flow = self.snapshot(id)?;
        Some(Summary {
            stream: flow.stream,
            messages: flow.messages,
            grpc_status: flow.grpc_status,
            close: flow.close,
            id,
            kind: flow.kind,
            state: flow.state,
            client_conn: flow.client_conn,
            server_conn: flow.server_conn,
            request: flow.request.map(|request| RequestLine {
                version: request.version,
                method: request.method,
                scheme: request.scheme,
                host: request.host,
                port: request.port,
                path: request.path,
            }),
            status: flow.response.as_ref().map(|response| response.status),
            content_type: flow.response.as_ref().and_then(|response| {
                response
                    .headers
                    .get("content-type")
                    .map(Bytes::copy_from_slice)
            }),
            annotations: flow.annotations,
            modified: flow.modified,
            error: flow.error,
            request_body: flow.request_body,
            response_body: flow.response_body,
            times: flow.times,
            lossy: flow.lossy,
        })
    }

    fn tree(&self, look: &mut dyn FnMut(&mut Tree)) {
        if let Some(tree) = &mut *self.tree.borrow_mut() {
            tree.clear(self.settings.order, self.settings.reversed);
            let shown = self.shown().into_iter();
            shown
                .filter_map(|id| self.summary(id))
                .for_each(|flow| tree.put(&flow));
            look(tree);
        }
    }

    fn snapshot(&self, id: FlowId) -> Option<FlowSnapshot> {
        let place = self
            .list
            .binary_search_by_key(&id, |flow| flow.snapshot.id)
            .ok()?;
        Some(self.list[place].snapshot.clone())
    }

    fn body(&self, id: FlowId, side: Side, range: Range<u64>) -> Option<Window> {
        let place = self
            .list
            .binary_search_by_key(&id, |flow| flow.snapshot.id)
            .ok()?;
        let flow = &self.list[place];
        let body = &flow.bodies[usize::from(side == Side::Server)];
        let total = body.len() as u64;
        let (from, to) = (range.start.min(total), range.end.min(total));
        let bytes = body.slice(from as usize..to.max(from) as usize);
        let complete = !flow.snapshot.state.is_live();
        Some(Window {
            bytes,
            offset: from,
            total,
            complete,
            lost: false,
        })
    }

    fn messages(&self, id: FlowId, range: Range<u64>) -> Option<MessageWindow> {
        let flow = self.get(id)?;
        let total = flow.messages.len() as u64;
        let first = range.start.min(total);
        let end = range.end.min(total).max(first);
        Some(MessageWindow {
            kind: flow.snapshot.stream,
            first,
            total,
            items: flow.messages[first as usize..end as usize].to_vec(),
            open: flow.open.clone(),
            lost: false,
        })
    }

    fn payload(&self, id: FlowId, _: Side, payload: Payload, range: Range<u64>) -> Option<Window> {
        let (from, to) = (range.start.min(payload.len), range.end.min(payload.len));
        let at = |offset: u64| (payload.offset + offset) as usize;
        self.read.set(self.read.get() + (to - from));
        Some(Window {
            bytes: Bytes::copy_from_slice(&self.get(id)?.payloads[at(from)..at(to)]),
            offset: from,
            total: payload.len,
            complete: true,
            lost: false,
        })
    }
}

impl Flows {
    /// Does what was noted down while others looked at the list.
    fn apply(&mut self) {
        for (id, edit) in self.edits.take() {
            let mut flows = self.list.iter_mut();
            if let Some(flow) = flows.find(|flow| flow.snapshot.id == id) {
                flow.edit(edit);
            }
        }
        self.list.extend(self.added.take());
        for (id, said) in self.changes.take() {
            match said {
                None => self.list.retain(|flow| flow.snapshot.id != id),
                Some(said) => {
                    let mut flows = self.list.iter_mut();
                    if let Some(flow) = flows.find(|flow| flow.snapshot.id == id) {
                        flow.snapshot.annotations =
                            Some(Arc::new(said)).filter(|said| !said.is_empty());
                    }
                }
            }
        }
    }

    /// What the list shows.
    fn shown(&self) -> Vec<FlowId> {
        let mut shown: Vec<_> = self.list.iter().map(|flow| &flow.snapshot).collect();
        let marked = |flow: &FlowSnapshot| {
            let said = flow.annotations.as_ref();
            said.is_some_and(|said| !said.marked.is_empty())
        };
        shown.retain(|flow| !self.settings.marked_only || marked(flow));
        if let Some(filter) = &self.settings.filter {
            shown.retain(|flow| filter.matches(&Seen(flow)));
        }
        let method =
            |flow: &FlowSnapshot| flow.request.as_ref().map(|request| request.method.clone());
        match self.settings.order {
            Order::Time | Order::Url => {}
            Order::Method => shown.sort_by_key(|flow| method(flow)),
            Order::Size => shown.sort_by_key(|flow| flow.response_body),
        }
        if self.settings.reversed {
            shown.reverse();
        }
        shown.into_iter().map(|flow| flow.id).collect()
    }

    fn get(&self, id: FlowId) -> Option<&Fake> {
        self.list.iter().find(|flow| flow.snapshot.id == id)
    }
}

/// A fake, for a filter that asks for heads.
struct Seen<'a>(&'a FlowSnapshot);

impl Subject for Seen<'_> {
    fn kind(&self) -> FlowKind {
        self.0.kind
    }

    fn request(&self) -> Option<&Request> {
        self.0.request.as_ref()
    }

    fn response(&self) -> Option<&Response> {
        self.0.response.as_ref()
    }

    fn has_response(&self) -> bool {
        self.0.response.is_some()
    }

    fn status(&self) -> Option<u16> {
        self.0.response.as_ref().map(|response| response.status)
    }

    fn has_error(&self) -> bool {
        self.0.error.is_some()
    }

    fn is_websocket(&self) -> bool {
        self.0.stream == Some(StreamKind::WebSocket)
    }

    fn client_conn(&self) -> Option<&ClientConn> {
        Some(&self.0.client_conn)
    }

    fn server_conn(&self) -> Option<&ServerConn> {
        self.0.server_conn.as_deref()
    }

    fn dns(&self, _: Side) -> Option<&DnsMessage> {
        None
    }

    fn body(&self, _: Side) -> Body {
        Body::Missing
    }

    fn messages(&self, _: Option<Side>, _: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {}
}

impl backend::Flows for Flows {
    fn record(&self, id: FlowId) -> Option<Record> {
        let flow = self.get(id)?;
        let snapshot = flow.snapshot.clone();
        let [request_body, response_body] = flow.bodies.clone().map(Body::Bytes);
        let http = HttpRecord {
            response: snapshot.response,
            response_body,
            ..HttpRecord::new(snapshot.request?, request_body)
        };
        Some(Record {
            id: snapshot.file_id,
            client_conn: snapshot.client_conn,
            server_conn: snapshot.server_conn,
            error: snapshot.error,
            annotations: Annotations::default(),
            timestamp_created: snapshot.times.created,
            backup: None,
            detail: Detail::Http(Box::new(http)),
            verbatim: snapshot.verbatim,
        })
    }

    fn all(&self) -> Vec<FlowId> {
        self.list.iter().map(|flow| flow.snapshot.id).collect()
    }

    fn matching(&self, ids: &[FlowId], filter: &Filter) -> Vec<FlowId> {
        let matches = |id: &FlowId| {
            self.get(*id)
                .is_some_and(|flow| filter.matches(&Seen(&flow.snapshot)))
        };
        ids.iter().copied().filter(matches).collect()
    }

    fn annotate(&self, id: FlowId, change: &dyn Fn(&mut Annotations)) -> bool {
        let Some(flow) = self.get(id) else {
            return false;
        };
        let mut said = flow
            .snapshot
            .annotations
            .as_deref()
            .cloned()
            .unwrap_or_default();
        change(&mut said);
        self.changes.borrow_mut().push((id, Some(said)));
        true
    }

    fn remove(&self, ids: &[FlowId]) -> usize {
        let finished = |id: &FlowId| {
            self.get(*id)
                .is_some_and(|flow| !flow.snapshot.state.is_live())
        };
        let gone: Vec<_> = ids.iter().copied().filter(finished).collect();
        self.changes
            .borrow_mut()
            .extend(gone.iter().map(|id| (*id, None)));
        gone.len()
    }

    fn revert(&self, _: FlowId) -> Result<bool, ratel_core::store::EditError> {
        Ok(true)
    }

    fn edit(&self, id: FlowId, edit: &Edit) -> Result<(), ratel_core::store::EditError> {
        self.edits.borrow_mut().push((id, edit.clone()));
        Ok(())
    }

    fn add(&self, record: &Record) -> std::io::Result<FlowId> {
        let id = self.list.iter().map(|flow| flow.snapshot.id.0).max();
        let id = id.unwrap_or_default() + 1;
        let http = record.http().expect("tests add HTTP");
        let mut flow = Fake::new(id, "GET", "/", 200, "", "");
        flow.snapshot.request = Some(http.request.clone());
        flow.snapshot.response.clone_from(&http.response);
        flow.snapshot.times.created = record.timestamp_created;
        self.added.borrow_mut().push(flow);
        Ok(FlowId(id))
    }

    fn duplicate(&self, id: FlowId) -> std::io::Result<Option<FlowId>> {
        let record = backend::Flows::record(self, id);
        record.map(|record| self.add(&record)).transpose()
    }
}

impl Shelf for Flows {
    fn take(&self, id: FlowId) -> Option<Record> {
        backend::Flows::record(self, id)
    }

    fn put(&self, _: &Record) -> std::io::Result<FlowId> {
        Ok(FlowId(0))
    }
}

/// What sends requests again: of a store that has none.
fn replays() -> &'static Replays {
    static REPLAYS: OnceLock<Replays> = OnceLock::new();
    REPLAYS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FlowStore::start(StoreConfig {
            dir: folder.path().to_owned(),
            memory_bytes: 1 << 20,
            disk_bytes: 1 << 20,
        });
        let store = store.expect("a store");
        Replays {
            client: ClientReplay::new(store.clone(), FlowFiles::default()),
            server: ServerReplay::new(store, FlowFiles::default()),
        }
    })
}

/// What a program makes of a text.
type Editor = fn(&[u8]) -> Vec<u8>;

/// A screen that is driven by hand.
pub(crate) struct Ui {
    pub(crate) model: Model,
    pub(crate) options: ratel_core::options::Options,
    /// What is live: nothing at first.
    pub(crate) control: ratel_core::control::Control,
    pub(crate) redactor: ratel_flow::redact::Redactor,
    values: Arc<Values>,
    pub(crate) flows: Flows,
    /// Lines that were kept for the history of the prompt.
    pub(crate) kept: Vec<String>,
    /// What is in the clipboard.
    pub(crate) clipboard: String,
    /// What a program of the user's own makes of a text; none where there is no such program.
    pub(crate) editor: Option<Editor>,
    /// What was asked of the rest of the program.
    pub(crate) asked: Vec<Effect>,
    pub(crate) log: Vec<Entry>,
    /// Files are read and written. Without that it is noted what would be done.
    pub(crate) with_files: bool,
    pub(crate) begun: Vec<Errand>,
    pub(crate) quit: bool,
    pub(crate) suspended: usize,
    size: (u16, u16),
    now: Timestamp,
}

impl Ui {
    pub(crate) fn new(size: (u16, u16), flows: Vec<Fake>) -> Self {
        Self::with_look(size, flows, Look::default(), &[])
    }

    /// With these options set.
    pub(crate) fn set(size: (u16, u16), flows: Vec<Fake>, specs: &[&str]) -> Self {
        Self::with_look(size, flows, Look::default(), specs)
    }

    pub(crate) fn with_look(
        size: (u16, u16),
        flows: Vec<Fake>,
        look: Look,
        specs: &[&str],
    ) -> Self {
        let info = ProxyInfo {
            modes: vec![ModeInfo {
                description: "reverse:https://service.dev".into(),
                listen_addrs: vec!["*:8080".into()],
                address_hint: "localhost:8080".into(),
                target: Some("https://service.dev".into()),
            }],
            ca_path: "/home/u/.ratel/ratel-ca-cert.pem".into(),
            onboarding_host: Some("mitm.it".into()),
            version: "0.1.0".into(),
        };
        Self::with_info(size, flows, look, specs, info)
    }

    pub(crate) fn with_info(
        size: (u16, u16),
        flows: Vec<Fake>,
        look: Look,
        specs: &[&str],
        info: ProxyInfo,
    ) -> Self {
        let values = Values::with_folders("/dev/null", None);
        let options = ratel_core::options::Options::with(values).expect("defaults go together");
        options.set(specs).expect("options that there are");
        let values = options.snapshot();
        let model = Model::new(info, look, values.clone());
        let flows = Flows {
            list: flows,
            settings: model.view_settings(),
            ..Flows::default()
        };
        let mut ui = Self {
            model,
            control: Default::default(),
            redactor: ratel_flow::redact::Redactor::from_rules([""; 0]).expect("no rules"),
            options,
            values,
            flows,
            kept: Vec::new(),
            clipboard: String::new(),
            editor: None,
            asked: Vec::new(),
            log: Vec::new(),
            with_files: false,
            begun: Vec::new(),
            quit: false,
            suspended: 0,
            size,
            now: Timestamp(START),
        };
        ui.resize(size);
        ui
    }

    pub(crate) fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.send(Msg::Resize(size.0, size.1));
        self.frame();
    }

    /// Changes the model and does what it asks for, as the loop does.
    pub(crate) fn send(&mut self, msg: Msg) {
        let mut msgs = VecDeque::from([msg]);
        while let Some(msg) = msgs.pop_front() {
            for effect in update(&mut self.model, msg) {
                match effect {
                    Effect::Page(query) => {
                        msgs.push_back(Msg::Page(source::page(&self.flows, &query)))
                    }
                    Effect::Open(query) => {
                        msgs.push_back(Msg::Opened(Box::new(source::open(&self.flows, &query))))
                    }
                    Effect::Tree(query) => {
                        let page = source::tree_page(&self.flows, &query);
                        msgs.push_back(Msg::Tree(Box::new(page)));
                    }
                    Effect::KeepTree(wanted) => {
                        *self.flows.tree.borrow_mut() = wanted.then(Tree::default);
                        msgs.push_back(Msg::List);
                    }
                    Effect::Fold(branch, how) => {
                        self.flows.tree(&mut |tree| tree.fold(branch, how));
                        msgs.push_back(Msg::List);
                    }
                    Effect::View(settings) => {
                        self.flows.settings = settings;
                        msgs.push_back(Msg::List);
                    }
                    Effect::ReadLog => msgs.push_back(Msg::LogRead(self.log.clone())),
                    Effect::Search(id, place, from) => {
                        let found = source::search(&self.flows, id, place, from);
                        msgs.push_back(Msg::Found(id, place, found));
                    }
                    Effect::Count(id, place, from) => {
                        let (from, done) = source::count(&self.flows, id, place, from);
                        msgs.push_back(Msg::Counted(id, place, from, done));
                    }
                    // All else that has to do with files is begun as an errand.
                    Effect::Run(call, _)
                        if !self.with_files
                            && matches!(call.name(), "options.save" | "options.load") =>
                    {
                        self.asked.push(Effect::Run(call, None));
                    }
                    Effect::Run(call, focus) => {
                        let result = self.backend(focus, &mut msgs, |backend| backend.run(&call));
                        msgs.push_back(Msg::Ran(call, result));
                        self.flows.apply();
                        let values = self.options.snapshot();
                        if !Arc::ptr_eq(&self.values, &values) {
                            self.values = values.clone();
                            msgs.push_front(Msg::Options(values));
                        }
                        msgs.push_back(Msg::Store(Update::Resync));
                    }
                    Effect::Resolve(call, spec, focus) => {
                        let ids = self.backend(focus, &mut msgs, |backend| backend.resolve(&spec));
                        msgs.push_back(Msg::Resolved(call, ids));
                    }
                    Effect::Paths(typed) => {
                        let found = ["/tmp/flows/", "/tmp/flow.txt"].map(|text| Candidate {
                            text: text.into(),
                            help: String::new(),
                        });
                        let found = found
                            .into_iter()
                            .filter(|found| found.text.starts_with(&typed));
                        msgs.push_back(Msg::Paths(typed.clone(), found.collect()));
                    }
                    effect @ (Effect::EditOptions(..)
                    | Effect::Diff(..)
                    | Effect::Edit(..)
                    | Effect::SetText(..)
                    | Effect::EditText(..)
                    | Effect::SetRows(..)
                    | Effect::EditCell(_)) => self.edit(effect, &mut msgs),
                    Effect::KeepHistory(line) => self.kept.push(line),
                    Effect::Suspend => self.suspended += 1,
                    Effect::Quit => self.quit = true,
                    effect => self.asked.push(effect),
                }
            }
        }
    }

    /// Does what has to do with parts of flows.
    fn edit(&mut self, effect: Effect, msgs: &mut VecDeque<Msg>) {
        match effect {
            Effect::EditOptions(call, id) => {
                let found = self.backend(Some(id), msgs, |backend| {
                    editing::options(backend, None, id)
                });
                msgs.push_back(Msg::EditOptions(call, found));
            }
            Effect::Diff(call, focus) => {
                let found = self.backend(focus, msgs, |backend| backend.diff(&call));
                msgs.push_back(Msg::Diffed(found));
            }
            Effect::Edit(id, part) => {
                let begun = self.backend(Some(id), msgs, |backend| {
                    editing::begin(backend, None, id, &part)
                });
                let text = match begun {
                    Ok(Begun::Text(text)) if !text.here => text,
                    begun => {
                        msgs.push_back(Msg::EditBegun(id, part, begun));
                        return;
                    }
                };
                let edited = self.editor.map(|editor| editor(&text.bytes));
                let changed = self.backend(Some(id), msgs, |backend| match edited {
                    Some(edited) => editing::finish(backend, None, id, &text.of, &edited),
                    None => Err(CommandError::failed("there is no editor")),
                });
                self.flows.apply();
                msgs.push_back(Msg::Edited(id, part, changed));
            }
            Effect::SetText(id, part, of, bytes) => {
                let changed = self.backend(Some(id), msgs, |backend| {
                    editing::finish(backend, None, id, &of, &bytes)
                });
                self.flows.apply();
                msgs.push_back(Msg::TextSet(id, part, changed));
            }
            Effect::EditText(_, _, bytes, _) => {
                let edited = self.editor.map(|editor| editor(&bytes));
                let edited = edited.ok_or_else(|| "there is no editor".to_owned());
                msgs.push_back(Msg::TextEdited(edited));
            }
            Effect::SetRows(id, part, rows) => {
                let changed = self.backend(Some(id), msgs, |backend| {
                    editing::set_rows(backend, id, part, &rows)
                });
                self.flows.apply();
                msgs.push_back(Msg::RowsSet(id, part, changed));
            }
            Effect::EditCell(bytes) if self.editor.is_some() => {
                let edited = self.editor.map(|editor| editor(&bytes));
                msgs.push_back(Msg::Cell(edited.ok_or_else(String::new)));
            }
            effect => self.asked.push(effect),
        }
    }

    fn backend<T>(
        &mut self,
        focus: Option<FlowId>,
        msgs: &mut VecDeque<Msg>,
        run: impl FnOnce(&mut Backend<'_>) -> T,
    ) -> T {
        let now = self.now;
        let (log, clipboard) = (&mut self.log, &mut self.clipboard);
        let cleared = Cell::new(false);
        let mut said = Vec::new();
        let mut begun: Vec<Errand> = Vec::new();
        let result = run(&mut Backend {
            flows: &self.flows,
            control: &self.control,
            redactor: &self.redactor,
            options: &self.options,
            focus,
            filters: Default::default(),
            copy: &mut |text| {
                *clipboard = String::from_utf8_lossy(text).into_owned();
                Ok(Some("copied to the clipboard".to_owned()))
            },
            log: &mut |level, text| {
                let entry = Entry {
                    level,
                    timestamp: now,
                    message: text.into(),
                    client: None,
                };
                said.push(entry);
            },
            clear_log: &mut || cleared.set(true),
            begin: &mut |errand| begun.push(errand),
            replays: replays(),
            browsers: &NoBrowsers,
            reading: false,
        });
        let begun = begun.into_iter().filter(|errand| {
            if !self.with_files {
                self.begun.push(errand.clone());
            }
            self.with_files
        });
        for errand in begun {
            let (progress, texts) = (Progress::default(), RefCell::new(Vec::new()));
            let means = Means {
                shelf: &self.flows,
                files: &FlowFiles::default(),
                redactor: &self.redactor,
                replays: replays(),
                log: &|level, text| {
                    texts.borrow_mut().push(Entry {
                        level,
                        timestamp: now,
                        message: text.into(),
                        client: None,
                    });
                },
            };
            errand.run(&means, &progress);
            said.extend(texts.into_inner());
        }
        if cleared.get() {
            log.clear();
            msgs.push_back(Msg::Log(LogUpdate::Resync));
        }
        for entry in said {
            log.push(entry.clone());
            msgs.push_back(Msg::Log(LogUpdate::Added(entry)));
        }
        result
    }

    fn frame(&mut self) {
        for _ in 0..4 {
            self.send(Msg::Frame(self.now));
        }
    }

    /// Presses keys, separated by spaces: `j G enter page_down`.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        for name in keys.split(' ') {
            let name = name.replace('_', " ");
            self.send(Msg::Key(
                Key::parse(&name).unwrap_or_else(|| panic!("{name} is no key")),
            ));
            self.frame();
        }
        self
    }

    /// Runs a command.
    pub(crate) fn command(&mut self, line: &str) -> &mut Self {
        self.keys("ctrl_g :");
        self.type_in(line);
        self.keys("enter")
    }

    /// Types text.
    pub(crate) fn type_in(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Msg::Key(Key::Char(c)));
        }
        self
    }

    pub(crate) fn log(&mut self, level: Level, message: &str) {
        let entry = Entry {
            level,
            timestamp: self.now,
            message: message.into(),
            client: Some("127.0.0.1:5".into()),
        };
        self.log.push(entry.clone());
        self.send(Msg::Log(LogUpdate::Added(entry)));
    }

    pub(crate) fn add(&mut self, flow: Fake) {
        let id = flow.snapshot.id;
        self.flows.list.push(flow);
        self.send(Msg::Store(Update::Added(id)));
        self.frame();
    }

    pub(crate) fn changed(&mut self, id: u64) {
        self.send(Msg::Store(Update::Changed(FlowId(id))));
        self.frame();
    }

    /// Something happens to the flow.
    pub(crate) fn change(&mut self, id: u64, change: impl FnOnce(&mut Fake)) {
        let mut flows = self.flows.list.iter_mut();
        let flow = flows.find(|flow| flow.snapshot.id.0 == id);
        change(flow.expect("the test has put it there"));
        self.changed(id);
    }

    pub(crate) fn evict(&mut self, count: usize) {
        let up_to = self.flows.list[count - 1].snapshot.id;
        self.flows.list.drain(..count);
        self.flows.evicted += count as u64;
        self.send(Msg::Store(Update::Evicted { up_to }));
        self.frame();
    }

    pub(crate) fn pass_time(&mut self, secs: u64) {
        self.now.0 += secs * 1_000_000_000;
        self.frame();
    }

    /// The cells of the screen.
    pub(crate) fn terminal(&self) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal
    }

    /// What is on the screen, without the space at the ends of rows.
    pub(crate) fn text(&self) -> String {
        let terminal = self.terminal();
        let buffer = terminal.backend().buffer();
        let rows = buffer.content().chunks(usize::from(self.size.0).max(1));
        let rows = rows.map(|row| {
            let mut text = String::new();
            let mut skip = 0;
            for cell in row {
                if skip == 0 {
                    text.push_str(cell.symbol());
                    skip = unicode_width::UnicodeWidthStr::width(cell.symbol());
                }
                skip = skip.saturating_sub(1);
            }
            text.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }
}

/// One flow of each kind that the list knows.
pub(crate) fn sample() -> Vec<Fake> {
    vec![
        Fake::new(
            1,
            "GET",
            "/",
            200,
            "text/html; charset=utf-8",
            "<h1>hello</h1>\n",
        ),
        Fake::new(
            2,
            "POST",
            "/api/orders?limit=50",
            201,
            "application/json",
            r#"{"id": 7, "open": true}"#,
        ),
        Fake::new(3, "GET", "/old", 301, "text/plain", ""),
        Fake::new(
            4,
            "DELETE",
            "/api/orders/7",
            404,
            "text/plain",
            "no such order",
        ),
        Fake::new(
            5,
            "GET",
            "/a/very/long/path/that/does/not/fit/into/any/row/of/eighty/columns",
            500,
            "text/plain",
            "x",
        ),
        Fake::new(
            6,
            "GET",
            "/events",
            200,
            "text/event-stream",
            "data: 1\n\ndata: 2\n\n",
        )
        .streaming(),
        Fake::new(7, "GET", "/slow", 200, "", "").waiting(),
        Fake::new(8, "GET", "/down", 502, "", "").failed(
            "cannot connect to service.dev:443: connection refused",
            "is it running?",
        ),
        Fake::new(9, "", "", 0, "", "")
            .failed(
                "the client does not trust the certificate: unknown ca",
                "install the CA certificate",
            )
            .connection(),
    ]
}

/// Starts none, and says which.
#[derive(Debug)]
struct NoBrowsers;

impl ratel_core::browser::Browsers for NoBrowsers {
    fn start(&self, name: &str) -> Result<String, ratel_core::browser::BrowserError> {
        match name {
            "firefox" => Err(ratel_core::browser::BrowserError::NoProxy),
            name => Ok(format!("started {name}")),
        }
    }
}
