//! Whole flows into the store: from files, from captures, copies of others.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ratel_flow::record::{Messages, WebSocketRecord};
use ratel_flow::{
    Annotations, Body, ClientConn, Detail, FlowId, HttpRecord, Message, MessageHead, MessageKind,
    Payload, PayloadStream, Record, Side, StreamKind, Timestamp, WebSocketClose,
};

use super::dns;

use super::index::{Filed, List};
use super::{FlowStore, FlowWriter};
use crate::clock;
use crate::tap::{self, Tap};

/// The code of a close that has none (RFC 6455 §7.4.1).
const NO_STATUS: u16 = 1005;

impl FlowStore {
    /// Takes in a whole flow. Bodies that lie in a file stay there. Blocks while the disk is slower than the caller.
    ///
    /// # Errors
    /// When a part of the record cannot be read; what was read of it until then is in the store.
    pub fn import(&self, record: &Record) -> io::Result<FlowId> {
        let created = record.timestamp_created;
        let shared = &self.0.shared;
        if created.0 < shared.latest.load(Ordering::Relaxed) {
            shared.out_of_time.store(true, Ordering::Relaxed);
        }
        let writer = self.open(record.kind(), &record.client_conn, created);
        let imported = Import {
            writer: &writer,
            end: created,
        }
        .record(record);
        let end = imported.as_ref().copied().unwrap_or(created);
        writer.finish(end);
        writer.wait_ready();
        imported.map(|_| writer.id())
    }
}

struct Import<'a> {
    writer: &'a FlowWriter,
    /// The last thing that happened.
    end: Timestamp,
}

impl Import<'_> {
    fn record(mut self, record: &Record) -> io::Result<Timestamp> {
        // What it was comes first, and is kept as such.
        let before = record.backup.as_deref();
        if let Some(before) = before {
            self.state(before)?;
            self.writer.back_up_all();
            for side in [Side::Client, Side::Server] {
                self.writer.replace(side);
            }
        }
        self.state(record)?;
        let missing = match &record.detail {
            Detail::Http(http) => [
                http.request_body.is_missing(),
                http.response.is_some() && http.response_body.is_missing(),
            ],
            _ => [false; 2],
        };
        for (side, missing) in [Side::Client, Side::Server].into_iter().zip(missing) {
            if missing {
                self.writer.leave_out(side);
            }
        }
        let websocket = record.http().and_then(|http| http.websocket.as_ref());
        let websocket = websocket.map(|websocket| WebSocketRecord {
            messages: Messages::default(),
            closed_by: websocket.closed_by,
            close_code: websocket.close_code,
            close_reason: websocket.close_reason.clone(),
            timestamp_end: websocket.timestamp_end,
        });
        self.writer.filed(Filed {
            id: Some(record.id.clone()),
            at: clock::now(),
            verbatim: record.verbatim.clone(),
            websocket: websocket.map(Arc::new),
        });
        Ok(self.end)
    }

    fn state(&mut self, record: &Record) -> io::Result<()> {
        if let Some(server) = &record.server_conn {
            self.writer.server_conn(server.clone());
        }
        // What is held back in a file is not held back here.
        let annotations = Annotations {
            intercepted: false,
            ..record.annotations.clone()
        };
        if !annotations.is_empty() || record.backup.is_some() {
            self.writer.annotations(Arc::new(annotations));
        }
        match &record.detail {
            Detail::Http(http) => self.http(http)?,
            Detail::Tcp(messages) => self.raw(StreamKind::Tcp, messages, &record.client_conn)?,
            Detail::Udp(messages) => self.raw(StreamKind::Udp, messages, &record.client_conn)?,
            Detail::Dns(exchange) => {
                let sides = [
                    (Side::Client, Some(&exchange.request)),
                    (Side::Server, exchange.response.as_ref()),
                ];
                for (side, message) in sides {
                    let Some(message) = message else { continue };
                    let at = message.timestamp.unwrap_or(record.timestamp_created);
                    let bytes = dns::pack(message).map_err(io::Error::other)?;
                    self.writer.data(side, &[bytes.into()], at);
                    self.writer.end(side, at);
                    self.passed(at);
                }
            }
            Detail::Connection => {}
        }
        if let Some(error) = &record.error {
            self.passed(error.timestamp);
            self.writer.error(error.clone());
        }
        Ok(())
    }

    fn passed(&mut self, at: Timestamp) {
        self.end = self.end.max(at);
    }

    fn http(&mut self, http: &HttpRecord) -> io::Result<()> {
        let writer = self.writer;
        writer.request(&http.request);
        self.passed(http.request.timestamp_start);
        let at = http.request_end.unwrap_or(http.request.timestamp_start);
        self.body(Side::Client, http, at)?;
        for response in &http.informational {
            writer.informational(response);
        }
        if let Some(response) = &http.response {
            writer.response(response);
            let at = http.response_end.unwrap_or(response.timestamp_start);
            self.body(Side::Server, http, at)?;
        }
        match &http.websocket {
            Some(websocket) => self.websocket(http, websocket),
            None => Ok(()),
        }
    }

    fn body(&mut self, side: Side, http: &HttpRecord, at: Timestamp) -> io::Result<()> {
        let writer = self.writer;
        let (body, trailers, end) = match side {
            Side::Client => (&http.request_body, &http.request_trailers, http.request_end),
            Side::Server => (
                &http.response_body,
                &http.response_trailers,
                http.response_end,
            ),
        };
        let headers = http.headers(side);
        let tap = headers
            .filter(|_| http.websocket.is_none())
            .and_then(|headers| Tap::for_body(side, headers));
        self.bytes(List::Body(side), body, at)?;
        if let Some(mut tap) = tap {
            writer.stream(tap.kind());
            body.each(|piece| {
                tap.feed(&[piece], writer, at);
                writer.wait_ready();
                Ok(())
            })?;
            tap.end(writer, at);
        }
        if side == Side::Server {
            for fields in [headers, trailers.as_ref()].into_iter().flatten() {
                tap::grpc_status(fields, writer);
            }
        }
        if let Some(trailers) = trailers {
            writer.trailers(side, trailers);
        }
        if let Some(end) = end {
            writer.end(side, end);
            self.passed(end);
        }
        Ok(())
    }

    /// Bytes of a list, left where they are if that is a file.
    fn bytes(&self, list: List, body: &Body, at: Timestamp) -> io::Result<()> {
        if let Body::Lazy(lazy) = body
            && let Some((file, offset)) = lazy.file()
        {
            self.writer.foreign(list, &file, offset, lazy.len());
            return Ok(());
        }
        body.each(|piece| {
            self.writer.append(list, &[piece], at);
            self.writer.wait_ready();
            Ok(())
        })
    }

    fn websocket(&mut self, http: &HttpRecord, websocket: &WebSocketRecord) -> io::Result<()> {
        let writer = self.writer;
        writer.stream(StreamKind::WebSocket);
        let begun = [Side::Client, Side::Server].map(|side| http.body(side).len().unwrap_or(0));
        self.messages(&websocket.messages, begun)?;
        if websocket.close_code.is_some() || websocket.closed_by.is_some() {
            let code = websocket.close_code.map(u16::try_from);
            writer.closed(WebSocketClose {
                by: websocket.closed_by,
                code: code.and_then(Result::ok).unwrap_or(NO_STATUS),
                reason: websocket.close_reason.clone().unwrap_or_default(),
            });
        }
        if let Some(end) = websocket.timestamp_end {
            self.passed(end);
        }
        Ok(())
    }

    fn raw(
        &mut self,
        kind: StreamKind,
        messages: &Messages,
        client: &ClientConn,
    ) -> io::Result<()> {
        self.writer.stream(kind);
        self.messages(messages, [0; 2])?;
        for side in [Side::Client, Side::Server] {
            self.writer.end(side, self.end);
        }
        if let Some(end) = client.timestamp_end {
            self.passed(end);
        }
        Ok(())
    }

    /// Messages whose bytes go behind those of the bodies, which are that long.
    fn messages(&mut self, messages: &Messages, begun: [u64; 2]) -> io::Result<()> {
        let (mut bodies, mut extra) = (begun, [0; 2]);
        for message in messages.iter() {
            let message = message?;
            let beside = matches!(
                message.kind,
                MessageKind::Ping | MessageKind::Pong | MessageKind::Close
            );
            let (list, lens) = if beside {
                (List::Extra(message.side), &mut extra)
            } else {
                (List::Body(message.side), &mut bodies)
            };
            let Message {
                side,
                kind,
                flags,
                timestamp,
                content,
            } = message;
            let [client, server] = lens;
            let len = match side {
                Side::Client => client,
                Side::Server => server,
            };
            let payload = Payload {
                stream: if beside {
                    PayloadStream::Extra
                } else {
                    PayloadStream::Body
                },
                offset: *len,
                len: content.len() as u64,
            };
            *len += payload.len;
            self.writer.append(list, &[content], timestamp);
            self.writer.message(&MessageHead {
                side,
                kind,
                flags,
                timestamp,
                code: 0,
                payload,
            });
            self.writer.wait_ready();
            self.passed(timestamp);
        }
        Ok(())
    }
}
