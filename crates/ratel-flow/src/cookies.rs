//! Cookies as requests and responses carry them (RFC 6265), split where mitmproxy splits them.

mod date;

use std::ops::Range;

use ratel_proto::Headers;

pub use date::parse_date;

/// A cookie that a response sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetCookie<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value, without quotes around it.
    pub value: &'a [u8],
    /// Its attributes as they stand: name and value, in order.
    pub attributes: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

impl<'a> SetCookie<'a> {
    /// Reads the value of a `Set-Cookie` field.
    #[must_use]
    pub fn parse(field: &'a [u8]) -> Self {
        let mut parts = split(field);
        let (name, value) = parts.next().unwrap_or_default();
        Self {
            name,
            value: value.unwrap_or_default(),
            attributes: parts.collect(),
        }
    }

    /// The value of an attribute: empty for one without.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'a [u8]> {
        self.attributes
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.unwrap_or_default())
    }
}

/// The cookies of a request, in order.
pub fn of_request(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers
        .get_all("cookie")
        .flat_map(split)
        .map(|(name, value)| (name, value.unwrap_or_default()))
}

/// The cookies that a response sets.
pub fn of_response(headers: &Headers) -> impl Iterator<Item = SetCookie<'_>> {
    headers.get_all("set-cookie").map(SetCookie::parse)
}

/// A `Set-Cookie` field with another date to expire at: what `moved` makes of the one there is, none to leave it out. None
/// where the field stays as it is, as that of a cookie without name or value does.
pub(crate) fn move_expiry(
    field: &[u8],
    moved: impl Fn(&[u8]) -> Option<String>,
) -> Option<Vec<u8>> {
    let mut places = places(field);
    let (name, value) = places.next()?;
    if name.is_empty() || value?.is_empty() {
        return None;
    }
    let mut out = None;
    // From the last one to the first, so that places stay where they are.
    let places: Vec<_> = places.collect();
    for (name, place) in places.into_iter().rev() {
        let Some(place) = place.filter(|_| name.eq_ignore_ascii_case(b"expires")) else {
            continue;
        };
        let new = moved(field.get(place.clone())?);
        let out = out.get_or_insert_with(|| field.to_vec());
        match new {
            Some(new) => drop(out.splice(place, new.into_bytes())),
            None => {
                let before = field.get(..place.start)?;
                let start = memchr::memrchr(b';', before).unwrap_or(before.len());
                let after = field.get(place.end..)?;
                let end = memchr::memchr(b';', after).unwrap_or(after.len());
                out.drain(start..place.end + end);
            }
        }
    }
    out
}

/// Where the values stand in a `Cookie` field, or a `Set-Cookie` field, whose first value is that of the cookie; beside
/// the names; none for a name alone.
pub(crate) fn places(field: &[u8]) -> impl Iterator<Item = (&[u8], Option<Range<usize>>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = field.get(at..).filter(|rest| !rest.is_empty())?;
            let end = memchr::memchr2(b'=', b';', rest).unwrap_or(rest.len());
            let name = rest.get(..end)?.trim_ascii();
            if rest.get(end) == Some(&b'=') {
                let value = value(field, at + end + 1);
                let close = field.get(value.end..).unwrap_or_default();
                let next = memchr::memchr(b';', close).unwrap_or(close.len());
                at = value.end + next + 1;
                return Some((name, Some(value)));
            }
            at += end + 1;
            if !name.is_empty() {
                return Some((name, None));
            }
        }
    })
}

/// A value without the white space or the quotes around it. One in quotes may have semicolons in it.
fn value(field: &[u8], at: usize) -> Range<usize> {
    let rest = field.get(at..).unwrap_or_default();
    let blank = rest.len() - rest.trim_ascii_start().len();
    if let Some(inner) = rest.trim_ascii_start().strip_prefix(b"\"")
        && let Some(quote) = memchr::memchr(b'"', inner)
    {
        let after = inner.get(quote + 1..).unwrap_or_default();
        let next = memchr::memchr(b';', after).unwrap_or(after.len());
        if after
            .get(..next)
            .unwrap_or_default()
            .trim_ascii()
            .is_empty()
        {
            let start = at + blank + 1;
            return start..start + quote;
        }
    }
    let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
    let len = rest.get(..end).unwrap_or_default().trim_ascii_end().len();
    at + blank.min(len)..at + len
}

/// Names with values between semicolons; none for a name alone.
fn split(field: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    places(field).map(|(name, place)| {
        let value = place.map(|place| field.get(place).unwrap_or_default());
        (name, value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_requests_are_pairs() {
        let headers: Headers = [
            ("Cookie", "a=1; b=\"q; z\"; c;; d=x=y;e=\"open; f= g "),
            ("cookie", "h="),
        ]
        .into_iter()
        .collect();
        let found: Vec<_> = of_request(&headers)
            .map(|(name, value)| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                text(name) + "|" + &text(value)
            })
            .collect();
        assert_eq!(
            found,
            ["a|1", "b|q; z", "c|", "d|x=y", "e|\"open", "f|g", "h|"]
        );
    }

    #[test]
    fn cookies_of_responses_have_attributes() {
        let cookie =
            SetCookie::parse(b"sid=a b; Path=/x; HttpOnly ; expires=Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!((cookie.name, cookie.value), (&b"sid"[..], &b"a b"[..]));
        assert_eq!(cookie.attribute("path"), Some(&b"/x"[..]));
        assert_eq!(cookie.attribute("httponly"), Some(&b""[..]));
        assert_eq!(
            cookie.attribute("Expires"),
            Some(&b"Wed, 21 Oct 2015 07:28:00 GMT"[..])
        );
        assert_eq!(cookie.attribute("secure"), None);
        assert_eq!(SetCookie::parse(b""), SetCookie::default());
    }
}
