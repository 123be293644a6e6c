//! The reference page of all options.

use ratel_core::options::{Availability, Default, OptionDef, SECTIONS, Tools};

const HEAD: &str = "\
# Options

<!-- Made by `cargo xtask generate` from crates/ratel-core/src/options/defs/. Change it there. -->

Everything that can be adjusted is an option. An option can be given

- in `config.yaml` or `config.yml` in the configuration folder (`~/.ratel`, or `~/.mitmproxy` when the program is called by the name
  `mitmproxy` or `mitmdump`), as a mapping of names to values,
- with `--set NAME=VALUE`,
- with a flag of its own, where one is named below.

The later one wins: defaults, `config.yaml`, `config.yml`, then `--set` and flags in the order of the command line. In mitmproxy a
configuration file wins over `--set`.

What a file says to others is passed over, with a warning that names the line: options that nobody here knows, such as those of addons,
those of `mitmweb`, and those of features that are not there yet where traffic is the same without them. A file is refused when going
on would change what traffic meets (`scripts`, a mode that is not there), and for a value that does not fit. On the command line every
name has to be known.

`--set NAME` without a value sets a switch to true, an optional value to unset and empties a list. Switches take `true`, `false` and
`toggle`. A list on the command line replaces the one in the file; each `--set` and each flag adds one element. Several `--set` of
another option are an error, of several flags the last one counts. Sizes are a number of bytes, optionally followed by `b`, `k`, `m`,
`g` or `t` (steps of 1024).

Long flags can be shortened while they remain unambiguous. A switch has two, `--NAME` and `--no-NAME`; its short flag means whichever
is not the default.

Nothing is accepted and then ignored. An unknown name is an error, in files too, where mitmproxy passes over it silently; so is a
value outside the choices, and any value but the default of an option that is marked *planned* below: its feature is not there yet. A file may hold options of
another program, since all share it.
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

fn entry(def: &OptionDef) -> String {
    let mut text = format!("\n### `{}`\n\n{}\n\n", def.name, def.help);
    text.push_str(&format!(
        "- Type: {}, default `{}`\n",
        def.default.type_name(),
        default(def.default)
    ));
    if !def.choices.is_empty() {
        let choices: Vec<String> = def
            .choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect();
        text.push_str(&format!("- Choices: {}\n", choices.join(", ")));
    }
    if let Some(flags) = flags(def) {
        text.push_str(&format!("- Flags: {flags}\n"));
    }
    if def.tools != Tools::ALL {
        let tools: Vec<String> = def
            .tools
            .names()
            .into_iter()
            .map(|name| format!("`{name}`"))
            .collect();
        text.push_str(&format!("- Only in {}\n", tools.join(", ")));
    }
    if def.own {
        text.push_str("- mitmproxy does not have this option\n");
    }
    if let Availability::Planned(what) = def.availability {
        text.push_str(&format!("- *Planned*: {what}\n"));
    }
    text
}

fn flags(def: &OptionDef) -> Option<String> {
    let long = def.long_flag()?;
    let short = def.short.map(|short| format!("`-{short}`"));
    let flags = match def.default {
        Default::Bool(default) => {
            let [on, off] = [format!("`--{long}`"), format!("`--no-{long}`")];
            let (first, second) = if default { (off, on) } else { (on, off) };
            [Some(first), short, Some(second)]
        }
        _ => [Some(format!("`--{long} {}`", def.metavar)), short, None],
    };
    Some(flags.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn default(value: Default) -> String {
    match value {
        Default::Bool(value) => value.to_string(),
        Default::Int(value) => value.to_string(),
        Default::OptInt(value) => {
            value.map_or_else(|| "null".to_owned(), |value| value.to_string())
        }
        Default::Str(value) => format!("{value:?}"),
        Default::Size(value) => value.to_owned(),
        Default::OptStr(value) => {
            value.map_or_else(|| "null".to_owned(), |value| format!("{value:?}"))
        }
        Default::List(values) => format!("{values:?}"),
    }
}
