use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::symm::Cipher;

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(path: &Path) -> Result<(CaStore, CaOrigin), CaError> {
    CaStore::open(path, &CaSettings::default())
}

fn listing(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// A key and a certificate for it, as text.
fn made() -> (String, String) {
    let authority = make::authority(2048).expect("a CA");
    let key = authority
        .key
        .rsa()
        .expect("RSA")
        .private_key_to_pem()
        .expect("PEM");
    let cert = authority.cert.to_pem().expect("PEM");
    (
        String::from_utf8(key).expect("text"),
        String::from_utf8(cert).expect("text"),
    )
}

#[test]
fn a_fresh_folder_gets_every_form_with_the_right_modes() {
    let top = folder();
    let path = top.path().join("a/.ratel");
    let (store, origin) = open(&path).expect("a CA");
    assert_eq!(origin, CaOrigin::Created);
    assert!(!store.expired());
    assert_eq!(mode(&path), 0o700);
    let names = [
        "ratel-ca-cert.cer",
        "ratel-ca-cert.p12",
        "ratel-ca-cert.pem",
        "ratel-ca.p12",
        "ratel-ca.pem",
    ];
    assert_eq!(listing(&path), names, "and nothing is left over");
    for (name, want) in names.iter().zip([0o644, 0o644, 0o644, 0o600, 0o600]) {
        assert_eq!(mode(&path.join(name)) & 0o755, want & 0o755, "{name}");
        assert_eq!(mode(&path.join(name)) & 0o077 == 0, want == 0o600, "{name}");
    }
    let pem = fs::read_to_string(path.join("ratel-ca.pem")).expect("text");
    assert!(
        pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"),
        "PKCS#1, not encrypted"
    );
    let cert = fs::read_to_string(store.cert_pem_path()).expect("text");
    assert!(pem.ends_with(&cert) && cert.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(store.cert_pem_path(), path.join("ratel-ca-cert.pem"));
    assert_eq!(
        fs::read_to_string(path.join("ratel-ca-cert.cer")).expect("text"),
        cert
    );
    for (name, with_key) in [("ratel-ca.p12", true), ("ratel-ca-cert.p12", false)] {
        let der = fs::read(path.join(name)).expect("a file");
        let parsed = Pkcs12::from_der(&der)
            .and_then(|p12| p12.parse2(""))
            .expect("no password");
        assert_eq!(parsed.pkey.is_some(), with_key, "{name}");
        let certs: Vec<_> = parsed
            .cert
            .into_iter()
            .chain(parsed.ca.into_iter().flatten())
            .collect();
        assert_eq!(certs[0].to_der().expect("DER"), store.cert_der(), "{name}");
    }

    let (again, origin) = open(&path).expect("the same CA");
    assert_eq!(
        (origin, again.cert_der()),
        (CaOrigin::Ratel, store.cert_der())
    );
}

#[test]
fn the_certificate_is_what_clients_import() {
    let path = folder();
    let (store, _) = open(path.path()).expect("a CA");
    let cert = X509::from_der(store.cert_der()).expect("a certificate");
    assert!(
        cert.verify(&cert.public_key().expect("a key"))
            .expect("a verdict")
    );
    let text = String::from_utf8(cert.to_text().expect("text")).expect("text");
    for part in [
        "Version: 3 ",
        "sha256WithRSAEncryption",
        "Issuer: CN=ratel, O=ratel\n",
        "Subject: CN=ratel, O=ratel\n",
        "Public-Key: (2048 bit)",
        "X509v3 Basic Constraints: critical\n                CA:TRUE\n",
        "TLS Web Server Authentication",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
        "X509v3 Subject Key Identifier",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let now = openssl::asn1::Asn1Time::days_from_now(0).expect("a time");
    assert_eq!(cert.not_before().diff(&now).expect("a span").days, 2);
    let whole = cert.not_before().diff(cert.not_after());
    assert_eq!(whole.expect("a span").days, 3650);
}

#[test]
fn what_is_public_is_the_certificate_in_every_form() {
    let path = folder();
    let (store, _) = open(path.path()).expect("a CA");
    let public = store.public().expect("all forms");
    assert_eq!(public.base, "ratel");
    assert_eq!(&public.der[..], store.cert_der());
    let pem = std::fs::read(store.cert_pem_path()).expect("the copy");
    assert_eq!(&public.pem[..], pem);
    // What `openssl x509 -subject_hash_old` says of CN=ratel, O=ratel.
    assert_eq!(public.subject_hash_old, 0xca06_05f4);
    for form in [&public.pem, &public.der, &public.p12] {
        assert!(!String::from_utf8_lossy(form).contains("PRIVATE"));
    }
}

#[test]
fn of_many_that_start_at_once_one_makes_it_and_all_use_it() {
    let path = folder();
    let opened: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| open(path.path()))).collect();
        threads
            .into_iter()
            .map(|t| t.join().expect("no panic").expect("a CA"))
            .collect()
    });
    let created = opened
        .iter()
        .filter(|(_, origin)| *origin == CaOrigin::Created)
        .count();
    assert_eq!(created, 1);
    assert!(
        opened
            .iter()
            .all(|(store, _)| store.cert_der() == opened[0].0.cert_der())
    );
    assert_eq!(listing(path.path()).len(), 5);
}

#[test]
fn a_folder_of_mitmproxys_is_used_and_left_alone() {
    let path = folder();
    let (key, cert) = made();
    let file = path.path().join("mitmproxy-ca.pem");
    fs::write(&file, format!("{key}{cert}")).expect("a writable folder");
    let (store, origin) = open(path.path()).expect("a CA");
    assert_eq!(origin, CaOrigin::Mitmproxy);
    assert_eq!(store.cert_pem_path(), file, "the only file there is");
    assert_eq!(store.public().expect("all forms").base, "mitmproxy");
    assert_eq!(listing(path.path()), ["mitmproxy-ca.pem"]);
    let copy = path.path().join("mitmproxy-ca-cert.pem");
    fs::write(&copy, &cert).expect("a writable folder");
    assert_eq!(open(path.path()).expect("a CA").0.cert_pem_path(), copy);

    let own = folder();
    let (ours, _) = open(own.path()).expect("a CA");
    fs::copy(
        own.path().join("ratel-ca.pem"),
        path.path().join("ratel-ca.pem"),
    )
    .expect("a copy");
    let (store, origin) = open(path.path()).expect("a CA");
    assert_eq!(
        (origin, store.cert_der()),
        (CaOrigin::Ratel, ours.cert_der()),
        "Ratel's comes first"
    );
}

/// Scripts that start mitmproxy wait for its files.
#[test]
fn where_mitmproxys_place_is_taken_the_files_have_its_names() {
    let path = folder();
    let settings = CaSettings {
        base: MITMPROXY_BASE,
        ..CaSettings::default()
    };
    let (store, origin) = CaStore::open(path.path(), &settings).expect("a CA");
    assert_eq!((origin, store.base()), (CaOrigin::Created, "mitmproxy"));
    let names = [
        "mitmproxy-ca-cert.cer",
        "mitmproxy-ca-cert.p12",
        "mitmproxy-ca-cert.pem",
        "mitmproxy-ca.p12",
        "mitmproxy-ca.pem",
    ];
    assert_eq!(listing(path.path()), names);
    let copy = path.path().join("mitmproxy-ca-cert.pem");
    assert_eq!(store.cert_pem_path(), copy);
    let (again, origin) = open(path.path()).expect("the same CA");
    assert_eq!(
        (origin, again.cert_der()),
        (CaOrigin::Mitmproxy, store.cert_der())
    );
    // What was made here under its own name before stays in use.
    let own = folder();
    let (ours, _) = open(own.path()).expect("a CA");
    let (store, origin) = CaStore::open(own.path(), &settings).expect("a CA");
    assert_eq!(
        (origin, store.cert_der()),
        (CaOrigin::Ratel, ours.cert_der())
    );
}

#[test]
fn a_ca_of_the_users_own_keeps_its_chain_and_gets_the_missing_copies() {
    let path = folder();
    let ((key, cert), (_, above)) = (made(), made());
    fs::write(
        path.path().join("ratel-ca.pem"),
        format!("{key}{cert}{above}"),
    )
    .expect("a writable folder");
    let (store, origin) = open(path.path()).expect("a CA");
    assert_eq!(origin, CaOrigin::Ratel);
    assert_eq!(store.authority().chain.len(), 2);
    assert_eq!(
        fs::read_to_string(path.path().join("ratel-ca-cert.pem")).expect("text"),
        cert
    );
}

#[test]
fn an_ec_key_will_do() {
    let path = folder();
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let cert = make::certificate(&key).expect("a certificate");
    let mut pem = key.private_key_to_pem_pkcs8().expect("PEM");
    pem.extend(cert.to_pem().expect("PEM"));
    fs::write(path.path().join("ratel-ca.pem"), pem).expect("a writable folder");
    open(path.path()).expect("a CA");
}

#[test]
fn an_encrypted_key_wants_its_passphrase() {
    let path = folder();
    let file = path.path().join("ratel-ca.pem");
    let authority = make::authority(2048).expect("a CA");
    let mut pem = authority
        .key
        .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"open sesame")
        .expect("PEM");
    pem.extend(authority.cert.to_pem().expect("PEM"));
    fs::write(&file, pem).expect("a writable folder");
    let with = |phrase: Option<&str>| {
        let settings = CaSettings {
            passphrase: phrase.map(Into::into),
            ..CaSettings::default()
        };
        CaStore::open(path.path(), &settings)
    };
    with(Some("open sesame")).expect("it opens");
    for (phrase, end) in [
        (None, "no passphrase was given"),
        (Some("wrong"), "the passphrase does not open it"),
    ] {
        let error = with(phrase).expect_err("it stays closed");
        let sentence = format!(
            "the private key in {} is encrypted, and {end}",
            file.display()
        );
        assert_eq!(error.to_string(), sentence);
        assert_eq!(
            error.hint(),
            Some("set the passphrase with --set cert_passphrase=PASS")
        );
    }
}

#[test]
fn what_is_broken_is_named_and_left_as_it_is() {
    let ((key, cert), (other_key, _)) = (made(), made());
    let cases = [
        (String::new(), "FILE holds no usable private key"),
        ("rubbish".into(), "FILE holds no usable private key"),
        (cert.clone(), "FILE holds no usable private key"),
        (key.clone(), "FILE holds no usable certificate"),
        (
            format!("{}{cert}", &key[..key.len() / 2]),
            "FILE holds no usable private key",
        ),
        (
            format!("{key}{}", &cert[..cert.len() / 2]),
            "FILE holds no usable certificate",
        ),
        (
            format!("{other_key}{cert}"),
            "the private key in FILE does not belong to the certificate in it",
        ),
    ];
    for name in ["ratel-ca.pem", "mitmproxy-ca.pem"] {
        for (contents, sentence) in &cases {
            let path = folder();
            let file = path.path().join(name);
            fs::write(&file, contents).expect("a writable folder");
            let error = open(path.path()).expect_err(sentence);
            assert_eq!(
                error.to_string(),
                sentence.replace("FILE", &file.display().to_string())
            );
            assert!(error.hint().is_some());
            assert_eq!(fs::read_to_string(&file).expect("text"), *contents);
            assert_eq!(listing(path.path()), [name]);
        }
    }
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    let path = folder();
    let file = path.path().join("ratel-ca.pem");
    fs::create_dir(&file).expect("a writable folder");
    let error = open(path.path()).expect_err("a folder in the place of a file");
    assert!(error.to_string().starts_with(&format!(
        "cannot read the certificate authority in {}: ",
        file.display()
    )));

    let in_the_way = path.path().join("file");
    fs::write(&in_the_way, "").expect("a writable folder");
    let error = open(&in_the_way.join("below")).expect_err("no folder can be there");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("confdir")),
        "{error}"
    );
}
