//! Changing what was exchanged, part by part: what front ends have for a form, an editor or `flow.set`.
//!
//! A [`Draft`] is an exchange while it is changed. Its parts are single values, tables ([`Part`]) and contents; what was not
//! changed stays byte for byte what it was. In the end it is an [`Edit`], for a finished flow or one that is held.

mod body;
mod cookies;
mod multipart;
mod part;
mod query;
mod table;

use std::fmt::Write as _;
use std::io;

use bytes::Bytes;
use ratel_flow::content::CodingError;
use ratel_flow::{Body, HttpRecord, Request, Response, Side};
use ratel_proto::Headers;
use ratel_proto::url::UrlError;

pub use body::Content;
pub use part::Part;
pub use table::Row;

use crate::clock;
use crate::store::Edit;

/// More bytes of a body are not edited.
pub const BODY_MAX: u64 = 16 * 1024 * 1024;

/// Why something cannot be changed so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// The body is too large to be edited.
    #[error("a body of more than 16 MiB cannot be edited here")]
    TooLarge,
    /// It is not on record.
    #[error("the body is not on record")]
    Missing,
    /// It cannot be read.
    #[error("the body cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The content-encoding is unknown.
    #[error("{0}")]
    Coding(#[from] CodingError),
    /// The content-encoding cannot be undone.
    #[error("the content-encoding {0} cannot be undone: the body is damaged or cut short")]
    Damaged(String),
    /// A URL that is none.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// A value that cannot be.
    #[error("{0}")]
    Value(String),
}

impl DraftError {
    fn value(text: impl Into<String>) -> Self {
        Self::Value(text.into())
    }
}

/// An HTTP exchange that is being changed.
#[derive(Clone, Debug)]
pub struct Draft {
    request: Request,
    request_body: Body,
    request_trailers: Headers,
    response: Option<Response>,
    response_body: Body,
    response_trailers: Headers,
    edit: Edit,
}

impl Draft {
    /// One that changes nothing.
    #[must_use]
    pub fn new(http: &HttpRecord) -> Self {
        Self {
            request: http.request.clone(),
            request_body: http.request_body.clone(),
            request_trailers: http.request_trailers.clone().unwrap_or_default(),
            response: http.response.clone(),
            response_body: http.response_body.clone(),
            response_trailers: http.response_trailers.clone().unwrap_or_default(),
            edit: Edit::default(),
        }
    }

    /// What is to be changed; none if nothing is.
    #[must_use]
    pub fn finish(self) -> Option<Edit> {
        let edit = self.edit;
        let changes = edit.request.is_some()
            || edit.response.is_some()
            || edit.request_body.is_some()
            || edit.response_body.is_some()
            || edit.request_trailers.is_some()
            || edit.response_trailers.is_some();
        changes.then_some(edit)
    }

    /// The request as it is by now.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The response as it is by now.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    /// Gives an attribute a value, by its name in the command `flow.set`.
    ///
    /// # Errors
    /// When there is no such attribute, or it cannot have that value.
    pub fn set(&mut self, attribute: &str, value: &str) -> Result<(), DraftError> {
        let bytes = || Bytes::copy_from_slice(value.as_bytes());
        if value.contains(['\r', '\n', '\0']) {
            return Err(DraftError::value(format!(
                "the {attribute} cannot have a line end"
            )));
        }
        match attribute {
            "method" => {
                if value.is_empty() || value.contains(is_blank) {
                    return Err(DraftError::value(format!("{value:?} is no method")));
                }
                self.change_request(|request| request.set_method(bytes()));
            }
            "url" => {
                let mut request = self.request.clone();
                request.set_url(&percent_encoded(value)?)?;
                self.change_request(|there| *there = request);
            }
            "path" => {
                if value.contains(is_blank) {
                    return Err(DraftError::value("a path has no spaces; write %20"));
                }
                let is_target = value.starts_with('/') || value == "*";
                if !is_target && !self.request.method.eq_ignore_ascii_case(b"CONNECT") {
                    return Err(DraftError::value(format!(
                        "{value:?} is no path; one begins with /"
                    )));
                }
                self.change_request(|request| request.set_path(bytes()));
            }
            "host" => {
                if value.is_empty() || value.contains('/') || value.contains(is_blank) {
                    return Err(DraftError::value(format!("{value:?} is no host")));
                }
                let host = value
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .to_owned();
                self.change_request(|request| request.set_host(host));
            }
            "status_code" => {
                let status = value
                    .parse()
                    .ok()
                    .filter(|status| (100..1000).contains(status));
                let status = status.ok_or_else(|| {
                    DraftError::value(format!("{value:?} is no status code between 100 and 999"))
                })?;
                self.change_response(|response| response.set_status(status));
            }
            "reason" => self.change_response(|response| {
                response.reason = bytes();
                response.line = None;
            }),
            _ => {
                return Err(DraftError::value(format!(
                    "there is no attribute {attribute}"
                )));
            }
        }
        Ok(())
    }

    /// The value of an attribute that [`set`](Self::set) changes.
    #[must_use]
    pub fn attribute(&self, attribute: &str) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let response = self.response.as_ref();
        match attribute {
            "method" => text(&self.request.method),
            "url" => self.request.url(),
            "path" => text(&self.request.path),
            "host" => self.request.host.to_string(),
            "status_code" => response.map_or_else(String::new, |it| it.status.to_string()),
            "reason" => response.map_or_else(String::new, |it| text(&it.reason)),
            _ => String::new(),
        }
    }

    fn change_request(&mut self, change: impl FnOnce(&mut Request)) {
        change(&mut self.request);
        self.edit.request = Some(self.request.clone());
    }

    /// Changes the response. Where there is none an empty one is made.
    fn change_response(&mut self, change: impl FnOnce(&mut Response)) {
        let response = match &mut self.response {
            Some(response) => response,
            none => {
                let mut made = Response::new(200, clock::now());
                made.headers.append(b"Content-Length", b"0");
                self.response_body = Body::Bytes(Bytes::new());
                self.edit.response_body = Some(Bytes::new());
                none.insert(made)
            }
        };
        change(response);
        self.edit.response = self.response.clone();
    }

    fn headers(&self, side: Side) -> Option<&Headers> {
        match side {
            Side::Client => Some(&self.request.headers),
            Side::Server => self.response.as_ref().map(|response| &response.headers),
        }
    }

    fn change_headers(&mut self, side: Side, change: impl FnOnce(&mut Headers)) {
        match side {
            Side::Client => self.change_request(|request| change(&mut request.headers)),
            Side::Server => self.change_response(|response| change(&mut response.headers)),
        }
    }
}

/// What would end a word of a line, or is no character to be seen.
fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c.is_ascii_control()
}

/// A URL as it can be sent: what somebody types that cannot stand in one (RFC 3986 §2) is percent-encoded behind the host;
/// what is encoded already stays.
///
/// # Errors
/// When it is no URL of HTTP.
pub fn percent_encoded(url: &str) -> Result<String, DraftError> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(DraftError::value(if url.starts_with('/') {
            format!("{url:?} is a path; a URL begins with http:// or https://")
        } else {
            format!("{url:?} is no URL; one begins with http:// or https://")
        }));
    };
    let path = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(path).unwrap_or((rest, ""));
    let mut encoded = format!("{scheme}://{authority}");
    for c in path.chars() {
        if c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>') {
            encoded.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Ok(encoded)
}

#[cfg(test)]
mod tests;
