//! The table of all commands, one file per section of the reference page.

mod console;
mod content;
mod flows;
mod keys;
mod options;
mod replay;
mod view;

use super::def::Section;

/// Every command of the program, by section.
pub const SECTIONS: &[Section] = &[
    flows::SECTION,
    content::SECTION,
    replay::SECTION,
    view::SECTION,
    options::SECTION,
    console::SECTION,
    keys::SECTION,
];
