#![no_main]
//! Decisions about any fields.

use libfuzzer_sys::fuzz_target;
use ratel_proto::Headers;
use ratel_proto::http1::{framing, validate};

fuzz_target!(|fields: Vec<(&[u8], &[u8])>| {
    let headers: Headers = fields.into_iter().collect();
    let _ = (validate::request(b"HTTP/1.1", &headers), validate::response(200, b"HTTP/1.1", &headers));
    let _ = (framing::request_framing(&headers, false), framing::response_framing(b"GET", 200, &headers));
});
