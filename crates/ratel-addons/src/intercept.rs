//! Holds back what matches a filter until somebody lets it go (options `intercept`, `intercept_active`): requests ahead
//! of the server, responses ahead of the client, and single messages of WebSockets, raw connections and bodies that are
//! streams of messages.
//!
//! It stands last in the chain and so sees what all others have left. It says what is to be held; the holding is the
//! engine's. A body is collected for it where heads and filter leave it open whether the flow is one to hold, and only if
//! it is small: of a large one, and of one that is a stream, the head waits alone.

use arc_swap::ArcSwapOption;
use ratel_core::addon::{Addon, Bodies, BodyNeed, Gate, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::filter::{Filter, FilterOptions, LiveHttp, LiveTcp, Needs, Stage};
use ratel_flow::{HttpFlow, Message, Side, TcpFlow};
use ratel_proto::streams;

use crate::live::{self, subject};

/// The addon, with the filter while it is in force.
#[derive(Debug, Default)]
pub struct Intercept {
    filter: ArcSwapOption<Filter>,
    options: FilterOptions,
}

impl Intercept {
    /// Reads filters in this way.
    #[must_use]
    pub fn new(options: FilterOptions) -> Self {
        Self {
            filter: ArcSwapOption::empty(),
            options,
        }
    }

    /// What the filter says of `subject`, if it is asked at all; none when it depends on what is missing.
    fn judge(&self, subject: &LiveHttp<'_>, missing: Needs) -> Option<bool> {
        let filter = self.filter.load();
        // What Ratel plays back is nobody's to let go.
        match filter.as_deref() {
            Some(filter) if subject.flow.annotations.is_replay.is_none() => {
                filter.judge(subject, missing)
            }
            _ => Some(false),
        }
    }

    fn hold(&self, flow: &mut HttpFlow, held: bool) {
        if held && flow.error.is_none() {
            flow.annotations.intercepted = true;
        }
    }

    fn matches(&self, subject: &LiveHttp<'_>) -> bool {
        self.judge(subject, Needs::SUMMARY) == Some(true)
    }
}

impl Addon for Intercept {
    fn name(&self) -> &'static str {
        "intercept"
    }

    fn hooks(&self) -> HookSet {
        if self.filter.load().is_none() {
            return HookSet::NONE;
        }
        [
            Hook::Request,
            Hook::ResponseHeaders,
            Hook::Response,
            Hook::StreamMessage,
            Hook::WebsocketMessage,
            Hook::TcpMessage,
        ]
        .into_iter()
        .fold(HookSet::NONE, HookSet::with)
    }

    fn gates(&self) -> Vec<Gate> {
        let filter = self.filter.load();
        let clues = filter.iter().map(|filter| filter.clues(Stage::Any));
        vec![Gate::new(self.hooks(), clues)]
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        let filter = live::filter(options, keys::INTERCEPT, self.options)?;
        let active = options.bool(keys::INTERCEPT_ACTIVE);
        self.filter
            .store(filter.filter(|_| active).map(std::sync::Arc::new));
        Ok(())
    }

    fn wants_bodies(&self) -> bool {
        self.filter.load().is_some()
    }

    fn body_need(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeed {
        if self.filter.load().is_none() {
            return BodyNeed::Stream;
        }
        let (headers, missing) = match side {
            Side::Client => (Some(&flow.request.headers), Needs::REQUEST_BODY),
            Side::Server => (
                flow.response.as_ref().map(|response| &response.headers),
                Needs::RESPONSE_BODY,
            ),
        };
        if self.judge(&subject(flow, bodies), missing) == Some(false) {
            return BodyNeed::Stream;
        }
        if headers.and_then(streams::kind_of).is_some() {
            BodyNeed::Messages
        } else {
            BodyNeed::IfSmall
        }
    }

    fn body_passes(&self, flow: &mut HttpFlow, side: Side) {
        // Of a request the hook is still to come.
        if side == Side::Server {
            let held = self.matches(&LiveHttp::new(flow));
            self.hold(flow, held);
        }
    }

    fn wants_messages(&self, flow: &HttpFlow) -> bool {
        let subject = LiveHttp {
            websocket: true,
            ..LiveHttp::new(flow)
        };
        self.judge(&subject, Needs::MESSAGES) != Some(false)
    }

    fn wants_data(&self, flow: &TcpFlow) -> bool {
        let filter = self.filter.load();
        let subject = LiveTcp {
            flow,
            messages: &[],
        };
        let judged = filter
            .as_deref()
            .map(|filter| filter.judge(&subject, Needs::MESSAGES));
        !matches!(judged, None | Some(Some(false)))
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        let is_stream = || {
            let response = flow.response.as_ref();
            response.is_some_and(|response| streams::kind_of(&response.headers).is_some())
        };
        let asked = match hook {
            Hook::Request => flow.response.is_none(),
            // Its body is a stream of messages: each will be looked at by itself.
            Hook::ResponseHeaders => bodies.response.is_none() && is_stream(),
            // Without its body here it has gone already.
            Hook::Response => bodies.response.is_some(),
            _ => false,
        };
        let held = asked && self.matches(&subject(flow, bodies));
        self.hold(flow, held);
        done()
    }

    fn websocket<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        if let Some(message) = message {
            let subject = LiveHttp {
                websocket: true,
                messages: std::slice::from_ref(message),
                ..LiveHttp::new(flow)
            };
            let held = self.matches(&subject);
            self.hold(flow, held);
        }
        done()
    }

    fn stream_message<'a>(
        &'a self,
        flow: &'a mut HttpFlow,
        message: &'a mut Message,
    ) -> HookFuture<'a> {
        // To a filter it is the body of its side: all of it that can be looked at.
        let body = Some(&message.content);
        let mut subject = LiveHttp::new(flow);
        match message.side {
            Side::Client => subject.request_body = body,
            Side::Server => subject.response_body = body,
        }
        let held = self.matches(&subject);
        self.hold(flow, held);
        done()
    }

    fn tcp<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut TcpFlow,
        message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        let filter = self.filter.load();
        if let (Some(message), Some(filter)) = (message, filter.as_deref()) {
            let subject = LiveTcp {
                flow,
                messages: std::slice::from_ref(message),
            };
            if filter.matches(&subject) {
                flow.annotations.intercepted = true;
            }
        }
        done()
    }
}

#[cfg(test)]
mod tests;
