//! Heads of everyday sizes, beside `httparse`, which parses into borrowed slices and keeps less: ours allocates for
//! the field table and for sharing the buffer, which shows most in small heads. Compare medians over several runs.

use bytes::BytesMut;
use divan::counter::BytesCount;
use ratel_proto::http1::{BodyDecoder, HeadLimits, HeadReader};
use ratel_proto::{Framing, http1::encode};

fn main() {
    divan::main();
}

const SMALL: &str =
    "GET /get HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";

const BROWSER: &str = "GET /static/app.7f3c.js?v=12 HTTP/1.1\r\nHost: service.dev.example.com\r\nConnection: keep-alive\r\n\
sec-ch-ua: \"Chromium\";v=\"130\", \"Google Chrome\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n\
sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) \
AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,\
application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n\
Sec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\nIf-None-Match: \"5f2c-61b\"\r\n\r\n";

const RESPONSE: &str = "HTTP/1.1 200 OK\r\nServer: nginx/1.27.2\r\nDate: Mon, 06 Jan 2025 12:00:00 GMT\r\n\
Content-Type: application/json; charset=utf-8\r\nContent-Length: 1234\r\nConnection: keep-alive\r\nVary: Accept-Encoding\r\n\
Cache-Control: max-age=0, private, must-revalidate\r\nETag: \"5f2c-61b\"\r\n\r\n";

fn head(name: &str) -> &'static str {
    if name == "small" { SMALL } else { BROWSER }
}

#[divan::bench(args = ["small", "browser"])]
fn request(bencher: divan::Bencher<'_, '_>, name: &str) {
    let head = head(name);
    let mut reader = HeadReader::new(HeadLimits::default());
    bencher
        .counter(BytesCount::of_str(head))
        .with_inputs(|| BytesMut::from(head))
        .bench_local_refs(|buf| reader.request(buf));
}

#[divan::bench(args = ["small", "browser"])]
fn request_httparse(bencher: divan::Bencher<'_, '_>, name: &str) {
    let head = head(name);
    bencher
        .counter(BytesCount::of_str(head))
        .with_inputs(|| BytesMut::from(head))
        .bench_local_refs(|buf| {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut request = httparse::Request::new(&mut headers);
            let len = request.parse(buf).map(|status| status.unwrap());
            (len, request.headers.len(), request.method.map(str::len))
        });
}

#[divan::bench]
fn response(bencher: divan::Bencher<'_, '_>) {
    let mut reader = HeadReader::new(HeadLimits::default());
    bencher
        .counter(BytesCount::of_str(RESPONSE))
        .with_inputs(|| BytesMut::from(RESPONSE))
        .bench_local_refs(|buf| reader.response(buf));
}

#[divan::bench]
fn response_httparse(bencher: divan::Bencher<'_, '_>) {
    bencher
        .counter(BytesCount::of_str(RESPONSE))
        .with_inputs(|| BytesMut::from(RESPONSE))
        .bench_local_refs(|buf| {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut headers);
            let len = response.parse(buf).map(|status| status.unwrap());
            (len, response.headers.len(), response.code)
        });
}

#[divan::bench]
fn request_written(bencher: divan::Bencher<'_, '_>) {
    let head = HeadReader::new(HeadLimits::default()).request(&mut BytesMut::from(BROWSER));
    let Ok(Some(head)) = head else { return };
    let mut out = BytesMut::with_capacity(4096);
    bencher
        .counter(BytesCount::of_str(BROWSER))
        .bench_local(|| {
            out.clear();
            encode::request_head(
                &mut out,
                Some(&head.line),
                &head.method,
                &head.target,
                &head.version,
                &head.headers,
            );
            out.len()
        });
}

/// A read buffer full of chunks of this size.
#[divan::bench(args = [16, 1024, 65536])]
fn chunked(bencher: divan::Bencher<'_, '_>, size: usize) {
    let chunk = format!("{size:x}\r\n{}\r\n", "x".repeat(size));
    let wire = chunk.repeat(256 * 1024 / chunk.len());
    bencher
        .counter(BytesCount::of_str(&wire))
        .with_inputs(|| BytesMut::from(&wire[..]))
        .bench_local_refs(|buf| {
            let mut decoder = BodyDecoder::new(Framing::Chunked);
            let mut payload = 0;
            while let Ok(Some(frame)) = decoder.decode(buf, false) {
                payload += frame.len();
            }
            payload
        });
}
