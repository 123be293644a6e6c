//! Finds the entries of an archive while it is read: brackets and quotes are followed, nothing is taken apart.
//!
//! So an entry that is broken inside costs that entry alone, and no nesting costs a stack.

use std::io::{self, Read};

use super::HarError;
use crate::json::Node;

/// An entry of more bytes is passed over.
const ENTRY_MAX: usize = 512 * 1024 * 1024;

/// Names of members and what is told of the creator are read up to this many bytes.
const SMALL_MAX: usize = 64 * 1024;

const STEP: usize = 256 * 1024;

/// The entries of an archive, one after the other.
#[derive(Debug)]
pub(super) struct Entries<R> {
    input: R,
    buffer: Box<[u8]>,
    /// What is not read yet of the buffer.
    at: usize,
    end: usize,
    /// Bytes that have gone through the buffer before.
    before: u64,
    place: Place,
    /// How many objects are open around the place: the document, and `log` in it.
    open: usize,
    /// There is a `log` or a list of entries. Other JSON has neither.
    is_archive: bool,
    /// How many entries have begun.
    pub(super) number: u64,
    /// The program that made the archive, once it is known.
    pub(super) creator: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    Members,
    List,
    Done,
}

/// What came of taking a value in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Whole,
    /// There is more of it than allowed. It was passed over.
    TooLong,
}

impl<R: Read> Entries<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; STEP].into(),
            at: 0,
            end: 0,
            before: 0,
            place: Place::Start,
            open: 0,
            is_archive: false,
            number: 0,
            creator: String::new(),
        }
    }

    /// Takes the next entry in; none after the last one.
    pub(super) fn next(&mut self, into: &mut Vec<u8>) -> Result<Option<Taken>, HarError> {
        loop {
            match self.place {
                Place::Start => self.start()?,
                Place::Members => self.member()?,
                Place::List => match self.due()? {
                    b',' => self.at += 1,
                    b']' => {
                        self.at += 1;
                        self.place = Place::Members;
                    }
                    _ => {
                        self.number += 1;
                        into.clear();
                        let taken = self.value(into, ENTRY_MAX)?;
                        return match self.peek()? {
                            Some(b',' | b']') => Ok(Some(taken)),
                            None => Err(self.damaged("the file ends")),
                            Some(_) => Err(self.damaged("`,` or `]` is missing")),
                        };
                    }
                },
                Place::Done => return Ok(None),
            }
        }
    }

    fn start(&mut self) -> Result<(), HarError> {
        for mark in *b"\xef\xbb\xbf" {
            if self.peek()? == Some(mark) {
                self.at += 1;
            }
        }
        if self.peek()? != Some(b'{') {
            self.place = Place::Done;
            return Err(HarError::NotHar);
        }
        self.at += 1;
        self.open = 1;
        self.place = Place::Members;
        Ok(())
    }

    fn member(&mut self) -> Result<(), HarError> {
        match self.due()? {
            b',' => self.at += 1,
            b'}' => {
                self.at += 1;
                self.open -= 1;
                if self.open == 0 {
                    self.place = Place::Done;
                    if !self.is_archive {
                        return Err(HarError::NotHar);
                    }
                }
            }
            b'"' => {
                let mut name = Vec::new();
                self.value(&mut name, SMALL_MAX)?;
                if self.due()? != b':' {
                    return Err(self.damaged("`:` is missing"));
                }
                self.at += 1;
                match (&name[..], self.due()?) {
                    (b"\"log\"", b'{') if self.open == 1 => {
                        self.at += 1;
                        self.open = 2;
                        self.is_archive = true;
                    }
                    (b"\"entries\"", b'[') => {
                        self.at += 1;
                        self.place = Place::List;
                        self.is_archive = true;
                    }
                    (b"\"creator\"", b'{') => {
                        let mut creator = Vec::new();
                        self.value(&mut creator, SMALL_MAX)?;
                        let creator = Node::parse(&creator).unwrap_or(Node::Null);
                        self.creator = creator.get("name").text().unwrap_or_default().into_owned();
                    }
                    _ => {
                        self.value(&mut Vec::new(), 0)?;
                    }
                }
            }
            _ => return Err(self.damaged("the name of a member is missing")),
        }
        Ok(())
    }

    /// Takes one value in, if it has at most `max` bytes.
    fn value(&mut self, into: &mut Vec<u8>, max: usize) -> Result<Taken, HarError> {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        let mut taken = Taken::Whole;
        let (mut began, mut ended) = (false, false);
        while !ended {
            if self.at == self.end && !self.fill()? {
                // A number may end with the file; it is the one who reads on that misses something.
                if began && depth == 0 && !in_string {
                    break;
                }
                return Err(self.damaged("the file ends"));
            }
            let rest = self.buffer.get(self.at..self.end).unwrap_or_default();
            let mut used = 0;
            while let Some(byte) = rest.get(used) {
                if in_string {
                    if escaped {
                        escaped = false;
                        used += 1;
                        continue;
                    }
                    let Some(at) =
                        memchr::memchr2(b'"', b'\\', rest.get(used..).unwrap_or_default())
                    else {
                        used = rest.len();
                        break;
                    };
                    used += at + 1;
                    if rest.get(used - 1) == Some(&b'\\') {
                        escaped = true;
                    } else {
                        in_string = false;
                        // A string alone is a value.
                        if depth == 0 {
                            ended = true;
                            break;
                        }
                    }
                    continue;
                }
                match byte {
                    b'"' => in_string = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth > 0 => depth -= 1,
                    b'}' | b']' | b',' | b':' if depth == 0 => {
                        ended = true;
                        break;
                    }
                    byte if byte.is_ascii_whitespace() && depth == 0 => {
                        ended = true;
                        break;
                    }
                    _ => {}
                }
                began = true;
                used += 1;
                if depth == 0 && matches!(byte, b'}' | b']') {
                    ended = true;
                    break;
                }
            }
            let piece = rest.get(..used).unwrap_or_default();
            if into.len() + piece.len() > max {
                taken = Taken::TooLong;
                *into = Vec::new();
            } else if taken == Taken::Whole {
                into.extend_from_slice(piece);
            }
            self.at += used;
        }
        Ok(taken)
    }

    /// The next byte that is no white space; the file must not end before it.
    fn due(&mut self) -> Result<u8, HarError> {
        self.peek()?.ok_or_else(|| self.damaged("the file ends"))
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<Option<u8>, HarError> {
        loop {
            let rest = self.buffer.get(self.at..self.end).unwrap_or_default();
            match rest.first().copied() {
                Some(byte) if byte.is_ascii_whitespace() => self.at += 1,
                Some(byte) => return Ok(Some(byte)),
                None if self.fill()? => {}
                None => return Ok(None),
            }
        }
    }

    /// Reads more into the empty buffer; false at the end.
    fn fill(&mut self) -> Result<bool, HarError> {
        self.before += self.end as u64;
        (self.at, self.end) = (0, 0);
        loop {
            match self.input.read(&mut self.buffer) {
                Ok(read) => {
                    self.end = read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What a decompressor says of a file that was cut.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => {
                    self.place = Place::Done;
                    return Err(HarError::Io(error));
                }
            }
        }
    }

    fn damaged(&mut self, what: &'static str) -> HarError {
        self.place = Place::Done;
        HarError::Damaged {
            number: self.number,
            at: self.before + self.at as u64,
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a byte at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match (self.0.split_first(), into.first_mut()) {
                (Some((byte, rest)), Some(place)) => {
                    (*place, self.0) = (*byte, rest);
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }

    fn entries(json: &str) -> (Vec<String>, Option<String>) {
        let run = |input: &mut dyn Read| {
            let mut entries = Entries::new(input);
            let (mut found, mut entry) = (Vec::new(), Vec::new());
            loop {
                match entries.next(&mut entry) {
                    Ok(Some(_)) => found.push(String::from_utf8(entry.clone()).unwrap()),
                    Ok(None) => return (found, None),
                    Err(error) => return (found, Some(error.to_string())),
                }
            }
        };
        let whole = run(&mut json.as_bytes());
        assert_eq!(run(&mut Trickle(json.as_bytes())), whole, "{json}");
        whole
    }

    #[test]
    fn entries_are_found_wherever_they_stand() {
        let (found, error) = entries(
            "\u{feff} {\"x\": [1, {\"entries\": []}], \"log\": {\"creator\": {\"name\": \"a\"}, \"pages\": [],\n\
             \"entries\": [ {\"a\": \"]}\\\"\\\\\"} , null, 12,\n[\"{\"] ], \"more\": 1}, \"y\": 2} rest",
        );
        assert_eq!(found, ["{\"a\": \"]}\\\"\\\\\"}", "null", "12", "[\"{\"]"]);
        assert_eq!(error, None);
        assert_eq!(entries("{\"entries\":[{}]}").0, ["{}"]);
        assert_eq!(entries("{\"log\":{}}"), (vec![], None));
    }

    #[test]
    fn what_is_cut_says_where() {
        let whole = "{\"log\": {\"entries\": [{\"a\": 1}, {\"b\": \"c\\\\\"}]}}";
        for end in 1..whole.len() {
            let (found, error) = entries(&whole[..end]);
            let error = error.unwrap();
            assert!(error.contains("the file ends"), "{end}: {error}");
            assert!(error.contains(&format!("byte {end}")), "{end}: {error}");
            assert_eq!(
                found.len(),
                usize::from(end > 29) + usize::from(end > 43),
                "{end}"
            );
        }
        assert_eq!(
            entries("{\"log\": {\"entries\": [{} {}]}}").1.as_deref(),
            Some("the archive is damaged in or after entry 1, at byte 24: `,` or `]` is missing")
        );
        for text in [
            "",
            "[]",
            "hello",
            " {}",
            "{\"name\": \"package\", \"log\": []}",
        ] {
            assert_eq!(
                entries(text).1.as_deref(),
                Some("this is JSON or text, but no HTTP archive"),
                "{text}"
            );
        }
    }
}
