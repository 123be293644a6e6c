//! Changing heads: each setter leaves a head that says the same thing everywhere.

use std::sync::Arc;

use bytes::Bytes;
use ratel_proto::Headers;
use ratel_proto::url::{self, Scheme, Target, UrlError};

use super::{Request, Response, Version, authority, host_port, reason_phrase};
use crate::time::Timestamp;

/// The same bytes on their own, so that they keep no larger buffer alive.
fn own(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

impl Request {
    /// The same head over bytes of its own, so that it keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            method: own(&self.method),
            target: own(&self.target),
            line: self.line.as_ref().map(own),
            headers: self.headers.detached(),
            pseudo: self.pseudo.detached(),
            path: own(&self.path),
            ..self.clone()
        }
    }

    /// Another method.
    pub fn set_method(&mut self, method: impl Into<Bytes>) {
        self.method = method.into();
        if self.pseudo.contains(":method") {
            self.pseudo.set(":method", &self.method);
        }
        self.line = None;
    }

    /// Another path, with the query.
    pub fn set_path(&mut self, path: impl Into<Bytes>) {
        self.path = path.into();
        if self.pseudo.contains(":path") {
            self.pseudo.set(":path", &self.path);
        }
        self.retarget();
    }

    /// Sends it to another host. Fields that name the one it was for name this one instead.
    pub fn set_host(&mut self, host: impl Into<Arc<str>>) {
        self.host = host.into();
        self.rename();
    }

    /// Sends it to another port.
    pub fn set_port(&mut self, port: u16) {
        self.port = port;
        self.rename();
    }

    /// Sends it with TLS or without.
    pub fn set_scheme(&mut self, scheme: Scheme) {
        self.scheme = scheme;
        if self.pseudo.contains(":scheme") {
            self.pseudo.set(":scheme", scheme.as_str().as_bytes());
        }
        self.retarget();
    }

    /// Sends it to another URL.
    ///
    /// # Errors
    /// When that is no URL of `http` or `https`.
    pub fn set_url(&mut self, url: &str) -> Result<(), UrlError> {
        let url = Bytes::copy_from_slice(url.as_bytes());
        match url::parse_target(&url)? {
            Target::Absolute {
                scheme,
                host,
                port,
                path,
                ..
            } => {
                (self.scheme, self.host) = (scheme, host.into());
                self.port = port.unwrap_or(scheme.default_port());
                let path = match path.first() {
                    Some(b'/') => path,
                    _ => [b"/", &path[..]].concat().into(),
                };
                self.set_path(path);
                self.set_scheme(scheme);
                self.rename();
                Ok(())
            }
            _ => Err(UrlError::Form(String::from_utf8_lossy(&url).into_owned())),
        }
    }

    /// The URL by the name that the client gave the host; see [`pretty_host`](Self::pretty_host).
    #[must_use]
    pub fn pretty_url(&self) -> String {
        let authority = authority(&self.pretty_host(), self.port, self.scheme);
        let path = String::from_utf8_lossy(&self.path);
        let path = if path == "*" { "" } else { &path[..] };
        format!("{}://{authority}{path}", self.scheme.as_str())
    }

    /// The fields that name the host say the present one.
    fn rename(&mut self) {
        let name = self.authority();
        if self.pseudo.contains(":authority") {
            self.pseudo.set(":authority", name.as_bytes());
        }
        if self.headers.contains("host") {
            self.headers.set("host", name.as_bytes());
        }
        self.retarget();
    }

    /// The request target says where it goes, in the form that it had.
    fn retarget(&mut self) {
        self.line = None;
        let had_url = self.target.first() != Some(&b'/')
            && memchr::memmem::find(&self.target, b"://").is_some();
        self.target = if had_url && self.version != Version::Http2 {
            let authority = self.authority();
            let url = [
                self.scheme.as_str().as_bytes(),
                b"://",
                authority.as_bytes(),
                &self.path,
            ];
            url.concat().into()
        } else if self.path.is_empty() && self.method.eq_ignore_ascii_case(b"CONNECT") {
            host_port(&self.host, self.port).into()
        } else {
            self.path.clone()
        };
    }
}

impl Response {
    /// The same head over bytes of its own, so that it keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            reason: own(&self.reason),
            line: self.line.as_ref().map(own),
            headers: self.headers.detached(),
            pseudo: self.pseudo.detached(),
            ..self.clone()
        }
    }

    /// A response of ours: HTTP/1.1, with the usual reason and no fields.
    #[must_use]
    pub fn new(status: u16, now: Timestamp) -> Self {
        Self {
            version: Version::Http11,
            status,
            reason: Bytes::from_static(reason_phrase(status).as_bytes()),
            line: None,
            headers: Headers::new(),
            pseudo: Headers::new(),
            timestamp_start: now,
        }
    }

    /// Another status, with its usual reason.
    pub fn set_status(&mut self, status: u16) {
        self.status = status;
        self.line = None;
        if self.pseudo.contains(":status") {
            self.pseudo.set(":status", status.to_string().as_bytes());
        } else {
            self.reason = Bytes::from_static(reason_phrase(status).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &'static str) -> Request {
        let mut headers = Headers::new();
        headers.append(b"Host", b"a.test");
        Request {
            method: "GET".into(),
            target: target.into(),
            version: Version::Http11,
            line: Some("a line".into()),
            headers,
            pseudo: Headers::new(),
            scheme: Scheme::Http,
            host: "a.test".into(),
            port: 80,
            path: "/a".into(),
            timestamp_start: Timestamp::default(),
        }
    }

    fn says(request: &Request) -> (String, String, String) {
        let text =
            |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        assert_eq!(request.line, None, "the line that came is not what is sent");
        (
            request.url(),
            text(Some(&request.target)),
            text(request.headers.get("host")),
        )
    }

    #[test]
    fn a_request_that_is_sent_elsewhere_says_so_everywhere() {
        let rows: [(&str, &str, (&str, &str, &str)); 5] = [
            (
                "/a",
                "https://b.test/x?y",
                ("https://b.test/x?y", "/x?y", "b.test"),
            ),
            (
                "/a",
                "http://[::1]:8080",
                ("http://[::1]:8080/", "/", "[::1]:8080"),
            ),
            (
                "/a",
                "http://b.test?q",
                ("http://b.test/?q", "/?q", "b.test"),
            ),
            (
                "http://a.test/a",
                "http://b.test:81/c",
                ("http://b.test:81/c", "http://b.test:81/c", "b.test:81"),
            ),
            (
                "/redirect?to=http://c.test",
                "http://b.test/",
                ("http://b.test/", "/", "b.test"),
            ),
        ];
        for (target, url, (expected, sent, host)) in rows {
            let mut request = request(target);
            request.set_url(url).expect("a URL");
            let expected = (expected.to_owned(), sent.to_owned(), host.to_owned());
            assert_eq!(says(&request), expected, "{url}");
        }
        for url in ["/a", "ftp://b.test/", "*", "http://"] {
            assert!(request("/a").set_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn pseudo_headers_follow() {
        let mut request = request("/a");
        (request.version, request.headers) = (Version::Http2, Headers::new());
        for (name, value) in [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "a.test"),
            (":path", "/a"),
        ] {
            request.pseudo.append(name.as_bytes(), value.as_bytes());
        }
        request.set_url("https://b.test/x").expect("a URL");
        request.set_method("PUT");
        let expected: [(&[u8], &[u8]); 4] = [
            (b":method", b"PUT"),
            (b":scheme", b"https"),
            (b":authority", b"b.test"),
            (b":path", b"/x"),
        ];
        assert!(request.pseudo.iter().eq(expected));
        assert_eq!(&request.target[..], b"/x");
        assert!(request.headers.is_empty(), "no field that was not there");
    }

    #[test]
    fn a_status_has_its_reason() {
        let mut response = Response::new(404, Timestamp::default());
        assert_eq!(&response.reason[..], b"Not Found");
        response.set_status(299);
        assert_eq!((response.status, &response.reason[..]), (299, &b""[..]));
    }
}
