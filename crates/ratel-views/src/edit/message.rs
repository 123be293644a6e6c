//! One message of gRPC as text that is edited: its fields, without the frame around them.

use super::{EDITED_MAX, EditError, ReencodeError};
use crate::views::{grpc, json, protobuf, yaml};
use crate::{Sink, ViewInput};

/// What the text is called.
const VIEW: &str = "gRPC";

/// The text by which one message of gRPC is edited. `input` is as for [`render_message`](crate::render_message).
///
/// # Errors
/// When the bytes are no such message, or not all of one.
pub fn edit_message(input: &ViewInput<'_>) -> Result<String, EditError> {
    if !input.complete || input.offset > 0 {
        return Err(EditError::Incomplete);
    }
    if input.data.len() > EDITED_MAX {
        return Err(EditError::TooLarge);
    }
    let messages = grpc::Messages::of(input, input.data);
    let mut sink = Sink::exact();
    messages.print(input.data, false, messages.are_compressed(), &mut sink);
    sink.finish();
    match sink.lossy() {
        Some(why) => Err(EditError::Unfit {
            view: VIEW,
            why: why.to_owned(),
        }),
        None => Ok(sink.into_text()),
    }
}

/// Makes a message of text that was edited; what is JSON names fields, too. Text that is as [`edit_message`] gave it out becomes
/// `input.data`, byte for byte.
///
/// # Errors
/// When the text is no such message, with the place in the text.
pub fn reencode_message(text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
    let before = edit_message(input);
    if before.is_ok_and(|before| before.trim_end_matches('\n') == text.trim_end_matches('\n')) {
        return Ok(input.data.to_vec());
    }
    let messages = grpc::Messages::of(input, input.data);
    if messages.is_json() {
        return json::squeezed(text);
    }
    protobuf::encode(&yaml::document(text)?, messages.schema())
}

/// What bytes are not that are to go on as a message of gRPC, in words: whoever expects one will most likely refuse
/// them.
#[must_use]
pub fn no_message(input: &ViewInput<'_>) -> Option<&'static str> {
    let is_json = grpc::Messages::of(input, input.data).is_json();
    let unfit = matches!(edit_message(input), Err(EditError::Unfit { .. }));
    unfit.then_some(if is_json { "JSON" } else { "protobuf message" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schemas;

    fn input(data: &[u8]) -> ViewInput<'_> {
        ViewInput {
            data,
            complete: true,
            max_lines: usize::MAX,
            content_type: Some("application/grpc"),
            side: Some(ratel_flow::Side::Client),
            path: Some("/shop.Orders/Get"),
            ..ViewInput::default()
        }
    }

    fn schemas() -> Schemas {
        let folder = tempfile::tempdir().unwrap();
        let proto =
            "syntax = \"proto3\"; package shop; message Ask { string name = 1; int32 count = 2; }
            service Orders { rpc Get(Ask) returns (Ask); }";
        let file = folder.path().join("shop.proto");
        std::fs::write(&file, proto).unwrap();
        Schemas::load(&file).unwrap()
    }

    #[test]
    fn a_message_is_edited_by_field() {
        let data = b"\x0a\x03abc\x10\x07";
        let text = edit_message(&input(data)).unwrap();
        assert_eq!(text, "1: abc\n2: 7  # !sint: -4\n");
        assert_eq!(
            reencode_message("1: abc\n2: 7", &input(data)).unwrap(),
            data
        );
        let changed = reencode_message("1: abcd\n2: 7\n", &input(data)).unwrap();
        assert_eq!(changed, b"\x0a\x04abcd\x10\x07");
        let wrong = reencode_message("name: abcd\n", &input(data)).unwrap_err();
        assert!(wrong.to_string().contains("no schema"), "{wrong}");
        assert!(edit_message(&input(b"")).unwrap().starts_with("{}"));

        let schemas = schemas();
        let known = ViewInput {
            schemas: Some(&schemas),
            ..input(data)
        };
        assert_eq!(edit_message(&known).unwrap(), "name: abc\ncount: 7\n");
        let json = reencode_message(r#"{"name": "abcd", "count": 7}"#, &known).unwrap();
        assert_eq!(json, b"\x0a\x04abcd\x10\x07");
        let wrong = reencode_message(r#"{"nam": "abcd"}"#, &known).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "line 1, column 2: shop.Ask has no field 'nam'"
        );
    }

    #[test]
    fn what_is_no_message_is_known() {
        let rows = [
            (&b"\x0a\x03abc"[..], None),
            (b"", None),
            (b"\x0a\x03ab", Some("protobuf message")),
            (b"\x0a\x03abc\n", Some("protobuf message")),
        ];
        for (data, why) in rows {
            assert_eq!(no_message(&input(data)), why, "{data:?}");
        }
        let json = ViewInput {
            content_type: Some("application/grpc+json"),
            ..input(b"{\"a\": ")
        };
        assert_eq!(no_message(&json), Some("JSON"));
        assert!(edit_message(&input(b"\x0a\x03ab")).is_err());
    }
}
