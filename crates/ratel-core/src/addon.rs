//! Addons: behaviours that the waist calls at named moments, in a fixed order.
//!
//! An addon says which hooks it takes part in and, per flow, whether it must see whole bodies or single messages. A
//! moment that nobody takes part in costs one bit test, and a body that nobody must see whole is never held back.
//!
//! # Order
//! Every hook calls the addons in the order of the chain, each after the one before it has returned; only the flow that
//! they are called for waits. All of them are called, whatever those before have done: a rule for requests asks
//! [`HttpFlow::is_settled`] whether there still is something to decide. An addon that looks at what others have left
//! stands behind them, and so `intercept` stands last.
//!
//! # What a hook may do
//! Change heads (the setters of [`Request`](ratel_flow::Request) keep its parts in step) and whole bodies ([`Bodies`]);
//! answer a request by giving the flow a response; end a flow ([`HttpFlow::kill`], or any error); have it held back
//! until somebody lets it go (`flow.annotations.intercepted`); say something of it (`flow.annotations`). What a hook
//! leaves is what is recorded and what goes out.
//!
//! # Options
//! [`AddonChain::configure`] hands changed options to all addons before they come into force. The first that refuses has
//! the change undone: all of them are then called once more with the values that stay. Which hooks an addon takes part
//! in may follow from options, and is asked again after each change.

mod bodies;
mod chain;
mod gate;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ratel_flow::{ClientConn, HttpFlow, LiveAnnotations, Message, ServerConn, Side, TcpFlow};

use crate::ca::PublicCa;
use crate::hooks::{Hook, HookSet};
use crate::network::{Network, PlannedFault};
use crate::options::Values;

pub use bodies::{Bodies, BodyNeed, BodyNeeds};
pub use chain::{AddonChain, Refresh};
pub use gate::Gate;

/// What an addon's hook returns: only the flow it was called for waits for it.
pub type HookFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What a hook returns that has nothing to wait for.
#[must_use]
pub fn done<'a>() -> HookFuture<'a> {
    Box::pin(Done)
}

/// Has no size, so that its box takes no memory.
struct Done;

impl Future for Done {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// A connection to a server that is about to be made, or was made or not.
#[derive(Clone, Debug)]
pub struct ServerConnect {
    /// For whom.
    pub client: Arc<ClientConn>,
    /// Where to: host (without brackets) and port.
    pub address: (Arc<str>, u16),
    /// The connection, once it stands.
    pub conn: Option<Arc<ServerConn>>,
    /// Why it is not to be made, or was not.
    pub error: Option<Arc<str>>,
}

/// A connection whose bytes are passed on as they are, as it begins.
#[derive(Debug)]
pub struct RawConnection<'a> {
    /// Who has called.
    pub client: &'a Arc<ClientConn>,
    /// Who is to answer.
    pub server: &'a Arc<ServerConn>,
    /// What the client calls it: host (without brackets) and port.
    pub address: (&'a str, u16),
    /// What is said of the flow, where there is one.
    pub said: &'a mut LiveAnnotations,
}

/// A client that begins with TLS.
#[derive(Clone, Copy, Debug)]
pub struct TlsBegin<'a> {
    /// Who has called.
    pub client: &'a Arc<ClientConn>,
    /// What it calls the server (SNI).
    pub sni: Option<&'a str>,
    /// Where its connection goes, if that is known: host (without brackets) and port.
    pub address: Option<(&'a str, u16)>,
}

/// A behaviour on the hook interface.
///
/// Every method has a default that does nothing; [`Addon::hooks`] must name the ones that do something.
pub trait Addon: Send + Sync {
    /// A short name, for messages and for the documentation.
    fn name(&self) -> &'static str;

    /// The hooks this addon takes part in, with the options as they are. Asked after each change of options, and when
    /// the addon says that it has changed ([`attached`](Self::attached)).
    fn hooks(&self) -> HookSet;

    /// Takes what an addon that changes by itself has its hooks asked for again with; called once.
    fn attached(&self, _refresh: Refresh) {}

    /// Whether it may have to see any body at all, with the options as they are. Asked when [`hooks`](Self::hooks) are; an
    /// addon for which this is false is not asked about single bodies.
    fn wants_bodies(&self) -> bool {
        false
    }

    /// For which requests it may be, with the options as they are, if its rules say so: no more than one of each kind. Asked
    /// when [`hooks`](Self::hooks) are.
    fn gates(&self) -> Vec<Gate> {
        Vec::new()
    }

    /// How this addon must see the body of `flow` on this side. Asked once the head is there.
    fn body_need(&self, _flow: &HttpFlow, _bodies: &Bodies, _side: Side) -> BodyNeed {
        BodyNeed::Stream
    }

    /// A body that somebody wanted whole is [too large](BodyNeed::IfSmall) for that: it passes by as it comes, right
    /// after this. What the addon does to the flow is done as if in a hook.
    fn body_passes(&self, _flow: &mut HttpFlow, _side: Side) {}

    /// Whether it must see the messages of this WebSocket one by one, if it takes part in that hook at all. Asked for
    /// each message; one that nobody must see passes piece by piece.
    fn wants_messages(&self, _flow: &HttpFlow) -> bool {
        true
    }

    /// As [`wants_messages`](Self::wants_messages), for raw connections.
    fn wants_data(&self, _flow: &TcpFlow) -> bool {
        true
    }

    /// Takes up changed options; called with all names at start. An addon that refuses keeps what it had.
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

    /// The rule by which the TLS handshake of a client is to fail, if there is one. What has become of that is for the
    /// caller to say.
    fn fails_tls(&self, _begin: TlsBegin<'_>) -> Option<PlannedFault> {
        None
    }

    /// The field in which this client says who it is: it is on no record, not even of a request that no hook will see. Asked
    /// of those who take part in [`Hook::HttpConnect`].
    fn conceals(&self, _client: &ClientConn) -> Option<&'static str> {
        None
    }

    /// What a bad network does to a raw connection.
    fn raw_network(&self, _raw: &mut RawConnection<'_>) -> Option<Box<Network>> {
        None
    }

    /// See [`Hook::ClientConnected`]: an error set on `client` refuses the connection.
    fn client_connected<'a>(&'a self, _client: &'a mut ClientConn) -> HookFuture<'a> {
        done()
    }

    /// See [`Hook::ClientDisconnected`].
    fn client_disconnected(&self, _client: &ClientConn) {}

    /// Any of the hooks about connections to servers.
    fn server<'a>(&'a self, _hook: Hook, _connect: &'a mut ServerConnect) -> HookFuture<'a> {
        done()
    }

    /// Any of the hooks that take an HTTP flow.
    fn http<'a>(
        &'a self,
        _hook: Hook,
        _flow: &'a mut HttpFlow,
        _bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        done()
    }

    /// The hooks of WebSockets. `message` is there in [`Hook::WebsocketMessage`], and may be changed or dropped.
    fn websocket<'a>(
        &'a self,
        _hook: Hook,
        _flow: &'a mut HttpFlow,
        _message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        done()
    }

    /// See [`Hook::StreamMessage`]: the message may be changed or dropped. Called for those who asked for
    /// [`BodyNeed::Messages`].
    fn stream_message<'a>(
        &'a self,
        _flow: &'a mut HttpFlow,
        _message: &'a mut Message,
    ) -> HookFuture<'a> {
        done()
    }

    /// The hooks of raw connections. `message` is there in [`Hook::TcpMessage`], and may be changed or dropped.
    fn tcp<'a>(
        &'a self,
        _hook: Hook,
        _flow: &'a mut TcpFlow,
        _message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        done()
    }
}

#[cfg(test)]
mod tests;
