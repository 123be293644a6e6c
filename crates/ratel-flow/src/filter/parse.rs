//! From text to a tree.
//!
//! The grammar in the order in which things bind, strongest last:
//!
//! ```text
//! expression = infix { infix }                 all of them
//! infix      = and { "|" and }
//! and        = not { "&" not }
//! not        = "!" not | primary
//! primary    = "(" infix ")" | "~" name end [ pattern | digits ] | pattern
//! pattern    = word | '"' ... '"' | "'" ... "'"
//! word       = one or more characters other than ( ) ~ " ' and whitespace
//! end        = not followed by a printable character of ASCII
//! ```
//!
//! `!`, `&` and `|` are not special within a word, and where nothing follows that they could apply to, they are words
//! themselves.

mod quoted;

use std::borrow::Cow;

use super::FilterOptions;
use super::error::{FilterError, Reason};
use super::operators::{self, Argument, Row};
use crate::pattern::{Flags, Pattern, Unit};

/// The longest expression, in bytes.
pub(super) const SOURCE_MAX: usize = 64 * 1024;

/// Parentheses and `!` within each other.
const DEPTH_MAX: usize = 100;

/// An expression, read.
#[derive(Debug)]
pub(super) enum Node {
    /// All of them, asked in this order.
    All(Box<[Node]>),
    /// Any of them, asked in this order.
    Any(Box<[Node]>),
    Not(Box<Node>),
    Test(Test),
}

/// An operator with what stands after it.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) row: &'static Row,
    pub(super) operand: Operand,
}

#[derive(Debug)]
pub(super) enum Operand {
    None,
    Pattern(Box<Pattern>),
    /// None for a number that no status code can be.
    Number(Option<u16>, Box<str>),
}

pub(super) fn parse(source: &str, options: FilterOptions) -> Result<Node, FilterError> {
    let error = |reason, at| FilterError::new(source, reason, at);
    if source.is_empty() {
        return Err(error(Reason::Empty, 0..0));
    }
    if source.len() > SOURCE_MAX {
        return Err(error(Reason::TooLong, 0..source.len()));
    }
    let text = quoted::expand_tabs(source);
    let mut parser = Parser {
        text: &text,
        at: 0,
        depth: 0,
        patterns: 0,
        options,
    };
    parser.expression().map_err(|Problem { reason, from, to }| {
        // Where tabs were expanded, places have moved.
        let back = |at| quoted::before_tabs(source, at);
        error(reason, back(from)..back(to))
    })
}

/// What is wrong, and where in the parser's text.
struct Problem {
    reason: Reason,
    from: usize,
    to: usize,
}

type Parsed<T> = Result<T, Problem>;

struct Parser<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    depth: usize,
    /// How many patterns there are so far.
    patterns: usize,
    options: FilterOptions,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_word(c: char) -> bool {
    !is_space(c) && !matches!(c, '(' | ')' | '~' | '\'' | '"')
}

impl<'a> Parser<'a> {
    fn expression(&mut self) -> Parsed<Node> {
        let mut all = Vec::new();
        self.skip_space();
        while !self.rest().is_empty() {
            all.push(self.infix()?);
            self.skip_space();
        }
        if all.is_empty() {
            return Err(self.problem(Reason::Blank, 0, self.text.len()));
        }
        Ok(joined(all, Node::All))
    }

    fn infix(&mut self) -> Parsed<Node> {
        let mut any = vec![self.and()?];
        while self.takes_sign('|') {
            any.push(self.and()?);
        }
        Ok(joined(any, Node::Any))
    }

    fn and(&mut self) -> Parsed<Node> {
        let mut all = vec![self.not()?];
        while self.takes_sign('&') {
            all.push(self.not()?);
        }
        Ok(joined(all, Node::All))
    }

    /// Goes past `sign` if it comes next and has something after it to apply to.
    fn takes_sign(&mut self, sign: char) -> bool {
        let before = self.at;
        self.skip_space();
        if let Some(rest) = self.rest().strip_prefix(sign)
            // Within parentheses nothing else could stand here, so that it is a sign without its operand.
            && (self.depth > 0 || !rest.trim_start_matches(is_space).is_empty())
        {
            self.at += sign.len_utf8();
            return true;
        }
        self.at = before;
        false
    }

    fn not(&mut self) -> Parsed<Node> {
        self.skip_space();
        let from = self.at;
        let Some(rest) = self.rest().strip_prefix('!') else {
            return self.primary();
        };
        let rest = rest.trim_start_matches(is_space);
        if rest.is_empty() || rest.starts_with(')') {
            return self.primary();
        }
        self.at += 1;
        self.deeper(from)?;
        let inner = self.not()?;
        self.depth -= 1;
        Ok(Node::Not(Box::new(inner)))
    }

    fn primary(&mut self) -> Parsed<Node> {
        self.skip_space();
        let from = self.at;
        match self.rest().chars().next() {
            None => Err(self.problem(Reason::NothingFollows, from, from)),
            Some('(') => self.group(),
            Some(')') => {
                let reason = match self
                    .text
                    .get(..from)
                    .unwrap_or_default()
                    .trim_end()
                    .ends_with('(')
                {
                    true => Reason::EmptyParentheses,
                    false if self.depth > 0 => Reason::NothingFollows,
                    false => Reason::NotOpen,
                };
                Err(self.problem(reason, from, from + 1))
            }
            Some('~') => self.operator(),
            Some(_) => {
                let pattern = self.pattern(operators::BARE)?;
                Ok(test(operators::BARE, pattern))
            }
        }
    }

    fn group(&mut self) -> Parsed<Node> {
        let from = self.at;
        self.at += 1;
        self.deeper(from)?;
        let inner = self.infix()?;
        self.skip_space();
        let at = self.at;
        match self.rest().chars().next() {
            Some(')') => self.at += 1,
            None => return Err(self.problem(Reason::NotClosed, from, from + 1)),
            Some(c) => return Err(self.problem(Reason::SideBySide, at, at + c.len_utf8())),
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn operator(&mut self) -> Parsed<Node> {
        let from = self.at;
        let name = self.rest().get(1..).unwrap_or_default();
        let name = name
            .split(|c: char| !c.is_ascii_graphic())
            .next()
            .unwrap_or_default();
        let to = from + 1 + name.len();
        let Some(row) = operators::find(name) else {
            let known = name
                .split(|c: char| !c.is_ascii_alphabetic())
                .next()
                .unwrap_or_default();
            return Err(match operators::find(known) {
                Some(row) => {
                    let end = from + 1 + known.len();
                    let next = name.get(known.len()..).unwrap_or_default();
                    let next = next.chars().next().unwrap_or_default();
                    self.problem(
                        Reason::NotEnded {
                            operator: row.name,
                            next,
                        },
                        end,
                        end + 1,
                    )
                }
                None => self.problem(Reason::unknown(known), from, from + 1 + known.len()),
            });
        };
        self.at = to;
        match row.argument {
            Argument::None => Ok(test(row, Operand::None)),
            Argument::Number => self.number(row, from),
            _ => {
                self.skip_space();
                if matches!(self.rest().chars().next(), None | Some('(' | ')' | '~')) {
                    return Err(self.problem(Reason::NoPattern(row.name), from, to));
                }
                let pattern = self.pattern(row)?;
                Ok(test(row, pattern))
            }
        }
    }

    fn number(&mut self, row: &'static Row, from: usize) -> Parsed<Node> {
        let to = self.at;
        self.skip_space();
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.problem(Reason::NoNumber(row.name), from, to));
        }
        let plain = digits.trim_start_matches('0');
        let number = if plain.is_empty() {
            Some(0)
        } else {
            plain.parse().ok()
        };
        Ok(test(row, Operand::Number(number, digits.into())))
    }

    /// A word or what stands in quotes, compiled as `row` wants it.
    fn pattern(&mut self, row: &Row) -> Parsed<Operand> {
        let from = self.at;
        let (text, in_quotes) = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let (text, len) = quoted::read(self.rest(), quote)
                    .map_err(|reason| self.problem(reason, from, from + 1))?;
                self.at += len;
                (Cow::Owned(text), true)
            }
            _ => (Cow::Borrowed(self.take_while(is_word)), false),
        };
        let (unit, dot_all, multi_line) = match row.argument {
            Argument::BytesDotAll => (Unit::Byte, true, false),
            Argument::BytesMultiLine => (Unit::Byte, false, true),
            Argument::TextMultiLine => (Unit::Char, false, true),
            Argument::Text => (Unit::Char, false, false),
            Argument::Bytes | Argument::None | Argument::Number => (Unit::Byte, false, false),
        };
        let flags = Flags {
            ignore_case: !self.options.case_sensitive,
            dot_all,
            multi_line,
        };
        let pattern = Pattern::new(&text, unit, flags, self.patterns).map_err(|error| {
            let (from, to) = match in_quotes {
                false => (from + error.at.start, from + error.at.end),
                true => quoted::place(self.text, from, &error.at),
            };
            self.problem(Reason::Pattern(error), from, to)
        })?;
        self.patterns += 1;
        Ok(Operand::Pattern(Box::new(pattern)))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.take_while(is_space);
    }

    fn take_while(&mut self, mut takes: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !takes(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn deeper(&mut self, from: usize) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.problem(Reason::TooDeep, from, from + 1));
        }
        Ok(())
    }

    fn problem(&self, reason: Reason, from: usize, to: usize) -> Problem {
        Problem {
            reason,
            from,
            to: to.min(self.text.len()).max(from),
        }
    }
}

fn test(row: &'static Row, operand: Operand) -> Node {
    Node::Test(Test { row, operand })
}

fn joined(mut nodes: Vec<Node>, join: impl FnOnce(Box<[Node]>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        last => {
            nodes.extend(last);
            join(nodes.into())
        }
    }
}
