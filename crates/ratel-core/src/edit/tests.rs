use ratel_flow::{Timestamp, Version};

use ratel_flow::content::Coding;

use super::*;
use crate::store::tests::{request, response};

fn draft(path: &str, fields: &[(&str, &str)], body: &[u8]) -> Draft {
    let mut request = request(path);
    for (name, value) in fields {
        request.headers.append(name.as_bytes(), value.as_bytes());
    }
    let http = HttpRecord {
        response: Some(response(200)),
        response_body: Body::Bytes(Bytes::from_static(b"hello")),
        ..HttpRecord::new(request, Body::Bytes(Bytes::copy_from_slice(body)))
    };
    Draft::new(&http)
}

fn texts(rows: &[Row]) -> Vec<String> {
    let row = |row: &Row| {
        let cells = row
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).into_owned());
        cells.collect::<Vec<_>>().join("|")
    };
    rows.iter().map(row).collect()
}

fn rows(texts: &[&str]) -> Vec<Row> {
    let row = |text: &&str| {
        text.split('|')
            .map(|cell| cell.as_bytes().to_vec())
            .collect()
    };
    texts.iter().map(row).collect()
}

#[test]
fn attributes() {
    let mut draft = draft("/a?b", &[], b"");
    for (name, value) in [
        ("method", "PUT"),
        ("path", "/x y"),
        ("path", "/c?d"),
        ("status_code", "404"),
        ("reason", "Gone fishing"),
        ("host", "b.test"),
    ] {
        let set = draft.set(name, value);
        assert_eq!(set.is_ok(), value != "/x y", "{name} {value}");
    }
    assert_eq!(draft.attribute("url"), "https://b.test/c?d");
    for (name, value, why) in [
        (
            "status_code",
            "99",
            "\"99\" is no status code between 100 and 999",
        ),
        (
            "status_code",
            "x",
            "\"x\" is no status code between 100 and 999",
        ),
        (
            "url",
            "nonsense",
            "\"nonsense\" is no URL; one begins with http:// or https://",
        ),
        (
            "url",
            "/just/path",
            "\"/just/path\" is a path; a URL begins with http:// or https://",
        ),
        ("method", "", "\"\" is no method"),
        ("method", "A\tB", "\"A\\tB\" is no method"),
        ("path", "", "\"\" is no path; one begins with /"),
        (
            "path",
            "noslash",
            "\"noslash\" is no path; one begins with /",
        ),
        ("path", "/a\tb", "a path has no spaces; write %20"),
        ("path", "/a\r\nb", "the path cannot have a line end"),
        ("fame", "x", "there is no attribute fame"),
    ] {
        assert_eq!(
            draft.set(name, value).map_err(|error| error.to_string()),
            Err(why.into())
        );
    }
    let edit = draft.finish().expect("changes");
    let request = edit.request.expect("a request");
    assert_eq!((&request.method[..], request.line), (&b"PUT"[..], None));
    assert_eq!(request.headers.get("host"), Some(&b"b.test"[..]));
    let response = edit.response.expect("a response");
    assert_eq!(
        (response.status, &response.reason[..]),
        (404, &b"Gone fishing"[..])
    );
    assert!(edit.request_body.is_none() && edit.response_body.is_none());
}

#[test]
fn what_cannot_stand_in_a_url_is_encoded() {
    let mut draft = draft("/", &[], b"");
    let rows = [
        ("http://b.test/a b?x=ü y", "/a%20b?x=%C3%BC%20y"),
        ("http://b.test/a%20b?x=%c3%bc", "/a%20b?x=%c3%bc"),
        ("http://b.test?{\"a\": '1'}|^~", "/?{%22a%22:%20'1'}|^~"),
        ("http://b.test/\u{7f}\t<>", "/%7F%09%3C%3E"),
    ];
    for (url, path) in rows {
        draft.set("url", url).expect(url);
        assert_eq!(draft.attribute("path"), path, "{url}");
    }
    // One that is given on purpose is sent as it is.
    draft.set("path", "/ü\"<").expect("a path");
    assert_eq!(draft.attribute("path"), "/ü\"<");
    draft.set("path", "*").expect("a path");
}

#[test]
fn a_length_that_does_not_agree_is_told() {
    let row = |length: &str| vec![b"Content-Length".to_vec(), length.as_bytes().to_vec()];
    let set = |length: &str| {
        let mut draft = draft(
            "/",
            &[("Content-Length", "26")],
            b"abcdefghijklmnopqrstuvwxyz",
        );
        draft
            .set_rows(Part::Headers(Side::Client), &[row(length)])
            .expect("rows");
        draft
    };
    assert_eq!(set("26").doubt(), None);
    let told = "its Content-Length is 5, and the body has 26 bytes";
    assert_eq!(set("5").doubt().as_deref(), Some(told));
    assert!(set("many").doubt().is_some());
    // The length follows a body that is set.
    let mut draft = set("5");
    draft.set_content(Side::Client, b"ab").expect("a body");
    assert_eq!(draft.doubt(), None);
    draft.set("method", "HEAD").expect("a method");
    draft
        .set_rows(Part::Headers(Side::Server), &[row("1234")])
        .expect("rows");
    assert_eq!(draft.doubt(), None);
}

#[test]
fn a_flow_without_a_response_gets_one() {
    let http = HttpRecord::new(request("/"), Body::Bytes(Bytes::new()));
    let mut draft = Draft::new(&http);
    assert_eq!(
        draft.rows(Part::Headers(Side::Server)).expect("rows").len(),
        0
    );
    draft.set_content(Side::Server, b"made up").expect("a body");
    let edit = draft.finish().expect("changes");
    let response = edit.response.expect("a response");
    assert_eq!(response.status, 200);
    assert_eq!(response.headers.get("content-length"), Some(&b"7"[..]));
    assert_eq!(edit.response_body.as_deref(), Some(&b"made up"[..]));
    assert!(Draft::new(&http).finish().is_none());
}

/// A part as rows, and what becomes of the request when they are others.
fn check(part: Part, draft: &mut Draft, before: &[&str], after: &[&str]) {
    assert_eq!(texts(&draft.rows(part).expect("rows")), before);
    draft.set_rows(part, &rows(before)).expect("rows");
    assert!(draft.clone().finish().is_none(), "nothing was changed");
    draft.set_rows(part, &rows(after)).expect("rows");
    let after: Vec<_> = after
        .iter()
        .filter(|row| row.contains(|c| c != '|'))
        .collect();
    if part != Part::Path {
        assert_eq!(
            texts(&draft.rows(part).expect("rows")),
            after.iter().map(|row| row.to_string()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn queries_and_paths_keep_what_was_not_changed() {
    let mut one = draft("/a%2fb/c+d/?x=%41&flag&y=+2", &[], b"");
    check(
        Part::Query,
        &mut one,
        &["x|A", "flag|", "y| 2"],
        &["x|A", "flag|", "y|3&4", "z|ü", "|"],
    );
    assert_eq!(
        one.attribute("path"),
        "/a%2fb/c+d/?x=%41&flag&y=3%264&z=%C3%BC"
    );
    let mut two = draft("/a%2fb/c+d/?q", &[], b"");
    check(
        Part::Path,
        &mut two,
        &["a/b", "c+d", ""],
        &["a/b", "é f", "c+d"],
    );
    assert_eq!(two.attribute("path"), "/a%2fb/%C3%A9%20f/c+d?q");
    two.set_rows(Part::Path, &[]).expect("rows");
    two.set_rows(Part::Query, &[]).expect("rows");
    assert_eq!(two.attribute("path"), "/");
    assert!(two.rows(Part::Path).expect("rows").is_empty());
}

#[test]
fn fields_are_checked_unless_they_were_there() {
    let mut draft = draft("/", &[("X", "a\r\n b")], b"");
    let part = Part::Headers(Side::Client);
    let mut table = draft.rows(part).expect("rows");
    table.swap(0, 2);
    draft
        .set_rows(part, &table)
        .expect("the folded field was there");
    table.extend(rows(&["Y|1"]));
    draft.set_rows(part, &table).expect("rows");
    for (bad, why) in [
        ("Z|1\n2", "row 5: a value cannot have a line end"),
        ("|1", "row 5: \"\" is no name of a field"),
        ("a b|1", "row 5: \"a b\" is no name of a field"),
    ] {
        let mut table = table.clone();
        table.extend(rows(&[bad]));
        let refused = draft.set_rows(part, &table).expect_err(bad);
        assert_eq!(refused.to_string(), why);
    }
    let edit = draft.finish().expect("changes").request.expect("a request");
    assert_eq!(
        &*edit.headers.to_wire(),
        b"X: a\r\n b\r\nAccept: */*\r\nHost: example.com\r\nY: 1\r\n"
    );
}

#[test]
fn cookies_in_both_directions() {
    let mut draft = draft("/", &[("Cookie", "a=1; b=\"x; y\"")], b"");
    check(
        Part::Cookies,
        &mut draft,
        &["a|1", "b|x; y"],
        &["b|x; y", "c|2"],
    );
    assert_eq!(
        draft.request.headers.get("cookie"),
        Some(&b"b=\"x; y\"; c=2"[..])
    );
    assert!(draft.set_rows(Part::Cookies, &rows(&["a;b|1"])).is_err());
    draft.set_rows(Part::Cookies, &[]).expect("rows");
    assert!(!draft.request.headers.contains("cookie"));

    let mut draft = self::draft("/", &[], b"");
    let mut headers = Headers::new();
    for (name, value) in [
        ("set-cookie", "a=1;path=/ ;HttpOnly"),
        ("X", "y"),
        ("Set-Cookie", "b=2"),
    ] {
        headers.append(name.as_bytes(), value.as_bytes());
    }
    draft.response.as_mut().expect("a response").headers = headers;
    check(
        Part::SetCookies,
        &mut draft,
        &["a|1|path=/; HttpOnly", "b|2|"],
        &["a|1|path=/; HttpOnly", "b|3|Secure", "c|4|"],
    );
    let headers = &draft.response().expect("a response").headers;
    assert_eq!(
        &*headers.to_wire(),
        b"set-cookie: a=1;path=/ ;HttpOnly\r\nX: y\r\nSet-Cookie: b=3; Secure\r\nSet-Cookie: c=4\r\n"
    );
}

#[test]
fn forms() {
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let mut draft = draft("/", &[kind, ("Content-Length", "11")], b"a=%31&b=two");
    check(
        Part::UrlencodedForm,
        &mut draft,
        &["a|1", "b|two"],
        &["a|1", "b|3"],
    );
    let edit = draft.finish().expect("changes");
    assert_eq!(edit.request_body.as_deref(), Some(&b"a=%31&b=3"[..]));
    assert_eq!(
        edit.request
            .expect("a request")
            .headers
            .get("content-length"),
        Some(&b"9"[..])
    );

    // A body that is no form becomes one.
    let mut draft = self::draft("/", &[], b"something else");
    check(Part::UrlencodedForm, &mut draft, &[], &["a|b c"]);
    assert_eq!(
        &draft.content(Side::Client).expect("a body").bytes[..],
        b"a=b+c"
    );

    let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\nX-Odd: 1\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.bin\"\r\nContent-Type: a/b\r\n\r\n\0\r\n--x--\r\n";
    let kind = ("Content-Type", "multipart/form-data; boundary=x");
    let mut draft = self::draft("/", &[kind], body);
    check(
        Part::MultipartForm,
        &mut draft,
        &["a|1||", "f|\0|f.bin|a/b"],
        &["a|2||", "f|\0|g.bin|a/b"],
    );
    let content = draft.content(Side::Client).expect("a body");
    let expected = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\nX-Odd: 1\r\n\r\n2\r\n--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"g.bin\"\r\nContent-Type: a/b\r\n\r\n\0\r\n--x--\r\n";
    assert_eq!(
        content.bytes.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
    // A content with the boundary in it needs another one.
    draft
        .set_rows(Part::MultipartForm, &rows(&["a|--x||"]))
        .expect("rows");
    assert_eq!(
        texts(&draft.rows(Part::MultipartForm).expect("rows")),
        ["a|--x||"]
    );
    assert_ne!(
        draft.request.headers.get("content-type"),
        Some(&b"multipart/form-data; boundary=x"[..])
    );
}

#[test]
fn content_encodings_come_and_go() {
    let mut draft = draft("/", &[], b"hello");
    assert!(!draft.decode(Side::Client).expect("a body"));
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        assert!(draft.encode(Side::Client, coding).expect("a body"));
        assert!(
            !draft.encode(Side::Client, coding).expect("a body"),
            "there is one"
        );
        assert_eq!(
            &draft.content(Side::Client).expect("a body").bytes[..],
            b"hello"
        );
        draft.set_content(Side::Client, b"hello").expect("a body");
        assert_eq!(
            draft.request.headers.get("content-encoding"),
            Some(coding.name().as_bytes())
        );
        assert!(draft.decode(Side::Client).expect("a body"));
        assert_eq!(&draft.as_sent(Side::Client).expect("a body")[..], b"hello");
        assert!(!draft.request.headers.contains("content-encoding"));
    }
    let mut damaged = self::draft("/", &[("Content-Encoding", "gzip")], b"nonsense");
    let refused = damaged.decode(Side::Client).expect_err("damaged");
    assert!(
        refused
            .to_string()
            .starts_with("the content-encoding gzip cannot be undone")
    );
    let mut unknown = self::draft("/", &[("Content-Encoding", "lzma")], b"x");
    assert!(unknown.set_content(Side::Client, b"x").is_err());
    // HTTP/2 needs no length.
    let mut http = HttpRecord::new(request("/"), Body::Bytes(Bytes::new()));
    http.request.version = Version::Http2;
    http.request.timestamp_start = Timestamp(1);
    let mut draft = Draft::new(&http);
    draft.set_content(Side::Client, b"x").expect("a body");
    assert!(!draft.request.headers.contains("content-length"));
}
