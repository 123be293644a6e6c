//! The certificates that a peer has shown, in full.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ratel_flow::{Certificates, Timestamp};
use sha2::{Digest as _, Sha256};
use time::UtcOffset;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::Facts;
use crate::format;

/// Certificates of one chain that are shown.
const SHOWN: usize = 10;

/// Adds a section for each certificate of a chain.
pub(super) fn add(side: &str, chain: &Certificates, offset: UtcOffset, facts: &mut Facts) {
    for (n, der) in chain.iter().take(SHOWN).enumerate() {
        facts.section(&match (n, chain.len()) {
            (0, 1) => format!("{side} Certificate"),
            (n, all) => format!("{side} Certificate {} of {all}", n + 1),
        });
        add_one(der, offset, facts);
    }
}

fn add_one(der: &[u8], offset: UtcOffset, facts: &mut Facts) {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        facts.add(
            "Unreadable",
            &format!("{} bytes that are not X.509", der.len()),
        );
        return;
    };
    let key = certificate
        .public_key()
        .parsed()
        .map(|key| key.key_size())
        .ok()
        .filter(|bits| *bits > 0);
    let kind = certificate.public_key().algorithm.algorithm.to_id_string();
    let kind = match kind.as_str() {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.10045.2.1" => "EC",
        "1.3.101.112" => "Ed25519",
        other => other,
    };
    facts.add(
        "Type",
        &key.map_or_else(|| kind.to_owned(), |bits| format!("{kind}, {bits} bits")),
    );
    let time = |at: i64| {
        let nanos = u64::try_from(at)
            .unwrap_or_default()
            .saturating_mul(1_000_000_000);
        format::date_time(Timestamp(nanos), offset)
    };
    facts.add(
        "Valid from",
        &time(certificate.validity().not_before.timestamp()),
    );
    facts.add(
        "Valid to",
        &time(certificate.validity().not_after.timestamp()),
    );
    facts.add("Serial", &certificate.raw_serial_as_string());
    let digest: Vec<_> = Sha256::digest(der)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    facts.add("SHA256 digest", &digest.join(" "));
    // As curl's `--pinnedpubkey` and apps that pin take it.
    let pin = BASE64.encode(Sha256::digest(certificate.public_key().raw));
    facts.add("Pin of the key", &format!("sha256/{pin}"));
    facts.add("Subject", &certificate.subject().to_string());
    facts.add("Issuer", &certificate.issuer().to_string());
    if let Ok(Some(names)) = certificate.subject_alternative_name() {
        let names: Vec<_> = names
            .value
            .general_names
            .iter()
            .map(alternative_name)
            .collect();
        facts.add("Alt names", &names.join(", "));
    }
}

fn alternative_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            (*name).to_owned()
        }
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(v4) => std::net::Ipv4Addr::from(v4).to_string(),
            Err(_) => <[u8; 16]>::try_from(*bytes).map_or_else(
                |_| "unreadable IP".to_owned(),
                |v6| std::net::Ipv6Addr::from(v6).to_string(),
            ),
        },
        other => other.to_string(),
    }
}
