//! The operators: one row each, from which parsing, evaluation, description and help are made.

use super::needs::Needs;
use crate::flow::Side;

/// What an operator asks of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    All,
    Asset,
    Body(Option<Side>),
    Code,
    Comment,
    ContentType(Option<Side>),
    Destination,
    Dns,
    Domain,
    Error,
    HasResponse,
    Header(Option<Side>),
    Http,
    Marked,
    Marker,
    Metadata,
    Method,
    NoResponse,
    Replay,
    ReplayRequest,
    ReplayResponse,
    Source,
    Tcp,
    Udp,
    Url,
    WebSocket,
}

/// What stands after an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    None,
    /// A regular expression for bytes.
    Bytes,
    /// For bytes, in which `.` is any byte.
    BytesDotAll,
    /// For bytes, in which `^` and `$` are the ends of lines.
    BytesMultiLine,
    /// For text.
    Text,
    /// For text, in which `^` and `$` are the ends of lines.
    TextMultiLine,
    /// Decimal digits.
    Number,
}

/// A row.
#[derive(Debug)]
pub(super) struct Row {
    /// What follows the `~`.
    pub(super) name: &'static str,
    pub(super) operator: Operator,
    pub(super) argument: Argument,
    /// In a sentence: a whole statement, or what the argument is compared with.
    pub(super) label: &'static str,
    /// In the list of operators.
    pub(super) help: &'static str,
    pub(super) needs: Needs,
}

/// The operator that a regular expression without one stands for.
pub(super) const BARE: &Row = row_of("u");

/// The operator with that name.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

const fn row_of(name: &str) -> &'static Row {
    let mut at = 0;
    while at < ROWS.len() {
        if matches!(ROWS[at].name.as_bytes(), [only] if *only == name.as_bytes()[0]) {
            return &ROWS[at];
        }
        at += 1;
    }
    panic!("there is no such operator")
}

const NOTHING: Needs = Needs::SUMMARY;
const REQUEST: Needs = Needs::REQUEST_HEAD;
const RESPONSE: Needs = Needs::RESPONSE_HEAD;
const HEADS: Needs = REQUEST.with(RESPONSE);
const REQUEST_BODY: Needs = REQUEST.with(Needs::REQUEST_BODY).with(Needs::MESSAGES);
const RESPONSE_BODY: Needs = RESPONSE.with(Needs::RESPONSE_BODY).with(Needs::MESSAGES);
const BODIES: Needs = REQUEST_BODY.with(RESPONSE_BODY);

const CLIENT: Option<Side> = Some(Side::Client);
const SERVER: Option<Side> = Some(Side::Server);

macro_rules! rows {
    ($($name:literal $operator:expr, $argument:ident, $needs:expr, $label:literal, $help:literal;)*) => {
        /// In the order of their names.
        pub(super) static ROWS: &[Row] = &[$(Row {
            name: $name,
            operator: { use Operator::*; $operator },
            argument: Argument::$argument,
            label: $label,
            help: $help,
            needs: $needs,
        }),*];
    };
}

rows! {
    "a" Asset, None, RESPONSE, "is an asset", "The response is a style sheet, a script, an image or a font.";
    "all" All, None, NOTHING, "is a flow", "Every flow.";
    "b" Body(Option::None), BytesDotAll, BODIES, "body", "A body, a message or the text of a DNS message has it.";
    "bq" Body(CLIENT), BytesDotAll, REQUEST_BODY, "request body", "The request's body or a message of the client has it.";
    "bs" Body(SERVER), BytesDotAll, RESPONSE_BODY, "response body", "The response's body or a message of the server has it.";
    "c" Code, Number, NOTHING, "response code", "The status code of the response is this.";
    "comment" Comment, TextMultiLine, NOTHING, "comment", "The comment has it.";
    "d" Domain, Text, REQUEST, "domain", "The host that was asked for, or the name that the client has for it, has it.";
    "dns" Dns, None, NOTHING, "is a DNS flow", "The flow is a DNS query.";
    "dst" Destination, Text, NOTHING, "destination address", "The address of the server, as host:port, has it.";
    "e" Error, None, NOTHING, "has an error", "The flow has failed.";
    "h" Header(Option::None), BytesMultiLine, HEADS, "header", "A line of the headers, as Name: value, has it.";
    "hq" Header(CLIENT), BytesMultiLine, REQUEST, "request header", "A line of the request's headers has it.";
    "hs" Header(SERVER), BytesMultiLine, RESPONSE, "response header", "A line of the response's headers has it.";
    "http" Http, None, NOTHING, "is an HTTP flow", "The flow is an HTTP exchange.";
    "m" Method, Bytes, REQUEST, "method", "The method has it.";
    "marked" Marked, None, NOTHING, "is marked", "The flow is marked.";
    "marker" Marker, Text, NOTHING, "marker", "The mark, such as :grapes:, has it.";
    "meta" Metadata, TextMultiLine, NOTHING, "metadata", "A line of the metadata, as name: value, has it.";
    "q" NoResponse, None, NOTHING, "has no response", "There is no response (yet).";
    "replay" Replay, None, NOTHING, "is a replay", "One side of the flow was played back.";
    "replayq" ReplayRequest, None, NOTHING, "has a replayed request", "The request was sent again.";
    "replays" ReplayResponse, None, NOTHING, "has a replayed response", "The response is a recorded one.";
    "s" HasResponse, None, NOTHING, "has a response", "There is a response.";
    "src" Source, Text, NOTHING, "source address", "The address of the client, as ip:port, has it.";
    "t" ContentType(Option::None), Bytes, HEADS, "content type", "The Content-Type of the request or the response has it.";
    "tcp" Tcp, None, NOTHING, "is a TCP flow", "The flow is a raw TCP connection.";
    "tq" ContentType(CLIENT), Bytes, REQUEST, "request content type", "The Content-Type of the request has it.";
    "ts" ContentType(SERVER), Bytes, RESPONSE, "response content type", "The Content-Type of the response has it.";
    "u" Url, Text, REQUEST, "url", "The URL, or the name that a DNS query asks for, has it.";
    "udp" Udp, None, NOTHING, "is a UDP flow", "The flow is an exchange of datagrams.";
    "websocket" WebSocket, None, NOTHING, "is a WebSocket flow", "The flow is a WebSocket.";
}
