#![no_main]
//! A coded body that streams past decodes without a panic and within bounds, and to what its whole decodes to.

use libfuzzer_sys::fuzz_target;
use ratel_flow::Headers;
use ratel_flow::content::{Codings, End, PushDecoder, decode};

/// Bytes that a small body may become.
const MOST: usize = 64 << 20;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (coding, piece, input) = input;
    let names = ["gzip", "deflate", "br", "zstd", "gzip, br", "deflate, zstd"];
    let mut headers = Headers::new();
    let name = names[usize::from(coding) % names.len()];
    headers.append(b"content-encoding", name.as_bytes());
    let codings = Codings::of(&headers).expect("they are known");
    let (mut decoder, mut out) = (PushDecoder::new(&codings), Vec::new());
    let good = input.chunks(usize::from(piece).max(1)).all(|piece| {
        let fed = decoder.feed(piece, &mut |decoded| out.extend(decoded));
        assert!(out.len() <= MOST);
        fed.is_ok()
    });
    if let (whole, End::Complete) = decode(&codings, input, MOST) {
        assert!(whole.starts_with(&out) && (!good || whole == out));
    }
});
