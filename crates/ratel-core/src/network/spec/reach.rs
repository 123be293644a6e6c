//! Whether a rule can be for any flow, at the moments at which it is asked about one.

use ratel_flow::filter::{Filter, Moment};

use super::{FaultKind, SpecError, Word};

/// When rules are asked that slow flows down or break them off.
const ANY: [Moment; 3] = [Moment::Request, Moment::Response, Moment::Raw];

/// Refuses a filter that never holds when a rule of `throttle` is asked.
pub(super) fn of_throttle(filter: Option<&Filter>, spec: &str) -> Result<(), SpecError> {
    match filter.and_then(|filter| never_holds(filter, &ANY)) {
        Some(operator) => Err(never(operator, spec)),
        None => Ok(()),
    }
}

/// Refuses a filter that never holds when a rule with that fault is asked. `what` is the fault as it is written.
pub(super) fn of_fault(
    filter: Option<&Filter>,
    kind: &FaultKind,
    what: Word<'_>,
    spec: &str,
) -> Result<(), SpecError> {
    let Some(filter) = filter else { return Ok(()) };
    let moments: &[Moment] = match kind {
        FaultKind::Tls => &[Moment::Handshake],
        kind if kind.precedes_response() => &[Moment::Request],
        _ => &ANY,
    };
    let Some(operator) = never_holds(filter, moments) else {
        return Ok(());
    };
    if never_holds(filter, &ANY).is_some() {
        return Err(never(operator, spec));
    }
    Err(match kind {
        FaultKind::Tls => what
            .error(format!(
                "`tls` comes ahead of any request, so that `~{operator}` cannot be asked"
            ))
            .hint("host and port are known by then (`~d`, `~u`), and the client (`~src`)"),
        _ => what
            .error(format!(
                "`{}` takes the place of a response, so that `~{operator}` cannot ask for one",
                what.text
            ))
            .hint("`delay`, `timeout`, `reset`, `truncate`, `rst_stream` and `goaway` can follow a response"),
    })
}

/// The operator for which the filter holds at none of these moments; none if it can.
fn never_holds(filter: &Filter, moments: &[Moment]) -> Option<&'static str> {
    let mut operators = moments.iter().map(|moment| filter.never_holds(*moment));
    let first = operators.next()??;
    operators
        .all(|operator| operator.is_some())
        .then_some(first)
}

fn never(operator: &str, spec: &str) -> SpecError {
    let filter = Word::whole(spec).part(spec, 0);
    let asked = filter.error(format!(
        "this is never true when a rule of the network is asked, because of `~{operator}`"
    ));
    match operator {
        "b" | "bq" | "bs" => asked.hint("a body is not there by then; ask for `~u` or `~hq`"),
        _ => asked,
    }
}
