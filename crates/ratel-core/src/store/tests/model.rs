//! The store and a plain model of it get the same random steps; what the store says must be what the model knows.

use std::sync::atomic::AtomicU64;

use proptest::prelude::*;
use ratel_flow::FlowError;

use super::direct::Direct;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Open,
    Request(usize, String),
    Response(usize, u16),
    Informational(usize),
    Data(usize, bool, usize),
    Trailers(usize, bool),
    End(usize, bool),
    Fail(usize),
    Finish(usize),
    Look(usize, bool, u16, u16),
    /// Bytes that the disk has left.
    Disk(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let flow = 0usize..6;
    let len = prop_oneof![6 => 1usize..40, 3 => 100usize..3000, 1 => 8000usize..20_000];
    prop_oneof![
        2 => Just(Step::Open),
        2 => (flow.clone(), "/[a-z]{0,40}").prop_map(|(f, path)| Step::Request(f, path)),
        2 => (flow.clone(), 200u16..600).prop_map(|(f, status)| Step::Response(f, status)),
        1 => flow.clone().prop_map(Step::Informational),
        20 => (flow.clone(), any::<bool>(), len).prop_map(|(f, s, l)| Step::Data(f, s, l)),
        1 => (flow.clone(), any::<bool>()).prop_map(|(f, s)| Step::Trailers(f, s)),
        1 => (flow.clone(), any::<bool>()).prop_map(|(f, s)| Step::End(f, s)),
        1 => flow.clone().prop_map(Step::Fail),
        1 => flow.clone().prop_map(Step::Finish),
        2 => (flow, any::<bool>(), any::<u16>(), any::<u16>()).prop_map(|(f, s, a, b)| Step::Look(f, s, a, b)),
        1 => prop_oneof![Just(0), 0u64..5000, Just(u64::MAX)].prop_map(Step::Disk),
    ]
}

#[derive(Default)]
struct Expected {
    request: Option<String>,
    status: Option<u16>,
    informational: usize,
    bodies: [Vec<u8>; 2],
    trailers: [bool; 2],
    ends: [bool; 2],
    failed: bool,
    finished: bool,
}

struct Both {
    store: FlowStore,
    disk_left: Arc<AtomicU64>,
    /// Flows may be missing or have gaps.
    lossy: bool,
    writers: Vec<Option<FlowWriter>>,
    expected: Vec<Expected>,
    updates: Subscription,
    clock: u64,
}

fn side(server: bool) -> Side {
    if server { Side::Server } else { Side::Client }
}

fn trailers() -> ratel_proto::Headers {
    [("Checksum", "1")].into_iter().collect()
}

impl Both {
    fn new(memory: usize, disk: u64, direct: Direct) -> Self {
        let mut recorder = Recorder::new(std::env::temp_dir(), disk).unwrap();
        recorder.direct = direct;
        let disk_left = recorder.disk_left.clone();
        let store = FlowStore::run(recorder, memory).unwrap();
        Self {
            updates: store.subscribe(),
            store,
            disk_left,
            lossy: false,
            writers: Vec::new(),
            expected: Vec::new(),
            clock: 0,
        }
    }

    /// The n-th of the flows that are live, with what is expected of it.
    fn live(&mut self, n: usize) -> Option<(usize, &mut FlowWriter, &mut Expected)> {
        let writers = self.writers.iter_mut().zip(&mut self.expected).enumerate();
        let live =
            writers.filter_map(|(at, (writer, expected))| Some((at, writer.as_mut()?, expected)));
        let mut live: Vec<_> = live.collect();
        let count = live.len().max(1);
        (!live.is_empty()).then(|| live.swap_remove(n % count))
    }

    fn step(&mut self, step: Step) {
        self.clock += 1;
        let now = Timestamp(self.clock);
        match step {
            Step::Open => {
                self.writers
                    .push(Some(self.store.open(FlowKind::Http, &client(), now)));
                self.expected.push(Expected::default());
            }
            Step::Disk(left) => {
                // What is queued is written under the old regime, so that the model need not know how batches fall.
                self.store.flush();
                self.lossy |= left < u64::MAX;
                self.disk_left.store(left, Ordering::Relaxed);
            }
            Step::Look(n, server, a, b) => {
                self.store.flush();
                if let Some(at) = n.checked_rem(self.expected.len()) {
                    self.look(at, server, a.into(), b.into());
                }
            }
            step => self.emit(step, now),
        }
    }

    fn emit(&mut self, step: Step, now: Timestamp) {
        let (Step::Request(n, _)
        | Step::Response(n, _)
        | Step::Informational(n)
        | Step::Data(n, ..)
        | Step::Trailers(n, _)
        | Step::End(n, _)
        | Step::Fail(n)
        | Step::Finish(n)) = step
        else {
            return;
        };
        let Some((at, writer, expected)) = self.live(n) else {
            return;
        };
        match step {
            Step::Request(_, path) => {
                writer.request(&request(&path));
                expected.request = Some(path);
            }
            Step::Response(_, status) => {
                writer.response(&response(status));
                expected.status = Some(status);
            }
            Step::Informational(_) => {
                writer.informational(&response(103));
                expected.informational += 1;
            }
            Step::Data(_, server, len) => {
                let body = &mut expected.bodies[usize::from(server)];
                let from = body.len();
                body.extend(
                    (from..from + len).map(|offset| (offset * 31 + offset / 251 + at) as u8),
                );
                let piece = Bytes::copy_from_slice(&body[from..]);
                let cut = len / 3;
                writer.data(side(server), &[piece.slice(..cut), piece.slice(cut..)], now);
            }
            Step::Trailers(_, server) => {
                writer.trailers(side(server), &trailers());
                expected.trailers[usize::from(server)] = true;
            }
            Step::End(_, server) => {
                writer.end(side(server), now);
                expected.ends[usize::from(server)] = true;
            }
            Step::Fail(_) => {
                writer.error(FlowError {
                    message: "broken".into(),
                    hint: None,
                    by_client: false,
                    timestamp: now,
                });
                expected.failed = true;
            }
            _ => {
                expected.finished = true;
                // Dropping is finishing, too.
                let writer = self.writers[at].take().unwrap();
                if n % 2 == 0 {
                    writer.finish(now);
                }
            }
        }
    }

    fn id(&self, at: usize) -> FlowId {
        FlowId(at as u64 + 1)
    }

    /// One window.
    fn look(&self, at: usize, server: bool, from: u64, len: u64) -> Option<Window> {
        let window = self
            .store
            .body(self.id(at), side(server), from..from + len)?;
        let body = &self.expected[at].bodies[usize::from(server)];
        assert_eq!(window.total, body.len() as u64);
        assert_eq!(window.complete, self.expected[at].ends[usize::from(server)]);
        let (start, end) = (
            window.offset as usize,
            window.offset as usize + window.bytes.len(),
        );
        assert_eq!(window.bytes, body[start..end]);
        assert_eq!(window.lost, window.offset > from.min(window.total));
        if !self.lossy {
            assert_eq!(
                (window.offset, end as u64),
                (from.min(window.total), (from + len).min(window.total))
            );
        }
        Some(window)
    }

    /// The whole body by windows; says whether nothing was lost.
    fn walk(&self, at: usize, server: bool) -> bool {
        let (mut offset, mut whole) = (0, true);
        let total = self.expected[at].bodies[usize::from(server)].len() as u64;
        while offset < total {
            let window = self.look(at, server, offset, 3000).unwrap();
            whole &= !window.lost;
            assert!(
                window.offset + window.bytes.len() as u64 > offset,
                "a window must get on"
            );
            offset = window.offset + window.bytes.len() as u64;
        }
        whole
    }

    fn check(&self, evictions: bool) {
        self.store.flush();
        let mut found = Vec::new();
        for (at, expected) in self.expected.iter().enumerate() {
            let Some(snapshot) = self.store.snapshot(self.id(at)) else {
                assert!(evictions && expected.finished, "a live flow was evicted");
                continue;
            };
            found.push(self.id(at));
            let live = !expected.finished;
            assert_eq!(snapshot.state.is_live(), live);
            assert!(live || (snapshot.state == FlowState::Failed) == expected.failed);
            assert!(self.lossy || evictions || !snapshot.lossy);
            let whole = [self.walk(at, false), self.walk(at, true)] == [true; 2];
            assert!(whole || snapshot.lossy, "what is lost is marked");
            if snapshot.lossy {
                continue;
            }
            let path = snapshot
                .request
                .map(|r| String::from_utf8(r.path.to_vec()).unwrap());
            assert_eq!(path, expected.request);
            assert_eq!(snapshot.response.map(|r| r.status), expected.status);
            assert_eq!(snapshot.informational.len(), expected.informational.min(64));
            let [a, b] = expected.trailers.map(|there| there.then(trailers));
            assert_eq!(
                (snapshot.request_trailers, snapshot.response_trailers),
                (a, b)
            );
        }
        let stats = self.store.stats();
        assert_eq!(self.store.ids(0..usize::MAX), found);
        assert_eq!(
            (self.store.first_id(), self.store.last_id()),
            (found.first().copied(), found.last().copied())
        );
        assert_eq!((stats.flows, stats.queued_bytes), (found.len(), 0));
        assert_eq!(
            stats.flows as u64 + stats.evicted,
            self.expected.len() as u64
        );
        assert_eq!(
            self.store.summaries(1..4).len(),
            found.len().saturating_sub(1).min(3)
        );
        if let Some((from, to)) = found.get(1).zip(found.last()) {
            assert_eq!(self.store.ids(1..found.len()).first(), Some(from));
            assert_eq!(self.store.ids(found.len() - 1..found.len()), [*to]);
        }
        self.check_updates(&found);
    }

    /// Replaying the announcements gives the same list.
    fn check_updates(&self, found: &[FlowId]) {
        let mut known = std::collections::BTreeMap::new();
        let mut evicted = None;
        while let Some(update) = self.updates.try_next() {
            match update {
                Update::Added(id) => assert_eq!(known.insert(id, false), None),
                Update::Changed(id) => assert!(known.contains_key(&id)),
                Update::Finished(id) => assert_eq!(known.insert(id, true), Some(false)),
                Update::Evicted { up_to } => evicted = evicted.max(Some(up_to)),
                Update::Removed(id) => panic!("nobody has removed {id}"),
                Update::Resync => panic!("the queue is long enough"),
            }
        }
        for (id, finished) in known {
            let gone = !found.contains(&id);
            assert!(
                !gone || (finished && Some(id) <= evicted),
                "{id} went unannounced"
            );
        }
    }
}

/// Through the page cache and past it.
fn run(memory: usize, disk: u64, lossy: bool, evictions: bool, steps: Vec<Step>) {
    for direct in [Direct::default(), Direct::forced()] {
        let both = Both::new(memory, disk, direct);
        run_on(both, lossy, evictions, steps.clone());
    }
}

fn run_on(mut both: Both, lossy: bool, evictions: bool, steps: Vec<Step>) {
    both.lossy = lossy;
    for step in steps {
        both.step(step);
    }
    both.check(evictions);
    both.store.close();
    assert!(both.updates.is_closed());
    both.lossy |= lossy;
    both.store.flush();
}

fn without_disk(steps: Vec<Step>) -> Vec<Step> {
    steps
        .into_iter()
        .filter(|step| !matches!(step, Step::Disk(_)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn with_room_nothing_is_lost(steps in proptest::collection::vec(step(), 0..300)) {
        run(1 << 26, 1 << 30, false, false, without_disk(steps));
    }

    #[test]
    fn with_little_disk_the_oldest_go(steps in proptest::collection::vec(step(), 0..300)) {
        run(1 << 26, 40_000, true, true, without_disk(steps));
    }

    #[test]
    fn with_little_memory_the_oldest_finished_go(steps in proptest::collection::vec(step(), 0..300)) {
        run(3_000, 1 << 30, false, true, without_disk(steps));
    }

    #[test]
    fn with_a_disk_that_fills_up_what_is_there_stays_right(steps in proptest::collection::vec(step(), 0..300)) {
        run(1 << 26, 1 << 30, true, false, steps);
    }
}
