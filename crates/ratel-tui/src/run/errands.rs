//! Work on files, each on a thread of its own.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ratel_core::eventlog::EventLog;
use ratel_core::store::FlowStore;
use ratel_flow::redact::Redactor;

use crate::errand::{Errand, FlowFiles, Progress};

/// How often it is shown how far they are.
pub(super) const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// Errands under way.
#[derive(Debug, Default)]
pub(super) struct Errands {
    running: Vec<Running>,
    /// What was said of them last.
    said: Vec<String>,
}

#[derive(Debug)]
struct Running {
    errand: Arc<Errand>,
    progress: Arc<Progress>,
    thread: JoinHandle<()>,
}

impl Errands {
    /// Begins one.
    pub(super) fn begin(
        &mut self,
        errand: Errand,
        store: &FlowStore,
        files: &Arc<dyn FlowFiles>,
        redactor: &Redactor,
        log: &EventLog,
    ) -> io::Result<()> {
        let (errand, progress) = (Arc::new(errand), Arc::<Progress>::default());
        let (its, far) = (errand.clone(), progress.clone());
        let (store, files) = (store.clone(), files.clone());
        let (redactor, log) = (redactor.clone(), log.clone());
        let thread = thread::Builder::new()
            .name("ratel-errand".into())
            .spawn(move || {
                its.run(&store, &*files, &redactor, &far, &|level, text| {
                    log.push(level, text, None);
                });
            })?;
        self.running.push(Running {
            errand,
            progress,
            thread,
        });
        Ok(())
    }

    pub(super) fn are_under_way(&self) -> bool {
        !self.running.is_empty()
    }

    /// How far they are, if that differs from what was said before.
    pub(super) fn news(&mut self) -> Option<Vec<String>> {
        if self.running.is_empty() && self.said.is_empty() {
            return None;
        }
        self.running
            .retain(|running| !running.thread.is_finished() && !running.progress.has_ended());
        let texts: Vec<_> = self
            .running
            .iter()
            .map(|running| running.progress.text(&running.errand))
            .collect();
        (texts != self.said).then(|| {
            self.said.clone_from(&texts);
            texts
        })
    }

    /// Ends them: what is loaded is left where it is, what is saved is saved to its end.
    pub(super) fn finish(&mut self) {
        for running in self.running.drain(..) {
            running.progress.stop();
            // A thread that panicked has said so.
            let _ = running.thread.join();
        }
    }
}
