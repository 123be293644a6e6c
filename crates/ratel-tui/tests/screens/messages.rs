//! Streams of messages, as they are seen while they go on and afterwards.

use insta::assert_snapshot;
use ratel_flow::{MessageFlags, MessageKind, Side, StreamKind};
use ratel_tui::keymap::Key;
use ratel_tui::msg::Msg;

use crate::support::{Fake, Ui};
use crate::{LARGE, SMALL};

const WS: u64 = 1;

fn websocket() -> Fake {
    Fake::new(WS, "GET", "/chat", 101, "", "")
        .stream(StreamKind::WebSocket)
        .streaming()
        .message(Side::Client, MessageKind::Text, br#"{"say": "hello"}"#)
        .message(Side::Server, MessageKind::Text, "plain größe".as_bytes())
        .message(Side::Server, MessageKind::Ping, b"are you there")
        .message(Side::Client, MessageKind::Pong, b"are you there")
        .message(
            Side::Server,
            MessageKind::Binary,
            b"\x00\x01\x02\xff\xfe binary",
        )
        .message(
            Side::Client,
            MessageKind::Text,
            b"\x1b[31mred\x1b[0m\r\n\xe2\x80\xaeevil",
        )
}

/// One flow of each kind that carries messages.
fn streams() -> Vec<Fake> {
    let event = b"event: tick\ndata: {\"n\": 1}\n";
    vec![
        websocket(),
        Fake::new(2, "GET", "/feed", 200, "text/event-stream", "data: 1\n\n")
            .http2()
            .stream(StreamKind::Sse)
            .streaming()
            .message(Side::Server, MessageKind::Event, event)
            .message(Side::Server, MessageKind::Event, b"data: two\n"),
        Fake::new(3, "POST", "/shop.Orders/Get", 200, "application/grpc", "")
            .http2()
            .stream(StreamKind::Grpc)
            .message(Side::Client, MessageKind::Grpc, b"\x0a\x03abc\x10\x07")
            .grpc_status(5, "no such \u{1b}[2Jorder"),
        Fake::new(4, "POST", "/shop.Orders/All", 200, "application/grpc", "")
            .http2()
            .stream(StreamKind::Grpc)
            .message(Side::Client, MessageKind::Grpc, b"\x08\x01")
            .message(Side::Server, MessageKind::Grpc, b"\x08\x02")
            .grpc_status(0, ""),
        Fake::new(5, "GET", "/lines", 200, "application/x-ndjson", "{}\n")
            .stream(StreamKind::Ndjson)
            .message(Side::Server, MessageKind::Json, b"{}"),
        Fake::new(6, "", "", 0, "", "")
            .stream(StreamKind::Tcp)
            .message(Side::Server, MessageKind::Data, b"220 mail.dev ESMTP\r\n")
            .message(Side::Client, MessageKind::Data, b"HELO me\r\n"),
        Fake::new(7, "GET", "/plain", 200, "application/json", "{}").http2(),
    ]
}

fn focused(ui: &Ui) -> String {
    let text = ui.text();
    let mut rows = text.lines().filter(|line| line.starts_with(">>"));
    // The first is the flow's.
    rows.nth(1).unwrap_or_default().to_owned()
}

#[test]
fn rows_say_what_a_flow_carries_and_how_a_call_ended() {
    assert_snapshot!("streams_80x24", Ui::new(SMALL, streams()).text());
    assert_snapshot!("streams_120x30", Ui::new(LARGE, streams()).text());
}

#[test]
fn messages_of_a_websocket() {
    let mut ui = Ui::new(SMALL, streams());
    assert_snapshot!("messages_websocket", ui.keys("enter").text());
    assert_snapshot!("messages_message", ui.keys("g enter").text());
    assert_snapshot!("messages_help", ui.keys("?").text());
    let mut ui = Ui::new(SMALL, streams());
    assert!(
        ui.keys("enter h h").text().contains("see the tab Messages"),
        "{}",
        ui.text()
    );
}

#[test]
fn messages_of_the_other_kinds() {
    let mut ui = Ui::new(SMALL, streams());
    assert_snapshot!("messages_sse", ui.keys("enter space").text());
    assert_snapshot!("messages_grpc", ui.keys("space").text());
    assert_snapshot!("messages_tcp", ui.keys("space space space").text());
    assert_snapshot!("messages_tcp_message", ui.keys("enter").text());
    // A flow without messages shows what it has; the chosen tab comes back with the next one that has it.
    assert!(ui.keys("q space").text().contains("[Request]"));
    assert!(ui.keys("p").text().contains("[Messages]"));
}

#[test]
fn pseudo_header_fields_come_first_and_the_outcome_is_seen() {
    let mut ui = Ui::new(SMALL, streams());
    assert_snapshot!("http2_request", ui.keys("j j enter").text());
    assert_snapshot!("http2_response", ui.keys("tab").text());
    assert_snapshot!("grpc_detail", ui.keys("tab tab").text());
}

#[test]
fn keys_that_follow_at_once_go_to_the_messages() {
    let mut ui = Ui::new(SMALL, streams());
    for key in ["enter", "tab", "shift tab"] {
        ui.send(Msg::Key(Key::Named(key)));
    }
    ui.resize(SMALL);
    assert!(ui.text().contains("[Messages]"), "{}", ui.text());
}

#[test]
fn a_message_appears_as_it_is_sent_while_the_end_is_in_view() {
    let mut ui = Ui::new(SMALL, streams());
    ui.keys("enter");
    assert!(focused(&ui).contains("red"), "{}", ui.text());
    ui.change(WS, |flow| {
        flow.push(
            Side::Server,
            MessageKind::Text,
            b"seventh",
            MessageFlags::INJECTED,
        );
    });
    assert!(focused(&ui).contains("[injected] seventh"), "{}", ui.text());
    ui.keys("k");
    ui.change(WS, |flow| {
        flow.push(
            Side::Server,
            MessageKind::Text,
            b"eighth",
            MessageFlags::default(),
        );
    });
    assert!(focused(&ui).contains("red"), "{}", ui.text());
    assert!(ui.text().contains("eighth") && ui.text().contains("6/8"));
    ui.keys("G");
    assert!(focused(&ui).contains("eighth"), "{}", ui.text());
}

#[test]
fn a_message_in_progress_grows_and_stays_open_when_it_is_complete() {
    let mut ui = Ui::new(SMALL, streams());
    ui.keys("enter");
    ui.change(WS, |flow| {
        flow.begun(Side::Server, MessageKind::Text, b"grow")
    });
    assert!(focused(&ui).contains(" 4b… grow"), "{}", ui.text());
    ui.keys("enter");
    assert!(ui.text().contains("and growing"), "{}", ui.text());
    ui.change(WS, |flow| flow.goes_on(b"ing on"));
    assert!(
        ui.text().contains("growing on") && ui.text().contains("10b and growing"),
        "{}",
        ui.text()
    );
    ui.change(WS, Fake::completed);
    assert!(
        ui.text().contains("Message 7 of 7") && !ui.text().contains("and growing"),
        "{}",
        ui.text()
    );
    ui.keys("q");
    assert!(focused(&ui).contains("10b  growing on"), "{}", ui.text());
}

#[test]
fn a_close_shows_its_code_and_reason() {
    let mut ui = Ui::new(SMALL, streams());
    ui.keys("enter");
    ui.change(WS, |flow| {
        flow.push(
            Side::Server,
            MessageKind::Close,
            b"going to bed",
            MessageFlags::default(),
        );
        flow.messages[6].code = 1001;
    });
    assert!(
        focused(&ui).contains("1001") && focused(&ui).contains("going to bed"),
        "{}",
        ui.text()
    );
    ui.keys("enter");
    assert!(
        ui.text().contains("1001") && ui.text().contains("going to bed"),
        "{}",
        ui.text()
    );
}

#[test]
fn one_message_after_the_other() {
    let mut ui = Ui::new(SMALL, streams());
    ui.keys("enter g enter space");
    assert!(ui.text().contains("plain größe"), "{}", ui.text());
    ui.keys("p p");
    assert!(ui.text().contains("no further message"), "{}", ui.text());
    ui.keys("space space q");
    assert!(focused(&ui).contains("are you there"), "{}", ui.text());
    // Eviction of the flow leaves what was read.
    ui.keys("enter");
    ui.evict(1);
    assert!(
        ui.text().contains("was dropped") && ui.text().contains("are you there"),
        "{}",
        ui.text()
    );
}

#[test]
fn a_million_messages_are_read_by_screenfuls() {
    let mut flow = Fake::new(WS, "GET", "/chat", 101, "", "")
        .stream(StreamKind::WebSocket)
        .streaming();
    for n in 0..1_000_000 {
        let text = format!("number {n}");
        flow.push(
            Side::Client,
            MessageKind::Text,
            text.as_bytes(),
            MessageFlags::default(),
        );
    }
    let mut ui = Ui::new(SMALL, vec![flow]);
    ui.keys("enter");
    assert!(focused(&ui).contains("number 999999"), "{}", ui.text());
    assert!(ui.keys("g").text().contains("1/1000000"));
    assert!(focused(&ui).contains("number 0"), "{}", ui.text());
    let rows = [
        ("page_down", "number 19"),
        ("j j", "number 21"),
        ("page_up", "number 2"),
        ("G page_up", "number 999980"),
    ];
    for (keys, expected) in rows {
        assert!(
            focused(ui.keys(keys)).trim_end().ends_with(expected),
            "after {keys}:\n{}",
            ui.text()
        );
    }
    let read = ui.flows.read.get();
    assert!(read < 100_000, "{read} bytes were read");
}

#[test]
fn a_large_message_is_read_by_windows_and_searched() {
    let mut content = String::new();
    for n in 0..60_000 {
        content.push_str(&format!("line {n} of a message larger than a window\n"));
    }
    let flow = websocket().message(Side::Server, MessageKind::Text, content.as_bytes());
    let mut ui = Ui::new(SMALL, vec![flow]);
    ui.keys("enter G enter");
    assert!(ui.text().contains("line 0 of"), "{}", ui.text());
    ui.keys("G");
    assert!(ui.text().contains("line 59999 of"), "{}", ui.text());
    ui.keys("g /").type_in("line 31234 ").keys("enter");
    assert!(ui.text().contains("line 31234 of"), "{}", ui.text());
    assert!(
        ui.flows.read.get() < 8 * 1024 * 1024,
        "{}",
        ui.flows.read.get()
    );
}

#[test]
fn a_click_opens_a_message_and_the_wheel_moves() {
    let mut ui = Ui::new(SMALL, streams());
    ui.keys("enter");
    ui.send(Msg::Click(10, 3));
    ui.resize(SMALL);
    assert!(ui.text().contains("Message 2 of 6"), "{}", ui.text());
    ui.keys("q");
    ui.send(Msg::Wheel(3, 0, 5));
    ui.resize(SMALL);
    assert!(ui.text().contains("5/6"), "{}", ui.text());
}

#[test]
fn what_peers_send_in_messages_is_escaped() {
    let hostile = b"\x1b]0;x\x07\x9b31m\xe2\x80\xae\r\n\x00\xff";
    let kinds = [
        MessageKind::Text,
        MessageKind::Binary,
        MessageKind::Ping,
        MessageKind::Pong,
        MessageKind::Close,
        MessageKind::Event,
        MessageKind::Grpc,
        MessageKind::GrpcTrailers,
        MessageKind::Json,
        MessageKind::Data,
    ];
    let mut flow = Fake::new(WS, "GET", "/\x1b[2J", 200, "\x1b", "")
        .http2()
        .stream(StreamKind::Grpc)
        .grpc_status(99, "\x1b[5m");
    for kind in kinds {
        flow.push(Side::Server, kind, hostile, MessageFlags::MALFORMED);
    }
    let mut ui = Ui::new(LARGE, vec![flow]);
    ui.keys("enter");
    for _ in kinds {
        let shown = ui.text();
        assert!(
            !shown.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{shown:?}"
        );
        ui.keys("enter");
        let shown = ui.text();
        assert!(
            !shown.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{shown:?}"
        );
        ui.keys("q j");
    }
}

#[test]
fn sizes_of_terminals_do_not_matter() {
    for size in [(1, 1), (10, 3), (30, 5), (200, 60)] {
        let mut ui = Ui::new(size, streams());
        ui.keys("enter j k G g enter space p q tab q");
    }
}

/// Flows that ended in other ways than most.
fn ended() -> Vec<Fake> {
    let grpc = |id| {
        Fake::new(id, "POST", "/shop.Orders/Get", 200, "application/grpc", "")
            .http2()
            .stream(StreamKind::Grpc)
            .message(Side::Client, MessageKind::Grpc, b"\x08\x01")
    };
    let feed = |id| {
        Fake::new(id, "GET", "/feed", 200, "text/event-stream", "data: 1\n\n")
            .stream(StreamKind::Sse)
            .message(Side::Server, MessageKind::Event, b"data: 1\n")
    };
    let gone = "the client closed the connection before the exchange was complete";
    let lost = "the server's response broke off: the connection was reset before its end";
    vec![
        websocket().closed(Some(Side::Server), 1011, "out of \x1b[31mcoffee"),
        grpc(2).grpc_status(14, "down"),
        grpc(3).grpc_status(4, "slow"),
        feed(4).broken_off(gone, true),
        feed(5).broken_off(lost, false),
        Fake::new(6, "GET", "/large", 200, "image/png", "half").broken_off(gone, true),
    ]
}

#[test]
fn how_flows_ended_is_seen_at_every_width() {
    assert_snapshot!("ended_60x12", Ui::new((60, 12), ended()).text());
    assert_snapshot!("ended_80x24", Ui::new(SMALL, ended()).text());
    assert_snapshot!("ended_120x30", Ui::new(LARGE, ended()).text());
    let mut ui = Ui::new(SMALL, ended());
    let text = ui.keys("enter tab").text();
    // In two rows, the second of which begins with a word in the same column.
    let column = " ".repeat(30);
    let outcome = format!("1011 Internal error, by the server: out of\n{column}\\x1b[31mcoffee");
    assert!(text.contains(&outcome), "{text}");
}

#[test]
fn the_list_follows_when_it_is_asked_to() {
    let mut ui = Ui::new(SMALL, streams());
    let following = |ui: &Ui| ui.text().contains("6/6 following");
    ui.keys("enter g");
    assert!(ui.text().contains(" 1/6"), "{}", ui.text());
    ui.keys("F");
    assert!(following(&ui), "{}", ui.text());
    ui.keys("F");
    assert!(!following(&ui), "{}", ui.text());
}

#[test]
fn messages_are_searched_for() {
    let mut ui = Ui::new(SMALL, streams());
    ui.keys("enter g /").type_in("are you").keys("enter");
    assert!(ui.text().contains(" 3/6"), "{}", ui.text());
    assert!(ui.keys("n").text().contains(" 4/6"), "{}", ui.text());
    assert!(ui.keys("n").text().contains(" 3/6"), "{}", ui.text());
    assert!(ui.keys("N").text().contains(" 4/6"), "{}", ui.text());
    ui.keys("/").type_in("nowhere").keys("enter");
    assert!(ui.text().contains("Search not found."), "{}", ui.text());
    assert!(ui.text().contains(" 4/6"), "{}", ui.text());
}

#[test]
fn a_message_is_shown_in_other_ways() {
    let mut ui = Ui::new(SMALL, streams());
    ui.keys("enter g enter");
    assert!(ui.text().contains("\"say\": \"hello\""), "{}", ui.text());
    assert!(ui.keys("m").text().contains("7b 22 73 61"), "{}", ui.text());
    assert!(
        ui.keys("m").text().contains(r#"{"say": "hello"}"#),
        "{}",
        ui.text()
    );
    assert!(ui.keys("m").text().contains("JSON"), "{}", ui.text());
    // What is not text is shown in numbers by itself.
    let text = ui.keys("space space space space").text();
    assert!(text.contains("00 01 02 ff"), "{text}");
}

#[test]
fn a_malformed_message_is_not_read_as_what_it_is_not() {
    let flow = Fake::new(1, "POST", "/shop.Orders/Get", 200, "application/grpc", "")
        .stream(StreamKind::Grpc)
        .streaming();
    let mut ui = Ui::new(SMALL, vec![flow]);
    ui.change(1, |flow| {
        flow.push(
            Side::Client,
            MessageKind::Grpc,
            b"\x0a\x03abc",
            MessageFlags::MALFORMED,
        );
    });
    let text = ui.keys("enter").text();
    assert!(text.contains("[malformed] "), "{text}");
    let text = ui.keys("enter").text();
    assert!(text.contains("0a 03 61 62"), "{text}");
}
