//! The list of operators, as help screens and the documentation show it.

use std::sync::LazyLock;

use super::operators::{Argument, ROWS};

/// A line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// How it is written: `~c int`.
    pub syntax: String,
    /// What it means, in a sentence.
    pub description: &'static str,
}

/// Every operator in the order of its syntax, then what joins them.
#[must_use]
pub fn help() -> &'static [Help] {
    static HELP: LazyLock<Vec<Help>> = LazyLock::new(|| {
        let operators = ROWS.iter().map(|row| {
            let name = row.name;
            let syntax = match row.argument {
                Argument::None => format!("~{name}"),
                Argument::Number => format!("~{name} int"),
                _ => format!("~{name} regex"),
            };
            (syntax, row.help)
        });
        let mut operators: Vec<_> = operators.collect();
        operators.sort();
        let joined = [
            ("regex", "The same as ~u regex."),
            ("!", "Not: the flow does not match what follows."),
            (
                "&",
                "And: both sides match. So it is without any sign between them, but that binds weakest.",
            ),
            ("|", "Or: one of the sides matches."),
            ("(...)", "What belongs together."),
        ];
        let joined = joined.map(|(syntax, description)| (syntax.to_owned(), description));
        operators
            .into_iter()
            .chain(joined)
            .map(|(syntax, description)| Help {
                syntax,
                description,
            })
            .collect()
    });
    &HELP
}
