//! Connections that are passed through untouched, and those whose client refuses the certificate it is shown.

use openssl::symm::{Cipher, encrypt_aead};
use ratel_core::options::Value;
use ratel_flow::{FlowKind, StreamKind};
use rustls::{ConnectionTrafficSecrets, ExtractedSecrets};
use tokio::io::AsyncWriteExt;

use super::tcp::client_tls_by;
use super::*;

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

pub(super) fn list(pattern: &str) -> Value {
    Value::List(vec![pattern.into()])
}

/// A tunnel to `a.test:443` that stands.
async fn tunnel(options: &[(&str, Value)]) -> (Play, DuplexStream) {
    tunnel_with(AddonChain::default(), options).await
}

pub(super) async fn tunnel_with(
    addons: AddonChain,
    options: &[(&str, Value)],
) -> (Play, DuplexStream) {
    let mut play = play("regular", addons, options);
    play.send(b"CONNECT a.test:443 HTTP/1.1\r\n\r\n").await;
    let server = play.server().await;
    play.client_gets(ESTABLISHED).await;
    (play, server)
}

/// A ClientHello for `b.test`, in records of at most `size` bytes.
pub(super) fn hello(size: usize) -> Vec<u8> {
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = "b.test".try_into().expect("a name");
    let client = rustls::ClientConnection::new(Arc::new(config), name);
    let mut record = Vec::new();
    let written = client.expect("a client").write_tls(&mut record);
    written.expect("memory can be written");
    let (head, handshake) = record.split_at(5);
    handshake
        .chunks(size)
        .flat_map(|piece| {
            let len = u16::try_from(piece.len()).expect("a short piece");
            [&head[..3], &len.to_be_bytes(), piece].concat()
        })
        .collect()
}

/// Both directions, and the end of each, without a record.
async fn check_untouched(mut play: Play, mut server: DuplexStream, first: &[u8]) {
    for piece in first.chunks(7) {
        play.send(piece).await;
        tokio::task::yield_now().await;
    }
    gets(&mut server, first).await;
    server.write_all(b"\x15not TLS at all").await.expect("room");
    play.client_gets(b"\x15not TLS at all").await;
    play.client.shutdown().await.expect("open");
    assert_eq!(rest(&mut server).await, "");
    server.write_all(b"late").await.expect("room");
    play.client_gets(b"late").await;
    drop(server);
    assert_eq!(play.client_rest().await, "");
    let records = play.records().await;
    assert!(
        records.iter().all(|flow| flow.kind == FlowKind::Http),
        "nothing but the CONNECT is on record: {records:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_ignored_passes_byte_for_byte() {
    for (option, pattern) in [
        ("ignore_hosts", r"^A\.test:443$"),
        ("ignore_hosts", r"^b\.test:443$"),
        ("allow_hosts", r"^c\."),
    ] {
        for size in [16, 1 << 14] {
            let (play, server) = tunnel(&[(option, list(pattern))]).await;
            check_untouched(play, server, &hello(size)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_field_says_where_a_plain_request_goes() {
    let request = b"GET / HTTP/1.1\r\nHost: b.test:80\r\n\r\n";
    for options in [
        [("ignore_hosts", list(r"^b\.test:80$"))],
        [("allow_hosts", list(r"^b\.test:443$"))],
    ] {
        let (play, server) = tunnel(&options).await;
        check_untouched(play, server, request).await;
    }

    let (mut play, mut server) = tunnel(&[("allow_hosts", list(r"^b\.test:80$"))]).await;
    play.send(request).await;
    gets(&mut server, request).await;
    drop(server);
    play.client_rest().await;
    let records = play.records().await;
    let request = records.last().and_then(|flow| flow.request.as_ref());
    assert_eq!(&request.expect("a request").method[..], b"GET");
}

#[tokio::test(start_paused = true)]
async fn what_is_neither_tls_nor_http_is_ignored_too() {
    let (play, server) = tunnel(&[("allow_hosts", list("^c"))]).await;
    check_untouched(play, server, b"SSH-2.0-x\r\n").await;
    let off = [("ignore_hosts", list("^a")), ("rawtcp", Value::Bool(false))];
    let (mut play, mut server) = tunnel(&off).await;
    server.write_all(b"220 a.test\r\n").await.expect("room");
    play.client_gets(b"220 a.test\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_reverse_proxy_passes_through_too() {
    for mode in ["reverse:https://a.test", "reverse:http://a.test:443"] {
        let mut play = play(mode, AddonChain::default(), &[("ignore_hosts", list("^b"))]);
        let hello = hello(1 << 14);
        let (first, second) = hello.split_at(100);
        play.send(first).await;
        play.send(second).await;
        let server = play.server().await;
        let mut server = server;
        gets(&mut server, &hello).await;
        check_untouched(play, server, b"more").await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_passed_through_is_on_record_if_that_is_wanted() {
    for pattern in ["^a", "^b"] {
        let options = [
            ("ignore_hosts", list(pattern)),
            ("show_ignored_hosts", Value::Bool(true)),
        ];
        let (mut play, mut server) = tunnel(&options).await;
        let hello = hello(64);
        for piece in hello.chunks(100) {
            play.send(piece).await;
            tokio::task::yield_now().await;
        }
        gets(&mut server, &hello).await;
        server.write_all(b"\x15\x03").await.expect("room");
        play.client_gets(b"\x15\x03").await;
        drop(server);
        play.client_rest().await;
        let records = play.records().await;
        let flow = records.last().expect("a record");
        assert_eq!(
            (flow.kind, flow.stream),
            (FlowKind::Tcp, Some(StreamKind::Tcp))
        );
        assert_eq!(flow.request_body, hello.len() as u64);
        let client = &flow.client_conn;
        let name = &pattern[1..];
        assert_eq!(
            client.passthrough.as_deref(),
            Some(&*format!(
                "{name}.test:443 matches '{pattern}' (ignore_hosts)"
            ))
        );
        let sni = client.tls.as_ref().and_then(|tls| tls.sni.as_deref());
        assert_eq!(sni, Some("b.test"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_is_opened() {
    let options = [("allow_hosts", list(r"^b\.test:"))];
    let mut play = play("reverse:http://a.test", AddonChain::default(), &options);
    let mut client = client_tls_by(&mut play, "b.test", |_| ()).await;
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n")
        .await
        .expect("room");
    client.flush().await.expect("room");
    let mut server = play.server().await;
    gets(&mut server, b"GET / HTTP/1.1\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_is_a_row_only_if_that_is_wanted() {
    for shown in [true, false] {
        let options = [
            ("ignore_hosts", list("^a")),
            ("show_ignored_hosts", Value::Bool(shown)),
        ];
        let mut play = play("reverse:https://a.test", AddonChain::default(), &options);
        play.pipes
            .refuse
            .lock()
            .expect("free")
            .push_back(io::ErrorKind::ConnectionRefused);
        assert_eq!(play.client_rest().await, "");
        let records = play.records().await;
        assert_eq!(records.len(), usize::from(shown));
        for flow in records {
            let error = flow.error.as_ref().expect("a reason");
            assert!(error.message.starts_with("cannot connect to a.test:443"));
        }
    }
}

/// The record of an alert as a client would send it next.
fn alert(secrets: ExtractedSecrets, alert: u8) -> Vec<u8> {
    let (seq, ConnectionTrafficSecrets::Aes128Gcm { key, iv }) = secrets.tx else {
        panic!("another cipher");
    };
    let mut nonce = iv.as_ref().to_vec();
    for (byte, of_seq) in nonce[4..].iter_mut().zip(seq.to_be_bytes()) {
        *byte ^= of_seq;
    }
    // Fatal, and the type of what is inside (RFC 8446 §5.2).
    let inner = [2, alert, 0x15];
    let head = [0x17, 3, 3, 0, 3 + 16];
    let mut tag = [0; 16];
    let cipher = Cipher::aes_128_gcm();
    let sealed = encrypt_aead(cipher, key.as_ref(), Some(&nonce), &head, &inner, &mut tag);
    [&head[..], &sealed.expect("a key and a nonce"), &tag].concat()
}

#[tokio::test]
async fn a_refusal_behind_the_handshake_is_the_same_as_in_it() {
    for (auto, remedy) in [
        (
            false,
            "; to pass a.test through: --set auto_passthrough=true or --ignore-hosts '^a\\.test:'",
        ),
        (
            true,
            "; its next connections to a.test are passed through (auto_passthrough)",
        ),
    ] {
        let options = [
            ("auto_passthrough", Value::Bool(auto)),
            ("connection_strategy", Value::Str("lazy".into())),
        ];
        let mut play = play("reverse:https://a.test", AddonChain::default(), &options);
        let client = client_tls_by(&mut play, "a.test", |config| {
            config.enable_secret_extraction = true;
        });
        let mut client = client.await;
        if auto {
            // The connection has begun already.
            client
                .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
                .await
                .expect("room");
            client.flush().await.expect("room");
        }
        let (mut io, client) = client.into_inner();
        let secrets = client.dangerous_extract_secrets().expect("TLS 1.3");
        io.write_all(&alert(secrets, 48)).await.expect("room");
        rest(&mut io).await;
        let records = play.records().await;
        let [flow] = &records[..] else {
            panic!("{records:?}");
        };
        assert_eq!(flow.kind, FlowKind::Connection);
        let error = flow.error.as_ref().expect("a reason");
        assert_eq!(
            &*error.message,
            "the client does not trust Ratel's certificate for a.test (alert unknown_ca)"
        );
        let hint = error.hint.as_deref().expect("a remedy");
        assert!(hint.starts_with("make the client trust /"), "{hint}");
        assert!(hint.ends_with(remedy), "{hint}");
    }
}

#[tokio::test]
async fn a_refusal_among_raw_bytes_is_the_same_too() {
    let options = [("tcp_hosts", list("^a"))];
    let mut play = play("reverse:http://a.test", AddonChain::default(), &options);
    let client = client_tls_by(&mut play, "a.test", |config| {
        config.enable_secret_extraction = true;
    });
    let (mut io, client) = client.await.into_inner();
    let _server = play.server().await;
    let secrets = client.dangerous_extract_secrets().expect("TLS 1.3");
    io.write_all(&alert(secrets, 42)).await.expect("room");
    rest(&mut io).await;
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("a reason");
    assert_eq!(
        &*error.message,
        "the client does not trust Ratel's certificate for a.test (alert bad_certificate)"
    );
    // A server without TLS has no certificate that could be seen instead.
    let hint = error.hint.as_deref().expect("a remedy");
    assert!(hint.ends_with("/ratel-ca-cert.pem"), "{hint}");
}

#[tokio::test]
async fn leaving_is_a_refusal_only_of_who_has_seen_the_certificate() {
    let auto = [("auto_passthrough", Value::Bool(true))];
    for waits in [true, false] {
        let mut play = play("reverse:https://a.test", AddonChain::default(), &auto);
        play.send(&hello(1 << 14)).await;
        let mut server = play.server().await;
        // The server is asked first.
        server.read_u8().await.expect("a hello");
        let (unused, _) = tokio::io::duplex(1);
        if !waits {
            drop(std::mem::replace(&mut play.client, unused));
            drop(server);
            drop(play.server().await);
        } else {
            drop(server);
            // It is asked again by the other engine.
            drop(play.server().await);
            play.client.read_u8().await.expect("a certificate");
            drop(std::mem::replace(&mut play.client, unused));
        }
        let records = play.records().await;
        let error = records[0].error.as_ref().expect("a reason");
        assert_eq!(
            &*error.message,
            "the client closed the connection during the TLS handshake for b.test"
        );
        let hint = error.hint.as_deref().unwrap_or_default();
        assert_eq!(hint.contains("(auto_passthrough)"), waits, "{hint}");
    }
}
