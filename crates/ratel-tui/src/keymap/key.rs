//! Keys by their names.

use std::fmt;

/// A key press, by the names that users know: `j`, `ctrl f`, `page down`, `shift tab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character.
    Char(char),
    /// A character with the control key.
    Ctrl(char),
    /// A character with the alt or meta key.
    Meta(char),
    /// Any other key, by its name.
    Named(&'static str),
}

macro_rules! named {
    ($($name:literal)*) => {
        /// The names of keys that are not characters, alone and with another key held.
        pub const NAMED: &[&str] = &[
            $($name, concat!("ctrl ", $name), concat!("meta ", $name), concat!("shift ", $name)),*
        ];
    };
}

named! {
    "enter" "tab" "esc" "up" "down" "left" "right" "page up" "page down" "home" "end" "insert" "backspace" "delete"
    "f1" "f2" "f3" "f4" "f5" "f6" "f7" "f8" "f9" "f10" "f11" "f12"
}

impl Key {
    /// The key of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "space" {
            return Some(Self::Char(' '));
        }
        if let Some(known) = NAMED.iter().find(|known| **known == name) {
            return Some(Self::Named(known));
        }
        let (make, name): (fn(char) -> Self, _) = match name.split_once(' ') {
            Some(("ctrl", name)) => (Self::Ctrl, name),
            Some(("meta", name)) => (Self::Meta, name),
            // Shift makes another character of most.
            Some(("shift", name)) if name != "space" => (Self::Char, name),
            _ => (Self::Char, name),
        };
        if name == "space" {
            return Some(make(' '));
        }
        let mut chars = name.chars();
        Some(make(chars.next().filter(|_| chars.next().is_none())?))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |c: char| match c {
            ' ' => "space".to_owned(),
            c => crate::text::safe(&c.to_string()),
        };
        match self {
            Self::Char(c) => f.write_str(&shown(*c)),
            Self::Ctrl(c) => write!(f, "ctrl {}", shown(*c)),
            Self::Meta(c) => write!(f, "meta {}", shown(*c)),
            Self::Named(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in
            NAMED
                .iter()
                .copied()
                .chain(["j", "space", "ctrl f", "meta b", "ctrl space", "é"])
        {
            let key = Key::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
            assert_eq!(key.to_string(), name);
        }
        for name in ["", "jj", "ctrl", "ctrl page", "hyper x", "ctrl jj"] {
            assert_eq!(Key::parse(name), None, "{name}");
        }
    }
}
