#![no_main]
//! A response head is written as it was read.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ratel_proto::http1::{HeadLimits, HeadReader, encode};

fuzz_target!(|input: &[u8]| {
    let mut buf = BytesMut::from(input);
    let mut wire = Vec::new();
    if let Ok(Some(head)) = HeadReader::new(HeadLimits::default()).response(&mut buf) {
        encode::response_head(&mut wire, Some(&head.line), b"", 0, b"", &head.headers);
    }
    wire.extend_from_slice(&buf);
    assert_eq!(wire, input);
});
