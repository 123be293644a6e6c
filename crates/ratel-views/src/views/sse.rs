//! Server-sent events: their fields line by line, data as JSON where they are.

use super::json;
use crate::registry::complain;
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// An event of more bytes is shown as it comes, and its data are not read as JSON.
const MAX_EVENT: usize = 1024 * 1024;

/// For `text/event-stream`.
pub(crate) struct Sse;

impl ContentView for Sse {
    fn name(&self) -> &'static str {
        "SSE"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "text/event-stream";
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Box::new(Events::default())
    }
}

/// A line of an event.
pub(crate) struct Field<'a> {
    /// Empty for a comment.
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl<'a> Field<'a> {
    /// Splits a line at the first colon, and takes one space away that follows it.
    pub(crate) fn of(line: &'a [u8]) -> Self {
        let colon = line.iter().position(|b| *b == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.get(1..).unwrap_or_default();
        Self {
            name,
            value: value.strip_prefix(b" ").unwrap_or(value),
        }
    }
}

/// Prints the lines of one event.
pub(crate) fn event_lines(lines: &[&[u8]], out: &mut Sink) {
    let fields = || lines.iter().map(|line| Field::of(line));
    let data: Vec<&[u8]> = fields()
        .filter(|field| field.name == b"data")
        .map(|field| field.value)
        .collect();
    let data = data.join(&b'\n');
    let is_json = json::is_container(&data, true);
    let mut printed = false;
    for (field, line) in fields().zip(lines) {
        if field.name.is_empty() {
            out.push_bytes(Class::Comment, line);
            out.newline();
            continue;
        }
        let json = is_json && field.name == b"data";
        if json && printed {
            continue;
        }
        out.push_bytes(Class::Name, field.name);
        out.push(Class::Plain, ": ");
        if json {
            printed = true;
            let mut printer = json::Printer::default();
            printer.feed(&data, out);
            printer.finish(true, out);
        } else {
            out.push_bytes(Class::String, field.value);
            out.newline();
        }
    }
}

/// The lines of an event that is at hand as a whole.
pub(crate) fn lines(event: &[u8]) -> Vec<&[u8]> {
    event
        .split(|b| matches!(b, b'\n' | b'\r'))
        .filter(|line| !line.is_empty())
        .collect()
}

/// The start of a stream without the byte order mark that may stand there.
pub(crate) fn without_mark(data: &[u8]) -> &[u8] {
    data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data)
}

#[derive(Default)]
struct Events {
    /// The lines of an event so far, each with `\n`, and the start of the next one.
    event: Vec<u8>,
    /// Where the line begins that has not ended.
    line: usize,
    /// The last byte was a `\r`, which has ended its line.
    after_cr: bool,
    /// The event is too long; its lines are shown as they come.
    passing: bool,
    /// The line that is passed through has begun.
    within_line: bool,
    /// There were bytes.
    begun: bool,
    /// An event has been shown.
    any: bool,
}

impl Painter for Events {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        for piece in data.split_inclusive(|b| matches!(b, b'\n' | b'\r')) {
            match piece.split_last() {
                Some((b'\n', [])) if self.after_cr => self.after_cr = false,
                Some((end @ (b'\n' | b'\r'), text)) => {
                    self.text(text, out);
                    self.end_line(out);
                    self.after_cr = *end == b'\r';
                }
                _ => {
                    self.text(piece, out);
                    self.after_cr = false;
                }
            }
        }
    }

    fn finish(&mut self, complete: bool, out: &mut Sink) {
        let unfinished = self.passing || self.event.iter().any(|b| *b != b'\n');
        if self.passing {
            out.finish();
        } else {
            self.print(out);
        }
        if unfinished && complete {
            complain(out, "the body ends here, before the end of the event");
        }
        out.finish();
    }
}

impl Events {
    fn text(&mut self, text: &[u8], out: &mut Sink) {
        if text.is_empty() {
            return;
        }
        if self.passing {
            self.within_line = true;
            return out.push_bytes(Class::String, text);
        }
        self.event.extend_from_slice(text);
        if self.event.len() > MAX_EVENT {
            self.separate(out);
            let event = std::mem::take(&mut self.event);
            let (lines, start) = event.split_at(self.line);
            for line in lines.split_inclusive(|b| *b == b'\n') {
                out.push_bytes(Class::String, line.strip_suffix(b"\n").unwrap_or(line));
                out.newline();
            }
            out.push_bytes(Class::String, start);
            self.within_line = true;
            self.passing = true;
            self.line = 0;
        }
    }

    fn end_line(&mut self, out: &mut Sink) {
        if self.passing {
            if self.within_line {
                out.newline();
            } else {
                self.passing = false;
            }
            self.within_line = false;
        } else if self.event.len() == self.line {
            self.print(out);
        } else {
            self.event.push(b'\n');
            self.line = self.event.len();
        }
    }

    /// Prints the event, which ends here.
    fn print(&mut self, out: &mut Sink) {
        let event = std::mem::take(&mut self.event);
        self.line = 0;
        let mut rest = event.as_slice();
        if !self.begun && !rest.is_empty() {
            self.begun = true;
            rest = without_mark(rest);
        }
        let lines = lines(rest);
        if !lines.is_empty() {
            self.separate(out);
            event_lines(&lines, out);
        }
    }

    /// Leaves a line between two events.
    fn separate(&mut self, out: &mut Sink) {
        if self.any {
            out.newline();
        }
        self.any = true;
    }
}
