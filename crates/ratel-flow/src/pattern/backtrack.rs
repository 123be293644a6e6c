//! An engine for patterns that look around or back: it tries one way after the other, as Python's does, and gives up
//! after a number of steps that grows with the text and not faster.
//!
//! A pattern becomes a program of instructions; `run` goes through it. No instruction takes longer than the steps that
//! it is counted for, which is what other engines of this kind do not promise.

mod run;

pub(super) use run::{GivenUp, Groups, Steps};

use super::ast::{Anchor, Ast, Case, Class, Greed, Item, Kind, Look, Repeat};
use super::set::Set;
use super::{Unit, emit};

/// A pattern as instructions.
#[derive(Debug)]
pub(super) struct Program {
    code: Vec<Inst>,
    sets: Vec<Set>,
    unit: Unit,
    /// Starts and ends of groups, the whole match first.
    slots: usize,
    loops: usize,
    /// Finds every text that this finds, and others. Only where it finds something, the program is run.
    approximate: Option<regex::bytes::Regex>,
    /// What a word is made of.
    word: [Set; 2],
}

/// Where in the code something is.
type Place = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inst {
    /// The end, of the pattern or of what stands in a look or an atomic group.
    Accept,
    /// One unit of the set.
    Unit(u32),
    /// As many units of the set as the bounds allow, in the order that greed demands.
    Units {
        set: u32,
        min: u32,
        max: u32,
        greed: Greed,
    },
    /// The first, and if that fails, the second.
    Split {
        first: Place,
        second: Place,
    },
    Jump(Place),
    Save(u32),
    At(Anchor),
    /// What is to be seen follows; the rest is at `next`.
    Look {
        behind: Option<u32>,
        negated: bool,
        next: Place,
    },
    /// The same for an atomic group.
    Atomic {
        next: Place,
    },
    Back {
        group: u32,
        ignore_case: bool,
    },
    /// Goes on if the group has matched.
    If {
        group: u32,
        otherwise: Place,
    },
    /// Before a loop.
    Start {
        counter: u32,
    },
    /// Into the body, which follows, or out.
    Loop {
        counter: u32,
        min: u32,
        max: u32,
        lazy: bool,
        exit: Place,
    },
    /// At the beginning of the body.
    Enter {
        counter: u32,
    },
}

impl Program {
    /// `size` is the room in bytes for what finds out where to look.
    pub(super) fn new(
        ast: &Ast,
        unit: Unit,
        ignore_case: bool,
        groups: usize,
        size: usize,
    ) -> Self {
        let word = |ascii| {
            let kind = Item::Kind {
                kind: Kind::Word,
                negated: false,
                ascii,
            };
            let class = Class {
                negated: false,
                items: vec![kind],
                case: Case::Sensitive,
            };
            Set::of_class(&class, unit)
        };
        let mut program = Self {
            code: Vec::new(),
            sets: Vec::new(),
            unit,
            slots: 2 * (groups + 1),
            loops: 0,
            approximate: emit::approximate(ast, unit, ignore_case, size),
            word: [word(false), word(true)],
        };
        let mut group = 0;
        program.put(ast, &mut group);
        program.code.push(Inst::Accept);
        program
    }

    /// Does without what finds out where to look.
    #[cfg(test)]
    pub(super) fn look_everywhere(&mut self) {
        self.approximate = None;
    }

    fn put(&mut self, ast: &Ast, group: &mut u32) {
        match ast {
            Ast::Empty => {}
            Ast::Literal(_) | Ast::Any { .. } | Ast::Class(_) => {
                if let Some(set) = self.set(ast) {
                    self.code.push(Inst::Unit(set));
                }
            }
            Ast::At(anchor) => self.code.push(Inst::At(*anchor)),
            Ast::Concat(parts) => parts.iter().for_each(|part| self.put(part, group)),
            Ast::Alternate(branches) => self.alternate(branches, group),
            Ast::Repeat(repeat) => self.repeat(repeat, group),
            Ast::Capture(inner) => {
                *group += 1;
                let slot = *group * 2;
                self.code.push(Inst::Save(slot));
                self.put(inner, group);
                self.code.push(Inst::Save(slot + 1));
            }
            Ast::Atomic(inner) => self.apart(
                |next| Inst::Atomic { next },
                |program| program.put(inner, group),
            ),
            Ast::Look(look) => {
                let Look {
                    inner,
                    behind,
                    negated,
                } = &**look;
                let (behind, negated) = (*behind, *negated);
                let look = |next| Inst::Look {
                    behind,
                    negated,
                    next,
                };
                self.apart(look, |program| program.put(inner, group));
            }
            Ast::Back { group, ignore_case } => {
                let (group, ignore_case) = (*group, *ignore_case);
                self.code.push(Inst::Back { group, ignore_case });
            }
            Ast::Conditional {
                group: condition,
                branches,
            } => {
                let at = self.hole();
                self.put(&branches.0, group);
                let end = self.hole();
                self.fill(
                    at,
                    Inst::If {
                        group: *condition,
                        otherwise: self.here(),
                    },
                );
                self.put(&branches.1, group);
                self.fill(end, Inst::Jump(self.here()));
            }
        }
    }

    fn alternate(&mut self, branches: &[Ast], group: &mut u32) {
        let mut ends = Vec::new();
        for (position, branch) in branches.iter().enumerate() {
            if position + 1 == branches.len() {
                self.put(branch, group);
                break;
            }
            let split = self.hole();
            let first = self.here();
            self.put(branch, group);
            ends.push(self.hole());
            let second = self.here();
            self.fill(split, Inst::Split { first, second });
        }
        for end in ends {
            self.fill(end, Inst::Jump(self.here()));
        }
    }

    fn repeat(&mut self, repeat: &Repeat, group: &mut u32) {
        let Repeat {
            inner,
            min,
            max,
            greed,
        } = repeat;
        let (min, max, greed) = (*min, max.unwrap_or(u32::MAX), *greed);
        if let Some(set) = self.set(inner) {
            self.code.push(Inst::Units {
                set,
                min,
                max,
                greed,
            });
            return;
        }
        if greed == Greed::Possessive {
            let greedy = Repeat {
                greed: Greed::Greedy,
                ..repeat.clone()
            };
            return self.apart(
                |next| Inst::Atomic { next },
                |program| program.repeat(&greedy, group),
            );
        }
        let counter = self.loops as u32;
        self.loops += 1;
        self.code.push(Inst::Start { counter });
        let start = self.hole();
        self.code.push(Inst::Enter { counter });
        self.put(inner, group);
        self.code.push(Inst::Jump(start));
        let exit = self.here();
        let lazy = greed == Greed::Lazy;
        self.fill(
            start,
            Inst::Loop {
                counter,
                min,
                max,
                lazy,
                exit,
            },
        );
    }

    /// Something with an end of its own.
    fn apart(&mut self, inst: impl FnOnce(Place) -> Inst, put: impl FnOnce(&mut Self)) {
        let at = self.hole();
        put(self);
        self.code.push(Inst::Accept);
        self.fill(at, inst(self.here()));
    }

    /// The set of what matches one unit, whatever it is.
    fn set(&mut self, ast: &Ast) -> Option<u32> {
        let set = match ast {
            Ast::Literal(literal) => Set::of_literal(*literal, self.unit),
            Ast::Any { all } => Set::any(*all),
            Ast::Class(class) => Set::of_class(class, self.unit),
            _ => return None,
        };
        let known = self.sets.iter().position(|known| *known == set);
        let at = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        Some(at as u32)
    }

    fn here(&self) -> Place {
        self.code.len() as Place
    }

    /// A place for an instruction that is not known yet.
    fn hole(&mut self) -> Place {
        let at = self.here();
        self.code.push(Inst::Jump(at));
        at
    }

    fn fill(&mut self, at: Place, inst: Inst) {
        if let Some(hole) = self.code.get_mut(at as usize) {
            *hole = inst;
        }
    }
}
