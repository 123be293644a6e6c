//! How a service is reached: SVCB and HTTPS records (RFC 9460 §2).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::hex;
use super::super::yaml::{Node, NodeExt, Shape, Spot};
use super::data::{raw, string};
use super::{names, u16_at};
use crate::{Class, ReencodeError, Sink};

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    priority: u16,
    target: String,
    /// Parameters in their order, as they were sent.
    parameters: Vec<(u16, Vec<u8>)>,
}

/// Parameters that have names.
const KEYS: [(u16, &str); 7] = [
    (0, "mandatory"),
    (1, "alpn"),
    (2, "no-default-alpn"),
    (3, "port"),
    (4, "ipv4hint"),
    (5, "ech"),
    (6, "ipv6hint"),
];

impl Service {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let priority = u16_at(bytes, 0)?;
        let (target, mut at) = names::read(bytes, 2)?;
        let mut parameters = Vec::new();
        while at < bytes.len() {
            let (key, len) = (u16_at(bytes, at)?, usize::from(u16_at(bytes, at + 2)?));
            parameters.push((key, bytes.get(at + 4..at + 4 + len)?.to_vec()));
            at += 4 + len;
        }
        Some(Self {
            priority,
            target,
            parameters,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend(self.priority.to_be_bytes());
        names::write(&self.target, out)?;
        for (key, value) in &self.parameters {
            let len = u16::try_from(value.len()).map_err(|_| "a parameter is too long")?;
            out.extend(key.to_be_bytes());
            out.extend(len.to_be_bytes());
            out.extend(value);
        }
        Ok(())
    }

    pub(super) fn print(&self, place: Spot, out: &mut Sink) {
        place
            .entry(0, "target_name", out)
            .text(&self.target, "", out);
        let priority = self.priority.to_string();
        place
            .entry(1, "priority", out)
            .value(Class::Number, &priority, "", out);
        for (nth, (key, value)) in self.parameters.iter().enumerate() {
            let name = name(*key);
            let place = place.entry(nth + 2, &name, out);
            match shown(*key, value) {
                Some(Shown::Number(number)) => {
                    place.value(Class::Number, &number.to_string(), "", out);
                }
                Some(Shown::List(texts)) => {
                    for (nth, text) in texts.iter().enumerate() {
                        place.item(nth, out).text(text, "", out);
                    }
                }
                None => place.value(Class::Number, &raw(value), "", out),
            }
        }
    }

    pub(super) fn of(node: &Node) -> Result<Self, ReencodeError> {
        let Shape::Map(entries) = &node.shape else {
            return Err(node.error("this is no map"));
        };
        let mut service = Self {
            priority: 0,
            target: String::new(),
            parameters: Vec::new(),
        };
        for (name, value) in entries {
            let text = value.text().unwrap_or_default();
            match name.text() {
                Some("target_name") => service.target = text.to_owned(),
                Some("priority") => {
                    service.priority = text
                        .parse()
                        .map_err(|_| value.error("a priority is a number up to 65535"))?;
                }
                Some(key) => {
                    let key = number(key)
                        .ok_or_else(|| name.error(format!("there is no parameter '{key}'")))?;
                    let bytes = parameter(key, value).map_err(|why| value.error(why))?;
                    service.parameters.push((key, bytes));
                }
                None => return Err(name.error("this is no parameter")),
            }
        }
        Ok(service)
    }
}

fn name(key: u16) -> String {
    match KEYS.iter().find(|(known, _)| *known == key) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("key{key}"),
    }
}

fn number(name: &str) -> Option<u16> {
    let known = KEYS.iter().find(|(_, known)| *known == name);
    known
        .map(|(key, _)| *key)
        .or_else(|| name.strip_prefix("key")?.parse().ok())
}

/// A value that is not shown as bytes.
enum Shown {
    Number(u16),
    List(Vec<String>),
}

/// What a parameter says, if its name says of what type it is and it is that.
fn shown(key: u16, value: &[u8]) -> Option<Shown> {
    let list = |texts: Vec<String>| (!texts.is_empty()).then_some(Shown::List(texts));
    match key {
        1 => {
            let (mut rest, mut names) = (value, Vec::new());
            while let Some((len, after)) = rest.split_first() {
                let (name, after) = after.split_at_checked(usize::from(*len))?;
                names.push(str::from_utf8(name).ok()?.to_owned());
                rest = after;
            }
            list(names)
        }
        3 => match value {
            [a, b] => Some(Shown::Number(u16::from_be_bytes([*a, *b]))),
            _ => None,
        },
        4 => {
            let (addresses, rest) = value.as_chunks::<4>();
            let text = |octets: &[u8; 4]| Ipv4Addr::from(*octets).to_string();
            list(addresses.iter().map(text).collect()).filter(|_| rest.is_empty())
        }
        6 => {
            let (addresses, rest) = value.as_chunks::<16>();
            let text = |octets: &[u8; 16]| Ipv6Addr::from(*octets).to_string();
            list(addresses.iter().map(text).collect()).filter(|_| rest.is_empty())
        }
        0 => {
            let (keys, rest) = value.as_chunks::<2>();
            let text = |key: &[u8; 2]| name(u16::from_be_bytes(*key));
            list(keys.iter().map(text).collect()).filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

fn parameter(key: u16, value: &Node) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let texts: Vec<&str> = match &value.shape {
        Shape::List(items) => items.iter().filter_map(Node::text).collect(),
        _ => value.text().into_iter().collect(),
    };
    if let [text] = texts[..]
        && let Some(digits) = text.strip_prefix("0x")
    {
        return hex::parse(digits).map_err(|wrong| wrong.sentence().to_owned());
    }
    for text in texts {
        match key {
            0 => out.extend(number(text).ok_or("this is no parameter")?.to_be_bytes()),
            1 => string(text, &mut out)?,
            3 => {
                let port: u16 = text.parse().map_err(|_| "this is no port")?;
                out.extend(port.to_be_bytes());
            }
            4 => {
                let address: Ipv4Addr = text.parse().map_err(|_| "this is no IPv4 address")?;
                out.extend(address.octets());
            }
            6 => {
                let address: Ipv6Addr = text.parse().map_err(|_| "this is no IPv6 address")?;
                out.extend(address.octets());
            }
            _ => return Err("bytes are written as 0x...".to_owned()),
        }
    }
    Ok(out)
}
