//! The header list: ordered, case-preserving, duplicate-keeping, byte-exact.
//!
//! A [`Headers`] keeps the bytes a peer sent and a table of where each field lies in them. A field that nobody
//! touches is written out again exactly as it came, odd whitespace, line folding and line ending included; a field
//! that is set or added gets the plain form `name: value CRLF`. Look-ups are case-insensitive (RFC 9110 §5.1).

#![cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        reason = "indices come from `position` and `windows`, and spans from parsers that measured them"
    )
)]

use bytes::Bytes;

/// A range of bytes in a [`Headers`]' storage: `start` and `len` in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// The span `start..end`. Both must fit in 32 bits, which the parsers' size limits guarantee.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            len: end.saturating_sub(start) as u32,
        }
    }

    fn end(self) -> usize {
        self.start as usize + self.len as usize
    }
}

/// Where one field lies: its whole line (with line ending), its name, and its value without the whitespace around it.
///
/// The value of a folded field (RFC 9112 §5.2) spans its continuation lines as sent; see [`Headers::value_text`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The whole line including the line ending, to be forwarded as it is.
    pub line: Span,
    /// The name, as sent.
    pub name: Span,
    /// The value without leading and trailing whitespace.
    pub value: Span,
    /// The sender asked that no one on the way puts the field into a compression table (RFC 7541 §6.2.3). Only
    /// HTTP/2 and HTTP/3 can say so.
    pub never_indexed: bool,
}

/// One field of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// The name, as sent.
    pub name: &'a [u8],
    /// The value without leading and trailing whitespace; from HTTP/2 exactly as sent.
    pub value: &'a [u8],
    /// See [`Field::never_indexed`].
    pub never_indexed: bool,
}

impl<'a> From<(&'a [u8], &'a [u8])> for FieldRef<'a> {
    fn from((name, value): (&'a [u8], &'a [u8])) -> Self {
        Self {
            name,
            value,
            never_indexed: false,
        }
    }
}

impl<'a> From<&(&'a [u8], &'a [u8])> for FieldRef<'a> {
    fn from(&field: &(&'a [u8], &'a [u8])) -> Self {
        field.into()
    }
}

impl<'a> From<&FieldRef<'a>> for FieldRef<'a> {
    fn from(&field: &FieldRef<'a>) -> Self {
        field
    }
}

impl std::fmt::Debug for FieldRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.never_indexed {
            " (never indexed)"
        } else {
            ""
        };
        let (name, value) = (self.name.escape_ascii(), self.value.escape_ascii());
        write!(f, "{name}: {value}{mark}")
    }
}

/// An ordered list of header fields; see the [module](self) for what it keeps.
#[derive(Clone, Default)]
pub struct Headers {
    /// What the peer sent. Spans below `base.len()` point here.
    base: Bytes,
    /// Fields made by us. Spans from `base.len()` on point here.
    extra: Vec<u8>,
    fields: Vec<Field>,
    /// The empty line after the fields when it is a bare LF.
    bare_end: bool,
}

impl Headers {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same list over bytes of its own, so that it keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            base: Bytes::copy_from_slice(&self.base),
            extra: self.extra.clone(),
            fields: self.fields.clone(),
            bare_end: self.bare_end,
        }
    }

    /// A list over bytes that a parser has measured: every span in `fields` lies within `base`.
    ///
    /// `base` is kept alive as long as the list; a caller that slices it out of a large buffer decides whether
    /// to copy first.
    /// `bare_end` says that the empty line after them was a bare LF.
    #[must_use]
    pub fn from_wire(base: Bytes, fields: Vec<Field>, bare_end: bool) -> Self {
        debug_assert!(
            fields
                .iter()
                .all(|f| f.line.end() <= base.len() && f.value.end() <= base.len())
        );
        Self {
            base,
            extra: Vec::new(),
            fields,
            bare_end,
        }
    }

    /// Number of fields, duplicates counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// All fields in order: name and value as sent.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + DoubleEndedIterator + Clone {
        self.fields
            .iter()
            .map(|f| (self.bytes(f.name), self.bytes(f.value)))
    }

    /// All fields in order, with what HTTP/2 says about them.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldRef<'_>> + Clone {
        self.fields.iter().map(|f| FieldRef {
            name: self.bytes(f.name),
            value: self.bytes(f.value),
            never_indexed: f.never_indexed,
        })
    }

    /// Whether the fields, written as lines, are read back as the same fields: there is no CR, LF or NUL in a value,
    /// and no control character, space or colon in a name, nor an empty name.
    ///
    /// HTTP/2 carries any byte. [`to_wire`](Self::to_wire) and [`lines`](Self::lines) of a list that came that way must
    /// not be sent in HTTP/1 unless this holds: what is one field here could be two there, or the end of the head.
    #[must_use]
    pub fn is_line_safe(&self) -> bool {
        let name_ok = |name: &[u8]| {
            !name.is_empty() && name.iter().all(|b| !matches!(b, 0..=b' ' | b':' | 0x7f))
        };
        self.iter()
            .all(|(name, value)| name_ok(name) && memchr::memchr3(b'\r', b'\n', 0, value).is_none())
    }

    /// The whole lines in order, each with its line ending, ready to be forwarded.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.fields.iter().map(|f| self.bytes(f.line))
    }

    /// The empty line that ended the list, as sent; CRLF for a list of our own.
    #[must_use]
    pub fn end(&self) -> &'static [u8] {
        if self.bare_end { b"\n" } else { b"\r\n" }
    }

    /// The value of the first field called `name`, as sent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|f| self.is(f, name))
            .map(|f| self.bytes(f.value))
    }

    /// The values of all fields called `name`, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.fields
            .iter()
            .filter(move |f| self.is(f, name))
            .map(|f| self.bytes(f.value))
    }

    /// Whether a field called `name` is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.fields.iter().any(|f| self.is(f, name))
    }

    /// Whether one of the comma-separated elements of the fields called `name` is `token`, ignoring case
    /// (RFC 9110 §5.6.1), as with `Connection: keep-alive, Upgrade`.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name)
            .flat_map(|v| v.split(|b| *b == b','))
            .any(|t| t.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Gives the first field called `name` this value, keeping its place and the spelling of its name and whether it
    /// may be indexed, and removes the other ones; appends the field when there is none.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        let Some(at) = self.fields.iter().position(|f| self.is(f, name)) else {
            return self.append(name.as_bytes(), value);
        };
        let spelled = self.bytes(self.fields[at].name).to_vec();
        let never_indexed = self.fields[at].never_indexed;
        self.fields[at] = Field {
            never_indexed,
            ..self.make(&spelled, value)
        };
        let mut index = 0;
        let (base, extra) = (&self.base, &self.extra);
        self.fields.retain(|f| {
            index += 1;
            index - 1 <= at || !slice(base, extra, f.name).eq_ignore_ascii_case(name.as_bytes())
        });
    }

    /// Gives the field at `index` this value. It keeps its place, the spelling of its name and whether it may be
    /// indexed. Nothing happens when there is none.
    pub fn set_at(&mut self, index: usize, value: &[u8]) {
        let Some(field) = self.fields.get(index).copied() else {
            return;
        };
        let name = self.bytes(field.name).to_vec();
        let made = self.make(&name, value);
        if let Some(place) = self.fields.get_mut(index) {
            *place = Field {
                never_indexed: field.never_indexed,
                ..made
            };
        }
    }

    /// Adds a field at the end.
    pub fn append(&mut self, name: &[u8], value: &[u8]) {
        let field = self.make(name, value);
        self.fields.push(field);
    }

    /// Adds a field at the end, with what HTTP/2 says about it.
    pub fn push(&mut self, field: FieldRef<'_>) {
        let made = self.make(field.name, field.value);
        self.fields.push(Field {
            never_indexed: field.never_indexed,
            ..made
        });
    }

    /// Becomes these fields, in this order. One that was there with that name and value keeps the line it was sent in, and
    /// whether it may be indexed.
    pub fn assign<'a>(&mut self, fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) {
        let mut old: Vec<Option<Field>> = self.fields.drain(..).map(Some).collect();
        for (name, value) in fields {
            let is_it = |field: &Option<Field>| {
                field.is_some_and(|f| self.bytes(f.name) == name && self.bytes(f.value) == value)
            };
            let kept = old.iter().position(is_it);
            let kept = kept.and_then(|at| old.get_mut(at)?.take());
            let field = kept.unwrap_or_else(|| self.make(name, value));
            self.fields.push(field);
        }
    }

    /// Adds a field before the one at `index` (at the end when `index` is past it).
    pub fn insert(&mut self, index: usize, name: &[u8], value: &[u8]) {
        let field = self.make(name, value);
        self.fields.insert(index.min(self.fields.len()), field);
    }

    /// Removes every field called `name`; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        let (base, extra) = (&self.base, &self.extra);
        self.fields
            .retain(|f| !slice(base, extra, f.name).eq_ignore_ascii_case(name.as_bytes()));
        before != self.fields.len()
    }

    /// Whether there is a capital letter in any name.
    #[must_use]
    pub fn has_capitals(&self) -> bool {
        self.iter()
            .any(|(name, _)| name.iter().any(u8::is_ascii_uppercase))
    }

    /// Makes the names of all fields lower case; says whether that changed anything.
    pub fn lower_names(&mut self) -> bool {
        let mut changed = false;
        for index in 0..self.fields.len() {
            let field = self.fields[index];
            let name = self.bytes(field.name);
            if name.iter().any(u8::is_ascii_uppercase) {
                let (name, value) = (name.to_ascii_lowercase(), self.bytes(field.value).to_vec());
                self.fields[index] = Field {
                    never_indexed: field.never_indexed,
                    ..self.make(&name, &value)
                };
                changed = true;
            }
        }
        changed
    }

    /// The value of a folded field joined to one line: each line break with the whitespace around it becomes one
    /// space (RFC 9112 §5.2). Borrowed when there is nothing to join.
    #[must_use]
    pub fn value_text(value: &[u8]) -> std::borrow::Cow<'_, [u8]> {
        if memchr::memchr(b'\n', value).is_none() {
            return value.into();
        }
        let lines: Vec<_> = value
            .split(|b| *b == b'\n')
            .map(<[u8]>::trim_ascii)
            .collect();
        lines.join(&b' ').into()
    }

    /// The field lines joined, as forwarded. Borrowed from what the peer sent when nothing was changed and the
    /// fields are contiguous.
    #[must_use]
    pub fn to_wire(&self) -> std::borrow::Cow<'_, [u8]> {
        let contiguous = self.extra.is_empty()
            && self
                .fields
                .windows(2)
                .all(|w| w[0].line.end() == w[1].line.start as usize);
        match (self.fields.first(), self.fields.last()) {
            (Some(first), Some(last)) if contiguous => {
                self.base[first.line.start as usize..last.line.end()].into()
            }
            _ => self.lines().collect::<Vec<_>>().concat().into(),
        }
    }

    /// All bytes that the lines lie in, in no order that means something; what was removed may be among them.
    #[must_use]
    pub fn storage(&self) -> [&[u8]; 2] {
        [&self.base, &self.extra]
    }

    fn is(&self, field: &Field, name: &str) -> bool {
        field.name.len as usize == name.len()
            && self.bytes(field.name).eq_ignore_ascii_case(name.as_bytes())
    }

    fn bytes(&self, span: Span) -> &[u8] {
        slice(&self.base, &self.extra, span)
    }

    fn make(&mut self, name: &[u8], value: &[u8]) -> Field {
        let start = self.base.len() + self.extra.len();
        self.extra.extend_from_slice(name);
        self.extra.extend_from_slice(b": ");
        self.extra.extend_from_slice(value);
        self.extra.extend_from_slice(b"\r\n");
        let value_at = start + name.len() + 2;
        Field {
            line: Span::new(start, value_at + value.len() + 2),
            name: Span::new(start, start + name.len()),
            value: Span::new(value_at, value_at + value.len()),
            never_indexed: false,
        }
    }
}

fn slice<'a>(base: &'a [u8], extra: &'a [u8], span: Span) -> &'a [u8] {
    let start = span.start as usize;
    let found = match start.checked_sub(base.len()) {
        None => base.get(start..span.end()),
        // A zero-length span at the very end of `base` lands here too and is empty either way.
        Some(at) => extra.get(at..at + span.len as usize),
    };
    found.unwrap_or_default()
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(
                self.iter()
                    .map(|(n, v)| (n.escape_ascii().to_string(), v.escape_ascii().to_string())),
            )
            .finish()
    }
}

/// Same fields in the same order, names and values compared byte by byte.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(iter: T) -> Self {
        let mut headers = Self::new();
        for (name, value) in iter {
            headers.append(name.as_ref(), value.as_ref());
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Headers {
        let wire = Bytes::from_static(b"Host:  a \r\nX: 1\r\nhOST: b\r\n");
        let fields = vec![
            Field {
                line: Span::new(0, 11),
                name: Span::new(0, 4),
                value: Span::new(7, 8),
                ..Field::default()
            },
            Field {
                line: Span::new(11, 17),
                name: Span::new(11, 12),
                value: Span::new(14, 15),
                ..Field::default()
            },
            Field {
                line: Span::new(17, 26),
                name: Span::new(17, 21),
                value: Span::new(23, 24),
                ..Field::default()
            },
        ];
        Headers::from_wire(wire, fields, false)
    }

    #[test]
    fn assigned_fields_keep_the_lines_they_came_in() {
        let mut headers = Headers::from_wire(
            Bytes::from_static(b"A:1\r\nb:  2\r\nA:1\r\n"),
            vec![
                Field {
                    line: Span::new(0, 5),
                    name: Span::new(0, 1),
                    value: Span::new(2, 3),
                    never_indexed: false,
                },
                Field {
                    line: Span::new(5, 12),
                    name: Span::new(5, 6),
                    value: Span::new(9, 10),
                    never_indexed: true,
                },
                Field {
                    line: Span::new(12, 17),
                    name: Span::new(12, 13),
                    value: Span::new(14, 15),
                    never_indexed: false,
                },
            ],
            false,
        );
        let rows: [(&[u8], &[u8]); 4] = [(b"b", b"2"), (b"A", b"1"), (b"A", b"1"), (b"A", b"1")];
        headers.assign(rows);
        assert_eq!(&*headers.to_wire(), b"b:  2\r\nA:1\r\nA:1\r\nA: 1\r\n");
        headers.assign([]);
        assert!(headers.is_empty());
    }

    #[test]
    fn untouched_lines_stay_byte_exact_when_others_change() {
        let mut h = sample();
        assert_eq!(&*h.to_wire(), b"Host:  a \r\nX: 1\r\nhOST: b\r\n");
        h.set("x", b"22");
        h.append(b"New", b"v");
        assert_eq!(
            &*h.to_wire(),
            b"Host:  a \r\nX: 22\r\nhOST: b\r\nNew: v\r\n"
        );
        h.set("host", b"c");
        assert_eq!(&*h.to_wire(), b"Host: c\r\nX: 22\r\nNew: v\r\n");
        h.set_at(2, b"n");
        h.set_at(9, b"nowhere");
        assert_eq!(&*h.to_wire(), b"Host: c\r\nX: 22\r\nNew: n\r\n");
        h.set_at(2, b"v");
        assert!(h.remove("X") && !h.remove("X"));
        h.insert(0, b"A", b"");
        assert_eq!(&*h.to_wire(), b"A: \r\nHost: c\r\nNew: v\r\n");
    }

    #[test]
    fn look_ups_ignore_case_and_keep_order() {
        let h = sample();
        assert_eq!(h.get("HOST"), Some(&b"a"[..]));
        assert_eq!(h.get_all("host").collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(h.get("y"), None);
    }

    #[test]
    fn folded_values_join_with_one_space() {
        assert_eq!(&*Headers::value_text(b"a \r\n\t b\n c"), b"a b c");
        assert_eq!(&*Headers::value_text(b"a b"), b"a b");
    }

    #[test]
    fn a_field_that_must_not_be_indexed_stays_so_when_its_value_changes() {
        let mut h = sample();
        h.push(FieldRef {
            name: b"secret",
            value: b"1",
            never_indexed: true,
        });
        h.set("SECRET", b"2");
        h.insert(0, b"first", b"");
        let flags = |h: &Headers| h.fields().map(|f| f.never_indexed).collect::<Vec<_>>();
        assert_eq!(flags(&h), [false, false, false, false, true]);
        assert_eq!(flags(&h.clone()), flags(&h));
        let last = h.fields().last().expect("there are five");
        assert_eq!(format!("{last:?}"), "secret: 2 (never indexed)");
        assert!(h.remove("secret") && !h.fields().any(|f| f.never_indexed));
    }

    #[test]
    fn only_fields_that_read_back_the_same_are_safe_as_lines() {
        let safe = |name: &str, value: &str| {
            [(name, value)]
                .into_iter()
                .collect::<Headers>()
                .is_line_safe()
        };
        assert!(Headers::new().is_line_safe());
        for (name, value) in [("a", ""), ("Ab-1", " \t:\x7f\u{fc}"), ("\u{fc}", "1")] {
            assert!(safe(name, value), "{name:?}: {value:?}");
        }
        for (name, value) in [
            ("", "1"),
            (":path", "/"),
            ("a:b", "1"),
            ("a ", "1"),
            (" a", "1"),
            ("a\n", "1"),
            ("a\0", "1"),
            ("a", "1\r"),
            ("a", "1\nb: 2"),
            ("a", "\0"),
        ] {
            assert!(!safe(name, value), "{name:?}: {value:?}");
        }
    }

    #[test]
    fn tokens_are_found_in_lists() {
        let h: Headers = [("Connection", "keep-alive, Upgrade"), ("connection", "x")]
            .into_iter()
            .collect();
        assert!(h.has_token("connection", "upgrade") && h.has_token("Connection", "X"));
        assert!(!h.has_token("connection", "up"));
    }
}
