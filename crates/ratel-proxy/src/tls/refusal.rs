//! Why a server's certificate was refused, in words.

use std::fmt;

use ratel_flow::Certificates;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use super::names::san_name;

/// Names listed in a sentence.
const LISTED: usize = 4;

/// Why a server's certificate was refused. Displays as what follows "the certificate of HOST" in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its time is over since that day (`2026-01-02`, UTC).
    Expired(String),
    /// Its time begins on that day (`2026-01-02`, UTC).
    NotYetValid(String),
    /// A certificate further up in the chain, of that subject, is past its time.
    IssuerExpired(String, String),
    /// A certificate further up in the chain, of that subject, is before its time.
    IssuerNotYetValid(String, String),
    /// It vouches for itself and is not among the trusted ones.
    SelfSigned,
    /// Its chain ends with an issuer of that name that is not among the trusted ones.
    UnknownIssuer(String),
    /// The server does not send the certificate of its issuer, of that name, that leads to a trusted one.
    MissingIntermediate(String),
    /// It was revoked on that day (`2026-01-02`, UTC).
    Revoked(String),
    /// It has something that nobody relies on any more.
    Weak(String),
    /// A trusted issuer of that name did not sign it; another one did, or it was altered.
    OtherIssuer(String),
    /// It is for other names.
    WrongHost {
        /// The name that was asked for.
        host: String,
        /// The names it has.
        names: Vec<String>,
    },
    /// The server showed none.
    Missing,
    /// It can't be read.
    Unreadable,
    /// Its key did not make the signature in the handshake.
    BadSignature,
    /// Anything else, as the library that found it says it.
    Other(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(day) => write!(f, "expired on {day}"),
            Self::NotYetValid(day) => write!(f, "is not valid before {day}"),
            Self::IssuerExpired(who, day) => {
                write!(f, "was issued by {who}, whose certificate expired on {day}")
            }
            Self::IssuerNotYetValid(who, day) => {
                write!(
                    f,
                    "was issued by {who}, whose certificate is not valid before {day}"
                )
            }
            Self::SelfSigned => f.write_str("is self-signed and not trusted"),
            Self::UnknownIssuer(who) => write!(f, "was issued by {who}, which is not trusted"),
            Self::MissingIntermediate(who) => write!(
                f,
                "was issued by {who}, whose own certificate the server does not send along"
            ),
            Self::Revoked(day) => write!(f, "was revoked on {day}"),
            Self::Weak(what) => write!(f, "has {what}, which is too weak"),
            Self::OtherIssuer(who) => {
                write!(
                    f,
                    "was not signed by the trusted {who} but by another of that name"
                )
            }
            Self::WrongHost { host, names } if names.is_empty() => {
                write!(f, "names no host, so it can't be for {host}")
            }
            Self::WrongHost { host, names } => {
                write!(f, "is for {}, not for {host}", list(names))
            }
            Self::Missing => f.write_str("was not shown"),
            Self::Unreadable => f.write_str("can't be read"),
            Self::BadSignature => f.write_str("does not fit the signature of the handshake"),
            Self::Other(why) => write!(f, "was refused: {why}"),
        }
    }
}

/// `a`, `a and b`, `a, b and c`, `a, b, c, d and 7 more`.
fn list(names: &[String]) -> String {
    let rest = names.len().saturating_sub(LISTED);
    match names {
        [] => String::new(),
        [one] => one.clone(),
        names if rest > 0 => format!("{} and {rest} more", names[..LISTED].join(", ")),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What a sentence about a certificate can be made of. Reads what it can.
pub(super) struct Shown<'a>(Vec<X509Certificate<'a>>);

impl<'a> Shown<'a> {
    pub(super) fn new(chain: &'a Certificates) -> Self {
        let parsed = chain
            .iter()
            .map_while(|der| X509Certificate::from_der(der).ok());
        Self(parsed.map(|(_, cert)| cert).collect())
    }

    /// The host names and addresses that the certificate is for.
    pub(super) fn names(&self) -> Vec<String> {
        let extensions = self
            .0
            .first()
            .map(|leaf| leaf.extensions())
            .unwrap_or_default();
        let san = extensions.iter().find_map(|e| match e.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(san) => Some(san),
            _ => None,
        });
        let names = san
            .map(|san| san.general_names.as_slice())
            .unwrap_or_default();
        names
            .iter()
            .filter_map(san_name)
            .map(|name| name.to_string())
            .collect()
    }

    /// The issuer of the first certificate if it is not among the others, but somewhere else for everybody to have
    /// (RFC 5280 §4.2.2.1), as those of public authorities are.
    pub(super) fn missing_intermediate(&self) -> Option<String> {
        let (leaf, more) = self.0.split_first()?;
        let issuer = leaf.issuer();
        if leaf.subject() == issuer || more.iter().any(|cert| cert.subject() == issuer) {
            return None;
        }
        let published = leaf
            .extensions()
            .iter()
            .any(|e| match e.parsed_extension() {
                ParsedExtension::AuthorityInfoAccess(access) => access
                    .accessdescs
                    .iter()
                    .any(|access| access.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS),
                _ => false,
            });
        published.then(|| name(issuer))
    }

    /// The issuer at which the chain ends.
    pub(super) fn last_issuer(&self) -> String {
        self.0
            .last()
            .map_or_else(|| "somebody unknown".into(), |cert| name(cert.issuer()))
    }
}

/// What a name calls itself, in quotes: its common name, or its organisation.
pub(super) fn name(name: &x509_parser::x509::X509Name<'_>) -> String {
    let attributes = name.iter_common_name().chain(name.iter_organization());
    let text = attributes
        .filter_map(|a| a.as_str().ok())
        .find(|text| !text.is_empty());
    text.map_or_else(
        || "somebody without a name".into(),
        |text| format!("\"{text}\""),
    )
}

/// The day of a moment, in UTC.
pub(super) fn day(time: &ASN1Time) -> String {
    time.to_datetime().date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_up_to_a_limit() {
        let names = |n: usize| (0..n).map(|i| format!("{i}.example")).collect::<Vec<_>>();
        let cases = [
            (0, ""),
            (1, "0.example"),
            (2, "0.example and 1.example"),
            (3, "0.example, 1.example and 2.example"),
            (4, "0.example, 1.example, 2.example and 3.example"),
            (9, "0.example, 1.example, 2.example, 3.example and 5 more"),
        ];
        for (count, text) in cases {
            assert_eq!(list(&names(count)), text);
        }
    }
}
