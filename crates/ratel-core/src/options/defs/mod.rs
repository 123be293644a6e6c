//! The table of all options, one file per section of the reference page.

mod checks;
mod console;
mod display;
mod dump;
mod files;
mod http;
mod network;
mod proxy;
mod replay;
mod rules;
mod tls;
mod web;

use super::def::Section;

/// Every option of the program, by section.
pub const SECTIONS: &[Section] = &[
    proxy::SECTION,
    tls::SECTION,
    http::SECTION,
    files::SECTION,
    display::SECTION,
    console::SECTION,
    dump::SECTION,
    rules::SECTION,
    replay::SECTION,
    network::SECTION,
    web::SECTION,
];

/// One constant per option, to read it with; a constant is called like its option, in capitals.
pub mod keys {
    pub use super::console::keys::*;
    pub use super::display::keys::*;
    pub use super::dump::keys::*;
    pub use super::files::keys::*;
    pub use super::http::keys::*;
    pub use super::network::keys::*;
    pub use super::proxy::keys::*;
    pub use super::replay::keys::*;
    pub use super::rules::keys::*;
    pub use super::tls::keys::*;
    pub use super::web::keys::*;
}
