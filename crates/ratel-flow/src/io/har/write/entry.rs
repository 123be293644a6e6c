//! One flow as an entry.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::IpAddr;

use bytes::Bytes;
use ratel_proto::Headers;

use super::super::emit::Emitter;
use super::super::{bytes_of_text, date};
use super::body::Shown;
use super::is_form;
use super::timings::{Millis, NEVER, Seconds, Timings};
use crate::text::{Charset, is_mostly_binary};
use crate::{
    HttpRecord, Message, MessageKind, Record, Request, Response, ServerConn, Side, StreamKind,
    Version, cookies, form,
};

/// One entry under way.
pub(super) struct Entry<'a, W> {
    pub(super) json: &'a mut Emitter<W>,
    pub(super) record: &'a Record,
    pub(super) http: &'a HttpRecord,
}

impl<W: Write> Entry<'_, W> {
    /// `connection` is that to the server, and whether this is the first flow of it.
    pub(super) fn write(mut self, connection: Option<(&ServerConn, bool)>) -> io::Result<()> {
        let timings = Timings::of(self.http, connection);
        self.json.begin(b'{');
        let started = self.http.request.timestamp_start;
        self.json.text("startedDateTime", &date::format(started))?;
        self.json.plain("time", Millis(timings.total()));
        self.request()?;
        match &self.http.response {
            Some(response) => self.response(response)?,
            None => self.no_response()?,
        }
        self.json.object("cache");
        self.json.end(b'}')?;
        self.timings(&timings)?;
        if let Some((conn, _)) = connection {
            if let Some(address) = address(conn) {
                let address = address.to_string();
                self.json.text("serverIPAddress", &address)?;
            }
            let uuid = conn.extra.as_ref().and_then(|extra| extra.uuid.as_deref());
            match uuid {
                Some(uuid) => self.json.text("connection", uuid)?,
                None => self.json.text("connection", &conn.id.0.to_string())?,
            }
        }
        self.stream()?;
        let comment = &self.record.annotations.comment;
        if !comment.is_empty() {
            self.json.text("comment", comment)?;
        }
        self.json.end(b'}')
    }

    fn request(&mut self) -> io::Result<()> {
        let request = &self.http.request;
        self.json.object("request");
        self.json
            .text("method", &String::from_utf8_lossy(&request.method))?;
        self.json.text("url", &url(request))?;
        self.version(&request.version)?;
        self.json.list("cookies");
        for (name, value) in cookies::of_request(&request.headers) {
            self.json.begin(b'{');
            self.json.text("name", &utf8(name))?;
            self.json.text("value", &utf8(value))?;
            self.json.end(b'}')?;
        }
        self.json.end(b']')?;
        self.headers("headers", &request.headers)?;
        self.json.list("queryString");
        let question = memchr::memchr(b'?', &request.path);
        let query = question.and_then(|at| request.path.get(at + 1..));
        self.pairs(query.unwrap_or_default())?;
        self.json.end(b']')?;
        let line = request.line.as_ref().map_or_else(
            || request.method.len() + request.target.len() + request.version.as_bytes().len() + 4,
            Bytes::len,
        );
        let size = head_size(&request.version, line, &request.headers);
        self.json.plain("headersSize", size);
        let len = self.http.request_body.len();
        self.json.plain("bodySize", len.unwrap_or_default());
        self.trailers(self.http.request_trailers.as_ref())?;
        let posts = matches!(&request.method[..], b"POST" | b"PUT" | b"PATCH");
        if posts || len.is_some_and(|len| len > 0) {
            self.post_data()?;
        }
        self.json.end(b'}')
    }

    fn post_data(&mut self) -> io::Result<()> {
        let request = &self.http.request;
        let shown = Shown::of(&self.http.request_body, &request.headers, "request");
        self.json.object("postData");
        let mime = content_type(&request.headers);
        self.json.text("mimeType", &mime)?;
        if let Some(bytes) = &shown.bytes {
            let text = Charset::guess(&mime, bytes).decode(bytes);
            self.json.text("text", &text)?;
            if *bytes_of_text(&mime, &text) != **bytes {
                self.json.base64("_base64", bytes)?;
            }
        }
        self.json.list("params");
        if let Some(bytes) = &shown.bytes {
            if is_form(&mime) {
                self.pairs(bytes)?;
            } else if let Some(boundary) = form::boundary(&mime) {
                self.parts(form::parts(bytes, &boundary))?;
            }
        }
        self.json.end(b']')?;
        self.comment(shown.comment.as_deref())?;
        self.json.end(b'}')
    }

    fn parts<'p>(&mut self, parts: impl Iterator<Item = form::Part<'p>>) -> io::Result<()> {
        for part in parts {
            self.json.begin(b'{');
            self.json.text("name", &part.name)?;
            match &part.file {
                // Its content is in the text, and would be there twice.
                Some(file) => self.json.text("fileName", file)?,
                None => self.json.text("value", &utf8(part.content))?,
            }
            if let Some(content_type) = &part.content_type {
                self.json.text("contentType", content_type)?;
            }
            self.json.end(b'}')?;
        }
        Ok(())
    }

    fn response(&mut self, response: &Response) -> io::Result<()> {
        let body = &self.http.response_body;
        let raw = body.len().unwrap_or_default();
        let shown = Shown::of(body, &response.headers, "response");
        self.json.object("response");
        self.json.plain("status", response.status);
        self.json.text("statusText", &utf8(&response.reason))?;
        self.version(&response.version)?;
        self.set_cookies(&response.headers)?;
        self.headers("headers", &response.headers)?;
        self.json.object("content");
        let size = shown.bytes.as_ref().map_or(raw, |bytes| bytes.len() as u64);
        self.json.plain("size", size);
        // Lengths of bodies are far from the limit of the type.
        self.json.plain("compression", size as i64 - raw as i64);
        let mime = content_type(&response.headers);
        self.json.text("mimeType", &mime)?;
        if let Some(bytes) = &shown.bytes {
            self.content(&mime, bytes)?;
        }
        self.comment(shown.comment.as_deref())?;
        self.json.end(b'}')?;
        let location = response.headers.get("location").unwrap_or_default();
        self.json.text("redirectURL", &utf8(location))?;
        let line = response.line.as_ref().map_or_else(
            || response.version.as_bytes().len() + response.reason.len() + 7,
            Bytes::len,
        );
        let size = head_size(&response.version, line, &response.headers);
        self.json.plain("headersSize", size);
        self.json.plain("bodySize", raw);
        self.trailers(self.http.response_trailers.as_ref())?;
        if let Some(error) = &self.record.error {
            self.json.text("_error", &error.message)?;
        }
        self.json.end(b'}')
    }

    /// A body that is text is text, if the text says all that the bytes do.
    fn content(&mut self, mime: &str, bytes: &[u8]) -> io::Result<()> {
        if !is_mostly_binary(bytes) {
            let text = Charset::guess(mime, bytes).decode(bytes);
            if *bytes_of_text(mime, &text) == *bytes {
                return self.json.text("text", &text);
            }
        }
        self.json.base64("text", bytes)?;
        self.json.text("encoding", "base64")
    }

    fn no_response(&mut self) -> io::Result<()> {
        self.json.object("response");
        self.json.plain("status", 0);
        self.json.text("statusText", "")?;
        self.json.text("httpVersion", "")?;
        for list in ["headers", "cookies"] {
            self.json.list(list);
            self.json.end(b']')?;
        }
        self.json.object("content");
        self.json.plain("size", 0);
        self.json.text("mimeType", "")?;
        self.json.end(b'}')?;
        self.json.text("redirectURL", "")?;
        self.json.plain("headersSize", -1);
        self.json.plain("bodySize", -1);
        self.json.plain("_transferSize", 0);
        let error = self.record.error.as_ref();
        match error.map(|error| &error.message) {
            Some(message) => self.json.text("_error", message)?,
            None => self.json.plain("_error", "null"),
        }
        self.json.end(b'}')
    }

    fn set_cookies(&mut self, headers: &Headers) -> io::Result<()> {
        self.json.list("cookies");
        for cookie in cookies::of_response(headers) {
            let attribute = |name| cookie.attribute(name).map(utf8);
            self.json.begin(b'{');
            self.json.text("name", &utf8(cookie.name))?;
            self.json.text("value", &utf8(cookie.value))?;
            self.json
                .text("path", &attribute("path").unwrap_or("/".into()))?;
            self.json
                .text("domain", &attribute("domain").unwrap_or_default())?;
            let expires = attribute("expires").and_then(|date| date::parse_http(&date));
            if let Some(expires) = expires {
                self.json.text("expires", &date::format(expires))?;
            }
            self.json.plain("httpOnly", attribute("httponly").is_some());
            self.json.plain("secure", attribute("secure").is_some());
            if let Some(policy) = attribute("samesite") {
                self.json.text("sameSite", &policy)?;
            }
            self.json.end(b'}')?;
        }
        self.json.end(b']')
    }

    fn headers(&mut self, key: &str, headers: &Headers) -> io::Result<()> {
        self.json.list(key);
        for (name, value) in headers.iter() {
            self.json.begin(b'{');
            self.json.text("name", &utf8(name))?;
            let value = Headers::value_text(value);
            self.json.text("value", &utf8(&value))?;
            if str::from_utf8(name).is_err() || str::from_utf8(&value).is_err() {
                self.json.object("_base64");
                self.json.base64("name", name)?;
                self.json.base64("value", &value)?;
                self.json.end(b'}')?;
            }
            self.json.end(b'}')?;
        }
        self.json.end(b']')
    }

    fn trailers(&mut self, trailers: Option<&Headers>) -> io::Result<()> {
        match trailers {
            Some(trailers) => self.headers("_trailers", trailers),
            None => Ok(()),
        }
    }

    fn pairs(&mut self, text: &[u8]) -> io::Result<()> {
        for (name, value) in form::pairs(text) {
            self.json.begin(b'{');
            self.json.text("name", &String::from_utf8_lossy(&name))?;
            self.json.text("value", &String::from_utf8_lossy(&value))?;
            self.json.end(b'}')?;
        }
        Ok(())
    }

    fn version(&mut self, version: &Version) -> io::Result<()> {
        self.json.text("httpVersion", &utf8(version.as_bytes()))
    }

    fn comment(&mut self, comment: Option<&str>) -> io::Result<()> {
        match comment {
            Some(comment) => self.json.text("comment", comment),
            None => Ok(()),
        }
    }

    fn timings(&mut self, timings: &Timings) -> io::Result<()> {
        let or_none = |nanos: Option<u64>| nanos.map_or(Millis(NEVER), Millis);
        self.json.object("timings");
        self.json.plain("connect", or_none(timings.connect));
        self.json.plain("ssl", or_none(timings.ssl));
        self.json.plain("send", Millis(timings.send));
        self.json.plain("receive", Millis(timings.receive));
        self.json.plain("wait", Millis(timings.wait));
        self.json.end(b'}')
    }

    /// What the flow is a stream of, and the messages of a WebSocket.
    fn stream(&mut self) -> io::Result<()> {
        let Some(websocket) = &self.http.websocket else {
            if self.http.stream == Some(StreamKind::Sse) {
                return self.json.text("_resourceType", "eventsource");
            }
            return Ok(());
        };
        self.json.text("_resourceType", "websocket")?;
        self.json.list("_webSocketMessages");
        let mut gone = None;
        for message in websocket.messages.iter() {
            match message {
                Ok(message) => self.message(&message)?,
                Err(error) => {
                    gone = Some(format!("the messages from here on cannot be read: {error}"));
                    break;
                }
            }
        }
        self.json.end(b']')?;
        match gone {
            Some(why) => self.json.text("_webSocketComment", &why),
            None => Ok(()),
        }
    }

    fn message(&mut self, message: &Message) -> io::Result<()> {
        // Browsers list data alone.
        let opcode = match message.kind {
            MessageKind::Text => 1,
            MessageKind::Binary => 2,
            _ => return Ok(()),
        };
        self.json.begin(b'{');
        let direction = match message.side {
            Side::Client => "send",
            Side::Server => "receive",
        };
        self.json.text("type", direction)?;
        self.json.plain("time", Seconds(message.timestamp));
        self.json.plain("opcode", opcode);
        match str::from_utf8(&message.content) {
            Ok(text) if opcode == 1 => self.json.text("data", text)?,
            // Text that is no UTF-8 breaks the protocol (RFC 6455 §8.1), and has no other words here.
            _ if opcode == 1 => {
                self.json
                    .text("data", &String::from_utf8_lossy(&message.content))?;
                self.json.base64("_base64", &message.content)?;
            }
            _ => self.json.base64("data", &message.content)?,
        }
        self.json.end(b'}')
    }
}

/// The bytes of a head on the wire, with the empty line; -1 after HTTP/1, where they depend on what came before.
fn head_size(version: &Version, line: usize, headers: &Headers) -> i64 {
    if matches!(version, Version::Http2 | Version::Http3) {
        return -1;
    }
    let fields: usize = headers.lines().map(<[u8]>::len).sum();
    i64::try_from(line + fields + headers.end().len()).unwrap_or(-1)
}

/// The URL as a client would name it, with what no URL may hold percent-encoded.
fn url(request: &Request) -> String {
    if request.method.eq_ignore_ascii_case(b"CONNECT") && request.path.is_empty() {
        return format!("https://{}/", request.url());
    }
    if str::from_utf8(&request.path).is_ok() {
        return request.pretty_url();
    }
    let mut escaped = request.clone();
    let mut path = Vec::new();
    for chunk in request.path.utf8_chunks() {
        path.extend_from_slice(chunk.valid().as_bytes());
        for byte in chunk.invalid() {
            path.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    escaped.path = path.into();
    escaped.pretty_url()
}

/// The address that was connected to.
fn address(conn: &ServerConn) -> Option<IpAddr> {
    let named = conn
        .extra
        .as_ref()
        .and_then(|extra| extra.peername.as_ref());
    let named = named.and_then(|peer| peer.host.parse().ok());
    named.or(conn.peername.map(|peer| peer.ip()))
}

fn content_type(headers: &Headers) -> String {
    utf8(headers.get("content-type").unwrap_or_default()).into_owned()
}

/// Bytes of a header as text: UTF-8, or else ISO 8859-1, as which HTTP has defined them (RFC 9110 §5.5).
fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => Charset::Latin1.decode(bytes),
    }
}
