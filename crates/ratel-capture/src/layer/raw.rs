//! A connection that is not looked into: its pieces, as a TCP flow.

use ratel_flow::record::Detail;
use ratel_flow::{FlowError, MessageFlags, MessageKind, Side, Timestamp};
use ratel_proto::client_hello;
use ratel_proto::detect::{Detected, detect};

use super::http1::Http1;
use super::start::{Line, request_line};
use super::tls::Tls;
use super::{Layer, Next, Piece};
use crate::context::{Context, Ending, Ends, Gap, no_room};
use crate::messages::{Head, MessageLog};

/// A piece that goes on for so many bytes is a message though its sender has not pushed.
const MESSAGE_MAX: u64 = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Raw {
    log: MessageLog,
    begun: Option<Timestamp>,
    /// Whose message is under way, and the time of its last piece.
    open: Option<(Side, Timestamp)>,
    /// The beginning is not in the capture: a request may follow on what cannot be understood.
    mid: bool,
    missing: Option<Gap>,
}

impl Raw {
    pub(super) fn new(cx: &Context, mid: bool) -> Self {
        Self {
            log: MessageLog::new(&cx.spool),
            begun: None,
            open: None,
            mid,
            missing: None,
        }
    }

    /// `may_change` says whether something that is understood may begin with this piece.
    pub(super) fn data(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        piece: Piece,
        may_change: bool,
    ) -> Next {
        let may_change = may_change && piece.side == Side::Client;
        if may_change && let Some(layer) = begins(cx, &piece.bytes, self.mid) {
            self.give_out(cx, ends, None);
            return Next::Become(layer, vec![piece]);
        }
        let Piece {
            side,
            bytes,
            push,
            time,
        } = piece;
        self.begun.get_or_insert(time);
        if self.open.is_some_and(|(other, _)| other != side) {
            self.close();
        }
        self.log.piece(side, &bytes);
        self.open = Some((side, time));
        if push || self.log.open(side) >= MESSAGE_MAX {
            self.close();
        }
        Next::Stay
    }

    pub(super) fn gap(&mut self, gap: Gap, time: Timestamp) {
        self.close();
        self.begun.get_or_insert(time);
        self.missing = Some(gap.and(self.missing));
        self.mid = true;
    }

    pub(super) fn finish(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        ending: &Ending,
        time: Timestamp,
    ) {
        let reset = match ending {
            Ending::Reset(Side::Client) => Some("the client reset the connection"),
            Ending::Reset(Side::Server) => Some("the server reset the connection"),
            _ => None,
        };
        let reset = reset.map(|message| FlowError {
            message: message.into(),
            hint: None,
            by_client: false,
            timestamp: time,
        });
        self.give_out(cx, ends, reset);
    }

    /// The message under way is complete.
    fn close(&mut self) {
        if let Some((side, timestamp)) = self.open.take() {
            self.log.end(Head {
                side,
                kind: MessageKind::Data,
                flags: MessageFlags::default(),
                timestamp,
            });
        }
    }

    fn give_out(&mut self, cx: &mut Context, ends: &mut Ends, error: Option<FlowError>) {
        self.close();
        let Some(begun) = self.begun.take() else {
            return;
        };
        let log = std::mem::replace(&mut self.log, MessageLog::new(&cx.spool));
        let missing = self.missing.take().map(|gap| FlowError {
            message: format!("{} of this connection are not in the capture", gap.amount()).into(),
            hint: Some(gap.hint().into()),
            by_client: false,
            timestamp: begun,
        });
        let lost = no_room(log.lost(), begun);
        let detail = match log.len() {
            0 if missing.is_none() => return,
            0 => Detail::Connection,
            _ => Detail::Tcp(log.finish()),
        };
        cx.emit(ends, begun, detail, missing.or(lost).or(error));
    }
}

/// What begins with these bytes, if that is certain: TLS after something else (STARTTLS), or a request after something
/// that could not be understood.
fn begins(cx: &Context, bytes: &[u8], mid: bool) -> Option<Layer> {
    match detect(bytes) {
        Detected::Tls if matches!(client_hello::parse(bytes), Ok(Some(_))) => {
            Some(Layer::Tls(Box::new(Tls::new(cx, false))))
        }
        Detected::Http1 if mid && matches!(request_line(bytes), Line::Request) => {
            Some(Layer::Http1(Box::new(Http1::new(cx))))
        }
        _ => None,
    }
}
