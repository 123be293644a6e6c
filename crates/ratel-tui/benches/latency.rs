//! From a key to the redrawn screen, with 100,000 flows in the list and 5,000 new ones a second; and from a key to the first
//! rows of a body of 1 GiB.
//!
//! `cargo bench -p ratel-tui --bench latency`. What is measured is what the loop does for a key: the updates that wait, the
//! key, what the model asks for, and the picture, in cells. What the terminal takes is not in it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that is read by people"
)]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratel_core::clock;
use ratel_core::options::{Options, Values};
use ratel_core::store::{FlowStore, StoreConfig};
use ratel_core::view::FlowView;
use ratel_flow::{ClientConn, ConnId, FlowKind, Headers, Request, Response, Scheme, Side, Version};
use ratel_tui::keymap::Key;
use ratel_tui::model::Model;
use ratel_tui::msg::{Effect, Msg};
use ratel_tui::source::{self, Viewed};
use ratel_tui::update::update;
use ratel_tui::view::view;
use ratel_tui::{Look, ProxyInfo};

const FLOWS: u64 = 100_000;
const PER_SECOND: u64 = 5_000;
const KEYS: usize = 1_000;
const BETWEEN_KEYS: Duration = Duration::from_millis(10);

const BODY: u64 = 1 << 30;

fn main() {
    let rows: [(&str, &[&str], bool); 4] = [
        ("all flows, in time", &[], false),
        ("filtered", &["view_filter=~m post"], false),
        (
            "by URL, reversed",
            &["view_order=url", "view_order_reversed=true"],
            false,
        ),
        ("as a tree, all open", &[], true),
    ];
    println!("{FLOWS} flows, {PER_SECOND} new ones a second, {KEYS} keys");
    for (name, specs, tree) in rows {
        let [median, p99, most] = measure(specs, tree);
        println!("{name:24} median {median:>9.1?}  p99 {p99:>9.1?}  most {most:>9.1?}");
    }
    let [start, end] = open_large();
    println!("a body of 1 GiB          its start {start:>9.1?}  its end {end:>9.1?}");
}

fn store(folder: &Path) -> FlowStore {
    FlowStore::start(StoreConfig {
        dir: folder.to_owned(),
        memory_bytes: 1 << 30,
        disk_bytes: 1 << 32,
    })
    .unwrap()
}

/// How long it takes to open a large body, and to go to its end.
fn open_large() -> [Duration; 2] {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    put_large(&store, &client());
    store.flush();
    let mut screen = Screen::new(&store, &[]);
    let timed = |screen: &mut Screen, keys: &[&str]| {
        let begun = Instant::now();
        for key in keys {
            screen.send(Msg::Key(Key::parse(key).unwrap()));
            screen.draw();
        }
        begun.elapsed()
    };
    let start = timed(&mut screen, &["enter", "tab"]);
    let end = timed(&mut screen, &["G"]);
    [start, end]
}

fn measure(specs: &[&str], tree: bool) -> [Duration; 3] {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let client = client();
    (0..FLOWS).for_each(|nth| put(&store, &client, nth));
    store.flush();
    let mut screen = Screen::new(&store, specs);
    if tree {
        screen.send(Msg::Key(Key::Char('t')));
        screen.settle();
        screen.send(Msg::Key(Key::Char('g')));
        screen.draw();
        screen.send(Msg::Key(Key::Char('*')));
        screen.draw();
    }
    let updates = store.subscribe();
    let done = Arc::new(AtomicBool::new(false));
    let traffic = {
        let (store, done) = (store.clone(), done.clone());
        std::thread::spawn(move || traffic(&store, &client, &done))
    };
    let keys =
        ["page down", "down", "up", "G", "page up", "g"].map(|name| Key::parse(name).unwrap());
    let mut took: Vec<_> = (0..KEYS)
        .map(|nth| {
            std::thread::sleep(BETWEEN_KEYS);
            let begun = Instant::now();
            while let Some(change) = updates.try_next() {
                screen.send(Msg::Store(change));
            }
            screen.send(Msg::List);
            screen.send(Msg::Key(keys[nth % keys.len()]));
            screen.draw();
            begun.elapsed()
        })
        .collect();
    done.store(true, Ordering::Relaxed);
    traffic.join().unwrap();
    took.sort_unstable();
    [took[KEYS / 2], took[KEYS * 99 / 100], took[KEYS - 1]]
}

struct Screen {
    model: Model,
    flows: Viewed,
    terminal: Terminal<TestBackend>,
}

impl Screen {
    fn new(store: &FlowStore, specs: &[&str]) -> Self {
        let options = Options::with(Values::default()).unwrap();
        options.set(specs).unwrap();
        let view = FlowView::start(store.clone(), || {}).unwrap();
        let model = Model::new(ProxyInfo::default(), Look::default(), options.snapshot());
        view.set(model.view_settings());
        let mut screen = Self {
            model,
            flows: Viewed {
                store: store.clone(),
                control: Default::default(),
                view,
            },
            terminal: Terminal::new(TestBackend::new(200, 60)).unwrap(),
        };
        screen.settle();
        screen.send(Msg::Resize(200, 60));
        screen.draw();
        screen
    }

    /// Waits until all flows have been looked at.
    fn settle(&self) {
        let counts = || self.flows.view.counts();
        while counts().shown == 0 || counts().pending > 0 {
            std::thread::yield_now();
        }
    }

    fn send(&mut self, msg: Msg) {
        let mut msgs = VecDeque::from([msg]);
        while let Some(msg) = msgs.pop_front() {
            for effect in update(&mut self.model, msg) {
                match effect {
                    Effect::Page(query) => {
                        msgs.push_back(Msg::Page(source::page(&self.flows, &query)));
                    }
                    Effect::Tree(query) => {
                        let page = source::tree_page(&self.flows, &query);
                        msgs.push_back(Msg::Tree(Box::new(page)));
                    }
                    Effect::KeepTree(wanted) => self.flows.view.keep_tree(wanted),
                    Effect::Fold(branch, how) => {
                        self.flows.view.tree(|tree| tree.fold(branch, how));
                    }
                    Effect::Open(query) => {
                        msgs.push_back(Msg::Opened(Box::new(source::open(&self.flows, &query))));
                    }
                    _ => {}
                }
            }
        }
    }

    fn draw(&mut self) {
        self.send(Msg::Frame(clock::now()));
        let model = &self.model;
        self.terminal.draw(|frame| view(model, frame)).unwrap();
    }
}

/// New flows, until somebody says that there are enough.
fn traffic(store: &FlowStore, client: &Arc<ClientConn>, done: &AtomicBool) {
    let begun = Instant::now();
    let mut count = 0;
    while !done.load(Ordering::Relaxed) {
        let due = begun.elapsed().as_millis() as u64 * PER_SECOND / 1000;
        while count < due {
            put(store, client, FLOWS + count);
            count += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An exchange with a large body.
fn put_large(store: &FlowStore, client: &Arc<ClientConn>) {
    let now = clock::now();
    let writer = store.open(FlowKind::Http, client, now);
    writer.request(&request(b"GET", "/large"));
    writer.end(Side::Client, now);
    writer.response(&response());
    let line = Bytes::from("a line of a large body, with nothing in it\n".repeat(1500));
    for _ in 0..BODY / line.len() as u64 {
        writer.data(Side::Server, std::slice::from_ref(&line), now);
        // More would be queued than the queue holds.
        store.flush();
    }
    writer.end(Side::Server, now);
    writer.finish(now);
}

fn put(store: &FlowStore, client: &Arc<ClientConn>, nth: u64) {
    let now = clock::now();
    let writer = store.open(FlowKind::Http, client, now);
    let method: &[u8] = if nth.is_multiple_of(3) {
        b"POST"
    } else {
        b"GET"
    };
    let path = format!("/api/{}/orders?page={nth}", nth % 97);
    writer.request(&request(method, &path));
    writer.end(Side::Client, now);
    writer.response(&response());
    writer.end(Side::Server, now);
    writer.finish(now);
}

fn headers() -> Headers {
    let mut headers = Headers::new();
    headers.append(b"host", b"service.dev");
    headers.append(b"content-type", b"text/plain");
    headers
}

fn request(method: &[u8], path: &str) -> Request {
    Request {
        pseudo: Headers::new(),
        method: Bytes::copy_from_slice(method),
        target: Bytes::copy_from_slice(path.as_bytes()),
        version: Version::Http11,
        line: None,
        headers: headers(),
        scheme: Scheme::Https,
        host: "service.dev".into(),
        port: 443,
        path: Bytes::copy_from_slice(path.as_bytes()),
        timestamp_start: clock::now(),
    }
}

fn response() -> Response {
    Response {
        pseudo: Headers::new(),
        version: Version::Http11,
        status: 200,
        reason: Bytes::from_static(b"OK"),
        line: None,
        headers: headers(),
        timestamp_start: clock::now(),
    }
}

fn client() -> Arc<ClientConn> {
    Arc::new(ClientConn {
        id: ConnId(1),
        peername: ([127, 0, 0, 1], 51234).into(),
        sockname: ([127, 0, 0, 1], 8080).into(),
        proxy_mode: "regular".into(),
        timestamp_start: clock::now(),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}
