//! Which engine serves a client, and with which kind of key: chosen from the ClientHello.

use ratel_flow::TlsVersion;
use ratel_proto::client_hello::{ClientHello, is_grease};

use crate::tls::leaf::KeyKind;
use crate::tls::policy::TlsPolicy;

/// Who serves a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The modern engine, with a key of that kind.
    Modern(KeyKind),
    /// The legacy engine, which has keys of both kinds.
    Legacy,
}

/// The groups that the modern engine has (RFC 8446 §4.2.7): secp256r1, secp384r1, X25519, X25519MLKEM768.
const GROUPS: [u16; 4] = [P256, 0x0018, 0x001d, 0x11ec];
const P256: u16 = 0x0017;
/// TLS 1.3 with AES-128-GCM, AES-256-GCM, ChaCha20 (RFC 8446 appendix B.4).
const SUITES_13: [u16; 3] = [0x1301, 0x1302, 0x1303];
/// ECDHE with ECDSA and the same (RFC 5289 §3.2, RFC 7905 §2).
const SUITES_ECDSA: [u16; 3] = [0xc02b, 0xc02c, 0xcca9];
/// ECDHE with RSA and the same.
const SUITES_RSA: [u16; 3] = [0xc02f, 0xc030, 0xcca8];
/// ecdsa_secp256r1_sha256 (RFC 8446 §4.2.3), which is what leaves are signed for.
const ECDSA_P256: [u16; 1] = [0x0403];
/// RSA-PSS with SHA-256, SHA-384, SHA-512.
const RSA_PSS: [u16; 3] = [0x0804, 0x0805, 0x0806];
/// RSA with the padding of PKCS #1 and the same.
const RSA_PKCS1: [u16; 3] = [0x0401, 0x0501, 0x0601];
/// Extensions: max_fragment_length (RFC 6066 §4) and ec_point_formats (RFC 8422 §5.1.2).
const MAX_FRAGMENT_LENGTH: u16 = 1;
const EC_POINT_FORMATS: u16 = 11;

impl Choice {
    /// The modern engine has all that clients of today offer; what it would refuse goes to the legacy one, and so does
    /// a client that offers nothing that is allowed, to be told so.
    /// `has` says which keys there are for the modern engine.
    pub(super) fn for_hello(
        hello: &ClientHello,
        policy: &TlsPolicy,
        has: impl Fn(KeyKind) -> bool,
    ) -> Self {
        let offers = |suites: &[u16]| {
            suites
                .iter()
                .any(|suite| hello.cipher_suites.contains(suite))
        };
        let signs = |schemes: &[u16]| {
            let offered = &hello.signature_algorithms;
            schemes.iter().any(|scheme| offered.contains(scheme))
        };
        let has_extension = |wanted| hello.extensions.iter().any(|(kind, _)| *kind == wanted);
        if !policy.suits_modern()
            || !hello.groups.iter().any(|group| GROUPS.contains(group))
            || has_extension(MAX_FRAGMENT_LENGTH)
        {
            return Self::Legacy;
        }
        let (p256, rsa) = (has(KeyKind::P256), has(KeyKind::Rsa));
        let tls13 = policy.allows(TlsVersion::Tls13) && hello.versions.contains(&0x0304);
        if tls13 && offers(&SUITES_13) {
            return match (p256 && signs(&ECDSA_P256), rsa && signs(&RSA_PSS)) {
                (true, _) => Self::Modern(KeyKind::P256),
                (false, true) => Self::Modern(KeyKind::Rsa),
                (false, false) => Self::Legacy,
            };
        }
        let plain_points = hello.extensions.iter().all(|(kind, contents)| {
            *kind != EC_POINT_FORMATS || contents.iter().skip(1).any(|format| *format == 0)
        });
        let tls12 = policy.allows(TlsVersion::Tls12) && newest_old_version(hello) >= 0x0303;
        if tls12 && plain_points {
            // RFC 8422 §5.1: in TLS 1.2 the groups say which curves certificates may use as well.
            let ecdsa =
                p256 && offers(&SUITES_ECDSA) && hello.groups.contains(&P256) && signs(&ECDSA_P256);
            let rsa = rsa && offers(&SUITES_RSA) && (signs(&RSA_PSS) || signs(&RSA_PKCS1));
            match (ecdsa, rsa) {
                (true, _) => return Self::Modern(KeyKind::P256),
                (false, true) => return Self::Modern(KeyKind::Rsa),
                (false, false) => {}
            }
        }
        Self::Legacy
    }
}

/// The newest version before TLS 1.3 that is offered.
fn newest_old_version(hello: &ClientHello) -> u16 {
    if hello.versions.is_empty() {
        return hello.legacy_version;
    }
    let old = hello
        .versions
        .iter()
        .copied()
        .filter(|version| *version < 0x0304 && !is_grease(*version));
    old.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_follows_the_hello() {
        let hello =
            |versions: &[u16], suites: &[u16], signatures: &[u16], groups: &[u16]| ClientHello {
                legacy_version: 0x0303,
                versions: versions.into(),
                cipher_suites: suites.into(),
                signature_algorithms: signatures.into(),
                groups: groups.into(),
                ..ClientHello::default()
            };
        let both = &[0x0304, 0x0303][..];
        let cases = [
            (
                "everything",
                hello(
                    both,
                    &[0x1301, 0xc02b, 0xc02f],
                    &[0x0403, 0x0804],
                    &[29, 23],
                ),
                Choice::Modern(KeyKind::P256),
            ),
            (
                "RSA signatures only",
                hello(both, &[0x1301, 0xc02b], &[0x0804, 0x0401], &[29, 23]),
                Choice::Modern(KeyKind::Rsa),
            ),
            (
                "1.3 needs no curve for it",
                hello(both, &[0x1301], &[0x0403], &[29]),
                Choice::Modern(KeyKind::P256),
            ),
            (
                "1.2",
                hello(&[], &[0xc02c], &[0x0403], &[23]),
                Choice::Modern(KeyKind::P256),
            ),
            (
                "1.2 without extensions",
                hello(&[], &[0xc02c], &[], &[]),
                Choice::Legacy,
            ),
            (
                "1.2 with RSA suites only",
                hello(&[], &[0xc02f, 0xc030], &[0x0403, 0x0401], &[23]),
                Choice::Modern(KeyKind::Rsa),
            ),
            (
                "1.2 without the curve",
                hello(&[], &[0xc02b, 0xc02f], &[0x0403, 0x0401], &[29]),
                Choice::Modern(KeyKind::Rsa),
            ),
            (
                "1.2 with P-384 signatures only",
                hello(&[], &[0xc02b], &[0x0503], &[23, 24]),
                Choice::Legacy,
            ),
        ];
        for (what, hello, choice) in cases {
            assert_eq!(
                Choice::for_hello(&hello, &TlsPolicy::default(), |_| true),
                choice,
                "{what}"
            );
        }
    }
}
