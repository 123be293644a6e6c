//! The authorities that servers are trusted by.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509CheckFlags, X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509StoreContext, X509VerifyResult};
use ratel_flow::Certificates;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::ocsp;
use super::refusal::{Refusal, Shown, day, name};

/// Trusted certificates, for both libraries that look at chains.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) webpki: Arc<RootCertStore>,
    der: Vec<CertificateDer<'static>>,
    /// Read when a chain is looked at a second time.
    openssl: OnceLock<Vec<X509>>,
}

impl Roots {
    /// The system's, from where its OpenSSL has them or where `SSL_CERT_FILE` and `SSL_CERT_DIR` point; Mozilla's as
    /// they were when this program was built, if the system has none. Blocks on files.
    pub(super) fn system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!("reading the system's trusted certificates: {error}");
        }
        let mut roots = Self::new(found.certs);
        if roots.webpki.is_empty() {
            tracing::warn!(
                "this system has no trusted certificates; servers are verified with the list that came with Ratel"
            );
            let list = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
            roots.webpki = Arc::new(list.collect());
        }
        roots
    }

    /// Those in a PEM file and in the files of a folder. Blocks on files.
    pub(super) fn from_files(
        file: Option<&Path>,
        folder: Option<&Path>,
    ) -> Result<Self, RootsError> {
        let mut der = Vec::new();
        if let Some(path) = file {
            let pem = fs::read(path).map_err(|e| RootsError::read(path, e))?;
            let before = der.len();
            der.extend(certificates(&pem));
            if der.len() == before {
                return Err(RootsError::Empty { path: path.into() });
            }
        }
        if let Some(path) = folder {
            let before = der.len();
            for entry in fs::read_dir(path).map_err(|e| RootsError::read(path, e))? {
                let file = entry.map_err(|e| RootsError::read(path, e))?.path();
                // Certificates lie among other things there, and twice: by name and by hash.
                let pem = if file.is_file() {
                    fs::read(&file)
                } else {
                    continue;
                };
                der.extend(certificates(&pem.map_err(|e| RootsError::read(&file, e))?));
            }
            if der.len() == before {
                return Err(RootsError::Empty { path: path.into() });
            }
        }
        der.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
        der.dedup();
        Ok(Self::new(der))
    }

    fn new(der: Vec<CertificateDer<'static>>) -> Self {
        let mut webpki = RootCertStore::empty();
        webpki.add_parsable_certificates(der.iter().cloned());
        Self {
            webpki: Arc::new(webpki),
            der,
            openssl: OnceLock::new(),
        }
    }

    /// OpenSSL's verdict on a chain, with its reasons.
    pub(super) fn second_opinion(
        &self,
        chain: &Certificates,
        host: &ServerName<'_>,
        strength: Strength,
    ) -> Result<(), Refusal> {
        let mut certs = chain.iter().map(|der| X509::from_der(der));
        let leaf = match certs.next() {
            None => return Err(Refusal::Missing),
            Some(Err(_)) => return Err(Refusal::Unreadable),
            Some(Ok(leaf)) => leaf,
        };
        let verdict = self.ask_openssl(&leaf, certs.flatten(), host, strength);
        let (result, depth, at) = verdict.map_err(|e| Refusal::Other(e.to_string()))?;
        if result == X509VerifyResult::OK {
            return Ok(());
        }
        Err(explain(result, depth, at.as_deref(), chain, host))
    }

    /// The result, how far from the leaf it was found, and at which certificate.
    fn ask_openssl(
        &self,
        leaf: &X509,
        more: impl Iterator<Item = X509>,
        host: &ServerName<'_>,
        strength: Strength,
    ) -> Result<(X509VerifyResult, u32, Option<Vec<u8>>), ErrorStack> {
        let mut param = X509VerifyParam::new()?;
        param.set_purpose(X509PurposeId::SSL_SERVER)?;
        param.set_auth_level(match strength {
            // 112 bits: RSA keys from 2048 bits, SHA-2.
            Strength::Current => 2,
            Strength::Any => 0,
        });
        param.set_flags(X509VerifyFlags::TRUSTED_FIRST | X509VerifyFlags::PARTIAL_CHAIN)?;
        // Only subject alternative names count, and `*` only for a whole label (RFC 9525 §6.3).
        param.set_hostflags(
            X509CheckFlags::NEVER_CHECK_SUBJECT | X509CheckFlags::NO_PARTIAL_WILDCARDS,
        );
        match host {
            ServerName::IpAddress(ip) => param.set_ip((*ip).into())?,
            host => param.set_host(host.to_str().trim_end_matches('.'))?,
        }
        let mut store = self.store()?;
        store.set_param(&param)?;
        let mut untrusted = Stack::new()?;
        for cert in more {
            untrusted.push(cert)?;
        }
        X509StoreContext::new()?.init(&store.build(), leaf, &untrusted, |context| {
            context.verify_cert()?;
            let at = context.current_cert().and_then(|cert| cert.to_der().ok());
            Ok((context.error(), context.error_depth(), at))
        })
    }

    /// On which day the first of `chain` was revoked, if its authority says so in an OCSP response.
    pub(super) fn revoked(&self, chain: &Certificates, response: &[u8]) -> Option<String> {
        if response.is_empty() {
            return None;
        }
        let certs = chain.iter().map(|der| X509::from_der(der).ok());
        let certs = certs.collect::<Option<Vec<_>>>()?;
        let (leaf, more) = certs.split_first()?;
        // The authority is mostly sent along, but need not be.
        let above = |root: &&X509| root.issued(leaf) == X509VerifyResult::OK;
        let above = self.openssl().iter().filter(above);
        let others: Vec<_> = more.iter().chain(above).cloned().collect();
        let store = self.store().ok()?.build();
        ocsp::revoked(response, leaf, &others, &store)
    }

    fn store(&self) -> Result<X509StoreBuilder, ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        for root in self.openssl() {
            store.add_cert(root.clone())?;
        }
        Ok(store)
    }

    fn openssl(&self) -> &[X509] {
        self.openssl.get_or_init(|| {
            self.der
                .iter()
                .filter_map(|der| X509::from_der(der).ok())
                .collect()
        })
    }
}

/// How strong the keys and signatures of a chain must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// As everybody wants it now.
    Current,
    /// As it comes.
    Any,
}

/// Codes of `X509_V_ERR_*`, of which the crate names none.
mod code {
    pub(super) const BAD_SIGNATURE: i32 = 7;
    pub(super) const NOT_YET_VALID: i32 = 9;
    pub(super) const HAS_EXPIRED: i32 = 10;
    pub(super) const SELF_SIGNED_LEAF: i32 = 18;
    pub(super) const UNTRUSTED: [i32; 4] = [2, 19, 20, 21];
    pub(super) const WRONG_NAME: [i32; 2] = [62, 64];
    pub(super) const WEAK_KEY: [i32; 2] = [66, 67];
    pub(super) const WEAK_SIGNATURE: i32 = 68;
}

fn explain(
    result: X509VerifyResult,
    depth: u32,
    at: Option<&[u8]>,
    chain: &Certificates,
    host: &ServerName<'_>,
) -> Refusal {
    let at = at
        .and_then(|der| X509Certificate::from_der(der).ok())
        .map(|(_, cert)| cert);
    match (result.as_raw(), at) {
        (code::HAS_EXPIRED, Some(at)) if depth == 0 => {
            Refusal::Expired(day(&at.validity().not_after))
        }
        (code::HAS_EXPIRED, Some(at)) => {
            Refusal::IssuerExpired(name(at.subject()), day(&at.validity().not_after))
        }
        (code::NOT_YET_VALID, Some(at)) if depth == 0 => {
            Refusal::NotYetValid(day(&at.validity().not_before))
        }
        (code::NOT_YET_VALID, Some(at)) => {
            Refusal::IssuerNotYetValid(name(at.subject()), day(&at.validity().not_before))
        }
        (code::BAD_SIGNATURE, Some(at)) => Refusal::OtherIssuer(name(at.issuer())),
        (code::SELF_SIGNED_LEAF, _) => Refusal::SelfSigned,
        (raw, at) if code::UNTRUSTED.contains(&raw) => {
            let shown = Shown::new(chain);
            match shown.missing_intermediate() {
                Some(who) => Refusal::MissingIntermediate(who),
                None => Refusal::UnknownIssuer(
                    at.map_or_else(|| shown.last_issuer(), |at| name(at.issuer())),
                ),
            }
        }
        (raw, Some(at)) if code::WEAK_KEY.contains(&raw) => Refusal::Weak(weak_key(&at, depth)),
        (code::WEAK_SIGNATURE, Some(at)) => Refusal::Weak(weak_signature(&at, depth)),
        (raw, _) if code::WRONG_NAME.contains(&raw) => Refusal::WrongHost {
            host: host.to_str().into_owned(),
            names: Shown::new(chain).names(),
        },
        _ => Refusal::Other(result.error_string().into()),
    }
}

/// `a key of 1024 bits`, or whose it is further up in the chain.
fn weak_key(cert: &X509Certificate<'_>, depth: u32) -> String {
    let bits = cert.public_key().parsed().map_or(0, |key| key.key_size());
    match (depth, bits) {
        (0, 0) => "a short key".into(),
        (0, bits) => format!("a key of {bits} bits"),
        (_, bits) => format!(
            "an issuer, {}, with a key of {bits} bits",
            name(cert.subject())
        ),
    }
}

/// `a signature with SHA-1`, or whose it is further up in the chain.
fn weak_signature(cert: &X509Certificate<'_>, depth: u32) -> String {
    let oid = cert.signature_algorithm.algorithm.to_id_string();
    let digest = match &oid[..] {
        "1.2.840.113549.1.1.4" => "MD5",
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => "SHA-1",
        _ => "a broken digest",
    };
    match depth {
        0 => format!("a signature with {digest}"),
        _ => format!(
            "an issuer, {}, that is signed with {digest}",
            name(cert.subject())
        ),
    }
}

/// The certificates in PEM text; what is damaged is left out.
fn certificates(pem: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).flatten()
}

/// Why the trusted certificates that an option names can't be used. Displays as one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// A file or folder can't be read.
    #[error("cannot read the trusted certificates in {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no certificate in it.
    #[error("{} holds no certificate in PEM form", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
}

impl RootsError {
    fn read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.into(),
            source,
        }
    }
}
