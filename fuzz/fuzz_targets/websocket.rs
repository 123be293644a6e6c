#![no_main]
//! WebSocket frames mean the same however they are cut, and every byte is passed on.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ratel_proto::websocket::{Assembler, FrameDecoder, Part, Peer, Step};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (kind, piece, input) = input;
    let from = if kind & 1 == 0 {
        Peer::Client
    } else {
        Peer::Server
    };
    let deflate = (kind & 2 != 0).then_some((kind & 4 != 0, 8 + (kind >> 5)));
    let run = |piece: usize| {
        let rsv = if deflate.is_some() { 4 } else { 0 };
        let (mut decoder, mut assembler) = (FrameDecoder::new(from, rsv), Assembler::new(deflate));
        let (mut buf, mut passed, mut ends) = (BytesMut::new(), 0, 0);
        for piece in input.chunks(piece) {
            buf.extend_from_slice(piece);
            while let Some(part) = decoder.next(&mut buf).ok()? {
                let (Part::Head { wire, .. } | Part::Payload { wire, .. }) = &part;
                assert_eq!(wire[..], input[passed..passed + wire.len()]);
                passed += wire.len();
                let mut each = |step| ends += usize::from(matches!(step, Step::End { .. }));
                assembler.take(&part, &mut each).ok()?;
            }
        }
        assert_eq!(buf[..], input[passed..]);
        Some(ends)
    };
    assert_eq!(run(usize::from(piece).max(1)), run(input.len().max(1)));
});
