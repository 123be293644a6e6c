//! The data of records by their types; what has no form of its own, or cannot be made again, in hexadecimal.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::yaml::{Node, NodeExt, Shape, Spot, scalar};
use super::super::{hex, yaml};
use super::{names, service, u16_at};
use crate::{Class, ReencodeError, Sink};

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// In one line.
    Text(String),
    /// Several texts.
    List(Vec<String>),
    /// How a service is reached.
    Service(service::Service),
}

impl Data {
    /// Reads the bytes from `start` to `end` of a message, whose names may be anywhere in it.
    pub(super) fn read(kind: u16, message: &[u8], start: usize, end: usize) -> Option<Self> {
        let bytes = message.get(start..end)?;
        let read = match kind {
            16 | 99 => texts(bytes),
            64 | 65 => service::Service::read(bytes).map(Self::Service),
            _ => text(kind, message, start, end).map(Self::Text),
        };
        // What is shown has to be what was sent, but for the names in full.
        let again = |data: &Self| {
            let made = data.write(kind).ok()?;
            let is_same = made == bytes || has_names(kind);
            is_same.then_some(())
        };
        Some(match read {
            Some(data) if again(&data).is_some() => data,
            _ => Self::Text(hexadecimal(bytes)),
        })
    }

    pub(super) fn print(&self, place: Spot, out: &mut Sink) {
        match self {
            Self::Text(text) => {
                let class = if text.starts_with("0x") {
                    Class::Number
                } else {
                    Class::String
                };
                place.value(class, &scalar(text), "", out);
            }
            Self::List(texts) => {
                for (nth, text) in texts.iter().enumerate() {
                    place.item(nth, out).text(text, "", out);
                }
            }
            Self::Service(service) => service.print(place, out),
        }
    }

    /// As the value of an entry says.
    pub(super) fn of(node: &Node) -> Result<Self, ReencodeError> {
        match &node.shape {
            Shape::Scalar { text, .. } => Ok(Self::Text(text.clone())),
            Shape::List(items) => {
                let text = |item: &Node| {
                    let text = item.text().map(str::to_owned);
                    text.ok_or_else(|| item.error("this is no text"))
                };
                Ok(Self::List(
                    items.iter().map(text).collect::<Result<_, _>>()?,
                ))
            }
            Shape::Map(_) => service::Service::of(node).map(Self::Service),
        }
    }

    /// The bytes, with names in full; the error is what is wrong.
    pub(super) fn write(&self, kind: u16) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        match self {
            Self::Service(service) if matches!(kind, 64 | 65) => service.write(&mut out)?,
            Self::Service(_) => return Err("only SVCB and HTTPS have a map here".to_owned()),
            Self::List(texts) if matches!(kind, 16 | 99) => {
                for text in texts {
                    string(text, &mut out)?;
                }
            }
            Self::List(_) => return Err("only TXT has a list here".to_owned()),
            Self::Text(text) => match text.strip_prefix("0x") {
                Some(digits) => {
                    // A remark may follow in brackets.
                    let digits = digits.split(' ').next().unwrap_or_default();
                    out = hex::parse(digits).map_err(|wrong| wrong.sentence().to_owned())?;
                }
                None => written(kind, text, &mut out)?,
            },
        }
        Ok(out)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{hex}")
}

/// Types whose data have names that may be compressed.
fn has_names(kind: u16) -> bool {
    matches!(kind, 2 | 5 | 6 | 12 | 15)
}

/// The strings of a text record.
fn texts(mut bytes: &[u8]) -> Option<Data> {
    let mut texts = Vec::new();
    while let Some((len, rest)) = bytes.split_first() {
        let (text, after) = rest.split_at_checked(usize::from(*len))?;
        texts.push(str::from_utf8(text).ok()?.to_owned());
        bytes = after;
    }
    match <[String; 1]>::try_from(texts) {
        Ok([text]) => Some(Data::Text(text)),
        Err(texts) if texts.is_empty() => None,
        Err(texts) => Some(Data::List(texts)),
    }
}

fn text(kind: u16, message: &[u8], start: usize, end: usize) -> Option<String> {
    let bytes = message.get(start..end)?;
    let name = |at: usize| names::read(message, at).filter(|(_, after)| *after <= end);
    let whole_name = |at: usize| name(at).filter(|(_, after)| *after == end);
    let number = |nth: usize| u16_at(bytes, 2 * nth);
    match kind {
        1 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string()),
        28 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        2 | 5 | 12 | 39 => Some(whole_name(start)?.0),
        15 => Some(format!(
            "{} {}",
            number(0)?,
            dotted(whole_name(start + 2)?.0)
        )),
        33 => {
            let target = dotted(whole_name(start + 6)?.0);
            Some(format!(
                "{} {} {} {target}",
                number(0)?,
                number(1)?,
                number(2)?
            ))
        }
        6 => {
            let (server, at) = name(start)?;
            let (mailbox, at) = name(at)?;
            let numbers = message.get(at..end)?;
            let (words, []) = numbers.as_chunks::<4>() else {
                return None;
            };
            let words: Vec<_> = words
                .iter()
                .map(|word| u32::from_be_bytes(*word).to_string())
                .collect();
            let is_whole = words.len() == 5;
            is_whole.then(|| format!("{} {} {}", dotted(server), dotted(mailbox), words.join(" ")))
        }
        257 => {
            let (flags, rest) = bytes.split_first()?;
            let (len, rest) = rest.split_first()?;
            let (tag, value) = rest.split_at_checked(usize::from(*len))?;
            let tag = str::from_utf8(tag).ok().filter(|tag| !tag.is_empty())?;
            Some(format!("{flags} {tag} {}", str::from_utf8(value).ok()?))
        }
        _ => None,
    }
}

/// A name among other words is never nothing.
fn dotted(name: String) -> String {
    if name.is_empty() {
        ".".to_owned()
    } else {
        name
    }
}

fn written(kind: u16, text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("'{text}' is {what}; bytes are written as 0x..."));
    let words: Vec<&str> = text.split(' ').collect();
    let numbers = |words: &[&str], out: &mut Vec<u8>| {
        for word in words {
            let Ok(number) = word.parse::<u16>() else {
                return Err(format!("'{word}' is no number up to 65535"));
            };
            out.extend(number.to_be_bytes());
        }
        Ok(())
    };
    match (kind, &words[..]) {
        (1, _) => match text.parse::<Ipv4Addr>() {
            Ok(address) => out.extend(address.octets()),
            Err(_) => return wrong("no IPv4 address"),
        },
        (28, _) => match text.parse::<Ipv6Addr>() {
            Ok(address) => out.extend(address.octets()),
            Err(_) => return wrong("no IPv6 address"),
        },
        (2 | 5 | 12 | 39, _) => names::write(text, out)?,
        (15, [preference, name]) => {
            numbers(&[preference], out)?;
            names::write(name, out)?;
        }
        (33, [priority, weight, port, name]) => {
            numbers(&[priority, weight, port], out)?;
            names::write(name, out)?;
        }
        (6, [server, mailbox, words @ ..]) if words.len() == 5 => {
            names::write(server, out)?;
            names::write(mailbox, out)?;
            for word in words {
                let Ok(number) = word.parse::<u32>() else {
                    return Err(format!("'{word}' is no number of 32 bits"));
                };
                out.extend(number.to_be_bytes());
            }
        }
        (257, [flags, tag, ..]) => {
            let Ok(number) = flags.parse::<u8>() else {
                return Err(format!("'{flags}' is no number up to 255"));
            };
            let value = text.splitn(3, ' ').nth(2).unwrap_or_default();
            out.push(number);
            string(tag, out)?;
            out.extend(value.as_bytes());
        }
        (16 | 99, _) => string(text, out)?,
        (15, _) => return wrong("no preference with a name"),
        (33, _) => return wrong("no priority, weight, port and name"),
        (6, _) => return wrong("no two names with five numbers"),
        (257, _) => return wrong("no number, name and value"),
        _ => return wrong("nothing that this type has"),
    }
    Ok(())
}

/// Text after its length in a byte.
pub(super) fn string(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let len = u8::try_from(text.len())
        .map_err(|_| "a text has 255 bytes at most; longer ones are a list".to_owned())?;
    out.push(len);
    out.extend(text.as_bytes());
    Ok(())
}

/// Bytes as they are written where they have no other form.
pub(super) fn raw(bytes: &[u8]) -> String {
    yaml::scalar(&hexadecimal(bytes))
}
