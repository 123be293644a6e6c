use proptest::prelude::*;

use super::*;
use crate::http1::BodyEncoder;

/// What a body came to: payload, wire, trailers, the error if there was one, and what stayed in the buffer.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    data: Vec<u8>,
    wire: Vec<u8>,
    trailers: Option<Headers>,
    done: bool,
    error: Option<BodyError>,
    rest: Vec<u8>,
}

/// Decodes `wire`, cut at `cuts`, the peer closing after it if `eof`.
fn decode(framing: Framing, wire: &[u8], cuts: &[usize], eof: bool) -> Decoded {
    let mut cuts: Vec<_> = cuts
        .iter()
        .map(|c| c % (wire.len() + 1))
        .chain([wire.len()])
        .collect();
    cuts.sort_unstable();
    let mut decoder = BodyDecoder::new(framing);
    let (mut buf, mut from, mut out) = (BytesMut::new(), 0, Decoded::default());
    for (index, cut) in cuts.iter().enumerate() {
        buf.extend_from_slice(&wire[from..*cut]);
        from = *cut;
        let eof = eof && index + 1 == cuts.len();
        while out.error.is_none() {
            match decoder.decode(&mut buf, eof) {
                Ok(Some(frame)) => take(&mut out, frame, &decoder),
                Ok(None) => break,
                Err(error) => out.error = Some(error),
            }
        }
    }
    out.rest = buf.to_vec();
    assert_eq!([&out.wire[..], &out.rest].concat(), wire, "nothing is lost");
    out
}

fn take(out: &mut Decoded, frame: Frame, decoder: &BodyDecoder) {
    assert!(!out.done, "no frame follows the end");
    assert_eq!(frame.end, decoder.is_done());
    frame
        .data
        .iter()
        .for_each(|d| out.data.extend_from_slice(d));
    let wire = frame.wire.unwrap_or_default();
    let within = |d: &Bytes| wire.as_ptr_range().contains(&d.as_ptr()) || d.is_empty();
    assert!(frame.data.iter().all(within), "payload is not copied");
    out.wire.extend_from_slice(&wire);
    out.trailers = frame.trailers.or(out.trailers.take());
    out.done = frame.end;
}

fn check(
    framing: Framing,
    wire: &[u8],
    eof: bool,
    data: &[u8],
    error: Option<BodyError>,
) -> Decoded {
    let whole = decode(framing, wire, &[], eof);
    let shown = wire.get(..200).unwrap_or(wire).escape_ascii();
    assert_eq!(
        (&whole.data.escape_ascii().to_string(), &whole.error),
        (&data.escape_ascii().to_string(), &error),
        "{shown}"
    );
    for cut in 0..wire.len().min(200) {
        assert_eq!(
            decode(framing, wire, &[cut], eof),
            whole,
            "{shown} cut at {cut}"
        );
    }
    if wire.len() < 10_000 {
        assert_eq!(
            decode(framing, wire, &(0..wire.len()).collect::<Vec<_>>(), eof),
            whole,
            "{shown} byte by byte"
        );
    }
    whole
}

/// RFC 9112 §6.2.
#[test]
fn known_length() {
    let cut = |missing| Some(BodyError::Cut { missing });
    for (len, wire, eof, data, error) in [
        (5, &b"hello"[..], false, &b"hello"[..], None),
        (5, b"helloGET", true, b"hello", None),
        (5, b"hel", false, b"hel", None),
        (5, b"hel", true, b"hel", cut(2)),
        (u64::MAX, b"hel", true, b"hel", cut(u64::MAX - 3)),
        (0, b"GET", true, b"", None),
    ] {
        check(Framing::Length(len), wire, eof, data, error);
    }
}

#[test]
fn bodies_of_no_bytes_end_at_once() {
    for framing in [Framing::None, Framing::Length(0)] {
        let mut decoder = BodyDecoder::new(framing);
        let mut buf = BytesMut::from(&b"GET"[..]);
        assert!(decoder.is_done());
        assert_eq!(decoder.remaining(), Some(0));
        assert_eq!(decoder.decode(&mut buf, false), Ok(Some(Frame::end())));
        assert_eq!(decoder.decode(&mut buf, true), Ok(None));
        assert_eq!(&buf[..], b"GET");
    }
}

#[test]
fn a_known_length_is_counted_down_and_never_copied() {
    let mut decoder = BodyDecoder::new(Framing::Length(10));
    let mut buf = BytesMut::from(&b"hello"[..]);
    let before = buf.as_ptr();
    let frame = decoder.decode(&mut buf, false).unwrap().unwrap();
    assert_eq!(
        (
            frame.len(),
            frame.end,
            decoder.remaining(),
            decoder.is_done()
        ),
        (5, false, Some(5), false)
    );
    assert_eq!(frame.data[0].as_ptr(), before);
    assert_eq!(frame.wire.unwrap().as_ptr(), before);
}

/// RFC 9112 §6.3, rule 8.
#[test]
fn until_close() {
    for wire in [&b""[..], b"hello"] {
        let open = check(Framing::UntilClose, wire, false, wire, None);
        assert!(!open.done);
        let closed = check(Framing::UntilClose, wire, true, wire, None);
        assert!(closed.done);
    }
}

/// RFC 9112 §7.1: what is taken.
#[test]
fn chunks() {
    for (wire, data) in [
        (&b"0\r\n\r\n"[..], &b""[..]),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (
            b"5\r\nhello\r\nA\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
            b"hello01234567890123456789",
        ),
        // §7.1.1: extensions, with whitespace before them
        (
            b"5;a=b;c=\"d\"\r\nhello\r\n5 ; x\r\nworld\r\n0;last\r\n\r\n",
            b"helloworld",
        ),
        // leading zeros
        (b"00000000000000000000005\r\nhello\r\n000\r\n\r\n", b"hello"),
        // bare LF (§2.2)
        (b"5\nhello\n0\n\n", b"hello"),
        (b"5\r\nhello\n0\r\n\n", b"hello"),
        // padding, as some servers have it
        (b"5  \r\nhello\r\n0  \r\n\r\n", b"hello"),
        // data that looks like framing
        (b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", b"\r\n0\r\n\r\n"),
    ] {
        let decoded = check(Framing::Chunked, wire, false, data, None);
        assert!(decoded.done && decoded.rest.is_empty() && decoded.trailers.is_none());
        let next = check(Framing::Chunked, &[wire, b"GET"].concat(), true, data, None);
        assert_eq!(&next.rest[..], b"GET");
    }
}

/// RFC 9112 §7.1.2.
#[test]
fn trailers() {
    let wire = b"2\r\nab\r\n0\r\nX-Sum:  1 \r\nx-sum: 2\r\n fold\r\n\r\n";
    let decoded = check(Framing::Chunked, wire, false, b"ab", None);
    let trailers = decoded.trailers.unwrap();
    assert_eq!(
        trailers.get_all("x-sum").collect::<Vec<_>>(),
        [&b"1"[..], b"2\r\n fold"]
    );
    assert_eq!(&*trailers.to_wire(), b"X-Sum:  1 \r\nx-sum: 2\r\n fold\r\n");
}

#[test]
fn broken_chunks() {
    let size = |s: &str| Some(BodyError::ChunkSize(s.into()));
    for (wire, eof, data, error) in [
        (&b"\r\n"[..], false, &b""[..], size("")),
        (b"x\r\n", false, b"", size("x")),
        (b" 5\r\n", false, b"", size(" 5")),
        (b"+5\r\n", false, b"", size("+5")),
        (b"0x5\r\n", false, b"", size("0x5")),
        (b"5,\r\n", false, b"", size("5,")),
        (b"5\r\r\n", false, b"", size("5\r")),
        (
            b"10000000000000000\r\n",
            false,
            b"",
            Some(BodyError::ChunkTooLarge),
        ),
        (
            b"5\r\nhello!\r\n",
            false,
            b"hello",
            Some(BodyError::ChunkEnd),
        ),
        (b"5\r\nhello\r!", false, b"hello", Some(BodyError::ChunkEnd)),
        (b"5\r\nhello\r\n\r\n", false, b"hello", size("")),
        (b"", true, b"", Some(BodyError::NoLastChunk)),
        (b"5", true, b"", Some(BodyError::NoLastChunk)),
        (
            b"5\r\n",
            true,
            b"",
            Some(BodyError::ChunkCut { missing: 5 }),
        ),
        (
            b"ffffffffffffffff\r\nhel",
            true,
            b"hel",
            Some(BodyError::ChunkCut {
                missing: u64::MAX - 3,
            }),
        ),
        (b"5\r\nhello", true, b"hello", Some(BodyError::NoLastChunk)),
        (
            b"5\r\nhello\r\n",
            true,
            b"hello",
            Some(BodyError::NoLastChunk),
        ),
        (b"0\r\n", true, b"", Some(BodyError::TrailersCut)),
        (b"0\r\nA: b\r\n", true, b"", Some(BodyError::TrailersCut)),
    ] {
        check(Framing::Chunked, wire, eof, data, error);
    }
}

#[test]
fn limits() {
    let line = |len: usize| format!("1;{}\r\nx\r\n", "e".repeat(len - 4)).into_bytes();
    check(Framing::Chunked, &line(CHUNK_LINE_MAX), false, b"x", None);
    check(
        Framing::Chunked,
        &line(CHUNK_LINE_MAX + 1),
        false,
        b"",
        Some(BodyError::ChunkLineTooLong),
    );
    check(
        Framing::Chunked,
        &[b'0'; CHUNK_LINE_MAX + 1],
        false,
        b"",
        Some(BodyError::ChunkLineTooLong),
    );
    let trailer = |len: usize| format!("0\r\nA:{}\r\n\r\n", "v".repeat(len - 6)).into_bytes();
    check(Framing::Chunked, &trailer(TRAILERS_MAX), false, b"", None);
    check(
        Framing::Chunked,
        &trailer(TRAILERS_MAX + 1),
        false,
        b"",
        Some(BodyError::TrailersTooLarge),
    );
    let trailers = |count: usize| format!("0\r\n{}\r\n", "A: b\r\n".repeat(count)).into_bytes();
    check(
        Framing::Chunked,
        &trailers(TRAILER_FIELDS_MAX),
        false,
        b"",
        None,
    );
    check(
        Framing::Chunked,
        &trailers(TRAILER_FIELDS_MAX + 1),
        false,
        b"",
        Some(BodyError::TooManyTrailers),
    );
}

/// Thousands of chunks in one buffer make few frames, each of bounded size.
#[test]
fn many_chunks() {
    let wire = [&b"1\r\nx\r\n".repeat(5000)[..], b"0\r\n\r\n"].concat();
    let decoded = check(Framing::Chunked, &wire, true, &b"x".repeat(5000), None);
    assert!(decoded.done);
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let frame = decoder
        .decode(&mut BytesMut::from(&wire[..]), false)
        .unwrap()
        .unwrap();
    assert_eq!(frame.data.len(), CHUNKS_PER_FRAME);
}

/// Pieces of chunked bodies, well-formed and not.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"5\r\nhello\r\n",
        b"1;x=y\nz\n",
        b"0\r\n",
        b"0\r\n\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"A: b\r\n",
        b" fold\r\n",
        b"ffffffffffffffff\r\n",
        b"3",
        b"\r\nabc",
        b"\0",
        b"G",
        b"00",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..16).prop_map(|p| p.concat())
}

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![
        Just(Framing::None),
        (0_u64..40).prop_map(Framing::Length),
        Just(Framing::Chunked),
        Just(Framing::UntilClose)
    ]
}

proptest! {
    /// Where the network happens to cut the stream never changes what is decoded.
    #[test]
    fn any_split_decodes_alike(
        framing in framing(),
        wire in soup(),
        cuts in proptest::collection::vec(0_usize..1000, 0..8),
        eof: bool,
    ) {
        prop_assert_eq!(decode(framing, &wire, &cuts, eof), decode(framing, &wire, &[], eof));
    }

    /// RFC 9112 §7.1: what we write is read as what it was made of, and written verbatim as it was read.
    #[test]
    fn what_is_encoded_decodes_to_the_same(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6),
        trailers: bool,
        cuts in proptest::collection::vec(0_usize..1000, 0..8),
    ) {
        let trailers: Option<Headers> = trailers.then(|| [("A", "b"), ("a", "")].into_iter().collect());
        let mut encoder = BodyEncoder::new(Framing::Chunked, true);
        let mut wire = Vec::new();
        for piece in &pieces {
            let frame = Frame::data(Bytes::copy_from_slice(piece));
            encoder.encode(frame, &mut |out| wire.extend_from_slice(&out)).unwrap();
        }
        let last = Frame { trailers: trailers.clone(), ..Frame::end() };
        encoder.encode(last, &mut |out| wire.extend_from_slice(&out)).unwrap();
        let decoded = decode(Framing::Chunked, &wire, &cuts, false);
        prop_assert_eq!((decoded.data, decoded.trailers, decoded.done), (pieces.concat(), trailers, true));

        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let mut verbatim = BodyEncoder::new(Framing::Chunked, true);
        let (mut buf, mut again) = (BytesMut::new(), Vec::new());
        for piece in wire.chunks(7) {
            buf.extend_from_slice(piece);
            while let Some(frame) = decoder.decode(&mut buf, false).unwrap() {
                verbatim.encode(frame, &mut |out| again.extend_from_slice(&out)).unwrap();
            }
        }
        prop_assert_eq!(again, wire);
    }
}
