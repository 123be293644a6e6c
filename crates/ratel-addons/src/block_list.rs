//! Answers requests with a bare status, or not at all (option `block_list`): `/FILTER/STATUS`.

use ratel_core::addon::{Addon, Bodies, BodyNeed, Gate, HookFuture, done};
use ratel_core::clock;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Hits, Values, keys};
use ratel_flow::filter::FilterOptions;
use ratel_flow::filter::spec::{FilterSpec, SpecError};
use ratel_flow::record::Value;
use ratel_flow::{HttpFlow, Side};

use crate::answer::{self, SERVER};
use crate::live::{Scope, undecided};
use crate::rule::{Rules, Scoped, wrong};

/// The status that stands for no response at all, as nginx has it.
const NO_RESPONSE: u16 = 444;

/// The addon: its rules.
#[derive(Debug, Default)]
pub struct BlockList {
    rules: Rules<Rule>,
    options: FilterOptions,
}

#[derive(Clone, Debug)]
struct Rule {
    scope: Scope,
    status: u16,
    hits: Hits,
}

impl BlockList {
    /// Reads filters in this way.
    #[must_use]
    pub fn new(options: FilterOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }
}

impl Scoped for Rule {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl Rule {
    fn parse(text: &str, filters: FilterOptions) -> Result<Self, SpecError> {
        let spec = FilterSpec::parse(text, filters)?;
        let status = spec.value.text.trim().parse();
        // An informational one would be no answer (RFC 9110 §15.2).
        match status {
            Ok(status @ 200..=999) => Ok(Self {
                scope: Scope(Some(spec.filter)),
                status,
                hits: Hits::default(),
            }),
            _ => {
                let reason = format!(
                    "Invalid HTTP status code: {}; it is a number from 200 to 999",
                    spec.value.text
                );
                Err(wrong(text, &spec.value, reason))
            }
        }
    }
}

/// Whether a text is a rule of the option.
pub(crate) fn check(text: &str, _: &Values, filters: FilterOptions) -> Result<(), SpecError> {
    Rule::parse(text, filters).map(drop)
}

impl Addon for BlockList {
    fn name(&self) -> &'static str {
        "block_list"
    }

    fn hooks(&self) -> HookSet {
        if self.rules.is_empty() {
            return HookSet::NONE;
        }
        HookSet::NONE.with(Hook::Request)
    }

    fn gates(&self) -> Vec<Gate> {
        let rules = self.rules.load();
        let rules = rules.iter().map(|rule| rule.scope.clues());
        vec![Gate::new(self.hooks(), rules)]
    }

    fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        self.rules
            .read(keys::BLOCK_LIST, (options, changed), |spec| {
                let rule = Rule::parse(spec, self.options)?;
                let hits = options.hits(keys::BLOCK_LIST, spec);
                Ok(Rule { hits, ..rule })
            })
    }

    fn wants_bodies(&self) -> bool {
        self.rules.look_into_requests()
    }

    fn body_need(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeed {
        self.rules.request_need(flow, bodies, side)
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        if flow.is_settled() {
            return done();
        }
        // The last rule that matches has the last word, but for one that ends the flow.
        for rule in self.rules.load().iter() {
            match rule.scope.decide(flow, bodies) {
                Some(true) => {}
                Some(false) => continue,
                None => {
                    undecided(flow, "block_list");
                    continue;
                }
            }
            rule.hits.add();
            flow.annotations
                .set_metadata("blocklisted", Value::Bool(true));
            if rule.status == NO_RESPONSE {
                flow.kill(clock::now());
            } else {
                answer::with(flow, bodies, rule.status, &[("Server", SERVER)], "");
            }
        }
        done()
    }
}

#[cfg(test)]
mod tests;
