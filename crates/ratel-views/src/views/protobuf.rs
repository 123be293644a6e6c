//! Protocol buffers, field by field, as YAML that can be edited.
//!
//! The wire format says of a field its number and how long it is, not what it is called or means. A schema says that;
//! without one, whether bytes are text, a message or neither is guessed. Fields are shown in the order and as often as
//! they were sent, those that the schema does not know by number. A message that breaks off is shown as far as it goes.

mod encode;
mod entry;
mod fields;
mod known;
mod value;
mod wire;

use prost_reflect::MessageDescriptor;
use ratel_flow::Side;

use super::hex;
use super::whole::{self, Beyond, Refusal, Whole};
use super::yaml;
use crate::registry::{complain, refuse};
use crate::{ContentView, Editor, Painter, ReencodeError, Sink, ViewInput};
pub(crate) use encode::encode;
pub(crate) use value::{Guess, guess, hex};
pub(crate) use wire::UNKNOWN;

use fields::message;

/// Of a message so many bytes are shown.
pub(crate) const MAX_BUFFERED: usize = whole::MAX;

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
                "protobuf"
                | "x-protobuf"
                | "x-protobuffer"
                | "proto"
                | "x-google-protobuf"
                | "vnd.google.protobuf",
            ) => true,
            Some(subtype) => subtype.ends_with("+protobuf") || subtype.ends_with("+proto"),
            None => false,
        };
        // A message without fields has no bytes.
        let is_here = !input.data.is_empty() || input.complete;
        if is_protobuf && is_here && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        let schema = schema_for(input, input.data);
        Whole::painter(self.name(), Beyond::Nothing, move |data, cut, out| {
            message(data, cut, schema.as_ref(), out).map_err(|broken| {
                let why = broken.sentence();
                refuse(out, "Protobuf", &why);
                rest(data, broken.at, out);
                Refusal::said(why)
            })
        })
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

impl Editor for Protobuf {
    fn reencode(&self, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        let schema = schema_for(input, input.data);
        encode(&yaml::document(text)?, schema.as_ref())
    }
}

/// Prints a message, or the start of one that is `cut`; what cannot be read of it as bytes.
pub(crate) fn print(data: &[u8], cut: bool, schema: Option<&MessageDescriptor>, out: &mut Sink) {
    if let Err(broken) = message(data, cut, schema, out) {
        out.set_lossy("a message in it cannot be read");
        complain(out, &broken.sentence());
        rest(data, broken.at, out);
    }
}

/// Shows what cannot be read, from that byte on.
fn rest(data: &[u8], at: usize, out: &mut Sink) {
    let mut rest = hex::dump(at as u64);
    rest.feed(data.get(at..).unwrap_or_default(), out);
    rest.finish(true, out);
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

/// As [`schema`] of a message; without one the message that is called as the path ends, or that the only file is
/// about, if all fields are as it says.
pub(crate) fn schema_for(input: &ViewInput<'_>, data: &[u8]) -> Option<MessageDescriptor> {
    schema(input).or_else(|| {
        let schemas = input.schemas.filter(|_| !data.is_empty())?;
        let side = input.side.unwrap_or(Side::Client);
        let like_method = input.path.and_then(|path| schemas.like_method(path));
        let mut candidates = like_method.into_iter().chain(schemas.first(side));
        candidates.find(|schema| fields::fits(data, schema))
    })
}
