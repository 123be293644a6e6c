//! The texts of a flow as filters see them, for others that search in flows.

pub use super::eval::put_lines;
pub use super::url::put_url;
pub use crate::dns::text::put_text as put_dns;
