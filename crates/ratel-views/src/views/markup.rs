//! XML and HTML: an element a line, indented, nothing changed but white space.

use super::whole::{Beyond, Whole};
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Elements deeper than this are indented no further.
const MAX_LEVEL: usize = 16;

/// Text up to this many bytes stays between its tags on one line.
const SHORT: usize = 80;

/// Elements of HTML that have no end tag (<https://html.spec.whatwg.org/#void-elements>).
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements of HTML whose content is no markup (<https://html.spec.whatwg.org/#raw-text-elements>).
const RAW: [&str; 2] = ["script", "style"];

/// For markup of either kind.
pub(crate) struct Markup;

impl ContentView for Markup {
    fn name(&self) -> &'static str {
        "XML/HTML"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let media = input.media_type();
        let first = input.data.iter().find(|b| !b.is_ascii_whitespace());
        if input.offset > 0 {
            0.0
        } else if matches!(&media[..], "text/xml" | "text/html" | "application/xml")
            || media.ends_with("+xml")
        {
            1.0
        } else if first == Some(&b'<') {
            0.4
        } else {
            0.0
        }
    }

    fn is_text(&self) -> bool {
        true
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        let is_html = input.media_type() == "text/html";
        Whole::painter(self.name(), Beyond::Text, move |data, _, out| {
            print(data, is_html, out);
            Ok(())
        })
    }
}

/// A piece of markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Text(&'a [u8]),
    Open(&'a [u8]),
    Close(&'a [u8]),
    /// An element without an end, a comment, a declaration.
    Alone(&'a [u8]),
}

fn print(data: &[u8], is_html: bool, out: &mut Sink) {
    let html = is_html || starts_as_html(data);
    let mut tokens = Tokens {
        rest: data,
        html,
        raw: None,
    }
    .peekable();
    let mut level = 0_usize;
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(text) => paragraph(text, level, out),
            Token::Alone(text) => {
                indent(level, out);
                tag(text, out);
                out.newline();
            }
            Token::Close(text) => {
                level = level.saturating_sub(1);
                indent(level, out);
                tag(text, out);
                out.newline();
            }
            Token::Open(text) => {
                indent(level, out);
                tag(text, out);
                let mut ahead = tokens.clone();
                let within = match ahead.peek().copied() {
                    Some(Token::Text(text)) if is_short(text) => {
                        ahead.next();
                        Some(text.trim_ascii())
                    }
                    Some(Token::Close(_)) => Some(&b""[..]),
                    _ => None,
                };
                match (within, ahead.next()) {
                    (Some(within), Some(Token::Close(end))) => {
                        out.push_bytes(Class::Plain, within);
                        tag(end, out);
                        tokens = ahead;
                    }
                    _ => level += usize::from(!is_root(text)),
                }
                out.newline();
            }
        }
        if out.is_full() {
            return;
        }
    }
}

/// How long the content of such an element is: up to its end tag.
fn raw_text(rest: &[u8], element: &str) -> usize {
    let is_end = |at: &usize| {
        let tag = rest.get(*at..).and_then(|tag| tag.strip_prefix(b"</"));
        let name = tag.and_then(|tag| tag.get(..element.len()));
        name.is_some_and(|name| name.eq_ignore_ascii_case(element.as_bytes()))
    };
    memchr::memchr_iter(b'<', rest)
        .find(is_end)
        .unwrap_or(rest.len())
}

fn starts_as_html(data: &[u8]) -> bool {
    let start = data.get(..1024).unwrap_or(data).to_ascii_lowercase();
    let text = start.trim_ascii();
    text.starts_with(b"<!doctype html") || text.starts_with(b"<html")
}

/// What is in them is not indented: it is everything.
fn is_root(tag: &[u8]) -> bool {
    matches!(&name(tag)[..], "html" | "xml")
}

fn is_short(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.len() <= SHORT && !text.contains(&b'\n')
}

fn indent(level: usize, out: &mut Sink) {
    const SPACES: &str = "                                ";
    let width = level.min(MAX_LEVEL) * 2;
    out.push(Class::Plain, SPACES.get(..width).unwrap_or(SPACES));
}

/// The lines of a text between elements.
fn paragraph(text: &[u8], level: usize, out: &mut Sink) {
    let lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| !line.is_empty()) {
        indent(level, out);
        out.push_bytes(Class::Plain, line);
        out.newline();
    }
}

/// A tag with its attributes, or a comment.
fn tag(text: &[u8], out: &mut Sink) {
    if text.starts_with(b"<!") || text.starts_with(b"<?") {
        let lines = text.split(|b| *b == b'\n');
        for (nth, line) in lines.enumerate() {
            if nth > 0 {
                out.newline();
            }
            out.push_bytes(Class::Comment, line.strip_suffix(b"\r").unwrap_or(line));
        }
        return;
    }
    let end = text.iter().position(|b| b.is_ascii_whitespace());
    let end = end.unwrap_or(text.len().saturating_sub(1)).max(1);
    let (name, mut rest) = text.split_at(end.min(text.len()));
    out.push_bytes(Class::Name, name);
    while !rest.is_empty() {
        let quote = rest.iter().position(|b| matches!(b, b'"' | b'\''));
        let Some(at) = quote else {
            return words(rest, out);
        };
        let (before, quoted) = rest.split_at(at);
        words(before, out);
        let close = quoted
            .iter()
            .skip(1)
            .position(|b| Some(b) == quoted.first());
        let (value, after) = quoted.split_at(close.map_or(quoted.len(), |close| close + 2));
        for (nth, line) in value.split(|b| *b == b'\n').enumerate() {
            if nth > 0 {
                out.newline();
            }
            out.push_bytes(Class::String, line);
        }
        rest = after;
    }
}

/// What stands between quotes in a tag, with single spaces.
fn words(text: &[u8], out: &mut Sink) {
    let mut space = false;
    for run in text.chunk_by(|a, b| a.is_ascii_whitespace() == b.is_ascii_whitespace()) {
        space = run.first().is_some_and(u8::is_ascii_whitespace);
        out.push_bytes(Class::Plain, if space { b" " } else { run });
    }
    let _ = space;
}

/// The name of a tag in lower case.
fn name(tag: &[u8]) -> String {
    let text = tag.strip_prefix(b"<").unwrap_or(tag);
    let text = text.strip_prefix(b"/").unwrap_or(text);
    let end = text
        .iter()
        .position(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'));
    let name = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

#[derive(Clone)]
struct Tokens<'a> {
    rest: &'a [u8],
    html: bool,
    /// The element that began last, if its content is no markup.
    raw: Option<&'static str>,
}

impl<'a> Tokens<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Up to and with `end`, or all.
    fn through(&mut self, end: &[u8]) -> &'a [u8] {
        let at = memchr::memmem::find(self.rest, end);
        self.take(at.map_or(self.rest.len(), |at| at + end.len()))
    }

    /// A tag, whose end does not stand in quotes.
    fn tag(&mut self) -> &'a [u8] {
        let mut quote = None;
        let end = self.rest.iter().position(|b| match (quote, b) {
            (None, b'"' | b'\'') => {
                quote = Some(*b);
                false
            }
            (Some(open), b) if open == *b => {
                quote = None;
                false
            }
            (None, b'>') => true,
            _ => false,
        });
        self.take(end.map_or(self.rest.len(), |end| end + 1))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.rest;
            if rest.is_empty() {
                return None;
            }
            if let Some(element) = self.raw.take() {
                let text = self.take(raw_text(rest, element));
                if text.trim_ascii().is_empty() {
                    continue;
                }
                return Some(Token::Text(text));
            }
            if !rest.starts_with(b"<") {
                let at = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                let text = self.take(at);
                if text.trim_ascii().is_empty() {
                    continue;
                }
                return Some(Token::Text(text));
            }
            return Some(if rest.starts_with(b"<!--") {
                Token::Alone(self.through(b"-->"))
            } else if rest.starts_with(b"<![CDATA[") {
                Token::Alone(self.through(b"]]>"))
            } else if rest.starts_with(b"<?") {
                Token::Alone(self.through(b"?>"))
            } else if rest.starts_with(b"<!") {
                Token::Alone(self.tag())
            } else if rest.starts_with(b"</") {
                Token::Close(self.tag())
            } else {
                let tag = self.tag();
                let name = name(tag);
                if tag.ends_with(b"/>") || (self.html && VOID.contains(&&name[..])) {
                    Token::Alone(tag)
                } else {
                    let is_it = |element: &&str| self.html && *element == name;
                    self.raw = RAW.into_iter().find(is_it);
                    Token::Open(tag)
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::shown;

    #[test]
    fn elements_are_indented_and_short_ones_stay_on_a_line() {
        let html = "<!DOCTYPE html><html><head><title>A &amp; B</title><meta charset=utf-8></head>\
            <body class=\"x  y\"   id='z'><p>short</p><div>\n  <br>long\nlines</div><!-- a\nb --></body></html>";
        insta::assert_snapshot!(shown("text/html", html), @r#"
        <!DOCTYPE html>
        <html>
        <head>
          <title>A &amp; B</title>
          <meta charset=utf-8>
        </head>
        <body class="x  y" id='z'>
          <p>short</p>
          <div>
            <br>
            long
            lines
          </div>
          <!-- a
        b -->
        </body>
        </html>
        "#);
    }

    #[test]
    fn xml_of_any_depth_and_any_damage() {
        let xml = "<?xml version=\"1.0\"?><a><b x=\"1>2\"/><c><![CDATA[<d>]]></c></a>";
        insta::assert_snapshot!(shown("application/xml", xml), @r#"
        <?xml version="1.0"?>
        <a>
          <b x="1>2"/>
          <c>
            <![CDATA[<d>]]>
          </c>
        </a>
        "#);
        let deep = "<a>".repeat(100_000);
        assert_eq!(shown("text/xml", &deep).lines().count(), 1000);
        for text in ["<", "<a", "</", "<!--", "<a b=\"c", "<![CDATA["] {
            assert_eq!(shown("text/xml", text).trim_end(), text);
        }
    }
}
