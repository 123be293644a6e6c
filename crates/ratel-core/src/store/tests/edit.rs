//! Flows that are changed after they were recorded.

use ratel_flow::record::Body;
use ratel_flow::{
    AnnotationChange, FlowError, MessageFlags, MessageHead, MessageKind, Payload, ServerConn,
    StreamKind,
};

use super::*;

fn recorded(store: &FlowStore, body: &'static [u8]) -> FlowId {
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.request(&request("/before"));
    flow.end(Side::Client, Timestamp(3));
    flow.response(&response(200));
    flow.data(Side::Server, &[Bytes::from_static(body)], Timestamp(5));
    flow.end(Side::Server, Timestamp(6));
    flow.finish(Timestamp(7));
    store.flush();
    flow.id()
}

fn body(store: &FlowStore, id: FlowId) -> Bytes {
    store.body(id, Side::Server, 0..1000).unwrap().bytes
}

#[test]
fn what_was_changed_can_be_reverted() {
    let store = store(1 << 24, 1 << 28);
    let id = recorded(&store, b"before");
    let updates = store.subscribe();
    let edit = Edit {
        request: Some(request("/after")),
        response: Some(response(404)),
        response_body: Some("after it".into()),
        ..Edit::default()
    };
    store.edit(id, &edit).unwrap();
    // The first original is the one that counts.
    let again = Edit {
        response_body: Some("twice".into()),
        ..Edit::default()
    };
    store.edit(id, &again).unwrap();
    let now = store.snapshot(id).unwrap();
    assert_eq!(&*now.request.unwrap().path, b"/after");
    assert_eq!(now.response.unwrap().status, 404);
    assert_eq!(now.times.response_end, Some(Timestamp(6)));
    assert!(now.modified && store.summary(id).unwrap().modified);
    assert_eq!(&*body(&store, id), b"twice");

    let record = store.record(id).unwrap();
    let before = record.backup.unwrap();
    let before = before.http().unwrap();
    assert_eq!(&*before.request.path, b"/before");
    let Body::Bytes(bytes) = &before.response_body else {
        panic!("it is short");
    };
    assert_eq!(&**bytes, b"before");

    assert_eq!(store.revert(id), Ok(true));
    let now = store.snapshot(id).unwrap();
    assert_eq!(&*now.request.unwrap().path, b"/before");
    assert_eq!(now.response.unwrap().status, 200);
    assert!(!now.modified);
    assert_eq!(&*body(&store, id), b"before");
    assert_eq!(store.revert(id), Ok(false));
    assert!(std::iter::from_fn(|| updates.try_next()).any(|u| u == Update::Changed(id)));
}

/// The request is changed while it is held, and answered: the answer was never another one.
#[test]
fn what_came_after_a_change_of_a_live_flow_is_no_change() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let id = flow.id();
    flow.request(&request("/before"));
    flow.end(Side::Client, Timestamp(3));
    flow.annotate(AnnotationChange::intercepted(true));
    flow.back_up(Side::Client);
    flow.request(&request("/after"));
    flow.annotate(AnnotationChange::intercepted(false));
    flow.response(&response(200));
    store.flush();
    let before = store.snapshot_before(id).unwrap();
    assert_eq!(&*before.request.unwrap().path, b"/before");
    assert_eq!(before.response.unwrap().status, 200);
    flow.data(Side::Server, &[Bytes::from_static(b"answer")], Timestamp(5));
    flow.end(Side::Server, Timestamp(6));
    flow.finish(Timestamp(7));
    store.flush();
    assert_eq!(store.revert(id), Ok(true));
    let now = store.snapshot(id).unwrap();
    assert_eq!(&*now.request.unwrap().path, b"/before");
    assert_eq!(now.response.map(|response| response.status), Some(200));
    assert_eq!(&*body(&store, id), b"answer");
    assert!(now.annotations.is_none(), "nothing of it is held");
}

/// What somebody answers in place of the server is all that there is.
#[test]
fn a_response_that_was_made_by_hand_stays_when_the_flow_is_over() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let id = flow.id();
    flow.request(&request("/"));
    flow.back_up(Side::Server);
    flow.response(&response(418));
    flow.revert(Side::Server);
    store.flush();
    let now = store.snapshot(id).unwrap();
    assert!(now.response.is_none() && !now.modified, "while it goes on");
    flow.back_up(Side::Client);
    flow.request(&request("/other"));
    flow.back_up(Side::Server);
    flow.response(&response(418));
    flow.revert(Side::Client);
    store.flush();
    let now = store.snapshot(id).unwrap();
    assert_eq!(&*now.request.unwrap().path, b"/");
    assert!(now.modified, "the other side is changed");
    flow.finish(Timestamp(7));
    store.flush();
    store.revert(id).unwrap();
    let now = store.snapshot(id).unwrap();
    assert_eq!(now.response.unwrap().status, 418);
}

#[test]
fn a_request_is_made_ready_to_be_sent_anew() {
    let store = store(1 << 24, 1 << 28);
    let id = recorded(&store, b"answer");
    let edit = Edit {
        forget_response: true,
        ..Edit::default()
    };
    store.edit(id, &edit).unwrap();
    let now = store.snapshot(id).unwrap();
    assert!(now.response.is_none() && now.response_body == 0);
    assert_eq!(store.summary(id).unwrap().status, None);
    assert!(store.record(id).unwrap().backup.is_some());
}

#[test]
fn live_flows_and_those_that_are_gone_are_not_changed() {
    let store = store(1 << 24, 1 << 28);
    let live = store.open(FlowKind::Http, &client(), Timestamp(1));
    store.flush();
    let edit = Edit::default();
    assert_eq!(
        store.edit(live.id(), &edit),
        Err(EditError::Live(live.id()))
    );
    assert_eq!(
        store.edit(FlowId(99), &edit),
        Err(EditError::Gone(FlowId(99)))
    );
    assert_eq!(store.remove(&[live.id()]), 0);
    // What is said of it may change at any time.
    let said = store.annotate(live.id(), |said| said.marked = ":default:".into());
    assert_eq!(&*said.unwrap().marked, ":default:");
    let summary = store.summary(live.id()).unwrap();
    assert_eq!(&*summary.annotations.unwrap().marked, ":default:");
    assert!(store.annotate(FlowId(99), |_| ()).is_none());
}

#[test]
fn flows_are_taken_out() {
    let store = store(1 << 24, 1 << 28);
    let before = store.stats().memory_bytes;
    let ids: Vec<FlowId> = (0..5).map(|_| recorded(&store, b"x")).collect();
    let updates = store.subscribe();
    assert_eq!(store.remove(&[ids[1], ids[3], FlowId(99)]), 2);
    assert_eq!(updates.try_next(), Some(Update::Removed(ids[1])));
    assert_eq!(store.ids(0..usize::MAX), [ids[0], ids[2], ids[4]]);
    assert_eq!(store.ids(1..2), [ids[2]]);
    assert!(store.summary(ids[1]).is_none());
    assert_eq!(store.remove(&ids), 3);
    assert!(store.is_empty());
    assert_eq!(store.stats().memory_bytes, before);
    assert_eq!(store.stats().evicted, 0);
    // The store goes on.
    let next = recorded(&store, b"x");
    assert_eq!(store.ids(0..usize::MAX), [next]);
}

#[test]
fn a_flow_that_is_run_anew_keeps_what_it_was() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let id = flow.id();
    flow.request(&request("/a"));
    let long = Bytes::from(vec![7; 100_000]);
    flow.data(Side::Client, std::slice::from_ref(&long), Timestamp(2));
    flow.end(Side::Client, Timestamp(3));
    assert!(matches!(
        store.reopen(id),
        Err(EditError::Gone(_) | EditError::Live(_))
    ));
    flow.response(&response(200));
    flow.data(Side::Server, &[Bytes::from_static(b"first")], Timestamp(5));
    flow.stream(StreamKind::Sse);
    flow.message(&MessageHead {
        side: Side::Server,
        kind: MessageKind::Event,
        flags: MessageFlags::default(),
        timestamp: Timestamp(5),
        code: 0,
        payload: Payload {
            len: 5,
            ..Payload::default()
        },
    });
    flow.end(Side::Server, Timestamp(6));
    flow.finish(Timestamp(7));
    store.flush();

    for round in ["second", "third"] {
        let Reopened { writer, record } = store.reopen(id).unwrap();
        writer.request(&Request {
            timestamp_start: Timestamp(11),
            ..request("/a")
        });
        store.flush();
        let now = store.snapshot(id).unwrap();
        assert!(now.state.is_live() && now.modified, "{:?}", now.state);
        assert!(now.response.is_none());
        assert_eq!(
            (now.messages, now.request_body, now.response_body),
            (0, 0, 0)
        );
        assert_eq!(store.remove(&[id]), 0, "it is live");
        // The body is still there to be sent.
        let body = &record.http().unwrap().request_body;
        assert_eq!(body.whole(1 << 20).unwrap(), Some(long.clone()));
        writer.data(Side::Client, std::slice::from_ref(&long), Timestamp(12));
        writer.end(Side::Client, Timestamp(13));
        writer.response(&response(201));
        writer.data(
            Side::Server,
            &[Bytes::copy_from_slice(round.as_bytes())],
            Timestamp(15),
        );
        writer.end(Side::Server, Timestamp(16));
        writer.finish(Timestamp(17));
        store.flush();
        assert_eq!(body_of(&store, id), round);
        let now = store.snapshot(id).unwrap();
        assert_eq!(now.response.unwrap().status, 201);
        // It has the times of what was sent last, and its place in the list.
        for times in [now.times, store.summary(id).unwrap().times] {
            assert_eq!((times.created, times.began), (Timestamp(1), Timestamp(11)));
            assert_eq!(times.response_end, Some(Timestamp(16)));
        }
    }
    assert_eq!(store.revert(id), Ok(true));
    assert_eq!(body_of(&store, id), "first");
    let now = store.snapshot(id).unwrap();
    assert_eq!((now.messages, now.request_body), (1, 100_000));
    assert!(now.times.began < Timestamp(11));
}

fn body_of(store: &FlowStore, id: FlowId) -> String {
    String::from_utf8_lossy(&body(store, id)).into_owned()
}

#[test]
fn a_replay_that_failed_is_undone_in_all_its_parts() {
    let store = store(1 << 24, 1 << 28);
    let server = |error: Option<&str>| {
        Arc::new(ServerConn {
            id: ConnId::next(),
            address: ("service.dev".into(), 443),
            peername: None,
            sockname: None,
            timestamp_start: Timestamp(2),
            timestamp_tcp_setup: None,
            timestamp_end: None,
            tls: None,
            error: error.map(Into::into),
            extra: None,
        })
    };
    let first = client();
    let flow = store.open(FlowKind::Http, &first, Timestamp(1));
    flow.request(&request("/"));
    let its = server(None);
    flow.server_conn(its.clone());
    flow.end(Side::Client, Timestamp(3));
    flow.response(&response(200));
    flow.end(Side::Server, Timestamp(6));
    flow.finish(Timestamp(7));
    let (id, memory) = (flow.id(), || store.stats().memory_bytes);
    store.flush();
    let recorded = memory();

    let Reopened { writer, .. } = store.reopen(id).unwrap();
    writer.request(&request("/"));
    writer.client_conn(client());
    writer.server_conn(server(Some("no way")));
    writer.error(FlowError {
        message: "it failed".into(),
        hint: None,
        by_client: false,
        timestamp: Timestamp(14),
    });
    writer.finish(Timestamp(15));
    store.flush();
    let before = store.record(id).unwrap().backup.unwrap();
    assert!(Arc::ptr_eq(&before.client_conn, &first));
    assert!(Arc::ptr_eq(before.server_conn.as_ref().unwrap(), &its));

    assert_eq!(store.revert(id), Ok(true));
    let now = store.snapshot(id).unwrap();
    assert_eq!(now.error, None);
    assert!(Arc::ptr_eq(&now.client_conn, &first));
    assert!(Arc::ptr_eq(now.server_conn.as_ref().unwrap(), &its));
    assert_eq!(now.times.last, Timestamp(7));
    assert_eq!(now.response.unwrap().status, 200);
    // What was held for the replay is not any more.
    let left = memory().abs_diff(recorded);
    assert!(left < 1000, "{left} bytes more");

    // It had no server before.
    let flow = store.open(FlowKind::Http, &first, Timestamp(1));
    flow.request(&request("/"));
    flow.finish(Timestamp(7));
    let id = flow.id();
    store.flush();
    let Reopened { writer, .. } = store.reopen(id).unwrap();
    writer.server_conn(server(None));
    writer.finish(Timestamp(15));
    store.flush();
    assert_eq!(store.revert(id), Ok(true));
    assert!(store.snapshot(id).unwrap().server_conn.is_none());
}

#[test]
fn time_that_somebody_held_it_is_told_from_time_that_it_took() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.request(&request("/"));
    let second = std::time::Duration::from_secs(1);
    flow.held(Timestamp(2), second);
    flow.held(Timestamp(3), second);
    flow.response(&response(200));
    flow.end(Side::Server, Timestamp(6));
    // The response was there by then, and had taken what it took.
    flow.held(Timestamp(7), second);
    flow.finish(Timestamp(8));
    store.flush();
    assert_eq!(store.summary(flow.id()).unwrap().times.held, 2 * second);
    let Reopened { writer, .. } = store.reopen(flow.id()).unwrap();
    writer.finish(Timestamp(9));
    store.flush();
    let held = |store: &FlowStore| store.summary(flow.id()).unwrap().times.held;
    assert!(held(&store).is_zero());
    store.revert(flow.id()).unwrap();
    assert_eq!(held(&store), 2 * second);
}
