//! What stands in brackets.

use super::escape::Escape;
use super::{Parser, Result, Scope};
use crate::pattern::ast::{Ast, Item};

impl Parser<'_> {
    pub(super) fn class(&mut self, scope: Scope) -> Result<Ast> {
        let from = self.at;
        self.at += 1;
        let negated = self.take('^');
        let mut items = Vec::new();
        loop {
            // At the beginning, a bracket is itself.
            if !items.is_empty() && self.take(']') {
                return Ok(scope.class(items, negated));
            }
            let start = self.at;
            let low = self.member(from, scope)?;
            if !self.take('-') {
                items.push(low.item());
                continue;
            }
            if self.take(']') {
                items.extend([low.item(), Item::Range(u32::from('-'), u32::from('-'))]);
                return Ok(scope.class(items, negated));
            }
            let high = self.member(from, scope)?;
            match (low, high) {
                (Escape::Unit(low), Escape::Unit(high)) if low <= high => {
                    items.push(Item::Range(low, high))
                }
                _ => {
                    let written = self.text(start, self.at);
                    return Err(self.error(format!("{written} is no range"), start, self.at));
                }
            }
        }
    }

    fn member(&mut self, from: usize, scope: Scope) -> Result<Escape> {
        match self.peek() {
            None => Err(self.error("unclosed brackets", from, self.at)),
            Some(unit) if unit == u32::from('\\') => self.class_escape(scope),
            Some(unit) => {
                self.at += 1;
                Ok(Escape::Unit(unit))
            }
        }
    }
}

impl Escape {
    fn item(&self) -> Item {
        match self {
            Self::Unit(value) => Item::Range(*value, *value),
            Self::Kind(item) => *item,
        }
    }
}
