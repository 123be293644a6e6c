//! What the model asks for, done without threads and files.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use ratel_core::commands::{Candidate, CommandError, Executor as _, Output};
use ratel_core::eventlog::{Entry, Level, LogUpdate};
use ratel_core::files::FlowFiles;
use ratel_core::replay::{ClientReplay, ServerReplay};
use ratel_core::store::{FlowStore, StoreConfig, Update};
use ratel_core::view::Tree;
use ratel_flow::FlowId;
use ratel_tui::backend::Backend;
use ratel_tui::editing::{self, Begun};
use ratel_tui::errand::{Errand, Means, Progress, Replays};
use ratel_tui::msg::{Effect, Msg};
use ratel_tui::source::{self, Source as _};
use ratel_tui::update::update;

use super::ui::Ui;

impl Ui {
    /// Changes the model and does what it asks for, as the loop does.
    pub(crate) fn send(&mut self, msg: Msg) {
        let mut msgs = VecDeque::from([msg]);
        while let Some(msg) = msgs.pop_front() {
            for effect in update(&mut self.model, msg) {
                match effect {
                    effect @ (Effect::Page(_)
                    | Effect::Open(_)
                    | Effect::Tree(_)
                    | Effect::KeepTree(_)
                    | Effect::Fold(..)
                    | Effect::View(_)
                    | Effect::Log(_)
                    | Effect::ReadLog
                    | Effect::Search(..)
                    | Effect::Count(..)) => self.look(effect, &mut msgs),
                    // All else that has to do with files is begun as an errand.
                    Effect::Run(call, _)
                        if !self.with_files
                            && matches!(call.name(), "options.save" | "options.load") =>
                    {
                        self.asked.push(Effect::Run(call, None));
                    }
                    Effect::Run(call, focus) => {
                        let result = self.backend(focus, &mut msgs, |backend| backend.run(&call));
                        // What is removed once it has ended changes nothing yet.
                        let waits = call.name() == "view.flows.remove"
                            && matches!(result, Ok(Output::Flows(_)));
                        msgs.push_back(Msg::Ran(call, result));
                        let before = self.flows.list.len();
                        self.flows.apply();
                        let waits = waits && before == self.flows.list.len();
                        let values = self.options.snapshot();
                        if !Arc::ptr_eq(&self.values, &values) {
                            self.values = values.clone();
                            msgs.push_front(Msg::Options(values));
                        }
                        if !waits {
                            msgs.push_back(Msg::Store(Update::Resync));
                        }
                    }
                    Effect::Resolve(call, spec, focus) => {
                        let ids = self.backend(focus, &mut msgs, |backend| backend.resolve(&spec));
                        msgs.push_back(Msg::Resolved(call, ids));
                    }
                    Effect::Paths(typed) => {
                        let found = ["/tmp/flows/", "/tmp/flow.txt"].map(|text| Candidate {
                            text: text.into(),
                            help: String::new(),
                        });
                        let found = found
                            .into_iter()
                            .filter(|found| found.text.starts_with(&typed));
                        msgs.push_back(Msg::Paths(typed.clone(), found.collect()));
                    }
                    effect @ (Effect::EditOptions(..)
                    | Effect::Diff(..)
                    | Effect::Edit(..)
                    | Effect::SetText(..)
                    | Effect::EditText(..)
                    | Effect::SetRows(..)
                    | Effect::EditCell(_)) => self.edit(effect, &mut msgs),
                    Effect::Exists(path, words) => {
                        let exists = self.with_files && path.is_file();
                        msgs.push_back(Msg::Exists(path, words, exists));
                    }
                    Effect::CountHeld => {
                        msgs.push_back(Msg::Held(self.control.held_flows().len()));
                    }
                    Effect::CountLive => {
                        msgs.push_back(Msg::Live(self.control.live_flows().len()));
                    }
                    Effect::KeepHistory(line) => self.kept.push(line),
                    Effect::Suspend => self.suspended += 1,
                    Effect::Quit => self.quit = true,
                    effect => self.asked.push(effect),
                }
            }
        }
    }

    /// Does what has to do with what is seen: the list, open flows and the log.
    fn look(&mut self, effect: Effect, msgs: &mut VecDeque<Msg>) {
        match effect {
            Effect::Page(query) => msgs.push_back(Msg::Page(source::page(&self.flows, &query))),
            Effect::Open(query) => {
                msgs.push_back(Msg::Opened(Box::new(source::open(&self.flows, &query))))
            }
            Effect::Tree(query) => {
                let page = source::tree_page(&self.flows, &query);
                msgs.push_back(Msg::Tree(Box::new(page)));
            }
            Effect::KeepTree(wanted) => {
                *self.flows.tree.borrow_mut() = wanted.then(Tree::default);
                msgs.push_back(Msg::List);
            }
            Effect::Fold(branch, how) => {
                self.flows.tree(&mut |tree| tree.fold(branch, how));
                msgs.push_back(Msg::List);
            }
            Effect::View(settings) => {
                self.flows.settings = settings;
                msgs.push_back(Msg::List);
            }
            Effect::Log(text) => {
                let entry = Entry {
                    level: Level::Error,
                    timestamp: self.now,
                    message: text,
                    client: None,
                };
                self.log.push(entry.clone());
                msgs.push_back(Msg::Log(LogUpdate::Added(entry)));
            }
            Effect::ReadLog => msgs.push_back(Msg::LogRead(self.log.clone())),
            Effect::Search(id, place, from) => {
                let found = source::search(&self.flows, id, place, from);
                msgs.push_back(Msg::Found(id, place, found));
            }
            Effect::Count(id, place, from) => {
                let (from, done) = source::count(&self.flows, id, place, from);
                msgs.push_back(Msg::Counted(id, place, from, done));
            }
            effect => self.asked.push(effect),
        }
    }

    /// Does what has to do with parts of flows.
    fn edit(&mut self, effect: Effect, msgs: &mut VecDeque<Msg>) {
        let schemas = self.schemas.clone();
        match effect {
            Effect::EditOptions(call, id) => {
                let found = self.backend(Some(id), msgs, |backend| {
                    editing::options(backend, schemas.as_ref(), id)
                });
                msgs.push_back(Msg::EditOptions(call, found));
            }
            Effect::Diff(call, focus) => {
                let found = self.backend(focus, msgs, |backend| backend.diff(&call));
                msgs.push_back(Msg::Diffed(found));
            }
            Effect::Edit(id, part) => {
                let begun = self.backend(Some(id), msgs, |backend| {
                    editing::begin(backend, schemas.as_ref(), id, &part)
                });
                let text = match begun {
                    Ok(Begun::Text(text)) if !text.here => text,
                    begun => {
                        msgs.push_back(Msg::EditBegun(id, part, begun));
                        return;
                    }
                };
                let edited = self.editor.map(|editor| editor(&text.bytes));
                let changed = self.backend(Some(id), msgs, |backend| match edited {
                    Some(edited) => {
                        editing::finish(backend, schemas.as_ref(), id, &text.of, &edited)
                    }
                    None => Err(CommandError::failed("there is no editor")),
                });
                self.flows.apply();
                msgs.push_back(Msg::Edited(id, part, changed));
            }
            Effect::SetText(id, part, of, bytes) => {
                let changed = self.backend(Some(id), msgs, |backend| {
                    editing::finish(backend, schemas.as_ref(), id, &of, &bytes)
                });
                self.flows.apply();
                msgs.push_back(Msg::TextSet(id, part, changed));
            }
            Effect::EditText(_, _, bytes, _) => {
                let edited = self.editor.map(|editor| editor(&bytes));
                let edited = edited.ok_or_else(|| "there is no editor".to_owned());
                msgs.push_back(Msg::TextEdited(edited));
            }
            Effect::SetRows(id, part, rows) => {
                let changed = self.backend(Some(id), msgs, |backend| {
                    editing::set_rows(backend, id, part, &rows)
                });
                self.flows.apply();
                msgs.push_back(Msg::RowsSet(id, part, changed));
            }
            Effect::EditCell(bytes) if self.editor.is_some() => {
                let edited = self.editor.map(|editor| editor(&bytes));
                msgs.push_back(Msg::Cell(edited.ok_or_else(String::new)));
            }
            effect => self.asked.push(effect),
        }
    }

    fn backend<T>(
        &mut self,
        focus: Option<FlowId>,
        msgs: &mut VecDeque<Msg>,
        run: impl FnOnce(&mut Backend<'_>) -> T,
    ) -> T {
        let now = self.now;
        let (log, clipboard) = (&mut self.log, &mut self.clipboard);
        let cleared = Cell::new(false);
        let mut said = Vec::new();
        let mut begun: Vec<Errand> = Vec::new();
        let result = run(&mut Backend {
            flows: &self.flows,
            control: &self.control,
            redactor: &self.redactor,
            options: &self.options,
            focus,
            filters: Default::default(),
            schemas: self.schemas.as_ref(),
            copy: &mut |text| {
                *clipboard = String::from_utf8_lossy(text).into_owned();
                Ok(Some("copied to the clipboard".to_owned()))
            },
            log: &mut |level, text| {
                let entry = Entry {
                    level,
                    timestamp: now,
                    message: text.into(),
                    client: None,
                };
                said.push(entry);
            },
            clear_log: &mut || cleared.set(true),
            begin: &mut |errand| begun.push(errand),
            replays: replays(),
            browsers: &NoBrowsers,
            reading: false,
        });
        let begun = begun.into_iter().filter(|errand| {
            if !self.with_files {
                self.begun.push(errand.clone());
            }
            self.with_files
        });
        for errand in begun {
            let (progress, texts) = (Progress::default(), RefCell::new(Vec::new()));
            let means = Means {
                shelf: &self.flows,
                files: &FlowFiles::default(),
                redactor: &self.redactor,
                replays: replays(),
                log: &|level, text| {
                    texts.borrow_mut().push(Entry {
                        level,
                        timestamp: now,
                        message: text.into(),
                        client: None,
                    });
                },
            };
            errand.run(&means, &progress);
            said.extend(texts.into_inner());
        }
        if cleared.get() {
            log.clear();
            msgs.push_back(Msg::Log(LogUpdate::Resync));
        }
        for entry in said {
            log.push(entry.clone());
            msgs.push_back(Msg::Log(LogUpdate::Added(entry)));
        }
        result
    }
}

/// What sends requests again: of a store that has none.
fn replays() -> &'static Replays {
    static REPLAYS: OnceLock<Replays> = OnceLock::new();
    REPLAYS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FlowStore::start(StoreConfig {
            dir: folder.path().to_owned(),
            memory_bytes: 1 << 20,
            disk_bytes: 1 << 20,
        });
        let store = store.expect("a store");
        Replays {
            client: ClientReplay::new(store.clone(), FlowFiles::default()),
            server: ServerReplay::new(store, FlowFiles::default()),
        }
    })
}

/// Starts none, and says which.
#[derive(Debug)]
struct NoBrowsers;

impl ratel_core::browser::Browsers for NoBrowsers {
    fn start(&self, name: &str) -> Result<String, ratel_core::browser::BrowserError> {
        match name {
            "firefox" => Err(ratel_core::browser::BrowserError::NoProxy),
            name => Ok(format!("started {name}")),
        }
    }
}
