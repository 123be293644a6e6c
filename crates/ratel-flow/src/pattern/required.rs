//! What is in every match of a pattern: literal texts by which an index tells where it is not worth searching.

use super::ast::{Ast, Case, Class, Item, Kind, Literal};

/// No more texts than this are alternatives of each other.
const TEXTS_MOST: usize = 64;

/// A class of more bytes than this is anything.
const CLASS_MOST: usize = 4;

/// Texts are left off when they are longer than this.
const LONG_ENOUGH: usize = 256;

/// Sets that are given out.
const SETS_MOST: usize = 4;

type Text = Vec<u8>;

/// Sets of texts in small letters. Of each set, every match has at least one in it.
pub(super) fn of(ast: &Ast) -> Vec<Vec<Box<[u8]>>> {
    let mut found = Found::of(ast).into_sets();
    found.sort_by_key(|set| std::cmp::Reverse(set.merit()));
    found.dedup();
    let sets = found.into_iter().take(SETS_MOST);
    sets.map(|set| set.0.into_iter().map(Text::into_boxed_slice).collect())
        .collect()
}

/// Texts that are alternatives of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Set(Vec<Text>);

impl Set {
    fn nothing() -> Self {
        Self(vec![Text::new()])
    }

    fn shortest(&self) -> usize {
        self.0.iter().map(Vec::len).min().unwrap_or_default()
    }

    /// The longer the texts, and the fewer, the more they say.
    fn merit(&self) -> (usize, std::cmp::Reverse<usize>) {
        (self.shortest().min(16), std::cmp::Reverse(self.0.len()))
    }

    fn tidy(mut self) -> Self {
        self.0.sort_unstable();
        self.0.dedup();
        self
    }

    /// What begins with one and goes on with another. None if they are too many.
    fn then(&self, next: &Self) -> Option<Self> {
        let longest = |set: &Self| set.0.iter().map(Vec::len).max().unwrap_or_default();
        if self.0.len() * next.0.len() > TEXTS_MOST || longest(self) + longest(next) > LONG_ENOUGH {
            return None;
        }
        let both = self.0.iter().flat_map(|one| {
            next.0
                .iter()
                .map(move |other| [one.as_slice(), other].concat())
        });
        Some(Self(both.collect()).tidy())
    }

    fn or(mut self, other: Self) -> Option<Self> {
        self.0.extend(other.0);
        let all = self.tidy();
        (all.0.len() <= TEXTS_MOST).then_some(all)
    }
}

/// What is known of a part of a pattern.
struct Found {
    /// All that it can match, if that is not much.
    exact: Option<Set>,
    required: Vec<Set>,
}

impl Found {
    fn exactly(set: Set) -> Self {
        Self {
            exact: Some(set),
            required: Vec::new(),
        }
    }

    fn anything() -> Self {
        Self {
            exact: None,
            required: Vec::new(),
        }
    }

    /// One byte says nothing.
    fn into_sets(self) -> Vec<Set> {
        let sets = self.exact.into_iter().chain(self.required);
        sets.filter(|set| set.shortest() >= 2).collect()
    }

    fn of(ast: &Ast) -> Self {
        match ast {
            Ast::Empty | Ast::At(_) | Ast::Look(_) => Self::exactly(Set::nothing()),
            Ast::Literal(Literal { value, .. }) => match u8::try_from(*value) {
                Ok(byte) => Self::exactly(Set(vec![vec![byte.to_ascii_lowercase()]])),
                Err(_) => Self::anything(),
            },
            Ast::Any { .. } | Ast::Back { .. } => Self::anything(),
            Ast::Class(class) => bytes(class).map_or_else(Self::anything, Self::exactly),
            Ast::Concat(parts) => Self::concat(parts.iter().map(Self::of)),
            Ast::Alternate(branches) => Self::alternate(branches.iter().map(Self::of)),
            Ast::Capture(inner) | Ast::Atomic(inner) => Self::of(inner),
            Ast::Conditional { branches, .. } => {
                Self::alternate([&branches.0, &branches.1].into_iter().map(Self::of))
            }
            Ast::Repeat(repeat) => {
                let inner = Self::of(&repeat.inner);
                match (repeat.min, repeat.max) {
                    (0, Some(1)) => {
                        let nothing = Self::exactly(Set::nothing());
                        Self::alternate([inner, nothing].into_iter())
                    }
                    (0, _) => Self::anything(),
                    (min, max) => inner.repeated(min, max == Some(min)),
                }
            }
        }
    }

    /// At least so many times, or exactly.
    fn repeated(self, min: u32, exactly: bool) -> Self {
        let Some(once) = self.exact else { return self };
        let mut times = once.clone();
        for _ in 1..min {
            match times.then(&once) {
                Some(more) => times = more,
                None => return Self::holding(times),
            }
        }
        if exactly {
            Self::exactly(times)
        } else {
            Self::holding(times)
        }
    }

    /// Anything that has one of those in it.
    fn holding(set: Set) -> Self {
        Self {
            exact: None,
            required: vec![set],
        }
    }

    fn concat(parts: impl Iterator<Item = Self>) -> Self {
        let (mut run, mut required) = (Set::nothing(), Vec::new());
        let mut is_exact = true;
        for part in parts {
            let joined = part.exact.as_ref().and_then(|exact| run.then(exact));
            match joined {
                Some(joined) => run = joined,
                None => {
                    is_exact = false;
                    let next = part.exact.unwrap_or_else(Set::nothing);
                    required.push(std::mem::replace(&mut run, next));
                    required.extend(part.required);
                }
            }
        }
        if is_exact {
            return Self::exactly(run);
        }
        required.push(run);
        required.retain(|set| set.shortest() >= 2);
        Self {
            exact: None,
            required,
        }
    }

    fn alternate(branches: impl Iterator<Item = Self>) -> Self {
        let mut exact = Some(Set(Vec::new()));
        let mut required = Some(Set(Vec::new()));
        for branch in branches {
            exact = exact
                .zip(branch.exact.clone())
                .and_then(|(all, these)| all.or(these));
            let best = branch.into_sets().into_iter().max_by_key(Set::merit);
            required = required.zip(best).and_then(|(all, these)| all.or(these));
        }
        Self {
            required: match exact {
                Some(_) => Vec::new(),
                None => required.into_iter().collect(),
            },
            exact,
        }
    }
}

/// The bytes of a class, capitals made small. None if they are many.
fn bytes(class: &Class) -> Option<Set> {
    let has = |byte: u8| {
        let cased = |byte: u8| {
            class.items.iter().any(|item| match *item {
                Item::Range(first, last) => (first..=last).contains(&u32::from(byte)),
                Item::Kind { kind, negated, .. } => is(kind, byte) != negated,
            })
        };
        let there = cased(byte)
            || class.case != Case::Sensitive
                && (cased(byte.to_ascii_lowercase()) || cased(byte.to_ascii_uppercase()));
        there != class.negated
    };
    let mut found: Vec<_> = (0..=u8::MAX)
        .filter(|byte| has(*byte))
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    found.sort_unstable();
    found.dedup();
    let few = (1..=CLASS_MOST).contains(&found.len());
    few.then(|| Set(found.into_iter().map(|byte| vec![byte]).collect()))
}

fn is(kind: Kind, byte: u8) -> bool {
    match kind {
        Kind::Digit => byte.is_ascii_digit(),
        Kind::Space => matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c),
        Kind::Word => byte.is_ascii_alphanumeric() || byte == b'_',
    }
}

#[cfg(test)]
mod tests {
    use crate::pattern::{Flags, Pattern, Unit};

    fn sets(source: &str) -> Vec<String> {
        let pattern = Pattern::new(source, Unit::Byte, Flags::default(), 0).unwrap();
        let searcher = pattern.searcher().unwrap();
        let sets = searcher.required().iter();
        sets.map(|set| {
            let texts: Vec<_> = set.iter().map(|t| t.escape_ascii().to_string()).collect();
            texts.join("|")
        })
        .collect()
    }

    #[test]
    fn what_every_match_has_in_it() {
        let rows: &[(&str, &[&str])] = &[
            ("Hello", &["hello"]),
            ("abc.*defg", &["defg", "abc"]),
            ("a.b", &[]),
            ("abc|de", &["abc|de"]),
            ("abc|.", &[]),
            ("x(foo|bar)?y", &["xbary|xfooy|xy"]),
            ("(foo|bar)+", &["bar|foo"]),
            ("(ab){3}", &["ababab"]),
            ("(ab){2,}c", &["abab"]),
            (r"order-\d{4}", &["order-"]),
            ("[ab][cd]e", &["ace|ade|bce|bde"]),
            ("[a-z]+token[^x]", &["token"]),
            ("(?i)K[ey]Y", &["key|kyy"]),
            ("(?<=user=)bob(?!by)", &["bob"]),
            ("^start$", &["start"]),
            (r"(\w+) \1!!", &["!!"]),
            ("(a)?(?(1)bcd|efg)", &["abcd|aefg|bcd|efg"]),
            ("größe", &[r"gr\xc3\xb6\xc3\x9fe"]),
            ("foo*bar", &["bar", "fo"]),
            ("(?:x|y(?:aa|bb.cc))zzz", &["zzz"]),
            ("", &[]),
            ("a*", &[]),
        ];
        for (source, expected) in rows {
            assert_eq!(sets(source), *expected, "{source}");
        }
    }

    #[test]
    fn too_much_is_left_off() {
        let many = sets(&"[ab]".repeat(9));
        let counts: Vec<_> = many.iter().map(|set| set.split('|').count()).collect();
        assert_eq!(counts, [64, 8]);
        assert!(sets("a{1000}")[0].len() <= 256);
    }

    #[test]
    fn places_are_found() {
        let find = |source: &str, text: &str, from| {
            let flags = Flags {
                ignore_case: true,
                ..Flags::default()
            };
            let pattern = Pattern::new(source, Unit::Byte, flags, 0).unwrap();
            pattern.searcher().unwrap().find_at(text.as_bytes(), from)
        };
        assert_eq!(find("b", "abcB", 0), Some(1..2));
        assert_eq!(find("B", "abcb", 2), Some(3..4));
        assert_eq!(find("b", "abcb", 4), None);
        assert_eq!(find("b", "abcb", 5), None);
        assert_eq!(find("b+", "abbcbb", 3), Some(4..6));
        assert_eq!(find("b$", "b\n", 0), Some(0..1));
        assert_eq!(find("(?<=a)b", "bab", 0), Some(2..3));
        assert_eq!(find(r"(.)\1", "abba", 0), Some(1..3));
        assert_eq!(find("", "ab", 1), Some(1..1));
    }

    #[test]
    fn reach_is_known_where_nothing_around_matters() {
        let reach = |source: &str| {
            let pattern = Pattern::new(source, Unit::Byte, Flags::default(), 0).unwrap();
            pattern.searcher().unwrap().reach()
        };
        assert_eq!(reach("abc"), Some(3));
        assert_eq!(reach("a{2,4}|x"), Some(4));
        assert_eq!(reach("a+"), None);
        assert_eq!(reach(r"\babc"), None);
        assert_eq!(reach("abc$"), None);
        assert_eq!(reach("(?=abc)a"), None);
    }
}
