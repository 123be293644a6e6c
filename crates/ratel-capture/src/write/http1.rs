//! Exchanges of HTTP/1 as they were on the wire: heads byte for byte as far as they are on record, chunks made anew.

use bytes::Bytes;
use ratel_flow::http::reason_phrase;
use ratel_flow::record::HttpRecord;
use ratel_flow::{Body, Headers, Record, Request, Response, Side, Timestamp, Version};
use ratel_proto::http1::{BodyEncoder, encode, framing};
use ratel_proto::{Frame, Framing};

use super::plan::{FlowPlan, Plan, Protocol, What};
use super::websocket;

pub(super) fn add(plan: &mut Plan, record: &Record, http: &HttpRecord) {
    let mut flow = plan.begin(record, Protocol::Http1);
    request(&mut flow, http);
    for response in &http.informational {
        let head = response_head(response, &response.headers);
        flow.put(Side::Server, What::Bytes, response.timestamp_start, &head);
    }
    match &http.response {
        Some(head) => response(&mut flow, http, head),
        // Whatever comes next would be taken for the response.
        None => flow.closes(),
    }
    if let Some(messages) = &http.websocket {
        websocket::add(&mut flow, messages, What::Bytes);
    }
    let closes = |headers: &Headers| headers.has_token("connection", "close");
    let is_tunnel = http.request.method.eq_ignore_ascii_case(b"CONNECT");
    let closing = closes(&http.request.headers)
        || http.response.as_ref().is_some_and(|response| {
            closes(&response.headers) || matches!(response.version, Version::Http10)
        });
    if closing || is_tunnel || http.websocket.is_some() || record.error.is_some() {
        flow.closes();
    }
    flow.end();
}

fn request(flow: &mut FlowPlan<'_>, http: &HttpRecord) {
    let Request {
        method,
        target,
        version,
        line,
        headers,
        timestamp_start,
        ..
    } = &http.request;
    let framing = framing::request_framing(headers, version.is_http10());
    let whose = "the request's";
    let (headers, framing) = agree(flow, whose, headers, framing.ok(), &http.request_body);
    let mut head = Vec::new();
    encode::request_head(
        &mut head,
        line.as_deref(),
        method,
        target,
        version.as_bytes(),
        &headers,
    );
    flow.put(Side::Client, What::Bytes, *timestamp_start, &head);
    let times = (*timestamp_start, http.request_end);
    body(
        flow,
        Side::Client,
        &http.request_body,
        framing,
        times,
        http.request_trailers.as_ref(),
    );
}

fn response(flow: &mut FlowPlan<'_>, http: &HttpRecord, response: &Response) {
    let Response {
        status, headers, ..
    } = response;
    let framing = framing::response_framing(&http.request.method, *status, headers);
    let whose = "the response's";
    let is_bodiless = framing == Ok(Framing::None);
    let (headers, framing) = match is_bodiless {
        true => {
            if !http.response_body.is_empty() {
                flow.note("the response cannot have a body, and that on record is left out".into());
            }
            (headers.clone(), Framing::None)
        }
        false => agree(flow, whose, headers, framing.ok(), &http.response_body),
    };
    let head = response_head(response, &headers);
    flow.put(Side::Server, What::Bytes, response.timestamp_start, &head);
    if is_bodiless {
        return;
    }
    let times = (response.timestamp_start, http.response_end);
    body(
        flow,
        Side::Server,
        &http.response_body,
        framing,
        times,
        http.response_trailers.as_ref(),
    );
}

/// The head of a response, or of one that came by another version.
fn response_head(response: &Response, headers: &Headers) -> Vec<u8> {
    let mut head = Vec::new();
    let Response {
        version,
        status,
        reason,
        line,
        ..
    } = response;
    let (version, reason): (&[u8], &[u8]) = match version {
        Version::Http2 | Version::Http3 => (b"HTTP/1.1", reason_phrase(*status).as_bytes()),
        version => (version.as_bytes(), reason),
    };
    encode::response_head(
        &mut head,
        line.as_deref(),
        version,
        *status,
        reason,
        headers,
    );
    head
}

/// Head and body that agree on the length, or the connection ends with the message.
fn agree(
    flow: &mut FlowPlan<'_>,
    whose: &str,
    headers: &Headers,
    framing: Option<Framing>,
    body: &Body,
) -> (Headers, Framing) {
    let Some(len) = body.len() else {
        if framing != Some(Framing::None) && framing != Some(Framing::Length(0)) {
            flow.note(format!("{whose} body is not on record"));
            flow.closes();
        }
        return (headers.clone(), Framing::None);
    };
    match framing {
        Some(Framing::Length(announced)) if announced == len => {
            return (headers.clone(), Framing::Length(len));
        }
        Some(Framing::None) if len == 0 => return (headers.clone(), Framing::None),
        Some(Framing::Chunked) => return (headers.clone(), Framing::Chunked),
        Some(Framing::UntilClose) => {
            flow.closes();
            return (headers.clone(), Framing::UntilClose);
        }
        // It broke off.
        Some(Framing::Length(announced)) if announced > len => {
            flow.note(format!(
                "of {whose} body {len} of {announced} bytes are on record"
            ));
            flow.closes();
            return (headers.clone(), Framing::UntilClose);
        }
        _ => {}
    }
    flow.note(format!(
        "{whose} head does not say how long the body on record is; Content-Length was set to {len}"
    ));
    let mut headers = headers.clone();
    headers.remove("transfer-encoding");
    headers.set("Content-Length", len.to_string().as_bytes());
    (headers, Framing::Length(len))
}

fn body(
    flow: &mut FlowPlan<'_>,
    side: Side,
    body: &Body,
    framing: Framing,
    times: (Timestamp, Option<Timestamp>),
    trailers: Option<&Headers>,
) {
    let mut encoder = BodyEncoder::new(framing, false);
    let mut encode = |flow: &mut FlowPlan<'_>, time, frame| {
        // What does not agree was made to before.
        let mut wire = Vec::new();
        let _ = encoder.encode(frame, &mut |bytes: Bytes| wire.extend_from_slice(&bytes));
        if !wire.is_empty() {
            flow.put(side, What::Bytes, time, &wire);
        }
    };
    let whole = flow.body(body, times, |flow, time, piece| {
        encode(flow, time, Frame::data(Bytes::copy_from_slice(piece)));
    });
    if !whole {
        flow.note("a part of the body can no longer be read".into());
        flow.closes();
        return;
    }
    if framing == Framing::Chunked {
        let last = Frame {
            trailers: trailers.cloned(),
            ..Frame::end()
        };
        encode(flow, times.1.unwrap_or(times.0), last);
    }
}
