//! Dialling a server: name to addresses, addresses to the first connection that stands (RFC 8305 in small).

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ratel_core::clock;
use ratel_flow::{ConnId, ServerConn};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::host_port;
use crate::error::ProxyError;
use crate::io::BoxIo;

/// How long one address may take before the next one is tried beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Addresses tried for one name, at most.
const ATTEMPTS: usize = 8;

/// A fresh TCP connection with what is known of it.
pub(crate) struct Dialled {
    pub(crate) io: BoxIo,
    pub(crate) conn: ServerConn,
}

/// What a dial gives, once.
pub(crate) type DialFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Dialled, ProxyError>> + Send + 'a>>;

/// How servers are reached: over TCP, or over pipes in tests.
pub(crate) trait Dial: Send + Sync {
    /// Connects to `host:port`.
    fn dial<'a>(&'a self, host: &'a Arc<str>, port: u16, how: How) -> DialFuture<'a>;
}

/// How to connect, as the options say at that moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// The local address to connect from.
    pub(crate) local: Option<IpAddr>,
    /// How long resolving and connecting may take together.
    pub(crate) timeout: Duration,
}

/// Dials over TCP.
#[derive(Debug, Default)]
pub(crate) struct TcpDial;

impl Dial for TcpDial {
    fn dial<'a>(&'a self, host: &'a Arc<str>, port: u16, how: How) -> DialFuture<'a> {
        Box::pin(async move {
            let timestamp_start = clock::now();
            let How { local, timeout } = how;
            let timed = tokio::time::timeout(timeout, connect(host, port, local)).await;
            let tcp = timed.map_err(|_| ProxyError::ConnectTimeout {
                to: host_port(host, port),
                after: timeout,
            })??;
            // Small messages must not wait for acknowledgements; refusal here only costs latency.
            let _ = tcp.set_nodelay(true);
            let conn = ServerConn {
                id: ConnId::next(),
                address: (host.clone(), port),
                peername: tcp.peer_addr().ok(),
                sockname: tcp.local_addr().ok(),
                timestamp_start,
                timestamp_tcp_setup: Some(clock::now()),
                timestamp_end: None,
                tls: None,
                error: None,
                extra: None,
            };
            Ok(Dialled {
                io: Box::new(tcp),
                conn,
            })
        })
    }
}

async fn connect(
    host: &Arc<str>,
    port: u16,
    local: Option<IpAddr>,
) -> Result<TcpStream, ProxyError> {
    let addrs = resolve(host, port)
        .await
        .map_err(|source| ProxyError::Resolve {
            host: host.clone(),
            source,
        })?;
    let addrs: Vec<_> = match local {
        Some(local) => addrs
            .into_iter()
            .filter(|a| a.is_ipv4() == local.is_ipv4())
            .collect(),
        None => addrs,
    };
    if let (Some(local), true) = (local, addrs.is_empty()) {
        return Err(ProxyError::NoAddressFor {
            to: host_port(host, port),
            local,
        });
    }
    let failed = |source| ProxyError::Connect {
        to: host_port(host, port),
        source,
    };
    if let [addr] = addrs[..] {
        return attempt(addr, local).await.map_err(failed);
    }
    let mut attempts = JoinSet::new();
    let mut waiting = addrs.into_iter();
    let mut error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let next = waiting.next();
        let more = next.is_some();
        if let Some(addr) = next {
            attempts.spawn(attempt(addr, local));
        } else if attempts.is_empty() {
            return Err(failed(error));
        }
        tokio::select! {
            Some(joined) = attempts.join_next() => match joined {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(source)) => error = source,
                Err(_) => {}
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if more => {}
        }
    }
}

/// The addresses of `host`, the two families taking turns, the resolver's favourite first (RFC 8305 §4).
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let mut mixed = Vec::new();
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    while mixed.len() < ATTEMPTS {
        let (a, b) = (preferred.next(), other.next());
        if a.is_none() && b.is_none() {
            break;
        }
        mixed.extend(a.into_iter().chain(b));
    }
    Ok(mixed)
}

async fn attempt(addr: SocketAddr, local: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if addr.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    if let Some(ip) = local {
        socket.bind(SocketAddr::new(ip, 0))?;
    }
    socket.connect(addr).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: How = How {
        local: None,
        timeout: Duration::from_secs(10),
    };

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_live_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        // localhost may resolve to ::1 as well, where nobody listens.
        let dialled = TcpDial
            .dial(&"localhost".into(), port, HOW)
            .await
            .expect("one of the addresses answers");
        assert_eq!(dialled.conn.peername, listener.local_addr().ok());
    }

    #[tokio::test]
    async fn failures_name_the_host_and_the_reason() {
        let closed = {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("loopback");
            listener.local_addr().expect("bound").port()
        };
        let error = TcpDial
            .dial(&"127.0.0.1".into(), closed, HOW)
            .await
            .err()
            .expect("nobody listens");
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot connect to 127.0.0.1:{closed}")),
            "{error}"
        );
        assert_eq!(
            error.hint().as_deref(),
            Some("is the service running on that port?")
        );
        let error = TcpDial
            .dial(&"no-such-host.invalid".into(), 1, HOW)
            .await
            .err()
            .expect("reserved by RFC 6761");
        assert!(
            error
                .to_string()
                .starts_with("cannot resolve no-such-host.invalid"),
            "{error}"
        );
    }
}
