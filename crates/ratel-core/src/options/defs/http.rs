//! HTTP: versions, limits, what is refused.

use super::checks;
use crate::options::def::options;

const CASE: &str = "addons that set headers on HTTP/2 messages come in a later release";
const BODIES: &str =
    "holding bodies back comes in a later release, until then every body is streamed and recorded";
const REWRITING: &str = "changing requests comes in a later release";

options! { "HTTP";
    VALIDATE_INBOUND_HEADERS: bool("validate_inbound_headers", true)
        .help("Refuse messages whose headers could be read in two ways, as request smuggling does. Without it they are passed on as \
            they are wherever their end can still be found.");
    HEAD_LIMIT: size("head_limit", "256k").own().check(checks::at_least_1k)
        .help("How big the head of a request or response may be. Bigger ones are refused.");
    HTTP2: bool("http2", true).flag()
        .help("Speak HTTP/2 with clients and servers that offer it.");
    HTTP2_PING_KEEPALIVE: int("http2_ping_keepalive", 58).metavar("SECONDS").check(checks::not_negative)
        .help("After how many seconds without traffic a ping is sent to HTTP/2 servers. 0 sends none.");
    H2C_UPSTREAM: str("h2c_upstream", "auto").choices(&["auto", "always", "never"]).own()
        .help("Whether HTTP/2 is spoken without TLS to http:// servers. auto does so when the client does, for gRPC, and with \
            servers that know nothing else; it falls back to HTTP/1 with those that know only that.");
    HTTP3: bool("http3", true).planned("HTTP/3 comes in a later release")
        .help("Speak HTTP/3 with clients and servers that offer it.");
    WEBSOCKET: bool("websocket", true)
        .help("Show the messages inside WebSocket connections. Without it they are plain bytes.");
    NORMALIZE_OUTBOUND_HEADERS: bool("normalize_outbound_headers", true).planned(CASE)
        .help("Lower the case of header names that an addon has set on HTTP/2 and HTTP/3 messages.");
    BODY_SIZE_LIMIT: opt_str("body_size_limit").metavar("SIZE").planned(BODIES)
        .help("Refuse messages whose body is bigger than this size.");
    STREAM_LARGE_BODIES: opt_str("stream_large_bodies").metavar("SIZE").planned(BODIES)
        .help("Pass on bodies bigger than this size while they arrive.");
    STORE_STREAMED_BODIES: bool("store_streamed_bodies", false).flag().planned(BODIES)
        .help("Record bodies that are passed on while they arrive.");
    ANTICACHE: bool("anticache", false).flag().planned(REWRITING)
        .help("Remove the request headers that let a server answer that nothing has changed.");
    ANTICOMP: bool("anticomp", false).flag().planned(REWRITING)
        .help("Ask servers for bodies without compression.");
}
