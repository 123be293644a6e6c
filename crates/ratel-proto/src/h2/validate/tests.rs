//! Each violation, by name.

use super::*;

fn head(fields: &[(&str, &str)]) -> Head {
    let (pseudo, headers): (Vec<_>, Vec<_>) =
        fields.iter().partition(|(name, _)| name.starts_with(':'));
    Head {
        pseudo: pseudo.into_iter().copied().collect(),
        headers: headers.into_iter().copied().collect(),
        late_pseudo: false,
    }
}

const REQUEST: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "a.example"),
    (":path", "/"),
];

/// The usual request with these fields in the place of, or after, its own; an empty value for a pseudo-header leaves it
/// out.
fn with(fields: &[(&str, &str)]) -> Result<(), Violation> {
    let mut all = REQUEST.to_vec();
    for (name, value) in fields {
        let place = all.iter().position(|(known, _)| known == name);
        match place {
            Some(place) if value.is_empty() => drop(all.remove(place)),
            Some(place) => all[place].1 = value,
            None => all.push((name, value)),
        }
    }
    request(&head(&all))
}

#[test]
fn ordinary_messages_pass() {
    for fields in [
        &[][..],
        &[("te", "trailers"), ("content-length", "0"), ("x-empty", "")],
        &[("host", "A.example")],
        &[("host", "b.example"), (":authority", "")],
        &[(":method", "OPTIONS"), (":path", "*")],
        &[(":method", "CONNECT"), (":path", ""), (":scheme", "")],
        &[(":method", "CONNECT"), (":protocol", "websocket")],
        &[(":path", "/\u{e4}?a=|")],
    ] {
        assert_eq!(with(fields), Ok(()), "{fields:?}");
    }
    assert_eq!(response(&head(&[(":status", "200"), ("a", "b")])), Ok(()));
    assert_eq!(trailers(&head(&[("grpc-status", "0")]).headers), Ok(()));
}

#[test]
fn each_violation_of_a_request_has_a_name() {
    use Violation as V;
    let s = str::to_owned;
    let unfit = |name, method| V::PseudoUnfit {
        name,
        method: s(method),
    };
    for (fields, violation) in [
        (&[("", "v")][..], V::NameEmpty),
        (&[("X-a", "v")], V::NameUpperCase(s("X-a"))),
        (&[("a b", "v")], V::Name(s("a b"))),
        (&[("A b", "v")], V::Name(s("A b"))),
        (&[("a:b", "v")], V::Name(s("a:b"))),
        (&[("a", "v\n")], V::Value(s("a"))),
        (&[("a", "\0")], V::Value(s("a"))),
        (&[("a", "v ")], V::ValuePadded(s("a"))),
        (&[("a", "\tv")], V::ValuePadded(s("a"))),
        (
            &[("connection", "close")],
            V::ConnectionField(s("connection")),
        ),
        (
            &[("transfer-encoding", "chunked")],
            V::ConnectionField(s("transfer-encoding")),
        ),
        (&[("upgrade", "x")], V::ConnectionField(s("upgrade"))),
        (&[("te", "gzip")], V::Te(s("gzip"))),
        (&[("content-length", "+1")], V::ContentLength(s("+1"))),
        (&[(":other", "x")], V::PseudoUnknown(s(":other"))),
        (&[(":status", "200")], V::PseudoUnknown(s(":status"))),
        (&[(":Method", "GET")], V::PseudoUnknown(s(":Method"))),
        (&[(":method", "")], V::PseudoMissing(":method")),
        (&[(":scheme", "")], V::PseudoMissing(":scheme")),
        (&[(":path", "")], V::PseudoMissing(":path")),
        (&[(":path", "x")], V::Path(s("x"))),
        (&[(":path", "*")], V::Path(s("*"))),
        (&[(":path", "/a b")], V::Path(s("/a b"))),
        (&[(":path", "/a\r\n")], V::Value(s(":path"))),
        (&[(":method", "G T")], V::Method(s("G T"))),
        (&[(":scheme", "http://x")], V::Scheme(s("http://x"))),
        (&[(":authority", "u@a")], V::Authority(s("u@a"))),
        (&[(":authority", "a/b")], V::Authority(s("a/b"))),
        (&[(":authority", "")], V::AuthorityMissing),
        (
            &[("host", "b")],
            V::HostDiffers {
                authority: s("a.example"),
                host: s("b"),
            },
        ),
        (&[(":method", "CONNECT")], unfit(":scheme", "CONNECT")),
        (
            &[(":method", "CONNECT"), (":scheme", "")],
            unfit(":path", "CONNECT"),
        ),
        (&[(":protocol", "websocket")], unfit(":protocol", "GET")),
        (
            &[
                (":method", "CONNECT"),
                (":protocol", "x"),
                (":authority", ""),
            ],
            V::PseudoMissing(":authority"),
        ),
        (
            &[
                (":method", "CONNECT"),
                (":authority", ""),
                (":path", ""),
                (":scheme", ""),
            ],
            V::PseudoMissing(":authority"),
        ),
    ] {
        assert_eq!(with(fields), Err(violation), "{fields:?}");
    }
}

#[test]
fn what_is_there_twice_or_late_is_refused() {
    let mut twice = head(&[&REQUEST[..], &[(":path", "/")]].concat());
    assert_eq!(request(&twice), Err(Violation::PseudoRepeated(":path")));
    twice.late_pseudo = true;
    assert_eq!(request(&twice), Err(Violation::PseudoLate));
    let lengths = [("content-length", "1"), ("content-length", "1")];
    let lengths = head(&[&REQUEST[..], &lengths].concat());
    assert_eq!(request(&lengths), Err(Violation::SeveralContentLengths(2)));
    let hosts = head(
        &[
            &REQUEST[..],
            &[("host", "a.example"), ("host", "a.example")],
        ]
        .concat(),
    );
    assert!(matches!(
        request(&hosts),
        Err(Violation::HostDiffers { .. })
    ));
}

#[test]
fn each_violation_of_a_response_or_of_trailers_has_a_name() {
    let missing = Violation::PseudoMissing(":status");
    assert_eq!(response(&head(&[])), Err(missing));
    for status in ["20", "2000", "abc", "099"] {
        let expected = Violation::Status(status.to_owned());
        assert_eq!(response(&head(&[(":status", status)])), Err(expected));
    }
    let unknown = Violation::PseudoUnknown(":path".to_owned());
    assert_eq!(response(&head(&[(":path", "/")])), Err(unknown));
    let headers: Headers = [("a", "b"), (":status", "200")].into_iter().collect();
    let pseudo = Violation::PseudoTrailer(":status".to_owned());
    assert_eq!(trailers(&headers), Err(pseudo));
}
