//! What readers get: rows and snapshots, put together from the index and the heads on disk.

use std::sync::{Arc, RwLockReadGuard};
use std::time::Duration;

use bytes::Bytes;
use ratel_flow::record::WebSocketRecord;
use ratel_flow::{
    Annotations, ClientConn, FlowError, FlowId, FlowKind, Request, Response, Scheme, ServerConn,
    Side, StreamKind, Timestamp, Verbatim, Version, WebSocketClose,
};
use ratel_proto::Headers;

use super::export::file_id;
use super::extents::Loc;
use super::index::{Entry, Index};
use super::segments::Segment;
use super::source::{Cached, Source};
use super::{Shared, head, read_lock};

/// How far a flow has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowState {
    /// The request is being received.
    Open,
    /// The request is complete and there is no response.
    AwaitingResponse,
    /// The response's head is there, and its body may be on its way.
    Streaming,
    /// Finished without an error.
    Done,
    /// Finished with an error.
    Failed,
}

impl FlowState {
    /// Whether more may come.
    #[must_use]
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Done | Self::Failed)
    }
}

/// What a row of a list shows: cheap to get, for 50 flows at a time.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Identity.
    pub id: FlowId,
    /// Kind of exchange.
    pub kind: FlowKind,
    /// How far it has got.
    pub state: FlowState,
    /// The connection the request came on.
    pub client_conn: Arc<ClientConn>,
    /// The connection it went out on, once there is one.
    pub server_conn: Option<Arc<ServerConn>>,
    /// The request's part; none before there is one, or when it is lost.
    pub request: Option<RequestLine>,
    /// Status code, once there is a response.
    pub status: Option<u16>,
    /// Value of the response's first `Content-Type`, as sent.
    pub content_type: Option<Bytes>,
    /// Why it failed.
    pub error: Option<FlowError>,
    /// Bytes of the request's body so far.
    pub request_body: u64,
    /// Bytes of the response's body so far.
    pub response_body: u64,
    /// What the messages of the flow are, if it has any.
    pub stream: Option<StreamKind>,
    /// Complete messages so far.
    pub messages: u64,
    /// How a gRPC call ended: the code and the message.
    pub grpc_status: Option<(u32, Arc<str>)>,
    /// How a WebSocket was closed, if it was.
    pub close: Option<WebSocketClose>,
    /// When the pieces of it happened.
    pub times: Times,
    /// What people and addons have said of it; none for nothing.
    pub annotations: Option<Arc<Annotations>>,
    /// It is not what it was: it was changed after it was recorded.
    pub modified: bool,
    /// Some of it could not be recorded or is gone already.
    pub lossy: bool,
}

/// What a row shows of a request.
#[derive(Clone, Debug)]
pub struct RequestLine {
    /// Method, as sent.
    pub method: Bytes,
    /// Scheme.
    pub scheme: Scheme,
    /// Host, without brackets.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Path and query.
    pub path: Bytes,
    /// Version it was sent with.
    pub version: Version,
}

/// The points in time of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The flow was opened.
    pub created: Timestamp,
    /// What is in the flow now began: later than `created` when its request was sent again.
    pub began: Timestamp,
    /// The request was complete.
    pub request_end: Option<Timestamp>,
    /// The first byte of the response.
    pub response_start: Option<Timestamp>,
    /// The response was complete.
    pub response_end: Option<Timestamp>,
    /// The last thing that happened: a piece of a body, an end, an error, the finish.
    pub last: Timestamp,
    /// How long its request or its response was held back by somebody, which is no time that it took. A stream goes on
    /// while its head, or a message, is held: that does not count.
    pub held: Duration,
}

impl Times {
    /// The head of a request says when it began.
    fn requested(&mut self, at: Timestamp) {
        self.began = self.created.max(at);
    }
}

/// All of a flow but its bodies, as it was in the moment of asking.
#[derive(Clone, Debug)]
pub struct FlowSnapshot {
    /// Identity.
    pub id: FlowId,
    /// Kind of exchange.
    pub kind: FlowKind,
    /// How far it has got.
    pub state: FlowState,
    /// The connection the request came on.
    pub client_conn: Arc<ClientConn>,
    /// The connection it went out on, once there is one.
    pub server_conn: Option<Arc<ServerConn>>,
    /// The request's head; none before there is one, or when it is lost.
    pub request: Option<Request>,
    /// The response's head; none before there is one, or when it is lost.
    pub response: Option<Response>,
    /// Informational (1xx) responses, in order.
    pub informational: Vec<Response>,
    /// Trailers of the request.
    pub request_trailers: Option<Headers>,
    /// Trailers of the response.
    pub response_trailers: Option<Headers>,
    /// Why it failed.
    pub error: Option<FlowError>,
    /// Bytes of the request's body so far.
    pub request_body: u64,
    /// Bytes of the response's body so far.
    pub response_body: u64,
    /// What the messages of the flow are, if it has any.
    pub stream: Option<StreamKind>,
    /// Complete messages so far.
    pub messages: u64,
    /// How a gRPC call ended: the code and the message.
    pub grpc_status: Option<(u32, Arc<str>)>,
    /// How a WebSocket was closed, if it was.
    pub close: Option<WebSocketClose>,
    /// When the pieces of it happened.
    pub times: Times,
    /// The id it has in files.
    pub file_id: Arc<str>,
    /// What people and addons have said of it; none for nothing.
    pub annotations: Option<Arc<Annotations>>,
    /// It is not what it was: it was changed after it was recorded.
    pub modified: bool,
    /// Bodies of the request and the response that the file it was read from does not have.
    pub missing: [bool; 2],
    /// When it was read, if it came from a file and not from the proxy.
    pub imported: Option<Timestamp>,
    /// What that file says of it in a form that there is no other place for.
    pub verbatim: Verbatim,
    /// How its WebSocket ended, as that file says; without messages.
    pub websocket: Option<Arc<WebSocketRecord>>,
    /// Some of it could not be recorded or is gone already.
    pub lossy: bool,
}

pub(super) fn summary(shared: &Shared, id: FlowId) -> Option<Summary> {
    let index = read_lock(&shared.index);
    let entry = index.get(id)?;
    let request = find(&index, entry.request);
    let response = find(&index, entry.response);
    let mut summary = Summary {
        id,
        kind: entry.kind,
        state: state(entry),
        client_conn: entry.client.clone(),
        server_conn: entry.server.clone(),
        request: None,
        status: (entry.status != 0).then_some(entry.status),
        content_type: None,
        error: entry.rare.as_ref().and_then(|rare| rare.error.clone()),
        request_body: entry.bodies[0].len,
        response_body: entry.bodies[1].len,
        stream: entry.messages.as_ref().and_then(|messages| messages.kind),
        messages: entry
            .messages
            .as_ref()
            .map_or(0, |messages| messages.count()),
        grpc_status: entry
            .messages
            .as_ref()
            .and_then(|messages| messages.grpc.clone()),
        close: entry
            .messages
            .as_ref()
            .and_then(|messages| messages.close.as_deref().cloned()),
        times: times(entry),
        annotations: annotations(entry),
        modified: entry.original().is_some(),
        lossy: entry.lossy,
    };
    drop(index);

    if let Some(request) = load(request, head::get_request) {
        summary.times.requested(request.timestamp_start);
        summary.request = Some(RequestLine {
            method: request.method,
            scheme: request.scheme,
            host: request.host,
            port: request.port,
            path: request.path,
            version: request.version,
        });
    }
    if let Some(response) = load(response, head::get_response) {
        summary.content_type = response
            .headers
            .get("content-type")
            .map(Bytes::copy_from_slice);
        summary.times.response_start = Some(response.timestamp_start);
    }
    Some(summary)
}

pub(super) fn snapshot(shared: &Shared, id: FlowId) -> Option<FlowSnapshot> {
    snapshot_from(&mut Cached::default(), shared, id)
}

/// As [`snapshot`], from a source of the caller's.
pub(super) fn snapshot_from(
    source: &mut impl Source,
    shared: &Shared,
    id: FlowId,
) -> Option<FlowSnapshot> {
    let index = read_lock(&shared.index);
    let entry = index.get(id)?;
    let now = Heads {
        request: entry.request,
        response: entry.response,
        trailers: entry.rare.as_ref().map_or([None; 2], |rare| rare.trailers),
    };
    let snapshot = begun(id, entry);
    Some(complete(source, index, snapshot, now))
}

/// As [`snapshot`], of the flow as it was before it was changed.
pub(super) fn snapshot_before(shared: &Shared, id: FlowId) -> Option<FlowSnapshot> {
    let index = read_lock(&shared.index);
    let entry = index.get(id)?;
    let original = entry.original()?;
    let request = entry.half_before(Side::Client)?;
    let response = entry.half_before(Side::Server)?;
    let before = Heads {
        request: request.head,
        response: response.head,
        trailers: [request.trailers, response.trailers],
    };
    let mut snapshot = begun(id, entry);
    snapshot.request_body = request.body.len;
    snapshot.response_body = response.body.len;
    let ended = |end: Timestamp| (end != Timestamp(0)).then_some(end);
    snapshot.times.request_end = ended(request.end);
    snapshot.times.response_end = ended(response.end);
    snapshot.missing = [request.missing, response.missing];
    // Until it is over, all that is not of one side is no other than it was.
    if !original.live {
        snapshot.error.clone_from(&original.error);
        snapshot.annotations.clone_from(&original.annotations);
        (snapshot.times.last, snapshot.times.held) = (original.last, original.held);
        if let Some(client) = &original.client {
            snapshot.client_conn = client.clone();
        }
        snapshot.server_conn.clone_from(&original.server);
        snapshot.lossy = original.lossy;
    }
    snapshot.modified = false;
    Some(complete(&mut Cached::default(), index, snapshot, before))
}

/// Where the heads and trailers of a flow lie.
struct Heads {
    request: Loc,
    response: Loc,
    trailers: [Option<Loc>; 2],
}

/// What the index knows of a flow.
fn begun(id: FlowId, entry: &Entry) -> FlowSnapshot {
    let rare = entry.rare.as_deref();
    let filed = rare.and_then(|rare| rare.filed.as_deref());
    let messages = entry.messages.as_deref();
    FlowSnapshot {
        id,
        kind: entry.kind,
        state: state(entry),
        client_conn: entry.client.clone(),
        server_conn: entry.server.clone(),
        request: None,
        response: None,
        informational: Vec::new(),
        request_trailers: None,
        response_trailers: None,
        error: rare.and_then(|rare| rare.error.clone()),
        request_body: entry.bodies[0].len,
        response_body: entry.bodies[1].len,
        stream: messages.and_then(|messages| messages.kind),
        messages: messages.map_or(0, |messages| messages.count()),
        grpc_status: messages.and_then(|messages| messages.grpc.clone()),
        close: messages.and_then(|messages| messages.close.as_deref().cloned()),
        times: times(entry),
        file_id: filed
            .and_then(|filed| filed.id.clone())
            .unwrap_or_else(|| file_id(id)),
        annotations: annotations(entry),
        modified: entry.original().is_some(),
        missing: rare.map_or([false; 2], |rare| rare.missing),
        imported: filed.map(|filed| filed.at),
        websocket: filed.and_then(|filed| filed.websocket.clone()),
        verbatim: filed
            .map(|filed| filed.verbatim.clone())
            .unwrap_or_default(),
        lossy: entry.lossy,
    }
}

/// Adds what lies in the segments. The index is let go before anything is read.
fn complete(
    source: &mut impl Source,
    index: RwLockReadGuard<'_, Index>,
    mut snapshot: FlowSnapshot,
    heads: Heads,
) -> FlowSnapshot {
    let request = find(&index, heads.request);
    let response = find(&index, heads.response);
    let rare = index
        .get(snapshot.id)
        .and_then(|entry| entry.rare.as_deref());
    let informational: Vec<_> = rare
        .map_or(&[][..], |rare| &rare.informational)
        .iter()
        .map(|loc| find(&index, *loc))
        .collect();
    let trailers = heads
        .trailers
        .map(|trailers| find(&index, trailers.unwrap_or_default()));
    drop(index);

    snapshot.request = load_from(source, request, head::get_request);
    if let Some(request) = &snapshot.request {
        snapshot.times.requested(request.timestamp_start);
    }
    snapshot.response = load_from(source, response, head::get_response);
    snapshot.times.response_start = snapshot
        .response
        .as_ref()
        .map(|response| response.timestamp_start);
    snapshot.informational = informational
        .into_iter()
        .filter_map(|found| load_from(source, found, head::get_response))
        .collect();
    [snapshot.request_trailers, snapshot.response_trailers] =
        trailers.map(|found| load_from(source, found, head::get_headers));
    snapshot
}

fn annotations(entry: &Entry) -> Option<Arc<Annotations>> {
    let rare = entry.rare.as_ref()?;
    rare.annotations.clone().filter(|said| !said.is_empty())
}

fn state(entry: &Entry) -> FlowState {
    let failed = entry.rare.as_ref().is_some_and(|rare| rare.error.is_some());
    match (entry.finished, failed) {
        (true, true) => FlowState::Failed,
        (true, false) => FlowState::Done,
        (false, _) if entry.status != 0 => FlowState::Streaming,
        (false, _) if entry.ends[0] != Timestamp(0) => FlowState::AwaitingResponse,
        (false, _) => FlowState::Open,
    }
}

fn times(entry: &Entry) -> Times {
    let [request_end, response_end] = entry.ends.map(|end| (end != Timestamp(0)).then_some(end));
    Times {
        created: entry.created,
        began: entry.created,
        request_end,
        response_start: None,
        response_end,
        last: entry.last,
        held: entry.rare.as_ref().map_or(Duration::ZERO, |rare| rare.held),
    }
}

/// A place with the file that holds it, which stays readable however long the reader takes.
type InFile = Option<(Arc<Segment>, Loc)>;

fn find(index: &super::index::Index, loc: Loc) -> InFile {
    Some((index.segment(loc.segment)?, loc))
}

fn load<T>(found: InFile, decode: impl FnOnce(Bytes) -> Option<T>) -> Option<T> {
    load_from(&mut Cached::default(), found, decode)
}

fn load_from<T>(
    source: &mut impl Source,
    found: InFile,
    decode: impl FnOnce(Bytes) -> Option<T>,
) -> Option<T> {
    let (segment, loc) = found?;
    let mut bytes = Vec::new();
    source
        .append(&segment, loc.at, loc.len as usize, true, &mut bytes)
        .then(|| decode(bytes.into()))?
}
