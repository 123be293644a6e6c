use super::*;

fn absolute(
    scheme: Scheme,
    userinfo: Option<&'static str>,
    host: &str,
    port: Option<u16>,
    path: &'static str,
) -> Target {
    Target::Absolute {
        scheme,
        userinfo: userinfo.map(|u| Bytes::from_static(u.as_bytes())),
        host: host.into(),
        port,
        path: Bytes::from_static(path.as_bytes()),
    }
}

/// RFC 9112 §3.2.
#[test]
fn targets() {
    use Scheme::{Http, Https};
    for (target, expected) in [
        ("*", Target::Asterisk),
        ("/", Target::Origin),
        ("//h/", Target::Origin),
        ("/?u=http://h/", Target::Origin),
        ("http://h", absolute(Http, None, "h", None, "")),
        ("http://h/", absolute(Http, None, "h", None, "/")),
        (
            "HTTPS://Ex.Example:8443/a b?c#d",
            absolute(Https, None, "Ex.Example", Some(8443), "/a b?c#d"),
        ),
        ("http://h?q", absolute(Http, None, "h", None, "?q")),
        ("http://h:#f", absolute(Http, None, "h", None, "#f")),
        ("http://h?u=a@b", absolute(Http, None, "h", None, "?u=a@b")),
        (
            "http://u:p@q@h:1/",
            absolute(Http, Some("u:p@q"), "h", Some(1), "/"),
        ),
        ("http://@h/", absolute(Http, Some(""), "h", None, "/")),
        (
            "http://[::1]:80/x",
            absolute(Http, None, "::1", Some(80), "/x"),
        ),
        (
            "http://bücher.example/",
            absolute(Http, None, "xn--bcher-kva.example", None, "/"),
        ),
    ] {
        assert_eq!(
            parse_target(&Bytes::from_static(target.as_bytes())),
            Ok(expected),
            "{target}"
        );
    }
}

#[test]
fn targets_that_are_none() {
    let form = |t: &str| UrlError::Form(t.into());
    for (target, error) in [
        ("", form("")),
        ("h:443", form("h:443")),
        ("x", form("x")),
        ("http:/h/", form("http:/h/")),
        ("://h/", form("://h/")),
        ("1http://h/", form("1http://h/")),
        (" http://h/", form(" http://h/")),
        ("ftp://h/", UrlError::Scheme("ftp://h/".into())),
        ("http:///x", UrlError::NoHost(String::new())),
        ("http://:80/", UrlError::NoHost(":80".into())),
        ("http://u@/", UrlError::NoHost(String::new())),
        ("http://a b/", UrlError::Host("a b".into())),
        ("http://a\\b/", UrlError::Host("a\\b".into())),
        ("http://h:x/", UrlError::Port("x".into())),
    ] {
        assert_eq!(
            parse_target(&Bytes::from_static(target.as_bytes())),
            Err(error),
            "{target:?}"
        );
    }
}

/// RFC 9110 §7.2, RFC 3986 §3.2.
#[test]
fn authorities() {
    for (authority, host, port) in [
        ("h", "h", None),
        ("h:", "h", None),
        ("h:1", "h", Some(1)),
        ("h:00080", "h", Some(80)),
        ("h:65535", "h", Some(65535)),
        ("127.0.0.1:8080", "127.0.0.1", Some(8080)),
        ("a_b-c.d%41.", "a_b-c.d%41.", None),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:DB8::1]:", "2001:DB8::1", None),
        ("[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", Some(1)),
        // RFC 6874, and what is written in practice
        ("[fe80::1%25eth0]:1", "fe80::1%eth0", Some(1)),
        ("[fe80::1%eth0]", "fe80::1%eth0", None),
        ("[fe80::1%25]", "fe80::1%25", None),
    ] {
        assert_eq!(
            parse_authority(authority.as_bytes()),
            Ok((host.to_owned(), port)),
            "{authority}"
        );
    }
}

#[test]
fn authorities_that_are_none() {
    let ipv6 = |t: &str| UrlError::Ipv6(t.into());
    let host = |t: &str| UrlError::Host(t.into());
    let port = |t: &str| UrlError::Port(t.into());
    for (authority, error) in [
        (&b""[..], UrlError::NoHost(String::new())),
        (b":80", UrlError::NoHost(":80".into())),
        (b"[]", UrlError::NoHost("[]".into())),
        (b"::1", ipv6("::1")),
        (b"2001:db8::1:443", ipv6("2001:db8::1:443")),
        (b"[::1", ipv6("[::1")),
        (b"[::1]x", ipv6("[::1]x")),
        (b"[1.2.3.4]", ipv6("1.2.3.4")),
        (b"[v1.x]", ipv6("v1.x")),
        (b"[::1%]", ipv6("::1%")),
        (b"[::1%a/b]", ipv6("::1%a/b")),
        (b"[\xff]", ipv6("\u{fffd}")),
        (b"u@h", host("u@h")),
        (b"h\0", host("h\0")),
        (b"h\r", host("h\r")),
        (b"\xff", host("\u{fffd}")),
        (b"h:0", port("0")),
        (b"h:65536", port("65536")),
        (b"h:000080", port("000080")),
        (b"h:-1", port("-1")),
        (b"h: 1", port(" 1")),
    ] {
        assert_eq!(
            parse_authority(authority),
            Err(error),
            "{}",
            authority.escape_ascii()
        );
    }
    let long = "h".repeat(HOST_MAX + 1);
    assert_eq!(parse_authority(long.as_bytes()), Err(UrlError::HostTooLong));
    assert!(parse_authority(&long.as_bytes()[1..]).is_ok());
}

/// RFC 9112 §3.2.3, RFC 9110 §9.3.6.
#[test]
fn connect_targets() {
    let authority = |host: &str, port| {
        Ok(Target::Authority {
            host: host.into(),
            port,
        })
    };
    assert_eq!(parse_connect_target(b"h:443"), authority("h", 443));
    assert_eq!(parse_connect_target(b"[::1]:443"), authority("::1", 443));
    assert_eq!(
        parse_connect_target(b"h"),
        Err(UrlError::NoPort("h".into()))
    );
    assert_eq!(
        parse_connect_target(b"h:"),
        Err(UrlError::NoPort("h:".into()))
    );
    assert_eq!(
        parse_connect_target(b"http://h:80/"),
        Err(UrlError::Host("http://h:80/".into()))
    );
}
