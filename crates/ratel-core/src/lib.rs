//! What every front end and the proxy share: options, modes, the flow store, the log. Opens no socket.

pub mod addon;
pub mod browser;
pub mod ca;
pub mod clock;
pub mod commands;
pub mod control;
pub mod cut;
pub mod diff;
pub mod edit;
pub mod eventlog;
pub mod files;
pub mod hooks;
pub mod marks;
pub mod mode;
pub mod network;
pub mod options;
pub mod patterns;
pub mod replay;
pub mod search;
pub mod store;
pub mod tap;
pub mod view;
