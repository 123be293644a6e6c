//! From the values of the file to entries, and what is wrong with these.

use std::path::{Component, Path, PathBuf};

use ratel_core::options::parse::similar;
use ratel_core::options::{Key, RULE_OPTIONS, keys};
use ratel_flow::yaml::{Node, Place, Resolved, Shape};

use super::Flaw;

/// A text of the file.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) place: Place,
    pub(super) value: String,
}

/// An entry of the file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) name: Option<Text>,
    pub(super) on: bool,
    pub(super) filter: Option<Text>,
    pub(super) actions: Vec<Action>,
    /// There is something wrong with its names or values, so that what is missing is not said to be missing.
    pub(super) is_flawed: bool,
}

/// What an entry does, by the parts that its option separates.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) key: Key<Vec<String>>,
    pub(super) parts: Vec<Option<Text>>,
}

/// The names that an entry has beside those of actions.
const NAMES: [&str; 3] = ["name", "on", "filter"];

/// A reader of entries, with what it has found to be wrong.
pub(super) struct Reader<'a> {
    /// Where relative paths begin.
    pub(super) folder: &'a Path,
    pub(super) flaws: Vec<Flaw>,
}

/// A name of a map with its value.
type Pair<'n> = (&'n str, &'n Node, &'n Node);

impl Reader<'_> {
    /// All entries of a document that can be read.
    pub(super) fn document(&mut self, node: &Node) -> Vec<Entry> {
        let Shape::List(items) = &node.shape else {
            if node.resolved() != Some(Resolved::Null) {
                let flaw = Flaw::at(node.place, "this is no list of rules");
                self.flaws.push(flaw.hint("begin each rule with `- `"));
            }
            return Vec::new();
        };
        items.iter().filter_map(|item| self.entry(item)).collect()
    }

    fn entry(&mut self, node: &Node) -> Option<Entry> {
        let before = self.flaws.len();
        let pairs = self.pairs(
            node,
            "a rule",
            "`- filter: ~u /path`, and below it `fault: 503`",
        )?;
        let mut entry = Entry {
            place: node.place,
            name: None,
            on: true,
            filter: None,
            actions: Vec::new(),
            is_flawed: false,
        };
        for pair in &pairs {
            match *pair {
                ("name", _, value) => entry.name = self.text("name", value),
                ("on", _, value) => entry.on = self.switch(value),
                ("filter", _, value) => entry.filter = self.text("filter", value),
                _ => entry.actions.extend(self.action(*pair)),
            }
        }
        entry.is_flawed = self.flaws.len() > before;
        Some(entry)
    }

    /// The names and values of a map, without those that stand there twice.
    fn pairs<'n>(&mut self, node: &'n Node, what: &str, write: &str) -> Option<Vec<Pair<'n>>> {
        let Some(entries) = node.entries() else {
            let flaw = Flaw::at(node.place, format!("{what} is names with their values"));
            let is_joined = node.text().is_some_and(|text| text.contains(':'));
            self.flaws.push(match is_joined {
                true => flaw.hint("a blank stands behind the colon"),
                false => flaw.hint(format!("write {write}")),
            });
            return None;
        };
        let mut pairs: Vec<Pair<'n>> = Vec::new();
        for (name, value) in entries {
            match name.text() {
                Some(text) if pairs.iter().any(|(known, ..)| *known == text) => {
                    let what = format!("`{}` stands here for the second time", shown(text));
                    self.flaws.push(Flaw::at(name.place, what));
                }
                Some(text) => pairs.push((text, name, value)),
                None => self
                    .flaws
                    .push(Flaw::at(name.place, "a name is wanted here, `NAME: VALUE`")),
            }
        }
        Some(pairs)
    }

    fn action(&mut self, (name, place, value): Pair<'_>) -> Option<Action> {
        let Some(key) = RULE_OPTIONS.into_iter().find(|key| key.name() == name) else {
            let known = NAMES.into_iter().chain(RULE_OPTIONS.map(|key| key.name()));
            self.unknown("a rule", name, place.place, &known.collect::<Vec<_>>());
            return None;
        };
        let parts = if key.name() == keys::MODIFY_HEADERS.name() {
            self.parts(key, value, ["name", "value"], true)
        } else if key.name() == keys::MAP_LOCAL.name() {
            self.parts(key, value, ["find", "path"], false)
        } else if [keys::MODIFY_BODY.name(), keys::MAP_REMOTE.name()].contains(&key.name()) {
            // A forgotten replacement would take out what is found.
            self.parts(key, value, ["find", "replace"], false)
        } else {
            self.text(name, value).map(|text| vec![Some(text)])
        };
        let mut parts = parts?;
        let takes_file = [keys::MODIFY_HEADERS.name(), keys::MODIFY_BODY.name()];
        if let Some(Some(last)) = parts.last_mut() {
            if key.name() == keys::MAP_LOCAL.name() {
                last.value = beside(self.folder, &last.value);
            } else if takes_file.contains(&key.name())
                && let Some(path) = last.value.strip_prefix('@')
            {
                last.value = format!("@{}", beside(self.folder, path));
            }
        }
        Some(Action { key, parts })
    }

    /// The two values of an action; the second may be missing if it is `optional`.
    fn parts(
        &mut self,
        key: Key<Vec<String>>,
        node: &Node,
        names: [&str; 2],
        optional: bool,
    ) -> Option<Vec<Option<Text>>> {
        let [first, second] = names;
        let (action, place) = (key.name(), node.place);
        let write = format!("`{action}: {{{first}: ..., {second}: ...}}`");
        let before = self.flaws.len();
        let pairs = self.pairs(node, &format!("`{action}`"), &write)?;
        let mut parts = [None, None];
        for (name, place, value) in &pairs {
            let [one, other] = &mut parts;
            if *name == first {
                *one = self.text(name, value);
            } else if *name == second && !(optional && value.resolved() == Some(Resolved::Null)) {
                *other = self.text(name, value);
            } else if *name != second {
                self.unknown(&format!("`{action}`"), name, place.place, &names);
            }
        }
        let missing = match &parts {
            [None, _] => Some(first),
            [_, None] if !optional => Some(second),
            _ => None,
        };
        match missing {
            None => Some(parts.into()),
            Some(name) => {
                if self.flaws.len() == before {
                    let flaw = Flaw::at(place, format!("`{action}` has no `{name}`"));
                    self.flaws.push(flaw.hint(format!("write {write}")));
                }
                None
            }
        }
    }

    fn unknown(&mut self, of: &str, name: &str, place: Place, known: &[&str]) {
        let flaw = Flaw::at(place, format!("{of} has no `{}`", shown(name)));
        self.flaws.push(match similar(name, known.iter().copied()) {
            Some(similar) => flaw.hint(format!("did you mean `{similar}`?")),
            None => flaw.hint(format!("there are {}", known.join(", "))),
        });
    }

    fn text(&mut self, name: &str, node: &Node) -> Option<Text> {
        let mut flaw = |what: String, hint: &str| {
            self.flaws.push(Flaw::at(node.place, what).hint(hint));
            None
        };
        match (&node.shape, node.tag.as_deref(), node.resolved()) {
            (Shape::List(_) | Shape::Map(_), ..) => flaw(
                match name {
                    "throttle" => "`throttle` is one text, such as `3g latency=1s`".to_owned(),
                    "fault" => "`fault` is one text, such as `503 @ 20%`".to_owned(),
                    _ => format!("`{name}` is one text"),
                },
                "put single quotes round a value that begins with `[` or `{`",
            ),
            (_, Some(tag), _) if tag != "str" => flaw(
                format!("`!{}` is a tag of YAML here", shown(tag)),
                "put single quotes round the value",
            ),
            (_, _, Some(Resolved::Null)) => flaw(
                format!("`{name}` has no value"),
                "write one, or leave the line out; `~` alone is no value in YAML",
            ),
            (Shape::Scalar { text, .. }, ..) => Some(Text {
                place: node.place,
                value: text.clone(),
            }),
        }
    }

    fn switch(&mut self, node: &Node) -> bool {
        if let Some(Resolved::Bool(on)) = node.resolved() {
            return on;
        }
        let written = node.text().unwrap_or_default().to_ascii_lowercase();
        let meant = match &*written {
            "on" | "yes" | "y" | "true" | "1" => Some(true),
            "off" | "no" | "n" | "false" | "0" => Some(false),
            _ => None,
        };
        let flaw = Flaw::at(node.place, "`on` is `true` or `false`, without quotes");
        self.flaws.push(match meant {
            Some(meant) => flaw.hint(format!("write `on: {meant}`")),
            None => flaw,
        });
        true
    }
}

/// A text of the file as it is repeated.
fn shown(text: &str) -> String {
    /// No name that anybody means is longer.
    const SHOWN: usize = 60;
    text.escape_debug().take(SHOWN).collect()
}

/// The path as it is meant in a file of that folder. What begins with `~` is in the home.
fn beside(folder: &Path, path: &str) -> String {
    if path.is_empty() || path == "~" || path.starts_with("~/") {
        return path.to_owned();
    }
    let joined = folder.join(path);
    let plain = joined
        .components()
        .filter(|part| *part != Component::CurDir);
    let plain: PathBuf = plain.collect();
    match plain.to_str() {
        Some("") => ".".to_owned(),
        Some(plain) => plain.to_owned(),
        // A rule is text, so that it can have no such folder in it.
        None => path.to_owned(),
    }
}
