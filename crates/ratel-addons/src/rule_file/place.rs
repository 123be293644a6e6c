//! Where in the file a text stands, and where in that text a character does.

use serde_saphyr::Spanned;

/// Line and column, from 1.
pub(super) fn of<T>(value: &Spanned<T>) -> (u64, u64) {
    (value.defined.line(), value.defined.column())
}

/// The place of a character of a text. Where escapes or folded lines stand between, it is that of the text.
pub(super) fn within(value: &Spanned<String>, character: usize, file: &str) -> (u64, u64) {
    let (line, column) = of(value);
    let index = |from_one: u64| usize::try_from(from_one).ok()?.checked_sub(1);
    let written = || {
        let line = file.lines().nth(index(line)?)?;
        let from = line.char_indices().nth(index(column)?)?.0;
        line.get(from..)
    };
    let text = value.value.as_str();
    let Some(written) = written() else {
        return (line, column);
    };
    let quote = match written.strip_prefix(['"', '\'']) {
        Some(inner) if inner.starts_with(text) => 1,
        None if written.starts_with(text) => 0,
        _ => return (line, column),
    };
    (line, column + quote + character as u64)
}
