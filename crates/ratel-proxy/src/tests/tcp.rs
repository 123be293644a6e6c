//! Raw connections: what is passed on as it is, and how it is recorded.

use bytes::Bytes;
use ratel_core::addon::{Addon, HookFuture};
use ratel_core::control::FlowCommand;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::Value;
use ratel_core::store::FlowState;
use ratel_flow::{FlowKind, Message, StreamKind, TcpFlow};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::AsyncWriteExt;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::*;
use crate::tls::testing::{Cert, Issued};

const NONE: MessageFlags = MessageFlags(0);

/// A tunnel to `a.test:25` that stands.
pub(super) async fn tunnel(addons: AddonChain, options: &[(&str, Value)]) -> (Play, DuplexStream) {
    let mut play = play("regular", addons, options);
    play.send(b"CONNECT a.test:25 HTTP/1.1\r\n\r\n").await;
    let server = play.server().await;
    play.client_gets(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    (play, server)
}

async fn plain() -> (Play, DuplexStream) {
    tunnel(AddonChain::default(), &[]).await
}

fn data(side: Side, text: &str) -> Recorded {
    (side, MessageKind::Data, NONE, text.into())
}

#[tokio::test(start_paused = true)]
async fn bytes_of_an_unknown_protocol_pass_both_ways_and_each_read_is_a_message() {
    let (mut play, mut server) = plain().await;
    play.send(b"\x01hello").await;
    gets(&mut server, b"\x01hello").await;
    server.write_all(b"\x02hi").await.expect("room");
    play.client_gets(b"\x02hi").await;
    play.send(b"\x03bye").await;
    gets(&mut server, b"\x03bye").await;
    assert_eq!(
        play.messages(1),
        [
            data(Side::Client, "\x01hello"),
            data(Side::Server, "\x02hi"),
            data(Side::Client, "\x03bye"),
        ]
    );
    drop(server);
    assert_eq!(play.client_rest().await, "");
    let records = play.records().await;
    let [flow] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(flow.kind, FlowKind::Tcp);
    assert_eq!(flow.stream, Some(StreamKind::Tcp));
    assert_eq!((flow.state, &flow.error), (FlowState::Done, &None));
    let server = flow.server_conn.as_ref().expect("a server");
    assert_eq!(server.address, ("a.test".into(), 25));
}

#[tokio::test(start_paused = true)]
async fn a_server_may_speak_first() {
    let (mut play, mut server) = plain().await;
    server.write_all(b"220 a.test\r\n").await.expect("room");
    play.client_gets(b"220 a.test\r\n").await;
    play.send(b"EHLO b.test\r\n").await;
    gets(&mut server, b"EHLO b.test\r\n").await;
    assert_eq!(
        play.messages(1),
        [
            data(Side::Server, "220 a.test\r\n"),
            data(Side::Client, "EHLO b.test\r\n"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_one_side_is_passed_on_and_the_other_goes_on() {
    let (mut play, mut server) = plain().await;
    play.send(b"SSH-2.0-x\r\n").await;
    play.client.shutdown().await.expect("open");
    assert_eq!(rest(&mut server).await, "SSH-2.0-x\r\n");
    server.write_all(b"late").await.expect("room");
    play.client_gets(b"late").await;
    drop(server);
    assert_eq!(play.client_rest().await, "");
    assert!(play.records().await[0].error.is_none());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_cut_off_the_beginning_of_raw_bytes() {
    let (mut play, mut server) = plain().await;
    play.send(b"\r\n\x00x").await;
    gets(&mut server, b"\r\n\x00x").await;
}

#[tokio::test(start_paused = true)]
async fn a_word_that_no_request_begins_with_is_passed_on_after_a_moment() {
    let (mut play, mut server) = plain().await;
    play.send(b"HELLO").await;
    gets(&mut server, b"HELLO").await;

    let (mut play, mut server) = plain().await;
    play.send(b"GE").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    play.send(b"T / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    gets(&mut server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn where_it_is_switched_off_there_is_a_row_that_says_so() {
    let off = [("rawtcp", Value::Bool(false))];
    let (mut play, _server) = tunnel(AddonChain::default(), &off).await;
    play.send(b"SSH-2.0-x\r\n").await;
    assert_eq!(play.client_rest().await, "");
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("a reason");
    assert_eq!(records[0].kind, FlowKind::Connection);
    assert_eq!(
        error.to_string(),
        "neither TLS nor HTTP is spoken in this tunnel, and passing on anything else is switched off; \
         pass --set rawtcp=true to have such bytes passed on as they are"
    );

    let (mut play, mut server) = tunnel(AddonChain::default(), &off).await;
    server.write_all(b"220 a.test\r\n").await.expect("room");
    assert_eq!(play.client_rest().await, "");
    assert!(play.records().await[0].error.is_some());
}

#[tokio::test(start_paused = true)]
async fn socks_is_refused() {
    let mut play = play("regular", AddonChain::default(), &[]);
    play.send(b"\x05\x01\x00").await;
    assert_eq!(play.client_rest().await, "");
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("a reason");
    assert_eq!(
        &*error.message,
        "the client speaks SOCKS, which is not served here"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_is_a_row_with_what_the_client_said() {
    let lazy = [("connection_strategy", Value::Str("lazy".into()))];
    let mut play = play("regular", AddonChain::default(), &lazy);
    let refusal = io::ErrorKind::ConnectionRefused;
    play.pipes.refuse.lock().expect("free").push_back(refusal);
    play.send(b"CONNECT a.test:25 HTTP/1.1\r\n\r\n").await;
    play.client_gets(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    play.send(b"\x00lost").await;
    assert_eq!(play.client_rest().await, "");
    assert_eq!(play.body(1, Side::Client), "\x00lost");
    let records = play.records().await;
    assert_eq!(records[0].kind, FlowKind::Tcp);
    let error = records[0].error.as_ref().expect("a reason");
    assert!(error.message.starts_with("cannot connect to a.test:25"));
}

#[tokio::test(start_paused = true)]
async fn messages_are_injected_and_a_flow_is_killed() {
    let (mut play, mut server) = plain().await;
    play.send(b"\x00").await;
    gets(&mut server, b"\x00").await;
    let inject = |side, content| FlowCommand::Inject {
        side,
        kind: MessageKind::Data,
        content: Bytes::from_static(content),
    };
    let send = |command| play.control.send(FlowId(1), command).expect("a live flow");
    send(inject(Side::Client, b"up"));
    gets(&mut server, b"up").await;
    let send = |command| play.control.send(FlowId(1), command).expect("a live flow");
    send(inject(Side::Server, b"down"));
    play.client_gets(b"down").await;
    let injected = |side, text: &str| {
        let kind = MessageKind::Data;
        (side, kind, MessageFlags::INJECTED, text.to_owned())
    };
    assert_eq!(
        play.messages(1)[1..],
        [injected(Side::Client, "up"), injected(Side::Server, "down")]
    );
    play.control
        .send(FlowId(1), FlowCommand::Kill)
        .expect("a live flow");
    assert_eq!(play.client_rest().await, "");
    assert_eq!(rest(&mut server).await, "");
    assert!(
        play.control.send(FlowId(1), FlowCommand::Kill).is_err(),
        "it is over"
    );
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("a reason");
    assert_eq!(&*error.message, "Connection killed.");
}

/// Notes the hooks, upper-cases what is in lower case, drops what says so.
#[derive(Default)]
struct Probe(Mutex<Vec<String>>);

impl Addon for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn hooks(&self) -> HookSet {
        Hook::ALL.into_iter().fold(HookSet::NONE, HookSet::with)
    }

    fn tcp<'a>(
        &'a self,
        hook: Hook,
        _flow: &'a mut TcpFlow,
        message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        Box::pin(async move {
            self.0.lock().expect("free").push(hook.name().to_owned());
            if let Some(message) = message {
                if message.content.ends_with(b"drop") {
                    return message.drop_it();
                }
                message.content = message.content.to_ascii_uppercase().into();
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_may_change_and_drop_messages() {
    let probe = Arc::new(Probe::default());
    let chain = AddonChain::new(vec![probe.clone()]);
    let (mut play, mut server) = tunnel(chain, &[]).await;
    play.send(b"\x00abc").await;
    gets(&mut server, b"\x00ABC").await;
    server.write_all(b"OK").await.expect("room");
    play.client_gets(b"OK").await;
    play.send(b"\x00drop").await;
    play.client.shutdown().await.expect("open");
    assert_eq!(rest(&mut server).await, "", "what was dropped is not sent");
    drop(server);
    assert_eq!(play.client_rest().await, "");
    let data = |side, flags, text: &str| (side, MessageKind::Data, flags, text.to_owned());
    assert_eq!(
        play.messages(1),
        [
            data(Side::Client, MessageFlags::MODIFIED, "\x00ABC"),
            data(Side::Server, NONE, "OK"),
            data(Side::Client, MessageFlags::DROPPED, "\x00drop"),
        ]
    );
    play.records().await;
    let seen = probe.0.lock().expect("free").clone();
    let message = "tcp_message";
    assert_eq!(seen, ["tcp_start", message, message, message, "tcp_end"]);
}

/// TLS on both ends of a tunnel, the client's hello and the server's answer with these protocols.
async fn secured(
    play: &mut Play,
    server: DuplexStream,
    alpn: &[&[u8]],
) -> (
    client::TlsStream<DuplexStream>,
    server::TlsStream<DuplexStream>,
) {
    let alpn: Vec<Vec<u8>> = alpn.iter().map(|name| name.to_vec()).collect();
    let cert = Cert {
        names: &["a.test"],
        ..Cert::default()
    };
    let issued = Issued::self_signed(&cert);
    let key = issued.key.private_key_to_pkcs8().expect("a key");
    let chain = vec![issued.cert.to_der().expect("DER").into()];
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key).into())
        .expect("a certificate");
    config.alpn_protocols.clone_from(&alpn);
    let accepted = tokio::spawn(TlsAcceptor::from(Arc::new(config)).accept(server));
    let client = client_tls(play, "a.test", alpn).await;
    let server = accepted.await.expect("no panic").expect("a handshake");
    (client, server)
}

/// TLS from the client, which trusts the proxy's certificate alone.
pub(super) async fn client_tls(
    play: &mut Play,
    name: &'static str,
    alpn: Vec<Vec<u8>>,
) -> client::TlsStream<DuplexStream> {
    client_tls_by(play, name, |config| config.alpn_protocols = alpn).await
}

/// As [`client_tls`], with a configuration of one's own.
pub(super) async fn client_tls_by(
    play: &mut Play,
    name: &'static str,
    tune: impl FnOnce(&mut rustls::ClientConfig),
) -> client::TlsStream<DuplexStream> {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(&play.ca).expect("PEM");
    roots.add(ca).expect("a certificate");
    let mut config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tune(&mut config);
    let (stand_in, _) = tokio::io::duplex(1);
    let client = std::mem::replace(&mut play.client, stand_in);
    let name = ServerName::try_from(name).expect("a name");
    let connected = TlsConnector::from(Arc::new(config)).connect(name, client);
    connected.await.expect("a handshake")
}

#[tokio::test]
async fn inside_tls_a_server_may_speak_first_too() {
    let (mut play, server) = plain().await;
    let (mut client, mut server) = secured(&mut play, server, &[b"imap"]).await;
    let alpn = client.get_ref().1.alpn_protocol();
    assert_eq!(alpn, Some(&b"imap"[..]), "other protocols are agreed on");
    server.write_all(b"* OK\r\n").await.expect("room");
    server.flush().await.expect("room");
    gets(&mut client, b"* OK\r\n").await;
    client.write_all(b"a1 LOGOUT\r\n").await.expect("room");
    client.flush().await.expect("room");
    gets(&mut server, b"a1 LOGOUT\r\n").await;
    assert_eq!(
        play.messages(1),
        [
            data(Side::Server, "* OK\r\n"),
            data(Side::Client, "a1 LOGOUT\r\n"),
        ]
    );
    drop((client, server));
    let records = play.records().await;
    let tls = records[0]
        .server_conn
        .as_ref()
        .and_then(|conn| conn.tls.clone());
    assert_eq!(tls.expect("TLS").alpn.as_deref(), Some(&b"imap"[..]));
}

#[tokio::test]
async fn listed_hosts_are_raw_inside_tls_whatever_they_speak() {
    for pattern in ["^A\\.test$", ":25$"] {
        let listed = [("tcp_hosts", Value::List(vec![pattern.into()]))];
        let (mut play, server) = tunnel(AddonChain::default(), &listed).await;
        let (mut client, mut server) = secured(&mut play, server, &[b"h2", b"http/1.1"]).await;
        let request = b"GET / HTTP/1.1\r\n\r\n";
        client.write_all(request).await.expect("room");
        client.flush().await.expect("room");
        gets(&mut server, request).await;
        let text = String::from_utf8_lossy(request);
        assert_eq!(play.messages(1), [data(Side::Client, &text)]);
    }
}

#[tokio::test(start_paused = true)]
async fn listed_hosts_are_raw_without_tls_in_reverse_mode() {
    let listed = [("tcp_hosts", Value::List(vec!["origin".into()]))];
    let mut play = play("reverse:http://origin.test", AddonChain::default(), &listed);
    play.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut server = play.server().await;
    gets(&mut server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    play.client.shutdown().await.expect("open");
    assert_eq!(rest(&mut server).await, "");
}
