//! Flags within a pattern: `(?i)` for all of it, `(?i-s:...)` for a part.

use super::{Parser, Result, Scope};
use crate::pattern::Unit;

/// What ends a list of flags.
pub(super) enum Flagged {
    /// For all of the pattern.
    Global(Scope),
    /// For the group that follows.
    Local(Scope),
}

impl Parser<'_> {
    /// Reads flags up to the colon or parenthesis after them. The group begins at `from`.
    pub(super) fn flags(&mut self, scope: Scope, from: usize) -> Result<Flagged> {
        let (mut on, mut off) = (String::new(), None::<String>);
        loop {
            let at = self.at;
            match self.next() {
                Some(')') if off.is_none() => {
                    return Ok(Flagged::Global(self.set(scope, &on, "", from)?));
                }
                Some(':') if off.as_deref() != Some("") => {
                    return Ok(Flagged::Local(self.set(
                        scope,
                        &on,
                        &off.unwrap_or_default(),
                        from,
                    )?));
                }
                Some('-') if off.is_none() => off = Some(String::new()),
                Some(flag @ ('a' | 'i' | 'L' | 'm' | 's' | 'u' | 'x')) => match &mut off {
                    None => on.push(flag),
                    Some(_) if matches!(flag, 'a' | 'L' | 'u') => {
                        let reason = "only i, m, s and x can be turned off";
                        return Err(self.error(reason, from, self.at));
                    }
                    Some(off) => off.push(flag),
                },
                Some(c) if c.is_ascii_alphabetic() => {
                    return Err(self.error("unknown flag", at, self.at));
                }
                None if self.peek().is_some_and(|unit| unit >= 0x80) => {
                    return Err(self.error("unknown flag", at, at + 1));
                }
                _ => {
                    let reason = if off.is_some() {
                        "flags to turn off, and a colon, must follow"
                    } else {
                        "a colon or a parenthesis must follow the flags"
                    };
                    return Err(self.error(reason, at, at + 1));
                }
            }
        }
    }

    fn set(&self, scope: Scope, on: &str, off: &str, from: usize) -> Result<Scope> {
        let error = |reason: &'static str| Err(self.error(reason, from, self.at));
        if on.chars().any(|flag| off.contains(flag)) {
            return error("a flag cannot be turned on and off");
        }
        let kinds = [on.contains('a'), on.contains('L'), on.contains('u')];
        match self.unit {
            Unit::Char if on.contains('L') => {
                return error("L is a flag for bytes");
            }
            Unit::Byte if on.contains('u') => {
                return error("u is a flag for text");
            }
            _ if kinds.into_iter().filter(|kind| *kind).count() > 1 => {
                return error("only one of a, u and L can hold");
            }
            _ => {}
        }
        let now = |flag, before| on.contains(flag) || before && !off.contains(flag);
        Ok(Scope {
            ignore_case: now('i', scope.ignore_case),
            dot_all: now('s', scope.dot_all),
            multi_line: now('m', scope.multi_line),
            verbose: now('x', scope.verbose),
            // Of a locale, ASCII is what is the same everywhere.
            ascii: (scope.ascii || on.contains('a')) && !on.contains('u'),
        })
    }
}
