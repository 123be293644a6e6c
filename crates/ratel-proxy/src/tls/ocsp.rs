//! What a server's certification authority says of its certificate, where the server hands that along (RFC 6066 §8).
//! Nobody is asked who was not asked already.

use openssl::asn1::Asn1GeneralizedTimeRef;
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspBasicResponse, OcspCertId, OcspCertStatus, OcspFlag, OcspResponse};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreRef;
use openssl::x509::{X509, X509VerifyResult};

/// A longer response is not looked at, in bytes.
const RESPONSE_MAX: usize = 64 * 1024;
/// Seconds that clocks may differ by.
const SLACK: u32 = 300;

/// On which day (`2026-01-02`, UTC) `leaf` was revoked, if its authority says so in `response`. What cannot be read or
/// verified says nothing.
pub(super) fn revoked(
    response: &[u8],
    leaf: &X509,
    others: &[X509],
    trusted: &X509StoreRef,
) -> Option<String> {
    if response.is_empty() || response.len() > RESPONSE_MAX {
        return None;
    }
    let response = OcspResponse::from_der(response).ok()?.basic().ok()?;
    let mut known = Stack::new().ok()?;
    for cert in others {
        known.push(cert.clone()).ok()?;
    }
    response.verify(&known, trusted, OcspFlag::empty()).ok()?;
    let issued = |issuer: &&X509| issuer.issued(leaf) == X509VerifyResult::OK;
    let issuer = others.iter().find(issued)?;
    day_in(&response, leaf, issuer)
}

fn day_in(response: &OcspBasicResponse, leaf: &X509, issuer: &X509) -> Option<String> {
    [MessageDigest::sha1(), MessageDigest::sha256()]
        .into_iter()
        .find_map(|digest| {
            let id = OcspCertId::from_cert(digest, leaf, issuer).ok()?;
            let status = response.find_status(&id)?;
            let counts = status.status == OcspCertStatus::REVOKED
                && status.check_validity(SLACK, None).is_ok();
            counts.then(|| status.revocation_time.map_or_else(String::new, day))
        })
}

/// The day of a moment, which OpenSSL writes as `Jan  2 15:04:05 2026 GMT`.
fn day(time: &Asn1GeneralizedTimeRef) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = time.to_string();
    let mut words = text.split_whitespace();
    let (month, day, year) = (words.next(), words.next(), words.nth(1));
    let month = MONTHS.iter().position(|name| Some(*name) == month);
    match (year, month, day) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{:02}-{day:0>2}", month + 1),
        _ => text,
    }
}
