//! Addons: behaviours that the waist calls at named moments, in a fixed order.
//!
//! An addon says up front which hooks it takes part in and, per flow, whether it must see whole bodies. A moment that
//! nobody takes part in costs one bit test, and a body that nobody must see whole is never held back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{ClientConn, HttpFlow, Message, Side, TcpFlow};

use crate::ca::PublicCa;
use crate::hooks::{Hook, HookSet};
use crate::options::Values;

/// What an addon's hook returns: only the flow it was called for waits for it.
pub type HookFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// How an addon must see the body of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyNeed {
    /// It may stream past.
    #[default]
    Stream,
    /// It must be complete before the message goes on, to be read or replaced in [`Bodies`].
    Whole,
}

/// The bodies of a flow that were collected because an addon needs them whole; none for one that streams.
#[derive(Debug, Default)]
pub struct Bodies {
    /// The request body, as sent (content-encoding not removed).
    pub request: Option<Bytes>,
    /// The response body, as sent or as an addon made it.
    pub response: Option<Bytes>,
}

/// A behaviour on the hook interface.
///
/// Every method has a default that does nothing; [`Addon::hooks`] must name the ones that do something.
pub trait Addon: Send + Sync {
    /// A short name, for messages and for the documentation.
    fn name(&self) -> &'static str;

    /// The hooks this addon takes part in.
    fn hooks(&self) -> HookSet;

    /// How this addon must see the body of `flow` on this side. Asked once the head is there.
    fn body_need(&self, _flow: &HttpFlow, _side: Side) -> BodyNeed {
        BodyNeed::Stream
    }

    /// Takes up changed options; called with all names at start.
    ///
    /// # Errors
    /// A sentence for the user when a value can't be taken; the change is then undone.
    fn configure(&self, _options: &Values, _changed: &[&str]) -> Result<(), String> {
        Ok(())
    }

    /// Takes the certificate that clients have to trust; called once, before the first client is there.
    fn ca_loaded(&self, _ca: &Arc<PublicCa>) {}

    /// Whether requests to `host` are answered by this addon, so that no connection to a server is made ahead of them.
    /// The answer itself is given in a hook like any other; a request that gets none goes to the server.
    fn serves(&self, _host: &str) -> bool {
        false
    }

    /// See [`Hook::ClientConnected`]: an error set on `client` refuses the connection.
    fn client_connected<'a>(&'a self, _client: &'a mut ClientConn) -> HookFuture<'a> {
        Box::pin(std::future::ready(()))
    }

    /// Any of the hooks that take an HTTP flow.
    fn http<'a>(
        &'a self,
        _hook: Hook,
        _flow: &'a mut HttpFlow,
        _bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        Box::pin(std::future::ready(()))
    }

    /// The hooks of WebSockets. `message` is there in [`Hook::WebsocketMessage`], and may be changed or dropped.
    fn websocket<'a>(
        &'a self,
        _hook: Hook,
        _flow: &'a mut HttpFlow,
        _message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        Box::pin(std::future::ready(()))
    }

    /// The hooks of raw connections. `message` is there in [`Hook::TcpMessage`], and may be changed or dropped.
    fn tcp<'a>(
        &'a self,
        _hook: Hook,
        _flow: &'a mut TcpFlow,
        _message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        Box::pin(std::future::ready(()))
    }
}

/// The addons in their order.
#[derive(Clone, Default)]
pub struct AddonChain {
    addons: Arc<[Arc<dyn Addon>]>,
    wanted: HookSet,
}

impl AddonChain {
    /// A chain that calls `addons` in this order.
    #[must_use]
    pub fn new(addons: Vec<Arc<dyn Addon>>) -> Self {
        let wanted = addons
            .iter()
            .fold(HookSet::NONE, |set, addon| set.union(addon.hooks()));
        Self {
            addons: addons.into(),
            wanted,
        }
    }

    /// Whether any addon takes part in `hook`.
    #[must_use]
    pub fn wants(&self, hook: Hook) -> bool {
        self.wanted.contains(hook)
    }

    /// How the body of `flow` on this side must be seen: the strictest need of all.
    #[must_use]
    pub fn body_need(&self, flow: &HttpFlow, side: Side) -> BodyNeed {
        self.addons
            .iter()
            .map(|addon| addon.body_need(flow, side))
            .max()
            .unwrap_or_default()
    }

    /// Hands changed options to every addon; all names at start.
    ///
    /// # Errors
    /// The first refusal, as a sentence.
    pub fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        self.addons
            .iter()
            .try_for_each(|addon| addon.configure(options, changed))
    }

    /// Hands every addon the certificate that clients have to trust.
    pub fn ca_loaded(&self, ca: &Arc<PublicCa>) {
        for addon in self.addons.iter() {
            addon.ca_loaded(ca);
        }
    }

    /// Whether any addon answers requests to `host` itself.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        self.addons.iter().any(|addon| addon.serves(host))
    }

    /// Runs [`Hook::ClientConnected`], stopping at the first addon that refuses.
    pub async fn client_connected(&self, client: &mut ClientConn) {
        for addon in self
            .addons
            .iter()
            .filter(|a| a.hooks().contains(Hook::ClientConnected))
        {
            addon.client_connected(client).await;
            if client.error.is_some() {
                return;
            }
        }
    }

    /// Runs one of the HTTP hooks through the chain.
    pub async fn http(&self, hook: Hook, flow: &mut HttpFlow, bodies: &mut Bodies) {
        for addon in self.addons.iter().filter(|a| a.hooks().contains(hook)) {
            addon.http(hook, flow, bodies).await;
        }
    }

    /// Runs one of the WebSocket hooks through the chain.
    pub async fn websocket(
        &self,
        hook: Hook,
        flow: &mut HttpFlow,
        mut message: Option<&mut Message>,
    ) {
        for addon in self.addons.iter().filter(|a| a.hooks().contains(hook)) {
            addon.websocket(hook, flow, message.as_deref_mut()).await;
        }
    }

    /// Runs one of the hooks of raw connections through the chain.
    pub async fn tcp(&self, hook: Hook, flow: &mut TcpFlow, mut message: Option<&mut Message>) {
        for addon in self.addons.iter().filter(|a| a.hooks().contains(hook)) {
            addon.tcp(hook, flow, message.as_deref_mut()).await;
        }
    }
}
