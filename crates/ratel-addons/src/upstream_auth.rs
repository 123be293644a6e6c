//! Authenticates to the server of a reverse proxy (option `upstream_auth`).

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::{HttpFlow, Version};

use crate::update_alt_svc::is_reverse;

/// The addon: the value of the field.
#[derive(Default)]
pub struct UpstreamAuth(ArcSwapOption<String>);

impl std::fmt::Debug for UpstreamAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpstreamAuth")
    }
}

impl Addon for UpstreamAuth {
    fn name(&self) -> &'static str {
        "upstream_auth"
    }

    fn hooks(&self) -> HookSet {
        if self.0.load().is_none() {
            return HookSet::NONE;
        }
        HookSet::NONE.with(Hook::RequestHeaders)
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        let spec = options.opt_str(keys::UPSTREAM_AUTH);
        let spec = spec.filter(|spec| !spec.is_empty());
        let wrong = spec.and_then(|spec| match spec.find(':') {
            Some(0) => Some((1, "there is no name before the colon")),
            Some(_) => None,
            None => Some((spec.chars().count() + 1, "a colon is missing")),
        });
        if let Some((position, what)) = wrong {
            // What stands there is a secret.
            return Err(format!(
                "option 'upstream_auth': Invalid upstream auth specification: {what} (at character {position}); \
                 write USER:PASSWORD"
            ));
        }
        let value = spec.map(|spec| format!("Basic {}", STANDARD.encode(spec)));
        self.0.store(value.map(std::sync::Arc::new));
        Ok(())
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        _bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        if let Some(value) = self.0.load().as_deref()
            && is_reverse(&flow.client_conn)
        {
            let name = match flow.request.version {
                Version::Http2 | Version::Http3 => "authorization",
                _ => "Authorization",
            };
            flow.request.headers.set(name, value.as_bytes());
        }
        done()
    }
}

#[cfg(test)]
mod tests;
