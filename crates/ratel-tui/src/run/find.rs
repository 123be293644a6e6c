//! The search that goes on.

use std::time::Duration;

use ratel_core::search::{Hit, Progress, Results};
use ratel_flow::FlowId;

use crate::model::{FoundRow, Wanted};
use crate::msg::Msg;
use crate::screens::flow_list;

use super::{Loop, wake};

/// Hits that are taken before keys are looked at again.
const AT_ONCE: usize = 1024;

/// How often it is said how far a search is that finds nothing.
const PROGRESS: Duration = Duration::from_millis(200);

/// A search, and what was taken of it.
pub(super) struct Finding {
    number: u64,
    results: Results,
    /// The flow of the last hit.
    last: Option<FlowId>,
    /// What was said last of how far it is.
    said: Progress,
    /// There may be more to take at once.
    more: bool,
}

impl Finding {
    /// When to look again how far it is, if it does not say so before.
    pub(super) fn look_again(&self) -> Duration {
        if self.more { Duration::ZERO } else { PROGRESS }
    }
}

impl Loop {
    /// Begins a search, which ends the one before.
    pub(super) fn find(&mut self, number: u64, wanted: &Wanted) {
        // One that cannot be looked for is not asked for.
        let Ok(query) = wanted.query() else { return };
        let results = self
            .search
            .search(query, Some(Box::new(wake(&self.sender))));
        self.finding = Some(Finding {
            number,
            results,
            last: None,
            said: Progress::default(),
            more: false,
        });
    }

    /// What was found since this was last asked.
    pub(super) fn take_found(&mut self) -> Option<Msg> {
        let finding = self.finding.as_mut()?;
        // Before hits are taken: those that come later wake the loop, and so does the end.
        let progress = finding.results.progress();
        let mut rows = Vec::new();
        while rows.len() < AT_ONCE
            && let Some(hit) = finding.results.try_next()
        {
            let is_new = finding.last.replace(hit.flow) != Some(hit.flow);
            rows.push(row(hit, is_new, |id| {
                self.flows
                    .store
                    .summary(id)
                    .map(|row| flow_list::label(&row))
            }));
        }
        finding.more = rows.len() == AT_ONCE;
        let number = finding.number;
        let nothing = rows.is_empty() && finding.said == progress;
        finding.said = progress;
        if progress.done && rows.is_empty() {
            self.finding = None;
        }
        (!nothing).then(|| Msg::Hits(number, rows, progress))
    }
}

fn row(hit: Hit, is_new: bool, flow: impl FnOnce(FlowId) -> Option<String>) -> FoundRow {
    let flow = is_new.then(|| flow(hit.flow).unwrap_or_default().into());
    FoundRow { hit, flow }
}
