//! What the tests of the views share.

use crate::{ViewInput, edit, reencode, render};

/// A body as it is shown, up to 1000 lines.
pub(crate) fn shown(content_type: &str, data: impl AsRef<[u8]>) -> String {
    let input = ViewInput {
        data: data.as_ref(),
        complete: true,
        content_type: Some(content_type),
        max_lines: 1000,
        ..ViewInput::default()
    };
    let document = render(None, &input);
    let lines: Vec<String> = document.lines.iter().map(crate::Line::text).collect();
    lines.join("\n")
}

/// A body after its text was changed; or why not, in words.
pub(crate) fn edited(
    view: &str,
    content_type: &str,
    data: &[u8],
    change: impl FnOnce(&str) -> String,
) -> Result<Vec<u8>, String> {
    let input = ViewInput {
        data,
        complete: true,
        content_type: Some(content_type),
        ..ViewInput::default()
    };
    let text = edit(view, &input).map_err(|error| error.to_string())?;
    reencode(view, &change(&text), &input).map_err(|error| error.to_string())
}
