//! Making one leaf: what stands in the certificate, and signing it.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Builder, X509Extension, X509Name};

use super::ca::Authority;
use super::crl;
use super::names::{LeafNames, SanName};

/// Seconds in a day.
pub(super) const DAY: i64 = 24 * 60 * 60;
/// Clients' clocks are often wrong; a leaf is valid from this long ago.
const BACKDATED: i64 = 2 * DAY;
/// From beginning to end. Clients refuse leaves that are valid for longer than the CA/Browser Forum allows: 200 days
/// from March 2026 (Baseline Requirements §6.3.2).
const LIFETIME: i64 = 199 * DAY;
/// Bits of a serial number: positive, and at most 20 octets (RFC 5280 §4.1.2.2).
const SERIAL_BITS: i32 = 159;
/// Bits of the key for clients that know only RSA.
const RSA_BITS: u32 = 2048;

/// A key that leaves are made for, with what is the same in all of them.
pub(super) struct LeafKey {
    pub(super) key: PKey<Private>,
    /// Key usage, extended key usage, subject and authority key identifier.
    extensions: Vec<X509Extension>,
}

impl LeafKey {
    /// A fresh P-256 key.
    pub(super) fn p256(authority: &Authority) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        // digitalSignature
        Self::new(key, &[0x03, 0x02, 0x07, 0x80], authority)
    }

    /// A fresh RSA key. Takes some 50 ms, and ten times that when luck is bad.
    pub(super) fn rsa(authority: &Authority) -> Result<Self, ErrorStack> {
        let key = PKey::from_rsa(Rsa::generate(RSA_BITS)?)?;
        // digitalSignature, keyEncipherment
        Self::new(key, &[0x03, 0x02, 0x05, 0xa0], authority)
    }

    fn new(key: PKey<Private>, usage: &[u8], authority: &Authority) -> Result<Self, ErrorStack> {
        let own = key_id(&key)?;
        let server_auth = tlv(0x30, &[&[0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 1]]);
        let extensions = vec![
            extension(Nid::KEY_USAGE, true, usage)?,
            extension(Nid::EXT_KEY_USAGE, false, &server_auth)?,
            extension(Nid::SUBJECT_KEY_IDENTIFIER, false, &tlv(0x04, &[&own]))?,
            authority_key_id(authority)?,
        ];
        Ok(Self { key, extensions })
    }
}

/// By which key something is signed.
pub(super) fn authority_key_id(authority: &Authority) -> Result<X509Extension, ErrorStack> {
    let issuer = match authority.cert.subject_key_id() {
        Some(id) => id.as_slice().to_vec(),
        None => key_id(&authority.key)?,
    };
    // RFC 5280 §4.2.1.1: keyIdentifier [0]
    let id = tlv(0x30, &[&tlv(0x80, &[&issuer])]);
    extension(Nid::AUTHORITY_KEY_IDENTIFIER, false, &id)
}

/// Makes and signs a leaf; returns it in DER.
pub(super) fn leaf(
    authority: &Authority,
    key: &LeafKey,
    names: &LeafNames,
) -> Result<Vec<u8>, ErrorStack> {
    let from = unix_now() - BACKDATED;
    let common = names.common_name();
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_serial_number(serial()?.as_ref())?;
    // As it is, not rebuilt: clients compare it byte for byte with the CA's subject.
    builder.set_issuer_name(authority.cert.subject_name())?;
    builder
        .set_subject_name(subject(common.as_deref(), names.organization.as_deref())?.as_ref())?;
    builder.set_not_before(Asn1Time::from_unix(from)?.as_ref())?;
    builder.set_not_after(Asn1Time::from_unix(from + LIFETIME)?.as_ref())?;
    builder.set_pubkey(&key.key)?;
    for extension in &key.extensions {
        builder.append_extension2(extension)?;
    }
    // RFC 5280 §4.2.1.6: critical if the subject is empty, which it is to those who only look for a common name.
    let san = extension(Nid::SUBJECT_ALT_NAME, common.is_none(), &san(&names.names))?;
    builder.append_extension2(&san)?;
    if let Some(origin) = &names.crl_origin {
        let address = format!("{origin}{}", crl::path(authority)?);
        builder.append_extension(crl::distribution_point(&address)?)?;
    }
    builder.sign(&authority.key, MessageDigest::sha256())?;
    builder.build().to_der()
}

fn subject(common: Option<&str>, organization: Option<&str>) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    if let Some(common) = common {
        name.append_entry_by_nid(Nid::COMMONNAME, common)?;
    }
    if let Some(organization) = organization {
        name.append_entry_by_nid(Nid::ORGANIZATIONNAME, organization)?;
    }
    Ok(name.build())
}

fn san(names: &[SanName]) -> Vec<u8> {
    let mut entries = Vec::with_capacity(names.len() * 32);
    for name in names {
        let entry = match name {
            SanName::Dns(name) => tlv(0x82, &[name.as_bytes()]),
            SanName::Ip(IpAddr::V4(ip)) => tlv(0x87, &[&ip.octets()]),
            SanName::Ip(IpAddr::V6(ip)) => tlv(0x87, &[&ip.octets()]),
        };
        entries.extend_from_slice(&entry);
    }
    tlv(0x30, &[&entries])
}

pub(super) fn extension(nid: Nid, critical: bool, der: &[u8]) -> Result<X509Extension, ErrorStack> {
    let oid = Asn1Object::from_str(nid.short_name()?)?;
    X509Extension::new_from_der(
        &oid,
        critical,
        Asn1OctetString::new_from_bytes(der)?.as_ref(),
    )
}

/// Tag, length and contents in DER.
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(len + 6);
    out.push(tag);
    let bytes = len.to_be_bytes();
    let significant: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    match significant[..] {
        [] => out.push(0),
        [short] if short < 0x80 => out.push(short),
        _ => {
            // A usize has at most eight bytes.
            out.push(0x80 | significant.len() as u8);
            out.extend_from_slice(&significant);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// The SHA-1 of the public key's bits (RFC 5280 §4.2.1.2, method 1).
fn key_id(key: &PKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    // OpenSSL computes it for a certificate, so it is taken from one that is never shown.
    let mut scratch = X509::builder()?;
    scratch.set_pubkey(key)?;
    let id = openssl::x509::extension::SubjectKeyIdentifier::new()
        .build(&scratch.x509v3_context(None, None))?;
    scratch.append_extension(id)?;
    let cert = scratch.build();
    let id = cert.subject_key_id().map(|id| id.as_slice().to_vec());
    Ok(id.unwrap_or_default())
}

/// A serial number that was never used before, for all practical purposes.
pub(super) fn serial() -> Result<Asn1Integer, ErrorStack> {
    let mut number = BigNum::new()?;
    number.rand(SERIAL_BITS, MsbOption::MAYBE_ZERO, false)?;
    number.to_asn1_integer()
}

pub(super) fn unix_now() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH);
    passed.map_or(0, |passed| {
        i64::try_from(passed.as_secs()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{CaSettings, CaStore, LeafCache, LeafSpec};

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        // X.690 §10.1
        let cases: [(usize, &[u8]); 6] = [
            (0, &[4, 0]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
            (65_536, &[4, 0x83, 1, 0, 0]),
        ];
        for (len, head) in cases {
            let der = tlv(4, &[&vec![7; len]]);
            assert_eq!(der.len(), head.len() + len);
            assert_eq!(&der[..head.len()], head);
        }
    }

    #[test]
    fn every_name_is_in_the_leaf_and_none_is_needed_in_the_subject() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ca, _) = CaStore::open(folder.path(), &CaSettings::default()).expect("a CA");
        let long = format!("{}.example", "a".repeat(60));
        let many = (0..300).map(|i| format!("{i}.example"));
        let texts: Vec<String> = std::iter::once(long)
            .chain(many)
            .chain(["::1".into()])
            .collect();
        let names = texts
            .iter()
            .filter_map(|text| SanName::parse(text))
            .collect();
        let leaf = LeafCache::new(&ca)
            .mint(&LeafSpec::for_names(names))
            .expect("a leaf");
        let cert = X509::from_der(&leaf.chain()[0]).expect("a certificate");
        assert_eq!(cert.subject_name().entries().count(), 0);
        let text = String::from_utf8(cert.to_text().expect("text")).expect("text");
        assert!(
            text.contains("X509v3 Subject Alternative Name: critical"),
            "{text}"
        );
        let san = cert.subject_alt_names().expect("names");
        let found: Vec<_> = san.iter().filter_map(|name| name.dnsname()).collect();
        assert_eq!(found, texts[..texts.len() - 1]);
        let last = san
            .iter()
            .last()
            .and_then(|name| name.ipaddress())
            .expect("an address");
        assert_eq!(last, std::net::Ipv6Addr::LOCALHOST.octets());
    }
}
