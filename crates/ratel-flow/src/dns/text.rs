//! DNS messages as text: the names that are asked for, then what each record says, a line each.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{DnsMessage, Resource};
use crate::filter::python;

/// What `~b` sees of a DNS message.
pub fn put_text(message: &DnsMessage, out: &mut String) {
    let message = &message.message;
    out.clear();
    let mut line_end = "";
    for question in &message.questions {
        out.push_str(line_end);
        out.push_str(&question.name);
        line_end = "\r\n";
    }
    let sections = [&message.answers, &message.authorities, &message.additionals];
    for resource in sections.into_iter().flatten() {
        out.push_str(line_end);
        put_resource(resource, out);
        line_end = "\r\n";
    }
}

/// What a record says: an address, a name, a text; its bytes in hexadecimal where there are no words for it.
#[must_use]
pub fn resource_text(resource: &Resource) -> String {
    let mut text = String::new();
    put_resource(resource, &mut text);
    text
}

fn put_resource(resource: &Resource, out: &mut String) {
    if put_data(resource, out).is_none() {
        put_hex(&resource.data, out);
        put_invalid(resource.kind, out);
    }
}

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const PTR: u16 = 12;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;

/// None, and nothing written, if it is not what its type says.
fn put_data(resource: &Resource, out: &mut String) -> Option<()> {
    let data = &resource.data[..];
    // Writing to a string does not fail.
    let _ = match resource.kind {
        A => write!(out, "{}", Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?)),
        AAAA => write!(out, "{}", Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?)),
        NS | CNAME | PTR => match name(data)? {
            (name, []) => out.write_str(&name),
            _ => return None,
        },
        TXT => out.write_str(str::from_utf8(data).ok()?),
        HTTPS => out.write_str(&service(data)?),
        _ => {
            put_hex(data, out);
            Ok(())
        }
    };
    Some(())
}

fn put_hex(data: &[u8], out: &mut String) {
    out.push_str("0x");
    for byte in data {
        let _ = write!(out, "{byte:02x}");
    }
}

fn put_invalid(kind: u16, out: &mut String) {
    let name = super::kind_name(kind);
    let _ = write!(out, " (invalid {name} data)");
}

/// A name that is not compressed, and what follows it (RFC 1035 §3.1).
fn name(mut data: &[u8]) -> Option<(String, &[u8])> {
    let mut name = String::new();
    loop {
        let (len, rest) = data.split_first()?;
        if *len == 0 {
            return Some((name, rest));
        }
        let (label, rest) = rest.split_at_checked(usize::from(*len).min(64))?;
        if *len >= 64 {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(
            str::from_utf8(label)
                .ok()
                .filter(|label| label.is_ascii())?,
        );
        data = rest;
    }
}

/// The data of an HTTPS record (RFC 9460 §2.2) as Python shows it as a dictionary.
fn service(data: &[u8]) -> Option<String> {
    const KEYS: [&str; 7] = [
        "mandatory",
        "alpn",
        "no_default_alpn",
        "port",
        "ipv4hint",
        "ech",
        "ipv6hint",
    ];
    let (priority, data) = data.split_at_checked(2)?;
    let priority = i16::from_be_bytes(priority.try_into().ok()?);
    let (target, mut data) = name(data)?;
    let mut out = format!(
        "{{'target_name': {}, 'priority': {priority}",
        python::repr(&target)
    );
    // Of a key that comes twice, the last value stands in the first place.
    let mut parameters: Vec<(u16, &[u8])> = Vec::new();
    while !data.is_empty() {
        let (head, rest) = data.split_at_checked(4)?;
        let [key_high, key_low, len_high, len_low] = *head else {
            return None;
        };
        let (key, len) = (
            u16::from_be_bytes([key_high, key_low]),
            u16::from_be_bytes([len_high, len_low]),
        );
        let (value, rest) = rest.split_at_checked(usize::from(len))?;
        match parameters.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = value,
            None => parameters.push((key, value)),
        }
        data = rest;
    }
    for (key, value) in parameters {
        let _ = match KEYS.get(usize::from(key)) {
            Some(name) => write!(out, ", '{name}': "),
            None => write!(out, ", {key}: "),
        };
        out.push_str(&python::repr(&crate::format::escape_bytes(value)));
    }
    out.push('}');
    Some(out)
}
