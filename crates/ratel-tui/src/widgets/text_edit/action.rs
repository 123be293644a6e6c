//! What keys do to a text that is edited, by the names in key tables.

/// One thing that a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Up,
    Down,
    Left,
    Right,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    PageUp,
    PageDown,
    Start,
    End,
    NewLine,
    Tab,
    Backspace,
    Delete,
    DeleteWordLeft,
    DeleteWordRight,
    DeleteToLineStart,
    DeleteToLineEnd,
    Undo,
    Redo,
}

impl Action {
    /// All of them, by name.
    pub(crate) const ALL: &[(&'static str, Self)] = &[
        ("up", Self::Up),
        ("down", Self::Down),
        ("left", Self::Left),
        ("right", Self::Right),
        ("word_left", Self::WordLeft),
        ("word_right", Self::WordRight),
        ("line_start", Self::LineStart),
        ("line_end", Self::LineEnd),
        ("page_up", Self::PageUp),
        ("page_down", Self::PageDown),
        ("start", Self::Start),
        ("end", Self::End),
        ("new_line", Self::NewLine),
        ("tab", Self::Tab),
        ("backspace", Self::Backspace),
        ("delete", Self::Delete),
        ("delete_word_left", Self::DeleteWordLeft),
        ("delete_word_right", Self::DeleteWordRight),
        ("delete_to_line_start", Self::DeleteToLineStart),
        ("delete_to_line_end", Self::DeleteToLineEnd),
        ("undo", Self::Undo),
        ("redo", Self::Redo),
    ];

    /// The one of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, action)| *action)
    }
}
