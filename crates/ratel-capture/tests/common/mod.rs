//! What the tests of captures share.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod packets;

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use ratel_capture::{CaptureReader, KeyLog};
use ratel_flow::record::{Detail, Messages};
use ratel_flow::{Body, Record, Side};

/// All flows of a capture that is not damaged.
pub(crate) fn flows(capture: &[u8], keys: Option<&Path>) -> Vec<Record> {
    let mut log = KeyLog::new();
    if let Some(keys) = keys {
        log.add(File::open(keys).expect("a key log"))
            .expect("it can be read");
    }
    let reader = CaptureReader::new(Cursor::new(capture.to_vec()), log).expect("a capture");
    reader.map(|flow| flow.expect("it is whole")).collect()
}

/// A flow in a line: what was asked, what was answered, what went wrong.
pub(crate) fn line(flow: &Record) -> String {
    let mut line = match &flow.detail {
        Detail::Http(http) => {
            let request = &http.request;
            let version = String::from_utf8_lossy(request.version.as_bytes()).into_owned();
            let method = String::from_utf8_lossy(&request.method).into_owned();
            let mut line = format!("{method} {} {version}", path(request));
            if let Some(response) = &http.response {
                line += &format!(" {} {}", response.status, text(&http.response_body));
            }
            if let Some(websocket) = &http.websocket {
                line += &format!(" [{}]", messages(&websocket.messages));
                if let Some(code) = websocket.close_code {
                    line += &format!(" closed {code}");
                }
            }
            line
        }
        Detail::Tcp(list) => format!("TCP [{}]", messages(list)),
        Detail::Udp(list) => format!("UDP [{}]", messages(list)),
        Detail::Dns(dns) => {
            let names = dns
                .request
                .message
                .questions
                .iter()
                .map(|question| &*question.name);
            let names: Vec<_> = names.collect();
            let answers = dns
                .response
                .as_ref()
                .map(|response| response.message.answers.len());
            format!("DNS {} {answers:?}", names.join(","))
        }
        Detail::Connection => "connection".into(),
    };
    if let Some(error) = &flow.error {
        line += &format!(" !{}", error.message);
    }
    line
}

/// The URL without the port, which differs from run to run.
fn path(request: &ratel_flow::Request) -> String {
    let url = request.url();
    url.replace(&format!(":{}", request.port), "")
}

/// A body, short.
pub(crate) fn text(body: &Body) -> String {
    let bytes = body.whole(u64::MAX).expect("it can be read");
    match bytes {
        None => "-".into(),
        Some(bytes) if bytes.len() > 60 => format!("{}b", bytes.len()),
        Some(bytes) => String::from_utf8_lossy(&bytes)
            .trim_end()
            .escape_debug()
            .to_string(),
    }
}

fn messages(list: &Messages) -> String {
    let each = list.iter().map(|message| {
        let message = message.expect("it can be read");
        let from = if message.side == Side::Client {
            '>'
        } else {
            '<'
        };
        let content = text(&Body::Bytes(message.content));
        match message.kind.name() {
            "data" => format!("{from}{content}"),
            kind => format!("{from}{kind} {content}"),
        }
    });
    each.collect::<Vec<_>>().join(" ")
}

/// Each flow in a line.
pub(crate) fn lines(flows: &[Record]) -> Vec<String> {
    flows.iter().map(line).collect()
}
