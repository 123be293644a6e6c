//! Flows as text, in few lines.

use std::fmt::Write as _;

use ratel_flow::dns::DnsMessage;
use ratel_flow::record::{DnsRecord, Messages};
use ratel_flow::{
    Body, ClientConn, ConnExtra, Detail, Headers, HttpRecord, MessageFlags, Record, ServerConn,
    Side, Timestamp, TlsInfo,
};

/// Everything that is in a flow.
pub(crate) fn describe(out: &mut String, record: &Record) {
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "{:?} {} at {}",
        record.kind(),
        record.id,
        time(record.timestamp_created)
    );
    client(out, &record.client_conn);
    if let Some(conn) = &record.server_conn {
        server(out, conn);
    }
    match &record.detail {
        Detail::Http(http) => exchange(out, http),
        Detail::Tcp(messages) | Detail::Udp(messages) => list(out, messages),
        Detail::Dns(dns) => lookup(out, dns),
        Detail::Connection => {}
    }
    if let Some(error) = &record.error {
        let _ = writeln!(
            out,
            "  error at {}: {:?}, {:?}{}",
            time(error.timestamp),
            error.message,
            error.hint,
            if error.by_client {
                ", by the client"
            } else {
                ""
            }
        );
    }
    if !record.annotations.is_empty() {
        let _ = writeln!(out, "  {:?}", record.annotations);
    }
    if !record.verbatim.is_empty() {
        let _ = writeln!(out, "  {:?}", record.verbatim);
    }
    if let Some(backup) = &record.backup {
        let mut before = String::new();
        describe(&mut before, backup);
        for line in before.lines() {
            let _ = writeln!(out, "  | {line}");
        }
    }
}

fn time(time: Timestamp) -> String {
    format!("{}.{:09}", time.0 / 1_000_000_000, time.0 % 1_000_000_000)
}

fn times(times: &[(&str, Option<Timestamp>)]) -> String {
    let known = times.iter().filter_map(|(name, at)| Some((name, (*at)?)));
    let parts: Vec<_> = known
        .map(|(name, at)| format!("{name} {}", time(at)))
        .collect();
    parts.join(", ")
}

fn client(out: &mut String, conn: &ClientConn) {
    let _ = writeln!(
        out,
        "  client {} to {}, {}: {}",
        conn.peername,
        conn.sockname,
        conn.proxy_mode,
        times(&[
            ("start", Some(conn.timestamp_start)),
            ("end", conn.timestamp_end)
        ])
    );
    if let Some(why) = &conn.passthrough {
        let _ = writeln!(out, "    passed through: {why}");
    }
    more(
        out,
        conn.tls.as_deref(),
        conn.error.as_deref(),
        conn.extra.as_deref(),
    );
}

fn server(out: &mut String, conn: &ServerConn) {
    let _ = writeln!(
        out,
        "  server {}:{} at {:?} from {:?}: {}",
        conn.address.0,
        conn.address.1,
        conn.peername,
        conn.sockname,
        times(&[
            ("start", Some(conn.timestamp_start)),
            ("tcp", conn.timestamp_tcp_setup),
            ("end", conn.timestamp_end)
        ])
    );
    more(
        out,
        conn.tls.as_deref(),
        conn.error.as_deref(),
        conn.extra.as_deref(),
    );
}

fn more(out: &mut String, tls: Option<&TlsInfo>, error: Option<&str>, extra: Option<&ConnExtra>) {
    if let Some(error) = error {
        let _ = writeln!(out, "    error: {error}");
    }
    if let Some(tls) = tls {
        let TlsInfo {
            certificates,
            timestamp_setup,
            ..
        } = tls;
        let plain = TlsInfo {
            certificates: [].into(),
            timestamp_setup: None,
            ..tls.clone()
        };
        let lengths: Vec<_> = certificates.iter().map(|der| der.len()).collect();
        let setup = times(&[("setup", *timestamp_setup)]);
        let _ = writeln!(
            out,
            "    {plain:?} certificates of {lengths:?} bytes {setup}"
        );
    }
    if let Some(extra) = extra {
        let plain = ConnExtra {
            // Those of the oldest versions are made up anew each time.
            uuid: None,
            mitmcert: None,
            ..extra.clone()
        };
        let cert = extra.mitmcert.as_ref().map(|der| der.len());
        if plain != ConnExtra::default() || cert.is_some() {
            let _ = writeln!(out, "    {plain:?} mitmcert of {cert:?} bytes");
        }
    }
}

fn fields(out: &mut String, headers: &Headers) {
    for (name, value) in headers.iter() {
        let _ = writeln!(out, "    {}: {}", name.escape_ascii(), value.escape_ascii());
    }
}

fn body(out: &mut String, body: &Body, trailers: Option<&Headers>) {
    let text = match body.whole(1 << 20).unwrap() {
        None => "missing".into(),
        Some(bytes) => format!("\"{}\"", bytes.escape_ascii()),
    };
    let _ = writeln!(out, "    body {text}");
    if let Some(trailers) = trailers {
        let _ = writeln!(out, "    trailers");
        fields(out, trailers);
    }
}

fn exchange(out: &mut String, http: &HttpRecord) {
    let request = &http.request;
    let _ = writeln!(
        out,
        "  {} {} {} for {} {} {} {}: {}",
        request.method.escape_ascii(),
        request.target.escape_ascii(),
        request.version.as_bytes().escape_ascii(),
        request.scheme.as_str(),
        request.host,
        request.port,
        request.path.escape_ascii(),
        times(&[
            ("start", Some(request.timestamp_start)),
            ("end", http.request_end)
        ])
    );
    fields(out, &request.pseudo);
    fields(out, &request.headers);
    body(out, &http.request_body, http.request_trailers.as_ref());
    for response in http.informational.iter().chain(&http.response) {
        let _ = writeln!(
            out,
            "  {} {} {}: {}",
            response.version.as_bytes().escape_ascii(),
            response.status,
            response.reason.escape_ascii(),
            times(&[
                ("start", Some(response.timestamp_start)),
                ("end", http.response_end)
            ])
        );
        fields(out, &response.pseudo);
        fields(out, &response.headers);
    }
    if http.response.is_some() {
        body(out, &http.response_body, http.response_trailers.as_ref());
    }
    if let Some(websocket) = &http.websocket {
        let _ = writeln!(
            out,
            "  websocket closed by {:?}, {:?}, {:?}: {}",
            websocket.closed_by,
            websocket.close_code,
            websocket.close_reason,
            times(&[("end", websocket.timestamp_end)])
        );
        list(out, &websocket.messages);
    }
    if http.stream.is_some() || http.grpc_status.is_some() {
        let _ = writeln!(out, "  {:?} {:?}", http.stream, http.grpc_status);
    }
}

fn list(out: &mut String, messages: &Messages) {
    for message in messages.iter() {
        let message = message.unwrap();
        let arrow = match message.side {
            Side::Client => "->",
            Side::Server => "<-",
        };
        let flag = |flag, name| {
            if message.flags.contains(flag) {
                name
            } else {
                ""
            }
        };
        let _ = writeln!(
            out,
            "    {arrow} {} \"{}\" at {}{}{}",
            message.kind.name(),
            message.content.escape_ascii(),
            time(message.timestamp),
            flag(MessageFlags::DROPPED, ", dropped"),
            flag(MessageFlags::INJECTED, ", injected"),
        );
    }
}

fn lookup(out: &mut String, dns: &DnsRecord) {
    for DnsMessage { message, timestamp } in [Some(&dns.request), dns.response.as_ref()]
        .into_iter()
        .flatten()
    {
        let _ = writeln!(out, "  {message:?} {}", times(&[("at", *timestamp)]));
    }
}
