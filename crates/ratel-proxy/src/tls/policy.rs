//! What may be agreed on with one side: versions, ciphers and curves, as the `tls_version_…`, `ciphers_…` and
//! `tls_ecdh_curve_…` options say.

use openssl::ssl::{SslContext, SslMethod};
use ratel_flow::TlsVersion;

/// What may be agreed on with one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPolicy {
    /// The oldest version; none: as old as it gets.
    min: Option<TlsVersion>,
    /// The newest version; none: as new as it gets.
    max: Option<TlsVersion>,
    /// Ciphers up to TLS 1.2, as an OpenSSL list.
    ciphers: Option<String>,
    /// The only curve, by the names of OpenSSL for it.
    curve: Option<&'static str>,
}

impl Default for TlsPolicy {
    fn default() -> Self {
        Self {
            min: Some(TlsVersion::Tls12),
            max: None,
            ciphers: None,
            curve: None,
        }
    }
}

/// The options of one side as the user wrote them.
#[derive(Clone, Copy, Debug)]
pub struct PolicyOptions<'a> {
    /// `tls_version_{client,server}_min`: `TLS1_2`, or `UNBOUNDED`.
    pub min: &'a str,
    /// `tls_version_{client,server}_max`.
    pub max: &'a str,
    /// `ciphers_{client,server}`.
    pub ciphers: Option<&'a str>,
    /// `tls_ecdh_curve_{client,server}`.
    pub curve: Option<&'a str>,
}

impl TlsPolicy {
    /// Reads the options of the side `side` (`client` or `server`).
    ///
    /// # Errors
    /// One sentence that names the option whose value can't be used.
    pub fn new(side: &str, options: PolicyOptions<'_>) -> Result<Self, String> {
        let policy = Self {
            min: version(options.min),
            max: version(options.max),
            ciphers: options.ciphers.map(str::to_owned),
            curve: match options.curve {
                None => None,
                Some(name) => Some(curve(name).ok_or_else(|| {
                    let known: Vec<_> = CURVES.iter().map(|(name, _)| *name).collect();
                    format!(
                        "option 'tls_ecdh_curve_{side}': there is no curve '{name}'; there are {}",
                        known.join(", ")
                    )
                })?),
            },
        };
        if let (Some(min), Some(max)) = (policy.min, policy.max)
            && min > max
        {
            return Err(format!(
                "options 'tls_version_{side}_min' and 'tls_version_{side}_max' leave no version: {} is newer than {}",
                options.min, options.max
            ));
        }
        if let Some(ciphers) = &policy.ciphers {
            let known = SslContext::builder(SslMethod::tls())
                .and_then(|mut context| context.set_cipher_list(ciphers));
            known.map_err(|_| {
                format!(
                    "option 'ciphers_{side}': '{ciphers}' names no cipher that OpenSSL knows; it is a list as `openssl ciphers` takes it"
                )
            })?;
        }
        Ok(policy)
    }

    /// The oldest version that is allowed; none: as old as it gets.
    pub(super) fn min(&self) -> Option<TlsVersion> {
        self.min
    }

    /// The newest version that is allowed; none: as new as it gets.
    pub(super) fn max(&self) -> Option<TlsVersion> {
        self.max
    }

    pub(super) fn ciphers(&self) -> Option<&str> {
        self.ciphers.as_deref()
    }

    pub(super) fn curve(&self) -> Option<&'static str> {
        self.curve
    }

    pub(super) fn allows(&self, version: TlsVersion) -> bool {
        self.min.is_none_or(|min| min <= version) && self.max.is_none_or(|max| version <= max)
    }

    /// Whether versions are allowed that are known to be broken, and with them whatever else is old.
    pub(super) fn is_permissive(&self) -> bool {
        self.min.is_none_or(|min| min < TlsVersion::Tls12)
    }

    /// Whether the modern engine can keep to it: it can be told which versions to speak, and nothing else.
    pub(super) fn suits_modern(&self) -> bool {
        let modern = [TlsVersion::Tls12, TlsVersion::Tls13];
        self.ciphers.is_none()
            && self.curve.is_none()
            && modern.into_iter().any(|version| self.allows(version))
    }
}

/// A version by the name that options have for it.
fn version(name: &str) -> Option<TlsVersion> {
    Some(match name {
        "SSL3" => TlsVersion::Ssl3,
        "TLS1" => TlsVersion::Tls10,
        "TLS1_1" => TlsVersion::Tls11,
        "TLS1_2" => TlsVersion::Tls12,
        "TLS1_3" => TlsVersion::Tls13,
        _ => return None,
    })
}

/// The name that options have for a version.
pub(super) fn option_name(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::Ssl3 => "SSL3",
        TlsVersion::Tls10 => "TLS1",
        TlsVersion::Tls11 => "TLS1_1",
        TlsVersion::Tls12 => "TLS1_2",
        TlsVersion::Tls13 => "TLS1_3",
    }
}

/// Curves by their names in options, and OpenSSL's list for each.
const CURVES: [(&str, &str); 11] = [
    ("prime256v1", "P-256"),
    ("secp192r1", "P-192"),
    ("secp224r1", "P-224"),
    ("secp256k1", "secp256k1"),
    ("secp256r1", "P-256"),
    ("secp384r1", "P-384"),
    ("secp521r1", "P-521"),
    ("brainpoolP256r1", "brainpoolP256r1:brainpoolP256r1tls13"),
    ("brainpoolP384r1", "brainpoolP384r1:brainpoolP384r1tls13"),
    ("brainpoolP512r1", "brainpoolP512r1:brainpoolP512r1tls13"),
    ("x25519", "X25519"),
];

fn curve(name: &str) -> Option<&'static str> {
    let known = |(known, _): &&(&str, &str)| known.eq_ignore_ascii_case(name);
    CURVES.iter().find(known).map(|(_, openssl)| *openssl)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options<'a>() -> PolicyOptions<'a> {
        PolicyOptions {
            min: "TLS1_2",
            max: "UNBOUNDED",
            ciphers: None,
            curve: None,
        }
    }

    #[test]
    fn what_options_start_with_is_the_default() {
        let policy = TlsPolicy::new("client", options()).expect("good options");
        assert_eq!(policy, TlsPolicy::default());
        assert!(policy.suits_modern() && !policy.is_permissive());
        assert!(policy.allows(TlsVersion::Tls13) && !policy.allows(TlsVersion::Tls11));
    }

    #[test]
    fn what_only_the_legacy_engine_can_do() {
        for (options, modern) in [
            (
                PolicyOptions {
                    min: "UNBOUNDED",
                    ..options()
                },
                true,
            ),
            (
                PolicyOptions {
                    min: "SSL3",
                    max: "TLS1_1",
                    ..options()
                },
                false,
            ),
            (
                PolicyOptions {
                    min: "TLS1_3",
                    ..options()
                },
                true,
            ),
            (
                PolicyOptions {
                    ciphers: Some("AES128-SHA"),
                    ..options()
                },
                false,
            ),
            (
                PolicyOptions {
                    curve: Some("prime256v1"),
                    ..options()
                },
                false,
            ),
        ] {
            let policy = TlsPolicy::new("server", options).expect("good options");
            assert_eq!(policy.suits_modern(), modern, "{options:?}");
        }
    }

    #[test]
    fn every_curve_is_one_of_openssls() {
        for (name, openssl) in CURVES {
            let mut context = SslContext::builder(SslMethod::tls()).expect("a context");
            context
                .set_groups_list(openssl)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for (options, words) in [
            (
                PolicyOptions {
                    min: "TLS1_3",
                    max: "TLS1_2",
                    ..options()
                },
                "'tls_version_client_max' leave no version",
            ),
            (
                PolicyOptions {
                    ciphers: Some("nonsense"),
                    ..options()
                },
                "'ciphers_client': 'nonsense' names no cipher",
            ),
            (
                PolicyOptions {
                    curve: Some("p512"),
                    ..options()
                },
                "there is no curve 'p512'; there are prime256v1, ",
            ),
        ] {
            let refused = TlsPolicy::new("client", options).expect_err("refused");
            assert!(refused.contains(words), "{refused}");
        }
    }
}
