//! gRPC, gRPC-Web and Connect streams: messages, each after a byte of flags and its length in four bytes.
//!
//! A message may be compressed on its own. It is shown as protobuf, or as JSON where the content type says so, each as a
//! document of YAML; trailers that gRPC-Web and Connect send at the end of the body are shown as such. Edited messages are
//! not compressed; trailers stay as they were.

mod base64;
mod edit;

use prost_reflect::MessageDescriptor;
use ratel_flow::Headers;
use ratel_flow::content::{self, Codings, End};

use super::{hex, json, protobuf};
use crate::registry::{complain, refuse};
use crate::{Class, ContentView, Editor, Painter, Sink, ViewInput};
use base64::Base64;

/// So many bytes of a message are shown, compressed and not.
const MAX_MESSAGE: usize = protobuf::MAX_BUFFERED;

/// Bytes of flags and length.
const PREFIX: usize = 5;

/// The message is compressed.
const COMPRESSED: u8 = 1;

/// The frame of trailers that ends a gRPC-Web body.
const WEB_TRAILERS: u8 = 0x80;

/// The frame of JSON that ends a Connect stream.
const CONNECT_END: u8 = 2;

/// For bodies of gRPC calls.
pub(crate) struct Grpc;

impl ContentView for Grpc {
    fn name(&self) -> &'static str {
        "gRPC"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = Variant::of(&input.media_type()).is_some();
        if fits && !input.data.is_empty() && input.offset == 0 {
            2.0
        } else {
            0.0
        }
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        let variant = Variant::of(&input.media_type()).unwrap_or(Variant::Grpc);
        Box::new(Printer {
            variant,
            base64: (variant == Variant::WebText).then(Base64::default),
            messages: Messages::of(input, first_message(input.data)),
            state: State::default(),
            at: 0,
            count: 0,
            error: None,
            rest: None,
        })
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

/// The first message, or what is here of it, if it can be read as it is.
fn first_message(data: &[u8]) -> &[u8] {
    match data.split_first_chunk() {
        Some((&[0, a, b, c, d], rest)) => {
            let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            rest.get(..len).unwrap_or(rest)
        }
        _ => &[],
    }
}

/// What differs between the content types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Grpc,
    Web,
    WebText,
    Connect,
}

impl Variant {
    fn of(media_type: &str) -> Option<Self> {
        let subtype = media_type.strip_prefix("application/")?;
        let base = subtype.split('+').next().unwrap_or_default();
        match base {
            "grpc" | "prpc" => Some(Self::Grpc),
            "grpc-web" => Some(Self::Web),
            "grpc-web-text" => Some(Self::WebText),
            "connect" => Some(Self::Connect),
            _ => None,
        }
    }

    /// The flag of the frame that is no message.
    fn end(self) -> u8 {
        match self {
            Self::Grpc => 0,
            Self::Web | Self::WebText => WEB_TRAILERS,
            Self::Connect => CONNECT_END,
        }
    }
}

/// How single messages are shown.
pub(crate) struct Messages {
    schema: Option<MessageDescriptor>,
    is_json: bool,
    encoding: Option<String>,
}

impl Messages {
    /// `sample` is a message, by which a schema is chosen where nothing names one.
    pub(crate) fn of(input: &ViewInput<'_>, sample: &[u8]) -> Self {
        let encoding = input.grpc_encoding.map(str::trim);
        Self {
            schema: protobuf::schema_for(input, sample),
            is_json: input.media_type().ends_with("+json"),
            encoding: encoding
                .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
                .map(str::to_owned),
        }
    }

    /// What the messages are.
    pub(crate) fn schema(&self) -> Option<&MessageDescriptor> {
        self.schema.as_ref()
    }

    /// Whether they are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether there is an encoding.
    pub(crate) fn are_compressed(&self) -> bool {
        self.encoding.is_some()
    }

    /// Prints a message, or the start of one that is `cut`.
    pub(crate) fn print(&self, data: &[u8], cut: bool, compressed: bool, out: &mut Sink) {
        if !compressed {
            return self.content(data, cut, out);
        }
        match self.decode(data, cut, MAX_MESSAGE) {
            Ok((data, cut, note)) => {
                self.content(&data, cut || !note.is_empty(), out);
                if !note.is_empty() {
                    out.set_lossy("a message in it is not complete");
                    complain(out, &note);
                }
            }
            Err(why) => {
                out.set_lossy("a message in it cannot be decompressed");
                complain(out, &why);
                hex::put(data, out);
            }
        }
    }

    /// The message without compression, of `limit` bytes at most; whether it is cut; what is wrong with the rest of it.
    pub(crate) fn decode(
        &self,
        data: &[u8],
        cut: bool,
        limit: usize,
    ) -> Result<(Vec<u8>, bool, String), String> {
        let encoding = self
            .encoding
            .as_deref()
            .ok_or("the message is compressed, and grpc-encoding does not say how")?;
        let mut headers = Headers::new();
        headers.append(b"content-encoding", encoding.as_bytes());
        let codings = Codings::of(&headers)
            .map_err(|_| format!("messages compressed with {encoding} cannot be read"))?;
        let (decoded, end) = content::decode(&codings, data, limit);
        Ok(match end {
            End::Complete => (decoded, cut, String::new()),
            End::Truncated if cut => (decoded, true, String::new()),
            End::Limit => (decoded, true, String::new()),
            End::Truncated => (decoded, true, format!("the {encoding} data end early")),
            End::Damaged(_) => (decoded, true, format!("the {encoding} data are damaged")),
        })
    }

    fn content(&self, data: &[u8], cut: bool, out: &mut Sink) {
        if self.is_json {
            print_json(data, cut, out);
        } else {
            protobuf::print(data, cut, self.schema.as_ref(), out);
        }
    }
}

/// Prints the trailers at the end of a gRPC-Web body.
pub(crate) fn trailers(data: &[u8], out: &mut Sink) {
    for line in data.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        match line.iter().position(|b| *b == b':') {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                out.push_bytes(Class::Name, name);
                out.push(Class::Plain, ": ");
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                out.push_bytes(Class::String, value);
            }
            None => out.push_bytes(Class::Plain, line),
        }
        out.newline();
    }
}

fn print_json(data: &[u8], cut: bool, out: &mut Sink) {
    let mut printer = json::Printer::default();
    printer.feed(data, out);
    printer.finish(!cut, out);
    if printer.failed().is_some() {
        out.set_lossy("a message in it is no JSON");
    }
}

/// What the next byte belongs to.
enum State {
    /// Flags and length.
    Prefix(Vec<u8>),
    /// A message of which `left` bytes have not come.
    Message {
        flags: u8,
        length: u32,
        left: u64,
        /// Its first bytes.
        data: Vec<u8>,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Prefix(Vec::with_capacity(PREFIX))
    }
}

struct Printer {
    variant: Variant,
    base64: Option<Base64>,
    messages: Messages,
    state: State,
    /// Bytes read, base64 undone.
    at: u64,
    /// Messages that have begun.
    count: u64,
    error: Option<String>,
    rest: Option<Box<dyn Painter>>,
}

impl Painter for Printer {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        let Some(base64) = &mut self.base64 else {
            return self.frames(data, out);
        };
        let mut decoded = Vec::new();
        let result = base64.feed(data, &mut decoded);
        self.frames(&decoded, out);
        if let Err(position) = result {
            self.base64 = None;
            if self.rest.is_none() {
                self.fail("the body is not base64".to_owned(), out);
            }
            self.frames(data.get(position..).unwrap_or_default(), out);
        }
    }

    fn finish(&mut self, complete: bool, out: &mut Sink) {
        if let Some(rest) = &mut self.rest {
            rest.finish(complete, out);
            return out.finish();
        }
        match std::mem::take(&mut self.state) {
            State::Prefix(start) if start.is_empty() || !complete => {}
            State::Prefix(_) => {
                out.set_lossy("it ends within the prefix of a message");
                complain(out, "the body ends within the prefix of a message");
            }
            State::Message {
                flags,
                length,
                left,
                data,
            } => {
                self.message(flags, length, &data, true, out);
                if complete {
                    complain(
                        out,
                        &format!("the body ends {left} bytes before the message does"),
                    );
                }
            }
        }
        out.finish();
    }

    fn failed(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

impl Printer {
    fn frames(&mut self, data: &[u8], out: &mut Sink) {
        let mut rest = data;
        while !rest.is_empty() {
            if let Some(painter) = &mut self.rest {
                return painter.feed(rest, out);
            }
            rest = match &mut self.state {
                State::Prefix(start) => {
                    let (now, later) = rest.split_at((PREFIX - start.len()).min(rest.len()));
                    start.extend_from_slice(now);
                    self.at += now.len() as u64;
                    if let Ok([flags, length @ ..]) = <[u8; PREFIX]>::try_from(start.as_slice()) {
                        self.begin(flags, u32::from_be_bytes(length), out);
                    }
                    later
                }
                State::Message { left, data, .. } => {
                    let fits = usize::try_from(*left).map_or(rest.len(), |l| l.min(rest.len()));
                    let (now, later) = rest.split_at(fits);
                    let room = (MAX_MESSAGE - data.len()).min(now.len());
                    data.extend_from_slice(now.get(..room).unwrap_or_default());
                    *left -= now.len() as u64;
                    self.at += now.len() as u64;
                    later
                }
            };
            self.end(out);
        }
    }

    /// Takes note of a prefix.
    fn begin(&mut self, flags: u8, length: u32, out: &mut Sink) {
        if flags & !(COMPRESSED | self.variant.end()) != 0 {
            let why = format!("message {} has unknown flags, {flags:#04x}", self.count + 1);
            return self.fail(why, out);
        }
        self.state = State::Message {
            flags,
            length,
            left: u64::from(length),
            data: Vec::new(),
        };
    }

    /// Prints a message that is complete.
    fn end(&mut self, out: &mut Sink) {
        if !matches!(self.state, State::Message { left: 0, .. }) {
            return;
        }
        if let State::Message {
            flags,
            length,
            data,
            ..
        } = std::mem::take(&mut self.state)
        {
            let cut = data.len() < length as usize;
            self.message(flags, length, &data, cut, out);
        }
    }

    fn message(&mut self, flags: u8, length: u32, data: &[u8], cut: bool, out: &mut Sink) {
        let compressed = flags & COMPRESSED != 0;
        let is_end = flags & self.variant.end() != 0;
        if cut {
            out.set_lossy("a message in it is not complete");
        }
        if is_end && out.is_exact() {
            return;
        }
        if self.count > 0 {
            for line in ["", "---", ""] {
                out.push(Class::Comment, line);
                out.newline();
            }
        }
        self.count += 1;
        let what = match (is_end, compressed) {
            (true, true) => "# trailers, compressed",
            (true, false) => "# trailers",
            (false, true) => "# compressed",
            (false, false) => "",
        };
        if !what.is_empty() {
            out.push(Class::Comment, &format!("{what}, {length} bytes"));
            out.newline();
        }
        if !is_end {
            return self.messages.print(data, cut, compressed, out);
        }
        let decoded;
        let data = if compressed {
            match self.messages.decode(data, cut, MAX_MESSAGE) {
                Ok((data, ..)) => {
                    decoded = data;
                    &decoded
                }
                Err(why) => {
                    complain(out, &why);
                    return hex::put(data, out);
                }
            }
        } else {
            data
        };
        if self.variant == Variant::Connect {
            print_json(data, cut, out);
        } else {
            trailers(data, out);
        }
    }

    /// Says what is wrong; from there on bytes are shown as they are.
    fn fail(&mut self, why: String, out: &mut Sink) {
        let start = match std::mem::take(&mut self.state) {
            State::Prefix(start) => start,
            State::Message {
                flags,
                length,
                data,
                ..
            } => {
                self.message(flags, length, &data, true, out);
                Vec::new()
            }
        };
        refuse(out, "gRPC", &why);
        let mut rest = hex::dump(self.at - start.len() as u64);
        rest.feed(&start, out);
        self.rest = Some(rest);
        self.error = Some(why);
    }
}
