//! Reads WBXML item by item (WAP-192-WBXML 1.3 §5).

use std::borrow::Cow;

use super::pages;

/// Attributes of one element.
const ATTRIBUTES_MAX: usize = 100;

/// Elements within each other.
const DEPTH_MAX: usize = 4096;

/// Bytes that references to the table of strings may come to, each of which is short itself.
const REFERRED_MAX: usize = 16 * 1024 * 1024;

/// Why there is no next item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data end in the middle.
    Early,
    /// The document has another version, charset or token than can be read.
    Version,
    Charset,
    Token,
    /// A reference goes beyond the table of strings.
    Reference,
    /// An element ends that has not begun, or there is something after the document.
    Balance,
    /// A number is too large.
    Number,
    Attributes,
    Deep,
    Expands,
}

impl Stop {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Early => "the document ends early",
            Self::Version => "there is no WBXML of that version",
            Self::Charset => "only WBXML in UTF-8 or ASCII can be read",
            Self::Token => "a token means nothing",
            Self::Reference => "a string is not in the table of strings",
            Self::Balance => "the document goes on after its end",
            Self::Number => "a number is too large",
            Self::Attributes => "an element has too many attributes",
            Self::Deep => "elements are nested too deep",
            Self::Expands => "references come to far more text than there is",
        }
    }
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// An element begins.
    Open(Tag),
    /// The element that began last ends.
    End,
    /// Text, of one piece or several.
    Text(String),
    /// Bytes.
    Opaque(&'a [u8]),
}

/// A start tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: Cow<'static, str>,
    pub(super) attributes: Vec<(String, String)>,
    /// It has an end of its own.
    pub(super) has_content: bool,
}

/// Reads one item after the other.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    strings: &'a [u8],
    /// Bytes that references may still come to.
    budget: usize,
    /// The tags are those of ActiveSync.
    known: bool,
    page: u8,
    attribute_page: u8,
    depth: usize,
    /// The one element of the document has begun.
    begun: bool,
}

impl<'a> Reader<'a> {
    /// Reads the head: version, public identifier, charset and strings (§5.4).
    pub(super) fn new(data: &'a [u8]) -> Result<Self, Stop> {
        let mut reader = Self {
            data,
            at: 0,
            strings: &[],
            budget: REFERRED_MAX,
            known: false,
            page: 0,
            attribute_page: 0,
            depth: 0,
            begun: false,
        };
        if !matches!(reader.byte()?, 1..=3) {
            return Err(Stop::Version);
        }
        let public = reader.number()?;
        if public == 0 {
            // A name in the table of strings follows.
            reader.number()?;
        }
        // ActiveSync is an unknown public identifier.
        reader.known = public == 1;
        // 106 is UTF-8, 3 ASCII, 0 unknown (IANA MIBenum).
        if !matches!(reader.number()?, 0 | 3 | 106) {
            return Err(Stop::Charset);
        }
        let len = usize::try_from(reader.number()?).map_err(|_| Stop::Number)?;
        reader.strings = reader.take(len)?;
        Ok(reader)
    }

    /// Where the next item begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next item. After an error the reader is where it was before.
    pub(super) fn next(&mut self) -> Result<Option<Item<'a>>, Stop> {
        let before = self.clone();
        let item = self.item();
        if item.is_err() {
            *self = before;
        }
        item
    }

    fn item(&mut self) -> Result<Option<Item<'a>>, Stop> {
        if let Some(text) = self.text()? {
            return Ok(Some(Item::Text(text)));
        }
        if self.depth == 0 && self.begun {
            return if self.at == self.data.len() {
                Ok(None)
            } else {
                Err(Stop::Balance)
            };
        }
        match self.byte()? {
            0x00 => {
                self.page = self.byte()?;
                self.item_after_switch()
            }
            0x01 => {
                self.depth = self.depth.checked_sub(1).ok_or(Stop::Balance)?;
                Ok(Some(Item::End))
            }
            0xc3 => {
                let len = usize::try_from(self.number()?).map_err(|_| Stop::Number)?;
                Ok(Some(Item::Opaque(self.take(len)?)))
            }
            0x43 => {
                // A processing instruction is an attribute without an element.
                self.attributes()?;
                self.item_after_switch()
            }
            // Extensions mean what the application says.
            token @ (0x40..=0x42) => {
                self.zero_ended()?;
                Ok(Some(Item::Text(format!("[ext{}]", token & 3))))
            }
            token @ (0x80..=0x82) => {
                let number = self.number()?;
                Ok(Some(Item::Text(format!("[ext{}:{number}]", token & 3))))
            }
            token @ (0xc0..=0xc2) => Ok(Some(Item::Text(format!("[ext{}]", token & 3)))),
            token => self.tag(token).map(Some),
        }
    }

    /// Goes on after something that is no item, without recursion for each.
    fn item_after_switch(&mut self) -> Result<Option<Item<'a>>, Stop> {
        while self.data.get(self.at) == Some(&0) {
            self.byte()?;
            self.page = self.byte()?;
        }
        match self.data.get(self.at) {
            Some(0x43) => Err(Stop::Token),
            _ => self.item(),
        }
    }

    fn tag(&mut self, token: u8) -> Result<Item<'a>, Stop> {
        let (has_attributes, has_content) = (token & 0x80 != 0, token & 0x40 != 0);
        let name = match token & 0x3f {
            // A name in the table of strings.
            0x04 => {
                let at = self.number()?;
                Cow::Owned(self.string(at)?)
            }
            0x00..=0x03 => return Err(Stop::Token),
            token => match pages::tag(self.page, token).filter(|_| self.known) {
                Some(name) => Cow::Borrowed(name),
                None => Cow::Owned(format!("Unknown_{}_0x{token:02x}", self.page)),
            },
        };
        let attributes = if has_attributes {
            self.attributes()?
        } else {
            Vec::new()
        };
        self.begun = true;
        self.depth += usize::from(has_content);
        if self.depth > DEPTH_MAX {
            return Err(Stop::Deep);
        }
        Ok(Item::Open(Tag {
            name,
            attributes,
            has_content,
        }))
    }

    /// Attributes up to their end (§5.8.3): codes that begin one, and the pieces of its value.
    fn attributes(&mut self) -> Result<Vec<(String, String)>, Stop> {
        let mut attributes: Vec<(String, String)> = Vec::new();
        loop {
            let text = self.text()?;
            if let Some(text) = text {
                let (_, value) = attributes.last_mut().ok_or(Stop::Token)?;
                value.push_str(&text);
                continue;
            }
            let token = self.byte()?;
            let name = match token {
                0x00 => {
                    self.attribute_page = self.byte()?;
                    continue;
                }
                0x01 => return Ok(attributes),
                0x04 => {
                    let at = self.number()?;
                    self.string(at)?
                }
                0x05..=0x3f | 0x45..=0x7f => {
                    format!("Unknown_{}_0x{token:02x}", self.attribute_page)
                }
                0x85..=0xbf | 0xc5..=0xff => {
                    let (_, value) = attributes.last_mut().ok_or(Stop::Token)?;
                    value.push_str(&format!("[0x{token:02x}]"));
                    continue;
                }
                _ => return Err(Stop::Token),
            };
            if attributes.len() == ATTRIBUTES_MAX {
                return Err(Stop::Attributes);
            }
            attributes.push((name, String::new()));
        }
    }

    /// All text that follows: strings, references to the table, and characters by number.
    fn text(&mut self) -> Result<Option<String>, Stop> {
        let mut text: Option<String> = None;
        loop {
            let piece = match self.data.get(self.at) {
                Some(0x02) => {
                    self.byte()?;
                    let code = self.number()?;
                    let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                    c.to_string()
                }
                Some(0x03) => {
                    self.byte()?;
                    lossless(self.zero_ended()?)
                }
                Some(0x83) => {
                    self.byte()?;
                    let at = self.number()?;
                    self.string(at)?
                }
                _ => return Ok(text),
            };
            text.get_or_insert_default().push_str(&piece);
        }
    }

    /// A string of the table (§5.6).
    fn string(&mut self, at: u32) -> Result<String, Stop> {
        let at = usize::try_from(at).map_err(|_| Stop::Reference)?;
        let rest = self.strings.get(at..).ok_or(Stop::Reference)?;
        let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
        self.budget = self.budget.checked_sub(end).ok_or(Stop::Expands)?;
        Ok(lossless(rest.get(..end).unwrap_or_default()))
    }

    fn zero_ended(&mut self) -> Result<&'a [u8], Stop> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let end = memchr::memchr(0, rest).ok_or(Stop::Early)?;
        let text = self.take(end)?;
        self.byte()?;
        Ok(text)
    }

    /// A number in bytes of seven bits, the largest first (§5.1).
    fn number(&mut self) -> Result<u32, Stop> {
        let mut number = 0_u32;
        for _ in 0..5 {
            let byte = self.byte()?;
            if number >> 25 != 0 {
                return Err(Stop::Number);
            }
            number = number << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Stop::Number)
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        self.take(1)?.first().copied().ok_or(Stop::Early)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let end = self.at.checked_add(len).ok_or(Stop::Early)?;
        let taken = self.data.get(self.at..end).ok_or(Stop::Early)?;
        self.at = end;
        Ok(taken)
    }
}

/// UTF-8 as it is, all else as `\xNN`.
fn lossless(bytes: &[u8]) -> String {
    super::super::yaml::text(bytes)
}
