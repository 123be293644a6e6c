//! Parts that screens are made of.

pub(crate) mod bars;
pub(crate) mod pane;
pub(crate) mod paint;
