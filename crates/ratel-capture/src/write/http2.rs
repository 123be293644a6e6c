//! Exchanges of HTTP/2 as header blocks and content; the frames around them are made when they are written.
//!
//! Header blocks use no table, so that they mean the same wherever they come to stand among others.

use bytes::BytesMut;
use ratel_flow::http::authority;
use ratel_flow::record::HttpRecord;
use ratel_flow::{Headers, Record, Request, Response, Side, Timestamp};
use ratel_proto::h2::hpack::Encoder;

use super::plan::{FlowPlan, Plan, Protocol, What};
use super::websocket;

/// Fields that HTTP/2 has no place for (RFC 9113 §8.2.2).
const OF_CONNECTION: [&[u8]; 5] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
];

pub(super) fn add(plan: &mut Plan, record: &Record, http: &HttpRecord) {
    let mut flow = plan.begin(record, Protocol::Http2);
    let request = &http.request;
    let is_open = http.websocket.is_some();
    let has = |trailers: &Option<Headers>| trailers.as_ref().is_some_and(|list| !list.is_empty());

    let start = request.timestamp_start;
    let end = http.request_body.is_empty() && !has(&http.request_trailers) && !is_open;
    let head = block(&request_pseudo(request), &request.headers);
    flow.put(Side::Client, What::Head { end }, start, &head);
    if !end && !is_open {
        let times = (start, http.request_end);
        content(&mut flow, Side::Client, http, times);
    }

    for response in &http.informational {
        let head = block(&response_pseudo(response), &plain(&response.headers));
        let what = What::Head { end: false };
        flow.put(Side::Server, what, response.timestamp_start, &head);
    }
    let broken = record
        .error
        .as_ref()
        .filter(|_| http.response_end.is_none());
    if let Some(response) = &http.response {
        let start = response.timestamp_start;
        let nothing = http.response_body.is_empty() && !has(&http.response_trailers);
        let end = nothing && !is_open && broken.is_none();
        let head = block(&response_pseudo(response), &plain(&response.headers));
        flow.put(Side::Server, What::Head { end }, start, &head);
        if http.response_body.is_missing() && !is_open {
            flow.note("the response's body is not on record".into());
        }
        if !end && !is_open {
            content(&mut flow, Side::Server, http, (start, http.response_end));
        }
    }
    if let Some(messages) = &http.websocket {
        websocket::add(&mut flow, messages, What::Data { end: false });
        let last = messages.timestamp_end.unwrap_or_default();
        for side in [Side::Client, Side::Server] {
            flow.put(side, What::Data { end: true }, last, &[]);
        }
    } else if let Some(error) = broken {
        let side = if error.by_client {
            Side::Client
        } else {
            Side::Server
        };
        flow.put(side, What::Reset, error.timestamp, &[]);
    }
    flow.end();
}

/// The body and trailers of one side.
fn content(
    flow: &mut FlowPlan<'_>,
    side: Side,
    http: &HttpRecord,
    times: (Timestamp, Option<Timestamp>),
) {
    let (body, trailers, complete) = match side {
        Side::Client => (&http.request_body, &http.request_trailers, true),
        Side::Server => (
            &http.response_body,
            &http.response_trailers,
            http.response_end.is_some(),
        ),
    };
    let trailers = trailers.as_ref().filter(|list| !list.is_empty());
    let len = body.len().unwrap_or_default();
    let mut sent = 0;
    let whole = flow.body(body, times, |flow, time, piece| {
        sent += piece.len() as u64;
        let end = sent == len && trailers.is_none() && complete;
        flow.put(side, What::Data { end }, time, piece);
    });
    let last = times.1.unwrap_or(times.0);
    if !whole {
        flow.note("a part of the body can no longer be read".into());
        flow.put(side, What::Reset, last, &[]);
    } else if let Some(trailers) = trailers {
        let trailers = block(&Headers::new(), trailers);
        flow.put(side, What::Head { end: true }, last, &trailers);
    } else if len == 0 && complete {
        flow.put(side, What::Data { end: true }, last, &[]);
    }
}

/// The pseudo-header fields of a request, made from the rest where it came without.
fn request_pseudo(request: &Request) -> Headers {
    if !request.pseudo.is_empty() {
        return request.pseudo.clone();
    }
    let authority = authority(&request.host, request.port, request.scheme);
    let mut pseudo = Headers::new();
    pseudo.append(b":method", &request.method);
    if request.method.eq_ignore_ascii_case(b"CONNECT") {
        pseudo.append(b":authority", authority.as_bytes());
        return pseudo;
    }
    pseudo.append(b":scheme", request.scheme.as_str().as_bytes());
    pseudo.append(b":authority", authority.as_bytes());
    pseudo.append(b":path", &request.path);
    pseudo
}

fn response_pseudo(response: &Response) -> Headers {
    if !response.pseudo.is_empty() {
        return response.pseudo.clone();
    }
    let status = format!("{:03}", response.status);
    [(":status", status)].into_iter().collect()
}

/// The fields of a response that came by HTTP/1, as they would have come by this version.
fn plain(headers: &Headers) -> Headers {
    let is_of_connection = |name: &[u8]| {
        OF_CONNECTION
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other))
    };
    let odd = headers
        .iter()
        .any(|(name, _)| is_of_connection(name) || name.iter().any(u8::is_ascii_uppercase));
    if !odd {
        return headers.clone();
    }
    let fields = headers.iter().filter(|(name, _)| !is_of_connection(name));
    fields
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

/// A header block that stands for itself.
fn block(pseudo: &Headers, headers: &Headers) -> BytesMut {
    let mut encoder = Encoder::new();
    // Without a table, which is an encoder's choice; that its size was changed need not be said where nothing is in it.
    encoder.set_limit(0);
    encoder.begin(&mut BytesMut::new());
    let mut out = BytesMut::new();
    for field in pseudo.fields().chain(headers.fields()) {
        encoder.field(&mut out, field);
    }
    out
}
