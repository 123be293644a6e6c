//! Where a request goes: scheme, authority and path in files; target and pseudo-header fields in the model.
//!
//! The authority is empty for a target that has none, and is what a CONNECT consists of. Files have no pseudo-header
//! fields: they are made of the three, in the order in which everybody sends them.

use std::borrow::Cow;

use bytes::Bytes;
use ratel_proto::Headers;
use ratel_proto::tnetstring::Value;

use super::is_http1;
use crate::http::{Request, Scheme, Version};
use crate::io::convert::out::Out;
use crate::time::Timestamp;

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) scheme: Cow<'a, [u8]>,
    pub(super) authority: Cow<'a, [u8]>,
    pub(super) path: Cow<'a, [u8]>,
}

impl<'a> Parts<'a> {
    /// Those of a request.
    pub(super) fn of(request: &'a Request) -> Self {
        let is_connect = request.method.eq_ignore_ascii_case(b"CONNECT");
        let authority = if !is_http1(&request.version) {
            request.pseudo.get(":authority").unwrap_or_default()
        } else if is_connect && request.path.is_empty() {
            &request.target
        } else {
            absolute_authority(&request.target).unwrap_or_default()
        };
        let scheme = if is_connect && request.path.is_empty() {
            ""
        } else {
            request.scheme.as_str()
        };
        Self {
            scheme: scheme.as_bytes().into(),
            authority: authority.into(),
            path: (&request.path[..]).into(),
        }
    }

    /// The request that has them. What else a request has is left empty.
    pub(super) fn to_request(&self, method: &[u8], version: Version) -> Request {
        let Self {
            scheme,
            authority,
            path,
        } = self;
        let mut pseudo = Headers::new();
        let target = if !is_http1(&version) {
            for (name, value) in [
                (&b":method"[..], method),
                (b":scheme", scheme),
                (b":authority", authority),
                (b":path", path),
            ] {
                if !value.is_empty() {
                    pseudo.append(name, value);
                }
            }
            if path.is_empty() { authority } else { path }
        } else if authority.is_empty() {
            path
        } else if path.is_empty() && method.eq_ignore_ascii_case(b"CONNECT") {
            authority
        } else {
            &Cow::Owned([scheme, &b"://"[..], authority, path].concat())
        };
        let path = Bytes::copy_from_slice(path);
        Request {
            method: Bytes::copy_from_slice(method),
            // Mostly the same.
            target: if **target == path {
                path.clone()
            } else {
                Bytes::copy_from_slice(target)
            },
            version,
            line: None,
            headers: Headers::new(),
            pseudo,
            scheme: Scheme::Http,
            host: "".into(),
            port: 0,
            path,
            timestamp_start: Timestamp::default(),
        }
    }

    /// The scheme that comes closest. A CONNECT has none; the port says what it is likely for.
    pub(super) fn scheme(&self, port: u16) -> Scheme {
        match &*self.scheme {
            b"https" => Scheme::Https,
            b"" if port == Scheme::Https.default_port() => Scheme::Https,
            _ => Scheme::Http,
        }
    }

    pub(super) fn to_value(&self) -> Value {
        let parts = [&self.scheme, &self.authority, &self.path];
        let bytes = |part: &Cow<'_, [u8]>| Value::Bytes(Bytes::copy_from_slice(part));
        Value::List(parts.map(bytes).into())
    }

    /// Those that were kept, if it is still this request that they make.
    pub(super) fn of_value(value: &'a Value, request: &Request) -> Option<Self> {
        let Value::List(list) = value else {
            return None;
        };
        let [
            Value::Bytes(scheme),
            Value::Bytes(authority),
            Value::Bytes(path),
        ] = &list[..]
        else {
            return None;
        };
        let parts = Self {
            scheme: (&scheme[..]).into(),
            authority: (&authority[..]).into(),
            path: (&path[..]).into(),
        };
        let again = parts.to_request(&request.method, request.version.clone());
        let same = again.target == request.target
            && again.path == request.path
            && again.pseudo == request.pseudo
            && parts.scheme(request.port) == request.scheme;
        same.then_some(parts)
    }
}

/// The authority of a target that is a URL.
fn absolute_authority(target: &[u8]) -> Option<&[u8]> {
    if target.starts_with(b"/") {
        return None;
    }
    let colon = memchr::memmem::find(target, b"://")?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    if scheme.is_empty()
        || !scheme
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
    {
        return None;
    }
    let rest = rest.get(3..)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#'));
    rest.get(..end.unwrap_or(rest.len()))
}

/// Writes down of a request what cannot be made of the three parts. No pseudo-header fields stand for the usual ones.
pub(in crate::io::convert) fn write_notes(out: &mut Out<'_>, request: &Request) {
    let is_plain = is_http1(&request.version) && request.pseudo.is_empty();
    // What nearly all of HTTP/1 is.
    if is_plain && request.target.starts_with(b"/") && request.target == request.path {
        return;
    }
    let parts = Parts::of(request);
    let again = parts.to_request(&request.method, request.version.clone());
    // A CONNECT has no scheme there.
    if parts.scheme(request.port) != request.scheme {
        out.text("ratel_scheme", request.scheme.as_str());
    }
    if again.target != request.target {
        out.bytes("ratel_target", &request.target);
    }
    if again.pseudo != request.pseudo && !request.pseudo.is_empty() {
        super::write_headers(out, "ratel_request_pseudo", &request.pseudo);
    }
}
