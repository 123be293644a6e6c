//! Patterns that stand for themselves alone.

use memchr::memmem;

use super::Unit;
use super::ast::{Ast, Case, Literal};

/// Bytes to be found.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    /// In small letters where case is ignored.
    pub(super) bytes: Box<[u8]>,
    /// Capitals and small letters of ASCII are the same.
    pub(super) ignore_case: bool,
    /// In text, some letter is also the same as one outside of ASCII.
    has_relatives: bool,
    /// The byte that is searched for, in both cases, with its place: one that is rare in traffic.
    rarest: (usize, u8, u8),
    exact: Option<memmem::Finder<'static>>,
}

impl Finder {
    /// None if the pattern is more than literal text.
    pub(super) fn new(ast: &Ast, unit: Unit) -> Option<Self> {
        let literals: &[Ast] = match ast {
            Ast::Empty => &[],
            Ast::Literal(_) => std::slice::from_ref(ast),
            Ast::Concat(parts) => parts,
            _ => return None,
        };
        let (mut bytes, mut case) = (Vec::new(), None);
        for literal in literals {
            let Ast::Literal(Literal { value, case: this }) = *literal else {
                return None;
            };
            if *case.get_or_insert(this) != this || this == Case::Unicode && value >= 0x80 {
                return None;
            }
            match unit {
                Unit::Byte => bytes.push(u8::try_from(value).ok()?),
                Unit::Char => {
                    let c = char::from_u32(value).unwrap_or_else(|| super::surrogate(value));
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        let ignore_case = !matches!(case, None | Some(Case::Sensitive));
        if ignore_case {
            bytes.make_ascii_lowercase();
        }
        let rarest = bytes
            .iter()
            .enumerate()
            .min_by_key(|(_, byte)| frequency(**byte));
        let rarest = rarest.map_or((0, 0, 0), |(at, byte)| {
            (at, *byte, byte.to_ascii_uppercase())
        });
        Some(Self {
            has_relatives: case == Some(Case::Unicode)
                && bytes.iter().any(|b| matches!(b, b'i' | b'k' | b's')),
            exact: (!ignore_case).then(|| memmem::Finder::new(&bytes).into_owned()),
            bytes: bytes.into(),
            ignore_case,
            rarest,
        })
    }

    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        self.find(bytes).is_some()
    }

    /// Where it begins.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<usize> {
        if let Some(exact) = &self.exact {
            return exact.find(bytes);
        }
        if self.bytes.is_empty() {
            return Some(0);
        }
        let (offset, small, capital) = self.rarest;
        memchr::memchr2_iter(small, capital, bytes).find_map(|at| {
            let start = at.checked_sub(offset)?;
            let here = bytes.get(start..start + self.bytes.len())?;
            here.eq_ignore_ascii_case(&self.bytes).then_some(start)
        })
    }

    pub(super) fn is_in_text(&self, text: &str) -> bool {
        self.is_in(text.as_bytes())
            || self.has_relatives && !text.is_ascii() && self.is_in(related(text).as_bytes())
    }
}

/// With letters of ASCII in place of those that are the same as one where case is ignored.
fn related(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{130}' | '\u{131}' => 'i',
            '\u{212a}' => 'k',
            '\u{17f}' => 's',
            c => c,
        })
        .collect()
}

/// How often a byte occurs in what passes here, very roughly: the higher, the more often.
fn frequency(byte: u8) -> u8 {
    const RARE_LETTERS: &[u8] = b"zqjxkwvbygfh";
    match byte {
        b' ' | b'e' | b't' | b'a' | b'"' | b'0' => 250,
        b'o' | b'i' | b'n' | b's' | b'r' | b'/' | b'.' => 240,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'1' | b'\n' | b'-' | b':' => 220,
        b'0'..=b'9' | b',' | b'=' | b'<' | b'>' | b'_' | b'&' | b';' => 200,
        b'a'..=b'z' => {
            let rank = RARE_LETTERS
                .iter()
                .position(|letter| *letter == byte)
                .unwrap_or(RARE_LETTERS.len());
            100 + rank as u8 * 5
        }
        b'A'..=b'Z' => 90,
        0 | 0xff => 150,
        b'!'..=b'~' => 80,
        _ => 60,
    }
}
