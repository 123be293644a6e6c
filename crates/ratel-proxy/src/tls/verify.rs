//! Looking at a server's certificate during a handshake.
//!
//! webpki is asked first: it is quick and strict. What it refuses is shown to OpenSSL with the same trusted
//! certificates, and its verdict counts: much that is refused by webpki (authorities used as servers, version 1, odd
//! serial numbers) is taken by everybody else, and a proxy for debugging must not be stricter than the client it
//! stands in for.

use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier as SignatureVerifier};
use openssl::x509::X509;
use ratel_flow::Certificates;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::chains::Chains;
use super::engine::modern::provider;
use super::refusal::Refusal;
use super::roots::{Roots, Strength};

/// Decides about servers' certificates, and keeps the chains.
#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    chains: Chains,
    /// None: everything is accepted.
    trust: Option<Trust>,
}

#[derive(Debug)]
struct Trust {
    roots: Arc<Roots>,
    /// None: there are no trusted certificates that it could work with.
    webpki: Option<Arc<WebPkiServerVerifier>>,
    strength: Strength,
}

/// A refused chain on its way through the engine.
#[derive(Debug, thiserror::Error)]
#[error("the certificate {refusal}")]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) chain: Certificates,
}

impl Verifier {
    /// With `roots` missing, certificates are not looked at; signatures are.
    pub(super) fn new(roots: Option<Arc<Roots>>, strength: Strength) -> Self {
        let provider = provider().clone();
        let trust = roots.map(|roots| Trust {
            webpki: WebPkiServerVerifier::builder_with_provider(
                roots.webpki.clone(),
                provider.clone(),
            )
            .build()
            .ok(),
            roots,
            strength,
        });
        Self {
            provider,
            chains: Chains::new(),
            trust,
        }
    }

    /// The one copy of a chain.
    pub(super) fn intern<'a, I>(&self, chain: I) -> Certificates
    where
        I: Iterator<Item = &'a CertificateDer<'a>> + Clone,
    {
        self.chains.intern(chain).certificates.clone()
    }

    /// The verdict on a chain that `name` has shown, and the one copy of it.
    pub(super) fn look_at(
        &self,
        shown: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<Certificates, Refused> {
        let chain = self.chains.intern(shown.iter());
        let certificates = chain.certificates.clone();
        let Some(trust) = &self.trust else {
            return Ok(certificates);
        };
        if chain.is_good_for(name) {
            return Ok(certificates);
        }
        let webpki = trust.webpki.as_ref().zip(shown.split_first());
        let good = webpki.is_some_and(|(webpki, (leaf, more))| {
            webpki
                .verify_server_cert(leaf, more, name, ocsp_response, now)
                .is_ok()
        });
        let refused = |refusal| Refused {
            refusal,
            chain: certificates.clone(),
        };
        // webpki looks at the keys that sign certificates only.
        let short_key = trust.strength == Strength::Current && has_short_key(shown);
        if !good || short_key {
            let verdict = trust
                .roots
                .second_opinion(&certificates, name, trust.strength);
            verdict.map_err(refused)?;
        }
        if let Some(day) = trust.roots.revoked(&certificates, ocsp_response) {
            return Err(refused(Refusal::Revoked(day)));
        }
        chain.found_good_for(name);
        Ok(certificates)
    }
}

/// Whether the first of a chain has an RSA key that nobody relies on any more.
fn has_short_key(chain: &[CertificateDer<'_>]) -> bool {
    let rsa = |cert: X509| cert.public_key().and_then(|key| key.rsa()).ok();
    chain
        .first()
        .and_then(|leaf| X509::from_der(leaf).ok())
        .and_then(rsa)
        .is_some_and(|key| key.size() < RSA_MIN / 8)
}

/// Bits of an RSA key that everybody accepts.
const RSA_MIN: u32 = 2048;

/// Checks a signature that webpki does not: of a certificate it can't read, or with a key it finds too small.
pub(super) fn or_openssl(
    by_webpki: Result<HandshakeSignatureValid, Error>,
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let Err(error) = by_webpki else {
        return by_webpki;
    };
    match openssl_verifies(message, cert, dss) {
        Ok(true) => Ok(HandshakeSignatureValid::assertion()),
        Ok(false) => Err(Error::InvalidCertificate(CertificateError::BadSignature)),
        Err(_) => Err(error),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown: Vec<_> = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        let looked = self.look_at(&shown, server_name, ocsp_response, now);
        looked.map_err(|refused| {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let valid = verify_tls12_signature(message, cert, dss, algorithms);
        or_openssl(valid, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let valid = verify_tls13_signature(message, cert, dss, algorithms);
        or_openssl(valid, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Whether OpenSSL finds the signature of a handshake good.
fn openssl_verifies(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<bool, ErrorStack> {
    use SignatureScheme as S;
    let key: PKey<_> = X509::from_der(cert)?.public_key()?;
    let digest = match dss.scheme {
        S::RSA_PKCS1_SHA256 | S::RSA_PSS_SHA256 | S::ECDSA_NISTP256_SHA256 => {
            MessageDigest::sha256()
        }
        S::RSA_PKCS1_SHA384 | S::RSA_PSS_SHA384 | S::ECDSA_NISTP384_SHA384 => {
            MessageDigest::sha384()
        }
        S::RSA_PKCS1_SHA512 | S::RSA_PSS_SHA512 | S::ECDSA_NISTP521_SHA512 => {
            MessageDigest::sha512()
        }
        S::ED25519 => {
            return SignatureVerifier::new_without_digest(&key)?
                .verify_oneshot(dss.signature(), message);
        }
        _ => return Ok(false),
    };
    let mut verifier = SignatureVerifier::new(digest, &key)?;
    if matches!(
        dss.scheme,
        S::RSA_PSS_SHA256 | S::RSA_PSS_SHA384 | S::RSA_PSS_SHA512
    ) {
        // RFC 8446 §4.2.3: the salt is as long as the digest.
        verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        verifier.set_rsa_mgf1_md(digest)?;
    }
    verifier.verify_oneshot(dss.signature(), message)
}
