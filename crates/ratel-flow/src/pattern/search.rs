//! A pattern of bytes for whoever searches much: where it is found, and what is in every text that it is found in.

use std::ops::Range;

use super::ast::{Ast, Width};
use super::{Engine, Pattern, SIZE_MAX, Unit, engine, parse, required};

/// A pattern that says where it is found.
#[derive(Clone, Debug)]
pub struct Searcher {
    engine: Engine,
    required: Vec<Vec<Box<[u8]>>>,
    width: Width,
    is_local: bool,
}

impl Pattern {
    /// The pattern as one that says where it is found. None for one of characters.
    #[must_use]
    pub fn searcher(&self) -> Option<Searcher> {
        if self.unit != Unit::Byte {
            return None;
        }
        // It was read before.
        let parsed = parse::parse(&self.source, self.unit, self.flags).ok()?;
        let engine = match &self.engine {
            Engine::Literal(finder) => Engine::Literal(finder.clone()),
            _ => engine(&parsed, self.unit, SIZE_MAX, true),
        };
        Some(Searcher {
            engine,
            required: required::of(&parsed.ast),
            // Groups are asked for by nobody who has a bound.
            width: parsed.ast.width(&[]),
            is_local: is_local(&parsed.ast),
        })
    }
}

impl Searcher {
    /// The first place at or after `from` where it is found.
    #[must_use]
    pub fn find_at(&self, bytes: &[u8], from: usize) -> Option<Range<usize>> {
        match &self.engine {
            Engine::Literal(finder) => {
                let at = from + finder.find(bytes.get(from..)?)?;
                Some(at..at + finder.bytes.len())
            }
            Engine::Plain(regex) if from <= bytes.len() => {
                regex.find_at(bytes, from).map(|found| found.range())
            }
            Engine::Backtracking(program) if from <= bytes.len() => {
                let groups = program.find(bytes, from)?;
                let (start, end) = groups.first().copied()??;
                Some(start..end)
            }
            _ => None,
        }
    }

    /// Sets of texts in small letters: of each set, every match has at least one in it, whatever the case of its
    /// letters. The set that says most comes first.
    #[must_use]
    pub fn required(&self) -> &[Vec<Box<[u8]>>] {
        &self.required
    }

    /// Whether it is found in the empty text, and so everywhere.
    #[must_use]
    pub fn matches_nothing(&self) -> bool {
        self.width.0 == 0
    }

    /// The length of the longest match, if whether and how it is one depends on nothing around it.
    #[must_use]
    pub fn reach(&self) -> Option<usize> {
        let Width(_, longest) = self.width;
        longest
            .filter(|longest| self.is_local && *longest < u32::MAX)
            .map(|longest| longest as usize)
    }
}

/// Whether what it matches depends on nothing that stands before or after.
fn is_local(ast: &Ast) -> bool {
    match ast {
        Ast::Empty | Ast::Literal(_) | Ast::Any { .. } | Ast::Class(_) | Ast::Back { .. } => true,
        Ast::At(_) | Ast::Look(_) => false,
        Ast::Concat(parts) | Ast::Alternate(parts) => parts.iter().all(is_local),
        Ast::Repeat(repeat) => is_local(&repeat.inner),
        Ast::Capture(inner) | Ast::Atomic(inner) => is_local(inner),
        Ast::Conditional { branches, .. } => is_local(&branches.0) && is_local(&branches.1),
    }
}
