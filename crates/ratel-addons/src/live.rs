//! A flow under way, as rules see it.

use ratel_core::addon::{Bodies, BodyNeed};
use ratel_core::options::{Key, Values};
use ratel_flow::filter::{Clues, Filter, FilterOptions, LiveHttp, Needs};
use ratel_flow::{HttpFlow, Side};
use ratel_proto::streams;

/// The flow with those bodies that are here.
pub(crate) fn subject<'a>(flow: &'a HttpFlow, bodies: &'a Bodies) -> LiveHttp<'a> {
    LiveHttp {
        request_body: bodies.of(Side::Client),
        response_body: bodies.of(Side::Server),
        ..LiveHttp::new(flow)
    }
}

/// The flows that something is for: all, if there is no filter.
#[derive(Clone, Debug)]
pub(crate) struct Scope(pub(crate) Option<Filter>);

impl Scope {
    /// Whether it is for this flow, as it is now.
    pub(crate) fn has(&self, flow: &HttpFlow, bodies: &Bodies) -> bool {
        let filter = self.0.as_ref();
        filter.is_none_or(|filter| filter.matches(&subject(flow, bodies)))
    }

    /// Whether it may be for this flow once the body of that side is there.
    pub(crate) fn may_have(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> bool {
        let judged = self.judge(flow, bodies, side);
        judged != Some(false)
    }

    /// What has to be seen of the body of that side to tell whether it is for this flow.
    pub(crate) fn need(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeed {
        if self.looks_into(side) && self.judge(flow, bodies, side).is_none() {
            BodyNeed::IfPossible
        } else {
            BodyNeed::Stream
        }
    }

    /// What requests must have in them whose flows it is for; none if that is any.
    pub(crate) fn clues(&self) -> Option<Clues> {
        self.0.as_ref()?.clues(false)
    }

    /// The same, of flows that have no response so far.
    pub(crate) fn clues_unanswered(&self) -> Option<Clues> {
        self.0.as_ref()?.clues(true)
    }

    /// Whether it looks into the bodies of that side at all.
    pub(crate) fn looks_into(&self, side: Side) -> bool {
        let filter = self.0.as_ref();
        filter.is_some_and(|filter| filter.needs().meets(body_of(side)))
    }

    fn judge(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> Option<bool> {
        match &self.0 {
            Some(filter) => filter.judge(&subject(flow, bodies), body_of(side)),
            None => Some(true),
        }
    }
}

fn body_of(side: Side) -> Needs {
    match side {
        Side::Client => Needs::REQUEST_BODY,
        Side::Server => Needs::RESPONSE_BODY,
    }
}

/// What rules for requests have to see of a body to tell whether they are for its flow.
pub(crate) fn request_need<'r>(
    mut scopes: impl Iterator<Item = &'r Scope>,
    flow: &HttpFlow,
    bodies: &Bodies,
    side: Side,
) -> BodyNeed {
    if side == Side::Server || flow.is_settled() {
        return BodyNeed::Stream;
    }
    let depends = scopes.any(|scope| scope.need(flow, bodies, side) != BodyNeed::Stream);
    // A stream may have no end.
    if depends && streams::kind_of(&flow.request.headers).is_none() {
        BodyNeed::IfPossible
    } else {
        BodyNeed::Stream
    }
}

/// The filter that an option says a feature is for; none if it is off.
///
/// # Errors
/// When it is no filter, as a sentence.
pub(crate) fn filter(
    options: &Values,
    key: Key<Option<String>>,
    filters: FilterOptions,
) -> Result<Option<Filter>, String> {
    let text = options.opt_str(key).filter(|text| !text.is_empty());
    let parsed = text.map(|text| Filter::parse(text, filters)).transpose();
    parsed.map_err(|error| format!("option '{}': {}", key.name(), error.with_hint()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratel_core::addon::{Addon, AddonChain};
    use ratel_core::hooks::Hook;
    use ratel_core::options::{Value, Values};

    use super::*;
    use crate::testing::flow;
    use crate::{BlockList, MapRemote, ModifyHeaders, StickyAuth};

    fn chain(rules: &[(&str, &[&str])]) -> AddonChain {
        let addons: Vec<Arc<dyn Addon>> = vec![
            Arc::new(ModifyHeaders::default()),
            Arc::new(MapRemote::default()),
            Arc::new(BlockList::default()),
            Arc::new(StickyAuth::default()),
        ];
        let mut values = Values::default();
        for (option, specs) in rules {
            let specs = specs.iter().map(ToString::to_string).collect();
            values.set(option, Value::List(specs)).expect("rules");
        }
        let chain = AddonChain::new(addons);
        let names = ["modify_headers", "map_remote", "block_list"];
        chain.configure(&values, &names).expect("rules");
        chain
    }

    /// What two rules ask for is made once; what a rule has changed is made anew.
    #[tokio::test]
    async fn what_a_rule_changes_is_seen_by_those_behind_it() {
        let chain = chain(&[
            (
                "modify_headers",
                &[
                    "/~u a.test & ~d a.test & ~hq a.test/Host/b.test",
                    "/~d b.test/X-No/1",
                ],
            ),
            (
                "map_remote",
                &[
                    "|~u a.test|.*|http://never.test/",
                    "|~hq 'host: b.test' & ~d b.test|b.test/x|c.test/y",
                    "|~u c.test/y|c.test/y|d.test/z",
                ],
            ),
            ("block_list", &["|~u c.test|404", "|~d d.test & ~u /z|418"]),
        ]);
        let (mut flow, mut bodies) = (flow("/x"), Bodies::default());
        for hook in [Hook::RequestHeaders, Hook::Request] {
            chain.http(hook, &mut flow, &mut bodies).await;
        }
        assert_eq!(flow.request.url(), "http://d.test/z");
        assert_eq!(flow.request.headers.get("x-no"), None);
        let response = flow.response.expect("an answer");
        assert_eq!(response.status, 418);
    }
}
