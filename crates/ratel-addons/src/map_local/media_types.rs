//! What kind of content a file has, by its name.

use std::path::Path;

/// Endings that say how a file is compressed, and not what is in it.
const COMPRESSED: [&str; 5] = ["gz", "z", "bz2", "xz", "br"];

/// Endings that stand for two.
const TARS: [&str; 5] = ["tgz", "taz", "tz", "tbz2", "txz"];

/// Media types (the registry of IANA, and what is in use beside it) by the endings of file names.
const TYPES: &[(&str, &[&str])] = &[
    ("application/epub+zip", &["epub"]),
    ("application/gzip", &["gzip"]),
    ("application/java-archive", &["jar"]),
    ("application/json", &["json", "map"]),
    ("application/ld+json", &["jsonld"]),
    ("application/manifest+json", &["webmanifest"]),
    ("application/msword", &["doc", "dot"]),
    (
        "application/octet-stream",
        &["bin", "dll", "exe", "o", "obj", "so"],
    ),
    ("application/pdf", &["pdf"]),
    ("application/pkix-cert", &["cer"]),
    ("application/postscript", &["ai", "eps", "ps"]),
    ("application/rtf", &["rtf"]),
    ("application/vnd.android.package-archive", &["apk"]),
    ("application/vnd.apple.mpegurl", &["m3u8"]),
    ("application/vnd.ms-excel", &["xls"]),
    ("application/vnd.ms-fontobject", &["eot"]),
    ("application/vnd.ms-powerpoint", &["pot", "pps", "ppt"]),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &["pptx"],
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &["xlsx"],
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &["docx"],
    ),
    ("application/wasm", &["wasm"]),
    ("application/x-7z-compressed", &["7z"]),
    ("application/x-pkcs12", &["p12", "pfx"]),
    ("application/x-sh", &["sh"]),
    ("application/x-tar", &["tar"]),
    ("application/x-x509-ca-cert", &["crt", "der", "pem"]),
    ("application/xhtml+xml", &["xht", "xhtml"]),
    ("application/xml", &["xml", "xsd", "xsl"]),
    ("application/yaml", &["yaml", "yml"]),
    ("application/zip", &["zip"]),
    ("audio/aac", &["aac"]),
    ("audio/flac", &["flac"]),
    ("audio/midi", &["mid", "midi"]),
    ("audio/mp4", &["m4a"]),
    ("audio/mpeg", &["mp2", "mp3"]),
    ("audio/ogg", &["oga", "ogg", "opus"]),
    ("audio/x-wav", &["wav"]),
    ("font/otf", &["otf"]),
    ("font/ttf", &["ttf"]),
    ("font/woff", &["woff"]),
    ("font/woff2", &["woff2"]),
    ("image/avif", &["avif"]),
    ("image/bmp", &["bmp"]),
    ("image/gif", &["gif"]),
    ("image/heic", &["heic"]),
    ("image/jpeg", &["jpe", "jpeg", "jpg"]),
    ("image/png", &["png"]),
    ("image/svg+xml", &["svg", "svgz"]),
    ("image/tiff", &["tif", "tiff"]),
    ("image/vnd.microsoft.icon", &["ico"]),
    ("image/webp", &["webp"]),
    ("message/rfc822", &["eml", "mht", "mhtml"]),
    ("text/calendar", &["ics"]),
    ("text/css", &["css"]),
    ("text/csv", &["csv"]),
    ("text/html", &["htm", "html", "shtml"]),
    ("text/javascript", &["js", "mjs"]),
    ("text/markdown", &["markdown", "md"]),
    (
        "text/plain",
        &["asc", "conf", "ini", "log", "text", "toml", "txt"],
    ),
    ("text/tab-separated-values", &["tsv"]),
    ("text/vcard", &["vcard", "vcf"]),
    ("text/vtt", &["vtt"]),
    ("text/x-python", &["py"]),
    ("video/mp4", &["mp4", "mpg4", "m4v"]),
    ("video/mp2t", &["ts"]),
    ("video/mpeg", &["mpe", "mpeg", "mpg"]),
    ("video/ogg", &["ogv"]),
    ("video/quicktime", &["mov", "qt"]),
    ("video/webm", &["webm"]),
    ("video/x-msvideo", &["avi"]),
];

/// The media type of a file; none if its name does not say.
pub(super) fn of(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let (stem, ending) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    if TARS.contains(&ending) {
        return Some("application/x-tar");
    }
    let ending = if COMPRESSED.contains(&ending) {
        stem.rsplit_once('.')
            .filter(|(stem, _)| !stem.is_empty())?
            .1
    } else {
        ending
    };
    let row = TYPES.iter().find(|(_, endings)| endings.contains(&ending));
    row.map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_files_are() {
        let rows = [
            ("/a/b.html", Some("text/html")),
            ("B.JSON", Some("application/json")),
            ("a.min.js", Some("text/javascript")),
            ("a.tar.gz", Some("application/x-tar")),
            ("a.tgz", Some("application/x-tar")),
            ("a.css.br", Some("text/css")),
            ("a.gz", None),
            ("a", None),
            (".html", None),
            ("a.unknown", None),
        ];
        for (name, kind) in rows {
            assert_eq!(of(Path::new(name)), kind, "{name}");
        }
    }

    #[test]
    fn no_ending_has_two_types() {
        let mut seen = std::collections::BTreeSet::new();
        for ending in TYPES.iter().flat_map(|(_, endings)| *endings) {
            assert!(seen.insert(ending), "{ending}");
        }
    }
}
