//! WBXML as ActiveSync has it (WAP-192-WBXML 1.3, MS-ASWBXML): XML again.

mod pages;
mod read;

use std::borrow::Cow;

use super::whole::{Beyond, Whole};
use crate::{Class, ContentView, Painter, Sink, ViewInput};
use read::{Item, Reader, Stop};

/// For `application/vnd.ms-sync.wbxml`.
pub(crate) struct Wbxml;

impl ContentView for Wbxml {
    fn name(&self) -> &'static str {
        "WBXML"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = matches!(
            &input.media_type()[..],
            "application/vnd.wap.wbxml"
                | "application/vnd.ms-sync.wbxml"
                | "application/vnd.ms-sync"
        );
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Nothing, |data, cut, out| {
            // Once without a trace, since what is wrong anywhere makes all of it something else.
            let mut trial = Reader::new(data).map_err(|stop| stop.sentence())?;
            loop {
                match trial.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(Stop::Early) if cut => break,
                    Err(stop) => {
                        return Err(format!("{}, at byte {}", stop.sentence(), trial.at()).into());
                    }
                }
            }
            if let Ok(reader) = Reader::new(data) {
                print(reader, out);
            }
            Ok(())
        })
    }
}

/// Prints a document that can be read, as far as it goes.
fn print(mut reader: Reader<'_>, out: &mut Sink) {
    out.push(Class::Comment, "<?xml version=\"1.0\" ?>");
    out.newline();
    let mut open: Vec<Cow<'static, str>> = Vec::new();
    let mut item = reader.next();
    while let Ok(Some(now)) = item {
        if out.is_full() {
            return;
        }
        match now {
            Item::Open(tag) => {
                out.indent(open.len());
                start(&tag.name, &tag.attributes, out);
                item = reader.next();
                let is_empty = matches!(item, Ok(Some(Item::End)));
                if tag.has_content && !is_empty {
                    out.push(Class::Name, ">");
                    item = inside(tag.name, item, &mut open, &mut reader, out);
                    continue;
                }
                out.push(Class::Name, "/>");
                out.newline();
                if tag.has_content {
                    item = reader.next();
                }
                continue;
            }
            content @ (Item::Text(_) | Item::Opaque(_)) => {
                out.indent(open.len());
                put(&content, out);
                out.newline();
            }
            Item::End => {
                if let Some(name) = open.pop() {
                    out.indent(open.len());
                    out.push(Class::Name, &format!("</{name}>"));
                    out.newline();
                }
            }
        }
        item = reader.next();
    }
}

/// Prints what follows a start tag, which is not its end: a single text stays on its line. Gives out what is to be printed
/// next.
fn inside<'a>(
    name: Cow<'static, str>,
    first: Result<Option<Item<'a>>, Stop>,
    open: &mut Vec<Cow<'static, str>>,
    reader: &mut Reader<'a>,
    out: &mut Sink,
) -> Result<Option<Item<'a>>, Stop> {
    let Ok(Some(content @ (Item::Text(_) | Item::Opaque(_)))) = &first else {
        out.newline();
        open.push(name);
        return first;
    };
    let next = reader.next();
    if matches!(next, Ok(Some(Item::End))) {
        put(content, out);
        out.push(Class::Name, &format!("</{name}>"));
        out.newline();
        return reader.next();
    }
    out.newline();
    out.indent(open.len() + 1);
    put(content, out);
    out.newline();
    open.push(name);
    next
}

/// Prints text or bytes.
fn put(content: &Item<'_>, out: &mut Sink) {
    match content {
        Item::Text(text) => lines(text, out),
        Item::Opaque(data) => opaque(data, out),
        Item::Open(_) | Item::End => {}
    }
}

fn start(name: &str, attributes: &[(String, String)], out: &mut Sink) {
    out.push(Class::Name, &format!("<{name}"));
    for (name, value) in attributes {
        out.push(Class::Plain, &format!(" {name}="));
        out.push(Class::String, &format!("\"{}\"", escaped(value)));
    }
}

/// Text with what XML needs in its place.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn lines(text: &str, out: &mut Sink) {
    for (nth, line) in escaped(text).split('\n').enumerate() {
        if nth > 0 {
            out.newline();
        }
        out.push(Class::Plain, line.strip_suffix('\r').unwrap_or(line));
    }
}

/// Bytes that are no text by rights; they often are all the same.
fn opaque(data: &[u8], out: &mut Sink) {
    out.push(Class::Plain, "<![CDATA[");
    for (nth, line) in data.split(|b| *b == b'\n').enumerate() {
        if nth > 0 {
            out.newline();
        }
        out.push_bytes(Class::String, line.strip_suffix(b"\r").unwrap_or(line));
    }
    out.push(Class::Plain, "]]>");
}

#[cfg(test)]
mod tests;
