//! Seeing in most requests that there is nothing to be seen in them, without making any of the texts that filters have.
//!
//! All parts of the head are put behind each other, as they were sent, and of each text that part is looked for which is in one
//! of them whatever form the whole has: a word without colons, slashes and whitespace.

use aho_corasick::{AhoCorasick, packed};

use super::Clue;
use super::Place;
use crate::filter::url::host_header;
use crate::http::{LiveRequest, Request};

/// Looks for words of all texts at once, wherever they are.
#[derive(Debug)]
pub(super) struct Glance {
    words: Words,
    in_headers: bool,
}

/// Words that are looked for at once.
#[derive(Debug)]
pub(super) enum Words {
    /// Sixteen bytes at a time and more.
    Few(packed::Searcher),
    Many(AhoCorasick),
    /// Some text has no word in it, or they are too many.
    Unknown,
}

/// Hosts with this in them are found by another text, too.
const INTERNATIONAL: &[u8] = b"xn--";

impl Glance {
    /// None if there are no texts.
    pub(super) fn new(clues: &[Clue]) -> Option<Self> {
        if clues.is_empty() {
            return None;
        }
        let in_headers = clues.iter().any(|clue| clue.place == Place::Headers);
        let texts = clues.iter().map(|clue| &*clue.text);
        Some(Self {
            words: Words::of(std::iter::once(INTERNATIONAL).chain(texts)),
            in_headers,
        })
    }

    /// Whether there may be any of the texts in a request. False is certain.
    pub(super) fn may_see(&self, request: &LiveRequest) -> bool {
        if matches!(self.words, Words::Unknown) {
            return true;
        }
        let mut joined = Vec::new();
        let Some(named) = host_header(request, &mut joined) else {
            return true;
        };
        // These are found by other texts, too.
        if is_ipv6(named) || request.host.contains(':') || is_connect(request) {
            return true;
        }
        let mut head = Vec::with_capacity(512);
        let scheme = request.scheme.as_str().as_bytes();
        let host = request.host.as_bytes();
        for part in [scheme, &request.method, &request.path, named, host] {
            head.extend_from_slice(part);
            head.push(b'\n');
        }
        // So are letters outside of ASCII.
        if !head.is_ascii() {
            return true;
        }
        if self.in_headers {
            for part in request.headers.storage() {
                head.extend_from_slice(part);
            }
        }
        head.make_ascii_lowercase();
        self.words.may_be_in(&head)
    }
}

impl Words {
    /// A word of each text.
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let words: Option<Vec<&[u8]>> = texts.into_iter().map(longest_word).collect();
        let few = |words: &Vec<&[u8]>| packed::Searcher::new(words).map(Self::Few);
        let many = |words: &Vec<&[u8]>| {
            let automaton = AhoCorasick::builder().prefilter(false).build(words);
            automaton.ok().map(Self::Many)
        };
        let found = words.and_then(|words| few(&words).or_else(|| many(&words)));
        found.unwrap_or(Self::Unknown)
    }

    /// Whether any of them is in there, which is in small letters.
    pub(super) fn may_be_in(&self, head: &[u8]) -> bool {
        match self {
            Self::Few(words) => words.find(head).is_some(),
            Self::Many(words) => words.is_match(head),
            Self::Unknown => true,
        }
    }
}

/// Whether an authority may have an address in it that is written with or without brackets.
fn is_ipv6(authority: &[u8]) -> bool {
    memchr::memchr_iter(b':', authority).nth(1).is_some()
}

/// What it goes to is no path.
fn is_connect(request: &Request) -> bool {
    request.method.eq_ignore_ascii_case(b"CONNECT")
}

/// Of a text in a head, what is there in any form of that head.
fn longest_word(text: &[u8]) -> Option<&[u8]> {
    let words = text.split(|byte| *byte == b'/').filter_map(longest_in_line);
    words.max_by_key(|word| (is_telling(word), word.len()))
}

/// Of a text in a line of headers, what is there in any form of that line.
pub(super) fn longest_in_line(text: &[u8]) -> Option<&[u8]> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b':' | 0x0b);
    let words = text.split(ends).filter(|word| word.len() > 1);
    words.max_by_key(|word| (is_telling(word), word.len()))
}

/// Whether a word is not in every request.
fn is_telling(word: &[u8]) -> bool {
    !b"https".starts_with(word)
}
