//! DNS messages (RFC 1035), as YAML.

use super::whole::{Beyond, Whole};
use super::yaml;
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Questions and records read of one message.
const RECORDS_MAX: usize = 1000;

/// Labels of one name, pointers included (RFC 1035 §4.1.4): more would be a loop.
const LABELS_MAX: usize = 128;

/// For `application/dns-message` (RFC 8484).
pub(crate) struct Dns;

impl ContentView for Dns {
    fn name(&self) -> &'static str {
        "DNS"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "application/dns-message";
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Nothing, |data, _, out| {
            let message =
                Message::read(data).ok_or("the message ends early, or a name in it has no end")?;
            message.print(out);
            Ok(())
        })
    }
}

struct Message {
    id: u16,
    flags: u16,
    questions: Vec<Vec<(&'static str, String)>>,
    /// Answers, authorities, additionals.
    records: [Vec<Vec<(&'static str, String)>>; 3],
    size: usize,
}

impl Message {
    fn read(data: &[u8]) -> Option<Self> {
        let mut reader = Reader { data, at: 12 };
        let number = |at: usize| big(data, at, 2).and_then(|n| u16::try_from(n).ok());
        let mut questions = Vec::new();
        for _ in 0..usize::from(number(4)?).min(RECORDS_MAX) {
            let name = reader.name()?;
            let [kind, class] = [reader.number(2)?, reader.number(2)?];
            questions.push(vec![
                ("name", name),
                ("type", kind_name(kind)),
                ("class", class_name(class)),
            ]);
        }
        let mut records = [Vec::new(), Vec::new(), Vec::new()];
        for (nth, list) in records.iter_mut().enumerate() {
            for _ in 0..usize::from(number(6 + 2 * nth)?).min(RECORDS_MAX) {
                list.push(reader.record()?);
            }
        }
        Some(Self {
            id: number(0)?,
            flags: number(2)?,
            questions,
            records,
            size: data.len(),
        })
    }

    fn print(&self, out: &mut Sink) {
        let Self { id, flags, .. } = self;
        fact("id", &id.to_string(), out);
        let is_query = flags & 0x8000 == 0;
        boolean("query", is_query, out);
        let op_code = match flags >> 11 & 15 {
            0 => "QUERY".to_owned(),
            1 => "IQUERY".to_owned(),
            2 => "STATUS".to_owned(),
            4 => "NOTIFY".to_owned(),
            5 => "UPDATE".to_owned(),
            other => other.to_string(),
        };
        fact("op_code", &op_code, out);
        for (name, bit) in [
            ("authoritative_answer", 0x0400),
            ("truncation", 0x0200),
            ("recursion_desired", 0x0100),
            ("recursion_available", 0x0080),
        ] {
            boolean(name, flags & bit != 0, out);
        }
        let response_code = match flags & 15 {
            0 => "NOERROR".to_owned(),
            1 => "FORMERR".to_owned(),
            2 => "SERVFAIL".to_owned(),
            3 => "NXDOMAIN".to_owned(),
            4 => "NOTIMP".to_owned(),
            5 => "REFUSED".to_owned(),
            other => other.to_string(),
        };
        fact("response_code", &response_code, out);
        let [answers, authorities, additionals] = &self.records;
        for (name, list) in [
            ("questions", &self.questions),
            ("answers", answers),
            ("authorities", authorities),
            ("additionals", additionals),
        ] {
            print_list(name, list, out);
        }
        fact("size", &self.size.to_string(), out);
    }
}

fn print_list(name: &str, list: &[Vec<(&'static str, String)>], out: &mut Sink) {
    out.push(Class::Name, name);
    if list.is_empty() {
        out.push(Class::Plain, ": []");
        return out.newline();
    }
    out.push(Class::Plain, ":");
    out.newline();
    for fields in list {
        for (nth, (name, value)) in fields.iter().enumerate() {
            out.push(Class::Plain, if nth == 0 { "- " } else { "  " });
            fact(name, value, out);
        }
    }
}

fn fact(name: &str, value: &str, out: &mut Sink) {
    out.push(Class::Name, name);
    out.push(Class::Plain, ": ");
    if value.parse::<u64>().is_ok() {
        out.push(Class::Number, value);
    } else {
        out.push(Class::String, &yaml::scalar(value));
    }
    out.newline();
}

fn boolean(name: &str, value: bool, out: &mut Sink) {
    out.push(Class::Name, name);
    out.push(Class::Plain, ": ");
    out.push(Class::Boolean, if value { "true" } else { "false" });
    out.newline();
}

/// A number of so many bytes, the largest first.
fn big(data: &[u8], at: usize, bytes: usize) -> Option<usize> {
    let taken = data.get(at..at.checked_add(bytes)?)?;
    Some(taken.iter().fold(0, |sum, b| sum << 8 | usize::from(*b)))
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self, bytes: usize) -> Option<usize> {
        let number = big(self.data, self.at, bytes)?;
        self.at += bytes;
        Some(number)
    }

    fn name(&mut self) -> Option<String> {
        let (name, end) = name_at(self.data, self.at)?;
        self.at = end;
        Some(name)
    }

    fn record(&mut self) -> Option<Vec<(&'static str, String)>> {
        let name = self.name()?;
        let [kind, class, ttl, len] = [
            self.number(2)?,
            self.number(2)?,
            self.number(4)?,
            self.number(2)?,
        ];
        let start = self.at;
        let data = self.data.get(start..start + len)?;
        self.at += len;
        Some(vec![
            ("name", name),
            ("type", kind_name(kind)),
            ("class", class_name(class)),
            ("ttl", ttl.to_string()),
            ("data", shown(self.data, start, kind, data)),
        ])
    }
}

/// The name that stands there, and where it ends.
fn name_at(data: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut name, mut end) = (String::new(), None);
    for _ in 0..LABELS_MAX {
        let len = usize::from(*data.get(at)?);
        match len {
            0 => return Some((name, end.unwrap_or(at + 1))),
            1..=63 => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&yaml::text(data.get(at + 1..at + 1 + len)?));
                at += 1 + len;
            }
            0xc0.. => {
                end.get_or_insert(at + 2);
                at = big(data, at, 2)? & 0x3fff;
            }
            _ => return None,
        }
    }
    None
}

/// The data of a record by its type; what has no form of its own in hexadecimal.
fn shown(message: &[u8], start: usize, kind: usize, data: &[u8]) -> String {
    let name = |skip| name_at(message, start + skip).map(|(name, _)| name);
    let text = match (kind, data) {
        (1, [a, b, c, d]) => Some(format!("{a}.{b}.{c}.{d}")),
        (28, data) => <[u8; 16]>::try_from(data)
            .ok()
            .map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        (2 | 5 | 12, _) => name(0),
        (15, _) => big(data, 0, 2)
            .zip(name(2))
            .map(|(preference, name)| format!("{preference} {name}")),
        (16, _) => Some(texts(data)),
        (_, []) => Some(String::new()),
        _ => None,
    };
    text.unwrap_or_else(|| {
        let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("0x{hex}")
    })
}

/// The strings of a TXT record, joined.
fn texts(mut data: &[u8]) -> String {
    let mut text = Vec::new();
    while let Some((len, rest)) = data.split_first() {
        let (piece, after) = rest.split_at(usize::from(*len).min(rest.len()));
        text.extend_from_slice(piece);
        data = after;
    }
    yaml::text(&text)
}

fn kind_name(kind: usize) -> String {
    let name = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        41 => "OPT",
        43 => "DS",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        255 => "ANY",
        257 => "CAA",
        other => return format!("TYPE{other}"),
    };
    name.to_owned()
}

fn class_name(class: usize) -> String {
    match class {
        1 => "IN".to_owned(),
        3 => "CH".to_owned(),
        4 => "HS".to_owned(),
        255 => "ANY".to_owned(),
        other => format!("CLASS{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::shown;

    const TYPE: &str = "application/dns-message";

    #[test]
    fn an_answer_is_read_with_its_compressed_names() {
        let answer = b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\x01\x07example\x03org\0\0\x01\0\x01\
            \xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\x7f\0\0\x01\
            \xc0\x0c\0\x0f\0\x01\0\0\0\x01\0\x07\0\x0a\x02mx\xc0\x0c\
            \0\0\x29\x10\0\0\0\0\0\0\0";
        insta::assert_snapshot!(shown(TYPE, answer), @r"
        id: 4660
        query: false
        op_code: QUERY
        authoritative_answer: false
        truncation: false
        recursion_desired: true
        recursion_available: true
        response_code: NOERROR
        questions:
        - name: example.org
          type: A
          class: IN
        answers:
        - name: example.org
          type: A
          class: IN
          ttl: 3600
          data: 127.0.0.1
        - name: example.org
          type: MX
          class: IN
          ttl: 1
          data: 10 mx.example.org
        authorities: []
        additionals:
        - name: ''
          type: OPT
          class: CLASS4096
          ttl: 0
          data: ''
        size: 75
        ");
    }

    #[test]
    fn loops_and_ends_are_seen() {
        let header = b"\0\0\0\0\0\x01\0\0\0\0\0\0";
        for name in [
            &b"\xc0\x0c\0\x01\0\x01"[..],
            b"\x3f",
            b"\x80",
            b"",
            b"\x01a",
        ] {
            assert!(!shown(TYPE, [&header[..], name].concat()).contains("questions"));
        }
        let many = [
            &b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            &[0; 500_000],
        ]
        .concat();
        assert_eq!(shown(TYPE, many).lines().count(), 1000);
    }
}
