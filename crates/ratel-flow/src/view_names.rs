//! The names of content views, as users type them: for the options that choose one and for the views themselves.

/// What an option takes: `auto`, the views in lower case and in order, then what else some of them are called.
///
/// `viewcss` is mitmproxy's name of `css`, `hex` that of `hex dump` in releases before 12.
pub const VIEW_NAMES: &[&str] = &[
    "auto",
    "css",
    "dns",
    "graphql",
    "grpc",
    "hex dump",
    "hex stream",
    "http/3 frames",
    "image",
    "javascript",
    "json",
    "mqtt",
    "msgpack",
    "multipart form",
    "ndjson",
    "protobuf",
    "query",
    "raw",
    "socket.io",
    "sse",
    "url-encoded",
    "wbxml",
    "xml/html",
    "zip archive",
    "viewcss",
    "hex",
];

/// Other names of views, and whose they are.
pub const VIEW_ALIASES: &[(&str, &str)] = &[("viewcss", "css"), ("hex", "hex dump")];

/// The view of that name in any case, by the name that is shown: `css` for `ViewCSS`.
#[must_use]
pub fn view_name(name: &str) -> Option<&'static str> {
    let alias = VIEW_ALIASES
        .iter()
        .find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    let name = alias.map_or(name, |(_, view)| view);
    let mut known = VIEW_NAMES.iter().copied();
    known.find(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        for (name, expected) in [
            ("auto", Some("auto")),
            ("CSS", Some("css")),
            ("ViewCSS", Some("css")),
            ("Hex", Some("hex dump")),
            ("HTTP/3 Frames", Some("http/3 frames")),
            ("nope", None),
            ("", None),
        ] {
            assert_eq!(view_name(name), expected, "{name}");
        }
    }

    #[test]
    fn aliases_are_names_of_views() {
        let (views, aliases) = VIEW_NAMES.split_at(VIEW_NAMES.len() - VIEW_ALIASES.len());
        assert!(views[1..].is_sorted());
        assert!(
            aliases
                .iter()
                .eq(VIEW_ALIASES.iter().map(|(alias, _)| alias))
        );
        assert!(VIEW_ALIASES.iter().all(|(_, view)| views.contains(view)));
    }
}
