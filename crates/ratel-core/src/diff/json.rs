//! JSON as a tree: what differs, each with the path to it. Values are compared as they are written, so that a number too
//! large for a machine differs from its neighbour.

use std::collections::HashMap;
use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::{Change, LINES_MAX, Line};

/// Deeper nesting is not looked into; the text is compared line by line then.
const DEPTH: usize = 100;

/// A longer value is cut, in bytes.
const VALUE_MAX: usize = 400;

/// A value: a piece of the text.
#[derive(Debug)]
enum Node<'a> {
    Scalar(&'a str),
    List(Vec<Node<'a>>),
    Object(Vec<(&'a str, Node<'a>)>),
}

/// A value that is not the same on both sides, or is on one of them alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Names and numbers from the top to it.
    pub(crate) path: String,
    pub(crate) old: Option<Value>,
    pub(crate) new: Option<Value>,
}

/// A value as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// Cut where it is long.
    pub(crate) text: String,
    /// Whether it has values in it.
    pub(crate) is_nested: bool,
}

/// What differs; none where one of the two is no JSON with something in it.
pub(super) fn diff(old: &[u8], new: &[u8], until: Instant) -> Option<Vec<Line>> {
    let found = differences(old, new, until)?;
    let mut lines = Vec::new();
    for Difference { path, old, new } in found {
        let sides = [(Change::Removed, old), (Change::Added, new)];
        for (change, value) in sides {
            lines.extend(value.map(|value| Line::new(change, format!("{path}: {}", value.text))));
        }
    }
    if lines.is_empty() {
        lines.push(Line::remark("the same JSON, written in another way"));
    }
    if lines.len() > LINES_MAX {
        lines.truncate(LINES_MAX);
        lines.push(Line::remark("and more"));
    }
    Some(lines)
}

/// The values that differ, not many more than [`LINES_MAX`]; none where one of the two is no JSON with something in it.
pub(crate) fn differences(old: &[u8], new: &[u8], until: Instant) -> Option<Vec<Difference>> {
    let (old, new) = (parse(old)?, parse(new)?);
    if matches!((&old, &new), (Node::Scalar(_), Node::Scalar(_))) {
        return None;
    }
    let mut work = Work {
        found: Vec::new(),
        until,
    };
    work.compare("", &old, &new);
    Some(work.found)
}

struct Work {
    found: Vec<Difference>,
    until: Instant,
}

impl Work {
    fn compare(&mut self, path: &str, old: &Node<'_>, new: &Node<'_>) {
        if self.found.len() > LINES_MAX {
            return;
        }
        match (old, new) {
            (Node::Object(old), Node::Object(new)) => self.objects(path, old, new),
            (Node::List(old), Node::List(new)) => self.lists(path, old, new),
            (old, new) => {
                let (before, after) = (old.written(), new.written());
                if before != after {
                    self.say(path, Some(old), Some(new));
                }
            }
        }
    }

    fn objects(&mut self, path: &str, old: &[(&str, Node<'_>)], new: &[(&str, Node<'_>)]) {
        // Of names that are there twice, the last one counts.
        let of_new: HashMap<&str, &Node<'_>> =
            new.iter().map(|(name, value)| (*name, value)).collect();
        let of_old: HashMap<&str, &Node<'_>> =
            old.iter().map(|(name, value)| (*name, value)).collect();
        for (name, value) in old {
            let path = joined(path, name);
            match of_new.get(name) {
                Some(other) => self.compare(&path, value, other),
                None => self.say(&path, Some(value), None),
            }
        }
        for (name, value) in new.iter().filter(|(name, _)| !of_old.contains_key(name)) {
            self.say(&joined(path, name), None, Some(value));
        }
    }

    fn lists(&mut self, path: &str, old: &[Node<'_>], new: &[Node<'_>]) {
        let written = |list: &[Node<'_>]| list.iter().map(Node::written).collect::<Vec<_>>();
        let (before, after) = (written(old), written(new));
        let until = Some(self.until);
        let ops = capture_diff_slices_deadline(Algorithm::Myers, &before, &after, until);
        for op in ops {
            if matches!(op, DiffOp::Equal { .. }) {
                continue;
            }
            let (removed, added) = (op.old_range(), op.new_range());
            let both = removed.len().min(added.len());
            for nth in 0..removed.len().max(added.len()) {
                let (from, to) = (removed.start + nth, added.start + nth);
                let at = format!("{path}[{}]", if nth < removed.len() { from } else { to });
                match (old.get(from), new.get(to)) {
                    (Some(old), Some(new)) if nth < both => self.compare(&at, old, new),
                    (Some(old), _) if nth < removed.len() => self.say(&at, Some(old), None),
                    (_, Some(new)) => self.say(&at, None, Some(new)),
                    _ => {}
                }
            }
        }
    }

    fn say(&mut self, path: &str, old: Option<&Node<'_>>, new: Option<&Node<'_>>) {
        let path = if path.is_empty() { "." } else { path };
        self.found.push(Difference {
            path: path.to_owned(),
            old: old.map(Node::value),
            new: new.map(Node::value),
        });
    }
}

/// The path of a member. Names that are plain words stand without quotes.
fn joined(path: &str, name: &str) -> String {
    let plain = name.trim_matches('"');
    let is_word = !plain.is_empty()
        && plain
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    match (is_word, path.is_empty()) {
        (true, true) => plain.to_owned(),
        (true, false) => format!("{path}.{plain}"),
        (false, _) => format!("{path}[{name}]"),
    }
}

impl Node<'_> {
    /// The value in one way of writing: no space, members in order.
    fn written(&self) -> String {
        let mut out = String::new();
        self.write(true, &mut out);
        out
    }

    /// The value as it is shown: no space, members as they come.
    fn value(&self) -> Value {
        let mut text = String::new();
        self.write(false, &mut text);
        if text.len() > VALUE_MAX {
            text.truncate(text.floor_char_boundary(VALUE_MAX));
            text.push('…');
        }
        Value {
            text,
            is_nested: !matches!(self, Self::Scalar(_)),
        }
    }

    fn write(&self, in_order: bool, out: &mut String) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (nth, item) in items.iter().enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    item.write(in_order, out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                if in_order {
                    sorted.sort_by_key(|(name, _)| *name);
                }
                out.push('{');
                for (nth, (name, value)) in sorted.into_iter().enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    out.push_str(name);
                    out.push(':');
                    value.write(in_order, out);
                }
                out.push('}');
            }
        }
    }
}

/// The tree of a text that is JSON.
fn parse(text: &[u8]) -> Option<Node<'_>> {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).ok()?;
    let text = str::from_utf8(text).ok()?;
    let (node, _) = value(text.trim_ascii_start(), DEPTH)?;
    Some(node)
}

/// A value, and what follows it. The text is known to be JSON, so that little has to be looked at.
fn value(text: &str, depth: usize) -> Option<(Node<'_>, &str)> {
    let depth = depth.checked_sub(1)?;
    if let Some(mut rest) = text.strip_prefix('[') {
        let mut items = Vec::new();
        loop {
            rest = rest.trim_ascii_start();
            if let Some(rest) = rest.strip_prefix(']') {
                return Some((Node::List(items), rest));
            }
            let (item, after) = value(rest, depth)?;
            items.push(item);
            rest = after.trim_ascii_start();
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
    }
    if let Some(mut rest) = text.strip_prefix('{') {
        let mut members = Vec::new();
        loop {
            rest = rest.trim_ascii_start();
            if let Some(rest) = rest.strip_prefix('}') {
                return Some((Node::Object(members), rest));
            }
            let (name, after) = rest.split_at(scalar(rest));
            let after = after.trim_ascii_start().strip_prefix(':')?;
            let (member, after) = value(after.trim_ascii_start(), depth)?;
            members.push((name, member));
            rest = after.trim_ascii_start();
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
    }
    let end = scalar(text);
    if end == 0 {
        return None;
    }
    let (scalar, rest) = text.split_at(end);
    Some((Node::Scalar(scalar), rest))
}

/// Bytes of the string, number or word at the start.
fn scalar(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        let is_end = |b: &u8| matches!(b, b',' | b']' | b'}' | b':') || b.is_ascii_whitespace();
        return bytes.iter().position(is_end).unwrap_or(bytes.len());
    }
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}
