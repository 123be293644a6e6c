//! Bodies as text: whether one is text at all, and in which charset.
//!
//! The answers are mitmproxy's, since files that both write are compared and filters that both evaluate match alike.

mod decoder;

use std::borrow::Cow;

use encoding_rs::Encoding;
use ratel_proto::Headers;

pub use decoder::Decoder;

/// In how many bytes a declaration inside a document is looked for.
const DECLARATION_WITHIN: usize = 1024;

/// How the bytes of a text are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// ISO 8859-1: each byte is the character of that number.
    Latin1,
    /// Any other charset that there is a decoder for.
    Other(&'static Encoding),
    /// UTF-32, which only a byte order mark announces.
    Utf32 {
        /// The most significant byte comes first.
        big_endian: bool,
    },
}

/// Whether bytes look as if they were no text, from the first hundred of them.
#[must_use]
pub fn is_mostly_binary(bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return false;
    }
    let mut end = bytes.len();
    if end > 100 {
        // A character must not be cut in two, where it is one.
        let starts = |at: &usize| bytes.get(*at).is_some_and(|b| b & 0xc0 != 0x80);
        end = (100..bytes.len().min(104)).find(starts).unwrap_or(100);
    }
    let start = bytes.get(..end).unwrap_or(bytes);
    let share = |is: fn(&u8) -> bool| start.iter().filter(|b| is(b)).count() * 100;
    if share(|b| matches!(b, 9..=13 | 32..=126)) > 70 * start.len() {
        return false;
    }
    let few_controls = share(|b| matches!(b, 0..9 | 14..32)) < 5 * start.len();
    !(few_controls && str::from_utf8(start).is_ok())
}

impl Charset {
    /// The charset of a body, from what it begins with, from its content type, and from what it says of itself.
    #[must_use]
    pub fn of(headers: &Headers, body: &[u8]) -> Self {
        let content_type = headers.get("content-type").unwrap_or_default();
        Self::guess(&String::from_utf8_lossy(content_type), body)
    }

    /// The same for a content type as it stands in a header.
    #[must_use]
    pub fn guess(content_type: &str, body: &[u8]) -> Self {
        Self::declared(content_type, body).unwrap_or_else(|| {
            let kind = content_type.to_ascii_lowercase();
            let is_utf8 = [
                "json",
                "javascript",
                "ecmascript",
                "html",
                "xml",
                "text/css",
            ];
            if is_utf8.iter().any(|word| kind.contains(word)) {
                Self::Utf8
            } else {
                Self::Latin1
            }
        })
    }

    /// The charset that a byte order mark, the content type or the body itself names; none if nothing does.
    #[must_use]
    pub fn declared(content_type: &str, body: &[u8]) -> Option<Self> {
        match body {
            [0, 0, 0xfe, 0xff, ..] => return Some(Self::Utf32 { big_endian: true }),
            [0xff, 0xfe, 0, 0, ..] => return Some(Self::Utf32 { big_endian: false }),
            [0xfe, 0xff, ..] => return Some(Self::Other(encoding_rs::UTF_16BE)),
            [0xff, 0xfe, ..] => return Some(Self::Other(encoding_rs::UTF_16LE)),
            [0xef, 0xbb, 0xbf, ..] => return Some(Self::Utf8),
            _ => {}
        }
        let named = parameter(content_type, "charset").and_then(|name| Self::named(&name));
        if named.is_some() {
            return named;
        }
        let kind = content_type.to_ascii_lowercase();
        let start = body.get(..DECLARATION_WITHIN).unwrap_or(body);
        let declaration = if kind.contains("json")
            || kind.contains("javascript")
            || kind.contains("ecmascript")
        {
            return None;
        } else if kind.contains("html") {
            &HTML
        } else if kind.contains("xml") {
            &XML
        } else if kind.contains("text/css") {
            &CSS
        } else {
            return None;
        };
        declaration.find(start).and_then(Self::named)
    }

    /// The name, as it may stand in a header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "iso-8859-1",
            Self::Utf32 { big_endian: true } => "utf-32be",
            Self::Utf32 { big_endian: false } => "utf-32le",
            Self::Other(encoding) => encoding.name(),
        }
    }

    /// The charset of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        match &name[..] {
            "utf-8" | "utf8" => Some(Self::Utf8),
            // To browsers all of these are windows-1252; what is written down is what the bytes are.
            "iso-8859-1" | "iso8859-1" | "latin-1" | "latin1" | "l1" | "iso_8859-1" => {
                Some(Self::Latin1)
            }
            "gb2312" | "gbk" => Some(Self::Other(encoding_rs::GB18030)),
            name => match Encoding::for_label_no_replacement(name.as_bytes())? {
                encoding if encoding == encoding_rs::UTF_8 => Some(Self::Utf8),
                encoding => Some(Self::Other(encoding)),
            },
        }
    }

    /// How many bytes the units have that the text is made of, where that is not one.
    pub(crate) fn wide_unit(self) -> Option<usize> {
        match self {
            Self::Other(encoding)
                if encoding == encoding_rs::UTF_16BE || encoding == encoding_rs::UTF_16LE =>
            {
                Some(2)
            }
            Self::Utf32 { .. } => Some(4),
            _ => None,
        }
    }

    /// Whether the most significant byte of a unit comes first.
    pub(crate) fn is_big_endian(self) -> bool {
        matches!(self, Self::Utf32 { big_endian: true })
            || self == Self::Other(encoding_rs::UTF_16BE)
    }

    /// The text. What cannot be read becomes U+FFFD; a byte order mark stays in UTF-8 alone.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Latin1 => match str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => Cow::Borrowed(text),
                _ => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
            },
            Self::Other(encoding) => encoding.decode_with_bom_removal(bytes).0,
            Self::Utf32 { big_endian } => {
                let read = if big_endian {
                    u32::from_be_bytes
                } else {
                    u32::from_le_bytes
                };
                let chars = bytes.chunks(4).skip(1).map(|unit| {
                    let unit = unit.try_into().ok().map(read);
                    let c = unit.and_then(char::from_u32);
                    c.unwrap_or(char::REPLACEMENT_CHARACTER)
                });
                Cow::Owned(chars.collect())
            }
        }
    }

    /// The bytes of a text. None where the charset has no such character, or is one that nobody writes.
    #[must_use]
    pub fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Utf8 => Some(Cow::Borrowed(text.as_bytes())),
            Self::Latin1 if text.is_ascii() => Some(Cow::Borrowed(text.as_bytes())),
            Self::Latin1 => {
                let byte = |c| u8::try_from(u32::from(c)).ok();
                text.chars()
                    .map(byte)
                    .collect::<Option<Vec<u8>>>()
                    .map(Cow::Owned)
            }
            Self::Other(encoding) if encoding.output_encoding() == encoding => {
                let (bytes, _, unmappable) = encoding.encode(text);
                (!unmappable).then_some(bytes)
            }
            Self::Other(_) | Self::Utf32 { .. } => None,
        }
    }
}

/// The value of a parameter of a media type: `text/html; charset="utf-8"`.
pub(crate) fn parameter(content_type: &str, name: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|field| {
        let (key, value) = field.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        let is_it = key.trim().eq_ignore_ascii_case(name) && !value.is_empty();
        is_it.then(|| value.to_owned())
    })
}

/// How a document says which charset it is in.
struct Declaration {
    /// What comes first, in lower case.
    opening: &'static [u8],
    /// What stands before the name.
    key: &'static [u8],
    /// The name follows `=`.
    equals: bool,
    /// What ends the declaration.
    closing: u8,
}

const HTML: Declaration = Declaration {
    opening: b"<meta",
    key: b"charset",
    equals: true,
    closing: b'>',
};

const XML: Declaration = Declaration {
    opening: b"<?xml",
    key: b"encoding",
    equals: true,
    closing: b'>',
};

const CSS: Declaration = Declaration {
    opening: b"@charset",
    key: b"",
    equals: false,
    closing: b';',
};

impl Declaration {
    fn find<'a>(&self, start: &'a [u8]) -> Option<&'a str> {
        let lower = start.to_ascii_lowercase();
        memchr::memmem::find_iter(&lower, self.opening).find_map(|at| {
            let from = at + self.opening.len();
            let inside = start.get(from..)?;
            let inside = inside.split(|b| *b == self.closing).next()?;
            let key = memchr::memmem::find(lower.get(from..from + inside.len())?, self.key)?;
            let mut name = inside.get(key + self.key.len()..)?.trim_ascii_start();
            if self.equals {
                name = name.strip_prefix(b"=")?.trim_ascii_start();
            }
            let name = name
                .split(|b| matches!(b, b'"' | b'\'' | b';' | b'/' | b' ' | b'?'))
                .find(|part| !part.is_empty())?;
            str::from_utf8(name).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        for text in [&b""[..], b"plain", "Grüße aus Köln".as_bytes(), b"a\tb\r\n"] {
            assert!(!is_mostly_binary(text), "{text:?}");
        }
        // A character across the hundredth byte.
        assert!(!is_mostly_binary("日本語".repeat(50).as_bytes()));
        assert!(!is_mostly_binary(
            &[&[b'a'; 99][..], "é".as_bytes(), b"x"].concat()
        ));
        for binary in [
            &[0; 8][..],
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0",
            b"\xff\xfe\xfd\xfc",
        ] {
            assert!(is_mostly_binary(binary), "{binary:?}");
        }
    }

    #[test]
    fn the_charset_is_where_it_is_said() {
        let other = |name| Charset::named(name).unwrap();
        for (content_type, body, expected) in [
            ("text/plain", &b"\xe9"[..], Charset::Latin1),
            ("", b"\xe9", Charset::Latin1),
            ("text/plain; charset=UTF-8", b"", Charset::Utf8),
            ("text/html; charset=\"iso-8859-1\"", b"", Charset::Latin1),
            ("text/html;Charset=windows-1251", b"", other("windows-1251")),
            ("text/plain; charset=gb2312", b"", other("gb18030")),
            ("text/plain; charset=nonsense", b"", Charset::Latin1),
            ("application/json", b"", Charset::Utf8),
            ("text/html", b"<head>", Charset::Utf8),
            (
                "text/html",
                b"<META content=x charset='koi8-r'>",
                other("koi8-r"),
            ),
            (
                "text/html",
                b"<meta http-equiv=\"Content-Type\" content=\"text/html; charset=shift_jis\">",
                other("shift_jis"),
            ),
            (
                "text/xml",
                b"<?xml version='1.0' encoding='latin-1'?>",
                Charset::Latin1,
            ),
            (
                "text/css",
                b"@charset \"windows-1250\";",
                other("windows-1250"),
            ),
            ("text/css", b"a {}", Charset::Utf8),
            ("text/plain", b"\xff\xfea\0", other("utf-16le")),
            (
                "text/plain; charset=latin-1",
                b"\xef\xbb\xbfa",
                Charset::Utf8,
            ),
        ] {
            assert_eq!(
                Charset::guess(content_type, body),
                expected,
                "{content_type}"
            );
        }
    }

    #[test]
    fn text_is_decoded_and_encoded() {
        for (name, bytes, text) in [
            ("utf-8", "é".as_bytes(), "é"),
            ("latin-1", b"\xe9\x80", "é\u{80}"),
            ("windows-1252", b"\xe9\x80", "é€"),
            ("shift_jis", b"\x82\xa0", "あ"),
            ("gbk", b"\xc4\xe3", "你"),
        ] {
            let charset = Charset::named(name).unwrap();
            assert_eq!(charset.decode(bytes), text, "{name}");
            assert_eq!(charset.encode(text).as_deref(), Some(bytes), "{name}");
        }
        assert_eq!(Charset::Latin1.encode("€"), None);
        let utf16 = Charset::guess("", b"\xfe\xff\0a");
        assert_eq!(utf16.decode(b"\xfe\xff\0a"), "a");
        assert_eq!(utf16.encode("a"), None);
        let utf32 = Charset::guess("", b"\0\0\xfe\xff\0\0\0a\0");
        assert_eq!(utf32.decode(b"\0\0\xfe\xff\0\0\0a\0"), "a\u{fffd}");
    }
}
