//! Which key runs which command, on which screen.
//!
//! The [`defaults`] are one table; `keys.yaml` and the commands `console.key.*` change a [`Keymap`] that is made from it. Keys,
//! help and the hints at the bottom all come from that.

pub mod defaults;
mod file;
mod key;

use std::borrow::Cow;

use ratel_core::commands::{self, CommandDef, lex};
use ratel_core::options::{self, OptionDef};

pub use file::{KeymapError, parse};
pub use key::{Key, NAMED};

/// The file with the user's own bindings, in the configuration folder.
pub(crate) const FILE: &str = "keys.yaml";

/// Where a binding holds. Looked up for the open screen first, then in what it is part of, then globally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// A list from which something is chosen.
    Chooser,
    /// The reference of commands.
    Commands,
    /// No screen: what the help lists first.
    CommonKey,
    /// The results of a command.
    DataViewer,
    /// A text that is edited on the screen. It has all keys: those that hold everywhere do not hold there.
    Editor,
    /// The event log.
    EventLog,
    /// The list of flows.
    FlowList,
    /// One flow.
    FlowView,
    /// Everywhere.
    Global,
    /// A table that is edited.
    GridEditor,
    /// The help.
    Help,
    /// The key bindings.
    KeyBindings,
    /// One message.
    Message,
    /// The messages of a flow.
    Messages,
    /// The options.
    Options,
    /// The rules.
    Rules,
    /// What a search through all flows has found.
    Search,
}

impl Context {
    /// All of them, by name.
    pub const ALL: [Self; 17] = [
        Self::Chooser,
        Self::Commands,
        Self::CommonKey,
        Self::DataViewer,
        Self::Editor,
        Self::EventLog,
        Self::FlowList,
        Self::FlowView,
        Self::Global,
        Self::GridEditor,
        Self::Help,
        Self::KeyBindings,
        Self::Message,
        Self::Messages,
        Self::Options,
        Self::Rules,
        Self::Search,
    ];

    /// The name in `keys.yaml` and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chooser => "chooser",
            Self::Commands => "commands",
            Self::CommonKey => "commonkey",
            Self::DataViewer => "dataviewer",
            Self::Editor => "editor",
            Self::EventLog => "eventlog",
            Self::FlowList => "flowlist",
            Self::FlowView => "flowview",
            Self::Global => "global",
            Self::GridEditor => "grideditor",
            Self::Help => "help",
            Self::KeyBindings => "keybindings",
            Self::Message => "message",
            Self::Messages => "messages",
            Self::Options => "options",
            Self::Rules => "rules",
            Self::Search => "search",
        }
    }

    /// The context of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|context| context.name() == name)
    }

    /// What the screen is called in the help.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Chooser => "choice",
            Self::Commands => "commands",
            Self::CommonKey | Self::Global => "every screen",
            Self::DataViewer => "results",
            Self::Editor => "text that is edited",
            Self::EventLog => "events",
            Self::FlowList => "flows",
            Self::FlowView => "flow",
            Self::GridEditor => "table",
            Self::Help => "help",
            Self::KeyBindings => "key bindings",
            Self::Message => "message",
            Self::Messages => "messages",
            Self::Options => "options",
            Self::Rules => "rules",
            Self::Search => "search",
        }
    }

    /// Where a key is looked up, in this order.
    fn chain(self) -> impl Iterator<Item = Self> {
        let part_of = matches!(self, Self::Messages | Self::Message).then_some(Self::FlowView);
        std::iter::once(self)
            .chain(part_of)
            .chain((!matches!(self, Self::Global | Self::Editor)).then_some(Self::Global))
    }
}

/// One key and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Where it holds.
    pub contexts: Vec<Context>,
    /// The key.
    pub key: Key,
    /// The command line that it runs.
    pub command: Cow<'static, str>,
    /// What that does, in a few words.
    pub help: Cow<'static, str>,
    /// One or two words for the bar at the bottom; empty if it is not mentioned there.
    pub hint: &'static str,
    /// It is not a default.
    pub own: bool,
}

impl Binding {
    /// Whether all that the line names is there: commands and options.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let words = lex::words(&self.command);
        let commands = words.iter().filter_map(|word| commands::def(&word.text));
        let options = words.iter().filter_map(|word| options::def(&word.text));
        commands.into_iter().all(CommandDef::is_available)
            && options.into_iter().all(OptionDef::is_available)
    }
}

/// All bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap(Vec<Binding>);

impl Default for Keymap {
    fn default() -> Self {
        let rows = defaults::ROWS.iter().flat_map(|row| {
            row.keys.iter().filter_map(|name| {
                Some(Binding {
                    contexts: row.contexts.to_vec(),
                    key: Key::parse(name)?,
                    command: row.command.into(),
                    help: row.help.into(),
                    hint: row.hint,
                    own: false,
                })
            })
        });
        Self(rows.collect())
    }
}

impl Keymap {
    /// All bindings.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.0
    }

    /// Binds a key, in the place of what it did there.
    pub fn bind(&mut self, contexts: &[Context], key: Key, command: &str, help: &str) {
        self.unbind(contexts, key);
        self.0.push(Binding {
            contexts: contexts.to_vec(),
            key,
            command: command.to_owned().into(),
            help: help.to_owned().into(),
            hint: "",
            own: true,
        });
    }

    /// Removes what a key does there; false if it does nothing there.
    pub fn unbind(&mut self, contexts: &[Context], key: Key) -> bool {
        let mut found = false;
        for binding in self.0.iter_mut().filter(|binding| binding.key == key) {
            let before = binding.contexts.len();
            binding
                .contexts
                .retain(|context| !contexts.contains(context));
            found |= binding.contexts.len() < before;
        }
        self.0.retain(|binding| !binding.contexts.is_empty());
        found
    }

    /// What a key does on a screen.
    #[must_use]
    pub fn lookup(&self, context: Context, key: Key) -> Option<&Binding> {
        let at = |place: Context| {
            let mut bound = self.0.iter().filter(|binding| binding.key == key);
            bound.find(|binding| binding.contexts.contains(&place))
        };
        // Whoever has bound a key everywhere did so where nothing but mitmproxy's own keys came first.
        let has_own = at(Context::Global).is_some_and(|binding| binding.own);
        context.chain().find_map(|place| {
            at(place).filter(|found| found.own || !has_own || defaults::is_mitmproxys(place, key))
        })
    }

    /// What keys do on a screen, by command: those of its own first, without what these hide.
    #[must_use]
    pub fn on(&self, context: Context) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> = Vec::new();
        for place in context.chain() {
            for binding in self.0.iter().filter(|b| b.contexts.contains(&place)) {
                // Another screen of the chain may have the key for itself.
                if self.lookup(context, binding.key) != Some(binding) {
                    continue;
                }
                // Or both have it by the same binding.
                let is_there = |line: &Line<'_>| {
                    line.binding.command == binding.command
                        && line.place != place
                        && line.keys.contains(&binding.key)
                };
                if lines.iter().any(is_there) {
                    continue;
                }
                let is_same = |line: &&mut Line<'_>| {
                    line.place == place
                        && line.binding.command == binding.command
                        && line.binding.help == binding.help
                };
                match lines.iter_mut().find(is_same) {
                    Some(line) => line.keys.push(binding.key),
                    None => lines.push(Line {
                        place,
                        binding,
                        keys: vec![binding.key],
                    }),
                }
            }
        }
        lines
    }

    /// The first key that runs that line on a screen.
    #[must_use]
    pub fn key_of(&self, context: Context, command: &str) -> Option<Key> {
        context.chain().find_map(|place| {
            let mut here = self
                .0
                .iter()
                .filter(|b| b.contexts.contains(&place) && b.command == command);
            here.find(|b| self.lookup(context, b.key) == Some(b))
                .map(|b| b.key)
        })
    }
}

/// What some keys do.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Where they are bound.
    pub place: Context,
    /// The binding of the first.
    pub binding: &'a Binding,
    /// The keys.
    pub keys: Vec<Key>,
}

#[cfg(test)]
mod tests;
