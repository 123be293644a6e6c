//! Asking a flow.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::ControlFlow;

use super::operators::Operator;
use super::parse::{Node, Operand, Test};
use super::subject::Subject;
use super::{Needs, body, python, url};
use crate::conn::{ClientConn, ServerConn};
use crate::flow::{FlowKind, Side};
use crate::http::Request;
use crate::pattern::Pattern;
use crate::record::Replay;
use crate::{Headers, pattern};

/// Room that questions about many flows share.
#[derive(Debug, Default)]
pub struct Scratch {
    bytes: Vec<u8>,
    joined: Vec<u8>,
    text: String,
}

pub(super) fn matches<S: Subject + ?Sized>(node: &Node, flow: &S, scratch: &mut Scratch) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| matches(node, flow, scratch)),
        Node::Any(nodes) => nodes.iter().any(|node| matches(node, flow, scratch)),
        Node::Not(node) => !matches(node, flow, scratch),
        Node::Test(test) => self::test(test, flow, scratch),
    }
}

/// As [`matches()`], without those parts of the flow that are missing: none when it depends on them.
pub(super) fn judge<S: Subject + ?Sized>(
    node: &Node,
    flow: &S,
    missing: Needs,
    scratch: &mut Scratch,
) -> Option<bool> {
    let mut of_many = |nodes: &[Node], decisive: bool| {
        let mut open = false;
        for node in nodes {
            match judge(node, flow, missing, scratch) {
                Some(found) if found == decisive => return Some(decisive),
                Some(_) => {}
                None => open = true,
            }
        }
        (!open).then_some(!decisive)
    };
    match node {
        Node::All(nodes) => of_many(nodes, false),
        Node::Any(nodes) => of_many(nodes, true),
        Node::Not(node) => judge(node, flow, missing, scratch).map(|found| !found),
        // What is found in what is there is found, whatever else comes.
        Node::Test(test) => match self::test(test, flow, scratch) {
            false if test.row.needs.meets(missing) => None,
            found => Some(found),
        },
    }
}

pub(super) fn test<S: Subject + ?Sized>(test: &Test, flow: &S, scratch: &mut Scratch) -> bool {
    match &test.operand {
        Operand::None => fact(test.row.operator, flow),
        Operand::Number(code, _) => {
            flow.kind() == FlowKind::Http && code.is_some() && flow.status() == *code
        }
        Operand::Pattern(pattern) => search(test.row.operator, pattern, flow, scratch),
    }
}

/// Operators without an argument.
fn fact<S: Subject + ?Sized>(operator: Operator, flow: &S) -> bool {
    let answered = |kind| matches!(kind, FlowKind::Http | FlowKind::Dns);
    match operator {
        Operator::All => true,
        Operator::Asset => {
            flow.kind() == FlowKind::Http && flow.response().is_some_and(|r| is_asset(&r.headers))
        }
        Operator::Error => flow.has_error(),
        Operator::Http => flow.kind() == FlowKind::Http,
        Operator::Tcp => flow.kind() == FlowKind::Tcp,
        Operator::Udp => flow.kind() == FlowKind::Udp,
        Operator::Dns => flow.kind() == FlowKind::Dns,
        Operator::WebSocket => flow.kind() == FlowKind::Http && flow.is_websocket(),
        Operator::Marked => !flow.marked().is_empty(),
        Operator::NoResponse => answered(flow.kind()) && !flow.has_response(),
        Operator::HasResponse => answered(flow.kind()) && flow.has_response(),
        Operator::Replay => flow.replay().is_some(),
        Operator::ReplayRequest => flow.replay() == Some(Replay::Request),
        Operator::ReplayResponse => flow.replay() == Some(Replay::Response),
        // The others have an argument.
        _ => false,
    }
}

/// Operators with a regular expression.
fn search<S: Subject + ?Sized>(
    operator: Operator,
    pattern: &Pattern,
    flow: &S,
    scratch: &mut Scratch,
) -> bool {
    let http = || flow.kind() == FlowKind::Http;
    match operator {
        Operator::Body(side) => in_body(side, pattern, flow, scratch),
        Operator::Header(side) => http() && in_lines(side, pattern, flow, scratch),
        Operator::ContentType(side) => {
            http()
                && any_headers(side, flow, |headers| {
                    headers
                        .get_all("content-type")
                        .any(|value| pattern.is_match(value))
                })
        }
        Operator::Method => {
            http()
                && flow
                    .request()
                    .is_some_and(|request| pattern.is_match(&request.method))
        }
        Operator::Url => match flow.kind() {
            FlowKind::Http => flow
                .request()
                .is_some_and(|request| in_url(pattern, request, flow, scratch)),
            FlowKind::Dns => flow
                .dns(Side::Client)
                .and_then(|message| message.message.questions.first())
                .is_some_and(|question| pattern.is_match_text(&question.name)),
            FlowKind::Tcp | FlowKind::Udp | FlowKind::Connection => false,
        },
        Operator::Domain => {
            http()
                && flow
                    .request()
                    .is_some_and(|request| in_domain(pattern, request, flow, scratch))
        }
        Operator::Source => flow.client_conn().is_some_and(|client| {
            put_source(client, &mut scratch.text) && pattern.is_match_text(&scratch.text)
        }),
        Operator::Destination => flow.server_conn().is_some_and(|server| {
            put_destination(server, &mut scratch.text) && pattern.is_match_text(&scratch.text)
        }),
        Operator::Metadata => {
            put_metadata(flow, &mut scratch.text);
            pattern.is_match_text(&scratch.text)
        }
        Operator::Marker => pattern.is_match_text(flow.marked()),
        Operator::Comment => pattern.is_match_text(flow.comment()),
        // The others have no regular expression.
        _ => false,
    }
}

fn wants(side: Option<Side>, other: Side) -> bool {
    side.is_none_or(|side| side == other)
}

fn any_headers<S: Subject + ?Sized>(
    side: Option<Side>,
    flow: &S,
    mut has: impl FnMut(&Headers) -> bool,
) -> bool {
    wants(side, Side::Client) && flow.request().is_some_and(|head| has(&head.headers))
        || wants(side, Side::Server) && flow.response().is_some_and(|head| has(&head.headers))
}

fn in_lines<S: Subject + ?Sized>(
    side: Option<Side>,
    pattern: &Pattern,
    flow: &S,
    scratch: &mut Scratch,
) -> bool {
    let is_word = is_word(pattern);
    let mut is_in = |headers: &Headers| {
        if is_word {
            // Most have it nowhere, and what was removed is still somewhere.
            let mut parts = headers.storage().into_iter();
            return parts.any(|part| pattern.is_match(part))
                && headers.lines().any(|line| pattern.is_match(line));
        }
        put_lines(headers, &mut scratch.bytes);
        pattern.is_match(&scratch.bytes)
    };
    wants(side, Side::Client)
        && flow
            .request()
            .is_some_and(|head| match flow.request_texts() {
                Some(texts) if !is_word => pattern.is_match(texts.lines(head)),
                _ => is_in(&head.headers),
            })
        || wants(side, Side::Server) && flow.response().is_some_and(|head| is_in(&head.headers))
}

/// Whether a pattern is in the lines of headers as they are read if it is in them as they were sent: whitespace and colons
/// may be others there.
fn is_word(pattern: &Pattern) -> bool {
    let may_differ = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b':' | 0x0b);
    pattern
        .literal()
        .is_some_and(|literal| !literal.bytes.is_empty() && !literal.bytes.iter().any(may_differ))
}

fn in_body<S: Subject + ?Sized>(
    side: Option<Side>,
    pattern: &Pattern,
    flow: &S,
    scratch: &mut Scratch,
) -> bool {
    let kind = flow.kind();
    if !flow.may_hold(side, pattern) {
        return false;
    }
    let mut of_side = |of: Side| {
        if !wants(side, of) {
            return false;
        }
        if kind == FlowKind::Dns {
            return flow.dns(of).is_some_and(|message| {
                crate::dns::text::put_text(message, &mut scratch.text);
                pattern.is_match(scratch.text.as_bytes())
            });
        }
        let headers = match of {
            Side::Client => flow.request().map(|head| &head.headers),
            Side::Server => flow.response().map(|head| &head.headers),
        };
        headers.is_some_and(|headers| {
            body::matches(pattern, headers, &flow.body(of), &mut scratch.bytes)
        })
    };
    let has_messages = match kind {
        FlowKind::Http | FlowKind::Dns => {
            if of_side(Side::Client) || of_side(Side::Server) {
                return true;
            }
            kind == FlowKind::Http && flow.is_websocket()
        }
        FlowKind::Tcp | FlowKind::Udp => true,
        FlowKind::Connection => false,
    };
    let mut found = false;
    if has_messages {
        flow.messages(side, &mut |bytes| {
            found = pattern.is_match(bytes);
            if found {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    }
    found
}

/// The kinds of content that pages are made of beside themselves, as mitmproxy names them: in small letters.
fn is_asset(headers: &Headers) -> bool {
    const TYPES: [&str; 7] = [
        "text/javascript",
        "application/x-javascript",
        "application/javascript",
        "text/css",
        "image/",
        "font/",
        "application/font",
    ];
    headers.get_all("content-type").any(|value| {
        TYPES
            .iter()
            .any(|kind| memchr::memmem::find(value, kind.as_bytes()).is_some())
    })
}

/// `Name: value` and CRLF for each field; of a folded one each further line begins with one space.
pub fn put_lines(headers: &Headers, out: &mut Vec<u8>) {
    out.clear();
    let lines = headers.lines();
    out.reserve(lines.clone().map(|line| line.len() + 4).sum());
    for (line, (name, value)) in lines.zip(headers.iter()) {
        let is_folded = memchr::memchr(b'\n', value).is_some();
        // Most are sent as they are written here.
        if !is_folded && is_plain(line, name, value) {
            out.extend_from_slice(line);
            continue;
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        if is_folded {
            for (position, line) in value.split(|b| *b == b'\n').enumerate() {
                out.extend_from_slice(if position > 0 { b"\r\n " } else { b"" });
                out.extend_from_slice(line.trim_ascii());
            }
        } else {
            out.extend_from_slice(value);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether a line is the name, a colon, a space, the value and CRLF.
fn is_plain(line: &[u8], name: &[u8], value: &[u8]) -> bool {
    line.len() == name.len() + value.len() + 4
        && line.get(name.len()..name.len() + 2) == Some(b": ")
        && line.ends_with(b"\r\n")
        && line.starts_with(name)
}

fn in_url<S: Subject + ?Sized>(
    pattern: &Pattern,
    request: &Request,
    flow: &S,
    scratch: &mut Scratch,
) -> bool {
    let is_match = |url: &str| pattern.is_match_text(url);
    match flow.request_texts() {
        Some(texts) => texts.any_url(request, is_match),
        None => {
            let named = url::named(request, &mut scratch.joined);
            let (bytes, text) = (&mut scratch.bytes, &mut scratch.text);
            each_url(request, named, bytes, text, is_match)
        }
    }
}

fn in_domain<S: Subject + ?Sized>(
    pattern: &Pattern,
    request: &Request,
    flow: &S,
    scratch: &mut Scratch,
) -> bool {
    let is_match = |host: &str| pattern.is_match_text(host);
    match flow.request_texts() {
        Some(texts) => texts.any_host(request, is_match),
        None => {
            let named = url::named(request, &mut scratch.joined);
            each_host(request, named, &mut scratch.text, is_match)
        }
    }
}

/// Host and port by the name that the client has for the host.
type Named<'a> = Option<(&'a [u8], Option<u16>)>;

/// Gives the texts that the URL is found by until `found` says that it is.
fn each_url(
    request: &Request,
    named: Named<'_>,
    bytes: &mut Vec<u8>,
    text: &mut String,
    mut found: impl FnMut(&str) -> bool,
) -> bool {
    url::put_named_url(request, named, true, bytes);
    let url = pattern::text(bytes, text);
    found(url)
        || international_url(url).is_some_and(|url| found(&url))
        || url.contains('[') && {
            url::put_named_url(request, named, false, bytes);
            found(pattern::text(bytes, text))
        }
}

/// A URL with its host in the letters that it stands for, if it has such.
pub(super) fn international_url(url: &str) -> Option<String> {
    url::is_international(url.as_bytes()).then(|| international(url))?
}

/// Gives the texts that the host is found by until `found` says that it is.
fn each_host(
    request: &Request,
    named: Named<'_>,
    text: &mut String,
    mut found: impl FnMut(&str) -> bool,
) -> bool {
    let mut either =
        |host: &str| found(host) || international_host(host).is_some_and(|host| found(&host));
    if either(&request.host) {
        return true;
    }
    let named = named.map(|(host, _)| pattern::text(host, text));
    named.is_some_and(|named| *named != *request.host && either(named))
}

/// The same of a host.
pub(super) fn international_host(host: &str) -> Option<String> {
    url::is_international(host.as_bytes()).then(|| international(host))?
}

/// With its international names in the letters they stand for, if there are any.
fn international(text: &str) -> Option<String> {
    let mut changed = false;
    let mut parts = text.splitn(4, '/').map(|part| {
        if !part.contains("xn--") {
            return Cow::Borrowed(part);
        }
        let (host, port) = part.split_once(':').unwrap_or((part, ""));
        match ratel_proto::url::unicode_host(host) {
            Some(host) => {
                changed = true;
                let colon = if port.is_empty() { "" } else { ":" };
                Cow::Owned(format!("{host}{colon}{port}"))
            }
            None => Cow::Borrowed(part),
        }
    });
    let mut out = parts.next()?.into_owned();
    for part in parts {
        out.push('/');
        out.push_str(&part);
    }
    changed.then_some(out)
}

/// False if it has none.
fn put_source(client: &ClientConn, out: &mut String) -> bool {
    out.clear();
    let written = client
        .extra
        .as_ref()
        .and_then(|extra| extra.peername.as_ref());
    let _ = match written {
        Some(peername) => write!(
            out,
            "{}:{}",
            peername.host,
            peername.numbers.first().unwrap_or(&0)
        ),
        None if client.peername.port() == 0 && client.peername.ip().is_unspecified() => {
            return false;
        }
        None => write!(out, "{}:{}", client.peername.ip(), client.peername.port()),
    };
    true
}

/// False if it has none.
fn put_destination(server: &ServerConn, out: &mut String) -> bool {
    if server.extra.as_ref().is_some_and(|extra| extra.no_address) {
        return false;
    }
    out.clear();
    let (host, port) = &server.address;
    let _ = write!(out, "{host}:{port}");
    true
}

fn put_metadata<S: Subject + ?Sized>(flow: &S, out: &mut String) {
    out.clear();
    for (name, value) in flow.metadata() {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(name);
        out.push_str(": ");
        python::put_str(out, value);
    }
}
