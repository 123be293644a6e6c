use std::time::Duration;

use ratel_flow::record::Messages;
use ratel_flow::{Annotations, FlowKind, Message, MessageFlags, MessageKind, Side};

use super::*;
use crate::options::Value as Setting;
use crate::store::tests::{client, request, response, store};

fn record(path: &str, status: Option<u16>) -> Record {
    let mut http = HttpRecord::new(request(path), Body::Bytes("".into()));
    http.response = status.map(response);
    http.response_body = Body::Bytes(format!("body of {path} {status:?}").into());
    Record {
        id: path.into(),
        client_conn: client(),
        server_conn: None,
        error: None,
        annotations: Annotations::default(),
        timestamp_created: Timestamp(1),
        backup: None,
        detail: Detail::Http(Box::new(http)),
        verbatim: Default::default(),
    }
}

/// Recordings of these, with options.
fn replay(records: Vec<Record>, options: &[(&str, Setting)]) -> ServerReplay {
    let files = FlowFiles::new(move |path: &Path| match path.to_str() {
        Some("file") => Ok(Box::new(records.clone().into_iter().map(Ok))),
        Some("broken") => Ok(Box::new([Err("it is broken".to_owned())].into_iter())),
        _ => Err(format!("cannot read {}", path.display())),
    });
    let replay = ServerReplay::new(store(1 << 24, 1 << 28), files);
    configure(&replay, options).unwrap();
    replay
}

fn configure(replay: &ServerReplay, options: &[(&str, Setting)]) -> Result<(), String> {
    let mut values = Values::default();
    let files = Setting::List(vec!["file".to_owned()]);
    values.set("server_replay", files).unwrap();
    for (name, value) in options {
        values.set(name, value.clone()).unwrap();
    }
    replay.configure(&values)
}

const ON: Setting = Setting::Bool(true);

/// What a request is answered with: the body, or why not.
fn ask(replay: &ServerReplay, request: &Request) -> String {
    match replay.judge(request, Some(&Bytes::new()), Timestamp(9)) {
        Verdict::Idle => "idle".to_owned(),
        Verdict::Play(played) => {
            let body = played.1.body.whole(u64::MAX).unwrap().unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        }
        Verdict::Missed { extra, why } => format!("{extra:?}: {why}"),
    }
}

#[test]
fn each_recording_is_played_once_in_order() {
    let records = vec![
        record("/a", Some(200)),
        record("/a", None),
        record("/a", Some(404)),
        record("/b", Some(200)),
    ];
    let replay = replay(records, &[]);
    assert_eq!(replay.count(), 4);
    assert_eq!(ask(&replay, &request("/a")), "body of /a Some(200)");
    // One without a response is passed over.
    assert_eq!(ask(&replay, &request("/a")), "body of /a Some(404)");
    assert_eq!(replay.count(), 1);
    let again = ask(&replay, &request("/a"));
    assert!(again.contains("have been played"), "{again}");
    assert_eq!(ask(&replay, &request("/b")), "body of /b Some(200)");
    assert_eq!(ask(&replay, &request("/b")), "idle", "nothing is left");
}

#[test]
fn with_reuse_the_first_one_is_played_again_and_again() {
    let records = vec![
        record("/a", None),
        record("/a", Some(404)),
        record("/a", Some(200)),
    ];
    let replay = replay(records, &[("server_replay_reuse", ON)]);
    for _ in 0..3 {
        assert_eq!(ask(&replay, &request("/a")), "body of /a Some(404)");
    }
    assert_eq!(replay.count(), 3);
}

#[test]
fn what_has_no_recording_says_what_comes_closest() {
    let mut posted = record("/b?x=1&y=2", Some(200));
    let Detail::Http(http) = &mut posted.detail else {
        unreachable!("it is one");
    };
    http.request.method = "POST".into();
    http.request_body = Body::Bytes("12345".into());
    let extra = ("server_replay_extra", Setting::Str("404".to_owned()));
    let replay = replay(vec![record("/a", Some(200)), posted], &[extra]);
    let mut other = request("/b?x=1&y=3&z");
    other.method = "POST".into();
    assert_eq!(
        ask(&replay, &other),
        "Status(404): the closest recording, POST /b, differs in query (y, z), body (0 bytes in place of 5)"
    );
    let mut other = request("/a");
    other.port = 8443;
    assert_eq!(
        ask(&replay, &other),
        "Status(404): the closest recording, GET /a, differs in port (443)"
    );
    let elsewhere = ask(&replay, &request("/c"));
    assert_eq!(
        elsewhere,
        "Status(404): the closest recording, GET /a, differs in path (/a)"
    );
}

#[test]
fn what_differs_in_a_body_is_named() {
    let form = |request: &mut Request| {
        request.method = "POST".into();
        let kind = b"application/x-www-form-urlencoded";
        request.headers.append(b"content-type", kind);
    };
    let mut posted = record("/a", Some(200));
    let Detail::Http(http) = &mut posted.detail else {
        unreachable!("it is one");
    };
    form(&mut http.request);
    http.request_body = Body::Bytes("a=2".into());
    let replay = replay(vec![posted], &[]);
    let mut asked = request("/a");
    form(&mut asked);
    let verdict = replay.judge(&asked, Some(&"a=1".into()), Timestamp(9));
    let Verdict::Missed { why, .. } = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(
        why,
        "the closest recording, POST /a, differs in form fields (a: 1 in place of 2)"
    );
}

#[test]
fn what_was_played_and_what_begins_alike_comes_closer_than_others() {
    let extra = ("server_replay_extra", Setting::Str("404".to_owned()));
    let recorded = ["/slow/1", "/users/41", "/search?q=cats&page=2", "/big/5000"];
    let recorded = recorded.map(|path| record(path, Some(200)));
    let replay = replay(recorded.into(), &[extra]);
    let closest = |path: &str, said: &str| {
        let expected = format!("Status(404): the closest recording, GET {said}");
        assert_eq!(ask(&replay, &request(path)), expected, "{path}");
    };
    closest("/big/5001", "/big/5000, differs in path (/big/5000)");
    closest(
        "/users/42?x=1",
        "/users/41, differs in path (/users/41), query (x)",
    );
    assert!(ask(&replay, &request("/search?q=cats&page=2")).starts_with("body"));
    closest(
        "/search?q=cats&page=3",
        "/search, has been played and differs in query (page)",
    );
}

#[test]
fn what_counts_can_be_changed_while_it_plays() {
    let replay = replay(
        vec![record("/a?t=1", Some(200)), record("/b", Some(200))],
        &[],
    );
    assert!(ask(&replay, &request("/a?t=2")).starts_with("Forward"));
    assert_eq!(ask(&replay, &request("/b")), "body of /b Some(200)");
    let ignored = Setting::List(vec!["t".to_owned()]);
    configure(&replay, &[("server_replay_ignore_params", ignored)]).unwrap();
    assert_eq!(replay.count(), 1, "what was played does not come back");
    assert_eq!(ask(&replay, &request("/a?t=2")), "body of /a?t=1 Some(200)");
}

#[test]
fn it_serves_the_hosts_it_knows() {
    let replay = replay(vec![record("/a", Some(200))], &[]);
    assert!(replay.serves("example.com") && !replay.serves("other.test"));
    let extra = ("server_replay_extra", Setting::Str("kill".to_owned()));
    configure(&replay, &[extra]).unwrap();
    assert!(replay.serves("other.test"), "nothing goes to a server");
    configure(&replay, &[]).unwrap();
    ask(&replay, &request("/a"));
    assert!(!replay.serves("example.com"), "all have been played");
}

#[test]
fn a_file_that_cannot_be_read_changes_nothing() {
    let replay = replay(vec![record("/a", Some(200))], &[]);
    let other = |path: &str| Setting::List(vec![path.to_owned()]);
    for (path, why) in [
        ("nowhere", "cannot read nowhere"),
        ("broken", "it is broken"),
    ] {
        let error = configure(&replay, &[("server_replay", other(path))]).unwrap_err();
        assert_eq!(error, format!("option 'server_replay': {why}"));
        assert_eq!(replay.count(), 1);
        assert!(replay.file(Path::new(path)).is_err());
        assert_eq!(replay.count(), 1);
    }
    configure(&replay, &[("server_replay", Setting::List(Vec::new()))]).unwrap();
    assert_eq!(replay.count(), 0);
    assert_eq!(replay.file(Path::new("file")), Ok(1));
    replay.stop();
    assert_eq!(ask(&replay, &request("/a")), "idle");
}

#[test]
fn flows_of_the_store_are_played_whatever_becomes_of_them() {
    let replay = replay(Vec::new(), &[]);
    let store = replay.0.store.clone();
    let body: Bytes = vec![b'x'; 100_000].into();
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.request(&request("/big"));
    flow.end(Side::Client, Timestamp(3));
    flow.response(&response(200));
    flow.data(Side::Server, std::slice::from_ref(&body), Timestamp(5));
    flow.end(Side::Server, Timestamp(6));
    flow.finish(Timestamp(7));
    let raw = store.open(FlowKind::Tcp, &client(), Timestamp(1));
    raw.finish(Timestamp(2));
    store.flush();
    assert_eq!(replay.flows(&[flow.id(), raw.id()]), 1);
    assert_eq!(replay.add(&[flow.id()]), 1);
    assert_eq!(replay.count(), 2);
    store.remove(&[flow.id()]);
    store.flush();
    assert_eq!(ask(&replay, &request("/big")).len(), body.len());
}

#[test]
fn a_call_that_was_answered_early_is_found_without_its_body() {
    let mut call = record("/Chat", Some(200));
    let Detail::Http(http) = &mut call.detail else {
        unreachable!("it is one");
    };
    http.request
        .headers
        .append(b"content-type", b"application/grpc");
    http.request_body = Body::Bytes("\0\0\0\0\x01a\0\0\0\0\x01b".into());
    http.request_end = Some(Timestamp(100));
    let replay = replay(vec![call, record("/a", Some(200))], &[]);
    assert!(!replay.wants_body(&request("/Chat")) && replay.wants_body(&request("/a")));
    let verdict = replay.judge(&request("/Chat"), None, Timestamp(9));
    assert!(matches!(verdict, Verdict::Play(_)), "{verdict:?}");
}

#[test]
fn messages_and_times_come_along() {
    let mut socket = record("/ws", Some(101));
    let Detail::Http(http) = &mut socket.detail else {
        unreachable!("it is one");
    };
    http.request_end = Some(Timestamp(3));
    http.response_end = Some(Timestamp(1004));
    http.websocket = Some(WebSocketRecord {
        messages: Messages::List(vec![Message {
            side: Side::Server,
            kind: MessageKind::Text,
            flags: MessageFlags::default(),
            timestamp: Timestamp(5),
            content: "hello".into(),
        }]),
        ..WebSocketRecord::default()
    });
    let upgraded = record("/other", Some(101));
    let timing = ("server_replay_timing", ON);
    let replay = replay(vec![socket, upgraded], &[timing]);
    let Verdict::Play(played) = replay.judge(&request("/ws"), None, Timestamp(9)) else {
        panic!("there is a recording");
    };
    let pace = played.1.pace.unwrap();
    assert_eq!(
        (pace.head, pace.body),
        (Duration::from_nanos(1), Duration::from_micros(1))
    );
    assert_eq!(played.1.websocket.unwrap().messages.len(), 1);
    let verdict = replay.judge(&request("/other"), None, Timestamp(9));
    assert!(
        matches!(verdict, Verdict::Missed { .. }),
        "nobody knows what was said there"
    );
}
