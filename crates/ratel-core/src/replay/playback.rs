//! A recorded response as it is played back.

use std::sync::Arc;
use std::time::Duration;

use ratel_flow::record::{Body, WebSocketRecord};
use ratel_flow::{Headers, HttpRecord, MessageHead, Timestamp};
use ratel_proto::streams;

/// What follows the head of a recorded response.
#[derive(Clone, Debug)]
pub struct Playback {
    /// Its body, as it was sent.
    pub body: Body,
    /// The fields after it.
    pub trailers: Option<Headers>,
    /// What was said on a WebSocket.
    pub websocket: Option<WebSocketRecord>,
    /// The time it takes; none for as fast as it goes.
    pub pace: Option<Pace>,
}

/// How long a recorded response took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Until its head came, counted from the end of the request.
    pub head: Duration,
    /// From the head to the end of the body.
    pub body: Duration,
    /// When its messages had come: where each of them ends in the body, and when that was, counted from the head. Without
    /// them the body took its time evenly.
    pub messages: Option<Arc<[(u64, Duration)]>>,
}

impl Pace {
    pub(super) fn of(http: &HttpRecord, messages: &[MessageHead]) -> Self {
        let Some(response) = &http.response else {
            return Self::default();
        };
        let head = response.timestamp_start;
        let asked = http.request_end.unwrap_or(http.request.timestamp_start);
        let ends = messages.iter().map(|message| {
            let end = message.payload.offset + message.payload.len;
            (end, message.timestamp.since(head))
        });
        Self {
            head: head.since(asked),
            body: http
                .response_end
                .map_or(Duration::ZERO, |end| end.since(head)),
            messages: (!messages.is_empty()).then(|| ends.collect()),
        }
    }

    /// What of a body of `len` bytes is to be sent next after the first `at` of them: up to where, and when, counted from the
    /// head.
    #[must_use]
    pub fn next(&self, at: u64, len: u64) -> (u64, Duration) {
        if let Some(messages) = &self.messages {
            let next = messages.partition_point(|(end, _)| *end <= at);
            return match messages.get(next) {
                Some(&(end, due)) => (end.min(len), due),
                None => (len, self.body),
            };
        }
        let pieces = u64::try_from(self.body.as_millis() / PIECE.as_millis()).unwrap_or(u64::MAX);
        let size = len.div_ceil(pieces.clamp(1, PIECES)).max(1);
        let end = (at / size + 1).saturating_mul(size).min(len);
        let part = end as f64 / len.max(1) as f64;
        (end, self.body.mul_f64(part))
    }
}

/// A body without known messages comes in pieces of about this length.
const PIECE: Duration = Duration::from_millis(50);

/// And in no more than so many.
const PIECES: u64 = 10_000;

/// Whether it is a stream of messages, and the server began to answer before it had the whole request.
pub(super) fn is_early(http: &HttpRecord) -> bool {
    if streams::kind_of(&http.request.headers).is_none() {
        return false;
    }
    let begun = http
        .response
        .as_ref()
        .map(|response| response.timestamp_start);
    let known = |time: &Timestamp| time.0 > 0;
    match (begun.filter(known), http.request_end.filter(known)) {
        (Some(begun), Some(end)) => begun < end,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_takes_the_time_it_took() {
        let second = Duration::from_secs(1);
        let even = Pace {
            body: second,
            ..Pace::default()
        };
        assert_eq!(even.next(0, 1000), (50, second / 20));
        assert_eq!(even.next(50, 1000), (100, second / 10));
        assert_eq!(even.next(999, 1000), (1000, second));
        assert_eq!(Pace::default().next(0, 1000), (1000, Duration::ZERO));
        let said = Pace {
            body: second,
            messages: Some([(10, second / 4), (30, second / 2)].into()),
            ..Pace::default()
        };
        assert_eq!(said.next(0, 40), (10, second / 4));
        assert_eq!(said.next(10, 40), (30, second / 2));
        assert_eq!(
            said.next(30, 40),
            (40, second),
            "what follows the last message"
        );
    }
}
