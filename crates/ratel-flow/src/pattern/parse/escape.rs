//! What a backslash makes of what follows it.

use super::{Parser, Result, Scope};
use crate::pattern::Unit;
use crate::pattern::ast::{Anchor, Ast, Item, Kind};

/// An escape that means the same in a class and outside.
pub(super) enum Escape {
    Unit(u32),
    Kind(Item),
}

impl Parser<'_> {
    /// An escape outside of a class.
    pub(super) fn escape(&mut self, scope: Scope) -> Result<Ast> {
        let from = self.at;
        self.at += 1;
        let ascii = scope.ascii;
        let anchor = match self.peek_char() {
            Some('A') => Anchor::Start,
            Some('Z') => Anchor::End,
            Some('b') => Anchor::Boundary {
                negated: false,
                ascii,
            },
            Some('B') => Anchor::Boundary {
                negated: true,
                ascii,
            },
            Some('0') => {
                let value = self.octal(3).unwrap_or_default();
                return Ok(scope.literal(value));
            }
            Some('1'..='9') => return self.reference(from, scope),
            _ => {
                return Ok(match self.common(from, scope)? {
                    Escape::Unit(value) => scope.literal(value),
                    Escape::Kind(kind) => scope.class(vec![kind], false),
                });
            }
        };
        self.at += 1;
        Ok(Ast::At(anchor))
    }

    /// An escape in a class.
    pub(super) fn class_escape(&mut self, scope: Scope) -> Result<Escape> {
        let from = self.at;
        self.at += 1;
        match self.peek_char() {
            Some('b') => {
                self.at += 1;
                Ok(Escape::Unit(8))
            }
            Some('0'..='7') => match self.octal(3) {
                Some(value) if value <= 0o377 => Ok(Escape::Unit(value)),
                _ => Err(self.out_of_range(from)),
            },
            _ => self.common(from, scope),
        }
    }

    /// Digits: three of an octal number, or the number of a group.
    fn reference(&mut self, from: usize, scope: Scope) -> Result<Ast> {
        let start = self.at;
        let three = self.units.get(start..start + 3).unwrap_or_default();
        let is_octal = |(_, unit): &(usize, u32)| (u32::from('0')..=u32::from('7')).contains(unit);
        if three.len() == 3 && three.iter().all(is_octal) {
            return match self.octal(3) {
                Some(value) if value <= 0o377 => Ok(scope.literal(value)),
                _ => Err(self.out_of_range(from)),
            };
        }
        let mut group = 0;
        while self.at < start + 2
            && let Some(digit) = self.peek_char().and_then(|c| c.to_digit(10))
        {
            group = group * 10 + digit;
            self.at += 1;
        }
        self.back(group, from, scope)
    }

    /// A reference back to a group.
    pub(super) fn back(&mut self, group: u32, from: usize, scope: Scope) -> Result<Ast> {
        let number = group as usize;
        match number.checked_sub(1).and_then(|at| self.groups.get(at)) {
            None => Err(self.error(format!("there is no group {group}"), from, self.at)),
            Some(None) => Err(self.error("a group cannot refer to itself", from, self.at)),
            Some(Some(_)) if self.behind.is_some_and(|behind| number > behind) => {
                let reason = "a look-behind cannot refer to a group within it";
                Err(self.error(reason, from, self.at))
            }
            Some(Some(_)) => Ok(Ast::Back {
                group,
                ignore_case: scope.ignore_case,
            }),
        }
    }

    /// Up to `most` octal digits.
    fn octal(&mut self, most: usize) -> Option<u32> {
        let start = self.at;
        let mut value = None;
        while self.at < start + most
            && let Some(digit) = self.peek_char().and_then(|c| c.to_digit(8))
        {
            value = Some(value.unwrap_or(0) * 8 + digit);
            self.at += 1;
        }
        value
    }

    fn out_of_range(&self, from: usize) -> crate::pattern::PatternError {
        let written = self.text(from, self.at);
        self.error(format!("{written} is beyond \\377"), from, self.at)
    }

    fn common(&mut self, from: usize, scope: Scope) -> Result<Escape> {
        let ascii = scope.ascii;
        let kind = |kind, negated| {
            Ok(Escape::Kind(Item::Kind {
                kind,
                negated,
                ascii,
            }))
        };
        let Some(next) = self.peek() else {
            return Err(self.error("a backslash at the end", from, self.at));
        };
        self.at += 1;
        match char::from_u32(next) {
            Some('d') => kind(Kind::Digit, false),
            Some('D') => kind(Kind::Digit, true),
            Some('s') => kind(Kind::Space, false),
            Some('S') => kind(Kind::Space, true),
            Some('w') => kind(Kind::Word, false),
            Some('W') => kind(Kind::Word, true),
            Some('a') => Ok(Escape::Unit(7)),
            Some('f') => Ok(Escape::Unit(0xc)),
            Some('n') => Ok(Escape::Unit(0xa)),
            Some('r') => Ok(Escape::Unit(0xd)),
            Some('t') => Ok(Escape::Unit(9)),
            Some('v') => Ok(Escape::Unit(0xb)),
            Some('x') => self.hexadecimal(2, from),
            Some('u') if self.unit == Unit::Char => self.hexadecimal(4, from),
            Some('U') if self.unit == Unit::Char => self.hexadecimal(8, from),
            Some('N') if self.unit == Unit::Char => Err(self.error(
                "names of characters are not known; write the character itself",
                from,
                self.at,
            )),
            Some(c) if c.is_ascii_alphanumeric() => {
                Err(self.error(format!("unknown escape \\{c}"), from, self.at))
            }
            _ => Ok(Escape::Unit(next)),
        }
    }

    fn hexadecimal(&mut self, count: usize, from: usize) -> Result<Escape> {
        let start = self.at;
        let mut value = 0_u32;
        while self.at < start + count
            && let Some(digit) = self.peek_char().and_then(|c| c.to_digit(16))
        {
            value = value << 4 | digit;
            self.at += 1;
        }
        let written = self.text(from, self.at);
        if self.at < start + count {
            return Err(self.error(format!("{written} lacks digits"), from, self.at));
        }
        if value > u32::from(char::MAX) {
            return Err(self.error(format!("there is no character {written}"), from, self.at));
        }
        Ok(Escape::Unit(value))
    }
}
