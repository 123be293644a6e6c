//! Reading Python's syntax (<https://docs.python.org/3/library/re.html#regular-expression-syntax>), as its own parser
//! does, with its own complaints.

mod class;
mod escape;
mod flags;
mod group;

use std::borrow::Cow;
use std::ops::Range;

use super::ast::{Anchor, Ast, Case, Class, Greed, Item, Literal, Repeat, Width};
use super::{Flags, PatternError, Unit};

/// Groups within each other.
const DEPTH_MAX: usize = 50;

/// A repetition is counted up to this; Python's own bound is higher, what it builds is not.
const REPEAT_MAX: u32 = 1_000_000;

/// A pattern, read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) ast: Ast,
    /// Capitals and small letters are the same in most of it.
    pub(super) ignore_case: bool,
    /// How many groups it has.
    pub(super) groups: usize,
    /// Those that have a name.
    pub(super) names: Vec<(Box<str>, u32)>,
}

type Result<T> = std::result::Result<T, PatternError>;

pub(super) fn parse(source: &str, unit: Unit, flags: Flags) -> Result<Parsed> {
    let units: Vec<(usize, u32)> = match unit {
        Unit::Char => source
            .char_indices()
            .map(|(at, c)| (at, u32::from(c)))
            .collect(),
        Unit::Byte => source.bytes().map(u32::from).enumerate().collect(),
    };
    let scope = Scope {
        ignore_case: flags.ignore_case,
        dot_all: flags.dot_all,
        multi_line: flags.multi_line,
        verbose: false,
        ascii: unit == Unit::Byte,
    };
    let mut parser = Parser {
        source,
        unit,
        units: &units,
        at: 0,
        depth: 0,
        groups: Vec::new(),
        names: Vec::new(),
        behind: None,
        conditions: Vec::new(),
        global: None,
    };
    let ast = parser.pattern(scope)?;
    let scope = parser.global.unwrap_or(scope);
    Ok(Parsed {
        ast,
        ignore_case: scope.ignore_case,
        groups: parser.groups.len(),
        names: parser
            .names
            .iter()
            .map(|(name, group)| ((*name).into(), *group))
            .collect(),
    })
}

/// The flags that hold somewhere.
#[derive(Clone, Copy, Debug)]
struct Scope {
    ignore_case: bool,
    dot_all: bool,
    multi_line: bool,
    verbose: bool,
    ascii: bool,
}

impl Scope {
    fn case(self) -> Case {
        match (self.ignore_case, self.ascii) {
            (false, _) => Case::Sensitive,
            (true, true) => Case::Ascii,
            (true, false) => Case::Unicode,
        }
    }

    fn literal(self, value: u32) -> Ast {
        Ast::Literal(Literal {
            value,
            case: self.case(),
        })
    }

    fn class(self, items: Vec<Item>, negated: bool) -> Ast {
        Ast::Class(Class {
            negated,
            items,
            case: self.case(),
        })
    }
}

struct Parser<'a> {
    source: &'a str,
    unit: Unit,
    /// Each unit with its place in `source`.
    units: &'a [(usize, u32)],
    /// The next unit.
    at: usize,
    depth: usize,
    /// What each group can match, none while it is open.
    groups: Vec<Option<Width>>,
    names: Vec<(&'a str, u32)>,
    /// Groups with a higher number cannot be referred to within the look-behind that is being read.
    behind: Option<usize>,
    /// References of conditions, checked at the end.
    conditions: Vec<(u32, Range<usize>)>,
    /// What a group of flags at the start has set.
    global: Option<Scope>,
}

impl<'a> Parser<'a> {
    fn pattern(&mut self, scope: Scope) -> Result<Ast> {
        let ast = self.alternatives(scope)?;
        if self.peek().is_some() {
            return Err(self.error(
                "a parenthesis is closed that was not opened",
                self.at,
                self.at + 1,
            ));
        }
        let count = self.groups.len();
        match self
            .conditions
            .iter()
            .find(|(group, _)| *group as usize > count)
        {
            Some((group, at)) => Err(PatternError::new(
                format!("there is no group {group}"),
                at.clone(),
            )),
            None => Ok(ast),
        }
    }

    /// Up to the end, or a closing parenthesis.
    fn alternatives(&mut self, scope: Scope) -> Result<Ast> {
        let first = self.depth == 0;
        let mut branches = vec![self.sequence(scope, first)?];
        let scope = self.global.filter(|_| first).unwrap_or(scope);
        while self.take('|') {
            branches.push(self.sequence(scope, false)?);
        }
        Ok(match branches.pop() {
            Some(only) if branches.is_empty() => only,
            last => {
                branches.extend(last);
                Ast::Alternate(branches)
            }
        })
    }

    /// `first` says that nothing stands before it, so that flags for all of the pattern may come.
    fn sequence(&mut self, mut scope: Scope, first: bool) -> Result<Ast> {
        let mut parts = Vec::new();
        while let Some(unit) = self.peek() {
            let from = self.at;
            let part = match char::from_u32(unit) {
                Some('|' | ')') => break,
                Some(' ' | '\t'..='\r') if scope.verbose => {
                    self.at += 1;
                    continue;
                }
                Some('#') if scope.verbose => {
                    while self.peek().is_some_and(|unit| unit != u32::from('\n')) {
                        self.at += 1;
                    }
                    continue;
                }
                Some('*' | '+' | '?' | '{') => {
                    if self.repeat(&mut parts)? {
                        continue;
                    }
                    self.at += 1;
                    scope.literal(unit)
                }
                Some('\\') => self.escape(scope)?,
                Some('[') => self.class(scope)?,
                Some('.') => {
                    self.at += 1;
                    Ast::Any { all: scope.dot_all }
                }
                Some('^') => {
                    self.at += 1;
                    Ast::At(if scope.multi_line {
                        Anchor::LineStart
                    } else {
                        Anchor::Start
                    })
                }
                Some('$') => {
                    self.at += 1;
                    Ast::At(if scope.multi_line {
                        Anchor::LineEnd
                    } else {
                        Anchor::EndOfLast
                    })
                }
                Some('(') => match self.group(scope)? {
                    group::Group::Part(part) => part,
                    group::Group::Comment => continue,
                    group::Group::Flags(global) if first && parts.is_empty() => {
                        self.global = Some(global);
                        scope = global;
                        continue;
                    }
                    group::Group::Flags(_) => {
                        let reason = "flags for the whole pattern must stand at its start";
                        return Err(self.error(reason, from, self.at));
                    }
                },
                _ => {
                    self.at += 1;
                    scope.literal(unit)
                }
            };
            parts.push(part);
        }
        Ok(match parts.pop() {
            None => Ast::Empty,
            Some(only) if parts.is_empty() => only,
            Some(last) => {
                parts.push(last);
                Ast::Concat(parts)
            }
        })
    }

    /// Reads a quantifier and applies it to the last part. Says that there is none if it is a brace of another kind.
    fn repeat(&mut self, parts: &mut Vec<Ast>) -> Result<bool> {
        let from = self.at;
        let (min, max) = match self.next() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            _ => match self.bounds(from)? {
                Some(bounds) => bounds,
                None => {
                    self.at = from;
                    return Ok(false);
                }
            },
        };
        let end = self.at;
        // A quantifier is part of what it follows: a second one needs a group.
        let inner = match parts.pop() {
            None | Some(Ast::At(_)) => {
                return Err(self.error("there is nothing to repeat", from, end));
            }
            Some(Ast::Repeat(_)) => {
                return Err(self.error(
                    "what is repeated already needs parentheses to be repeated again",
                    from,
                    end,
                ));
            }
            Some(inner) => inner,
        };
        let greed = if self.take('?') {
            Greed::Lazy
        } else if self.take('+') {
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        parts.push(Ast::Repeat(Box::new(Repeat {
            inner,
            min,
            max,
            greed,
        })));
        Ok(true)
    }

    /// What stands after an opening brace: `3}`, `3,}`, `,5}`, `3,5}`.
    fn bounds(&mut self, from: usize) -> Result<Option<(u32, Option<u32>)>> {
        if self.peek() == Some(u32::from('}')) {
            return Ok(None);
        }
        let low = self.digits();
        let high = if self.take(',') { self.digits() } else { low };
        if !self.take('}') {
            return Ok(None);
        }
        let number = |digits: &str| match digits.parse() {
            Ok(number) if number <= REPEAT_MAX => Ok(number),
            _ => Err(self.error("so many repetitions are too many", from, self.at)),
        };
        let min = if low.is_empty() { 0 } else { number(low)? };
        let max = if high.is_empty() {
            None
        } else {
            Some(number(high)?)
        };
        if max.is_some_and(|max| max < min) {
            return Err(self.error("the larger number comes first", from, self.at));
        }
        Ok(Some((min, max)))
    }

    fn digits(&mut self) -> &'a str {
        let from = self.at;
        while self.peek_char().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.text(from, self.at)
    }

    fn peek(&self) -> Option<u32> {
        self.units.get(self.at).map(|(_, unit)| *unit)
    }

    /// The next unit if it is a character of ASCII.
    fn peek_char(&self) -> Option<char> {
        self.peek().and_then(char::from_u32).filter(char::is_ascii)
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek_char()?;
        self.at += 1;
        Some(next)
    }

    fn take(&mut self, c: char) -> bool {
        let takes = self.peek() == Some(u32::from(c));
        self.at += usize::from(takes);
        takes
    }

    /// The source between two units.
    fn text(&self, from: usize, to: usize) -> &'a str {
        self.source
            .get(self.place(from)..self.place(to))
            .unwrap_or_default()
    }

    fn place(&self, at: usize) -> usize {
        self.units.get(at).map_or(self.source.len(), |(at, _)| *at)
    }

    fn error(&self, reason: impl Into<Cow<'static, str>>, from: usize, to: usize) -> PatternError {
        // A unit may be a part of a character only.
        let from = self.source.floor_char_boundary(self.place(from));
        let to = self.source.ceil_char_boundary(self.place(to));
        PatternError::new(reason, from..to)
    }
}
