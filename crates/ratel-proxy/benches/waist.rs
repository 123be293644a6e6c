//! One exchange through the whole engine on a kept connection: client, proxy with recording on, and origin over
//! loopback. `direct` is the same without the proxy; what the waist costs is the difference.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use ratel_core::addon::AddonChain;
use ratel_core::files::FlowFiles;
use ratel_core::options::{Options, Value, Values};
use ratel_core::replay::ClientReplay;
use ratel_core::store::{FlowStore, StoreConfig};
use ratel_proxy::Engine;

fn main() {
    divan::main();
}

const REQUEST: &[u8] =
    b"GET /items/42 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\r\n";

/// An origin that answers each request on each connection with `body` bytes; ends with the process.
fn origin(body: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let addr = listener.local_addr().expect("bound");
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + body, b'x');
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.expect("a client"), answer.clone());
            stream.set_nodelay(true).expect("a socket");
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                while matches!(stream.read(&mut request), Ok(1..))
                    && stream.write_all(&answer).is_ok()
                {}
            });
        }
    });
    addr
}

struct Proxy {
    engine: Option<Engine>,
    addr: SocketAddr,
    _folder: tempfile::TempDir,
}

fn proxy(origin: SocketAddr) -> Proxy {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut values = Values::default();
    for (name, value) in [
        ("confdir", Value::Str(folder.path().display().to_string())),
        (
            "mode",
            Value::List(vec![format!("reverse:http://{origin}@127.0.0.1:0")]),
        ),
    ] {
        values.set(name, value).expect("a valid option");
    }
    let store = FlowStore::start(StoreConfig {
        dir: folder.path().into(),
        memory_bytes: 64 << 20,
        disk_bytes: 512 << 20,
    })
    .expect("a writable folder");
    let options = Options::with(values).expect("valid options");
    let replay = ClientReplay::new(store.clone(), FlowFiles::default());
    let engine =
        Engine::start(&options, store, AddonChain::default(), &replay).expect("a free port");
    let addr = engine.listeners().all()[0].addrs[0];
    Proxy {
        engine: Some(engine),
        addr,
        _folder: folder,
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown(std::time::Duration::ZERO);
        }
    }
}

fn exchange(stream: &mut TcpStream, buffer: &mut [u8], body: usize) {
    stream.write_all(REQUEST).expect("an open connection");
    let mut got = 0;
    let mut head = None;
    while head.is_none_or(|head| got < head + body) {
        let read = stream.read(&mut buffer[got..]).expect("an open connection");
        assert_ne!(read, 0, "the connection stays open");
        got += read;
        head = head.or_else(|| {
            buffer[..got]
                .windows(4)
                .position(|w| w == b"\r\n\r\n")
                .map(|at| at + 4)
        });
    }
}

fn run(bencher: divan::Bencher<'_, '_>, addr: SocketAddr, body: usize) {
    let mut stream = TcpStream::connect(addr).expect("somebody listens");
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = vec![0; body + 4096];
    bencher
        .counter(divan::counter::BytesCount::new(body))
        .bench_local(|| exchange(&mut stream, &mut buffer, body));
}

#[divan::bench(args = [1024, 1 << 20])]
fn direct(bencher: divan::Bencher<'_, '_>, body: usize) {
    run(bencher, origin(body), body);
}

#[divan::bench(args = [1024, 1 << 20])]
fn through_the_waist(bencher: divan::Bencher<'_, '_>, body: usize) {
    let proxy = proxy(origin(body));
    run(bencher, proxy.addr, body);
}
