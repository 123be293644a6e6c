//! Flows and messages that are held: which of them a command acts on, what is taken back, what is said.

use std::task::{Context, Poll, Waker};

use ratel_core::control::{Hold, Order, Part, Registration};
use ratel_flow::{Annotations, FlowId, MessageFlags, MessageKind, Side, StreamKind};

use crate::SMALL;
use crate::support::{Fake, Ui};

/// What that part was told, if it was.
fn told(hold: &mut Hold<'_>) -> Option<Order> {
    let mut context = Context::from_waker(Waker::noop());
    match std::pin::pin!(hold.next()).poll(&mut context) {
        Poll::Ready(order) => Some(order),
        Poll::Pending => None,
    }
}

fn hold(line: &Registration, side: Side) -> Hold<'_> {
    let held = line.hold(Part::Message(side), 0, false);
    held.expect("there is room")
}

/// A WebSocket with a message of each side held; its messages are looked at, with the focus on the last of them.
fn both_held() -> (Ui, Registration) {
    let kind = MessageKind::Text;
    let mut flow = Fake::new(1, "GET", "/chat", 101, "", "")
        .stream(StreamKind::WebSocket)
        .streaming()
        .message(Side::Client, kind, b"passed");
    flow.waits(Side::Client, kind, b"up");
    flow.waits(Side::Server, kind, b"down");
    let mut ui = Ui::new(SMALL, vec![flow]);
    let line = ui.control.register(FlowId(1));
    ui.keys("enter G");
    (ui, line)
}

#[test]
fn a_command_for_messages_acts_on_the_one_in_focus() {
    let (mut ui, line) = both_held();
    let (mut up, mut down) = (hold(&line, Side::Client), hold(&line, Side::Server));
    ui.keys("ctrl_d");
    assert!(matches!(told(&mut down), Some(Order::Drop)));
    assert!(told(&mut up).is_none(), "it is not in focus");
    drop(down);
    let mut down = hold(&line, Side::Server);
    ui.keys("k a");
    assert!(matches!(told(&mut up), Some(Order::Resume)));
    assert!(told(&mut down).is_none(), "it is not in focus");
    drop(up);
    let mut up = hold(&line, Side::Client);
    // The same where one is open.
    ui.keys("enter ctrl_d");
    assert!(matches!(told(&mut up), Some(Order::Drop)));
    assert!(told(&mut down).is_none(), "it is not open");
}

#[test]
fn elsewhere_a_command_acts_on_all_or_says_why_not() {
    let (mut ui, line) = both_held();
    let (mut up, mut down) = (hold(&line, Side::Client), hold(&line, Side::Server));
    ui.keys("g ctrl_d");
    let text = ui.text();
    assert!(text.contains("messages of both sides are held"), "{text}");
    ui.command("flow.message.resume @focus server");
    assert!(matches!(told(&mut down), Some(Order::Resume)));
    assert!(told(&mut up).is_none());
    ui.command("flow.message.drop @focus server");
    let text = ui.text();
    assert!(text.contains("no message of the server is held"), "{text}");
    drop((up, down));
    let (mut up, mut down) = (hold(&line, Side::Client), hold(&line, Side::Server));
    ui.keys("q ctrl_d");
    assert!(matches!(told(&mut up), Some(Order::Drop)));
    assert!(matches!(told(&mut down), Some(Order::Drop)));
    assert!(
        ui.text().contains("2 messages are dropped"),
        "{}",
        ui.text()
    );
}

#[test]
fn who_has_left_meanwhile_is_seen_in_the_row() {
    let (mut ui, line) = both_held();
    let _up = hold(&line, Side::Client);
    line.left(Side::Server);
    ui.keys("q");
    ui.change(1, |flow| {
        let held = Annotations {
            intercepted: true,
            ..Annotations::default()
        };
        flow.snapshot.annotations = Some(held.into());
    });
    let text = ui.text();
    assert!(text.contains("[held msg, server left]"), "{text}");
}

#[test]
fn edits_of_what_is_held_are_taken_back() {
    let flow = Fake::new(1, "GET", "/a", 200, "text/plain", "").streaming();
    let mut ui = Ui::new(SMALL, vec![flow]);
    let line = ui.control.register(FlowId(1));
    ui.keys("V");
    let text = ui.text();
    assert!(text.contains("nothing of it is held back"), "{text}");
    let mut held = line.hold(Part::Request, 0, false).expect("there is room");
    ui.command("flow.set @focus method PUT");
    assert!(matches!(told(&mut held), Some(Order::Edit(_))));
    ui.keys("V");
    assert!(matches!(told(&mut held), Some(Order::Revert)));
    assert!(ui.text().contains("Reverted 1 flow."), "{}", ui.text());
}

#[test]
fn what_is_said_of_an_injected_message_holds() {
    let (mut ui, line) = both_held();
    line.carries(Side::Client, StreamKind::WebSocket);
    let mut inject = || {
        ui.command("inject.message @focus false hello");
        ui.text()
    };
    let text = inject();
    assert!(
        text.contains("a message is on its way to the server"),
        "{text}"
    );
    let held = hold(&line, Side::Client);
    let text = inject();
    let behind = "a message for the server follows the one that is held";
    assert!(text.contains(behind), "{text}");
    drop(held);
    ui.command("inject.message @focus true hello");
    let text = ui.text();
    assert!(text.contains("carries no messages to the client"), "{text}");
    ui.command("set intercept ~bq secret");
    ui.command("inject.message @focus false hello");
    let text = ui.text();
    assert!(text.contains("unless `intercept` holds it"), "{text}");
}

#[test]
fn a_message_that_was_changed_is_shown_as_it_came_too() {
    let kind = MessageKind::Text;
    let flow = Fake::new(1, "GET", "/chat", 101, "", "").stream(StreamKind::WebSocket);
    let mut flow = flow.streaming();
    flow.push(Side::Client, kind, b"other", MessageFlags::MODIFIED);
    flow.came_as(b"secret\n\x1b[31mred");
    let mut ui = Ui::new(SMALL, vec![flow]);
    let text = ui.keys("enter G enter").text();
    assert!(text.contains("other"), "{text}");
    assert!(
        text.contains("As it came, before it was changed, 15b"),
        "{text}"
    );
    assert!(text.contains("secret") && !text.contains('\x1b'), "{text}");
    ui.command("console.view.diff @focus original");
    let text = ui.text();
    assert!(text.contains("a message that was shows"), "{text}");
}
