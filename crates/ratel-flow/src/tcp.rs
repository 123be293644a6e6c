//! Raw connections: bytes of a protocol that is not looked into.

use std::sync::Arc;

use crate::conn::{ClientConn, ServerConn};
use crate::flow::{FlowError, FlowId};

/// A live raw connection, as the task that runs it and the hooks see it. Its messages stream past beside it.
#[derive(Debug)]
pub struct TcpFlow {
    /// Identity.
    pub id: FlowId,
    /// The client's side.
    pub client_conn: Arc<ClientConn>,
    /// The server's side, once there is one.
    pub server_conn: Option<Arc<ServerConn>>,
    /// Why it failed.
    pub error: Option<FlowError>,
}
