//! Filter expressions: which flows somebody wants to see, hold back, print, save or change.
//!
//! The language is mitmproxy's, down to its corners: `~m POST & ~d example`, `~c 404 | ~e`, `!(~t image)`. An
//! *operator* is a word that begins with `~`; what stands after it is a number or a regular expression in Python's
//! dialect (see [`pattern`](crate::pattern)), a bare one is searched for in the URL. `!` binds tightest, then `&`, then
//! `|`, and what merely stands side by side must all hold.
//!
//! A [`Filter`] asks a [`Subject`] for no more than it needs: whoever has a flow in pieces reads a body only when a
//! filter looks into bodies, and only when what stands before it in the expression has not decided the matter.
//!
//! ```
//! use ratel_flow::filter::{Filter, FilterOptions};
//!
//! let filter = Filter::parse("~m POST & ~d example", FilterOptions::default())?;
//! assert_eq!(filter.to_string(), "method matches /POST/i and domain matches /example/i");
//! assert!(!filter.needs().reads_bodies());
//!
//! let error = Filter::parse("(~q)", FilterOptions::default()).unwrap_err();
//! assert_eq!(error.span(), 3..4);
//! assert_eq!(error.hint().as_deref(), Some("write `~q )`"));
//! # Ok::<(), ratel_flow::filter::FilterError>(())
//! ```

mod answered;
mod body;
mod clues;
mod describe;
mod error;
mod eval;
mod help;
mod live;
mod moment;
mod needs;
mod operators;
mod parse;
pub(crate) mod python;
mod record;
pub mod spec;
mod subject;
pub mod texts;
mod url;

use std::fmt;
use std::sync::Arc;

pub use clues::{Clues, Lookout, ResponseLookout, Sighting, Stage};
pub use error::{FilterError, Reason};
pub use eval::Scratch;
pub use help::{Help, help};
pub use live::{LiveHttp, LiveTcp};
pub use moment::Moment;
pub use needs::Needs;
pub use subject::Subject;

use crate::flow::Side;
use crate::pattern::Pattern;
use parse::Node;

/// How expressions are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FilterOptions {
    /// Regular expressions tell capitals from small letters, as the environment variable
    /// `MITMPROXY_CASE_SENSITIVE_FILTERS` wants it.
    pub case_sensitive: bool,
}

/// A filter expression, ready to be asked about flows. Cheap to clone.
#[derive(Clone)]
pub struct Filter(Arc<Inner>);

struct Inner {
    source: Box<str>,
    options: FilterOptions,
    root: Node,
    needs: Needs,
}

impl Filter {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(source: &str, options: FilterOptions) -> Result<Self, FilterError> {
        let root = parse::parse(source, options)?;
        Ok(Self(Arc::new(Inner {
            source: source.into(),
            options,
            needs: needs::of(&root),
            root,
        })))
    }

    /// The expression as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// How it was read.
    #[must_use]
    pub fn options(&self) -> FilterOptions {
        self.0.options
    }

    /// The most that it may ask a flow for.
    #[must_use]
    pub fn needs(&self) -> Needs {
        self.0.needs
    }

    /// Whether the operator of that name, without its `~`, stands in it.
    #[must_use]
    pub fn names(&self, operator: &str) -> bool {
        needs::names(&self.0.root, operator)
    }

    /// Gives the patterns that are looked for in bodies and messages, each with the side that is looked at if it is one.
    pub fn each_in_bodies<'a>(&'a self, each: &mut dyn FnMut(Option<Side>, &'a Pattern)) {
        needs::each_in_bodies(&self.0.root, each);
    }

    /// Whether it wants this flow.
    #[must_use]
    pub fn matches<S: Subject + ?Sized>(&self, subject: &S) -> bool {
        self.matches_with(subject, &mut Scratch::default())
    }

    /// As [`matches`](Self::matches), for whoever asks about many flows: once `scratch` has grown, nothing is
    /// allocated for any operator that reads heads.
    #[must_use]
    pub fn matches_with<S: Subject + ?Sized>(&self, subject: &S, scratch: &mut Scratch) -> bool {
        eval::matches(&self.0.root, subject, scratch)
    }

    /// As [`matches`](Self::matches), while these parts of the flow are still to come: none when it depends on them.
    #[must_use]
    pub fn judge<S: Subject + ?Sized>(&self, subject: &S, missing: Needs) -> Option<bool> {
        if self.needs().meets(missing) {
            eval::judge(&self.0.root, subject, missing, &mut Scratch::default())
        } else {
            Some(self.matches(subject))
        }
    }

    /// What a request must have in it for the filter to want its HTTP flow, as long as that has no response or however
    /// far it has come; none if it may want the flow of any request.
    #[must_use]
    pub fn clues(&self, stage: Stage) -> Option<Clues> {
        clues::of(&self.0.root, stage)
    }
}

/// In words: `url matches /foo/i and has no response`.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe::node(&self.0.root, f)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.0.source).finish()
    }
}

/// The same text, read alike.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        (self.source(), self.options()) == (other.source(), other.options())
    }
}

impl Eq for Filter {}

/// A value that an addon has left, as filters see it and Python writes it.
#[must_use]
pub fn value_text(value: &crate::record::Value) -> String {
    let mut text = String::new();
    python::put_str(&mut text, value);
    text
}

#[cfg(test)]
mod tests;
