//! When the parts of an exchange were, from how long they took.

use crate::Timestamp;
use crate::json::Node;

use super::date;

/// What happened when. In order, however odd the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moments {
    /// The request began.
    pub(super) start: Timestamp,
    /// It was complete.
    pub(super) sent: Timestamp,
    /// The response began.
    pub(super) answered: Timestamp,
    /// It was complete.
    pub(super) end: Timestamp,
    /// Connecting to the server began.
    pub(super) connecting: Timestamp,
    /// The server was connected; none if this request did not wait for that.
    pub(super) connected: Option<Timestamp>,
    /// TLS was established; none likewise, and where there is none.
    pub(super) secured: Option<Timestamp>,
}

impl Moments {
    /// A browser's request waits for its connection; what a proxy has connected to was there when the request began.
    pub(super) fn of(entry: &Node<'_>, maker: Maker) -> Self {
        let started = entry.get("startedDateTime").text();
        let start = started
            .and_then(|text| date::parse(&text))
            .unwrap_or_default();
        let timings = entry.get("timings");
        let took = |name| nanos(timings.get(name));
        let later = |from: Timestamp, nanos: u64| Timestamp(from.0.saturating_add(nanos));
        let tls = took("ssl");
        let connect = took("connect").map(|connect| {
            let apart = tls.filter(|_| maker.tls_apart);
            connect.saturating_add(apart.unwrap_or_default())
        });
        let duration = connect.unwrap_or_default();
        let connecting = if maker.is_proxy {
            Timestamp(start.0.saturating_sub(duration))
        } else {
            let queued = took("blocked").unwrap_or_default();
            later(
                start,
                queued.saturating_add(took("dns").unwrap_or_default()),
            )
        };
        let ready = later(connecting, duration);
        let tcp = duration.saturating_sub(tls.unwrap_or_default());
        let connected = connect.map(|_| later(connecting, tcp));
        let secured = connected.and(tls).map(|_| ready);
        let sent = later(ready, took("send").unwrap_or_default());
        let answered = later(sent, took("wait").unwrap_or_default());
        let end = match took("receive") {
            Some(receive) => later(answered, receive),
            None => later(start, nanos(entry.get("time")).unwrap_or_default()).max(answered),
        };
        Self {
            start,
            sent,
            answered,
            end,
            connecting,
            connected,
            secured,
        }
    }
}

/// What is to be known of the program that made an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maker {
    /// It is a proxy, which tells of requests as they were sent.
    pub(super) is_proxy: bool,
    /// It counts TLS on its own, not as a part of connecting as the standard has it.
    tls_apart: bool,
}

impl Maker {
    pub(super) fn named(creator: &str) -> Self {
        Self {
            is_proxy: matches!(creator, super::super::CREATOR | "mitmproxy"),
            tls_apart: matches!(creator, "mitmproxy" | "Firefox"),
        }
    }
}

/// A duration in milliseconds; none for what did not happen, or is no number.
fn nanos(millis: &Node<'_>) -> Option<u64> {
    let millis = millis.number().filter(|millis| *millis >= 0.0)?;
    Some(date::from_millis(millis).0)
}
