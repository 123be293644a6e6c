use bytes::Bytes;
use openssl::hash::MessageDigest;
use openssl::ssl::SslVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::tls::mint;
use crate::tls::testing::{ANY, Cert, Issued, Issuer, ONLY_12, openssl_server};

fn settings(trusted: &Issuer, insecure: bool) -> (ServerTlsSettings, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), trusted.pem()).expect("a writable file");
    let options = ServerTlsOptions {
        insecure,
        trusted_ca: Some(file.path().into()),
        trusted_confdir: None,
    };
    (ServerTlsSettings::new(options).expect("settings"), file)
}

/// Our side against an OpenSSL server that shows `issued`.
async fn ask(
    settings: &ServerTlsSettings,
    host: &str,
    issued: &Issued,
    versions: (SslVersion, SslVersion),
) -> Result<TlsInfo, TlsError> {
    let alpn = [Bytes::from_static(b"http/1.1")];
    let io = openssl_server(issued, versions);
    let (mut stream, info) = connect(io, host, None, &alpn, settings).await?;
    stream.write_all(b"echo").await.expect("an open connection");
    let mut back = [0; 4];
    stream
        .read_exact(&mut back)
        .await
        .expect("an open connection");
    assert_eq!(&back, b"echo");
    Ok(info)
}

const TRUST: &str = "pass -k to accept it, or name a file with the certificates to trust with --set ssl_verify_upstream_trusted_ca=FILE";
const ACCEPT: &str = "pass -k to accept it";

/// A certificate, what is said of it, and the hint.
type Case = (Issued, String, &'static str);

fn good() -> Cert {
    Cert {
        names: &["service.example"],
        ..Cert::default()
    }
}

fn wrong_time(root: &Issuer) -> Vec<Case> {
    let good = good();
    vec![
        (
            root.issue(&Cert {
                days: (-30, -3),
                ..good.clone()
            }),
            format!("expired on {}", day(-3)),
            ACCEPT,
        ),
        (
            root.issue(&Cert {
                days: (3, 30),
                ..good.clone()
            }),
            format!("is not valid before {}", day(3)),
            ACCEPT,
        ),
        (
            root.below(&Cert {
                days: (-30, -3),
                ..Cert::default()
            })
            .issue(&good),
            format!(
                "was issued by \"test intermediate\", whose certificate expired on {}",
                day(-3)
            ),
            ACCEPT,
        ),
    ]
}

fn wrong_issuer(root: &Issuer) -> Vec<Case> {
    let good = good();
    let stranger = Issuer::named("Somebody Else");
    let mut no_intermediate = root.below(&Cert::default()).issue(&good);
    no_intermediate.above.clear();
    vec![
        (
            Issued::self_signed(&good),
            "is self-signed and not trusted".into(),
            TRUST,
        ),
        (
            Issued::self_signed(&Cert {
                ca: true,
                ..good.clone()
            }),
            "is self-signed and not trusted".into(),
            TRUST,
        ),
        (
            Issuer::new().issue(&good),
            "was not signed by the trusted \"test authority\" but by another of that name".into(),
            TRUST,
        ),
        (
            stranger.issue(&good),
            "was issued by \"Somebody Else\", which is not trusted".into(),
            TRUST,
        ),
        (
            no_intermediate,
            "was issued by \"test intermediate\", which is not trusted".into(),
            TRUST,
        ),
    ]
}

fn wrong_name(root: &Issuer) -> Vec<Case> {
    let good = good();
    vec![
        (
            root.issue(&Cert {
                names: &["a.example", "127.0.0.1"],
                ..good.clone()
            }),
            "is for a.example and 127.0.0.1, not for service.example".into(),
            ACCEPT,
        ),
        (
            root.issue(&Cert {
                common: Some("service.example"),
                names: &[],
                ..good.clone()
            }),
            "names no host, so it can't be for service.example".into(),
            ACCEPT,
        ),
        (
            root.issue(&Cert {
                version: 1,
                ..good.clone()
            }),
            "names no host, so it can't be for service.example".into(),
            ACCEPT,
        ),
    ]
}

/// A day counted from today, in UTC.
fn day(offset: i64) -> String {
    let time = x509_parser::time::ASN1Time::from_timestamp(mint::unix_now() + offset * mint::DAY);
    time.expect("a time").to_datetime().date().to_string()
}

/// Each way for a certificate to be wrong has its sentence, and `-k` accepts them all.
#[tokio::test]
async fn refused_certificates_say_why() {
    let root = Issuer::new();
    let cases = [wrong_time(&root), wrong_issuer(&root), wrong_name(&root)].concat();
    let (strict, _file) = settings(&root, false);
    let (lax, _file) = settings(&root, true);
    for (issued, sentence, hint) in cases {
        for versions in [ANY, ONLY_12] {
            let error = ask(&strict, "service.example", &issued, versions)
                .await
                .expect_err(&sentence);
            assert_eq!(
                error.to_string(),
                format!("the certificate of service.example (server side) {sentence}")
            );
            assert_eq!(error.hint().unwrap(), hint, "{sentence}");
            assert_eq!(
                error.info().certificates,
                issued.chain(),
                "{sentence}: the chain is kept"
            );
            let info = ask(&lax, "service.example", &issued, versions)
                .await
                .expect(&sentence);
            assert_eq!(info.certificates, issued.chain(), "{sentence}");
        }
    }
}

/// What webpki alone would refuse and everybody else takes.
#[tokio::test]
async fn odd_certificates_of_trusted_issuers_are_accepted() {
    let root = Issuer::new();
    let old_root = Issuer::like(&Cert {
        version: 1,
        rsa_bits: Some(2048),
        ..Cert::default()
    });
    let good = Cert {
        names: &["service.example", "*.wild.example", "127.0.0.1"],
        ..Cert::default()
    };
    let small = Cert {
        rsa_bits: Some(1024),
        ..good.clone()
    };
    let cases = [
        ("service.example", &root, root.issue(&good)),
        ("SERVICE.example", &root, root.issue(&good)),
        ("service.example.", &root, root.issue(&good)),
        ("a.wild.example", &root, root.issue(&good)),
        ("127.0.0.1", &root, root.issue(&good)),
        (
            "service.example",
            &root,
            root.below(&Cert::default()).issue(&good),
        ),
        (
            "service.example",
            &root,
            root.issue(&Cert {
                digest: MessageDigest::sha1,
                ..good.clone()
            }),
        ),
        ("service.example", &root, root.issue(&small)),
        (
            "service.example",
            &root,
            root.issue(&Cert {
                ca: true,
                ..good.clone()
            }),
        ),
        ("service.example", &old_root, old_root.issue(&good)),
    ];
    for (index, (host, issuer, issued)) in cases.into_iter().enumerate() {
        let (settings, _file) = settings(issuer, false);
        for versions in [ANY, ONLY_12] {
            let result = ask(&settings, host, &issued, versions).await;
            let info = result.unwrap_or_else(|error| panic!("case {index}, {host}: {error}"));
            assert_eq!(info.certificates.len(), 1 + issued.above.len());
        }
    }
}

#[tokio::test]
async fn a_self_signed_certificate_can_be_named_as_trusted() {
    for ca in [false, true] {
        let issued = Issued::self_signed(&Cert {
            ca,
            names: &["service.example"],
            ..Cert::default()
        });
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), issued.cert.to_pem().unwrap()).expect("a writable file");
        let options = ServerTlsOptions {
            trusted_ca: Some(file.path().into()),
            ..Default::default()
        };
        let settings = ServerTlsSettings::new(options).expect("settings");
        ask(&settings, "service.example", &issued, ANY)
            .await
            .expect("it is trusted");
    }
}

#[tokio::test]
async fn a_folder_of_trusted_certificates_counts_like_a_file() {
    let root = Issuer::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let named = |confdir| ServerTlsOptions {
        trusted_confdir: Some(confdir),
        ..Default::default()
    };
    let error = ServerTlsSettings::new(named(folder.path().into())).expect_err("it is empty");
    assert_eq!(
        error.to_string(),
        format!(
            "{} holds no certificate in PEM form",
            folder.path().display()
        )
    );
    std::fs::write(folder.path().join("8a7b6c5d.0"), root.pem()).expect("a writable folder");
    std::fs::write(folder.path().join("README"), "not a certificate").expect("a writable folder");
    let settings = ServerTlsSettings::new(named(folder.path().into())).expect("settings");
    let issued = root.issue(&Cert {
        names: &["service.example"],
        ..Cert::default()
    });
    ask(&settings, "service.example", &issued, ANY)
        .await
        .expect("it is trusted");
    let missing = folder.path().join("missing");
    let error = ServerTlsSettings::new(named(missing.clone())).expect_err("it is missing");
    assert!(error.to_string().starts_with(&format!(
        "cannot read the trusted certificates in {}",
        missing.display()
    )));
}

/// What servers answer that is no handshake.
#[tokio::test]
async fn servers_that_do_not_do_tls_say_why() {
    let cases: [(&[u8], &str, Option<&str>); 5] = [
        (
            b"220 mail.example ready\r\n",
            "service.example (server side) does not speak TLS",
            Some("http://"),
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "service.example (server side) does not speak TLS",
            Some("http://"),
        ),
        (
            b"",
            "service.example (server side) closed the connection during the TLS handshake",
            Some("speak TLS"),
        ),
        (
            &[21, 3, 1, 0, 2, 2, 70],
            "service.example (server side) and Ratel have no TLS version in common",
            Some("older than TLS 1.2"),
        ),
        (
            &[21, 3, 3, 0, 2, 2, 40],
            "service.example (server side) ended the TLS handshake with the alert handshake_failure",
            Some("older ciphers"),
        ),
    ];
    let settings = ServerTlsSettings::new(ServerTlsOptions {
        insecure: true,
        ..Default::default()
    })
    .unwrap();
    for (answer, sentence, hint) in cases {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let server = async move {
            theirs.read_u8().await.expect("a hello");
            theirs.write_all(answer).await.expect("an open pipe");
            theirs.shutdown().await.expect("an open pipe");
            theirs
        };
        let (result, _theirs) = tokio::join!(
            connect(ours, "service.example", None, &[], &settings),
            server
        );
        let error = result.expect_err(sentence);
        assert_eq!(error.to_string(), sentence);
        let given = error.hint();
        assert!(
            hint.is_none_or(|hint| given.as_ref().is_some_and(|g| g.contains(hint))),
            "{given:?}"
        );
    }
}

#[tokio::test]
async fn an_old_server_is_told_from_others() {
    let root = Issuer::new();
    let issued = root.issue(&Cert {
        names: &["service.example"],
        ..Cert::default()
    });
    let (settings, _file) = settings(&root, false);
    let old = (SslVersion::TLS1, SslVersion::TLS1_1);
    let error = ask(&settings, "service.example", &issued, old)
        .await
        .expect_err("too old");
    assert_eq!(
        error.to_string(),
        "service.example (server side) and Ratel have no TLS version in common"
    );
}

#[tokio::test]
async fn names_that_tls_cannot_ask_for_are_an_error() {
    let settings = ServerTlsSettings::new(ServerTlsOptions {
        insecure: true,
        ..Default::default()
    })
    .unwrap();
    let (ours, _theirs) = tokio::io::duplex(100);
    let error = connect(ours, "not a name", None, &[], &settings)
        .await
        .expect_err("no name");
    assert_eq!(
        error.to_string(),
        "\"not a name\" (server side) is not a host name that TLS can ask for"
    );
}

#[tokio::test(start_paused = true)]
async fn silent_peers_are_given_up() {
    let settings = ServerTlsSettings::new(ServerTlsOptions {
        insecure: true,
        ..Default::default()
    })
    .unwrap();
    let (ours, _theirs) = tokio::io::duplex(1 << 16);
    let error = connect(ours, "service.example", None, &[], &settings)
        .await
        .expect_err("silence");
    assert_eq!(
        error.to_string(),
        "service.example (server side) did not finish the TLS handshake within 30 s"
    );
}
