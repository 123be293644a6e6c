//! What views make of bytes, through the public interface.

#![allow(clippy::unwrap_used)]

mod charset;
mod docs;
mod edit;
mod grpc;
mod hostile;
mod messages;
mod protobuf;
mod schemas;
mod streams;
mod wire;

use std::path::{Path, PathBuf};

use ratel_views::{Document, Line, Rendering, Schemas, ViewInput};

/// Where the `.proto` files are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas")
}

fn shop() -> Schemas {
    Schemas::load(&folder()).unwrap()
}

fn input<'a>(data: &'a [u8], content_type: &'a str) -> ViewInput<'a> {
    ViewInput {
        data,
        complete: true,
        content_type: Some(content_type),
        max_lines: 512,
        ..ViewInput::default()
    }
}

/// Name and text of a document.
fn text(document: &Document) -> String {
    let remark = match document.description.as_str() {
        "" => String::new(),
        remark => format!(" {remark}"),
    };
    let lines: Vec<String> = document.lines.iter().map(Line::text).collect();
    format!("--{}{remark}--\n{}", document.view_name, lines.join("\n"))
}

/// Renders bytes that come in two pieces.
fn split(view: &str, input: &ViewInput<'_>, at: usize) -> Vec<Line> {
    let (a, b) = input.data.split_at(at);
    let mut rendering = Rendering::start(Some(view), input);
    rendering.feed(a);
    rendering.feed(b);
    rendering.finish(input.complete);
    std::iter::from_fn(|| rendering.take()).collect()
}

fn is_safe(document: &Document) -> bool {
    let mut lines = document.lines.iter();
    lines.all(|line| line.text().chars().all(|c| c == '\t' || !c.is_control()))
}
