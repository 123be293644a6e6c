#![no_main]
//! The messages of a body are the same however it is cut, and lie within it.

use libfuzzer_sys::fuzz_target;
use ratel_proto::streams::{BodyStream, Framer};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (kind, piece, input) = input;
    let kind = match kind % 5 {
        0 => BodyStream::Sse,
        1 => BodyStream::Grpc,
        2 => BodyStream::GrpcWeb { text: false },
        3 => BodyStream::Connect,
        _ => BodyStream::Ndjson,
    };
    let run = |piece: usize| {
        let (mut framer, mut records) = (Framer::new(kind), Vec::new());
        for piece in input.chunks(piece) {
            if let Err(problem) = framer.feed(piece, &mut |record| records.push(record)) {
                return (records, Err(problem));
            }
        }
        let rest = framer.finish(&mut |record| records.push(record));
        (records, Ok(rest))
    };
    let whole = run(input.len().max(1));
    assert_eq!(run(usize::from(piece).max(1)), whole);
    let mut at = 0;
    for record in whole.0 {
        assert!(record.start >= at);
        at = record.start + record.len;
    }
    assert!(at <= input.len() as u64);
});
