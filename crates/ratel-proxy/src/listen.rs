//! Listeners: bound per mode, accepting until told to stop, handing each client to the least busy worker.

mod running;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ratel_core::mode::ProxyMode;
use socket2::{Domain, Protocol, Socket, Type};
use tokio_util::sync::CancellationToken;

use crate::upstream::host_port;
use crate::worker::{Accepted, Pool};

pub use running::Listeners;
pub(crate) use running::bind_all;

/// Connections waiting to be accepted; the system caps it further.
const BACKLOG: i32 = 4096;
/// How long accepting pauses when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a mode could not listen.
#[derive(Debug, thiserror::Error)]
#[error("{description} cannot listen on {address}: {source}")]
pub struct ListenError {
    /// The mode, as in the log.
    pub description: String,
    /// The address that was asked for, `*` for all.
    pub address: String,
    /// The mode's specification and port, for the hint: a mode without a port of its own follows the option.
    pub(crate) spec: String,
    pub(crate) port: u16,
    /// What the system said.
    pub source: io::Error,
}

impl ListenError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                let next = self.port.checked_add(1).unwrap_or(8081);
                let instead = match self.spec.rsplit_once('@') {
                    Some((head, _)) => format!("--mode {head}@{next}"),
                    None => format!("-p {next}"),
                };
                Some(format!(
                    "another program uses that port; choose another one, such as {instead}"
                ))
            }
            io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 need privileges; choose a higher one".into())
            }
            io::ErrorKind::AddrNotAvailable => {
                Some("this machine has no such address; check listen_host".into())
            }
            _ => None,
        }
    }
}

/// Binds `host:port`; an empty host means all addresses of both families. Port 0 picks one free port for all.
pub(crate) fn bind(
    mode: &ProxyMode,
    host: &str,
    port: u16,
) -> Result<Vec<std::net::TcpListener>, ListenError> {
    let fail = |source| ListenError {
        description: mode.describe(),
        address: match host {
            "" => format!("*:{port}"),
            host => host_port(host, port),
        },
        spec: mode.spec.clone(),
        port,
        source,
    };
    if !host.is_empty() {
        let addrs = std::net::ToSocketAddrs::to_socket_addrs(&(host, port)).map_err(fail)?;
        let mut error = io::ErrorKind::AddrNotAvailable.into();
        for addr in addrs {
            match bind_one(addr) {
                Ok(listener) => return Ok(vec![listener]),
                Err(source) => error = source,
            }
        }
        return Err(fail(error));
    }
    let v4 = bind_one((Ipv4Addr::UNSPECIFIED, port).into()).map_err(fail)?;
    let port = v4.local_addr().map_err(fail)?.port();
    match bind_one((Ipv6Addr::UNSPECIFIED, port).into()) {
        Ok(v6) => Ok(vec![v4, v6]),
        Err(source) if source.kind() == io::ErrorKind::AddrInUse => Err(fail(source)),
        // A machine without IPv6 is served over IPv4 alone.
        Err(_) => Ok(vec![v4]),
    }
}

fn bind_one(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows the option would let another program take over the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Accepts clients until `stop` fires, each in the mode that holds when it comes.
async fn accept(
    listener: tokio::net::TcpListener,
    mode: Arc<ArcSwap<ProxyMode>>,
    pool: Arc<Pool>,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peername)) => {
                pool.give(Accepted {
                    tcp,
                    peername,
                    mode: mode.load_full(),
                })
                .await
            }
            // A client that left before it was accepted is no reason to wait.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // EMFILE and ENFILE.
                if matches!(error.raw_os_error(), Some(23 | 24)) {
                    tracing::warn!(
                        hint = "raise the limit of open files (ulimit -n)",
                        "cannot accept a client: {error}"
                    );
                } else {
                    tracing::warn!("cannot accept a client: {error}");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_names_the_next_one() {
        for (spec, instead) in [
            (
                "reverse:https://a.example@0",
                "--mode reverse:https://a.example@",
            ),
            ("reverse:https://a.example", " -p "),
        ] {
            let mode: ProxyMode = spec.parse().expect("a valid mode");
            let taken = bind(&mode, "127.0.0.1", 0).expect("loopback");
            let port = taken[0].local_addr().expect("bound").port();
            let error = bind(&mode, "127.0.0.1", port).expect_err("it is taken");
            assert!(
                error.to_string().contains(&format!("127.0.0.1:{port}")),
                "{error}"
            );
            let hint = error.hint().expect("there is something to do");
            let next = port.checked_add(1).unwrap_or(8081);
            assert!(hint.ends_with(&format!("{instead}{next}")), "{hint}");
        }
    }

    #[test]
    fn an_empty_host_means_both_families_on_one_port() {
        let mode: ProxyMode = "regular".parse().expect("a valid mode");
        let listeners = bind(&mode, "", 0).expect("some port is free");
        let ports: Vec<_> = listeners
            .iter()
            .map(|l| l.local_addr().expect("bound").port())
            .collect();
        assert!(ports.iter().all(|p| *p == ports[0]));
    }
}
