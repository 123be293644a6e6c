//! What the model asks for, done.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use ratel_core::commands::{Executor as _, history};
use ratel_core::eventlog::Level;
use ratel_core::options::{Values, keys};
use ratel_core::store::{Edit, EditError};
use ratel_flow::content::content;
use ratel_flow::filter::Filter;
use ratel_flow::{Annotations, FlowId, Record, Side};

use super::{Ended, Loop};
use crate::app::Exit;
use crate::backend::{Backend, Flows};
use crate::msg::{Effect, Msg};
use crate::source::{self, Viewed};
use crate::update::update;
use crate::{editing, external, files};

/// A longer body is not shown in another program, in bytes.
const BODY_MAX: u64 = 64 * 1024 * 1024;

impl Loop {
    /// Updates the model and does what it asks for.
    pub(super) fn send(&mut self, msg: Msg) -> io::Result<Ended> {
        let (mut next, mut msgs) = (Some(msg), VecDeque::new());
        while let Some(msg) = next.take().or_else(|| msgs.pop_front()) {
            for effect in update(&mut self.model, msg) {
                match effect {
                    Effect::Quit => return Ok(Some(Exit::Quit)),
                    effect => msgs.extend(self.perform(effect)?),
                }
            }
        }
        Ok(None)
    }

    /// Gives the terminal to the shell until somebody brings us back.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        let (width, height) = self.terminal.suspend()?;
        update(&mut self.model, Msg::Resize(width, height));
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> io::Result<Option<Msg>> {
        Ok(match effect {
            Effect::Page(query) => Some(Msg::Page(source::page(&self.flows, &query))),
            Effect::Tree(query) => {
                Some(Msg::Tree(Box::new(source::tree_page(&self.flows, &query))))
            }
            Effect::KeepTree(wanted) => {
                self.flows.view.keep_tree(wanted);
                None
            }
            Effect::Fold(branch, how) => {
                self.flows.view.tree(|tree| tree.fold(branch, how));
                None
            }
            Effect::Open(query) => Some(Msg::Opened(Box::new(source::open(&self.flows, &query)))),
            Effect::View(settings) => {
                self.flows.view.set(settings);
                None
            }
            Effect::ReadLog => Some(Msg::LogRead(self.event_log.entries())),
            Effect::Find(number, wanted) => {
                self.find(number, &wanted);
                None
            }
            Effect::EndFind => {
                self.finding = None;
                None
            }
            Effect::Search(..) | Effect::Count(..) => {
                self.pending.push_back(effect);
                None
            }
            Effect::Run(call, focus) => {
                let result = self.backend(focus, |backend| backend.run(&call));
                Some(Msg::Ran(call, result))
            }
            Effect::Resolve(call, spec, focus) => {
                let ids = self.backend(focus, |backend| backend.resolve(&spec));
                Some(Msg::Resolved(call, ids))
            }
            Effect::Paths(typed) => {
                let found = files::candidates(&typed, &self.options.snapshot());
                Some(Msg::Paths(typed, found))
            }
            effect @ (Effect::Log(_)
            | Effect::KeepHistory(_)
            | Effect::ForgetHistory
            | Effect::Write(..)) => {
                self.keep(&effect);
                None
            }
            Effect::ReadKeys(path) => {
                let text = files::read(&path);
                Some(Msg::KeysRead(path, text))
            }
            Effect::ReadCell(path, escaped) => Some(Msg::Cell(files::cell(&path, escaped))),
            effect @ (Effect::EditCell(_)
            | Effect::EditOptions(..)
            | Effect::Diff(..)
            | Effect::Edit(..)
            | Effect::SetText(..)
            | Effect::EditText(..)
            | Effect::SetRows(..)) => self.perform_edit(effect)?,
            Effect::ViewBody(id, response) => {
                self.view_body(id, response)?;
                None
            }
            effect @ (Effect::Exists(..) | Effect::CountHeld | Effect::CountLive) => {
                self.look_up(effect)
            }
            Effect::Suspend => {
                let (width, height) = self.terminal.suspend()?;
                Some(Msg::Resize(width, height))
            }
            Effect::Quit => None,
        })
    }

    /// Keeps what is to be found later, or forgets it.
    fn keep(&self, effect: &Effect) {
        match effect {
            Effect::Log(text) => self.log(Level::Error, text),
            Effect::KeepHistory(line) => self.keep_history(Some(line)),
            Effect::ForgetHistory => self.keep_history(None),
            Effect::Write(path, text) => self.write(path, text.as_bytes()),
            _ => {}
        }
    }

    /// What is to be known before a question is asked.
    fn look_up(&self, effect: Effect) -> Option<Msg> {
        match effect {
            Effect::Exists(path, words) => {
                let exists = files::is_file(&path);
                Some(Msg::Exists(path, words, exists))
            }
            Effect::CountHeld => Some(Msg::Held(self.control.held_flows().len())),
            Effect::CountLive => Some(Msg::Live(self.control.live_flows().len())),
            _ => None,
        }
    }

    /// Keeps a line of the prompt, or forgets all.
    fn keep_history(&self, line: Option<&str>) {
        let confdir = self.confdir();
        match line {
            Some(line) => {
                let kept = history::append(&confdir, line);
                self.log_failure("keep the history of the prompt", kept);
            }
            None => {
                let gone = history::delete(&confdir);
                self.log_failure("delete the history of the prompt", gone);
            }
        }
    }

    fn perform_edit(&mut self, effect: Effect) -> io::Result<Option<Msg>> {
        Ok(match effect {
            Effect::EditCell(bytes) => Some(Msg::Cell(self.edit(&bytes)?)),
            Effect::EditOptions(call, id) => {
                let schemas = self.model.schemas();
                let found = self.backend(Some(id), |backend| {
                    editing::options(backend, schemas.as_ref(), id)
                });
                Some(Msg::EditOptions(call, found))
            }
            Effect::Diff(call, focus) => {
                let found = self.backend(focus, |backend| backend.diff(&call));
                Some(Msg::Diffed(found))
            }
            Effect::Edit(id, part) => Some(self.edit_part(id, part)?),
            Effect::SetText(id, part, of, bytes) => Some(self.set_text(id, part, &of, &bytes)),
            Effect::EditText(id, part, bytes, extension) => {
                Some(self.edit_further(id, part, bytes, extension)?)
            }
            Effect::SetRows(id, part, rows) => {
                let changed = self.backend(Some(id), |backend| {
                    editing::set_rows(backend, id, part, &rows)
                });
                Some(Msg::RowsSet(id, part, changed))
            }
            _ => None,
        })
    }

    /// Does one step of what takes long.
    pub(super) fn step(&mut self) -> io::Result<Ended> {
        match self.pending.pop_front() {
            Some(Effect::Search(id, place, from)) => {
                let found = source::search(&self.flows, id, place, from);
                self.send(Msg::Found(id, place, found))
            }
            Some(Effect::Count(id, place, from)) => {
                let (from, done) = source::count(&self.flows, id, place, from);
                self.send(Msg::Counted(id, place, from, done))
            }
            _ => Ok(None),
        }
    }

    /// What options do to the terminal and the log.
    pub(super) fn follow_options(&mut self, values: &Values) -> io::Result<()> {
        let level = values.str(keys::CONSOLE_EVENTLOG_VERBOSITY);
        if let Some(level) =
            Level::from_name(level).filter(|level| *level != self.event_log.level())
        {
            self.event_log.set_level(level);
        }
        if values.list(keys::REDACT) != self.model.values.list(keys::REDACT) {
            // The rules were checked when they were set.
            if let Ok(redactor) = self.redactor.with_rules(values.list(keys::REDACT)) {
                self.redactor = redactor;
            }
        }
        self.terminal.set_mouse(values.bool(keys::CONSOLE_MOUSE))
    }

    pub(super) fn backend<T>(
        &mut self,
        focus: Option<FlowId>,
        run: impl FnOnce(&mut Backend<'_>) -> T,
    ) -> T {
        let Self {
            flows,
            control,
            redactor,
            options,
            terminal,
            clipboard,
            event_log,
            model,
            errands,
            tools,
            reading,
            browsers,
            ..
        } = self;
        run(&mut Backend {
            flows,
            control,
            redactor,
            options,
            focus,
            filters: model.filters(),
            schemas: model.schemas.as_ref(),
            copy: &mut |text| clipboard.copy(text, |text| terminal.copy(text), event_log),
            log: &mut |level, text| event_log.push(level, text, None),
            clear_log: &mut || event_log.clear(),
            begin: &mut |errand| {
                let begun = errands.begin(errand, &flows.store, tools, redactor, event_log);
                if let Err(error) = begun {
                    let text = format!("cannot start a thread: {error}");
                    event_log.push(Level::Error, &text, None);
                }
            },
            replays: &tools.replays,
            browsers: browsers.as_ref(),
            reading: reading.load(std::sync::atomic::Ordering::Relaxed),
        })
    }

    fn confdir(&self) -> std::path::PathBuf {
        self.options.snapshot().confdir()
    }

    fn log(&self, level: Level, text: &str) {
        self.event_log.push(level, text, None);
    }

    fn log_failure(&self, what: &str, result: io::Result<()>) {
        if let Err(error) = result {
            self.log(Level::Error, &format!("cannot {what}: {error}"));
        }
    }

    fn write(&self, path: &Path, text: &[u8]) {
        let shown = path.display();
        match files::write(path, text) {
            Ok(()) => self.log(Level::Alert, &format!("Written to {shown}.")),
            Err(error) => self.log(Level::Error, &format!("cannot write {shown}: {error}")),
        }
    }

    // Programs of the user's own

    /// Lets a program have the terminal.
    pub(super) fn away(
        &mut self,
        program: &[String],
        file: &Path,
    ) -> io::Result<Result<(), String>> {
        let name = program.first().map(String::as_str).unwrap_or_default();
        self.terminal.leave();
        self.terminal.say(&format!(
            "waiting for `{name}` to end; ratel's screen comes back then"
        ));
        let stop = &self.stop;
        let done = self
            .reader
            .paused(|| stop.while_away(|| external::run(program, file)));
        let (width, height) = self.terminal.come_back()?;
        update(&mut self.model, Msg::Resize(width, height));
        Ok(done)
    }

    /// Has a cell edited.
    fn edit(&mut self, bytes: &[u8]) -> io::Result<Result<Vec<u8>, String>> {
        let Some(program) = self.programs.editor.clone() else {
            return Ok(Err(no_program("EDITOR")));
        };
        let file = match external::temporary(bytes, ".txt") {
            Ok(file) => file,
            Err(why) => return Ok(Err(why)),
        };
        let done = self.away(&program, file.path())?;
        Ok(done
            .and_then(|()| external::edited(file.path()))
            .map(|mut edited| {
                external::drop_added_newline(bytes, &mut edited);
                edited
            }))
    }

    /// Shows a body, decoded.
    fn view_body(&mut self, id: FlowId, response: bool) -> io::Result<()> {
        let Some(program) = self.programs.viewer.clone() else {
            self.log(Level::Error, &no_program("PAGER"));
            return Ok(());
        };
        let file = self
            .body(id, response)
            .and_then(|(bytes, extension)| external::to_read(&bytes, extension));
        let shown = match file {
            Ok(file) => self.away(&program, file.path())?,
            Err(why) => Err(why),
        };
        if let Err(why) = shown {
            self.log(Level::Error, &why);
        }
        Ok(())
    }

    fn body(&self, id: FlowId, response: bool) -> Result<(Vec<u8>, &'static str), String> {
        let flow = self.flows.store.snapshot(id).ok_or("the flow is gone")?;
        let (side, len) = match response {
            true => (Side::Server, flow.response_body),
            false => (Side::Client, flow.request_body),
        };
        let headers = match response {
            true => flow.response.as_ref().map(|response| &response.headers),
            false => flow.request.as_ref().map(|request| &request.headers),
        };
        let headers = headers.ok_or("there is no such message")?;
        if len == 0 {
            return Err("the message has no body".into());
        }
        if len > BODY_MAX {
            return Err("the body is longer than 64 MiB".into());
        }
        let window = self
            .flows
            .store
            .body(id, side, 0..len)
            .ok_or("the body is gone")?;
        let limit = usize::try_from(BODY_MAX).unwrap_or(usize::MAX);
        let decoded = content(headers, &window.bytes, window.complete, limit);
        let kind = headers.get("content-type").map(String::from_utf8_lossy);
        Ok((
            decoded.bytes.into_owned(),
            external::extension(kind.as_deref()),
        ))
    }
}

pub(super) fn no_program(variable: &str) -> String {
    format!("there is no program for that; set the environment variable {variable}")
}

impl Flows for Viewed {
    fn record(&self, id: FlowId) -> Option<Record> {
        self.store.record(id)
    }

    fn all(&self) -> Vec<FlowId> {
        self.store.ids(0..usize::MAX)
    }

    fn matching(&self, ids: &[FlowId], filter: &Filter) -> Vec<FlowId> {
        self.store.matching(ids, filter)
    }

    fn annotate(&self, id: FlowId, change: &dyn Fn(&mut Annotations)) -> bool {
        self.store.annotate(id, change).is_some()
    }

    fn remove(&self, ids: &[FlowId]) -> usize {
        self.store.remove(ids)
    }

    fn edit(&self, id: FlowId, edit: &Edit) -> Result<(), EditError> {
        self.store.edit(id, edit)
    }

    fn add(&self, record: &Record) -> io::Result<FlowId> {
        self.store.import(record)
    }

    fn revert(&self, id: FlowId) -> Result<bool, EditError> {
        self.store.revert(id)
    }

    fn duplicate(&self, id: FlowId) -> io::Result<Option<FlowId>> {
        let Some(mut record) = self.store.record(id) else {
            return Ok(None);
        };
        record.id = ratel_flow::flow::next_uuid(0).into();
        self.store.import(&record).map(Some)
    }
}
