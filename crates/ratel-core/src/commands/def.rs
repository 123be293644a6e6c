//! How one command is declared.

use crate::options::{Availability, Tools};

/// What a parameter takes. Names of types are mitmproxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Text, in which escapes such as `\n` stand for what they do in Python.
    Str,
    /// Text that is taken as it stands there.
    Plain,
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// Bytes, with escapes.
    Bytes,
    /// A file; a leading `~` is the home directory.
    Path,
    /// Texts, separated by commas.
    StrList,
    /// What selects exactly one flow.
    Flow,
    /// What selects flows.
    Flows,
    /// Attributes of flows, separated by commas.
    Cuts,
    /// The name of a command.
    Command,
    /// A word for the command named before.
    CommandArg,
    /// One of the results of another command.
    Choice(&'static str),
    /// Text that is one of the results of another command.
    OneOf(&'static str),
    /// A mark: `true`, `false` or a name such as `:star:`.
    Marker,
    /// Text that is the name of an option.
    OptionName,
    /// Text that is a value for the option named before.
    OptionValue,
    /// Text that is a filter.
    Filter,
    /// Text that selects flows.
    FlowSpec,
}

impl ArgKind {
    /// The name of the type, as `--commands` and the reference print it.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Str
            | Self::Plain
            | Self::OneOf(_)
            | Self::OptionName
            | Self::OptionValue
            | Self::Filter
            | Self::FlowSpec => "str",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Bytes => "bytes",
            Self::Path => "path",
            Self::StrList => "str[]",
            Self::Flow => "flow",
            Self::Flows => "flow[]",
            Self::Cuts => "cut[]",
            Self::Command => "cmd",
            Self::CommandArg => "arg",
            Self::Choice(_) => "choice",
            Self::Marker => "marker",
        }
    }

    /// What may be given, in a sentence without a period.
    pub fn help(self) -> &'static str {
        match self {
            Self::Str => "text; \\n and other escapes are understood, quotes keep spaces together",
            Self::Plain => "text, as it is; quotes keep spaces together",
            Self::Int => "a whole number",
            Self::Bool => "true or false",
            Self::Bytes => "bytes; \\x00 and other escapes are understood",
            Self::Path => "a file; ~ is your home directory",
            Self::StrList => "texts, separated by commas",
            Self::Flow => "@focus, @ and its number, or a filter that matches exactly one flow",
            Self::Flows | Self::FlowSpec => {
                "@all, @focus, @shown, @hidden, @marked, @unmarked, @ and numbers, or a filter"
            }
            Self::Cuts => "such as request.header[host], separated by commas",
            Self::Command => "a command",
            Self::CommandArg => "what that command takes",
            Self::Choice(_) | Self::OneOf(_) => "one of those that tab offers",
            Self::Marker => "true, false, or a name such as :star:",
            Self::OptionName => "an option",
            Self::OptionValue => "a value for that option; none resets, several make a list",
            Self::Filter => "a filter expression, in quotes when it has spaces",
        }
    }
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The name.
    pub name: &'static str,
    /// What it takes.
    pub kind: ArgKind,
    /// What is taken when nothing is given, as it would be typed.
    pub default: Option<&'static str>,
    /// It takes all words that are left, possibly none; only the last parameter may.
    pub rest: bool,
    /// It takes what is left of the line as it stands, quotes and spaces included; only the last parameter may.
    pub text: bool,
}

impl Param {
    pub(super) const fn new(name: &'static str, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            default: None,
            rest: false,
            text: false,
        }
    }

    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(super) const fn rest(mut self) -> Self {
        self.rest = true;
        self
    }

    pub(super) const fn text(mut self) -> Self {
        self.text = true;
        self
    }

    /// `*args` for one that takes the rest, else the name.
    pub fn shown(&self) -> String {
        if self.rest {
            format!("*{}", self.name)
        } else {
            self.name.to_owned()
        }
    }
}

/// What a command gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// Nothing.
    Nothing,
    /// Text.
    Str,
    /// Texts.
    StrList,
    /// A number.
    Int,
    /// Yes or no.
    Bool,
    /// Flows.
    Flows,
    /// Rows of values.
    Table,
}

impl Returns {
    /// The name of the type; none for nothing.
    pub fn type_name(self) -> Option<&'static str> {
        Some(match self {
            Self::Nothing => return None,
            Self::Str => "str",
            Self::StrList => "str[]",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Flows => "flow[]",
            Self::Table => "data[][]",
        })
    }
}

/// One command: everything that prompts, keys, completion and the reference know about it.
#[derive(Clone, Copy, Debug)]
pub struct CommandDef {
    /// The name; mitmproxy's where mitmproxy has the command.
    pub name: &'static str,
    /// What it takes, in order.
    pub params: &'static [Param],
    /// What it gives back.
    pub returns: Returns,
    /// Texts that it always gives back.
    pub lists: &'static [&'static str],
    /// One paragraph; its first sentence serves as the short help.
    pub help: &'static str,
    /// The programs that have it.
    pub tools: Tools,
    /// Whether it can be used.
    pub availability: Availability,
    /// Whether it is Ratel's own, unknown to mitmproxy.
    pub own: bool,
}

impl CommandDef {
    pub(super) const fn new(
        name: &'static str,
        params: &'static [Param],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            params,
            returns: Returns::Nothing,
            lists: &[],
            help,
            tools: Tools::ALL,
            availability: Availability::Available,
            own: false,
        }
    }

    pub(super) const fn returns(mut self, returns: Returns) -> Self {
        self.returns = returns;
        self
    }

    pub(super) const fn lists(mut self, texts: &'static [&'static str]) -> Self {
        self.lists = texts;
        self.returns = Returns::StrList;
        self
    }

    pub(super) const fn tools(mut self, tools: Tools) -> Self {
        self.tools = tools;
        self
    }

    pub(super) const fn planned(mut self, what: &'static str) -> Self {
        self.availability = Availability::Planned(what);
        self
    }

    pub(super) const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    /// Whether it can be used.
    pub fn is_available(&self) -> bool {
        self.availability == Availability::Available
    }

    /// The first sentence of the help, without its period.
    pub fn short_help(&self) -> &'static str {
        let end = self.help.find(". ").unwrap_or(self.help.len());
        self.help
            .get(..end)
            .unwrap_or(self.help)
            .trim_end_matches('.')
    }

    /// The name and the parameters: `flow.mark flows marker`.
    pub fn usage(&self) -> String {
        let params = self.params.iter().map(Param::shown);
        let words: Vec<_> = std::iter::once(self.name.to_owned())
            .chain(params)
            .collect();
        words.join(" ")
    }

    /// As `--commands` prints it: `flow.resolve flow_spec -> flow[]`.
    pub fn signature(&self) -> String {
        match self.returns.type_name() {
            Some(returns) => format!("{} -> {returns}", self.usage()),
            None => self.usage(),
        }
    }

    /// The parameter that the `nth` word after the name is for.
    pub fn param(&self, nth: usize) -> Option<&'static Param> {
        let last = self.params.last().filter(|last| last.rest || last.text);
        self.params.get(nth).or(last)
    }
}

/// Commands that belong together in the reference.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// The commands, in alphabetical order.
    pub defs: &'static [CommandDef],
}
