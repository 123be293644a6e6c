//! Sets of units.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class as HirClass, Hir, HirKind};

use super::ast::{Class, Item, Literal};
use super::{Unit, emit};

/// The units that a class or a letter matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    /// Bytes, or characters below 256, of which text has those of ASCII in one byte.
    low: [u64; 4],
    /// Characters outside of ASCII, in order.
    ranges: Box<[(char, char)]>,
}

impl Set {
    pub(super) fn of_literal(literal: Literal, unit: Unit) -> Self {
        let Literal { value, case } = literal;
        let items = vec![Item::Range(value, value)];
        Self::of_class(
            &Class {
                negated: false,
                items,
                case,
            },
            unit,
        )
    }

    /// As the engines understand it, so that both are of one mind.
    pub(super) fn of_class(class: &Class, unit: Unit) -> Self {
        let text = emit::class(class, unit);
        let parsed = ParserBuilder::new()
            .unicode(unit == Unit::Char)
            .utf8(false)
            .build()
            .parse(&text);
        parsed.map(|hir| Self::of_hir(&hir)).unwrap_or_default()
    }

    /// Every unit, or all but the end of a line.
    pub(super) fn any(all: bool) -> Self {
        let mut set = Self {
            low: [u64::MAX; 4],
            ranges: Box::new([('\u{80}', char::MAX)]),
        };
        if !all {
            set.low[0] &= !(1 << b'\n');
        }
        set
    }

    fn of_hir(hir: &Hir) -> Self {
        let mut set = Self::default();
        match hir.kind() {
            HirKind::Class(HirClass::Unicode(class)) => {
                for range in class.ranges() {
                    let (start, end) = (range.start(), range.end());
                    set.add_low(u32::from(start), u32::from(end).min(0x7f));
                }
                let outside = class
                    .ranges()
                    .iter()
                    .filter(|range| !range.end().is_ascii());
                set.ranges = outside
                    .map(|range| (range.start().max('\u{80}'), range.end()))
                    .collect();
            }
            HirKind::Class(HirClass::Bytes(class)) => {
                for range in class.ranges() {
                    set.add_low(u32::from(range.start()), u32::from(range.end()));
                }
            }
            // A class of one unit.
            HirKind::Literal(literal) => match (str::from_utf8(&literal.0), &*literal.0) {
                (_, [byte]) => set.add_low(u32::from(*byte), u32::from(*byte)),
                (Ok(text), _) => set.ranges = text.chars().map(|c| (c, c)).collect(),
                (Err(_), _) => {}
            },
            _ => {}
        }
        set
    }

    fn add_low(&mut self, start: u32, end: u32) {
        for value in start..=end.min(0xff) {
            if let Some(word) = self.low.get_mut(value as usize / 64) {
                *word |= 1 << (value % 64);
            }
        }
    }

    pub(super) fn has_byte(&self, byte: u8) -> bool {
        let [a, b, c, d] = self.low;
        let word = match byte / 64 {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        };
        word >> (byte % 64) & 1 == 1
    }

    pub(super) fn has_char(&self, c: char) -> bool {
        if c.is_ascii() {
            return self.has_byte(c as u8);
        }
        let at = self.ranges.partition_point(|(_, end)| *end < c);
        self.ranges.get(at).is_some_and(|(start, _)| *start <= c)
    }
}
