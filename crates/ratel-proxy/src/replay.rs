//! Client replay: requests of recorded flows are sent again, through all addons, as if a client had just sent them.
//!
//! What waits to be sent is in `core/replay`. Each request has a connection of its own to the server, and speaks to it
//! the version of HTTP that it came in, as far as the server does.

mod next;
mod played;
mod run;

pub(crate) use next::dispatch;
pub(crate) use run::{Job, run};
