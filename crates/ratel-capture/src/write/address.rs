//! Addresses for packets: those on record, and for what has none made-up ones that nobody has.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ratel_flow::Record;

use super::plan::Protocol;

/// The first port of clients whose own is not known, or taken (RFC 6335 §6).
const DYNAMIC_PORTS: u16 = 49_152;

/// Which addresses have been given.
#[derive(Debug)]
pub(super) struct Places {
    /// Hosts of which only the name is known, in the network for benchmarks (RFC 2544 appendix C.2.2).
    hosts: HashMap<Arc<str>, Ipv4Addr>,
    taken: HashSet<(SocketAddr, SocketAddr)>,
    next_port: u16,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            hosts: HashMap::new(),
            taken: HashSet::new(),
            next_port: DYNAMIC_PORTS,
        }
    }
}

impl Places {
    /// Where a flow went.
    pub(super) fn server(&mut self, record: &Record, protocol: Protocol) -> SocketAddr {
        let server = record.server_conn.as_deref();
        if let Some(peer) = server.and_then(|server| server.peername)
            && is_real(peer)
        {
            return peer;
        }
        let asked = match record.http() {
            Some(http) => Some((http.request.host.clone(), http.request.port)),
            None => server.map(|server| server.address.clone()),
        };
        let (host, port) = match asked {
            Some((host, port)) if !host.is_empty() => (host, port),
            _ => {
                let local = record.client_conn.sockname;
                (local.ip().to_string().into(), local.port())
            }
        };
        let port = match (port, protocol) {
            (0, Protocol::Dns | Protocol::DnsOverTcp) => 53,
            (0, _) => 80,
            (port, _) => port,
        };
        let known = host.parse().ok().filter(|ip: &IpAddr| !ip.is_unspecified());
        let ip = known.unwrap_or_else(|| self.made_up(&host).into());
        SocketAddr::new(ip, port)
    }

    fn made_up(&mut self, host: &Arc<str>) -> Ipv4Addr {
        let next = self.hosts.len() as u32 + 1;
        let network = u32::from(Ipv4Addr::new(198, 18, 0, 0));
        // 131 071 hosts, then from the beginning.
        let made_up = || Ipv4Addr::from_bits(network | next & 0x1_ffff);
        *self.hosts.entry(host.clone()).or_insert_with(made_up)
    }

    /// Where a flow came from: never twice the same towards the same server.
    pub(super) fn client(&mut self, record: &Record, server: SocketAddr) -> SocketAddr {
        let peer = record.client_conn.peername;
        let ip = match peer.ip() {
            ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            ip => ip,
        };
        let ip = match (ip, server.ip()) {
            (IpAddr::V4(ip), IpAddr::V6(_)) => IpAddr::V6(ip.to_ipv6_mapped()),
            (IpAddr::V6(ip), IpAddr::V4(_)) => {
                IpAddr::V4(ip.to_ipv4_mapped().unwrap_or(Ipv4Addr::new(192, 0, 2, 1)))
            }
            (ip, _) => ip,
        };
        let own = SocketAddr::new(ip, peer.port());
        if peer.port() != 0 && self.taken.insert((own, server)) {
            return own;
        }
        self.another(SocketAddr::new(ip, 0), server)
    }

    /// The same host with a port that is not in use towards this server.
    pub(super) fn another(&mut self, client: SocketAddr, server: SocketAddr) -> SocketAddr {
        for _ in DYNAMIC_PORTS..=u16::MAX {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(DYNAMIC_PORTS);
            let candidate = SocketAddr::new(client.ip(), port);
            if self.taken.insert((candidate, server)) {
                return candidate;
            }
        }
        // More connections than ports: like everywhere, ports come again.
        SocketAddr::new(client.ip(), self.next_port)
    }
}

/// Whether it is an address that somebody can have.
fn is_real(address: SocketAddr) -> bool {
    address.port() != 0 && !address.ip().is_unspecified()
}
