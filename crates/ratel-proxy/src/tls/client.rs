//! TLS towards the client.

use bytes::Bytes;
use ratel_core::clock;
use ratel_flow::TlsInfo;
use ratel_proto::client_hello::ClientHello;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::HANDSHAKE_TIMEOUT;
use super::ca::CaStore;
use super::engine::{ClientTls, modern};
use super::error::{Cause, TlsError};
use super::leaf::{KeyKind, Leaf};

/// Does the handshake with a client, showing it `leaf`.
///
/// `io` gives the bytes of the hello (again) and what follows them. `alpn` are the protocols that may be agreed on, best
/// first; if the client offers none of them, the handshake goes on without one (the client knows what it speaks then).
/// `host` is what messages call the destination, and `ca` is named in hints.
///
/// # Errors
/// When the client leaves, refuses the certificate, has nothing in common with us, or takes longer than
/// [`HANDSHAKE_TIMEOUT`].
///
/// # Cancel safety
/// Not cancel safe: the connection is lost with the future.
pub async fn accept<S>(
    io: S,
    hello: &ClientHello,
    leaf: &Leaf,
    alpn: &[Bytes],
    host: &str,
    ca: &CaStore,
) -> Result<(ClientTls<S>, TlsInfo), TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut info = TlsInfo {
        sni: hello.sni.as_deref().map(Into::into),
        alpn_offers: hello.alpn.clone(),
        ..TlsInfo::default()
    };
    let identity = match leaf.identity(KeyKind::for_hello(hello)).await {
        Ok(identity) => identity,
        Err(error) => return Err(error.into()),
    };
    let alpn = alpn.iter().find(|ours| hello.alpn.contains(ours));
    let handshake = timeout(HANDSHAKE_TIMEOUT, modern::accept(io, identity, alpn));
    match handshake.await.unwrap_or(Err(Cause::TimedOut)) {
        Ok((stream, agreed)) => {
            info.version = agreed.version;
            info.cipher = agreed.cipher.map(Into::into);
            info.alpn = agreed.alpn;
            info.certificates = agreed.certificates;
            info.timestamp_setup = Some(clock::now());
            Ok((stream, info))
        }
        Err(cause) => Err(TlsError::client(host, cause, hello, ca, info)),
    }
}
