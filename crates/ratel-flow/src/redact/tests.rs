use std::io::Write as _;

use bytes::Bytes;
use proptest::prelude::*;
use ratel_proto::tnetstring::Value;

use super::*;
use crate::export::{Exported, Format, export};
use crate::io::har::HarWriter;
use crate::record::ReadMessages;
use crate::testing::{at, exchange, flow};
use crate::{
    Body, Detail, FlowError, Headers, HttpRecord, Message, MessageFlags, MessageKind, Messages,
    Side, WebSocketRecord,
};

fn redactor(rules: &[&str]) -> Redactor {
    let rules = rules.iter().copied().chain(["salt:test"]);
    Redactor::from_rules(rules).unwrap()
}

/// What stands for a secret with these redactors.
fn mark(secret: &str) -> String {
    Key::of_salt("test").placeholder(secret.as_bytes())
}

fn redacted(rules: &[&str], http: HttpRecord) -> HttpRecord {
    let record = redactor(rules).redact(&flow(http));
    record.http().unwrap().clone()
}

fn fields(headers: &Headers) -> String {
    String::from_utf8_lossy(&headers.to_wire()).replace("\r\n", "|")
}

fn body(body: &Body) -> Vec<u8> {
    body.whole(1 << 20).unwrap().unwrap().to_vec()
}

fn text(content: &Body) -> String {
    String::from_utf8(body(content)).unwrap()
}

fn message(kind: MessageKind, content: &[u8]) -> Message {
    Message {
        side: Side::Client,
        kind,
        flags: MessageFlags::default(),
        timestamp: at(40),
        content: Bytes::copy_from_slice(content),
    }
}

#[test]
fn headers_keep_their_shape() {
    let mut http = exchange("GET", "/");
    http.request.headers = [
        ("Authorization", "Bearer abc.def"),
        ("Proxy-Authorization", "Basic dXNlcjpodW50ZXIyMg=="),
        ("cookie", "a=1; sid=\"x; y\"; flag"),
        ("X-Api-Key", "k e y"),
        ("X-Plain", "abc.def and hunter22"),
        ("Content-Length", "0"),
    ]
    .into_iter()
    .collect();
    let response = http.response.as_mut().unwrap();
    response.headers = [("Set-Cookie", "sid=new-value; Path=/new-value; HttpOnly")]
        .into_iter()
        .collect();
    let http = redacted(&["default"], http);
    assert_eq!(
        fields(&http.request.headers),
        format!(
            "Authorization: Bearer {}|Proxy-Authorization: Basic {}|cookie: a={}; sid=\"{}\"; flag|X-Api-Key: {}|X-Plain: {} and {}|\
             Content-Length: 0|",
            mark("abc.def"),
            mark("dXNlcjpodW50ZXIyMg=="),
            mark("1"),
            mark("x; y"),
            mark("k e y"),
            mark("abc.def"),
            mark("hunter22"),
        )
    );
    assert_eq!(
        fields(&http.response.unwrap().headers),
        format!(
            "Set-Cookie: sid={0}; Path=/{0}; HttpOnly|",
            mark("new-value")
        )
    );
}

#[test]
fn a_rule_touches_what_it_names_alone() {
    let mut http = exchange("GET", "/?token=t0ps3cret&x=1");
    http.request.headers = [
        ("Cookie", "a=first; b=second"),
        ("Authorization", "Bearer z"),
    ]
    .into_iter()
    .collect();
    let http = redacted(&["cookie:b"], http);
    assert_eq!(
        fields(&http.request.headers),
        format!(
            "Cookie: a=first; b={}|Authorization: Bearer z|",
            mark("second")
        )
    );
    assert_eq!(&http.request.path[..], b"/?token=t0ps3cret&x=1");
    let empty = Redactor::from_rules::<&str>([]).unwrap();
    assert!(empty.is_empty() && !redactor(&["userinfo"]).is_empty());
}

#[test]
fn urls_stay_urls() {
    let mut http = exchange("GET", "/a?token=s%2Fcret99&x=1");
    http.request.target = "http://u:p%40ss9999@h.test/a?token=s%2Fcret99&x=1".into();
    http.request.line =
        Some("GET  http://u:p%40ss9999@h.test/a?token=s%2Fcret99&x=1 HTTP/1.1\r\n".into());
    http.request.pseudo = [
        (":path", "/a?token=s%2Fcret99&x=1"),
        (":authority", "h.test"),
    ]
    .into_iter()
    .collect();
    http.request.headers = [
        ("Referer", "https://r.test/?q=1&token=other-one"),
        ("X", "p@ss9999"),
    ]
    .into_iter()
    .collect();
    let http = redacted(&["default"], http);
    let (token, password) = (mark("s/cret99"), mark("p@ss9999"));
    let url = format!("http://u:{password}@h.test/a?token={token}&x=1");
    assert_eq!(http.request.path, format!("/a?token={token}&x=1"));
    assert_eq!(http.request.target, url);
    assert_eq!(
        http.request.line.unwrap(),
        format!("GET  {url} HTTP/1.1\r\n")
    );
    assert_eq!(
        fields(&http.request.pseudo),
        format!(":path: /a?token={token}&x=1|:authority: h.test|")
    );
    assert_eq!(
        fields(&http.request.headers),
        format!(
            "Referer: https://r.test/?q=1&token={}|X: {password}|",
            mark("other-one")
        )
    );
}

fn with_body(content_type: &str, encoding: &str, content: &[u8]) -> HttpRecord {
    let mut http = exchange("POST", "/");
    let headers = &mut http.response.as_mut().unwrap().headers;
    headers.append(b"Content-Type", content_type.as_bytes());
    if !encoding.is_empty() {
        headers.append(b"Content-Encoding", encoding.as_bytes());
    }
    headers.append(b"Content-Length", content.len().to_string().as_bytes());
    http.response_body = Bytes::copy_from_slice(content).into();
    http
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bodies_are_decoded_when_they_change() {
    let json = br#"{"user":"u","password":"hunter22","pin":1234}"#;
    let http = redacted(
        &["default"],
        with_body("application/json", "gzip", &gzip(json)),
    );
    let expected = format!(
        r#"{{"user":"u","password":"{}","pin":"{}"}}"#,
        mark("hunter22"),
        mark("1234")
    );
    assert_eq!(text(&http.response_body), expected);
    assert_eq!(
        fields(&http.response.unwrap().headers),
        format!(
            "Content-Type: application/json|Content-Length: {}|",
            expected.len()
        )
    );

    let harmless = gzip(b"{\"a\":1}");
    let http = redacted(
        &["default"],
        with_body("application/json", "gzip", &harmless),
    );
    assert_eq!(body(&http.response_body), harmless);
    assert!(http.response.unwrap().headers.contains("content-encoding"));
}

#[test]
fn what_cannot_be_looked_into_is_left_out() {
    let packed = gzip(br#"{"password":"hunter22","x":"yyyyyyyyyyyyyyyyyyyyyyy"}"#);
    let record =
        redactor(&["default"]).redact(&flow(with_body("a/b", "gzip", b"\x1f\x8b\x08\0\0")));
    assert!(record.http().unwrap().response_body.is_missing());
    assert_eq!(
        &*record.annotations.comment,
        "the body of the response is left out by redaction, since it is no gzip"
    );
    let record = redactor(&["default"]).redact(&flow(with_body("a/b", "strange", &packed)));
    assert!(
        record
            .annotations
            .comment
            .contains("unknown content-encoding strange")
    );

    // The part before the damage is kept, and is what is left.
    let cut = &packed[..packed.len() - 12];
    let http = redacted(&["default"], with_body("a/b", "gzip", cut));
    let left = text(&http.response_body);
    assert!(
        left.starts_with(&format!("{{\"password\":\"{}\"", mark("hunter22"))),
        "{left}"
    );
    assert!(!http.response.unwrap().headers.contains("content-encoding"));

    #[derive(Debug)]
    struct Huge;
    impl crate::record::ReadBody for Huge {
        fn len(&self) -> u64 {
            BODY_MAX as u64 + 1
        }
        fn read(&self, _: std::ops::Range<u64>) -> std::io::Result<Bytes> {
            panic!("it is too long to be read");
        }
    }
    let mut http = exchange("GET", "/");
    http.response_body = Body::Lazy(Arc::new(Huge));
    let record = redactor(&["default"]).redact(&flow(http));
    assert!(record.http().unwrap().response_body.is_missing());
    assert!(record.annotations.comment.contains("longer than 64 MiB"));
}

#[test]
fn forms_of_both_kinds() {
    let mut http = exchange("POST", "/");
    http.request
        .headers
        .append(b"Content-Type", b"application/x-www-form-urlencoded");
    http.request_body = Bytes::from_static(b"user=a&password=p+w%21&token=").into();
    assert_eq!(
        text(&redacted(&["default"], http).request_body),
        format!("user=a&password={}&token=", mark("p w!"))
    );

    let mut http = exchange("POST", "/");
    http.request
        .headers
        .append(b"Content-Type", b"multipart/form-data; boundary=bb");
    let form = "--bb\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\np w!\r\n\
        --bb\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--bb--\r\n";
    http.request_body = Bytes::from_static(form.as_bytes()).into();
    assert_eq!(
        text(&redacted(&["form:password"], http).request_body),
        form.replace("p w!", &mark("p w!"))
    );
}

#[test]
fn text_in_wide_charsets_stays_in_them() {
    let wide = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let http = with_body("application/json", "", &wide("{\"password\":\"hünter22\"}"));
    let expected = wide(&format!("{{\"password\":\"{}\"}}", mark("hünter22")));
    assert_eq!(body(&redacted(&["default"], http).response_body), expected);
}

#[test]
fn data_keeps_its_lengths() {
    let mut http = with_body(
        "application/x-protobuf",
        "",
        b"\x0a\x08hunter22\x10\x01\0\0",
    );
    http.request.headers.append(b"X-Token", b"hunter22");
    let http = redacted(&["default"], http);
    let left = body(&http.response_body);
    assert_eq!(
        (left.len(), &left[..2], &left[10..]),
        (14, &b"\x0a\x08"[..], &b"\x10\x01\0\0"[..])
    );
    assert!(left[2..10].iter().all(u8::is_ascii_hexdigit));
}

fn frame(flags: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len() as u32;
    [&[flags], &len.to_be_bytes()[..], content].concat()
}

#[test]
fn messages_of_grpc_are_opened() {
    let json = br#"{"token":"hunter22"}"#;
    let stream = [
        frame(1, &gzip(json)),
        frame(0, b"\x0a\x08hunter22"),
        frame(0x80, b"x-token: hunter22\r\n"),
        vec![0, 0],
    ]
    .concat();
    let mut http = with_body("application/grpc-web+json", "", &stream);
    http.response
        .as_mut()
        .unwrap()
        .headers
        .append(b"grpc-encoding", b"gzip");
    let expected = [
        frame(
            0,
            format!("{{\"token\":\"{}\"}}", mark("hunter22")).as_bytes(),
        ),
        frame(0, format!("\x0a\x08{}", mark("hunter22")).as_bytes()),
        frame(
            0x80,
            format!("x-token: {}\r\n", mark("hunter22")).as_bytes(),
        ),
        vec![0, 0],
    ]
    .concat();
    assert_eq!(
        body(&redacted(&["default"], http.clone()).response_body),
        expected
    );

    // What is compressed in a way that nobody knows.
    http.response
        .as_mut()
        .unwrap()
        .headers
        .set("grpc-encoding", b"snappy");
    let left = body(&redacted(&["default"], http).response_body);
    assert!(left.starts_with(&frame(0, b"")));
}

#[test]
fn messages_of_websockets_also_when_they_are_read_later() {
    let list = vec![
        message(MessageKind::Text, b"42[\"login\",{\"token\":\"hunter22\"}]"),
        message(MessageKind::Binary, b"\0\x08hunter22\xff"),
    ];
    #[derive(Debug)]
    struct Later(Vec<Message>);
    impl ReadMessages for Later {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }
        fn read(&self, number: u64) -> std::io::Result<Message> {
            Ok(self.0[number as usize].clone())
        }
    }
    for messages in [
        Messages::List(list.clone()),
        Messages::Lazy(Arc::new(Later(list))),
    ] {
        let mut http = exchange("GET", "/");
        http.request.headers.append(b"X-Note", b"hunter22");
        http.websocket = Some(WebSocketRecord {
            messages,
            close_reason: Some("hunter22".into()),
            ..WebSocketRecord::default()
        });
        let http = redacted(&["json:token"], http);
        let websocket = http.websocket.unwrap();
        let left: Vec<Message> = websocket.messages.iter().map(Result::unwrap).collect();
        assert_eq!(
            left[0].content,
            format!("42[\"login\",{{\"token\":\"{}\"}}]", mark("hunter22"))
        );
        assert_eq!(left[1].content.len(), 11);
        assert!(memchr::memmem::find(&left[1].content, b"hunter22").is_none());
        assert_eq!(
            websocket.close_reason.as_deref(),
            Some(&mark("hunter22")[..])
        );
        assert_eq!(
            fields(&http.request.headers),
            format!("X-Note: {}|", mark("hunter22"))
        );
    }
}

#[test]
fn what_is_said_about_a_flow() {
    let mut http = exchange("GET", "/");
    http.request
        .headers
        .append(b"Authorization", b"Bearer hunter22");
    let mut record = flow(http);
    record.annotations.comment = "works with hunter22 only".into();
    let pair = vec![Value::Str("user".into()), Value::Str("pw".into())];
    record.annotations.metadata = vec![("proxyauth".into(), Value::List(pair))];
    record.error = Some(FlowError {
        message: "no hunter22 today".into(),
        hint: None,
        by_client: false,
        timestamp: at(0),
    });
    record.backup = Some(Box::new(record.clone()));
    let record = redactor(&["default"]).redact(&record);
    assert!(!format!("{record:?}").contains("hunter22"), "{record:?}");
    let pair = vec![Value::Str("user".into()), Value::Str(mark("pw").into())];
    assert_eq!(
        record.annotations.metadata,
        [("proxyauth".into(), Value::List(pair))]
    );
}

#[test]
fn host_names_are_for_patterns() {
    let mut http = exchange("GET", "/");
    http.request.headers.append(b"Host", b"site.example");
    let record = redactor(&["pattern:/site\\.example/"]).redact(&flow(http));
    let request = &record.http().unwrap().request;
    let mark = mark("site.example");
    assert_eq!(request.url(), format!("https://{mark}/"));
    assert_eq!(
        record.server_conn.as_ref().unwrap().address.0,
        mark.clone().into()
    );
    assert_eq!(fields(&request.headers), format!("Host: {mark}|"));
}

#[test]
fn raw_connections_keep_their_lengths_where_they_are_no_text() {
    let mut record = flow(exchange("GET", "/"));
    record.detail = Detail::Tcp(Messages::List(vec![
        message(MessageKind::Data, b"AUTH {\"password\":\"hunter22\"}\r\n"),
        message(MessageKind::Data, b"\0\0\0\x08hunter22\0\0\0\0\0\0"),
    ]));
    let record = redactor(&["json:password"]).redact(&record);
    let Detail::Tcp(messages) = &record.detail else {
        panic!("it is another kind of flow");
    };
    let left: Vec<Message> = messages.iter().map(Result::unwrap).collect();
    assert_eq!(
        left[0].content,
        format!("AUTH {{\"password\":\"{}\"}}\r\n", mark("hunter22"))
    );
    assert_eq!(left[1].content.len(), 18);
    assert!(memchr::memmem::find(&left[1].content, b"hunter22").is_none());
}

/// What is left of messages of one kind, with the same texts in memory and elsewhere.
fn pieces(rules: &[&str], kind: MessageKind, pieces: &[(Side, &[u8])]) -> Vec<Vec<u8>> {
    #[derive(Debug)]
    struct Elsewhere(Vec<Message>);
    impl ReadMessages for Elsewhere {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }
        fn read(&self, number: u64) -> std::io::Result<Message> {
            Ok(self.0[number as usize].clone())
        }
    }
    let list: Vec<Message> = pieces
        .iter()
        .map(|(side, content)| Message {
            side: *side,
            ..message(kind, content)
        })
        .collect();
    let [here, elsewhere] = [
        Messages::List(list.clone()),
        Messages::Lazy(Arc::new(Elsewhere(list))),
    ]
    .map(|messages| {
        let mut record = flow(exchange("GET", "/"));
        record.detail = Detail::Tcp(messages);
        let record = redactor(rules).redact(&record);
        let Detail::Tcp(messages) = record.detail else {
            panic!("it is another kind of flow");
        };
        let left = messages
            .iter()
            .map(|message| message.unwrap().content.to_vec());
        left.collect::<Vec<_>>()
    });
    assert_eq!(here, elsewhere);
    here
}

#[test]
fn secrets_in_pieces_are_found_where_they_meet() {
    use Side::{Client, Server};
    let (secret, filler) = (mark("hunter22"), "x".repeat(2000));
    let texts = |rules: &[&str], kind, list: &[(Side, &str)]| {
        let list: Vec<(Side, &[u8])> = list.iter().map(|(s, text)| (*s, text.as_bytes())).collect();
        let left = pieces(rules, kind, &list);
        left.into_iter()
            .map(|text| String::from_utf8(text).unwrap())
            .collect::<Vec<_>>()
    };
    // In two pieces, with something of the other side between them.
    let left = texts(
        &["json:token"],
        MessageKind::Text,
        &[
            (Client, "{\"token\": \"hun"),
            (Server, "not mine"),
            (Client, "ter22\", \"a\": 1}"),
            (Server, "hunter22"),
        ],
    );
    assert_eq!(
        left,
        [
            &format!("{{\"token\": \"{secret}")[..],
            "not mine",
            "\", \"a\": 1}",
            &secret,
        ]
    );
    // In as many pieces as it has letters, and between long ones.
    let letters = ["h", "u", "n", "t", "e", "r", "2", "2"].map(|letter| (Client, letter));
    let mut list = vec![(Server, "https://h/?token=hunter22 ")];
    list.extend(letters);
    list.extend([(Server, &filler[..]), (Client, &filler[..])]);
    let left = texts(&["query:token"], MessageKind::Binary, &list);
    assert_eq!(left[1..9].concat(), secret);
    assert_eq!(left[9..], [filler.clone(), filler.clone()]);
    // A stream is searched as one.
    let list = [
        (Client, "GET /?token=hun"),
        (Client, "ter22 HTTP/1.1\r\nX-Id: id-"),
        (Client, "123\r\n\r\n"),
    ];
    let left = texts(
        &["query:token", "pattern:/id-\\d+/"],
        MessageKind::Data,
        &list,
    );
    let id = mark("id-123");
    assert_eq!(
        left.concat(),
        format!("GET /?token={secret} HTTP/1.1\r\nX-Id: {id}\r\n\r\n")
    );
    // Messages that have nothing to do with each other are left alone.
    let list = [
        (Client, "https://h/?token=hunter22"),
        (Client, "next"),
        (Client, "id-"),
        (Client, "1"),
    ];
    let left = texts(
        &["query:token", "pattern:/id-\\d+/"],
        MessageKind::Text,
        &list,
    );
    assert_eq!(left[1..], ["next", "id-", "1"]);
    // Data keeps its lengths, message by message.
    let left = pieces(
        &["json:token"],
        MessageKind::Data,
        &[
            (Client, b"\0\x1e{\"token\":\"hunter22\"}"),
            (Client, b"\0\x08hunt"),
            (Client, b"er22\0\0"),
        ],
    );
    let lengths: Vec<_> = left.iter().map(Vec::len).collect();
    assert_eq!(lengths, [22, 6, 6]);
    assert!(
        !left
            .concat()
            .windows(4)
            .any(|four| four == b"hunt" || four == b"er22")
    );
}

#[test]
fn secrets_in_pieces_are_found_across_blocks() {
    for before in [62, 63, 64, 127, 128] {
        let mut list: Vec<(Side, &[u8])> = vec![(Side::Client, b"-"); before];
        list.extend([
            (Side::Client, &b"{\"token\":\"hun"[..]),
            (Side::Client, b"ter22\"}"),
        ]);
        let left = pieces(&["json:token"], MessageKind::Text, &list);
        let end = left[before..].concat();
        assert_eq!(
            String::from_utf8(end).unwrap(),
            format!("{{\"token\":\"{}\"}}", mark("hunter22")),
            "{before}"
        );
    }
}

/// All forms in which a flow may leave.
fn exported(record: &Record) -> Vec<u8> {
    let http = record.http().unwrap();
    let request_body = http.request_body.whole(1 << 20).unwrap();
    let response_body = http.response_body.whole(1 << 20).unwrap();
    let exported = Exported {
        request: &http.request,
        request_body: request_body.as_deref(),
        response: http
            .response
            .as_ref()
            .map(|response| (response, response_body.as_deref())),
    };
    let mut out = Vec::new();
    for format in Format::ALL {
        out.extend(export(format, &exported).unwrap_or_default());
        out.push(b'\n');
    }
    let mut writer = HarWriter::new(Vec::new()).unwrap();
    writer.write(record).unwrap();
    out.extend(writer.finish().unwrap());
    crate::io::write_record(record, &mut out).unwrap();
    out
}

fn percent(secret: &str) -> String {
    let mut out = Vec::new();
    crate::form::encode(secret.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

fn quoted(secret: &str) -> String {
    let mut out = Vec::new();
    crate::json::quote(secret.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

proptest! {
    /// Whatever the secret is and wherever a rule finds it, it is in nothing that leaves; nor does it when that is redacted
    /// again.
    #[test]
    fn no_secret_leaves(secret in "[!#-+\\--:<-~äß€ ]{8,24}", place in 0..8_usize, packed: bool) {
        let secret = secret.trim();
        prop_assume!(secret.len() >= 8 && !secret.contains("  "));
        let mut http = exchange("POST", &format!("/p?x={}", percent(secret)));
        http.request.target = http.request.path.clone();
        let json = format!("{{\"note\":{0},\"n\":[{0}]}}", quoted(secret));
        let mut content = json.clone().into_bytes();
        match place {
            0 => http.request.headers.append(b"Authorization", format!("Bearer {secret}").as_bytes()),
            1 => http.request.headers.append(b"Cookie", format!("s={secret}").as_bytes()),
            2 => http.response.as_mut().unwrap().headers.append(b"Set-Cookie", format!("s={secret}; Path=/").as_bytes()),
            3 => content = format!("{{\"password\":{},\"x\":{json}}}", quoted(secret)).into_bytes(),
            4 => {
                http.request.headers.append(b"content-type", b"application/x-www-form-urlencoded");
                http.request_body = Bytes::from(format!("a=b&password={}", percent(secret))).into();
            }
            5 => http.request.headers.append(b"Referer", format!("http://u:{}@h/", percent(secret).replace('+', "%20")).as_bytes()),
            6 => http.request.headers.append(b"x-auth-token", secret.as_bytes()),
            _ => http.request.path = format!("/p?token={}", percent(secret)).into(),
        }
        http.request.headers.append(b"X-Again", secret.as_bytes());
        let headers = &mut http.response.as_mut().unwrap().headers;
        headers.append(b"Content-Type", b"application/json");
        if packed {
            headers.append(b"Content-Encoding", b"gzip");
            content = gzip(&content);
        }
        http.response_body = Bytes::from(content).into();
        let redactor = redactor(&["default"]);
        let once = redactor.redact(&flow(http));
        let out = exported(&once);
        for form in [secret.to_owned(), percent(secret), quoted(secret).trim_matches('"').to_owned()] {
            // A cookie ends at a semicolon, a header at its ends: what is written there is another secret.
            let found = memchr::memmem::find(&out, form.as_bytes());
            prop_assert!(found.is_none(), "{:?} in {}", form, String::from_utf8_lossy(&out));
        }
        let again = exported(&redactor.redact(&once));
        prop_assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&out));
    }

    /// Nothing that is no secret changes, and nothing hostile harms.
    #[test]
    fn any_flow_can_be_redacted(
        path in "/[ -~]{0,30}",
        name in "[a-zA-Z-]{1,15}",
        value: Vec<u8>,
        kind in prop_oneof!["", "application/json", "application/grpc", "multipart/form-data; boundary=a", "text/html"],
        encoding in prop_oneof!["", "gzip", "br"],
        content: Vec<u8>,
    ) {
        let mut http = exchange("GET", &path);
        http.request.headers.append(name.as_bytes(), &value);
        let response = http.response.as_mut().unwrap();
        response.headers.append(b"Content-Type", kind.as_bytes());
        response.headers.append(b"Content-Encoding", encoding.as_bytes());
        http.response_body = Bytes::from(content).into();
        let record = flow(http);
        let _ = redactor(&["default", "pattern:/a+b?/"]).redact(&record);
        let same = redactor(&["header:never", "json:never", "query:never", "form:never", "cookie:never"]).redact(&record);
        prop_assert_eq!(
            &same.http().unwrap().request.headers,
            &record.http().unwrap().request.headers
        );
        prop_assert_eq!(&same.http().unwrap().request.path, &record.http().unwrap().request.path);
    }
}
