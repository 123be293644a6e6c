//! Numbers as Python writes and reads them.

use std::fmt::Write;

/// Whether this is an integer, of any size.
pub(super) fn is_int(text: &[u8]) -> bool {
    let digits = match text {
        [b'+' | b'-', digits @ ..] => digits,
        digits => digits,
    };
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// An integer that 64 bits have room for.
pub(super) fn int(text: &[u8]) -> Option<i64> {
    // Checked by itself, since the parser's own errors do not tell a letter from a number that is too large.
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A float, `inf` and `nan` included.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A float as Python writes it: the fewest digits that say which one it is, with an exponent where it is very small or
/// very large.
#[must_use]
pub fn python_float(float: f64) -> String {
    if float.is_nan() {
        return "nan".into();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.into();
    }
    // Rust writes the same digits, `1.5e-7`, and never pads the exponent.
    let mut text = format!("{float:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        text = format!("{float}");
        if !text.contains('.') {
            text.push_str(".0");
        }
        return text;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let mut out = digits.to_owned();
    // Writing into a string does not fail.
    let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
    out
}
