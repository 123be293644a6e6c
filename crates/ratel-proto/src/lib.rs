//! Sans-IO protocol code: bytes go in, events come out.
//!
//! Nothing here opens a socket, reads a clock or knows a runtime. A decoder is fed what a peer sent and yields what it
//! means together with the exact bytes that said so; an encoder is given a message and yields bytes. Callers own the
//! buffers, the sockets and the time, which is what lets unit tests, property tests and fuzzers drive every decision.
//!
//! Every buffer that a peer can fill has a limit, named beside the decoder that enforces it.
//!
//! | module | bytes | becomes |
//! |---|---|---|
//! | [`detect`] | the first ones of a connection | the protocol that is spoken on it |
//! | [`client_hello`] | TLS records | what a TLS client offers |
//! | [`http1`] | HTTP/1.x | heads, framing decisions, bodies, and back |
//! | [`h2`] | HTTP/2 | the same, with frames, header compression, streams and flow control |
//! | [`qpack`] | a field section of HTTP/3 | its lines |
//! | [`websocket`] | WebSocket frames | messages, piece by piece |
//! | [`streams`] | bodies | the messages in them: events, gRPC, lines |
//! | [`headers`] | field lines | an ordered list that keeps every byte |
//! | [`url`] | a request target or an authority | its form, host and port |
//! | [`dns`] | DNS messages | questions and records, and back |
//! | [`tnetstring`] | flow files | values, and back |
//! | [`body`] | – | frames: the steps of a body, whatever the HTTP version |

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod body;
pub mod client_hello;
pub mod detect;
pub mod dns;
pub mod h2;
pub mod headers;
pub mod http1;
pub mod qpack;
pub mod streams;
pub mod tnetstring;
pub mod url;
pub mod websocket;

pub use body::{Frame, Framing};
pub use headers::Headers;
