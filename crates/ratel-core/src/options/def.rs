//! How one option is declared, and the typed keys by which code reads it.

use std::marker::PhantomData;

use super::SECTIONS;

/// The value of an option; the variant never changes, it is the option's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A switch.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A number that may be unset.
    OptInt(Option<i64>),
    /// Text, possibly empty; sizes are kept as the user wrote them.
    Str(String),
    /// Text that may be unset.
    OptStr(Option<String>),
    /// Any number of texts.
    List(Vec<String>),
}

/// A default value; like [`Value`], but fit for a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// A switch.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A number that may be unset.
    OptInt(Option<i64>),
    /// Text.
    Str(&'static str),
    /// Text that may be unset.
    OptStr(Option<&'static str>),
    /// Any number of texts.
    List(&'static [&'static str]),
    /// A number of bytes, written with an optional suffix.
    Size(&'static str),
}

impl Default {
    /// The value an option starts with.
    pub fn to_value(self) -> Value {
        match self {
            Self::Bool(v) => Value::Bool(v),
            Self::Int(v) => Value::Int(v),
            Self::OptInt(v) => Value::OptInt(v),
            Self::Str(v) | Self::Size(v) => Value::Str(v.to_owned()),
            Self::OptStr(v) => Value::OptStr(v.map(str::to_owned)),
            Self::List(v) => Value::List(v.iter().map(|&s| s.to_owned()).collect()),
        }
    }

    /// The name of the type, as `--options` and the reference print it.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::OptInt(_) => "optional int",
            Self::Str(_) => "str",
            Self::OptStr(_) => "optional str",
            Self::List(_) => "sequence of str",
            Self::Size(_) => "size",
        }
    }

    /// Whether a value is of this type.
    pub(super) fn accepts(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Self::Bool(_), Value::Bool(_))
                | (Self::Int(_), Value::Int(_))
                | (Self::OptInt(_), Value::OptInt(_))
                | (Self::Str(_) | Self::Size(_), Value::Str(_))
                | (Self::OptStr(_), Value::OptStr(_))
                | (Self::List(_), Value::List(_))
        )
    }
}

/// Which programs an option exists for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tools {
    /// The terminal interface, `ratel`.
    pub terminal: bool,
    /// The line printer, `ratel dump`.
    pub dump: bool,
    /// The browser interface, `ratel web`.
    pub web: bool,
}

impl Tools {
    /// Every program.
    pub const ALL: Self = Self {
        terminal: true,
        dump: true,
        web: true,
    };
    /// `ratel` only.
    pub const TERMINAL: Self = Self {
        terminal: true,
        dump: false,
        web: false,
    };
    /// `ratel dump` only.
    pub const DUMP: Self = Self {
        terminal: false,
        dump: true,
        web: false,
    };
    /// `ratel web` only.
    pub const WEB: Self = Self {
        terminal: false,
        dump: false,
        web: true,
    };
    /// The programs with a screen.
    pub const SCREENS: Self = Self {
        terminal: true,
        dump: false,
        web: true,
    };
    /// The programs that log to the terminal.
    pub const LOGGING: Self = Self {
        terminal: false,
        dump: true,
        web: true,
    };

    /// Those of them that are there by now: the browser interface is to come.
    pub const fn ready(self) -> Self {
        Self { web: false, ..self }
    }

    /// The programs, in words.
    pub fn names(self) -> Vec<&'static str> {
        [
            (self.terminal, "ratel"),
            (self.dump, "ratel dump"),
            (self.web, "ratel web"),
        ]
        .into_iter()
        .filter_map(|(has, name)| has.then_some(name))
        .collect()
    }
}

/// Whether an option has a feature behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It does what its help says.
    Available,
    /// It is known and refused wherever it is given; the text says what brings it.
    Planned(&'static str),
}

/// Checks a value of the right type; the error is a clause about it, such as `5 is not between 0 and 4`.
pub type Check = fn(&Value) -> Result<(), String>;

/// One option: everything the command line, configuration files, screens and the reference know about it.
#[derive(Clone, Copy, Debug)]
pub struct OptionDef {
    /// The name, in `snake_case`; mitmproxy's name where mitmproxy has the option.
    pub name: &'static str,
    /// The value it starts with, which also fixes its type.
    pub default: Default,
    /// The only texts allowed, when not empty.
    pub choices: &'static [&'static str],
    /// One paragraph; its first sentence serves as the short help.
    pub help: &'static str,
    /// Whether it has a long flag of its own, `--name-with-hyphens` (for a switch also `--no-name-with-hyphens`).
    pub flag: bool,
    /// A one-letter flag; for a switch it means the opposite of the default.
    pub short: Option<char>,
    /// What stands for the value in usage texts.
    pub metavar: &'static str,
    /// The heading in `--help`, empty for the general options.
    pub group: &'static str,
    /// The programs that have this option.
    pub tools: Tools,
    /// What programs without it have for the same end, as a clause; empty if nothing has to be said.
    pub instead: &'static str,
    /// Whether it can be used.
    pub availability: Availability,
    /// Whether traffic meets something else without its feature, so that a file that sets it is refused while it is not there.
    pub needed: bool,
    /// Whether it is Ratel's own, unknown to mitmproxy.
    pub own: bool,
    /// Whether it is looked at when the program starts, and cannot be changed while it runs.
    pub at_start: bool,
    /// Whether its value names a file that is written from its start, unless a `+` stands before the name.
    pub writes_file: bool,
    /// Whether its value is or holds a credential, which goes into no history.
    pub secret: bool,
    /// Checks a value of the right type beyond its choices.
    pub check: Option<Check>,
}

impl OptionDef {
    const fn new(name: &'static str, default: Default) -> Self {
        Self {
            name,
            default,
            choices: &[],
            help: "",
            flag: false,
            short: None,
            metavar: "VALUE",
            group: "",
            tools: Tools::ALL,
            instead: "",
            availability: Availability::Available,
            needed: false,
            own: false,
            at_start: false,
            writes_file: false,
            secret: false,
            check: None,
        }
    }

    pub(super) const fn bool(name: &'static str, default: bool) -> Self {
        Self::new(name, Default::Bool(default))
    }

    pub(super) const fn int(name: &'static str, default: i64) -> Self {
        Self::new(name, Default::Int(default)).metavar("NUMBER")
    }

    pub(super) const fn opt_int(name: &'static str) -> Self {
        Self::new(name, Default::OptInt(None)).metavar("NUMBER")
    }

    pub(super) const fn str(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Default::Str(default))
    }

    pub(super) const fn opt_str(name: &'static str) -> Self {
        Self::new(name, Default::OptStr(None))
    }

    pub(super) const fn list(name: &'static str, default: &'static [&'static str]) -> Self {
        Self::new(name, Default::List(default))
    }

    pub(super) const fn size(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Default::Size(default)).metavar("SIZE")
    }

    pub(super) const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    pub(super) const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    pub(super) const fn flag(mut self) -> Self {
        self.flag = true;
        self
    }

    pub(super) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    pub(super) const fn metavar(mut self, metavar: &'static str) -> Self {
        self.metavar = metavar;
        self
    }

    pub(super) const fn group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    pub(super) const fn tools(mut self, tools: Tools) -> Self {
        self.tools = tools;
        self
    }

    pub(super) const fn instead(mut self, instead: &'static str) -> Self {
        self.instead = instead;
        self
    }

    pub(super) const fn planned(mut self, what: &'static str) -> Self {
        self.availability = Availability::Planned(what);
        self
    }

    pub(super) const fn needed(mut self) -> Self {
        self.needed = true;
        self
    }

    pub(super) const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    pub(super) const fn at_start(mut self) -> Self {
        self.at_start = true;
        self
    }

    pub(super) const fn writes_file(mut self) -> Self {
        self.writes_file = true;
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(super) const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// The long flag without its two hyphens, when the option has one.
    pub fn long_flag(&self) -> Option<String> {
        self.flag.then(|| self.name.replace('_', "-"))
    }

    /// Whether the option can be used.
    pub fn is_available(&self) -> bool {
        self.availability == Availability::Available
    }

    /// The first sentence of the help, without its period.
    pub fn short_help(&self) -> &'static str {
        let end = self.help.find(". ").unwrap_or(self.help.len());
        self.help[..end].trim_end_matches('.')
    }
}

/// Options that belong together in the reference.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// The options, in reading order.
    pub defs: &'static [OptionDef],
}

/// Reads one option from [`Values`](super::Values); `T` is what it yields.
pub struct Key<T> {
    pub(super) index: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> std::fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl<T> Key<T> {
    /// The key of the option `name`; `constant` is the name of the constant, held against it.
    pub(super) const fn of(name: &str, constant: &str) -> Self {
        assert!(
            name.eq_ignore_ascii_case(constant),
            "a key is called like its option, in capitals"
        );
        Self {
            index: position(name),
            kind: PhantomData,
        }
    }

    /// The option's declaration.
    pub fn def(self) -> &'static OptionDef {
        super::all()
            .nth(self.index)
            .expect("keys are only made for declared options")
    }

    /// The option's name.
    pub fn name(self) -> &'static str {
        self.def().name
    }
}

/// Marks the key of an option that holds a number of bytes.
#[derive(Clone, Copy, Debug)]
pub enum Size {}

/// Where an option stands in the table.
const fn position(name: &str) -> usize {
    let mut before = 0;
    let mut section = 0;
    while section < SECTIONS.len() {
        let defs = SECTIONS[section].defs;
        let mut i = 0;
        while i < defs.len() {
            if same(defs[i].name, name) {
                return before + i;
            }
            i += 1;
        }
        before += defs.len();
        section += 1;
    }
    panic!("every key stands beside its option")
}

const fn same(a: &str, b: &str) -> bool {
    // Option names are lower case, and `str` equality is not constant.
    a.eq_ignore_ascii_case(b)
}

/// Declares the options of one section together with their keys.
macro_rules! options {
    ($title:literal; $( $key:ident : $kind:ident ( $name:literal $(, $default:expr)? ) $( . $method:ident ( $($arg:expr),* ) )* ; )*) => {
        /// The options of this section.
        pub(in crate::options) const SECTION: $crate::options::def::Section = $crate::options::def::Section {
            title: $title,
            defs: &[ $( $crate::options::def::OptionDef::$kind($name $(, $default)?) $( .$method($($arg),*) )* ),* ],
        };

        pub(in crate::options) mod keys {
            use $crate::options::def::{Key, key_type};
            $(
                #[doc = concat!("The option `", $name, "`.")]
                pub const $key: Key<key_type!($kind)> = Key::of($name, stringify!($key));
            )*
        }
    };
}
pub(super) use options;

/// What a key of this kind yields.
macro_rules! key_type {
    (bool) => { bool };
    (int) => { i64 };
    (opt_int) => { Option<i64> };
    (str) => { String };
    (opt_str) => { Option<String> };
    (list) => { Vec<String> };
    (size) => { $crate::options::def::Size };
}
pub(super) use key_type;
