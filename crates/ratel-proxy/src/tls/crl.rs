//! Where clients learn which leaves are revoked: none is. A leaf says where to ask only if the server's certificate
//! does, since some clients look for it then (RFC 5280 §4.2.1.13).

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::x509::{X509CrlBuilder, X509Extension};
use x509_parser::extensions::{CRLDistributionPoints, DistributionPointName, GeneralName};

use super::ca::Authority;
use super::mint::{authority_key_id, extension, tlv, unix_now};

/// Seconds for which a list is good; a client asks again after that.
const LIFETIME: i64 = 30 * 24 * 60 * 60;
/// Seconds that clocks may be behind.
const BACKDATED: i64 = 2 * 24 * 60 * 60;
/// Longer addresses are left out, in bytes.
const ORIGIN_MAX: usize = 300;

/// The path at which the list is found, on whatever host.
pub(super) fn path(authority: &Authority) -> Result<String, ErrorStack> {
    let serial = authority.cert.serial_number().to_bn()?.to_dec_str()?;
    Ok(format!("/ratel-{}.crl", &*serial))
}

/// A list in DER on which nothing is.
pub(super) fn empty(authority: &Authority) -> Result<Vec<u8>, ErrorStack> {
    let now = unix_now();
    let mut builder = X509CrlBuilder::new()?;
    builder.set_issuer_name(authority.cert.subject_name())?;
    builder.set_last_update(Asn1Time::from_unix(now - BACKDATED)?.as_ref())?;
    builder.set_next_update(Asn1Time::from_unix(now + LIFETIME)?.as_ref())?;
    let number = tlv(0x02, &[&[0x03, 0xe8]]);
    builder.append_extension(extension(Nid::CRL_NUMBER, false, &number)?)?;
    builder.append_extension(authority_key_id(authority)?)?;
    builder.sign(&authority.key, MessageDigest::sha256())?;
    builder.build()?.to_der()
}

/// The scheme and host of the first address that a server's certificate names, if it is one of HTTP.
pub(super) fn origin(points: &CRLDistributionPoints<'_>) -> Option<String> {
    let names = points.points.iter().filter_map(|point| {
        let Some(DistributionPointName::FullName(names)) = &point.distribution_point else {
            return None;
        };
        Some(names)
    });
    let mut addresses = names.flatten().filter_map(|name| match name {
        GeneralName::URI(address) => Some(*address),
        _ => None,
    });
    addresses.find_map(|address| {
        let (scheme, rest) = address.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next()?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        let is_http = ["http", "https"]
            .iter()
            .any(|http| scheme.eq_ignore_ascii_case(http));
        let usable = !host.is_empty() && host.len() <= ORIGIN_MAX && host.bytes().all(plain);
        (is_http && usable).then(|| format!("{scheme}://{host}"))
    })
}

/// Says that the list is found at `address`.
pub(super) fn distribution_point(address: &str) -> Result<X509Extension, ErrorStack> {
    // RFC 5280 §4.2.1.13: DistributionPoint { distributionPoint [0] { fullName [0] { uniformResourceIdentifier [6] } } }
    let name = tlv(0xa0, &[&tlv(0xa0, &[&tlv(0x86, &[address.as_bytes()])])]);
    let points = tlv(0x30, &[&tlv(0x30, &[&name])]);
    extension(Nid::CRL_DISTRIBUTION_POINTS, false, &points)
}

#[cfg(test)]
mod tests {
    use openssl::asn1::Asn1Time;
    use openssl::x509::X509Crl;
    use x509_parser::extensions::ParsedExtension;
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;
    use crate::tls::names::LeafNames;
    use crate::tls::testing::{Cert, Issuer};
    use crate::tls::{CaSettings, CaStore, LeafCache, LeafSpec};

    /// The origin that is found in a certificate with these distribution points.
    fn origin_of(addresses: &[&str]) -> Option<String> {
        let names: Vec<_> = addresses
            .iter()
            .map(|address| tlv(0x86, &[address.as_bytes()]))
            .collect();
        let names: Vec<_> = names.iter().map(|name| &name[..]).collect();
        let point = tlv(0x30, &[&tlv(0xa0, &[&tlv(0xa0, &names)])]);
        let der = tlv(0x30, &[&point]);
        let (_, points) = CRLDistributionPoints::from_der(&der).expect("distribution points");
        origin(&points)
    }

    #[test]
    fn the_first_address_of_http_is_taken_if_it_is_plain() {
        let found = |addresses: &[&str], origin: Option<&str>| {
            assert_eq!(origin_of(addresses).as_deref(), origin, "{addresses:?}");
        };
        found(&["http://crl.example/a.crl"], Some("http://crl.example"));
        found(
            &["ldap://x/cn=y", "HTTPS://crl.example:8080?a"],
            Some("HTTPS://crl.example:8080"),
        );
        found(&["ldap://x/cn=y"], None);
        found(&["http:///a"], None);
        found(&["http://a b/c"], None);
        found(&[&format!("http://{}/", "a".repeat(400))], None);
        found(&[], None);
    }

    #[test]
    fn a_leaf_says_where_its_list_is_if_the_servers_certificate_does() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ca, _) = CaStore::open(folder.path(), &CaSettings::default()).expect("a CA");
        let authority = ca.authority();
        let public = ca.public().expect("it can be read");
        let names = LeafNames {
            crl_origin: Some("http://crl.example".into()),
            ..LeafNames::default()
        };
        let key = crate::tls::mint::LeafKey::p256(authority).expect("a key");
        let leaf = crate::tls::mint::leaf(authority, &key, &names).expect("a leaf");
        let (_, parsed) = X509Certificate::from_der(&leaf).expect("a certificate");
        let address = parsed.extensions().iter().find_map(|extension| {
            let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension()
            else {
                return None;
            };
            assert_eq!(origin(points).as_deref(), Some("http://crl.example"));
            Some(extension.value)
        });
        let address = String::from_utf8_lossy(address.expect("it is there")).into_owned();
        assert!(address.ends_with(&public.crl_path), "{address}");

        let list = X509Crl::from_der(&public.crl).expect("a list");
        assert!(list.verify(&authority.key).expect("it can be checked"));
        let week = Asn1Time::days_from_now(7).expect("a date");
        assert!(list.next_update().expect("a date") > &*week);
        assert!(list.get_revoked().is_none());

        // Others have none.
        let issued = Issuer::new().issue(&Cert::default());
        let chain = [issued.cert.to_der().expect("DER").into()]
            .into_iter()
            .collect();
        let spec = LeafSpec::for_connection(
            Some(&chain),
            Some("a.example"),
            [127, 0, 0, 1].into(),
            None,
            true,
        );
        let leaf = LeafCache::new(&ca).mint(&spec).expect("a leaf");
        let (_, parsed) = X509Certificate::from_der(&leaf.chain()[0]).expect("a certificate");
        assert!(!parsed.extensions().iter().any(|extension| matches!(
            extension.parsed_extension(),
            ParsedExtension::CRLDistributionPoints(_)
        )));
    }
}
