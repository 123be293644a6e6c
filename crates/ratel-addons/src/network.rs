//! Makes the network bad for some flows (options `throttle`, `fault`, `fault_seed`, `network_active`): it says what happens
//! to a flow, and the engine does it. It stands behind all that change or answer flows, so that their answers suffer, too.

use std::ops::ControlFlow;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies, Gate, HookFuture, RawConnection, TlsBegin, done};
use ratel_core::clock;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::network::{self, Fault, FaultKind, Network, PlannedFault, Rule, Rules};
use ratel_core::options::{Values, keys};
use ratel_flow::dns::DnsMessage;
use ratel_flow::filter::{Filter, FilterOptions, LiveHttp, Needs, Stage, Subject};
use ratel_flow::record::Body;
use ratel_flow::{
    ClientConn, FlowId, FlowKind, Headers, HttpFlow, LiveAnnotations, Request, Response, Scheme,
    ServerConn, Side, Version,
};
use ratel_proto::streams::{self, BodyStream};

/// The addon.
#[derive(Debug, Default)]
pub struct BadNetwork {
    rules: ArcSwap<Rules>,
    options: FilterOptions,
}

/// What is not there when the head of a response has come.
const ANSWERED: Needs = Needs::REQUEST_BODY
    .with(Needs::RESPONSE_BODY)
    .with(Needs::MESSAGES);

/// What is not there yet when that of a request has.
const REQUESTED: Needs = ANSWERED.with(Needs::RESPONSE_HEAD);

impl BadNetwork {
    /// Reads filters in this way.
    #[must_use]
    pub fn new(options: FilterOptions) -> Self {
        Self {
            rules: ArcSwap::default(),
            options,
        }
    }

    /// Decides which rules are for a flow, of those that have not been decided about. With `ahead` there is no response yet.
    fn decide(&self, flow: &mut HttpFlow, bodies: &mut Bodies, ahead: bool) {
        let rules = self.rules.load();
        // Nothing is kept of a flow that no rule is for.
        let mut network = bodies.network.take();
        let missing = if ahead { REQUESTED } else { ANSWERED };
        for rule in &rules.throttles {
            if is_for(rule, flow, missing, &mut network) {
                let network = network.get_or_insert_default();
                network.throttles.push(rule.what.clone());
                rule.hits.add();
                network::slowed(&mut flow.annotations, &rule.spec);
            }
        }
        for rule in &rules.faults {
            let fault = &rule.what;
            let is_grpc = matches!(fault.kind, FaultKind::Grpc(_));
            let too_late = !ahead && fault.kind.precedes_response();
            if fault.kind == FaultKind::Tls
                || too_late
                || (is_grpc && !is_call(flow))
                || !is_for(rule, flow, missing, &mut network)
                || !fault.happens()
            {
                continue;
            }
            let planned = planned(rule);
            if !fault.kind.depends_on_body() {
                planned.happens(&mut flow.annotations);
            }
            match fault.kind {
                FaultKind::Status(status) => {
                    answer(flow, bodies, Response::new(status, clock::now()));
                }
                FaultKind::Grpc(code) => {
                    let response = call_ended(flow, code);
                    answer(flow, bodies, response);
                }
                _ => {
                    let network = network.get_or_insert_default();
                    network.faults.push(planned);
                }
            }
        }
        bodies.network = network;
    }
}

/// The fault as it happens this time.
fn planned(rule: &Rule<Fault>) -> PlannedFault {
    let kind = match rule.what.kind {
        FaultKind::Delay(from, to) => {
            let time = rule.what.time(from, to);
            FaultKind::Delay(time, time)
        }
        ref kind => kind.clone(),
    };
    PlannedFault {
        kind,
        spec: rule.spec.clone(),
        hits: rule.hits.clone(),
    }
}

/// A raw connection as filters see it: by what is asked of it, a tunnel to a host, or a flow of bytes. It has no response.
struct Raw<'a> {
    tunnel: LiveHttp<'a>,
    kind: FlowKind,
}

impl Subject for Raw<'_> {
    fn kind(&self) -> FlowKind {
        self.kind
    }

    fn has_response(&self) -> bool {
        false
    }

    fn status(&self) -> Option<u16> {
        None
    }

    fn has_error(&self) -> bool {
        false
    }

    fn is_websocket(&self) -> bool {
        false
    }

    fn client_conn(&self) -> Option<&ClientConn> {
        self.tunnel.client_conn()
    }

    fn server_conn(&self) -> Option<&ServerConn> {
        self.tunnel.server_conn()
    }

    fn request(&self) -> Option<&Request> {
        self.tunnel.request()
    }

    fn response(&self) -> Option<&Response> {
        None
    }

    fn dns(&self, _: Side) -> Option<&DnsMessage> {
        None
    }

    fn body(&self, _: Side) -> Body {
        Body::Missing
    }

    fn messages(&self, _: Option<Side>, _: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {}
}

/// Whether a rule is for a raw connection.
fn is_for_raw<T>(rule: &Rule<T>, tunnel: &HttpFlow) -> bool {
    let Some(filter) = &rule.filter else {
        return true;
    };
    let kind = match filter.names("tcp") {
        true => FlowKind::Tcp,
        false => FlowKind::Http,
    };
    let raw = Raw {
        tunnel: LiveHttp::new(tunnel),
        kind,
    };
    filter.judge(&raw, ANSWERED) == Some(true)
}

/// Whether a rule is for a flow, which it is asked once.
fn is_for<T>(
    rule: &Rule<T>,
    flow: &HttpFlow,
    missing: Needs,
    network: &mut Option<Box<Network>>,
) -> bool {
    let known = network.as_ref();
    if known.is_some_and(|known| known.decided.contains(&rule.spec)) {
        return false;
    }
    let judge = |filter: &Filter| {
        let live = LiveHttp {
            websocket: flow.is_websocket(),
            ..LiveHttp::new(flow)
        };
        filter.judge(&live, missing)
    };
    let hit = rule.filter.as_ref().map_or(Some(true), judge) == Some(true);
    if hit {
        let network = network.get_or_insert_default();
        network.decided.push(rule.spec.clone());
    }
    hit
}

/// All that is known of a flow when its client begins with TLS, or with anything that is not looked into. The client may
/// have another name for the host.
fn tunnel(client: &Arc<ClientConn>, host: &str, port: u16, named: Option<&str>) -> HttpFlow {
    let name = named.unwrap_or(host);
    let authority = match name.contains(':') {
        true => format!("[{name}]:{port}"),
        false => format!("{name}:{port}"),
    };
    let mut headers = Headers::new();
    headers.append(b"host", authority.as_bytes());
    HttpFlow {
        id: FlowId(0),
        client_conn: client.clone(),
        server_conn: None,
        request: Request {
            method: "CONNECT".into(),
            target: authority.into(),
            version: Version::Http11,
            line: None,
            headers,
            pseudo: Headers::new(),
            scheme: Scheme::Https,
            host: host.into(),
            port,
            path: "/".into(),
            timestamp_start: clock::now(),
        }
        .into(),
        response: None,
        error: None,
        annotations: LiveAnnotations::default(),
    }
}

fn answer(flow: &mut HttpFlow, bodies: &mut Bodies, response: Response) {
    flow.response = Some(response);
    (bodies.response, bodies.playback) = (Some(Bytes::new()), None);
}

/// Whether a request is a gRPC call, of its own kind or as browsers make them.
fn is_call(flow: &HttpFlow) -> bool {
    matches!(
        streams::kind_of(&flow.request.headers),
        Some(BodyStream::Grpc | BodyStream::GrpcWeb { .. })
    )
}

/// The end of a call, in its head (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, Trailers-Only).
fn call_ended(flow: &HttpFlow, code: u32) -> Response {
    let mut response = Response::new(200, clock::now());
    let asked = flow.request.headers.get("content-type");
    let content_type = asked.unwrap_or(b"application/grpc");
    response.headers.append(b"content-type", content_type);
    response
        .headers
        .append(b"grpc-status", code.to_string().as_bytes());
    response.headers.append(b"grpc-message", b"fault of a rule");
    if flow.request.version == Version::Http2 {
        response.version = Version::Http2;
    }
    response
}

impl Addon for BadNetwork {
    fn name(&self) -> &'static str {
        "network"
    }

    fn hooks(&self) -> HookSet {
        let rules = self.rules.load();
        if rules.is_empty() {
            return HookSet::NONE;
        }
        HookSet::NONE
            .with(Hook::Request)
            .with(Hook::ResponseHeaders)
    }

    fn gates(&self) -> Vec<Gate> {
        let rules = self.rules.load();
        let throttles = rules.throttles.iter().map(|rule| &rule.filter);
        let faults = rules.faults.iter().map(|rule| &rule.filter);
        let clues = throttles
            .chain(faults)
            .map(|filter| filter.as_ref()?.clues(Stage::Any));
        vec![Gate::new(self.hooks(), clues)]
    }

    fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        let ours = [
            keys::THROTTLE.name(),
            keys::FAULT.name(),
            keys::FAULT_SEED.name(),
            keys::NETWORK_ACTIVE.name(),
        ];
        if !changed.iter().any(|name| ours.contains(name)) {
            return Ok(());
        }
        let seed = options.opt_int(keys::FAULT_SEED);
        let mut rules = Rules::parse(
            options.rules(keys::THROTTLE),
            options.rules(keys::FAULT),
            self.options,
            seed.map(i64::cast_unsigned),
        )?;
        for rule in &mut rules.throttles {
            rule.hits = options.hits(keys::THROTTLE, &rule.spec);
        }
        for rule in &mut rules.faults {
            rule.hits = options.hits(keys::FAULT, &rule.spec);
        }
        let active = options.bool(keys::NETWORK_ACTIVE);
        self.rules.store(Arc::new(match active {
            true => rules,
            false => Rules::default(),
        }));
        Ok(())
    }

    fn fails_tls(&self, begin: TlsBegin<'_>) -> Option<PlannedFault> {
        let rules = self.rules.load();
        let mut tls = rules
            .faults
            .iter()
            .filter(|rule| rule.what.kind == FaultKind::Tls)
            .peekable();
        tls.peek()?;
        let (host, port) = begin
            .address
            .unwrap_or_else(|| (begin.sni.unwrap_or_default(), 443));
        let flow = tunnel(begin.client, host, port, begin.sni);
        let mut known = None;
        let hit =
            tls.find(|rule| is_for(rule, &flow, REQUESTED, &mut known) && rule.what.happens())?;
        Some(planned(hit))
    }

    fn raw_network(&self, raw: &mut RawConnection<'_>) -> Option<Box<Network>> {
        let rules = self.rules.load();
        if rules.is_empty() {
            return None;
        }
        let (host, port) = raw.address;
        let mut flow = tunnel(raw.client, host, port, None);
        flow.server_conn = Some(raw.server.clone());
        let mut network = Network::default();
        for rule in rules
            .throttles
            .iter()
            .filter(|rule| is_for_raw(rule, &flow))
        {
            rule.hits.add();
            network::slowed(raw.said, &rule.spec);
            network.throttles.push(rule.what.clone());
        }
        for rule in rules.faults.iter().filter(|rule| is_for_raw(rule, &flow)) {
            // There is no request that these could answer; whether TLS fails is asked when it begins.
            if rule.what.kind.precedes_response() || !rule.what.happens() {
                continue;
            }
            let planned = planned(rule);
            if !planned.kind.depends_on_body() {
                planned.happens(raw.said);
            }
            network.faults.push(planned);
        }
        Some(Box::new(network))
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        match hook {
            Hook::Request => self.decide(flow, bodies, true),
            _ => self.decide(flow, bodies, false),
        }
        done()
    }
}

#[cfg(test)]
mod tests;
