//! Proxy modes: the `name[:data][@[host:]port]` grammar of `--mode`, parsed into plain values.
//!
//! A *mode* says how clients reach the proxy and how the destination is learned. This module opens nothing: it turns
//! what a user wrote into a [`ProxyMode`] or into one sentence that says what is wrong with it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ratel_proto::url::ascii_host;

/// One mode, as asked for with `--mode`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProxyMode {
    /// How clients speak to the proxy and where their requests go.
    pub kind: ModeKind,
    /// The address given after `@`, without brackets; `None` leaves it to the option `listen_host`.
    pub listen_host: Option<String>,
    /// The port given after `@`; `None` leaves it to the option `listen_port`, then to the mode's own default.
    pub listen_port: Option<u16>,
    /// The specification as the user wrote it.
    pub spec: String,
}

/// What a mode does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModeKind {
    /// Clients are configured to use the proxy and name the destination themselves.
    Regular,
    /// Clients take the proxy for the server; everything goes to one destination.
    Reverse {
        /// What is spoken with the destination.
        scheme: ReverseScheme,
        /// The destination: an ASCII host name or an IP address, IPv6 without brackets.
        host: String,
        /// The destination's port, 1 to 65535.
        port: u16,
    },
}

/// What a reverse proxy speaks with its destination; what clients speak is decided per connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReverseScheme {
    /// HTTP over plain TCP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl ReverseScheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that goes without saying in a URL of this scheme.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for ReverseScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a mode specification was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModeError {
    /// One specification is wrong by itself.
    #[error("invalid mode '{spec}': {reason}")]
    Invalid {
        /// What the user wrote.
        spec: String,
        /// What is wrong with it.
        reason: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// Two modes would listen on one address.
    #[error("modes '{first}' and '{second}' would both listen on {address}")]
    SameAddress {
        /// The specification that came first.
        first: String,
        /// The one that collides with it.
        second: String,
        /// The address both resolve to, `*` for all interfaces.
        address: String,
    },
}

impl ModeError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { hint, .. } => hint.clone(),
            Self::SameAddress { second, .. } => {
                let head = second
                    .rsplit_once('@')
                    .map_or(second.as_str(), |(head, _)| head);
                Some(format!(
                    "give one of them a port of its own, such as `--mode {head}@8081`"
                ))
            }
        }
    }
}

impl ProxyMode {
    /// The port this mode listens on when neither `@port` nor `listen_port` says otherwise.
    pub fn default_port(&self) -> u16 {
        8080
    }

    /// The host and port to bind, given the options `listen_host` and `listen_port`; an empty host means all interfaces,
    /// port 0 any free port.
    pub fn address<'a>(&'a self, listen_host: &'a str, listen_port: Option<u16>) -> (&'a str, u16) {
        let host = self.listen_host.as_deref().unwrap_or(listen_host);
        let port = self
            .listen_port
            .or(listen_port)
            .unwrap_or(self.default_port());
        (host, port)
    }

    /// What this mode is, for a log line that ends with `listening at ADDRESS`.
    pub fn describe(&self) -> String {
        match &self.kind {
            ModeKind::Regular => "HTTP(S) proxy".to_owned(),
            ModeKind::Reverse { .. } => {
                format!("reverse proxy to {}", self.target().unwrap_or_default())
            }
        }
    }

    /// The URL of the server that everything goes to, with the scheme that was chosen when none was given; `None` when
    /// clients name the destination.
    pub fn target(&self) -> Option<String> {
        let ModeKind::Reverse { scheme, host, port } = &self.kind else {
            return None;
        };
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        Some(if *port == scheme.default_port() {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        })
    }
}

impl fmt::Display for ProxyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec)
    }
}

impl FromStr for ProxyMode {
    type Err = ModeError;

    fn from_str(spec: &str) -> Result<Self, ModeError> {
        parse(spec).map_err(|Problem { reason, hint }| ModeError::Invalid {
            spec: spec.to_owned(),
            reason,
            hint,
        })
    }
}

/// Parses all modes of a proxy and makes sure that no two of them would listen on the same address.
///
/// `listen_host` and `listen_port` are the options of these names.
///
/// # Errors
/// The first specification that is wrong, or the first pair that collides.
pub fn parse_all<S: AsRef<str>>(
    specs: &[S],
    listen_host: &str,
    listen_port: Option<u16>,
) -> Result<Vec<ProxyMode>, ModeError> {
    let mut modes: Vec<ProxyMode> = Vec::with_capacity(specs.len());
    for spec in specs {
        let mode: ProxyMode = spec.as_ref().parse()?;
        let address = mode.address(listen_host, listen_port);
        let twin = modes
            .iter()
            .find(|other| other.address(listen_host, listen_port) == address);
        // Port 0 is a different free port each time.
        if let Some(first) = twin.filter(|_| address.1 != 0) {
            let (host, port) = address;
            return Err(ModeError::SameAddress {
                first: first.spec.clone(),
                second: mode.spec.clone(),
                address: format!("{}:{port}", if host.is_empty() { "*" } else { host }),
            });
        }
        modes.push(mode);
    }
    Ok(modes)
}

/// What is wrong with a specification, before it is known which one.
struct Problem {
    reason: String,
    hint: Option<String>,
}

impl Problem {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// Modes that exist in mitmproxy and not here, with what brings them.
const PLANNED: &[(&str, &str)] = &[
    (
        "transparent",
        "transparent interception comes in a later release",
    ),
    (
        "upstream",
        "forwarding to another proxy comes in a later release",
    ),
    ("socks5", "SOCKS comes in a later release"),
    ("dns", "the DNS server comes in a later release"),
    ("wireguard", "the WireGuard server comes in a later release"),
    ("local", "capturing local programs comes in a later release"),
    ("tun", "the TUN interface comes in a later release"),
];

/// Reverse schemes that exist in mitmproxy and not here, with what brings them.
const PLANNED_SCHEMES: &[(&str, &str)] = &[
    ("http3", "HTTP/3 comes in a later release"),
    ("quic", "QUIC comes in a later release"),
    ("tcp", "raw TCP flows come in a later release"),
    ("tls", "raw TCP flows come in a later release"),
    ("udp", "UDP flows come in a later release"),
    ("dtls", "UDP flows come in a later release"),
    ("dns", "DNS comes in a later release"),
];

const NAMES_HINT: &str = "the modes of this release are `regular` and `reverse:URL`";

fn parse(spec: &str) -> Result<ProxyMode, Problem> {
    if let Some(url) = without_credentials(spec) {
        return Err(
            Problem::new("credentials in the URL are not supported").hint(format!(
                "write `{url}`; what clients send as `Authorization` is passed on"
            )),
        );
    }
    let (head, listen) = split_listen(spec);
    let (listen_host, listen_port) = match listen {
        Some(listen) => parse_listen(listen, head)?,
        None => (None, None),
    };
    let (name, data) = match head.split_once(':') {
        Some((name, data)) => (name, Some(data)),
        None => (head, None),
    };
    let kind = match name.to_ascii_lowercase().as_str() {
        "regular" => match data {
            None | Some("") => ModeKind::Regular,
            Some(data) => {
                return Err(Problem::new(format!(
                    "mode 'regular' takes nothing after the colon, not '{data}'"
                )));
            }
        },
        "reverse" => parse_reverse(data.unwrap_or_default())?,
        other => return Err(no_such_mode(other, spec)),
    };
    Ok(ProxyMode {
        kind,
        listen_host,
        listen_port,
        spec: spec.to_owned(),
    })
}

/// The URL without `user:password@`, if it has that. A user alone cannot be told from a host.
fn without_credentials(spec: &str) -> Option<String> {
    let (before, rest) = spec.split_once("://")?;
    let (user, rest) = rest.split_once('@')?;
    let (_, password) = user.split_once(':')?;
    if user.starts_with('[') || user.contains(['/', '?', '#']) || parse_port(password).is_some() {
        return None;
    }
    let scheme = before.rsplit_once(':').map_or(before, |(_, scheme)| scheme);
    Some(format!("{scheme}://{rest}"))
}

/// Splits `HEAD@LISTEN` at the last `@`; without text before it there is no such part.
fn split_listen(spec: &str) -> (&str, Option<&str>) {
    match spec.rsplit_once('@') {
        Some((head, listen)) if !head.is_empty() => (head, Some(listen)),
        _ => (spec, None),
    }
}

fn parse_listen(listen: &str, head: &str) -> Result<(Option<String>, Option<u16>), Problem> {
    let (host, port) = match listen.rsplit_once(':') {
        Some((host, port)) => (Some(host), port),
        None => (None, listen),
    };
    let Some(number) = parse_port(port) else {
        let problem = Problem::new(format!("invalid port '{port}' after the '@'"));
        return Err(if head.contains("://") {
            problem.hint("what follows the last `@` is where to listen, `@PORT` or `@HOST:PORT`; a URL with a user name cannot be given")
        } else {
            problem.hint("a port is a number from 0 to 65535")
        });
    };
    let host = host.map(|host| {
        host.strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'))
            .unwrap_or(host)
    });
    match host {
        Some(host) if !host.is_empty() && !is_host(host) => {
            Err(Problem::new(format!("invalid listen address '{host}'")))
        }
        host => Ok((host.map(str::to_owned), Some(number))),
    }
}

fn no_such_mode(name: &str, spec: &str) -> Problem {
    if let Some((_, what)) = PLANNED.iter().find(|(planned, _)| *planned == name) {
        return Problem::new(format!("mode '{name}' is not available yet: {what}"))
            .hint(NAMES_HINT);
    }
    match name {
        "osproxy" => {
            Problem::new("mode 'osproxy' was renamed to 'local', which is not available yet")
                .hint(NAMES_HINT)
        }
        "http" | "https" => Problem::new("this is a URL, not a mode").hint(format!(
            "to put the proxy in front of it, write `reverse:{spec}`"
        )),
        _ => Problem::new(format!("there is no mode '{name}'")).hint(NAMES_HINT),
    }
}

/// Parses `[scheme://]host[:port][/]`.
fn parse_reverse(data: &str) -> Result<ModeKind, Problem> {
    let (scheme, rest) = match data.split_once("://") {
        Some((scheme, rest)) => (parse_scheme(scheme)?, rest),
        None => (ReverseScheme::Https, data),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !path.is_empty() && path != "/" {
        return Err(Problem::new(format!(
            "'{path}' cannot be part of it, since the path of each request is passed on as the client sends it"
        ))
        .hint(format!("write `reverse:{scheme}://{authority}` and put the path into the client's URL")));
    }
    let (host, port) = split_authority(authority)?;
    if host.is_empty() {
        return Err(Problem::new("the server is missing")
            .hint("write `reverse:https://HOST` or `reverse:http://HOST:PORT`"));
    }
    let ascii = ascii_host(host).filter(|ascii| is_host(ascii));
    let host = ascii.ok_or_else(|| Problem::new(format!("'{host}' is not a valid host name")))?;
    let port = match port {
        None => scheme.default_port(),
        Some(text) => parse_port(text).filter(|port| *port != 0).ok_or_else(|| {
            Problem::new(format!("invalid port '{text}'"))
                .hint("the port of a server is a number from 1 to 65535")
        })?,
    };
    Ok(ModeKind::Reverse {
        scheme,
        host: host.into_owned(),
        port,
    })
}

fn parse_scheme(scheme: &str) -> Result<ReverseScheme, Problem> {
    let lower = scheme.to_ascii_lowercase();
    if let Some((_, what)) = PLANNED_SCHEMES
        .iter()
        .find(|(planned, _)| *planned == lower)
    {
        return Err(
            Problem::new(format!("scheme '{lower}' is not available yet: {what}"))
                .hint("the schemes of this release are `http` and `https`"),
        );
    }
    match lower.as_str() {
        "http" => Ok(ReverseScheme::Http),
        "https" => Ok(ReverseScheme::Https),
        _ => Err(Problem::new(format!("there is no scheme '{scheme}'"))
            .hint("the schemes of this release are `http` and `https`")),
    }
}

/// Splits `host[:port]`, where an IPv6 host stands in brackets; the brackets are dropped.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), Problem> {
    if let Some(rest) = authority.strip_prefix('[') {
        let Some((host, after)) = rest.split_once(']') else {
            return Err(Problem::new(
                "the closing ']' of the IPv6 address is missing",
            ));
        };
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(Problem::new(format!("'{host}' is not an IPv6 address")));
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(Problem::new(format!("'{after}' is not a port"))),
        };
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(
            Problem::new("an IPv6 address needs brackets").hint(format!("write `[{authority}]`"))
        );
    }
    match authority.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    // `u16::from_str` would take a leading plus sign.
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// Whether this is an IP address or a host name: labels of 1 to 63 letters, digits, `-` and `_`, no `-` at either end
/// of a label, at most 255 bytes, one dot at the end allowed (RFC 1123 §2.1, and `_` because it is met in practice).
fn is_host(host: &str) -> bool {
    if host.parse::<Ipv4Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    host.len() <= 255
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

#[cfg(test)]
mod tests;
