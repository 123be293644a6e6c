//! Going through a program.

use super::{Anchor, Greed, Inst, Place, Program};
use crate::pattern::Unit;

/// Steps that a search may take, whatever it searches.
const STEPS: u64 = 2_000_000;

/// And so many for each byte.
const STEPS_PER_BYTE: u64 = 64;

/// Ways that may be left to be tried.
const STACK_MAX: usize = 4_000_000;

/// A slot that holds nothing.
const UNSET: usize = usize::MAX;

/// It would take too long.
#[derive(Debug)]
pub(crate) struct GivenUp;

/// Where each group matched, the whole first.
pub(crate) type Groups = Vec<Option<(usize, usize)>>;

/// Steps that are left.
#[derive(Debug)]
pub(crate) struct Steps(u64);

impl Steps {
    /// Those for all that is searched for in a text.
    pub(crate) fn of(text: &[u8]) -> Self {
        Self(STEPS + STEPS_PER_BYTE * text.len() as u64)
    }
}

/// What to do when a way ends.
#[derive(Clone, Copy, Debug)]
enum Undo {
    /// Go on there instead.
    Branch {
        place: Place,
        at: usize,
    },
    /// Go on there with one unit less, down to `low`.
    Shorter {
        place: Place,
        low: usize,
        at: usize,
    },
    /// Go on after the instruction at `place` with one unit more, if that is of its set.
    Longer {
        place: Place,
        at: usize,
        left: u32,
    },
    Slot {
        slot: u32,
        before: usize,
    },
    Counter {
        counter: u32,
        before: (u32, usize),
    },
}

impl Program {
    /// Where each group matched, for the first match that begins at `from` or after. None if there is none, or if it
    /// could not be found in time.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<Groups> {
        let mut steps = Steps::of(text);
        self.find_within(text, from, false, &mut steps).ok()?
    }

    /// As [`find`](Self::find), within so many steps, of which those that it took are gone. `advance` asks for a match
    /// that is not an empty one at `from`.
    pub(crate) fn find_within(
        &self,
        text: &[u8],
        from: usize,
        advance: bool,
        steps: &mut Steps,
    ) -> Result<Option<Groups>, GivenUp> {
        let mut run = Run {
            program: self,
            text,
            steps: steps.0,
            slots: vec![UNSET; self.slots],
            counters: vec![(0, UNSET); self.loops],
            stack: Vec::new(),
        };
        let found = self.find_by(&mut run, from, advance);
        steps.0 = run.steps;
        found
    }

    fn find_by(
        &self,
        run: &mut Run<'_>,
        from: usize,
        advance: bool,
    ) -> Result<Option<Groups>, GivenUp> {
        let unwanted = advance.then_some(from);
        let mut from = from;
        if let Some(approximate) = &self.approximate {
            match approximate.find_at(run.text, from) {
                Some(found) => from = found.start(),
                None => return Ok(None),
            }
        }
        loop {
            let mut end = run.run(0, from)?;
            while end == Some(from) && unwanted == Some(from) {
                end = match run.back(0) {
                    Some((place, at)) => run.go_on(0, place, at)?,
                    None => None,
                };
            }
            if let Some(end) = end {
                if let [start, stop, ..] = &mut run.slots[..] {
                    (*start, *stop) = (from, end);
                }
                let pairs = run.slots.chunks_exact(2).map(|pair| match *pair {
                    [start, end] if start != UNSET && end != UNSET => Some((start, end)),
                    _ => None,
                });
                return Ok(Some(pairs.collect()));
            }
            if self.starts_at_start() {
                return Ok(None);
            }
            from = match run.next(from) {
                Some(next) => next,
                None => return Ok(None),
            };
        }
    }

    fn starts_at_start(&self) -> bool {
        self.code.first() == Some(&Inst::At(Anchor::Start))
    }
}

struct Run<'a> {
    program: &'a Program,
    text: &'a [u8],
    /// Those that are left.
    steps: u64,
    slots: Vec<usize>,
    /// For each loop how often its body was entered, and where last.
    counters: Vec<(u32, usize)>,
    stack: Vec<Undo>,
}

impl Run<'_> {
    /// Runs to the next end, and says where in the text that is. What can still be tried stays on the stack.
    fn run(&mut self, place: Place, at: usize) -> Result<Option<usize>, GivenUp> {
        self.go_on(self.stack.len(), place, at)
    }

    /// The same, with ways that are left to be tried above `base`.
    fn go_on(&mut self, base: usize, place: Place, at: usize) -> Result<Option<usize>, GivenUp> {
        let (mut place, mut at) = (place, at);
        loop {
            self.step(1)?;
            let next = match self.program.code.get(place as usize) {
                None | Some(Inst::Accept) => return Ok(Some(at)),
                Some(inst) => self.inst(*inst, place, at)?,
            };
            match next.or_else(|| self.back(base)) {
                Some(next) => (place, at) = next,
                None => return Ok(None),
            }
        }
    }

    /// Where to go on after an instruction; none if it fails.
    fn inst(
        &mut self,
        inst: Inst,
        place: Place,
        at: usize,
    ) -> Result<Option<(Place, usize)>, GivenUp> {
        let on = place + 1;
        Ok(match inst {
            Inst::Accept => None,
            Inst::Unit(set) => self.unit(set, at).map(|at| (on, at)),
            Inst::Units {
                set,
                min,
                max,
                greed,
            } => self.units(set, (min, max), greed, place, at)?,
            Inst::Split { first, second } => {
                self.push(Undo::Branch { place: second, at })?;
                Some((first, at))
            }
            Inst::Jump(place) => Some((place, at)),
            Inst::Save(slot) => {
                if let Some(held) = self.slots.get_mut(slot as usize) {
                    let before = std::mem::replace(held, at);
                    self.push(Undo::Slot { slot, before })?;
                }
                Some((on, at))
            }
            Inst::At(anchor) => self.is_at(anchor, at).then_some((on, at)),
            Inst::Look {
                behind,
                negated,
                next,
            } => self.look(behind, negated, on, at)?.then_some((next, at)),
            Inst::Atomic { next } => {
                let base = self.stack.len();
                let end = self.run(on, at)?;
                self.keep(base);
                end.map(|at| (next, at))
            }
            Inst::Back { group, ignore_case } => {
                self.again(group, ignore_case, at)?.map(|at| (on, at))
            }
            Inst::If { group, otherwise } => Some((
                if self.group(group).is_some() {
                    on
                } else {
                    otherwise
                },
                at,
            )),
            Inst::Start { counter } => {
                self.count(counter, (0, UNSET))?;
                Some((on, at))
            }
            Inst::Enter { counter } => {
                let (count, _) = self.counter(counter);
                self.count(counter, (count.saturating_add(1), at))?;
                Some((on, at))
            }
            Inst::Loop {
                counter,
                min,
                max,
                lazy,
                exit,
            } => {
                let (count, last) = self.counter(counter);
                if count < min {
                    Some((on, at))
                // What matched nothing the last time will do so again.
                } else if count >= max || last == at {
                    Some((exit, at))
                } else {
                    let (first, second) = if lazy { (exit, on) } else { (on, exit) };
                    self.push(Undo::Branch { place: second, at })?;
                    Some((first, at))
                }
            }
        })
    }

    fn units(
        &mut self,
        set: u32,
        (min, max): (u32, u32),
        greed: Greed,
        place: Place,
        from: usize,
    ) -> Result<Option<(Place, usize)>, GivenUp> {
        let (mut at, mut count, mut low) = (from, 0, from);
        let wanted = if greed == Greed::Lazy { min } else { max };
        while count < wanted
            && let Some(next) = self.unit(set, at)
        {
            at = next;
            count += 1;
            if count == min {
                low = at;
            }
        }
        self.step(u64::from(count) / 4)?;
        if count < min {
            return Ok(None);
        }
        match greed {
            Greed::Greedy if at > low => self.push(Undo::Shorter {
                place: place + 1,
                low,
                at,
            })?,
            Greed::Lazy if max > min => self.push(Undo::Longer {
                place,
                at,
                left: max - min,
            })?,
            Greed::Greedy | Greed::Lazy | Greed::Possessive => {}
        }
        Ok(Some((place + 1, at)))
    }

    fn look(
        &mut self,
        behind: Option<u32>,
        negated: bool,
        place: Place,
        at: usize,
    ) -> Result<bool, GivenUp> {
        let mut start = Some(at);
        for _ in 0..behind.unwrap_or(0) {
            start = start.and_then(|at| self.before(at));
        }
        self.step(u64::from(behind.unwrap_or(0)) / 4)?;
        let Some(start) = start else {
            return Ok(negated);
        };
        let base = self.stack.len();
        let seen = self.run(place, start)?.is_some();
        if negated {
            // What it has remembered is no longer so.
            while self.stack.len() > base {
                self.undo();
            }
        } else {
            self.keep(base);
        }
        Ok(seen != negated)
    }

    /// Forgets other ways since the stack had that height, but not what is to be undone.
    fn keep(&mut self, base: usize) {
        let mut kept = base;
        for at in base..self.stack.len() {
            if matches!(
                self.stack.get(at),
                Some(Undo::Slot { .. } | Undo::Counter { .. })
            ) {
                self.stack.swap(kept, at);
                kept += 1;
            }
        }
        self.stack.truncate(kept);
    }

    /// Goes back to the last place where another way was open.
    fn back(&mut self, base: usize) -> Option<(Place, usize)> {
        while self.stack.len() > base {
            if let Some(next) = self.undo() {
                return Some(next);
            }
        }
        None
    }

    fn undo(&mut self) -> Option<(Place, usize)> {
        match self.stack.pop()? {
            Undo::Branch { place, at } => Some((place, at)),
            Undo::Shorter { place, low, at } => {
                let at = self.before(at).filter(|at| *at >= low)?;
                if at > low {
                    self.stack.push(Undo::Shorter { place, low, at });
                }
                Some((place, at))
            }
            Undo::Longer { place, at, left } => {
                let Some(Inst::Units { set, .. }) = self.program.code.get(place as usize) else {
                    return None;
                };
                let at = self.unit(*set, at)?;
                if left > 1 {
                    self.stack.push(Undo::Longer {
                        place,
                        at,
                        left: left - 1,
                    });
                }
                Some((place + 1, at))
            }
            Undo::Slot { slot, before } => {
                if let Some(slot) = self.slots.get_mut(slot as usize) {
                    *slot = before;
                }
                None
            }
            Undo::Counter { counter, before } => {
                if let Some(counter) = self.counters.get_mut(counter as usize) {
                    *counter = before;
                }
                None
            }
        }
    }

    /// What a group matched, once more.
    fn again(
        &mut self,
        group: u32,
        ignore_case: bool,
        at: usize,
    ) -> Result<Option<usize>, GivenUp> {
        let Some(first) = self.group(group) else {
            return Ok(None);
        };
        let steps = first.len() as u64 / 4;
        let same = if ignore_case && self.program.unit == Unit::Char {
            self.same_letters(first, at)
        } else {
            let there = self.text.get(at..at.saturating_add(first.len()));
            let same = |there: &&[u8]| {
                if ignore_case {
                    there.eq_ignore_ascii_case(first)
                } else {
                    *there == first
                }
            };
            there.filter(same).map(|there| at + there.len())
        };
        self.step(steps)?;
        Ok(same)
    }

    /// The place after what are the same letters as `first`, be they capitals or small.
    fn same_letters(&self, first: &[u8], mut at: usize) -> Option<usize> {
        // The first character of several is that of the simple mapping.
        let small = |c: char| c.to_lowercase().next().unwrap_or(c);
        for c in str::from_utf8(first).ok()?.chars() {
            let there = self.char(at)?;
            if small(c) != small(there) {
                return None;
            }
            at += there.len_utf8();
        }
        Some(at)
    }

    fn group(&self, group: u32) -> Option<&[u8]> {
        let slot = group as usize * 2;
        let (start, end) = (*self.slots.get(slot)?, *self.slots.get(slot + 1)?);
        self.text.get(start..end)
    }

    fn is_at(&self, anchor: Anchor, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or_default();
        match anchor {
            Anchor::Start => at == 0,
            Anchor::LineStart => at == 0 || self.text.get(at - 1) == Some(&b'\n'),
            Anchor::End => rest.is_empty(),
            Anchor::EndOfLast => matches!(rest, [] | [b'\n']),
            Anchor::LineEnd => matches!(rest, [] | [b'\n', ..]),
            Anchor::Boundary { negated, ascii } => {
                let [letters, ascii_letters] = &self.program.word;
                let word = if ascii { ascii_letters } else { letters };
                let is_word = |at: Option<usize>| match (at, self.program.unit) {
                    (None, _) => false,
                    (Some(at), Unit::Byte) => {
                        self.text.get(at).is_some_and(|byte| word.has_byte(*byte))
                    }
                    (Some(at), Unit::Char) => self.char(at).is_some_and(|c| word.has_char(c)),
                };
                let differ = is_word(self.before(at)) != is_word(Some(at));
                // As in Python, there is no place in nothing that is within a word or between words.
                differ != negated && !self.text.is_empty()
            }
        }
    }

    /// The place after one unit of the set.
    fn unit(&self, set: u32, at: usize) -> Option<usize> {
        let set = self.program.sets.get(set as usize)?;
        let byte = *self.text.get(at)?;
        if byte < 0x80 || self.program.unit == Unit::Byte {
            return set.has_byte(byte).then_some(at + 1);
        }
        let c = self.char(at)?;
        set.has_char(c).then_some(at + c.len_utf8())
    }

    /// Text is UTF-8; what is not has no characters.
    fn char(&self, at: usize) -> Option<char> {
        let rest = self.text.get(at..)?;
        let first = *rest.first()?;
        if first < 0x80 {
            return Some(char::from(first));
        }
        let len = if first >= 0xf0 {
            4
        } else if first >= 0xe0 {
            3
        } else {
            2
        };
        str::from_utf8(rest.get(..len)?).ok()?.chars().next()
    }

    fn before(&self, at: usize) -> Option<usize> {
        let mut before = at.checked_sub(1)?;
        if self.program.unit == Unit::Char {
            while before > 0
                && self
                    .text
                    .get(before)
                    .is_some_and(|byte| byte & 0xc0 == 0x80)
            {
                before -= 1;
            }
        }
        Some(before)
    }

    /// The place after the unit at this one; none at the end.
    fn next(&self, at: usize) -> Option<usize> {
        let mut next = at + 1;
        if self.program.unit == Unit::Char {
            while self.text.get(next).is_some_and(|byte| byte & 0xc0 == 0x80) {
                next += 1;
            }
        }
        (next <= self.text.len()).then_some(next)
    }

    fn counter(&self, counter: u32) -> (u32, usize) {
        self.counters
            .get(counter as usize)
            .copied()
            .unwrap_or((0, UNSET))
    }

    fn count(&mut self, counter: u32, now: (u32, usize)) -> Result<(), GivenUp> {
        if let Some(held) = self.counters.get_mut(counter as usize) {
            let before = std::mem::replace(held, now);
            self.push(Undo::Counter { counter, before })?;
        }
        Ok(())
    }

    fn push(&mut self, undo: Undo) -> Result<(), GivenUp> {
        if self.stack.len() == STACK_MAX {
            return Err(GivenUp);
        }
        self.stack.push(undo);
        Ok(())
    }

    fn step(&mut self, steps: u64) -> Result<(), GivenUp> {
        self.steps = self.steps.checked_sub(steps).ok_or(GivenUp)?;
        Ok(())
    }
}
