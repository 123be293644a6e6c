//! What differs between two bodies, in a few words: the values of a form or of JSON, else the first byte.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ratel_flow::Request;
use ratel_flow::record::Body;
use ratel_flow::redact::is_credential;

use super::super::matching::{Fields, Matching};
use super::cut;
use crate::diff::{self, Difference};

/// Bodies with more bytes are not looked into: somebody waits for an answer.
const BODY_MAX: u64 = 1024 * 1024;

/// Nor longer than that.
const TIME: Duration = Duration::from_millis(20);

/// So many values are named.
const VALUES: usize = 3;

/// Characters of a path to a value, and of a value.
const PATH_SHOWN: usize = 80;
const VALUE_SHOWN: usize = 40;

/// A body with its head.
pub(super) type Whose<'a> = (&'a Request, &'a Body);

/// What differs in the body of a request and in that of a recording.
pub(super) fn describe(matching: &Matching, asked: Whose<'_>, recorded: Whose<'_>) -> String {
    let (one, other) = (asked.1.len(), recorded.1.len());
    if other.is_none() {
        return "body (that of the recording is missing)".to_owned();
    }
    if let Some(values) = of_form(matching, asked, recorded) {
        return match &values[..] {
            [] => "form fields (in another order)".to_owned(),
            values => format!("form fields ({})", listed(values)),
        };
    }
    let lengths = match (one, other) {
        (Some(one), Some(other)) if one != other => format!("{one} bytes in place of {other}"),
        _ => "as long as that of the recording".to_owned(),
    };
    let (Some(one), Some(other)) = (content(asked), content(recorded)) else {
        return format!("body ({lengths})");
    };
    let (one, other) = (&*one, &*other);
    if one == other {
        return "body (the same, encoded in another way)".to_owned();
    }
    match diff::differences(other, one, Instant::now() + TIME).as_deref() {
        Some([]) => "body (the same JSON, written in another way)".to_owned(),
        Some(values) => format!("body ({})", listed(values)),
        None if one.is_empty() || other.is_empty() => format!("body ({lengths})"),
        None => {
            let at = diff::first_difference(one, other);
            format!("body ({lengths}, different from byte {at} on)")
        }
    }
}

/// The body without its content-encodings, unless it is too large to be looked into.
fn content((request, body): Whose<'_>) -> Option<Vec<u8>> {
    let bytes = body.whole(BODY_MAX).ok()?.unwrap_or_default();
    let limit = usize::try_from(BODY_MAX).unwrap_or(usize::MAX);
    let content = ratel_flow::content::content(&request.headers, &bytes, true, limit);
    Some(content.bytes.into_owned())
}

/// What differs in two forms; none if one of the two is no form, or both are too large.
fn of_form(
    matching: &Matching,
    (request, body): Whose<'_>,
    (closest, recorded): Whose<'_>,
) -> Option<Vec<Difference>> {
    if [body, recorded]
        .iter()
        .any(|body| body.len() > Some(BODY_MAX))
    {
        return None;
    }
    let one = matching.form(request, body).ok()??;
    let other = matching.form(closest, recorded).ok()??;
    let mut found: Vec<Difference> = Vec::new();
    for (name, _) in one.iter().chain(&other) {
        let (new, old) = (values(&one, name), values(&other, name));
        let path = String::from_utf8_lossy(name);
        if new != old && !found.iter().any(|known| known.path == path) {
            let path = path.into_owned();
            found.push(Difference { path, old, new });
        }
    }
    Some(found)
}

/// The values of a name in a form, if it has the name.
fn values(fields: &Fields, name: &Bytes) -> Option<diff::Value> {
    let of_name = fields.iter().filter(|(known, _)| known == name);
    let all: Vec<_> = of_name
        .map(|(_, value)| String::from_utf8_lossy(value))
        .collect();
    (!all.is_empty()).then(|| diff::Value {
        text: all.join(", "),
        is_nested: false,
    })
}

fn listed(values: &[Difference]) -> String {
    let mut said: Vec<String> = values.iter().take(VALUES).map(one_of).collect();
    if let Some(more @ 1..) = values.len().checked_sub(VALUES) {
        said.push(format!("and {more} more"));
    }
    said.join(", ")
}

/// One value that differs. Credentials stay unsaid, and so do values that may have some in them.
fn one_of(value: &Difference) -> String {
    let path = cut(&value.path, PATH_SHOWN);
    let mut names = value
        .path
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    let is_secret = names.any(is_credential);
    match (&value.new, &value.old) {
        (Some(new), Some(old)) if !is_secret && !new.is_nested && !old.is_nested => {
            let [new, old] = [new, old].map(|value| cut(&value.text, VALUE_SHOWN));
            format!("{path}: {new} in place of {old}")
        }
        (Some(_), Some(_)) => format!("{path}: another value"),
        (Some(_), None) => format!("{path}: not in the recording"),
        (None, _) => format!("{path}: missing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::request;

    fn told(content_type: &str, asked: &[u8], recorded: &[u8]) -> String {
        let mut head = request("/");
        head.headers
            .append(b"content-type", content_type.as_bytes());
        let body = |bytes: &[u8]| Body::Bytes(Bytes::copy_from_slice(bytes));
        let (one, other) = (body(asked), body(recorded));
        describe(&Matching::default(), (&head, &one), (&head, &other))
    }

    fn check(rows: &[(&str, &[u8], &[u8], &str)]) {
        for (content_type, asked, recorded, expected) in rows {
            assert_eq!(told(content_type, asked, recorded), *expected);
        }
    }

    #[test]
    fn fields_of_forms_are_named() {
        let form = "application/x-www-form-urlencoded";
        check(&[
            (form, b"a=1", b"a=2", "form fields (a: 1 in place of 2)"),
            (
                form,
                b"a=1&b=2",
                b"b=2&a=1",
                "form fields (in another order)",
            ),
            (
                form,
                b"a=1&c=3",
                b"a=1&b=2",
                "form fields (c: not in the recording, b: missing)",
            ),
            (
                form,
                b"password=hunter2",
                b"password=hunter3",
                "form fields (password: another value)",
            ),
            (
                form,
                b"a=%1b%5b31m%0a",
                b"a=2",
                "form fields (a: .[31m. in place of 2)",
            ),
            (
                form,
                b"a=1&b=1&c=1&d=1&e=1",
                b"a=2&b=2&c=2&d=2&e=2",
                "form fields (a: 1 in place of 2, b: 1 in place of 2, c: 1 in place of 2, and 2 more)",
            ),
            (
                "multipart/form-data; boundary=b",
                b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n",
                b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n2\r\n--b--\r\n",
                "form fields (a: 1 in place of 2)",
            ),
        ]);
    }

    #[test]
    fn values_in_json_are_named_and_else_the_first_byte() {
        let json = "application/json";
        check(&[
            (
                json,
                br#"{"user": {"age": 3}, "tags": ["a"]}"#,
                br#"{"user": {"age": 4}, "tags": ["a"]}"#,
                "body (user.age: 3 in place of 4)",
            ),
            (
                json,
                br#"{"a": "x", "n": 1}"#,
                br#"{"b": [1]}"#,
                "body (b: missing, a: not in the recording, n: not in the recording)",
            ),
            (
                json,
                br#"{"auth": {"token": "abc"}}"#,
                br#"{"auth": {"token": "abd"}}"#,
                "body (auth.token: another value)",
            ),
            (
                json,
                br#"{"token": {"value": "abc"}}"#,
                br#"{"token": {"value": "abd"}}"#,
                "body (token.value: another value)",
            ),
            (
                json,
                br#"{"a": {"token": "abc"}}"#,
                br#"{"a": 1}"#,
                "body (a: another value)",
            ),
            (
                json,
                br#"{"a": 1}"#,
                br#"{ "a" : 1 }"#,
                "body (the same JSON, written in another way)",
            ),
            (
                "text/plain",
                b"hello world",
                b"hello there",
                "body (as long as that of the recording, different from byte 6 on)",
            ),
            (
                "text/plain",
                b"hello",
                b"hello there",
                "body (5 bytes in place of 11, different from byte 5 on)",
            ),
            ("text/plain", b"", b"x", "body (0 bytes in place of 1)"),
            (
                json,
                b"[1",
                b"[2",
                "body (as long as that of the recording, different from byte 1 on)",
            ),
            (json, b"[1,2]", b"[1,3]", "body ([1]: 2 in place of 3)"),
        ]);
    }

    #[test]
    fn what_is_said_is_short() {
        let long = "x".repeat(100_000);
        let asked = format!(r#"{{"{long}": "{long}", "b": "{long}"}}"#);
        let recorded = format!(r#"{{"{long}": "y", "b": "z"}}"#);
        let told = told("application/json", asked.as_bytes(), recorded.as_bytes());
        assert!(told.chars().count() < 400, "{told}");
        assert!(told.contains("…: "), "{told}");
    }

    #[test]
    fn what_is_large_is_not_looked_into() {
        let large = vec![b'x'; BODY_MAX as usize + 1];
        assert_eq!(
            told("text/plain", &large, b"y"),
            format!("body ({} bytes in place of 1)", large.len())
        );
    }
}
