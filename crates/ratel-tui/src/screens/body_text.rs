//! How a body or a message is shown: by the content view that fits when all of it is at hand, else as it is.

use ratel_flow::content::content;
use ratel_flow::{Headers, MessageFlags, MessageHead, MessageKind};
use ratel_views::{Class, Document, Rendering, ViewInput};

use super::known::Known;
use crate::model::Mode;
use crate::source::BodyPart;
use crate::text::{Text, safe};
use crate::theme::Role;
use crate::widgets::pane::{BodyText, Lines};

/// A document of more lines is cut.
const MAX_LINES: usize = 50_000;

/// Bytes per line of the view that shows bytes as numbers.
const HEX_WIDTH: u64 = 16;

/// No body is decoded beyond this many bytes.
const DECODED: usize = 1024 * 1024;

/// What the text of a body is, in a word or two, and the text.
pub(crate) fn render(part: &BodyPart, headers: &Headers, known: &Known<'_>) -> (String, BodyText) {
    let encoded = headers.contains("content-encoding");
    if known.view == Some("raw") && !encoded {
        return ("Raw".into(), BodyText::Raw);
    }
    if known.view == Some("hex dump") && !encoded {
        return numbers(part, hex());
    }
    if part.offset > 0 || part.end() < part.total {
        return numbers_or_raw(part, if encoded { "As sent" } else { "Raw" });
    }
    if !part.complete && !encoded && !known.is_stream && known.view.is_none() {
        return numbers_or_raw(part, "Raw");
    }
    let content = content(headers, &part.bytes, part.complete, DECODED);
    let input = ViewInput {
        data: &content.bytes,
        complete: content.complete,
        max_lines: MAX_LINES,
        ..known.body()
    };
    let document = ratel_views::render(known.view, &input);
    // Decoded bytes are not at the offsets at which they could be read again.
    let as_it_is =
        document.view_name == "Raw" && content.note.is_empty() && document.description.is_empty();
    described(&document, &content.note, as_it_is)
}

/// What there is to see of a message without a body: a view's name and its lines. Mostly nothing.
pub(crate) fn of_nothing(known: &Known<'_>) -> Option<Vec<Text>> {
    let input = ViewInput {
        complete: true,
        max_lines: MAX_LINES,
        ..known.body()
    };
    let document = ratel_views::render(known.view, &input);
    let heading = Text::plain(Role::Heading, document.view_name);
    let lines = std::iter::once(heading).chain(document.lines.iter().map(line));
    (!document.lines.is_empty()).then(|| lines.collect())
}

/// As [`render`], for a message.
pub(crate) fn message(
    part: &BodyPart,
    head: &MessageHead,
    known: &Known<'_>,
    mode: Mode,
) -> (String, BodyText) {
    match mode {
        Mode::Text => return ("Raw".into(), BodyText::Raw),
        Mode::Hex => return numbers(part, hex()),
        Mode::Auto if !part.is_whole() => return numbers_or_raw(part, "Raw"),
        Mode::Auto => {}
    }
    let input = ViewInput {
        data: &part.bytes,
        complete: !head.flags.contains(MessageFlags::MALFORMED),
        max_lines: MAX_LINES,
        ..known.message(head)
    };
    described(
        &ratel_views::render_message(kind_of(head), &input),
        "",
        false,
    )
}

/// As what a message is shown.
pub(crate) fn kind_of(head: &MessageHead) -> MessageKind {
    if head.flags.contains(MessageFlags::MALFORMED) {
        ratel_views::malformed(head.kind)
    } else {
        head.kind
    }
}

fn described(document: &Document, note: &str, as_it_is: bool) -> (String, BodyText) {
    let words = [document.view_name, &document.description, note];
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let name = safe(&words.join(" "));
    if as_it_is {
        return (name, BodyText::Raw);
    }
    (name, lines(document, document.view_name == hex(), 0))
}

fn input(part: &BodyPart) -> ViewInput<'_> {
    ViewInput {
        data: &part.bytes,
        offset: part.offset,
        complete: part.complete && part.end() >= part.total,
        max_lines: MAX_LINES,
        ..ViewInput::default()
    }
}

/// A window, as numbers if it is not text.
fn numbers_or_raw(part: &BodyPart, name: &str) -> (String, BodyText) {
    if Rendering::start(None, &input(part)).view_name != hex() {
        return (name.to_owned(), BodyText::Raw);
    }
    numbers(part, &format!("{name}, {}", hex()))
}

/// A window as numbers. Its lines begin at multiples, so that they stay when the window moves.
fn numbers(part: &BodyPart, name: &str) -> (String, BodyText) {
    let skip = (HEX_WIDTH - part.offset % HEX_WIDTH) % HEX_WIDTH;
    let skip = usize::try_from(skip).unwrap_or(0).min(part.bytes.len());
    let aligned = BodyPart {
        bytes: part.bytes.slice(skip..),
        offset: part.offset + skip as u64,
        ..*part
    };
    let document = ratel_views::render(Some(hex()), &input(&aligned));
    (name.to_owned(), lines(&document, true, aligned.offset))
}

fn hex() -> &'static str {
    "Hex Dump"
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
    BodyText::Document(Lines {
        view: document.view_name,
        lines,
        // Lines of a window have no places of their own.
        folds: if by_offset {
            Vec::new()
        } else {
            document.folds()
        },
    })
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
