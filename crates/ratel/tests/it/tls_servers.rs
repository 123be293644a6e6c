//! Servers of every kind of TLS: each is spoken with, or the row and the page say what is the matter and what to type.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use openssl::nid::Nid;
use openssl::provider::Provider;
use openssl::ssl::{SslAcceptor, SslMethod, SslOptions, SslVersion};
use ratel_testkit::{Ca, Identity, Key, Origin, Ratel, SServer, Wire, origin, peer, wire};

use crate::common::{assert_says, dump, stdout, trusting};

/// What is asked of one server.
struct Case {
    what: &'static str,
    /// What `openssl s_server` is told beside its certificate.
    server: &'static [&'static str],
    /// Words of its page about the connection, or of the explanation for why there is none.
    words: &'static [&'static str],
    served: bool,
}

const fn works(
    what: &'static str,
    server: &'static [&'static str],
    words: &'static [&'static str],
) -> Case {
    Case {
        what,
        server,
        words,
        served: true,
    }
}

const fn explained(
    what: &'static str,
    server: &'static [&'static str],
    words: &'static [&'static str],
) -> Case {
    Case {
        what,
        server,
        words,
        served: false,
    }
}

/// Asks for `https://localhost:port/` in one request to the proxy.
fn ask(ratel: &Ratel, port: u16) -> wire::Reply {
    let request = format!(
        "GET https://localhost:{port}/ HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    );
    Wire::connect(ratel.port()).ask(&request)
}

fn proxy(ca: &Ca, set: &[&str]) -> Ratel {
    let options = set.iter().flat_map(|option| ["--set", option]);
    trusting(dump(), &ca.file()).args(options).start()
}

fn check(ratel: &Ratel, identity: &Identity, cases: &[Case]) {
    for case in cases {
        let Some(server) = SServer::start(identity, case.server) else {
            return;
        };
        judge(ratel, server.port, case);
    }
}

fn judge(ratel: &Ratel, port: u16, case: &Case) {
    let reply = ask(ratel, port);
    assert_eq!(
        reply.status,
        if case.served { 200 } else { 502 },
        "{}: {}",
        case.what,
        reply.text()
    );
    assert_says(&reply.text(), case.words);
    if !case.served {
        // The page and the log say the same.
        let row = ratel.wait_output(case.words[0]);
        assert_says(&row, case.words);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn todays_servers() {
    let ca = Ca::new();
    let ratel = proxy(&ca, &[]);
    let ecdsa = ca.issue(&["localhost"]);
    let rsa = ca.issue_for_key(&["localhost"], Key::Rsa(2048));
    check(
        &ratel,
        &ecdsa,
        &[
            works(
                "TLS 1.3",
                &["-tls1_3"],
                &["TLSv1.3", "TLS_AES_128_GCM_SHA256"],
            ),
            works(
                "TLS 1.3, AES-256",
                &["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"],
                &["TLS_AES_256_GCM_SHA384"],
            ),
            works(
                "TLS 1.3, ChaCha20",
                &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
                &["CHACHA20"],
            ),
            works(
                "TLS 1.3, AES-CCM, which only OpenSSL has",
                &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
                &["TLS_AES_128_CCM_SHA256"],
            ),
            works(
                "TLS 1.3 after a HelloRetryRequest",
                &["-tls1_3", "-groups", "P-384"],
                &["TLSv1.3"],
            ),
            works(
                "TLS 1.3, a curve only OpenSSL has",
                &["-tls1_3", "-groups", "P-521"],
                &["TLSv1.3"],
            ),
            works(
                "TLS 1.3, X448",
                &["-tls1_3", "-groups", "X448"],
                &["TLSv1.3"],
            ),
            works(
                "TLS 1.3, DH",
                &["-tls1_3", "-groups", "ffdhe2048"],
                &["TLSv1.3"],
            ),
            works(
                "TLS 1.3 without tickets",
                &["-tls1_3", "-num_tickets", "0"],
                &["TLSv1.3"],
            ),
            works("TLS 1.2", &["-tls1_2"], &["TLSv1.2", "ECDHE-ECDSA-AES"]),
            works(
                "TLS 1.2, CBC",
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
                &["ECDHE-ECDSA-AES128-SHA"],
            ),
            works(
                "TLS 1.2, CBC and SHA-384",
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"],
                &["ECDHE-ECDSA-AES256-SHA384"],
            ),
            works(
                "TLS 1.2, CCM",
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM"],
                &["ECDHE-ECDSA-AES128-CCM"],
            ),
            works(
                "TLS 1.2, Camellia",
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-CAMELLIA128-SHA256"],
                &["CAMELLIA128"],
            ),
            works(
                "TLS 1.2, ARIA",
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-ARIA128-GCM-SHA256"],
                &["ARIA128"],
            ),
            works(
                "without renegotiation",
                &["-tls1_2", "-no_renegotiation"],
                &["TLSv1.2"],
            ),
            works(
                "with ALPN for HTTP/1 only",
                &["-alpn", "http/1.1"],
                &["TLSv1.3"],
            ),
            explained(
                "without encryption",
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"],
                &["handshake_failure", "tls_version_server_min=UNBOUNDED"],
            ),
        ],
    );
    check(
        &ratel,
        &rsa,
        &[
            works("RSA, TLS 1.3", &["-tls1_3"], &["TLSv1.3"]),
            works("RSA, TLS 1.2", &["-tls1_2"], &["ECDHE-RSA-AES"]),
            works(
                "key exchange with RSA",
                &["-tls1_2", "-cipher", "AES128-SHA"],
                &["AES128-SHA"],
            ),
            works(
                "key exchange with RSA, GCM",
                &["-tls1_2", "-cipher", "AES256-GCM-SHA384"],
                &["AES256-GCM-SHA384"],
            ),
            works(
                "key exchange with DH",
                &["-tls1_2", "-cipher", "DHE-RSA-AES128-SHA"],
                &["DHE-RSA-AES128-SHA"],
            ),
            works(
                "key exchange with DH, GCM",
                &["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"],
                &["DHE-RSA-AES256-GCM-SHA384"],
            ),
            works(
                "key exchange with RSA, Camellia",
                &["-tls1_2", "-cipher", "CAMELLIA256-SHA"],
                &["CAMELLIA256-SHA"],
            ),
            works(
                "a signature of SHA-1",
                &[
                    "-tls1_2",
                    "-sigalgs",
                    "RSA+SHA1",
                    "-cipher",
                    "ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0",
                ],
                &["ECDHE-RSA"],
            ),
        ],
    );
}

#[test]
fn keys_of_every_kind() {
    let ca = Ca::new();
    let ratel = proxy(&ca, &[]);
    for (what, key) in [
        ("P-384", Key::Ec(Nid::SECP384R1)),
        ("P-521", Key::Ec(Nid::SECP521R1)),
        ("Ed25519", Key::Ed25519),
        ("RSA with 4096 bits", Key::Rsa(4096)),
        ("secp256k1", Key::Ec(Nid::SECP256K1)),
        ("brainpool", Key::Ec(Nid::BRAINPOOL_P256R1)),
    ] {
        let identity = ca.issue_for_key(&["localhost"], key);
        for server in [
            &["-tls1_2", "-cipher", "ALL:@SECLEVEL=0"][..],
            &["-tls1_3", "-cipher", "ALL:@SECLEVEL=0"],
        ] {
            // TLS 1.3 has no signatures for these two in the OpenSSL of many systems.
            if server[0] == "-tls1_3" && matches!(what, "secp256k1" | "brainpool") {
                continue;
            }
            check(
                &ratel,
                &identity,
                &[Case {
                    what,
                    server,
                    words: &["TLSv1."],
                    served: true,
                }],
            );
        }
    }
}

#[test]
fn short_keys_are_allowed_or_explained() {
    let ca = Ca::new();
    let identity = ca.issue_for_key(&["localhost"], Key::Rsa(1024));
    let server = &["-tls1_2", "-cipher", "ALL:@SECLEVEL=0"];
    let words = &[
        "has a key of 1024 bits, which is too weak",
        "--set tls_version_server_min=UNBOUNDED",
    ];
    check(
        &proxy(&ca, &[]),
        &identity,
        &[explained("RSA with 1024 bits", server, words)],
    );
    check(
        &proxy(&ca, &["tls_version_server_min=UNBOUNDED"]),
        &identity,
        &[works("RSA with 1024 bits, allowed", server, &["TLSv1.2"])],
    );
}

/// By default nothing older than TLS 1.2 is spoken, and it is said what the server speaks and how to allow it.
#[test]
fn servers_of_another_time() {
    let ca = Ca::new();
    let rsa = ca.issue_for_key(&["localhost"], Key::Rsa(1024));
    let strict = proxy(&ca, &[]);
    check(
        &strict,
        &rsa,
        &[
            explained(
                "TLS 1.1",
                &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                &[
                    "speaks TLS 1.1, which is not allowed",
                    "--set tls_version_server_min=TLS1_1",
                ],
            ),
            explained(
                "TLS 1.0",
                &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
                &[
                    "speaks TLS 1.0, which is not allowed",
                    "--set tls_version_server_min=TLS1",
                ],
            ),
        ],
    );
    let open = proxy(&ca, &["tls_version_server_min=UNBOUNDED"]);
    check(
        &open,
        &rsa,
        &[
            works(
                "TLS 1.1",
                &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                &["TLSv1.1"],
            ),
            works(
                "TLS 1.0",
                &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
                &["TLSv1"],
            ),
            works(
                "TLS 1.0 with RSA alone",
                &["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"],
                &["AES128-SHA"],
            ),
            works(
                "TLS 1.0 with DH",
                &["-tls1", "-cipher", "DHE-RSA-AES256-SHA:@SECLEVEL=0"],
                &["DHE-RSA-AES256-SHA"],
            ),
            works(
                "TLS 1.3 all the same",
                &["-tls1_3", "-cipher", "ALL:@SECLEVEL=0"],
                &["TLSv1.3"],
            ),
        ],
    );
    let tls1 = proxy(
        &ca,
        &[
            "tls_version_server_min=TLS1",
            "tls_version_server_max=TLS1_2",
        ],
    );
    check(
        &tls1,
        &rsa,
        &[
            works(
                "up to TLS 1.2",
                &["-cipher", "ALL:@SECLEVEL=0"],
                &["TLSv1.2"],
            ),
            explained(
                "TLS 1.3 alone",
                &["-tls1_3", "-cipher", "ALL:@SECLEVEL=0"],
                &["no TLS version in common", "tls_version_server_max"],
            ),
        ],
    );
}

/// What the `openssl` of most systems can't do any more.
#[test]
fn servers_that_are_older_than_the_openssl_of_this_system() {
    let ca = Ca::new();
    let identity = ca.issue_for_key(&["localhost"], Key::Rsa(2048));
    let strict = proxy(&ca, &[]);
    let open = proxy(&ca, &["tls_version_server_min=UNBOUNDED"]);
    for (version, ciphers, strictly, openly) in [
        (
            SslVersion::SSL3,
            "ALL",
            Some("speaks SSL 3.0, which is not allowed"),
            "SSLv3",
        ),
        (SslVersion::SSL3, "RC4-MD5", None, "RC4-MD5"),
        (SslVersion::TLS1, "DES-CBC3-SHA", None, "DES-CBC3-SHA"),
        (SslVersion::TLS1, "RC4-SHA", None, "RC4-SHA"),
        (SslVersion::TLS1_1, "SEED-SHA", None, "SEED-SHA"),
        (SslVersion::TLS1_1, "IDEA-CBC-SHA", None, "IDEA-CBC-SHA"),
        (
            SslVersion::TLS1_2,
            "RC4-SHA",
            Some("handshake_failure"),
            "RC4-SHA",
        ),
        (
            SslVersion::TLS1_2,
            "DES-CBC3-SHA",
            Some("DES-CBC3-SHA"),
            "DES-CBC3-SHA",
        ),
    ] {
        let origin = old_origin(&identity, version, ciphers);
        if let Some(words) = strictly {
            let reply = ask(&strict, origin.port());
            assert_says(&reply.text(), &[words]);
        }
        let reply = ask(&open, origin.port());
        assert_says(&reply.text(), &[openly]);
        assert_eq!(reply.status, 200, "{version:?} {ciphers}");
    }
}

/// An origin that speaks only this, and answers with what was agreed on.
fn old_origin(identity: &Identity, version: SslVersion, ciphers: &str) -> Origin {
    static RC4: OnceLock<Option<Provider>> = OnceLock::new();
    RC4.get_or_init(|| Provider::try_load(None, "legacy", true).ok());
    let mut acceptor =
        SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("a context");
    acceptor.set_security_level(0);
    acceptor.clear_options(SslOptions::NO_SSLV3 | SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    acceptor
        .set_min_proto_version(Some(version))
        .expect("a version");
    acceptor
        .set_max_proto_version(Some(version))
        .expect("a version");
    acceptor
        .set_cipher_list(&format!("{ciphers}:@SECLEVEL=0"))
        .expect("ciphers");
    acceptor
        .set_certificate_chain_file(identity.cert_file())
        .expect("a certificate");
    acceptor
        .set_private_key_file(identity.key_file(), openssl::ssl::SslFiletype::PEM)
        .expect("its key");
    Origin::tls_by(acceptor.build(), |wire| {
        let agreed = wire.agreed();
        origin::serve(wire, move |_, _| origin::ok(&agreed));
    })
}

/// `-k` accepts what no list of authorities would, down to servers that show no certificate at all.
#[test]
fn servers_that_nobody_vouches_for() {
    let ca = Ca::new();
    let ratel = proxy(
        &ca,
        &["ssl_insecure=true", "tls_version_server_min=UNBOUNDED"],
    );
    check(
        &ratel,
        &Identity::self_signed(&["other.example"]),
        &[
            works("self-signed, of another name", &[], &["TLSv1.3"]),
            works(
                "no certificate at all",
                &[
                    "-tls1_2",
                    "-nocert",
                    "-cipher",
                    "ADH-AES128-SHA:@SECLEVEL=0",
                ],
                &["ADH-AES128-SHA"],
            ),
            works(
                "no encryption",
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"],
                &["ECDHE-ECDSA-NULL-SHA"],
            ),
            works(
                "unsafe renegotiation",
                &["-tls1_2", "-legacy_renegotiation"],
                &["TLSv1.2"],
            ),
        ],
    );
}

/// Servers that want to see a certificate.
#[test]
fn servers_that_ask_for_a_certificate() {
    let ca = Ca::new();
    let server = ca.issue_for_key(&["localhost"], Key::Rsa(2048));
    let ca_file = ca.file();
    let ca_file = ca_file.to_str().expect("a path in UTF-8");
    let wanting = |version: &'static str| {
        let args = [
            version,
            "-Verify",
            "2",
            "-verify_return_error",
            "-CAfile",
            ca_file,
            "-cipher",
            "ALL:@SECLEVEL=0",
        ];
        SServer::start(&server, &args)
    };
    let versions = ["-tls1_3", "-tls1_2", "-tls1_1", "-tls1"];
    let without = proxy(&ca, &["tls_version_server_min=UNBOUNDED"]);
    for version in &versions[..2] {
        let Some(server) = wanting(version) else {
            return;
        };
        let reply = ask(&without, server.port);
        assert_eq!(reply.status, 502, "{version}");
        assert_says(&reply.text(), &["certificate", "--set client_certs=FILE"]);
    }
    let (own, other) = (ca.issue(&["me.example"]), Ca::named("somebody else"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(own.pem_file(), folder.path().join("localhost.pem")).expect("a copy");
    for path in [own.pem_file(), folder.path().into()] {
        let option = format!("client_certs={}", path.display());
        let with = proxy(&ca, &["tls_version_server_min=UNBOUNDED", &option]);
        for version in versions {
            let Some(server) = wanting(version) else {
                return;
            };
            let reply = ask(&with, server.port);
            assert_eq!(reply.status, 200, "{version}: {}", reply.text());
            assert_says(&reply.text(), &["me.example"]);
        }
    }
    let stranger = other.issue(&["me.example"]);
    let option = format!("client_certs={}", stranger.pem_file().display());
    let with = proxy(&ca, &[&option]);
    for version in &versions[..2] {
        let Some(server) = wanting(version) else {
            return;
        };
        let reply = ask(&with, server.port);
        assert_eq!(reply.status, 502, "{version}");
        assert_says(&reply.text(), &["unknown_ca", "certificate"]);
    }
    assert_refused_at_start(
        Path::new("/nowhere/me.pem"),
        "the certificate in /nowhere/me.pem can't be read",
    );
    assert_refused_at_start(&own.key_file(), "holds a private key alone");
    assert_refused_at_start(&own.cert_file(), "has no private key");
}

fn assert_refused_at_start(path: &Path, words: &str) {
    let output = dump()
        .args([
            "--set".to_owned(),
            format!("client_certs={}", path.display()),
        ])
        .run();
    assert!(!output.status.success());
    assert_says(&String::from_utf8_lossy(&output.stderr), &[words]);
}

/// Ciphers and curves as told.
#[test]
fn servers_see_the_ciphers_and_the_curve_that_options_name() {
    let ca = Ca::new();
    let rsa = ca.issue_for_key(&["localhost"], Key::Rsa(2048));
    let ratel = proxy(
        &ca,
        &["ciphers_server=AES256-SHA", "tls_version_server_max=TLS1_2"],
    );
    check(
        &ratel,
        &rsa,
        &[
            works("the cipher", &[], &["AES256-SHA"]),
            explained(
                "another cipher",
                &["-tls1_2", "-cipher", "AES128-SHA"],
                &["handshake_failure"],
            ),
        ],
    );
    let ratel = proxy(&ca, &["tls_ecdh_curve_server=secp384r1"]);
    check(
        &ratel,
        &rsa,
        &[
            works("the curve", &["-tls1_3", "-groups", "P-384"], &["TLSv1.3"]),
            explained(
                "another curve",
                &["-tls1_3", "-groups", "X25519"],
                &["handshake_failure"],
            ),
        ],
    );
}

/// What the authority says of a certificate that it has revoked, as a server hands it along; none without openssl.
fn revocation(ca: &Ca, identity: &Identity, folder: &Path) -> Option<PathBuf> {
    let openssl = peer::find("openssl")?;
    let run = |args: &[&OsStr]| peer::output(Command::new(&openssl).args(args).current_dir(folder));
    let (cert, issuer, key) = (identity.cert_file(), ca.file(), ca.key_file());
    let serial = run(&[
        "x509".as_ref(),
        "-noout".as_ref(),
        "-serial".as_ref(),
        "-in".as_ref(),
        cert.as_ref(),
    ]);
    let serial = stdout(&serial);
    let serial = serial
        .trim()
        .strip_prefix("serial=")
        .expect("a serial number");
    let index = format!("R\t351231235959Z\t260102030405Z\t{serial}\tunknown\t/CN=localhost\n");
    std::fs::write(folder.join("index.txt"), index).expect("room");
    let authority = [
        ("-CA", &issuer),
        ("-rsigner", &issuer),
        ("-rkey", &key),
        ("-issuer", &issuer),
        ("-cert", &cert),
    ];
    let mut args: Vec<&OsStr> = [
        "ocsp",
        "-index",
        "index.txt",
        "-ndays",
        "7",
        "-respout",
        "response.der",
    ]
    .map(OsStr::new)
    .to_vec();
    for (name, file) in &authority {
        args.extend([OsStr::new(name), file.as_os_str()]);
    }
    run(&args);
    let response = folder.join("response.der");
    assert!(response.exists(), "openssl ocsp has written no response");
    Some(response)
}

#[test]
fn a_revoked_certificate_is_refused_where_the_server_says_so_itself() {
    let ca = Ca::new();
    let identity = ca.issue(&["localhost"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(response) = revocation(&ca, &identity, folder.path()) else {
        return;
    };
    let response = response.to_str().expect("a path in UTF-8");
    let words = ["was revoked on 2026-01-02", "pass -k to accept it"];
    for (version, engine) in [
        ("-tls1_3", ""),
        ("-tls1_2", ""),
        ("-tls1_2", "ciphers_server=ALL"),
    ] {
        let set = [engine].into_iter().filter(|set| !set.is_empty());
        let ratel = proxy(&ca, &set.collect::<Vec<_>>());
        let Some(server) = SServer::start(&identity, &[version, "-status_file", response]) else {
            return;
        };
        let reply = ask(&ratel, server.port);
        assert_eq!(reply.status, 502, "{version}: {}", reply.text());
        assert_says(&reply.text(), &words);
    }
}
