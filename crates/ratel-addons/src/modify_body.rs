//! Replaces what a regular expression finds in bodies (option `modify_body`): `/FILTER/REGEX/REPLACEMENT`. The replacement
//! is a text as it is, as in mitmproxy since version 12: what is taken from a file may have backslashes in it.
//!
//! A body is held back until it is there as a whole, and only where a rule may be for its flow. Of a body that is a stream
//! of messages each message is changed by itself, so that the stream goes on.

mod content;

use std::sync::Arc;

use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies, BodyNeed, Gate, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Hits, Values, keys};
use ratel_flow::filter::FilterOptions;
use ratel_flow::filter::spec::{Part, Spec, SpecError, SpecReason};
use ratel_flow::pattern::{Flags, Pattern, Replacer, Template, Unit};
use ratel_flow::{HttpFlow, Message, Side};
use ratel_proto::streams;

use crate::live::{self, Scope, is_bodiless};
use crate::map_remote;
use crate::rule::{Rules, Source, elsewhere, failed, read};
use content::Content;

/// Changing a body of more bytes than this is nothing that other flows wait for.
const LARGE: usize = 256 << 10;

/// The addon: its rules.
#[derive(Debug, Default)]
pub struct ModifyBody {
    rules: Rules<Rule>,
    options: FilterOptions,
    /// A request may be for another URL by the time that its body is there.
    moves: Rules<map_remote::Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    scope: Scope,
    work: Arc<Work>,
    hits: Hits,
}

/// What a rule does.
#[derive(Debug)]
struct Work {
    finds: Replacer,
    /// It finds something in nothing, so that it makes a body where there is none.
    fills: bool,
    puts: Source<Template>,
}

impl ModifyBody {
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
    fn parse(
        text: &str,
        options: &Values,
        filters: FilterOptions,
        before: usize,
    ) -> Result<Self, SpecError> {
        let spec = Spec::parse(text, filters)?;
        let finds = pattern(text, &spec.subject, before)?;
        let fills = !matches!(finds.find(""), Ok(None));
        let puts = Source::parse(text, &spec.replacement, options, |bytes| {
            Ok(Template::literal(&bytes))
        })?;
        Ok(Self {
            scope: Scope(spec.filter),
            work: Arc::new(Work { finds, fills, puts }),
            hits: Hits::default(),
        })
    }
}

/// The regular expression, one of bytes.
fn pattern(text: &str, part: &Part, before: usize) -> Result<Replacer, SpecError> {
    let bytes = part.unescape(text)?;
    let source = as_source(&bytes);
    let flags = Flags {
        dot_all: true,
        ..Flags::default()
    };
    let pattern = Pattern::new(&source, Unit::Byte, flags, before).map_err(|error| {
        let at = in_part(part, source.as_bytes(), error.at.clone());
        part.error(text, SpecReason::Other(error.to_string().into()), at)
    })?;
    Ok(pattern.replacer())
}

/// Bytes as the source of a pattern of bytes: those that are no UTF-8 are written as escapes.
fn as_source(bytes: &[u8]) -> String {
    let mut source = String::new();
    for chunk in bytes.utf8_chunks() {
        source.push_str(chunk.valid());
        for byte in chunk.invalid() {
            source.push_str(&format!("\\x{byte:02x}"));
        }
    }
    source
}

/// Where in the part as it was written something is in `bytes`: all of it, where escapes have moved it.
fn in_part(part: &Part, bytes: &[u8], at: std::ops::Range<usize>) -> std::ops::Range<usize> {
    if part.text.as_bytes() == bytes {
        at
    } else {
        0..part.text.len()
    }
}

/// Whether a text is a rule of the option.
pub(crate) fn check(text: &str, options: &Values, filters: FilterOptions) -> Result<(), SpecError> {
    Rule::parse(text, options, filters, 0).map(drop)
}

impl Addon for ModifyBody {
    fn name(&self) -> &'static str {
        "modify_body"
    }

    fn hooks(&self) -> HookSet {
        if self.rules.is_empty() {
            return HookSet::NONE;
        }
        [Hook::Request, Hook::Response, Hook::StreamMessage]
            .into_iter()
            .fold(HookSet::NONE, HookSet::with)
    }

    fn gates(&self) -> Vec<Gate> {
        let (rules, moves) = (self.rules.load(), self.moves.load());
        let rules = rules.iter().map(|rule| rule.scope.clues());
        let moves = moves.iter().map(map_remote::Rule::clues);
        vec![Gate::new(self.hooks(), rules.chain(moves))]
    }

    fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        self.moves
            .read(keys::MAP_REMOTE, (options, changed), |spec| {
                map_remote::Rule::parse(spec, self.options, 0)
            })?;
        let before = options.rules(keys::MODIFY_BODY).count();
        self.rules
            .read(keys::MODIFY_BODY, (options, changed), |spec| {
                let rule = Rule::parse(spec, options, self.options, before)?;
                let hits = options.hits(keys::MODIFY_BODY, spec);
                Ok(Rule { hits, ..rule })
            })
    }

    fn wants_bodies(&self) -> bool {
        !self.rules.is_empty()
    }

    fn body_need(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeed {
        let rules = self.rules.load();
        if rules.is_empty() || flow.error.is_some() || !has_body(flow, side) {
            return BodyNeed::Stream;
        }
        let headers = match (side, &flow.response) {
            (Side::Client, _) => &flow.request.headers,
            (Side::Server, Some(response)) => &response.headers,
            (Side::Server, None) => return BodyNeed::Stream,
        };
        // What is changed is the response, if this is about it.
        let scopes = rules.iter().map(|rule| &rule.scope);
        let kept = live::response_need(scopes, flow, bodies, side);
        if kept != BodyNeed::Stream {
            return kept;
        }
        let fills = |rule: &Rule| rule.work.fills;
        if side == Side::Client && is_bodiless(&flow.request) && !rules.iter().any(fills) {
            return BodyNeed::Stream;
        }
        let may_match = |rule: &Rule| rule.scope.may_have(flow, bodies, side);
        let may_move = || {
            let moves = self.moves.load();
            side == Side::Client && moves.iter().any(|rule| rule.may_move(flow, bodies))
        };
        if !rules.iter().any(may_match) && !may_move() {
            BodyNeed::Stream
        } else if streams::kind_of(headers).is_some() {
            BodyNeed::Messages
        } else {
            BodyNeed::IfPossible
        }
    }

    fn body_passes(&self, flow: &mut HttpFlow, side: Side) {
        let rules = self.rules.load();
        let bodies = Bodies::default();
        let may_match = |rule: &Rule| rule.scope.may_have(flow, &bodies, side);
        if rules.iter().any(may_match) && has_body(flow, side) {
            let what = match side {
                Side::Client => "request",
                Side::Server => "response",
            };
            let why = format!("the body of the {what} is too large to be held back");
            failed(flow, "modify_body", why);
        }
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        let side = match hook {
            Hook::Request if !flow.is_settled() => Side::Client,
            Hook::Response if flow.error.is_none() && flow.response.is_some() => Side::Server,
            _ => return done(),
        };
        if bodies.of(side).is_none() || !has_body(flow, side) {
            return done();
        }
        let rules = self.rules.get();
        // Most flows are none of theirs.
        let first = rules
            .iter()
            .position(|rule| rule.scope.decide(flow, bodies) != Some(false));
        let Some(first) = first else { return done() };
        Box::pin(async move {
            let rules = rules.get(first..).unwrap_or_default();
            if let Err(error) = modify(rules, flow, bodies, side).await {
                failed(flow, "modify_body", error);
            }
        })
    }

    fn stream_message<'a>(
        &'a self,
        flow: &'a mut HttpFlow,
        message: &'a mut Message,
    ) -> HookFuture<'a> {
        let rules = self.rules.get();
        let bodies = Bodies {
            request: (message.side == Side::Client).then(|| message.content.clone()),
            response: (message.side == Side::Server).then(|| message.content.clone()),
            ..Bodies::default()
        };
        if !rules
            .iter()
            .any(|rule| rule.scope.decide(flow, &bodies) != Some(false))
        {
            return done();
        }
        Box::pin(async move {
            for rule in rules.iter() {
                let bodies = Bodies {
                    request: (message.side == Side::Client).then(|| message.content.clone()),
                    response: (message.side == Side::Server).then(|| message.content.clone()),
                    ..Bodies::default()
                };
                if !is_for(rule, flow, &bodies) {
                    continue;
                }
                match replaced(&rule.work, message.content.clone()).await {
                    Ok(Some(content)) => {
                        rule.hits.add();
                        message.content = content;
                    }
                    Ok(None) => {}
                    Err(error) => failed(flow, "modify_body", error),
                }
            }
        })
    }
}

/// Whether there is a body to be changed: some responses end with their heads (RFC 9112 §6.3).
fn has_body(flow: &HttpFlow, side: Side) -> bool {
    let status = flow.response.as_ref().map(|response| response.status);
    let ends_with_head =
        &flow.request.method[..] == b"HEAD" || matches!(status, Some(101 | 204 | 304));
    side == Side::Client || !ends_with_head
}

/// Whether a rule is for this flow; one of which nobody can tell is not, and the flow says so.
fn is_for(rule: &Rule, flow: &mut HttpFlow, bodies: &Bodies) -> bool {
    let decided = rule.scope.decide(flow, bodies);
    if decided.is_none() {
        live::undecided(flow, "modify_body");
    }
    decided == Some(true)
}

/// Applies rules one after the other, each to what those before it have left.
async fn modify(
    rules: &[Rule],
    flow: &mut HttpFlow,
    bodies: &mut Bodies,
    side: Side,
) -> Result<(), String> {
    let mut content = None::<Content>;
    for rule in rules {
        let reads = rule
            .scope
            .0
            .as_ref()
            .is_some_and(|f| f.needs().reads_bodies());
        if reads && let Some(changed) = content.take() {
            changed.put_back(bodies, side).await?;
        }
        if !is_for(rule, flow, bodies) {
            continue;
        }
        let mut current = match content.take() {
            Some(content) => content,
            None => Content::of(flow, bodies, side).await?,
        };
        match replaced(&rule.work, current.bytes.clone()).await {
            Ok(Some(bytes)) => {
                rule.hits.add();
                current.replace(bytes);
            }
            Ok(None) => {}
            Err(error) => failed(flow, "modify_body", error),
        }
        content = Some(current);
    }
    match content {
        Some(content) => content.put_back(bodies, side).await,
        None => Ok(()),
    }
}

/// What a rule makes of bytes; none if it leaves them as they are.
async fn replaced(work: &Arc<Work>, bytes: Bytes) -> Result<Option<Bytes>, String> {
    let is_file = matches!(work.puts, Source::File(_));
    if bytes.len() <= LARGE && !is_file {
        return work.on(&bytes);
    }
    let work = work.clone();
    elsewhere(move || work.on(&bytes)).await.unwrap_or(Ok(None))
}

impl Work {
    fn on(&self, bytes: &[u8]) -> Result<Option<Bytes>, String> {
        let read_template;
        let template = match &self.puts {
            Source::Text(template) => template,
            Source::File(path) => {
                let why = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
                let content = read(path).map_err(|error| why(&error))?;
                read_template = Template::literal(&content);
                &read_template
            }
        };
        let replaced = self.finds.replace(bytes, template);
        let replaced = replaced.map_err(|error| error.to_string())?;
        Ok(replaced
            .filter(|replaced| replaced != bytes)
            .map(Bytes::from))
    }
}

#[cfg(test)]
mod tests;
