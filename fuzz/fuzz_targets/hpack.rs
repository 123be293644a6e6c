#![no_main]
//! A header block is no larger than its limit, and what it says can be said again.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ratel_proto::Headers;
use ratel_proto::h2::hpack::{Decoder, Encoder};

fuzz_target!(|blocks: Vec<&[u8]>| {
    let (mut decoder, mut again, mut encoder) = (Decoder::new(4096), Decoder::new(4096), Encoder::new());
    for block in blocks {
        let Ok(decoded) = decoder.decode(block, 3000, false) else {
            return;
        };
        let headers = Headers::from_wire(decoded.wire, decoded.fields, false);
        assert!(headers.to_wire().len() <= 3000);
        let mut block = BytesMut::new();
        encoder.begin(&mut block);
        headers.fields().for_each(|field| encoder.field(&mut block, field));
        let decoded = again.decode(&block, usize::MAX, false).unwrap();
        assert_eq!(Headers::from_wire(decoded.wire, decoded.fields, false), headers);
    }
});
