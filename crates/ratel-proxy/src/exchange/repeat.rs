//! Whether a request that has failed may be tried on another connection.

use ratel_flow::Request;
use ratel_proto::Framing;

use super::Route;
use crate::error::ProxyError;
use crate::upstream::pool::Upstream;

/// Connections that one request is tried on.
pub(super) const ATTEMPTS: usize = 3;

/// Whether a failed request may be sent once more. A kept connection that the server closed meanwhile says nothing
/// about a request; but it may have been carried out unless it is one that may be (RFC 9110 §9.2.2), and an answer
/// that has begun is an answer.
pub(super) fn may_repeat(
    request: &Request,
    route: &Route,
    upstream: &Upstream,
    error: &ProxyError,
) -> bool {
    let unsent = route.framing == Framing::None && !upstream.has_answered();
    if let ProxyError::StreamRefused { .. } = error {
        // The server says that it did nothing with it (RFC 9113 §8.7).
        return unsent;
    }
    let lost = matches!(error, ProxyError::NoResponse | ProxyError::ServerIo { .. });
    lost && upstream.is_reused() && unsent && is_idempotent(&request.method)
}

/// The methods that mean the same however often they are carried out (RFC 9110 §9.2.2, RFC 4918, RFC 3253, RFC 5323).
fn is_idempotent(method: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET",
        b"HEAD",
        b"OPTIONS",
        b"TRACE",
        b"PUT",
        b"DELETE",
        b"PROPFIND",
        b"REPORT",
        b"SEARCH",
    ];
    METHODS.contains(&method)
}
