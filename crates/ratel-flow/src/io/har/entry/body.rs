//! Bodies: decoded, since that is how archives have them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::super::{bytes_of_text, write::is_form};
use super::missing;
use crate::json::Node;
use crate::{Body, Headers, Response, form};

/// Base64 with or without padding.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Undoes base64; line breaks in it are passed over.
pub(super) fn base64(text: &[u8]) -> Option<Bytes> {
    let decoded = FORGIVING.decode(text).or_else(|_| {
        let is_part = |b: &u8| !b.is_ascii_whitespace();
        FORGIVING.decode(text.iter().copied().filter(is_part).collect::<Vec<_>>())
    });
    decoded.ok().map(Bytes::from)
}

/// The body of a request.
pub(super) fn of_request(asked: &Node<'_>, headers: &mut Headers) -> Result<Body, String> {
    let posted = asked.get("postData");
    let given = match given(posted, headers)? {
        Some(bytes) => Some(bytes),
        None => params(posted, headers),
    };
    match given {
        Some(bytes) => Ok(as_decoded(bytes, headers, true)),
        None => {
            let size = asked.get("bodySize").number().unwrap_or_default();
            let length = headers.get("content-length").unwrap_or(b"0");
            Ok(missing(size > 0.0 || length != b"0"))
        }
    }
}

/// The body of a response.
pub(super) fn of_response(
    answered: &Node<'_>,
    response: &mut Response,
    is_head: bool,
) -> Result<Body, String> {
    let content = answered.get("content");
    let has_none = is_head || matches!(response.status, 100..200 | 204 | 304);
    match given(content, &response.headers)? {
        Some(bytes) => Ok(as_decoded(bytes, &mut response.headers, !has_none)),
        None => {
            let sizes = [content.get("size"), answered.get("bodySize")];
            let announced = sizes
                .iter()
                .any(|size| size.number().is_some_and(|n| n > 0.0));
            Ok(missing(announced && !has_none))
        }
    }
}

/// The bytes that an entry has, exactly or as text.
fn given(node: &Node<'_>, headers: &Headers) -> Result<Option<Bytes>, String> {
    let broken = || "its body is no base64".to_owned();
    if let Some(exact) = node.get("_base64").bytes() {
        return base64(exact).map(Some).ok_or_else(broken);
    }
    let Some(text) = node.get("text").bytes() else {
        return Ok(None);
    };
    let encoding = node.get("encoding").text().unwrap_or_default();
    if encoding.eq_ignore_ascii_case("base64") {
        return base64(text).map(Some).ok_or_else(broken);
    }
    let content_type = match headers.get("content-type") {
        Some(content_type) => String::from_utf8_lossy(content_type),
        None => node.get("mimeType").text().unwrap_or_default(),
    };
    let bytes = match str::from_utf8(text) {
        Ok(text) => bytes_of_text(&content_type, text),
        // mitmproxy writes bytes that are no text as what Python has for them; they are back already.
        Err(_) => text.into(),
    };
    Ok(Some(Bytes::copy_from_slice(&bytes)))
}

/// What a form was made of, where that is all there is.
fn params(posted: &Node<'_>, headers: &Headers) -> Option<Bytes> {
    let params = posted.get("params").items();
    if params.is_empty() {
        return None;
    }
    let content_type = match headers.get("content-type") {
        Some(content_type) => String::from_utf8_lossy(content_type),
        None => posted.get("mimeType").text().unwrap_or_default(),
    };
    let part = |param: &Node<'_>, name| param.get(name).bytes().unwrap_or_default().to_vec();
    let mut body = Vec::new();
    if let Some(boundary) = form::boundary(&content_type) {
        for param in params {
            let line = |out: &mut Vec<u8>, parts: &[&[u8]]| out.extend(parts.concat());
            line(&mut body, &[b"--", boundary.as_bytes()]);
            line(
                &mut body,
                &[
                    b"\r\nContent-Disposition: form-data; name=\"",
                    &part(param, "name"),
                    b"\"",
                ],
            );
            let file = part(param, "fileName");
            if !file.is_empty() {
                line(&mut body, &[b"; filename=\"", &file, b"\""]);
            }
            let kind = part(param, "contentType");
            if !kind.is_empty() {
                line(&mut body, &[b"\r\nContent-Type: ", &kind]);
            }
            line(&mut body, &[b"\r\n\r\n", &part(param, "value"), b"\r\n"]);
        }
        body.extend([b"--", boundary.as_bytes(), b"--\r\n"].concat());
        return Some(body.into());
    }
    if !content_type.is_empty() && !is_form(&content_type) {
        return None;
    }
    for param in params {
        if !body.is_empty() {
            body.push(b'&');
        }
        // Browsers list them as they were sent, others decoded: what decodes to something else was encoded.
        for (at, name) in ["name", "value"].into_iter().enumerate() {
            if at > 0 {
                body.push(b'=');
            }
            let text = part(param, name);
            if *form::decode(&text) == *text {
                form::encode(&text, &mut body);
            } else {
                body.extend(text);
            }
        }
    }
    Some(body.into())
}

/// A body whose content-encoding is undone: the header must not say otherwise.
fn as_decoded(bytes: Bytes, headers: &mut Headers, counts: bool) -> Body {
    if counts {
        headers.remove("content-encoding");
        let len = bytes.len().to_string();
        if headers
            .get("content-length")
            .is_some_and(|other| other != len.as_bytes())
        {
            headers.set("content-length", len.as_bytes());
        }
    }
    Body::Bytes(bytes)
}
