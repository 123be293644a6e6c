//! The current values: cheap snapshots for readers, checked batches for writers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::def::{Key, OptionDef, Size, Value};
use super::rules::{FileRules, Hits, RULE_OPTIONS, RuleBook, RuleState};
use super::{OptionsError, all, file, keys, parse, position};
use crate::ca;
use crate::mode::{self, ProxyMode};

/// All values at one moment. While a program runs, [`Options`] hands them out behind an `Arc` and they never change.
#[derive(Clone, Debug)]
pub struct Values {
    values: Vec<Value>,
    home: Option<PathBuf>,
    rules: RuleBook,
    /// The program takes the place of mitmproxy.
    as_mitmproxy: bool,
}

impl std::default::Default for Values {
    fn default() -> Self {
        Self {
            values: all().map(|def| def.default.to_value()).collect(),
            home: file::home(),
            rules: RuleBook::default(),
            as_mitmproxy: false,
        }
    }
}

impl Values {
    /// The defaults with another configuration folder and home directory, which is what a leading `~` stands for.
    pub fn with_folders(confdir: &str, home: Option<&Path>) -> Self {
        let mut values = Self::default();
        values.values[keys::CONFDIR.index] = Value::Str(confdir.to_owned());
        values.home = home.map(Path::to_path_buf);
        values
    }

    /// Says that the program was called by a name of mitmproxy's, so that others look for mitmproxy's files.
    #[must_use]
    pub fn as_mitmproxy(mut self) -> Self {
        self.as_mitmproxy = true;
        self
    }

    /// What the names of the files begin with that a certificate authority gets when it is made in the configuration folder.
    pub fn ca_base(&self) -> &'static str {
        let is_theirs = self
            .confdir()
            .file_name()
            .is_some_and(|name| name == ".mitmproxy");
        match self.as_mitmproxy || is_theirs {
            true => ca::MITMPROXY_BASE,
            false => ca::BASE,
        }
    }

    /// Changes one option of values that nobody else sees yet.
    ///
    /// # Errors
    /// When the name is unknown, its feature is not there, or the value does not fit.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), OptionsError> {
        let (index, def) = known(name)?;
        refuse_planned(def, Some(&value))?;
        check(def, &value)?;
        // A filter that is set is in force.
        if index == keys::INTERCEPT.index {
            let set = matches!(value, Value::OptStr(Some(_)));
            self.values[keys::INTERCEPT_ACTIVE.index] = Value::Bool(set);
        }
        self.values[index] = value;
        if let Value::List(rules) = &self.values[index] {
            self.rules.forget(def.name, rules);
        }
        Ok(())
    }

    /// Whether a switch is on.
    pub fn bool(&self, key: Key<bool>) -> bool {
        matches!(self.values[key.index], Value::Bool(true))
    }

    /// A number.
    pub fn int(&self, key: Key<i64>) -> i64 {
        match self.values[key.index] {
            Value::Int(value) => value,
            _ => 0,
        }
    }

    /// A number of seconds.
    pub fn seconds(&self, key: Key<i64>) -> Duration {
        Duration::from_secs(self.int(key).try_into().unwrap_or(0))
    }

    /// A number that may be unset.
    pub fn opt_int(&self, key: Key<Option<i64>>) -> Option<i64> {
        match self.values[key.index] {
            Value::OptInt(value) => value,
            _ => None,
        }
    }

    /// Text, possibly empty.
    pub fn str(&self, key: Key<String>) -> &str {
        match &self.values[key.index] {
            Value::Str(value) => value,
            _ => "",
        }
    }

    /// Text that may be unset.
    pub fn opt_str(&self, key: Key<Option<String>>) -> Option<&str> {
        match &self.values[key.index] {
            Value::OptStr(value) => value.as_deref(),
            _ => None,
        }
    }

    /// Any number of texts.
    pub fn list(&self, key: Key<Vec<String>>) -> &[String] {
        match &self.values[key.index] {
            Value::List(value) => value,
            _ => &[],
        }
    }

    /// The rules of an option that are in force, and those that the file of rules adds to them.
    pub fn rules(&self, key: Key<Vec<String>>) -> impl Iterator<Item = &String> {
        self.rules.in_force(key.name(), self.list(key))
    }

    /// All rules, whether they are in force or not.
    pub fn all_rules(&self) -> Vec<RuleState> {
        let states = |key: Key<Vec<String>>| self.rules.states(key.name(), self.list(key));
        RULE_OPTIONS.into_iter().flat_map(states).collect()
    }

    /// What counts for a rule of that option.
    pub fn hits(&self, key: Key<Vec<String>>, spec: &str) -> Hits {
        self.rules.hits(key.name(), spec)
    }

    /// Takes the rules of a file in place of those of the file before.
    pub fn set_file_rules(&mut self, rules: FileRules) {
        self.rules.set_file(rules);
    }

    /// A number of bytes.
    pub fn size(&self, key: Key<Size>) -> u64 {
        match &self.values[key.index] {
            Value::Str(text) => parse::size(text).unwrap_or(0),
            _ => 0,
        }
    }

    /// A number of bytes that may be unset.
    pub fn opt_size(&self, key: Key<Option<String>>) -> Option<u64> {
        self.opt_str(key).and_then(|text| parse::size(text).ok())
    }

    /// A file or folder, with a leading `~` expanded.
    pub fn path(&self, key: Key<String>) -> PathBuf {
        self.expand(self.str(key))
    }

    /// A file or folder that may be unset, with a leading `~` expanded.
    pub fn opt_path(&self, key: Key<Option<String>>) -> Option<PathBuf> {
        self.opt_str(key).map(|path| self.expand(path))
    }

    /// The configuration folder, with a leading `~` expanded.
    pub fn confdir(&self) -> PathBuf {
        self.path(keys::CONFDIR)
    }

    /// The option `listen_port` as a port.
    pub fn listen_port(&self) -> Option<u16> {
        self.opt_int(keys::LISTEN_PORT)
            .and_then(|port| port.try_into().ok())
    }

    /// The modes to run. They were checked when the options were set.
    pub fn modes(&self) -> Vec<ProxyMode> {
        self.parse_modes().unwrap_or_default()
    }

    /// The value of any option, by its name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        position(name).map(|index| &self.values[index])
    }

    /// A path with a leading `~` expanded.
    pub fn expand(&self, path: &str) -> PathBuf {
        file::expand(path, self.home.as_deref())
    }

    fn parse_modes(&self) -> Result<Vec<ProxyMode>, mode::ModeError> {
        mode::parse_all(
            self.list(keys::MODE),
            self.str(keys::LISTEN_HOST),
            self.listen_port(),
        )
    }

    /// What no option can check alone.
    fn check(&self) -> Result<(), OptionsError> {
        self.parse_modes()?;
        Ok(())
    }
}

type Subscriber = Box<dyn Fn(&Values, &[&str]) -> Result<(), String> + Send + Sync>;

type Watcher = Box<dyn Fn() + Send + Sync>;

struct Shared {
    current: ArcSwap<Values>,
    /// Who is told after a change.
    watchers: Mutex<Vec<Watcher>>,
    /// Held by the one writer for the whole of a change.
    subscribers: Mutex<Vec<Subscriber>>,
}

/// The options of a running program; clones share them.
#[derive(Clone)]
pub struct Options(Arc<Shared>);

/// What of a file was not set.
#[derive(Debug)]
pub struct Loaded {
    /// Options that it has otherwise, and that are looked at when a program starts.
    pub kept: Vec<&'static str>,
    /// Lines that are about something else.
    pub passed_over: Vec<file::FileError>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Options").field(&self.snapshot()).finish()
    }
}

impl std::default::Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// All options at their defaults.
    pub fn new() -> Self {
        Self::wrap(Values::default())
    }

    /// The options of a program that starts with these values.
    ///
    /// # Errors
    /// When values that are right by themselves do not go together.
    pub fn with(values: Values) -> Result<Self, OptionsError> {
        values.check()?;
        Ok(Self::wrap(values))
    }

    fn wrap(values: Values) -> Self {
        Self(Arc::new(Shared {
            current: ArcSwap::from_pointee(values),
            watchers: Mutex::new(Vec::new()),
            subscribers: Mutex::new(Vec::new()),
        }))
    }

    /// The values as they are at this moment; costs one reference count.
    pub fn snapshot(&self) -> Arc<Values> {
        self.0.current.load_full()
    }

    /// Asks `subscriber` about every later change, with the values to be and the names of the options that differ.
    ///
    /// A subscriber that returns an error has its sentence shown and the whole batch undone; it and those asked before
    /// it are then called once more with the values that stay. It must not change options itself.
    pub fn subscribe(
        &self,
        subscriber: impl Fn(&Values, &[&str]) -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.0
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(subscriber));
    }

    /// Calls `watcher` after every later change, when [`snapshot`](Self::snapshot) has it. It must neither block nor change
    /// options itself.
    pub fn watch(&self, watcher: impl Fn() + Send + Sync + 'static) {
        let mut watchers = self
            .0
            .watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        watchers.push(Box::new(watcher));
    }

    /// Changes several options at once, or none.
    ///
    /// # Errors
    /// When a name is unknown, its feature is not there, a value is wrong, or a subscriber rejects the change.
    pub fn update<N: AsRef<str>>(
        &self,
        batch: impl IntoIterator<Item = (N, Value)>,
    ) -> Result<(), OptionsError> {
        self.change(|after| {
            for (name, value) in batch {
                after.set(name.as_ref(), value)?;
            }
            after.check()
        })
    }

    /// Takes the rules of a file in place of those of the file before. The options to which they belong count as changed.
    ///
    /// # Errors
    /// When a subscriber rejects the change; the rules before stay.
    pub fn set_file_rules(&self, rules: FileRules) -> Result<(), OptionsError> {
        self.change(|after| {
            after.set_file_rules(rules);
            Ok(())
        })
    }

    /// Turns the switch of a rule; the option to which it belongs counts as changed.
    ///
    /// # Errors
    /// When a subscriber rejects the change; the switch stays as it was.
    pub fn switch_rule(&self, rule: &RuleState, on: bool) -> Result<(), OptionsError> {
        self.change(|after| {
            after.rules.turn(rule.option, &rule.spec, on);
            Ok(())
        })
    }

    fn change(
        &self,
        edit: impl FnOnce(&mut Values) -> Result<(), OptionsError>,
    ) -> Result<(), OptionsError> {
        let subscribers = self
            .0
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = self.snapshot();
        let mut after = Values::clone(&before);
        edit(&mut after)?;
        let ruled: Vec<&str> = RULE_OPTIONS
            .into_iter()
            .filter(|key| !before.rules(*key).eq(after.rules(*key)))
            .map(Key::name)
            .collect();
        let changed: Vec<&str> = all()
            .zip(before.values.iter().zip(&after.values))
            .filter_map(|(def, (old, new))| {
                (old != new || ruled.contains(&def.name)).then_some(def.name)
            })
            .collect();
        if changed.is_empty() {
            // What is switched off may have come or gone.
            self.0.current.store(Arc::new(after));
            return Ok(());
        }
        for (asked, subscriber) in subscribers.iter().enumerate() {
            if let Err(message) = subscriber(&after, &changed) {
                for subscriber in &subscribers[..=asked] {
                    // The old values were accepted once; there is nothing better to go back to.
                    let _ = subscriber(&before, &changed);
                }
                return Err(OptionsError::Rejected { message });
            }
        }
        self.0.current.store(Arc::new(after));
        let watchers = self
            .0
            .watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for watcher in watchers.iter() {
            watcher();
        }
        Ok(())
    }

    /// Sets what a configuration file says, all or none, but for options that are looked at when a program starts.
    ///
    /// # Errors
    /// When it cannot be read, a line is wrong, or a subscriber rejects the change.
    pub fn load(&self, path: &Path) -> Result<Loaded, file::FileError> {
        let before = self.snapshot();
        let mut values = Values::clone(&before);
        let file::Said { names, passed_over } = values.load_file(path)?;
        let at_start = |name: &&str| super::def(name).is_some_and(|def| def.at_start);
        let (mut kept, names): (Vec<_>, Vec<_>) = names.into_iter().partition(at_start);
        kept.retain(|name| values.get(name) != before.get(name));
        let batch = names
            .into_iter()
            .filter_map(|name| Some((name, values.get(name)?.clone())));
        self.update(batch)
            .map_err(|error| file::FileError::new(path, error))?;
        let passed_over = passed_over.into_iter().map(|line| line.of(path)).collect();
        Ok(Loaded { kept, passed_over })
    }

    /// Applies `name=value` specifications as `--set` takes them, all or none.
    ///
    /// # Errors
    /// As [`update`](Self::update), or when a specification cannot be read.
    pub fn set<S: AsRef<str>>(&self, specs: &[S]) -> Result<(), OptionsError> {
        let batch = parse::specs(specs, &self.snapshot())?;
        self.update(batch)
    }
}

/// Refuses an option whose feature is not there, but for the value that it has anyway: files that mitmproxy has written name
/// all options, and such a line asks for nothing. Nor does one that switches a protocol off that nobody speaks yet.
pub(super) fn refuse_planned(def: &OptionDef, value: Option<&Value>) -> Result<(), OptionsError> {
    match def.availability {
        _ if def.name == keys::HTTP3.name() && value == Some(&Value::Bool(false)) => Ok(()),
        super::Availability::Planned(what) if value != Some(&def.default.to_value()) => {
            Err(OptionsError::Planned {
                name: def.name,
                what,
            })
        }
        _ => Ok(()),
    }
}

/// The declaration of an option, whether it can be used or not.
pub(super) fn known(name: &str) -> Result<(usize, &'static OptionDef), OptionsError> {
    let index = position(name).ok_or_else(|| OptionsError::unknown(name))?;
    let def = all()
        .nth(index)
        .ok_or_else(|| OptionsError::unknown(name))?;
    Ok((index, def))
}

/// The declaration of an option that can be used.
pub(super) fn find(name: &str) -> Result<(usize, &'static OptionDef), OptionsError> {
    let (index, def) = known(name)?;
    refuse_planned(def, None)?;
    Ok((index, def))
}

fn check(def: &'static OptionDef, value: &Value) -> Result<(), OptionsError> {
    let invalid = |reason: String| OptionsError::Invalid {
        name: def.name,
        reason,
    };
    if !def.default.accepts(value) {
        return Err(invalid(format!(
            "not a value of type {}",
            def.default.type_name()
        )));
    }
    if !def.choices.is_empty() {
        let texts: &[String] = match value {
            Value::Str(text) | Value::OptStr(Some(text)) => std::slice::from_ref(text),
            Value::List(texts) => texts,
            _ => &[],
        };
        if let Some(text) = texts
            .iter()
            .find(|text| !def.choices.contains(&text.as_str()))
        {
            return Err(invalid(format!(
                "'{text}' is not one of {}",
                def.choices.join(", ")
            )));
        }
    }
    if let (super::def::Default::Size(_), Value::Str(text)) = (def.default, value) {
        parse::size(text).map_err(invalid)?;
    }
    def.check
        .map_or(Ok(()), |check| check(value))
        .map_err(invalid)
}

#[cfg(test)]
mod tests;
