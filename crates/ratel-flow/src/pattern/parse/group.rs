//! What stands in parentheses.

use super::flags::Flagged;
use super::{DEPTH_MAX, Parser, Result, Scope};
use crate::pattern::Unit;
use crate::pattern::ast::{Ast, Look, Width};

/// What parentheses are.
pub(super) enum Group {
    Part(Ast),
    /// Nothing at all.
    Comment,
    /// Flags for all of the pattern.
    Flags(Scope),
}

impl<'a> Parser<'a> {
    pub(super) fn group(&mut self, scope: Scope) -> Result<Group> {
        let from = self.at;
        self.at += 1;
        if !self.take('?') {
            return self.capture(None, scope, from).map(Group::Part);
        }
        let at = self.at;
        let part = match self.next() {
            Some('P') => self.named(scope, from)?,
            Some(':') => self.inner(scope, from)?,
            Some('#') => {
                while let Some(unit) = self.peek() {
                    self.at += 1;
                    if unit == u32::from(')') {
                        return Ok(Group::Comment);
                    }
                }
                return Err(self.error("unclosed comment", from, from + 1));
            }
            Some('=') => self.look(false, false, scope, from)?,
            Some('!') => self.look(false, true, scope, from)?,
            Some('<') => {
                let next = self.next();
                match next {
                    Some('=') => self.look(true, false, scope, from)?,
                    Some('!') => self.look(true, true, scope, from)?,
                    _ => return Err(self.unknown(from)),
                }
            }
            Some('>') => Ast::Atomic(Box::new(self.inner(scope, from)?)),
            Some('(') => self.conditional(scope, from)?,
            Some('a' | 'i' | 'L' | 'm' | 's' | 'u' | 'x' | '-') => {
                self.at = at;
                match self.flags(scope, from)? {
                    Flagged::Global(scope) => return Ok(Group::Flags(scope)),
                    Flagged::Local(scope) => self.inner(scope, from)?,
                }
            }
            None if self.peek().is_none() => {
                return Err(self.error("the pattern ends in a group", from, self.at));
            }
            _ => return Err(self.unknown(from)),
        };
        // A sequence in parentheses is one thing to what follows it.
        Ok(Group::Part(match part {
            part @ (Ast::Repeat(_) | Ast::At(_)) => Ast::Concat(vec![part]),
            part => part,
        }))
    }

    fn unknown(&self, from: usize) -> crate::pattern::PatternError {
        let to = (self.at + 1).min(self.units.len());
        let written = self.text(from + 1, self.at);
        self.error(format!("a group cannot begin with {written}"), from, to)
    }

    fn capture(&mut self, name: Option<&'a str>, scope: Scope, from: usize) -> Result<Ast> {
        let number = self.groups.len();
        self.groups.push(None);
        if let Some(name) = name {
            self.names.push((name, number as u32 + 1));
        }
        let inner = self.inner(scope, from)?;
        let inner_width = inner.width(&self.widths());
        if let Some(width) = self.groups.get_mut(number) {
            *width = Some(inner_width);
        }
        Ok(Ast::Capture(Box::new(inner)))
    }

    /// What is in the parentheses, and the one that closes them.
    fn inner(&mut self, scope: Scope, from: usize) -> Result<Ast> {
        self.deeper(from)?;
        let inner = self.alternatives(scope)?;
        self.depth -= 1;
        self.close(from)?;
        Ok(inner)
    }

    fn deeper(&mut self, from: usize) -> Result<()> {
        if self.depth == DEPTH_MAX {
            return Err(self.error("nested too deeply", from, from + 1));
        }
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self, from: usize) -> Result<()> {
        if self.take(')') {
            return Ok(());
        }
        Err(self.error("unclosed group", from, from + 1))
    }

    fn look(&mut self, behind: bool, negated: bool, scope: Scope, from: usize) -> Result<Ast> {
        let before = self.behind;
        if behind && before.is_none() {
            self.behind = Some(self.groups.len());
        }
        let inner = self.inner(scope, from)?;
        self.behind = before;
        let mut width = None;
        if behind {
            let Width(min, max) = inner.width(&self.widths());
            if max != Some(min) {
                let reason = "what a look-behind looks for must have one length";
                return Err(self.error(reason, from, self.at));
            }
            width = max;
        }
        Ok(Ast::Look(Box::new(Look {
            inner,
            behind: width,
            negated,
        })))
    }

    /// What the groups so far can match.
    fn widths(&self) -> Vec<Width> {
        let widths = self.groups.iter();
        widths
            .map(|width| width.unwrap_or(Width(0, None)))
            .collect()
    }

    /// `(?P<name>...)` and `(?P=name)`.
    fn named(&mut self, scope: Scope, from: usize) -> Result<Ast> {
        match self.next() {
            Some('<') => {
                let start = self.at;
                let name = self.name('>')?;
                if self.names.iter().any(|(known, _)| *known == name) {
                    let reason = format!("two groups have the name {name}");
                    return Err(self.error(reason, start, self.at - 1));
                }
                self.capture(Some(name), scope, from)
            }
            Some('=') => {
                let start = self.at;
                let name = self.name(')')?;
                match self.names.iter().find(|(known, _)| *known == name) {
                    Some((_, group)) => self.back(*group, start, scope),
                    None => {
                        Err(self.error(format!("there is no group {name}"), start, self.at - 1))
                    }
                }
            }
            None if self.peek().is_none() => {
                Err(self.error("the pattern ends in a group", from, self.at))
            }
            _ => Err(self.unknown(from)),
        }
    }

    /// A name and what ends it.
    fn name(&mut self, end: char) -> Result<&'a str> {
        let name = self.until(end)?;
        let is_letter = |c: char| c == '_' || c.is_alphabetic();
        let mut chars = name.chars();
        let well_formed = chars.next().is_some_and(is_letter)
            && chars.all(|c| is_letter(c) || c.is_numeric())
            && (self.unit == Unit::Char || name.is_ascii());
        if !well_formed {
            let from = self.at - 1 - self.count(name);
            return Err(self.error(
                format!("{name} cannot be the name of a group"),
                from,
                self.at - 1,
            ));
        }
        Ok(name)
    }

    /// Up to `end`, which is taken. Not empty.
    fn until(&mut self, end: char) -> Result<&'a str> {
        let from = self.at;
        while self.peek().is_some_and(|unit| unit != u32::from(end)) {
            self.at += 1;
        }
        let name = self.text(from, self.at);
        let at = self.at;
        if !self.take(end) {
            return Err(self.error("the name of a group is not closed", from, at));
        }
        if name.is_empty() {
            return Err(self.error("a group lacks its name", from, self.at));
        }
        Ok(name)
    }

    fn count(&self, text: &str) -> usize {
        match self.unit {
            Unit::Char => text.chars().count(),
            Unit::Byte => text.len(),
        }
    }

    /// `(?(group)yes|no)`.
    fn conditional(&mut self, scope: Scope, from: usize) -> Result<Ast> {
        let start = self.at;
        let name = self.until(')')?;
        let end = self.at - 1;
        let group = if name.bytes().all(|b| b.is_ascii_digit()) {
            match name.parse() {
                Ok(group @ 1..=10_000) => group,
                Ok(0) => return Err(self.error("there is no group 0", start, end)),
                _ => return Err(self.error(format!("there is no group {name}"), start, end)),
            }
        } else {
            match self.names.iter().find(|(known, _)| *known == name) {
                Some((_, group)) => *group,
                None => return Err(self.error(format!("there is no group {name}"), start, end)),
            }
        };
        self.conditions
            .push((group, self.place(start)..self.place(end)));
        if self.behind.is_some_and(|behind| group as usize > behind) {
            let reason = "a look-behind cannot refer to a group within it";
            return Err(self.error(reason, start, end));
        }
        self.deeper(from)?;
        let yes = self.sequence(scope, false)?;
        let no = if self.take('|') {
            self.sequence(scope, false)?
        } else {
            Ast::Empty
        };
        if self.peek() == Some(u32::from('|')) {
            let reason = "a condition has two branches at most";
            return Err(self.error(reason, from, self.at));
        }
        self.depth -= 1;
        self.close(from)?;
        Ok(Ast::Conditional {
            group,
            branches: Box::new((yes, no)),
        })
    }
}
