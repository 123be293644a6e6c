use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::*;
use crate::Headers;

/// What a sequence of frames means when it comes in pieces of so many bytes; the pieces of messages are joined.
fn meaning(
    from: Peer,
    deflate: Option<(bool, u8)>,
    wire: &[u8],
    piece: usize,
) -> Result<Vec<Step>, WsError> {
    let rsv = if deflate.is_some() { 4 } else { 0 };
    let (mut decoder, mut assembler) = (FrameDecoder::new(from, rsv), Assembler::new(deflate));
    let (mut buf, mut steps, mut passed) = (BytesMut::new(), Vec::new(), Vec::new());
    for piece in wire.chunks(piece.max(1)) {
        buf.extend_from_slice(piece);
        while let Some(part) = decoder.next(&mut buf)? {
            let (Part::Head { wire, .. } | Part::Payload { wire, .. }) = &part;
            passed.extend_from_slice(wire);
            assembler.take(&part, &mut |step| match (steps.last_mut(), step) {
                (Some(Step::Data(before)), Step::Data(more)) => {
                    *before = [&before[..], &more].concat().into();
                }
                (_, step) => steps.push(step),
            })?;
        }
    }
    assert_eq!(
        passed,
        wire[..wire.len() - buf.len()],
        "every byte is passed on"
    );
    Ok(steps)
}

fn frame(fin: bool, rsv: u8, opcode: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let head = FrameHead {
        fin,
        rsv,
        opcode,
        mask,
        len: payload.len() as u64,
    };
    let mut out = BytesMut::new();
    head.encode(&mut out);
    let from = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = mask {
        super::mask(&mut out[from..], key, 0);
    }
    out.to_vec()
}

fn end(fragments: u32, compressed: bool) -> Step {
    Step::End {
        fragments,
        compressed,
    }
}

#[test]
fn the_examples_of_the_standard() {
    // RFC 6455 §5.7 and RFC 7692 §7.2.3.
    let hello = |compressed| {
        vec![
            Step::Begin(MessageType::Text),
            Step::Data(Bytes::from_static(b"Hello")),
            end(1, compressed),
        ]
    };
    let unmasked = b"\x81\x05Hello";
    assert_eq!(meaning(Peer::Server, None, unmasked, 9), Ok(hello(false)));
    let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(meaning(Peer::Client, None, masked, 9), Ok(hello(false)));
    assert_eq!(
        &encode_message(1, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]))[..],
        masked
    );
    let compressed = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    assert_eq!(
        meaning(Peer::Server, Some((false, 15)), compressed, 2),
        Ok(hello(true))
    );
    // The second one refers to the first.
    let twice = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
    let both = [hello(true), hello(true)].concat();
    assert_eq!(meaning(Peer::Server, Some((false, 15)), twice, 3), Ok(both));
    // A block that is marked as the last one.
    let last = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    assert_eq!(
        meaning(Peer::Server, Some((false, 15)), last, 3),
        Ok(hello(true))
    );
    assert_eq!(
        handshake::accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
}

#[test]
fn control_frames_come_between_fragments() {
    let wire = [
        frame(false, 0, opcode::TEXT, None, "w\u{f6}".as_bytes()),
        frame(true, 0, opcode::PING, None, b"p"),
        frame(false, 0, opcode::CONTINUATION, None, b""),
        frame(true, 0, opcode::CONTINUATION, None, b"rld"),
        frame(true, 0, opcode::CLOSE, None, &close_payload(1000, "bye")),
    ]
    .concat();
    for piece in [1, 2, 7, 100] {
        let steps = meaning(Peer::Server, None, &wire, piece).unwrap();
        assert_eq!(steps[0], Step::Begin(MessageType::Text));
        assert!(steps.contains(&Step::Control {
            opcode: opcode::PING,
            payload: "p".into()
        }));
        assert!(steps.contains(&end(3, false)));
        let Some(Step::Control { payload, .. }) = steps.last() else {
            panic!("a close comes last");
        };
        assert_eq!(parse_close(payload), (1000, &b"bye"[..]));
    }
}

#[test]
fn broken_rules_are_named() {
    let plain = |fin, rsv, opcode, payload: &[u8]| frame(fin, rsv, opcode, None, payload);
    let masked = frame(true, 0, 1, Some([1, 2, 3, 4]), b"x");
    let twice = [plain(false, 0, 1, b"a"), plain(true, 0, 2, b"b")].concat();
    let (client, server) = (Peer::Client, Peer::Server);
    for (from, wire, expected) in [
        (client, plain(true, 0, 1, b"x"), WsError::Unmasked),
        (server, masked, WsError::Masked),
        (server, plain(true, 0, 3, b""), WsError::ReservedOpcode(3)),
        (server, plain(true, 0, 11, b""), WsError::ReservedOpcode(11)),
        (server, plain(true, 4, 1, b""), WsError::ReservedBits(4)),
        (
            server,
            plain(true, 0, 9, &[0; 126]),
            WsError::LongControl(126),
        ),
        (server, plain(false, 0, 9, b""), WsError::FragmentedControl),
        (server, plain(true, 0, 0, b""), WsError::NothingToContinue),
        (server, twice, WsError::Interrupted),
        (server, b"\x82\x7e\0\x05hello".to_vec(), WsError::Length),
        (
            server,
            b"\x82\x7f\x80\0\0\0\0\0\0\0".to_vec(),
            WsError::Length,
        ),
        (server, plain(true, 0, 1, b"\xff"), WsError::NotUtf8),
        (server, plain(true, 0, 1, b"\xc3"), WsError::NotUtf8),
        (server, plain(true, 0, 8, b"x"), WsError::CloseCode),
    ] {
        assert_eq!(meaning(from, None, &wire, 1), Err(expected));
    }
}

#[test]
fn what_cannot_be_decompressed_is_refused() {
    let garbage = frame(true, 4, 2, None, b"\xff\xff\xff");
    assert_eq!(
        meaning(Peer::Server, Some((false, 15)), &garbage, 9),
        Err(WsError::Deflate)
    );
    assert_eq!(WsError::NotUtf8.close_code(), 1007);
}

#[test]
fn a_bomb_comes_out_in_small_pieces() {
    let mut compress = Compress::new(Compression::best(), false);
    let zeros = vec![0; 32 << 20];
    let mut bomb = Vec::with_capacity(1 << 20);
    compress
        .compress_vec(&zeros, &mut bomb, FlushCompress::Sync)
        .unwrap();
    bomb.truncate(bomb.len() - 4);
    let mut buf = BytesMut::from(&frame(true, 4, opcode::BINARY, None, &bomb)[..]);
    let (mut decoder, mut assembler) = (
        FrameDecoder::new(Peer::Server, 4),
        Assembler::new(Some((false, 15))),
    );
    let mut total = 0;
    while let Some(part) = decoder.next(&mut buf).unwrap() {
        let mut out = |step| {
            if let Step::Data(piece) = step {
                assert!(piece.len() <= 64 * 1024);
                total += piece.len();
            }
        };
        assembler.take(&part, &mut out).unwrap();
    }
    assert_eq!(total, 32 << 20);
}

#[test]
fn what_is_kept_of_a_compressed_message_is_as_long_as_its_content() {
    let wire = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let (mut decoder, mut assembler) = (
        FrameDecoder::new(Peer::Server, 4),
        Assembler::new(Some((false, 15))),
    );
    let (mut buf, mut kept) = (BytesMut::from(&wire[..]), Vec::new());
    while let Some(part) = decoder.next(&mut buf).unwrap() {
        let mut each = |step| kept.push(step);
        assembler.take(&part, &mut each).unwrap();
    }
    for step in kept {
        if let Step::Data(data) = step {
            let data = data.try_into_mut().expect("nobody else has it");
            assert!(data.capacity() < 100, "{}", data.capacity());
        }
    }
}

#[test]
fn only_compressed_messages_come_in_bounded_parts() {
    let payload = vec![0; 100_000];
    for (rsv, longest) in [(0, 100_000), (4, 16 * 1024)] {
        let mut decoder = FrameDecoder::new(Peer::Server, 4);
        let begin = frame(false, rsv, opcode::BINARY, None, b"");
        let rest = frame(true, 0, opcode::CONTINUATION, None, &payload);
        let mut buf = BytesMut::from(&[begin, rest].concat()[..]);
        let (mut most, mut total) = (0, 0);
        while let Some(part) = decoder.next(&mut buf).unwrap() {
            if let Part::Payload { wire, .. } = part {
                most = most.max(wire.len());
                total += wire.len();
            }
        }
        assert_eq!((most, total), (longest, payload.len()));
    }
}

#[test]
fn handshakes_say_what_was_agreed_on() {
    let mut headers = Headers::new();
    assert_eq!(handshake::deflate(&headers), None);
    headers.append(
        b"Sec-WebSocket-Extensions",
        b"x-other, permessage-deflate; server_no_context_takeover; client_max_window_bits=\"10\"; server_max_window_bits=99",
    );
    let agreed = handshake::deflate(&headers).unwrap();
    assert!(agreed.server_no_context_takeover && !agreed.client_no_context_takeover);
    assert_eq!(
        (agreed.client_max_window_bits, agreed.server_max_window_bits),
        (10, 15)
    );
    let mut request = Headers::new();
    request.append(b"Connection", b"keep-alive, Upgrade");
    assert!(!handshake::is_websocket_request(&request));
    request.append(b"Upgrade", b"WebSocket");
    assert!(handshake::is_websocket_request(&request));
}

proptest! {
    #[test]
    fn compressed_messages_come_back(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..6),
        (resets, bits, piece) in (any::<bool>(), 9_u8..=15, 1_usize..400),
    ) {
        let fresh = || Compress::new_with_window_bits(Compression::default(), false, bits);
        let mut compress = fresh();
        let mut wire = Vec::new();
        let mut expected = Vec::new();
        for message in &messages {
            if resets {
                compress = fresh();
            }
            let mut out = Vec::with_capacity(message.len() * 2 + 100);
            compress.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
            // Nothing new to flush: an empty block stands for it (RFC 7692 §7.2.3.6).
            if out.ends_with(&[0, 0, 0xff, 0xff]) {
                out.truncate(out.len() - 4);
            } else {
                out.push(0);
            }
            wire.extend(frame(true, 4, opcode::BINARY, Some([9, 8, 7, 6]), &out));
            expected.push(Step::Begin(MessageType::Binary));
            if !message.is_empty() {
                expected.push(Step::Data(message.clone().into()));
            }
            expected.push(end(1, true));
        }
        prop_assert_eq!(meaning(Peer::Client, Some((resets, bits)), &wire, piece).unwrap(), expected);
    }

    #[test]
    fn any_bytes_are_taken_without_a_panic(wire in proptest::collection::vec(any::<u8>(), 0..300), piece in 1_usize..50) {
        for from in [Peer::Client, Peer::Server] {
            let _ = meaning(from, Some((true, 9)), &wire, piece);
        }
    }

    #[test]
    fn masks_undo_themselves(data in proptest::collection::vec(any::<u8>(), 0..100), key in any::<[u8; 4]>(), offset in any::<u64>()) {
        let mut masked = data.clone();
        mask(&mut masked, key, offset);
        let slow: Vec<u8> = data.iter().enumerate().map(|(i, b)| b ^ key[(offset.wrapping_add(i as u64) % 4) as usize]).collect();
        prop_assert_eq!(&masked, &slow);
    }
}
