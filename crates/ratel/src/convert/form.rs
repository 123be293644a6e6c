//! What flows are made into.

use ratel_flow::export::Format;

/// A text of [`Format`], or a file of other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text(Format),
    /// A flow file.
    Flow,
    Har,
    /// The same, compressed.
    Zhar,
    Pcapng,
}

impl Form {
    pub(super) const ALL: [Self; 12] = [
        Self::Text(Format::Curl),
        Self::Text(Format::Httpie),
        Self::Text(Format::Raw),
        Self::Text(Format::RawRequest),
        Self::Text(Format::RawResponse),
        Self::Text(Format::Python),
        Self::Text(Format::Go),
        Self::Text(Format::Fetch),
        Self::Har,
        Self::Zhar,
        Self::Pcapng,
        Self::Flow,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text(format) => format.name(),
            Self::Flow => "flow",
            Self::Har => "har",
            Self::Zhar => "zhar",
            Self::Pcapng => "pcapng",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// What the name of a file says, whatever it is compressed with.
    pub(super) fn of_name(path: &str) -> Option<Self> {
        let path = path.to_ascii_lowercase();
        let path = [".gz", ".zst"]
            .iter()
            .find_map(|end| path.strip_suffix(end))
            .unwrap_or(&path);
        let (_, end) = path.rsplit_once('.')?;
        match end {
            "mitm" | "flow" | "flows" | "mitmproxy" => Some(Self::Flow),
            "har" => Some(Self::Har),
            "zhar" => Some(Self::Zhar),
            "pcapng" => Some(Self::Pcapng),
            _ => None,
        }
    }

    /// Whether it is a file that flows can be read from again.
    pub(super) fn is_file(self) -> bool {
        !matches!(self, Self::Text(_))
    }

    /// Whether a terminal can show it.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text(_) | Self::Har)
    }
}
