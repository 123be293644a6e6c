//! The parts of a flow that can be changed, by the names that people choose them by.

use ratel_flow::Side;

/// A part of an HTTP exchange. The names are mitmproxy's where it has the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A single value, by its name in `flow.set`.
    Attribute(&'static str),
    /// A comment on the flow.
    Comment,
    /// The cookies that a request carries.
    Cookies,
    /// The cookies that a response sets.
    SetCookies,
    /// A body of `application/x-www-form-urlencoded`.
    UrlencodedForm,
    /// A body of `multipart/form-data`.
    MultipartForm,
    /// The components of the path.
    Path,
    /// What stands behind the question mark of the URL.
    Query,
    /// The header fields of that side.
    Headers(Side),
    /// The fields after the body of that side.
    Trailers(Side),
    /// The body of that side, without its content-encoding.
    Body(Side),
}

/// The parts, in the order in which they are offered: that of mitmproxy, then those of our own.
const PARTS: [(&str, Part); 18] = [
    ("cookies", Part::Cookies),
    ("urlencoded form", Part::UrlencodedForm),
    ("multipart form", Part::MultipartForm),
    ("path", Part::Path),
    ("method", Part::Attribute("method")),
    ("query", Part::Query),
    ("reason", Part::Attribute("reason")),
    ("request-headers", Part::Headers(Side::Client)),
    ("response-headers", Part::Headers(Side::Server)),
    ("request-body", Part::Body(Side::Client)),
    ("response-body", Part::Body(Side::Server)),
    ("status_code", Part::Attribute("status_code")),
    ("set-cookies", Part::SetCookies),
    ("url", Part::Attribute("url")),
    ("comment", Part::Comment),
    ("host", Part::Attribute("host")),
    ("request-trailers", Part::Trailers(Side::Client)),
    ("response-trailers", Part::Trailers(Side::Server)),
];

impl Part {
    /// All names, in the order in which they are offered.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PARTS.into_iter().map(|(name, _)| name)
    }

    /// The part of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = PARTS.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, part)| part)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = PARTS.into_iter().find(|(_, part)| *part == self);
        found.map_or("", |(name, _)| name)
    }

    /// The headings of the table that it is; none for what is no table.
    #[must_use]
    pub fn columns(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Attribute(_) | Self::Comment | Self::Body(_) => return None,
            Self::Cookies | Self::UrlencodedForm | Self::Query => &["Name", "Value"],
            Self::Headers(_) | Self::Trailers(_) => &["Name", "Value"],
            Self::SetCookies => &["Name", "Value", "Attributes"],
            Self::MultipartForm => &["Name", "Value", "File", "Type"],
            Self::Path => &["Component"],
        })
    }
}
