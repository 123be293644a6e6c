//! Asks servers for bodies without compression (option `anticomp`).

use ratel_core::options::keys;

use crate::switch::Switch;

/// The addon.
#[must_use]
pub fn anticomp() -> Switch {
    Switch::new(keys::ANTICOMP, |headers| {
        headers.set("accept-encoding", b"identity");
    })
}
