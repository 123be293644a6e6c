//! The examples of RFC 7541 appendix C, and what both sides make of each other.

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::Headers;
use crate::headers::FieldRef;

const LIMIT: usize = 64 * 1024;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
    digits.chunks(2).map(|two| pair(two).unwrap()).collect()
}

fn headers(block: &Block) -> Headers {
    Headers::from_wire(block.wire.clone(), block.fields.clone(), false)
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Headers, HpackError> {
    let block = decoder.decode(block, LIMIT, false)?;
    assert!(!block.too_large && block.pseudo.is_empty());
    Ok(headers(&block))
}

fn check(decoder: &mut Decoder, block: &str, expected: &[(&str, &str)]) {
    let expected: Headers = expected.iter().copied().collect();
    assert_eq!(decode(decoder, &hex(block)), Ok(expected));
}

#[test]
fn literals_of_rfc_7541_c_2() {
    let mut decoder = Decoder::new(4096);
    check(
        &mut decoder,
        "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
        &[("custom-key", "custom-header")],
    );
    check(
        &mut decoder,
        "040c 2f73 616d 706c 652f 7061 7468",
        &[(":path", "/sample/path")],
    );
    let secret = hex("1008 7061 7373 776f 7264 0673 6563 7265 74");
    let secret = decode(&mut decoder, &secret).unwrap();
    let field = secret.fields().next().unwrap();
    assert_eq!(
        (field.name, field.value),
        (&b"password"[..], &b"secret"[..])
    );
    assert!(field.never_indexed);
    check(&mut decoder, "82", &[(":method", "GET")]);
    check(&mut decoder, "be", &[("custom-key", "custom-header")]);
}

#[test]
fn requests_of_rfc_7541_c_3_and_c_4() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let huffman = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    let get = (":method", "GET");
    let host = (":authority", "www.example.com");
    let expected: [&[(&str, &str)]; 3] = [
        &[get, (":scheme", "http"), (":path", "/"), host],
        &[
            get,
            (":scheme", "http"),
            (":path", "/"),
            host,
            ("cache-control", "no-cache"),
        ],
        &[
            get,
            (":scheme", "https"),
            (":path", "/index.html"),
            host,
            ("custom-key", "custom-value"),
        ],
    ];
    for blocks in [plain, huffman] {
        let mut decoder = Decoder::new(4096);
        for (block, expected) in blocks.iter().zip(expected) {
            check(&mut decoder, block, expected);
        }
    }
}

#[test]
fn responses_of_rfc_7541_c_5_and_c_6() {
    let plain = [
        "3fe1 01 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 \
         474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f \
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b \
         2076 6572 7369 6f6e 3d31",
    ];
    let huffman = [
        "3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 \
         63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 \
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    let private = ("cache-control", "private");
    let date = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
    let location = ("location", "https://www.example.com");
    let cookie = (
        "set-cookie",
        "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    );
    let expected: [&[(&str, &str)]; 3] = [
        &[(":status", "302"), private, date, location],
        &[(":status", "307"), private, date, location],
        &[
            (":status", "200"),
            private,
            ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
            location,
            ("content-encoding", "gzip"),
            cookie,
        ],
    ];
    for blocks in [plain, huffman] {
        // The examples have a table of 256 bytes; its size is set in front of the first one.
        let mut decoder = Decoder::new(4096);
        for (block, expected) in blocks.iter().zip(expected) {
            check(&mut decoder, block, expected);
        }
    }
}

#[test]
fn fields_are_laid_out_as_lines() {
    let mut decoder = Decoder::new(4096);
    let block = hex("8286 84be 5808 6e6f 2d63 6163 6865");
    let mut first = hex("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d");
    decoder.decode(&first, LIMIT, true).unwrap();
    let decoded = decoder.decode(&block, LIMIT, true).unwrap();
    let headers = headers(&decoded);
    assert_eq!(headers.to_wire(), &b"cache-control: no-cache\r\n"[..]);
    assert!(matches!(headers.to_wire(), std::borrow::Cow::Borrowed(_)));
    assert_eq!(decoded.pseudo.len(), 4);
    assert!(!decoded.late_pseudo);
    first.splice(0..0, block);
    assert!(decoder.decode(&first, LIMIT, true).unwrap().late_pseudo);
}

#[test]
fn what_can_not_be_understood_is_refused() {
    for (block, error) in [
        ("80", HpackError::Index(0)),
        ("be", HpackError::Index(62)),
        ("ff ff ff ff ff 0f", HpackError::Integer),
        ("40", HpackError::Truncated),
        ("0f", HpackError::Truncated),
        ("41 05 61", HpackError::Truncated),
        ("41 81 00", HpackError::Huffman),
        ("7f ff", HpackError::Truncated),
        ("7f 00 01 61", HpackError::Index(63)),
        (
            "3f e2 1f",
            HpackError::TableSize {
                size: 4097,
                limit: 4096,
            },
        ),
        ("82 20", HpackError::TableSizeLate),
    ] {
        let found = decode(&mut Decoder::new(4096), &hex(block));
        assert_eq!(found, Err(error), "{block}");
    }
}

#[test]
fn a_lower_limit_must_be_obeyed_by_the_next_block() {
    let mut decoder = Decoder::new(0);
    decode(&mut decoder, &hex("4001 6101 62")).unwrap();
    decoder.set_limit(0);
    let missing = Err(HpackError::TableSizeMissing);
    assert_eq!(decode(&mut decoder, &hex("82")), missing);
    check(&mut decoder, "2082", &[(":method", "GET")]);
    assert_eq!(decode(&mut decoder, &hex("be")), Err(HpackError::Index(62)));
}

#[test]
fn of_a_block_that_is_too_large_only_the_table_is_followed() {
    let mut decoder = Decoder::new(4096);
    // A field of 1000 bytes, three times, and one that is added behind the limit.
    let mut block = hex("4001 6e 7f e8 06".trim());
    block.extend([b'x'; 999]);
    block.extend([0xbe, 0xbe]);
    block.extend(hex("4001 6101 62"));
    let decoded = decoder.decode(&block, 2100, false).unwrap();
    assert!(decoded.too_large);
    assert_eq!(decoded.fields.len(), 2);
    check(&mut decoder, "be", &[("a", "b")]);
    block.extend([0xbf; 40]);
    let limit = 2100 * 16;
    let too_large = decoder.decode(&block, 2100, false).unwrap_err();
    assert_eq!(too_large, HpackError::TooLarge { limit });
}

fn encode(encoder: &mut Encoder, fields: &Headers) -> BytesMut {
    let mut out = BytesMut::new();
    encoder.begin(&mut out);
    fields
        .fields()
        .for_each(|field| encoder.field(&mut out, field));
    out
}

#[test]
fn a_field_that_comes_again_costs_a_byte_but_for_secrets() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let fields: Headers = [
        (":method", "GET"),
        (":path", "/a/path"),
        ("user-agent", "a browser"),
        ("x-own", "value"),
        ("cookie", "a-long-cookie-that-nobody-guesses"),
        ("cookie", "short"),
        ("authorization", "Basic 1234"),
    ]
    .into_iter()
    .collect();
    let first = encode(&mut encoder, &fields);
    let second = encode(&mut encoder, &fields);
    let decoded = decode(&mut decoder, &first).unwrap();
    assert_eq!(decoded, fields);
    let never: Vec<_> = decoded.fields().map(|f| f.never_indexed).collect();
    assert_eq!(never, [false, false, false, false, false, true, true]);
    assert_eq!(decode(&mut decoder, &second), Ok(fields));
    // One each for the method, the agent, the own field, the long cookie; path, short cookie and credentials in full.
    assert_eq!(second.len(), 4 + (1 + 1 + 7) + (2 + 1 + 5) + (2 + 1 + 10));
}

#[test]
fn a_field_whose_value_always_changes_stops_driving_others_out() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let kept: Headers = [("x-kept", "value")].into_iter().collect();
    encode(&mut encoder, &kept);
    for n in 0..1000 {
        let id: Headers = [("x-request-id", format!("{n:036}"))].into_iter().collect();
        encode(&mut encoder, &id);
    }
    assert_eq!(encode(&mut encoder, &kept).len(), 1);
    let never = decode(&mut decoder, b"\xff");
    assert_eq!(never, Err(HpackError::Truncated));
}

#[test]
fn the_size_of_the_peers_table_is_kept_to_and_said() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let fields: Headers = [("x-own", "value")].into_iter().collect();
    let mut pass = |encoder: &mut Encoder, begins: &[u8]| {
        let block = encode(encoder, &fields);
        assert!(block.starts_with(begins), "{block:02x?}");
        assert_eq!(decode(&mut decoder, &block).as_ref(), Ok(&fields));
        block.len()
    };
    pass(&mut encoder, b"\x40");
    assert_eq!(pass(&mut encoder, b"\xbe"), 1);
    // Down and up again: the entry is gone all the same.
    encoder.set_limit(0);
    encoder.set_limit(100);
    pass(&mut encoder, b"\x20\x3f\x45\x40");
    encoder.set_limit(100_000);
    assert_eq!(pass(&mut encoder, b"\x3f\xe1\x1f\xbe"), 4);
    encoder.set_limit(0);
    pass(&mut encoder, b"\x20\x00");
    pass(&mut encoder, b"\x00");
}

fn a_field() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, bool)> {
    let names = prop_oneof![
        Just(b":path".to_vec()),
        Just(b"cookie".to_vec()),
        Just(b"x-a".to_vec()),
        Just(b"".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    let values = prop_oneof![
        Just(b"/".to_vec()),
        Just(b"always the same, and a bit longer".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..60),
        proptest::collection::vec(any::<u8>(), 0..3000),
    ];
    (names, values, any::<bool>())
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        blocks in proptest::collection::vec(
            (proptest::collection::vec(a_field(), 0..12), proptest::option::of(0_u32..6000)), 1..20)
    ) {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(6000));
        for (fields, resize) in blocks {
            if let Some(limit) = resize {
                encoder.set_limit(limit);
            }
            let mut sent = Headers::new();
            for (name, value, never_indexed) in &fields {
                sent.push(FieldRef { name, value, never_indexed: *never_indexed });
            }
            let block = encode(&mut encoder, &sent);
            let received = headers(&decoder.decode(&block, LIMIT, false).unwrap());
            prop_assert_eq!(&sent, &received);
            for (sent, received) in sent.fields().zip(received.fields()) {
                prop_assert!(received.never_indexed || !sent.never_indexed);
            }
        }
    }

    #[test]
    fn any_bytes_decode_or_fail_within_bounds(block in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut decoder = Decoder::new(4096);
        for _ in 0..2 {
            if let Ok(decoded) = decoder.decode(&block, 1000, true) {
                prop_assert!(decoded.wire.len() <= 1000);
            }
        }
    }
}
