//! Which names a leaf is made for: those of the server's certificate, and what the client asked for.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use ratel_flow::Certificates;
use ratel_proto::url::ascii_host;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::crl;

/// Names taken from one server certificate. Some carry hundreds; beyond this they only make handshakes slow.
const NAMES_MAX: usize = 500;

/// One entry of a certificate's subject alternative names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SanName {
    /// A host name in ASCII, which may begin with `*.`.
    Dns(Box<str>),
    /// An address.
    Ip(IpAddr),
}

impl SanName {
    /// The name, in ASCII, or the address that `text` stands for; none if it can't be one in a certificate
    /// (RFC 5280 §4.2.1.6), as the `My Server` that some put into the common name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Self::Ip(ip));
        }
        let (wild, host) = match text.strip_prefix("*.") {
            Some(host) => ("*.", host),
            None => ("", text),
        };
        // Common names may be in any script.
        let host = ascii_host(host)?;
        let host = host.strip_suffix('.').unwrap_or(&host);
        let label = |label: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            (1..64).contains(&label.len()) && label.bytes().all(legal)
        };
        (wild.len() + host.len() <= 253 && host.split('.').all(label))
            .then(|| Self::Dns(format!("{wild}{}", host.to_ascii_lowercase()).into()))
    }
}

impl fmt::Display for SanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// What a leaf is asked for. Cheap to make and to compare: the server's certificate is only read when a leaf has to
/// be made for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeafSpec {
    /// The server's own certificate in DER.
    upstream: Option<Bytes>,
    /// Names known without it, in the order they are to appear.
    names: Vec<SanName>,
    /// Certificates in DER for the end of the chain.
    appended: Vec<Bytes>,
}

impl LeafSpec {
    /// For a client that asked for `sni` (or called us on `local_ip`, naming nothing) and is to be connected to
    /// `address_host`, whose certificate is the first of `upstream_cert`. With `upstream_cert_option` unset that
    /// certificate is not looked at.
    #[must_use]
    pub fn for_connection(
        upstream_cert: Option<&Certificates>,
        sni: Option<&str>,
        local_ip: IpAddr,
        address_host: Option<&str>,
        upstream_cert_option: bool,
    ) -> Self {
        let mut names = Vec::with_capacity(2);
        names.extend(sni.and_then(SanName::parse));
        if names.is_empty() {
            names.push(SanName::Ip(local_ip.to_canonical()));
        }
        if let Some(host) = address_host.and_then(SanName::parse)
            && !names.contains(&host)
        {
            names.push(host);
        }
        let upstream = upstream_cert.filter(|_| upstream_cert_option);
        Self {
            upstream: upstream.and_then(|chain| chain.first().cloned()),
            names,
            appended: Vec::new(),
        }
    }

    /// For exactly these names.
    #[must_use]
    pub fn for_names(names: Vec<SanName>) -> Self {
        Self {
            upstream: None,
            names,
            appended: Vec::new(),
        }
    }

    /// For the names that stand in a certificate, in DER.
    pub(super) fn for_certificate(der: Vec<u8>) -> Self {
        Self {
            upstream: Some(der.into()),
            ..Self::for_names(Vec::new())
        }
    }

    /// The chain that clients are shown has these at its end.
    #[must_use]
    pub fn followed_by(mut self, chain: &Certificates) -> Self {
        self.appended = chain.to_vec();
        self
    }

    /// What the chain has at its end.
    pub(super) fn appended(&self) -> &[Bytes] {
        &self.appended
    }

    /// The name to call the leaf by in messages.
    pub(super) fn label(&self) -> String {
        self.names
            .first()
            .map_or_else(|| "no name".into(), SanName::to_string)
    }

    /// Reads the server's certificate and puts all names together.
    pub(super) fn resolve(&self) -> LeafNames {
        let mut out = LeafNames::default();
        if let Some((_, cert)) = self
            .upstream
            .as_ref()
            .and_then(|der| X509Certificate::from_der(der).ok())
        {
            out.read(&cert);
        }
        for name in &self.names {
            out.add(name.clone());
        }
        out
    }
}

/// The names in a leaf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LeafNames {
    /// In order, without repetitions. The first one is the common name too, where it fits.
    pub(super) names: Vec<SanName>,
    /// The server's organisation.
    pub(super) organization: Option<String>,
    /// Where the server's certificate has its list of revoked ones: scheme and host.
    pub(super) crl_origin: Option<String>,
    /// The server's certificate is that of an authority.
    pub(super) is_authority: bool,
}

impl LeafNames {
    fn read(&mut self, cert: &X509Certificate<'_>) {
        let subject = cert.subject();
        let common = subject
            .iter_common_name()
            .next()
            .and_then(|cn| cn.as_str().ok());
        if let Some(name) = common.and_then(SanName::parse) {
            self.add(name);
        }
        for extension in cert.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(san) => san
                    .general_names
                    .iter()
                    .take(NAMES_MAX)
                    .filter_map(san_name)
                    .for_each(|name| self.add(name)),
                ParsedExtension::CRLDistributionPoints(points) => {
                    self.crl_origin = crl::origin(points);
                }
                _ => {}
            }
        }
        self.is_authority = cert.is_ca();
        let organization = subject
            .iter_organization()
            .next()
            .and_then(|o| o.as_str().ok());
        self.organization = organization
            .filter(|o| !o.is_empty() && o.chars().count() <= 64)
            .map(str::to_owned);
    }

    fn add(&mut self, name: SanName) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// The common name: the first name, unless it is longer than a common name may be (RFC 5280 appendix A.1: 64).
    pub(super) fn common_name(&self) -> Option<String> {
        self.names
            .first()
            .map(SanName::to_string)
            .filter(|name| name.len() < 64)
    }
}

/// A name of a server certificate that a leaf can have too.
pub(super) fn san_name(name: &GeneralName<'_>) -> Option<SanName> {
    match name {
        GeneralName::DNSName(name) => SanName::parse(name),
        GeneralName::IPAddress(octets) => {
            let v4 = <[u8; 4]>::try_from(*octets).map(IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(*octets).map(IpAddr::from);
            v4.or_else(|_| v6()).ok().map(SanName::Ip)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::{Cert, Issuer};

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn check(
        upstream: Option<&Certificates>,
        sni: Option<&str>,
        host: Option<&str>,
        want: &[&str],
    ) {
        let names = LeafSpec::for_connection(upstream, sni, LOCAL, host, true).resolve();
        let got: Vec<_> = names.names.iter().map(SanName::to_string).collect();
        assert_eq!(got, want, "sni {sni:?}, host {host:?}");
    }

    #[test]
    fn names_without_a_server_certificate() {
        check(None, Some("a.example"), None, &["a.example"]);
        check(None, Some("A.Example."), Some("a.example"), &["a.example"]);
        check(
            None,
            Some("a.example"),
            Some("b.example"),
            &["a.example", "b.example"],
        );
        check(None, Some("a.example"), Some("::1"), &["a.example", "::1"]);
        check(None, None, Some("b.example"), &["192.0.2.1", "b.example"]);
        check(None, None, None, &["192.0.2.1"]);
        check(None, Some("not a name"), None, &["192.0.2.1"]);
        let books = &["xn--bcher-kva.example"];
        check(None, Some("Bücher.example"), None, books);
        check(
            None,
            Some("bücher.example"),
            Some("xn--bcher-kva.example"),
            books,
        );
    }

    #[test]
    fn the_servers_names_come_first_and_once() {
        let cert = Cert {
            common: Some("*.example.org"),
            organization: Some("Example Ltd"),
            names: &["example.org", "*.example.org", "127.0.0.1"],
            ..Cert::default()
        };
        let chain: Certificates = Issuer::new().issue(&cert).chain();
        check(
            Some(&chain),
            Some("www.example.org"),
            Some("example.org"),
            &[
                "*.example.org",
                "example.org",
                "127.0.0.1",
                "www.example.org",
            ],
        );
        let with = LeafSpec::for_connection(Some(&chain), Some("x.example"), LOCAL, None, true);
        assert_eq!(with.resolve().organization.as_deref(), Some("Example Ltd"));
        let without = LeafSpec::for_connection(Some(&chain), Some("x.example"), LOCAL, None, false);
        assert_eq!(
            without,
            LeafSpec::for_names(vec![SanName::Dns("x.example".into())])
        );
        assert_eq!(without.resolve().organization, None);
    }

    #[test]
    fn a_common_name_that_is_no_host_name_is_left_out() {
        let cert = Cert {
            common: Some("My Server"),
            names: &["a.example"],
            ..Cert::default()
        };
        let chain = Issuer::new().issue(&cert).chain();
        check(Some(&chain), Some("a.example"), None, &["a.example"]);
    }

    #[test]
    fn a_certificate_that_cannot_be_read_has_no_names() {
        let chain: Certificates = [Bytes::from_static(b"\x30\x03\x02\x01\x05")].into();
        check(Some(&chain), Some("a.example"), None, &["a.example"]);
    }

    #[test]
    fn a_long_first_name_leaves_the_common_name_out() {
        let long = format!("{}.example", "a".repeat(60));
        let names =
            LeafSpec::for_names(vec![SanName::parse(&long).expect("a host name")]).resolve();
        assert_eq!(names.common_name(), None);
    }
}
