//! Sets and removes headers of requests and responses (option `modify_headers`): `/FILTER/NAME/VALUE`.

use ratel_core::addon::{Addon, Bodies, BodyNeed, Gate, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Hits, Values, keys};
use ratel_flow::filter::spec::{Spec, SpecError};
use ratel_flow::filter::{FilterOptions, Stage};
use ratel_flow::{HttpFlow, Side};
use ratel_proto::Headers;

use crate::live::{Scope, decided, response_need};
use crate::rule::{Rules, Source, elsewhere, failed, read, wrong};

/// The addon: its rules.
#[derive(Debug, Default)]
pub struct ModifyHeaders {
    rules: Rules<Rule>,
    options: FilterOptions,
}

#[derive(Clone, Debug)]
struct Rule {
    scope: Scope,
    name: String,
    /// Nothing in place of the header if it is empty.
    value: Source<Vec<u8>>,
    hits: Hits,
}

impl ModifyHeaders {
    /// Reads filters in this way.
    #[must_use]
    pub fn new(options: FilterOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }
}

impl Rule {
    fn parse(text: &str, options: &Values, filters: FilterOptions) -> Result<Self, SpecError> {
        let spec = Spec::parse(text, filters)?;
        let name = String::from_utf8(spec.subject.unescape(text)?).ok();
        let Some(name) = name.filter(|name| is_name(name)) else {
            let reason = "this is no name of a header";
            return Err(wrong(text, &spec.subject, reason));
        };
        if ["content-length", "transfer-encoding"].contains(&&*name.to_ascii_lowercase()) {
            let reason = "how long a body is, no rule can say: modify_body changes what it is";
            return Err(wrong(text, &spec.subject, reason));
        }
        let value = Source::parse(text, &spec.replacement, options, |value| {
            if breaks_line(&value) {
                let reason = "a line break cannot stand in a header";
                return Err(wrong(text, &spec.replacement, reason));
            }
            Ok(value)
        })?;
        Ok(Self {
            scope: Scope(spec.filter),
            name,
            value,
            hits: Hits::default(),
        })
    }
}

/// Whether a name can stand in a head of any version.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte > b' ' && byte != 0x7f && byte != b':';
    !name.is_empty() && name.bytes().all(fits)
}

fn breaks_line(value: &[u8]) -> bool {
    value
        .iter()
        .any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'))
}

/// Whether a text is a rule of the option.
pub(crate) fn check(text: &str, options: &Values, filters: FilterOptions) -> Result<(), SpecError> {
    Rule::parse(text, options, filters).map(drop)
}

impl Addon for ModifyHeaders {
    fn name(&self) -> &'static str {
        "modify_headers"
    }

    fn hooks(&self) -> HookSet {
        if self.rules.is_empty() {
            return HookSet::NONE;
        }
        HookSet::NONE
            .with(Hook::RequestHeaders)
            .with(Hook::ResponseHeaders)
    }

    fn gates(&self) -> Vec<Gate> {
        let rules = self.rules.load();
        let at = |stage| rules.iter().map(move |rule| rule.scope.clues_at(stage));
        vec![
            Gate::while_unanswered(Hook::RequestHeaders, at(Stage::Unanswered)),
            Gate::once_answered(Hook::ResponseHeaders, at(Stage::Answered)),
        ]
    }

    fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        self.rules
            .read(keys::MODIFY_HEADERS, (options, changed), |spec| {
                let rule = Rule::parse(spec, options, self.options)?;
                let hits = options.hits(keys::MODIFY_HEADERS, spec);
                Ok(Rule { hits, ..rule })
            })
    }

    fn wants_bodies(&self) -> bool {
        let rules = self.rules.load();
        rules.iter().any(|rule| rule.scope.looks_into(Side::Client))
    }

    fn body_need(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeed {
        let rules = self.rules.load();
        response_need(rules.iter().map(|rule| &rule.scope), flow, bodies, side)
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        let is_over = match hook {
            Hook::RequestHeaders => flow.is_settled(),
            _ => flow.error.is_some(),
        };
        if is_over {
            return done();
        }
        // All filters see the flow as it was.
        let rules = self.rules.load();
        let matching: Vec<Rule> = match hook {
            // Of a body nothing is known by then, for any flow.
            Hook::RequestHeaders => {
                let matching = rules.iter().filter(|rule| rule.scope.has(flow, bodies));
                matching.cloned().collect()
            }
            _ => {
                let matching = decided(&rules, |rule| &rule.scope, flow, bodies, "modify_headers");
                matching.into_iter().cloned().collect()
            }
        };
        if matching.is_empty() {
            return done();
        }
        Box::pin(async move {
            let values = values(&matching, flow).await;
            if let Some(headers) = headers(flow, hook) {
                apply(headers, &values);
            }
        })
    }
}

fn headers(flow: &mut HttpFlow, hook: Hook) -> Option<&mut Headers> {
    match hook {
        Hook::RequestHeaders => Some(&mut flow.request.headers),
        _ => flow.response.as_mut().map(|response| &mut response.headers),
    }
}

/// What each rule puts in place of which header. A rule whose file cannot be read is left out.
async fn values(rules: &[Rule], flow: &mut HttpFlow) -> Vec<(String, Vec<u8>)> {
    let mut values = Vec::with_capacity(rules.len());
    for rule in rules {
        let value = match &rule.value {
            Source::Text(text) => text.clone(),
            Source::File(path) => {
                let file = path.clone();
                match elsewhere(move || read(&file)).await {
                    Some(Ok(content)) => {
                        let content = content.trim_ascii_end();
                        if breaks_line(content) {
                            let path = path.display();
                            let why = format!("{path} has line breaks, which no header can have");
                            failed(flow, "modify_headers", why);
                            continue;
                        }
                        content.to_vec()
                    }
                    Some(Err(error)) => {
                        let why = format!("cannot read {}: {error}", path.display());
                        failed(flow, "modify_headers", why);
                        continue;
                    }
                    None => continue,
                }
            }
        };
        rule.hits.add();
        values.push((rule.name.clone(), value));
    }
    values
}

/// All headers that rules name go, and then come the new ones: several rules for one name make several headers.
fn apply(headers: &mut Headers, values: &[(String, Vec<u8>)]) {
    for (name, _) in values {
        headers.remove(name);
    }
    for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
        headers.append(name.as_bytes(), value);
    }
}

#[cfg(test)]
mod tests;
