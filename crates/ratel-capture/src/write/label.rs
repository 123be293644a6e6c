//! What is said of rebuilt packets: that they are, and what they were in truth.

use ratel_flow::record::Detail;
use ratel_flow::{Record, Scheme, TlsInfo, TlsVersion};

use super::plan::Protocol;

/// The name of the interface that packets seem to come from.
pub(crate) const INTERFACE: &str = "rebuilt from flows";

/// What the section says of itself.
pub(super) const SECTION: &str = "Packets rebuilt from recorded flows. Content, times and addresses are those on record; handshakes, \
    sequence numbers, acknowledgements and the framing of HTTP/2 are made up, and what was sealed by TLS is open.";

/// Ports on which analysers look for HTTP without being told.
const HTTP_PORTS: [u16; 10] = [80, 3128, 3132, 5985, 8080, 8088, 11371, 1900, 2869, 2710];

/// What a connection was that is shown as something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// Which TLS it was.
    pub(crate) tls: Option<TlsVersion>,
    /// The name of the server.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    pub(crate) alpn: Option<String>,
    /// The port on which it is shown.
    pub(crate) shown: u16,
}

impl Label {
    /// What has to be said of the connection of a flow to this port; none when it is shown as it was.
    pub(super) fn of(record: &Record, protocol: Protocol, port: u16) -> Option<Self> {
        let server = record.server_conn.as_deref();
        let tls = server.and_then(|server| server.tls.as_deref());
        let tls = tls.or(record.client_conn.tls.as_deref());
        let http = record.http();
        let is_tls = match http {
            Some(http) => http.request.scheme == Scheme::Https,
            None => tls.is_some(),
        };
        let shown = match protocol {
            Protocol::Http1 if !is_tls => port,
            Protocol::Http1 | Protocol::Http2 if HTTP_PORTS.contains(&port) => port,
            Protocol::Http1 | Protocol::Http2 if port == 443 => 80,
            Protocol::Http1 | Protocol::Http2 => 8080,
            _ => port,
        };
        if !is_tls && shown == port {
            return None;
        }
        let host = http.map(|http| http.request.host.to_string());
        let host = host.or_else(|| server.map(|server| server.address.0.to_string()));
        let text = |tls: &TlsInfo| {
            let name = tls.alpn.as_deref().map(String::from_utf8_lossy)?;
            name.bytes()
                .all(|byte| byte.is_ascii_graphic())
                .then(|| name.into_owned())
        };
        let version = tls.and_then(|tls| tls.version);
        Some(Self {
            // That it was TLS is known though not which.
            tls: is_tls.then(|| version.unwrap_or(TlsVersion::Tls13)),
            host: host.unwrap_or_default(),
            port,
            alpn: tls.and_then(text),
            shown,
        })
    }

    /// As it is written.
    pub(crate) fn text(&self) -> String {
        let Self {
            tls,
            host,
            port,
            alpn,
            shown,
        } = self;
        let was = tls.map_or("TCP", TlsVersion::name);
        let alpn = alpn
            .as_ref()
            .map_or(String::new(), |alpn| format!(", ALPN {alpn}"));
        let how = if tls.is_some() { "open" } else { "as it was" };
        format!("was {was} to {host} port {port}{alpn}; shown {how} on port {shown}")
    }

    /// Reads what [`text`](Self::text) has written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (was, shown) = text.strip_prefix("was ")?.split_once("; shown ")?;
        let (_, shown) = shown.rsplit_once(" on port ")?;
        let (was, alpn) = match was.split_once(", ALPN ") {
            Some((was, alpn)) => (was, Some(alpn.to_owned())),
            None => (was, None),
        };
        let (version, to) = was.split_once(" to ")?;
        let (host, port) = to.rsplit_once(" port ")?;
        let tls = match version {
            "TCP" => None,
            "SSLv3" => Some(TlsVersion::Ssl3),
            "TLSv1" => Some(TlsVersion::Tls10),
            "TLSv1.1" => Some(TlsVersion::Tls11),
            "TLSv1.2" => Some(TlsVersion::Tls12),
            "TLSv1.3" => Some(TlsVersion::Tls13),
            _ => return None,
        };
        Some(Self {
            tls,
            host: host.to_owned(),
            port: port.parse().ok()?,
            alpn,
            shown: shown.parse().ok()?,
        })
    }
}

/// What is said of a flow at its first packet.
pub(super) fn comment(record: &Record) -> String {
    let mut lines = vec![format!("flow {}", record.id)];
    if let Detail::Http(http) = &record.detail
        && http.request.version == ratel_flow::Version::Http3
    {
        lines.push("it was HTTP/3, shown as HTTP/2".into());
    }
    let notes = &record.annotations;
    if !notes.marked.is_empty() {
        lines.push(format!("marked {}", notes.marked));
    }
    if !notes.comment.is_empty() {
        lines.push(notes.comment.to_string());
    }
    if let Some(error) = &record.error {
        lines.push(format!("it failed: {}", error.message));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_were_written() {
        for (tls, host, alpn) in [
            (Some(TlsVersion::Tls13), "a.example", Some("h2")),
            (Some(TlsVersion::Tls10), "2001:db8::1", None),
            (None, "localhost", None),
            (None, "", None),
        ] {
            let label = Label {
                tls,
                host: host.into(),
                port: 8443,
                alpn: alpn.map(Into::into),
                shown: 8080,
            };
            assert_eq!(Label::parse(&label.text()), Some(label));
        }
        for text in [
            "",
            "was",
            "was TLSv9 to a port 1; shown open on port 2",
            "was TCP to a port x; shown as it was on port 2",
        ] {
            assert_eq!(Label::parse(text), None);
        }
    }
}
