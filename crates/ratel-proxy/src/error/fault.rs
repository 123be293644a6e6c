//! Failures that somebody has asked for (option `fault`).

use std::borrow::Cow;
use std::time::Duration;

use ratel_core::network::PlannedFault;
use ratel_proto::h2::Reason;

/// What the client is to see of a fault.
#[derive(Clone, Debug, thiserror::Error)]
#[error("fault: {said}")]
pub(crate) struct FaultError {
    said: Cow<'static, str>,
    /// Over HTTP/1: the connection is reset, not closed.
    pub(crate) resets: bool,
    /// Over HTTP/2: the code with which the stream is given up.
    pub(crate) reason: Option<Reason>,
    /// And the whole connection with it.
    pub(crate) goaway: bool,
    /// In TLS that is not opened: the client is sent an alert.
    pub(crate) alerts: bool,
    /// Which rule does it, where the flow does not say so yet.
    pub(crate) rule: Option<Box<PlannedFault>>,
}

impl FaultError {
    fn new(said: impl Into<Cow<'static, str>>, resets: bool) -> Self {
        Self {
            said: said.into(),
            resets,
            reason: None,
            goaway: false,
            alerts: false,
            rule: None,
        }
    }

    pub(crate) fn reset() -> Self {
        Self::new("the connection was reset", true)
    }

    pub(crate) fn reset_after(bytes: u64) -> Self {
        Self::new(
            format!("the connection was reset after {bytes} bytes of the response"),
            true,
        )
    }

    pub(crate) fn truncated(bytes: u64) -> Self {
        Self::new(format!("the response was cut after {bytes} bytes"), false)
    }

    pub(crate) fn timeout(after: Option<Duration>) -> Self {
        let seconds = after.map_or(0.0, |after| after.as_secs_f64());
        Self::new(format!("there was no answer for {seconds} s"), false)
    }

    pub(crate) fn rst_stream(reason: Reason) -> Self {
        Self {
            reason: Some(reason),
            ..Self::new(format!("the stream was given up with {reason}"), true)
        }
    }

    pub(crate) fn goaway(reason: Reason) -> Self {
        Self {
            reason: Some(reason),
            goaway: true,
            ..Self::new(format!("the connection was closed with {reason}"), false)
        }
    }

    pub(crate) fn tls(rule: PlannedFault) -> Self {
        let said = format!("the TLS handshake was refused by the rule `{}`", rule.spec);
        Self {
            alerts: true,
            ..Self::new(said, false).by(rule)
        }
    }

    /// The flow is to say that it was that rule.
    pub(crate) fn by(self, rule: PlannedFault) -> Self {
        Self {
            rule: Some(Box::new(rule)),
            ..self
        }
    }
}
