//! Heads: request lines, header fields, cookies.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use ratel_proto::Headers;

use super::pass::{Kind, Pass};
use super::scan::Span;
use crate::{Request, Response, cookies};

/// Fields that say how a message is read, and fingerprints; a secret is none of them, and changed they would break it.
const FRAMING: [&str; 5] = [
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "sec-websocket-key",
    "sec-websocket-accept",
];

/// Words before credentials, in lower case.
const SCHEMES: [&str; 13] = [
    "basic",
    "bearer",
    "digest",
    "negotiate",
    "ntlm",
    "token",
    "apikey",
    "api-key",
    "aws4-hmac-sha256",
    "hawk",
    "oauth",
    "dpop",
    "key",
];

pub(super) fn request(pass: &mut Pass, request: &mut Request) {
    headers(pass, &mut request.headers);
    pseudo(pass, &mut request.pseudo);
    if let Some(path) = pass.text(&request.path, Vec::new(), Kind::URL) {
        request.path = path.into();
    }
    if let Some(target) = pass.text(&request.target, Vec::new(), Kind::URL) {
        request.line = request
            .line
            .take()
            .and_then(|line| spliced(&line, &request.target, &target));
        request.target = target.into();
    }
    if let Some(line) = request
        .line
        .as_ref()
        .and_then(|line| pass.text(line, Vec::new(), Kind::TEXT))
    {
        request.line = Some(line.into());
    }
    if let Some(method) = pass.text(&request.method, Vec::new(), Kind::TEXT) {
        request.method = method.into();
        request.line = None;
    }
    pass.shared(&mut request.host);
}

/// A request line with another target in it.
fn spliced(line: &[u8], target: &[u8], other: &[u8]) -> Option<Bytes> {
    let at = memchr::memmem::find(line, target)?;
    let (before, rest) = line.split_at_checked(at)?;
    Some([before, other, rest.get(target.len()..)?].concat().into())
}

pub(super) fn response(pass: &mut Pass, response: &mut Response) {
    headers(pass, &mut response.headers);
    pseudo(pass, &mut response.pseudo);
    if let Some(reason) = pass.text(&response.reason, Vec::new(), Kind::TEXT) {
        response.reason = reason.into();
        response.line = None;
    }
    if let Some(line) = response
        .line
        .as_ref()
        .and_then(|line| pass.text(line, Vec::new(), Kind::TEXT))
    {
        response.line = Some(line.into());
    }
}

pub(super) fn headers(pass: &mut Pass, headers: &mut Headers) {
    let fields: Vec<(Vec<u8>, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
        .collect();
    for (at, (name, value)) in fields.iter().enumerate() {
        if FRAMING.iter().any(|framing| *name == framing.as_bytes()) {
            continue;
        }
        let known = named(pass, name, value);
        if let Some(changed) = pass.text(value, known, Kind::TEXT) {
            headers.set_at(at, &changed);
        }
    }
}

/// `:path` is a URL without its host, the others are texts.
fn pseudo(pass: &mut Pass, headers: &mut Headers) {
    let fields: Vec<(bool, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name == b":path", value.to_vec()))
        .collect();
    for (at, (is_path, value)) in fields.iter().enumerate() {
        let kind = if *is_path { Kind::URL } else { Kind::TEXT };
        if let Some(changed) = pass.text(value, Vec::new(), kind) {
            headers.set_at(at, &changed);
        }
    }
}

/// What the rules for fields and cookies say of a field.
fn named(pass: &mut Pass, name: &[u8], value: &[u8]) -> Vec<Span> {
    let redactor = pass.redactor().clone();
    let rules = redactor.rules();
    let all = rules.headers.have(name);
    let is_secret = |cookie: &[u8]| all || rules.cookies.have(cookie);
    match name {
        b"cookie" => cookies::places(value)
            .filter(|(cookie, _)| is_secret(cookie))
            .filter_map(|(_, place)| Some(Span::plain(value, place?)))
            .collect(),
        b"set-cookie" => cookies::places(value)
            .take(1)
            .filter(|(cookie, _)| is_secret(cookie))
            .filter_map(|(_, place)| Some(Span::plain(value, place?)))
            .collect(),
        _ if all => {
            let start = after_scheme(name, value);
            let credentials = value.get(start..).unwrap_or_default();
            if value
                .get(..start)
                .is_some_and(|scheme| scheme.trim_ascii().eq_ignore_ascii_case(b"basic"))
            {
                basic(pass, credentials);
            }
            vec![Span::plain(value, start..value.len())]
        }
        _ => Vec::new(),
    }
}

/// Where the credentials begin: after the word that says what they are, if there is one (RFC 9110 §11.4).
fn after_scheme(name: &[u8], value: &[u8]) -> usize {
    let Some(space) = memchr::memchr(b' ', value) else {
        return 0;
    };
    let word = value.get(..space).unwrap_or_default();
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    let known = SCHEMES
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()));
    let is_scheme = known
        || (name.ends_with(b"authorization") && word.len() <= 20 && word.iter().all(is_token));
    if !is_scheme {
        return 0;
    }
    let rest = value.get(space..).unwrap_or_default();
    value.len() - rest.trim_ascii_start().len()
}

/// The password of Basic credentials (RFC 7617) is a secret of its own.
fn basic(pass: &mut Pass, credentials: &[u8]) {
    let decoded = STANDARD
        .decode(credentials)
        .or_else(|_| STANDARD_NO_PAD.decode(credentials));
    let Ok(decoded) = decoded else {
        return;
    };
    pass.learn(&decoded);
    if let Some(colon) = memchr::memchr(b':', &decoded) {
        pass.learn(decoded.get(colon + 1..).unwrap_or_default());
    }
}
