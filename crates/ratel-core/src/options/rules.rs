//! Rules by themselves: each can be switched off and on, and counts for what it did something.
//!
//! A *rule* is one text of an option such as `modify_headers`, or an entry of the file of rules, which is another way to
//! write one. Its switch is turned beside the option and the file, so that both stay as they are.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::def::Key;
use super::keys;

/// The options whose values are rules, in the order of the list of rules.
pub const RULE_OPTIONS: [Key<Vec<String>>; 7] = [
    keys::BLOCK_LIST,
    keys::MAP_REMOTE,
    keys::MAP_LOCAL,
    keys::MODIFY_BODY,
    keys::MODIFY_HEADERS,
    keys::THROTTLE,
    keys::FAULT,
];

/// With so many counters, those of rules that are not in force are forgotten.
const COUNTED: usize = 4096;

/// A rule of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRule {
    /// What the file calls it.
    pub name: Option<String>,
    /// The option that does what it says.
    pub option: &'static str,
    /// The rule as that option takes it.
    pub spec: String,
    /// Whether the file has it switched on.
    pub on: bool,
}

/// The rules of the file, in its order.
pub type FileRules = Vec<FileRule>;

/// How often a rule did something. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Hits(Arc<AtomicU64>);

impl Hits {
    /// Once more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A rule as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleState {
    /// What the file calls it.
    pub name: Option<String>,
    /// The option that does what it says.
    pub option: &'static str,
    /// The rule as that option takes it.
    pub spec: String,
    /// Whether it is in force.
    pub on: bool,
    /// Whether it stands in the file of rules.
    pub in_file: bool,
    /// How often it did something.
    pub hits: u64,
}

impl RuleState {
    /// What commands call it: its name, else its option and its text.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("{} {}", self.option, self.spec),
        }
    }
}

type RuleKey = (&'static str, String);

/// What is known of rules beside the options that have them.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleBook {
    file: Arc<FileRules>,
    /// Switches that were turned.
    turned: Arc<BTreeMap<RuleKey, bool>>,
    /// Shared by all values of a program, so that a rule goes on counting when others change.
    hits: Arc<Mutex<HashMap<RuleKey, Hits>>>,
}

impl RuleBook {
    /// Those of an option's rules that are in force, its own first.
    pub(super) fn in_force<'a>(
        &'a self,
        option: &'static str,
        own: &'a [String],
    ) -> impl Iterator<Item = &'a String> {
        let of_file = self.file.iter().filter(move |rule| rule.option == option);
        let own = own.iter().map(|spec| (spec, true));
        own.chain(of_file.map(|rule| (&rule.spec, rule.on)))
            .filter(move |(spec, on)| self.is_on(option, spec, *on))
            .map(|(spec, _)| spec)
    }

    fn is_on(&self, option: &'static str, spec: &str, unless_turned: bool) -> bool {
        if self.turned.is_empty() {
            return unless_turned;
        }
        let turned = self.turned.get(&(option, spec.to_owned()));
        turned.copied().unwrap_or(unless_turned)
    }

    /// An option's rules as they are, its own first.
    pub(super) fn states(&self, option: &'static str, own: &[String]) -> Vec<RuleState> {
        let state = |name: Option<&String>, spec: &String, on, in_file| RuleState {
            name: name.cloned(),
            option,
            spec: spec.clone(),
            on: self.is_on(option, spec, on),
            in_file,
            hits: self.hits(option, spec).count(),
        };
        let of_file = self.file.iter().filter(|rule| rule.option == option);
        own.iter()
            .map(|spec| state(None, spec, true, false))
            .chain(of_file.map(|rule| state(rule.name.as_ref(), &rule.spec, rule.on, true)))
            .collect()
    }

    /// What counts for a rule.
    pub(super) fn hits(&self, option: &'static str, spec: &str) -> Hits {
        let mut hits = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
        if hits.len() >= COUNTED {
            // Nobody counts with these.
            hits.retain(|_, one| Arc::strong_count(&one.0) > 1);
        }
        hits.entry((option, spec.to_owned())).or_default().clone()
    }

    /// Turns a rule's switch.
    pub(super) fn turn(&mut self, option: &'static str, spec: &str, on: bool) {
        Arc::make_mut(&mut self.turned).insert((option, spec.to_owned()), on);
    }

    /// Takes the rules of a file in place of those of the file before. Where the file has turned a switch, it has the last
    /// word.
    pub(super) fn set_file(&mut self, rules: FileRules) {
        let before = std::mem::replace(&mut self.file, Arc::new(rules));
        let switch = |rules: &FileRules, (option, spec): &RuleKey| {
            let mut same = rules
                .iter()
                .filter(|rule| (rule.option, &rule.spec) == (*option, spec));
            same.next().map(|rule| rule.on)
        };
        let file = self.file.clone();
        Arc::make_mut(&mut self.turned).retain(|key, _| switch(&before, key) == switch(&file, key));
    }

    /// Forgets the switches of rules that an option, or the file, no longer has.
    pub(super) fn forget(&mut self, option: &'static str, own: &[String]) {
        let stands = |spec: &String| {
            own.contains(spec)
                || self
                    .file
                    .iter()
                    .any(|rule| rule.option == option && rule.spec == *spec)
        };
        let gone = |(of, spec): &RuleKey| *of == option && !stands(spec);
        if self.turned.keys().any(gone) {
            let mut turned = BTreeMap::clone(&self.turned);
            turned.retain(|key, _| !gone(key));
            self.turned = Arc::new(turned);
        }
    }
}
