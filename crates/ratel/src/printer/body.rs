//! Bodies: read from the store in windows, decoded, rendered and printed piece by piece, in bounded memory.

use std::cell::Cell;
use std::io::{self, Read};

use bytes::{Buf, Bytes};
use ratel_core::store::FlowStore;
use ratel_flow::content::Codings;
use ratel_flow::{FlowId, Side};
use ratel_proto::Headers;
use ratel_views::{Class, Line, Rendering, ViewInput};

use super::flow::{INDENT, Style};
use crate::ink::{Look, Page};

/// Bytes read from the store at a time.
const WINDOW: u64 = 256 * 1024;

/// Decoded bytes by which the view is chosen.
const START: u64 = 256 * 1024;

/// Bytes rendered at a time. A byte can become a line with an indentation, so that this bounds what waits to be printed.
const STEP: usize = 16 * 1024;

/// The body of a message.
pub(super) struct Body<'a> {
    pub(super) store: &'a FlowStore,
    pub(super) id: FlowId,
    pub(super) side: Side,
    pub(super) headers: &'a Headers,
    /// The message was received to its end.
    pub(super) complete: bool,
}

impl Body<'_> {
    /// Prints the body and an empty line; nothing for an empty body.
    pub(super) fn print(&self, page: &mut Page<'_>, style: &Style) -> io::Result<()> {
        let lost = Cell::new(false);
        let codings = Codings::of(self.headers).unwrap_or_default();
        let mut reader = codings.reader(self.reader(&lost));
        let (mut start, mut ended) = read_start(&mut reader);
        if start.is_empty() && !codings.is_empty() {
            // It is not coded as it says, or this is too little of it.
            reader = Box::new(self.reader(&lost));
            (start, ended) = read_start(&mut reader);
        }
        if start.is_empty() {
            return if self.complete && !lost.get() {
                Ok(())
            } else {
                page.put(Look::Plain, INDENT)?;
                page.line(Look::Red, "Content is missing.")?;
                page.end()
            };
        }
        let content_type = self
            .headers
            .get("content-type")
            .map(String::from_utf8_lossy);
        let grpc_encoding = self
            .headers
            .get("grpc-encoding")
            .map(String::from_utf8_lossy);
        let input = ViewInput {
            data: &start,
            offset: 0,
            complete: ended == Ended::Well && self.complete && !lost.get(),
            content_type: content_type.as_deref(),
            side: Some(self.side),
            grpc_encoding: grpc_encoding.as_deref(),
            max_lines: if style.detail == 3 {
                style.cutoff
            } else {
                usize::MAX
            },
            ..ViewInput::default()
        };
        let mut printing = Printing {
            rendering: Rendering::start(Some(&style.view), &input),
            page,
            within_line: false,
        };
        for piece in start.chunks(STEP) {
            printing.feed(piece)?;
        }
        let mut piece = vec![0; STEP];
        while ended == Ended::No && !printing.rendering.is_full() {
            match reader.read(&mut piece) {
                Ok(0) => ended = Ended::Well,
                Ok(read) => printing.feed(piece.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => ended = Ended::Early,
            }
        }
        let whole = ended == Ended::Well && self.complete && !lost.get();
        printing.finish(whole)?;
        let cut_off = printing.rendering.is_truncated();
        let remark = if cut_off {
            Some("(cut off)")
        } else if lost.get() {
            Some("(the rest is not recorded)")
        } else if !self.complete || ended == Ended::Early {
            Some("(incomplete)")
        } else {
            None
        };
        if let Some(remark) = remark {
            page.put(Look::Plain, INDENT)?;
            page.line(Look::Dim, remark)?;
        }
        page.end()
    }

    fn reader<'a>(&'a self, lost: &'a Cell<bool>) -> Reader<'a> {
        Reader {
            body: self,
            at: 0,
            window: Bytes::new(),
            lost,
        }
    }
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// There is more.
    No,
    /// At the end of what there is.
    Well,
    /// The content coding is damaged, or broken off.
    Early,
}

fn read_start(reader: &mut dyn Read) -> (Vec<u8>, Ended) {
    let mut start = Vec::new();
    let ended = match reader.take(START).read_to_end(&mut start) {
        Ok(read) if (read as u64) < START => Ended::Well,
        Ok(_) => Ended::No,
        Err(_) => Ended::Early,
    };
    (start, ended)
}

/// The recorded bytes of a body, up to the first that are gone.
struct Reader<'a> {
    body: &'a Body<'a>,
    at: u64,
    window: Bytes,
    lost: &'a Cell<bool>,
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.window.is_empty() && !self.lost.get() {
            let Body {
                store, id, side, ..
            } = self.body;
            match store.body(*id, *side, self.at..self.at + WINDOW) {
                Some(window) if !window.lost => {
                    self.at += window.bytes.len() as u64;
                    self.window = window.bytes;
                }
                _ => self.lost.set(true),
            }
        }
        let read = self.window.len().min(into.len());
        if let Some(into) = into.get_mut(..read) {
            self.window.copy_to_slice(into);
        }
        Ok(read)
    }
}

struct Printing<'a, 'b> {
    rendering: Rendering,
    page: &'a mut Page<'b>,
    /// The last line that was printed goes on.
    within_line: bool,
}

impl Printing<'_, '_> {
    fn feed(&mut self, piece: &[u8]) -> io::Result<()> {
        self.rendering.feed(piece);
        self.print()
    }

    fn finish(&mut self, complete: bool) -> io::Result<()> {
        self.rendering.finish(complete);
        self.print()
    }

    fn print(&mut self) -> io::Result<()> {
        while let Some(Line { spans, goes_on }) = self.rendering.take() {
            if !self.within_line {
                self.page.put(Look::Plain, INDENT)?;
            }
            for span in spans {
                self.page.put(look(span.class), &span.text)?;
            }
            if !goes_on {
                self.page.end()?;
            }
            self.within_line = goes_on;
        }
        Ok(())
    }
}

fn look(class: Class) -> Look {
    match class {
        Class::Plain => Look::Plain,
        Class::Name => Look::Yellow,
        Class::String => Look::Cyan,
        Class::Number => Look::Blue,
        Class::Boolean => Look::Magenta,
        Class::Comment | Class::Offset => Look::Dim,
        Class::Error => Look::Red,
    }
}
