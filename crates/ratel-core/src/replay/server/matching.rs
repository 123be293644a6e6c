//! By what a request finds its recording: a fingerprint of each of its parts, as the options have them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::io;

use bytes::Bytes;
use ratel_flow::record::Body;
use ratel_flow::{Request, form};

use crate::options::{Values, keys};

/// Bodies of forms up to so many bytes are looked into.
const FORM_MAX: u64 = 16 * 1024 * 1024;

/// Which parts of a request count (options `server_replay_ignore_*`, `server_replay_use_headers`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Matching {
    ignore_content: bool,
    ignore_host: bool,
    ignore_port: bool,
    ignore_params: HashSet<String>,
    ignore_fields: HashSet<String>,
    use_headers: Vec<String>,
}

/// A part of a request that can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Method,
    Path,
    Host,
    Port,
    Scheme,
    Query,
    Content,
    Headers,
}

impl Part {
    /// All of them: those that tell requests apart the most come first.
    pub(super) const ALL: [Self; 8] = [
        Self::Path,
        Self::Method,
        Self::Host,
        Self::Port,
        Self::Scheme,
        Self::Query,
        Self::Content,
        Self::Headers,
    ];
}

/// The fingerprints of the parts of a request, in the order of [`Part::ALL`]. Those that do not count are the same for all
/// requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key([u128; Part::ALL.len()]);

impl Key {
    pub(super) fn path(&self) -> u128 {
        self.0[0]
    }

    /// The parts in which two requests differ.
    pub(super) fn differs(&self, other: &Self) -> impl Iterator<Item = Part> {
        let pairs = self.0.into_iter().zip(other.0);
        let differ = Part::ALL.into_iter().zip(pairs);
        differ.filter_map(|(part, (one, other))| (one != other).then_some(part))
    }

    /// The same request, whatever its body.
    pub(super) fn without_content(mut self) -> Self {
        let parts = self.0.iter_mut().zip(Part::ALL);
        parts
            .filter(|(_, part)| *part == Part::Content)
            .for_each(|(print, _)| *print = 0);
        self
    }
}

/// Makes fingerprints: of twice 64 bits, by keys that nobody knows.
#[derive(Debug, Default)]
pub(super) struct Fingerprints([RandomState; 2]);

impl Fingerprints {
    fn of<E>(&self, feed: impl FnOnce(&mut Print) -> Result<(), E>) -> Result<u128, E> {
        let mut print = Print(self.0.each_ref().map(BuildHasher::build_hasher));
        feed(&mut print)?;
        let [one, other] = print.0.map(|hasher| hasher.finish());
        Ok(u128::from(one) << 64 | u128::from(other))
    }

    fn sure(&self, feed: impl FnOnce(&mut Print)) -> u128 {
        let Ok(print) = self.of::<std::convert::Infallible>(|print| {
            feed(print);
            Ok(())
        });
        print
    }
}

struct Print([std::hash::DefaultHasher; 2]);

impl Print {
    /// Where one text ends and the next one begins makes a difference.
    fn text(&mut self, text: &[u8]) {
        for hasher in &mut self.0 {
            text.hash(hasher);
        }
    }

    /// Bytes that go on with those before them.
    fn piece(&mut self, bytes: &[u8]) {
        for hasher in &mut self.0 {
            hasher.write(bytes);
        }
    }
}

impl Matching {
    pub(super) fn of(values: &Values) -> Self {
        let set = |list: &[String]| list.iter().cloned().collect();
        Self {
            ignore_content: values.bool(keys::SERVER_REPLAY_IGNORE_CONTENT),
            ignore_host: values.bool(keys::SERVER_REPLAY_IGNORE_HOST),
            ignore_port: values.bool(keys::SERVER_REPLAY_IGNORE_PORT),
            ignore_params: set(values.list(keys::SERVER_REPLAY_IGNORE_PARAMS)),
            ignore_fields: set(values.list(keys::SERVER_REPLAY_IGNORE_PAYLOAD_PARAMS)),
            use_headers: values.list(keys::SERVER_REPLAY_USE_HEADERS).to_vec(),
        }
    }

    /// Whether bodies count.
    pub(super) fn wants_content(&self) -> bool {
        !self.ignore_content
    }

    /// Whether any host will do.
    pub(super) fn ignores_host(&self) -> bool {
        self.ignore_host
    }

    /// Headers that count.
    pub(super) fn headers(&self) -> &[String] {
        &self.use_headers
    }

    /// The fingerprints of a request.
    ///
    /// # Errors
    /// When its body cannot be read.
    pub(super) fn key(
        &self,
        prints: &Fingerprints,
        request: &Request,
        body: &Body,
    ) -> io::Result<Key> {
        let (path, _) = split(&request.path);
        let mut key = [0; Part::ALL.len()];
        for (print, part) in key.iter_mut().zip(Part::ALL) {
            *print = match part {
                Part::Method => prints.sure(|print| print.text(&request.method)),
                Part::Scheme => prints.sure(|print| print.text(request.scheme.as_str().as_bytes())),
                Part::Path => prints.sure(|print| print.text(path)),
                Part::Host if self.ignore_host => 0,
                Part::Host => prints.sure(|print| print.text(request.pretty_host().as_bytes())),
                Part::Port if self.ignore_port => 0,
                Part::Port => u128::from(request.port),
                Part::Query => prints.sure(|print| {
                    for (name, value) in self.query(request) {
                        print.text(name.as_bytes());
                        print.text(value.as_bytes());
                    }
                }),
                Part::Content if self.ignore_content => 0,
                Part::Content => self.content(prints, request, body)?,
                Part::Headers => prints.sure(|print| {
                    for name in &self.use_headers {
                        match header(request, name) {
                            Some(value) => print.text(&value),
                            None => print.piece(b"\0"),
                        }
                    }
                }),
            };
        }
        Ok(Key(key))
    }

    /// The parameters behind the question mark that count.
    pub(super) fn query<'r>(
        &self,
        request: &'r Request,
    ) -> impl Iterator<Item = (Cow<'r, str>, Cow<'r, str>)> {
        let (_, query) = split(&request.path);
        let pairs = form::pairs(query).map(|(name, value)| (text(name), text(value)));
        pairs.filter(|(name, _)| !self.ignore_params.contains(&**name))
    }

    fn content(&self, prints: &Fingerprints, request: &Request, body: &Body) -> io::Result<u128> {
        if let Some(fields) = self.fields(request, body)? {
            return Ok(prints.sure(|print| {
                for (name, value) in &fields {
                    print.text(name);
                    print.text(value);
                }
            }));
        }
        prints.of(|print| {
            body.each(|piece| {
                print.piece(&piece);
                Ok(())
            })
        })
    }

    /// The fields of a form that count, if some are to be left aside and the body is one that has any.
    fn fields(&self, request: &Request, body: &Body) -> io::Result<Option<Fields>> {
        if self.ignore_fields.is_empty() {
            return Ok(None);
        }
        self.form(request, body)
    }

    /// The fields of a form that count, if the body is one that has any.
    pub(super) fn form(&self, request: &Request, body: &Body) -> io::Result<Option<Fields>> {
        let all = fields(request, body)?;
        let counts = |(name, _): &(Bytes, Bytes)| {
            !self.ignore_fields.contains(&*String::from_utf8_lossy(name))
        };
        Ok(all.map(|all| all.into_iter().filter(counts).collect()))
    }
}

/// Names with their values.
pub(super) type Fields = Vec<(Bytes, Bytes)>;

/// The fields of a form, if the body is one that has any.
fn fields(request: &Request, body: &Body) -> io::Result<Option<Fields>> {
    let Some(content_type) = request.headers.get("content-type") else {
        return Ok(None);
    };
    if body.len().is_none_or(|len| len > FORM_MAX) {
        return Ok(None);
    }
    let content_type = String::from_utf8_lossy(content_type).to_lowercase();
    let is_form = content_type.contains("application/x-www-form-urlencoded");
    let boundary = request.headers.get("content-type").and_then(|value| {
        let value = String::from_utf8_lossy(value);
        form::boundary(&value).filter(|_| content_type.contains("multipart/form-data"))
    });
    if !is_form && boundary.is_none() {
        return Ok(None);
    }
    let bytes = body.whole(FORM_MAX)?.unwrap_or_default();
    let all: Fields = match boundary {
        Some(boundary) => form::parts(&bytes, &boundary)
            .map(|part| (part.name.into(), Bytes::copy_from_slice(part.content)))
            .collect(),
        None => form::pairs(&bytes)
            .map(|(name, value)| (name.into_owned().into(), value.into_owned().into()))
            .collect(),
    };
    Ok((!all.is_empty()).then_some(all))
}

/// The values of a field, joined.
pub(super) fn header(request: &Request, name: &str) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = request.headers.get_all(name).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

/// The path without the parameters of its last segment, and the query; what follows a `#` is no part of either.
fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let target = target.split(|b| *b == b'#').next().unwrap_or_default();
    let mut halves = target.splitn(2, |b| *b == b'?');
    let path = halves.next().unwrap_or_default();
    let last = path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
    let segment = path.get(last..).unwrap_or_default();
    let kept = segment.split(|b| *b == b';').next().unwrap_or_default();
    let path = path.get(..last + kept.len()).unwrap_or_default();
    (path, halves.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::request;

    fn matching(change: impl FnOnce(&mut Matching)) -> Matching {
        let mut matching = Matching::default();
        change(&mut matching);
        matching
    }

    #[test]
    fn a_body_has_one_fingerprint_however_it_is_read() {
        let prints = Fingerprints::default();
        let whole = prints.sure(|print| print.piece(b"hello world"));
        let pieces = prints.sure(|print| {
            print.piece(b"hel");
            print.piece(b"lo wo");
            print.piece(b"rld");
        });
        assert_eq!(whole, pieces);
        assert_ne!(whole, prints.sure(|print| print.piece(b"hello worlD")));
    }

    #[test]
    fn parts_count_or_do_not() {
        let prints = Fingerprints::default();
        let mut other = request("/a?x=1&y=2");
        other.host = "other.test".into();
        other.headers.set("host", b"other.test:81");
        other.port = 81;
        other.headers.append(b"X-Kind", b"b");
        let one = request("/a?x=1&y=3");
        let differs = |matching: &Matching| {
            let key = |request: &Request, body: &'static str| {
                let body = Body::Bytes(body.into());
                matching.key(&prints, request, &body).unwrap()
            };
            let (one, other) = (key(&one, "1"), key(&other, "2"));
            one.differs(&other).collect::<Vec<_>>()
        };
        use Part as P;
        let rows: [(Matching, &[Part]); 4] = [
            (matching(|_| {}), &[P::Host, P::Port, P::Query, P::Content]),
            (
                matching(|m| {
                    (m.ignore_host, m.ignore_port, m.ignore_content) = (true, true, true);
                }),
                &[P::Query],
            ),
            (
                matching(|m| m.ignore_params = ["y".to_owned()].into()),
                &[P::Host, P::Port, P::Content],
            ),
            (
                matching(|m| m.use_headers = vec!["x-kind".to_owned()]),
                &[P::Host, P::Port, P::Query, P::Content, P::Headers],
            ),
        ];
        for (matching, expected) in rows {
            assert_eq!(differs(&matching), expected, "{matching:?}");
        }
    }

    #[test]
    fn fields_of_forms_are_left_aside() {
        let matching = matching(|m| m.ignore_fields = ["token".to_owned()].into());
        let prints = Fingerprints::default();
        let key = |content_type: &str, body: &str| {
            let mut request = request("/");
            request
                .headers
                .append(b"content-type", content_type.as_bytes());
            let body = Body::Bytes(body.to_owned().into());
            matching.key(&prints, &request, &body).unwrap()
        };
        let form = "application/x-www-form-urlencoded";
        assert_eq!(key(form, "a=1&token=x"), key(form, "token=y&a=1"));
        assert_ne!(key(form, "a=1&token=x"), key(form, "a=2&token=x"));
        assert_ne!(
            key("text/plain", "a=1&token=x"),
            key("text/plain", "a=1&token=y")
        );
        let parts = |token: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n\
                --b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"
            )
        };
        let multipart = "multipart/form-data; boundary=b";
        assert_eq!(key(multipart, &parts("x")), key(multipart, &parts("y")));
    }

    #[test]
    fn paths_are_split_where_python_splits_them() {
        let rows = [
            ("/a/b?c=d", ("/a/b", "c=d")),
            ("/a;x/b;y=1?c", ("/a;x/b", "c")),
            ("/a?b?c#d", ("/a", "b?c")),
            ("*", ("*", "")),
            ("", ("", "")),
        ];
        for (target, (path, query)) in rows {
            assert_eq!(
                split(target.as_bytes()),
                (path.as_bytes(), query.as_bytes())
            );
        }
    }
}
