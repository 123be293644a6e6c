//! For views that need all of a body: it is collected, up to a bound, and shown as it is beyond that.

use super::raw::Text;
use crate::registry::complain;
use crate::{Painter, Sink};

/// More bytes than this are not collected.
const MAX: usize = 4 * 1024 * 1024;

/// Prints what was collected, all of the body or (`cut`) the start of it.
///
/// # Errors
/// A sentence about why the bytes are not what the view is for; then nothing was printed.
pub(crate) type Paint = Box<dyn FnMut(&[u8], bool, &mut Sink) -> Result<(), String> + Send>;

/// See the [module](self).
pub(crate) struct Whole {
    collected: Vec<u8>,
    /// There is too much, which passes.
    passing: Option<Text>,
    paint: Paint,
    failed: Option<String>,
}

impl Whole {
    /// Prints with `paint` what has come when there is no more.
    pub(crate) fn painter(
        paint: impl FnMut(&[u8], bool, &mut Sink) -> Result<(), String> + Send + 'static,
    ) -> Box<dyn Painter> {
        Box::new(Self {
            collected: Vec::new(),
            passing: None,
            paint: Box::new(paint),
            failed: None,
        })
    }
}

impl Painter for Whole {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        if let Some(text) = &mut self.passing {
            return text.feed(data, out);
        }
        if self.collected.len() + data.len() <= MAX {
            return self.collected.extend_from_slice(data);
        }
        complain(out, "This is too large for the view, and shown as it is.");
        let mut text = Text::default();
        text.feed(&std::mem::take(&mut self.collected), out);
        text.feed(data, out);
        self.passing = Some(text);
    }

    fn finish(&mut self, complete: bool, out: &mut Sink) {
        match &mut self.passing {
            Some(text) => text.finish(complete, out),
            None => {
                let collected = std::mem::take(&mut self.collected);
                if let Err(why) = (self.paint)(&collected, !complete, out) {
                    complain(out, &why);
                    let mut text = Text::default();
                    text.feed(&collected, out);
                    text.finish(complete, out);
                    self.failed = Some(why);
                }
            }
        }
        out.finish();
    }

    fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }
}
