//! The command line: arguments in, an [`Invocation`] or a text out. Nothing here prints or exits.
//!
//! The flags are made from the option table of `ratel-core`; a flag, `--set` and a line in a configuration file are three
//! ways to say one thing. Values win in this order: defaults, `config.yaml`, `config.yml`, then `--set` and flags in the
//! order in which they stand on the command line.

mod args;
mod legacy;
mod listing;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use ratel_core::mode::ProxyMode;
use ratel_core::options::file::FileError;
use ratel_core::options::{
    self, Availability, Default, OptionDef, Options, OptionsError, Value, Values, keys, parse,
};

use ratel_flow::filter::Filter;

use crate::run::filter_options;
use args::Given;

/// Which program the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// The terminal interface.
    Terminal,
    /// The line printer.
    Dump,
}

/// A command line that starts a program.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The program.
    pub(crate) tool: Tool,
    /// The name it was called by, without folder and extension, for messages.
    pub(crate) argv0: String,
    /// All options, with files and command line applied.
    pub(crate) options: Options,
    /// Lines of files that were passed over, in words.
    pub(crate) passed_over: Vec<String>,
}

/// What a command line comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Start a program.
    Run(Invocation),
    /// Write this text to standard output and end with success.
    Print(String),
    /// Write this to standard error and end with exit code 1.
    Refuse(Refusal),
}

/// Why nothing is started; displays as the whole text for standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The name the program was called by.
    pub(crate) argv0: String,
    /// What is wrong: one sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.argv0, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// What the command line needs to know about the rest of the world.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// Names and versions of the TLS libraries, for `--version`.
    pub(crate) tls: String,
    /// What a leading `~` in a path stands for.
    pub(crate) home: Option<PathBuf>,
    /// How many columns `--help` may use; `None` asks the terminal.
    pub(crate) width: Option<usize>,
}

/// Reads a command line whose first element is the name of the program.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>, around: &Surroundings) -> Outcome {
    let mut args = args.into_iter();
    let argv0 = args
        .next()
        .map_or_else(|| "ratel".to_owned(), |path| base_name(Path::new(&path)));
    match program(&argv0, args).and_then(|(program, args)| run(&program, args, around)) {
        Ok(outcome) => outcome,
        Err(Problem { message, hint }) => Outcome::Refuse(Refusal {
            argv0,
            message,
            hint,
        }),
    }
}

/// A refusal before it is known who says it.
#[derive(Debug)]
struct Problem {
    message: String,
    hint: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl From<OptionsError> for Problem {
    fn from(error: OptionsError) -> Self {
        Self {
            hint: error.hint(),
            message: error.to_string(),
        }
    }
}

/// The program and the rules that come with the name it was called by.
#[derive(Debug)]
struct Program {
    tool: Tool,
    argv0: String,
    /// What usage texts call it.
    usage_name: String,
    /// Whether it was called by the name of a mitmproxy tool, whose folder and arguments it then takes.
    mitmproxy: bool,
}

impl Program {
    fn default_confdir(&self) -> &'static str {
        if self.mitmproxy {
            "~/.mitmproxy"
        } else {
            "~/.ratel"
        }
    }

    fn has(&self, tools: options::Tools) -> bool {
        match self.tool {
            Tool::Terminal => tools.terminal,
            Tool::Dump => tools.dump,
        }
    }
}

fn base_name(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    match name.len().checked_sub(4) {
        Some(at) if name.is_char_boundary(at) && name[at..].eq_ignore_ascii_case(".exe") => {
            name[..at].to_owned()
        }
        _ => name.into_owned(),
    }
}

fn program(
    argv0: &str,
    args: impl Iterator<Item = OsString>,
) -> Result<(Program, Vec<String>), Problem> {
    let mut args = args
        .map(|arg| {
            arg.into_string().map_err(|arg| {
                Problem::new(format!(
                    "the argument '{}' is not valid UTF-8",
                    arg.to_string_lossy()
                ))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let web = || {
        Problem::new("the browser interface is not available yet: it comes in a later release")
            .hint("`ratel` shows flows in the terminal, `ratel dump` prints them")
    };
    let (tool, mitmproxy) = match argv0.to_ascii_lowercase().as_str() {
        "mitmproxy" => (Tool::Terminal, true),
        "mitmdump" => (Tool::Dump, true),
        "mitmweb" => return Err(web()),
        _ => match args.first().map(String::as_str) {
            Some("dump") => (Tool::Dump, false),
            Some("web") => return Err(web()),
            _ => (Tool::Terminal, false),
        },
    };
    let mut usage_name = argv0.to_owned();
    if tool == Tool::Dump && !mitmproxy {
        args.remove(0);
        usage_name.push_str(" dump");
    }
    Ok((
        Program {
            tool,
            argv0: argv0.to_owned(),
            usage_name,
            mitmproxy,
        },
        args,
    ))
}

fn run(program: &Program, args: Vec<String>, around: &Surroundings) -> Result<Outcome, Problem> {
    let given = match args::read(program, args, around)? {
        args::Read::Given(given) => given,
        args::Read::Help(text) => return Ok(Outcome::Print(text)),
        args::Read::Version => return Ok(Outcome::Print(listing::version(around))),
        args::Read::Options => return Ok(Outcome::Print(listing::options(program))),
        args::Read::Commands => return Ok(Outcome::Print(listing::commands(program))),
    };
    let Args {
        assignments,
        positional,
    } = given.try_into_args(program)?;

    let confdir = assignments
        .iter()
        .rev()
        .find(|a| a.def.name == keys::CONFDIR.name())
        .and_then(|a| a.text.clone());
    let confdir = confdir.as_deref().unwrap_or(program.default_confdir());
    if around.home.is_none() && Path::new(confdir).starts_with("~") {
        return Err(Problem::new(format!(
            "the configuration folder '{confdir}' cannot be found, since the home directory is unknown"
        ))
        .hint("set HOME, or pass `--set confdir=PATH`"));
    }
    let mut values = Values::with_folders(confdir, around.home.as_deref());
    if program.mitmproxy {
        values = values.as_mitmproxy();
    }
    let passed_over = values.load_files().map_err(|error| Problem {
        hint: error.hint(),
        message: error.to_string(),
    })?;
    let is_target = matches!(positional, Some(Positional::Target(_)));
    apply(&mut values, assignments, is_target)?;
    match positional {
        Some(Positional::Target(mode)) => {
            values.set(keys::MODE.name(), Value::List(vec![mode.spec]))?;
        }
        Some(Positional::Filter(words)) => {
            let filter = words.join(" ");
            // Nobody has set the options, so that the complaint is about the filter alone.
            if !filter.is_empty() {
                Filter::parse(&filter, filter_options()).map_err(|error| Problem {
                    hint: error.hint(),
                    message: error.to_string(),
                })?;
            }
            let options = [
                keys::SAVE_STREAM_FILTER,
                keys::READFILE_FILTER,
                keys::DUMPER_FILTER,
            ];
            for option in options.into_iter().filter(|_| !filter.is_empty()) {
                values.set(option.name(), Value::OptStr(Some(filter.clone())))?;
            }
        }
        None => {}
    }
    let options = Options::with(values)?;
    Ok(Outcome::Run(Invocation {
        tool: program.tool,
        argv0: program.argv0.clone(),
        options,
        passed_over: passed_over.iter().map(FileError::passed_over).collect(),
    }))
}

/// What the command line asks for, checked against the table.
struct Args {
    assignments: Vec<Assignment>,
    positional: Option<Positional>,
}

/// What stands on the command line beside flags.
enum Positional {
    /// The server whose URL was given instead of a mode.
    Target(ProxyMode),
    /// A filter expression, word by word.
    Filter(Vec<String>),
}

/// One mention of an option.
struct Assignment {
    def: &'static OptionDef,
    /// What follows the `=` or the flag; `None` when nothing does.
    text: Option<String>,
    from_set: bool,
}

impl Assignment {
    /// Whether it gives an option whose feature is not there the value that it has anyway.
    fn asks_for_nothing(&self) -> bool {
        let value = parse::value_of(self.def, self.text.as_deref(), None);
        self.from_set && !self.def.is_available() && value == Ok(self.def.default.to_value())
    }
}

impl Given {
    fn try_into_args(self, program: &Program) -> Result<Args, Problem> {
        let mut assignments = Vec::new();
        for mention in self.mentions {
            let assignment = match mention {
                args::Mention::Set(spec) => {
                    let (name, text) = parse::split(&spec);
                    let def = options::def(name).ok_or_else(|| unknown(name))?;
                    Assignment {
                        def,
                        text: text.map(str::to_owned),
                        from_set: true,
                    }
                }
                args::Mention::Flag(def, text) => Assignment {
                    def,
                    text,
                    from_set: false,
                },
                args::Mention::Level(def, text) => {
                    // -q and -v concern options of several programs at once, so they are not held against this one.
                    assignments.push(Assignment {
                        def,
                        text: Some(text.to_owned()),
                        from_set: false,
                    });
                    continue;
                }
            };
            if !assignment.asks_for_nothing() {
                usable(assignment.def, program)?;
            }
            assignments.push(assignment);
        }
        let positional = positional(program, self.positionals)?;
        Ok(Args {
            assignments,
            positional,
        })
    }
}

fn unknown(name: &str) -> Problem {
    // `Values::set` knows how to say it best.
    Values::default()
        .set(name, Value::Bool(true))
        .map_or_else(Problem::from, |()| Problem::new(name))
}

/// Refuses an option that would have no effect.
fn usable(def: &'static OptionDef, program: &Program) -> Result<(), Problem> {
    if let Availability::Planned(what) = def.availability {
        return Err(OptionsError::Planned {
            name: def.name,
            what,
        }
        .into());
    }
    if !program.has(def.tools) {
        let owners: Vec<String> = def
            .tools
            .ready()
            .names()
            .into_iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let message = format!(
            "option '{}' does not exist in `{}`",
            def.name, program.usage_name
        );
        let mut hint = format!("it belongs to {}", owners.join(" and "));
        if !def.instead.is_empty() {
            hint = format!("{hint}; {}", def.instead);
        }
        return Err(Problem::new(message).hint(hint));
    }
    Ok(())
}

/// Understands what stands on the command line beside flags.
fn positional(program: &Program, positionals: Vec<String>) -> Result<Option<Positional>, Problem> {
    let Some(first) = positionals.first() else {
        return Ok(None);
    };
    let is_url = first.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    let takes_url = !(program.mitmproxy && program.tool == Tool::Dump);
    if is_url && takes_url {
        if let Some(second) = positionals.get(1) {
            return Err(Problem::new(format!(
                "'{second}' is one argument too many after '{first}'"
            ))
            .hint("for several servers, give each a `--mode reverse:URL@PORT`"));
        }
        let mode = format!("reverse:{first}")
            .parse()
            .map_err(OptionsError::from)?;
        return Ok(Some(Positional::Target(mode)));
    }
    let url = if is_url {
        Some(first.clone())
    } else {
        host_as_url(first)
    };
    // What is a file is neither a server nor a filter, mostly.
    if positionals.len() == 1 && !is_url && Path::new(first).is_file() {
        let name = &program.usage_name;
        return Err(
            Problem::new(format!("unexpected argument '{first}'")).hint(format!(
                "to read the flows of that file: `{name} -r {first}`"
            )),
        );
    }
    let problem = match (program.tool, first.as_str()) {
        (Tool::Terminal, "dump" | "web" | "ca" | "env") => {
            return Err(
                Problem::new(format!("unexpected argument '{first}'")).hint(format!(
                    "write `{} {first}` before all options",
                    program.argv0
                )),
            );
        }
        // A filter of several words is no address; one word may be meant either way.
        (Tool::Dump, _) if url.is_none() || !takes_url || positionals.len() > 1 => {
            return Ok(Some(Positional::Filter(positionals)));
        }
        _ if url.is_some() => Problem::new(format!("'{first}' is not a URL")),
        _ => Problem::new(format!("unexpected argument '{first}'")),
    };
    let Some(url) = url else {
        return Err(problem);
    };
    let name = &program.usage_name;
    // Which of the two a port speaks cannot be seen from its number.
    let url = match url.strip_prefix("http://") {
        Some(host) if first.contains(':') => {
            format!("{url}`, or where that has TLS `{name} https://{host}")
        }
        _ => url,
    };
    Err(problem.hint(match program.tool {
        Tool::Dump => format!(
            "to stand in for a server, write its URL: `{name} {url}`; for a filter, `{name} ~u {first}`"
        ),
        Tool::Terminal => {
            format!("to stand in for a server, write its URL: `{name} {url}`")
        }
    }))
}

/// The URL that is probably meant by `host`, `host:port` or `:port`, if this is one of those.
fn host_as_url(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
        None => (text, None),
    };
    let host = if host.is_empty() { "localhost" } else { host };
    let is_host = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.[]:".contains(&b));
    let is_local = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    if !is_host || !(port.is_some() || is_local || host.contains('.')) {
        return None;
    }
    let colon = port.map_or_else(String::new, |port| format!(":{port}"));
    // Development servers have a port of their own and no TLS.
    let scheme = match port {
        Some(443 | 8443) => "https",
        Some(_) => "http",
        None if is_local => "http",
        None => "https",
    };
    Some(format!("{scheme}://{host}{colon}"))
}

/// Applies the command line on top of the files.
fn apply(
    values: &mut Values,
    assignments: Vec<Assignment>,
    has_target: bool,
) -> Result<(), Problem> {
    let mut lists: Vec<(&'static OptionDef, Vec<String>)> = Vec::new();
    let mut set: Vec<(&'static OptionDef, String)> = Vec::new();
    for Assignment {
        def,
        text,
        from_set,
    } in assignments
    {
        if has_target && def.name == keys::MODE.name() {
            return Err(Problem::new(
                "a URL stands for a mode of its own and cannot be combined with the option 'mode'",
            )
            .hint("write all of them as modes, the URL as `--mode reverse:URL`"));
        }
        if let Default::List(_) = def.default {
            let at = lists
                .iter()
                .position(|(seen, _)| seen.name == def.name)
                .unwrap_or(lists.len());
            if at == lists.len() {
                lists.push((def, Vec::new()));
            }
            match text {
                Some(text) => lists[at].1.push(text),
                None => lists[at].1.clear(),
            }
            continue;
        }
        if from_set {
            let written = text.clone().unwrap_or_else(|| "(none)".to_owned());
            if let Some((_, first)) = set.iter().find(|(seen, _)| seen.name == def.name) {
                return Err(OptionsError::Several {
                    name: def.name,
                    values: vec![first.clone(), written],
                }
                .into());
            }
            set.push((def, written));
        }
        let value = parse::value_of(def, text.as_deref(), values.get(def.name))?;
        values.set(def.name, value)?;
    }
    for (def, texts) in lists {
        values.set(def.name, Value::List(texts))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
