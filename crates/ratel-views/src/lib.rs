//! Content views: what bytes of a body look like to people.
//!
//! A *view* turns bytes and what is known about them into lines of styled spans. It is fed piece by piece and keeps
//! little, so that a body of any size can be shown or printed. *Auto* is the view that fits best.
//! Classes of spans say what a piece of text means; colours are the front ends' business. Text that comes out holds no
//! control characters.
//!
//! A body may be a stream of *messages*: gRPC, server-sent events, lines of JSON. The views show it as a whole;
//! [`render_message`] and [`preview`] show one of them, or one of a WebSocket or of raw TCP. A *schema* gives the
//! fields of protobuf messages names; without one they are shown by number, and what they are is guessed.

mod document;
mod edit;
mod message;
mod registry;
mod schemas;
mod views;

pub use document::{Class, Document, Fold, LINE_BYTES, Line, Sink, Span};
pub use edit::{
    EditError, Editor, Place, ReencodeError, edit, edit_message, editable_views, is_editable,
    no_message, reencode, reencode_message,
};
pub use message::{close_name, malformed, preview, render_message};
pub use registry::{Rendering, menu, names, render};
pub use schemas::{SchemaError, Schemas};

use ratel_flow::Side;

/// What a view is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct ViewInput<'a> {
    /// The bytes, or a window of them, without content-encoding.
    pub data: &'a [u8],
    /// Where `data` begin in the body.
    pub offset: u64,
    /// `data` reach to the end of a complete body.
    pub complete: bool,
    /// Value of the `Content-Type` field.
    pub content_type: Option<&'a str>,
    /// Who sent the bytes. With the path it says which message of a schema they are.
    pub side: Option<Side>,
    /// The path of the request, for gRPC `/package.Service/Method`.
    pub path: Option<&'a str>,
    /// Value of the `grpc-encoding` field: how those messages of a gRPC body are compressed that are marked so. A
    /// single message that is [rendered](render_message) with an encoding is taken to be compressed.
    pub grpc_encoding: Option<&'a str>,
    /// The port of the server: 53 and 5353 are for DNS.
    pub server_port: Option<u16>,
    /// The bytes are those of one stream of a QUIC connection.
    pub quic: Option<QuicStream<'a>>,
    /// What is known about protobuf messages.
    pub schemas: Option<&'a Schemas>,
    /// More lines than this are not made.
    pub max_lines: usize,
}

/// What is known of a stream of a QUIC connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuicStream<'a> {
    /// The protocol that was agreed on: `h3`.
    pub alpn: &'a [u8],
    /// Only one side sends on it.
    pub unidirectional: bool,
}

impl ViewInput<'_> {
    /// `type/subtype` in lower case, without parameters.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.content_type.unwrap_or_default();
        let media_type = value.split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }
}

/// A way to look at bytes.
pub trait ContentView: Sync {
    /// The name that is shown, and by which it is chosen in lower case.
    fn name(&self) -> &'static str;

    /// How well it fits; the highest wins, below zero it is never chosen by itself. `input` may hold only the start.
    fn priority(&self, input: &ViewInput<'_>) -> f32;

    /// Begins to look at bytes, which are then fed.
    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter>;

    /// Whether it is for text, in whatever charset; it is fed UTF-8 then.
    fn is_text(&self) -> bool {
        false
    }

    /// How its text becomes bytes again, if it can.
    fn editor(&self) -> Option<&dyn Editor> {
        None
    }
}

/// A view at work on one body.
pub trait Painter: Send {
    /// Takes the next bytes, cut anywhere.
    fn feed(&mut self, data: &[u8], out: &mut Sink);

    /// There are no more bytes; `complete` when that is the end of the body.
    fn finish(&mut self, complete: bool, out: &mut Sink);

    /// Why the bytes are not what the view is for, once that is known.
    fn failed(&self) -> Option<&str> {
        None
    }
}
