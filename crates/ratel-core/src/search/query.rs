//! What is looked for, and what is found.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::pattern::{Flags, Pattern, PatternError, Searcher, Unit};
use ratel_flow::{FlowId, Side};

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct Query {
    pub(super) searcher: Arc<Searcher>,
    /// Where to look.
    pub parts: Parts,
    /// Only in what this side has sent.
    pub side: Option<Side>,
    /// In which order.
    pub order: Order,
    /// Hits that are given of one part of a flow; more of them are not looked for.
    pub hits_per_part: usize,
    /// Hits that are given of one flow.
    pub hits_per_flow: usize,
    /// Hits that are given altogether.
    pub hits: usize,
}

/// Why something cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// It is no regular expression.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// It is nothing, or can be.
    #[error("it is found in the empty text, and so everywhere")]
    Nothing,
    /// The expression is too large for an engine.
    #[error("it takes too much room")]
    Large,
}

impl QueryError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Pattern(_) => Some("search for it as text if it is meant as it stands there"),
            Self::Nothing => Some("use `+` in place of `*`"),
            Self::Large => Some("use smaller numbers of repetitions"),
        }
    }
}

impl Query {
    /// A text, as it is.
    ///
    /// # Errors
    /// When it is empty.
    pub fn text(text: &[u8], ignore_case: bool) -> Result<Self, QueryError> {
        let mut source = String::with_capacity(text.len() * 4);
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                put_char(&mut source, c, ignore_case);
            }
            put_bytes(&mut source, chunk.invalid());
        }
        Self::new(&source, ignore_case)
    }

    /// A regular expression in Python's dialect, of bytes. `^` and `$` are start and end of a line.
    ///
    /// # Errors
    /// When it is none, or is found in the empty text.
    pub fn regex(source: &str, ignore_case: bool) -> Result<Self, QueryError> {
        Self::new(source, ignore_case)
    }

    fn new(source: &str, ignore_case: bool) -> Result<Self, QueryError> {
        let flags = Flags {
            ignore_case,
            multi_line: true,
            dot_all: false,
        };
        let pattern = Pattern::new(source, Unit::Byte, flags, 0)?;
        let searcher = pattern.searcher().ok_or(QueryError::Large)?;
        if searcher.matches_nothing() {
            return Err(QueryError::Nothing);
        }
        Ok(Self {
            searcher: Arc::new(searcher),
            parts: Parts::ALL,
            side: None,
            order: Order::Oldest,
            hits_per_part: 1,
            hits_per_flow: 1000,
            hits: 1_000_000,
        })
    }
}

/// As a regular expression of bytes; with the other case of a letter that has one outside of ASCII.
fn put_char(out: &mut String, c: char, ignore_case: bool) {
    let mut buffer = [0; 4];
    if c.is_ascii() || !ignore_case {
        return put_bytes(out, c.encode_utf8(&mut buffer).as_bytes());
    }
    out.push_str("(?:");
    put_bytes(out, c.encode_utf8(&mut buffer).as_bytes());
    let (small, capital) = (c.to_lowercase(), c.to_uppercase());
    let others = small.filter(|other| *other != c);
    let mut others = others.chain(capital.filter(|other| *other != c));
    // A letter whose other case is several is that one alone.
    if let (Some(other), None) = (others.next(), others.next()) {
        out.push('|');
        put_bytes(out, other.encode_utf8(&mut buffer).as_bytes());
    }
    out.push(')');
}

fn put_bytes(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(*byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

/// Parts of flows that can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parts(u8);

impl Parts {
    /// URLs.
    pub const URLS: Self = Self(1);
    /// Header fields and trailers.
    pub const HEADERS: Self = Self(2);
    /// Bodies.
    pub const BODIES: Self = Self(4);
    /// Messages.
    pub const MESSAGES: Self = Self(8);
    /// All of them.
    pub const ALL: Self = Self(15);

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `other` is among them.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// In which order flows are looked through, and hits come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// As they were made.
    #[default]
    Oldest,
    /// The other way round.
    Newest,
}

/// A text of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The URL.
    Url,
    /// The header fields of the request or the response: `Name: value` and CRLF each.
    Headers(Side),
    /// Those of an informational response, counted from 0.
    Informational(usize),
    /// The fields after a body.
    Trailers(Side),
    /// A body, decoded.
    Body(Side),
    /// A message.
    Message {
        /// Its number, counted from 0.
        number: u64,
        /// Who sent it.
        side: Side,
    },
}

impl Part {
    pub(super) fn is_in(self, query: &Query) -> bool {
        let (parts, side) = match self {
            Self::Url => (Parts::URLS, Side::Client),
            Self::Informational(_) => (Parts::HEADERS, Side::Server),
            Self::Headers(side) | Self::Trailers(side) => (Parts::HEADERS, side),
            Self::Body(side) => (Parts::BODIES, side),
            Self::Message { side, .. } => (Parts::MESSAGES, side),
        };
        query.parts.any(parts) && query.side.is_none_or(|wanted| wanted == side)
    }
}

/// What was looked for, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The flow it is in.
    pub flow: FlowId,
    /// The part of it.
    pub part: Part,
    /// The body could not be decoded to its end: this is in the bytes as they were sent.
    pub as_sent: bool,
    /// Offset in the part, in bytes.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
    /// What stands there, with a little of what is around it.
    pub snippet: Bytes,
    /// Where in the snippet it is; cut off if it is long.
    pub marked: Range<usize>,
}
