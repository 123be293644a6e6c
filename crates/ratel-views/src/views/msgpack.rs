//! MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>), as YAML.

mod encode;

use super::whole::{Beyond, Whole};
use super::yaml::{self, Spot};
use crate::{Class, ContentView, Editor, Painter, ReencodeError, Sink, ViewInput};

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
        Whole::painter(self.name(), Beyond::Nothing, |data, cut, out| {
            // Once without a trace, since what is wrong at the end makes all of it something else.
            let mut nowhere = Sink::new(0);
            let mut trial = Reader { rest: data };
            let read = trial.value(0, Spot::TOP, &mut nowhere);
            match read {
                Ok(()) if !trial.rest.is_empty() => {
                    return Err(format!("{} bytes follow the value", trial.rest.len()).into());
                }
                Err(Problem::Early) if cut => {}
                Err(problem) => return Err(problem.sentence().into()),
                Ok(()) => {}
            }
            let _ = Reader { rest: data }.value(0, Spot::TOP, out);
            out.finish();
            Ok(())
        })
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

impl Editor for MsgPack {
    fn reencode(&self, text: &str, _: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        encode::encode(&yaml::document(text)?)
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

    fn value(&mut self, depth: usize, spot: Spot, out: &mut Sink) -> Result<(), Problem> {
        if depth > MAX_DEPTH {
            return Err(Problem::Deep);
        }
        let first = self.take(1)?.first().copied().unwrap_or_default();
        match first {
            0x80..=0x8f => self.map(usize::from(first & 15), depth, spot, out),
            0xde | 0xdf => {
                let len = self.length(if first == 0xde { 2 } else { 4 })?;
                self.map(len, depth, spot, out)
            }
            0x90..=0x9f => self.list(usize::from(first & 15), depth, spot, out),
            0xdc | 0xdd => {
                let len = self.length(if first == 0xdc { 2 } else { 4 })?;
                self.list(len, depth, spot, out)
            }
            _ => {
                match self.scalar(first)? {
                    Scalar::Text(text) => spot.text(text, "", out),
                    Scalar::Value(class, value) => spot.value(class, &value, "", out),
                    Scalar::Tagged(tag, class, value) => {
                        spot.tagged(&tag, class, &value, "", out);
                    }
                }
                Ok(())
            }
        }
    }

    fn scalar(&mut self, first: u8) -> Result<Scalar<'a>, Problem> {
        let number = |text: String| Scalar::Value(Class::Number, text);
        let signed = |value: u64, bits: u32| {
            let shift = 64 - bits;
            ((value << shift).cast_signed() >> shift).to_string()
        };
        Ok(match first {
            0x00..=0x7f => number(first.to_string()),
            0xe0..=0xff => number(first.cast_signed().to_string()),
            0xc0 => Scalar::Value(Class::Boolean, "null".into()),
            0xc2 | 0xc3 => Scalar::Value(Class::Boolean, (first == 0xc3).to_string()),
            0xcc..=0xcf => number(self.number(1 << (first - 0xcc))?.to_string()),
            0xd0..=0xd3 => {
                let bytes = 1 << (first - 0xd0);
                number(signed(self.number(bytes as usize)?, bytes * 8))
            }
            0xca => {
                let bits = u32::try_from(self.number(4)?).unwrap_or_default();
                float32(bits)
            }
            0xcb => float64(self.number(8)?),
            0xa0..=0xbf => self.text(usize::from(first & 31))?,
            0xd9..=0xdb => {
                let len = self.length(1 << (first - 0xd9))?;
                self.text(len)?
            }
            0xc4..=0xc6 => {
                let len = self.length(1 << (first - 0xc4))?;
                hexadecimal("!binary", self.take(len)?)
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

    fn text(&mut self, len: usize) -> Result<Scalar<'a>, Problem> {
        let data = self.take(len)?;
        // Older senders know no other way to send bytes.
        Ok(str::from_utf8(data).map_or_else(|_| hexadecimal("!raw", data), Scalar::Text))
    }

    fn map(&mut self, len: usize, depth: usize, spot: Spot, out: &mut Sink) -> Result<(), Problem> {
        if len == 0 {
            spot.value(Class::Plain, "{}", "", out);
        }
        for nth in 0..len {
            let first = self.rest.first().copied().ok_or(Problem::Early)?;
            let is_list = matches!(first, 0x80..=0x9f | 0xdc..=0xdf);
            let place = if is_list {
                self.value(depth + 1, spot.complex_entry(nth, out), out)?;
                spot.complex_value(out)
            } else {
                self.take(1)?;
                let name = match self.scalar(first)? {
                    Scalar::Text(text) => yaml::scalar(text),
                    Scalar::Value(_, value) => value,
                    Scalar::Tagged(tag, _, value) => format!("{tag} {value}"),
                };
                spot.entry(nth, &name, out)
            };
            self.value(depth + 1, place, out)?;
        }
        Ok(())
    }

    fn list(
        &mut self,
        len: usize,
        depth: usize,
        spot: Spot,
        out: &mut Sink,
    ) -> Result<(), Problem> {
        if len == 0 {
            spot.value(Class::Plain, "[]", "", out);
        }
        for nth in 0..len {
            self.value(depth + 1, spot.item(nth, out), out)?;
        }
        Ok(())
    }
}

/// A value that is neither map nor list.
enum Scalar<'a> {
    Text(&'a str),
    Value(Class, String),
    /// What YAML has no form for.
    Tagged(String, Class, String),
}

fn float32(bits: u32) -> Scalar<'static> {
    let number = f32::from_bits(bits);
    if number.is_nan() && bits != f32::NAN.to_bits() {
        return hexadecimal("!float32", &bits.to_be_bytes());
    }
    let text = if number.is_finite() {
        format!("{number:?}")
    } else {
        yaml::float(number.into())
    };
    Scalar::Tagged("!float32".into(), Class::Number, text)
}

fn float64(bits: u64) -> Scalar<'static> {
    let number = f64::from_bits(bits);
    if number.is_nan() && bits != f64::NAN.to_bits() {
        return hexadecimal("!float64", &bits.to_be_bytes());
    }
    Scalar::Value(Class::Number, yaml::float(number))
}

/// Bytes under a tag, in quotes where they would read as a number.
fn hexadecimal(tag: &str, data: &[u8]) -> Scalar<'static> {
    let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    Scalar::Tagged(tag.into(), Class::String, yaml::scalar(&hex))
}

fn extension(kind: u64, data: &[u8]) -> Scalar<'static> {
    // Negative kinds are the format's own; −1 is a time.
    let kind = u8::try_from(kind).unwrap_or_default().cast_signed();
    hexadecimal(&format!("!ext/{kind}"), data)
}

#[cfg(test)]
mod tests;
