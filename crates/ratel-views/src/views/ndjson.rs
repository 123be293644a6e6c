//! Lines of JSON: each is a value of its own, and one that is wrong does not spoil the next.

use super::json;
use crate::registry::complain;
use crate::{ContentView, Painter, Sink, ViewInput};

/// For newline-delimited JSON and JSON text sequences (RFC 7464).
pub(crate) struct Ndjson;

impl ContentView for Ndjson {
    fn name(&self) -> &'static str {
        "NDJSON"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = matches!(
            input.media_type().strip_prefix("application/"),
            Some(
                "x-ndjson"
                    | "ndjson"
                    | "jsonl"
                    | "x-jsonl"
                    | "jsonlines"
                    | "x-jsonlines"
                    | "json-seq"
                    | "stream+json"
                    | "x-json-stream"
            )
        );
        if fits && !input.data.is_empty() && input.offset == 0 {
            2.0
        } else {
            0.0
        }
    }

    fn is_text(&self) -> bool {
        true
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        Box::new(Lines {
            at: input.offset,
            line: None,
            good: false,
            bad: None,
        })
    }
}

struct Lines {
    /// Where in the body the next byte is.
    at: u64,
    /// The line that is being read, if it is more than spaces.
    line: Option<json::Printer>,
    /// There was a line of JSON.
    good: bool,
    /// What was wrong with the first line that is none.
    bad: Option<String>,
}

impl Painter for Lines {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        for piece in data.split_inclusive(|b| is_end(*b)) {
            let (text, ended) = match piece.split_last() {
                Some((last, text)) if is_end(*last) => (text, true),
                _ => (piece, false),
            };
            match &mut self.line {
                Some(line) => line.feed(text, out),
                None => {
                    let first = text.iter().position(|b| !matches!(b, b' ' | b'\t'));
                    if let Some(first) = first {
                        let mut line = json::Printer::at(self.at + first as u64);
                        line.feed(text.get(first..).unwrap_or_default(), out);
                        self.line = Some(line);
                    }
                }
            }
            if ended {
                self.end(true, out);
            }
            self.at += piece.len() as u64;
        }
    }

    fn finish(&mut self, complete: bool, out: &mut Sink) {
        self.end(complete, out);
        out.finish();
    }

    fn failed(&self) -> Option<&str> {
        let line = self.line.as_ref().and_then(Painter::failed);
        let bad = self.bad.as_deref().or(line);
        bad.filter(|_| !self.good)
    }
}

impl Lines {
    /// Ends the line, which is `whole`.
    fn end(&mut self, whole: bool, out: &mut Sink) {
        let Some(mut line) = self.line.take() else {
            return;
        };
        line.finish(false, out);
        let bad = match line.failed() {
            Some(why) => Some(why.to_owned()),
            None if whole && line.is_unfinished() => {
                let why = "the line ends here, before the end of the JSON";
                complain(out, why);
                Some(why.to_owned())
            }
            None => None,
        };
        match bad {
            Some(why) => {
                self.bad.get_or_insert(why);
            }
            None => self.good = true,
        }
    }
}

/// What stands between values: line ends, and the record separators of text sequences.
fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0x1e)
}
