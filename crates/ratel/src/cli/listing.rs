//! The texts that are printed on request: `--help`, `--version`, `--options`, `--commands`.

use ratel_core::commands::{self, CommandDef};
use ratel_core::options::{self, Default, OptionDef};

use super::{Program, Surroundings, Tool};

/// How wide the comments of `--options` may be, as in mitmproxy.
const COMMENT_WIDTH: usize = 70;

/// The frame of `--help`: what a newcomer needs comes first.
pub(super) fn help_template(program: &Program) -> String {
    let name = &program.usage_name;
    let (what, more) = match program.tool {
        Tool::Terminal => (
            "See HTTP(S) traffic exactly as it was on the wire.",
            "ratel dump",
        ),
        Tool::Dump => ("Print HTTP(S) traffic as it passes.", "ratel"),
    };
    let reverse = "stand in for a server; clients use http://localhost:8080";
    let (first, usage) = if program.mitmproxy && program.tool == Tool::Dump {
        (
            format!("{name} --mode reverse:https://example.org"),
            format!("{name} [flags] [filter]"),
        )
    } else {
        (
            format!("{name} https://example.org"),
            format!("{name} [flags] [URL]"),
        )
    };
    let examples = [
        (first, reverse),
        (
            name.clone(),
            "be the proxy that clients are configured to use, on port 8080",
        ),
        (
            format!("{name} --mode reverse:http://localhost:3000@9000"),
            "stand in on port 9000 for a server without TLS",
        ),
    ];
    let width = examples
        .iter()
        .map(|(command, _)| command.len())
        .max()
        .unwrap_or_default();
    let examples: String = examples
        .iter()
        .map(|(command, meaning)| format!("  {command:width$}  {meaning}\n"))
        .collect();
    let other = match (program.mitmproxy, program.tool) {
        (true, _) => String::new(),
        (false, Tool::Terminal) => {
            format!(
                "`{more}` prints instead of drawing a screen; `{more} --help` says more.\n\
                 `ratel ca` has the certificate that clients must trust; `ratel env` points a shell at the proxy.\n"
            )
        }
        (false, Tool::Dump) => format!("`{more}` shows the same on a screen.\n"),
    };
    format!(
        "{what}\n\nUsage: {usage}\n\nExamples:\n{examples}\n{{all-args}}\n\n\
         Every option can be set by `--set` and in `{}/config.yaml`.\n{other}",
        program.default_confdir()
    )
}

/// The four lines of `--version`.
pub(super) fn version(around: &Surroundings) -> String {
    format!(
        "Ratel:     {}\nRust:      {}\nOpenSSL:   {}\nPlatform:  {} {}\n",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_RUST_VERSION"),
        around.tls,
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

/// All options that can be used, with their defaults, as a configuration file that changes nothing.
pub(super) fn options(program: &Program) -> String {
    let mut defs: Vec<&OptionDef> = options::all()
        .filter(|def| def.is_available() && program.has(def.tools))
        .collect();
    defs.sort_by_key(|def| def.name);
    let mut text = String::new();
    for def in defs {
        let kind = if def.choices.is_empty() {
            format!("Type {}.", type_name(def))
        } else {
            let choices: Vec<String> = def
                .choices
                .iter()
                .map(|choice| format!("'{choice}'"))
                .collect();
            format!("Valid values are {}.", choices.join(", "))
        };
        text.push('\n');
        for line in wrap(&format!("{} {kind}", def.help), COMMENT_WIDTH) {
            text.push_str(&format!("# {line}\n"));
        }
        let default = match def.default {
            Default::Str(_) if def.name == "confdir" => Default::Str(program.default_confdir()),
            default => default,
        };
        // A file is found through this option, so the line would be refused in any other folder.
        let mark = if def.name == "confdir" { "# " } else { "" };
        text.push_str(&format!("{mark}{}: {}\n", def.name, yaml(default)));
    }
    text
}

/// All commands that can be used, each with what it does.
pub(super) fn commands(program: &Program) -> String {
    let mut defs: Vec<&CommandDef> = commands::all()
        .filter(|def| def.is_available() && program.has(def.tools))
        .collect();
    defs.sort_by_key(|def| def.name);
    let mut text = String::new();
    for def in defs {
        for line in wrap(def.help, COMMENT_WIDTH) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("{}\n\n", def.signature()));
    }
    text
}

fn type_name(def: &OptionDef) -> &'static str {
    def.default.type_name()
}

/// A default as YAML on one line. Texts are quoted whether they need it or not.
fn yaml(default: Default) -> String {
    let quoted = |text: &str| format!("{text:?}");
    match default {
        Default::Bool(value) => value.to_string(),
        Default::Int(value) => value.to_string(),
        Default::OptInt(value) => {
            value.map_or_else(|| "null".to_owned(), |value| value.to_string())
        }
        Default::Str(value) | Default::Size(value) => quoted(value),
        Default::OptStr(value) => value.map_or_else(|| "null".to_owned(), quoted),
        Default::List(values) => {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("[{}]", values.join(", "))
        }
    }
}

/// Breaks a text between words into lines of at most `width` columns; a longer word gets a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
