//! Edited messages in their frames again.

use super::base64::Base64;
use super::{COMPRESSED, Grpc, Messages, PREFIX, Variant, first_message};
use crate::views::{json, protobuf, yaml};
use crate::{Editor, ReencodeError, ViewInput};

impl Editor for Grpc {
    fn reencode(&self, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        let variant = Variant::of(&input.media_type()).unwrap_or(Variant::Grpc);
        let messages = Messages::of(input, first_message(input.data));
        let mut out = Vec::new();
        if messages.is_json {
            for (at, document) in json_documents(text) {
                let line = text.get(..at).unwrap_or_default().matches('\n').count();
                let message = json::squeezed(document).map_err(|mut error| {
                    if let Some(place) = &mut error.place {
                        place.line += line;
                    }
                    error
                })?;
                frame(&message, &mut out)?;
            }
        } else {
            for document in yaml::documents(text)? {
                frame(
                    &protobuf::encode(&document, messages.schema.as_ref())?,
                    &mut out,
                )?;
            }
        }
        let mut body = Vec::new();
        let data = match variant {
            Variant::WebText => {
                let mut base64 = Base64::default();
                base64
                    .feed(input.data, &mut body)
                    .map_err(|_| ReencodeError::of("the body was no base64"))?;
                &body
            }
            _ => input.data,
        };
        out.extend_from_slice(end_of(data, variant));
        Ok(match variant {
            Variant::WebText => super::base64::encode(&out).into_bytes(),
            _ => out,
        })
    }
}

/// A message after its prefix.
fn frame(message: &[u8], out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    let len = u32::try_from(message.len())
        .map_err(|_| ReencodeError::of("a message is longer than gRPC allows"))?;
    out.push(0);
    out.extend(len.to_be_bytes());
    out.extend_from_slice(message);
    Ok(())
}

/// The frame of trailers at the end of a body, or nothing.
fn end_of(data: &[u8], variant: Variant) -> &[u8] {
    let mut rest = data;
    while let Some((&[flags, a, b, c, d], after)) = rest.split_first_chunk::<PREFIX>() {
        let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if flags & !COMPRESSED & variant.end() != 0 {
            return rest;
        }
        rest = after.get(len..).unwrap_or_default();
    }
    &[]
}

/// Documents of JSON between lines of `---`, and where they begin; none is empty.
fn json_documents(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let mut start = 0;
    let mut ends: Vec<(usize, usize)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            ends.push((start, at));
            start = at + line.len();
        }
        at += line.len();
    }
    ends.push((start, at));
    let documents = ends
        .into_iter()
        .map(move |(start, end)| (start, text.get(start..end).unwrap_or_default()));
    documents.filter(|(_, document)| !document.trim().is_empty())
}
