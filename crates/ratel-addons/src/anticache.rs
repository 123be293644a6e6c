//! Takes out of requests what lets a server answer that nothing has changed (option `anticache`), so that bodies are
//! there to be seen.

use ratel_core::options::keys;

use crate::switch::Switch;

/// The addon.
#[must_use]
pub fn anticache() -> Switch {
    Switch::new(keys::ANTICACHE, |headers| {
        headers.remove("if-modified-since");
        headers.remove("if-none-match");
    })
}
