//! How a body is shown: by the content view that fits when all of it is at hand, else as it is.

use ratel_proto::Headers;
use ratel_views::{Class, Document, Rendering, ViewInput};

use crate::source::BodyPart;
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::pane::BodyText;

/// A document of more lines is cut.
const MAX_LINES: usize = 50_000;

/// Bytes per line of the view that shows bytes as numbers.
const HEX_WIDTH: u64 = 16;

/// What the text is, in a word or two, and the text.
pub(crate) fn render(part: &BodyPart, headers: &Headers) -> (String, BodyText) {
    let encoding = headers
        .get("content-encoding")
        .map(<[u8]>::trim_ascii)
        .unwrap_or_default();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity") {
        let mut name = Text::default();
        name.push_bytes(Role::Text, encoding);
        return numbers_or_raw(part, &format!("{}, as sent", name.content()));
    }
    if !part.is_whole() {
        return numbers_or_raw(part, "Raw");
    }
    let content_type = headers.get("content-type").map(String::from_utf8_lossy);
    let input = ViewInput {
        content_type: content_type.as_deref(),
        ..input(part)
    };
    let document = ratel_views::render(None, &input);
    match document.view_name {
        "Raw" => (head_line("Raw", &document), BodyText::Raw),
        name => (
            head_line(name, &document),
            lines(&document, name == hex(), part.offset),
        ),
    }
}

fn input(part: &BodyPart) -> ViewInput<'_> {
    ViewInput {
        data: &part.bytes,
        offset: part.offset,
        complete: part.complete && part.end() >= part.total,
        content_type: None,
        max_lines: MAX_LINES,
    }
}

/// A window, as numbers if it is not text. Its lines begin at multiples, so that they stay when the window moves.
fn numbers_or_raw(part: &BodyPart, name: &str) -> (String, BodyText) {
    if Rendering::start(None, &input(part)).view_name != hex() {
        return (name.to_owned(), BodyText::Raw);
    }
    let skip = (HEX_WIDTH - part.offset % HEX_WIDTH) % HEX_WIDTH;
    let skip = usize::try_from(skip).unwrap_or(0).min(part.bytes.len());
    let aligned = BodyPart {
        bytes: part.bytes.slice(skip..),
        offset: part.offset + skip as u64,
        ..*part
    };
    let document = ratel_views::render(Some(hex()), &input(&aligned));
    (
        format!("{name}, {}", hex()),
        lines(&document, true, aligned.offset),
    )
}

fn hex() -> &'static str {
    "Hex Dump"
}

fn head_line(name: &str, document: &Document) -> String {
    if document.description.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {}", document.description)
    }
}

fn lines(document: &Document, by_offset: bool, offset: u64) -> BodyText {
    let number = |nth: u64| {
        if by_offset {
            offset + nth * HEX_WIDTH
        } else {
            nth
        }
    };
    let mut lines: Vec<_> = (0..)
        .map(number)
        .zip(document.lines.iter().map(line))
        .collect();
    if document.truncated {
        let more = format!("Stopped after {MAX_LINES} lines.");
        lines.push((u64::MAX, Text::plain(Role::Dim, more)));
    }
    BodyText::Document(lines)
}

fn line(line: &ratel_views::Line) -> Text {
    let mut text = Text::default();
    for span in &line.spans {
        text.push_body(role(span.class), span.text.as_bytes());
    }
    text
}

fn role(class: Class) -> Role {
    match class {
        Class::Plain => Role::Text,
        Class::Name => Role::SyntaxName,
        Class::String => Role::SyntaxString,
        Class::Number => Role::SyntaxNumber,
        Class::Boolean => Role::SyntaxLiteral,
        Class::Comment => Role::SyntaxComment,
        Class::Error => Role::Error,
        Class::Offset => Role::Dim,
    }
}
