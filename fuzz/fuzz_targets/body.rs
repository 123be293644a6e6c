#![no_main]
//! A body, chunked or not, loses no byte.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ratel_proto::Framing;
use ratel_proto::http1::BodyDecoder;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, input) = input;
    let framing = match kind {
        0 => Framing::UntilClose,
        1..100 => Framing::Length(kind.into()),
        _ => Framing::Chunked,
    };
    let mut decoder = BodyDecoder::new(framing);
    let (mut buf, mut wire) = (BytesMut::from(input), Vec::new());
    while let Ok(Some(frame)) = decoder.decode(&mut buf, true) {
        wire.extend_from_slice(&frame.wire.unwrap_or_default());
    }
    wire.extend_from_slice(&buf);
    assert_eq!(wire, input);
});
