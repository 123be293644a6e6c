use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;

use super::*;

const ID: FlowId = FlowId(7);

fn edit() -> FlowCommand {
    FlowCommand::Edit(Box::new(Edit {
        response_body: Some("new".into()),
        ..Edit::default()
    }))
}

fn message(kind: MessageKind) -> FlowCommand {
    FlowCommand::Inject {
        side: Side::Server,
        kind,
        content: "hello".into(),
    }
}

#[test]
fn only_live_flows_hear() {
    let control = Control::default();
    let unknown = Err(ControlError::Unknown(ID));
    assert_eq!(control.send(ID, FlowCommand::Kill), unknown);
    let registration = control.register(ID);
    assert!(control.is_live(ID));
    assert_eq!(control.live_flows(), [ID]);
    assert_eq!(registration.killed().now_or_never(), None);
    assert_eq!(control.send(ID, FlowCommand::Kill), Ok(()));
    assert_eq!(registration.killed().now_or_never(), Some(()));
    drop(registration);
    assert_eq!(control.send(ID, FlowCommand::Kill), unknown);
}

#[test]
fn who_says_goodbye_itself_hears_of_it_alone() {
    let control = Control::default();
    let registration = control.register(ID);
    registration.ends_itself();
    control.send(ID, FlowCommand::Kill).unwrap();
    assert_eq!(registration.killed().now_or_never(), None);
    assert_eq!(registration.ended().now_or_never(), Some(()));
}

#[test]
fn messages_are_taken_by_kind_and_up_to_a_bound() {
    let control = Control::default();
    let registration = control.register(ID);
    let text = || message(MessageKind::Text);
    assert_eq!(control.send(ID, text()), Err(ControlError::NoMessages(ID)));
    registration.carries(Side::Client, StreamKind::Grpc);
    let one_way = control.send(ID, text()).unwrap_err();
    assert_eq!(
        one_way.to_string(),
        "flow 7 carries no messages to the client"
    );
    registration.carries(Side::Server, StreamKind::WebSocket);
    let wrong = control.send(ID, message(MessageKind::Event)).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "a event message does not fit into flow 7, which is a stream of websocket"
    );
    for _ in 0..COMMANDS {
        assert_eq!(control.send(ID, text()), Ok(()));
    }
    assert_eq!(control.send(ID, text()), Err(ControlError::Busy(ID)));
    assert_eq!(registration.try_injected(Side::Client), None);
    let got = registration.try_injected(Side::Server).unwrap();
    assert_eq!(
        (got.kind, &got.content[..]),
        (MessageKind::Text, &b"hello"[..])
    );
    assert_eq!(control.send(ID, text()), Ok(()));
    registration.closed(Side::Server);
    assert_eq!(control.send(ID, text()), Err(ControlError::Closed(ID)));
}

#[test]
fn a_held_part_takes_orders_until_it_goes() {
    let control = Control::default();
    let registration = control.register(ID);
    let resume = FlowCommand::Resume(None);
    let not_held = Err(ControlError::NotHeld(ID));
    assert_eq!(control.send(ID, resume.clone()), not_held);
    assert_eq!(control.send(ID, edit()), not_held);

    let mut hold = registration.hold(Part::Response, 10, false).unwrap();
    assert_eq!(control.held_flows(), [ID]);
    assert_eq!(control.held(ID)[0].part, Part::Response);
    assert!(hold.next().now_or_never().is_none());
    let of_request = FlowCommand::Edit(Box::new(Edit {
        request_body: Some("late".into()),
        ..Edit::default()
    }));
    assert_eq!(control.send(ID, of_request), Err(ControlError::Sent(ID)));
    let of_message = FlowCommand::DropMessage { side: Side::Client };
    assert_eq!(control.send(ID, of_message), not_held);

    control.send(ID, edit()).unwrap();
    control.send(ID, resume.clone()).unwrap();
    assert_eq!(control.send(ID, edit()), not_held, "it is on its way");
    assert_eq!(control.send(ID, resume), not_held);
    assert!(matches!(hold.next().now_or_never(), Some(Order::Edit(_))));
    assert!(matches!(hold.next().now_or_never(), Some(Order::Resume)));
    drop(hold);
    assert_eq!((control.held_count(), control.held_flows()), (0, vec![]));
}

#[test]
fn what_is_held_is_reverted_once_for_what_was_edited() {
    let control = Control::default();
    let registration = control.register(ID);
    assert_eq!(control.revert(ID), Err(ControlError::NotHeld(ID)));
    let mut hold = registration.hold(Part::Response, 10, false).unwrap();
    assert_eq!(control.revert(ID), Ok(false), "nobody has edited it");
    control.send(ID, edit()).unwrap();
    assert_eq!(control.revert(ID), Ok(true));
    assert_eq!(control.revert(ID), Ok(false));
    assert!(matches!(hold.next().now_or_never(), Some(Order::Edit(_))));
    assert!(matches!(hold.next().now_or_never(), Some(Order::Revert)));
    assert!(hold.next().now_or_never().is_none());
}

#[test]
fn who_leaves_is_shown_by_what_is_held_then_and_later() {
    let control = Control::default();
    let registration = control.register(ID);
    assert_eq!(registration.has_left(Side::Client).now_or_never(), None);
    let _up = registration.hold(Part::Message(Side::Client), 1, false);
    assert_eq!(registration.holds_for_client().now_or_never(), None);
    registration.left(Side::Client);
    assert_eq!(registration.has_left(Side::Client).now_or_never(), Some(()));
    let _down = registration.hold(Part::Message(Side::Server), 1, false);
    assert_eq!(registration.holds_for_client().now_or_never(), Some(()));
    let left: Vec<_> = control.held(ID).iter().map(|held| held.left).collect();
    assert_eq!(left, [Some(Side::Client); 2]);
}

#[test]
fn both_sides_messages_are_held_by_themselves() {
    let control = Control::default();
    let registration = control.register(ID);
    let mut up = registration
        .hold(Part::Message(Side::Client), 1, false)
        .unwrap();
    let mut down = registration
        .hold(Part::Message(Side::Server), 1, false)
        .unwrap();
    assert_eq!(control.send(ID, edit()), Err(ControlError::NotHeld(ID)));
    control
        .send(ID, FlowCommand::DropMessage { side: Side::Server })
        .unwrap();
    let content = FlowCommand::EditMessage {
        side: Side::Client,
        content: "other".into(),
    };
    control.send(ID, content).unwrap();
    assert!(matches!(down.next().now_or_never(), Some(Order::Drop)));
    let Some(Order::EditMessage(content)) = up.next().now_or_never() else {
        panic!("an order");
    };
    assert_eq!(&content[..], b"other");
    drop(down);
    assert_eq!(control.held_count(), 1);
    assert_eq!(control.resume_all(), 1);
    assert!(matches!(up.next().now_or_never(), Some(Order::Resume)));
}

#[test]
fn a_body_that_passes_is_not_changed() {
    let control = Control::default();
    let registration = control.register(ID);
    let _hold = registration.hold(Part::Response, 0, true).unwrap();
    assert_eq!(control.send(ID, edit()), Err(ControlError::BodyPasses(ID)));
    let head = FlowCommand::Edit(Box::default());
    assert_eq!(control.send(ID, head), Ok(()));
}

#[test]
fn what_is_held_is_bounded() {
    let control = Control::with_bounds(2, 100);
    let (a, b) = (control.register(FlowId(1)), control.register(FlowId(2)));
    let one = a.hold(Part::Request, 60, false).unwrap();
    let Err(refused) = b.hold(Part::Request, 60, false) else {
        panic!("it is too much");
    };
    assert_eq!((refused.parts, refused.bytes), (1, 60));
    let _two = b.hold(Part::Request, 40, false).unwrap();
    assert!(a.hold(Part::Message(Side::Client), 0, false).is_err());
    drop(one);
    assert!(a.hold(Part::Message(Side::Client), 0, false).is_ok());
}

#[test]
fn a_command_wakes_who_waits() {
    let control = Control::default();
    let registration = control.register(ID);
    let mut hold = registration.hold(Part::Request, 0, false).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut next = std::pin::pin!(hold.next());
    assert!(next.as_mut().poll(&mut cx).is_pending());
    control
        .send(ID, FlowCommand::Resume(Some(Part::Request)))
        .unwrap();
    assert!(matches!(next.poll(&mut cx), Poll::Ready(Order::Resume)));
}
