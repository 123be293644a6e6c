//! Holding back over the control handle: the engine with all its addons between peers on real sockets. Flows and single
//! messages are held, changed, dropped, injected, let go and killed; what came before a held message is delivered.

use ratel_addons::{Setup, default_addons};
use ratel_core::control::{Control, FlowCommand, HeldPart, Part};
use ratel_core::files::FlowFiles;
use ratel_core::options::{Options, Value, Values};
use ratel_core::replay::{ClientReplay, ServerReplay};
use ratel_core::store::{Edit, FlowStore, StoreConfig};
use ratel_flow::filter::FilterOptions;
use ratel_flow::{FlowId, MessageKind, Response, Side, Timestamp};
use ratel_proto::websocket::{encode_message, opcode};
use ratel_proxy::Engine;
use ratel_testkit::{Origin, Service, Wire, origin, wait};
use tempfile::TempDir;

/// A proxy that holds back what matches, in this process.
struct Proxy {
    engine: Option<Engine>,
    store: FlowStore,
    control: Control,
    port: u16,
    _home: TempDir,
}

impl Proxy {
    /// A reverse proxy for that origin.
    fn before(origin: &Origin, intercept: &str) -> Self {
        Self::start(
            &format!("reverse:http://127.0.0.1:{}", origin.port()),
            intercept,
        )
    }

    fn start(mode: &str, intercept: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut values = Values::with_folders(&home.path().display().to_string(), None);
        for (name, value) in [
            ("mode", Value::List(vec![mode.to_owned()])),
            ("listen_host", Value::Str("127.0.0.1".to_owned())),
            ("listen_port", Value::OptInt(Some(0))),
            ("intercept", Value::OptStr(Some(intercept.to_owned()))),
        ] {
            values.set(name, value).expect("an option");
        }
        let options = Options::with(values).expect("valid options");
        let store = FlowStore::start(StoreConfig {
            dir: home.path().to_owned(),
            memory_bytes: 1 << 24,
            disk_bytes: 1 << 28,
        })
        .expect("the folder can be written");
        let (client_replay, server_replay) = (
            ClientReplay::new(store.clone(), FlowFiles::default()),
            ServerReplay::new(store.clone(), FlowFiles::default()),
        );
        let addons = default_addons(&Setup {
            filters: FilterOptions::default(),
            server_replay,
        });
        let engine =
            Engine::start(&options, store.clone(), addons, &client_replay).expect("a free port");
        Self {
            control: engine.control().clone(),
            port: engine.listeners().all()[0].addrs[0].port(),
            engine: Some(engine),
            store,
            _home: home,
        }
    }

    fn connect(&self) -> Wire {
        Wire::connect(self.port)
    }

    /// Waits until that part of some flow is held.
    fn held(&self, part: Part) -> FlowId {
        wait::until(&format!("{part:?} to be held"), || {
            let is_it = |held: &HeldPart| held.part == part;
            let mut flows = self.control.held_flows().into_iter();
            flows.find(|id| self.control.held(*id).iter().any(is_it))
        })
    }

    fn tell(&self, id: FlowId, command: FlowCommand) {
        self.control.send(id, command).expect("it can be done");
    }

    fn resume(&self, id: FlowId, part: Part) {
        self.tell(id, FlowCommand::Resume(Some(part)));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown(std::time::Duration::ZERO);
        }
    }
}

/// Says what it was sent.
fn echo() -> Origin {
    Origin::plain(|wire| {
        origin::serve(wire, |head, body| {
            let line = head.lines().next().unwrap_or_default();
            origin::ok(format!("{line}|{}", String::from_utf8_lossy(body)))
        });
    })
}

const POST: &str = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn requests_and_responses_are_held_changed_and_let_go() {
    let site = echo();
    let proxy = Proxy::before(&site, "~u /a");
    let mut client = proxy.connect();
    client.send(POST).expect("a connection");
    let id = proxy.held(Part::Request);
    // Others pass meanwhile.
    let other = proxy.connect().ask("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(other.text(), "GET /b HTTP/1.1|");
    assert_eq!(site.connections(), 1, "the held one has not been sent");
    proxy.store.flush();
    let snapshot = proxy.store.snapshot(id).expect("it is on record");
    let mut request = snapshot.request.expect("its request");
    request.set_path("/a/changed");
    let edit = Edit {
        request: Some(request),
        request_body: Some("other".into()),
        ..Edit::default()
    };
    proxy.tell(id, FlowCommand::Edit(Box::new(edit)));
    proxy.resume(id, Part::Request);
    let id = proxy.held(Part::Response);
    let edit = Edit {
        response_body: Some("told otherwise".into()),
        ..Edit::default()
    };
    proxy.tell(id, FlowCommand::Edit(Box::new(edit)));
    proxy.resume(id, Part::Response);
    assert_eq!(client.reply().expect("an answer").text(), "told otherwise");
    let sent = String::from_utf8(site.received(1)).expect("text");
    assert!(
        sent.starts_with("POST /a/changed HTTP/1.1\r\n") && sent.ends_with("\r\n\r\nother"),
        "{sent}"
    );
}

#[test]
fn a_held_request_is_answered_or_killed() {
    let site = echo();
    let proxy = Proxy::before(&site, "~q");
    let mut client = proxy.connect();
    client.send(POST).expect("a connection");
    let id = proxy.held(Part::Request);
    let edit = Edit {
        response: Some(Response::new(418, Timestamp(1))),
        response_body: Some("by hand".into()),
        ..Edit::default()
    };
    proxy.tell(id, FlowCommand::Edit(Box::new(edit)));
    proxy.tell(id, FlowCommand::Resume(None));
    let reply = client.reply().expect("an answer");
    assert_eq!((reply.status, reply.text().as_str()), (418, "by hand"));
    let mut client = proxy.connect();
    client.send(POST).expect("a connection");
    let id = proxy.held(Part::Request);
    proxy.tell(id, FlowCommand::Kill);
    assert_eq!(client.rest().expect("the end"), b"");
    assert_eq!(site.connections(), 0);
}

#[test]
fn an_event_is_held_while_those_before_it_are_there_and_the_stream_lives() {
    let site = Origin::plain(|mut wire| {
        let _ = wire.until(b"\r\n\r\n");
        let _ = wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        for event in ["one", "hold", "three", "hold again", "five"] {
            let _ = wire.send(format!("data: {event}\n\n"));
        }
        let _ = wire.rest();
    });
    let proxy = Proxy::before(&site, "~bs hold");
    let mut client = proxy.connect();
    client
        .send("GET /feed HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("a connection");
    let part = Part::Message(Side::Server);
    let id = proxy.held(part);
    client.until(b"data: one\n\n").expect("what came before it");
    let content = "data: changed\n\n".into();
    proxy.tell(
        id,
        FlowCommand::EditMessage {
            side: Side::Server,
            content,
        },
    );
    proxy.resume(id, part);
    client
        .until(b"data: changed\n\n")
        .expect("as it was changed");
    client.until(b"data: three\n\n").expect("what follows");
    assert_eq!(proxy.held(part), id);
    proxy.tell(id, FlowCommand::DropMessage { side: Side::Server });
    let rest = client.until(b"data: five\n\n").expect("it goes on");
    assert!(
        !String::from_utf8_lossy(&rest).contains("again"),
        "it was dropped"
    );
    proxy.tell(
        id,
        FlowCommand::Inject {
            side: Side::Server,
            kind: MessageKind::Event,
            content: "data: injected\n\n".into(),
        },
    );
    client
        .until(b"data: injected\n\n")
        .expect("it was injected");
}

const GRPC_SERVICE: &str = include_str!("../peers/grpc_service.py");
const GRPC_TALK: &str = include_str!("../peers/grpc_talk.py");

#[test]
fn one_message_of_a_grpc_call_is_held_while_the_call_lives() {
    let Some(service) = Service::start(GRPC_SERVICE, [""; 0]) else {
        return;
    };
    let mode = format!("reverse:http://127.0.0.1:{}", service.port);
    // What the client says, and of what the service answers only that which the client was let say.
    let proxy = Proxy::start(&mode, "~bq hold | ~bs stop");
    let words = [
        "first", "hold 1", "third", "hold 2", "fifth", "stop 1", "seventh", "stop 2", "ninth",
    ];
    let target = format!("127.0.0.1:{}", proxy.port);
    let args = [target.as_str()].into_iter().chain(words);
    let client = Service::start(GRPC_TALK, args).expect("the service runs on it");
    let (up, down) = (Part::Message(Side::Client), Part::Message(Side::Server));
    let edit = |id, side, content: &'static str| {
        let content = content.into();
        proxy.tell(id, FlowCommand::EditMessage { side, content });
    };
    let id = proxy.held(up);
    assert_eq!(client.line(), "echo first", "what came before it");
    edit(id, Side::Client, "changed, and longer than before");
    proxy.resume(id, up);
    assert_eq!(client.line(), "echo changed, and longer than before");
    assert_eq!(client.line(), "echo third", "what follows");
    assert_eq!(proxy.held(up), id);
    proxy.tell(id, FlowCommand::DropMessage { side: Side::Client });
    assert_eq!(client.line(), "echo fifth", "without what was dropped");
    assert_eq!(proxy.held(down), id);
    edit(id, Side::Server, "gone on");
    proxy.resume(id, down);
    assert_eq!(client.line(), "gone on");
    assert_eq!(client.line(), "echo seventh");
    assert_eq!(proxy.held(down), id);
    // Other calls pass meanwhile.
    let other = Service::start(GRPC_TALK, [&target, "other"]).expect("as before");
    assert_eq!(
        (other.line(), other.line()),
        ("echo other".into(), "ended OK".into())
    );
    proxy.tell(id, FlowCommand::DropMessage { side: Side::Server });
    assert_eq!(client.line(), "echo ninth");
    assert_eq!(client.line(), "ended OK");
}

#[test]
fn a_grpc_call_with_a_held_message_is_killed() {
    let Some(service) = Service::start(GRPC_SERVICE, [""; 0]) else {
        return;
    };
    let mode = format!("reverse:http://127.0.0.1:{}", service.port);
    let proxy = Proxy::start(&mode, "~bq hold");
    let target = format!("127.0.0.1:{}", proxy.port);
    let client = Service::start(GRPC_TALK, [&target, "first", "hold"]).expect("as before");
    let id = proxy.held(Part::Message(Side::Client));
    assert_eq!(client.line(), "echo first");
    proxy.tell(id, FlowCommand::Kill);
    let end = client.line();
    assert!(end.starts_with("ended ") && end != "ended OK", "{end}");
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The message as an unmasked frame.
fn from_server(text: &str) -> Vec<u8> {
    encode_message(opcode::TEXT, text.as_bytes(), None).to_vec()
}

/// The message as a masked frame.
fn from_client(text: &str) -> Vec<u8> {
    encode_message(opcode::TEXT, text.as_bytes(), Some([1, 2, 3, 4])).to_vec()
}

#[test]
fn messages_of_a_websocket_are_held_in_both_directions() {
    let site = Origin::plain(|mut wire| {
        let _ = wire.until(b"\r\n\r\n");
        let _ = wire.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        );
        for text in ["first", "hold me", "last"] {
            let _ = wire.send(from_server(text));
        }
        let _ = wire.rest();
    });
    let proxy = Proxy::before(&site, "~b hold");
    let mut client = proxy.connect();
    client.send(UPGRADE).expect("a connection");
    client.until(b"\r\n\r\n").expect("agreement");
    let (down, up) = (Part::Message(Side::Server), Part::Message(Side::Client));
    let id = proxy.held(down);
    client
        .until(&from_server("first"))
        .expect("what came before it");
    // The other direction is free, and held by itself.
    client.send(from_client("go")).expect("a connection");
    client.send(from_client("hold this")).expect("a connection");
    assert_eq!(proxy.held(up), id);
    wait::until("what the client said first", || {
        let got = site.received(0);
        got.ends_with(&from_client("go")).then_some(())
    });
    let content = "held no more".into();
    proxy.tell(
        id,
        FlowCommand::EditMessage {
            side: Side::Server,
            content,
        },
    );
    proxy.resume(id, down);
    client
        .until(&from_server("held no more"))
        .expect("as it was changed");
    client.until(&from_server("last")).expect("what follows");
    proxy.tell(id, FlowCommand::DropMessage { side: Side::Client });
    proxy.tell(
        id,
        FlowCommand::Inject {
            side: Side::Server,
            kind: MessageKind::Text,
            content: "injected".into(),
        },
    );
    client
        .until(&from_server("injected"))
        .expect("it was injected");
    proxy.tell(id, FlowCommand::Kill);
    client.rest().expect("a goodbye, and the end");
}

#[test]
fn bytes_of_a_raw_connection_are_held() {
    let site = Origin::plain(|mut wire| {
        let _ = wire.send("\0hello\n");
        while let Ok(line) = wire.until(b"\n") {
            let _ = wire.send(line.to_ascii_uppercase());
        }
    });
    let proxy = Proxy::start("regular", "~b secret");
    let mut client = proxy.connect();
    let connect = format!(
        "CONNECT 127.0.0.1:{0} HTTP/1.1\r\nHost: a\r\n\r\n",
        site.port()
    );
    client.send(connect).expect("a connection");
    client.until(b"\r\n\r\n").expect("a tunnel");
    client.send("\x01open\n").expect("a connection");
    client.until(b"OPEN\n").expect("what is not held");
    client.send("secret\n").expect("a connection");
    let part = Part::Message(Side::Client);
    let id = proxy.held(part);
    let content = "told\n".into();
    proxy.tell(
        id,
        FlowCommand::EditMessage {
            side: Side::Client,
            content,
        },
    );
    proxy.resume(id, part);
    client.until(b"TOLD\n").expect("as it was changed");
    // One that is dropped is not heard, and those behind it are.
    client.send("secret two\n").expect("a connection");
    assert_eq!(proxy.held(part), id);
    proxy.tell(id, FlowCommand::DropMessage { side: Side::Client });
    for (side, content, heard) in [
        (Side::Client, "asked\n", &b"ASKED\n"[..]),
        (Side::Server, "said\n", b"said\n"),
    ] {
        proxy.tell(
            id,
            FlowCommand::Inject {
                side,
                kind: MessageKind::Data,
                content: content.into(),
            },
        );
        let got = client.until(b"\n").expect("it was injected");
        assert_eq!(got, heard);
    }
    proxy.tell(id, FlowCommand::Kill);
    client.rest().expect("the end");
}
