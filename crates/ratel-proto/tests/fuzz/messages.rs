//! WebSocket frames and messages, and the messages in bodies.

use bytes::BytesMut;
use ratel_proto::streams::{Base64Stream, BodyStream, Framer, FramingProblem, Record};
use ratel_proto::websocket::{Assembler, FrameDecoder, MessageType, Part, Peer, Step, WsError};

use super::{Random, cuts, fuzz};

/// The pieces of `input` between the cuts.
fn pieces<'i>(input: &'i [u8], cuts: &'i [usize]) -> impl Iterator<Item = &'i [u8]> {
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    starts.zip(cuts).map(|(from, to)| &input[from..*to])
}

/// What frames mean, the pieces of a message joined; the last element is what went wrong.
fn messages(
    from: Peer,
    deflate: Option<(bool, u8)>,
    input: &[u8],
    cuts: &[usize],
) -> (Vec<Step>, Option<WsError>) {
    let rsv = if deflate.is_some() { 4 } else { 0 };
    let (mut decoder, mut assembler) = (FrameDecoder::new(from, rsv), Assembler::new(deflate));
    let (mut buf, mut passed) = (BytesMut::new(), Vec::new());
    let (mut steps, mut open) = (Vec::new(), None);
    let mut error = None;
    for piece in pieces(input, cuts) {
        buf.extend_from_slice(piece);
        while error.is_none() {
            let part = match decoder.next(&mut buf) {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(e) => {
                    error = Some(e);
                    break;
                }
            };
            let (Part::Head { wire, .. } | Part::Payload { wire, .. }) = &part;
            passed.extend_from_slice(wire);
            let mut each = |step: Step| {
                match &step {
                    Step::Begin(kind) => assert!(open.replace(*kind).is_none()),
                    Step::Data(data) => assert!(open.is_some() && !data.is_empty()),
                    Step::End { fragments, .. } => assert!(open.take().is_some() && *fragments > 0),
                    Step::Control { opcode, payload } => {
                        assert!((8..=10).contains(opcode) && payload.len() <= 125);
                    }
                }
                match (steps.last_mut(), step) {
                    (Some(Step::Data(before)), Step::Data(more)) => {
                        *before = [&before[..], &more].concat().into();
                    }
                    (_, step) => steps.push(step),
                }
            };
            error = assembler.take(&part, &mut each).err();
        }
        assert!(error.is_some() || buf.len() < 14, "only a head may be left");
    }
    passed.extend_from_slice(&buf);
    if error.is_none() {
        assert_eq!(passed, input);
    } else {
        assert!(input.starts_with(&passed[..passed.len() - buf.len()]));
    }
    (steps, error)
}

/// Whole messages among the steps, for where the pieces of a broken one depend on the cuts.
fn complete(steps: &[Step]) -> &[Step] {
    let last = steps.iter().rposition(|s| matches!(s, Step::End { .. }));
    &steps[..last.map_or(0, |last| last + 1)]
}

/// Two fragments around a ping, a close; each masked.
const MASKED: &[u8] = b"\x01\x85\0\0\0\0Hello\x89\x81\x01\x02\x03\x04q\x80\x82\x01\x02\x03\x04\xc2\xb4\
    \x88\x83\0\0\0\0\x03\xe8x\x82\xfe\0\x80\0\0\0\0................................................................\
    ................................................................";
/// The same without masks, then compressed: alone, by the one before, in a block that is the last one, in fragments.
const PLAIN: &[u8] = b"\x01\x05Hello\x89\x01q\x80\x02\xc3\xb6\x88\x03\x03\xe8x\x82\x7e\0\x7e\
    ..............................................................................................................................\
    \xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00\
    \x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00";

#[test]
fn websocket() {
    fuzz(&[MASKED, PLAIN], |input, random| {
        let from = *random.pick(&[Peer::Client, Peer::Server]);
        let deflate = *random.pick(&[None, Some((true, 9)), Some((false, 15))]);
        let whole = messages(from, deflate, input, &[input.len()]);
        let cut = messages(from, deflate, input, &cuts(random, input.len()));
        match (&whole.1, &cut.1) {
            (None, None) => assert_eq!(whole, cut),
            (Some(one), Some(other)) => {
                // What cannot be decompressed may hold text that is no UTF-8 before that.
                let content = |e: &WsError| matches!(e, WsError::Deflate | WsError::NotUtf8);
                assert!(one == other || content(one) && content(other));
                assert_eq!(complete(&whole.0), complete(&cut.0));
            }
            _ => panic!("{whole:?} is not {cut:?}"),
        }
        if deflate.is_none() {
            let carried = |step: &Step| match step {
                Step::Data(data) | Step::Control { payload: data, .. } => data.len(),
                _ => 0,
            };
            assert!(whole.0.iter().map(carried).sum::<usize>() <= input.len());
        }
        let mut text = None;
        for step in &whole.0 {
            match (step, &mut text) {
                (Step::Begin(MessageType::Text), _) => text = Some(Vec::new()),
                (Step::Data(data), Some(text)) => text.extend_from_slice(data),
                (Step::End { .. }, _) => {
                    let text = text.take().unwrap_or_default();
                    assert!(std::str::from_utf8(&text).is_ok());
                }
                _ => {}
            }
        }
    });
}

/// The messages of a body, whether something is left over, and what went wrong.
fn framed(
    kind: BodyStream,
    input: &[u8],
    cuts: &[usize],
) -> (Vec<Record>, Option<bool>, Option<FramingProblem>) {
    let (mut framer, mut records, mut fed) = (Framer::new(kind), Vec::new(), 0);
    for piece in pieces(input, cuts) {
        fed += piece.len() as u64;
        let done = framer.feed(piece, &mut |record| records.push(record));
        if let Err(problem) = done {
            let again = framer.feed(input, &mut |_| panic!("it has stopped"));
            assert_eq!(again, Err(problem));
            return (records, None, Some(problem));
        }
        assert!(framer.open().is_none_or(|open| open <= fed));
    }
    let rest = framer.finish(&mut |record| records.push(record));
    (records, Some(rest), None)
}

#[test]
fn bodies_of_messages() {
    let seeds: &[&[u8]] = &[
        b"\xef\xbb\xbfevent: a\ndata: 1\n\n: ping\r\n\r\ndata: 2\r\rdata\n\n\nid: 3",
        b"{\"a\":1}\r\n\n  \n{\"b\":2}\n\x1e{\"c\":3}",
        b"\0\0\0\0\x03abc\x01\0\0\0\0\0\0\0\0\x02x",
        b"\0\0\0\0\x01x\x80\0\0\0\x0fgrpc-status:0\r\n",
        b"\0\xff\xff\xff\xffx",
    ];
    fuzz(seeds, |input, random| {
        let kind = *random.pick(&[
            BodyStream::Sse,
            BodyStream::Grpc,
            BodyStream::GrpcWeb { text: false },
            BodyStream::Connect,
            BodyStream::Ndjson,
        ]);
        let whole = framed(kind, input, &[input.len()]);
        assert_eq!(framed(kind, input, &cuts(random, input.len())), whole);
        let mut at = 0;
        for record in whole.0 {
            assert!(record.start >= at, "messages do not overlap");
            at = record.start + record.len;
        }
        assert!(at <= input.len() as u64);
    });
}

fn unarmoured(input: &[u8], cuts: &[usize]) -> (Vec<u8>, bool) {
    let (mut stream, mut out) = (Base64Stream::default(), Vec::new());
    for piece in pieces(input, cuts) {
        match stream.feed(piece) {
            Some(bytes) => out.extend(bytes),
            None => return (out, false),
        }
    }
    // A wrong character is told with the bytes before it, or after them.
    let good = stream.feed(b"").is_some();
    (out, good)
}

#[test]
fn base64() {
    let seeds: &[&[u8]] = &[b"AAAAAAF4gAAAAA==Zm9v\r\nAA==", b"Zm9vYg==YmE=", b"!!!!"];
    fuzz(seeds, |input, random: &mut Random| {
        let whole = unarmoured(input, &[input.len()]);
        assert_eq!(unarmoured(input, &cuts(random, input.len())), whole);
        assert!(whole.0.len() <= input.len() / 4 * 3);
    });
}
