//! Items in their written form.

use super::number;
use super::{Error, Problem};

/// A length has at most so many digits, which is the limit that mitmproxy reads with.
pub const LENGTH_DIGITS: usize = 12;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `~`
    Null,
    /// `!`
    Bool,
    /// `#`
    Int,
    /// `^`
    Float,
    /// `,`
    Bytes,
    /// `;`
    Str,
    /// `]`
    List,
    /// `}`
    Dict,
}

impl Kind {
    /// The kind that a byte stands for.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'~' => Self::Null,
            b'!' => Self::Bool,
            b'#' => Self::Int,
            b'^' => Self::Float,
            b',' => Self::Bytes,
            b';' => Self::Str,
            b']' => Self::List,
            b'}' => Self::Dict,
            _ => return None,
        })
    }

    /// The byte that stands for it.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Null => b'~',
            Self::Bool => b'!',
            Self::Int => b'#',
            Self::Float => b'^',
            Self::Bytes => b',',
            Self::Str => b';',
            Self::List => b']',
            Self::Dict => b'}',
        }
    }

    /// Its name in a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::Bytes => "a byte string",
            Self::Str => "a text",
            Self::List => "a list",
            Self::Dict => "a dict",
        }
    }
}

/// What an item begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Its own length: the digits and the colon.
    pub width: usize,
    /// Length of the payload, which is followed by the type.
    pub len: u64,
}

impl Prefix {
    /// Length of the whole item.
    #[must_use]
    pub fn total(self) -> u64 {
        self.width as u64 + self.len + 1
    }
}

/// Reads what an item begins with; none when `start` ends within it.
///
/// # Errors
/// When it is no length.
pub fn prefix(start: &[u8]) -> Result<Option<Prefix>, Problem> {
    let mut len = 0;
    for (width, byte) in start.iter().enumerate() {
        match byte {
            b'0'..=b'9' if width == LENGTH_DIGITS => return Err(Problem::LongLength),
            b'0'..=b'9' => len = len * 10 + u64::from(byte - b'0'),
            b':' if width > 0 => {
                return Ok(Some(Prefix {
                    width: width + 1,
                    len,
                }));
            }
            _ => return Err(Problem::Length),
        }
    }
    Ok(None)
}

/// A value in its written form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its payload.
    pub payload: &'a [u8],
    /// Where the payload begins, counted from the first byte of the input.
    pub offset: usize,
}

impl<'a> Item<'a> {
    /// An error at this item.
    #[must_use]
    pub fn error(&self, problem: Problem) -> Error {
        Error {
            offset: self.offset,
            problem,
        }
    }

    fn malformed(&self) -> Error {
        self.error(Problem::Payload(self.kind))
    }

    /// The items in it. Those of a dict are keys and values in turn.
    #[must_use]
    pub fn items(&self) -> Items<'a> {
        Items::new(self.payload, self.offset)
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// The truth of a boolean; none for what is none.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match (self.kind, self.payload) {
            (Kind::Bool, b"true") => Some(true),
            (Kind::Bool, b"false") => Some(false),
            _ => None,
        }
    }

    /// The number of an integer that 64 bits have room for; none for what is none.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self.kind {
            Kind::Int => number::int(self.payload),
            _ => None,
        }
    }

    /// The text of a text; none for what is none, or is not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Str => std::str::from_utf8(self.payload).ok(),
            _ => None,
        }
    }

    /// The bytes of a byte string; none for what is none.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self.kind {
            Kind::Bytes => Some(self.payload),
            _ => None,
        }
    }

    /// Looks whether the payload can be what the kind says; lists and dicts are not looked into.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self) -> Result<(), Error> {
        let good = match self.kind {
            Kind::Null => self.payload.is_empty(),
            Kind::Bool => self.as_bool().is_some(),
            Kind::Int => number::is_int(self.payload),
            Kind::Float => number::float(self.payload).is_some(),
            Kind::Str => std::str::from_utf8(self.payload).is_ok(),
            Kind::Bytes | Kind::List | Kind::Dict => true,
        };
        if good { Ok(()) } else { Err(self.malformed()) }
    }
}

/// The items of an input, one after the other. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Items<'a> {
    /// The items in `input`, which begins at that offset of something larger; 0 if it does not.
    #[must_use]
    pub fn new(input: &'a [u8], offset: usize) -> Self {
        Self {
            rest: input,
            offset,
        }
    }

    /// The next key of a dict and its value; none at the end.
    ///
    /// # Errors
    /// When the bytes are no items, or there is a key alone.
    pub fn pair(&mut self) -> Result<Option<(Item<'a>, Item<'a>)>, Error> {
        let Some(key) = self.next().transpose()? else {
            return Ok(None);
        };
        if matches!(key.kind, Kind::List | Kind::Dict) {
            return Err(key.error(Problem::Key(key.kind)));
        }
        match self.next().transpose()? {
            Some(value) => Ok(Some((key, value))),
            None => Err(key.error(Problem::Unpaired)),
        }
    }

    /// Bytes that are left.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self) -> Result<Item<'a>, Error> {
        let fail = |offset, problem| Error { offset, problem };
        let prefix = prefix(self.rest)
            .map_err(|problem| fail(self.offset, problem))?
            .ok_or(fail(self.offset, Problem::Short))?;
        let rest = self.rest.get(prefix.width..).unwrap_or_default();
        let len = usize::try_from(prefix.len).unwrap_or(usize::MAX);
        let split = rest.split_at_checked(len);
        let Some((payload, [kind, rest @ ..])) = split else {
            return Err(fail(self.offset, Problem::Short));
        };
        let offset = self.offset + prefix.width;
        let Some(kind) = Kind::from_byte(*kind) else {
            return Err(fail(offset + len, Problem::Type(*kind)));
        };
        self.rest = rest;
        self.offset = offset + len + 1;
        Ok(Item {
            kind,
            payload,
            offset,
        })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = self.take();
        if taken.is_err() {
            self.rest = &[];
        }
        Some(taken)
    }
}
