//! The views, one file each.

pub(crate) mod hex;
pub(crate) mod json;
pub(crate) mod raw;
