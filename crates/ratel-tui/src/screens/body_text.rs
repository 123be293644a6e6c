//! How a body is shown: by a content view when all of it is at hand, else as it is.

use ratel_proto::Headers;

use crate::source::BodyPart;
use crate::widgets::pane::BodyText;

/// What the text is, in a word or two, and the text.
pub(crate) fn render(_part: &BodyPart, _headers: &Headers) -> (String, BodyText) {
    ("Raw".to_owned(), BodyText::Raw)
}
