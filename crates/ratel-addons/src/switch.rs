//! What an option turns on that changes the head of every request.

use std::sync::atomic::{AtomicBool, Ordering};

use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Key, Values};
use ratel_flow::{Headers, HttpFlow};

/// An addon that does one thing to requests while its option is on.
#[derive(Debug)]
pub struct Switch {
    option: Key<bool>,
    change: fn(&mut Headers),
    on: AtomicBool,
}

impl Switch {
    pub(crate) fn new(option: Key<bool>, change: fn(&mut Headers)) -> Self {
        Self {
            option,
            change,
            on: AtomicBool::new(false),
        }
    }
}

impl Addon for Switch {
    fn name(&self) -> &'static str {
        self.option.name()
    }

    fn hooks(&self) -> HookSet {
        match self.on.load(Ordering::Relaxed) {
            true => HookSet::NONE.with(Hook::Request),
            false => HookSet::NONE,
        }
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        self.on.store(options.bool(self.option), Ordering::Relaxed);
        Ok(())
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        _bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        (self.change)(&mut flow.request.headers);
        done()
    }
}
