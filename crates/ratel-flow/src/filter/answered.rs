//! Whether a filter hangs on the body of a request, once there is a response to it.

use super::eval::{self, Scratch};
use super::operators::Operator;
use super::parse::{Node, Test};
use super::subject::Subject;
use super::{Filter, Needs};

impl Filter {
    /// Whether the body of the request decides if it holds once there is a response. Asked when the head of the request
    /// is all there is: what a response will say is not known then, only that it is one.
    #[must_use]
    pub fn awaits_request_body<S: Subject + ?Sized>(&self, asked: &S) -> bool {
        self.needs().meets(Needs::REQUEST_BODY)
            && judge(&self.0.root, asked, &mut Scratch::default()).is_none()
    }
}

/// As [`eval::judge`], of the flow that it will be.
fn judge<S: Subject + ?Sized>(node: &Node, asked: &S, scratch: &mut Scratch) -> Option<bool> {
    let mut of_many = |nodes: &[Node], decisive: bool| {
        let mut open = false;
        for node in nodes {
            match judge(node, asked, scratch) {
                Some(found) if found == decisive => return Some(decisive),
                Some(_) => {}
                None => open = true,
            }
        }
        (!open).then_some(!decisive)
    };
    match node {
        Node::All(nodes) => of_many(nodes, false),
        Node::Any(nodes) => of_many(nodes, true),
        Node::Not(node) => judge(node, asked, scratch).map(|found| !found),
        Node::Test(test) => self::test(test, asked, scratch),
    }
}

fn test<S: Subject + ?Sized>(test: &Test, asked: &S, scratch: &mut Scratch) -> Option<bool> {
    const TO_COME: Needs = Needs::REQUEST_BODY
        .with(Needs::RESPONSE_HEAD)
        .with(Needs::RESPONSE_BODY)
        .with(Needs::MESSAGES);
    match test.row.operator {
        Operator::HasResponse => Some(true),
        Operator::NoResponse => Some(false),
        Operator::Code | Operator::WebSocket | Operator::Error | Operator::ReplayResponse => None,
        _ => match eval::test(test, asked, scratch) {
            false if test.row.needs.meets(TO_COME) => None,
            found => Some(found),
        },
    }
}
