use super::*;

const LEAF: &[u8] = include_bytes!("testdata/leaf.der");

fn shown(der: &[u8]) -> String {
    let mut facts = Facts::default();
    let chain: ratel_flow::Certificates = [bytes::Bytes::copy_from_slice(der)].into();
    certificates::add("Server", &chain, UtcOffset::UTC, &mut facts);
    let lines: Vec<_> = facts.0.iter().map(Text::content).collect();
    lines.join("\n")
}

#[test]
fn certificates_are_read() {
    let text = shown(LEAF);
    for expected in [
        "EC, 256 bits",
        "12:34",
        "CN=service.dev",
        "O=Example",
        "service.dev, *.service.dev, 127.0.0.1, ::1",
        "Valid to",
    ] {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
}

#[test]
fn what_is_no_certificate_is_said_to_be_none() {
    assert!(shown(b"\x1b[2J").contains("4 bytes that are not X.509"));
    for cut in 0..LEAF.len() {
        shown(&LEAF[..cut]);
    }
}
