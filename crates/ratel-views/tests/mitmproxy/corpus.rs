//! Bodies of every kind.

use crate::wire::{bytes, fixed32, fixed64, frame, group, int, varint};

/// What a body is a part of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Request,
    Response,
    WebSocket,
    Quic { unidirectional: bool },
}

pub(crate) struct Row {
    pub(crate) view: &'static str,
    pub(crate) kind: Kind,
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) data: Vec<u8>,
    /// Why it is not the same, on purpose.
    pub(crate) differs: Option<&'static str>,
}

/// A row that is the same.
fn same(view: &'static str, content_type: &'static str, data: impl AsRef<[u8]>) -> Row {
    Row {
        view,
        kind: Kind::Response,
        path: "/",
        content_type,
        headers: &[],
        data: data.as_ref().to_vec(),
        differs: None,
    }
}

/// A row that is not the same.
fn other(why: &'static str, row: Row) -> Row {
    Row {
        differs: Some(why),
        ..row
    }
}

pub(crate) fn corpus() -> Vec<Row> {
    let mut rows = json();
    rows.extend(markup());
    rows.extend(code());
    rows.extend(forms());
    rows.extend(protobuf());
    rows.extend(grpc());
    rows.extend(msgpack());
    rows.extend(dns());
    rows.extend(images());
    rows.extend(bytes_and_text());
    rows.extend(messages());
    rows
}

const JSON: &str = "application/json";

fn json() -> Vec<Row> {
    let query = r#"{"operationName":"A","variables":{"n":1},"query":"query A {\n  b\n}"}"#;
    vec![
        same(
            "auto",
            JSON,
            r#"{"b":1,"a":[1,2,{}],"é":null,"t":true,"f":[],"s":"a\nb\"c"}"#,
        ),
        same("auto", JSON, "[]"),
        same("auto", JSON, "\"text\""),
        same("auto", JSON, "12"),
        same("auto", JSON, r#"{"a":{"b":{"c":[[1],[2,[3]]]}}}"#),
        same("auto", JSON, "nope"),
        same("auto", "application/vnd.api+json", "{}"),
        same("auto", "application/json-rpc", "{\"a\":1}"),
        same("auto", "text/json", "{}"),
        other(
            "numbers are shown as sent",
            same("json", JSON, "[1.0e5, 1E2]"),
        ),
        other(
            "a name that comes twice is shown twice",
            same("json", JSON, "{\"a\":1,\"a\":2}"),
        ),
        other(
            "the sentence names the byte, and what there is is shown",
            same("json", JSON, "nope"),
        ),
        other("what there is is shown", same("auto", JSON, "[1")),
        same("auto", JSON, query),
        other(
            "items are counted from one",
            same("auto", JSON, r#"[{"query":"{a}"},{"query":"{b}","x":1}]"#),
        ),
        same("auto", JSON, r#"{"query":"a"}"#),
    ]
}

fn markup() -> Vec<Row> {
    vec![
        same(
            "auto",
            "text/html",
            "<!DOCTYPE html><html><head><title>A &amp; B</title><meta charset=utf-8></head><body id='z'><p>short</p><div>\n  <br>long\nlines</div></body></html>",
        ),
        same(
            "auto",
            "text/xml",
            "<a><b></b><c>text</c><d/><e f=\"g\">h</e></a>",
        ),
        same(
            "auto",
            "application/xml",
            "<?xml version=\"1.0\"?><a><b>1</b><c><![CDATA[<d>]]></c></a>",
        ),
        same("auto", "text/html", "<ul><li>1</li><li>2</li></ul>"),
        same("auto", "text/html", "<p>a <b>bold</b> c</p>"),
        same("auto", "text/html", "<a><!-- remark --><b>c</b></a>"),
        same("auto", "text/plain", "  <x>"),
        same("auto", "image/svg+xml", "<svg/>"),
        same("auto", "text/xml", "<a>".repeat(15)),
        same("auto", "text/xml", "no markup"),
        other(
            "a sign within quotes ends no tag",
            same("auto", "text/xml", "<a><b x=\"1>2\"/></a>"),
        ),
        other(
            "what is in a script is no markup",
            same("auto", "text/html", "<script>if(a<b){c}</script>"),
        ),
    ]
}

fn code() -> Vec<Row> {
    let (css, js) = ("text/css", "text/javascript");
    vec![
        same("css", css, "a{b:c}"),
        same("viewcss", css, "a,b{c:d;e:f}g{h:i;}"),
        same("css", css, "@import url(a.css);a{b:c}"),
        same("css", css, "a{content:'}'}"),
        other(
            "a semicolon in brackets ends nothing",
            same("css", css, "a{b:url(data:x;y)}"),
        ),
        other(
            "blocks in blocks are indented",
            same("css", css, "@media x{a{b:c}}"),
        ),
        other(
            "a remark has a line of its own",
            same("css", css, "/* x */a{b:c}"),
        ),
        same("javascript", js, "a();b()"),
        same("javascript", js, "var s=\"{;}\";t=`;{`;"),
        same("javascript", js, "for(let i=0;i<3;i++){g(i);}"),
        other(
            "a semicolon in a regular expression ends nothing",
            same("javascript", js, "x=/[/;]\\/}/.test(a)/2;"),
        ),
        same("javascript", js, "function f(a,b){return a}"),
        same("javascript", js, "/* a;b */\nc();"),
        same("javascript", js, "b={c:1,d:2};"),
        other(
            "else stays beside the bracket",
            same("javascript", js, "if(x){y()}else{z()}"),
        ),
    ]
}

fn forms() -> Vec<Row> {
    let form = "application/x-www-form-urlencoded";
    let parts = "multipart/form-data; boundary=x";
    let query = |path| Row {
        kind: Kind::Request,
        path,
        ..same("auto", "", "")
    };
    vec![
        same("auto", form, "a=1&b=two+words&a=%33&c&=x&&e=true&g=+lead&h=null&i=2020-01-01"),
        same("auto", form, "j=1e3&k=0x1&l=a%3A+b&m=a%23&o=%22q&p=yes&q=~&t=-&u=-+x&w=&y=1_000&z=012"),
        same("auto", form, "d=%ff%fe&%ff=x&f=%zz"),
        same("auto", form, "a=1;b=2"),
        same("auto", form, ""),
        other("UTF-8 is text", same("auto", form, "%C3%BC=%C3%A9")),
        other("text of several lines is a block", same("auto", form, "f=a%0Ab")),
        other("control characters are escaped as YAML has it", same("auto", form, "r=a%09b&s=a%00b")),
        same("auto", parts, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n2\r\n--x--\r\n"),
        same("auto", parts, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ntext\r\n--x--"),
        other("line ends in a value stay", same("auto", parts, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\n2\r\n--x--")),
        other("a file is named, not shown", same("auto", parts, b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\n\0\x01\x02\xff\r\n--x--")),
        other("without its boundary it is no form", same("auto", parts, "--y\r\n\r\n--y--")),
        query("/search?q=ratel+honey&n=1&n=2"),
        query("/search?a=&b"),
        query("/search"),
    ]
}

fn protobuf() -> Vec<Row> {
    let kind = "application/x-protobuf";
    let all = |data: Vec<u8>| same("auto", kind, data);
    let mut rows: Vec<Row> = [
        Vec::new(),
        int(1, 150),
        [int(1, 0), int(1, 1), int(1, 2)].concat(),
        int(1, u64::MAX),
        int(1, 1 << 63),
        [int(1, 127), int(1, 1 << 63)].concat(),
        bytes(1, "hello"),
        bytes(1, ""),
        [
            bytes(1, "true"),
            bytes(2, "1"),
            bytes(3, "a\nb"),
            bytes(5, " x"),
            bytes(6, "a: b"),
            bytes(7, "#"),
        ]
        .concat(),
        bytes(1, b"\xff\x00"),
        bytes(1, b"\x08\x01\x00\x01"),
        bytes(1, int(1, 1)),
        bytes(1, [bytes(1, "abc"), int(2, 2)].concat()),
        bytes(1, bytes(1, bytes(1, bytes(1, int(1, 1))))),
        bytes(1, "tab\there"),
        int(100_000, 1),
        fixed32(1, 1.0_f32.to_bits()),
        fixed32(1, 1),
        fixed32(1, u32::MAX),
        fixed32(1, 0),
        fixed32(2, (-0.5_f32).to_bits()),
        fixed32(2, 1.1_f32.to_bits()),
        fixed32(2, 123_456_f32.to_bits()),
        fixed64(1, 1.0_f64.to_bits()),
        fixed64(1, 1),
        fixed64(1, u64::MAX),
        fixed64(1, 3.25_f64.to_bits()),
        bytes(
            1,
            [fixed32(1, 2.0_f32.to_bits()), fixed64(2, 2.5_f64.to_bits())].concat(),
        ),
        b"hello".to_vec(),
        bytes(1, "x".repeat(300)),
        bytes(1, (200..250).collect::<Vec<u8>>()),
    ]
    .map(all)
    .into();
    rows.extend(protobuf_better());
    rows
}

fn protobuf_better() -> Vec<Row> {
    let kind = "application/x-protobuf";
    let all = |data: Vec<u8>| same("auto", kind, data);
    vec![
        other("text that is not ASCII is text", all(bytes(1, "grün"))),
        other(
            "messages in a list are messages",
            all([
                bytes(3, int(1, 1)),
                bytes(3, [int(1, 2), bytes(2, "x")].concat()),
            ]
            .concat()),
        ),
        other(
            "each item of a list is what it is",
            all([bytes(1, "abc"), bytes(1, b"\xff")].concat()),
        ),
        other(
            "fields stay in their order",
            all([int(2, 1), int(1, 1)].concat()),
        ),
        other("groups are shown", all(group(1, &int(1, 1)))),
        other(
            "infinity is written as YAML has it",
            all(fixed32(1, f32::INFINITY.to_bits())),
        ),
        other(
            "large numbers have an exponent",
            all(fixed32(1, 1e30_f32.to_bits())),
        ),
        all(b"\x08\x01\x08".to_vec()),
        other(
            "the sentence names the byte, and what there is is shown",
            same("protobuf", kind, b"\x0f"),
        ),
    ]
}

fn grpc() -> Vec<Row> {
    let kind = "application/grpc";
    let gzip = || {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&int(1, 150)).unwrap();
        encoder.finish().unwrap()
    };
    let coded = |headers, data: Vec<u8>| Row {
        headers,
        ..same("auto", kind, frame(1, &data))
    };
    vec![
        same("auto", kind, frame(0, &int(1, 150))),
        same(
            "auto",
            kind,
            [frame(0, &int(1, 150)), frame(0, &bytes(1, "x"))].concat(),
        ),
        same("auto", kind, frame(0, b"")),
        same("auto", "application/prpc", frame(0, &int(1, 1))),
        same("auto", kind, b"\x02\0\0\0\x02\x08\x01"),
        other(
            "it is said that a message was compressed",
            coded(&[("grpc-encoding", "gzip")], gzip()),
        ),
        other("what there is is shown", coded(&[], gzip())),
        other(
            "what there is is shown",
            same("auto", kind, b"\0\0\0\0\x03\x08\x96"),
        ),
        other("what there is is shown", same("auto", kind, b"\0")),
    ]
}

fn msgpack() -> Vec<Row> {
    let kind = "application/msgpack";
    vec![
        same("auto", kind, b"\x82\xa1a\x01\xa4list\x9a\xff\xc0\xc3\xcb\x3f\xf8\0\0\0\0\0\0\xd1\xff\x00\x90\x80\x92\x01\x92\x02\x03\x82\xa1x\x01\xa1y\x91\x01\xa0"),
        same("auto", kind, b"\x81\xa1m\x82\xa1b\x90\xa1c\x81\xa1d\x01"),
        same("auto", kind, b"\x85\xa1a\xa4true\xa1b\xa41e5 \xa1c\xa4a\nb\n\xa1d\xa3a\nb\xa1e\xa0"),
        same("auto", kind, b"\x83\xa1a\xa3a: \xa1b\xa3#\xc3\xbc\xa1c\xa3'q'"),
        same("auto", kind, b"\x81\x92\x01\x02\x03"),
        same("auto", kind, b"\x83\x01\x03\xc0\x04\xcb\x3f\xf8\0\0\0\0\0\0\x02"),
        same("auto", kind, b"\xcf\x80\0\0\0\0\0\0\0"),
        same("auto", kind, b"\x90"),
        same("auto", kind, b"\xa1x"),
        same("auto", kind, b"\x81\xc0"),
        other("dates have quotes, since many readers make something else of them", same("auto", kind, b"\xaa2020-01-01")),
        other("bytes are shown", same("auto", kind, b"\xc4\x02\x00\xff")),
        other("extensions are shown", same("auto", kind, b"\xd5\x05ab")),
        other("a float of 32 bits stays one", same("auto", kind, b"\xca\x3f\x8c\xcc\xcd")),
        other("what follows makes it something else", same("auto", kind, b"\x01\x02")),
    ]
}

fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in text.split('.') {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

fn dns() -> Vec<Row> {
    let kind = "application/dns-message";
    let framed = |message: Vec<u8>| {
        let len = (message.len() as u16).to_be_bytes();
        [&len[..], &message].concat()
    };
    let question = |flags: [u8; 2], kind: [u8; 2], class: [u8; 2]| {
        let head = [&b"\x12\x34"[..], &flags, b"\0\x01\0\0\0\0\0\0"].concat();
        framed([head, name("x.y"), kind.to_vec(), class.to_vec()].concat())
    };
    let answer = |number: u16, data: &[u8]| {
        let len = (data.len() as u16).to_be_bytes();
        let head = b"\0\x01\x85\x83\0\0\0\x01\0\0\0\0".to_vec();
        framed(
            [
                head,
                name("a.b"),
                number.to_be_bytes().to_vec(),
                b"\0\x01\0\0\0\x3c".to_vec(),
                len.to_vec(),
                data.to_vec(),
            ]
            .concat(),
        )
    };
    let all = |data: Vec<u8>| same("auto", kind, data);
    let mut rows: Vec<Row> = [
        question([0, 0], [0, 255], [0, 255]),
        question([0x7f, 0x80], [0, 1], [0, 1]),
        question([0x81, 0x8f], [0, 28], [0, 3]),
        question([0, 0], [3, 0xe8], [0, 77]),
        answer(1, b"\x01\x02\x03\x04"),
        answer(28, &[[0; 15].as_slice(), &[1]].concat()),
        answer(2, &name("ns.x")),
        answer(5, &name("c.x")),
        answer(12, &name("p.x")),
        answer(257, b"\0"),
        answer(41, b""),
        answer(64, b""),
        answer(999, b"\x01\x0a"),
    ]
    .map(all)
    .into();
    rows.extend([
        other(
            "bits that are reserved are shown",
            all(question([0, 0x20], [0, 1], [0, 1])),
        ),
        other(
            "a mail exchange has a form of its own",
            all(answer(15, &[&b"\0\x0a"[..], &name("mx.x")].concat())),
        ),
        other("texts are told apart", all(answer(16, b"\x03abc\x02de"))),
        other(
            "data that are wrong are bytes and no more",
            all(answer(1, b"\x01")),
        ),
        other(
            "parameters of a service are told apart",
            all(answer(65, b"\0\x01\0\0\x01\0\x03\x02h2")),
        ),
        other(
            "over HTTP there is no length in front (RFC 8484)",
            all(question([0, 0], [0, 1], [0, 1])[2..].to_vec()),
        ),
    ]);
    rows
}

fn images() -> Vec<Row> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let len = (data.len() as u32).to_be_bytes();
        [&len[..], kind, data, &[0; 4]].concat()
    };
    let png = |chunks: Vec<Vec<u8>>| {
        let head = chunk(b"IHDR", &[0, 0, 1, 0, 0, 0, 0, 2, 8, 6, 0, 0, 0]);
        [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            head,
            chunks.concat(),
            chunk(b"IDAT", b"x"),
            chunk(b"IEND", b""),
        ]
        .concat()
    };
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02\x01\0\x48\0\x48\0\0\xff\xfe\0\x04hi\xff\xc0\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0?\0\0\xff\xd9";
    let webp = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x0f\0\0\x1f\0\0";
    vec![
        same(
            "auto",
            "image/png",
            png(vec![
                chunk(b"gAMA", &45_455_u32.to_be_bytes()),
                chunk(b"pHYs", &[0, 0, 11, 19, 0, 0, 11, 18, 1]),
            ]),
        ),
        same(
            "auto",
            "image/png",
            png(vec![
                chunk(b"tEXt", b"Software\0ratel: 1"),
                chunk(b"tEXt", b"Author\0somebody"),
            ]),
        ),
        same("auto", "image/gif", b"GIF89a\x03\0\x04\0\0\x07\0;"),
        same("auto", "image/jpeg", jpeg),
        same("auto", "image/avif", "anything"),
        same("auto", "image/svg+xml", "<svg/>"),
        other(
            "a comment is text",
            same(
                "auto",
                "image/gif",
                b"GIF89a\x03\0\x04\0\0\x07\0!\xfe\x05hello\0;",
            ),
        ),
        other(
            "the size of WebP is shown",
            same("auto", "image/webp", webp),
        ),
        other(
            "the size of bitmaps is shown",
            same(
                "auto",
                "image/bmp",
                b"BMxxxxxxxxxxxxxxxx\x03\0\0\0\x02\0\0\0",
            ),
        ),
        other(
            "an image without bytes is none",
            same("auto", "image/png", ""),
        ),
        other(
            "what there is is shown",
            same("auto", "image/png", b"\x89PNG\r\n\x1a\n"),
        ),
    ]
}

fn bytes_and_text() -> Vec<Row> {
    let all: Vec<u8> = (0..=255).collect();
    vec![
        same("hex dump", "", &all),
        same("hex stream", "", &all),
        same("hex dump", "", ""),
        same("auto", "text/plain", b"\x00\x01\x02\x03"),
        same("auto", "text/plain", "plain text\nof two lines"),
        same("auto", "text/plain", b"caf\xe9 and text \x00 \x1b[31m"),
        same("auto", "", "höflich"),
        same("raw", "text/html; charset=iso-8859-1", b"caf\xe9"),
        other(
            "text that is not ASCII is text",
            same("auto", "text/plain", "日本語".repeat(10)),
        ),
        other(
            "text is read in its charset",
            same("auto", "text/plain; charset=iso-8859-1", b"caf\xe9"),
        ),
    ]
}

fn messages() -> Vec<Row> {
    let socket = |data: &str| Row {
        kind: Kind::WebSocket,
        path: "/socket.io/?EIO=4&transport=websocket",
        ..same("auto", "", data)
    };
    let quic = |unidirectional, data: &[u8]| Row {
        kind: Kind::Quic { unidirectional },
        ..same("auto", "", data)
    };
    let wbxml = |data: &[u8]| {
        same(
            "auto",
            "application/vnd.ms-sync.wbxml",
            [b"\x03\x01\x6a\x00", data].concat(),
        )
    };
    let mqtt = |data: &[u8]| same("mqtt", "", data);
    let fields = b"\x00\x00\xd1\xd7\x50\x09localhost\xc1";
    let headers = [&[1, fields.len() as u8][..], fields].concat();
    vec![
        socket("41"),
        socket("6"),
        socket("0"),
        socket("42"),
        other("what it carries is shown as JSON", socket("42[\"a\"]")),
        other("pings are shown", socket("2probe")),
        other("confirmations are shown", socket("43[1]")),
        quic(false, &[&headers[..], b"\x00\x05hello"].concat()),
        quic(false, b"\x04\x04\x01\x00\x06\x20\x21\x01x"),
        quic(true, b"\x00\x04\x00"),
        other("what is in a stream of QPACK is shown", quic(true, b"\x02\x3f\xe1\x1f")),
        other("frames have their names", quic(false, b"\x00\x01x\x07\x01\x08")),
        other("what there is is shown", quic(false, b"\x00\x05hel")),
        wbxml(b"\x45\x5c\x4f\x4b\x031\0\x01\x56\x47\x5d\x00\x02\x54\x03Hi <&>\0\x01\x15\x01\x01\x01\x01\x01\x01"),
        wbxml(b"\x00\x07\x56\x52\x030\0\x01\x01"),
        wbxml(b"\x45\x4b\x01\x0b\x01"),
        wbxml(b"\x45\x5c\x4f\x4b\xc3\x03abc\x01\x01\x01\x01"),
        wbxml(b"\x40\x41"),
        other("text is UTF-8", wbxml(b"\x45\x4b\x03\xc3\xa9\0\x01\x01")),
        other("what there is is shown", wbxml(b"\x45\x51\x03a\0\x01\x01")),
        mqtt(b"\xc0\0"),
        mqtt(b"\xd0\0"),
        other("packets are one below the other", mqtt(b"\xc0\0\xc0\0")),
        other("facts are indented, with the version", mqtt(b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04idab")),
        other("topics and payloads are written as YAML", mqtt(b"\x30\x06\0\x03a/bx")),
        other("every packet has a name", mqtt(b"\x40\x02\0\x01")),
        same("auto", "application/zip", zip(&["a.txt", "d/b: c.txt", "1"])),
        same("auto", "application/zip", zip(&[])),
        same("auto", "application/zip", "PKxx"),
        same("auto", "application/vnd.ms-sync.wbxml", varint(5)),
    ]
}

/// An archive of empty files.
fn zip(names: &[&str]) -> Vec<u8> {
    let (mut files, mut list) = (Vec::new(), Vec::new());
    for name in names {
        let mut entry = b"PK\x01\x02".to_vec();
        entry.resize(46, 0);
        entry[28] = name.len() as u8;
        entry[42..46].copy_from_slice(&(files.len() as u32).to_le_bytes());
        list.extend([entry, name.as_bytes().to_vec()].concat());
        let mut file = b"PK\x03\x04".to_vec();
        file.resize(30, 0);
        file[26] = name.len() as u8;
        files.extend([file, name.as_bytes().to_vec()].concat());
    }
    let mut end = b"PK\x05\x06".to_vec();
    end.resize(22, 0);
    end[8] = names.len() as u8;
    end[10] = names.len() as u8;
    end[12..16].copy_from_slice(&(list.len() as u32).to_le_bytes());
    end[16..20].copy_from_slice(&(files.len() as u32).to_le_bytes());
    [files, list, end].concat()
}
