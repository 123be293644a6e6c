//! Sans-IO protocol code: bytes go in, events come out.
//!
//! Nothing here opens a socket, reads a clock or knows a runtime. A decoder is fed what a peer sent and yields what it
//! means together with the exact bytes that said so; an encoder is given a message and yields bytes. Callers own the
//! buffers, the sockets and the time, which is what lets unit tests, property tests and fuzzers drive every decision.
//!
//! Every buffer that a peer can fill has a limit, named beside the decoder that enforces it.

pub mod headers;

pub use headers::Headers;
