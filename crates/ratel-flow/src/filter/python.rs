//! How Python writes values: what `str` and `repr` give.

use std::fmt::Write;

use crate::format;
use crate::record::Value;

/// A string as Python shows it in an error: in single quotes, unless there are only single quotes in it.
pub(crate) fn repr(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    put_repr(&mut out, text);
    out
}

/// What `str` makes of a value.
pub(super) fn put_str(out: &mut String, value: &Value) {
    match value {
        Value::Str(text) => out.push_str(text),
        value => put_value(out, value),
    }
}

fn put_value(out: &mut String, value: &Value) {
    // Writing to a string does not fail.
    let _ = match value {
        Value::Null => out.write_str("None"),
        Value::Bool(true) => out.write_str("True"),
        Value::Bool(false) => out.write_str("False"),
        Value::Int(number) => write!(out, "{number}"),
        Value::Big(digits) => out.write_str(digits),
        Value::Float(number) => put_float(out, *number),
        Value::Str(text) => {
            put_repr(out, text);
            Ok(())
        }
        Value::Bytes(bytes) => put_bytes(out, bytes),
        Value::List(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                put_value(out, item);
            }
            out.write_str("]")
        }
        Value::Dict(items) => {
            out.push('{');
            for (position, (key, value)) in items.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                put_value(out, key);
                out.push_str(": ");
                put_value(out, value);
            }
            out.write_str("}")
        }
    };
}

/// The shortest digits that tell it from its neighbours, as Rust writes it; with an exponent where Python has one.
fn put_float(out: &mut String, number: f64) -> std::fmt::Result {
    if number.is_nan() {
        return out.write_str("nan");
    }
    if number.is_infinite() {
        return out.write_str(if number > 0.0 { "inf" } else { "-inf" });
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return write!(out, "{digits}e{sign}{exponent:0>2}");
    }
    write!(out, "{number:?}")
}

fn put_bytes(out: &mut String, bytes: &[u8]) -> std::fmt::Result {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    write!(out, "b{quote}")?;
    for byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' if char::from(*byte) == quote => {
                out.push('\\');
                out.push(quote);
            }
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_char(quote)
}

fn put_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        let number = u32::from(c);
        let _ = match c {
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\\' => out.write_str("\\\\"),
            c if c == quote => write!(out, "\\{quote}"),
            ' ' => out.write_char(' '),
            c if format::is_safe(c) && !c.is_whitespace() => out.write_char(c),
            _ if number < 0x100 => write!(out, "\\x{number:02x}"),
            _ if number < 0x1_0000 => write!(out, "\\u{number:04x}"),
            _ => write!(out, "\\U{number:08x}"),
        };
    }
    out.push(quote);
}
