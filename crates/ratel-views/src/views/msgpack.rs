//! MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>), as YAML.

use super::whole::{Beyond, Whole};
use super::yaml;
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Values deeper than this are not read.
const MAX_DEPTH: usize = 100;

/// For `application/msgpack`.
pub(crate) struct MsgPack;

impl ContentView for MsgPack {
    fn name(&self) -> &'static str {
        "MsgPack"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = matches!(
            &input.media_type()[..],
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack"
        );
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Text, |data, cut, out| {
            // Once without a trace, since what is wrong at the end makes all of it something else.
            let mut nowhere = Sink::new(0);
            let mut trial = Reader { rest: data };
            let read = trial.value(0, Place::Line, &mut nowhere);
            match read {
                Ok(()) if !trial.rest.is_empty() => {
                    return Err(format!("{} bytes follow the value", trial.rest.len()));
                }
                Err(Problem::Early) if cut => {}
                Err(problem) => return Err(problem.sentence().into()),
                Ok(()) => {}
            }
            let _ = Reader { rest: data }.value(0, Place::Line, out);
            out.finish();
            Ok(())
        })
    }
}

/// Why bytes are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Early,
    Deep,
    Reserved,
}

impl Problem {
    fn sentence(self) -> &'static str {
        match self {
            Self::Early => "the data end in the middle of a value",
            Self::Deep => "values are nested too deep",
            Self::Reserved => "a byte means nothing in MessagePack",
        }
    }
}

/// What stands before a value in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing, or `- `.
    Line,
    /// `name:`.
    Name,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Problem> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Problem::Early)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A number of so many bytes, the largest first.
    fn number(&mut self, bytes: usize) -> Result<u64, Problem> {
        let taken = self.take(bytes)?;
        Ok(taken.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)))
    }

    fn length(&mut self, bytes: usize) -> Result<usize, Problem> {
        usize::try_from(self.number(bytes)?).map_err(|_| Problem::Early)
    }

    fn value(&mut self, depth: usize, place: Place, out: &mut Sink) -> Result<(), Problem> {
        if depth > MAX_DEPTH {
            return Err(Problem::Deep);
        }
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (class, text) = match first {
            0x80..=0x8f => return self.map(usize::from(first & 15), depth, place, out),
            0xde | 0xdf => {
                let len = self.length(if first == 0xde { 2 } else { 4 })?;
                return self.map(len, depth, place, out);
            }
            0x90..=0x9f => return self.list(usize::from(first & 15), depth, place, out),
            0xdc | 0xdd => {
                let len = self.length(if first == 0xdc { 2 } else { 4 })?;
                return self.list(len, depth, place, out);
            }
            _ => self.scalar(first)?,
        };
        if place == Place::Name {
            out.push(Class::Plain, " ");
        }
        out.push(class, &text);
        out.newline();
        Ok(())
    }

    fn scalar(&mut self, first: u8) -> Result<(Class, String), Problem> {
        let number = |text: String| (Class::Number, text);
        let signed = |value: u64, bits: u32| {
            let shift = 64 - bits;
            ((value << shift).cast_signed() >> shift).to_string()
        };
        Ok(match first {
            0x00..=0x7f => number(first.to_string()),
            0xe0..=0xff => number(first.cast_signed().to_string()),
            0xc0 => (Class::Boolean, "null".into()),
            0xc2 | 0xc3 => (Class::Boolean, (first == 0xc3).to_string()),
            0xcc..=0xcf => number(self.number(1 << (first - 0xcc))?.to_string()),
            0xd0..=0xd3 => {
                let bytes = 1 << (first - 0xd0);
                number(signed(self.number(bytes as usize)?, bytes * 8))
            }
            0xca => {
                let bits = u32::try_from(self.number(4)?).unwrap_or_default();
                number(format!("{:?}", f32::from_bits(bits)))
            }
            0xcb => number(format!("{:?}", f64::from_bits(self.number(8)?))),
            0xa0..=0xbf => self.text(usize::from(first & 31))?,
            0xd9..=0xdb => {
                let len = self.length(1 << (first - 0xd9))?;
                self.text(len)?
            }
            0xc4..=0xc6 => {
                let len = self.length(1 << (first - 0xc4))?;
                binary("", self.take(len)?)
            }
            0xd4..=0xd8 => {
                let kind = self.number(1)?;
                let data = self.take(1 << (first - 0xd4))?;
                extension(kind, data)
            }
            0xc7..=0xc9 => {
                let len = self.length(1 << (first - 0xc7))?;
                let kind = self.number(1)?;
                extension(kind, self.take(len)?)
            }
            _ => return Err(Problem::Reserved),
        })
    }

    fn text(&mut self, len: usize) -> Result<(Class, String), Problem> {
        let text = yaml::text(self.take(len)?);
        Ok((Class::String, yaml::scalar(&text)))
    }

    fn map(
        &mut self,
        len: usize,
        depth: usize,
        place: Place,
        out: &mut Sink,
    ) -> Result<(), Problem> {
        if len == 0 {
            return empty("{}", place, out);
        }
        if place == Place::Name {
            out.newline();
        }
        for nth in 0..len {
            if nth > 0 || place == Place::Name {
                out.indent(depth);
            }
            let first = self.take(1)?.first().copied().unwrap_or_default();
            let name = match first {
                // Names that are lists or maps are no YAML that anybody reads.
                0x80..=0x9f | 0xdc..=0xdf => return Err(Problem::Reserved),
                _ => self.scalar(first)?.1,
            };
            out.push(Class::Name, &name);
            out.push(Class::Plain, ":");
            self.value(depth + 1, Place::Name, out)?;
        }
        Ok(())
    }

    fn list(
        &mut self,
        len: usize,
        depth: usize,
        place: Place,
        out: &mut Sink,
    ) -> Result<(), Problem> {
        if len == 0 {
            return empty("[]", place, out);
        }
        if place == Place::Name {
            out.newline();
        }
        for nth in 0..len {
            if nth > 0 || place == Place::Name {
                out.indent(depth);
            }
            out.push(Class::Plain, "- ");
            self.value(depth + 1, Place::Line, out)?;
        }
        Ok(())
    }
}

fn empty(text: &str, place: Place, out: &mut Sink) -> Result<(), Problem> {
    if place == Place::Name {
        out.push(Class::Plain, " ");
    }
    out.push(Class::Plain, text);
    out.newline();
    Ok(())
}

fn binary(tag: &str, data: &[u8]) -> (Class, String) {
    let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    (Class::String, format!("!binary{tag} {hex}"))
}

fn extension(kind: u64, data: &[u8]) -> (Class, String) {
    // Negative kinds are the format's own; −1 is a time.
    let kind = u8::try_from(kind).unwrap_or_default().cast_signed();
    binary(&format!("/{kind}"), data)
}

#[cfg(test)]
mod tests {
    use super::super::testing::shown;

    const TYPE: &str = "application/msgpack";

    #[test]
    fn values_of_every_kind() {
        let data = b"\x86\xa1a\x01\xa4list\x95\xff\xc0\xc3\xcb\x3f\xf8\0\0\0\0\0\0\xd1\xff\x00\
            \xa3map\x81\xa1b\x90\xa3bin\xc4\x02\x00\xff\xa4text\xd9\x04true\x07\xd6\xff\0\0\0\x01";
        insta::assert_snapshot!(shown(TYPE, data), @r"
        a: 1
        list:
            - -1
            - null
            - true
            - 1.5
            - -256
        map:
            b: []
        bin: !binary 00ff
        text: 'true'
        7: !binary/-1 00000001
        ");
    }

    #[test]
    fn what_is_no_msgpack_is_shown_as_it_is() {
        for data in [
            &b"\x81"[..],
            b"\xc1",
            b"\xdd\xff\xff\xff\xff",
            b"\x01\x02",
            b"\xdb\xff\xff\xff\xffx",
        ] {
            assert!(!shown(TYPE, data).is_empty(), "{data:?}");
        }
        assert!(!shown(TYPE, vec![0x91; 100_000]).is_empty());
    }
}
