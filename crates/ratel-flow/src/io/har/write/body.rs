//! Bodies as archives show them.

use std::borrow::Cow;
use std::io;

use bytes::Bytes;
use ratel_proto::Headers;

use super::super::BODY_MAX;
use crate::Body;
use crate::content::{Codings, content};

/// A body as an archive shows it.
pub(super) struct Shown {
    /// Decoded; none if it is left out.
    pub(super) bytes: Option<Bytes>,
    /// What is to be said of it.
    pub(super) comment: Option<String>,
}

impl Shown {
    pub(super) fn of(body: &Body, headers: &Headers, whose: &str) -> Self {
        let left_out = |comment| Self {
            bytes: None,
            comment: Some(comment),
        };
        let raw = match body.whole(BODY_MAX as u64) {
            Ok(Some(raw)) => raw,
            Ok(None) => return left_out(format!("the body of the {whose} is not on record")),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return left_out(format!(
                    "the body of the {whose} has {} bytes and is left out",
                    body.len().unwrap_or_default()
                ));
            }
            Err(error) => {
                return left_out(format!("the body of the {whose} cannot be read: {error}"));
            }
        };
        let decoded = content(headers, &raw, true, BODY_MAX);
        if !decoded.complete && decoded.bytes.len() >= BODY_MAX {
            return left_out(format!(
                "the body of the {whose} has more than {BODY_MAX} bytes when decoded and is left out"
            ));
        }
        let odd = !decoded.note.is_empty() && !decoded.note.ends_with(&decoded_note(headers));
        let comment = odd.then(|| decoded.note.trim_matches(['[', ']']).to_owned());
        let bytes = match decoded.bytes {
            Cow::Borrowed(_) => raw,
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Self {
            bytes: Some(bytes),
            comment,
        }
    }
}

/// What is noted of a body that was decoded as its headers say.
fn decoded_note(headers: &Headers) -> String {
    match Codings::of(headers) {
        Ok(codings) => format!("[decoded {codings}]"),
        Err(_) => String::new(),
    }
}
