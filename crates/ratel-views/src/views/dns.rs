//! DNS messages (RFC 1035) as YAML that can be edited.

mod codes;
mod data;
mod encode;
mod names;
mod service;

use super::whole::{Beyond, Whole};
use super::yaml::{self, Spot};
use crate::{Class, ContentView, Editor, Painter, ReencodeError, Sink, ViewInput};
use codes::Codes;
use data::Data;

/// Questions and records read of one message.
const RECORDS_MAX: usize = 1000;

/// Bytes in front of the questions.
const HEADER: usize = 12;

/// The flags that are one bit each.
const FLAGS: [(&str, u16); 4] = [
    ("authoritative_answer", 0x0400),
    ("truncation", 0x0200),
    ("recursion_desired", 0x0100),
    ("recursion_available", 0x0080),
];

/// The lists of records.
const LISTS: [&str; 3] = ["answers", "authorities", "additionals"];

/// For `application/dns-message` (RFC 8484), and for what is said to servers of names.
pub(crate) struct Dns;

impl ContentView for Dns {
    fn name(&self) -> &'static str {
        "DNS"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "application/dns-message"
            || matches!(input.server_port, Some(53 | 5353));
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Nothing, |data, _, out| {
            let (_, message) = unframed(data);
            let message = Message::read(message)
                .ok_or("the message ends early, or a name in it has no end")?;
            message.print(out);
            Ok(())
        })
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

/// Whether that is what a raw connection says to a server of names, or hears from one.
pub(crate) fn is_message(input: &ViewInput<'_>) -> bool {
    let (_, message) = unframed(input.data);
    input.complete
        && Dns.priority(input) > 0.0
        && Message::read(message).is_some_and(|message| !message.is_partial)
}

impl Editor for Dns {
    fn reencode(&self, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        let message = encode::encode(&yaml::document(text)?)?;
        let (is_framed, _) = unframed(input.data);
        if !is_framed {
            return Ok(message);
        }
        let len = u16::try_from(message.len())
            .map_err(|_| ReencodeError::of("a message has 65535 bytes at most"))?;
        Ok([&len.to_be_bytes()[..], &message].concat())
    }
}

/// A message without the length that stands in front of it on a stream (RFC 1035 §4.2.2), and whether it did. The id of a
/// message may be its length by chance, so that what follows must be one.
fn unframed(data: &[u8]) -> (bool, &[u8]) {
    match data.split_first_chunk() {
        Some((len, rest)) if is_framed(*len, rest) => (true, rest),
        _ => (false, data),
    }
}

fn is_framed(len: [u8; 2], rest: &[u8]) -> bool {
    let is_whole = |message: Message| !message.is_partial;
    usize::from(u16::from_be_bytes(len)) == rest.len() && Message::read(rest).is_some_and(is_whole)
}

struct Question {
    name: String,
    kind: u16,
    class: u16,
}

struct Record {
    name: String,
    kind: u16,
    class: u16,
    ttl: u32,
    data: Data,
}

struct Message {
    id: u16,
    flags: u16,
    questions: Vec<Question>,
    /// Answers, authorities, additionals.
    records: [Vec<Record>; 3],
    /// Bytes of the data of all records.
    size: usize,
    /// Not all of the bytes are in here.
    is_partial: bool,
}

impl Message {
    fn read(data: &[u8]) -> Option<Self> {
        let mut reader = Reader { data, at: HEADER };
        let number = |at: usize| u16_at(data, at);
        let mut questions = Vec::new();
        for _ in 0..usize::from(number(4)?).min(RECORDS_MAX) {
            questions.push(Question {
                name: reader.name()?,
                kind: reader.u16()?,
                class: reader.u16()?,
            });
        }
        let mut records = [Vec::new(), Vec::new(), Vec::new()];
        let mut size = 0;
        for (nth, list) in records.iter_mut().enumerate() {
            for _ in 0..usize::from(number(6 + 2 * nth)?).min(RECORDS_MAX) {
                let (record, len) = reader.record()?;
                list.push(record);
                size += len;
            }
        }
        let counts = [4, 6, 8, 10].map(|at| usize::from(number(at).unwrap_or_default()));
        Some(Self {
            id: number(0)?,
            flags: number(2)?,
            questions,
            records,
            size,
            is_partial: reader.at != data.len() || counts.iter().any(|n| *n > RECORDS_MAX),
        })
    }

    fn print(&self, out: &mut Sink) {
        if self.is_partial {
            out.set_lossy("something follows the records, or they are too many");
        }
        let Self { id, flags, .. } = self;
        let mut nth = 0;
        let mut entry = |name: &str, out: &mut Sink| {
            nth += 1;
            Spot::TOP.entry(nth - 1, name, out)
        };
        let boolean = |is_true: bool, place: Spot, out: &mut Sink| {
            let text = if is_true { "true" } else { "false" };
            place.value(Class::Boolean, text, "", out);
        };
        let place = entry("id", out);
        place.value(Class::Number, &id.to_string(), "", out);
        let place = entry("query", out);
        boolean(flags & 0x8000 == 0, place, out);
        let place = entry("op_code", out);
        place.text(&Codes::OPCODES.name(flags >> 11 & 15), "", out);
        for (name, bit) in FLAGS {
            let place = entry(name, out);
            boolean(flags & bit != 0, place, out);
        }
        // A bit without a meaning, and two of DNSSEC (RFC 4035 §3).
        let reserved = flags >> 4 & 7;
        if reserved != 0 {
            let place = entry("reserved", out);
            place.value(Class::Number, &reserved.to_string(), "", out);
        }
        let place = entry("response_code", out);
        place.text(&Codes::RESPONSES.name(flags & 15), "", out);
        let place = entry("questions", out);
        self.questions(place, out);
        for (name, records) in LISTS.into_iter().zip(&self.records) {
            let place = entry(name, out);
            print_records(records, place, out);
        }
        let place = entry("size", out);
        place.value(Class::Number, &self.size.to_string(), "", out);
    }

    fn questions(&self, place: Spot, out: &mut Sink) {
        if self.questions.is_empty() {
            place.value(Class::Plain, "[]", "", out);
        }
        for (nth, question) in self.questions.iter().enumerate() {
            let item = place.item(nth, out);
            item.entry(0, "name", out).text(&question.name, "", out);
            let kind = Codes::TYPES.name(question.kind);
            item.entry(1, "type", out).text(&kind, "", out);
            let class = Codes::CLASSES.name(question.class);
            item.entry(2, "class", out).text(&class, "", out);
        }
    }
}

fn print_records(records: &[Record], place: Spot, out: &mut Sink) {
    if records.is_empty() {
        place.value(Class::Plain, "[]", "", out);
    }
    for (nth, record) in records.iter().enumerate() {
        let item = place.item(nth, out);
        item.entry(0, "name", out).text(&record.name, "", out);
        let kind = Codes::TYPES.name(record.kind);
        item.entry(1, "type", out).text(&kind, "", out);
        let class = Codes::CLASSES.name(record.class);
        item.entry(2, "class", out).text(&class, "", out);
        let ttl = record.ttl.to_string();
        item.entry(3, "ttl", out)
            .value(Class::Number, &ttl, "", out);
        record.data.print(item.entry(4, "data", out), out);
    }
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    let bytes = data.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn u16(&mut self) -> Option<u16> {
        let number = u16_at(self.data, self.at)?;
        self.at += 2;
        Some(number)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    fn name(&mut self) -> Option<String> {
        let (name, end) = names::read(self.data, self.at)?;
        self.at = end;
        Some(name)
    }

    /// A record, and how many bytes of data it has.
    fn record(&mut self) -> Option<(Record, usize)> {
        let (name, kind) = (self.name()?, self.u16()?);
        let (class, ttl, len) = (self.u16()?, self.u32()?, usize::from(self.u16()?));
        let start = self.at;
        let end = start.checked_add(len)?;
        self.data.get(start..end)?;
        self.at = end;
        let record = Record {
            name,
            kind,
            class,
            ttl,
            data: Data::read(kind, self.data, start, end)?,
        };
        Some((record, len))
    }
}

#[cfg(test)]
mod tests;
