//! The texts of a flow as filters see them, for others that search in flows.

use std::sync::OnceLock;

use super::eval::{each_host, each_url};
use super::url::named;
use crate::http::Request;

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
    urls: Texts,
    hosts: Texts,
}

/// The texts that one thing is found by; most have one or two.
#[derive(Debug, Default)]
pub struct Texts {
    first: String,
    others: Vec<String>,
}

impl RequestTexts {
    /// The URL by the names that the client has for it, and what else it is found by.
    pub fn urls(&self, request: &Request) -> &Texts {
        &self.places(request).urls
    }

    /// The host that was asked for, the name that the client has for it, and what else it is found by.
    pub fn hosts(&self, request: &Request) -> &Texts {
        &self.places(request).hosts
    }

    fn places(&self, request: &Request) -> &Places {
        self.places.get_or_init(|| {
            let (mut joined, mut bytes, mut text) = (Vec::new(), Vec::new(), String::new());
            let named = named(request, &mut joined);
            let mut places = Places::default();
            each_url(request, named, &mut bytes, &mut text, |url| {
                places.urls.add(url)
            });
            each_host(request, named, &mut text, |host| places.hosts.add(host));
            places
        })
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

impl Texts {
    /// Says that there may be more.
    fn add(&mut self, text: &str) -> bool {
        if self.first.is_empty() {
            text.clone_into(&mut self.first);
        } else {
            self.others.push(text.to_owned());
        }
        false
    }

    /// The one that is meant where there is room for one.
    #[must_use]
    pub fn first(&self) -> &str {
        &self.first
    }

    /// Whether any of them is what somebody looks for.
    pub fn any(&self, mut is: impl FnMut(&str) -> bool) -> bool {
        is(&self.first) || self.others.iter().any(|other| is(other))
    }
}
