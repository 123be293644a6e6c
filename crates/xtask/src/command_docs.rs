//! The reference page of all commands.

use ratel_core::commands::{ArgKind, CommandDef, SECTIONS};
use ratel_core::options::{Availability, Tools};

const HEAD: &str = "\
# Commands

<!-- Made by `cargo xtask generate` from crates/ratel-core/src/commands/defs/. Change it there. -->

A command is typed at the prompt, which `:` opens, or bound to a key. Its name is followed by its arguments, separated by spaces. What
stands between quotes, `\"` or `'`, is one argument. In texts the escapes of Python are understood, such as `\\n`; a backslash that begins
none of them is itself.

What takes flows takes one of `@all`, `@focus`, `@shown`, `@hidden`, `@marked` and `@unmarked`, the numbers of flows (`@12` or `@12,13`), or a
filter expression.

A command that is marked *planned* below is known, and refused with a sentence, since its feature is not there yet.
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    for section in SECTIONS {
        page.push_str(&format!("\n## {}\n", section.title));
        for def in section.defs {
            page.push_str(&entry(def));
        }
    }
    page
}

fn entry(def: &CommandDef) -> String {
    let mut text = format!("\n### `{}`\n\n{}\n\n", def.signature(), def.help);
    for param in def.params {
        let kind = param.kind.type_name();
        let more = match param.kind {
            ArgKind::Choice(from) | ArgKind::OneOf(from) => format!(", one that `{from}` lists"),
            _ => String::new(),
        };
        let default = param.default.map(|text| format!(", default `{text}`"));
        text.push_str(&format!(
            "- `{}`: {kind}{more}{}\n",
            param.shown(),
            default.unwrap_or_default()
        ));
    }
    if !def.lists.is_empty() {
        let texts: Vec<_> = def.lists.iter().map(|text| format!("`{text}`")).collect();
        text.push_str(&format!("- Lists {}\n", texts.join(", ")));
    }
    if def.tools != Tools::ALL {
        let tools: Vec<_> = def
            .tools
            .names()
            .into_iter()
            .map(|name| format!("`{name}`"))
            .collect();
        text.push_str(&format!("- Only in {}\n", tools.join(", ")));
    }
    if def.own {
        text.push_str("- mitmproxy does not have this command\n");
    }
    if let Availability::Planned(what) = def.availability {
        text.push_str(&format!("- *Planned*: {what}\n"));
    }
    text.trim_end().to_owned() + "\n"
}
