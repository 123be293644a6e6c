//! Bodies as addons see them.

use bytes::Bytes;
use ratel_flow::Side;

use crate::network::Network;
use crate::replay::Playback;

/// How an addon must see the body of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyNeed {
    /// It may stream past.
    #[default]
    Stream,
    /// Its messages must be shown one by one, if it is a stream of such. Where the body is compressed as a whole it
    /// goes on without that, and without its length: messages may be changed.
    Messages,
    /// It should be complete before the message goes on, unless it is large; then
    /// [`Addon::body_passes`](super::Addon::body_passes) says so.
    IfSmall,
    /// The same, but only a body that is too large to be held back at all passes.
    IfPossible,
    /// It must be complete before the message goes on, to be read or replaced in [`Bodies`]. A message whose body is
    /// too large to be held back is refused.
    Whole,
}

/// What all addons together need of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyNeeds {
    /// Somebody wants it whole.
    pub whole: bool,
    /// Even if it is not small.
    pub large: bool,
    /// And cannot do without.
    pub insists: bool,
    /// Somebody wants its messages.
    pub messages: bool,
}

impl BodyNeeds {
    /// With what one more addon needs.
    #[must_use]
    pub fn and(self, need: BodyNeed) -> Self {
        Self {
            whole: self.whole || need >= BodyNeed::IfSmall,
            large: self.large || need >= BodyNeed::IfPossible,
            insists: self.insists || need == BodyNeed::Whole,
            messages: self.messages || need == BodyNeed::Messages,
        }
    }
}

/// The bodies of a flow that were collected because an addon needs them whole; none for one that streams.
#[derive(Debug, Default)]
pub struct Bodies {
    /// The request body, as sent (content-encoding not removed).
    pub request: Option<Bytes>,
    /// The response body, as sent or as an addon made it.
    pub response: Option<Bytes>,
    /// What follows the response that a hook gave, if it is a recorded one that is to be played back. Its body is shown as
    /// that of a server would be. A response that is given afterwards with a body in memory takes its place.
    pub playback: Option<Box<Playback>>,
    /// What a bad network does to the flow, and what was decided about that.
    pub network: Option<Box<Network>>,
}

impl Bodies {
    /// The body of that side.
    #[must_use]
    pub fn of(&self, side: Side) -> Option<&Bytes> {
        match side {
            Side::Client => self.request.as_ref(),
            Side::Server => self.response.as_ref(),
        }
    }
}
