//! Programs in Python, Go and JavaScript.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ExportError;
use super::call::{Call, latin1};
use crate::Scheme;

/// A literal in double quotes, with the escapes that Python, Go and JavaScript share.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Everything that a reader could not see or that would reorder what he sees.
            c if !crate::format::is_safe(c) && u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Bytes in double quotes, with the escapes that Python and Go share.
fn quoted_bytes(data: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in data {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            b'\n' => out.push_str("\\n"),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// Text where it is ASCII, else bytes: Python would write other text as ISO 8859-1.
fn python_value(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => quoted(text),
        _ => format!("b{}", quoted_bytes(bytes)),
    }
}

pub(super) fn python(call: &Call) -> String {
    let mut out = String::from("import http.client\n");
    if call.insecure {
        out.push_str("import ssl\n");
    }
    out.push('\n');
    let class = match call.scheme {
        Scheme::Http => "HTTPConnection",
        Scheme::Https => "HTTPSConnection",
    };
    let mut class = format!("http.client.{class}");
    if !call.target.iter().all(|b| matches!(b, b'!'..=b'~')) {
        // The library refuses paths that nobody should send, and this one was sent.
        let _ = writeln!(
            out,
            "class Connection({class}):\n    \
                 def _validate_path(self, url):\n        pass\n\n    \
                 def _encode_request(self, request):\n        return request.encode(\"latin-1\")\n\n"
        );
        class = "Connection".into();
    }
    if call.has_body() {
        let _ = writeln!(out, "body = b{}", quoted_bytes(&call.body));
    }
    let context = match call.insecure {
        true => ", context=ssl._create_unverified_context()",
        false => "",
    };
    let _ = writeln!(
        out,
        "connection = {class}({}, {}{context})",
        quoted(&call.host),
        call.port
    );
    let _ = writeln!(
        out,
        "connection.putrequest({}, {}, skip_host={}, skip_accept_encoding=True)",
        quoted(&call.method),
        quoted(&latin1(&call.target)),
        if call.has("host") { "True" } else { "False" }
    );
    for (name, value) in &call.headers {
        let (name, value) = (python_value(name), python_value(value));
        let _ = writeln!(out, "connection.putheader({name}, {value})");
    }
    let is_chunked = call.has("transfer-encoding");
    if !is_chunked {
        if call.has_body() {
            out.push_str("connection.putheader(\"Content-Length\", str(len(body)))\n");
        } else if !matches!(&call.method[..], "GET" | "HEAD") {
            out.push_str("connection.putheader(\"Content-Length\", \"0\")\n");
        }
    }
    match (call.has_body(), is_chunked) {
        (false, _) => out.push_str("connection.endheaders()\n"),
        (true, false) => out.push_str("connection.endheaders(body)\n"),
        (true, true) => out.push_str("connection.endheaders(body, encode_chunked=True)\n"),
    }
    out.push_str(
        "response = connection.getresponse()\n\
         print(response.status, response.reason)\n\
         print(response.headers)\n\
         print(response.read().decode(errors=\"replace\"))\n",
    );
    out
}

pub(super) fn go(call: &Call) -> Result<String, ExportError> {
    if call.headers.iter().any(|(_, value)| has_control(value)) {
        return Err(ExportError::NoWords(
            "Go sends no control characters in a header",
        ));
    }
    let mut out = String::from("package main\n\nimport (\n");
    if call.insecure {
        out.push_str("\t\"crypto/tls\"\n");
    }
    out.push_str("\t\"fmt\"\n\t\"io\"\n\t\"net/http\"\n");
    let body = if call.has_body() {
        out.push_str("\t\"strings\"\n");
        format!("strings.NewReader({})", quoted_bytes(&call.body))
    } else {
        "nil".to_owned()
    };
    out.push_str(")\n\nfunc main() {\n");
    let url = call.url(b"");
    let _ = writeln!(
        out,
        "\trequest, err := http.NewRequest({}, {}, {body})",
        quoted(&call.method),
        quoted(&url.clone().unwrap_or_else(|| call.origin() + "/")),
    );
    out.push_str("\tif err != nil {\n\t\tpanic(err)\n\t}\n");
    if url.is_none() {
        let target = quoted_bytes(&call.target);
        let _ = writeln!(out, "\trequest.URL.Opaque = {target}");
    }
    let mut names: Vec<&[u8]> = Vec::new();
    for (name, value) in &call.headers {
        let literal = quoted_bytes(value);
        if name.eq_ignore_ascii_case(b"host") {
            let _ = writeln!(out, "\trequest.Host = {literal}");
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            out.push_str("\trequest.ContentLength = -1\n");
        } else if !names.contains(&&name[..]) {
            // By assignment the name keeps its capitals.
            let same = call.headers.iter().filter(|(other, _)| other == name);
            let values: Vec<String> = same.map(|(_, value)| quoted_bytes(value)).collect();
            let _ = writeln!(
                out,
                "\trequest.Header[{}] = []string{{{}}}",
                quoted_bytes(name),
                values.join(", ")
            );
            names.push(name);
        }
    }
    // What Go would say by itself: nothing, where these are there and empty.
    if !call.has("user-agent") {
        out.push_str("\trequest.Header[\"User-Agent\"] = []string{\"\"}\n");
    }
    let tls = match call.insecure {
        true => ", TLSClientConfig: &tls.Config{InsecureSkipVerify: true}",
        false => "",
    };
    let _ = write!(
        out,
        "\ttransport := &http.Transport{{DisableCompression: true{tls}}}\n\
         \tresponse, err := transport.RoundTrip(request)\n\
         \tif err != nil {{\n\t\tpanic(err)\n\t}}\n\
         \tdefer response.Body.Close()\n\
         \tcontent, err := io.ReadAll(response.Body)\n\
         \tfmt.Println(response.Status)\n\
         \tfmt.Println(string(content))\n\
         \tif err != nil {{\n\t\tpanic(err)\n\t}}\n}}\n",
    );
    Ok(out)
}

/// Whether there is a control character that is no white space.
fn has_control(value: &[u8]) -> bool {
    value.iter().any(|b| b.is_ascii_control() && *b != b'\t')
}

/// Fields that `fetch` sets itself, and that it or what implements it refuses to be given.
const FETCH_OWN: [&str; 8] = [
    "connection",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn fetch(call: &Call) -> Result<String, ExportError> {
    let url = call
        .url(b"")
        .filter(|_| fetch_keeps(&call.target))
        .ok_or(ExportError::NoWords(
            "fetch would write the path otherwise than it was sent",
        ))?;
    let usual = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
    if usual
        .iter()
        .any(|name| call.method != *name && call.method.eq_ignore_ascii_case(name))
    {
        return Err(ExportError::NoWords("fetch writes this method in capitals"));
    }
    if call.has_body() && matches!(&call.method[..], "GET" | "HEAD") {
        return Err(ExportError::NoWords(
            "fetch sends no body with GET and HEAD",
        ));
    }
    let mut out = format!("const response = await fetch({}, {{\n", quoted(&url));
    let _ = writeln!(out, "  method: {},", quoted(&call.method));
    out.push_str("  headers: [\n");
    let (mut own, mut names) = (Vec::new(), Vec::new());
    let mut joined = false;
    for (name, value) in &call.headers {
        let name = str::from_utf8(name).map_err(|_| ExportError::NoText("header"))?;
        if FETCH_OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            own.push(name);
            continue;
        }
        if has_control(value) {
            return Err(ExportError::NoWords(
                "fetch sends no control characters in a header",
            ));
        }
        joined |= names.contains(&name.to_ascii_lowercase());
        names.push(name.to_ascii_lowercase());
        // A character is a byte here.
        let value = quoted(&latin1(value));
        let _ = writeln!(out, "    [{}, {value}],", quoted(name));
    }
    out.push_str("  ],\n");
    if call.has_body() {
        match call.plain_body() {
            // For text without a type fetch would add one.
            Some(text) if call.has("content-type") => {
                let _ = writeln!(out, "  body: {},", quoted(text));
            }
            _ => {
                let _ = writeln!(
                    out,
                    "  body: Uint8Array.from(atob(\"{}\"), (c) => c.charCodeAt(0)),",
                    STANDARD.encode(&call.body)
                );
            }
        }
    }
    out.push_str(
        "  redirect: \"manual\",\n});\nconsole.log(response.status, await response.text());\n",
    );
    if !own.is_empty() {
        let names = own.join(", ");
        let note = format!(
            "// fetch sets these itself: {}\n",
            crate::format::escape(&names)
        );
        out.insert_str(0, &note);
    }
    if call.insecure {
        let note = "// fetch checks certificates; Node does not with NODE_TLS_REJECT_UNAUTHORIZED=0 in its environment\n";
        out.insert_str(0, note);
    }
    if joined {
        out.insert_str(0, "// fetch sends fields of one name as one, with commas\n");
    }
    Ok(out)
}

/// Whether a path and query stay as they are when a URL is made of them (<https://url.spec.whatwg.org/#url-parsing>).
fn fetch_keeps(target: &[u8]) -> bool {
    let mut parts = target.splitn(2, |b| *b == b'?');
    let (path, query) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let is_dots = |segment: &[u8]| {
        let text = String::from_utf8_lossy(segment)
            .to_ascii_lowercase()
            .replace("%2e", ".");
        text == "." || text == ".."
    };
    !path.split(|b| *b == b'/').any(is_dots) && !query.contains(&b'\'')
}
