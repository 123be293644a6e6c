//! A request as a program sends it.

use std::net::IpAddr;

use super::{BODY_MAX, ExportError, Exported};
use crate::content::content;
use crate::http::authority;
use crate::{Scheme, text};

/// A request, with its body decoded where a content-encoding can be undone.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) scheme: Scheme,
    /// The name that the client gave the server.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query, as sent.
    pub(super) target: Vec<u8>,
    /// Without the length, which the program counts itself.
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    /// The address that the name is to stand for.
    pub(super) address: Option<IpAddr>,
    /// There is a certificate, and any will do.
    pub(super) insecure: bool,
}

impl Call {
    pub(super) fn of(
        flow: &Exported<'_>,
        address: Option<IpAddr>,
        insecure: bool,
    ) -> Result<Self, ExportError> {
        let request = flow.request;
        if request.method.eq_ignore_ascii_case(b"CONNECT") {
            return Err(ExportError::Tunnel);
        }
        let sent = flow.request_body.ok_or(ExportError::NoBody("request"))?;
        let decoded = content(&request.headers, sent, true, BODY_MAX);
        let is_decoded = decoded.complete && decoded.note.starts_with("[decoded");
        let host = request.pretty_host().into_owned();
        let own_host = authority(&host, request.port, request.scheme);
        let broken = |text: &[u8]| text.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
        let mut headers = Vec::new();
        for (name, value) in request.headers.iter() {
            // A line that goes on in the next one (RFC 9112 §5.2) may as well be one; any other line end may not.
            let is_folded = value
                .windows(2)
                .all(|pair| !matches!(pair, [b'\n', after] if !matches!(after, b' ' | b'\t')));
            let value = ratel_proto::Headers::value_text(value);
            if !is_folded || broken(name) || broken(&value) {
                return Err(ExportError::LineBreak("header"));
            }
            let own = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            let is_host = own("host") && *value == *own_host.as_bytes();
            if own("content-length") || is_host || (is_decoded && own("content-encoding")) {
                continue;
            }
            headers.push((name.to_vec(), value.into_owned()));
        }
        if broken(&request.method) || broken(&request.path) || broken(host.as_bytes()) {
            return Err(ExportError::LineBreak("URL"));
        }
        let method = str::from_utf8(&request.method).map_err(|_| ExportError::NoText("method"))?;
        Ok(Self {
            method: method.to_owned(),
            scheme: request.scheme,
            host,
            port: request.port,
            target: request.path.to_vec(),
            headers,
            body: if is_decoded {
                decoded.bytes.into_owned()
            } else {
                sent.to_vec()
            },
            address,
            insecure: insecure && request.scheme == Scheme::Https,
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(super) fn value(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        headers
            .find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| &value[..])
    }

    /// `https://host:port`.
    pub(super) fn origin(&self) -> String {
        let authority = authority(&self.host, self.port, self.scheme);
        format!("{}://{authority}", self.scheme.as_str())
    }

    /// The URL, if it is one that every program takes for what it says: of nothing but what RFC 3986 §3.3 has in paths
    /// and queries, and `also`.
    pub(super) fn url(&self, also: &[u8]) -> Option<String> {
        let allowed = |b: &u8| {
            b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(b) || also.contains(b)
        };
        let target = str::from_utf8(&self.target).ok()?;
        let is_plain = target.starts_with('/') && target.bytes().all(|b| allowed(&b));
        is_plain.then(|| self.origin() + target)
    }

    /// Whether the body, which is not empty, is to be sent although the method has none by itself.
    pub(super) fn has_body(&self) -> bool {
        !self.body.is_empty()
    }

    /// The body as text that is fit to be pasted; none if it is not.
    pub(super) fn plain_body(&self) -> Option<&str> {
        let text = str::from_utf8(&self.body).ok()?;
        let is_plain = |c: char| c == '\n' || crate::format::is_safe(c);
        text.chars().all(is_plain).then_some(text)
    }

    /// Fields whose names and values are text.
    pub(super) fn text_headers(&self) -> Result<Vec<(&str, &str)>, ExportError> {
        let text = |bytes| str::from_utf8(bytes).map_err(|_| ExportError::NoText("header"));
        self.headers
            .iter()
            .map(|(name, value)| Ok((text(name)?, text(value)?)))
            .collect()
    }
}

/// Bytes as the text that a program makes of them when it takes each byte for a character.
pub(super) fn latin1(bytes: &[u8]) -> String {
    text::Charset::Latin1.decode(bytes).into_owned()
}
