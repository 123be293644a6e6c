//! The page from which clients install the certificate (options `onboarding`, `onboarding_host`). It is served by the
//! proxy itself, under a name that need not exist.

mod magisk;
mod page;
mod profile;
#[cfg(test)]
mod tests;
mod zip;

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::ca::PublicCa;
use ratel_core::clock;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::http::reason_phrase;
use ratel_flow::{HttpFlow, Request, Response, Version};
use ratel_proto::Headers;

/// Always served, whatever the option says: a name that can be nobody's (RFC 6761 §6.2).
const RESERVED: &str = "ratel.test";

const HTML: &str = "text/html; charset=utf-8";
/// The type by which phones and browsers know a certificate to install.
const CERT: &str = "application/x-x509-ca-cert";

/// The addon: what it is reached by, and what it hands out.
#[derive(Debug, Default)]
pub struct Onboarding {
    /// The name in option `onboarding_host`; none when nothing is served.
    host: ArcSwapOption<String>,
    ca: OnceLock<Arc<PublicCa>>,
}

impl Addon for Onboarding {
    fn name(&self) -> &'static str {
        "onboarding"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::Request)
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        let host = options
            .bool(keys::ONBOARDING)
            .then(|| Arc::new(options.str(keys::ONBOARDING_HOST).to_owned()));
        self.host.store(host);
        Ok(())
    }

    fn ca_loaded(&self, ca: &Arc<PublicCa>) {
        // There is one authority in the life of a process.
        let _ = self.ca.set(ca.clone());
    }

    fn serves(&self, host: &str) -> bool {
        let named = self.host.load();
        self.ca.get().is_some()
            && named
                .as_ref()
                .is_some_and(|named| is_name(host, named) || is_name(host, RESERVED))
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        if flow.response.is_none()
            && flow.error.is_none()
            && self.serves(&flow.request.pretty_host())
            && let Some(ca) = self.ca.get()
        {
            let answer = answer(&flow.request, ca);
            flow.response = Some(answer.head(&flow.request.version));
            bodies.response = Some(answer.body);
        }
        done()
    }
}

/// Host names know no case, and a dot at their end changes nothing.
fn is_name(host: &str, name: &str) -> bool {
    fn bare(name: &str) -> &str {
        name.strip_suffix('.').unwrap_or(name)
    }
    !host.is_empty() && bare(host).eq_ignore_ascii_case(bare(name))
}

struct Answer {
    status: u16,
    content_type: &'static str,
    /// The name to save it by.
    file: Option<String>,
    body: Bytes,
}

impl Answer {
    fn page(status: u16, body: String) -> Self {
        Self {
            status,
            content_type: HTML,
            file: None,
            body: body.into(),
        }
    }

    /// The head, for the version of HTTP that the request came by.
    fn head(&self, asked: &Version) -> Response {
        let http2 = *asked == Version::Http2;
        let mut headers = Headers::new();
        let mut put = |name: &[u8], value: &[u8]| match http2 {
            true => headers.append(&name.to_ascii_lowercase(), value),
            false => headers.append(name, value),
        };
        put(b"Content-Type", self.content_type.as_bytes());
        put(b"Content-Length", self.body.len().to_string().as_bytes());
        if let Some(file) = &self.file {
            let value = format!("attachment; filename=\"{file}\"");
            put(b"Content-Disposition", value.as_bytes());
        }
        if self.status == 405 {
            put(b"Allow", b"GET, HEAD");
        }
        // Another installation has another certificate behind the same name.
        put(b"Cache-Control", b"no-store");
        put(b"X-Content-Type-Options", b"nosniff");
        put(b"Referrer-Policy", b"no-referrer");
        if self.content_type == HTML {
            let policy = b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
            put(b"Content-Security-Policy", policy);
        }
        let (version, reason) = match http2 {
            true => (Version::Http2, ""),
            false => (Version::Http11, reason_phrase(self.status)),
        };
        Response {
            version,
            status: self.status,
            reason: Bytes::from_static(reason.as_bytes()),
            line: None,
            headers,
            pseudo: Headers::new(),
            timestamp_start: clock::now(),
        }
    }
}

fn answer(request: &Request, ca: &PublicCa) -> Answer {
    if !matches!(&request.method[..], b"GET" | b"HEAD") {
        return Answer::page(405, page::refusal(405, "This page can only be read."));
    }
    let path = request.path.split(|b| *b == b'?').next();
    let file = |content_type, name: String, body: Bytes| Answer {
        status: 200,
        content_type,
        file: Some(name),
        body,
    };
    let named = |end: &str| format!("{}-ca-cert.{end}", ca.base);
    match path.unwrap_or_default() {
        b"/" | b"" => {
            let agent = request.headers.get("user-agent").unwrap_or_default();
            Answer::page(200, page::html(ca, &String::from_utf8_lossy(agent)))
        }
        b"/cert/pem" => file(CERT, named("pem"), ca.pem.clone()),
        // Android wants this name, and takes either form.
        b"/cert/cer" => file(CERT, named("cer"), ca.pem.clone()),
        b"/cert/der" => file(CERT, named("der"), ca.der.clone()),
        b"/cert/p12" => file("application/x-pkcs12", named("p12"), ca.p12.clone()),
        b"/cert/mobileconfig" => file(
            "application/x-apple-aspen-config",
            named("mobileconfig"),
            profile::text(ca).into(),
        ),
        b"/cert/magisk" => file(
            "application/zip",
            format!("{}-magisk-module.zip", ca.base),
            magisk::module(ca).into(),
        ),
        _ => Answer::page(404, page::refusal(404, "There is no such page.")),
    }
}
