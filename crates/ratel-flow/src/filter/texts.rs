//! The texts of a flow as filters see them, for others that search in flows.

use std::sync::OnceLock;

use super::eval::{Scratch, each_host, each_url};
use crate::http::Request;

pub use super::eval::put_lines;
pub use super::url::put_url;
pub use crate::dns::text::put_text as put_dns;

/// What filters look for in the head of one request, each text made when the first asks for it. Whoever keeps it has it
/// for one request as it is, and drops it when that changes.
#[derive(Debug, Default)]
pub struct RequestTexts {
    urls: OnceLock<Box<[Box<str>]>>,
    hosts: OnceLock<Box<[Box<str>]>>,
    lines: OnceLock<Box<[u8]>>,
}

impl RequestTexts {
    /// The URL by the names that the client has for it, and what else it is found by.
    pub fn urls(&self, request: &Request) -> &[Box<str>] {
        self.urls.get_or_init(|| {
            let mut urls = Vec::<Box<str>>::with_capacity(1);
            each_url(request, &mut Scratch::default(), |url| {
                urls.push(url.into());
                false
            });
            urls.into()
        })
    }

    /// The host that was asked for, the name that the client has for it, and what else it is found by.
    pub fn hosts(&self, request: &Request) -> &[Box<str>] {
        self.hosts.get_or_init(|| {
            let mut hosts = Vec::<Box<str>>::with_capacity(1);
            each_host(request, &mut Scratch::default(), |host| {
                hosts.push(host.into());
                false
            });
            hosts.into()
        })
    }

    /// The headers as lines.
    pub fn lines(&self, request: &Request) -> &[u8] {
        self.lines.get_or_init(|| {
            let mut lines = Vec::new();
            put_lines(&request.headers, &mut lines);
            lines.into()
        })
    }
}
