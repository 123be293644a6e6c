//! `--redact` with or without a rule after it.

use std::ffi::OsString;
use std::path::Path;

/// Ties each `--redact` to the rule that follows, if one does: what follows may also be the name of a file.
pub(crate) fn with_rules(args: &[OsString]) -> Vec<OsString> {
    let mut out = Vec::with_capacity(args.len());
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        if arg == "--" {
            out.push(arg.clone());
            out.extend(args.cloned());
            break;
        }
        if arg != "--redact" {
            out.push(arg.clone());
            continue;
        }
        let mut tied = OsString::from("--redact=");
        match args.next_if(|next| next.to_str().is_some_and(is_rule)) {
            Some(rule) => tied.push(rule),
            None => tied.push("default"),
        }
        out.push(tied);
    }
    out
}

/// Whether a word is meant as a rule, if perhaps a wrong one.
pub(crate) fn is_rule(text: &str) -> bool {
    let has_kind = text
        .split_once(':')
        // A drive of Windows has one letter, and a URL is none.
        .is_some_and(|(kind, rest)| {
            kind.len() > 1
                && kind.bytes().all(|b| b.is_ascii_lowercase())
                && !rest.starts_with("//")
        });
    let is_known = matches!(text, "default" | "userinfo");
    (has_kind || is_known) && !Path::new(text).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tied(args: &str) -> String {
        let args: Vec<OsString> = args.split(' ').map(OsString::from).collect();
        with_rules(&args)
            .iter()
            .map(|arg| arg.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_rule_is_told_from_a_file() {
        for (given, expected) in [
            ("--redact f.mitm", "--redact=default f.mitm"),
            ("--redact header:X f.mitm", "--redact=header:X f.mitm"),
            ("--redact heder:X f", "--redact=heder:X f"),
            (
                "--redact default --redact pattern:/a/ f",
                "--redact=default --redact=pattern:/a/ f",
            ),
            ("--redact C:\\f.mitm", "--redact=default C:\\f.mitm"),
            ("--redact", "--redact=default"),
            ("--redact https://a.test", "--redact=default https://a.test"),
            ("--redact pattern:/a://b/ f", "--redact=pattern:/a://b/ f"),
            ("--redact=x f", "--redact=x f"),
            ("-- --redact a:b", "-- --redact a:b"),
        ] {
            assert_eq!(tied(given), expected, "{given}");
        }
    }
}
