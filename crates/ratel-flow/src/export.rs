//! Flows as something to run elsewhere: commands and programs that send a request again, and messages as they are on
//! the wire.
//!
//! What comes out is meant to be pasted: nothing a peer has sent can end a quote or begin a command.

use std::fmt::Write as _;

use crate::content::content;
use crate::http::authority;
use crate::{Request, Response};

/// Bodies are decoded up to this many bytes.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// What a flow is made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A `curl` command.
    Curl,
    /// An HTTPie command.
    Httpie,
    /// Request and response as in HTTP/1.
    Raw,
    /// The request as in HTTP/1.
    RawRequest,
    /// The response as in HTTP/1.
    RawResponse,
    /// A Python program that needs nothing but Python.
    Python,
    /// A Go program.
    Go,
    /// A call of JavaScript's `fetch`.
    Fetch,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Curl,
        Self::Httpie,
        Self::Raw,
        Self::RawRequest,
        Self::RawResponse,
        Self::Python,
        Self::Go,
        Self::Fetch,
    ];

    /// The name by which it is chosen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Httpie => "httpie",
            Self::Raw => "raw",
            Self::RawRequest => "raw_request",
            Self::RawResponse => "raw_response",
            Self::Python => "python",
            Self::Go => "go",
            Self::Fetch => "fetch",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// What is exported.
#[derive(Clone, Copy, Debug)]
pub struct Exported<'a> {
    /// The request.
    pub request: &'a Request,
    /// Its body as sent; none if it is not there any more.
    pub request_body: Option<&'a [u8]>,
    /// The response with its body.
    pub response: Option<(&'a Response, Option<&'a [u8]>)>,
}

/// Why a flow cannot be exported. Reads as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// There is none.
    #[error("the flow has no response")]
    NoResponse,
    /// It was recorded in part, or was dropped to make room.
    #[error("the body of the {0} is not on record")]
    NoBody(&'static str),
    /// No program sends such a thing.
    #[error("the {0} has a line break in it, which no command can send")]
    LineBreak(&'static str),
    /// The format has no words for arbitrary bytes there.
    #[error("the {0} is no UTF-8 text")]
    NoText(&'static str),
}

/// Makes text of a flow.
///
/// # Errors
/// When the format has no words for it.
pub fn export(format: Format, flow: &Exported<'_>) -> Result<Vec<u8>, ExportError> {
    Ok(match format {
        Format::Curl => curl(&Call::of(flow)?).into_bytes(),
        Format::Httpie => httpie(&Call::of(flow)?).into_bytes(),
        Format::Python => python(&Call::of(flow)?).into_bytes(),
        Format::Go => go(&Call::of(flow)?).into_bytes(),
        Format::Fetch => fetch(&Call::of(flow)?)?.into_bytes(),
        Format::RawRequest => raw_request(flow)?,
        Format::RawResponse => raw_response(flow)?,
        Format::Raw => {
            let mut both = raw_request(flow)?;
            if flow.response.is_some() {
                both.extend_from_slice(b"\r\n\r\n");
                both.extend(raw_response(flow)?);
            }
            both
        }
    })
}

/// A request as a program sends it.
struct Call {
    method: String,
    url: String,
    /// Without the length, which the program counts itself.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    fn of(flow: &Exported<'_>) -> Result<Self, ExportError> {
        let request = flow.request;
        let sent = flow.request_body.ok_or(ExportError::NoBody("request"))?;
        let decoded = content(&request.headers, sent, true, BODY_MAX);
        let is_decoded = decoded.complete && decoded.note.starts_with("[decoded");
        let mut headers = Vec::new();
        for (name, value) in request.headers.iter() {
            let text = |bytes| str::from_utf8(bytes).map_err(|_| ExportError::NoText("header"));
            let (name, value) = (text(name)?, text(value)?);
            if value.contains(['\r', '\n', '\0']) || name.contains(['\r', '\n', '\0']) {
                return Err(ExportError::LineBreak("header"));
            }
            let own = |other: &str| name.eq_ignore_ascii_case(other);
            let is_host = own("host") && value == request.authority();
            if own("content-length") || is_host || (is_decoded && own("content-encoding")) {
                continue;
            }
            headers.push((name.to_owned(), value.to_owned()));
        }
        let method = String::from_utf8_lossy(&request.method).into_owned();
        let url = pretty_url(request);
        if [&method, &url]
            .iter()
            .any(|text| text.contains(['\r', '\n', '\0']))
        {
            return Err(ExportError::LineBreak("URL"));
        }
        let body = if is_decoded {
            decoded.bytes.to_vec()
        } else {
            sent.to_vec()
        };
        Ok(Self {
            method,
            url,
            headers,
            body,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
    }
}

/// The URL with the name that the client gave the server.
pub(crate) fn pretty_url(request: &Request) -> String {
    let host = request.pretty_host();
    let shown = authority(&host, request.port, request.scheme);
    let path = String::from_utf8_lossy(&request.path);
    let path = if path == "*" { "".into() } else { path };
    format!("{}://{shown}{path}", request.scheme.as_str())
}

/// A word of a POSIX shell (POSIX.1-2024, Shell Command Language §2.2.2).
fn shell(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"@%_+=:,./-".contains(&b);
    if !text.is_empty() && text.bytes().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A command that prints these bytes, whatever they are, in any POSIX shell.
fn printf(data: &[u8]) -> String {
    let mut text = String::from("printf '");
    for byte in data {
        match byte {
            b'%' => text.push_str("%%"),
            b'\\' => text.push_str(r"\\"),
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

/// The body as text that a terminal and an argument may hold.
fn plain(body: &[u8]) -> Option<&str> {
    let text = str::from_utf8(body).ok()?;
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    (!text.contains(odd)).then_some(text)
}

fn curl(call: &Call) -> String {
    let mut words = vec!["curl".to_owned()];
    let mut header = |text: &str| words.extend(["-H".to_owned(), shell(text)]);
    for (name, value) in &call.headers {
        match &value[..] {
            // This is how curl sends a field without a value.
            "" => header(&format!("{name};")),
            value => header(&format!("{name}: {value}")),
        }
    }
    // What curl would say by itself.
    for name in ["accept", "user-agent"] {
        if !call.has(name) {
            header(&format!("{name}:"));
        }
    }
    if !call.body.is_empty() && !call.has("content-type") {
        header("content-type:");
    }
    let bodiless = call.body.is_empty() && !matches!(&call.method[..], "GET" | "HEAD");
    if bodiless && !call.has("transfer-encoding") {
        header("content-length: 0");
    }
    if call.has("accept-encoding") {
        words.push("--compressed".into());
    }
    match &call.method[..] {
        "GET" if call.body.is_empty() => {}
        "POST" if !call.body.is_empty() => {}
        "HEAD" => words.push("--head".into()),
        method => words.extend(["-X".to_owned(), shell(method)]),
    }
    if call.url.contains(['[', ']', '{', '}']) {
        words.push("--globoff".into());
    }
    if call.url.contains("/.") {
        words.push("--path-as-is".into());
    }
    words.push(shell(&call.url));
    match plain(&call.body) {
        _ if call.body.is_empty() => words.join(" "),
        Some(text) => {
            words.extend(["--data-raw".to_owned(), shell(text)]);
            words.join(" ")
        }
        None => {
            words.extend(["--data-binary".to_owned(), "@-".to_owned()]);
            format!("{} | {}", printf(&call.body), words.join(" "))
        }
    }
}

fn httpie(call: &Call) -> String {
    let mut words = vec!["http".to_owned(), shell(&call.method), shell(&call.url)];
    for (name, value) in &call.headers {
        let field = match &value[..] {
            "" => format!("{name};"),
            value => format!("{name}:{value}"),
        };
        words.push(shell(&field));
    }
    for name in ["Accept", "Accept-Encoding", "User-Agent", "Connection"] {
        if !call.has(name) {
            words.push(shell(&format!("{name}:")));
        }
    }
    if call.body.is_empty() {
        words.insert(1, "--ignore-stdin".into());
        return words.join(" ");
    }
    format!("{} | {}", printf(&call.body), words.join(" "))
}

/// A literal in double quotes, with the escapes that Python, Go and JavaScript share.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
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

fn python(call: &Call) -> String {
    let mut out = String::from("import http.client\nfrom urllib.parse import urlsplit\n\n");
    let _ = write!(
        out,
        "url = urlsplit({})\nbody = b{}\n",
        quoted(&call.url),
        quoted_bytes(&call.body)
    );
    out.push_str(
        "secure = url.scheme == \"https\"\n\
         connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection\n\
         connection = connect(url.hostname, url.port)\n\
         path = (url.path or \"/\") + (\"?\" + url.query if url.query else \"\")\n",
    );
    let _ = writeln!(
        out,
        "connection.putrequest({}, path, skip_host={}, skip_accept_encoding=True)",
        quoted(&call.method),
        if call.has("host") { "True" } else { "False" }
    );
    for (name, value) in &call.headers {
        let _ = writeln!(
            out,
            "connection.putheader({}, {})",
            quoted(name),
            quoted(value)
        );
    }
    let chunked = call.has("transfer-encoding");
    let counts = !call.body.is_empty() || !matches!(&call.method[..], "GET" | "HEAD");
    if counts && !chunked {
        out.push_str("connection.putheader(\"Content-Length\", str(len(body)))\n");
    }
    let _ = writeln!(
        out,
        "connection.endheaders(body, encode_chunked={})",
        if chunked { "True" } else { "False" }
    );
    out.push_str(
        "response = connection.getresponse()\n\
         print(response.status, response.reason)\n\
         print(response.headers)\n\
         print(response.read().decode(errors=\"replace\"))\n",
    );
    out
}

fn go(call: &Call) -> String {
    let mut out = String::from(
        "package main\n\nimport (\n\t\"fmt\"\n\t\"io\"\n\t\"net/http\"\n\t\"strings\"\n)\n\nfunc main() {\n",
    );
    let _ = writeln!(
        out,
        "\tbody := strings.NewReader({})",
        quoted_bytes(&call.body)
    );
    let _ = writeln!(
        out,
        "\trequest, err := http.NewRequest({}, {}, body)",
        quoted(&call.method),
        quoted(&call.url)
    );
    out.push_str("\tif err != nil {\n\t\tpanic(err)\n\t}\n");
    if !call.has("user-agent") {
        out.push_str("\trequest.Header.Set(\"User-Agent\", \"\")\n");
    }
    for (name, value) in &call.headers {
        let (name, value) = (name, quoted(value));
        if name.eq_ignore_ascii_case("host") {
            let _ = writeln!(out, "\trequest.Host = {value}");
        } else if !name.eq_ignore_ascii_case("transfer-encoding") {
            let _ = writeln!(out, "\trequest.Header.Add({}, {value})", quoted(name));
        }
    }
    out.push_str(
        "\tresponse, err := http.DefaultTransport.RoundTrip(request)\n\
         \tif err != nil {\n\t\tpanic(err)\n\t}\n\
         \tdefer response.Body.Close()\n\
         \tcontent, err := io.ReadAll(response.Body)\n\
         \tfmt.Println(response.Status)\n\
         \tfmt.Println(string(content))\n\
         \tif err != nil {\n\t\tpanic(err)\n\t}\n}\n",
    );
    out
}

fn fetch(call: &Call) -> Result<String, ExportError> {
    let mut out = format!("const response = await fetch({}, {{\n", quoted(&call.url));
    let _ = writeln!(out, "  method: {},", quoted(&call.method));
    out.push_str("  headers: [\n");
    for (name, value) in &call.headers {
        let _ = writeln!(out, "    [{}, {}],", quoted(name), quoted(value));
    }
    out.push_str("  ],\n");
    if !call.body.is_empty() {
        let text = str::from_utf8(&call.body).map_err(|_| ExportError::NoText("request body"))?;
        let _ = writeln!(out, "  body: {},", quoted(text));
    }
    out.push_str(
        "  redirect: \"manual\",\n});\nconsole.log(response.status, await response.text());\n",
    );
    Ok(out)
}

fn raw_request(flow: &Exported<'_>) -> Result<Vec<u8>, ExportError> {
    let request = flow.request;
    let body = flow.request_body.ok_or(ExportError::NoBody("request"))?;
    let mut out = match &request.line {
        Some(line) => line.to_vec(),
        None => {
            let url = request.url();
            [
                &request.method[..],
                b" ",
                url.as_bytes(),
                b" ",
                request.version.as_bytes(),
                b"\r\n",
            ]
            .concat()
        }
    };
    out.extend_from_slice(&request.headers.to_wire());
    out.extend_from_slice(request.headers.end());
    out.extend_from_slice(body);
    Ok(out)
}

fn raw_response(flow: &Exported<'_>) -> Result<Vec<u8>, ExportError> {
    let (response, body) = flow.response.ok_or(ExportError::NoResponse)?;
    let body = body.ok_or(ExportError::NoBody("response"))?;
    let mut out = match &response.line {
        Some(line) => line.to_vec(),
        None => {
            let status = response.status.to_string();
            let version = response.version.as_bytes();
            [
                version,
                b" ",
                status.as_bytes(),
                b" ",
                &response.reason,
                b"\r\n",
            ]
            .concat()
        }
    };
    out.extend_from_slice(&response.headers.to_wire());
    out.extend_from_slice(response.headers.end());
    out.extend_from_slice(body);
    Ok(out)
}

#[cfg(test)]
mod tests;
