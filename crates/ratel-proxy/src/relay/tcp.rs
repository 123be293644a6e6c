//! Raw connections: bytes of any protocol passed on both ways as they come, each read a message on record.
//!
//! Each direction has an end of its own, so that a peer that is done sending can still be answered.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ratel_core::clock;
use ratel_core::control::{Injection, Part, Registration};
use ratel_core::hooks::Hook;
use ratel_flow::{
    ClientConn, FlowKind, LiveAnnotations, Message, MessageFlags, MessageHead, MessageKind,
    Payload, PayloadStream, Side, StreamKind, TcpFlow, Timestamp,
};
use tokio::sync::Mutex;

use super::names::Names;
use super::raw::{self, RawSource};
use crate::body::{FrameSource as _, Watch};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::exchange::{Link, Paced, Waiting};
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
        annotations: LiveAnnotations::default(),
    };
    let line = ctx.shared.control.register(flow.id);
    let recorder = Recorder::new(writer, ctx.abort.clone());
    recorder.stream(StreamKind::Tcp);
    let relay = relay(
        ctx,
        upstreams,
        target,
        (client, ahead),
        &mut flow,
        &recorder,
        &line,
    );
    let outcome = relay.await;
    let now = clock::now();
    let addons = &ctx.shared.addons;
    if let Err(error) = outcome {
        let error = ctx.noted(error, destination);
        let record = error.to_flow_error(now);
        tracing::debug!(client = %ctx.client.peername, "{}", record.message);
        flow.error = Some(record.clone());
        error.mark(&mut flow.annotations);
        addons.tcp(Hook::TcpError, &mut flow, None).await;
        recorder.error(record);
    } else {
        addons.tcp(Hook::TcpEnd, &mut flow, None).await;
    }
    recorder.said(&mut flow.annotations);
    recorder.finish(now);
}

async fn relay(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    target: &Target,
    (client, ahead): (BoxIo, BytesMut),
    flow: &mut TcpFlow,
    recorder: &Recorder,
    line: &Registration,
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
    recorder.server_conn(conn.clone());
    line.carries(Side::Client, StreamKind::Tcp);
    line.carries(Side::Server, StreamKind::Tcp);
    ctx.shared.addons.tcp(Hook::TcpStart, flow, None).await;
    after_hook(flow, recorder)?;
    let (mut from_client, mut to_client) = io::split(client, ahead, ctx.activity.clone());
    let (link, faults) = raw::network(ctx, target, &conn, &mut flow.annotations);
    recorder.said(&mut flow.annotations);
    let flow = Mutex::new(flow);
    let direction = |side| Direction {
        side,
        ctx,
        line,
        recorder,
        link: &link,
        flow: &flow,
        names: None,
        tls_of: None,
        at: 0,
    };
    let mut up = direction(Side::Client);
    if ctx.client.passthrough.is_some() {
        up.names = Some((&ctx.client, Names::default()));
    }
    up.tls_of = Some(target);
    let passed = async {
        raw::suffer(ctx, faults, &mut from_client).await?;
        let up = up.run(&mut from_client, &mut writer);
        let down = direction(Side::Server).run(&mut reader, &mut to_client);
        tokio::try_join!(up, down)
    };
    let outcome = tokio::select! {
        biased;
        ended = passed => ended.map(|_| ()),
        () = line.killed() => Err(ProxyError::Killed),
    };
    if let Err(error) = &outcome {
        raw::break_off(error, (from_client, to_client), (reader, writer)).await;
    }
    outcome
}

/// What hooks have left of a flow: whether it goes on, and whether the message at hand is to be held back.
fn after_hook(flow: &mut TcpFlow, recorder: &Recorder) -> Result<bool, ProxyError> {
    let held = flow.annotations.intercepted && std::mem::take(&mut flow.annotations.intercepted);
    recorder.said(&mut flow.annotations);
    match &flow.error {
        Some(error) => Err(ProxyError::Ended(Box::new(error.clone()))),
        None => Ok(held),
    }
}

/// The bytes of one side on their way to the other.
struct Direction<'r> {
    /// Who sends them.
    side: Side,
    ctx: &'r ConnCtx,
    line: &'r Registration,
    recorder: &'r Recorder,
    link: &'r Link,
    /// One hook of a flow runs at a time.
    flow: &'r Mutex<&'r mut TcpFlow>,
    /// What the client asks for in a handshake that is not opened.
    names: Option<(&'r ClientConn, Names)>,
    /// Whose TLS begins with the first bytes, until they have come.
    tls_of: Option<&'r Target>,
    /// Bytes on record.
    at: u64,
}

impl Direction<'_> {
    async fn run(mut self, reader: &mut Reader, writer: &mut Writer) -> Result<(), ProxyError> {
        let mut source = RawSource::new(self.side, reader);
        let source = &mut Paced::new(&mut source, self.link, self.side).headless();
        while !source.is_done() {
            let frame = match source.ready()? {
                Some(frame) => frame,
                None => {
                    self.recorder.ready().await;
                    tokio::select! {
                        biased;
                        frame = source.next() => frame?,
                        Injection { content, .. } = self.line.injected(self.side) => {
                            let flags = MessageFlags::INJECTED;
                            self.pass(content, flags, clock::now(), source, writer).await?;
                            continue;
                        }
                    }
                }
            };
            for content in frame.data {
                if let Some(target) = self.tls_of.take() {
                    raw::judge_tls(self.ctx, target, &content)?;
                }
                let none = MessageFlags::default();
                let now = self.recorder.passing(self.side, source.received());
                self.pass(content, none, now, source, writer).await?;
            }
        }
        self.line.closed(self.side);
        self.line.left(self.side);
        self.recorder.end(self.side, source.received());
        let told = writer.shutdown().await;
        told.map_err(|error| failed(other(self.side), error))
    }

    /// Shows a message to the hooks, records what they leave of it, and sends it.
    async fn pass(
        &mut self,
        content: Bytes,
        flags: MessageFlags,
        now: Timestamp,
        source: &mut impl Watch,
        writer: &mut Writer,
    ) -> Result<(), ProxyError> {
        let mut message = Message {
            side: self.side,
            kind: MessageKind::Data,
            flags,
            timestamp: now,
            content,
        };
        let came = message.content.clone();
        if self.ctx.shared.addons.wants(Hook::TcpMessage) {
            self.show(&mut message, source).await?;
        }
        let modified = message.content != came;
        if modified {
            message.flags = message.flags.with(MessageFlags::MODIFIED);
        }
        if let Some((client, names)) = &mut self.names
            && let Some(client) = names.feed(&message.content, client)
        {
            self.recorder.client_conn(Arc::new(client));
        }
        self.record(&message);
        if modified {
            self.recorder.came_as(self.side, &came, message.timestamp);
        }
        if message.is_dropped() {
            return Ok(());
        }
        writer.push(message.content);
        let sent = writer.flush().await;
        sent.map_err(|error| failed(other(self.side), error))
    }

    /// Shows a message to the hooks, and to people if one of these says so.
    async fn show(&self, message: &mut Message, source: &mut impl Watch) -> Result<(), ProxyError> {
        let addons = &self.ctx.shared.addons;
        let mut flow = self.flow.lock().await;
        if !addons.wants_data(&flow) {
            return Ok(());
        }
        addons.tcp(Hook::TcpMessage, &mut flow, Some(message)).await;
        let hold = after_hook(&mut flow, self.recorder)?;
        drop(flow);
        if hold && !message.is_dropped() {
            let (part, bytes) = (Part::Message(self.side), message.content.len());
            let waiting = Waiting::begin(self.ctx, self.line, self.recorder, part, bytes, false);
            if let Some(waiting) = waiting {
                let mut waiting = waiting.outlasting_half_close();
                waiting.message(message, source).await?;
            }
        }
        Ok(())
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
