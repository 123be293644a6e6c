use proptest::prelude::*;

use super::*;

/// What OpenSSL 3 sends for `ratel.example` with `-alpn h2,http/1.1` and a few restrictions.
const OPENSSL: &str = "16030100e0010000dc0303678689285a8e7b1773462b40cf77f3b3c265b506b376c5f0fa7ee7b40d02f84b20502253\
    9d37f1fcac37c2cc83bcd3a69e91e563e4851baa803cf35d359417afb700061301c02f00ff0100008d00000012001000000d726174656c2e65\
    78616d706c65000b000403000102000a00060004001d0017002300000010000e000c02683208687474702f312e310016000000170000000d00\
    06000404030804002b0009080304030303020301002d00020101003300260024001d0020f160022281adc2e13573be90c819364ecf35482b17\
    9dec7d079f8ca020a1b576";

fn openssl() -> Vec<u8> {
    let digits: Vec<_> = OPENSSL.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

fn vec16(contents: &[u8]) -> Vec<u8> {
    [&(contents.len() as u16).to_be_bytes(), contents].concat()
}

/// A handshake message with these extensions, given with their contents.
fn hello(suites: &[u8], extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = [&[3, 3][..], &[7; 32], &[2, 8, 9], &vec16(suites), &[1, 0]].concat();
    let list = extensions
        .iter()
        .map(|(kind, contents)| [&kind.to_be_bytes()[..], &vec16(contents)].concat());
    body.extend(vec16(&list.collect::<Vec<_>>().concat()));
    handshake(1, &body)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = (body.len() as u32).to_be_bytes().to_vec();
    message[0] = kind;
    [&message, body].concat()
}

/// Records of at most `size` bytes (RFC 8446 §5.1).
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |fragment: &[u8]| [&[22, 3, 1][..], &vec16(fragment)].concat();
    message
        .chunks(size)
        .map(record)
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn a_real_one() {
    let wire = openssl();
    let hello = parse(&wire).unwrap().unwrap();
    assert_eq!(hello.legacy_version, 0x0303);
    assert_eq!(hello.random[..4], [0x67, 0x86, 0x89, 0x28]);
    assert_eq!(hello.session_id.len(), 32);
    assert_eq!(hello.cipher_suites, [0x1301, 0xc02f, 0x00ff]);
    assert_eq!(hello.sni.as_deref(), Some("ratel.example"));
    assert_eq!(hello.alpn, ["h2", "http/1.1"]);
    assert_eq!(hello.versions, [0x0304, 0x0303, 0x0302, 0x0301]);
    assert_eq!(hello.max_version(), 0x0304);
    assert_eq!(hello.groups, [0x001d, 0x0017]);
    assert_eq!(hello.signature_algorithms, [0x0403, 0x0804]);
    let kinds: Vec<_> = hello.extensions.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0, 11, 10, 35, 16, 22, 23, 13, 43, 45, 51]);
    assert_eq!(hello.raw, &wire[5..]);
}

/// RFC 8446 §5.1: handshake messages may span records, and records segments.
#[test]
fn however_it_is_cut() {
    let whole = parse(&openssl()).unwrap();
    let message = openssl().split_off(5);
    for size in [1, 2, 3, 5, 100, 16 * 1024] {
        let wire = records(&message, size);
        for cut in 0..wire.len() {
            assert_eq!(parse(&wire[..cut]), Ok(None), "{size} {cut}");
        }
        assert_eq!(parse(&wire), Ok(whole.clone()), "{size}");
        assert_eq!(
            parse(&[&wire[..], b"what follows"].concat()),
            Ok(whole.clone()),
            "{size}"
        );
    }
    // Two messages in a record, and empty records between.
    let mut wire = records(&[], 1);
    wire.extend([22, 3, 3, 0, 0]);
    wire.extend(records(&[&message[..], &[11, 0, 0, 0]].concat(), 1000));
    assert_eq!(parse(&wire), Ok(whole));
}

#[test]
fn offers_of_ech_and_of_early_data_are_seen() {
    let offers = |extensions: &[(u16, &[u8])]| {
        let raw = hello(&[0x13, 0x01], extensions);
        let hello = parse(&records(&raw, 10_000)).unwrap().unwrap();
        (hello.offers_ech(), hello.offers_early_data())
    };
    assert_eq!(offers(&[(43, &[2, 3, 4])]), (false, false));
    assert_eq!(offers(&[(0xfe0d, b"\0\0\x01\0\x01")]), (true, false));
    assert_eq!(offers(&[(42, b"")]), (false, true));
}

/// RFC 8701: GREASE is kept; RFC 8446 §4.2: unknown extensions too, in order, doubles included.
#[test]
fn odd_extensions_are_kept() {
    let raw = hello(
        &[0x1a, 0x1a, 0x13, 0x01, 0xff],
        &[
            (0x5a5a, b""),
            (0xffff, b"x"),
            (0xffff, b"y"),
            (43, &[4, 0x7a, 0x7a, 3, 3]),
            (10, &[0, 4, 0x2a, 0x2a, 0, 29]),
            (16, &[0, 7, 2, b'h', b'2', 9, b'c', b'u', b't']),
            (13, &[0xff]),
            (0, &[0, 4, 0, 0, 1, 0xff]),
        ],
    );
    let hello = parse(&records(&raw, 10_000)).unwrap().unwrap();
    assert_eq!(hello.cipher_suites, [0x1a1a, 0x1301]);
    assert_eq!(
        (hello.versions.as_slice(), hello.max_version()),
        (&[0x7a7a, 0x0303][..], 0x0303)
    );
    assert_eq!(hello.groups, [0x2a2a, 29]);
    assert_eq!(hello.alpn, [&b"h2"[..]]);
    assert_eq!(
        (
            hello.sni,
            hello.signature_algorithms.len(),
            hello.extensions.len()
        ),
        (None, 0, 8)
    );
    assert!(
        hello
            .cipher_suites
            .iter()
            .copied()
            .map(is_grease)
            .eq([true, false])
    );
    assert!(!is_grease(0x1a2a) && !is_grease(0x1b1b));
}

/// RFC 6066 §3.
#[test]
fn server_names() {
    let name = |name: &[u8]| [&[0][..], &vec16(name)].concat();
    for (list, expected) in [
        (name(b"a.example"), Some("a.example")),
        ([name(b"a"), name(b"b")].concat(), Some("a")),
        ([vec![9, 0, 1, b'x'], name(b"b")].concat(), Some("b")),
        (name(b""), None),
        (name(b"a b"), None),
        (name(b"a\0b"), None),
        (name("ä".as_bytes()), None),
        (vec![0, 0, 9, b'x'], None),
        (vec![], None),
    ] {
        let hello = parse(&records(&hello(&[], &[(0, &vec16(&list))]), 1000))
            .unwrap()
            .unwrap();
        assert_eq!(hello.sni.as_deref(), expected, "{list:?}");
    }
}

/// RFC 5246 §7.4.1.2: no extensions at all.
#[test]
fn an_old_one() {
    let body = [&[3, 1][..], &[7; 32], &[0, 0, 2, 0, 47, 1, 0]].concat();
    let hello = parse(&records(&handshake(1, &body), 1000))
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            hello.max_version(),
            hello.cipher_suites,
            hello.extensions.len()
        ),
        (0x0301, vec![47], 0)
    );
}

/// RFC 5246 appendix E.2.
#[test]
fn in_the_framing_of_ssl2() {
    let body = [
        &[1, 3, 1, 0, 6, 0, 2, 0, 16, 0, 0, 47, 7, 0, 0xc0, 8, 9][..],
        &[5; 16],
    ]
    .concat();
    let wire = [&[0x80, body.len() as u8], &body[..]].concat();
    for cut in 0..wire.len() {
        assert_eq!(parse(&wire[..cut]), Ok(None), "{cut}");
    }
    let hello = parse(&[&wire[..], b"more"].concat()).unwrap().unwrap();
    assert_eq!(
        (hello.legacy_version, hello.cipher_suites),
        (0x0301, vec![47])
    );
    assert_eq!(
        (&hello.session_id[..], &hello.raw[..]),
        (&[8, 9][..], &body[..])
    );
    assert_eq!(
        (&hello.random[..16], &hello.random[16..]),
        (&[0; 16][..], &[5; 16][..])
    );
    assert_eq!(parse(&[0x80, 0, 1]), Err(HelloError::Truncated("header")));
    let cut = [0x80, 9, 1, 3, 1, 0, 6, 0, 2, 0, 16];
    assert_eq!(parse(&cut), Err(HelloError::Truncated("cipher suites")));
}

#[test]
fn what_is_none() {
    for (wire, error) in [
        (&b"GET / HTTP/1.1\r\n"[..], HelloError::NotHandshake(b'G')),
        (
            b"\x15\x03\x01\x00\x02\x01\x00",
            HelloError::NotHandshake(21),
        ),
        (b"\x16\x02", HelloError::RecordVersion(2)),
        (b"\x80\x00\x02", HelloError::NotHandshake(0x80)),
        (b"\x16\x03\x01\xff\xff", HelloError::RecordTooLong(0xffff)),
        (b"\x16\x03\x01\x00\x05\x02", HelloError::NotClientHello(2)),
        (
            b"\x16\x03\x01\x00\x05\x01\xff\xff\xff",
            HelloError::TooLarge,
        ),
        (
            b"\x16\x03\x01\x00\x02\x01\x00\x15",
            HelloError::NotHandshake(21),
        ),
        (
            b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
            HelloError::Truncated("version"),
        ),
        (
            b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03",
            HelloError::Truncated("random bytes"),
        ),
    ] {
        assert_eq!(parse(wire), Err(error), "{}", wire.escape_ascii());
    }
    let broken = |body: &[u8]| parse(&records(&handshake(1, &[&[3; 34], body].concat()), 1000));
    for (body, part) in [
        (&b"\x02x"[..], "session id"),
        (b"\x00\x00\x02x", "cipher suites"),
        (b"\x00\x00\x00", "compression methods"),
        (b"\x00\x00\x00\x00\x00", "extensions"),
        (b"\x00\x00\x00\x00\x00\x03\x00\x00\x00", "extensions"),
    ] {
        assert_eq!(broken(body), Err(HelloError::Truncated(part)), "{body:?}");
    }
}

#[test]
fn sizes_are_bounded() {
    let padding = vec![0; 60_000];
    let large = hello(&[], &[(21, &padding)]);
    assert_eq!(
        parse(&records(&large, 16_000)).unwrap().unwrap().extensions[0]
            .1
            .len(),
        60_000
    );
    // Too many bytes of headers for what they carry.
    let wire = records(&large, 1);
    assert_eq!(parse(&wire[..HELLO_MAX]), Ok(None));
    assert_eq!(parse(&wire[..=HELLO_MAX]), Err(HelloError::TooLarge));
    assert_eq!(
        parse(&[22, 3, 1, 0, 0].repeat(HELLO_MAX / 5 + 1)),
        Err(HelloError::TooLarge)
    );
}

proptest! {
    /// Whatever comes: no panic, an answer that more bytes do not change, and nothing larger than what was read.
    #[test]
    fn damaged_ones(
        damage in proptest::collection::vec((0_usize..260, any::<u8>()), 0..6),
        size in 1_usize..300,
        cut in 0_usize..600,
    ) {
        let mut message = openssl().split_off(5);
        for (at, byte) in damage {
            if let Some(target) = message.get_mut(at) {
                *target = byte;
            }
        }
        let wire = records(&message, size);
        let (whole, part) = (parse(&wire), parse(&wire[..cut.min(wire.len())]));
        prop_assert!(part == Ok(None) || part == whole);
        if let Ok(Some(hello)) = whole {
            prop_assert_eq!(&hello.raw[..], &message[..hello.raw.len()]);
            prop_assert!(hello.extensions.iter().map(|(_, contents)| contents.len() + 4).sum::<usize>() <= message.len());
        }
    }
}
