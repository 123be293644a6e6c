//! Answers requests from files (option `map_local`): `/FILTER/REGEX/PATH`.
//!
//! Where the path is a folder, the URL says which file in it, and nothing outside of the folder is ever read: not by
//! `..`, encoded or not, not by absolute paths, and not by symbolic links.

mod candidates;
mod media_types;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies, BodyNeed, Gate, HookFuture, done};
use ratel_core::clock;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Hits, Values, keys};
use ratel_flow::filter::spec::{Spec, SpecError, SpecReason};
use ratel_flow::filter::{Clues, FilterOptions};
use ratel_flow::pattern::Replacer;
use ratel_flow::{HttpFlow, Response, Side};

use crate::answer::SERVER;
use crate::live::{Scope, decided};
use crate::map_remote::url_pattern;
use crate::rule::{Rules, Scoped, elsewhere, failed, read};
use candidates::Candidate;

/// The addon: its rules.
#[derive(Debug, Default)]
pub struct MapLocal {
    rules: Rules<Rule>,
    options: FilterOptions,
}

#[derive(Clone, Debug)]
struct Rule {
    scope: Scope,
    finds: Replacer,
    /// Without symbolic links in it.
    path: Arc<Path>,
    hits: Hits,
}

impl MapLocal {
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
    fn parse(
        text: &str,
        options: &Values,
        filters: FilterOptions,
        before: usize,
    ) -> Result<Self, SpecError> {
        let spec = Spec::parse(text, filters)?;
        let finds = url_pattern(text, &spec, before)?;
        let part = &spec.replacement;
        let path = std::fs::canonicalize(options.expand(&part.text)).map_err(|error| {
            let reason = format!("Invalid file path: {} ({error})", part.text);
            part.error(text, SpecReason::Other(reason.into()), 0..part.text.len())
        })?;
        Ok(Self {
            scope: Scope(spec.filter),
            finds,
            path: path.into(),
            hits: Hits::default(),
        })
    }

    /// The paths that the file for a URL may be at; none if the rule is not for that URL.
    fn candidates(&self, url: &str) -> Result<Option<Vec<PathBuf>>, String> {
        let found = self.finds.find(url).map_err(|error| error.to_string())?;
        let Some(groups) = found else { return Ok(None) };
        let suffix = if groups.len() > 1 {
            let group = groups.get(1).cloned().flatten();
            group.and_then(|group| url.get(group)).unwrap_or_default()
        } else {
            let end = groups.first().cloned().flatten().map_or(0, |all| all.end);
            let rest = url.get(end..).unwrap_or_default();
            let path = rest.split('?').next().unwrap_or_default();
            path.trim_matches('/')
        };
        Ok(Some(candidates::of(&self.path, suffix)))
    }
}

/// What the rules have for a URL.
enum Found {
    File(PathBuf, Vec<u8>),
    /// There is none of these; at the latter there are files outside of the folder.
    Nothing(Vec<PathBuf>, Vec<PathBuf>),
}

/// The first file that there is. Blocks.
fn look(rules: &[Rule], url: &str) -> (Found, Vec<String>) {
    let (mut all, mut outside, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for rule in rules {
        let candidates = match rule.candidates(url) {
            Ok(Some(candidates)) => candidates,
            Ok(None) => continue,
            Err(error) => {
                failures.push(error);
                continue;
            }
        };
        let file = candidates.iter().find_map(|candidate| {
            match candidates::look(&rule.path, candidate) {
                Candidate::File(file) => return Some(file),
                Candidate::Outside => outside.push(candidate.clone()),
                Candidate::Absent => {}
            }
            None
        });
        all.extend(candidates);
        match file.map(|file| (read(&file), file)) {
            Some((Ok(content), file)) => {
                rule.hits.add();
                return (Found::File(file, content), failures);
            }
            Some((Err(error), file)) => {
                failures.push(format!("cannot read {}: {error}", file.display()));
            }
            None => {}
        }
    }
    (Found::Nothing(all, outside), failures)
}

fn answer(flow: &mut HttpFlow, bodies: &mut Bodies, found: Found) {
    let now = clock::now();
    match found {
        Found::File(path, content) => {
            let mut response = Response::new(200, now);
            response.headers.append(b"Server", SERVER.as_bytes());
            if let Some(kind) = media_types::of(&path) {
                response.headers.append(b"Content-Type", kind.as_bytes());
            }
            flow.response = Some(response);
            bodies.response = Some(content.into());
        }
        Found::Nothing(candidates, _) if candidates.is_empty() => {}
        Found::Nothing(candidates, outside) => {
            flow.response = Some(Response::new(404, now));
            bodies.response = Some(Bytes::new());
            let client = &flow.client_conn.peername;
            tracing::info!(client = %client, "{}", nothing(&candidates, &outside));
        }
    }
}

/// What is said of a request for which there is no file.
fn nothing(candidates: &[PathBuf], outside: &[PathBuf]) -> String {
    let listed = |paths: &[PathBuf]| {
        let names = paths.iter().map(|path| path.display().to_string());
        names.collect::<Vec<_>>().join(", ")
    };
    let all = listed(candidates);
    match outside {
        [] => format!("None of the local file candidates exist: {all}"),
        outside => format!(
            "None of the local file candidates may be read: {all}; symbolic links lead out of the folder: {}",
            listed(outside)
        ),
    }
}

/// Whether a text is a rule of the option.
pub(crate) fn check(text: &str, options: &Values, filters: FilterOptions) -> Result<(), SpecError> {
    Rule::parse(text, options, filters, 0).map(drop)
}

impl Addon for MapLocal {
    fn name(&self) -> &'static str {
        "map_local"
    }

    fn hooks(&self) -> HookSet {
        if self.rules.is_empty() {
            return HookSet::NONE;
        }
        HookSet::NONE.with(Hook::Request)
    }

    fn gates(&self) -> Vec<Gate> {
        let rules = self.rules.load();
        let clues = |rule: &Rule| Clues::of_both(rule.scope.clues(), rule.finds.clues_in_url());
        vec![Gate::new(self.hooks(), rules.iter().map(clues))]
    }

    fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        let before = options.rules(keys::MAP_LOCAL).count();
        self.rules
            .read(keys::MAP_LOCAL, (options, changed), |spec| {
                let rule = Rule::parse(spec, options, self.options, before)?;
                let hits = options.hits(keys::MAP_LOCAL, spec);
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
        let rules = self.rules.load();
        let matching = decided(&rules, |rule| &rule.scope, flow, bodies, "map_local");
        if matching.is_empty() {
            return done();
        }
        let url = flow.request.texts().url(&flow.request);
        // Without a match nothing is looked for on a disk.
        let matching: Vec<Rule> = matching
            .into_iter()
            .filter(|rule| !matches!(rule.finds.find(url), Ok(None)))
            .cloned()
            .collect();
        if matching.is_empty() {
            return done();
        }
        let url = url.to_owned();
        Box::pin(async move {
            let looked = elsewhere(move || look(&matching, &url)).await;
            let Some((found, failures)) = looked else {
                return;
            };
            for failure in failures {
                failed(flow, "map_local", failure);
            }
            answer(flow, bodies, found);
        })
    }
}

#[cfg(test)]
mod tests;
