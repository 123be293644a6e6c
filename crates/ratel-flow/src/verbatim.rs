//! What a file says in a form that the model has no room for.
//!
//! A flow file is free to give a time as a whole number, or none where the model has one; a port beyond 65535; a
//! certificate in unusual lines. The model has the value that comes closest, and this keeps the one that was there, so
//! that the flow is written as it was read. It holds as long as the model's value is what it was: whoever writes takes it
//! only if it would be read as that again.

use ratel_proto::tnetstring::Value;

/// See the [module](self). Mostly empty, and then without any memory of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verbatim(Vec<(Place, Value)>);

/// Where in a flow, or a connection, a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    Start,
    End,
    TlsSetup,
    TcpSetup,
    Address,
    Via,
    Certificates,
    Mitmcert,
    Created,
    ErrorTime,
    /// Scheme, authority and path, as a list.
    RequestTarget,
    RequestPort,
    RequestStart,
    RequestEnd,
    ResponseStatus,
    ResponseStart,
    ResponseEnd,
    CloseCode,
    WebSocketEnd,
    /// The time of the message with that number.
    MessageTime(u32),
}

impl Verbatim {
    /// Whether the model says it all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was there, if it was something else than the model has.
    pub(crate) fn get(&self, place: Place) -> Option<&Value> {
        if self.0.is_empty() {
            return None;
        }
        let at = self.0.binary_search_by_key(&place, |(place, _)| *place);
        self.0.get(at.ok()?).map(|(_, value)| value)
    }

    /// Keeps what was there.
    pub(crate) fn keep(&mut self, place: Place, value: Value) {
        match self.0.binary_search_by_key(&place, |(place, _)| *place) {
            Ok(at) => {
                if let Some(kept) = self.0.get_mut(at) {
                    kept.1 = value;
                }
            }
            // Mostly the end: messages come in their order.
            Err(at) => self.0.insert(at, (place, value)),
        }
    }
}
