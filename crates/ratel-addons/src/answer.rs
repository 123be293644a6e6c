//! Answers of our own.

use bytes::Bytes;
use ratel_core::addon::Bodies;
use ratel_core::clock;
use ratel_flow::{HttpFlow, Response};

/// Who answers.
pub(crate) const SERVER: &str = concat!("ratel ", env!("CARGO_PKG_VERSION"));

/// Answers with these fields and this body.
pub(crate) fn with(
    flow: &mut HttpFlow,
    bodies: &mut Bodies,
    status: u16,
    fields: &[(&str, &str)],
    body: impl Into<Bytes>,
) {
    let mut response = Response::new(status, clock::now());
    for (name, value) in fields {
        response.headers.append(name.as_bytes(), value.as_bytes());
    }
    flow.response = Some(response);
    bodies.response = Some(body.into());
}
