//! What a filter asks a flow for.

use super::operators::Operator;
use super::parse::{Node, Operand};
use crate::flow::Side;
use crate::pattern::Pattern;

/// Parts of a flow. The summary (kind, status, whether there is a response or an error, addresses, marks, comment,
/// metadata) is not among them: it is always at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Needs(u8);

impl Needs {
    /// Nothing but the summary.
    pub const SUMMARY: Self = Self(0);
    /// The head of the request, or the DNS message that asks.
    pub const REQUEST_HEAD: Self = Self(1);
    /// The head of the response, or the DNS message that answers.
    pub const RESPONSE_HEAD: Self = Self(2);
    /// The body of the request.
    pub const REQUEST_BODY: Self = Self(4);
    /// The body of the response.
    pub const RESPONSE_BODY: Self = Self(8);
    /// The messages of a WebSocket, a TCP or a UDP flow.
    pub const MESSAGES: Self = Self(16);

    /// Whether all of `other` are among them.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is among them.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the summary is enough.
    #[must_use]
    pub const fn is_summary(self) -> bool {
        self.0 == 0
    }

    /// Whether bodies or messages are read.
    #[must_use]
    pub const fn reads_bodies(self) -> bool {
        self.0 & (Self::REQUEST_BODY.0 | Self::RESPONSE_BODY.0 | Self::MESSAGES.0) != 0
    }
}

/// What a tree asks for at most.
pub(super) fn of(node: &Node) -> Needs {
    match node {
        Node::All(nodes) | Node::Any(nodes) => {
            nodes.iter().map(of).fold(Needs::SUMMARY, Needs::with)
        }
        Node::Not(node) => of(node),
        Node::Test(test) => test.row.needs,
    }
}

/// Whether the operator of that name stands in it.
pub(super) fn names(node: &Node, operator: &str) -> bool {
    match node {
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(|node| names(node, operator)),
        Node::Not(node) => names(node, operator),
        Node::Test(test) => test.row.name == operator,
    }
}

/// Gives the patterns that a tree looks for in bodies.
pub(super) fn each_in_bodies<'a>(node: &'a Node, each: &mut dyn FnMut(Option<Side>, &'a Pattern)) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => {
            for node in nodes {
                each_in_bodies(node, each);
            }
        }
        Node::Not(node) => each_in_bodies(node, each),
        Node::Test(test) => {
            if let (Operator::Body(side), Operand::Pattern(pattern)) =
                (test.row.operator, &test.operand)
            {
                each(side, pattern);
            }
        }
    }
}
