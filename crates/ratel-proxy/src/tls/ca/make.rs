//! A fresh certificate authority, and writing it so that another process never sees half of it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc;

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Name};

use super::{Authority, CaError};
use crate::tls::mint::{self, DAY};

/// Who the certificate says it is.
const NAME: &str = "ratel";
/// Threads that look for a key at the same time. How long one takes varies by a factor of ten; the first wins.
const SEEKERS: usize = 2;

/// Makes a key of `bits` bits and a certificate for it.
pub(super) fn authority(bits: u32) -> Result<Authority, ErrorStack> {
    let key = rsa_key(bits)?;
    let cert = certificate(&key)?;
    Authority::new(key, cert, [])
}

fn rsa_key(bits: u32) -> Result<PKey<Private>, ErrorStack> {
    let (found, first) = mpsc::sync_channel(SEEKERS);
    for index in 0..SEEKERS {
        let found = found.clone();
        // Whoever comes second ends by itself and is not waited for; a thread that can't be had is not needed.
        let _ = std::thread::Builder::new()
            .name(format!("key-{index}"))
            .spawn(move || found.send(Rsa::generate(bits)));
    }
    drop(found);
    PKey::from_rsa(first.recv().unwrap_or_else(|_| Rsa::generate(bits))?)
}

pub(super) fn certificate(key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, NAME)?;
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, NAME)?;
    let name = name.build();
    let from = mint::unix_now() - 2 * DAY;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(mint::serial()?.as_ref())?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(Asn1Time::from_unix(from)?.as_ref())?;
    builder.set_not_after(Asn1Time::from_unix(from + 3650 * DAY)?.as_ref())?;
    builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    builder.append_extension(
        KeyUsage::new()
            .critical()
            .key_cert_sign()
            .crl_sign()
            .build()?,
    )?;
    let id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(id)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// Puts the key file into its place, unless there is one. Says whether it was put there.
pub(super) fn write_key(confdir: &Path, base: &str, made: &Authority) -> Result<bool, CaError> {
    create_folder(confdir).map_err(|source| CaError::Write {
        path: confdir.into(),
        source,
    })?;
    let path = super::key_path(confdir, base);
    let pem = key_pem(made).map_err(|source| CaError::Make { source })?;
    let put = || {
        let file = temporary(confdir, &pem, 0o600)?;
        // The key can't be made again: it is on the disk before it has its name.
        file.as_file().sync_all()?;
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(true),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(refused) => Err(refused.error),
        }
    };
    put().map_err(|source| CaError::Write {
        path: path.clone(),
        source,
    })
}

/// Makes those copies of the certificate that are missing, or that a crash of the system left empty. None of them is
/// needed to work, so that a folder that can't be written is only reported.
pub(super) fn write_copies(confdir: &Path, base: &str, authority: &Authority) {
    if let Err(error) = try_write_copies(confdir, base, authority) {
        let folder = confdir.display();
        tracing::warn!(
            "cannot write copies of the certificate authority's certificate to {folder}: {error}"
        );
    }
}

fn try_write_copies(confdir: &Path, base: &str, authority: &Authority) -> io::Result<()> {
    type Contents = fn(&Authority) -> Result<Vec<u8>, ErrorStack>;
    let copies: [(&str, u32, Contents); 4] = [
        ("ca-cert.pem", 0o666, |a| a.cert.to_pem()),
        ("ca-cert.cer", 0o666, |a| a.cert.to_pem()),
        ("ca-cert.p12", 0o666, |a| p12(a, false)),
        ("ca.p12", 0o600, |a| p12(a, true)),
    ];
    for (name, mode, contents) in copies {
        let path = confdir.join(format!("{base}-{name}"));
        if !fs::metadata(&path).is_ok_and(|copy| copy.len() > 0) {
            let file = temporary(confdir, &contents(authority)?, mode)?;
            file.persist(&path).map_err(|refused| refused.error)?;
        }
    }
    Ok(())
}

fn key_pem(authority: &Authority) -> Result<Vec<u8>, ErrorStack> {
    let mut pem = authority.key.rsa()?.private_key_to_pem()?;
    pem.extend(authority.cert.to_pem()?);
    Ok(pem)
}

/// Without a password, so without encryption; with the oldest check sum, which is the one every system can read.
pub(super) fn p12(authority: &Authority, with_key: bool) -> Result<Vec<u8>, ErrorStack> {
    let unencrypted = Nid::from_raw(-1);
    let mut builder = Pkcs12::builder();
    builder
        .name(NAME)
        .cert(&authority.cert)
        .key_algorithm(unencrypted)
        .cert_algorithm(unencrypted)
        .mac_md(MessageDigest::sha1());
    if with_key {
        builder.pkey(&authority.key);
    }
    builder.build2("")?.to_der()
}

fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A complete file beside its final place, so that it can be put there in one step.
fn temporary(folder: &Path, contents: &[u8], mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ratel-");
    #[cfg(unix)]
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    #[cfg(unix)]
    builder.permissions(permissions);
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(contents)?;
    Ok(file)
}
