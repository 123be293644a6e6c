//! Connection tests over pipes in memory with a clock that is turned by hand: client bytes in, server bytes seen,
//! server bytes in, client bytes seen, and the record.

mod empty;
mod faults;
mod h1;
mod h2;
mod h2_pace;
mod held;
mod hooks;
mod intercept;
mod network;
mod passthrough;
mod playback;
mod replay;
mod sizes;
mod streams;
mod tcp;
mod websocket;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use ratel_core::addon::AddonChain;
use ratel_core::clock;
use ratel_core::control::Control;
use ratel_core::options::Values;
use ratel_core::store::{FlowSnapshot, FlowStore, StoreConfig};
use ratel_flow::{
    ClientConn, ConnId, FlowId, MessageFlags, MessageHead, MessageKind, ServerConn, Side,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::conn::{self, ConnCtx, Shared};
use crate::error::ProxyError;
use crate::modes::Destination;
use crate::passthrough::Passthrough;
use crate::recorder::AbortReason;
use crate::tls::{CaSettings, CaStore, LeafCache};
use crate::upstream::connect::{Dial, DialFuture, Dialled, How};
use crate::upstream::pool::H2cServers;

/// Room in each pipe, in bytes.
const PIPE: usize = 64 * 1024;

/// A dialler whose servers are the test's ends of pipes.
struct Pipes {
    servers: mpsc::Sender<DuplexStream>,
    refuse: Mutex<VecDeque<io::ErrorKind>>,
}

impl Dial for Arc<Pipes> {
    fn dial<'a>(&'a self, host: &'a Arc<str>, port: u16, _how: How) -> DialFuture<'a> {
        Box::pin(async move {
            let refusal = self
                .refuse
                .lock()
                .expect("no test panics while it holds this")
                .pop_front();
            if let Some(kind) = refusal {
                return Err(ProxyError::Connect {
                    to: format!("{host}:{port}"),
                    source: kind.into(),
                });
            }
            let (ours, theirs) = tokio::io::duplex(PIPE);
            self.servers
                .send(theirs)
                .await
                .expect("the test takes its servers");
            let conn = ServerConn {
                id: ConnId::next(),
                address: (host.clone(), port),
                peername: None,
                sockname: None,
                timestamp_start: clock::now(),
                timestamp_tcp_setup: Some(clock::now()),
                timestamp_end: None,
                tls: None,
                error: None,
                extra: None,
            };
            Ok(Dialled {
                io: Box::new(ours),
                conn,
            })
        })
    }
}

/// A client connection to an engine without sockets.
struct Play {
    client: DuplexStream,
    servers: mpsc::Receiver<DuplexStream>,
    pipes: Arc<Pipes>,
    store: FlowStore,
    control: Control,
    shared: Arc<Shared>,
    /// The certificate that clients trust.
    ca: PathBuf,
    task: JoinHandle<()>,
    stop: CancellationToken,
    kill: CancellationToken,
    _dir: tempfile::TempDir,
}

/// The CA of all tests in this process: making a key takes longer than most of them.
fn ca_dir() -> &'static tempfile::TempDir {
    static DIR: OnceLock<tempfile::TempDir> = OnceLock::new();
    DIR.get_or_init(|| tempfile::tempdir().expect("a temporary folder"))
}

fn store(dir: &tempfile::TempDir) -> FlowStore {
    FlowStore::start(StoreConfig {
        dir: dir.path().into(),
        memory_bytes: 16 << 20,
        disk_bytes: 64 << 20,
    })
    .expect("the folder is writable")
}

fn play(mode: &str, addons: AddonChain, options: &[(&str, ratel_core::options::Value)]) -> Play {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = store(&dir);
    let mut values = Values::default();
    values
        .set("ssl_insecure", ratel_core::options::Value::Bool(true))
        .expect("a switch");
    for (name, value) in options {
        values
            .set(name, value.clone())
            .expect("an option of this version");
    }
    let config = Config::new(&values, None).expect("usable options");
    let mode = mode.parse().expect("a valid mode");
    let destination = Destination::of(&mode, config.keep_host_header);
    let (send, servers) = mpsc::channel(8);
    let pipes = Arc::new(Pipes {
        servers: send,
        refuse: Mutex::default(),
    });
    let (ca, _) = CaStore::open(ca_dir().path(), &CaSettings::default()).expect("a CA can be made");
    let control = Control::default();
    let ca_pem = ca.cert_pem_path();
    let shared = Arc::new(Shared {
        config: ArcSwap::from_pointee(config),
        store: store.clone(),
        addons,
        control: control.clone(),
        dial: Box::new(pipes.clone()),
        leaves: LeafCache::new(&ca),
        ca,
        h2c: H2cServers::default(),
        passthrough: Passthrough::default(),
        own: ArcSwap::default(),
    });
    let client_conn = ClientConn {
        id: ConnId::next(),
        peername: ([127, 0, 0, 1], 40_000).into(),
        sockname: ([127, 0, 0, 1], 8080).into(),
        proxy_mode: mode.spec.as_str().into(),
        timestamp_start: clock::now(),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    };
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    let ctx = ConnCtx {
        config: shared.config.load_full(),
        shared: shared.clone(),
        client: Arc::new(client_conn),
        activity: Arc::default(),
        stop: stop.clone(),
        abort: AbortReason::default(),
        depth: 0,
        runtime: None,
    };
    let (ours, client) = tokio::io::duplex(PIPE);
    let task = tokio::spawn(conn::run(ctx, destination, Box::new(ours), kill.clone()));
    Play {
        client,
        servers,
        pipes,
        store,
        control,
        shared,
        ca: ca_pem,
        task,
        stop,
        kill,
        _dir: dir,
    }
}

fn reverse() -> Play {
    play("reverse:http://origin.test", AddonChain::default(), &[])
}

impl Play {
    async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.expect("the proxy reads");
    }

    /// The next server connection the proxy makes.
    async fn server(&mut self) -> DuplexStream {
        let next = tokio::time::timeout(Duration::from_secs(30), self.servers.recv()).await;
        next.expect("the proxy dials within 30 s")
            .expect("the proxy runs")
    }

    /// Reads exactly `expected` from the client's side.
    async fn client_gets(&mut self, expected: &[u8]) {
        gets(&mut self.client, expected).await;
    }

    /// Everything up to the end of the connection, as the client sees it.
    async fn client_rest(&mut self) -> String {
        rest(&mut self.client).await
    }

    /// Closes the client's side, waits for the proxy to be done, and returns the records in order.
    async fn records(self) -> Vec<FlowSnapshot> {
        drop(self.client);
        tokio::time::timeout(Duration::from_secs(3600), self.task)
            .await
            .expect("it ends")
            .expect("no panic");
        self.store.flush();
        (1..)
            .map_while(|id| self.store.snapshot(FlowId(id)))
            .collect()
    }

    /// The messages of a flow: who sent them, what they are, what is special about them, and what they say.
    fn messages(&self, id: u64) -> Vec<Recorded> {
        self.store.flush();
        let id = FlowId(id);
        let window = self.store.messages(id, 0..1 << 20).expect("a flow");
        assert!(!window.lost, "all messages are on record");
        let recorded = |head: MessageHead| {
            let payload = self.store.payload(id, head.side, head.payload, 0..1 << 20);
            let text = payload.expect("a payload").bytes;
            let text = String::from_utf8_lossy(&text).into_owned();
            (head.side, head.kind, head.flags, text)
        };
        window.items.into_iter().map(recorded).collect()
    }

    fn body(&self, id: u64, side: Side) -> String {
        self.store.flush();
        let window = self
            .store
            .body(FlowId(id), side, 0..1 << 20)
            .expect("a recorded body");
        String::from_utf8_lossy(&window.bytes).into_owned()
    }
}

type Recorded = (Side, MessageKind, MessageFlags, String);

async fn gets(stream: &mut (impl AsyncRead + Unpin), expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut got)).await;
    let shown = || {
        format!(
            "{} instead of {}",
            got.escape_ascii(),
            expected.escape_ascii()
        )
    };
    assert!(matches!(read, Ok(Ok(_))), "{read:?}: {}", shown());
    assert_eq!(got, expected, "{}", shown());
}

async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut got = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(3600), stream.read_to_end(&mut got)).await;
    read.expect("the connection ends")
        .expect("it ends in order");
    String::from_utf8_lossy(&got).into_owned()
}
