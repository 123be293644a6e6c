use proptest::prelude::*;

use super::super::testing::{edited, shown};

const TYPE: &str = "application/dns-message";

const ANSWER: &[u8] = b"\x12\x34\x81\xa0\0\x01\0\x02\0\0\0\x01\x07example\x03org\0\0\x01\0\x01\
    \xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\x7f\0\0\x01\
    \xc0\x0c\0\x0f\0\x01\0\0\0\x01\0\x07\0\x0a\x02mx\xc0\x0c\
    \0\0\x29\x10\0\0\0\0\0\0\0";

#[test]
fn an_answer_is_read_with_its_compressed_names() {
    insta::assert_snapshot!(shown(TYPE, ANSWER), @r"
    id: 4660
    query: false
    op_code: QUERY
    authoritative_answer: false
    truncation: false
    recursion_desired: true
    recursion_available: true
    reserved: 2
    response_code: NOERROR
    questions:
    - name: example.org
      type: A
      class: IN
    answers:
    - name: example.org
      type: A
      class: IN
      ttl: 3600
      data: 127.0.0.1
    - name: example.org
      type: MX
      class: IN
      ttl: 1
      data: 10 mx.example.org
    authorities: []
    additionals:
    - name: ''
      type: OPT
      class: CLASS(4096)
      ttl: 0
      data: 0x
    size: 11
    ");
    let framed = [&[0, ANSWER.len() as u8][..], ANSWER].concat();
    assert_eq!(shown(TYPE, &framed), shown(TYPE, ANSWER));
}

fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    super::names::write(text, &mut out).expect("a name");
    out
}

/// A message with a record.
fn answer(kind: u16, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).expect("short").to_be_bytes();
    [
        &b"\0\x01\x85\x83\0\0\0\x01\0\0\0\0"[..],
        &name("a.b"),
        &kind.to_be_bytes(),
        b"\0\x01\0\0\0\x3c",
        &len,
        data,
    ]
    .concat()
}

#[test]
fn records_of_each_type_go_both_ways() {
    for (kind, data, text) in [
        (1, b"\x01\x02\x03\x04".to_vec(), "data: 1.2.3.4"),
        (1, b"\x01".to_vec(), "data: '0x01'"),
        (28, [[0; 15].to_vec(), vec![1]].concat(), "data: ::1"),
        (2, name("ns.x"), "data: ns.x"),
        (5, b"\0".to_vec(), "data: ''"),
        (6, [name("m"), name("r"), (1..=5_u32).flat_map(u32::to_be_bytes).collect()].concat(), "data: m r 1 2 3 4 5"),
        (15, [&b"\0\x05"[..], &name("mx.x")].concat(), "data: 5 mx.x"),
        (16, b"\x03abc".to_vec(), "data: abc"),
        (16, b"\x03abc\x02de".to_vec(), "data:\n  - abc\n  - de"),
        (16, b"\x04abc".to_vec(), "data: '0x04616263'"),
        (16, b"\x050xabc".to_vec(), "data: '0x053078616263'"),
        (16, b"\x01\xff".to_vec(), "data: '0x01ff'"),
        (33, [&b"\0\x01\0\x02\x01\xbb"[..], &name("t.x")].concat(), "data: 1 2 443 t.x"),
        (257, b"\x00\x05issuepki.example; a=b".to_vec(), "data: 0 issue pki.example; a=b"),
        (999, b"\x01\x02".to_vec(), "data: '0x0102'"),
        (
            65,
            [&b"\0\x01\0\0\x01\0\x03\x02h2\0\x03\0\x02\x20\xfb\0\x04\0\x04\x01\x02\x03\x04\0\x05\0\x01\xff\x01\0\0\0"[..]].concat(),
            "data:\n    target_name: ''\n    priority: 1\n    alpn:\n    - h2\n    port: 8443\n    ipv4hint:\n    - 1.2.3.4\n    ech: '0xff'\n    key256: 0x",
        ),
        (64, [&b"\0\0"[..], &name("x.y")].concat(), "data:\n    target_name: x.y\n    priority: 0"),
    ] {
        let message = answer(kind, &data);
        let all = shown(TYPE, &message);
        assert!(all.contains(&format!("  {text}\n")), "{kind}: {all}");
        let again = edited("dns", TYPE, &message, |text| format!("{text}# remark"));
        assert_eq!(again, Ok(message), "{kind}");
    }
}

#[test]
fn what_is_edited_is_checked() {
    let of = |from: &str, to: &str| {
        edited("dns", TYPE, ANSWER, |text| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        })
    };
    let changed = of("data: 127.0.0.1", "data: 127.0.0.2").expect("an address");
    assert!(shown(TYPE, changed).contains("data: 127.0.0.2"));
    for (from, to, error) in [
        (
            "data: 127.0.0.1",
            "data: 127.0.0",
            "line 19, column 9: '127.0.0' is no IPv4 address",
        ),
        (
            "type: MX",
            "type: NOPE",
            "line 21, column 9: 'NOPE' is neither a name nor a number",
        ),
        (
            "id: 4660",
            "id: 65536",
            "line 1, column 5: this is no number from 0 to 65535",
        ),
        (
            "query: false",
            "query: maybe",
            "line 2, column 8: this is neither true nor false",
        ),
        (
            "name: example.org\n  type: A\n  class: IN\nanswers",
            "name: a..b\n  type: A\nanswers",
            "line 11, column 9: a part of a name has",
        ),
        (
            "size: 11",
            "sise: 11",
            "line 32, column 1: a message has no 'sise'",
        ),
        ("  ttl: 3600\n", "", ""),
        ("  type: MX\n", "", "line 20, column 3: the type is missing"),
    ] {
        match of(from, to) {
            Ok(_) => assert_eq!(error, "", "{to}"),
            Err(said) => assert!(said.starts_with(error) && !error.is_empty(), "{to}: {said}"),
        }
    }
    // A length in front of the message is there again.
    let framed = [&[0, ANSWER.len() as u8][..], ANSWER].concat();
    let changed = edited("dns", TYPE, &framed, |text| {
        text.replace("id: 4660", "id: 1")
    })
    .expect("a message");
    let len = usize::from(u16::from_be_bytes([changed[0], changed[1]]));
    assert_eq!((len, changed[3]), (changed.len() - 2, 1));
    let more = [ANSWER, b"more"].concat();
    assert!(
        edited("dns", TYPE, &more, |text| text.into())
            .unwrap_err()
            .contains("follows the records")
    );
}

#[test]
fn loops_and_ends_are_seen() {
    let header = b"\0\0\0\0\0\x01\0\0\0\0\0\0";
    for name in [
        &b"\xc0\x0c\0\x01\0\x01"[..],
        b"\x3f",
        b"\x80",
        b"",
        b"\x01a",
    ] {
        assert!(!shown(TYPE, [&header[..], name].concat()).contains("questions"));
    }
    let many = [
        &b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        &[0; 500_000],
    ]
    .concat();
    assert_eq!(shown(TYPE, many).lines().count(), 1000);
}

#[test]
fn an_id_that_looks_like_a_length_is_an_id() {
    let mut message = answer(1, &[0; 10]);
    let len = u16::try_from(message.len() - 2).unwrap();
    message[..2].copy_from_slice(&len.to_be_bytes());
    assert!(shown(TYPE, &message).starts_with(&format!("id: {len}\n")));
    let framed = [&(len + 2).to_be_bytes()[..], &message].concat();
    assert!(shown(TYPE, &framed).starts_with(&format!("id: {len}\n")));
}

proptest! {
    /// Whatever records say, in a form of their own or not.
    #[test]
    fn any_record_comes_back(
        kind in prop_oneof![prop::sample::select(vec![1_u16, 2, 5, 6, 12, 15, 16, 28, 33, 39, 64, 65, 99, 257]), any::<u16>()],
        data in prop_oneof![prop::collection::vec(any::<u8>(), 0..30), prop::collection::vec(0_u8..5, 0..30)],
        id in any::<u16>(),
        flags in any::<u16>(),
    ) {
        let mut message = answer(kind, &data);
        message[..2].copy_from_slice(&id.to_be_bytes());
        message[2..4].copy_from_slice(&flags.to_be_bytes());
        let again = edited("dns", TYPE, &message, |text| format!("{text}# remark"));
        // Names that were compressed are in full.
        let shown_again = again.map(|again| shown(TYPE, again));
        let size = |text: &str| text.lines().filter(|line| !line.starts_with("size")).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(shown_again.map(|text| size(&text)), Ok(size(&shown(TYPE, &message))));
    }
}
