//! Socket.IO over WebSockets: packets of Engine.IO (<https://socket.io/docs/v4/engine-io-protocol/>) with those of Socket.IO
//! (<https://socket.io/docs/v4/socket-io-protocol/>) in them.

use super::whole::{Beyond, Whole};
use super::{hex, json};
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Between the packets of a body that was asked for by polling.
const SEPARATOR: u8 = 0x1e;

/// For messages of such a connection, and for bodies by those who choose it.
pub(crate) struct SocketIo;

impl ContentView for SocketIo {
    fn name(&self) -> &'static str {
        "Socket.IO"
    }

    fn priority(&self, _: &ViewInput<'_>) -> f32 {
        // It is for messages, not for bodies.
        0.0
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Text, |data, cut, out| {
            let packets: Option<Vec<_>> = data.split(|b| *b == SEPARATOR).map(Packet::of).collect();
            let packets = packets.ok_or("this is no packet of Socket.IO")?;
            let last = packets.len().saturating_sub(1);
            for (nth, packet) in packets.iter().enumerate() {
                packet.print(nth < last || !cut, out);
            }
            Ok(())
        })
    }
}

/// Whether the messages of a connection that was asked for by that path are such packets.
pub(crate) fn fits(input: &ViewInput<'_>) -> bool {
    is_asked_for(input) && Packet::of(input.data).is_some()
}

/// Whether a connection was asked for by the path that Socket.IO has.
pub(crate) fn is_asked_for(input: &ViewInput<'_>) -> bool {
    input.path.is_some_and(|path| path.contains("/socket.io/?"))
}

/// Prints a binary message, which belongs to the event before it.
pub(crate) fn attachment(input: &ViewInput<'_>, out: &mut Sink) {
    // The third version of Engine.IO has the type of the packet in front.
    let is_old = input.path.is_some_and(|path| path.contains("EIO=3"));
    let data = match input.data.split_first() {
        Some((4, data)) if is_old => data,
        _ => input.data,
    };
    out.push(Class::Name, "SocketIO.ATTACHMENT");
    out.push(Class::Plain, &format!(" {} bytes", data.len()));
    out.newline();
    hex::put(data, out);
}

/// A packet in a message.
pub(crate) struct Packet<'a> {
    /// `SocketIO.EVENT`, with the namespace and the number of what is to be confirmed.
    pub(crate) name: String,
    /// JSON mostly.
    pub(crate) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(crate) fn of(data: &'a [u8]) -> Option<Self> {
        const ENGINE: [&str; 7] = [
            "OPEN", "CLOSE", "PING", "PONG", "MESSAGE", "UPGRADE", "NOOP",
        ];
        const SOCKET: [&str; 7] = [
            "CONNECT",
            "DISCONNECT",
            "EVENT",
            "ACK",
            "CONNECT_ERROR",
            "BINARY_EVENT",
            "BINARY_ACK",
        ];
        let named = |names: &[&'static str], first: &u8| {
            let nth = first.checked_sub(b'0').map(usize::from)?;
            names.get(nth).copied()
        };
        let (first, rest) = data.split_first()?;
        let engine = named(&ENGINE, first)?;
        if engine != "MESSAGE" {
            let name = format!("EngineIO.{engine}");
            return Some(Self {
                name,
                payload: rest,
            });
        }
        let (first, rest) = rest.split_first()?;
        let mut name = format!("SocketIO.{}", named(&SOCKET, first)?);
        let mut payload = rest;
        let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
        let count = digits(payload);
        if count > 0 && payload.get(count) == Some(&b'-') {
            payload = payload.get(count + 1..).unwrap_or_default();
        }
        if payload.first() == Some(&b'/') {
            let end = payload.iter().position(|b| *b == b',');
            let (space, after) = payload.split_at(end.unwrap_or(payload.len()));
            name.push(' ');
            name.push_str(&String::from_utf8_lossy(space));
            payload = after.strip_prefix(b",").unwrap_or(after);
        }
        let count = digits(payload);
        if count > 0 {
            let (number, after) = payload.split_at(count);
            name.push_str(" #");
            name.push_str(&String::from_utf8_lossy(number));
            payload = after;
        }
        Some(Self { name, payload })
    }

    pub(crate) fn print(&self, complete: bool, out: &mut Sink) {
        out.push(Class::Name, &self.name);
        if self.payload.is_empty() {
            return out.newline();
        }
        if json::is_container(self.payload, complete) {
            out.newline();
            let mut printer = json::Printer::default();
            printer.feed(self.payload, out);
            printer.finish(complete, out);
        } else {
            out.push(Class::Plain, " ");
            out.push_bytes(Class::String, self.payload);
            out.newline();
        }
    }
}

#[cfg(test)]
mod tests {
    use ratel_flow::MessageKind;

    use crate::{Line, ViewInput, preview, render_message};

    fn input(data: &[u8]) -> ViewInput<'_> {
        ViewInput {
            data,
            complete: true,
            path: Some("/socket.io/?EIO=4&transport=websocket"),
            max_lines: 100,
            ..ViewInput::default()
        }
    }

    fn shown(data: &[u8]) -> String {
        let document = render_message(MessageKind::Text, &input(data));
        let lines: Vec<String> = document.lines.iter().map(Line::text).collect();
        lines.join("\n")
    }

    #[test]
    fn packets_have_names() {
        insta::assert_snapshot!(shown(b"42/chat,17[\"say\",{\"a\":1}]"), @r#"
        SocketIO.EVENT /chat #17
        [
            "say",
            {
                "a": 1
            }
        ]
        "#);
        assert_eq!(shown(b"2probe"), "EngineIO.PING probe");
        assert_eq!(shown(b"41"), "SocketIO.DISCONNECT");
        assert_eq!(
            shown(b"451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]")
                .lines()
                .count(),
            8
        );
        let attached = ViewInput {
            path: Some("/socket.io/?EIO=3"),
            ..input(b"\x04\x01\xff")
        };
        let document = render_message(MessageKind::Binary, &attached);
        let lines: Vec<String> = document.lines.iter().map(Line::text).collect();
        assert_eq!(lines[0], "SocketIO.ATTACHMENT 2 bytes");
        assert!(lines[1].starts_with("0000:   01 ff "));
        let body = crate::render(Some("socket.io"), &input(b"0{\"sid\":1}\x1e2\x1e40"));
        assert_eq!(body.lines.len(), 6);
        // What is none is a text like others.
        for text in [&b"4"[..], b"49", b"9", b"hello"] {
            assert_eq!(shown(text), String::from_utf8_lossy(text));
        }
        let line = preview(MessageKind::Text, &input(b"42[\"say\", 1]"), 80);
        assert_eq!(line, "SocketIO.EVENT [\"say\", 1]");
    }
}
