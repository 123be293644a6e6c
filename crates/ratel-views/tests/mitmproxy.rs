//! Views held against mitmproxy's own: what is not the same is listed with the reason.

#![allow(clippy::unwrap_used)]

#[path = "mitmproxy/corpus.rs"]
mod corpus;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "documents/wire.rs"]
mod wire;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ratel_flow::{MessageKind, Side};
use ratel_testkit::peer;
use ratel_views::{Document, Line, QuicStream, ViewInput, render, render_message};
use serde_json::{Value, json};

use corpus::{Kind, Row, corpus};

/// The views whose text the releases before 12 have, too.
const OLD: [&str; 6] = ["css", "graphql", "javascript", "json", "wbxml", "xml/html"];

/// The Python that has mitmproxy, beside its `mitmdump`.
fn python() -> Option<PathBuf> {
    let python = peer::mitmdump()?.parent()?.join("python");
    let found = python.is_file().then_some(python);
    if found.is_none() {
        peer::skip("there is no Python beside mitmdump");
    }
    found
}

/// What mitmproxy shows of each row, and its version.
fn theirs(python: &Path, rows: &[Row]) -> (u64, Vec<Value>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mitmproxy/views.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = rows.iter().map(|row| format!("{}\n", asked(row))).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = peer::finish("python", child);
    let _ = writer.join();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut lines = output
        .stdout
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty());
    let version: Value = serde_json::from_slice(lines.next().unwrap()).unwrap();
    let shown = lines.map(|line| serde_json::from_slice(line).unwrap());
    (version["version"].as_u64().unwrap(), shown.collect())
}

fn asked(row: &Row) -> Value {
    use base64::Engine as _;
    json!({
        "view": row.view,
        "kind": match row.kind {
            Kind::Request => "request",
            Kind::Response => "response",
            Kind::WebSocket => "websocket",
            Kind::Quic { .. } => "quic",
        },
        "unidirectional": matches!(row.kind, Kind::Quic { unidirectional: true }),
        "path": row.path,
        "type": row.content_type,
        "headers": row.headers.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        "data": base64::engine::general_purpose::STANDARD.encode(&row.data),
    })
}

fn ours(row: &Row) -> Document {
    let encoding = row
        .headers
        .iter()
        .find(|(name, _)| *name == "grpc-encoding");
    let input = ViewInput {
        data: &row.data,
        complete: true,
        content_type: (!row.content_type.is_empty()).then_some(row.content_type),
        side: Some(match row.kind {
            Kind::Response => Side::Server,
            _ => Side::Client,
        }),
        path: Some(row.path),
        grpc_encoding: encoding.map(|(_, value)| *value),
        quic: match row.kind {
            Kind::Quic { unidirectional } => Some(QuicStream {
                alpn: b"h3",
                unidirectional,
            }),
            _ => None,
        },
        max_lines: 10_000,
        ..ViewInput::default()
    };
    match row.kind {
        Kind::WebSocket => render_message(MessageKind::Text, &input),
        _ => render(Some(row.view), &input),
    }
}

/// The text without what differs between any two printers: spaces at the ends of lines, empty lines at the end.
fn text(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

#[test]
fn views_show_what_mitmproxy_shows() {
    let Some(python) = python() else {
        return;
    };
    let rows = corpus();
    let (version, shown) = theirs(&python, &rows);
    assert_eq!(shown.len(), rows.len());
    let mut wrong = Vec::new();
    for (row, shown) in rows.iter().zip(&shown) {
        if version < 12 && (!OLD.contains(&row.view) || row.differs.is_some()) {
            continue;
        }
        let document = ours(row);
        let lines: Vec<String> = document.lines.iter().map(Line::text).collect();
        let (ours, theirs) = (
            text(&lines.join("\n")),
            text(shown["text"].as_str().unwrap()),
        );
        let (view, their_view) = (
            document.view_name,
            shown["view"].as_str().unwrap_or_default(),
        );
        // A name of ours without the slip in it.
        let their_view = if their_view == "ViewCSS" {
            "CSS"
        } else {
            their_view
        };
        let same_view = version < 12 || view == their_view;
        let same = ours == theirs && same_view;
        let data = row.data.escape_ascii();
        match row.differs {
            None if !same => wrong.push(format!(
                "{} of {data} differs\n--- ours ({view})\n{ours}\n--- theirs ({their_view})\n{theirs}\n",
                row.view
            )),
            Some(why) if same => {
                wrong.push(format!("{} of {data} does not differ ({why})\n{ours}\n", row.view));
            }
            _ => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
