//! `ratel export` and `ratel convert`: flows of a file as something else, all or some, with or without their secrets.

mod args;
mod form;
mod outlet;
mod target;

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};
use ratel_core::options::{Values, keys};
use ratel_flow::export::ExportOptions;
use ratel_flow::filter::Filter;
use ratel_flow::redact::{RULES, Redactor};

use crate::errand::{self, Trouble};
use crate::files::{self, Opener};
use crate::run;
pub(crate) use args::{is_rule, with_rules};
use form::Form;
use outlet::{Added, Outlet};
use target::Target;

/// So many flows that are left out are named one by one.
const NAMED: u64 = 10;

pub(crate) fn export_command() -> Command {
    let forms = Form::ALL.map(Form::name);
    Command::new("export")
        .about(
            "Make commands, programs, messages or files of other programs of the flows in a file.",
        )
        .arg(
            Arg::new("format")
                .long("format")
                .short('f')
                .value_name("FORMAT")
                .value_parser(forms)
                .help("What to make; not needed where the name of OUT says it"),
        )
        .arg(file(
            "FILE",
            "A flow file, an HTTP archive or a packet capture; `-` is standard input",
        ))
        .arg(filter())
        .arg(
            Arg::new("out")
                .short('o')
                .long("output")
                .value_name("OUT")
                .help("Where to; standard output if missing or `-`"),
        )
        .args(common())
        .after_help(rules())
}

pub(crate) fn convert_command() -> Command {
    let files = Form::ALL.into_iter().filter(|form| form.is_file());
    Command::new("convert")
        .about("Write the flows of a file into a file of another format.")
        .arg(file("IN", "A flow file, an HTTP archive or a packet capture; `-` is standard input"))
        .arg(
            Arg::new("out")
                .value_name("OUT")
                .required(true)
                .help("Where to: .mitm, .flow, .har, .zhar or .pcapng, also with .gz or .zst; `-` is standard output"),
        )
        .arg(filter())
        .arg(
            Arg::new("format")
                .long("format")
                .short('f')
                .value_name("FORMAT")
                .value_parser(files.map(Form::name).collect::<Vec<_>>())
                .help("The format of OUT, where its name does not say it"),
        )
        .args(common())
        .after_help(rules())
}

fn file(name: &'static str, help: &'static str) -> Arg {
    Arg::new("in").value_name(name).required(true).help(help)
}

fn filter() -> Arg {
    Arg::new("filter")
        .value_name("FILTER")
        .num_args(0..)
        .help("Only flows that match, such as `~m POST & ~d example.com`")
}

fn common() -> [Arg; 2] {
    [
        Arg::new("redact")
            .long("redact")
            .value_name("RULE")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("default")
            .action(clap::ArgAction::Append)
            .help("Replace secrets; may be given several times"),
        Arg::new("force")
            .long("force")
            .action(clap::ArgAction::SetTrue)
            .help("Write over a file that is there"),
    ]
}

fn rules() -> String {
    let mut text = String::from("Rules for --redact, which alone means --redact default:\n");
    for rule in RULES {
        text += &format!("  {:17} {}\n", rule.form, rule.help);
    }
    text.trim_end().to_owned()
}

pub(crate) fn export(values: &Values, matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let out = matches.get_one::<String>("out").map_or("-", |out| out);
    let form = match named(matches) {
        Some(form) => form,
        None => Form::of_name(out).ok_or_else(|| {
            let names = Form::ALL.map(Form::name).join(", ");
            Trouble::new("it is not said what to make of the flows")
                .hint(format!("--format is one of {names}"))
        })?,
    };
    Job::new(values, matches, form, out)?.run()
}

pub(crate) fn convert(values: &Values, matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let out = matches.get_one::<String>("out").map_or("-", |out| out);
    let form = match named(matches).or_else(|| Form::of_name(out)) {
        Some(form) if form.is_file() => form,
        _ => {
            let message = if out == "-" {
                "it is not said in which format standard output is to be".to_owned()
            } else {
                format!(
                    "the name {} says no format that is known",
                    out.escape_debug()
                )
            };
            return Err(Trouble::new(message)
                .hint("--format is one of flow, har, zhar and pcapng; `ratel export` makes commands and programs"));
        }
    };
    Job::new(values, matches, form, out)?.run()
}

fn named(matches: &ArgMatches) -> Option<Form> {
    Form::from_name(matches.get_one::<String>("format")?)
}

/// What is to be done.
struct Job {
    input: String,
    opener: Opener,
    filter: Option<Filter>,
    form: Form,
    out: String,
    force: bool,
    redactor: Redactor,
    options: ExportOptions,
}

impl Job {
    fn new(values: &Values, matches: &ArgMatches, form: Form, out: &str) -> Result<Self, Trouble> {
        let words: Vec<&str> = matches
            .get_many::<String>("filter")
            .unwrap_or_default()
            .map(String::as_str)
            .collect();
        let filter = match &words.join(" ")[..] {
            "" => None,
            words => Some(
                Filter::parse(words, run::filter_options()).map_err(|error| Trouble {
                    message: error.to_string(),
                    hint: error.hint(),
                })?,
            ),
        };
        let given = matches.get_many::<String>("redact").unwrap_or_default();
        let rules = values.list(keys::REDACT).iter().chain(given);
        let redactor = Redactor::from_rules(rules).map_err(|error| Trouble {
            message: error.to_string(),
            hint: error.hint(),
        })?;
        Ok(Self {
            input: matches.get_one::<String>("in").cloned().unwrap_or_default(),
            opener: Opener {
                keylog: values.opt_path(keys::KEYLOG),
                leaves_bodies: false,
            },
            filter,
            form,
            out: out.to_owned(),
            force: matches.get_flag("force"),
            redactor,
            options: ExportOptions {
                preserve_original_ip: values.bool(keys::EXPORT_PRESERVE_ORIGINAL_IP),
                insecure: values.bool(keys::SSL_INSECURE),
            },
        })
    }

    fn run(self) -> Result<ExitCode, Trouble> {
        let records = self.opener.open(&self.input)?;
        let target = Target::open(&self.out, self.form, self.force)?;
        let mut outlet = Outlet::new(self.form, target, self.options)?;
        let mut count = Count::default();
        for record in records {
            let record = match record {
                Ok(record) => record,
                Err(trouble) => {
                    count.troubles += 1;
                    say(count.troubles, &trouble);
                    continue;
                }
            };
            if self
                .filter
                .as_ref()
                .is_some_and(|filter| !filter.matches(&record))
            {
                continue;
            }
            count.matched += 1;
            match outlet.add(&self.redactor.redact(&record)) {
                Ok(Added::Yes) => count.written += 1,
                Ok(Added::NoPlace) => count.no_place += 1,
                Ok(Added::Failed(why)) => {
                    count.failed += 1;
                    let flow = count.matched;
                    say(
                        count.failed,
                        &Trouble::new(format!("flow {flow} is left out: {why}")),
                    );
                }
                // Nobody reads on.
                Err(trouble) if trouble.is_none() => return Ok(ExitCode::SUCCESS),
                Err(trouble) => return Err(trouble.unwrap_or_else(|| Trouble::new("cannot write"))),
            }
        }
        if count.written == 0 {
            return Err(self.nothing(&count));
        }
        match outlet.finish() {
            Ok(()) => {}
            Err(None) => return Ok(ExitCode::SUCCESS),
            Err(Some(trouble)) => return Err(trouble),
        }
        self.tell(&count);
        let whole = count.troubles == 0 && count.failed == 0;
        Ok(if whole {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Why nothing was written.
    fn nothing(&self, count: &Count) -> Trouble {
        let file = match &self.input[..] {
            "-" => "standard input",
            path => path,
        };
        let form = self.form.name();
        match (count.matched, &self.filter) {
            (0, Some(filter)) => {
                Trouble::new(format!("no flow in {file} matches '{}'", filter.source()))
            }
            (0, None) => Trouble::new(format!("there is no flow in {file}")),
            (1, _) => Trouble::new(format!("the flow in {file} cannot be exported as {form}")),
            (matched, _) => Trouble::new(format!(
                "none of {matched} flows in {file} can be exported as {form}"
            )),
        }
    }

    fn tell(&self, count: &Count) {
        for (number, what) in [
            (count.troubles, "could not be read"),
            (count.failed, "are left out"),
        ] {
            if let Some(more @ 1..) = number.checked_sub(NAMED) {
                errand::note(&format!("{more} more {what}"));
            }
        }
        if count.no_place > 0 {
            errand::note(&format!(
                "{} left out, which {} has no place for",
                files::count(count.no_place),
                self.form.name()
            ));
        }
        if self.out != "-" {
            errand::note(&format!(
                "wrote {} to {}",
                files::count(count.written),
                self.out
            ));
        }
    }
}

#[derive(Debug, Default)]
struct Count {
    /// How often something could not be read.
    troubles: u64,
    matched: u64,
    written: u64,
    no_place: u64,
    failed: u64,
}

fn say(number: u64, trouble: &Trouble) {
    if number <= NAMED {
        let hint = trouble
            .hint
            .as_ref()
            .map(|hint| format!("\n  hint: {hint}"));
        errand::note(&format!("{}{}", trouble.message, hint.unwrap_or_default()));
    }
}
