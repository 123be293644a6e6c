//! Odd but legal (and some illegal) HTTP/1 exchanges, as the two ends play them. See `wire.rs` for what is done with them.

use ratel_testkit::Step;

/// An exchange, written once for both ends.
pub(crate) struct Case {
    /// What is odd about it.
    pub(crate) name: &'static str,
    /// The client's part. `{T}` before a path becomes `http://HOST:PORT` where a forward proxy is asked, and nothing elsewhere.
    pub(crate) client: Vec<Step>,
    /// The origin's part, in the bytes that are to arrive there.
    pub(crate) origin: Vec<Step>,
    /// Passes only with `validate_inbound_headers=false`.
    pub(crate) lenient: bool,
}

impl Case {
    /// Whether it can be asked through a forward proxy too.
    pub(crate) fn has_absolute_form(&self) -> bool {
        self.client
            .iter()
            .any(|step| matches!(step, Step::Send(bytes) if bytes.windows(3).any(|w| w == b"{T}")))
    }
}

fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

fn until(bytes: impl AsRef<[u8]>) -> Step {
    Step::Until(bytes.as_ref().to_vec())
}

/// A case in steps of its own.
fn steps(name: &'static str, client: Vec<Step>, origin: Vec<Step>) -> Case {
    Case {
        name,
        client,
        origin,
        lenient: false,
    }
}

/// One request, one response of known length; then the client closes.
fn one(name: &'static str, request: impl AsRef<[u8]>, response: impl AsRef<[u8]>) -> Case {
    several(name, &[(request.as_ref(), response.as_ref())])
}

/// Exchanges one after another on one connection.
fn several(name: &'static str, exchanges: &[(&[u8], &[u8])]) -> Case {
    let client = exchanges
        .iter()
        .flat_map(|(request, response)| [send(request), Step::Exactly(response.len())]);
    let origin = exchanges.iter().flat_map(|(request, response)| {
        [Step::Exactly(without_marker(request).len()), send(response)]
    });
    steps(name, client.collect(), origin.chain([Step::End]).collect())
}

/// One request, and a response that ends with the connection.
fn closing(name: &'static str, request: impl AsRef<[u8]>, response: impl AsRef<[u8]>) -> Case {
    let request = request.as_ref();
    steps(
        name,
        vec![send(request), Step::End],
        vec![Step::Exactly(without_marker(request).len()), send(response)],
    )
}

/// The bytes without `{T}`.
pub(crate) fn without_marker(bytes: &[u8]) -> Vec<u8> {
    replace_marker(bytes, b"")
}

/// The bytes with `{T}` replaced.
pub(crate) fn replace_marker(bytes: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(3).position(|window| window == b"{T}") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    out
}

const GET: &[u8] = b"GET {T}/ HTTP/1.1\r\nHost: h.example\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    let groups = [
        heads(),
        targets(),
        bodies(),
        responses(),
        informational(),
        connections(),
        upgrades(),
        lenient(),
    ];
    groups.into_iter().flatten().collect()
}

fn heads() -> Vec<Case> {
    let long = "v".repeat(64 * 1024);
    let many: String = (0..500).map(|n| format!("X-{n}: {n}\r\n")).collect();
    vec![
        one("a plain request", GET, OK),
        one("order, case and duplicates", "GET {T}/ HTTP/1.1\r\nb: 1\r\nHOST: h.example\r\nA: 2\r\nB: 3\r\na: 4\r\nb: 1\r\n\r\n", OK),
        one("whitespace round values", "GET {T}/ HTTP/1.1\r\nHost:h.example\r\nX:   padded \t \r\nY:\t\r\nEmpty:\r\nZ: a  b\tc\r\n\r\n", OK),
        one("bytes above ASCII in values", b"GET {T}/ HTTP/1.1\r\nHost: h.example\r\nX-Latin: gr\xfc\xdfe\r\nX-Utf8: \xc3\xbc\r\nX-High: \x80\xff\r\n\r\n", OK),
        one("token characters in names", "GET {T}/ HTTP/1.1\r\nHost: h.example\r\n!#$%&'*+-.^_`|~09aZ: x\r\n\r\n", OK),
        one("a header value of 64 KiB", format!("GET {{T}}/ HTTP/1.1\r\nHost: h.example\r\nX-Long: {long}\r\n\r\n"), OK),
        one("500 headers", format!("GET {{T}}/ HTTP/1.1\r\nHost: h.example\r\n{many}\r\n"), OK),
        one("cookies in several lines", "GET {T}/ HTTP/1.1\r\nHost: h.example\r\nCookie: a=1; b=2\r\nCookie: c=3;;d\r\ncookie:\r\n\r\n", OK),
        one("hop-by-hop headers", "GET {T}/ HTTP/1.1\r\nHost: h.example\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\r\n", OK),
        one("a method in lower case", "get {T}/ HTTP/1.1\r\nHost: h.example\r\n\r\n", OK),
        one("an unknown method", "M-SEARCH {T}/ HTTP/1.1\r\nHost: h.example\r\n\r\n", OK),
        one("a folded header", "GET {T}/ HTTP/1.1\r\nHost: h.example\r\nX-Folded: one\r\n two\r\n\tthree\r\nX-After: 1\r\n\r\n", OK),
        one("no Host header", "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", OK),
    ]
}

fn targets() -> Vec<Case> {
    let long = "p".repeat(16 * 1024);
    vec![
        one(
            "dots, slashes and empty parameters",
            "GET {T}/a//b/../c/./d?x=1&&y&=z?;# HTTP/1.1\r\nHost: h.example\r\n\r\n",
            OK,
        ),
        one(
            "odd escapes",
            "GET {T}/%7e%7E/%zz/%2F/%00?%41%e2%82 HTTP/1.1\r\nHost: h.example\r\n\r\n",
            OK,
        ),
        one(
            "characters that are no URL characters",
            "GET {T}/\"<>^`{|}\\[] HTTP/1.1\r\nHost: h.example\r\n\r\n",
            OK,
        ),
        one(
            "raw bytes above ASCII",
            b"GET {T}/gr\xc3\xbc\xff HTTP/1.1\r\nHost: h.example\r\n\r\n",
            OK,
        ),
        one(
            "a path of 16 KiB",
            format!("GET {{T}}/{long} HTTP/1.1\r\nHost: h.example\r\n\r\n"),
            OK,
        ),
        one(
            "OPTIONS *",
            "OPTIONS * HTTP/1.1\r\nHost: h.example\r\n\r\n",
            OK,
        ),
        one(
            "a URL inside the path",
            "GET {T}/http://other.example:80/x HTTP/1.1\r\nHost: h.example\r\n\r\n",
            OK,
        ),
    ]
}

fn bodies() -> Vec<Case> {
    let big = [
        b"POST {T}/ HTTP/1.1\r\nHost: h.example\r\nContent-Length: 300000\r\n\r\n".as_slice(),
        &vec![0xa5; 300_000],
    ]
    .concat();
    vec![
        one(
            "a body with a length",
            b"POST {T}/ HTTP/1.1\r\nHost: h.example\r\nContent-Length: 11\r\n\r\nhello\r\n\0\xff..",
            OK,
        ),
        one(
            "a body that looks like a request",
            "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nContent-Length: 28\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n",
            OK,
        ),
        one("a body of 300,000 bytes", big, OK),
        one(
            "a body of length 0",
            "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nContent-Length: 0\r\n\r\n",
            OK,
        ),
        one(
            "GET with a body",
            "GET {T}/ HTTP/1.1\r\nHost: h.example\r\ncontent-length: 3\r\n\r\nabc",
            OK,
        ),
        one(
            "chunks with extensions",
            "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d e\"\r\nhello\r\n1 ; x\r\n!\r\n0;last\r\n\r\n",
            OK,
        ),
        one(
            "chunk sizes in odd spellings",
            "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nTransfer-Encoding: chunked\r\n\r\n000A\r\n0123456789\r\nb\r\n0123456789a\r\n00\r\n\r\n",
            OK,
        ),
        one(
            "trailers",
            "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum:  1 \r\nx-sum: 2\r\n\r\n",
            OK,
        ),
        one(
            "an empty chunked body",
            "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            OK,
        ),
        one(
            "transfer-encoding in capitals",
            "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nTRANSFER-ENCODING: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            OK,
        ),
        steps(
            "a body in pieces",
            vec![
                send("POST {T}/ HTTP/1.1\r\nHost: h.example\r\nContent-Length: 4\r\n\r\n"),
                send("a"),
                send("b"),
                send("cd"),
                Step::Exactly(OK.len()),
            ],
            vec![until("\r\n\r\nabcd"), send(OK), Step::End],
        ),
    ]
}

fn responses() -> Vec<Case> {
    let long = "v".repeat(64 * 1024);
    let big = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n".as_slice(),
        &vec![0x5a; 500_000],
    ]
    .concat();
    let head = "HEAD {T}/ HTTP/1.1\r\nHost: h.example\r\n\r\n";
    vec![
        one("response headers as sent", GET, b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nX:  y \t\r\nSET-COOKIE:c\r\nX-Raw: \xe9\r\ncontent-LENGTH: 0\r\n\r\n"),
        one("an empty reason", GET, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
        one("no reason and no space before it", GET, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
        one("an odd reason", GET, b"HTTP/1.1 299 Very  odd \xe9 reason \r\nContent-Length: 0\r\n\r\n"),
        one("a status without a name", GET, "HTTP/1.1 799 Seven\r\nContent-Length: 1\r\n\r\nx"),
        one("a folded response header", GET, "HTTP/1.1 200 OK\r\nX-Folded: one\r\n  two\r\nContent-Length: 0\r\n\r\n"),
        one("a response header of 64 KiB", GET, format!("HTTP/1.1 200 OK\r\nX-Long: {long}\r\nContent-Length: 1\r\n\r\nx")),
        one("a response of 500,000 bytes", GET, big),
        one("chunked with extensions and trailers", GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n1\r\nd\r\n000\r\nX-T: 1\r\nx-t:2\r\n\r\n"),
        one("gzip, chunked", GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        one("HEAD with a length", head, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
        one("HEAD with chunked", head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        one("204", GET, "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n"),
        one("304 with the length of what it stands for", "GET {T}/ HTTP/1.1\r\nHost: h.example\r\nIf-None-Match: \"a\"\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\nETag: \"a\"\r\n\r\n"),
        several("HEAD, then GET on the same connection", &[(head.as_bytes(), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), (GET, OK)]),
        closing("a body that ends with the connection", GET, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end\r\n\r\n"),
        closing("an empty body that ends with the connection", GET, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
        closing("a length and Connection: close", GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
    ]
}

fn informational() -> Vec<Case> {
    let expect = "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    vec![
        steps(
            "100-continue",
            vec![
                send(expect),
                until("HTTP/1.1 100 Continue\r\n\r\n"),
                send("body"),
                Step::Exactly(OK.len()),
            ],
            vec![
                until("\r\n\r\n"),
                send("HTTP/1.1 100 Continue\r\n\r\n"),
                Step::Exactly(4),
                send(OK),
                Step::End,
            ],
        ),
        steps(
            "100 with headers and another reason",
            vec![
                send(expect),
                until("X-Go: 1\r\n\r\n"),
                send("body"),
                Step::Exactly(OK.len()),
            ],
            vec![
                until("\r\n\r\n"),
                send("HTTP/1.1 100 Go on\r\nX-Go: 1\r\n\r\n"),
                Step::Exactly(4),
                send(OK),
                Step::End,
            ],
        ),
        steps(
            "an expectation that fails",
            vec![send(expect), Step::End],
            vec![
                until("\r\n\r\n"),
                send(
                    "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                ),
            ],
        ),
        one(
            "early hints",
            GET,
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ),
        one(
            "several 1xx",
            GET,
            "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 199 Odd\r\nx: 1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        ),
        steps(
            "early hints before the final response is there",
            vec![
                send(GET),
                until("103 Early Hints\r\n\r\n"),
                send("GET {T}/2 HTTP/1.1\r\nHost: h.example\r\n\r\n"),
                Step::Exactly(OK.len() * 2),
            ],
            vec![
                until("\r\n\r\n"),
                send("HTTP/1.1 103 Early Hints\r\n\r\n"),
                send(OK),
                until("\r\n\r\n"),
                send(OK),
                Step::End,
            ],
        ),
    ]
}

fn connections() -> Vec<Case> {
    let second = b"GET {T}/second HTTP/1.1\r\nHost: h.example\r\nX: 2\r\n\r\n".as_slice();
    let third = b"POST {T}/third HTTP/1.1\r\nHost: h.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".as_slice();
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\n\r\n".as_slice();
    let all = [GET, second, third].map(without_marker);
    vec![
        several(
            "three exchanges on one connection",
            &[(GET, OK), (second, chunked), (third, OK)],
        ),
        steps(
            "pipelining",
            vec![
                send([GET, second, third].concat()),
                Step::Exactly(OK.len() * 2 + chunked.len()),
            ],
            vec![
                Step::Exactly(all[0].len()),
                send(OK),
                Step::Exactly(all[1].len()),
                send(chunked),
                Step::Exactly(all[2].len()),
                send(OK),
                Step::End,
            ],
        ),
        steps(
            "the client closes its sending side after the request",
            vec![send(GET), Step::Shut, Step::Exactly(OK.len())],
            vec![until("\r\n\r\n"), send(OK), Step::End],
        ),
        closing(
            "HTTP/1.0",
            "GET {T}/ HTTP/1.0\r\nHost: h.example\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold",
        ),
        closing(
            "HTTP/1.0 without any header",
            "GET / HTTP/1.0\r\n\r\n",
            "HTTP/1.0 404 Not Found\r\n\r\n",
        ),
        closing(
            "HTTP/1.1 request, HTTP/1.0 response",
            GET,
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ),
        several(
            "HTTP/1.0 with keep-alive",
            &[
                (
                    b"GET {T}/ HTTP/1.0\r\nHost: h.example\r\nConnection: keep-alive\r\n\r\n",
                    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
                ),
                (
                    b"GET {T}/2 HTTP/1.0\r\nHost: h.example\r\nConnection: Keep-Alive\r\n\r\n",
                    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nb",
                ),
            ],
        ),
    ]
}

fn upgrades() -> Vec<Case> {
    let ask =
        "GET {T}/chat HTTP/1.1\r\nHost: h.example\r\nConnection: Upgrade\r\nUpgrade: x-raw\r\n\r\n";
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x-raw\r\n\r\n";
    let raw = b"\0\xff\r\n\r\nHTTP/1.1 400 raw\x16\x03\x01".as_slice();
    vec![
        steps(
            "an upgrade, then raw bytes both ways",
            vec![
                send(ask),
                until(switch),
                send(raw),
                Step::Exactly(raw.len()),
                send("bye"),
            ],
            vec![
                until("\r\n\r\n"),
                send(switch),
                Step::Exactly(raw.len()),
                send(raw),
                Step::End,
            ],
        ),
        steps(
            "raw bytes right behind the switch",
            vec![send(ask), Step::End],
            vec![until("\r\n\r\n"), send([switch.as_bytes(), raw].concat())],
        ),
        one("an upgrade that is refused", ask, OK),
        steps(
            "after an upgrade each side closes by itself",
            vec![
                send(ask),
                until(switch),
                send("last"),
                Step::Shut,
                Step::End,
            ],
            vec![
                until("\r\n\r\n"),
                send(switch),
                until("last"),
                Step::End,
                send("one more from the origin"),
            ],
        ),
    ]
}

fn lenient() -> Vec<Case> {
    let mut cases = vec![
        one(
            "a space before the colon",
            "GET {T}/ HTTP/1.1\r\nHost: h.example\r\nX-Space : 1\r\n\r\n",
            OK,
        ),
        one(
            "names that are no tokens",
            b"GET {T}/ HTTP/1.1\r\nHost: h.example\r\nX(odd): 1\r\nX-\xc3\xbc: 2\r\n\r\n",
            OK,
        ),
        one(
            "the same length twice",
            "POST {T}/ HTTP/1.1\r\nHost: h.example\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
            OK,
        ),
        one(
            "odd names in a response",
            GET,
            "HTTP/1.1 200 OK\r\nX odd: 1\r\nContent-Length: 0\r\n\r\n",
        ),
    ];
    for case in &mut cases {
        case.lenient = true;
    }
    cases
}
