//! Sends the cookies that servers have set along with requests to them (option `stickycookie`).

mod jar;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use ratel_core::addon::{Addon, Bodies, BodyNeed, Gate, HookFuture, done};
use ratel_core::clock;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::filter::{Clues, FilterOptions};
use ratel_flow::record::Value;
use ratel_flow::{HttpFlow, Side, cookies};

use crate::live::{self, Scope, request_need};
use jar::Jar;

/// The addon: which requests it is for, and what it has seen.
#[derive(Debug, Default)]
pub struct StickyCookie {
    scope: ArcSwapOption<Scope>,
    jar: Mutex<Jar>,
    options: FilterOptions,
}

impl StickyCookie {
    /// Reads filters in this way.
    #[must_use]
    pub fn new(options: FilterOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    fn note(&self, flow: &HttpFlow) {
        let Some(response) = &flow.response else {
            return;
        };
        let mut cookies = cookies::of_response(&response.headers).peekable();
        // All connections share the jar, and most responses set no cookie.
        if cookies.peek().is_none() {
            return;
        }
        let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in cookies {
            jar.take_in(&cookie, &flow.request, clock::now());
        }
    }

    fn put(&self, scope: &Scope, flow: &mut HttpFlow, bodies: &Bodies) {
        if scope.decide(flow, bodies) != Some(true) {
            return;
        }
        let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(field) = jar.field_for(&flow.request) {
            flow.annotations
                .set_metadata("stickycookie", Value::Bool(true));
            flow.request.headers.set("cookie", &field);
        }
    }
}

impl Addon for StickyCookie {
    fn name(&self) -> &'static str {
        "stickycookie"
    }

    fn hooks(&self) -> HookSet {
        if self.scope.load().is_none() {
            return HookSet::NONE;
        }
        HookSet::NONE
            .with(Hook::Request)
            .with(Hook::ResponseHeaders)
    }

    fn gates(&self) -> Vec<Gate> {
        let scope = self.scope.load();
        let hooks = HookSet::NONE.with(Hook::Request);
        // Cookies are taken from all responses that set some.
        let sets = Clues::of_response_header("set-cookie");
        vec![
            Gate::new(hooks, scope.iter().map(|scope| scope.clues())),
            Gate::once_answered(Hook::ResponseHeaders, std::iter::once(Some(sets))),
        ]
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        let filter = live::filter(options, keys::STICKYCOOKIE, self.options)?;
        let scope = filter.map(|filter| Arc::new(Scope(Some(filter))));
        self.scope.store(scope);
        Ok(())
    }

    fn wants_bodies(&self) -> bool {
        let scope = self.scope.load();
        scope
            .as_ref()
            .is_some_and(|scope| scope.looks_into(Side::Client))
    }

    fn body_need(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeed {
        request_need(self.scope.load().as_deref().into_iter(), flow, bodies, side)
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        let scope = self.scope.load();
        match (hook, scope.as_deref()) {
            (Hook::Request, Some(scope)) => self.put(scope, flow, bodies),
            // Ahead of the body, so that what a page loads has its cookies.
            (Hook::ResponseHeaders, Some(_)) => self.note(flow),
            _ => {}
        }
        done()
    }
}

#[cfg(test)]
mod tests;
