//! Which key does what, on which screen: one table, from which the screens, the help and the hints are made.

use std::fmt;

/// A key press, by the names that users know: `j`, `ctrl f`, `page down`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character.
    Char(char),
    /// A character with the control key.
    Ctrl(char),
    /// A character with the alt or meta key.
    Meta(char),
    /// Any other key, by its name.
    Named(&'static str),
}

/// The names of keys that are not characters.
pub const NAMED: &[&str] = &[
    "enter",
    "tab",
    "shift tab",
    "esc",
    "up",
    "down",
    "left",
    "right",
    "page up",
    "page down",
    "home",
    "end",
    "backspace",
    "delete",
];

impl Key {
    /// The key of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "space" {
            return Some(Self::Char(' '));
        }
        if let Some(known) = NAMED.iter().find(|known| **known == name) {
            return Some(Self::Named(known));
        }
        let (make, c): (fn(char) -> Self, _) = match name.split_once(' ') {
            Some(("ctrl", c)) => (Self::Ctrl, c),
            Some(("meta", c)) => (Self::Meta, c),
            _ => (Self::Char, name),
        };
        let mut chars = c.chars();
        Some(make(chars.next().filter(|_| chars.next().is_none())?))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(' ') => f.write_str("space"),
            Self::Char(c) => f.write_str(&crate::text::safe(&c.to_string())),
            Self::Ctrl(c) => write!(f, "ctrl {c}"),
            Self::Meta(c) => write!(f, "meta {c}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// Where a binding holds. Looked up for the open screen first, then globally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// The list of flows.
    FlowList,
    /// One flow.
    FlowView,
    /// The messages of a flow.
    Messages,
    /// One message.
    Message,
    /// The event log.
    EventLog,
    /// The help.
    Help,
    /// Everywhere.
    Global,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first row.
    Start,
    /// To the last row.
    End,
    /// Open what is focused.
    Select,
    /// The next tab.
    NextTab,
    /// The tab before.
    PrevTab,
    /// The next flow.
    NextFlow,
    /// The flow before.
    PrevFlow,
    /// The next message.
    NextMessage,
    /// The message before.
    PrevMessage,
    /// Toggle whether the newest flow, or message, is kept in focus.
    Follow,
    /// Open the event log.
    EventLog,
    /// Forget what is in the event log, after a question.
    ClearLog,
    /// Open the help.
    Help,
    /// Ask for a text to search for.
    Search,
    /// Go to the next place where it is.
    SearchNext,
    /// Go to the place before.
    SearchPrev,
    /// Show the message in another way.
    NextMode,
    /// Ask how bodies are to be shown.
    ChooseView,
    /// Ask what to make of the flow, and where to put that.
    Export,
    /// Close what is open; at the root ask whether to quit.
    Back,
    /// Quit at once.
    Quit,
    /// Ask whether to quit; quit when asked already.
    Interrupt,
    /// Stop the process until the shell brings it back.
    Suspend,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where it holds.
    pub contexts: &'static [Context],
    /// The keys, by name.
    pub keys: &'static [&'static str],
    /// What they do.
    pub action: Action,
    /// What they do, for the help.
    pub help: &'static str,
    /// One or two words for the bar at the bottom; empty if it is not mentioned there.
    pub hint: &'static str,
}

const fn bind(
    contexts: &'static [Context],
    keys: &'static [&'static str],
    action: Action,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    Binding {
        contexts,
        keys,
        action,
        help,
        hint,
    }
}

use Context::{EventLog, FlowList, FlowView, Global, Help, Message, Messages};

/// All key bindings.
pub const BINDINGS: &[Binding] = &[
    bind(
        &[FlowList],
        &["enter"],
        Action::Select,
        "open the flow",
        "Open",
    ),
    bind(
        &[FlowList],
        &["q", "esc"],
        Action::Back,
        "ask to quit",
        "Quit",
    ),
    bind(
        &[Messages],
        &["enter"],
        Action::Select,
        "open the message",
        "Open",
    ),
    bind(
        &[Message],
        &["space"],
        Action::NextMessage,
        "next message",
        "Next",
    ),
    bind(
        &[Message],
        &["p"],
        Action::PrevMessage,
        "message before",
        "Prev",
    ),
    bind(
        &[FlowView, Messages],
        &["tab", "l", "right"],
        Action::NextTab,
        "next tab",
        "Tabs",
    ),
    bind(
        &[FlowView, Messages],
        &["shift tab", "h", "left"],
        Action::PrevTab,
        "tab before",
        "",
    ),
    bind(
        &[FlowView, Messages],
        &["space"],
        Action::NextFlow,
        "next flow",
        "Next",
    ),
    bind(
        &[FlowView, Messages],
        &["p"],
        Action::PrevFlow,
        "flow before",
        "Prev",
    ),
    bind(
        &[FlowView, Messages, Message, EventLog, Help],
        &["/"],
        Action::Search,
        "search",
        "Search",
    ),
    bind(
        &[FlowView, Messages, Message, EventLog, Help],
        &["n"],
        Action::SearchNext,
        "next match",
        "",
    ),
    bind(
        &[FlowView, Messages, Message, EventLog, Help],
        &["N"],
        Action::SearchPrev,
        "match before",
        "",
    ),
    bind(
        &[FlowList, FlowView],
        &["F"],
        Action::Follow,
        "keep the newest flow in focus, or stop doing so",
        "Follow",
    ),
    bind(
        &[Messages],
        &["F"],
        Action::Follow,
        "keep the newest message in focus, or stop doing so",
        "Follow",
    ),
    bind(
        &[FlowView],
        &["m"],
        Action::ChooseView,
        "choose the view for the body",
        "",
    ),
    bind(
        &[FlowList, FlowView, Messages],
        &["x"],
        Action::Export,
        "export the flow as a command, a program or raw messages",
        "",
    ),
    bind(
        &[Message],
        &["m"],
        Action::NextMode,
        "show it as what it is, in hexadecimal, as text",
        "Mode",
    ),
    bind(
        &[EventLog],
        &["z"],
        Action::ClearLog,
        "clear the event log",
        "Clear",
    ),
    bind(&[Help], &["?"], Action::Back, "close the help", ""),
    bind(&[Global], &["?"], Action::Help, "this help", "Help"),
    bind(&[Global], &["E"], Action::EventLog, "event log", "Events"),
    bind(&[Global], &["k", "up"], Action::Up, "up", ""),
    bind(&[Global], &["j", "down"], Action::Down, "down", ""),
    bind(
        &[Global],
        &["page up", "ctrl b"],
        Action::PageUp,
        "page up",
        "",
    ),
    bind(
        &[Global],
        &["page down", "ctrl f", "space"],
        Action::PageDown,
        "page down",
        "",
    ),
    bind(&[Global], &["g", "home"], Action::Start, "to the start", ""),
    bind(&[Global], &["G", "end"], Action::End, "to the end", ""),
    bind(&[Global], &["q", "esc"], Action::Back, "back", "Back"),
    bind(&[Global], &["Q"], Action::Quit, "quit at once", ""),
    bind(
        &[Global],
        &["ctrl c"],
        Action::Interrupt,
        "ask to quit; twice quits",
        "",
    ),
    bind(
        &[Global],
        &["ctrl z"],
        Action::Suspend,
        "suspend; the shell's `fg` comes back",
        "",
    ),
];

/// What a key does on a screen.
#[must_use]
pub fn lookup(context: Context, key: Key) -> Option<Action> {
    [context, Global].into_iter().find_map(|context| {
        let mut here = BINDINGS
            .iter()
            .filter(|binding| binding.contexts.contains(&context));
        here.find(|binding| {
            binding
                .keys
                .iter()
                .any(|name| Key::parse(name) == Some(key))
        })
        .map(|binding| binding.action)
    })
}

/// The bindings to show for a screen with their keys: its own, then the global ones that these do not hide.
pub fn bindings(context: Context) -> impl Iterator<Item = (&'static Binding, Vec<&'static str>)> {
    let own = BINDINGS
        .iter()
        .filter(move |b| b.contexts.contains(&context))
        .map(|b| (b, b.keys.to_vec()));
    let global = BINDINGS
        .iter()
        .filter(|b| b.contexts.contains(&Global))
        .filter_map(move |b| {
            let hidden = |name: &str| {
                BINDINGS
                    .iter()
                    .any(|own| own.contexts.contains(&context) && own.keys.contains(&name))
            };
            let left = |name: &&&str| context == Global || !hidden(name);
            let keys: Vec<_> = b.keys.iter().filter(left).copied().collect();
            (!keys.is_empty()).then_some((b, keys))
        });
    own.chain(global)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_name_that_reads_back_and_help_is_short() {
        for binding in BINDINGS {
            assert!(
                !binding.help.is_empty() && !binding.help.ends_with('.'),
                "{binding:?}"
            );
            for name in binding.keys {
                let key = Key::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
                assert_eq!(key.to_string(), *name);
            }
        }
    }

    #[test]
    fn no_key_is_bound_twice_in_a_context() {
        for context in [
            FlowList, FlowView, Messages, Message, EventLog, Help, Global,
        ] {
            let mut seen = std::collections::BTreeSet::new();
            for binding in BINDINGS.iter().filter(|b| b.contexts.contains(&context)) {
                for key in binding.keys {
                    assert!(seen.insert(*key), "{key} is bound twice in {context:?}");
                }
            }
        }
    }

    #[test]
    fn a_screen_hides_global_keys() {
        assert_eq!(lookup(FlowList, Key::Char(' ')), Some(Action::PageDown));
        assert_eq!(lookup(FlowView, Key::Char(' ')), Some(Action::NextFlow));
        assert_eq!(lookup(FlowView, Key::Char('w')), None);
        let shown = bindings(FlowView)
            .find(|(b, _)| b.action == Action::PageDown)
            .unwrap()
            .1;
        assert_eq!(shown, ["page down", "ctrl f"]);
    }
}
