//! A bad network: what waits, for how long, what breaks off, and that nothing is kept for it.

use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::network::{Network, Rules};
use ratel_flow::HttpFlow;
use ratel_flow::filter::FilterOptions;
use ratel_proto::h2::{Event, Reason, Role};
use tokio::time::Instant;

use super::h2::Peer;
use super::*;

/// Has these rules hit every flow: those of the first list ahead of the response, those of the second once it is there.
struct Bad(Rules, Rules);

fn leave(rules: &Rules, bodies: &mut Bodies) {
    let network = Network {
        throttles: rules
            .throttles
            .iter()
            .map(|rule| rule.what.clone())
            .collect(),
        faults: rules
            .faults
            .iter()
            .map(|rule| rule.what.kind.clone())
            .collect(),
        decided: Vec::new(),
    };
    bodies.network = Some(Box::new(network));
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

fn bad(throttles: &[&str], faults: &[&str]) -> Play {
    let bad = Bad(rules(throttles, faults), rules(&[], &[]));
    let chain = AddonChain::new(vec![Arc::new(bad)]);
    play("reverse:http://origin.test", chain, &[])
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
        ("goaway REFUSED_STREAM", Reason(7), true),
    ] {
        let mut play = bad(&[], &[fault]);
        let (unused, _) = tokio::io::duplex(1);
        let io = std::mem::replace(&mut play.client, unused);
        let mut client = Peer::new(Role::Client, io);
        client.get("/").await;
        let (mut reset, mut away) = (None, None);
        while reset.is_none() || (goes_away && away.is_none()) {
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
                Event::GoAway { reason, .. } => away = Some(reason),
                _ => {}
            }
        }
        assert_eq!(reset, Some(code), "{fault}");
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
