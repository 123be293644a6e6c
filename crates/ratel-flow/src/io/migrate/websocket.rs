//! From 11 to 12: a WebSocket is no flow of its own any more, but a part of the exchange that has opened it.
//!
//! Both were in the file, the exchange first. It stands as it was; where the WebSocket was there is the exchange once
//! more, with the messages.

use std::collections::VecDeque;

use bytes::Bytes;
use ratel_proto::tnetstring::Value;

use super::dict::Dict;
use super::{MigrateError, Version};

/// The version from which this step goes.
pub(super) const STEP: i64 = 11;

/// Exchanges that wait for their WebSocket. A file in which more are open at a time gets exchanges that are made up.
const WAITING_MAX: usize = 4096;

/// Exchanges that have opened a WebSocket, with what goes along with each.
#[derive(Debug)]
pub(super) struct Handshakes<L>(VecDeque<(Value, Dict, L)>);

impl<L> Default for Handshakes<L> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<L: Clone> Handshakes<L> {
    pub(super) fn step(&mut self, flow: &mut Dict, along: L) -> Result<L, MigrateError> {
        let metadata = |key| match flow.get("metadata") {
            Some(Value::Dict(entries)) => {
                Dict::of(Value::Dict(entries.clone())).and_then(|dict| dict.get(key).cloned())
            }
            _ => None,
        };
        if metadata("websocket").is_some() {
            let id = flow.get("id").cloned().unwrap_or_default();
            if self.0.len() == WAITING_MAX {
                self.0.pop_front();
            }
            self.0.push_back((id, flow.clone(), along.clone()));
        }
        let Some(id) = metadata("websocket_handshake") else {
            flow.set("websocket", Value::Null);
            return Ok(along);
        };
        let socket = std::mem::take(flow);
        let waiting = self.0.iter().position(|(waiting, _, _)| *waiting == id);
        // The messages may lie elsewhere, and the body of the exchange has none: it was an upgrade.
        *flow = match waiting.and_then(|at| self.0.remove(at)) {
            Some((_, exchange, _)) => exchange,
            None => made_up(&socket),
        };
        join(flow, socket).map_err(|field| MigrateError::Shape {
            version: Version::Number(STEP),
            field,
        })?;
        Ok(along)
    }
}

/// Makes the WebSocket a part of the exchange.
fn join(exchange: &mut Dict, mut socket: Dict) -> Result<(), &'static str> {
    exchange.within("metadata", |metadata| {
        metadata.set(
            "duplicated",
            "the exchange that opened this WebSocket was a flow of its own in the file, and is here twice",
        );
        Ok(())
    })?;
    let mut end = Value::Null;
    socket.within_if("server_conn", |server| {
        end = server.get("timestamp_end").cloned().unwrap_or_default();
        Ok(())
    })?;
    let mut websocket = Dict::default();
    websocket.set("messages", socket.remove("messages"));
    let by_client = socket.get("close_sender") == Some(&"client".into());
    websocket.set("closed_by_client", by_client);
    websocket.set("close_code", socket.remove("close_code"));
    websocket.set("close_reason", socket.remove("close_reason"));
    websocket.set("timestamp_end", end);
    exchange.set("websocket", Value::from(websocket));
    Ok(())
}

/// An exchange for a WebSocket whose own is not in the file.
fn made_up(socket: &Dict) -> Dict {
    let bytes = |text: &'static str| Value::Bytes(Bytes::from_static(text.as_bytes()));
    let copy = |key| socket.get(key).cloned().unwrap_or_default();
    let mut request = Dict::default();
    for (key, value) in [
        ("method", bytes("GET")),
        ("scheme", bytes("http")),
        ("host", "unknown".into()),
        ("port", Value::Int(80)),
        ("path", bytes("/")),
        ("authority", bytes("")),
        ("http_version", bytes("HTTP/1.1")),
        ("headers", Value::List(Vec::new())),
        ("content", Value::Null),
        ("trailers", Value::Null),
        ("timestamp_start", Value::Int(0)),
        ("timestamp_end", Value::Int(0)),
    ] {
        request.set(key, value);
    }
    let mut flow = Dict::default();
    for key in ["id", "client_conn", "server_conn", "intercepted", "marked"] {
        flow.set(key, copy(key));
    }
    flow.set("type", "http");
    flow.set("error", copy("error"));
    flow.set("is_replay", Value::Null);
    flow.set("mode", "transparent");
    flow.set("metadata", Value::Dict(Vec::new()));
    flow.set("request", Value::from(request));
    flow.set("response", Value::Null);
    flow
}
