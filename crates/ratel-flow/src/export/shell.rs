//! Commands for a POSIX shell.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::ExportError;
use super::call::Call;
use crate::format::is_safe;

/// An argument of more bytes is piped in instead: Linux takes 128 KiB.
const ARGUMENT_MAX: usize = 100_000;

/// curl asks whether it may send a body that is longer. Its threshold has been this and is more today.
const EXPECT_ABOVE: usize = 1024;

/// A word (POSIX.1-2024, Shell Command Language §2.2.2). What is no text that is safe to be pasted is printed by a command:
/// whatever it is, nothing in it ends the word, and no control character reaches a terminal.
pub(super) fn word(bytes: &[u8]) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"@%_+=:,./-".contains(&b);
    match str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.bytes().all(safe) => text.to_owned(),
        Ok(text) if text.chars().all(is_safe) => quoted(text),
        _ => format!("\"$({})\"", printf(bytes)),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A command that prints these bytes, whatever they are, in any POSIX shell.
fn printf(data: &[u8]) -> String {
    let mut text = String::from("printf '");
    for (at, byte) in data.iter().enumerate() {
        match byte {
            // It would begin an option.
            b'-' if at == 0 => text.push_str(r"\055"),
            b'%' => text.push_str("%%"),
            b'\\' => text.push_str(r"\\"),
            // Where the command stands in double quotes, bash takes this for a reference to its history.
            b'!' => text.push_str(r"\041"),
            b'\'' => text.push_str(r"'\''"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                // Octal, since not every printf reads \x. Writing to a string does not fail.
                let _ = write!(text, "\\{byte:03o}");
            }
        }
    }
    text.push('\'');
    text
}

pub(super) fn curl(call: &Call) -> Result<String, ExportError> {
    let mut words = vec!["curl".to_owned()];
    if call.insecure {
        words.push("--insecure".into());
    }
    if let Some(address) = call
        .address
        .filter(|_| call.host.parse::<IpAddr>().is_err())
    {
        let address = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let resolve = format!("{}:{}:{address}", call.host, call.port);
        words.extend(["--resolve".to_owned(), word(resolve.as_bytes())]);
    }
    curl_headers(call, &mut words)?;
    if call.has("accept-encoding") {
        words.push("--compressed".into());
    }
    match &call.method[..] {
        "GET" if !call.has_body() => {}
        "POST" if call.has_body() => {}
        "HEAD" if !call.has_body() => words.push("--head".into()),
        method => words.extend(["-X".to_owned(), word(method.as_bytes())]),
    }
    match call.url(b"[]{}") {
        Some(url) => {
            if url.contains(['[', ']', '{', '}']) {
                words.push("--globoff".into());
            }
            if url.contains("/.") {
                words.push("--path-as-is".into());
            }
            words.push(word(url.as_bytes()));
        }
        None => {
            words.extend(["--request-target".to_owned(), word(&call.target)]);
            let url = call.origin() + "/";
            if url.contains('[') {
                words.push("--globoff".into());
            }
            words.push(word(url.as_bytes()));
        }
    }
    if !call.has_body() {
        return Ok(words.join(" "));
    }
    match call.plain_body().filter(|body| body.len() <= ARGUMENT_MAX) {
        Some(text) => {
            words.extend(["--data-raw".to_owned(), quoted_if_needed(text)]);
            Ok(words.join(" "))
        }
        None => {
            words.extend(["--data-binary".to_owned(), "@-".to_owned()]);
            Ok(format!("{} | {}", printf(&call.body), words.join(" ")))
        }
    }
}

/// Text with line ends, which between quotes are what they are.
fn quoted_if_needed(text: &str) -> String {
    if text.contains('\n') {
        quoted(text)
    } else {
        word(text.as_bytes())
    }
}

fn curl_headers(call: &Call, words: &mut Vec<String>) -> Result<(), ExportError> {
    let mut header = |text: &[u8]| words.extend(["-H".to_owned(), word(text)]);
    for (name, value) in &call.headers {
        // It would be the name of a file with headers.
        if name.first() == Some(&b'@') {
            return Err(ExportError::NoWords("the name of a header begins with @"));
        }
        match &value[..] {
            // This is how curl sends a field without a value.
            b"" => header(&[&name[..], b";"].concat()),
            value => header(&[&name[..], b": ", value].concat()),
        }
    }
    // What curl would say by itself.
    for name in ["accept", "user-agent"] {
        if !call.has(name) {
            header(format!("{name}:").as_bytes());
        }
    }
    if call.has_body() && !call.has("content-type") {
        header(b"content-type:");
    }
    if call.body.len() > EXPECT_ABOVE && !call.has("expect") {
        header(b"expect:");
    }
    let bodiless = !call.has_body() && !matches!(&call.method[..], "GET" | "HEAD");
    if bodiless && !call.has("transfer-encoding") {
        header(b"content-length: 0");
    }
    Ok(())
}

pub(super) fn httpie(call: &Call) -> Result<String, ExportError> {
    let headers = call.text_headers()?;
    if call.method.contains(|c: char| c.is_ascii_lowercase()) {
        return Err(ExportError::NoWords("HTTPie writes methods in capitals"));
    }
    let url = call
        .url(b"")
        .filter(|_| is_normal(&call.target))
        .ok_or(ExportError::NoWords(
            "HTTPie would write the path otherwise than it was sent",
        ))?;
    let mut words = vec!["http".to_owned()];
    if call.insecure {
        words.push("--verify=no".into());
    }
    if !call.has_body() {
        words.push("--ignore-stdin".into());
    }
    if url.contains("/.") {
        words.push("--path-as-is".into());
    }
    if call.has("transfer-encoding") {
        words.push("--chunked".into());
    }
    let dashed = |text: &str| text.starts_with('-');
    if dashed(&call.method) || headers.iter().any(|(name, _)| dashed(name)) {
        words.push("--".into());
    }
    words.extend([word(call.method.as_bytes()), word(url.as_bytes())]);
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("transfer-encoding") {
            continue;
        }
        words.push(word(item(name, value)?.as_bytes()));
    }
    for name in ["Accept", "Accept-Encoding", "User-Agent", "Connection"] {
        if !call.has(name) {
            words.push(format!("{name}:"));
        }
    }
    if !call.has_body() {
        return Ok(words.join(" "));
    }
    if !call.has("content-type") {
        words.push("Content-Type:".into());
    }
    Ok(format!("{} | {}", printf(&call.body), words.join(" ")))
}

/// Whether every `%` begins the code of a byte that needs one: HTTPie writes others as it thinks fit.
fn is_normal(target: &[u8]) -> bool {
    target.split(|b| *b == b'%').skip(1).all(|after| {
        let code = after.get(..2).unwrap_or_default();
        let byte = str::from_utf8(code).ok().filter(|code| code.len() == 2);
        let byte = byte.and_then(|code| u8::from_str_radix(code, 16).ok());
        byte.is_some_and(|b| !b.is_ascii_alphanumeric() && !b"-._~".contains(&b))
    })
}

/// What HTTPie takes for the parts of an item, unless a backslash stands before it.
const SPECIAL: [char; 4] = [':', ';', '=', '@'];

/// A header as an item on HTTPie's command line.
fn item(name: &str, value: &str) -> Result<String, ExportError> {
    // A backslash that is meant as one cannot stand before such a character: it has no escape of its own.
    let mut last = None;
    for c in name.chars().chain([':']).chain(value.chars()) {
        if last == Some('\\') && SPECIAL.contains(&c) {
            return Err(ExportError::NoWords(
                "HTTPie has no words for `\\=` in a header",
            ));
        }
        last = Some(c);
    }
    let escaped = |text: &str| {
        let mut out = String::new();
        for c in text.chars() {
            if SPECIAL.contains(&c) {
                out.push('\\');
            }
            out.push(c);
        }
        out
    };
    if value.is_empty() {
        return Ok(escaped(name) + ";");
    }
    // After the colon that separates, only what would make another separator of it matters.
    let value = match value.strip_prefix(['=', '@']) {
        Some(_) => format!("\\{value}"),
        None => value.to_owned(),
    };
    Ok(format!("{}:{value}", escaped(name)))
}
