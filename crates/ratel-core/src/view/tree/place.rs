//! Where a flow belongs in the tree, and what is counted of it.

use std::ops::{AddAssign, SubAssign};

use ratel_flow::http::authority;
use ratel_flow::{FlowKind, Scheme};

use crate::store::{RequestLine, Summary};

/// A path has no more levels than this; what comes after is one name.
const LEVELS: usize = 12;

/// Longer names are cut, so that a path of a mebibyte costs no more than others, in bytes.
const NAME_MAX: usize = 256;

/// What is counted of the flows in a branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub flows: usize,
    /// Those that go on.
    pub live: usize,
    /// Those that are held back.
    pub held: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those with a status of 4xx.
    pub client_errors: usize,
    /// Those with a status of 5xx.
    pub server_errors: usize,
    /// Those with a mark.
    pub marked: usize,
    /// Bytes of their bodies.
    pub bytes: u64,
}

impl Tally {
    /// What one flow counts for.
    pub(super) fn of(flow: &Summary) -> Self {
        let said = flow.annotations.as_deref();
        let status = |class| usize::from(flow.status.is_some_and(|status| status / 100 == class));
        Self {
            flows: 1,
            live: usize::from(flow.state.is_live()),
            held: usize::from(said.is_some_and(|said| said.intercepted)),
            failed: usize::from(flow.error.is_some()),
            client_errors: status(4),
            server_errors: status(5),
            marked: usize::from(said.is_some_and(|said| !said.marked.is_empty())),
            bytes: flow.request_body + flow.response_body,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.flows += other.flows;
        self.live += other.live;
        self.held += other.held;
        self.failed += other.failed;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
        self.marked += other.marked;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.flows = self.flows.saturating_sub(other.flows);
        self.live = self.live.saturating_sub(other.live);
        self.held = self.held.saturating_sub(other.held);
        self.failed = self.failed.saturating_sub(other.failed);
        self.client_errors = self.client_errors.saturating_sub(other.client_errors);
        self.server_errors = self.server_errors.saturating_sub(other.server_errors);
        self.marked = self.marked.saturating_sub(other.marked);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }
}

/// The names from the root to where the flow belongs: `https://service.dev`, `api`, `orders`.
pub(super) fn names(flow: &Summary) -> Vec<Box<[u8]>> {
    let Some(request) = &flow.request else {
        return vec![cut(peer(flow).as_bytes())];
    };
    let mut names = Vec::with_capacity(4);
    if is_tunnel(request) {
        let host = authority(&request.host, request.port, Scheme::Https);
        names.push(cut(format!("https://{host}").as_bytes()));
        return names;
    }
    let host = authority(&request.host, request.port, request.scheme);
    names.push(cut(
        format!("{}://{host}", request.scheme.as_str()).as_bytes()
    ));
    names.extend(
        path(&request.path)
            .splitn(LEVELS, |byte| *byte == b'/')
            .map(cut),
    );
    // `/` is the root's own.
    if names.len() == 2 && names.last().is_some_and(|name| name.is_empty()) {
        names.pop();
    }
    names
}

/// A request that opens a tunnel; an extended `CONNECT` (RFC 8441) is for a URL like any other request.
fn is_tunnel(request: &RequestLine) -> bool {
    request.method.eq_ignore_ascii_case(b"CONNECT") && !request.path.starts_with(b"/")
}

/// The path without the slash in front and without the query.
fn path(target: &[u8]) -> &[u8] {
    let path = target
        .split(|byte| matches!(byte, b'?' | b'#'))
        .next()
        .unwrap_or_default();
    path.strip_prefix(b"/").unwrap_or(path)
}

fn cut(name: &[u8]) -> Box<[u8]> {
    name.get(..NAME_MAX).unwrap_or(name).into()
}

/// What a flow without a request is about: the server by address, or the name that the client asked for.
fn peer(flow: &Summary) -> String {
    let tls = flow.client_conn.tls.as_ref();
    let scheme = match flow.kind {
        FlowKind::Udp => "udp",
        FlowKind::Dns => "dns",
        FlowKind::Http | FlowKind::Connection if tls.is_some() => "https",
        FlowKind::Http | FlowKind::Connection | FlowKind::Tcp => "tcp",
    };
    // Whoever stands in for a server is called for that one.
    let mode = &flow.client_conn.proxy_mode;
    let target = mode.strip_prefix("reverse:");
    let target = target.and_then(|target| target.split('@').next());
    if let (Some(target), None) = (
        target.filter(|target| target.starts_with("http")),
        &flow.server_conn,
    ) {
        return target.to_owned();
    }
    if let Some(server) = &flow.server_conn {
        let (host, port) = &server.address;
        let host = match scheme {
            "https" => authority(host, *port, Scheme::Https),
            // No port is the usual one.
            _ if host.contains(':') => format!("[{host}]:{port}"),
            _ => format!("{host}:{port}"),
        };
        return format!("{scheme}://{host}");
    }
    match tls.and_then(|tls| tls.sni.as_ref()) {
        Some(sni) => format!("{scheme}://{sni}"),
        None => format!("{scheme}://?"),
    }
}
