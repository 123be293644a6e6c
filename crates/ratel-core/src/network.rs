//! A bad network on demand: what slows flows down and what goes wrong with them (options `throttle`, `fault`).
//!
//! A rule has a filter and either a *profile* (how long a round trip takes, how many bytes a second pass) or a *fault* with a
//! probability. [`Rules`] are what the options say; an addon asks them for each flow and leaves a [`Network`] with it; the
//! waist does what that says. Nothing here waits: it says until when.

mod chance;
mod fault;
mod spec;
mod throttle;

use std::sync::Arc;

use ratel_flow::LiveAnnotations;
use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::record::Value;

use crate::options::Hits;

pub use chance::Chance;
pub use fault::{Fault, FaultKind, PlannedFault};
pub use spec::SpecError;
pub use throttle::{Lane, Profile, Throttle};

/// The metadata of a flow that something happened to: the rules, one after the other.
const FAULT: &str = "ratel_fault";

/// The metadata of a flow that was slowed down.
const THROTTLE: &str = "ratel_throttle";

/// Has a flow say that a rule of `throttle` slows it down.
pub fn slowed(said: &mut LiveAnnotations, spec: &str) {
    note(said, THROTTLE, spec);
}

fn note(said: &mut LiveAnnotations, name: &str, spec: &str) {
    let text = match said.metadata(name) {
        Some(Value::Str(before)) => format!("{before}; {spec}"),
        _ => spec.to_owned(),
    };
    said.set_metadata(name, Value::Str(text.into()));
}

/// What happens to one flow.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// What slows it down; all of them do.
    pub throttles: Vec<Arc<Throttle>>,
    /// What goes wrong with it, in this order.
    pub faults: Vec<PlannedFault>,
    /// The rules that have been decided about: not again when there is a response.
    pub decided: Vec<Arc<str>>,
}

/// All rules, in order.
#[derive(Debug, Default)]
pub struct Rules {
    /// What slows flows down.
    pub throttles: Vec<Rule<Arc<Throttle>>>,
    /// What goes wrong with them.
    pub faults: Vec<Rule<Fault>>,
}

/// A rule, and for which flows it is.
#[derive(Debug)]
pub struct Rule<T> {
    /// As the user wrote it.
    pub spec: Arc<str>,
    /// For which flows; all without one.
    pub filter: Option<Filter>,
    /// What it does.
    pub what: T,
    /// How often it was for a flow.
    pub hits: Hits,
}

impl Rules {
    /// Reads the rules. The same `seed` has the same flows hit; without one nobody knows which.
    ///
    /// # Errors
    /// A sentence that names the option, the rule, and the place in it.
    pub fn parse<S: AsRef<str>>(
        throttles: impl IntoIterator<Item = S>,
        faults: impl IntoIterator<Item = S>,
        options: FilterOptions,
        seed: Option<u64>,
    ) -> Result<Self, String> {
        let seed = seed.unwrap_or_else(chance::seed);
        let named = |option: &str, spec: &str, error: SpecError| {
            format!("option '{option}': `{spec}`: {}", error.with_hint())
        };
        let mut rules = Self::default();
        for (at, spec) in throttles.into_iter().enumerate() {
            let spec = spec.as_ref();
            let rule = spec::throttle(spec, options, Chance::new(seed, 2 * at as u64));
            rules
                .throttles
                .push(rule.map_err(|error| named("throttle", spec, error))?);
        }
        for (at, spec) in faults.into_iter().enumerate() {
            let spec = spec.as_ref();
            let rule = spec::fault(spec, options, Chance::new(seed, 2 * at as u64 + 1));
            rules
                .faults
                .push(rule.map_err(|error| named("fault", spec, error))?);
        }
        Ok(rules)
    }

    /// Whether a text is a rule of `throttle`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn check_throttle(spec: &str, options: FilterOptions) -> Result<(), SpecError> {
        spec::throttle(spec, options, Chance::new(0, 0)).map(drop)
    }

    /// Whether a text is a rule of `fault`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn check_fault(spec: &str, options: FilterOptions) -> Result<(), SpecError> {
        spec::fault(spec, options, Chance::new(0, 0)).map(drop)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.throttles.is_empty() && self.faults.is_empty()
    }
}
