//! Frames of HTTP/3 (RFC 9114) on one stream of a QUIC connection.

use ratel_proto::qpack::{Line, Part, Reader, Reference};

use super::hex;
use crate::registry::refuse;
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Frames that are understood are understood up to this many bytes; longer ones are shown as bytes.
const FRAME_MAX: usize = 256 * 1024;

/// For the bytes of a stream.
pub(crate) struct Http3;

impl ContentView for Http3 {
    fn name(&self) -> &'static str {
        "HTTP/3 Frames"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let speaks =
            |quic: &crate::QuicStream<'_>| quic.alpn == b"h3" || quic.alpn.starts_with(b"h3-");
        let fits = input.quic.as_ref().is_some_and(speaks);
        if fits && input.offset == 0 { 2.0 } else { 0.0 }
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        let is_unidirectional = input.quic.is_some_and(|quic| quic.unidirectional);
        Box::new(Printer {
            state: if is_unidirectional {
                State::Type
            } else {
                State::Head
            },
            head: Vec::new(),
            at: 0,
            any: false,
            error: None,
        })
    }
}

/// What the next byte belongs to.
enum State {
    /// The type of a unidirectional stream (§6.2).
    Type,
    /// The type and the length of a frame (§7.1).
    Head,
    /// A frame that is understood, of which so many bytes have not come.
    Frame { kind: u64, left: u64, data: Vec<u8> },
    /// A frame that is shown as bytes.
    Bytes { left: u64, dump: Box<dyn Painter> },
    /// A stream without frames.
    Rest(Box<dyn Painter>),
}

struct Printer {
    state: State,
    /// The start of a type or head.
    head: Vec<u8>,
    /// Where in the stream the next byte is.
    at: u64,
    any: bool,
    error: Option<String>,
}

impl Painter for Printer {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        let mut rest = data;
        while !rest.is_empty() && !out.is_full() {
            let used = self.step(rest, out);
            self.at += used as u64;
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    fn finish(&mut self, complete: bool, out: &mut Sink) {
        let unfinished = match &mut self.state {
            State::Type | State::Head => (!self.head.is_empty()).then_some(0),
            State::Rest(dump) => {
                dump.finish(complete, out);
                None
            }
            State::Bytes { left, dump } => {
                dump.finish(complete, out);
                Some(*left)
            }
            State::Frame { kind, left, data } => {
                let (kind, data, left) = (*kind, std::mem::take(data), *left);
                frame(kind, &data, true, out);
                Some(left)
            }
        };
        if let (Some(left), true) = (unfinished, complete) {
            let sentence = match left {
                0 => "the stream ends within the head of a frame".to_owned(),
                left => format!("the stream ends {left} bytes before the frame does"),
            };
            crate::registry::complain(out, &sentence);
        }
        out.finish();
    }

    fn failed(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

impl Printer {
    /// Takes some bytes, and says how many.
    fn step(&mut self, data: &[u8], out: &mut Sink) -> usize {
        match &mut self.state {
            State::Type => {
                self.head.extend(data.first());
                if let Some((kind, _)) = varint(&self.head) {
                    self.head.clear();
                    self.stream(kind, out);
                }
                1
            }
            State::Head => {
                self.head.extend(data.first());
                let numbers = varint(&self.head).and_then(|(kind, used)| {
                    let (length, _) = varint(self.head.get(used..)?)?;
                    Some((kind, length))
                });
                if let Some((kind, length)) = numbers {
                    self.head.clear();
                    self.begin(kind, length, out);
                }
                1
            }
            State::Frame {
                kind,
                left,
                data: collected,
            } => {
                let now = fitting(data, *left);
                collected.extend_from_slice(now);
                *left -= now.len() as u64;
                if *left == 0 {
                    let (kind, collected) = (*kind, std::mem::take(collected));
                    frame(kind, &collected, false, out);
                    self.state = State::Head;
                }
                now.len()
            }
            State::Bytes { left, dump } => {
                let now = fitting(data, *left);
                dump.feed(now, out);
                *left -= now.len() as u64;
                let used = now.len();
                if *left == 0 {
                    dump.finish(true, out);
                    self.state = State::Head;
                }
                used
            }
            State::Rest(dump) => {
                dump.feed(data, out);
                data.len()
            }
        }
    }

    /// Says what a unidirectional stream is for (§6.2, RFC 9204 §4.2).
    fn stream(&mut self, kind: u64, out: &mut Sink) {
        let name = match kind {
            0 => "Control Stream".to_owned(),
            1 => "Push Stream".to_owned(),
            2 => "QPACK Encoder Stream".to_owned(),
            3 => "QPACK Decoder Stream".to_owned(),
            other => format!("{other:#x} Stream"),
        };
        out.push(Class::Name, &name);
        out.newline();
        self.any = true;
        self.state = if kind == 0 {
            State::Head
        } else {
            // The identifier of a push comes first.
            State::Rest(hex::dump(0))
        };
    }

    fn begin(&mut self, kind: u64, length: u64, out: &mut Sink) {
        if std::mem::replace(&mut self.any, true) {
            out.newline();
        } else if is_reserved(kind) {
            // What begins like this is another protocol.
            let why = "the stream does not begin with a frame of HTTP/3";
            refuse(out, "HTTP/3 Frames", why);
            self.error = Some(why.to_owned());
        }
        out.push(Class::Name, &format!("{} Frame", frame_name(kind)));
        out.newline();
        let is_understood = matches!(kind, 1 | 3 | 4 | 5 | 7 | 0xd | 0xf0700 | 0xf0701);
        self.state = if length == 0 {
            State::Head
        } else if is_understood && length <= FRAME_MAX as u64 {
            State::Frame {
                kind,
                left: length,
                data: Vec::new(),
            }
        } else {
            State::Bytes {
                left: length,
                dump: hex::dump(0),
            }
        };
    }
}

/// Frames of HTTP/2 that HTTP/3 does without (§7.2.8).
fn is_reserved(kind: u64) -> bool {
    matches!(kind, 2 | 6 | 8 | 9)
}

/// The first bytes, at most so many.
fn fitting(data: &[u8], left: u64) -> &[u8] {
    let len = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
    data.get(..len).unwrap_or(data)
}

/// A number of QUIC and how long it is (RFC 9000 §16).
fn varint(data: &[u8]) -> Option<(u64, usize)> {
    let first = *data.first()?;
    let len = 1 << (first >> 6);
    let rest = data.get(1..len)?;
    let number = rest
        .iter()
        .fold(u64::from(first & 0x3f), |sum, b| sum << 8 | u64::from(*b));
    Some((number, len))
}

fn frame_name(kind: u64) -> String {
    match kind {
        0 => "DATA".to_owned(),
        1 => "HEADERS".to_owned(),
        3 => "CANCEL_PUSH".to_owned(),
        4 => "SETTINGS".to_owned(),
        5 => "PUSH_PROMISE".to_owned(),
        7 => "GOAWAY".to_owned(),
        0xd => "MAX_PUSH_ID".to_owned(),
        0xf0700 | 0xf0701 => "PRIORITY_UPDATE".to_owned(),
        other => format!("{other:#x}"),
    }
}

/// Prints what a frame says, or the start of it.
fn frame(kind: u64, data: &[u8], cut: bool, out: &mut Sink) {
    let printed = match kind {
        1 => fields(data, cut, out),
        4 => settings(data, cut, out),
        3 | 7 | 0xd => identifier(data, out).map(|_| ()),
        5 => identifier(data, out)
            .and_then(|used| fields(data.get(used..).unwrap_or_default(), cut, out)),
        _ => priority(data, out),
    };
    if let Err(why) = printed {
        crate::registry::complain(out, &why);
        hex::put(data, out);
    }
}

/// A number, and how many bytes it takes.
fn identifier(data: &[u8], out: &mut Sink) -> Result<usize, String> {
    let (number, used) = varint(data).ok_or("the number in the frame ends early")?;
    out.push(Class::Number, &number.to_string());
    out.newline();
    Ok(used)
}

/// What a priority is for, and the priority (RFC 9218 §7.2).
fn priority(data: &[u8], out: &mut Sink) -> Result<(), String> {
    let (number, used) = varint(data).ok_or("the number in the frame ends early")?;
    out.push(Class::Number, &number.to_string());
    out.push(Class::Plain, ": ");
    out.push_bytes(Class::String, data.get(used..).unwrap_or_default());
    out.newline();
    Ok(())
}

fn settings(mut data: &[u8], cut: bool, out: &mut Sink) -> Result<(), String> {
    // All of them first, since what is wrong makes the frame something else.
    let mut settings = Vec::new();
    while !data.is_empty() {
        let pair = varint(data).and_then(|(name, used)| {
            let (value, more) = varint(data.get(used..)?)?;
            Some((name, value, used + more))
        });
        let Some((name, value, used)) = pair else {
            if cut {
                break;
            }
            return Err("the settings end early".to_owned());
        };
        settings.push((name, value));
        data = data.get(used..).unwrap_or_default();
    }
    for (name, value) in settings {
        let name = match name {
            0x1 => "QPACK_MAX_TABLE_CAPACITY".to_owned(),
            0x6 => "MAX_FIELD_SECTION_SIZE".to_owned(),
            0x7 => "QPACK_BLOCKED_STREAMS".to_owned(),
            0x8 => "ENABLE_CONNECT_PROTOCOL".to_owned(),
            0x33 => "H3_DATAGRAM".to_owned(),
            0x2b60_3742 => "ENABLE_WEBTRANSPORT".to_owned(),
            0xc671_706a => "WEBTRANSPORT_MAX_SESSIONS".to_owned(),
            other => format!("{other:#x}"),
        };
        out.push(Class::Name, &name);
        out.push(Class::Plain, ": ");
        out.push(Class::Number, &format!("{value:#x}"));
        out.newline();
    }
    Ok(())
}

fn fields(data: &[u8], cut: bool, out: &mut Sink) -> Result<(), String> {
    let reader = Reader::new(data).map_err(|error| error.to_string())?;
    for line in reader.clone() {
        if let (Err(error), false) = (&line, cut) {
            return Err(format!("the fields cannot be read: {error}"));
        }
    }
    for line in reader.map_while(Result::ok) {
        let Line { name, value } = line;
        part(Class::Name, &name, out);
        // An entry of the table is name and value.
        if name != value || matches!(name, Part::Known(_)) {
            out.push(Class::Plain, ": ");
            part(Class::String, &value, out);
        }
        out.newline();
        if out.is_full() {
            break;
        }
    }
    Ok(())
}

fn part(class: Class, part: &Part<'_>, out: &mut Sink) {
    match part {
        Part::Known(text) => out.push_bytes(class, text),
        Part::Dynamic(reference) => {
            let entry = match reference {
                Reference::Relative(nth) => format!("<entry {nth} of the dynamic table>"),
                Reference::PostBase(nth) => {
                    format!("<entry {nth} after the base of the dynamic table>")
                }
            };
            out.push(Class::Comment, &entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Line, QuicStream, ViewInput, render};

    fn stream(data: &[u8], unidirectional: bool) -> String {
        let input = ViewInput {
            data,
            complete: true,
            quic: Some(QuicStream {
                alpn: b"h3",
                unidirectional,
            }),
            max_lines: 1000,
            ..ViewInput::default()
        };
        let document = render(None, &input);
        let lines: Vec<String> = document.lines.iter().map(Line::text).collect();
        format!("--{}--\n{}", document.view_name, lines.join("\n"))
    }

    #[test]
    fn a_request_has_fields_and_data() {
        let data =
            b"\x01\x12\x00\x00\xd1\xd7\x50\x09localhost\xc1\x80\x10\x00\x05hello\x40\x21\x01x";
        insta::assert_snapshot!(stream(data, false), @r"
        --HTTP/3 Frames--
        HEADERS Frame
        :method: GET
        :scheme: https
        :authority: localhost
        :path: /
        <entry 0 of the dynamic table>
        <entry 0 after the base of the dynamic table>

        DATA Frame
        0000:   68 65 6c 6c  6f                                      hello

        0x21 Frame
        0000:   78                                                   x
        ");
    }

    #[test]
    fn streams_of_one_direction_say_what_they_are_for() {
        let control =
            b"\x00\x04\x07\x01\x00\x06\x40\x64\x33\x01\x07\x01\x08\x80\x0f\x07\x00\x04\x00u=1";
        insta::assert_snapshot!(stream(control, true), @r"
        --HTTP/3 Frames--
        Control Stream

        SETTINGS Frame
        QPACK_MAX_TABLE_CAPACITY: 0x0
        MAX_FIELD_SECTION_SIZE: 0x64
        H3_DATAGRAM: 0x1

        GOAWAY Frame
        8

        PRIORITY_UPDATE Frame
        0: u=1
        ");
        assert!(
            stream(b"\x02\x3f\xe1\x1f", true).contains("QPACK Encoder Stream\n0000:   3f e1 1f")
        );
        assert!(stream(b"\x40\x54\x00abc", true).contains("0x54 Stream"));
    }

    #[test]
    fn what_is_wrong_is_said_and_shown() {
        for (data, said) in [
            (
                &b"\x01\x03\0\0\xff"[..],
                "the fields cannot be read: they end in the middle of a field",
            ),
            (b"\x04\x01\x06", "the settings end early"),
            (
                b"\x00\x05he",
                "the stream ends 3 bytes before the frame does",
            ),
            (b"\x00", "the stream ends within the head of a frame"),
            (
                b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00",
                "bytes before the frame does",
            ),
        ] {
            let shown = stream(data, false);
            assert!(shown.contains(said), "{data:?}: {shown}");
        }
        assert!(stream(b"\x02\x01x", false).starts_with("--Raw--"));
        assert!(stream(&[0; 100_000], false).lines().count() <= 1001);
    }
}
