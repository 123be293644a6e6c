//! Where in the file a character of a text stands.

use ratel_flow::yaml::Place;

use super::read::Text;

/// The place of a character of a text. Where escapes or folded lines stand between, it is that of the text.
pub(super) fn within(text: &Text, character: usize, file: &str) -> Place {
    let Place { line, column } = text.place;
    let written = || {
        let line = file.lines().nth(line.checked_sub(1)?)?;
        let from = line.char_indices().nth(column.checked_sub(1)?)?.0;
        line.get(from..)
    };
    let value = text.value.as_str();
    let Some(written) = written() else {
        return text.place;
    };
    let quote = match written.strip_prefix(['"', '\'']) {
        Some(inner) if inner.starts_with(value) => 1,
        None if written.starts_with(value) => 0,
        _ => return text.place,
    };
    Place {
        line,
        column: column + quote + character,
    }
}
