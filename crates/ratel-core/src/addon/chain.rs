//! The addons in their order.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use ratel_flow::filter::{Sighting, Stage};
use ratel_flow::{ClientConn, HttpFlow, LiveRequest, Message, Side, TcpFlow};

use super::gate::{Bits, Gates};
use super::{Addon, Bodies, BodyNeeds, RawConnection, ServerConnect, TlsBegin};
use crate::ca::PublicCa;
use crate::hooks::Hook;
use crate::network::{Network, PlannedFault};
use crate::options::Values;

/// The addons in their order. Cheap to clone.
#[derive(Clone, Default)]
pub struct AddonChain(Arc<Inner>);

#[derive(Default)]
struct Inner {
    addons: Box<[Arc<dyn Addon>]>,
    /// Who takes part in which hook.
    hooks: [Takers; Hook::ALL.len()],
    /// Who may have to see bodies.
    bodies: AtomicU64,
    gates: ArcSwap<Gates>,
    /// How often these have changed.
    epoch: AtomicU32,
    /// One looks at the addons at a time, so that the last one has the last word.
    refreshing: Mutex<()>,
}

/// Addons by their places in the chain, a bit each.
#[derive(Default)]
struct Takers {
    all: AtomicU64,
    /// The gates that some of them have.
    gated: AtomicU64,
    /// Those of these that a response may open.
    answered: AtomicU64,
}

impl Inner {
    fn refresh(&self) {
        let _alone = self
            .refreshing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut gates = Vec::new();
        let mut bodies = 0;
        let mut takers = [0; Hook::ALL.len()];
        for (place, addon) in self.addons.iter().enumerate() {
            let hooks = addon.hooks();
            for (hook, takers) in Hook::ALL.into_iter().zip(&mut takers) {
                *takers |= u64::from(hooks.contains(hook)) << place;
            }
            bodies |= u64::from(addon.wants_bodies()) << place;
            gates.extend(addon.gates().into_iter().map(|gate| (place, gate)));
        }
        let gates = Gates::new(gates);
        for (hook, all) in Hook::ALL.into_iter().zip(takers) {
            let Some(takers) = self.hooks.get(hook as usize) else {
                continue;
            };
            takers.all.store(all, Ordering::Relaxed);
            takers.gated.store(gates.at(hook), Ordering::Relaxed);
            let answered = gates.answered_at(hook);
            takers.answered.store(answered, Ordering::Relaxed);
        }
        self.bodies.store(bodies, Ordering::Relaxed);
        self.gates.store(Arc::new(gates));
        // Whoever sees the new number sees the new gates.
        self.epoch.fetch_add(1, Ordering::Release);
    }

    fn takers(&self, hook: Hook) -> &Takers {
        static NOBODY: Takers = Takers {
            all: AtomicU64::new(0),
            gated: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        };
        self.hooks.get(hook as usize).unwrap_or(&NOBODY)
    }

    /// The gates that are closed for such requests.
    fn closed(&self, request: &LiveRequest) -> u64 {
        self.judged(request)[0]
    }

    /// The same, and what was seen in the request.
    fn judged(&self, request: &LiveRequest) -> [u64; 2] {
        let epoch = self.epoch.load(Ordering::Acquire);
        request.verdict().by(epoch, || {
            let (closed, seen) = self.gates.load().closed(request);
            [closed.0, seen.bits()]
        })
    }

    /// Whether anybody takes part in a hook for this flow. Most responses are told from all gates at once.
    fn any_for(&self, hook: Hook, flow: &HttpFlow) -> bool {
        let takers = self.takers_for(hook, &flow.request);
        let gates = self.takers(hook).answered.load(Ordering::Relaxed);
        let answered = takers & Bits(gates).addons();
        if answered != takers || takers == 0 {
            return takers != 0;
        }
        let [_, seen] = self.judged(&flow.request);
        let all = self.gates.load();
        all.may_open(gates, Sighting::from_bits(seen), flow)
    }

    /// Whether the addon at this place is not for the flow with its response.
    fn is_shut(&self, hook: Hook, place: usize, flow: &HttpFlow) -> bool {
        let answered = self.takers(hook).answered.load(Ordering::Relaxed);
        let bit = Bits::one(Stage::Answered, place);
        if answered & bit == 0 {
            return false;
        }
        let [_, seen] = self.judged(&flow.request);
        let gates = self.gates.load();
        gates.is_shut(bit, Sighting::from_bits(seen), flow)
    }

    /// Who takes part in a hook for such a request.
    fn takers_for(&self, hook: Hook, request: &LiveRequest) -> u64 {
        let takers = self.takers(hook);
        let all = takers.all.load(Ordering::Relaxed);
        match takers.gated.load(Ordering::Relaxed) {
            0 => all,
            gated => all & !Bits(gated & self.closed(request)).addons(),
        }
    }

    /// The first of those at this place or behind it, and the place behind that.
    fn next(&self, takers: u64, from: usize) -> Option<(&dyn Addon, usize)> {
        let rest = takers.checked_shr(from as u32)?;
        let place = from + rest.trailing_zeros() as usize;
        let addon = self.addons.get(place)?;
        Some((&**addon, place + 1))
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
    /// How many addons a chain can have.
    pub const MOST: usize = u64::BITS as usize;

    /// A chain that calls `addons` in this order. There must be no more than [`MOST`](Self::MOST).
    #[must_use]
    pub fn new(addons: Vec<Arc<dyn Addon>>) -> Self {
        assert!(
            addons.len() <= Self::MOST,
            "a chain has a bit for each addon"
        );
        let inner = Arc::new(Inner {
            addons: addons.into(),
            ..Inner::default()
        });
        for addon in &inner.addons {
            addon.attached(Refresh(Arc::downgrade(&inner)));
        }
        inner.refresh();
        Self(inner)
    }

    /// Whether any addon takes part in `hook`.
    #[must_use]
    pub fn wants(&self, hook: Hook) -> bool {
        self.0.takers(hook).all.load(Ordering::Relaxed) != 0
    }

    /// Whether any addon takes part in `hook` for this flow.
    #[must_use]
    pub fn wants_for(&self, hook: Hook, flow: &HttpFlow) -> bool {
        self.wants(hook) && self.0.any_for(hook, flow)
    }

    fn all(&self) -> impl Iterator<Item = &dyn Addon> {
        self.0.addons.iter().map(|addon| &**addon)
    }

    fn those(&self, takers: u64) -> impl Iterator<Item = &dyn Addon> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (addon, behind) = self.0.next(takers, at)?;
            at = behind;
            Some(addon)
        })
    }

    fn with(&self, hook: Hook) -> impl Iterator<Item = &dyn Addon> {
        self.those(self.0.takers(hook).all.load(Ordering::Relaxed))
    }

    fn with_bodies<'c>(
        &'c self,
        request: &LiveRequest,
    ) -> impl Iterator<Item = &'c dyn Addon> + use<'c> {
        let all = self.0.bodies.load(Ordering::Relaxed);
        self.those(match all {
            0 => 0,
            all => all & !Bits(self.0.closed(request)).addons_at_any(),
        })
    }

    /// How the body of `flow` on this side must be seen: what all need together.
    #[must_use]
    pub fn body_needs(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeeds {
        self.with_bodies(&flow.request)
            .fold(BodyNeeds::default(), |needs, addon| {
                needs.and(addon.body_need(flow, bodies, side))
            })
    }

    /// Tells every addon that a body is too large to be shown whole.
    pub fn body_passes(&self, flow: &mut HttpFlow, side: Side) {
        for addon in self.with_bodies(&flow.request) {
            addon.body_passes(flow, side);
        }
    }

    /// Whether any addon must see the messages of this WebSocket one by one.
    #[must_use]
    pub fn wants_messages(&self, flow: &HttpFlow) -> bool {
        self.those(self.0.takers_for(Hook::WebsocketMessage, &flow.request))
            .any(|addon| addon.wants_messages(flow))
    }

    /// Whether any addon must see the bytes of this raw connection.
    #[must_use]
    pub fn wants_data(&self, flow: &TcpFlow) -> bool {
        self.with(Hook::TcpMessage)
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

    /// The rule by which the TLS handshake of a client is to fail, if any addon has one.
    #[must_use]
    pub fn fails_tls(&self, begin: TlsBegin<'_>) -> Option<PlannedFault> {
        self.all().find_map(|addon| addon.fails_tls(begin))
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
        let mut at = 0;
        // Asked again each time: those before may have changed the request.
        while let Some((addon, behind)) = self.0.next(self.0.takers_for(hook, &flow.request), at) {
            if !self.0.is_shut(hook, behind - 1, flow) {
                addon.http(hook, flow, bodies).await;
            }
            at = behind;
        }
    }

    /// Runs one of the WebSocket hooks through the chain.
    pub async fn websocket(
        &self,
        hook: Hook,
        flow: &mut HttpFlow,
        mut message: Option<&mut Message>,
    ) {
        for addon in self.those(self.0.takers_for(hook, &flow.request)) {
            addon.websocket(hook, flow, message.as_deref_mut()).await;
        }
    }

    /// Runs [`Hook::StreamMessage`] through the chain.
    pub async fn stream_message(&self, flow: &mut HttpFlow, message: &mut Message) {
        for addon in self.those(self.0.takers_for(Hook::StreamMessage, &flow.request)) {
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
