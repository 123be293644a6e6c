//! Maps, lists and values in blocks (YAML 1.2 §8).

use std::collections::HashMap;

use ratel_flow::format;

use super::scalar::{scalar, text};
use crate::{Class, Sink};

/// Spaces for each level.
const STEP: usize = 2;

/// A longer name is announced, since readers look no further for the colon (§8.2.2).
const NAME_MAX: usize = 1000;

/// Where a value is to be written, which is at the end of what has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Where the lines of the value begin.
    column: usize,
    before: Before,
}

/// What stands before the value in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// Nothing, or the dash of an item.
    Nothing,
    /// A name.
    Name,
}

impl Spot {
    /// A document of its own.
    pub(crate) const TOP: Self = Self {
        column: 0,
        before: Before::Nothing,
    };

    /// Begins the `nth` entry of a map; its value is written at the place given out.
    pub(crate) fn entry(self, nth: usize, name: &str, out: &mut Sink) -> Self {
        self.line(nth, self.column, out);
        if name.chars().count() > NAME_MAX {
            out.push(Class::Plain, "? ");
            out.push(Class::Name, name);
            out.newline();
            out.spaces(self.column);
        } else {
            out.push(Class::Name, name);
        }
        out.push(Class::Plain, ":");
        self.value_place()
    }

    /// Begins the `nth` entry of a map whose name is no text; it is written at the place given out.
    pub(crate) fn complex_entry(self, nth: usize, out: &mut Sink) -> Self {
        self.line(nth, self.column, out);
        out.push(Class::Plain, "? ");
        Self {
            column: self.column + STEP,
            before: Before::Nothing,
        }
    }

    /// Begins the value of such an entry, whose name ended with its line.
    pub(crate) fn complex_value(self, out: &mut Sink) -> Self {
        out.spaces(self.column);
        out.push(Class::Plain, ": ");
        Self {
            column: self.column + STEP,
            before: Before::Nothing,
        }
    }

    /// Begins the `nth` item of a list; it is written at the place given out.
    pub(crate) fn item(self, nth: usize, out: &mut Sink) -> Self {
        // Items are not indented below the name of their list.
        let column = match self.before {
            Before::Name => self.column.saturating_sub(STEP),
            Before::Nothing => self.column,
        };
        self.line(nth, column, out);
        out.push(Class::Plain, "- ");
        Self {
            column: column + STEP,
            before: Before::Nothing,
        }
    }

    /// Writes a value in one line, and a remark, if there is one.
    pub(crate) fn value(self, class: Class, value: &str, remark: &str, out: &mut Sink) {
        self.tagged("", class, value, remark, out);
    }

    /// As [`value`](Self::value), with a tag that says of what type it is.
    pub(crate) fn tagged(self, tag: &str, class: Class, value: &str, remark: &str, out: &mut Sink) {
        self.space(out);
        if !tag.is_empty() {
            out.push(Class::Name, tag);
            out.push(Class::Plain, " ");
        }
        out.push(class, value);
        end(remark, out);
    }

    /// Writes text: several lines as a block, if that keeps all of it.
    pub(crate) fn text(self, text: &str, remark: &str, out: &mut Sink) {
        if !self.takes_block(text) {
            return self.value(Class::String, &scalar(text), remark, out);
        }
        self.space(out);
        let body = text.strip_suffix('\n');
        let chomp = if body.is_some() { "" } else { "-" };
        // The first line tells how far the block is indented, unless it begins with spaces or is empty.
        let indicator = if text.starts_with([' ', '\n']) {
            "2"
        } else {
            ""
        };
        out.push(Class::Plain, &format!("|{indicator}{chomp}"));
        end(remark, out);
        for line in body.unwrap_or(text).split('\n') {
            if !line.is_empty() {
                out.spaces(self.column.max(STEP));
                out.push(Class::String, line);
            }
            out.newline();
        }
    }

    /// Begins a value that is a map or list with a tag; it has to have an entry.
    pub(crate) fn tag(self, tag: &str, out: &mut Sink) -> Self {
        self.space(out);
        out.push(Class::Name, tag);
        Self {
            before: Before::Name,
            ..self
        }
    }

    fn takes_block(self, text: &str) -> bool {
        let fits = |c: char| matches!(c, '\n' | '\t') || format::is_safe(c);
        let ends_well = |line: &str| !line.ends_with([' ', '\t']);
        // Editors strip spaces at the end of lines, and what is indented at the top is read in different ways.
        let is_odd = self.column == 0 && text.starts_with([' ', '\n']);
        // Empty lines at the end would depend on what follows.
        text.contains('\n')
            && !text.ends_with("\n\n")
            && !is_odd
            && text.chars().all(fits)
            && text.split('\n').all(ends_well)
            && text.chars().any(|c| c != '\n')
    }

    fn line(self, nth: usize, column: usize, out: &mut Sink) {
        if nth == 0 {
            if self.before == Before::Nothing {
                return;
            }
            out.newline();
        }
        out.spaces(column);
    }

    fn space(self, out: &mut Sink) {
        if self.before == Before::Name {
            out.push(Class::Plain, " ");
        }
    }

    fn value_place(self) -> Self {
        Self {
            column: self.column + STEP,
            before: Before::Name,
        }
    }
}

fn end(remark: &str, out: &mut Sink) {
    if !remark.is_empty() {
        out.push(Class::Comment, &format!("  # {remark}"));
    }
    out.newline();
}

/// Writes `name: value`, or `name:` and one line for each of several values.
pub(crate) fn pair(name: &[u8], values: &[&[u8]], out: &mut Sink) {
    let name = match str::from_utf8(name) {
        Err(_) if out.is_exact() => format!("!binary {}", hexadecimal(name)),
        _ => scalar(&text(name)),
    };
    let spot = Spot::TOP.entry(0, &name, out);
    match values {
        [value] => bytes(value, spot, out),
        values => {
            for (nth, value) in values.iter().enumerate() {
                bytes(value, spot.item(nth, out), out);
            }
        }
    }
}

/// Writes bytes as text; what is none in hexadecimal where it is to be read again.
fn bytes(value: &[u8], spot: Spot, out: &mut Sink) {
    if out.is_exact() && str::from_utf8(value).is_err() {
        spot.tagged("!binary", Class::String, &hexadecimal(value), "", out);
    } else {
        spot.text(&text(value), "", out);
    }
}

/// Digits, in quotes where they would read as a number.
fn hexadecimal(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    scalar(&hex)
}

/// Writes `- value`.
pub(crate) fn item(value: &[u8], out: &mut Sink) {
    Spot::TOP.item(0, out).text(&text(value), "", out);
}

/// Writes values under their names, the names in the order in which they first come. Where all is to be read again, a
/// name that comes again later stands there again, so that the order is kept.
pub(crate) fn map(pairs: &[(Vec<u8>, Vec<u8>)], out: &mut Sink) {
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    let mut names: Vec<(&[u8], Vec<&[u8]>)> = Vec::new();
    for (name, value) in pairs {
        if out.is_exact() {
            places.retain(|known, _| *known == name.as_slice());
        }
        let place = *places.entry(name).or_insert(names.len());
        match names.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => names.push((name, vec![value])),
        }
    }
    for (name, values) in names {
        pair(name, &values, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(write: impl FnOnce(&mut Sink)) -> String {
        let document = crate::registry::document("YAML", 1000, write);
        let lines: Vec<String> = document.lines.iter().map(crate::Line::text).collect();
        lines.join("\n")
    }

    #[test]
    fn maps_and_lists_nest_in_each_other() {
        let text = shown(|out| {
            let list = Spot::TOP.entry(0, "list", out);
            list.item(0, out).value(Class::Number, "1", "", out);
            let inner = list.item(1, out);
            inner.item(0, out).value(Class::Number, "2", "two", out);
            let map = inner.item(1, out);
            map.entry(0, "a", out).text("x\ny\n", "", out);
            map.entry(1, "b", out).text("\n x", "", out);
            let key = Spot::TOP.complex_entry(1, out);
            key.item(0, out).value(Class::Number, "3", "", out);
            key.item(1, out).value(Class::Number, "4", "", out);
            Spot::TOP.complex_value(out).text("v", "", out);
            let group = Spot::TOP.entry(2, "g", out).tag("!group", out);
            group
                .entry(0, "c", out)
                .tagged("!t", Class::Number, "5", "", out);
        });
        insta::assert_snapshot!(text, @r"
        list:
        - 1
        - - 2  # two
          - a: |
              x
              y
            b: |2-

               x
        ? - 3
          - 4
        : v
        g: !group
          c: !t 5
        ");
    }
}
