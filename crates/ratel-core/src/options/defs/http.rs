//! HTTP: versions, limits, what is refused.

use super::checks;
use crate::options::def::options;

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
    NORMALIZE_OUTBOUND_HEADERS: bool("normalize_outbound_headers", true)
        .help("Lower the case of header names that an addon has set on HTTP/2 and HTTP/3 messages.");
    BODY_SIZE_LIMIT: opt_str("body_size_limit").metavar("SIZE").check(checks::size)
        .help("Refuse messages whose body is bigger than this size. A request is answered with 413, a response is replaced by 502, \
            or broken off if it has begun to pass.");
    STREAM_LARGE_BODIES: opt_str("stream_large_bodies").metavar("SIZE").check(checks::size)
        .help("Never hold back bodies bigger than this size. Other bodies pass while they arrive, too, unless a rule or \
            `intercept` needs all of them; of bigger ones nothing is changed. They are not recorded, see \
            `store_streamed_bodies`.");
    STORE_STREAMED_BODIES: bool("store_streamed_bodies", false).flag()
        .help("Record bodies that are bigger than `stream_large_bodies`. Smaller ones always are, and all are if that option is \
            unset.");
    ANTICACHE: bool("anticache", false).flag()
        .help("Remove the request headers that let a server answer that nothing has changed.");
    ANTICOMP: bool("anticomp", false).flag()
        .help("Ask servers for bodies without compression.");
}
