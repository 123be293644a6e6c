//! Flows in files.

pub mod har;
