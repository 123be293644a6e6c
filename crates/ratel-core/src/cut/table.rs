//! Attributes of several flows as CSV.

use std::fmt::Write as _;
use std::io;

use super::Value;

/// A row of CSV (RFC 4180). Bytes are written as Python writes them.
///
/// # Errors
/// When a body cannot be read, or is too large to stand in a table.
pub fn csv(row: &[Value]) -> io::Result<String> {
    let mut out = String::new();
    for (nth, value) in row.iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        let text = match value {
            Value::Text(text) => text.clone(),
            value => repr(&value.bytes()?),
        };
        if text.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&text);
        }
    }
    out.push_str("\r\n");
    Ok(out)
}

/// Bytes as Python writes them: `b'a\x00'`.
#[must_use]
pub fn repr(bytes: &[u8]) -> String {
    let quote = match bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        true => '"',
        false => '\'',
    };
    let mut out = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if char::from(*byte) == quote => {
                out.push('\\');
                out.push(quote);
            }
            b' '..=b'~' => out.push(char::from(*byte)),
            byte => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(quote);
    out
}
