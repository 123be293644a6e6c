use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};

use ratel_core::eventlog::Level;
use ratel_core::store::StoreConfig;
use ratel_flow::{ClientConn, ConnId, FlowError, FlowKind, Request, Scheme, Version};
use ratel_proto::Headers;

use super::*;

/// An output that is read back, and can be made to stand still or to fail.
#[derive(Clone, Default)]
struct Output(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    text: Vec<u8>,
    blocked: bool,
    failing: Option<io::ErrorKind>,
}

impl Output {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().text.clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let state = self.0.0.lock().unwrap();
        let mut state = self.0.1.wait_while(state, |state| state.blocked).unwrap();
        if let Some(kind) = state.failing {
            return Err(kind.into());
        }
        state.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    store: FlowStore,
    log: EventLog,
    output: Output,
    failed: Arc<AtomicBool>,
    printer: Printer,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn start(detail: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            dir: dir.path().to_owned(),
            memory_bytes: 64 << 20,
            disk_bytes: 1 << 30,
        };
        let store = FlowStore::start(config).unwrap();
        let log = EventLog::new(Level::Info);
        let setup = Setup {
            store: store.clone(),
            log: log.clone(),
            style: Style {
                detail,
                showhost: false,
                cutoff: 512,
                view: "auto".to_owned(),
                columns: 80,
                schemas: None,
            },
            filter: None,
            colour: false,
            offset: UtcOffset::UTC,
        };
        let (output, failed) = (Output::default(), Arc::new(AtomicBool::new(false)));
        let on_failure = failed.clone();
        let printer = Printer::start(setup, output.clone(), move || {
            on_failure.store(true, Ordering::SeqCst)
        });
        Self {
            store,
            log,
            output,
            failed,
            printer: printer.unwrap(),
            _dir: dir,
        }
    }

    /// Records a flow that fails, which prints two lines.
    fn exchange(&self, number: u64) {
        let now = ratel_core::clock::now();
        let peername = SocketAddr::from(([127, 0, 0, 1], 5000));
        let conn = Arc::new(ClientConn {
            id: ConnId(1),
            peername,
            sockname: peername,
            proxy_mode: "regular".into(),
            timestamp_start: now,
            timestamp_end: None,
            tls: None,
            passthrough: None,
            extra: None,
            error: None,
        });
        let writer = self.store.open(FlowKind::Http, &conn, now);
        writer.request(&Request {
            pseudo: Default::default(),
            method: b"GET"[..].into(),
            target: b"/"[..].into(),
            version: Version::Http11,
            line: None,
            headers: Headers::new(),
            scheme: Scheme::Http,
            host: "host".into(),
            port: 80,
            path: format!("/{number}").into_bytes().into(),
            timestamp_start: now,
        });
        writer.error(FlowError {
            message: "failed".into(),
            hint: None,
            by_client: false,
            timestamp: now,
        });
        writer.finish(ratel_core::clock::now());
    }

    fn finish(self) -> (String, io::Result<()>) {
        self.store.flush();
        let result = self.printer.finish();
        (self.output.text(), result)
    }
}

#[test]
fn flows_and_log_lines_come_in_the_order_in_which_they_happened() {
    let bench = Bench::start(1);
    for number in 0..20 {
        bench
            .log
            .push(Level::Info, &format!("before {number}"), None);
        bench.exchange(number);
    }
    bench.log.push(Level::Info, "after", None);
    let (text, result) = bench.finish();
    result.unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with(" <<"))
        .map(|line| line.rsplit(['/', ' ']).next().unwrap())
        .collect();
    let expected: Vec<String> = (0..20)
        .flat_map(|n| [n.to_string(), n.to_string()])
        .collect();
    assert_eq!(lines[..40], expected, "{text}");
    assert_eq!(lines[40..], ["after"]);
}

#[test]
fn an_output_that_stands_still_holds_nobody_up_and_nothing_is_lost() {
    let bench = Bench::start(1);
    bench.output.change(|state| state.blocked = true);
    // More than the subscription holds, so that updates are missed.
    let count = 3 * ratel_core::store::subscribe::QUEUE_BOUND as u64;
    for number in 0..count {
        bench.exchange(number);
    }
    bench.store.flush();
    bench.output.change(|state| state.blocked = false);
    let (text, result) = bench.finish();
    result.unwrap();
    let mut printed: Vec<u64> = text
        .lines()
        .filter_map(|line| line.split_once("http://host/")?.1.parse().ok())
        .collect();
    printed.sort_unstable();
    assert!(printed.into_iter().eq(0..count));
}

#[test]
fn detail_0_prints_the_log_alone() {
    let bench = Bench::start(0);
    bench.exchange(1);
    bench.log.push(Level::Warn, "line", Some("127.0.0.1:5000"));
    let (text, result) = bench.finish();
    result.unwrap();
    assert!(
        text.ends_with("][127.0.0.1:5000] line\n") && text.lines().count() == 1,
        "{text}"
    );
}

#[test]
fn a_reader_that_has_left_is_no_error_and_a_full_disk_is() {
    for (kind, is_error) in [
        (io::ErrorKind::BrokenPipe, false),
        (io::ErrorKind::StorageFull, true),
    ] {
        let bench = Bench::start(1);
        bench.output.change(|state| state.failing = Some(kind));
        bench.exchange(1);
        let failed = bench.failed.clone();
        let (_, result) = bench.finish();
        assert_eq!(result.is_err(), is_error, "{kind:?}");
        assert!(failed.load(Ordering::SeqCst), "the program is told to end");
    }
}
