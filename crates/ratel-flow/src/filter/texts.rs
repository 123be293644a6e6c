//! The texts of a flow as filters see them, for others that search in flows.

use std::sync::OnceLock;

use super::eval::{international_host, international_url};
use super::url::{named, put_named_url};
use crate::http::Request;
use crate::pattern;

pub use super::eval::put_lines;
pub use super::url::put_url;
pub use crate::dns::text::put_text as put_dns;

/// What filters look for in the head of one request, each text made when the first asks for it. Whoever keeps it has it
/// for one request as it is, and drops it when that changes.
#[derive(Debug, Default)]
pub struct RequestTexts {
    places: OnceLock<Places>,
    lines: OnceLock<Vec<u8>>,
}

/// What says where a request goes.
#[derive(Debug, Default)]
struct Places {
    url: String,
    /// What else it is found by; most have none.
    other_urls: Vec<String>,
    /// What hosts are found by beside the one that was asked for.
    other_hosts: Vec<String>,
}

impl Places {
    fn of(request: &Request) -> Self {
        let (mut joined, mut url) = (Vec::new(), Vec::new());
        let named = named(request, &mut joined);
        put_named_url(request, named, true, &mut url);
        let url = in_text(url);
        let mut other_urls: Vec<String> = international_url(&url).into_iter().collect();
        // As mitmproxy writes an IPv6 address.
        if url.contains('[') {
            let mut other = Vec::new();
            put_named_url(request, named, false, &mut other);
            other_urls.push(in_text(other));
        }
        let mut other_hosts: Vec<String> = international_host(&request.host).into_iter().collect();
        if let Some((host, _)) = named.filter(|(host, _)| *host != request.host.as_bytes()) {
            let host = in_text(host.to_owned());
            let international = international_host(&host);
            other_hosts.push(host);
            other_hosts.extend(international);
        }
        Self {
            url,
            other_urls,
            other_hosts,
        }
    }
}

impl RequestTexts {
    /// The URL by the names that the client has for it.
    pub fn url(&self, request: &Request) -> &str {
        &self.places(request).url
    }

    /// Whether the URL, or what else it is found by, is what somebody looks for.
    pub fn any_url(&self, request: &Request, mut is: impl FnMut(&str) -> bool) -> bool {
        let places = self.places(request);
        is(&places.url) || places.other_urls.iter().any(|url| is(url))
    }

    /// The same of the host that was asked for, the name that the client has for it, and what else it is found by.
    pub fn any_host(&self, request: &Request, mut is: impl FnMut(&str) -> bool) -> bool {
        let places = self.places(request);
        is(&request.host) || places.other_hosts.iter().any(|host| is(host))
    }

    fn places(&self, request: &Request) -> &Places {
        self.places.get_or_init(|| Places::of(request))
    }

    /// The headers as lines.
    pub fn lines(&self, request: &Request) -> &[u8] {
        self.lines.get_or_init(|| {
            let mut lines = Vec::new();
            put_lines(&request.headers, &mut lines);
            lines
        })
    }
}

fn in_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|bytes| pattern::text(bytes.as_bytes(), &mut String::new()).to_owned())
}
