//! Raw connections: bytes of a protocol that is not looked into.

use std::sync::Arc;

use crate::annotations::LiveAnnotations;
use crate::conn::{ClientConn, ServerConn};
use crate::flow::{FlowError, FlowId};
use crate::time::Timestamp;

/// A live raw connection, as the task that runs it and the hooks see it. Its messages stream past beside it.
#[derive(Debug)]
pub struct TcpFlow {
    /// Identity.
    pub id: FlowId,
    /// The client's side.
    pub client_conn: Arc<ClientConn>,
    /// The server's side, once there is one.
    pub server_conn: Option<Arc<ServerConn>>,
    /// Why it failed. A hook that sets this ends it.
    pub error: Option<FlowError>,
    /// What is said of it. A hook that sets `intercepted` has the message at hand held back until somebody lets it go.
    pub annotations: LiveAnnotations,
}

impl TcpFlow {
    /// Ends the connection on both sides.
    pub fn kill(&mut self, now: Timestamp) {
        self.error = Some(FlowError::killed(now));
    }
}
