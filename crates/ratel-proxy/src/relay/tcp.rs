//! Raw connections: bytes of any protocol passed on both ways as they come, each read a message on record.
//!
//! Each direction has an end of its own, so that a peer that is done sending can still be answered.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ratel_core::clock;
use ratel_core::hooks::Hook;
use ratel_flow::{
    ClientConn, FlowKind, Message, MessageFlags, MessageHead, MessageKind, Payload, PayloadStream,
    Side, StreamKind, TcpFlow, Timestamp,
};
use tokio::sync::Mutex;
use tokio::sync::mpsc::Receiver;

use super::live::{Injected, Injection, Live};
use super::names::Names;
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::io::{self, BoxIo, Reader, Writer};
use crate::modes::Destination;
use crate::recorder::Recorder;
use crate::upstream::Target;
use crate::upstream::pool::{NoUpstream, RawUpstream, Upstreams};

/// Connects to the server, unless that was done already, and relays until both sides are done. `ahead` was read from
/// the client before.
pub(crate) async fn run(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    destination: &Destination,
    target: &Target,
    client: BoxIo,
    ahead: BytesMut,
) {
    let now = clock::now();
    let writer = ctx.shared.store.open(FlowKind::Tcp, &ctx.client, now);
    let mut flow = TcpFlow {
        id: writer.id(),
        client_conn: ctx.client.clone(),
        server_conn: None,
        error: None,
    };
    let recorder = Recorder::new(writer, ctx.abort.clone());
    recorder.stream(StreamKind::Tcp);
    let outcome = relay(ctx, upstreams, target, client, ahead, &mut flow, &recorder).await;
    let now = clock::now();
    let addons = &ctx.shared.addons;
    if let Err(error) = outcome {
        let record = ctx.noted(error, destination).to_flow_error(now);
        tracing::debug!(client = %ctx.client.peername, "{}", record.message);
        flow.error = Some(record.clone());
        addons.tcp(Hook::TcpError, &mut flow, None).await;
        recorder.error(record);
    } else {
        addons.tcp(Hook::TcpEnd, &mut flow, None).await;
    }
    recorder.finish(now);
}

async fn relay(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    target: &Target,
    client: BoxIo,
    ahead: BytesMut,
    flow: &mut TcpFlow,
    recorder: &Recorder,
) -> Result<(), ProxyError> {
    let alpn: Vec<_> = ctx
        .client
        .tls
        .iter()
        .flat_map(|tls| &tls.alpn)
        .cloned()
        .collect();
    let server = match upstreams.raw(target, &alpn).await {
        Ok(server) => server,
        Err(NoUpstream { error, conn }) => {
            flow.server_conn = conn.clone();
            conn.into_iter().for_each(|conn| recorder.server_conn(conn));
            // What the client wanted to say is on record, though nobody heard it.
            recorder.data(Side::Client, &[ahead.freeze()], clock::now());
            return Err(error);
        }
    };
    let RawUpstream {
        mut reader,
        mut writer,
        conn,
        open: _open,
    } = server;
    flow.server_conn = Some(conn.clone());
    recorder.server_conn(conn);
    let (live, injected) = Live::new(&ctx.shared.control, flow.id);
    ctx.shared.addons.tcp(Hook::TcpStart, flow, None).await;
    let (mut from_client, mut to_client) = io::split(client, ahead, ctx.activity.clone());
    let shown = ctx.shared.addons.wants(Hook::TcpMessage);
    let flow = Mutex::new(flow);
    let hooks = shown.then_some((ctx, &flow));
    let direction = |side, injected| Direction {
        side,
        recorder,
        hooks,
        injected,
        names: None,
        at: 0,
    };
    let Injected { up, down } = injected;
    let mut up = direction(Side::Client, up);
    if ctx.client.passthrough.is_some() {
        up.names = Some((&ctx.client, Names::default()));
    }
    let up = up.run(&mut from_client, &mut writer);
    let down = direction(Side::Server, down).run(&mut reader, &mut to_client);
    let mut live = live;
    let outcome = live.both(up, down).await;
    if outcome.is_err() {
        // Neither side is to take what broke off for the end.
        io::unsplit(from_client, to_client).0.reset();
        io::unsplit(reader, writer).0.reset();
    }
    outcome
}

/// Where messages are shown: one hook of a flow runs at a time.
type Hooks<'h> = (&'h ConnCtx, &'h Mutex<&'h mut TcpFlow>);

/// The bytes of one side on their way to the other.
struct Direction<'r> {
    /// Who sends them.
    side: Side,
    recorder: &'r Recorder,
    hooks: Option<Hooks<'r>>,
    injected: Receiver<Injection>,
    /// What the client asks for in a handshake that is not opened.
    names: Option<(&'r ClientConn, Names)>,
    /// Bytes on record.
    at: u64,
}

impl Direction<'_> {
    async fn run(mut self, reader: &mut Reader, writer: &mut Writer) -> Result<(), ProxyError> {
        loop {
            if !reader.buf.is_empty() {
                let content = reader.buf.split().freeze();
                let none = MessageFlags::default();
                self.pass(content, none, reader.last_read(), writer).await?;
            }
            self.recorder.ready().await;
            tokio::select! {
                biased;
                filled = reader.fill() => {
                    if filled.map_err(|error| failed(self.side, error))? == 0 {
                        break;
                    }
                }
                Some(Injection { content, .. }) = self.injected.recv() => {
                    let flags = MessageFlags::INJECTED;
                    self.pass(content, flags, clock::now(), writer).await?;
                }
            }
        }
        self.recorder.end(self.side, reader.last_read());
        let told = writer.shutdown().await;
        told.map_err(|error| failed(other(self.side), error))
    }

    /// Shows a message to the hooks, records what they leave of it, and sends it.
    async fn pass(
        &mut self,
        content: Bytes,
        flags: MessageFlags,
        now: Timestamp,
        writer: &mut Writer,
    ) -> Result<(), ProxyError> {
        let mut message = Message {
            side: self.side,
            kind: MessageKind::Data,
            flags,
            timestamp: now,
            content,
        };
        if let Some((ctx, flow)) = self.hooks {
            let before = message.content.clone();
            let mut flow = flow.lock().await;
            let addons = &ctx.shared.addons;
            addons
                .tcp(Hook::TcpMessage, &mut flow, Some(&mut message))
                .await;
            if message.content != before {
                message.flags = message.flags.with(MessageFlags::MODIFIED);
            }
        }
        if let Some((client, names)) = &mut self.names
            && let Some(client) = names.feed(&message.content, client)
        {
            self.recorder.client_conn(Arc::new(client));
        }
        self.record(&message);
        if message.is_dropped() {
            return Ok(());
        }
        writer.push(message.content);
        let sent = writer.flush().await;
        sent.map_err(|error| failed(other(self.side), error))
    }

    fn record(&mut self, message: &Message) {
        let len = message.content.len() as u64;
        let content = std::slice::from_ref(&message.content);
        self.recorder.data(self.side, content, message.timestamp);
        self.recorder.message(&MessageHead {
            side: self.side,
            kind: message.kind,
            flags: message.flags,
            timestamp: message.timestamp,
            code: 0,
            payload: Payload {
                stream: PayloadStream::Body,
                offset: self.at,
                len,
            },
        });
        self.at += len;
    }
}

pub(super) fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}

/// The connection to that side has failed.
pub(super) fn failed(side: Side, source: std::io::Error) -> ProxyError {
    let during = "while raw bytes passed";
    match side {
        Side::Client => ProxyError::ClientIo { during, source },
        Side::Server => ProxyError::ServerIo { during, source },
    }
}
