use proptest::prelude::*;

use super::super::testing::{edited, shown};

const TYPE: &str = "application/msgpack";

#[test]
fn values_of_every_kind() {
    let data = b"\x8a\xa1a\x01\xa4list\x95\xff\xc0\xc3\xcb\x3f\xf8\0\0\0\0\0\0\xd1\xff\x00\
        \xa3map\x81\xa1b\x90\xa3bin\xc4\x02\x00\xff\xa4text\xd9\x04true\x07\xd6\xff\0\0\0\x01\
        \xa5lines\xa4a\nb\n\x92\x01\x80\xca\x3f\x8c\xcc\xcd\xa3old\xa2\xff\x00\xa1m\x92\x92\x01\x02\x81\xa1x\x01";
    insta::assert_snapshot!(shown(TYPE, data), @r"
    a: 1
    list:
    - -1
    - null
    - true
    - 1.5
    - -256
    map:
      b: []
    bin: !binary 00ff
    text: 'true'
    7: !ext/-1 '00000001'
    lines: |
      a
      b
    ? - 1
      - {}
    : !float32 1.1
    old: !raw ff00
    m:
    - - 1
      - 2
    - x: 1
    ");
    assert_eq!(
        edited("msgpack", TYPE, data, |text| text.into()),
        Ok(data.to_vec())
    );
    let changed = edited("msgpack", TYPE, data, |text| {
        text.replace("a: 1\n", "a: 2\n")
    });
    let expected: Vec<u8> = data[..]
        .iter()
        .enumerate()
        .map(|(nth, b)| if nth == 3 { 2 } else { *b })
        .collect();
    // The text was sent with a length of its own, which is not the shortest.
    let expected = [&expected[..58], b"\xa4true", &expected[64..]].concat();
    assert_eq!(changed.map(|bytes| bytes.len()), Ok(expected.len()));
}

#[test]
fn what_is_no_msgpack_is_shown_as_it_is() {
    for data in [
        &b"\x81"[..],
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\x01\x02",
        b"\xdb\xff\xff\xff\xffx",
    ] {
        assert!(!shown(TYPE, data).is_empty(), "{data:?}");
        assert!(edited("msgpack", TYPE, data, |text| text.into()).is_err());
    }
    assert!(!shown(TYPE, vec![0x91; 100_000]).is_empty());
}

#[test]
fn edited_text_becomes_values() {
    for (text, expected) in [
        ("[1, 300, -5, -200, 5000000000, -5000000000]", &b"\x96\x01\xcd\x01\x2c\xfb\xd1\xff\x38\xcf\0\0\0\x01\x2a\x05\xf2\x00\xd3\xff\xff\xff\xfe\xd5\xfa\x0e\x00"[..]),
        ("a: {b: [true, ~]}", b"\x81\xa1a\x81\xa1b\x92\xc3\xc0"),
        ("!binary 00ff", b"\xc4\x02\x00\xff"),
        ("!ext/5 00", b"\xd4\x05\x00"),
        ("!ext/5 000000", b"\xc7\x03\x05\0\0\0"),
        ("!float32 1.5", b"\xca\x3f\xc0\0\0"),
        ("1.5", b"\xcb\x3f\xf8\0\0\0\0\0\0"),
        ("'1'", b"\xa11"),
        ("", b"\xc0"),
    ] {
        assert_eq!(edited("msgpack", TYPE, b"\xc0", |_| text.into()), Ok(expected.to_vec()), "{text}");
    }
    for (text, error) in [
        ("a: !binary 0", "line 1, column 12: "),
        (
            "a:\n- !nope x",
            "line 2, column 9: there is no tag !nope in MessagePack",
        ),
        (
            "18446744073709551616",
            "line 1, column 1: the number is larger than 64 bits",
        ),
        ("!ext/200 00", "line 1, column 10: the kind of an extension"),
        ("a: [", "line 1"),
    ] {
        let said = edited("msgpack", TYPE, b"\xc0", |_| text.into()).unwrap_err();
        assert!(said.starts_with(error), "{text}: {said}");
    }
}

/// A value in its shortest form.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        (0_u8..=0x7f).prop_map(|b| vec![b]),
        (0xe0_u8..).prop_map(|b| vec![b]),
        prop::sample::select(vec![vec![0xc0], vec![0xc2], vec![0xc3]]),
        (0x100_u16..).prop_map(|n| [&[0xcd][..], &n.to_be_bytes()].concat()),
        (0x1_0000_0000_u64..).prop_map(|n| [&[0xcf][..], &n.to_be_bytes()].concat()),
        (i64::MIN..-0x8000_0001).prop_map(|n| [&[0xd3][..], &n.to_be_bytes()].concat()),
        any::<u32>().prop_map(|n| [&[0xca][..], &n.to_be_bytes()].concat()),
        any::<u64>().prop_map(|n| [&[0xcb][..], &n.to_be_bytes()].concat()),
        "[a-z1\\-: \n#'\"]{0,20}"
            .prop_map(|s| [&[0xa0 | s.len() as u8][..], s.as_bytes()].concat()),
        prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|v| [&[0xc4, v.len() as u8][..], &v].concat()),
        prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|v| [&[0xa0 | v.len() as u8][..], &v].concat()),
        (any::<u8>(), any::<u64>()).prop_map(|(k, n)| [&[0xd7, k][..], &n.to_be_bytes()].concat()),
        (any::<u8>(), any::<[u8; 3]>()).prop_map(|(k, n)| [&[0xc7, 3, k][..], &n].concat()),
    ];
    scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|v| [
                vec![0x90 | v.len() as u8],
                v.concat()
            ]
            .concat()),
            prop::collection::vec((inner.clone(), inner), 0..5).prop_map(|v| {
                let entries: Vec<u8> = v
                    .iter()
                    .flat_map(|(k, v)| [k.clone(), v.clone()].concat())
                    .collect();
                [vec![0x80 | v.len() as u8], entries].concat()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_comes_back(data in any_value()) {
        // A line more is a change, so that the text is read.
        let again = edited("msgpack", TYPE, &data, |text| format!("{text}# end\n"));
        prop_assert_eq!(again, Ok(data));
    }
}
