//! Writing a pattern in the syntax of the engine that takes time in proportion to what it searches.

use std::fmt::Write;

use super::Unit;
use super::ast::{Anchor, Ast, Case, Class, Greed, Item, Kind, Literal, Repeat, Width};

/// A pattern for an engine.
#[derive(Debug)]
pub(super) struct Emitted {
    pub(super) text: String,
    /// Not all of it could be said: it looks around or back, or does not go back where it could.
    pub(super) backtracks: bool,
}

/// `ignore_case` is what holds for most of it. `spans` asks for the very place of a match, not only whether there is
/// one.
pub(super) fn emit(ast: &Ast, unit: Unit, ignore_case: bool, spans: bool) -> Emitted {
    let mut emitter = Emitter {
        out: String::from(if ignore_case { "(?i)" } else { "" }),
        unit,
        ignore_case,
        backtracks: false,
        approximate: false,
    };
    emitter.ast(ast, !spans);
    Emitted {
        text: emitter.out,
        backtracks: emitter.backtracks,
    }
}

/// A pattern that finds all that this one finds, and more, without looking around or back. None if that would take more
/// room than `size` bytes.
pub(super) fn approximate(
    ast: &Ast,
    unit: Unit,
    ignore_case: bool,
    size: usize,
) -> Option<regex::bytes::Regex> {
    let mut emitter = Emitter {
        out: String::from(if ignore_case { "(?i)" } else { "" }),
        unit,
        ignore_case,
        backtracks: false,
        approximate: true,
    };
    emitter.ast(ast, false);
    build(&emitter.out, unit, size)
}

/// None if it would take more room than `size` bytes.
pub(super) fn build(text: &str, unit: Unit, size: usize) -> Option<regex::bytes::Regex> {
    regex::bytes::RegexBuilder::new(text)
        .unicode(unit == Unit::Char)
        .size_limit(size)
        .dfa_size_limit(size)
        .build()
        .ok()
}

/// A class alone.
pub(super) fn class(class: &Class, unit: Unit) -> String {
    let mut emitter = Emitter {
        out: String::new(),
        unit,
        ignore_case: false,
        backtracks: false,
        approximate: false,
    };
    emitter.class(class);
    emitter.out
}

struct Emitter {
    out: String,
    unit: Unit,
    ignore_case: bool,
    backtracks: bool,
    /// What cannot be said is left out.
    approximate: bool,
}

impl Emitter {
    /// `last` says that nothing follows and that nobody asks where the match ends, so that one that is a line end too
    /// long does no harm.
    fn ast(&mut self, ast: &Ast, last: bool) {
        match ast {
            Ast::Empty => {}
            Ast::Literal(literal) => self.literal(*literal),
            Ast::Any { all: true } => self.out.push_str("(?s:.)"),
            Ast::Any { all: false } => self.out.push_str("[^\\n]"),
            Ast::Class(class) => self.class(class),
            Ast::At(anchor) => self.anchor(*anchor, last),
            Ast::Concat(parts) => {
                for (position, part) in parts.iter().enumerate() {
                    self.part(part, last && position + 1 == parts.len());
                }
            }
            Ast::Alternate(branches) => {
                for (position, branch) in branches.iter().enumerate() {
                    self.out.push_str(if position > 0 { "|" } else { "" });
                    self.ast(branch, last);
                }
            }
            Ast::Repeat(repeat) => self.repeat(repeat, last),
            Ast::Capture(inner) => self.group("(", inner, last),
            Ast::Atomic(inner) => {
                self.backtracks = true;
                self.group("(?:", inner, last);
            }
            Ast::Look(_) => self.backtracks = true,
            Ast::Back { .. } => {
                self.backtracks = true;
                self.out.push_str("(?s:.*?)");
            }
            Ast::Conditional { branches, .. } => {
                self.backtracks = true;
                self.out.push_str("(?:");
                self.part(&branches.0, last);
                self.out.push('|');
                self.part(&branches.1, last);
                self.out.push(')');
            }
        }
    }

    /// In parentheses where it would fall apart among others.
    fn part(&mut self, ast: &Ast, last: bool) {
        match ast {
            Ast::Alternate(_) => self.group("(?:", ast, last),
            _ => self.ast(ast, last),
        }
    }

    fn group(&mut self, open: &str, ast: &Ast, last: bool) {
        self.out.push_str(open);
        self.ast(ast, last);
        self.out.push(')');
    }

    fn repeat(&mut self, repeat: &Repeat, last: bool) {
        let Repeat {
            inner,
            min,
            max,
            greed,
        } = repeat;
        // What takes no room need not be tried twice.
        if inner.width(&[]) == Width(0, Some(0)) {
            let rather_not = *greed == Greed::Lazy || *max == Some(0);
            let (open, close) = match (*min == 0, rather_not) {
                (true, true) => ("(?:|", ")"),
                (true, false) => ("(?:", "|)"),
                (false, _) => ("(?:", ")"),
            };
            self.out.push_str(open);
            self.part(inner, false);
            return self.out.push_str(close);
        }
        self.backtracks |= *greed == Greed::Possessive;
        match inner {
            Ast::Literal(_) | Ast::Any { .. } | Ast::Class(_) => self.ast(inner, false),
            _ => self.group("(?:", inner, last && max.is_some_and(|max| max <= 1)),
        }
        match (min, max) {
            (0, None) => self.out.push('*'),
            (1, None) => self.out.push('+'),
            (0, Some(1)) => self.out.push('?'),
            (min, None) => self.write(format_args!("{{{min},}}")),
            (min, Some(max)) if min == max => self.write(format_args!("{{{min}}}")),
            (min, Some(max)) => self.write(format_args!("{{{min},{max}}}")),
        }
        if *greed == Greed::Lazy {
            self.out.push('?');
        }
    }

    fn anchor(&mut self, anchor: Anchor, last: bool) {
        let text = match anchor {
            Anchor::Start => "\\A",
            Anchor::LineStart => "(?m:^)",
            Anchor::End => "\\z",
            Anchor::LineEnd => "(?m:$)",
            Anchor::EndOfLast if last => "(?:\\n?\\z)",
            Anchor::EndOfLast => {
                self.backtracks = true;
                ""
            }
            // Of letters outside of ASCII, not all are the same to all.
            Anchor::Boundary { ascii: false, .. }
                if self.approximate && self.unit == Unit::Char =>
            {
                ""
            }
            Anchor::Boundary { negated, ascii } => {
                match (negated, ascii && self.unit == Unit::Char) {
                    (false, false) => "\\b",
                    (true, false) => "\\B",
                    (false, true) => "(?-u:\\b)",
                    (true, true) => "(?-u:\\B)",
                }
            }
        };
        self.out.push_str(text);
    }

    fn literal(&mut self, Literal { value, case }: Literal) {
        let has_more = case == Case::Unicode && i_with_or_without_dot(value);
        if has_more || case == Case::Ascii && self.unit == Unit::Char {
            let items = vec![Item::Range(value, value)];
            return self.class(&Class {
                negated: false,
                items,
                case,
            });
        }
        let ignore_case = case != Case::Sensitive;
        self.flagged(ignore_case, |emitter| emitter.unit(value));
    }

    fn class(&mut self, class: &Class) {
        // Where nothing has a case, none is ignored: engines would add the relatives of what `\W` matches.
        let has_case = class.items.iter().any(|item| match *item {
            Item::Range(low, high) => {
                high >= 0x80
                    || (low..=high)
                        .any(|value| u8::try_from(value).is_ok_and(|b| b.is_ascii_alphabetic()))
            }
            Item::Kind { .. } => false,
        });
        let by_hand = class.case == Case::Ascii && self.unit == Unit::Char;
        let ignore_case = class.case != Case::Sensitive && has_case && !by_hand;
        self.flagged(ignore_case, |emitter| {
            emitter.out.push_str(if class.negated { "[^" } else { "[" });
            for item in &class.items {
                match *item {
                    Item::Range(low, high) => {
                        emitter.range(low, high);
                        if by_hand {
                            emitter.other_case(low, high);
                        } else if ignore_case
                            && class.case == Case::Unicode
                            && I_FAMILY.iter().any(|i| (low..=high).contains(i))
                        {
                            emitter.out.push_str("iI\u{130}\u{131}");
                        }
                    }
                    Item::Kind {
                        kind,
                        negated,
                        ascii,
                    } => emitter.kind(kind, negated, ascii, ignore_case),
                }
            }
            emitter.out.push(']');
        });
    }

    /// The letters of ASCII in the range, in the other case.
    fn other_case(&mut self, low: u32, high: u32) {
        for (first, last, other) in [('a', 'z', 'A'), ('A', 'Z', 'a')] {
            let (first, last, other) = (u32::from(first), u32::from(last), u32::from(other));
            let (low, high) = (low.max(first), high.min(last));
            if low <= high {
                self.range(low - first + other, high - first + other);
            }
        }
    }

    fn kind(&mut self, kind: Kind, negated: bool, ascii: bool, ignore_case: bool) {
        let (plain, inverse) = match (kind, ascii) {
            (Kind::Digit, true) => ("0-9", "[^0-9]"),
            (Kind::Digit, false) => ("\\p{Nd}", "\\P{Nd}"),
            (Kind::Space, true) => ("\\x09-\\x0d\\x20", "[^\\x09-\\x0d\\x20]"),
            (Kind::Space, false) => ("\\s\\x1c-\\x1f", "[^\\s\\x1c-\\x1f]"),
            (Kind::Word, true) => ("0-9A-Za-z_", "[^0-9A-Za-z_]"),
            // What Python takes for a letter or a digit. U+0345 is neither, but has one among its other cases.
            (Kind::Word, false) if ignore_case => ("\\p{L}\\p{N}_", "[^\\p{L}\\p{N}_\\x{345}]"),
            (Kind::Word, false) => ("\\p{L}\\p{N}_", "[^\\p{L}\\p{N}_]"),
        };
        self.out.push_str(if negated { inverse } else { plain });
    }

    fn range(&mut self, low: u32, high: u32) {
        if self.unit == Unit::Byte {
            self.ends(low, high);
            return;
        }
        // Python's characters have surrogates among them; here, others stand for those.
        const SURROGATES: (u32, u32) = (0xd800, 0xdfff);
        let parts = [
            (low, high.min(SURROGATES.0 - 1)),
            (low.max(SURROGATES.0), high.min(SURROGATES.1)),
            (low.max(SURROGATES.1 + 1), high),
        ];
        for (low, high) in parts {
            if low <= high {
                self.ends(low, high);
            }
        }
    }

    fn ends(&mut self, low: u32, high: u32) {
        self.unit(low);
        if low < high {
            self.out.push('-');
            self.unit(high);
        }
    }

    /// One unit, such that no engine takes it for anything else.
    fn unit(&mut self, value: u32) {
        match char::from_u32(value) {
            Some(c) if c.is_ascii_alphanumeric() => self.out.push(c),
            _ if value < 0x80 || self.unit == Unit::Byte => {
                self.write(format_args!("\\x{value:02x}"))
            }
            Some(c) => self.out.push(c),
            None => self.out.push(super::surrogate(value)),
        }
    }

    fn flagged(&mut self, ignore_case: bool, emit: impl FnOnce(&mut Self)) {
        if ignore_case == self.ignore_case {
            return emit(self);
        }
        self.out
            .push_str(if ignore_case { "(?i:" } else { "(?-i:" });
        emit(self);
        self.out.push(')');
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.out.write_fmt(what);
    }
}

/// To Python, these four are one letter where case is ignored; Unicode's simple case folding keeps them apart.
const I_FAMILY: [u32; 4] = ['i' as u32, 'I' as u32, 0x130, 0x131];

fn i_with_or_without_dot(value: u32) -> bool {
    I_FAMILY.contains(&value)
}
