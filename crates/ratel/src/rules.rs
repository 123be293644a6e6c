//! `ratel rules check`: what is wrong with a file of rules, before anything runs with it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use ratel_addons::rule_file::{self, RuleFile, RuleFileError};
use ratel_core::options::Values;

use crate::errand::{self, Trouble};
use crate::run::filter_options;

pub(crate) fn command() -> Command {
    let check = Command::new("check")
        .about("Say what is wrong with a file of rules, line by line")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The file; the one of option `rules`, or rules.yaml in the configuration folder, if missing"),
        );
    Command::new("rules")
        .about("Check files of rules.")
        .subcommand_required(true)
        .subcommand(check)
}

pub(crate) fn main(values: &Values, matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let given = matches
        .subcommand()
        .and_then(|(_, check)| check.get_one::<PathBuf>("file").cloned());
    let path = given.unwrap_or_else(|| rule_file::path(values).0);
    match RuleFile::load(&path, values, filter_options()) {
        Ok(file) => {
            let off = match file.off() {
                0 => String::new(),
                off => format!(
                    ", {off} more {} switched off",
                    if off == 1 { "is" } else { "are" }
                ),
            };
            let rules = match file.on() {
                1 => "1 rule".to_owned(),
                on => format!("{on} rules"),
            };
            errand::print(&format!("{}: {rules}{off}\n", path.display()));
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ RuleFileError::Flaws { .. }) => {
            // As compilers write it, so that editors find the places.
            let _ = writeln!(io::stderr(), "{error}");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(Trouble::new(error.to_string())),
    }
}
