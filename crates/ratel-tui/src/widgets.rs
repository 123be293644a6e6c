//! Parts that screens are made of.

pub(crate) mod bars;
pub(crate) mod paint;
pub(crate) mod pane;
