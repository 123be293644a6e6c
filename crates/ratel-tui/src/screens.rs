//! What can fill the terminal.

pub(crate) mod body_text;
pub(crate) mod eventlog;
pub(crate) mod flow_detail;
pub(crate) mod flow_list;
pub(crate) mod flow_message;
pub(crate) mod flow_view;
pub(crate) mod help;
mod known;
pub(crate) mod message_list;
pub(crate) mod message_view;
pub(crate) mod protocol;
