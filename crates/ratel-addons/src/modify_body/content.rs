//! A body without its content-codings, and back.

use bytes::Bytes;
use ratel_core::addon::Bodies;
use ratel_flow::content::{Codings, End, decode, encode};
use ratel_flow::{HttpFlow, Side};

use crate::rule::elsewhere;

/// A body that would become larger than this is left alone.
const DECODED_MAX: usize = 256 << 20;

/// What a body is once its codings are undone.
pub(super) struct Content {
    pub(super) bytes: Bytes,
    codings: Codings,
    changed: bool,
}

impl Content {
    /// # Errors
    /// When the body cannot be decoded, as a clause.
    pub(super) async fn of(flow: &HttpFlow, bodies: &Bodies, side: Side) -> Result<Self, String> {
        let headers = match (side, &flow.response) {
            (Side::Server, Some(response)) => &response.headers,
            _ => &flow.request.headers,
        };
        let codings = Codings::of(headers).map_err(|error| error.to_string())?;
        let body = bodies.of(side).cloned().unwrap_or_default();
        let bytes = if codings.is_empty() || body.is_empty() {
            body
        } else {
            let undone = codings.clone();
            let decoded = elsewhere(move || decode(&undone, &body, DECODED_MAX)).await;
            match decoded {
                Some((bytes, End::Complete)) => bytes.into(),
                Some((_, End::Limit)) => return Err(format!("the {codings} body is too large")),
                Some((_, End::Truncated)) => return Err(format!("the {codings} body ends early")),
                Some((_, End::Damaged(why))) => {
                    return Err(format!("the {codings} body is damaged: {why}"));
                }
                None => return Err("the program ends".to_owned()),
            }
        };
        Ok(Self {
            bytes,
            codings,
            changed: false,
        })
    }

    pub(super) fn replace(&mut self, bytes: Bytes) {
        (self.bytes, self.changed) = (bytes, true);
    }

    /// Makes it the body, coded as it was; one that nobody has changed stays as it came.
    ///
    /// # Errors
    /// When it cannot be encoded, as a clause.
    pub(super) async fn put_back(self, bodies: &mut Bodies, side: Side) -> Result<(), String> {
        let Self {
            bytes,
            codings,
            changed,
        } = self;
        if !changed {
            return Ok(());
        }
        let body = if codings.is_empty() {
            bytes
        } else {
            let encoded = elsewhere(move || encode(&codings, &bytes)).await;
            match encoded {
                Some(Ok(encoded)) => encoded.into(),
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("the program ends".to_owned()),
            }
        };
        match side {
            Side::Client => bodies.request = Some(body),
            Side::Server => bodies.response = Some(body),
        }
        Ok(())
    }
}
