//! Making leaves, one after the other, as many as there are names: `cargo bench -p ratel-proxy --bench leaf`.

use std::path::Path;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509, X509Name};
use ratel_proxy::tls::{CaSettings, CaStore, LeafCache, LeafSpec, SanName};

fn main() {
    divan::main();
}

#[divan::bench(max_time = Duration::from_secs(2))]
fn under_rsa_2048(bencher: divan::Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    mint(bencher, folder.path());
}

#[divan::bench(max_time = Duration::from_secs(2))]
fn under_p256(bencher: divan::Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("ratel-ca.pem"), p256_ca()).expect("a writable folder");
    mint(bencher, folder.path());
}

/// A fresh RSA certificate authority, from nothing to its files.
#[divan::bench(sample_count = 30, sample_size = 1)]
fn fresh_ca() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    CaStore::open(folder.path(), &CaSettings::default()).expect("a CA");
    folder
}

fn mint(bencher: divan::Bencher<'_, '_>, folder: &Path) {
    let (ca, _) = CaStore::open(folder, &CaSettings::default()).expect("a CA");
    let leaves = LeafCache::new(&ca);
    let name = SanName::parse("service.example").expect("a name");
    let spec = LeafSpec::for_names(vec![name]);
    bencher
        .counter(divan::counter::ItemsCount::new(1_usize))
        .bench_local(|| leaves.mint(&spec).expect("a leaf"));
}

fn p256_ca() -> Vec<u8> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let build = || {
        let mut name = X509Name::builder()?;
        name.append_entry_by_nid(Nid::COMMONNAME, "benchmark")?;
        let name = name.build();
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_pubkey(&key)?;
        builder.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
        builder.set_not_after(Asn1Time::days_from_now(10)?.as_ref())?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().build()?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let mut pem = key.private_key_to_pem_pkcs8()?;
        pem.extend(builder.build().to_pem()?);
        Ok::<_, openssl::error::ErrorStack>(pem)
    };
    build().expect("a certificate")
}
