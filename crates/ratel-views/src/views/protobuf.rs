//! Protocol buffers, field by field.
//!
//! The wire format says of a field its number and how long it is, not what it is called or means. A schema says that;
//! without one, whether bytes are text, a message or neither is guessed. Fields are shown in the order and as often as
//! they were sent, those that the schema does not know by number. A message that breaks off is shown as far as it goes.

mod fields;
mod value;
mod wire;

use prost_reflect::MessageDescriptor;

use super::hex;
use crate::registry::complain;
use crate::{ContentView, Painter, Sink, ViewInput};
use fields::End;
pub(crate) use fields::message;
pub(crate) use value::{Guess, guess, hex};
pub(crate) use wire::UNKNOWN;
use wire::{Reader, Stop, Value};

/// A field of which so many bytes are here is shown, though it goes on.
pub(crate) const MAX_BUFFERED: usize = 4 * 1024 * 1024;

/// For a message in protobuf.
pub(crate) struct Protobuf;

impl ContentView for Protobuf {
    fn name(&self) -> &'static str {
        "Protobuf"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let media_type = input.media_type();
        let is_protobuf = match media_type.strip_prefix("application/") {
            Some(
                "protobuf" | "x-protobuf" | "proto" | "x-google-protobuf" | "vnd.google.protobuf",
            ) => true,
            Some(subtype) => subtype.ends_with("+protobuf") || subtype.ends_with("+proto"),
            None => false,
        };
        if is_protobuf && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        Box::new(Printer::new(schema(input)))
    }
}

/// The message that bytes are: as the content type names it, or by the path of the request.
pub(crate) fn schema(input: &ViewInput<'_>) -> Option<MessageDescriptor> {
    let schemas = input.schemas?;
    let parameters = input.content_type.unwrap_or_default().split(';').skip(1);
    let named = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| {
            let name = name.trim();
            ["messagetype", "proto"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        })
        .find_map(|(_, value)| schemas.named(value.trim().trim_matches('"')));
    named.or_else(|| schemas.of_path(input.path?, input.side?))
}

/// Prints fields as they are complete.
pub(crate) struct Printer {
    schema: Option<MessageDescriptor>,
    /// The start of a field.
    buffer: Vec<u8>,
    /// Where in the body the buffer begins.
    at: u64,
    /// So many bytes belong to a field that has been shown.
    skip: u64,
    error: Option<String>,
    rest: Option<Box<dyn Painter>>,
}

impl Painter for Printer {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        if let Some(rest) = &mut self.rest {
            return rest.feed(data, out);
        }
        let skipped = usize::try_from(self.skip).map_or(data.len(), |skip| skip.min(data.len()));
        self.skip -= skipped as u64;
        self.at += skipped as u64;
        self.buffer
            .extend_from_slice(data.get(skipped..).unwrap_or_default());
        self.fields(false, true, out);
    }

    fn finish(&mut self, complete: bool, out: &mut Sink) {
        self.fields(true, !complete, out);
        if let Some(rest) = &mut self.rest {
            rest.finish(complete, out);
        } else if complete && self.skip > 0 {
            complain(out, &format!("the last field is {} bytes short", self.skip));
        }
        out.finish();
    }

    fn failed(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

impl Printer {
    pub(crate) fn new(schema: Option<MessageDescriptor>) -> Self {
        Self {
            schema,
            buffer: Vec::new(),
            at: 0,
            skip: 0,
            error: None,
            rest: None,
        }
    }

    /// Prints the fields in the buffer; `last` when no more bytes come, `cut` when that is not the end of the body.
    fn fields(&mut self, last: bool, cut: bool, out: &mut Sink) {
        if self.rest.is_some() {
            return;
        }
        let buffer = std::mem::take(&mut self.buffer);
        let mut reader = Reader::from(&buffer, self.at);
        let full = buffer.len() >= MAX_BUFFERED;
        let error = loop {
            let before = reader.clone();
            let field = match reader.next() {
                None => break None,
                Some(Ok(field)) => field,
                Some(Err(Stop::Cut)) if !last || cut => break None,
                Some(Err(stop)) => break Some(stop.why()),
            };
            match field.value {
                Value::EndGroup => {
                    reader = before;
                    break Some("a group ends that has not begun");
                }
                Value::Bytes { missing: 1.., .. } if !last && !full => {
                    reader = before;
                    break None;
                }
                Value::Bytes { missing, .. } if !last => self.skip = missing,
                Value::StartGroup if !last && !full && !reader.clone().skip_group() => {
                    reader = before;
                    break None;
                }
                _ => {}
            }
            let cut = cut || !last;
            let mut after = reader.clone();
            match fields::field(&field, &mut reader, cut, self.schema.as_ref(), out) {
                End::Whole => {}
                End::Broken => break Some("the group cannot be read"),
                End::Cut => {
                    after.skip_group();
                    reader = after;
                }
            }
        };
        self.at = reader.at();
        if let Some(why) = error {
            let sentence = format!("{why}, at byte {}", self.at);
            complain(out, &sentence);
            let mut rest = hex::dump(self.at);
            rest.feed(reader.rest(), out);
            self.rest = Some(rest);
            self.error = Some(sentence);
        } else {
            self.buffer = reader.rest().to_vec();
        }
    }
}
