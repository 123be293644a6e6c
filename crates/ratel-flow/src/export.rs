//! Flows as something to run elsewhere: commands and programs that send a request again, and messages as they are on
//! the wire.
//!
//! What comes out is meant to be pasted: nothing a peer has sent can end a quote or begin a command.

mod call;
mod document;
mod program;
mod raw;
mod shell;

use std::net::IpAddr;

use crate::{Body, Messages, Record, Request, Response};
use call::Call;

pub use document::{AddError, Document};

/// Longer bodies are not exported, in bytes, as sent or decoded.
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
    /// A tunnel is made by a client of its own accord.
    #[error("CONNECT opens a tunnel, which is no request that a command sends")]
    Tunnel,
    /// The messages of a WebSocket cannot be read.
    #[error("the messages of the flow cannot be read")]
    NoMessage,
    /// It is a raw connection, a DNS exchange.
    #[error("the flow is no HTTP request")]
    NotHttp,
    /// The program would send something else.
    #[error("{0}")]
    NoWords(&'static str),
    /// The format has no words for arbitrary bytes there.
    #[error("the {0} is no UTF-8 text")]
    NoText(&'static str),
}

/// How flows are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// curl is told to which address the name of the server belongs, as it did when the flow was recorded.
    pub preserve_original_ip: bool,
    /// Commands and programs take any certificate of the server, as the proxy did (`ssl_insecure`).
    pub insecure: bool,
}

/// Makes text of a flow.
///
/// # Errors
/// When the format has no words for it.
pub fn export(format: Format, flow: &Exported<'_>) -> Result<Vec<u8>, ExportError> {
    make(format, flow, None, None, false)
}

/// Makes text of a whole flow, with the messages of a WebSocket where the format has them.
///
/// # Errors
/// When the format has no words for it, or a body of it is longer than 64 MiB or cannot be read.
pub fn export_record(
    format: Format,
    record: &Record,
    options: ExportOptions,
) -> Result<Vec<u8>, ExportError> {
    let http = record.http().ok_or(ExportError::NotHttp)?;
    let whole = |body: &Body| body.whole(BODY_MAX as u64).ok().flatten();
    let reads_response = matches!(format, Format::Raw | Format::RawResponse);
    let request_body = whole(&http.request_body);
    let response_body = reads_response.then(|| whole(&http.response_body)).flatten();
    let flow = Exported {
        request: &http.request,
        request_body: request_body.as_deref(),
        response: http
            .response
            .as_ref()
            .map(|response| (response, response_body.as_deref())),
    };
    let peer = record.server_conn.as_ref().and_then(|conn| conn.peername);
    let address = peer
        .map(|peer| peer.ip())
        .filter(|_| options.preserve_original_ip);
    let messages = http.websocket.as_ref().map(|websocket| &websocket.messages);
    make(format, &flow, messages, address, options.insecure)
}

fn make(
    format: Format,
    flow: &Exported<'_>,
    messages: Option<&Messages>,
    address: Option<IpAddr>,
    insecure: bool,
) -> Result<Vec<u8>, ExportError> {
    let call = || Call::of(flow, address, insecure);
    Ok(match format {
        Format::Curl => shell::curl(&call()?)?.into_bytes(),
        Format::Httpie => shell::httpie(&call()?)?.into_bytes(),
        Format::Python => program::python(&call()?).into_bytes(),
        Format::Go => program::go(&call()?)?.into_bytes(),
        Format::Fetch => program::fetch(&call()?)?.into_bytes(),
        Format::RawRequest => raw::request(flow)?,
        Format::RawResponse => raw::response(flow)?,
        Format::Raw => raw::both(flow, messages)?,
    })
}

#[cfg(test)]
mod tests;
