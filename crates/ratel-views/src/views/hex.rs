//! Hex Dump: sixteen bytes a line, in hexadecimal and as ASCII.

use std::fmt::Write;

use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Bytes in a line.
const WIDTH: usize = 16;

/// Bytes in a group, which are set off from the next by one more space.
const GROUP: usize = 4;

/// Only so many bytes at the start decide whether data are binary.
const LOOKED_AT: usize = 100;

/// For binary data.
pub(crate) struct HexDump;

impl ContentView for HexDump {
    fn name(&self) -> &'static str {
        "Hex Dump"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        if is_binary(input.data) { 0.5 } else { 0.0 }
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        dump(input.offset)
    }
}

/// The bytes in hexadecimal and nothing else, to be copied.
pub(crate) struct HexStream;

impl ContentView for HexStream {
    fn name(&self) -> &'static str {
        "Hex Stream"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        if is_binary(input.data) { 0.4 } else { 0.0 }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Box::new(Stream)
    }
}

struct Stream;

impl Painter for Stream {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        let mut text = String::with_capacity(data.len() * 2);
        for byte in data {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        out.push(Class::Number, &text);
    }

    fn finish(&mut self, _: bool, out: &mut Sink) {
        out.finish();
    }
}

/// Shows bytes that begin there in the body.
pub(crate) fn dump(at: u64) -> Box<dyn Painter> {
    Box::new(Dump {
        at,
        row: Vec::with_capacity(WIDTH),
    })
}

/// Shows bytes from the first.
pub(crate) fn put(data: &[u8], out: &mut Sink) {
    let mut painter = dump(0);
    painter.feed(data, out);
    painter.finish(true, out);
}

/// More than 30 % of the first bytes are neither printable ASCII nor usual white space.
pub(crate) fn is_binary(data: &[u8]) -> bool {
    let start = data.get(..LOOKED_AT).unwrap_or(data);
    let odd = start
        .iter()
        .filter(|b| matches!(b, 0..9 | 14..32 | 127..))
        .count();
    odd * 10 > start.len() * 3
}

struct Dump {
    /// Where the row begins in the body.
    at: u64,
    row: Vec<u8>,
}

impl Painter for Dump {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        let mut data = data;
        while !data.is_empty() && !out.is_full() {
            let fits = (WIDTH - self.row.len()).min(data.len());
            let (now, later) = data.split_at(fits);
            self.row.extend_from_slice(now);
            data = later;
            if self.row.len() == WIDTH {
                self.put_row(out);
            }
        }
    }

    fn finish(&mut self, _: bool, out: &mut Sink) {
        if !self.row.is_empty() {
            self.put_row(out);
        }
    }
}

impl Dump {
    fn put_row(&mut self, out: &mut Sink) {
        let mut hex = String::with_capacity(64);
        for position in 0..WIDTH {
            if position > 0 && position % GROUP == 0 {
                hex.push(' ');
            }
            // Writing to a string does not fail.
            let _ = match self.row.get(position) {
                Some(byte) => write!(hex, "{byte:02x} "),
                None => write!(hex, "   "),
            };
        }
        let ascii: String = self.row.iter().map(|b| printable(*b)).collect();
        out.push(Class::Offset, &format!("{:04x}:", self.at));
        out.push(Class::Plain, &format!("   {hex}  "));
        out.push(Class::String, &ascii);
        out.newline();
        self.at += self.row.len() as u64;
        self.row.clear();
    }
}

fn printable(byte: u8) -> char {
    if matches!(byte, b' '..=b'~') {
        char::from(byte)
    } else {
        '.'
    }
}
