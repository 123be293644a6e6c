//! A flow under way, as rules see it.

use bytes::Bytes;
use ratel_core::addon::{Bodies, BodyNeed};
use ratel_core::options::{Key, Values};
use ratel_flow::filter::{Filter, FilterOptions, LiveHttp, Needs};
use ratel_flow::record::Body;
use ratel_flow::{HttpFlow, Side};
use ratel_proto::streams;

/// The flow with those bodies that are here.
pub(crate) fn subject<'a>(flow: &'a HttpFlow, bodies: &Bodies) -> LiveHttp<'a> {
    let body = |body: Option<&Bytes>| body.map_or(Body::Missing, |body| Body::Bytes(body.clone()));
    LiveHttp {
        request_body: body(bodies.of(Side::Client)),
        response_body: body(bodies.of(Side::Server)),
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
        match self.judge(flow, bodies, side) {
            None => BodyNeed::IfPossible,
            Some(_) => BodyNeed::Stream,
        }
    }

    fn judge(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> Option<bool> {
        let missing = match side {
            Side::Client => Needs::REQUEST_BODY,
            Side::Server => Needs::RESPONSE_BODY,
        };
        match &self.0 {
            Some(filter) => filter.judge(&subject(flow, bodies), missing),
            None => Some(true),
        }
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

/// What the option says a feature is for; none if it is off.
///
/// # Errors
/// When it is no filter, as a sentence.
pub(crate) fn scope(
    options: &Values,
    key: Key<Option<String>>,
    filters: FilterOptions,
) -> Result<Option<Scope>, String> {
    let Some(text) = options.opt_str(key).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let filter = Filter::parse(text, filters).map_err(|error| {
        let hint = error.hint().map(|hint| format!("; {hint}"));
        format!(
            "option '{}': {error}{}",
            key.name(),
            hint.unwrap_or_default()
        )
    })?;
    Ok(Some(Scope(Some(filter))))
}
