//! Sends requests to another URL (option `map_remote`): `/FILTER/REGEX/REPLACEMENT`.

use ratel_core::addon::{Addon, Bodies, BodyNeed, Gate, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Hits, Values, keys};
use ratel_flow::filter::spec::{Spec, SpecError, SpecReason};
use ratel_flow::filter::texts::put_url;
use ratel_flow::filter::{Clues, FilterOptions};
use ratel_flow::pattern::{Flags, Pattern, Replacer, Template, Unit};
use ratel_flow::{HttpFlow, LiveRequest, Request, Side};

use crate::live::{Scope, undecided};
use crate::rule::{Rules, Scoped, failed};

/// The addon: its rules.
#[derive(Debug, Default)]
pub struct MapRemote {
    rules: Rules<Rule>,
    options: FilterOptions,
}

/// One of its rules.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    scope: Scope,
    finds: Replacer,
    puts: Template,
    hits: Hits,
}

impl MapRemote {
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
    pub(crate) fn parse(
        text: &str,
        filters: FilterOptions,
        before: usize,
    ) -> Result<Self, SpecError> {
        let spec = Spec::parse(text, filters)?;
        let finds = url_pattern(text, &spec, before)?;
        let puts = Template::parse(spec.replacement.text.as_bytes(), &finds).map_err(|error| {
            let (at, reason) = (error.at.clone(), error.to_string());
            let reason = SpecReason::Other(reason.into());
            spec.replacement.error(text, reason, at)
        })?;
        Ok(Self {
            scope: Scope(spec.filter),
            finds,
            puts,
            hits: Hits::default(),
        })
    }

    /// What requests must have in them that it sends elsewhere; none if it may be any.
    pub(crate) fn clues(&self) -> Option<Clues> {
        Clues::of_both(self.scope.clues(), self.finds.clues_in_url())
    }

    /// Whether it may send this request elsewhere once the body is there.
    pub(crate) fn may_move(&self, flow: &HttpFlow, bodies: &Bodies) -> bool {
        self.is_in_url(&flow.request) && self.scope.may_have(flow, bodies, Side::Client)
    }

    fn is_in_url(&self, request: &LiveRequest) -> bool {
        let url = request.texts().url(request);
        !matches!(self.finds.find(url), Ok(None))
    }

    fn apply(&self, request: &mut LiveRequest) -> Result<(), String> {
        if !self.is_in_url(request) {
            return Ok(());
        }
        let url = url(request);
        let replaced = self.finds.replace(&url, &self.puts);
        let replaced = replaced.map_err(|error| error.to_string())?;
        let Some(replaced) = replaced.filter(|replaced| *replaced != url) else {
            return Ok(());
        };
        let to = String::from_utf8_lossy(&replaced).into_owned();
        request
            .set_url(&to)
            .map_err(|error| format!("{to:?} is no URL to send a request to: {error}"))?;
        self.hits.add();
        Ok(())
    }
}

/// The middle of a rule as a regular expression for URLs.
pub(crate) fn url_pattern(text: &str, spec: &Spec, before: usize) -> Result<Replacer, SpecError> {
    let pattern = Pattern::new(&spec.subject.text, Unit::Char, Flags::default(), before);
    let pattern = pattern.map_err(|error| {
        let (at, reason) = (error.at.clone(), error.to_string());
        let reason = SpecReason::Other(reason.into());
        spec.subject.error(text, reason, at)
    })?;
    Ok(pattern.replacer())
}

/// The URL by the name that the client has for the host.
pub(crate) fn url(request: &Request) -> Vec<u8> {
    let mut url = Vec::new();
    put_url(request, true, &mut Vec::new(), &mut url);
    url
}

/// Whether a text is a rule of the option.
pub(crate) fn check(text: &str, _: &Values, filters: FilterOptions) -> Result<(), SpecError> {
    Rule::parse(text, filters, 0).map(drop)
}

impl Addon for MapRemote {
    fn name(&self) -> &'static str {
        "map_remote"
    }

    fn hooks(&self) -> HookSet {
        if self.rules.is_empty() {
            return HookSet::NONE;
        }
        HookSet::NONE.with(Hook::Request)
    }

    fn gates(&self) -> Vec<Gate> {
        let rules = self.rules.load();
        vec![Gate::new(self.hooks(), rules.iter().map(Rule::clues))]
    }

    fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        let before = options.rules(keys::MAP_REMOTE).count();
        self.rules
            .read(keys::MAP_REMOTE, (options, changed), |spec| {
                let rule = Rule::parse(spec, self.options, before)?;
                let hits = options.hits(keys::MAP_REMOTE, spec);
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
        for rule in self.rules.load().iter() {
            match rule.scope.decide(flow, bodies) {
                Some(true) => {
                    if let Err(error) = rule.apply(&mut flow.request) {
                        failed(flow, "map_remote", error);
                    }
                }
                None if rule.is_in_url(&flow.request) => undecided(flow, "map_remote"),
                _ => {}
            }
        }
        done()
    }
}

#[cfg(test)]
mod tests;
