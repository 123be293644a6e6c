//! A flow under way, as rules see it.

use ratel_core::addon::{Bodies, BodyNeed};
use ratel_core::options::{Key, Values};
use ratel_flow::filter::{Clues, Filter, FilterOptions, LiveHttp, Needs, Stage};
use ratel_flow::{HttpFlow, Request, Side, Version};
use ratel_proto::streams;

use crate::rule::failed;

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

    /// Whether it is for this flow, whose request has passed: none if that depends on a body of the request that is not
    /// here, since it was too large to be held back, or is a stream.
    pub(crate) fn decide(&self, flow: &HttpFlow, bodies: &Bodies) -> Option<bool> {
        if bodies.request.is_some() || is_bodiless(&flow.request) {
            return Some(self.has(flow, bodies));
        }
        self.judge(flow, bodies, Side::Client)
    }

    /// Whether the body of the request has to be kept to tell, once there is a response, whether it is for this flow.
    pub(crate) fn asks_request(&self, flow: &HttpFlow, bodies: &Bodies) -> bool {
        let Some(filter) = self.0.as_ref().filter(|_| self.looks_into(Side::Client)) else {
            return false;
        };
        !is_bodiless(&flow.request) && filter.awaits_request_body(&subject(flow, bodies))
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
        self.0.as_ref()?.clues(Stage::Any)
    }

    /// The same, of flows that have come so far.
    pub(crate) fn clues_at(&self, stage: Stage) -> Option<Clues> {
        self.0.as_ref()?.clues(stage)
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

/// Whether its head says that a request has no body (RFC 9112 §6.3). In HTTP/2 a head does not say so.
pub(crate) fn is_bodiless(request: &Request) -> bool {
    let says = |name| request.headers.contains(name);
    matches!(request.version, Version::Http10 | Version::Http11)
        && !says("content-length")
        && !says("transfer-encoding")
}

/// What rules for responses have to keep of a request to tell whether they are for its flow.
pub(crate) fn response_need<'r>(
    mut scopes: impl Iterator<Item = &'r Scope>,
    flow: &HttpFlow,
    bodies: &Bodies,
    side: Side,
) -> BodyNeed {
    if side == Side::Server || flow.error.is_some() {
        return BodyNeed::Stream;
    }
    let depends = scopes.any(|scope| scope.asks_request(flow, bodies));
    // A stream may have no end.
    if depends && streams::kind_of(&flow.request.headers).is_none() {
        BodyNeed::IfPossible
    } else {
        BodyNeed::Stream
    }
}

/// The rules that are for this flow. Those of which nobody can tell are not, and the flow says so.
pub(crate) fn decided<'r, R>(
    rules: &'r [R],
    scope: impl Fn(&R) -> &Scope,
    flow: &mut HttpFlow,
    bodies: &Bodies,
    option: &str,
) -> Vec<&'r R> {
    let mut open = false;
    let matching = rules.iter().filter(|rule| {
        let decided = scope(rule).decide(flow, bodies);
        open |= decided.is_none();
        decided == Some(true)
    });
    let matching = matching.collect();
    if open {
        undecided(flow, option);
    }
    matching
}

/// A rule of that option looks into a body of the request that is not here.
pub(crate) fn undecided(flow: &mut HttpFlow, option: &str) {
    const WHY: &str = "a filter asks for the body of the request, which was not held back (too large, or a stream)";
    // It may be asked for each message of a stream.
    if !flow.annotations.comment.contains(WHY) {
        failed(flow, option, WHY);
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

    #[test]
    fn the_body_of_a_request_is_kept_where_it_decides_about_a_response() {
        let rows = [
            ("~s & ~bq a", true),
            ("~s & !~bq a", true),
            ("~b a", true),
            ("~c 200 & ~bq a", true),
            ("~hs x & ~bq a", true),
            ("~s | ~bq a", false),
            ("~q & ~bq a", false),
            ("~s & ~bs a", false),
            ("~u never & ~bq a", false),
        ];
        let mut flow = flow("/x");
        flow.request.headers.append(b"content-length", b"1");
        for (text, asks) in rows {
            let filter = Filter::parse(text, FilterOptions::default()).expect("a filter");
            let scope = Scope(Some(filter));
            assert_eq!(
                scope.asks_request(&flow, &Bodies::default()),
                asks,
                "{text}"
            );
        }
    }

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
