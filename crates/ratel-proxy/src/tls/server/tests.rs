use bytes::Bytes;
use openssl::hash::MessageDigest;
use openssl::ssl::SslVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::tls::mint;
use crate::tls::policy::PolicyOptions;
use crate::tls::testing::{ANY, Cert, Issued, Issuer, ONLY_12, openssl_server};
use ratel_flow::TlsVersion;

/// Settings by which the modern engine comes first, and by which only the other one is there.
const ENGINES: [TlsEngine; 2] = [TlsEngine::Modern, TlsEngine::Legacy];

fn policy(engine: TlsEngine) -> TlsPolicy {
    let options = PolicyOptions {
        min: "TLS1_2",
        max: "UNBOUNDED",
        ciphers: (engine == TlsEngine::Legacy).then_some("ALL"),
        curve: None,
    };
    TlsPolicy::new("server", options).expect("a policy")
}

fn settings(
    trusted: &Issuer,
    insecure: bool,
    policy: TlsPolicy,
) -> (ServerTlsSettings, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), trusted.pem()).expect("a writable file");
    let options = ServerTlsOptions {
        insecure,
        trusted_ca: Some(file.path().into()),
        policy,
        ..Default::default()
    };
    (ServerTlsSettings::new(options).expect("settings"), file)
}

fn asked(host: &str) -> Asked<'_> {
    static ALPN: [Bytes; 1] = [Bytes::from_static(b"http/1.1")];
    Asked {
        host,
        port: 443,
        sni: None,
        alpn: &ALPN,
    }
}

/// Our side against an OpenSSL server that shows `issued`, with another connection where that is worth it.
async fn ask(
    settings: &ServerTlsSettings,
    host: &str,
    issued: &Issued,
    versions: (SslVersion, SslVersion),
) -> Result<TlsInfo, TlsError> {
    let mut shaken = connect(openssl_server(issued, versions), asked(host), settings).await;
    if shaken.as_ref().is_err_and(TlsError::is_worth_another_try) {
        shaken = connect(openssl_server(issued, versions), asked(host), settings).await;
    }
    let (mut stream, info) = shaken?;
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
const WEAK: &str = "allow what is weak with --set tls_version_server_min=UNBOUNDED, or pass -k to accept any certificate";
const CHAIN: &str = "the server should send its whole chain; pass -k to accept it, or name a file with the missing certificate with --set ssl_verify_upstream_trusted_ca=FILE";

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
    // Public authorities say where their certificates are found.
    let mut no_public_intermediate = root.below(&Cert::default()).issue(&Cert {
        issuer_url: Some("http://ca.example/intermediate.cer"),
        ..good.clone()
    });
    no_public_intermediate.above.clear();
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
        (
            no_public_intermediate,
            "was issued by \"test intermediate\", whose own certificate the server does not send along".into(),
            CHAIN,
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

fn weak(root: &Issuer) -> Vec<Case> {
    let good = good();
    let short = Cert {
        rsa_bits: Some(1024),
        ..good.clone()
    };
    let old = Cert {
        digest: MessageDigest::sha1,
        ..good.clone()
    };
    let below_short = root.below(&short).issue(&good);
    let below_old = root.below(&old).issue(&good);
    vec![
        (
            root.issue(&short),
            "has a key of 1024 bits, which is too weak".into(),
            WEAK,
        ),
        (
            root.issue(&old),
            "has a signature with SHA-1, which is too weak".into(),
            WEAK,
        ),
        (
            below_short,
            "has an issuer, \"test intermediate\", with a key of 1024 bits, which is too weak"
                .into(),
            WEAK,
        ),
        (
            below_old,
            "has an issuer, \"test intermediate\", that is signed with SHA-1, which is too weak"
                .into(),
            WEAK,
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
    let cases = [
        wrong_time(&root),
        wrong_issuer(&root),
        wrong_name(&root),
        weak(&root),
    ]
    .concat();
    for (issued, sentence, hint) in cases {
        for (engine, versions) in
            [(ANY, 0), (ONLY_12, 0), (ANY, 1), (ONLY_12, 1)].map(|(v, e)| (ENGINES[e], v))
        {
            let (strict, _file) = settings(&root, false, policy(engine));
            let (lax, _file) = settings(&root, true, policy(engine));
            let error = ask(&strict, "service.example", &issued, versions)
                .await
                .expect_err(&sentence);
            assert_eq!(
                error.to_string(),
                format!("the certificate of service.example (server side) {sentence}")
            );
            assert_eq!(error.hint().unwrap(), hint, "{sentence}");
            // By this the screen knows it.
            assert!(hint.contains(ratel_flow::FlowError::ACCEPT), "{hint}");
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

#[tokio::test]
async fn what_is_weak_is_accepted_where_that_is_allowed() {
    let root = Issuer::new();
    let options = PolicyOptions {
        min: "UNBOUNDED",
        max: "UNBOUNDED",
        ciphers: None,
        curve: None,
    };
    let policy = TlsPolicy::new("server", options).expect("a policy");
    let (settings, _file) = settings(&root, false, policy);
    for (issued, sentence, _) in weak(&root) {
        let taken = ask(&settings, "service.example", &issued, ANY).await;
        taken.unwrap_or_else(|error| panic!("{sentence}: {error}"));
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
                ca: true,
                ..good.clone()
            }),
        ),
        ("service.example", &old_root, old_root.issue(&good)),
    ];
    for (index, (host, issuer, issued)) in cases.into_iter().enumerate() {
        for (engine, versions) in
            [(ANY, 0), (ONLY_12, 0), (ANY, 1), (ONLY_12, 1)].map(|(v, e)| (ENGINES[e], v))
        {
            let (settings, _file) = settings(issuer, false, policy(engine));
            let result = ask(&settings, host, &issued, versions).await;
            let info = result.unwrap_or_else(|error| panic!("case {index}, {host}: {error}"));
            assert_eq!(info.certificates.len(), 1 + issued.above.len());
            assert_eq!(info.engine, Some(engine));
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
            None,
        ),
        (
            &[21, 3, 3, 0, 2, 2, 40],
            "service.example (server side) ended the TLS handshake with the alert handshake_failure",
            Some("ciphers that are broken"),
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
        let (result, _theirs) =
            tokio::join!(connect(ours, asked("service.example"), &settings), server);
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
async fn an_old_server_is_served_where_that_is_allowed_and_named_where_not() {
    let root = Issuer::new();
    let issued = root.issue(&Cert {
        names: &["service.example"],
        rsa_bits: Some(1024),
        ..Cert::default()
    });
    let (strict, _file) = settings(&root, false, TlsPolicy::default());
    let (open, _file) = settings(&root, false, versions("UNBOUNDED", "UNBOUNDED"));
    for (number, version, label, option) in [
        (SslVersion::SSL3, TlsVersion::Ssl3, "SSL 3.0", "SSL3"),
        (SslVersion::TLS1, TlsVersion::Tls10, "TLS 1.0", "TLS1"),
        (SslVersion::TLS1_1, TlsVersion::Tls11, "TLS 1.1", "TLS1_1"),
    ] {
        let only = (number, number);
        let error = ask(&strict, "service.example", &issued, only)
            .await
            .expect_err("too old");
        assert_eq!(
            error.to_string(),
            format!("service.example (server side) speaks {label}, which is not allowed")
        );
        assert_eq!(
            error.hint().expect("a hint"),
            format!("allow it with --set tls_version_server_min={option}")
        );
        let info = ask(&open, "service.example", &issued, only)
            .await
            .expect("it is allowed");
        assert_eq!(
            (info.version, info.engine),
            (Some(version), Some(TlsEngine::Legacy))
        );
        assert!(info.cipher.is_some() && info.group.is_some(), "{info:?}");
    }
}

fn versions(min: &str, max: &str) -> TlsPolicy {
    let options = PolicyOptions {
        min,
        max,
        ciphers: None,
        curve: None,
    };
    TlsPolicy::new("server", options).expect("a policy")
}

/// What the server needed is known the next time, and forgotten when it stops being true.
#[tokio::test]
async fn the_engine_that_a_server_needs_is_remembered() {
    let root = Issuer::new();
    let issued = root.issue(&Cert {
        names: &["service.example"],
        ..Cert::default()
    });
    let (settings, _file) = settings(&root, false, versions("TLS1", "UNBOUNDED"));
    let old = (SslVersion::TLS1, SslVersion::TLS1);
    let io = || openssl_server(&issued, old);
    let error = connect(io(), asked("service.example"), &settings)
        .await
        .expect_err("too old for it");
    assert!(error.is_worth_another_try());
    for _ in 0..2 {
        let (_, info) = connect(io(), asked("service.example"), &settings)
            .await
            .expect("the other one");
        assert_eq!(info.engine, Some(TlsEngine::Legacy));
    }
    let gone = tokio::io::duplex(100).0;
    let error = connect(gone, asked("service.example"), &settings)
        .await
        .expect_err("nobody is there");
    assert!(!error.is_worth_another_try());
    let (_, info) = connect(
        openssl_server(&issued, ANY),
        asked("service.example"),
        &settings,
    )
    .await
    .expect("a new server");
    assert_eq!(info.engine, Some(TlsEngine::Modern));
}

#[tokio::test]
async fn names_that_tls_cannot_ask_for_are_an_error() {
    let settings = ServerTlsSettings::new(ServerTlsOptions {
        insecure: true,
        ..Default::default()
    })
    .unwrap();
    let (ours, _theirs) = tokio::io::duplex(100);
    let error = connect(ours, asked("not a name"), &settings)
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
    let error = connect(ours, asked("service.example"), &settings)
        .await
        .expect_err("silence");
    assert_eq!(
        error.to_string(),
        "service.example (server side) did not finish the TLS handshake within 30 s"
    );
}
