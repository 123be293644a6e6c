//! Work on files, each on a thread of its own.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ratel_core::eventlog::EventLog;
use ratel_core::files::FlowFiles;
use ratel_core::store::FlowStore;
use ratel_flow::redact::Redactor;

use crate::errand::{Errand, Means, Progress, Replays};

/// How often it is shown how far they are.
pub(super) const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// What errands are done with.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    pub(super) files: FlowFiles,
    pub(super) replays: Replays,
}

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
        tools: &Tools,
        redactor: &Redactor,
        log: &EventLog,
    ) -> io::Result<()> {
        let (errand, progress) = (Arc::new(errand), Arc::<Progress>::default());
        let (its, far) = (errand.clone(), progress.clone());
        let (store, tools) = (store.clone(), tools.clone());
        let (redactor, log) = (redactor.clone(), log.clone());
        let thread = thread::Builder::new()
            .name("ratel-errand".into())
            .spawn(move || {
                let means = Means {
                    shelf: &store,
                    files: &tools.files,
                    redactor: &redactor,
                    replays: &tools.replays,
                    log: &|level, text| {
                        log.push(level, text, None);
                    },
                };
                its.run(&means, &far);
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

    /// How far they are, and what is replayed, if that differs from what was said before.
    pub(super) fn news(&mut self, replays: &Replays) -> Option<Vec<String>> {
        self.running
            .retain(|running| !running.thread.is_finished() && !running.progress.has_ended());
        let replayed = [
            ("cplayback", replays.client.count()),
            ("splayback", replays.server.count()),
        ];
        let replayed = replayed.into_iter().filter(|(_, count)| *count > 0);
        let mut texts: Vec<_> = replayed
            .map(|(what, count)| format!("{what}:{count}"))
            .collect();
        let running = self.running.iter();
        texts.extend(running.map(|running| running.progress.text(&running.errand)));
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
