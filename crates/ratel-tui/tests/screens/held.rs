//! What waits for somebody: how it is shown, found, changed and let go.

use std::task::{Context, Poll, Waker};

use ratel_core::control::{Hold, Order, Part, Registration};
use ratel_core::store::FlowState;
use ratel_flow::record::Value;
use ratel_flow::{Annotations, FlowId, MessageKind, Replay, Side, StreamKind};
use ratel_views::Schemas;

use crate::support::{Fake, Ui, sample};
use crate::{LARGE, SMALL};

/// A call that goes on, with a message that has passed.
fn call(id: u64) -> Fake {
    Fake::new(id, "POST", "/shop.Orders/Chat", 200, "application/grpc", "")
        .http2()
        .stream(StreamKind::Grpc)
        .streaming()
        .message(Side::Client, MessageKind::Grpc, b"\x0a\x03one")
}

fn intercepted(ui: &mut Ui, id: u64, held: bool) {
    ui.change(id, |flow| {
        let said = Annotations {
            intercepted: held,
            ..Annotations::default()
        };
        flow.snapshot.annotations = Some(said.into());
    });
}

/// Has a message wait.
fn hold_message<'r>(ui: &mut Ui, line: &'r Registration, content: &[u8]) -> Hold<'r> {
    let hold = line.hold(Part::Message(Side::Client), content.len(), false);
    let id = line.id().0;
    ui.change(id, |flow| {
        if let Some(request) = &mut flow.snapshot.request {
            request.headers.append(b"content-type", b"application/grpc");
        }
        flow.begun(Side::Client, MessageKind::Grpc, content);
        flow.open[0].held = true;
    });
    intercepted(ui, id, true);
    hold.expect("there is room")
}

fn order(hold: &mut Hold<'_>) -> Option<Order> {
    let mut context = Context::from_waker(Waker::noop());
    match std::pin::pin!(hold.next()).poll(&mut context) {
        Poll::Ready(order) => Some(order),
        Poll::Pending => None,
    }
}

fn edited(hold: &mut Hold<'_>) -> Vec<u8> {
    match order(hold) {
        Some(Order::EditMessage(content)) => content.to_vec(),
        other => panic!("no edit: {other:?}"),
    }
}

/// What the bar at the bottom says.
fn last(ui: &Ui) -> String {
    let text = ui.text();
    let rows: Vec<_> = text.lines().collect();
    let status = rows.iter().rposition(|row| row.starts_with(" ⇩"));
    let said = status.and_then(|at| rows.get(at + 1));
    said.map_or_else(String::new, |said| (*said).to_owned())
}

fn schemas() -> Schemas {
    let folder = tempfile::tempdir().expect("a folder");
    let proto =
        "syntax = \"proto3\"; package shop; message Line { string text = 1; int32 nth = 2; }
        service Orders { rpc Chat(stream Line) returns (stream Line); }";
    let file = folder.path().join("shop.proto");
    std::fs::write(&file, proto).expect("a file");
    Schemas::load(&file).expect("schemas")
}

#[test]
fn a_message_of_grpc_is_edited_by_field() {
    let mut ui = Ui::new(SMALL, vec![call(1)]);
    let line = ui.control.register(FlowId(1));
    let mut hold = hold_message(&mut ui, &line, b"\x0a\x03two");
    let text = ui.keys("e").text();
    let choices: Vec<_> = text.lines().filter(|line| line.contains(") ")).collect();
    assert!(choices[0].contains("A) message (grpc) (here)"), "{text}");
    for choice in [
        "B) message (here)",
        "1) message (grpc)",
        "2) message",
        "3) message (hex stream)",
    ] {
        assert!(text.contains(choice), "{choice}: {text}");
    }
    // What went on already is not offered.
    assert!(
        !text.contains("request-body") && text.contains("comment"),
        "{text}"
    );
    let text = ui.keys("A").text();
    assert!(text.contains("1: two"), "{text}");
    ui.keys("end").type_in("!").keys("ctrl_s");
    assert_eq!(edited(&mut hold), b"\x0a\x04two!");
    assert_eq!(last(&ui), "message (grpc) changed; a lets it go on");

    ui.schemas = Some(schemas());
    ui.editor = Some(|text| {
        assert_eq!(text, b"text: two\n");
        b"text: three\nnth: 3\n".to_vec()
    });
    ui.command("console.edit.focus 'message (grpc)'");
    assert_eq!(edited(&mut hold), b"\x0a\x05three\x10\x03");
    ui.editor = Some(|_| b"txt: three\n".to_vec());
    ui.command("console.edit.focus 'message (grpc)'");
    assert!(
        ui.text().contains("shop.Line has no field 'txt'"),
        "{}",
        ui.text()
    );
    assert!(order(&mut hold).is_none());
    ui.editor = Some(|_| b"0a 01 78".to_vec());
    ui.command("console.edit.focus 'message (hex stream)'");
    assert_eq!(edited(&mut hold), b"\x0a\x01x");

    // Bytes that are no message go on if that is wanted.
    ui.editor = Some(|bytes| [bytes, b"\n"].concat());
    ui.command("console.edit.focus message");
    assert_eq!(edited(&mut hold), b"\x0a\x03two\n");
    let text = ui.text();
    assert!(
        text.contains("message changed, but it is no protobuf message"),
        "{text}"
    );
}

#[test]
fn the_message_of_a_held_call_comes_first() {
    let body = b"\0\0\0\0\x05\x0a\x03one";
    let mut flow = Fake::new(1, "POST", "/shop.Orders/Get", 200, "application/grpc", "").waiting();
    flow.bodies[0] = body[..].into();
    flow.snapshot.request_body = body.len() as u64;
    let request = flow.snapshot.request.as_mut().expect("a request");
    request.headers.append(b"content-type", b"application/grpc");
    let mut ui = Ui::new(SMALL, vec![flow]);
    let line = ui.control.register(FlowId(1));
    let mut hold = line.hold(Part::Request, 0, false).expect("there is room");
    intercepted(&mut ui, 1, true);
    let text = ui.keys("e").text();
    let first = text.lines().find(|line| line.contains(") "));
    let first = first.expect("a choice");
    assert!(first.contains(") request-body (grpc) (here)"), "{text}");
    assert!(ui.keys("enter").text().contains("1: one"), "{}", ui.text());
    ui.keys("end").type_in("!").keys("ctrl_s");
    let Some(Order::Edit(edit)) = order(&mut hold) else {
        panic!("an order");
    };
    let changed = edit.request_body.expect("a body");
    assert_eq!(&changed[..], b"\0\0\0\0\x06\x0a\x04one!");
    ui.editor = Some(|bytes| [bytes, b"\n"].concat());
    ui.command("console.edit.focus request-body");
    let text = ui.text();
    assert!(
        text.contains("request-body changed, but it is no body of gRPC"),
        "{text}"
    );
}

#[test]
fn a_message_of_grpc_is_sent_by_its_fields_or_bytes() {
    let mut ui = Ui::new(SMALL, vec![call(1)]);
    let line = ui.control.register(FlowId(1));
    line.carries(Side::Client, StreamKind::Grpc);
    let sent = |ui: &mut Ui, typed: &str| {
        ui.command(&format!("inject.message @focus false {typed}"));
        line.try_injected(Side::Client)
            .map(|sent| sent.content.to_vec())
    };
    assert_eq!(sent(&mut ui, "'{1: x}'"), Some(b"\x0a\x01x".to_vec()));
    assert_eq!(sent(&mut ui, r"'\x0a\x01x'"), Some(b"\x0a\x01x".to_vec()));
    assert_eq!(last(&ui), "a message is on its way to the server");
    assert_eq!(sent(&mut ui, r#"'{"text": "x"}'"#), None);
    assert!(ui.text().contains("there is no schema"), "{}", ui.text());
    ui.schemas = Some(schemas());
    let json = r#"'{"text": "x", "nth": 2}'"#;
    assert_eq!(sent(&mut ui, json), Some(b"\x0a\x01x\x10\x02".to_vec()));
    assert_eq!(sent(&mut ui, r#"'{"txt": "x"}'"#), None);
    assert!(
        ui.text().contains("shop.Line has no field 'txt'"),
        "{}",
        ui.text()
    );
    assert_eq!(sent(&mut ui, "hello"), Some(b"hello".to_vec()));
    assert!(
        last(&ui).contains("but it is no protobuf message"),
        "{}",
        ui.text()
    );
}

#[test]
fn it_is_said_which_part_is_held() {
    let mut ui = Ui::new(LARGE, vec![call(1), call(2)]);
    let line = ui.control.register(FlowId(1));
    let hold = line.hold(Part::Request, 0, true).expect("there is room");
    intercepted(&mut ui, 1, true);
    let text = ui.text();
    assert!(
        text.contains("[held req] https://") && text.contains(" [1 held] "),
        "{text}"
    );
    assert!(
        text.contains("a Resume  e Edit  X Kill  A Resume all  enter Open"),
        "{text}"
    );
    assert!(
        ui.keys("enter").text().contains("[Request]"),
        "{}",
        ui.text()
    );
    ui.keys("q t * G");
    assert!(ui.text().contains("[held req] "), "{}", ui.text());
    ui.keys("t g");
    // What is held next, at once.
    ui.keys("a");
    drop(hold);
    let hold = line.hold(Part::Response, 0, true).expect("there is room");
    ui.changed(1);
    let text = ui.text();
    assert!(text.contains("[held resp] https://"), "{text}");
    assert_eq!(
        last(&ui),
        "the request went on; its response is held now: a lets it go on"
    );
    assert!(
        ui.keys("enter").text().contains("[Response]"),
        "{}",
        ui.text()
    );
    ui.keys("q a");
    drop(hold);
    let hold = hold_message(&mut ui, &line, b"\x0a\x03two");
    assert_eq!(
        last(&ui),
        "the head of the response went on; a message is held now: a lets it go on"
    );
    assert!(ui.text().contains("[held msg] https://"), "{}", ui.text());
    ui.keys("j k");
    let text = ui.text();
    assert!(
        text.contains("a Resume  e Edit  ctrl d Drop  X Kill  A Resume all  enter Open"),
        "{text}"
    );
    ui.keys("a");
    drop(hold);
    let _hold = hold_message(&mut ui, &line, b"\x0a\x05three");
    assert_eq!(
        last(&ui),
        "the message went on; the next one is held now: a lets it go on"
    );
    ui.command("flow.set @focus method PUT");
    assert!(
        ui.text().contains("only a message of flow 1 is held"),
        "{}",
        ui.text()
    );
}

#[test]
fn several_parts_of_a_flow_are_told() {
    let mut ui = Ui::new(LARGE, vec![call(1)]);
    let line = ui.control.register(FlowId(1));
    let _messages = [Side::Server, Side::Client].map(|side| {
        let held = line.hold(Part::Message(side), 0, false);
        held.expect("there is room")
    });
    let _head = line.hold(Part::Response, 0, true).expect("there is room");
    intercepted(&mut ui, 1, true);
    let text = ui.text();
    assert!(
        text.contains("[held resp, msg] ") && text.contains(" [1 held] "),
        "{text}"
    );
}

#[test]
fn a_held_message_is_shown_as_such() {
    let mut ui = Ui::new(LARGE, vec![call(1)]);
    let line = ui.control.register(FlowId(1));
    let _hold = hold_message(&mut ui, &line, b"\x0a\x03two");
    let text = ui.keys("enter").text();
    assert!(
        text.contains("[Messages]") && text.contains("  [held] 1: two"),
        "{text}"
    );
    assert!(
        text.contains("a Resume  e Edit  ctrl d Drop  X Kill  A Resume all"),
        "{text}"
    );
    let text = ui.keys("enter").text();
    assert!(
        text.contains("Message 2, held back") && !text.contains("growing"),
        "{text}"
    );
    ui.keys("q tab");
    assert!(ui.text().contains("1 and 1 held"), "{}", ui.text());
    // One that was sent is not edited, nor is another one in its place.
    ui.keys("shift_tab g e A");
    assert!(
        ui.text()
            .contains("message 1 was sent already; the one that is held is the last: G goes there"),
        "{}",
        ui.text()
    );
    ui.keys("G e A");
    assert!(
        ui.text().contains("Edit message (grpc) of flow 1"),
        "{}",
        ui.text()
    );
}

#[test]
fn a_flow_that_goes_on_has_nothing_to_be_edited() {
    let mut ui = Ui::new(SMALL, vec![call(1)]);
    let _line = ui.control.register(FlowId(1));
    ui.keys("e");
    assert!(
        ui.text()
            .contains("flow 1 goes on, and nothing of it is held"),
        "{}",
        ui.text()
    );
}

#[test]
fn what_is_held_is_counted_and_found() {
    let mut ui = Ui::new(SMALL, sample());
    let lines = [2, 5, 6].map(|id| ui.control.register(FlowId(id)));
    let mut holds = Vec::new();
    for line in &lines {
        holds.push(line.hold(Part::Request, 0, false).expect("there is room"));
        intercepted(&mut ui, line.id().0, true);
    }
    assert!(ui.text().contains(" [3 held] "), "{}", ui.text());
    assert!(
        ui.text().contains("A Resume all  J Next held  enter Open"),
        "{}",
        ui.text()
    );
    for at in ["[2/9]", "[5/9]", "[6/9]", "[2/9]"] {
        assert!(ui.keys("J").text().contains(at), "{at}: {}", ui.text());
    }
    ui.keys("i").type_in("~m POST").keys("enter I");
    assert_eq!(
        last(&ui),
        "interception is off; 3 flows are still held: A lets them go"
    );
    ui.keys("z");
    let asked = "3 flows are live (3 held) and would be ended. Delete all flows? (yes,no)";
    assert!(last(&ui).starts_with(asked), "{}", ui.text());
    ui.keys("n d");
    assert!(
        last(&ui).starts_with("Flow 2 is held. End it and delete it? (yes,no)"),
        "{}",
        ui.text()
    );
    ui.keys("n A");
    drop(holds);
    ui.pass_time(0);
    assert!(!ui.text().contains("held]"), "{}", ui.text());
    assert!(
        last(ui.keys("J")).starts_with("no flow is held"),
        "{}",
        ui.text()
    );
}

#[test]
fn a_request_without_a_recording_is_told_from_one_with_one() {
    let mut ui = Ui::new(SMALL, sample());
    for (id, miss) in [(1, false), (2, true)] {
        ui.change(id, |flow| {
            let mut said = Annotations {
                is_replay: Some(Replay::Response),
                ..Annotations::default()
            };
            if miss {
                said.set_metadata("ratel_replay_miss", Value::Str("none".into()));
            }
            flow.snapshot.annotations = Some(said.into());
        });
    }
    let text = ui.text();
    assert_eq!(text.matches('↺').count(), 1, "{text}");
    assert_eq!(text.matches("[no recording] ").count(), 1, "{text}");
}

#[test]
fn a_stream_opens_at_its_messages_though_there_are_none_yet() {
    let mut flow = call(1);
    flow.messages.clear();
    flow.snapshot.messages = 0;
    flow.snapshot.state = FlowState::Streaming;
    let mut ui = Ui::new(SMALL, vec![flow]);
    assert!(
        ui.keys("enter").text().contains("[Messages]"),
        "{}",
        ui.text()
    );
}
