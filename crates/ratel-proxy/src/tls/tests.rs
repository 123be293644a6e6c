//! Handshakes from end to end: with OpenSSL on the other side, and between our own two sides.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use openssl::pkey::Id;
use openssl::ssl::{SslContextBuilder, SslVersion};
use openssl::x509::X509;
use ratel_flow::{Side, TlsEngine, TlsInfo, TlsVersion};
use ratel_proto::client_hello::{self, ClientHello};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::testing::{ANY, Issuer, ONLY_12, Seen, openssl_client};
use super::*;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Setup {
    _folder: tempfile::TempDir,
    ca: CaStore,
    leaves: LeafCache,
    settings: ClientTlsSettings,
}

impl Setup {
    fn new() -> Self {
        Self::with(ClientTlsOptions::default())
    }

    fn with(options: ClientTlsOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ca, origin) = CaStore::open(folder.path(), &CaSettings::default()).expect("a CA");
        assert_eq!(origin, CaOrigin::Created);
        let leaves = LeafCache::new(&ca);
        Self {
            _folder: folder,
            ca,
            leaves,
            settings: ClientTlsSettings::new(options),
        }
    }

    /// Clients of the version that is the oldest allowed are served, and by the legacy engine only if `ciphers` are named.
    fn allowing(min: &str, ciphers: Option<&str>) -> Self {
        let options = PolicyOptions {
            min,
            max: "UNBOUNDED",
            ciphers,
            curve: None,
        };
        Self::with(ClientTlsOptions {
            policy: TlsPolicy::new("client", options).expect("a policy"),
            ..Default::default()
        })
    }

    /// One for each engine.
    fn both() -> [Self; 2] {
        [Self::new(), Self::allowing("TLS1_2", Some("ALL"))]
    }

    fn trusted(&self) -> Vec<u8> {
        std::fs::read(self.ca.cert_pem_path()).expect("the CA's certificate")
    }

    /// Reads a hello from `io` and does the rest of the handshake.
    async fn accept<S>(
        &self,
        io: S,
        host: Option<&str>,
    ) -> Result<(ClientTls<Replay<S>>, TlsInfo), TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (hello, io) = read_hello(io).await;
        let spec = LeafSpec::for_connection(None, hello.sni.as_deref(), LOCAL, host, true);
        let leaf = self.leaves.get(spec).await.expect("a leaf");
        let alpn = [Bytes::from_static(b"http/1.1")];
        let named = hello.sni.as_deref().or(host).unwrap_or("nobody");
        client::accept(io, &hello, &leaf, &alpn, named, &self.ca, &self.settings).await
    }
}

/// What was read, then the rest.
type Replay<S> = tokio::io::Join<
    tokio::io::Chain<std::io::Cursor<Vec<u8>>, tokio::io::ReadHalf<S>>,
    tokio::io::WriteHalf<S>,
>;

async fn read_hello<S: AsyncRead + AsyncWrite>(io: S) -> (ClientHello, Replay<S>) {
    let (mut read, write) = tokio::io::split(io);
    let mut ahead = BytesMut::new();
    let hello = loop {
        assert_ne!(
            read.read_buf(&mut ahead).await.expect("an open pipe"),
            0,
            "no hello"
        );
        if let Some(hello) = client_hello::parse(&ahead).expect("a hello") {
            break hello;
        }
    };
    (
        hello,
        tokio::io::join(std::io::Cursor::new(ahead.to_vec()).chain(read), write),
    )
}

fn joined(client: std::thread::JoinHandle<Seen>) -> Seen {
    client.join().expect("the client did not panic")
}

/// An OpenSSL client against our side; what the client saw and what we found.
async fn serve(
    setup: &Setup,
    trusted: &[u8],
    versions: (SslVersion, SslVersion),
    tune: impl FnOnce(&mut SslContextBuilder),
) -> (Seen, Result<TlsInfo, TlsError>) {
    let (io, client) = openssl_client("service.example", trusted, versions, tune);
    // SSL 3.0 has no SNI.
    let accepted = setup.accept(io, Some("service.example")).await;
    let found = match accepted {
        Ok((mut stream, info)) => {
            let mut ping = [0; 4];
            stream.read_exact(&mut ping).await.expect("a ping");
            assert_eq!(&ping, b"ping");
            stream.write_all(b"pong").await.expect("an open connection");
            stream.flush().await.expect("an open connection");
            Ok(info)
        }
        Err(error) => Err(error),
    };
    let seen = tokio::task::spawn_blocking(|| joined(client))
        .await
        .expect("the client is done");
    (seen, found)
}

#[tokio::test]
async fn a_client_sees_a_leaf_and_the_ca_and_verifies_them() {
    for (setup, engine) in Setup::both()
        .into_iter()
        .zip([TlsEngine::Modern, TlsEngine::Legacy])
    {
        for (versions, version) in [(ANY, TlsVersion::Tls13), (ONLY_12, TlsVersion::Tls12)] {
            let offer =
                |c: &mut SslContextBuilder| c.set_alpn_protos(b"\x02h2\x08http/1.1").expect("ALPN");
            let (seen, found) = serve(&setup, &setup.trusted(), versions, offer).await;
            let (chain, info) = (seen.expect("a handshake"), found.expect("a handshake"));
            assert_eq!(chain.len(), 2, "the leaf and the CA");
            assert_eq!(
                chain[0].to_der().unwrap(),
                &setup.leaves.get(spec()).await.unwrap().chain()[0][..]
            );
            assert_eq!(chain[1].to_der().unwrap(), setup.ca.cert_der());
            assert_eq!(info.version, Some(version));
            assert_eq!(info.sni.as_deref(), Some("service.example"));
            assert_eq!(info.alpn.as_deref(), Some(&b"http/1.1"[..]));
            assert_eq!(info.alpn_offers, ["h2", "http/1.1"]);
            assert!(
                info.cipher.is_some() && info.group.is_some() && info.timestamp_setup.is_some()
            );
            assert_eq!(info.engine, Some(engine));
        }
    }
}

fn spec() -> LeafSpec {
    LeafSpec::for_connection(None, Some("service.example"), LOCAL, None, true)
}

#[tokio::test]
async fn without_a_protocol_in_common_none_is_agreed() {
    let setup = Setup::new();
    let offer = |c: &mut SslContextBuilder| c.set_alpn_protos(b"\x02h2").expect("ALPN");
    let (seen, found) = serve(&setup, &setup.trusted(), ANY, offer).await;
    seen.expect("a handshake");
    assert_eq!(found.expect("a handshake").alpn, None);
}

#[tokio::test]
async fn clients_that_know_only_rsa_get_an_rsa_leaf() {
    let setup = Setup::new();
    let signatures = |c: &mut SslContextBuilder| {
        c.set_sigalgs_list("RSA-PSS+SHA256:RSA+SHA256")
            .expect("a list")
    };
    let suites = |c: &mut SslContextBuilder| {
        c.set_cipher_list("ECDHE-RSA-AES128-GCM-SHA256")
            .expect("a list")
    };
    let tunings: [(_, fn(&mut SslContextBuilder)); 3] =
        [(ANY, signatures), (ONLY_12, signatures), (ONLY_12, suites)];
    for (versions, tune) in tunings {
        let (seen, found) = serve(&setup, &setup.trusted(), versions, tune).await;
        let chain = seen.expect("a handshake");
        assert_eq!(chain[0].public_key().unwrap().id(), Id::RSA);
        found.expect("a handshake");
    }
}

#[tokio::test]
async fn key_exchanges_of_today_and_a_second_hello() {
    let setup = Setup::new();
    // Of the last one the first key is none that is taken, so that another hello is asked for (RFC 8446 §4.1.4).
    for (offered, agreed) in [
        ("X25519MLKEM768", "X25519MLKEM768"),
        ("SecP256r1MLKEM768:X25519", "X25519"),
        ("P-384", "secp384r1"),
        ("brainpoolP256r1tls13:X25519", "X25519"),
    ] {
        let groups = |c: &mut SslContextBuilder| c.set_groups_list(offered).expect("a list");
        let (seen, found) = serve(&setup, &setup.trusted(), ANY, groups).await;
        seen.expect(offered);
        let info = found.expect(offered);
        let group = info.group.as_deref().unwrap_or_default();
        assert!(group.eq_ignore_ascii_case(agreed), "{offered}: {group}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_named_with_the_remedy() {
    let other = Issuer::new();
    let [modern, legacy] = &Setup::both();
    for (setup, versions) in [
        (modern, ANY),
        (modern, ONLY_12),
        (legacy, ANY),
        (legacy, ONLY_12),
    ] {
        let (seen, found) = serve(setup, &other.pem(), versions, |_| ()).await;
        assert!(seen.is_err());
        let error = found.expect_err("no handshake");
        assert_eq!(
            error.to_string(),
            "the client does not trust Ratel's certificate for service.example (alert unknown_ca)"
        );
        let file = setup.ca.cert_pem_path();
        assert_eq!(
            error.hint().unwrap(),
            format!("make the client trust {}", file.display())
        );
        assert_eq!(error.side(), Side::Client);
        assert_eq!(error.info().sni.as_deref(), Some("service.example"));
    }
}

#[tokio::test]
async fn a_client_that_leaves_after_seeing_the_certificate() {
    let setup = Setup::new();
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let (_, mut hello) = hello_of("service.example").await;
    let client = async move {
        theirs
            .write_all(&hello.split())
            .await
            .expect("an open pipe");
        theirs.read_u8().await.expect("an answer");
        drop(theirs);
    };
    let (accepted, ()) = tokio::join!(setup.accept(ours, None), client);
    let error = accepted.expect_err("no handshake");
    assert_eq!(
        error.to_string(),
        "the client closed the connection during the TLS handshake for service.example"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .starts_with("if this happens every time, make the client trust /")
    );
}

#[tokio::test]
async fn a_client_that_insists_on_an_encrypted_hello_is_explained() {
    let setup = Setup::new();
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let (_, mut hello) = hello_of("service.example").await;
    let client = async move {
        theirs
            .write_all(&hello.split())
            .await
            .expect("an open pipe");
        theirs.read_u8().await.expect("an answer");
        // A fatal ech_required (RFC 9849 §11.2).
        let alert = b"\x15\x03\x03\0\x02\x02\x79";
        theirs.write_all(alert).await.expect("an open pipe");
        theirs
    };
    let (accepted, _theirs) = tokio::join!(setup.accept(ours, None), client);
    let error = accepted.expect_err("no handshake");
    assert_eq!(
        error.to_string(),
        "the client insists on an encrypted ClientHello for service.example, which only the server can read (alert ech_required)"
    );
    assert_eq!(error.hint().unwrap(), "switch it off in the client");
}

/// The hello that our own server side sends, parsed and as bytes.
async fn hello_of(host: &'static str) -> (ClientHello, BytesMut) {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let connecting = tokio::spawn(async move {
        let settings = ServerTlsSettings::new(ServerTlsOptions {
            insecure: true,
            ..Default::default()
        });
        let server = Asked {
            host,
            port: 443,
            sni: None,
            alpn: &[],
        };
        server::connect(ours, server, &settings.expect("settings"))
            .await
            .map(drop)
    });
    let mut bytes = BytesMut::new();
    let hello = loop {
        theirs.read_buf(&mut bytes).await.expect("an open pipe");
        if let Some(hello) = client_hello::parse(&bytes).expect("a hello") {
            break hello;
        }
    };
    connecting.abort();
    (hello, bytes)
}

#[tokio::test]
async fn a_client_that_is_too_old_is_told_what_it_offers() {
    let setup = Setup::new();
    let old = (SslVersion::TLS1, SslVersion::TLS1_1);
    let (seen, found) = serve(&setup, &setup.trusted(), old, |_| ()).await;
    assert!(seen.is_err());
    let error = found.expect_err("no handshake");
    assert_eq!(
        error.to_string(),
        "the client and Ratel have no TLS version in common (for service.example)"
    );
    assert_eq!(
        error.hint().unwrap(),
        "the client offers TLS 1.1 at most; allow it with --set tls_version_client_min=TLS1_1"
    );
}

#[tokio::test]
async fn our_two_sides_speak_with_each_other_and_resume() {
    let setup = Setup::new();
    let options = ServerTlsOptions {
        trusted_ca: Some(setup.ca.cert_pem_path()),
        ..Default::default()
    };
    let settings = ServerTlsSettings::new(options).expect("settings");
    let mut chains = Vec::new();
    for round in 0..3 {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let server = Asked {
            host: "192.0.2.7",
            port: 443,
            sni: Some("a.example"),
            alpn: &[Bytes::from_static(b"http/1.1")],
        };
        let (served, asked) = tokio::join!(
            setup.accept(ours, None),
            server::connect(theirs, server, &settings)
        );
        let ((mut at_server, of_client), (mut at_client, of_server)) =
            (served.expect("TLS"), asked.expect("TLS"));
        at_server.write_all(b"hello").await.unwrap();
        at_server.shutdown().await.unwrap();
        let mut text = String::new();
        at_client
            .read_to_string(&mut text)
            .await
            .expect("a proper end");
        assert_eq!(text, "hello");
        assert_eq!(
            (of_server.resumed, of_client.resumed),
            (round > 0, round > 0)
        );
        assert_eq!(of_client.cipher.as_deref(), Some("TLS_AES_128_GCM_SHA256"));
        assert_eq!(of_client.sni.as_deref(), Some("a.example"));
        assert_eq!(of_server.sni.as_deref(), Some("a.example"));
        assert_eq!(of_server.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!(of_server.certificates.len(), 2);
        chains.push(of_server.certificates);
    }
    assert!(
        Arc::ptr_eq(&chains[0], &chains[2]),
        "one chain is kept once"
    );
}

#[tokio::test]
async fn one_leaf_is_made_however_many_wait_for_it() {
    let setup = Setup::new();
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            tokio::spawn({
                let leaves = setup.leaves.clone();
                async move { leaves.get(spec()).await.expect("a leaf") }
            })
        })
        .collect();
    let mut made = Vec::new();
    for one in waiting {
        made.push(one.await.expect("a task"));
    }
    assert!(made.iter().all(|leaf| Arc::ptr_eq(leaf, &made[0])));
    assert!(Arc::ptr_eq(
        &made[0],
        &setup.leaves.get(spec()).await.expect("a leaf")
    ));
}

#[tokio::test]
async fn a_leaf_is_what_current_clients_want() {
    let setup = Setup::new();
    let leaf = setup.leaves.get(spec()).await.expect("a leaf");
    let ca = X509::from_der(setup.ca.cert_der()).expect("a certificate");
    let cert = X509::from_der(&leaf.chain()[0]).expect("a certificate");
    assert_eq!(
        cert.issuer_name().to_der().unwrap(),
        ca.subject_name().to_der().unwrap()
    );
    assert!(cert.verify(&ca.public_key().unwrap()).unwrap());
    assert_eq!(
        cert.authority_key_id().unwrap().as_slice(),
        ca.subject_key_id().unwrap().as_slice()
    );
    assert_eq!(cert.subject_key_id().unwrap().len(), 20);
    let text = String::from_utf8(cert.to_text().expect("text")).expect("text");
    for part in [
        "Subject: CN=service.example\n",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n",
        "X509v3 Subject Alternative Name: \n                DNS:service.example\n",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let now = openssl::asn1::Asn1Time::days_from_now(0).unwrap();
    let back = cert.not_before().diff(&now).unwrap();
    let whole = cert.not_before().diff(cert.not_after()).unwrap();
    assert_eq!((back.days, whole.days), (2, 199));
    let bits = cert.serial_number().to_bn().unwrap().num_bits();
    assert!((100..160).contains(&bits), "{bits}");
}

/// Old clients, and those whose wishes only the legacy engine knows.
#[tokio::test]
async fn clients_of_another_time_are_served_where_that_is_allowed() {
    let setup = Setup::allowing("UNBOUNDED", None);
    for (number, version) in [
        (SslVersion::SSL3, TlsVersion::Ssl3),
        (SslVersion::TLS1, TlsVersion::Tls10),
        (SslVersion::TLS1_1, TlsVersion::Tls11),
    ] {
        let (seen, found) = serve(&setup, &setup.trusted(), (number, number), |_| ()).await;
        seen.expect("a handshake");
        let info = found.expect("a handshake");
        assert_eq!(
            (info.version, info.engine),
            (Some(version), Some(TlsEngine::Legacy))
        );
    }
    let setup = Setup::new();
    for suite in [
        "AES128-SHA",
        "DHE-RSA-AES256-SHA256",
        "DES-CBC3-SHA",
        "ECDHE-ECDSA-AES128-SHA",
        "CAMELLIA256-SHA",
    ] {
        let tune = |c: &mut SslContextBuilder| {
            c.set_cipher_list(&format!("{suite}:@SECLEVEL=0"))
                .expect("a list")
        };
        let (seen, found) = serve(&setup, &setup.trusted(), ONLY_12, tune).await;
        seen.expect("a handshake");
        let info = found.expect("a handshake");
        assert_eq!(
            (info.cipher.as_deref(), info.engine),
            (Some(suite), Some(TlsEngine::Legacy))
        );
    }
}
