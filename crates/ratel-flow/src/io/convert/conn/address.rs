//! Addresses: `[host, port]` in files, and for IPv6 `[host, port, flow label, scope]`.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use ratel_proto::tnetstring::{Kind, Value};

use crate::conn::PeerAddress;
use crate::io::convert::field::{Field, List, StateError};
use crate::io::convert::out::Out;

/// Reads an address. The second is what was there if it cannot be written again from the first.
pub(super) fn read(
    field: &Field<'_>,
) -> Result<Option<(SocketAddr, Option<PeerAddress>)>, StateError> {
    let Some(mut list) = field.opt_list()? else {
        return Ok(None);
    };
    let host = list.expect()?.text()?;
    let mut numbers = Vec::new();
    while let Some(number) = list.next()? {
        numbers.push(number.int()?);
    }
    let ip = host.parse::<IpAddr>();
    match (&ip, &numbers[..]) {
        (Ok(ip @ IpAddr::V4(_)), [port]) => {
            if let Ok(port) = u16::try_from(*port) {
                return Ok(Some(canonical(host, numbers, SocketAddr::new(*ip, port))));
            }
        }
        (Ok(IpAddr::V6(ip)), [port, flow, scope]) => {
            if let (Ok(port), Ok(flow), Ok(scope)) = (
                u16::try_from(*port),
                u32::try_from(*flow),
                u32::try_from(*scope),
            ) {
                let address = SocketAddrV6::new(*ip, port, flow, scope).into();
                return Ok(Some(canonical(host, numbers, address)));
            }
        }
        _ => {}
    }
    let verbatim = PeerAddress {
        host: host.into(),
        numbers,
    };
    Ok(Some((closest(&verbatim), Some(verbatim))))
}

/// An IP address may be written in several ways.
fn canonical(
    host: &str,
    numbers: Vec<i64>,
    address: SocketAddr,
) -> (SocketAddr, Option<PeerAddress>) {
    use std::fmt::Write;
    let mut text = String::with_capacity(host.len());
    // Writing into a string does not fail.
    let _ = write!(text, "{}", address.ip());
    let verbatim = (text != host).then(|| PeerAddress {
        host: host.into(),
        numbers,
    });
    (address, verbatim)
}

/// The address that comes closest to one that may be anything.
pub(super) fn closest(address: &PeerAddress) -> SocketAddr {
    // A zone may stand behind a link-local address.
    let host = address.host.split('%').next().unwrap_or_default();
    let ip = host.parse().unwrap_or(IpAddr::V4([0; 4].into()));
    let port = address.numbers.first().copied().unwrap_or_default();
    SocketAddr::new(ip, u16::try_from(port).unwrap_or_default())
}

/// Writes an address, word for word if it is the same.
pub(super) fn write(
    out: &mut Out<'_>,
    key: &'static str,
    address: Option<SocketAddr>,
    verbatim: Option<&PeerAddress>,
) {
    if let Some(verbatim) = verbatim
        && address.is_none_or(|address| closest(verbatim).ip() == address.ip())
    {
        return out.list(key, |out| {
            for number in verbatim.numbers.iter().rev() {
                out.encoder.int(*number);
            }
            out.encoder.text(&verbatim.host);
        });
    }
    let Some(address) = address else {
        return out.null(key);
    };
    out.list(key, |out| {
        if let SocketAddr::V6(address) = address {
            out.encoder.int(address.scope_id().into());
            out.encoder.int(address.flowinfo().into());
        }
        out.encoder.int(address.port().into());
        out.encoder.text(&address.ip().to_string());
    });
}

/// A host and its port, as a server is asked for.
pub(super) struct HostPort {
    pub(super) host: Arc<str>,
    /// 0 for what is no port.
    pub(super) port: u16,
    /// Something else was there than can be written again.
    pub(super) odd: bool,
}

/// Reads a host and its port, if they are there.
pub(super) fn read_host(field: &Field<'_>) -> Result<Option<HostPort>, StateError> {
    match field.opt_list()? {
        Some(mut list) => host_in(&mut list).map(Some),
        None => Ok(None),
    }
}

pub(super) fn host_in(list: &mut List<'_>) -> Result<HostPort, StateError> {
    let host = list.expect()?.text()?.into();
    let number = list.expect()?.int()?;
    let port = u16::try_from(number);
    Ok(HostPort {
        host,
        port: port.unwrap_or_default(),
        odd: list.next()?.is_some() || port.is_err(),
    })
}

/// What [`host_in`] has made of a list.
pub(super) fn host_of(list: &Value) -> Option<(&str, u16)> {
    match list {
        Value::List(parts) => match &parts[..] {
            [Value::Str(host), Value::Int(port), ..] => {
                Some((host, u16::try_from(*port).unwrap_or_default()))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Writes a host and its port.
pub(super) fn write_host(out: &mut Out<'_>, (host, port): (&str, u16)) {
    out.group(Kind::List, |out| {
        out.encoder.int(port.into());
        out.encoder.text(host);
    });
}
