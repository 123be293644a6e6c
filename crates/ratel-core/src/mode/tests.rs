use super::*;

fn kind(spec: &str) -> (ModeKind, Option<String>, Option<u16>) {
    let mode: ProxyMode = spec
        .parse()
        .unwrap_or_else(|error| panic!("{spec}: {error}"));
    assert_eq!(mode.to_string(), spec);
    (mode.kind, mode.listen_host, mode.listen_port)
}

fn refusal(spec: &str) -> String {
    let error = spec.parse::<ProxyMode>().unwrap_err();
    let text = error.to_string();
    let start = format!("invalid mode '{spec}': ");
    text.strip_prefix(&start)
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

fn reverse(scheme: ReverseScheme, host: &str, port: u16) -> ModeKind {
    ModeKind::Reverse {
        scheme,
        host: host.to_owned(),
        port,
    }
}

#[test]
fn regular() {
    for spec in ["regular", "Regular", "REGULAR:"] {
        assert_eq!(kind(spec), (ModeKind::Regular, None, None), "{spec}");
    }
}

#[test]
fn listen_addresses() {
    let rows = [
        ("regular@0", None, 0),
        ("regular@9000", None, 9000),
        ("regular@:9000", Some(""), 9000),
        ("regular@localhost:9000", Some("localhost"), 9000),
        ("regular@127.0.0.1:9000", Some("127.0.0.1"), 9000),
        ("regular@::1:9000", Some("::1"), 9000),
        ("regular@[::1]:9000", Some("::1"), 9000),
        (
            "reverse:https://example.org:444@::1:9000",
            Some("::1"),
            9000,
        ),
    ];
    for (spec, host, port) in rows {
        let (_, listen_host, listen_port) = kind(spec);
        assert_eq!(
            (listen_host.as_deref(), listen_port),
            (host, Some(port)),
            "{spec}"
        );
    }
}

#[test]
fn reverse_targets() {
    use ReverseScheme::{Http, Https};
    let rows = [
        ("reverse:https://example.org", Https, "example.org", 443),
        ("reverse:http://example.org", Http, "example.org", 80),
        ("reverse:example.org", Https, "example.org", 443),
        ("reverse:example.org:8443", Https, "example.org", 8443),
        ("reverse:example.org/", Https, "example.org", 443),
        ("Reverse:HTTPS://Example.org:1/", Https, "Example.org", 1),
        ("reverse:http://127.0.0.1:65535", Http, "127.0.0.1", 65535),
        ("reverse:http://[::1]", Http, "::1", 80),
        ("reverse:http://[::1]:8000/", Http, "::1", 8000),
        (
            "reverse:http://my_service.local.",
            Http,
            "my_service.local.",
            80,
        ),
        (
            "reverse:https://xn--bcher-kva.example",
            Https,
            "xn--bcher-kva.example",
            443,
        ),
        (
            "reverse:https://Bücher.example",
            Https,
            "xn--bcher-kva.example",
            443,
        ),
    ];
    for (spec, scheme, host, port) in rows {
        assert_eq!(kind(spec).0, reverse(scheme, host, port), "{spec}");
    }
}

#[test]
fn refusals() {
    let rows = [
        ("", "there is no mode ''"),
        ("nonsense", "there is no mode 'nonsense'"),
        ("@8080", "there is no mode '@8080'"),
        ("https://example.org", "this is a URL, not a mode"),
        (
            "regular:x",
            "mode 'regular' takes nothing after the colon, not 'x'",
        ),
        ("regular@", "invalid port '' after the '@'"),
        ("regular@x", "invalid port 'x' after the '@'"),
        ("regular@+1", "invalid port '+1' after the '@'"),
        ("regular@65536", "invalid port '65536' after the '@'"),
        ("regular@a b:1", "invalid listen address 'a b'"),
        ("reverse", "the server is missing"),
        ("reverse:https://", "the server is missing"),
        ("reverse:ftp://a", "there is no scheme 'ftp'"),
        (
            "reverse:tcp://a:1",
            "scheme 'tcp' is not available yet: raw TCP flows come in a later release",
        ),
        (
            "reverse:https://a/b",
            "'/b' cannot be part of it, since the path of each request is passed on as the client sends it",
        ),
        (
            "reverse:https://a?b",
            "'?b' cannot be part of it, since the path of each request is passed on as the client sends it",
        ),
        ("reverse:https://a:0", "invalid port '0'"),
        ("reverse:https://a:", "invalid port ''"),
        ("reverse:https://a:b", "invalid port 'b'"),
        ("reverse:https://a:99999", "invalid port '99999'"),
        ("reverse:https://-a", "'-a' is not a valid host name"),
        ("reverse:https://a..b", "'a..b' is not a valid host name"),
        (
            "reverse:https://bü cher.example",
            "'bü cher.example' is not a valid host name",
        ),
        (
            "reverse:https://u:p@example.org",
            "credentials in the URL are not supported",
        ),
        (
            "reverse:http://u:p@example.org:3000@9000",
            "credentials in the URL are not supported",
        ),
        (
            "reverse:https://u@example.org",
            "invalid port 'example.org' after the '@'",
        ),
        ("reverse:http://::1", "an IPv6 address needs brackets"),
        (
            "reverse:http://[::1",
            "the closing ']' of the IPv6 address is missing",
        ),
        ("reverse:http://[a]", "'a' is not an IPv6 address"),
        ("reverse:http://[::1]x", "'x' is not a port"),
        (
            "Transparent",
            "mode 'transparent' is not available yet: transparent interception comes in a later release",
        ),
        (
            "upstream:http://a",
            "mode 'upstream' is not available yet: forwarding to another proxy comes in a later release",
        ),
        (
            "socks5@1080",
            "mode 'socks5' is not available yet: SOCKS comes in a later release",
        ),
        (
            "osproxy",
            "mode 'osproxy' was renamed to 'local', which is not available yet",
        ),
    ];
    for (spec, reason) in rows {
        assert_eq!(refusal(spec), reason);
    }
}

#[test]
fn hints_say_what_to_write() {
    let hint = |spec: &str| spec.parse::<ProxyMode>().unwrap_err().hint().unwrap();
    assert_eq!(
        hint("https://a"),
        "to put the proxy in front of it, write `reverse:https://a`"
    );
    assert_eq!(
        hint("reverse:https://a:1/b?c"),
        "write `reverse:https://a:1` and put the path into the client's URL"
    );
    assert_eq!(hint("reverse:http://::1"), "write `[::1]`");
    assert_eq!(
        hint("reverse:http://u:p@example.org:3000"),
        "write `http://example.org:3000`; what clients send as `Authorization` is passed on"
    );
}

#[test]
fn addresses_and_collisions() {
    let all = |specs: &[&str]| parse_all(specs, "", None).map_err(|error| error.to_string());
    assert_eq!(
        all(&[
            "regular",
            "reverse:https://a@8081",
            "reverse:https://b@127.0.0.1:8080"
        ])
        .unwrap()
        .len(),
        3
    );
    assert_eq!(all(&["regular@0", "regular@0"]).unwrap().len(), 2);
    assert!(all(&[]).unwrap().is_empty());
    assert_eq!(
        all(&["regular", "reverse:https://a@8080"]).unwrap_err(),
        "modes 'regular' and 'reverse:https://a@8080' would both listen on *:8080"
    );
    let error = parse_all(&["regular@9000", "reverse:a"], "::1", Some(9000)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "modes 'regular@9000' and 'reverse:a' would both listen on ::1:9000"
    );
    assert_eq!(
        error.hint().unwrap(),
        "give one of them a port of its own, such as `--mode reverse:a@8081`"
    );

    let mode: ProxyMode = "regular@localhost:1".parse().unwrap();
    assert_eq!(mode.address("0.0.0.0", Some(2)), ("localhost", 1));
    let mode: ProxyMode = "regular".parse().unwrap();
    assert_eq!(mode.address("0.0.0.0", Some(2)), ("0.0.0.0", 2));
    assert_eq!(mode.address("", None), ("", 8080));
}

#[test]
fn descriptions() {
    let rows = [
        ("regular@1", "HTTP(S) proxy"),
        (
            "reverse:https://example.org@9000",
            "reverse proxy to https://example.org",
        ),
        (
            "reverse:localhost:3000@127.0.0.1:9000",
            "reverse proxy to https://localhost:3000",
        ),
        (
            "reverse:http://[::1]:8000/",
            "reverse proxy to http://[::1]:8000",
        ),
    ];
    for (spec, described) in rows {
        let mode: ProxyMode = spec.parse().unwrap();
        assert_eq!(mode.describe(), described, "{spec}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_panics(spec in "\\PC{0,40}") {
        let _ = spec.parse::<ProxyMode>();
    }

    #[test]
    fn near_misses_do_not_panic(spec in "(regular|reverse)[:@/\\[\\]a-z0-9.é]{0,30}") {
        let _ = spec.parse::<ProxyMode>();
    }
}
