//! Commands that are about flows and options rather than about this screen. They are carried out where the flows are.

mod cut;
mod diff;
pub(crate) mod edit;
mod held;
pub(crate) mod messages;
mod replay;
mod rules;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use ratel_core::browser::Browsers;
use ratel_core::commands::{Call, CommandError, Executor, FlowSpec, Output};
use ratel_core::control::{Control, FlowCommand};
use ratel_core::eventlog::Level;
use ratel_core::options::{self, Options, OptionsError, Value};
use ratel_core::store::{Edit, EditError};
use ratel_flow::export::{ExportOptions, export_record};
use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::format::{size, with_hint};
use ratel_flow::redact::Redactor;
use ratel_flow::{Annotations, FlowId, MessageKind, Record};
use ratel_views::Schemas;

use crate::errand::{Errand, Form, Replays};
use crate::export;
use crate::source::Source;

pub use diff::Differences;

/// What is said where no flow is meant.
const NO_FLOWS: &str = "there are no flows there";

/// More flows than this are not taken for connections when these are counted.
const COUNTABLE: usize = 100_000;

/// Flows that can be changed.
pub trait Flows: Source {
    /// All flows, in the order of their creation.
    fn all(&self) -> Vec<FlowId>;
    /// A whole flow; none if it is gone, or has no head.
    fn record(&self, id: FlowId) -> Option<Record>;
    /// Those of the flows that match.
    fn matching(&self, ids: &[FlowId], filter: &Filter) -> Vec<FlowId>;
    /// Changes what is said of a flow; false if it is gone.
    fn annotate(&self, id: FlowId, change: &dyn Fn(&mut Annotations)) -> bool;
    /// Takes finished flows out; how many went.
    fn remove(&self, ids: &[FlowId]) -> usize;
    /// Changes what was exchanged in a finished flow.
    ///
    /// # Errors
    /// When it is gone, or goes on.
    fn edit(&self, id: FlowId, edit: &Edit) -> Result<(), EditError>;
    /// Adds a flow.
    ///
    /// # Errors
    /// When it cannot be recorded.
    fn add(&self, record: &Record) -> io::Result<FlowId>;
    /// Makes a flow what it was before it was changed; false if it was not.
    ///
    /// # Errors
    /// When it is gone, or goes on.
    fn revert(&self, id: FlowId) -> Result<bool, EditError>;
    /// Adds a copy of a flow.
    ///
    /// # Errors
    /// When a part of it cannot be read.
    fn duplicate(&self, id: FlowId) -> io::Result<Option<FlowId>>;
}

/// What carries commands out.
pub struct Backend<'a> {
    /// The flows.
    pub flows: &'a dyn Flows,
    /// The way to live flows.
    pub control: &'a Control,
    /// Takes secrets out of what is exported.
    pub redactor: &'a Redactor,
    /// The options.
    pub options: &'a Options,
    /// The flow in focus.
    pub focus: Option<FlowId>,
    /// How filters are read.
    pub filters: FilterOptions,
    /// What is known about protobuf messages.
    pub schemas: Option<&'a Schemas>,
    /// Puts bytes into the clipboard. Gives what is to be said of it; none if that is logged later.
    pub copy: &'a mut dyn FnMut(&[u8]) -> io::Result<Option<String>>,
    /// Tells the user what was done.
    pub log: &'a mut dyn FnMut(Level, &str),
    /// Forgets what is in the event log.
    pub clear_log: &'a mut dyn FnMut(),
    /// What sends requests again, and what plays responses.
    pub replays: &'a Replays,
    /// Starts browsers.
    pub browsers: &'a dyn Browsers,
    /// Begins what takes its time.
    pub begin: &'a mut dyn FnMut(Errand),
    /// The files of the option `rfile` are being read.
    pub reading: bool,
}

type Done = Result<Output, CommandError>;

impl Executor for Backend<'_> {
    fn run(&mut self, call: &Call) -> Done {
        let name = call.name();
        match name {
            "set" => self.set(call),
            "options.reset" => self.reset(),
            "options.reset.one" => self.reset_one(call.str(0)),
            "options.set.next" => self.set_for_next_start(call),
            "options.save" => self.save_options(call.path(0)),
            "options.load" => self.load_options(call.path(0)),
            "eventstore.clear" => {
                (self.clear_log)();
                Ok(Output::Nothing)
            }
            "export" => {
                let text = self.exported(call)?;
                Ok(Output::Str(String::from_utf8_lossy(&text).into_owned()))
            }
            "export.clip" => self.export_to_clipboard(call),
            "export.file" => self.export_to_file(call),
            "flow.mark" => self.mark(call),
            "flow.mark.toggle" => self.annotate(call, &|said| {
                let mark = if said.marked.is_empty() {
                    ":default:"
                } else {
                    ""
                };
                said.marked = mark.into();
            }),
            "flow.comment" => {
                let comment = call.str(1).to_owned();
                self.annotate(call, &|said| said.comment = comment.as_str().into())
            }
            "flow.revert" => self.revert(call),
            "flow.set" => self.set_attribute(call),
            "flow.decode" => self.decode(call),
            "flow.encode" => self.encode(call),
            "flow.encode.toggle" => self.toggle_encoding(call),
            "inject.websocket" if call.bool(3) => self.inject(call, MessageKind::Text),
            "inject.websocket" => self.inject(call, MessageKind::Binary),
            "inject.tcp" | "inject.udp" => self.inject(call, MessageKind::Data),
            "view.flows.create" => self.create(call),
            "flow.resume" => self.resume(call),
            "view.focus.held" => self.next_held(),
            "readfile.reading" => Ok(Output::Bool(self.reading)),
            "flow.kill" => self.kill(call),
            "view.flows.resolve" => Ok(Output::Flows(self.resolve(call.flows(0))?)),
            "view.flows.remove" => {
                let ids = self.resolve(call.flows(0))?;
                self.end_and_remove(&ids)
            }
            "view.flows.duplicate" => self.duplicate(call),
            "view.clear" => {
                let ids = self.flows.all();
                self.remove(&ids)
            }
            "view.clear_unmarked" => {
                let ids = self.resolve(&FlowSpec::Unmarked)?;
                self.remove(&ids)
            }
            "browser.start" => {
                let started = self.browsers.start(call.str(0));
                let text = started.map_err(|error| CommandError::Failed(error.to_string()))?;
                self.alert(&text);
                Ok(Output::Nothing)
            }
            "proxyserver.active_connections" => Ok(Output::Int(self.connections())),
            _ => self.run_beside(call),
        }
    }

    fn resolve(&mut self, spec: &FlowSpec) -> Result<Vec<FlowId>, CommandError> {
        let flows = self.flows;
        let marked = |wanted: bool| {
            let is_marked = |id: &FlowId| {
                let row = flows.summary(*id);
                let said = row.and_then(|row| row.annotations);
                said.is_some_and(|said| !said.marked.is_empty()) == wanted
            };
            flows.all().into_iter().filter(is_marked).collect()
        };
        Ok(match spec {
            FlowSpec::All => flows.all(),
            FlowSpec::Focus => self.focus.into_iter().collect(),
            FlowSpec::Shown => flows.ids(0..usize::MAX),
            FlowSpec::Hidden => {
                let shown: HashSet<_> = flows.ids(0..usize::MAX).into_iter().collect();
                flows
                    .all()
                    .into_iter()
                    .filter(|id| !shown.contains(id))
                    .collect()
            }
            FlowSpec::Marked => marked(true),
            FlowSpec::Unmarked => marked(false),
            FlowSpec::Ids(ids) => self.by_ids(ids)?,
            FlowSpec::Filter(source) => {
                let filter = Filter::parse(source, self.filters);
                let filter = filter.map_err(|error| CommandError::Failed(error.to_string()))?;
                flows.matching(&flows.all(), &filter)
            }
        })
    }
}

impl Backend<'_> {
    /// Commands that have to do with files and replay.
    fn run_beside(&mut self, call: &Call) -> Done {
        match call.name() {
            "save.file" => self.save(call, Form::Flows),
            "save.har" => self.save(call, Form::Har),
            "view.flows.load" => {
                let path = named(call.path(0), "load")?.to_owned();
                (self.begin)(Errand::Load { path });
                Ok(Output::Nothing)
            }
            "replay.client" => self.send_again(call),
            "replay.client.count" => Ok(Output::Int(replay::number(self.replays.client.count()))),
            "replay.client.file" => self.send_file(call),
            "replay.client.stop" => self.stop_sending(),
            "replay.server" => self.play(call, false),
            "replay.server.add" => self.play(call, true),
            "replay.server.count" => Ok(Output::Int(replay::number(self.replays.server.count()))),
            "replay.server.file" => self.play_file(call),
            "replay.server.stop" => self.stop_playing(),
            "flow.message.drop" => self.drop_messages(call),
            "flow.message.resume" => self.resume_messages(call),
            "inject.message" => self.inject_message(call),
            "rules.list" => self.list_rules(),
            "rules.names" => self.name_rules(),
            "rules.toggle" => self.toggle_rule(call),
            "cut" => self.cut(call),
            "cut.clip" => self.cut_to_clipboard(call),
            "cut.save" => self.cut_to_file(call),
            name => Err(CommandError::Failed(format!("`{name}` does nothing here"))),
        }
    }
}

impl Backend<'_> {
    fn by_ids(&self, ids: &[String]) -> Result<Vec<FlowId>, CommandError> {
        let find = |id: &String| {
            let found = match id.parse() {
                Ok(number) => Some(FlowId(number)).filter(|id| self.flows.summary(*id).is_some()),
                Err(_) => self.flows.all().into_iter().find(|flow| {
                    let flow = self.flows.snapshot(*flow);
                    flow.is_some_and(|flow| *flow.file_id == **id)
                }),
            };
            found.ok_or_else(|| CommandError::Failed(format!("there is no flow {id}")))
        };
        ids.iter().map(find).collect()
    }

    fn alert(&mut self, text: &str) {
        (self.log)(Level::Alert, text);
    }

    // Options

    fn set(&mut self, call: &Call) -> Done {
        let (name, values) = assigned(call.str(0), &call.rest(1));
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let unset = is_unset(name, &values);
        let specs = specs(name, &values);
        self.options.set(&specs).map_err(|error| refused(&error))?;
        // Whoever sets a filter for what is held back wants that to happen.
        if name == "intercept" {
            let active = !unset && !values.is_empty();
            let batch = [("intercept_active", Value::Bool(active))];
            self.options
                .update(batch)
                .map_err(|error| refused(&error))?;
        }
        if name == "intercept_active" || (name == "intercept" && unset) {
            return Ok(Output::Str(self.intercepting()));
        }
        Ok(Output::Nothing)
    }

    /// Has an option in the file that the program starts with.
    fn set_for_next_start(&mut self, call: &Call) -> Done {
        let (name, values) = assigned(call.str(0), &call.rest(1));
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        if name == options::keys::CONFDIR.name() {
            let why =
                "the file of options is found through confdir: start with `--set confdir=PATH`";
            return Err(CommandError::failed(why));
        }
        let path = self.config_file(Path::new(""));
        let saved = self
            .options
            .snapshot()
            .save_some(&path, &specs(name, &values));
        saved.map_err(|error| CommandError::Failed(error.to_string()))?;
        let shown = path.display();
        self.alert(&format!("{name} is kept in {shown} for the next start"));
        Ok(Output::Nothing)
    }

    /// Gives all options their defaults, but for those that cannot change any more.
    fn reset(&mut self) -> Done {
        let values = self.options.snapshot();
        let is_changed =
            |name: &str, default: &Value| values.get(name).is_some_and(|value| value != default);
        let mut kept = Vec::new();
        let mut batch = Vec::new();
        for def in options::all().filter(|def| def.is_available()) {
            let default = def.default.to_value();
            if !is_changed(def.name, &default) {
                continue;
            }
            if def.at_start {
                kept.push(def.name);
            } else {
                batch.push((def.name, default));
            }
        }
        self.options
            .update(batch)
            .map_err(|error| refused(&error))?;
        if !kept.is_empty() {
            let text = format!("{} cannot change before the next start", kept.join(", "));
            (self.log)(Level::Info, &text);
        }
        Ok(Output::Str("all options have their defaults".into()))
    }

    fn reset_one(&mut self, name: &str) -> Done {
        let def = options::find(name).map_err(|error| refused(&error))?;
        let batch = [(def.name, def.default.to_value())];
        self.options
            .update(batch)
            .map_err(|error| refused(&error))?;
        Ok(Output::Str(format!("{name} has its default")))
    }

    fn save_options(&mut self, path: &Path) -> Done {
        let path = self.config_file(path);
        let values = self.options.snapshot();
        values
            .save(&path)
            .map_err(|error| CommandError::Failed(with_hint(&error, error.hint())))?;
        self.alert(&format!("Saved options to {}.", path.display()));
        Ok(Output::Nothing)
    }

    fn load_options(&mut self, path: &Path) -> Done {
        let path = self.config_file(path);
        let loaded = self
            .options
            .load(&path)
            .map_err(|error| CommandError::Failed(with_hint(&error, error.hint())))?;
        for line in &loaded.passed_over {
            (self.log)(Level::Warn, &line.passed_over());
        }
        let (shown, kept) = (path.display(), loaded.kept);
        if kept.is_empty() {
            self.alert(&format!("Loaded options from {shown}."));
        } else {
            let kept = kept.join(", ");
            let text =
                format!("Loaded options from {shown}; {kept} cannot change before the next start.");
            (self.log)(Level::Warn, &text);
        }
        Ok(Output::Nothing)
    }

    /// The file that is meant: without a name the one in the configuration folder.
    fn config_file(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() {
            self.options
                .snapshot()
                .confdir()
                .join(options::file::NAMES[0])
        } else {
            path.to_owned()
        }
    }

    // Files

    fn save(&mut self, call: &Call, form: Form) -> Done {
        let path = named(call.path(1), "save to")?;
        let (path, form) = match path.to_str().and_then(|path| path.strip_prefix('+')) {
            Some(rest) if form == Form::Flows => {
                let path = self.options.snapshot().expand(rest);
                (named(&path, "save to")?.to_owned(), Form::MoreFlows)
            }
            _ => (path.to_owned(), form),
        };
        let flows = self.resolve(call.flows(0))?;
        if flows.is_empty() {
            return Err(CommandError::failed("there are no flows to save"));
        }
        (self.begin)(Errand::Save { flows, path, form });
        Ok(Output::Nothing)
    }

    // Exports

    fn exported(&mut self, call: &Call) -> Result<Vec<u8>, CommandError> {
        let id = self.resolve_one(call.flows(1))?;
        let format = export::format(call.str(0)).map_err(CommandError::Failed)?;
        let gone = || CommandError::Failed("the flow was dropped to make room".to_owned());
        let record = self.flows.record(id).ok_or_else(gone)?;
        let values = self.options.snapshot();
        let options = ExportOptions {
            preserve_original_ip: values.bool(options::keys::EXPORT_PRESERVE_ORIGINAL_IP),
            insecure: values.bool(options::keys::SSL_INSECURE),
        };
        export_record(format, &self.redactor.redact(&record), options)
            .map_err(|error| CommandError::Failed(error.to_string()))
    }

    fn export_to_clipboard(&mut self, call: &Call) -> Done {
        let text = self.exported(call)?;
        self.copy(&text)
    }

    fn copy(&mut self, text: &[u8]) -> Done {
        let bytes = size(text.len() as u64);
        if text.len() > export::CLIPBOARD_MAX {
            let text = format!("{bytes} are too many for the clipboard; write them to a file");
            return Err(CommandError::Failed(text));
        }
        let said = (self.copy)(text).map_err(|error| {
            CommandError::Failed(format!("cannot reach the clipboard: {error}"))
        })?;
        Ok(said.map_or(Output::Nothing, Output::Str))
    }

    fn export_to_file(&mut self, call: &Call) -> Done {
        let text = self.exported(call)?;
        let path = named(call.path(2), "write to")?.to_owned();
        (self.begin)(Errand::Export { text, path });
        Ok(Output::Nothing)
    }

    // Flows

    fn annotate(&mut self, call: &Call, change: &dyn Fn(&mut Annotations)) -> Done {
        let ids = self.resolve(call.flows(0))?;
        for id in &ids {
            self.flows.annotate(*id, change);
        }
        Ok(match ids.is_empty() {
            true => Output::Str(NO_FLOWS.into()),
            false => Output::Nothing,
        })
    }

    fn mark(&mut self, call: &Call) -> Done {
        let marker = call.str(1).to_owned();
        if marker.is_empty() {
            let meant = self.resolve(call.flows(0))?;
            let marked = self.resolve(&FlowSpec::Marked)?;
            if !meant.iter().any(|id| marked.contains(id)) {
                return Ok(Output::Str("no flow has a mark there".into()));
            }
        }
        self.annotate(call, &|said| said.marked = marker.as_str().into())
    }

    fn revert(&mut self, call: &Call) -> Done {
        let mut count = 0;
        for id in self.resolve(call.flows(0))? {
            // What is held is changed where it is held; the record of what is over, in the store.
            if let Ok(reverted) = self.control.revert(id) {
                count += usize::from(reverted);
                continue;
            }
            match self.flows.revert(id) {
                Ok(reverted) => count += usize::from(reverted),
                Err(EditError::Live(_)) => {
                    let text = format!(
                        "flow {id} goes on, and nothing of it is held back: what was changed can be undone when it has ended"
                    );
                    return Err(CommandError::Failed(text));
                }
                Err(EditError::Gone(_)) => {}
            }
        }
        self.alert(&format!("Reverted {}.", flows(count)));
        Ok(Output::Nothing)
    }

    /// Takes out flows that have ended. Those that go on are told to end, and come back: they can be taken out then.
    fn end_and_remove(&mut self, ids: &[FlowId]) -> Done {
        let flows = self.flows;
        // One that has just ended may not be recorded as such yet.
        let is_live = |id: &FlowId| flows.summary(*id).is_some_and(|row| row.state.is_live());
        let is_ending =
            |id: &FlowId| self.control.send(*id, FlowCommand::Kill).is_ok() || is_live(id);
        let (ending, ended): (Vec<_>, Vec<_>) = ids.iter().copied().partition(is_ending);
        if ending.is_empty() {
            return self.remove(&ended);
        }
        if !ended.is_empty() {
            self.remove(&ended)?;
        }
        Ok(Output::Flows(ending))
    }

    fn remove(&mut self, ids: &[FlowId]) -> Done {
        if ids.is_empty() {
            return Ok(Output::Str(NO_FLOWS.into()));
        }
        let gone = self.flows.remove(ids);
        let live = ids.len() - gone;
        match live {
            0 if gone > 1 => {
                self.alert(&format!("Removed {gone} flows"));
                Ok(Output::Nothing)
            }
            0 if gone == 1 => Ok(Output::Str("removed 1 flow".into())),
            0 => Ok(Output::Nothing),
            1 if gone == 0 => Ok(Output::Str(
                "a flow that goes on stays until it has ended".into(),
            )),
            _ => Ok(Output::Str(format!(
                "{gone} flows removed; {live} that go on stay until they have ended"
            ))),
        }
    }

    fn duplicate(&mut self, call: &Call) -> Done {
        let mut copies = Vec::new();
        for id in self.resolve(call.flows(0))? {
            let copy = self.flows.duplicate(id);
            copies.extend(copy.map_err(|error| {
                CommandError::Failed(format!("flow {id} cannot be read: {error}"))
            })?);
        }
        self.alert(&format!("Duplicated {}.", flows(copies.len())));
        Ok(Output::Flows(copies))
    }

    /// How many clients have a live flow.
    fn connections(&self) -> i64 {
        let all = self.flows.all();
        let recent = all.iter().rev().take(COUNTABLE);
        let live = recent
            .filter_map(|id| self.flows.summary(*id))
            .filter(|row| row.state.is_live());
        let clients: HashSet<_> = live.map(|row| row.client_conn.id).collect();
        i64::try_from(clients.len()).unwrap_or(i64::MAX)
    }
}

/// An empty text unsets what may be unset, as the prompt has it when nothing stands between the quotes.
fn is_unset(name: &str, values: &[&str]) -> bool {
    let default = options::def(name).map(|def| def.default);
    values == [""] && matches!(default, Some(options::Default::OptStr(_)))
}

fn is_list(name: &str) -> bool {
    let def = options::def(name);
    def.is_some_and(|def| matches!(def.default, options::Default::List(_)))
}

/// The option that is set, and to what. Of `NAME=VALUE` the value goes as far as the line.
fn assigned<'a>(name: &'a str, values: &[&str]) -> (&'a str, Vec<String>) {
    let parts = name.split_once('=');
    match parts.filter(|(option, _)| options::def(option).is_some()) {
        Some((option, first)) => {
            let words = std::iter::once(&first).chain(values);
            let words: Vec<&str> = words.copied().filter(|word| !word.is_empty()).collect();
            (option, vec![words.join(" ")])
        }
        None => (
            name,
            values.iter().map(|value| (*value).to_owned()).collect(),
        ),
    }
}

/// What is typed behind `set`, as specifications.
fn specs(name: &str, values: &[&str]) -> Vec<String> {
    match values {
        [] => vec![name.to_owned()],
        _ if is_unset(name, values) => vec![name.to_owned()],
        // A filter needs no quotes round it.
        [_, _, ..] if !is_list(name) => vec![format!("{name}={}", values.join(" "))],
        values => values
            .iter()
            .map(|value| format!("{name}={value}"))
            .collect(),
    }
}

fn flows(count: usize) -> String {
    match count {
        1 => "1 flow".to_owned(),
        count => format!("{count} flows"),
    }
}

/// The path, if there is one.
fn named<'a>(path: &'a Path, what: &str) -> Result<&'a Path, CommandError> {
    match path.as_os_str().is_empty() {
        true => Err(CommandError::Failed(format!("name a file to {what}"))),
        false => Ok(path),
    }
}

fn refused(error: &OptionsError) -> CommandError {
    CommandError::Failed(error.with_hint())
}
