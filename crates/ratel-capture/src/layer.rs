//! What is spoken on a connection, taken apart: bytes in the order in which they were sent go in, flows come out.
//!
//! Layers lie within each other: TLS has one inside, and so has a tunnel that was opened with `CONNECT`.

mod dns;
mod exchange;
mod http1;
mod http2;
mod raw;
mod start;
mod tls;
mod websocket;

use bytes::Bytes;
use ratel_flow::{Side, Timestamp};

use crate::context::{Context, Ending, Ends, Gap};
use dns::Dns;
use http1::Http1;
use http2::Http2;
use raw::Raw;
use start::Start;
use tls::Tls;

/// Bytes that one side has sent.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) side: Side,
    pub(crate) bytes: Bytes,
    /// The sender wanted them to be handed on at once.
    pub(crate) push: bool,
    pub(crate) time: Timestamp,
}

/// A protocol.
#[derive(Debug)]
pub(crate) enum Layer {
    Start(Box<Start>),
    Tls(Box<Tls>),
    Http1(Box<Http1>),
    Http2(Box<Http2>),
    Dns(Box<Dns>),
    Raw(Box<Raw>),
}

/// What becomes of a layer after it has taken something.
pub(crate) enum Next {
    /// It goes on.
    Stay,
    /// Something else is spoken from here on; these bytes are the first ones.
    Become(Layer, Vec<Piece>),
}

/// How often one piece may change what is spoken. More than anything that is meant.
const CHANGES_MAX: u32 = 8;

impl Layer {
    /// A connection that begins. `mid` says that its beginning is not in the capture.
    pub(crate) fn start(cx: &Context, mid: bool) -> Self {
        Self::Start(Box::new(Start::new(cx, mid)))
    }

    /// Takes bytes.
    pub(crate) fn data(&mut self, cx: &mut Context, ends: &mut Ends, piece: Piece) {
        self.data_within(cx, ends, piece, CHANGES_MAX);
    }

    fn data_within(&mut self, cx: &mut Context, ends: &mut Ends, piece: Piece, changes: u32) {
        let next = match self {
            Self::Start(layer) => layer.data(cx, ends, piece),
            Self::Tls(layer) => {
                layer.data(cx, ends, &piece);
                Next::Stay
            }
            Self::Http1(layer) => layer.data(cx, ends, piece),
            Self::Http2(layer) => {
                layer.data(cx, ends, &piece);
                Next::Stay
            }
            Self::Dns(layer) => {
                layer.data(cx, ends, &piece);
                Next::Stay
            }
            Self::Raw(layer) => layer.data(cx, ends, piece, changes > 0),
        };
        self.go_on(cx, ends, next, changes);
    }

    fn go_on(&mut self, cx: &mut Context, ends: &mut Ends, next: Next, changes: u32) {
        if let Next::Become(layer, pieces) = next {
            *self = layer;
            for piece in pieces {
                self.data_within(cx, ends, piece, changes.saturating_sub(1));
            }
        }
    }

    /// Bytes of one side are missing.
    pub(crate) fn gap(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        (side, gap): (Side, Gap),
        time: Timestamp,
    ) {
        match self {
            Self::Start(layer) => {
                let next = layer.gap(cx);
                self.go_on(cx, ends, next, CHANGES_MAX);
                if !matches!(self, Self::Start(_)) {
                    self.gap(cx, ends, (side, gap), time);
                }
            }
            Self::Tls(layer) => layer.gap(cx, ends, (side, gap), time),
            Self::Http1(layer) => layer.gap(cx, ends, (side, gap), time),
            Self::Http2(layer) => layer.gap(cx, (side, gap), time),
            // What was asked stays unanswered.
            Self::Dns(layer) => layer.finish(cx, ends, time),
            Self::Raw(layer) => layer.gap(gap, time),
        }
    }

    /// One side has said that it is done.
    pub(crate) fn end(&mut self, cx: &mut Context, ends: &mut Ends, side: Side, time: Timestamp) {
        match self {
            Self::Start(_) | Self::Dns(_) | Self::Raw(_) => {}
            Self::Tls(layer) => layer.end(cx, ends, side, time),
            Self::Http2(layer) => layer.end(cx, side, time),
            Self::Http1(layer) => {
                let next = layer.end(cx, ends, side, time);
                self.go_on(cx, ends, next, CHANGES_MAX);
            }
        }
    }

    /// Nothing more comes: what is not complete is given out as it is.
    pub(crate) fn finish(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        ending: &Ending,
        time: Timestamp,
    ) {
        if let Self::Start(layer) = self {
            let next = layer.give_up(cx);
            self.go_on(cx, ends, next, 0);
        }
        match self {
            Self::Start(_) => {}
            Self::Tls(layer) => layer.finish(cx, ends, ending, time),
            Self::Http1(layer) => layer.finish(cx, ends, ending, time),
            Self::Http2(layer) => layer.finish(cx, ends, ending, time),
            Self::Dns(layer) => layer.finish(cx, ends, time),
            Self::Raw(layer) => layer.finish(cx, ends, ending, time),
        }
    }
}
