//! A bad network: what waits, for how long, what breaks off, and that nothing is kept for it.

use ratel_core::addon::{Addon, Bodies, BodyNeed, HookFuture, RawConnection, TlsBegin, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::network::{FaultKind, Network, PlannedFault, Rules};
use ratel_flow::HttpFlow;
use ratel_flow::filter::FilterOptions;
use ratel_proto::h2::{Event, Reason, Role, StreamId};
use tokio::time::Instant;

use super::h2::Peer;
use super::*;

/// Has these rules hit every flow: those of the first list ahead of the response, those of the second once it is there.
struct Bad(Rules, Rules);

fn network(rules: &Rules) -> Box<Network> {
    Box::new(Network {
        throttles: rules
            .throttles
            .iter()
            .map(|rule| rule.what.clone())
            .collect(),
        faults: rules
            .faults
            .iter()
            .map(|rule| PlannedFault {
                kind: rule.what.kind.clone(),
                spec: rule.spec.clone(),
                hits: rule.hits.clone(),
            })
            .collect(),
        decided: Vec::new(),
    })
}

fn leave(rules: &Rules, bodies: &mut Bodies) {
    bodies.network = Some(network(rules));
}

impl Addon for Bad {
    fn name(&self) -> &'static str {
        "bad"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE
            .with(Hook::Request)
            .with(Hook::ResponseHeaders)
    }

    fn raw_network(&self, raw: &mut RawConnection<'_>) -> Option<Box<Network>> {
        assert_eq!(raw.address.0, "a.test");
        Some(network(&self.0))
    }

    fn fails_tls(&self, begin: TlsBegin<'_>) -> Option<PlannedFault> {
        assert_eq!(begin.address.map(|(host, _)| host), Some("a.test"));
        let mut faults = network(&self.0).faults.into_iter();
        let fault = faults.find(|fault| fault.kind == FaultKind::Tls)?;
        let spec = format!("{} : tls", begin.sni.unwrap_or_default()).into();
        Some(PlannedFault { spec, ..fault })
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        _flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        match hook {
            Hook::Request => leave(&self.0, bodies),
            _ => leave(&self.1, bodies),
        }
        done()
    }
}

fn rules(throttles: &[&str], faults: &[&str]) -> Rules {
    Rules::parse(throttles, faults, FilterOptions::default(), Some(1)).expect("valid rules")
}

fn chain(throttles: &[&str], faults: &[&str]) -> AddonChain {
    let bad = Bad(rules(throttles, faults), rules(&[], &[]));
    AddonChain::new(vec![Arc::new(bad)])
}

fn bad(throttles: &[&str], faults: &[&str]) -> Play {
    play("reverse:http://origin.test", chain(throttles, faults), &[])
}

const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n";

async fn answer(play: &mut Play, body: &[u8]) -> DuplexStream {
    let mut server = play.server().await;
    gets(&mut server, ASK).await;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    server.write_all(head.as_bytes()).await.expect("room");
    server.write_all(body).await.expect("room");
    server
}

#[tokio::test(start_paused = true)]
async fn a_body_takes_as_long_as_the_bandwidth_has_it() {
    let mut play = bad(&["down=8kbit"], &[]);
    let begun = Instant::now();
    play.send(ASK).await;
    let mut server = answer(&mut play, &[b'x'; 3000]).await;
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n")
        .await;
    play.client_gets(&[b'x'; 512]).await;
    let first = begun.elapsed();
    assert!(
        first < Duration::from_secs(1),
        "pieces come one by one: {first:?}"
    );
    play.client_gets(&[b'x'; 3000 - 512]).await;
    assert_eq!(begun.elapsed().as_millis(), 3000);
    // The next exchange of the connection is slow, too.
    let begun = Instant::now();
    play.send(ASK).await;
    gets(&mut server, ASK).await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n")
        .await
        .expect("room");
    server.write_all(&[b'y'; 1000]).await.expect("room");
    server.write_all(b"\r\n0\r\n\r\n").await.expect("room");
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    play.client_gets(head).await;
    let mut rest = Vec::new();
    while !rest.ends_with(b"0\r\n\r\n") {
        rest.push(play.client.read_u8().await.expect("more"));
    }
    assert_eq!(begun.elapsed().as_millis(), 1000);
    assert_eq!(play.body(2, Side::Server), "y".repeat(1000));
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_held_up_and_nothing_piles_up() {
    let mut play = bad(&["down=80kbit"], &[]);
    play.send(ASK).await;
    let mut server = play.server().await;
    gets(&mut server, ASK).await;
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = sent.clone();
    tokio::spawn(async move {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
        server.write_all(head).await.expect("room");
        while let Ok(written) = server.write(&[b'x'; 16 * 1024]).await {
            count.fetch_add(written, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let mut got = 0;
    let begun = Instant::now();
    let mut piece = vec![0; 64 * 1024];
    while begun.elapsed() < Duration::from_secs(10) {
        got += play.client.read(&mut piece).await.expect("more");
    }
    let sent = sent.load(std::sync::atomic::Ordering::Relaxed);
    assert!((95_000..106_000).contains(&got), "{got} bytes in 10 s");
    assert!(
        sent - got < 500_000,
        "{} bytes are somewhere in between",
        sent - got
    );
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_slow_by_itself() {
    let mut play = bad(&["up=8kbit"], &[]);
    let begun = Instant::now();
    let head = b"POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 2000\r\n\r\n";
    play.send(head).await;
    play.send(&[b'x'; 2000]).await;
    let mut server = play.server().await;
    gets(&mut server, head).await;
    gets(&mut server, &[b'x'; 2000]).await;
    assert_eq!(begun.elapsed().as_millis(), 2000);
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        .await
        .expect("room");
    server.write_all(&[b'y'; 5000]).await.expect("room");
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        .await;
    play.client_gets(&[b'y'; 5000]).await;
    assert_eq!(begun.elapsed().as_millis(), 2000);
}

#[tokio::test(start_paused = true)]
async fn a_round_trip_takes_its_time_and_faults_add_to_it() {
    let mut play = bad(&["latency=400ms"], &["delay 2s"]);
    let begun = Instant::now();
    play.send(ASK).await;
    let _server = answer(&mut play, b"ok").await;
    assert_eq!(begun.elapsed().as_millis(), 2200);
    play.client_gets(b"HTTP/1.1 200 OK\r\n").await;
    assert_eq!(begun.elapsed().as_millis(), 2400);
}

#[tokio::test(start_paused = true)]
async fn what_comes_with_a_head_travels_with_it_and_what_follows_does_so_behind_it() {
    for (gap, expected) in [(0, 400), (100, 500), (300, 700)] {
        let mut play = bad(&["latency=400ms"], &[]);
        let begun = Instant::now();
        play.send(ASK).await;
        let mut server = play.server().await;
        gets(&mut server, ASK).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        server.write_all(head).await.expect("room");
        if gap > 0 {
            tokio::time::sleep(Duration::from_millis(gap)).await;
        }
        server.write_all(b"ok").await.expect("room");
        play.client_gets(&[head, &b"ok"[..]].concat()).await;
        assert_eq!(begun.elapsed().as_millis(), expected, "{gap} ms");
    }
}

/// Each event is on its way by itself, those that are sent while the head is as well.
#[tokio::test(start_paused = true)]
async fn events_are_each_on_their_way_for_half_a_round_trip() {
    let mut play = bad(&["latency=800ms"], &[]);
    let begun = Instant::now();
    play.send(ASK).await;
    let mut server = play.server().await;
    gets(&mut server, ASK).await;
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    server.write_all(head).await.expect("room");
    tokio::spawn(async move {
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            server
                .write_all(b"9\r\ndata: a\n\n\r\n")
                .await
                .expect("room");
        }
        std::future::pending::<()>().await;
    });
    play.client_gets(head).await;
    assert_eq!(begun.elapsed().as_millis(), 800);
    for at in [950, 1100, 1250, 1400] {
        play.client_gets(b"9\r\ndata: a\n\n\r\n").await;
        assert_eq!(begun.elapsed().as_millis(), at);
    }
}

/// Wants all of each response, and makes it another one.
struct Rewrites;

impl Addon for Rewrites {
    fn name(&self) -> &'static str {
        "rewrites"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::Response)
    }

    fn wants_bodies(&self) -> bool {
        true
    }

    fn body_need(&self, _: &HttpFlow, _: &Bodies, side: Side) -> BodyNeed {
        match side {
            Side::Client => BodyNeed::Stream,
            Side::Server => BodyNeed::IfPossible,
        }
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        _flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        bodies.response = Some(vec![b'z'; 1000].into());
        done()
    }
}

/// The network lies between what was held back and the client.
#[tokio::test(start_paused = true)]
async fn what_was_held_back_as_a_whole_comes_over_the_bad_network() {
    let limit = (
        "body_size_limit",
        ratel_core::options::Value::OptStr(Some("1m".into())),
    );
    let rows: [(&str, &str, usize, u128); 4] = [
        ("down=8kbit", "truncate 600", 600, 600),
        ("down=8kbit", "delay 0s", 1000, 1000),
        ("latency=200ms", "reset after 300", 300, 200),
        ("latency=200ms", "truncate 2000", 1000, 200),
    ];
    for (throttle, fault, got, takes) in rows {
        for rewrites in [true, false] {
            let mut addons: Vec<Arc<dyn Addon>> =
                vec![Arc::new(Bad(rules(&[throttle], &[fault]), rules(&[], &[])))];
            if rewrites {
                addons.push(Arc::new(Rewrites));
            }
            let chain = AddonChain::new(addons);
            let mut play = play(
                "reverse:http://origin.test",
                chain,
                std::slice::from_ref(&limit),
            );
            let begun = Instant::now();
            play.send(ASK).await;
            let mut server = play.server().await;
            gets(&mut server, ASK).await;
            // A length that is not announced is measured for the limit.
            server
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
                .await
                .expect("room");
            server.write_all(&[b'z'; 1000]).await.expect("room");
            drop(server);
            let text = play.client_rest().await;
            let body = text.split("\r\n\r\n").nth(1).expect("a head");
            assert_eq!(body.len(), got, "{throttle} {fault} {rewrites}: {text}");
            assert_eq!(begun.elapsed().as_millis(), takes, "{throttle} {fault}");
        }
    }
}

/// What does not happen is not said to have happened.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_short_for_a_fault_is_not_marked() {
    let rows = [
        ("truncate 5", None),
        ("reset after 6", None),
        ("truncate 4", Some("truncate 4")),
        ("reset after 0", Some("reset after 0")),
    ];
    for (fault, said) in rows {
        let mut play = bad(&[], &[fault]);
        play.send(ASK).await;
        let _server = answer(&mut play, b"hello").await;
        play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            .await;
        if said.is_none() {
            play.client_gets(b"hello").await;
        }
        let records = play.records().await;
        assert_eq!(fault_of(&records[0]).as_deref(), said);
        assert_eq!(records[0].error.is_some(), said.is_some(), "{fault}");
    }
}

fn fault_of(flow: &FlowSnapshot) -> Option<String> {
    match flow.annotations.as_ref()?.metadata("ratel_fault")? {
        ratel_flow::record::Value::Str(text) => Some(text.to_string()),
        other => panic!("{other:?}"),
    }
}

/// A rule that asks for the response has that on its way for half a round trip.
#[tokio::test(start_paused = true)]
async fn a_round_trip_may_begin_with_the_response() {
    let bad = Bad(rules(&[], &[]), rules(&["latency=600ms"], &[]));
    let mut play = play(
        "reverse:http://origin.test",
        AddonChain::new(vec![Arc::new(bad)]),
        &[],
    );
    let begun = Instant::now();
    play.send(ASK).await;
    let _server = answer(&mut play, b"ok").await;
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    assert_eq!(begun.elapsed().as_millis(), 300);
}

#[tokio::test(start_paused = true)]
async fn what_is_delayed_goes_nowhere_once_its_client_stays_half_closed() {
    let rows: [(&[&str], &[&str]); 2] = [(&[], &["delay 200s"]), (&["latency=400s"], &[])];
    for (throttles, faults) in rows {
        let mut play = bad(throttles, faults);
        play.send(ASK).await;
        tokio::time::sleep(Duration::from_secs(90)).await;
        play.client.shutdown().await.expect("a pipe");
        let begun = Instant::now();
        let told = play.client_rest().await;
        assert!(told.starts_with("HTTP/1.1 502 "), "{told}");
        assert_eq!(begun.elapsed().as_secs(), 60);
        assert!(play.servers.try_recv().is_err(), "no server was asked");
        let records = play.records().await;
        let error = records[0].error.as_ref().expect("a reason");
        assert!(error.message.starts_with("the client closed"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_client_that_has_closed_its_side_gets_its_response() {
    let mut play = bad(&["latency=400ms"], &["delay 20s"]);
    play.send(ASK).await;
    play.client.shutdown().await.expect("a pipe");
    let _server = answer(&mut play, b"ok").await;
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
}

#[tokio::test(start_paused = true)]
async fn responses_break_off() {
    let rows = [
        (
            "truncate 3",
            "hel",
            "fault: the response was cut after 3 bytes",
        ),
        (
            "reset after 2",
            "he",
            "fault: the connection was reset after 2 bytes of the response",
        ),
    ];
    for (fault, got, message) in rows {
        let mut play = bad(&[], &[fault]);
        play.send(ASK).await;
        let _server = answer(&mut play, b"hello").await;
        let text = play.client_rest().await;
        assert!(text.ends_with(&format!("\r\n\r\n{got}")), "{fault}: {text}");
        let records = play.records().await;
        let error = records[0].error.as_ref().expect("an error");
        assert_eq!(&*error.message, message);
    }
}

#[tokio::test(start_paused = true)]
async fn some_never_get_an_answer() {
    let mut play = bad(&[], &["timeout 5s"]);
    let begun = Instant::now();
    play.send(ASK).await;
    assert_eq!(play.client_rest().await, "");
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert!(play.servers.try_recv().is_err(), "no server was asked");

    let mut play = bad(&[], &["reset"]);
    play.send(ASK).await;
    assert_eq!(play.client_rest().await, "");
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("an error");
    assert_eq!(&*error.message, "fault: the connection was reset");

    // Who gives up is noticed.
    let mut play = bad(&[], &["timeout"]);
    play.send(ASK).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let begun = Instant::now();
    let records = play.records().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(records[0].error.is_some());
}

#[tokio::test(start_paused = true)]
async fn streams_and_connections_of_http2_are_given_up() {
    for (fault, code, goes_away) in [
        ("rst_stream ENHANCE_YOUR_CALM", Reason(11), false),
        ("goaway ENHANCE_YOUR_CALM", Reason(11), true),
    ] {
        let mut play = bad(&[], &[fault]);
        let (unused, _) = tokio::io::duplex(1);
        let io = std::mem::replace(&mut play.client, unused);
        let mut client = Peer::new(Role::Client, io);
        client.get("/").await;
        let (mut reset, mut away) = (None, None);
        while reset.is_none() && away.is_none() {
            // Nothing more is said to one that goes away.
            let event = match client.conn.receive(&mut client.buf) {
                Ok(Some(event)) => event,
                _ => {
                    let read = client.io.read_buf(&mut client.buf).await;
                    assert!(read.expect("a pipe") > 0, "{fault}: {reset:?} {away:?}");
                    continue;
                }
            };
            match event {
                Event::Reset { reason, .. } => reset = Some(reason),
                Event::GoAway { reason, last, .. } => {
                    assert_eq!(last, StreamId(0), "it may be sent again");
                    away = Some(reason);
                }
                _ => {}
            }
        }
        assert_eq!(reset, (!goes_away).then_some(code), "{fault}");
        assert_eq!(away, goes_away.then_some(code), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn rules_may_wait_for_the_head_of_the_response() {
    let bad = Bad(
        rules(&[], &[]),
        rules(&["down=8kbit"], &["delay 1s", "truncate 600"]),
    );
    let chain = AddonChain::new(vec![Arc::new(bad)]);
    let mut play = play("reverse:http://origin.test", chain, &[]);
    let begun = Instant::now();
    play.send(ASK).await;
    let _server = answer(&mut play, &[b'x'; 1000]).await;
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        .await;
    assert_eq!(begun.elapsed().as_millis(), 1000);
    assert_eq!(play.client_rest().await, "x".repeat(600));
    assert_eq!(begun.elapsed().as_millis(), 1600);
}

/// A connection of bytes that nobody understands.
async fn raw(throttles: &[&str], faults: &[&str]) -> (Play, DuplexStream) {
    super::tcp::tunnel(chain(throttles, faults), &[]).await
}

#[tokio::test(start_paused = true)]
async fn raw_bytes_take_their_time_in_either_direction() {
    let (mut play, mut server) = raw(&["up=4kbit down=8kbit"], &[]).await;
    let begun = Instant::now();
    play.send(&[1; 1000]).await;
    gets(&mut server, &[1; 512]).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "piece by piece");
    gets(&mut server, &[1; 488]).await;
    assert_eq!(begun.elapsed().as_millis(), 2000);
    server.write_all(&[2; 3000]).await.expect("room");
    play.client_gets(&[2; 3000]).await;
    assert_eq!(begun.elapsed().as_millis(), 5000);
    // The end of a side comes behind its bytes.
    server.write_all(&[3; 1000]).await.expect("room");
    drop(server);
    assert_eq!(play.client_rest().await.len(), 1000);
    assert_eq!(begun.elapsed().as_millis(), 6000);
    let records = play.records().await;
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}

#[tokio::test(start_paused = true)]
async fn raw_bytes_are_on_their_way_for_half_a_round_trip() {
    let (mut play, mut server) = raw(&["latency=400ms"], &[]).await;
    let begun = Instant::now();
    play.send(b"\x01ask").await;
    gets(&mut server, b"\x01ask").await;
    assert_eq!(begun.elapsed().as_millis(), 200);
    server.write_all(b"answer").await.expect("room");
    play.client_gets(b"answer").await;
    assert_eq!(begun.elapsed().as_millis(), 400);
    // What follows at once need not wait for what is on its way.
    let (mut play, mut server) = raw(&["latency=2s down=80kbit"], &[]).await;
    let begun = Instant::now();
    let sender = tokio::spawn(async move {
        for _ in 0..10 {
            server.write_all(&[1; 1000]).await.expect("room");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server
    });
    play.client_gets(&[1; 10_000]).await;
    let millis = begun.elapsed().as_millis();
    assert!((1_900..2_200).contains(&millis), "{millis} ms");
    drop(sender.await);
}

#[tokio::test(start_paused = true)]
async fn a_raw_sender_is_held_up() {
    let (mut play, mut server) = raw(&["latency=1s down=80kbit"], &[]).await;
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = sent.clone();
    tokio::spawn(async move {
        while let Ok(written) = server.write(&[b'x'; 16 * 1024]).await {
            count.fetch_add(written, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let (mut got, begun) = (0, Instant::now());
    let mut piece = vec![0; 64 * 1024];
    while begun.elapsed() < Duration::from_secs(10) {
        got += play.client.read(&mut piece).await.expect("more");
    }
    let sent = sent.load(std::sync::atomic::Ordering::Relaxed);
    assert!((90_000..106_000).contains(&got), "{got} bytes in 10 s");
    assert!(sent - got < 600_000, "{} bytes in between", sent - got);
}

#[tokio::test(start_paused = true)]
async fn lost_packets_hold_raw_bytes_up() {
    let (mut play, mut server) = raw(&["loss=100% stall=300ms"], &[]).await;
    let begun = Instant::now();
    play.send(b"\x01ask").await;
    gets(&mut server, b"\x01ask").await;
    assert_eq!(begun.elapsed().as_millis(), 300);
}

#[tokio::test(start_paused = true)]
async fn raw_connections_break_off() {
    for (fault, got, message) in [
        ("truncate 3", "hel", "the response was cut after 3 bytes"),
        (
            "reset after 2",
            "he",
            "the connection was reset after 2 bytes of the response",
        ),
        ("reset", "", "the connection was reset"),
        ("timeout 5s", "", "there was no answer for 5 s"),
        ("goaway", "", "the connection was closed with NO_ERROR (0)"),
    ] {
        let (mut play, mut server) = raw(&[], &[fault]).await;
        play.send(b"\x01ask").await;
        server.write_all(b"hello").await.expect("room");
        assert_eq!(play.client_rest().await, got, "{fault}");
        let records = play.records().await;
        let error = records[0].error.as_ref().expect("an error");
        assert_eq!(&*error.message, format!("fault: {message}"), "{fault}");
    }
    let (mut play, mut server) = raw(&[], &["delay 2s"]).await;
    let begun = Instant::now();
    play.send(b"\x01ask").await;
    gets(&mut server, b"\x01ask").await;
    assert_eq!(begun.elapsed().as_millis(), 2000);
}

#[tokio::test(start_paused = true)]
async fn what_is_passed_through_suffers_too() {
    use super::passthrough::{hello, list, tunnel_with};
    for shown in [false, true] {
        let options = [
            ("ignore_hosts", list("a.test")),
            (
                "show_ignored_hosts",
                ratel_core::options::Value::Bool(shown),
            ),
        ];
        let (mut play, mut server) =
            tunnel_with(chain(&["down=8kbit latency=1s"], &[]), &options).await;
        let (first, begun) = (hello(4096), Instant::now());
        play.send(&first).await;
        gets(&mut server, &first).await;
        assert_eq!(begun.elapsed().as_millis(), 500);
        server.write_all(&[2; 1000]).await.expect("room");
        play.client_gets(&[2; 1000]).await;
        assert_eq!(begun.elapsed().as_millis(), 2000);
        // Its handshake is refused in the clear.
        let (mut play, mut server) = tunnel_with(chain(&[], &["tls"]), &options).await;
        play.send(&first).await;
        let mut said = Vec::new();
        play.client.read_to_end(&mut said).await.expect("an end");
        assert_eq!(said, [21, 3, 3, 0, 2, 2, 40]);
        assert_eq!(rest(&mut server).await, "", "it hears nothing");
        let records = play.records().await;
        let error = records.iter().find_map(|flow| flow.error.as_ref());
        let said = error.map(|error| error.message.to_string());
        let marks: Vec<String> = records.iter().filter_map(fault_of).collect();
        assert_eq!(marks.is_empty(), !shown, "{marks:?}");
        let refused = "fault: the TLS handshake was refused by the rule `b.test : tls`";
        assert_eq!(said.as_deref(), shown.then_some(refused));
    }
}

#[tokio::test(start_paused = true)]
async fn each_message_of_a_websocket_is_on_its_way_for_half_a_round_trip() {
    use super::websocket::{frame, open};
    let (mut play, mut server) = open(chain(&["latency=400ms down=8kbit"], &[]), &[], "").await;
    let begun = Instant::now();
    let message = frame(Side::Client, true, 0, 1, b"hello");
    play.send(&message).await;
    gets(&mut server, &message).await;
    assert_eq!(begun.elapsed().as_millis(), 200);
    let answer = frame(Side::Server, true, 0, 2, &[b'x'; 996]);
    server.write_all(&answer).await.expect("room");
    play.client_gets(&answer).await;
    assert_eq!(begun.elapsed().as_millis(), 1400);
}

/// As a rule with `~websocket` has it: that it is one is known once the server has agreed.
#[tokio::test(start_paused = true)]
async fn a_websocket_may_become_slow_with_its_response() {
    use super::websocket::{frame, open};
    let bad = Bad(rules(&[], &[]), rules(&["latency=400ms"], &[]));
    let chain = AddonChain::new(vec![Arc::new(bad)]);
    let (mut play, mut server) = open(chain, &[], "").await;
    let begun = Instant::now();
    let message = frame(Side::Client, true, 0, 1, b"hello");
    play.send(&message).await;
    gets(&mut server, &message).await;
    assert_eq!(begun.elapsed().as_millis(), 200);
}

/// Wants to see each message.
struct Cuts;

impl Addon for Cuts {
    fn name(&self) -> &'static str {
        "cuts"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::StreamMessage)
    }

    fn body_need(&self, _flow: &HttpFlow, _bodies: &Bodies, _side: Side) -> BodyNeed {
        BodyNeed::Messages
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_of_messages_is_slow_too() {
    let bad = Bad(rules(&["up=8kbit latency=400ms"], &[]), rules(&[], &[]));
    let chain = AddonChain::new(vec![Arc::new(bad), Arc::new(Cuts)]);
    let mut play = play("reverse:http://origin.test", chain, &[]);
    let head = b"POST /s/M HTTP/1.1\r\nHost: origin.test\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n";
    let begun = Instant::now();
    play.send(head).await;
    let mut server = play.server().await;
    gets(&mut server, head).await;
    assert_eq!(begun.elapsed().as_millis(), 200);
    let mut message = vec![0, 0, 0, 3, 0xe3];
    message.resize(1000, b'x');
    play.send(b"3e8\r\n").await;
    play.send(&message).await;
    play.send(b"\r\n").await;
    let mut got = Vec::new();
    while got.iter().filter(|byte| **byte == b'x').count() < 995 {
        got.push(server.read_u8().await.expect("more"));
    }
    // A second for the bytes, and half a round trip for the last of them.
    let millis = begun.elapsed().as_millis();
    assert!((1200..=1400).contains(&millis), "{millis} ms");
}
