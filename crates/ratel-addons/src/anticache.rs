//! Takes out of requests what lets a server answer that nothing has changed (option `anticache`), so that bodies are
//! there to be seen.

use std::sync::atomic::{AtomicBool, Ordering};

use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::HttpFlow;

/// The addon: whether it is on.
#[derive(Debug, Default)]
pub struct Anticache(AtomicBool);

impl Addon for Anticache {
    fn name(&self) -> &'static str {
        "anticache"
    }

    fn hooks(&self) -> HookSet {
        if self.0.load(Ordering::Relaxed) {
            HookSet::NONE.with(Hook::Request)
        } else {
            HookSet::NONE
        }
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        self.0
            .store(options.bool(keys::ANTICACHE), Ordering::Relaxed);
        Ok(())
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        _bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        flow.request.headers.remove("if-modified-since");
        flow.request.headers.remove("if-none-match");
        done()
    }
}
