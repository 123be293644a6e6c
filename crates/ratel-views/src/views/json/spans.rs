//! Where the values of a JSON text stand that is known to be good.

use std::ops::Range;

/// The members of an object: keys, with their quotes, and values.
pub(crate) fn members(text: &str) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    let mut members = Vec::new();
    let mut at = open(text, b'{')?;
    while text.as_bytes().get(at) != Some(&b'}') {
        let key = at..value(text, at)?;
        let colon = spaces(text, key.end);
        if text.as_bytes().get(colon) != Some(&b':') {
            return None;
        }
        let start = spaces(text, colon + 1);
        let end = value(text, start)?;
        members.push((key, start..end));
        at = next(text, end)?;
    }
    Some(members)
}

/// The items of an array.
pub(crate) fn items(text: &str) -> Option<Vec<Range<usize>>> {
    let mut items = Vec::new();
    let mut at = open(text, b'[')?;
    while text.as_bytes().get(at) != Some(&b']') {
        let end = value(text, at)?;
        items.push(at..end);
        at = next(text, end)?;
    }
    Some(items)
}

/// Whether there is one value and nothing else.
pub(crate) fn is_single(text: &str) -> bool {
    let start = spaces(text, 0);
    value(text, start).is_some_and(|end| spaces(text, end) == text.len())
}

fn open(text: &str, bracket: u8) -> Option<usize> {
    let start = spaces(text, 0);
    let is_open = text.as_bytes().get(start) == Some(&bracket);
    is_open.then(|| spaces(text, start + 1))
}

/// Where the next member or item begins, or the end of them stands.
fn next(text: &str, end: usize) -> Option<usize> {
    let at = spaces(text, end);
    match text.as_bytes().get(at)? {
        b',' => Some(spaces(text, at + 1)),
        b'}' | b']' => Some(at),
        _ => None,
    }
}

fn spaces(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    at + (rest.len() - rest.trim_start_matches(space).len())
}

/// Where the value ends that begins there.
fn value(text: &str, start: usize) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(start) {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    quoted = false;
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                match depth {
                    // The end of what is around a number or a word.
                    0 => return (at > start).then_some(at),
                    1 => return Some(at + 1),
                    _ => depth -= 1,
                }
            }
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => {
                return (at > start).then_some(at);
            }
            _ => {}
        }
    }
    (depth == 0 && !quoted && text.len() > start).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_items_are_found() {
        let text = r#" { "a" : [1,{"b":"}"}] ,"c\"":"x\\", "d":-1e5}"#;
        let found: Vec<_> = members(text)
            .expect("an object")
            .into_iter()
            .map(|(key, value)| (&text[key], &text[value]))
            .collect();
        let expected = [
            ("\"a\"", r#"[1,{"b":"}"}]"#),
            (r#""c\"""#, r#""x\\""#),
            ("\"d\"", "-1e5"),
        ];
        assert_eq!(found, expected);
        let text = "[ 1, null,\"]\",[[]] ]";
        let found: Vec<_> = items(text)
            .expect("an array")
            .into_iter()
            .map(|item| &text[item])
            .collect();
        assert_eq!(found, ["1", "null", "\"]\"", "[[]]"]);
        assert!(is_single(" [1] ") && !is_single("{} 1"));
        assert_eq!(members("{}").map(|all| all.len()), Some(0));
        for wrong in ["", "1", "{", "[1", "{\"a\"", "{\"a\":", "{1"] {
            assert!(
                members(wrong).is_none() && items(wrong).is_none(),
                "{wrong}"
            );
        }
    }
}
