//! What goes wrong with a flow.

use std::sync::Arc;
use std::time::Duration;

use ratel_flow::LiveAnnotations;

use super::{Chance, FAULT, note};
use crate::options::Hits;

/// What goes wrong, and how often.
#[derive(Debug)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// How often, from 0 to 1.
    pub probability: f64,
    /// What decides it.
    pub chance: Chance,
}

impl Fault {
    /// Whether it happens this time.
    pub fn happens(&self) -> bool {
        self.chance.hits(self.probability)
    }

    /// A time between the two ends of a range.
    pub fn time(&self, from: Duration, to: Duration) -> Duration {
        if from == to {
            return from;
        }
        from + to.saturating_sub(from).mul_f64(self.chance.draw())
    }
}

/// What a rule has in mind for one flow.
#[derive(Clone, Debug)]
pub struct PlannedFault {
    /// What.
    pub kind: FaultKind,
    /// The rule as it was written.
    pub spec: Arc<str>,
    /// How often that did something.
    pub hits: Hits,
}

impl PlannedFault {
    /// It happens: the rule has done something, and the flow says so.
    pub fn happens(&self, said: &mut LiveAnnotations) {
        self.hits.add();
        note(said, FAULT, &self.spec);
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The request is answered with that status, and no body.
    Status(u16),
    /// A gRPC call ends with that status.
    Grpc(u32),
    /// It takes so much longer, between these two.
    Delay(Duration, Duration),
    /// There is no answer; after the time the connection is closed, without one when somebody gives up.
    Timeout(Option<Duration>),
    /// The connection is reset after so many bytes of the response's body; ahead of its head without a number.
    Reset(Option<u64>),
    /// The response ends after so many bytes of its body.
    Truncate(u64),
    /// The client's TLS handshake fails.
    Tls,
    /// The stream is given up with that code of HTTP/2. Over HTTP/1 the connection is reset.
    RstStream(u32),
    /// The connection is closed with that code of HTTP/2. Over HTTP/1 it is just closed.
    Goaway(u32),
}

impl FaultKind {
    /// Whether it is left to the response's body whether it happens: one that is too short never gets there.
    #[must_use]
    pub fn depends_on_body(&self) -> bool {
        matches!(self, Self::Reset(Some(_)) | Self::Truncate(_))
    }

    /// Whether it takes the place of an answer, and so is decided ahead of one.
    #[must_use]
    pub fn precedes_response(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Grpc(_) | Self::Tls)
    }
}
