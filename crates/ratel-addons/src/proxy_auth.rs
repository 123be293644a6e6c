//! Asks clients who they are (option `proxyauth`): by basic authentication (RFC 7617), to the proxy where clients know of
//! it, and else as if the server asked.
//!
//! What a client proves itself with is taken out of the request, is in no log, and is not on record: of the two, only the
//! name is, in the flow's metadata.

mod htpasswd;
mod ldap;
mod validator;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::ca::PublicCa;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::http::reason_phrase;
use ratel_flow::record::Value;
use ratel_flow::{ClientConn, ConnId, HttpFlow, Replay};

use crate::answer;
use crate::update_alt_svc::is_reverse;
use validator::Validator;

/// What stands for the password in metadata, which mitmproxy's addons find there.
const HIDDEN: &str = "***";

/// The addon: who is let in, and which clients are known by now.
#[derive(Debug, Default)]
pub struct ProxyAuth {
    validator: ArcSwapOption<Validator>,
    known: Mutex<HashMap<ConnId, Known>>,
}

/// A client that has said who it is.
#[derive(Clone)]
struct Known {
    user: Arc<str>,
    /// What it has said; none if its tunnel was opened with it, so that it need not say it again.
    field: Option<Vec<u8>>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Known").field(&self.user).finish()
    }
}

impl ProxyAuth {
    fn known(&self) -> MutexGuard<'_, HashMap<ConnId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_known(&self, flow: &HttpFlow) -> Option<Known> {
        self.known().get(&flow.client_conn.id).cloned()
    }

    /// Lets the flow go on, or answers it with the question who the client is.
    async fn ask(
        &self,
        validator: Arc<Validator>,
        hook: Hook,
        flow: &mut HttpFlow,
        bodies: &mut Bodies,
    ) {
        let form = Form::of(&flow.client_conn);
        let field = flow.request.headers.get(form.asks).map(<[u8]>::to_vec);
        let known = self.is_known(flow);
        let said = match (&field, known) {
            (_, Some(known)) if known.field.is_none() => return let_in(flow, &known.user),
            // The same as before is not worked out again.
            (Some(field), Some(known)) if known.field.as_ref() == Some(field) => Some(known.user),
            (Some(field), _) => match credentials(field) {
                Some((user, password)) => {
                    let name: Arc<str> = user.as_str().into();
                    validator.accepts(user, password).await.then_some(name)
                }
                None => None,
            },
            (None, _) => None,
        };
        let Some(user) = said else {
            // It may be the right password all the same, of a directory that cannot be asked.
            flow.request.headers.remove(form.asks);
            return refuse(flow, bodies, form);
        };
        flow.request.headers.remove(form.asks);
        let_in(flow, &user);
        let field = field.filter(|_| hook != Hook::HttpConnect);
        self.known()
            .insert(flow.client_conn.id, Known { user, field });
    }
}

/// How a client is asked.
#[derive(Clone, Copy)]
struct Form {
    /// The field in which it says who it is.
    asks: &'static str,
    status: u16,
    challenge: &'static str,
}

impl Form {
    fn of(client: &ClientConn) -> Self {
        if is_reverse(client) {
            Self {
                asks: "authorization",
                status: 401,
                challenge: "WWW-Authenticate",
            }
        } else {
            Self {
                asks: "proxy-authorization",
                status: 407,
                challenge: "Proxy-Authenticate",
            }
        }
    }
}

/// User and password in a field of basic authentication.
fn credentials(field: &[u8]) -> Option<(String, String)> {
    let field = str::from_utf8(field).ok()?;
    let mut words = field.split_whitespace();
    let (scheme, encoded) = (words.next()?, words.next()?);
    if words.next().is_some() || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    (!password.contains(':')).then(|| (user.to_owned(), password.to_owned()))
}

fn let_in(flow: &mut HttpFlow, user: &str) {
    let said = vec![Value::Str(user.into()), Value::Str(HIDDEN.into())];
    flow.annotations
        .set_metadata("proxyauth", Value::List(said));
}

fn refuse(flow: &mut HttpFlow, bodies: &mut Bodies, form: Form) {
    let title = format!("{} {}", form.status, reason_phrase(form.status));
    let page =
        format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
    let challenge = (form.challenge, "Basic realm=\"ratel\"");
    answer::with(flow, bodies, form.status, &[challenge], page);
}

impl Addon for ProxyAuth {
    fn name(&self) -> &'static str {
        "proxyauth"
    }

    fn conceals(&self, client: &ClientConn) -> Option<&'static str> {
        let asks = self.validator.load().is_some();
        asks.then(|| Form::of(client).asks)
    }

    fn hooks(&self) -> HookSet {
        if self.validator.load().is_none() {
            return HookSet::NONE;
        }
        HookSet::NONE
            .with(Hook::HttpConnect)
            .with(Hook::RequestHeaders)
            .with(Hook::ClientDisconnected)
    }

    fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        let name = keys::PROXYAUTH.name();
        if !changed.contains(&name) && !changed.contains(&keys::SSL_INSECURE.name()) {
            return Ok(());
        }
        let spec = options.opt_str(keys::PROXYAUTH);
        let spec = spec.filter(|spec| !spec.is_empty());
        let validator = spec.map(|spec| Validator::parse(spec, options)).transpose();
        // What it says names no secrets.
        let validator = validator.map_err(|error| format!("option '{name}': {error}"))?;
        self.validator.store(validator.map(Arc::new));
        self.known().clear();
        Ok(())
    }

    fn ca_loaded(&self, _: &Arc<PublicCa>) {
        if let Some(Validator::Directory(directory)) = self.validator.load().as_deref() {
            directory.look();
        }
    }

    fn client_disconnected(&self, client: &ClientConn) {
        self.known().remove(&client.id);
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        let validator = self.validator.load_full();
        match validator {
            Some(validator) if flow.annotations.is_replay != Some(Replay::Request) => {
                Box::pin(self.ask(validator, hook, flow, bodies))
            }
            _ => done(),
        }
    }
}

#[cfg(test)]
mod tests;
