//! Raw: the bytes as text, line by line.

use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Shows anything.
pub(crate) struct Raw;

impl ContentView for Raw {
    fn name(&self) -> &'static str {
        "Raw"
    }

    fn priority(&self, _: &ViewInput<'_>) -> f32 {
        0.1
    }

    fn is_text(&self) -> bool {
        true
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Box::new(Text::default())
    }
}

/// Splits text at `\n`, `\r\n` and `\r`.
#[derive(Default)]
pub(crate) struct Text {
    /// The last byte was a `\r`, which has ended its line.
    after_cr: bool,
}

impl Painter for Text {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        for piece in data.split_inclusive(|b| matches!(b, b'\n' | b'\r')) {
            if out.is_full() {
                return;
            }
            match piece.split_last() {
                Some((b'\n', [])) if self.after_cr => self.after_cr = false,
                Some((end @ (b'\n' | b'\r'), text)) => {
                    out.push_bytes(Class::Plain, text);
                    out.newline();
                    self.after_cr = *end == b'\r';
                }
                _ => {
                    out.push_bytes(Class::Plain, piece);
                    self.after_cr = false;
                }
            }
        }
    }

    fn finish(&mut self, _: bool, out: &mut Sink) {
        out.finish();
    }
}
