//! Looking for a text: where it has no capital letters, capitals are found as well (of ASCII, so that nothing moves).

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

/// Whether capital letters count.
fn is_exact(needle: &[u8]) -> bool {
    needle.iter().any(u8::is_ascii_uppercase)
}

/// What is searched, in the letters in which the needle is written.
fn folded<'a>(hay: &'a [u8], needle: &[u8]) -> Cow<'a, [u8]> {
    if is_exact(needle) || !hay.iter().any(u8::is_ascii_uppercase) {
        Cow::Borrowed(hay)
    } else {
        Cow::Owned(hay.to_ascii_lowercase())
    }
}

/// Where the first match begins.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    memmem::find(&folded(hay, needle), needle)
}

/// Where the last match begins.
pub(crate) fn rfind(hay: &[u8], needle: &[u8]) -> Option<usize> {
    memmem::rfind(&folded(hay, needle), needle)
}

/// Where the matches begin, none of which is in another.
pub(crate) fn starts(hay: &[u8], needle: &[u8]) -> Vec<usize> {
    if needle.is_empty() {
        return Vec::new();
    }
    memmem::find_iter(&folded(hay, needle), needle).collect()
}

/// The matches in a text.
pub(crate) fn matches(text: &str, needle: &str) -> Vec<Range<usize>> {
    let starts = starts(text.as_bytes(), needle.as_bytes()).into_iter();
    starts.map(|at| at..at + needle.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_count_where_there_are_some() {
        assert_eq!(matches("X-Api-Key: x-api-key", "x-api"), [0..5, 11..16]);
        assert_eq!(starts(b"X-Api-Key: x-api-key", b"X-Api"), [0]);
        assert_eq!(find(b"aAbB", b"bb"), Some(2));
        assert_eq!(rfind(b"aAaA", b"aa"), Some(2));
        assert_eq!(starts(b"aaaa", b"aa"), [0, 2]);
        assert_eq!(starts("\u{c4}a".as_bytes(), b"a"), [2]);
        assert!(matches("abc", "").is_empty());
    }
}
