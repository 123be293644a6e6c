//! Sends the `Authorization` that was last seen for a host along with requests that lack one (option `stickyauth`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use ratel_core::addon::{Addon, Bodies, BodyNeed, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::filter::FilterOptions;
use ratel_flow::{HttpFlow, Side};

use crate::live::{self, Scope, request_need};

/// So many hosts are remembered.
const HOSTS_MAX: usize = 10_000;

/// The addon: which requests it is for, and what it has seen.
#[derive(Debug, Default)]
pub struct StickyAuth {
    scope: ArcSwapOption<Scope>,
    seen: Mutex<HashMap<Arc<str>, Vec<u8>>>,
    options: FilterOptions,
}

impl StickyAuth {
    /// Reads filters in this way.
    #[must_use]
    pub fn new(options: FilterOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }
}

impl Addon for StickyAuth {
    fn name(&self) -> &'static str {
        "stickyauth"
    }

    fn hooks(&self) -> HookSet {
        if self.scope.load().is_none() {
            return HookSet::NONE;
        }
        HookSet::NONE.with(Hook::Request)
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        let filter = live::filter(options, keys::STICKYAUTH, self.options)?;
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
        _hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        let scope = self.scope.load();
        let Some(scope) = scope.as_deref().filter(|_| !flow.request.host.is_empty()) else {
            return done();
        };
        let seen = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let host = &flow.request.host;
        if let Some(value) = flow.request.headers.get("authorization") {
            let mut seen = seen();
            if seen.len() < HOSTS_MAX || seen.contains_key(host) {
                seen.insert(host.clone(), value.to_vec());
            }
        } else if scope.decide(flow, bodies) == Some(true)
            && let Some(value) = seen().get(host)
        {
            flow.request.headers.append(b"authorization", value);
        }
        done()
    }
}
