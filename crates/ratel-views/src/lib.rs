//! Content views: what bytes of a body look like to people.
//!
//! A *view* turns bytes and what is known about them into lines of styled spans. It is fed piece by piece and keeps
//! little, so that a body of any size can be shown or printed. *Auto* is the view that fits best.
//! Classes of spans say what a piece of text means; colours are the front ends' business. Text that comes out holds no
//! control characters.

mod document;
mod registry;
mod views;

pub use document::{Class, Document, LINE_BYTES, Line, Sink, Span};
pub use registry::{Rendering, names, render};

/// What a view is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct ViewInput<'a> {
    /// The bytes, or a window of them, without content-encoding.
    pub data: &'a [u8],
    /// Where `data` begin in the body.
    pub offset: u64,
    /// `data` reach to the end of a complete body.
    pub complete: bool,
    /// Value of the `Content-Type` field; its parameters do not matter to any view.
    pub content_type: Option<&'a str>,
    /// More lines than this are not made.
    pub max_lines: usize,
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
