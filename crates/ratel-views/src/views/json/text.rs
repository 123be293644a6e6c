//! The inside of a JSON string.

use ratel_flow::format;

/// A string that is being read, after its opening quote.
#[derive(Debug, Default)]
pub(super) struct Text {
    escape: Escape,
    /// The first half of a surrogate pair, held until the second comes.
    high: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Escape {
    #[default]
    None,
    Backslash,
    /// Digits read and their value.
    Unicode(u8, u16),
}

/// What a call has read.
pub(super) struct Piece {
    pub(super) read: usize,
    /// The closing quote was read.
    pub(super) ended: bool,
}

impl Text {
    /// Reads on and gives out what is to be shown.
    pub(super) fn feed(
        &mut self,
        data: &[u8],
        mut show: impl FnMut(&[u8]),
    ) -> Result<Piece, &'static str> {
        match self.escape {
            Escape::None => {
                let plain = data
                    .iter()
                    .position(|b| matches!(b, b'"' | b'\\' | 0..0x20))
                    .unwrap_or(data.len());
                let next = data.get(plain).copied();
                if plain > 0 || next == Some(b'"') {
                    self.flush_high(&mut show);
                }
                show(data.get(..plain).unwrap_or_default());
                match next {
                    None => Ok(Piece::read(plain)),
                    Some(b'"') => Ok(Piece {
                        read: plain + 1,
                        ended: true,
                    }),
                    Some(b'\\') => {
                        self.escape = Escape::Backslash;
                        Ok(Piece::read(plain + 1))
                    }
                    Some(_) if plain > 0 => Ok(Piece::read(plain)),
                    Some(_) => Err("no control character in a string"),
                }
            }
            Escape::Backslash => {
                let Some(&byte) = data.first() else {
                    return Ok(Piece::read(0));
                };
                if byte != b'u' {
                    self.flush_high(&mut show);
                }
                self.escape = Escape::None;
                match byte {
                    b'u' => self.escape = Escape::Unicode(0, 0),
                    b'/' => show(b"/"),
                    b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => show(&[b'\\', byte]),
                    _ => return Err("an escape sequence"),
                }
                Ok(Piece::read(1))
            }
            Escape::Unicode(digits, value) => {
                let digit = data.first().and_then(|b| (*b as char).to_digit(16));
                let digit = digit.ok_or("four hexadecimal digits")?;
                let value = value << 4 | digit as u16;
                if digits == 3 {
                    self.escape = Escape::None;
                    self.unit(value, &mut show);
                } else {
                    self.escape = Escape::Unicode(digits + 1, value);
                }
                Ok(Piece::read(1))
            }
        }
    }

    /// A UTF-16 code unit that was written as `\uXXXX`.
    fn unit(&mut self, unit: u16, show: &mut impl FnMut(&[u8])) {
        let high = self.high.take();
        if let (Some(high), 0xdc00..=0xdfff) = (high, unit)
            && let Some(Ok(c)) = char::decode_utf16([high, unit]).next()
            && shown_as_is(c)
        {
            show(c.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
        if let Some(high) = high {
            show_escaped(high, show);
        }
        match char::from_u32(u32::from(unit)) {
            None if unit < 0xdc00 => self.high = Some(unit),
            Some(c) if shown_as_is(c) => show(c.encode_utf8(&mut [0; 4]).as_bytes()),
            _ => show_escaped(unit, show),
        }
    }

    fn flush_high(&mut self, show: &mut impl FnMut(&[u8])) {
        if let Some(high) = self.high.take() {
            show_escaped(high, show);
        }
    }
}

impl Piece {
    fn read(read: usize) -> Self {
        Self { read, ended: false }
    }
}

fn shown_as_is(c: char) -> bool {
    !matches!(c, '"' | '\\') && format::is_safe(c)
}

fn show_escaped(unit: u16, show: &mut impl FnMut(&[u8])) {
    show(format!("\\u{unit:04x}").as_bytes());
}
