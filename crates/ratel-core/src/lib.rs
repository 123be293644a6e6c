//! What every front end and the proxy share: options, modes, the flow store, the log. Opens no socket.

pub mod mode;
pub mod options;
