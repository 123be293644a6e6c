//! What ten rules cost that are for none of the traffic: CPU time of the proxy's own threads, the kernel's included, for each
//! whole exchange, with and without them, in turns. `-- modify_body` takes the rules of that option alone. Linux only, where
//! each thread's time can be read.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use ratel_addons::{Setup, default_addons};
use ratel_core::files::FlowFiles;
use ratel_core::options::{Options, Value, Values};
use ratel_core::replay::{ClientReplay, ServerReplay};
use ratel_core::store::{FlowStore, StoreConfig};
use ratel_flow::filter::FilterOptions;
use ratel_proxy::Engine;

/// As in the program.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Turns for each of the two: many short ones, so that whatever else the machine does falls on both.
const ROUNDS: usize = 801;

/// Exchanges in a turn.
const EXCHANGES: usize = 100;

const BODY: usize = 1024;

const GET: &str = "GET /items/42?page=2 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\
    Accept-Encoding: gzip, deflate\r\nCookie: session=0123456789abcdef\r\n\r\n";

/// Ten rules of all kinds, with filters as people write them, none of which is for what is asked here.
fn rules() -> Vec<(&'static str, Value)> {
    let list = |specs: &[&str]| Value::List(specs.iter().map(|&spec| spec.into()).collect());
    let text = |text: &str| Value::OptStr(Some(text.into()));
    vec![
        (
            "modify_headers",
            list(&[
                "/~hq x-debug/X-Env/test",
                "/~s & ~t image/Cache-Control/no-store",
            ]),
        ),
        (
            "modify_body",
            list(&[
                r"|~s & ~d api.example|version: \d+|version: 1",
                r"|~q & ~m POST & ~u /login|password=\w+|password=x",
            ]),
        ),
        (
            "map_remote",
            list(&["!https://cdn.example/(v1|v2)/!https://localhost/"]),
        ),
        (
            "map_local",
            list(&[r#"!~u "^https?://[^/]+/static/.*\.(css|js)$"!/static/!/"#]),
        ),
        ("block_list", list(&["%~d tracker.example | ~u /pixel%404"])),
        ("stickycookie", text("~d shop.example")),
        ("throttle", list(&["~d slow.example : 3g"])),
        ("fault", list(&["~u /pay : 503 @ 20%"])),
    ]
}

/// An origin that answers each request on each connection; ends with the process.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let addr = listener.local_addr().expect("bound");
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {BODY}\r\n\r\n");
    let mut answer = head.into_bytes();
    answer.resize(answer.len() + BODY, b'x');
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

fn threads() -> BTreeSet<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    let names = tasks.filter_map(|task| task.ok()?.file_name().into_string().ok());
    names.collect()
}

struct Proxy {
    engine: Option<Engine>,
    client: TcpStream,
    /// Its own.
    threads: BTreeSet<String>,
    _folder: tempfile::TempDir,
}

impl Proxy {
    fn start(origin: SocketAddr, rules: Vec<(&'static str, Value)>) -> Self {
        let others = threads();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut values = Values::default();
        let own = [
            ("confdir", Value::Str(folder.path().display().to_string())),
            (
                "mode",
                Value::List(vec![format!("reverse:http://{origin}@127.0.0.1:0")]),
            ),
        ];
        for (name, value) in own.into_iter().chain(rules) {
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
        let addons = default_addons(&Setup {
            filters: FilterOptions::default(),
            server_replay: ServerReplay::new(store.clone(), FlowFiles::default()),
        });
        let engine = Engine::start(&options, store, addons, &replay).expect("a free port");
        let addr = engine.listeners().all()[0].addrs[0];
        let client = TcpStream::connect(addr).expect("somebody listens");
        client.set_nodelay(true).expect("a socket");
        let mut proxy = Self {
            engine: Some(engine),
            client,
            threads: BTreeSet::new(),
            _folder: folder,
        };
        proxy.exchange();
        // Those of the origin have no name of their own.
        let unnamed = name(&std::process::id().to_string());
        proxy.threads = threads();
        proxy
            .threads
            .retain(|id| !others.contains(id) && name(id) != unnamed);
        assert!(!proxy.threads.is_empty(), "the proxy has threads");
        proxy
    }

    fn exchange(&mut self) {
        self.client.write_all(GET.as_bytes()).expect("open");
        let mut buffer = [0; 4096];
        let (mut got, mut head) = (0, None);
        while head.is_none_or(|head| got < head + BODY) {
            let read = self.client.read(&mut buffer[got..]).expect("open");
            assert_ne!(read, 0, "the connection stays open");
            got += read;
            let end = || buffer[..got].windows(4).position(|w| w == b"\r\n\r\n");
            head = head.or_else(|| end().map(|at| at + 4));
        }
    }

    /// Nanoseconds that its threads have run.
    fn cpu(&self) -> u64 {
        let ran = |id: &String| {
            let text = fs::read_to_string(format!("/proc/self/task/{id}/schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        self.threads.iter().filter_map(ran).sum()
    }

    /// Microseconds for each exchange.
    fn turn(&mut self) -> f64 {
        let before = self.cpu();
        for _ in 0..EXCHANGES {
            self.exchange();
        }
        (self.cpu() - before) as f64 / EXCHANGES as f64 / 1e3
    }
}

fn name(thread: &str) -> String {
    fs::read_to_string(format!("/proc/self/task/{thread}/comm")).unwrap_or_default()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown(std::time::Duration::ZERO);
        }
    }
}

fn median(figures: Vec<f64>) -> f64 {
    quantile(figures, 2)
}

/// What one in so many is below.
fn quantile(mut figures: Vec<f64>, one_in: usize) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / one_in]
}

fn main() {
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let mut rules = rules();
    rules.retain(|(option, _)| only.as_deref().is_none_or(|only| only == *option));
    let count: usize = rules.iter().map(|(_, rules)| many(rules)).sum();
    let origin = origin();
    let mut bare = Proxy::start(origin, Vec::new());
    let mut ruled = Proxy::start(origin, rules);
    let mut figures = Vec::new();
    for round in 0..=ROUNDS {
        // Who comes first takes turns, too.
        let (without, with) = if round % 2 == 0 {
            let without = bare.turn();
            (without, ruled.turn())
        } else {
            let with = ruled.turn();
            (bare.turn(), with)
        };
        // The first warms up.
        if round > 0 {
            figures.push((without, with));
        }
    }
    let low = |each: fn(&(f64, f64)) -> f64| quantile(figures.iter().map(each).collect(), 4);
    let undisturbed = (low(|(_, with)| *with) / low(|(without, _)| *without) - 1.0) * 100.0;
    let without = median(figures.iter().map(|(without, _)| *without).collect());
    let with = median(figures.iter().map(|(_, with)| *with).collect());
    let more = median(
        figures
            .iter()
            .map(|(without, with)| (with / without - 1.0) * 100.0)
            .collect(),
    );
    println!("CPU time of an exchange of 1 KiB, medians of {ROUNDS} turns of {EXCHANGES}:");
    println!("  without rules            {without:6.2} µs");
    println!("  {count:2} rules, none matching  {with:6.2} µs");
    println!("  more in a pair of turns  {more:6.1} %");
    println!("  more at the quartiles    {undisturbed:6.1} %, of the quarter that took the least");
}

fn many(rules: &Value) -> usize {
    match rules {
        Value::List(rules) => rules.len(),
        _ => 1,
    }
}
