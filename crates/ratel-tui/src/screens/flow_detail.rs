//! The facts of a flow: its connections, what TLS agreed on, when things happened.

mod certificates;
mod waterfall;

use std::net::SocketAddr;
use std::time::Duration;

use ratel_core::control::HeldPart;
use ratel_core::store::FlowSnapshot;
use ratel_flow::filter;
use ratel_flow::format::duration;
use ratel_flow::{ClientConn, Replay, ServerConn, Timestamp, TlsInfo};
use time::UtcOffset;

use crate::format;
use crate::screens::protocol;
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::pane::Content;

/// Columns of the names.
const NAMES: usize = 30;

pub(crate) fn content(flow: &FlowSnapshot, held: &[HeldPart], offset: UtcOffset) -> Content {
    let mut facts = Facts::default();
    if let Some(error) = &flow.error {
        facts.section("Error");
        facts.add("Message", &error.message);
        facts.add_some("Hint", error.hint.as_deref());
    }
    if let Some(request) = &flow.request {
        facts.section("Request");
        facts.add("URL", &request.url());
    }
    let (grpc, closed) = (protocol::outcome(flow), protocol::closed(flow));
    if grpc.is_some() || closed.is_some() {
        facts.section("Outcome");
        let grpc = grpc.as_ref().map(|text| text.content());
        facts.add_some(
            "gRPC Status",
            grpc.as_deref().map(|text| text.trim_start_matches("grpc ")),
        );
        let closed = closed.as_ref().map(|text| text.content());
        facts.add_some("Closed", closed.as_deref());
    }
    add_said(flow, &mut facts);
    if let Some(kind) = flow.stream {
        facts.section("Messages");
        facts.add("Kind", kind.name());
        facts.add("Number", &protocol::messages(flow, held));
    }
    if flow.lossy {
        facts.section("Recording");
        facts.add(
            "Incomplete",
            "some of this flow could not be recorded, or is gone already",
        );
    }
    if let Some(server) = &flow.server_conn {
        add_server(server, flow, offset, &mut facts);
    }
    add_client(&flow.client_conn, flow, offset, &mut facts);
    add_timing(flow, offset, &mut facts);
    Content {
        head: facts.0,
        ..Content::default()
    }
}

/// What people and addons have said of it.
fn add_said(flow: &FlowSnapshot, facts: &mut Facts) {
    if let Some(said) = &flow.annotations {
        if !said.comment.is_empty() {
            facts.section("Comment");
            for line in said.comment.lines() {
                facts.add_line(line);
            }
        }
        if !said.marked.is_empty() || said.is_replay.is_some() || !said.metadata.is_empty() {
            facts.section("Metadata");
        }
        if !said.marked.is_empty() {
            facts.add("Mark", &protocol::mark(&said.marked));
        }
        facts.add_some("Replayed", said.is_replay.map(Replay::name));
        for (name, value) in &said.metadata {
            facts.add(name, &filter::value_text(value));
        }
    }
    if flow.modified {
        facts.section("Changed");
        facts.add_line("This flow was changed after it was recorded; V undoes that.");
    }
}

fn add_server(server: &ServerConn, flow: &FlowSnapshot, offset: UtcOffset, facts: &mut Facts) {
    facts.section("Server Connection");
    facts.add("Address", &address(&server.address.0, server.address.1));
    facts.add_some("Resolved Address", server.peername.map(socket).as_deref());
    if let Some(response) = &flow.response {
        facts.add_bytes("HTTP Version", response.version.as_bytes());
    }
    if let Some(tls) = &server.tls {
        add_tls(tls, facts);
        certificates::add("Server", &tls.certificates, offset, facts);
    }
    facts.add_some("Error", server.error.as_deref());
}

fn add_client(client: &ClientConn, flow: &FlowSnapshot, offset: UtcOffset, facts: &mut Facts) {
    facts.section("Client Connection");
    facts.add("Address", &socket(client.peername));
    facts.add("Called", &socket(client.sockname));
    facts.add("Mode", &client.proxy_mode);
    if let Some(request) = &flow.request {
        facts.add_bytes("HTTP Version", request.version.as_bytes());
    }
    facts.add_some("Passed Through", client.passthrough.as_deref());
    if let Some(tls) = &client.tls {
        if client.passthrough.is_some() {
            facts.add_some("SNI", tls.sni.as_deref());
        } else {
            add_tls(tls, facts);
        }
        let offers: Vec<_> = tls
            .alpn_offers
            .iter()
            .map(|offer| String::from_utf8_lossy(offer))
            .collect();
        facts.add_some(
            "ALPN offered",
            (!offers.is_empty()).then(|| offers.join(", ")).as_deref(),
        );
        if tls.ech_offered {
            facts.add("Encrypted ClientHello", "offered, not used");
        }
        if tls.early_data_offered {
            facts.add("0-RTT", "offered, not used");
        }
        certificates::add("Client", &tls.certificates, offset, facts);
    }
    facts.add_some("Error", client.error.as_deref());
}

fn add_tls(tls: &TlsInfo, facts: &mut Facts) {
    facts.add_some("TLS Version", tls.version.map(ratel_flow::TlsVersion::name));
    facts.add_some("SNI", tls.sni.as_deref());
    facts.add_some("Cipher", tls.cipher.as_deref());
    facts.add_some("Key Exchange", tls.group.as_deref());
    if let Some(alpn) = &tls.alpn {
        facts.add_bytes("ALPN", alpn);
    }
    if tls.version.is_some() {
        facts.add("Session", if tls.resumed { "resumed" } else { "new" });
    }
    facts.add_some("TLS Library", tls.engine.map(ratel_flow::TlsEngine::name));
}

/// When things happened, in their order, with the time since the first of them.
fn add_timing(flow: &FlowSnapshot, offset: UtcOffset, facts: &mut Facts) {
    let client = &flow.client_conn;
    let server = flow.server_conn.as_ref();
    let handshake = |tls: Option<&std::sync::Arc<TlsInfo>>| tls.and_then(|tls| tls.timestamp_setup);
    let mut events = vec![
        ("Client conn. established", Some(client.timestamp_start)),
        ("Client conn. TLS handshake", handshake(client.tls.as_ref())),
        ("Client conn. closed", client.timestamp_end),
        (
            "Server conn. initiated",
            server.map(|server| server.timestamp_start),
        ),
        (
            "Server conn. TCP handshake",
            server.and_then(|server| server.timestamp_tcp_setup),
        ),
        (
            "Server conn. TLS handshake",
            server.and_then(|server| handshake(server.tls.as_ref())),
        ),
        (
            "Server conn. closed",
            server.and_then(|server| server.timestamp_end),
        ),
        (
            "First request byte",
            flow.request.as_ref().map(|request| request.timestamp_start),
        ),
        ("Request complete", flow.times.request_end),
        ("First response byte", flow.times.response_start),
        ("Response complete", flow.times.response_end),
        ("Error", flow.error.as_ref().map(|error| error.timestamp)),
    ];
    // Without its time a connection may be closed or not, and most flows have no error.
    events.retain(|(name, at)| at.is_some() || !(name.ends_with("closed") || *name == "Error"));
    events.sort_by_key(|(_, at)| at.unwrap_or(Timestamp(u64::MAX)));
    let first = flow.times.began;
    facts.section("Timing");
    let bars = waterfall::lines(flow);
    if !bars.is_empty() {
        facts.0.extend(bars);
        facts.0.push(Text::default());
    }
    if flow.times.held > Duration::ZERO {
        facts.add("Held back for", &duration(flow.times.held));
    }
    for (name, at) in events {
        match at {
            None => facts.add(name, "–"),
            Some(at) if at > first => {
                let since = duration(at.since(first));
                facts.add(
                    name,
                    &format!("{}  +{since}", format::date_time(at, offset)),
                );
            }
            Some(at) => facts.add(name, &format::date_time(at, offset)),
        }
    }
}

fn address(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn socket(addr: SocketAddr) -> String {
    addr.to_string()
}

/// Names and values under headings.
#[derive(Default)]
struct Facts(Vec<Text>);

impl Facts {
    fn section(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push(Text::default());
        }
        self.0.push(Text::plain(Role::Heading, title));
    }

    fn add(&mut self, name: &str, value: &str) {
        self.add_bytes(name, value.as_bytes());
    }

    fn add_line(&mut self, text: &str) {
        let mut line = Text::plain(Role::Text, "  ");
        line.push_str(Role::Text, text);
        self.0.push(line);
    }

    fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn add_bytes(&mut self, name: &str, value: &[u8]) {
        let mut line = Text::plain(Role::Name, format!("  {name}"));
        line.tab_to(NAMES);
        line.push_bytes(Role::Text, value);
        self.0.push(line);
    }
}

#[cfg(test)]
mod tests;
