use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const HEADER: &[u8] = b"\x00\x2a\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00";
const QUESTION: &[u8] = b"\x07example\x03org\x00\x00\x01\x00\x01";

fn named(name: &[u8]) -> Result<Message, ReadError> {
    let query = b"\x00\x2a\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    unpack(&[query, name, b"\x00\x01\x00\x01"].concat().into())
}

fn answered(kind: u16, data: &[u8]) -> Message {
    let len = u16::try_from(data.len()).expect("it is short");
    let head = [
        b"\xc0\x0c",
        &kind.to_be_bytes()[..],
        b"\x00\x01\x00\x00\x00\x3c",
        &len.to_be_bytes(),
    ];
    let bytes = [HEADER, QUESTION, &head.concat(), data].concat();
    unpack(&bytes.into()).expect("it is a message")
}

#[test]
fn the_header_has_all_its_bits() {
    let all = Bytes::from_static(b"\x12\x34\xff\xff\0\0\0\0\0\0\0\0");
    let message = unpack(&all).expect("it is a message");
    assert_eq!(
        message,
        Message {
            id: 0x1234,
            query: false,
            op_code: 15,
            authoritative_answer: true,
            truncation: true,
            recursion_desired: true,
            recursion_available: true,
            reserved: 7,
            response_code: 15,
            ..Message::default()
        }
    );
    assert_eq!(pack(&message).as_deref(), Ok(&all[..]));
    for len in 0..all.len() {
        let error = unpack(&all.slice(..len)).expect_err("it is short");
        assert_eq!(error.problem, ReadProblem::Short);
    }
}

#[test]
fn names_are_text_and_become_the_same_bytes() {
    for (wire, text) in [
        (&b"\x07example\x03org\x00"[..], "example.org"),
        (b"\x07EXAmple\x03org\x00", "EXAmple.org"),
        (b"\x00", ""),
        (b"\x0dxn--bcher-kva\x03org\x00", "b\u{fc}cher.org"),
        // What would not become the same is left as it is.
        (b"\x0dxn--BCHER-KVA\x00", "xn--BCHER-KVA"),
        (b"\x06xn--99\x00", "xn--99"),
        (b"\x05_a-b-\x03a b\x00", "_a-b-.a b"),
        (b"\x03a.b\x03org\x00", "a\\.b.org"),
        (b"\x02a\\\x00", "a\\\\"),
        (b"\x03b\xc3\xbc\x00", "b\\195\\188"),
        (b"\x04\\123\x00", "\\\\123"),
    ] {
        let message = named(wire).expect("it is a message");
        assert_eq!(&*message.questions[0].name, text);
        let bytes = pack(&message).expect("it can be written");
        assert_eq!(&bytes[12..bytes.len() - 4], wire, "{text}");
    }
}

#[test]
fn names_without_an_end_are_refused() {
    let long = [&[63; 64][..]; 4].concat();
    for (name, problem) in [
        (&b"\xc0\x0c"[..], ReadProblem::Loop),
        (b"\x01a\xc0\x0c", ReadProblem::LongName),
        (b"\xff\xff", ReadProblem::Short),
        (b"\x3f", ReadProblem::Short),
        (b"\x40a", ReadProblem::Label(0x40)),
        (b"\x80a", ReadProblem::Label(0x80)),
        (&long, ReadProblem::LongName),
    ] {
        let error = named(name).expect_err("it has no end");
        assert_eq!((error.offset, error.problem), (12, problem), "{name:?}");
    }
}

/// RFC 3597 §4: these types, and no others, have names that may be compressed.
#[test]
fn names_in_records_are_given_in_full() {
    let full = &b"\x07example\x03org\x00"[..];
    for (kind, data, expected) in [
        (2, &b"\x02ns\xc0\x0c"[..], [b"\x02ns", full].concat()),
        (5, b"\xc0\x0c", full.to_vec()),
        (5, b"\xc0\x0cxx", [full, &b"xx"[..]].concat()),
        (
            6,
            b"\xc0\x0c\x01r\xc0\x0c01234567890123456789",
            [full, b"\x01r", full, b"01234567890123456789"].concat(),
        ),
        (12, b"\xc0\x0c", full.to_vec()),
        (15, b"\0\x0a\xc0\x0c", [b"\0\x0a", full].concat()),
        (
            33,
            b"\0\x01\0\x02\0\x50\xc0\x0c",
            [b"\0\x01\0\x02\0\x50", full].concat(),
        ),
        // Not what their type says, or of a type without names.
        (2, b"\x02ns\xc0\xff", b"\x02ns\xc0\xff".to_vec()),
        (2, b"\xc0", b"\xc0".to_vec()),
        (15, b"\0", b"\0".to_vec()),
        (16, b"\x03\xc0\x0cx", b"\x03\xc0\x0cx".to_vec()),
        (65, b"\0\x01\xc0\x0c", b"\0\x01\xc0\x0c".to_vec()),
        (1, b"\x7f\0\0\x01", b"\x7f\0\0\x01".to_vec()),
    ] {
        let message = answered(kind, data);
        assert_eq!(message.answers[0].data, expected, "type {kind}");
        assert_eq!(&*message.answers[0].name, "example.org");
        assert_eq!(message.answers[0].ttl, 60);
        let again = pack(&message).expect("it can be written");
        assert_eq!(unpack(&again.into()), Ok(message));
    }
}

#[test]
fn a_count_alone_takes_no_memory() {
    let many = Bytes::from_static(b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(unpack(&many).map_err(|error| error.offset), Err(12));
    let questions = [&many[..], &vec![0; 5 * 65535]].concat();
    let error = unpack(&questions.into()).expect_err("there are no answers");
    assert_eq!(error.problem, ReadProblem::Short);
}

#[test]
fn what_cannot_be_written_is_refused() {
    let with = |name: &str| Message {
        questions: vec![Question {
            name: name.into(),
            kind: 1,
            class: 1,
        }],
        ..Message::default()
    };
    for name in ["a.b.", ".", "fa\u{df}.de", "a\\.b"] {
        assert!(pack(&with(name)).is_ok(), "{name}");
    }
    for name in ["a..b", ".a", "a\\256", &"a".repeat(64)] {
        let error = pack(&with(name)).expect_err("it is no name");
        assert!(matches!(error, PackError::Label(_)), "{name}: {error}");
    }
    let long = ["a"; 128].join(".");
    assert_eq!(pack(&with(&long)), Err(PackError::LongName(long)));
}

fn arbitrary() -> impl Strategy<Value = Message> {
    let label = prop_oneof![
        "[a-z0-9_-]{1,12}",
        "[ -~]{1,8}".prop_map(|text| text.replace('\\', "\\\\").replace('.', "\\.")),
        Just("b\u{fc}cher".to_owned()),
        Just("\\255\\128".to_owned()),
    ];
    let label = label.prop_filter("read as another", |label| !label.starts_with("xn--"));
    let name = prop::collection::vec(label, 0..5).prop_map(|labels| labels.join("."));
    let resource = (
        name.clone(),
        any::<u16>(),
        any::<u16>(),
        any::<u32>(),
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_filter("its data would be read", |(_, kind, ..)| {
            // Data that holds names by chance may have pointers in it.
            !matches!(kind, 2..=9 | 12 | 14 | 15 | 17 | 18 | 21 | 26 | 33)
        })
        .prop_map(|(name, kind, class, ttl, data)| Resource {
            name: name.into(),
            kind,
            class,
            ttl,
            data: data.into(),
        });
    let question = (name, any::<u16>(), any::<u16>()).prop_map(|(name, kind, class)| Question {
        name: name.into(),
        kind,
        class,
    });
    let section = prop::collection::vec(resource, 0..3);
    (
        (
            any::<u16>(),
            0..16_u8,
            0..8_u8,
            0..16_u8,
            any::<[bool; 5]>(),
        ),
        prop::collection::vec(question, 0..3),
        [section.clone(), section.clone(), section],
    )
        .prop_map(
            |((id, op_code, reserved, response_code, bits), questions, sections)| {
                let [answers, authorities, additionals] = sections;
                Message {
                    id,
                    query: bits[0],
                    op_code,
                    authoritative_answer: bits[1],
                    truncation: bits[2],
                    recursion_desired: bits[3],
                    recursion_available: bits[4],
                    reserved,
                    response_code,
                    questions,
                    answers,
                    authorities,
                    additionals,
                }
            },
        )
}

proptest! {
    #[test]
    fn messages_are_read_as_they_were_written(message in arbitrary()) {
        let bytes = pack(&message).expect("it can be written");
        prop_assert_eq!(unpack(&bytes.into()), Ok(message));
    }

    #[test]
    fn whatever_can_be_read_can_be_written(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = unpack(&bytes.into()) {
            let again = pack(&message).expect("it can be written");
            prop_assert!(unpack(&again.into()).is_ok());
        }
    }
}
