//! Header compression of HTTP/3 (RFC 9204): the lines of a field section, read without the dynamic table.
//!
//! Whoever reads a section alone knows the static table. What refers to the dynamic one is given out as a reference.

mod static_table;

use std::borrow::Cow;

use bytes::BytesMut;

use crate::h2::hpack::{HpackError, huffman, integer};
use static_table::ENTRIES;

/// Why a field section can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QpackError {
    /// What HPACK has in common with it is wrong: a number, a string, an early end.
    #[error(transparent)]
    Primitive(#[from] HpackError),
    /// RFC 9204 §3.1.
    #[error("there is no field with the index {0}")]
    Index(u32),
}

/// The name or the value of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Bytes.
    Known(Cow<'a, [u8]>),
    /// What entry of the dynamic table it is, counted from the base.
    Dynamic(Reference),
}

/// An entry of the dynamic table (RFC 9204 §3.2.5, §3.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// So many before the base.
    Relative(u32),
    /// So many after it.
    PostBase(u32),
}

/// A line of a field section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The name.
    pub name: Part<'a>,
    /// The value.
    pub value: Part<'a>,
}

/// Reads the lines of one field section. Memory is bounded by the section: a line at a time, each at most 8/5 of it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Entries of the dynamic table that are needed, encoded as they were sent; 0 for none.
    pub required: u32,
}

impl<'a> Reader<'a> {
    /// Reads what stands before the lines (RFC 9204 §4.5.1).
    ///
    /// # Errors
    /// When it ends early, or a number is too large.
    pub fn new(section: &'a [u8]) -> Result<Self, QpackError> {
        let mut rest = section;
        let first = byte(&mut rest)?;
        let required = integer::decode(&mut rest, first, 8)?;
        let base = byte(&mut rest)?;
        integer::decode(&mut rest, base, 7)?;
        Ok(Self { rest, required })
    }

    fn line(&mut self) -> Result<Line<'a>, QpackError> {
        let rest = &mut self.rest;
        let first = byte(rest)?;
        if first & 0x80 != 0 {
            let index = integer::decode(rest, first, 6)?;
            return if first & 0x40 != 0 {
                let (name, value) = entry(index)?;
                Ok(Line {
                    name: Part::Known(Cow::Borrowed(name)),
                    value: Part::Known(Cow::Borrowed(value)),
                })
            } else {
                Ok(Line::dynamic(Reference::Relative(index)))
            };
        }
        if first & 0xf0 == 0x10 {
            let index = integer::decode(rest, first, 4)?;
            return Ok(Line::dynamic(Reference::PostBase(index)));
        }
        let name = if first & 0x40 != 0 {
            let index = integer::decode(rest, first, 4)?;
            if first & 0x10 != 0 {
                Part::Known(Cow::Borrowed(entry(index)?.0))
            } else {
                Part::Dynamic(Reference::Relative(index))
            }
        } else if first & 0x20 != 0 {
            Part::Known(string(rest, first, 3)?)
        } else {
            Part::Dynamic(Reference::PostBase(integer::decode(rest, first, 3)?))
        };
        let first = byte(rest)?;
        let value = Part::Known(string(rest, first, 7)?);
        Ok(Line { name, value })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Line<'a>, QpackError>;

    /// The next line; after an error there is none.
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line();
        if line.is_err() {
            self.rest = &[];
        }
        Some(line)
    }
}

impl Line<'_> {
    fn dynamic(reference: Reference) -> Self {
        Self {
            name: Part::Dynamic(reference),
            value: Part::Dynamic(reference),
        }
    }
}

fn byte(rest: &mut &[u8]) -> Result<u8, QpackError> {
    let (first, left) = rest.split_first().ok_or(HpackError::Truncated)?;
    *rest = left;
    Ok(*first)
}

fn entry(index: u32) -> Result<(&'static [u8], &'static [u8]), QpackError> {
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    let entry = ENTRIES.get(place).ok_or(QpackError::Index(index))?;
    Ok(*entry)
}

/// A string whose length has `bits` bits in `first`, after the one that says whether it is in Huffman codes.
fn string<'a>(rest: &mut &'a [u8], first: u8, bits: u32) -> Result<Cow<'a, [u8]>, QpackError> {
    let len = integer::decode(rest, first, bits)?;
    let len = usize::try_from(len).map_err(|_| HpackError::Integer)?;
    let (text, left) = rest.split_at_checked(len).ok_or(HpackError::Truncated)?;
    *rest = left;
    if first & (1 << bits) == 0 {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = BytesMut::new();
    huffman::decode(text, &mut decoded)?;
    Ok(Cow::Owned(decoded.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(section: &[u8]) -> Result<Vec<String>, QpackError> {
        let part = |part: &Part<'_>| match part {
            Part::Known(text) => String::from_utf8_lossy(text).into_owned(),
            Part::Dynamic(Reference::Relative(n)) => format!("<{n}>"),
            Part::Dynamic(Reference::PostBase(n)) => format!("<+{n}>"),
        };
        Reader::new(section)?
            .map(|line| line.map(|line| format!("{}: {}", part(&line.name), part(&line.value))))
            .collect()
    }

    /// RFC 9204 appendix B.
    #[test]
    fn the_examples_of_the_rfc() {
        let literal = b"\x00\x00\x51\x0b/index.html";
        assert_eq!(shown(literal).unwrap(), [":path: /index.html"]);
        let dynamic = b"\x03\x81\x10\x11";
        assert_eq!(shown(dynamic).unwrap(), ["<+0>: <+0>", "<+1>: <+1>"]);
        assert_eq!(Reader::new(dynamic).unwrap().required, 3);
        let mixed = b"\x05\x00\x80\xc1\x81";
        assert_eq!(shown(mixed).unwrap(), ["<0>: <0>", ":path: /", "<1>: <1>"]);
    }

    #[test]
    fn every_kind_of_line_is_read() {
        // In Huffman codes "www.example.com" (RFC 7541 §C.4.1).
        let huffman = b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        let section = [
            &b"\x00\x00\xd1\xd7\x50\x8c"[..],
            huffman,
            b"\x23abc\x02de\x41\x01x\x02\x01y\xff\x23",
        ]
        .concat();
        assert_eq!(
            shown(&section).unwrap(),
            [
                ":method: GET",
                ":scheme: https",
                ":authority: www.example.com",
                "abc: de",
                "<1>: x",
                "<+2>: y",
                "x-frame-options: sameorigin",
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (section, error) in [
            (&b""[..], HpackError::Truncated.into()),
            (b"\0", HpackError::Truncated.into()),
            (b"\0\0\xff\x24", QpackError::Index(99)),
            (b"\0\0\x50\x05ab", HpackError::Truncated.into()),
            (b"\0\0\x50\x81\xff\xff", HpackError::Huffman.into()),
            (
                b"\0\0\xff\xff\xff\xff\xff\xff\xff",
                HpackError::Integer.into(),
            ),
        ] {
            assert_eq!(shown(section), Err(error), "{section:?}");
        }
    }
}
