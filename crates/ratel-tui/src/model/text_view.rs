//! A text part of a flow that is edited on the screen.

use ratel_flow::FlowId;

use crate::editing::Text;
use crate::widgets::text_edit::TextEdit;

/// The text, and what it is of.
#[derive(Clone, Debug)]
pub(crate) struct TextView {
    pub(crate) id: FlowId,
    /// The name of the part.
    pub(crate) part: String,
    /// What it was.
    pub(crate) before: Text,
    pub(crate) edit: TextEdit,
}

impl TextView {
    pub(crate) fn is_changed(&self) -> bool {
        self.edit.text().as_bytes() != &self.before.bytes[..]
    }
}
