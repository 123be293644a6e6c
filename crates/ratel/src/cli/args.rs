//! Arguments to mentions of options: the parser made from the table, and its errors in our words.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use ratel_core::options::{self, Default, OptionDef, keys};

use crate::convert::is_rule;

use super::{Problem, Program, Surroundings, legacy, listing};

/// What was read.
pub(super) enum Read {
    Given(Given),
    Help(String),
    Version,
    Options,
    Commands,
}

/// Everything given, in the order of the command line.
pub(super) struct Given {
    pub(super) mentions: Vec<Mention>,
    pub(super) positionals: Vec<String>,
}

/// One mention of an option.
pub(super) enum Mention {
    /// `--set SPEC`.
    Set(String),
    /// A flag of the option's own, and what follows it.
    Flag(&'static OptionDef, Option<String>),
    /// A part of what `-q` or `-v` stands for.
    Level(&'static OptionDef, &'static str),
}

/// Flags that are no options; the descriptions are what `--help` says.
const BUILTINS: &[(&str, Option<char>, &str)] = &[
    ("set", None, "Set any option; `--options` lists them all"),
    (
        "quiet",
        Some('q'),
        "Print no flows, and of the log only errors of the program itself",
    ),
    ("verbose", Some('v'), "Print more about everything"),
    (
        "options",
        None,
        "List all options with their defaults, as a configuration file",
    ),
    ("commands", None, "List all commands"),
    ("version", None, "Print versions"),
    ("help", Some('h'), "Print this help"),
];

/// The heading of what belongs to no other; it is printed last.
const OTHER: &str = "Other flags";

/// Reads the arguments that follow the program's name.
pub(super) fn read(
    program: &Program,
    args: Vec<String>,
    around: &Surroundings,
) -> Result<Read, Problem> {
    let args = complete(program, args)?;
    let matches = match command(program, around).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            return match error.kind() {
                ErrorKind::DisplayHelp => Ok(Read::Help(error.render().to_string())),
                ErrorKind::DisplayVersion => Ok(Read::Version),
                _ => Err(explain(&error)),
            };
        }
    };
    if matches.contains_id("options") {
        return Ok(Read::Options);
    }
    if matches.contains_id("commands") {
        return Ok(Read::Commands);
    }
    Ok(Read::Given(collect(&matches)))
}

fn command(program: &Program, around: &Surroundings) -> Command {
    let mut command = Command::new(program.argv0.clone())
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .version("")
        .help_template(listing::help_template(program))
        .max_term_width(100)
        .next_line_help(false)
        .arg(
            Arg::new("target")
                .num_args(0..)
                .action(ArgAction::Append)
                .hide(true),
        );
    if let Some(width) = around.width {
        command = command.term_width(width);
    }
    // Headings are printed in the order of their first flag.
    let (other, grouped): (Vec<&'static OptionDef>, Vec<&'static OptionDef>) = options::all()
        .filter(|def| def.flag)
        .partition(|def| def.group.is_empty());
    for def in grouped.into_iter().chain(other) {
        let hide = !def.is_available() || !program.has(def.tools);
        command = match def.default {
            Default::Bool(default) => {
                let [on, off] = switch(def, default).map(|arg| headed(arg, def));
                // Only the half that changes something is worth a line.
                command
                    .arg(on.hide(hide || default))
                    .arg(off.hide(hide || !default))
            }
            _ => command.arg(headed(valued(def), def).hide(hide)),
        };
    }
    command.args(
        BUILTINS
            .iter()
            .map(|&(name, short, help)| builtin(name, short, help)),
    )
}

fn builtin(name: &'static str, short: Option<char>, help: &'static str) -> Arg {
    let arg = Arg::new(name)
        .long(name)
        .short(short)
        .help(help)
        .help_heading(OTHER);
    match name {
        "set" => arg.action(ArgAction::Append).value_name("OPTION=VALUE"),
        "help" => arg.action(ArgAction::Help),
        "version" => arg.action(ArgAction::Version),
        _ => present(arg),
    }
}

/// A flag without a value that remembers where each of its mentions stood.
fn present(arg: Arg) -> Arg {
    arg.action(ArgAction::Append)
        .num_args(0)
        .default_missing_value("true")
}

fn valued(def: &'static OptionDef) -> Arg {
    let mut help = def.short_help().to_owned();
    match def.default {
        Default::Int(value) => help.push_str(&format!(" [default: {value}]")),
        Default::Str(value) if !value.is_empty() => help.push_str(&format!(" [default: {value}]")),
        Default::List(values) if !values.is_empty() => {
            help.push_str(&format!(" [default: {}]", values.join(", ")))
        }
        _ => {}
    }
    Arg::new(def.name)
        .long(def.long_flag().unwrap_or_default())
        .short(def.short)
        .help(help)
        .value_name(def.metavar)
        .action(ArgAction::Append)
        .allow_negative_numbers(matches!(def.default, Default::Int(_) | Default::OptInt(_)))
}

/// The pair `--x`, `--no-x`; a short flag belongs to the one that is not the default.
fn switch(def: &'static OptionDef, default: bool) -> [Arg; 2] {
    let long = def.long_flag().unwrap_or_default();
    let negative = format!("no-{long}");
    let on = present(Arg::new(def.name))
        .long(long)
        .help(def.short_help())
        .conflicts_with(negative.clone());
    let off = present(Arg::new(negative.clone()))
        .long(negative)
        .help(format!("Do not {}", lower_first(def.short_help())));
    if default {
        [on, off.short(def.short)]
    } else {
        [on.short(def.short), off]
    }
}

fn headed(arg: Arg, def: &'static OptionDef) -> Arg {
    arg.help_heading(if def.group.is_empty() {
        OTHER
    } else {
        def.group
    })
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

fn collect(matches: &ArgMatches) -> Given {
    let mut found: Vec<(usize, Mention)> = Vec::new();
    let texts = |id: &str| -> Vec<(usize, String)> {
        let indices = matches.indices_of(id).into_iter().flatten();
        indices
            .zip(
                matches
                    .get_many::<String>(id)
                    .into_iter()
                    .flatten()
                    .cloned(),
            )
            .collect()
    };
    found.extend(
        texts("set")
            .into_iter()
            .map(|(at, spec)| (at, Mention::Set(spec))),
    );
    for def in options::all().filter(|def| def.flag) {
        if let Default::Bool(_) = def.default {
            let off = texts(&format!("no-{}", def.name.replace('_', "-")));
            found.extend(
                off.into_iter()
                    .map(|(at, _)| (at, Mention::Flag(def, Some("false".to_owned())))),
            );
        }
        found.extend(
            texts(def.name)
                .into_iter()
                .map(|(at, text)| (at, Mention::Flag(def, Some(text)))),
        );
    }
    for (id, severity, detail) in [("quiet", "error", "0"), ("verbose", "debug", "2")] {
        for (at, _) in texts(id) {
            found.push((at, Mention::Level(keys::TERMLOG_VERBOSITY.def(), severity)));
            found.push((
                at,
                Mention::Level(keys::CONSOLE_EVENTLOG_VERBOSITY.def(), severity),
            ));
            found.push((at, Mention::Level(keys::FLOW_DETAIL.def(), detail)));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    Given {
        mentions: found.into_iter().map(|(_, mention)| mention).collect(),
        positionals: texts("target").into_iter().map(|(_, text)| text).collect(),
    }
}

/// Completes abbreviated long flags and explains those that do not exist.
fn complete(program: &Program, args: Vec<String>) -> Result<Vec<String>, Problem> {
    let flags = long_flags(program);
    let mut completed = Vec::with_capacity(args.len());
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        if arg == "--" {
            completed.push(arg);
            completed.extend(args);
            break;
        }
        let Some(long) = arg.strip_prefix("--") else {
            completed.push(arg);
            continue;
        };
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let name = full_name(name, &flags)?;
        completed.push(match value {
            Some(value) => format!("--{name}={value}"),
            // As with `ratel export`, the rule may be left out.
            None if name == "redact" && !args.peek().is_some_and(|next| is_rule(next)) => {
                "--redact=default".to_owned()
            }
            None => format!("--{name}"),
        });
    }
    Ok(completed)
}

/// All long flags, those that the program itself has first; the number says how many these are.
fn long_flags(program: &Program) -> (Vec<String>, usize) {
    let of = |own: bool| {
        options::all()
            .filter(move |def| program.has(def.tools) == own)
            .flat_map(|def| {
                let positive = def.long_flag();
                let negative = positive
                    .as_ref()
                    .filter(|_| matches!(def.default, Default::Bool(_)));
                let negative = negative.map(|long| format!("no-{long}"));
                [positive, negative].into_iter().flatten()
            })
    };
    let mut flags: Vec<String> = BUILTINS
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .chain(of(true))
        .collect();
    let own = flags.len();
    flags.extend(of(false));
    (flags, own)
}

fn full_name(name: &str, (flags, own): &(Vec<String>, usize)) -> Result<String, Problem> {
    if flags.iter().any(|flag| flag == name) {
        return Ok(name.to_owned());
    }
    for candidates in [&flags[..*own], &flags[*own..]] {
        let mut matching = candidates
            .iter()
            .filter(|flag| !name.is_empty() && flag.starts_with(name));
        match (matching.next(), matching.next()) {
            (Some(only), None) => return Ok(only.clone()),
            (Some(_), Some(_)) => {
                if let Some(hint) = legacy::hint(&format!("--{name}")) {
                    return Err(no_flag(&format!("--{name}")).hint(hint));
                }
                let all: Vec<String> = candidates
                    .iter()
                    .filter(|flag| flag.starts_with(name))
                    .map(|flag| format!("`--{flag}`"))
                    .collect();
                return Err(
                    Problem::new(format!("'--{name}' is short for several flags"))
                        .hint(format!("write one of {}", all.join(", "))),
                );
            }
            (None, _) => {}
        }
    }
    Err(unknown_long(name, flags))
}

fn no_flag(flag: &str) -> Problem {
    Problem::new(format!("there is no flag '{flag}'"))
}

fn unknown_long(name: &str, flags: &[String]) -> Problem {
    let problem = no_flag(&format!("--{name}"));
    let hyphens = name.replace('_', "-");
    if hyphens != name && flags.contains(&hyphens) {
        return problem.hint(format!("flags are written with hyphens: `--{hyphens}`"));
    }
    if let Some(hint) = legacy::hint(&format!("--{name}")) {
        return problem.hint(hint);
    }
    if let Some(def) = options::def(&name.replace('-', "_")) {
        return problem.hint(format!(
            "this option has no flag of its own: `--set {}=VALUE`",
            def.name
        ));
    }
    let underscores: Vec<String> = flags.iter().map(|flag| flag.replace('-', "_")).collect();
    match options::parse::similar(name, underscores.iter().map(String::as_str)) {
        Some(similar) => problem.hint(format!("did you mean `--{}`?", similar.replace('_', "-"))),
        None => problem.hint("`--help` lists the flags, `--options` all options for `--set`"),
    }
}

/// Says in our words what the parser objects to.
fn explain(error: &clap::Error) -> Problem {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    let arg = context(ContextKind::InvalidArg).unwrap_or_default();
    // The parser names an argument with its placeholder, `--mode <MODE>`.
    let flag = arg.split([' ', '=']).next().unwrap_or(arg);
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let problem = no_flag(flag);
            match legacy::hint(flag) {
                Some(hint) => problem.hint(hint),
                None => problem.hint("`--help` lists the flags"),
            }
        }
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            Problem::new(format!("flag '{flag}' needs a value"))
        }
        ErrorKind::TooManyValues => Problem::new(format!("flag '{flag}' takes no value")),
        ErrorKind::ArgumentConflict => {
            let other = context(ContextKind::PriorArg).unwrap_or_default();
            Problem::new(format!(
                "flags '{flag}' and '{other}' contradict each other"
            ))
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            Problem::new(line.strip_prefix("error: ").unwrap_or(line))
        }
    }
}
