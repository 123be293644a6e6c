//! HTTP archives: HAR 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), as browsers and mitmproxy write them.
//!
//! An archive is one JSON document with a list of *entries*, each an HTTP exchange. Both directions go through it entry
//! by entry: [`HarWriter`] writes each flow as it gets it, [`HarReader`] never holds more than one entry.
//!
//! Where mitmproxy departs from the standard, what is written follows the standard, and what is read is understood
//! either way: `content.size` is the decoded size, `headersSize` that of the head on the wire (-1 after HTTP/1, as in
//! browsers), and the time for TLS is part of the time for connecting.
//!
//! Names that begin with an underscore are extensions. Those of browsers are `_resourceType`, `_webSocketMessages` and
//! `_error`. Ours are `_base64`, the exact bytes beside a text that cannot say them, and `_trailers`.

mod date;
mod emit;
mod entries;
mod entry;
mod file;
mod growing;
mod read;
mod write;

use std::borrow::Cow;

use crate::text::Charset;

pub use file::HarFile;
pub use growing::GrowingHar;
pub use read::{HarError, HarItem, HarReader};
pub use write::{HarWriter, Written};

/// Bodies longer than this, as sent or decoded, are left out of an archive, with a comment.
pub const BODY_MAX: usize = 64 * 1024 * 1024;

/// What archives of ours say made them.
const CREATOR: &str = "Ratel";

/// The bytes that a text in an archive stands for.
fn bytes_of_text<'a>(content_type: &str, text: &'a str) -> Cow<'a, [u8]> {
    let charset = Charset::guess(content_type, text.as_bytes());
    let encoded = charset.encode(text);
    encoded.unwrap_or(Cow::Borrowed(text.as_bytes()))
}

#[cfg(test)]
mod tests;
