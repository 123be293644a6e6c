//! A pattern, read: what each part matches, with the flags that hold where it stands.

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ast {
    Empty,
    Literal(Literal),
    /// Any unit; the end of a line only if `all`.
    Any {
        all: bool,
    },
    Class(Class),
    At(Anchor),
    /// One after the other.
    Concat(Vec<Ast>),
    /// The first that fits.
    Alternate(Vec<Ast>),
    Repeat(Box<Repeat>),
    /// In parentheses that remember what they matched.
    Capture(Box<Ast>),
    /// What it matched first is all that is tried.
    Atomic(Box<Ast>),
    Look(Box<Look>),
    /// What the group of that number matched, once more.
    Back {
        group: u32,
        ignore_case: bool,
    },
    /// One or the other, depending on whether the group of that number matched.
    Conditional {
        group: u32,
        branches: Box<(Ast, Ast)>,
    },
}

/// A character, or a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// A code point, surrogates included, or the value of the byte.
    pub(super) value: u32,
    pub(super) case: Case,
}

/// Which letters are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Sensitive,
    /// Capitals and small letters of ASCII.
    Ascii,
    /// Capitals and small letters.
    Unicode,
}

/// One of several units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) negated: bool,
    pub(super) items: Vec<Item>,
    pub(super) case: Case,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Both ends included.
    Range(u32, u32),
    Kind {
        kind: Kind,
        negated: bool,
        ascii: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Digit,
    Space,
    Word,
}

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    LineStart,
    End,
    /// The end, or before the end of the last line.
    EndOfLast,
    LineEnd,
    Boundary {
        negated: bool,
        ascii: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) inner: Ast,
    pub(super) min: u32,
    /// None for any number.
    pub(super) max: Option<u32>,
    pub(super) greed: Greed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greed {
    /// As many as possible first.
    Greedy,
    /// As few as possible first.
    Lazy,
    /// As many as possible, and no fewer.
    Possessive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) inner: Ast,
    /// It looks back over so many units, all that `inner` can match; none if it looks ahead.
    pub(super) behind: Option<u32>,
    pub(super) negated: bool,
}

impl Ast {
    /// How many units it matches at least and at most; none for at most means that there is no bound. `groups` are those
    /// of the groups before it.
    pub(super) fn width(&self, groups: &[Width]) -> Width {
        match self {
            Self::Empty | Self::At(_) | Self::Look(_) => Width(0, Some(0)),
            Self::Literal(_) | Self::Any { .. } | Self::Class(_) => Width(1, Some(1)),
            Self::Concat(parts) => parts
                .iter()
                .map(|part| part.width(groups))
                .fold(Width(0, Some(0)), Width::then),
            Self::Alternate(parts) => {
                let widths = parts.iter().map(|part| part.width(groups));
                widths.reduce(Width::or).unwrap_or(Width(0, Some(0)))
            }
            Self::Repeat(repeat) => {
                let Width(min, max) = repeat.inner.width(groups);
                let times = |width: u32, count| width.saturating_mul(count);
                let max = match (max, repeat.max) {
                    (Some(0), _) => Some(0),
                    (Some(max), Some(count)) => Some(times(max, count)),
                    _ => None,
                };
                Width(times(min, repeat.min), max)
            }
            Self::Capture(inner) | Self::Atomic(inner) => inner.width(groups),
            Self::Back { group, .. } => {
                let group = (*group as usize)
                    .checked_sub(1)
                    .and_then(|at| groups.get(at));
                group.copied().unwrap_or(Width(0, None))
            }
            Self::Conditional { branches, .. } => {
                branches.0.width(groups).or(branches.1.width(groups))
            }
        }
    }
}

/// See [`Ast::width`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width(pub(super) u32, pub(super) Option<u32>);

impl Width {
    fn then(self, other: Self) -> Self {
        let max = self
            .1
            .zip(other.1)
            .map(|(one, other)| one.saturating_add(other));
        Self(self.0.saturating_add(other.0), max)
    }

    fn or(self, other: Self) -> Self {
        Self(
            self.0.min(other.0),
            self.1.zip(other.1).map(|(one, other)| one.max(other)),
        )
    }
}
