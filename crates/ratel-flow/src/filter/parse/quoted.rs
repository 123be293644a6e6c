//! Text in quotes: a backslash makes the character after it stand for itself, and is gone.

use std::borrow::Cow;
use std::ops::Range;

use super::Reason;

/// Columns between two tab stops.
const TAB: usize = 8;

/// Reads text that begins with `quote`: what is between the quotes, and how many bytes all of it has.
pub(super) fn read(text: &str, quote: char) -> Result<(String, usize), Reason> {
    let mut out = String::new();
    let len = each(text, quote, |c, _| out.push(c))?;
    Ok((out, len))
}

/// Where in `text` that part of the pattern stands whose quote is at `from`: `part` counts bytes of the pattern.
pub(super) fn place(text: &str, from: usize, part: &Range<usize>) -> (usize, usize) {
    let rest = text.get(from..).unwrap_or_default();
    let Some(quote) = rest.chars().next() else {
        return (from, from);
    };
    let (mut start, mut end, mut at) = (None, None, 0);
    let len = each(rest, quote, |c, place| {
        if at >= part.start && start.is_none() {
            start = Some(place.start);
        }
        at += c.len_utf8();
        if at >= part.end && end.is_none() {
            end = Some(place.end);
        }
    });
    let closing = len.unwrap_or(rest.len()).saturating_sub(1);
    let start = start.unwrap_or(closing);
    (from + start, from + end.unwrap_or(closing).max(start))
}

/// Hands out each character of the pattern with its place in `text`, and returns the length with both quotes.
fn each(
    text: &str,
    quote: char,
    mut each: impl FnMut(char, Range<usize>),
) -> Result<usize, Reason> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok(at + c.len_utf8()),
            '\n' | '\r' => return Err(Reason::LineEndInQuotes),
            '\\' => match chars.next() {
                None => return Err(Reason::QuoteNotClosed),
                Some((_, '\n')) => return Err(Reason::LineEndInQuotes),
                Some((escaped_at, escaped)) => {
                    let rest = text.get(escaped_at..).unwrap_or_default();
                    let (c, len) =
                        numeric(rest).unwrap_or((unescaped(escaped), escaped.len_utf8()));
                    let end = escaped_at + len;
                    while chars.next_if(|(at, _)| *at < end).is_some() {}
                    each(c, at..end);
                }
            },
            c => each(c, at..at + c.len_utf8()),
        }
    }
    Err(Reason::QuoteNotClosed)
}

fn unescaped(c: char) -> char {
    match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'f' => '\u{c}',
        c => c,
    }
}

/// Three escapes are numbers, though not those that one would think: `\0` alone, and `\x` and `\u` with one more digit
/// before a `2` or a `4`. In the library by which mitmproxy reads expressions the braces round the 2 and the 4 got lost.
fn numeric(escape: &str) -> Option<(char, usize)> {
    let number = |digits: &str| {
        u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
    };
    match escape.as_bytes() {
        [b'0', b'3', ..] => None,
        [b'0', ..] => Some(('\0', 1)),
        [b'x', digit, b'2', ..] | [b'u', digit, b'4', ..] if digit.is_ascii_hexdigit() => {
            Some((number(escape.get(1..3)?)?, 3))
        }
        _ => None,
    }
}

/// Tabs become spaces up to the next column that is a multiple of 8, as in mitmproxy. That only shows within quotes.
pub(super) fn expand_tabs(text: &str) -> Cow<'_, str> {
    if !text.contains('\t') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + TAB);
    each_expanded(text, |c, count, _| {
        out.extend(std::iter::repeat_n(c, count))
    });
    Cow::Owned(out)
}

/// Where in `text` the byte stands that is at `at` once tabs are expanded.
pub(super) fn before_tabs(text: &str, at: usize) -> usize {
    if !text.contains('\t') {
        return at;
    }
    let (mut expanded, mut found) = (0, None);
    each_expanded(text, |c, count, place| {
        expanded += c.len_utf8() * count;
        if expanded > at && found.is_none() {
            found = Some(place);
        }
    });
    found.unwrap_or(text.len())
}

fn each_expanded(text: &str, mut each: impl FnMut(char, usize, usize)) {
    let mut column = 0;
    for (at, c) in text.char_indices() {
        match c {
            '\t' => {
                let count = TAB - column % TAB;
                column += count;
                each(' ', count, at);
            }
            c => {
                column = if matches!(c, '\n' | '\r') {
                    0
                } else {
                    column + 1
                };
                each(c, 1, at);
            }
        }
    }
}
