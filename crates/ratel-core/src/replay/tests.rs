use std::path::Path;
use std::task::{Context, Poll, Waker};

use ratel_flow::record::{Body, Detail, HttpRecord};
use ratel_flow::{Annotations, FlowId, FlowKind, Record, Side, StreamKind, Timestamp};

use super::*;
use crate::files::FlowFiles;
use crate::options::{Options, Value};
use crate::store::FlowStore;
use crate::store::tests::{client, request, response, store};

fn recorded(store: &FlowStore) -> FlowId {
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.request(&request("/"));
    flow.end(Side::Client, Timestamp(3));
    flow.response(&response(200));
    flow.end(Side::Server, Timestamp(6));
    flow.finish(Timestamp(7));
    store.flush();
    flow.id()
}

fn record(path: &str) -> Record {
    Record {
        id: path.into(),
        client_conn: client(),
        server_conn: None,
        error: None,
        annotations: Annotations::default(),
        timestamp_created: Timestamp(1),
        backup: None,
        detail: Detail::Http(Box::new(HttpRecord::new(
            request(path),
            Body::Bytes("".into()),
        ))),
        verbatim: Default::default(),
    }
}

/// Files of so many flows as their names say.
fn files() -> FlowFiles {
    FlowFiles::new(|path: &Path| {
        let count: usize = path
            .to_string_lossy()
            .parse()
            .map_err(|_| format!("cannot read {}", path.display()))?;
        Ok(Box::new((0..count).map(|n| Ok(record(&format!("/{n}"))))))
    })
}

/// What has its turn, if there is something.
fn next(replay: &ClientReplay, at_once: usize) -> Option<(Turn, Queued)> {
    let next = std::pin::pin!(replay.next(|| at_once));
    match next.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(next) => Some(next),
        Poll::Pending => None,
    }
}

#[test]
fn one_after_the_other_or_all_at_once() {
    let store = store(1 << 24, 1 << 28);
    let ids = [recorded(&store), recorded(&store), recorded(&store)];
    let replay = ClientReplay::new(store, files());
    assert!(replay.flows(&ids).is_empty());
    assert_eq!(replay.count(), 3);
    let (turn, first) = next(&replay, 1).unwrap();
    assert!(matches!(first.item, Item::Stored(id) if id == ids[0]));
    assert!(next(&replay, 1).is_none(), "the first one is on its way");
    let (_second, queued) = next(&replay, 2).unwrap();
    assert!(matches!(queued.item, Item::Stored(id) if id == ids[1]));
    assert_eq!(queued.batch, first.batch);
    drop(turn);
    assert_eq!(replay.count(), 2);
    assert!(next(&replay, 2).is_some());
}

#[test]
fn what_waits_is_forgotten_and_what_goes_on_is_told() {
    let store = store(1 << 24, 1 << 28);
    let ids = [recorded(&store), recorded(&store)];
    let replay = ClientReplay::new(store, files());
    replay.flows(&ids);
    let (turn, _) = next(&replay, 1).unwrap();
    assert_eq!(replay.stop(), 1);
    assert!(turn.is_stopped());
    drop(turn);
    assert_eq!(replay.count(), 0);
    replay.flows(&ids[..1]);
    let (turn, _) = next(&replay, 1).unwrap();
    assert!(!turn.is_stopped(), "it was queued afterwards");
}

#[test]
fn a_file_is_read_as_its_flows_are_sent() {
    let replay = ClientReplay::new(store(1 << 24, 1 << 28), files());
    replay.file(Path::new("150")).unwrap();
    assert!(replay.file(Path::new("none")).is_err());
    let (mut sent, mut most) = (Vec::new(), 0);
    while let Some((turn, Queued { batch, item })) = next(&replay, 1) {
        match item {
            Item::File(path, records) => replay.read(turn, batch, path, records),
            Item::Filed(record) => sent.push(record.id.to_string()),
            Item::Stored(_) => panic!("nothing of the store was asked for"),
        }
        most = most.max(replay.count());
    }
    let expected: Vec<_> = (0..150).map(|n| format!("/{n}")).collect();
    assert_eq!(sent, expected);
    assert!(most <= 65, "{most} were in memory");
}

#[test]
fn what_cannot_be_sent_again_says_why() {
    let store = store(1 << 24, 1 << 28);
    let live = store.open(FlowKind::Http, &client(), Timestamp(1));
    live.request(&request("/"));
    let raw = store.open(FlowKind::Tcp, &client(), Timestamp(1));
    raw.finish(Timestamp(2));
    let socket = store.open(FlowKind::Http, &client(), Timestamp(1));
    socket.request(&request("/"));
    socket.stream(StreamKind::WebSocket);
    socket.finish(Timestamp(2));
    let broken_off = store.open(FlowKind::Http, &client(), Timestamp(1));
    let mut upload = request("/");
    upload.headers.append(b"content-length", b"5");
    broken_off.request(&upload);
    broken_off.finish(Timestamp(2));
    let tunnel = store.open(FlowKind::Http, &client(), Timestamp(1));
    let mut connect = request("/");
    connect.method = "CONNECT".into();
    tunnel.request(&connect);
    tunnel.end(Side::Client, Timestamp(2));
    tunnel.finish(Timestamp(3));
    store.flush();
    let replay = ClientReplay::new(store, files());
    let rows = [
        (live.id(), ReplayError::Live),
        (raw.id(), ReplayError::NotHttp),
        (socket.id(), ReplayError::WebSocket),
        (broken_off.id(), ReplayError::Incomplete),
        (tunnel.id(), ReplayError::Tunnel),
        (FlowId(1 << 40), ReplayError::Gone),
    ];
    for (id, error) in rows {
        assert_eq!(replay.flows(&[id]), [(id, error)]);
    }
    assert_eq!(replay.count(), 0);
}

#[test]
fn a_flow_runs_once_at_a_time() {
    let store = store(1 << 24, 1 << 28);
    let id = recorded(&store);
    let replay = ClientReplay::new(store.clone(), files());
    replay.flows(&[id, id]);
    let (first, _) = next(&replay, 9).unwrap();
    let reopened = replay.reopen(&first, id).unwrap();
    let (second, _) = next(&replay, 9).unwrap();
    assert_eq!(replay.reopen(&second, id).err(), Some(ReplayError::Live));
    drop(second);
    reopened.writer.finish(Timestamp(9));
    drop(first);
    store.flush();
    replay.flows(&[id]);
    assert_eq!(
        replay.count(),
        1,
        "a request without a body is complete, whatever became of it"
    );
}

#[test]
fn files_of_the_option_are_sent_once() {
    let values = |list: &[&str]| Value::List(list.iter().map(ToString::to_string).collect());
    let options = Options::default();
    let replay = ClientReplay::new(store(1 << 24, 1 << 28), files());
    replay.follow(&options).unwrap();
    let set = |list: &[&str]| options.update([("client_replay".to_owned(), values(list))]);
    assert_eq!(replay.count(), 0);
    set(&["2"]).unwrap();
    assert_eq!(replay.count(), 1);
    // Somebody else refuses: what was asked for is not sent.
    options.subscribe(|values, _| {
        match values.int(crate::options::keys::CLIENT_REPLAY_CONCURRENCY) {
            1 => Ok(()),
            _ => Err("no".to_owned()),
        }
    });
    let both = [
        ("client_replay".to_owned(), values(&["3"])),
        ("client_replay_concurrency".to_owned(), Value::Int(-1)),
    ];
    assert!(options.update(both).is_err());
    assert_eq!(replay.count(), 1);
    let error = set(&["none"]).unwrap_err().to_string();
    assert!(
        error.contains("option 'client_replay': cannot read none"),
        "{error}"
    );
    set(&["2", "3"]).unwrap();
    assert_eq!(replay.count(), 3);
}
