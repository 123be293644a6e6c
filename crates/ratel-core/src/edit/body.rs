//! Bodies, without their content-encoding and with it.

use bytes::Bytes;
use ratel_flow::content::{Coding, Codings, End, decode, encode};
use ratel_flow::{Body, Side, Version};

use super::{BODY_MAX, Draft, DraftError};

/// A body as it is edited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The bytes, without content-encoding.
    pub bytes: Bytes,
    /// Value of the `Content-Type` field.
    pub content_type: Option<String>,
}

impl Draft {
    /// The body of that side without its content-encoding.
    ///
    /// # Errors
    /// When it is too large, cannot be read, or cannot be decoded.
    pub fn content(&self, side: Side) -> Result<Content, DraftError> {
        let body = self.as_sent(side)?;
        let codings = self.codings(side)?;
        let content_type = self.headers(side).and_then(|it| it.get("content-type"));
        let content_type = content_type.map(|value| String::from_utf8_lossy(value).into_owned());
        let bytes = if codings.is_empty() || body.is_empty() {
            body
        } else {
            undo(&codings, &body)?
        };
        Ok(Content {
            bytes,
            content_type,
        })
    }

    /// Makes this the body of that side, with the content-encoding that it has.
    ///
    /// # Errors
    /// When that is unknown.
    pub fn set_content(&mut self, side: Side, content: &[u8]) -> Result<(), DraftError> {
        let body = encode(&self.codings(side)?, content)?;
        self.put(side, body.into());
        Ok(())
    }

    /// Removes the content-encoding of that side. False if there is none.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    pub fn decode(&mut self, side: Side) -> Result<bool, DraftError> {
        if self.codings(side)?.is_empty() {
            return Ok(false);
        }
        let bytes = self.content(side)?.bytes;
        self.change_headers(side, |headers| {
            headers.remove("content-encoding");
        });
        self.put(side, bytes);
        Ok(true)
    }

    /// Applies a content-encoding to that side. False if there is one.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    pub fn encode(&mut self, side: Side, coding: Coding) -> Result<bool, DraftError> {
        if self.headers(side).is_none() || !self.codings(side)?.is_empty() {
            return Ok(false);
        }
        let body = encode(&Codings::one(coding), &self.as_sent(side)?)?;
        self.change_headers(side, |headers| {
            headers.set("content-encoding", coding.name().as_bytes());
        });
        self.put(side, body.into());
        Ok(true)
    }

    /// What a peer will most likely not take of it, if anything: a length that is not that of the body. The rest of a
    /// sentence.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let sides = [Side::Client, Side::Server].into_iter();
        sides
            .filter(|side| self.is_changed(*side))
            .find_map(|side| {
                let length = self.headers(side)?.get("content-length")?;
                let length = String::from_utf8_lossy(length.trim_ascii()).into_owned();
                let body = self.as_sent(side).ok()?.len();
                let agrees = length.parse() == Ok(body);
                (!agrees && !self.is_bodiless(side)).then(|| {
                    let bytes = if body == 1 { "byte" } else { "bytes" };
                    format!("its Content-Length is {length}, and the body has {body} {bytes}")
                })
            })
    }

    fn is_changed(&self, side: Side) -> bool {
        match side {
            Side::Client => self.edit.request.is_some(),
            Side::Server => self.edit.response.is_some(),
        }
    }

    /// Whether its length is that of a body which is not sent (RFC 9110 §8.6).
    fn is_bodiless(&self, side: Side) -> bool {
        let response = self.response.as_ref().filter(|_| side == Side::Server);
        response.is_some_and(|response| {
            *self.request.method == *b"HEAD" || matches!(response.status, 100..200 | 204 | 304)
        })
    }

    fn codings(&self, side: Side) -> Result<Codings, DraftError> {
        Ok(self
            .headers(side)
            .map(Codings::of)
            .transpose()?
            .unwrap_or_default())
    }

    pub(super) fn as_sent(&self, side: Side) -> Result<Bytes, DraftError> {
        let body = match side {
            Side::Client => &self.request_body,
            Side::Server if self.response.is_none() => return Ok(Bytes::new()),
            Side::Server => &self.response_body,
        };
        match body.whole(BODY_MAX) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(DraftError::Missing),
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                Err(DraftError::TooLarge)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a body as it is sent. The length that goes before it follows.
    fn put(&mut self, side: Side, body: Bytes) {
        let len = body.len().to_string();
        let is_http1 = match side {
            Side::Client => Some(&self.request.version),
            Side::Server => self.response.as_ref().map(|response| &response.version),
        };
        let is_http1 = is_http1.is_none_or(|it| matches!(it, Version::Http10 | Version::Http11));
        let has_body = !body.is_empty();
        self.change_headers(side, |headers| {
            let chunked = headers.contains("transfer-encoding");
            if headers.contains("content-length") || (is_http1 && has_body && !chunked) {
                headers.set("content-length", len.as_bytes());
            }
        });
        match side {
            Side::Client => {
                self.request_body = Body::Bytes(body.clone());
                self.edit.request_body = Some(body);
            }
            Side::Server => {
                self.response_body = Body::Bytes(body.clone());
                self.edit.response_body = Some(body);
            }
        }
    }
}

fn undo(codings: &Codings, body: &[u8]) -> Result<Bytes, DraftError> {
    let limit = usize::try_from(BODY_MAX).unwrap_or(usize::MAX);
    match decode(codings, body, limit) {
        (bytes, End::Complete) => Ok(bytes.into()),
        (_, End::Limit) => Err(DraftError::TooLarge),
        (_, End::Truncated | End::Damaged(_)) => Err(DraftError::Damaged(codings.to_string())),
    }
}
