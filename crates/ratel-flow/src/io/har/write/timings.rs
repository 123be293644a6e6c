//! How long things took, and how that is written.

use std::fmt;

use crate::{HttpRecord, ServerConn, Timestamp};

/// How long the parts of an exchange took, in nanoseconds.
pub(super) struct Timings {
    pub(super) connect: Option<u64>,
    pub(super) ssl: Option<u64>,
    pub(super) send: u64,
    pub(super) wait: u64,
    pub(super) receive: u64,
}

impl Timings {
    pub(super) fn of(http: &HttpRecord, connection: Option<(&ServerConn, bool)>) -> Self {
        let since = |later: Option<Timestamp>, earlier: Option<Timestamp>| {
            Some(later?.0.saturating_sub(earlier?.0))
        };
        let new = connection.filter(|(_, is_first)| *is_first);
        let connected = new.and_then(|(conn, _)| conn.timestamp_tcp_setup);
        let secured = new.and_then(|(conn, _)| conn.tls.as_ref()?.timestamp_setup);
        let began = new.map(|(conn, _)| conn.timestamp_start);
        let ssl = since(secured, connected);
        let request = &http.request;
        let answered = http
            .response
            .as_ref()
            .map(|response| response.timestamp_start);
        Self {
            connect: since(connected, began).map(|tcp| tcp.saturating_add(ssl.unwrap_or_default())),
            ssl,
            send: since(http.request_end, Some(request.timestamp_start)).unwrap_or_default(),
            wait: since(answered, http.request_end).unwrap_or_default(),
            receive: since(http.response_end, answered).unwrap_or_default(),
        }
    }

    pub(super) fn total(&self) -> u64 {
        [
            self.connect.unwrap_or_default(),
            self.send,
            self.wait,
            self.receive,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// Stands for a time that is not known.
pub(super) const NEVER: u64 = u64::MAX;

/// Nanoseconds, written as milliseconds.
pub(super) struct Millis(pub(super) u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            NEVER => f.write_str("-1"),
            nanos => decimal(f, nanos, 1_000_000, 6),
        }
    }
}

/// A time, written as seconds since 1970.
pub(super) struct Seconds(pub(super) Timestamp);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.0.0, 1_000_000_000, 9)
    }
}

fn decimal(f: &mut fmt::Formatter<'_>, value: u64, unit: u64, digits: usize) -> fmt::Result {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return write!(f, "{whole}");
    }
    let rest = format!("{rest:0digits$}");
    write!(f, "{whole}.{}", rest.trim_end_matches('0'))
}
