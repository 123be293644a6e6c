//! Where texts go: to the builder, and from there to volumes and the catalog, within the budget.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratel_flow::FlowId;

use super::Budget;
use super::pace::Pace;
use crate::search::Shared;
use crate::search::builder::{Builder, Sealed};
use crate::search::files::Files;

/// After the disk was full nothing is written for so long.
const RETRY_AFTER: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_secs(20)
};

pub(super) struct Press {
    pub(super) builder: Builder,
    pub(super) pace: Pace,
    shared: Arc<Shared>,
    files: Files,
    budget: Budget,
    /// Since when nothing can be written.
    failed: Option<Instant>,
    /// A volume was lost since that was last asked.
    lost: bool,
    /// Flows up to this one had to go to stay within the budget.
    dropped: Option<FlowId>,
}

impl Press {
    pub(super) fn new(shared: Arc<Shared>, files: Files, budget: Budget, pace: Pace) -> Self {
        Self {
            builder: Builder::default(),
            pace,
            shared,
            files,
            budget,
            failed: None,
            lost: false,
            dropped: None,
        }
    }

    /// Whether nothing should be written yet.
    pub(super) fn waits(&self) -> bool {
        self.failed
            .is_some_and(|since| since.elapsed() < RETRY_AFTER)
    }

    /// Text was given to the builder. Breaks when the thread is to end.
    pub(super) fn given(&mut self) -> ControlFlow<()> {
        if self.builder.is_full() {
            self.seal();
        }
        self.pace.step(&self.shared.bell)
    }

    /// Whether a volume was lost since this was last asked.
    pub(super) fn has_lost(&mut self) -> bool {
        std::mem::take(&mut self.lost)
    }

    /// The newest flow that had to go to stay within the budget, since this was last asked.
    pub(super) fn has_dropped(&mut self) -> Option<FlowId> {
        self.dropped.take()
    }

    fn seal(&mut self) {
        let Sealed { volume, covers } = self.builder.seal(&mut self.files);
        match volume {
            Ok(volume) => {
                if self.failed.take().is_some() {
                    tracing::info!("the search index can be written again");
                }
                self.shared.catalog().add(volume, covers);
                self.keep_budget();
            }
            Err(error) => {
                if self.failed.is_none() {
                    tracing::error!(
                        hint = "make room on that disk; searching works meanwhile, it takes longer",
                        "cannot write the search index to {}: {error}",
                        self.files.dir().display(),
                    );
                }
                self.failed = Some(Instant::now());
                self.lost = true;
            }
        }
        self.shared.set_disk(self.files.disk_bytes());
    }

    fn keep_budget(&mut self) {
        let mut catalog = self.shared.catalog();
        while catalog.memory() > self.budget.memory || self.files.disk_bytes() > self.budget.disk {
            let Some(volume) = catalog.drop_oldest() else {
                break;
            };
            self.builder.without(volume.number);
            let last = volume.slices.iter().map(|slice| slice.flow).max();
            self.dropped = self.dropped.max(last);
        }
    }
}
