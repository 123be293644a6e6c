//! Answers clients that look whether a leaf is revoked: the server's host is where the leaf says the list is, and that
//! host knows nothing of it.

use std::sync::{Arc, OnceLock};

use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::ca::PublicCa;
use ratel_core::clock;
use ratel_core::hooks::{Hook, HookSet};
use ratel_flow::{HttpFlow, Response, Version};
use ratel_proto::Headers;

/// The addon: what it hands out.
#[derive(Debug, Default)]
pub struct Revocation {
    ca: OnceLock<Arc<PublicCa>>,
}

impl Addon for Revocation {
    fn name(&self) -> &'static str {
        "revocation"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::Request)
    }

    fn ca_loaded(&self, ca: &Arc<PublicCa>) {
        // There is one authority in the life of a process.
        let _ = self.ca.set(ca.clone());
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        if flow.response.is_none()
            && flow.error.is_none()
            && let Some(ca) = self.ca.get()
            && flow.request.path == ca.crl_path.as_bytes()
        {
            flow.response = Some(head(flow.request.version == Version::Http2));
            bodies.response = Some(ca.crl.clone());
        }
        done()
    }
}

fn head(http2: bool) -> Response {
    let name: &[u8] = if http2 {
        b"content-type"
    } else {
        b"Content-Type"
    };
    let mut headers = Headers::new();
    headers.append(name, b"application/pkix-crl");
    Response {
        version: if http2 {
            Version::Http2
        } else {
            Version::Http11
        },
        status: 200,
        reason: if http2 { "".into() } else { "OK".into() },
        line: None,
        headers,
        pseudo: Headers::new(),
        timestamp_start: clock::now(),
    }
}
