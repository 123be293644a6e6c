//! MQTT (OASIS MQTT 3.1.1, and what 5.0 has in common with it): the packets of one side.

use super::whole::{Beyond, Whole};
use super::yaml;
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Packets that are shown; a packet may have two bytes.
const PACKETS_MAX: usize = 100_000;

/// For those who choose it: nothing on the wire says that bytes are MQTT.
pub(crate) struct Mqtt;

impl ContentView for Mqtt {
    fn name(&self) -> &'static str {
        "MQTT"
    }

    fn priority(&self, _: &ViewInput<'_>) -> f32 {
        0.0
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Nothing, |data, cut, out| {
            let mut rest = data;
            let mut packets = Vec::new();
            while packets.len() < PACKETS_MAX
                && let Some((packet, after)) = Packet::split(rest)
            {
                packets.push(packet);
                rest = after;
            }
            if packets.is_empty() {
                return Err("there is no MQTT packet".into());
            }
            if !rest.is_empty() && !cut && packets.len() < PACKETS_MAX {
                return Err("the last packet ends early".into());
            }
            packets.iter().for_each(|packet| packet.print(out));
            Ok(())
        })
    }
}

/// A packet: its first byte, and what follows its length (§2.2).
struct Packet<'a> {
    first: u8,
    content: &'a [u8],
}

impl<'a> Packet<'a> {
    /// The first packet, and what comes after it.
    fn split(data: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (first, mut rest) = data.split_first()?;
        let mut len = 0_usize;
        for place in 0..4 {
            let (byte, after) = rest.split_first()?;
            len |= usize::from(byte & 0x7f) << (7 * place);
            rest = after;
            if byte & 0x80 == 0 {
                let (content, after) = rest.split_at_checked(len)?;
                let first = *first;
                return Some((Self { first, content }, after));
            }
        }
        None
    }

    fn name(&self) -> &'static str {
        const NAMES: [&str; 16] = [
            "RESERVED",
            "CONNECT",
            "CONNACK",
            "PUBLISH",
            "PUBACK",
            "PUBREC",
            "PUBREL",
            "PUBCOMP",
            "SUBSCRIBE",
            "SUBACK",
            "UNSUBSCRIBE",
            "UNSUBACK",
            "PINGREQ",
            "PINGRESP",
            "DISCONNECT",
            "AUTH",
        ];
        NAMES[usize::from(self.first >> 4)]
    }

    fn print(&self, out: &mut Sink) {
        out.push(Class::Name, &format!("[{}]", self.name()));
        let printed = match self.first >> 4 {
            1 => self.connect(out),
            3 => self.publish(out),
            8 => self.subscribe(out),
            _ => None,
        };
        if printed.is_none() && !self.content.is_empty() {
            out.push(Class::Comment, &format!(" {} bytes", self.content.len()));
        }
        out.newline();
    }

    /// §3.1: who connects, and what is to be said when it is gone.
    fn connect(&self, out: &mut Sink) -> Option<()> {
        let mut fields = Fields(self.content);
        let protocol = fields.text()?;
        let level = fields.number(1)?;
        let flags = fields.number(1)?;
        fields.number(2)?;
        if level >= 5 {
            let len = fields.length()?;
            fields.take(len)?;
        }
        let client = fields.text()?;
        out.push(Class::Plain, &format!(" {} {level}", yaml::text(protocol)));
        fact("Client Id", client, out);
        if flags & 4 != 0 {
            if level >= 5 {
                let len = fields.length()?;
                fields.take(len)?;
            }
            fact("Will Topic", fields.text()?, out);
            fact("Will Message", fields.text()?, out);
        }
        if flags & 0x80 != 0 {
            fact("User Name", fields.text()?, out);
        }
        if flags & 0x40 != 0 {
            fact("Password", fields.text()?, out);
        }
        Some(())
    }

    /// §3.3: a message for a topic.
    fn publish(&self, out: &mut Sink) -> Option<()> {
        let mut fields = Fields(self.content);
        let topic = fields.text()?;
        // Only messages that are to be confirmed have a number.
        if self.first & 6 != 0 {
            fields.number(2)?;
        }
        out.push(Class::Plain, " ");
        out.push(Class::String, &yaml::scalar(&yaml::text(fields.0)));
        out.push(Class::Plain, " to topic ");
        out.push(Class::String, &yaml::scalar(&yaml::text(topic)));
        Some(())
    }

    /// §3.8: topics with the quality of service that is asked for.
    fn subscribe(&self, out: &mut Sink) -> Option<()> {
        let mut fields = Fields(self.content);
        fields.number(2)?;
        let mut topics = Vec::new();
        while !fields.0.is_empty() {
            topics.push(yaml::scalar(&yaml::text(fields.text()?)));
            fields.number(1)?;
        }
        out.push(Class::Plain, " topic filters: ");
        out.push(Class::String, &topics.join(", "));
        Some(())
    }
}

fn fact(name: &str, value: &[u8], out: &mut Sink) {
    out.newline();
    out.push(Class::Name, &format!("    {name}"));
    out.push(Class::Plain, ": ");
    out.push(Class::String, &yaml::scalar(&yaml::text(value)));
}

/// What is left of a packet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        let taken = self.take(bytes)?;
        Some(taken.iter().fold(0, |sum, b| sum << 8 | usize::from(*b)))
    }

    /// Text or bytes after their length in two bytes (§1.5.3).
    fn text(&mut self) -> Option<&'a [u8]> {
        let len = self.number(2)?;
        self.take(len)
    }

    /// A number in bytes of seven bits (MQTT 5.0 §1.5.5).
    fn length(&mut self) -> Option<usize> {
        let mut len = 0;
        for place in 0..4 {
            let byte = self.number(1)?;
            len |= (byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(len);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::{Line, ViewInput, render};

    fn shown(data: &[u8]) -> String {
        let input = ViewInput {
            data,
            complete: true,
            max_lines: 100,
            ..ViewInput::default()
        };
        let document = render(Some("mqtt"), &input);
        let lines: Vec<String> = document.lines.iter().map(Line::text).collect();
        lines.join("\n")
    }

    #[test]
    fn packets_are_told_apart() {
        let data = b"\x10\x1c\0\x04MQTT\x04\xc6\0\x3c\0\x02id\0\x01w\0\x03bye\0\x01u\0\x01p\
            \x82\x08\0\x01\0\x03a/#\0\x30\x08\0\x03a/b{1}\xc0\0\x40\x02\0\x01";
        insta::assert_snapshot!(shown(data), @r"
        [CONNECT] MQTT 4
            Client Id: id
            Will Topic: w
            Will Message: bye
            User Name: u
            Password: p
        [SUBSCRIBE] topic filters: a/#
        [PUBLISH] '{1}' to topic a/b
        [PINGREQ]
        [PUBACK] 2 bytes
        ");
    }

    #[test]
    fn what_is_no_mqtt_is_shown_as_it_is() {
        for data in [&b"\x10"[..], b"\x10\xff\xff\xff\xff\xff", b"\x30\x05abc"] {
            assert!(shown(data).contains("no MQTT packet"), "{data:?}");
        }
        assert!(shown(b"\xc0\0\x30\x05abc").contains("ends early"));
    }
}
