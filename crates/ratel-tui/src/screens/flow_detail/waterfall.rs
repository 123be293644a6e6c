//! Where the time of an exchange went, as bars below each other.

use ratel_core::store::FlowSnapshot;
use ratel_flow::format::duration;
use ratel_flow::{FlowKind, Timestamp};

use crate::text::Text;
use crate::theme::Role;

/// Columns of the names.
const NAMES: usize = 22;

/// Columns of the bars, for a terminal of 80.
const BARS: u64 = 42;

/// One stretch of time.
struct Phase {
    name: &'static str,
    from: Timestamp,
    to: Timestamp,
    role: Role,
    /// What the bar is made of: what is waited for looks other than what is done, without colour too.
    fill: &'static str,
}

/// The bars; none for what is not an exchange, or has only begun.
pub(super) fn lines(flow: &FlowSnapshot) -> Vec<Text> {
    if flow.kind != FlowKind::Http {
        return Vec::new();
    }
    let phases = phases(flow);
    let start = flow.times.began;
    let end = phases.iter().map(|phase| phase.to).max().unwrap_or(start);
    let total = end.0.saturating_sub(start.0);
    if total == 0 {
        return Vec::new();
    }
    // A column stands for so much of the time that began before its end.
    let column = |at: Timestamp| {
        let since = u128::from(at.0.saturating_sub(start.0)).min(total.into());
        (since * u128::from(BARS) / u128::from(total)) as u64
    };
    let line = |phase: &Phase| {
        let from = column(phase.from).min(BARS - 1);
        let to = column(phase.to).max(from + 1).min(BARS);
        let mut line = Text::plain(Role::Name, format!("  {}", phase.name));
        line.tab_to(NAMES);
        let pad = usize::try_from(from).unwrap_or(0);
        line.push(Role::Text, " ".repeat(pad));
        let bar = usize::try_from(to - from).unwrap_or(1);
        line.push(phase.role, phase.fill.repeat(bar));
        line.pad_to(NAMES + BARS as usize);
        line.push(
            Role::Text,
            format!(" {:>7}", duration(phase.to.since(phase.from))),
        );
        line
    };
    phases.iter().map(line).collect()
}

fn phases(flow: &FlowSnapshot) -> Vec<Phase> {
    let times = &flow.times;
    let mut phases = Vec::new();
    let mut add = |name, from: Option<Timestamp>, to: Option<Timestamp>, role, fill| {
        if let (Some(from), Some(to)) = (from, to)
            && to >= from
        {
            phases.push(Phase {
                name,
                from,
                to,
                role,
                fill,
            });
        }
    };
    let server = flow.server_conn.as_ref();
    // A connection that was there before took no time of this flow.
    if let Some(server) = server.filter(|server| server.timestamp_start >= times.began) {
        let tls = server.tls.as_ref().and_then(|tls| tls.timestamp_setup);
        let connected = server.timestamp_tcp_setup;
        add(
            "Connect",
            Some(server.timestamp_start),
            connected,
            Role::SpanConnect,
            "█",
        );
        add("TLS handshake", connected, tls, Role::SpanTls, "█");
    }
    let begun = flow.request.as_ref().map(|request| request.timestamp_start);
    add("Request", begun, times.request_end, Role::SpanTransfer, "█");
    let first = times.response_start;
    let waited = first.or(flow.error.as_ref().map(|error| error.timestamp));
    add(
        "Wait for response",
        times.request_end,
        waited,
        Role::SpanWait,
        "░",
    );
    let live = flow.state.is_live() || flow.stream.is_some();
    let end = times.response_end.or(live.then_some(times.last));
    add("Response", first, end, Role::SpanTransfer, "█");
    phases
}
