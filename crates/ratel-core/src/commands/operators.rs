//! Operators of filters, offered while one is typed.

use ratel_flow::filter;

use super::complete::{Candidate, candidate};
use super::def::{ArgKind, CommandDef};
use crate::options::OptionDef;

/// Whether a filter is typed there; `option` is the one whose value it is.
pub(super) fn wanted(kind: ArgKind, option: Option<&OptionDef>) -> bool {
    match kind {
        ArgKind::Filter | ArgKind::FlowSpec | ArgKind::Flow | ArgKind::Flows => true,
        ArgKind::OptionValue => option.is_some_and(|def| def.metavar == "FILTER"),
        _ => false,
    }
}

/// The operator that is being typed at the end of a filter, and those that begin like it.
pub(super) fn offered(typed: &str) -> Option<(&str, Vec<Candidate>)> {
    let start = typed
        .rfind([' ', '(', '!', '&', '|'])
        .map_or(0, |at| at + 1);
    let word = typed.get(start..).filter(|word| word.starts_with('~'))?;
    let all = filter::help().iter().filter_map(|help| {
        let name = help.syntax.split(' ').next().unwrap_or_default();
        let arg = help.syntax.get(name.len()..).unwrap_or_default().trim();
        let words = match arg {
            "" => help.description.to_owned(),
            arg => format!("{arg}: {}", help.description),
        };
        name.starts_with(word).then(|| candidate(name, &words))
    });
    Some((word, all.collect()))
}

/// Lines that show how filters are written.
pub const EXAMPLES: &str = "~m POST   ~c 400   example.com/orders   (~ lists all)";

impl CommandDef {
    /// Whether the parameter with that number is a filter, where `option` is the one that is set.
    #[must_use]
    pub fn takes_filter(&self, nth: usize, option: Option<&OptionDef>) -> bool {
        let kind = self.param(nth).map(|param| param.kind);
        matches!(kind, Some(ArgKind::Filter | ArgKind::OptionValue))
            && kind.is_some_and(|kind| wanted(kind, option))
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::{Candidates, complete};

    #[test]
    fn operators_are_offered_where_a_filter_is_typed() {
        let names = |line: &str| {
            let found = complete(line, |_| Vec::new());
            let Candidates::Known(known) = found.candidates else {
                return (found.range, Vec::new());
            };
            let texts = known.into_iter().map(|known| known.text).collect();
            (found.range, texts)
        };
        for line in [
            "set view_filter '~meta",
            "set intercept '~m POST & !~meta",
            "view.filter.set (~meta",
            "replay.client '~m GET ~meta",
        ] {
            let (range, texts) = names(line);
            assert_eq!(texts, ["~meta"], "{line}");
            assert_eq!(&line[range], "~meta");
        }
        assert!(names("set view_filter '~").1.len() > 20);
        assert!(names("set view_filter '~m POST").1.is_empty());
        assert!(names("set confdir '~").1.is_empty());
        let found = complete("set view_filter '~m", |_| Vec::new());
        let Candidates::Known(known) = found.candidates else {
            panic!("they are known");
        };
        let method = known.iter().find(|known| known.text == "~m").unwrap();
        assert!(method.help.starts_with("regex: "), "{}", method.help);
    }
}
