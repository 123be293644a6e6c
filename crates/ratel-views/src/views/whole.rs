//! For views that need all of a body: it is collected, up to a bound.
//!
//! Of a larger body either the start is shown, as a body that is cut, or all of it as it is, by what the view can make
//! of a start.

use super::raw::Text;
use crate::registry::{complain, refuse};
use crate::{Painter, Sink};

/// More bytes than this are not collected.
pub(crate) const MAX: usize = 4 * 1024 * 1024;

/// Prints what was collected, all of the body or (`cut`) the start of it.
pub(crate) type Paint = Box<dyn FnMut(&[u8], bool, &mut Sink) -> Result<(), Refusal> + Send>;

/// Why the bytes are not what the view is for.
#[derive(Debug)]
pub(crate) struct Refusal {
    why: String,
    /// That was said, and the bytes have been shown.
    is_said: bool,
}

impl Refusal {
    /// The view itself has said why, after what it could make of the bytes.
    pub(crate) fn said(why: String) -> Self {
        Self { why, is_said: true }
    }
}

impl From<String> for Refusal {
    /// Nothing was printed.
    fn from(why: String) -> Self {
        Self {
            why,
            is_said: false,
        }
    }
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}

/// What becomes of the bytes beyond the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// They are shown as text, after what the view makes of the start.
    Text,
    /// They are not shown.
    Nothing,
}

/// See the [module](self).
pub(crate) struct Whole {
    view: &'static str,
    beyond: Beyond,
    collected: Vec<u8>,
    state: State,
    paint: Paint,
    failed: Option<String>,
}

enum State {
    Collecting,
    /// What comes is shown as it is.
    Passing(Text),
    /// What comes is not shown.
    Over,
}

impl Whole {
    /// Prints with `paint` what has come when there is no more, or too much.
    pub(crate) fn painter(
        view: &'static str,
        beyond: Beyond,
        paint: impl FnMut(&[u8], bool, &mut Sink) -> Result<(), Refusal> + Send + 'static,
    ) -> Box<dyn Painter> {
        Box::new(Self {
            view,
            beyond,
            collected: Vec::new(),
            state: State::Collecting,
            paint: Box::new(paint),
            failed: None,
        })
    }

    /// Prints what was collected.
    fn print(&mut self, cut: bool, out: &mut Sink) {
        let collected = std::mem::take(&mut self.collected);
        if let Err(Refusal { why, is_said }) = (self.paint)(&collected, cut, out) {
            if !is_said {
                refuse(out, self.view, &why);
                let mut text = Text::default();
                text.feed(&collected, out);
                self.state = State::Passing(text);
            }
            self.failed = Some(why);
        }
    }
}

impl Painter for Whole {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        let mut data = data;
        if matches!(self.state, State::Collecting) {
            let room = MAX - self.collected.len();
            let (now, later) = data.split_at(room.min(data.len()));
            self.collected.extend_from_slice(now);
            if later.is_empty() {
                return;
            }
            data = later;
            self.state = match self.beyond {
                Beyond::Text => State::Passing(Text::default()),
                Beyond::Nothing => State::Over,
            };
            self.print(true, out);
            if self.failed.is_none() {
                complain(
                    out,
                    match self.beyond {
                        Beyond::Text => "The rest is too large for the view, and shown as it is.",
                        Beyond::Nothing => "The rest is too large for the view, and not shown.",
                    },
                );
            }
        }
        if let State::Passing(text) = &mut self.state {
            text.feed(data, out);
        }
    }

    fn finish(&mut self, complete: bool, out: &mut Sink) {
        if matches!(self.state, State::Collecting) {
            self.state = State::Over;
            self.print(!complete, out);
        }
        if let State::Passing(text) = &mut self.state {
            text.finish(complete, out);
        }
        out.finish();
    }

    fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }
}
