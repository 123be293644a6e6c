//! Hex Dump: sixteen bytes a line, in hexadecimal and as ASCII.

use std::fmt::Write;

use ratel_flow::text::{self, Charset};

use crate::{Class, ContentView, Editor, Painter, ReencodeError, Sink, ViewInput};

/// Bytes in a line.
const WIDTH: usize = 16;

/// Bytes in a group, which are set off from the next by one more space.
const GROUP: usize = 4;

/// So many bytes of another charset are decoded to see whether they are text.
const LOOKED_AT: usize = 400;

/// For binary data.
pub(crate) struct HexDump;

impl ContentView for HexDump {
    fn name(&self) -> &'static str {
        "Hex Dump"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        if is_binary_body(input) { 0.5 } else { 0.0 }
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
        if is_binary_body(input) { 0.4 } else { 0.0 }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Box::new(Stream)
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

impl Editor for HexStream {
    /// Spaces and line ends between digits do not matter.
    fn reencode(&self, text: &str, _: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        parse(text).map_err(|wrong| ReencodeError::at_byte(text, wrong.at, wrong.sentence()))
    }
}

/// Why text is no bytes in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoHex {
    /// Byte of the text.
    pub(crate) at: usize,
    /// A digit is missing at the end, and nothing else is wrong.
    is_odd: bool,
}

impl NoHex {
    /// What is wrong.
    pub(crate) fn sentence(self) -> &'static str {
        if self.is_odd {
            "there is an odd number of hexadecimal digits"
        } else {
            "this is no hexadecimal digit"
        }
    }
}

/// Bytes in hexadecimal, in upper or lower case, with spaces anywhere.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, NoHex> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let digit = c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or(NoHex { at, is_odd: false })?;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(NoHex {
            at: text.trim_end().len(),
            is_odd: true,
        }),
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

/// Whether bytes look as if they were no text.
pub(crate) fn is_binary(data: &[u8]) -> bool {
    text::is_mostly_binary(data)
}

/// As [`is_binary`], for a body that may say in which charset it is.
fn is_binary_body(input: &ViewInput<'_>) -> bool {
    let content_type = input.content_type.unwrap_or_default();
    match Charset::declared(content_type, input.data) {
        Some(charset) if charset != Charset::Utf8 && input.offset == 0 => {
            let start = input.data.get(..LOOKED_AT).unwrap_or(input.data);
            is_binary(charset.decode(start).as_bytes())
        }
        _ => is_binary(input.data),
    }
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

#[cfg(test)]
mod tests {
    use super::super::testing::edited;

    #[test]
    fn digits_become_bytes() {
        let of = |text: &str| edited("hex stream", "", b"\0", |_| text.into());
        for (text, bytes) in [
            ("", &b""[..]),
            ("616263\n", b"abc"),
            ("61 62\n  63", b"abc"),
            ("AbCd", b"\xab\xcd"),
            ("00", b"\0"),
        ] {
            assert_eq!(of(text), Ok(bytes.to_vec()), "{text}");
        }
        for (text, error) in [
            (
                "61626\n",
                "line 1, column 6: there is an odd number of hexadecimal digits",
            ),
            ("61\n6G", "line 2, column 2: this is no hexadecimal digit"),
            ("0x61", "line 1, column 2: this is no hexadecimal digit"),
        ] {
            assert_eq!(of(text), Err(error.into()));
        }
    }
}
