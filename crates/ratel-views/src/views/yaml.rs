//! Names and values as YAML, as far as views need it.

use crate::{Class, Sink};

/// Prints `name: value`, or `name:` and one line for each of several values.
pub(crate) fn pair(name: &[u8], values: &[&[u8]], out: &mut Sink) {
    out.push(Class::Name, &scalar(&text(name)));
    out.push(Class::Plain, ":");
    match values {
        [value] => {
            out.push(Class::Plain, " ");
            block(value, 1, out);
        }
        values => {
            out.newline();
            for value in values {
                item(value, out);
            }
        }
    }
}

/// Prints `- value`.
pub(crate) fn item(value: &[u8], out: &mut Sink) {
    out.push(Class::Plain, "- ");
    block(value, 1, out);
}

/// Prints a value; one of several lines as a block.
fn block(value: &[u8], level: usize, out: &mut Sink) {
    let text = text(value);
    let lines = text.contains('\n');
    let plain = !text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t');
    if !lines || !plain || text.starts_with([' ', '\n']) {
        out.push(Class::String, &scalar(&text));
        return out.newline();
    }
    let (body, chomp) = match text.strip_suffix('\n') {
        Some(body) if !body.ends_with('\n') => (body, "|"),
        Some(_) => (&text[..], "|+"),
        None => (&text[..], "|-"),
    };
    out.push(Class::Plain, chomp);
    out.newline();
    for line in body.split('\n') {
        if !line.is_empty() {
            out.indent(level);
            out.push(Class::String, line);
        }
        out.newline();
    }
}

/// Prints values under their names, the names in the order in which they first come.
pub(crate) fn map(pairs: &[(Vec<u8>, Vec<u8>)], out: &mut Sink) {
    let mut names: Vec<&[u8]> = Vec::new();
    for (name, _) in pairs {
        if !names.contains(&&name[..]) {
            names.push(name);
        }
    }
    for name in names {
        let of_name = pairs.iter().filter(|(other, _)| other == name);
        let values: Vec<&[u8]> = of_name.map(|(_, value)| &value[..]).collect();
        pair(name, &values, out);
    }
}

/// UTF-8 as it is, all else as `\xNN`.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Text that reads back as the same text, in quotes where it would not (YAML 1.2 §7.3).
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        let mut quoted = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => quoted.push(c),
            }
        }
        quoted.push('"');
        return quoted;
    }
    format!("'{}'", text.replace('\'', "''"))
}

fn is_plain(text: &str) -> bool {
    // Letters that stand in no number, date or time.
    let wordy = text
        .chars()
        .any(|c| c.is_alphabetic() && !"eExXoObBtTzZ_".contains(c));
    let wordy = wordy && !text.starts_with("0x") && !text.starts_with("0X");
    let first = |c: char| {
        c.is_alphabetic() || (c.is_numeric() && wordy) || matches!(c, '_' | '/' | '.' | '$' | '(')
    };
    let inner = |c: char| !c.is_control();
    let reserved = ["true", "false", "null", "yes", "no", "on", "off"];
    let number = text.parse::<f64>().is_ok() || text.starts_with(['.', '+', '-']);
    text.chars().next().is_some_and(first)
        && text.chars().all(inner)
        && !number
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !reserved.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_read_as_something_else_is_quoted() {
        for (text, written) in [
            ("plain text", "plain text"),
            ("größe", "größe"),
            ("a:b", "a:b"),
            ("256 x 2 px", "256 x 2 px"),
            ("2026-01-02", "'2026-01-02'"),
            ("0xcafe", "'0xcafe'"),
            ("", "''"),
            ("1", "'1'"),
            ("1e3", "'1e3'"),
            ("True", "'True'"),
            ("null", "'null'"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("it's: so", "'it''s: so'"),
            ("- x", "'- x'"),
            ("{x}", "'{x}'"),
            (" x", "' x'"),
            ("inf", "'inf'"),
            ("tab\tnul\0", "\"tab\\tnul\\u0000\""),
        ] {
            assert_eq!(scalar(text), written);
        }
    }
}
