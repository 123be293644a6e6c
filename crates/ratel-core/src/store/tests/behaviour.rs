use std::future::Future;
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ratel_flow::FlowError;

use super::*;

const SECOND: Duration = Duration::from_secs(10);

#[test]
fn a_writer_that_is_dropped_finishes_its_flow() {
    let store = store(1 << 24, 1 << 28);
    let updates = store.subscribe();
    let flow = store.open(FlowKind::Connection, &client(), Timestamp(1));
    let id = flow.id();
    flow.error(FlowError {
        message: "no handshake".into(),
        hint: None,
        by_client: false,
        timestamp: Timestamp(2),
    });
    store.flush();
    assert_eq!(store.summary(id).unwrap().state, FlowState::Open);
    drop(flow);
    assert_eq!(updates.next_timeout(SECOND), Some(Update::Added(id)));
    assert_eq!(updates.next_timeout(SECOND), Some(Update::Finished(id)));
    let summary = store.summary(id).unwrap();
    assert_eq!(
        (summary.state, summary.kind),
        (FlowState::Failed, FlowKind::Connection)
    );
    assert!(summary.request.is_none() && summary.status.is_none());
}

#[test]
fn states_follow_the_exchange() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let id = flow.id();
    let state = || {
        store.flush();
        store.summary(id).unwrap().state
    };
    flow.request(&request("/"));
    assert_eq!(state(), FlowState::Open);
    flow.end(Side::Client, Timestamp(2));
    assert_eq!(state(), FlowState::AwaitingResponse);
    flow.response(&response(200));
    assert_eq!(state(), FlowState::Streaming);
    flow.finish(Timestamp(3));
    assert_eq!(state(), FlowState::Done);
}

#[test]
fn a_request_that_is_changed_replaces_the_first() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.request(&request("/a"));
    let mut changed = request("/b");
    changed.line = None;
    changed.method = Bytes::from_static(b"PUT");
    flow.request(&changed);
    store.flush();
    let back = store.snapshot(flow.id()).unwrap().request.unwrap();
    assert_eq!(
        (&*back.method, &*back.path, back.line),
        (&b"PUT"[..], &b"/b"[..], None)
    );
}

#[test]
fn what_is_emitted_is_announced_without_a_flush() {
    let store = store(1 << 24, 1 << 28);
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = woken.clone();
    let called = store.subscribe_with(Box::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let updates = store.subscribe();
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    assert_eq!(updates.next_timeout(SECOND), Some(Update::Added(flow.id())));
    flow.data(Side::Server, &[Bytes::from_static(b"event")], Timestamp(2));
    assert_eq!(
        updates.next_timeout(SECOND),
        Some(Update::Changed(flow.id()))
    );
    let window = store.body(flow.id(), Side::Server, 0..100).unwrap();
    assert_eq!((&*window.bytes, window.complete), (&b"event"[..], false));
    store.flush();
    assert_eq!(
        woken.load(Ordering::Relaxed),
        1,
        "called once until it is read"
    );
    assert_eq!(called.try_next(), Some(Update::Added(flow.id())));
    assert_eq!(
        called.try_next(),
        None,
        "a change is covered by what waits in the queue"
    );
}

#[test]
fn a_slow_subscriber_is_told_to_read_again() {
    let store = store(1 << 24, 1 << 28);
    let slow = store.subscribe();
    for _ in 0..subscribe::QUEUE_BOUND {
        drop(store.open(FlowKind::Http, &client(), Timestamp(1)));
    }
    store.flush();
    assert_eq!(slow.try_next(), Some(Update::Resync));
    assert_eq!(slow.try_next(), None);
    assert_eq!(store.len(), subscribe::QUEUE_BOUND);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    assert_eq!(slow.next_timeout(SECOND), Some(Update::Added(flow.id())));
}

#[test]
fn all_that_waits_is_taken_at_once_and_announced_again_afterwards() {
    let store = store(1 << 24, 1 << 28);
    let updates = store.subscribe();
    let first = store.open(FlowKind::Http, &client(), Timestamp(1));
    let second = store.open(FlowKind::Http, &client(), Timestamp(1));
    store.flush();
    let mut taken = Vec::new();
    updates.take(&mut taken);
    assert_eq!(taken, [first.id(), second.id()].map(Update::Added));
    first.data(Side::Server, &[Bytes::from_static(b"event")], Timestamp(2));
    store.flush();
    taken.clear();
    updates.take(&mut taken);
    assert_eq!(taken, [Update::Changed(first.id())]);
}

#[test]
fn a_bell_rings_once_for_whatever_happened() {
    let store = store(1 << 24, 1 << 28);
    let rung = Arc::new(AtomicUsize::new(0));
    let counter = rung.clone();
    let bell = store.subscribe_bell(Box::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    for times in 1..=2 {
        for _ in 0..3 {
            drop(store.open(FlowKind::Http, &client(), Timestamp(1)));
            store.flush();
        }
        assert_eq!(rung.load(Ordering::Relaxed), times);
        assert_eq!(bell.try_next(), Some(Update::Resync));
        assert_eq!(bell.try_next(), None);
    }
}

#[test]
fn a_long_download_outlives_the_disk_budget_and_keeps_its_head() {
    let store = store(1 << 24, 1 << 20);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.request(&request("/big"));
    flow.response(&response(200));
    let piece = Bytes::from(vec![9; 64 * 1024]);
    for _ in 0..100 {
        flow.data(Side::Server, std::slice::from_ref(&piece), Timestamp(2));
        store.flush();
    }
    let snapshot = store.snapshot(flow.id()).unwrap();
    assert!(snapshot.lossy);
    assert_eq!(&*snapshot.request.unwrap().path, b"/big");
    assert_eq!(snapshot.response.unwrap().status, 200);
    let total = 100 * 64 * 1024;
    let window = store.body(flow.id(), Side::Server, 0..u64::MAX).unwrap();
    assert!(window.lost && window.offset > 0 && window.total == total);
    assert_eq!(window.offset + window.bytes.len() as u64, total);
    assert!(window.bytes.iter().all(|b| *b == 9));
    assert!(store.stats().disk_bytes <= (1 << 20) + 64 * 1024);
    assert_eq!(store.stats().evicted, 0);
    let id = flow.id();
    flow.finish(Timestamp(3));
    for _ in 0..40 {
        let other = store.open(FlowKind::Http, &client(), Timestamp(4));
        other.data(Side::Client, std::slice::from_ref(&piece), Timestamp(5));
        store.flush();
    }
    assert!(store.summary(id).is_none(), "it goes when it is done");
}

#[test]
fn writers_and_readers_at_once_see_only_what_was_written() {
    let store = store(1 << 24, 1 << 28);
    let client = client();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for n in 0..200usize {
                    let flow = store.open(FlowKind::Http, &client, Timestamp(1));
                    flow.request(&request(&format!("/{}", flow.id())));
                    let fill = flow.id().0 as u8;
                    for len in [10, 9000, 3, n] {
                        flow.data(Side::Server, &[vec![fill; len].into()], Timestamp(2));
                    }
                    flow.end(Side::Server, Timestamp(3));
                }
            });
        }
        for _ in 0..2 {
            threads.spawn(|| {
                let updates = store.subscribe();
                while let Some(update) = updates.next_timeout(Duration::from_millis(200)) {
                    let (Update::Added(id) | Update::Changed(id) | Update::Finished(id)) = update
                    else {
                        continue;
                    };
                    let path = store.summary(id).unwrap().request.map(|r| r.path);
                    assert!(path.is_none_or(|path| path == format!("/{id}")));
                    let window = store.body(id, Side::Server, 0..u64::MAX).unwrap();
                    assert!(!window.lost && window.bytes.iter().all(|b| *b == id.0 as u8));
                    assert_eq!(window.bytes.len() as u64, window.total);
                }
            });
        }
    });
    store.flush();
    assert_eq!(store.ids(0..usize::MAX).len(), 800);
    for summary in store.summaries(0..800) {
        assert_eq!(summary.state, FlowState::Done);
        assert!(summary.response_body >= 9013);
    }
}

#[test]
fn after_close_everything_can_be_read_and_nothing_is_taken() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.request(&request("/"));
    store.close();
    assert!(store.summary(flow.id()).unwrap().request.is_some());
    flow.data(Side::Client, &[Bytes::from_static(b"late")], Timestamp(2));
    store.flush();
    assert_eq!(store.stats().queued_bytes, 0);
    assert_eq!(store.summary(flow.id()).unwrap().request_body, 0);
    assert!(store.subscribe().is_closed());
}

#[test]
fn a_writer_outlives_the_store() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    drop(store);
    flow.request(&request("/"));
    flow.finish(Timestamp(2));
}

struct Flag(AtomicUsize);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn back_pressure_waits_for_the_queue_and_no_longer() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let flag = Arc::new(Flag(AtomicUsize::new(0)));
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    assert!(pin!(flow.ready()).poll(&mut context).is_ready());

    // While somebody holds the index the store thread cannot get on.
    let index = write_lock(&store.0.shared.index);
    let piece = Bytes::from(vec![1; 1 << 20]);
    for _ in 0..20 {
        flow.data(Side::Client, std::slice::from_ref(&piece), Timestamp(2));
    }
    let mut ready = pin!(flow.ready());
    assert!(ready.as_mut().poll(&mut context).is_pending());
    drop(index);
    store.flush();
    assert!(flag.0.load(Ordering::SeqCst) > 0, "the waiter is woken");
    assert_eq!(ready.as_mut().poll(&mut context), Poll::Ready(()));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = PathBuf::from("/nonexistent/folder");
    let error = FlowStore::start(StoreConfig {
        dir,
        memory_bytes: 1,
        disk_bytes: 1,
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot record flows in /nonexistent/folder"
    );
    assert!(error.hint().is_some());
}

/// The promise is 100,000 small flows in well under 100 MiB.
#[test]
fn a_small_flow_takes_little_memory() {
    let store = store(1 << 30, 1 << 28);
    let client = client();
    for _ in 0..1000 {
        let flow = store.open(FlowKind::Http, &client, Timestamp(1));
        flow.request(&request("/"));
        flow.response(&response(200));
        flow.data(Side::Server, &[Bytes::from_static(b"hello")], Timestamp(2));
        flow.finish(Timestamp(3));
    }
    store.flush();
    let each = store.stats().memory_bytes / 1000;
    assert!(each <= 250, "{each} bytes");
}
