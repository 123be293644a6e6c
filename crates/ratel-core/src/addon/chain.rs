//! The addons in their order.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use ratel_flow::{ClientConn, HttpFlow, Message, Side, TcpFlow};

use super::{Addon, Bodies, BodyNeeds, RawConnection, ServerConnect};
use crate::ca::PublicCa;
use crate::hooks::{Hook, HookSet};
use crate::network::Network;
use crate::options::Values;

/// The addons in their order. Cheap to clone.
#[derive(Clone, Default)]
pub struct AddonChain(Arc<Inner>);

#[derive(Default)]
struct Inner {
    links: Box<[Link]>,
    /// The hooks that anybody takes part in.
    wanted: AtomicU32,
    /// Somebody may have to see bodies.
    bodies: AtomicBool,
}

struct Link {
    addon: Arc<dyn Addon>,
    hooks: AtomicU32,
    bodies: AtomicBool,
}

impl Link {
    fn wants(&self, hook: Hook) -> bool {
        HookSet::from_bits(self.hooks.load(Ordering::Relaxed)).contains(hook)
    }
}

impl Inner {
    fn refresh(&self) {
        let (mut wanted, mut bodies) = (HookSet::NONE, false);
        for link in &self.links {
            let hooks = link.addon.hooks();
            link.hooks.store(hooks.bits(), Ordering::Relaxed);
            wanted = wanted.union(hooks);
            let wants_bodies = link.addon.wants_bodies();
            link.bodies.store(wants_bodies, Ordering::Relaxed);
            bodies |= wants_bodies;
        }
        self.bodies.store(bodies, Ordering::Relaxed);
        self.wanted.store(wanted.bits(), Ordering::Relaxed);
    }
}

/// With this an addon has its hooks asked for again.
#[derive(Clone, Default)]
pub struct Refresh(Weak<Inner>);

impl Refresh {
    /// The addon takes part in other hooks from here on.
    pub fn refresh(&self) {
        if let Some(inner) = self.0.upgrade() {
            inner.refresh();
        }
    }
}

impl std::fmt::Debug for Refresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refresh")
    }
}

impl AddonChain {
    /// A chain that calls `addons` in this order.
    #[must_use]
    pub fn new(addons: Vec<Arc<dyn Addon>>) -> Self {
        let link = |addon| Link {
            addon,
            hooks: AtomicU32::new(0),
            bodies: AtomicBool::new(false),
        };
        let inner = Arc::new(Inner {
            links: addons.into_iter().map(link).collect(),
            wanted: AtomicU32::new(0),
            bodies: AtomicBool::new(false),
        });
        for link in &inner.links {
            link.addon.attached(Refresh(Arc::downgrade(&inner)));
        }
        inner.refresh();
        Self(inner)
    }

    /// Whether any addon takes part in `hook`.
    #[must_use]
    pub fn wants(&self, hook: Hook) -> bool {
        HookSet::from_bits(self.0.wanted.load(Ordering::Relaxed)).contains(hook)
    }

    fn all(&self) -> impl Iterator<Item = &dyn Addon> {
        self.0.links.iter().map(|link| &*link.addon)
    }

    fn with(&self, hook: Hook) -> impl Iterator<Item = &dyn Addon> {
        let links = self.0.links.iter().filter(move |link| link.wants(hook));
        links.map(|link| &*link.addon)
    }

    fn with_bodies(&self) -> impl Iterator<Item = &dyn Addon> {
        let any = self.0.bodies.load(Ordering::Relaxed);
        let links = if any { &*self.0.links } else { &[] };
        let links = links
            .iter()
            .filter(|link| link.bodies.load(Ordering::Relaxed));
        links.map(|link| &*link.addon)
    }

    /// How the body of `flow` on this side must be seen: what all need together.
    #[must_use]
    pub fn body_needs(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeeds {
        self.with_bodies()
            .fold(BodyNeeds::default(), |needs, addon| {
                needs.and(addon.body_need(flow, bodies, side))
            })
    }

    /// Tells every addon that a body is too large to be shown whole.
    pub fn body_passes(&self, flow: &mut HttpFlow, side: Side) {
        for addon in self.with_bodies() {
            addon.body_passes(flow, side);
        }
    }

    /// Whether any addon must see the messages of this WebSocket one by one.
    #[must_use]
    pub fn wants_messages(&self, flow: &HttpFlow) -> bool {
        self.wants(Hook::WebsocketMessage)
            && self
                .with(Hook::WebsocketMessage)
                .any(|addon| addon.wants_messages(flow))
    }

    /// Whether any addon must see the bytes of this raw connection.
    #[must_use]
    pub fn wants_data(&self, flow: &TcpFlow) -> bool {
        self.wants(Hook::TcpMessage)
            && self
                .with(Hook::TcpMessage)
                .any(|addon| addon.wants_data(flow))
    }

    /// Hands changed options to every addon; all names at start.
    ///
    /// # Errors
    /// The first refusal, as a sentence. Those who were asked before it have to be called again with what stays.
    pub fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        let result = self
            .all()
            .try_for_each(|addon| addon.configure(options, changed));
        self.0.refresh();
        result
    }

    /// Hands every addon the certificate that clients have to trust.
    pub fn ca_loaded(&self, ca: &Arc<PublicCa>) {
        for addon in self.all() {
            addon.ca_loaded(ca);
        }
    }

    /// Whether any addon answers requests to `host` itself.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        self.all().any(|addon| addon.serves(host))
    }

    /// The rule by which the TLS handshake of a client with `host` is to fail, if any addon has one.
    #[must_use]
    pub fn fails_tls(&self, client: &Arc<ClientConn>, host: &str) -> Option<Arc<str>> {
        self.all().find_map(|addon| addon.fails_tls(client, host))
    }

    /// The field of requests of this client that is on no record, if there is one.
    #[must_use]
    pub fn conceals(&self, client: &ClientConn) -> Option<&'static str> {
        if !self.wants(Hook::HttpConnect) {
            return None;
        }
        let mut addons = self.with(Hook::HttpConnect);
        addons.find_map(|addon| addon.conceals(client))
    }

    /// What a bad network does to a raw connection, if any addon has made it bad.
    #[must_use]
    pub fn raw_network(&self, raw: &mut RawConnection<'_>) -> Option<Box<Network>> {
        self.all().find_map(|addon| addon.raw_network(raw))
    }

    /// Runs [`Hook::ClientConnected`], stopping at the first addon that refuses.
    pub async fn client_connected(&self, client: &mut ClientConn) {
        for addon in self.with(Hook::ClientConnected) {
            addon.client_connected(client).await;
            if client.error.is_some() {
                return;
            }
        }
    }

    /// Tells who takes part in [`Hook::ClientDisconnected`].
    pub fn client_disconnected(&self, client: &ClientConn) {
        for addon in self.with(Hook::ClientDisconnected) {
            addon.client_disconnected(client);
        }
    }

    /// Runs one of the hooks about connections to servers.
    pub async fn server(&self, hook: Hook, connect: &mut ServerConnect) {
        for addon in self.with(hook) {
            addon.server(hook, connect).await;
        }
    }

    /// Runs one of the HTTP hooks through the chain.
    pub async fn http(&self, hook: Hook, flow: &mut HttpFlow, bodies: &mut Bodies) {
        for addon in self.with(hook) {
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
        for addon in self.with(hook) {
            addon.websocket(hook, flow, message.as_deref_mut()).await;
        }
    }

    /// Runs [`Hook::StreamMessage`] through the chain.
    pub async fn stream_message(&self, flow: &mut HttpFlow, message: &mut Message) {
        for addon in self.with(Hook::StreamMessage) {
            addon.stream_message(flow, message).await;
        }
    }

    /// Runs one of the hooks of raw connections through the chain.
    pub async fn tcp(&self, hook: Hook, flow: &mut TcpFlow, mut message: Option<&mut Message>) {
        for addon in self.with(hook) {
            addon.tcp(hook, flow, message.as_deref_mut()).await;
        }
    }
}
