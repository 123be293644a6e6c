//! Cookies by whom they are for.

use std::collections::VecDeque;

use ratel_flow::cookies::{SetCookie, parse_date};
use ratel_flow::{Request, Timestamp};

/// So many cookies are kept; the oldest go.
const COOKIES_MAX: usize = 20_000;

/// What servers have set, in the order in which they first did.
#[derive(Debug, Default)]
pub(super) struct Jar(VecDeque<Cookie>);

#[derive(Debug, PartialEq, Eq)]
struct Cookie {
    domain: String,
    port: u16,
    path: Vec<u8>,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Jar {
    /// A response to `request` sets a cookie: it is kept, or goes if it has expired. One for somebody else's domain is
    /// left aside.
    pub(super) fn take_in(&mut self, cookie: &SetCookie<'_>, request: &Request, now: Timestamp) {
        let domain = match cookie.attribute("domain") {
            Some(domain) => String::from_utf8_lossy(domain).to_ascii_lowercase(),
            None => request.host.to_ascii_lowercase(),
        };
        if cookie.name.is_empty() || !is_for(&request.host, &domain) {
            return;
        }
        let path = cookie.attribute("path").unwrap_or(b"/");
        let same = |known: &Cookie| {
            known.domain == domain
                && known.port == request.port
                && known.path == path
                && known.name == cookie.name
        };
        let known = self.0.iter().position(same);
        if is_expired(cookie, now) {
            known.map(|at| self.0.remove(at));
            return;
        }
        if let Some(known) = known.and_then(|at| self.0.get_mut(at)) {
            known.value = cookie.value.to_vec();
            return;
        }
        if self.0.len() == COOKIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Cookie {
            domain,
            port: request.port,
            path: path.to_vec(),
            name: cookie.name.to_vec(),
            value: cookie.value.to_vec(),
        });
    }

    /// The `Cookie` field for a request; none if there are no cookies for it.
    pub(super) fn field_for(&self, request: &Request) -> Option<Vec<u8>> {
        let is_wanted = |cookie: &&Cookie| {
            cookie.port == request.port
                && request.path.starts_with(&cookie.path)
                && is_for(&request.host, &cookie.domain)
        };
        let pairs = self.0.iter().filter(is_wanted).map(|cookie| {
            let mut pair = cookie.name.clone();
            pair.push(b'=');
            put_value(&mut pair, &cookie.value);
            pair
        });
        let pairs: Vec<Vec<u8>> = pairs.collect();
        (!pairs.is_empty()).then(|| pairs.join(&b"; "[..]))
    }
}

/// Whether cookies of `domain` go to `host`: it is the domain, or one below it where the domain begins with a dot.
fn is_for(host: &str, domain: &str) -> bool {
    let host = host.to_ascii_lowercase();
    if host == domain || host == domain.trim_matches('.') {
        return true;
    }
    let is_name = host.parse::<std::net::IpAddr>().is_err();
    domain.len() > 1 && domain.starts_with('.') && is_name && host.ends_with(domain)
}

fn is_expired(cookie: &SetCookie<'_>, now: Timestamp) -> bool {
    let now = i64::try_from(now.0 / 1_000_000_000).unwrap_or(i64::MAX);
    let has_passed = |date| parse_date(date).is_some_and(|at| at < now);
    let is_zero = |age: &[u8]| str::from_utf8(age).is_ok_and(|age| age.trim().parse() == Ok(0));
    cookie.attribute("expires").is_some_and(has_passed)
        || cookie.attribute("max-age").is_some_and(is_zero)
}

/// In quotes where it has bytes that stand for something else in a `Cookie` field.
fn put_value(out: &mut Vec<u8>, value: &[u8]) {
    let is_special =
        |byte: &u8| matches!(byte, b'"' | b',' | b';' | b'\\') || *byte < 0x21 || *byte > 0x7e;
    if !value.iter().any(is_special) {
        return out.extend_from_slice(value);
    }
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
