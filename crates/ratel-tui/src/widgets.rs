//! Parts that screens are made of.

pub(crate) mod bars;
pub(crate) mod line_edit;
pub(crate) mod overlay;
pub(crate) mod paint;
pub(crate) mod pane;
pub(crate) mod select;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod text_edit;
