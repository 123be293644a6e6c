//! Bodies: read from the store in windows, decoded, rendered and printed piece by piece, in bounded memory.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;

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

/// The body of a request or response.
pub(super) struct Body<'a> {
    pub(super) store: &'a FlowStore,
    pub(super) id: FlowId,
    pub(super) side: Side,
    pub(super) headers: &'a Headers,
    /// The path of the request.
    pub(super) path: &'a str,
    pub(super) server_port: Option<u16>,
    /// It was received to its end.
    pub(super) complete: bool,
}

impl Body<'_> {
    /// Prints the body and an empty line; nothing for an empty body.
    pub(super) fn print(&self, page: &mut Page<'_>, style: &Style) -> io::Result<()> {
        let lost = Cell::new(false);
        let read = |range| self.store.body(self.id, self.side, range);
        let (codings, mut undecoded) = match Codings::of(self.headers) {
            Ok(codings) => (codings, None),
            Err(error) => (Codings::default(), Some(format!(": {error}"))),
        };
        let mut reader = codings.reader(Reader::new(&read, &lost));
        let (mut start, mut ended) = read_start(&mut reader);
        if start.is_empty() && !codings.is_empty() {
            // It is not coded as it says, or this is too little of it.
            reader = Box::new(Reader::new(&read, &lost));
            (start, ended) = read_start(&mut reader);
            undecoded = Some(format!(" {codings}"));
        }
        if start.is_empty() {
            return if self.complete && !lost.get() {
                Ok(())
            } else {
                page.put(Look::Plain, INDENT)?;
                page.line(Look::Red, missing(lost.get()))?;
                page.end()
            };
        }
        let field = |name| self.headers.get(name).map(String::from_utf8_lossy);
        let content_type = field("content-type");
        let grpc_encoding = field("grpc-encoding").or_else(|| field("connect-content-encoding"));
        let input = ViewInput {
            data: &start,
            offset: 0,
            complete: ended == Ended::Well && self.complete && !lost.get(),
            content_type: content_type.as_deref(),
            side: Some(self.side),
            path: Some(self.path),
            grpc_encoding: grpc_encoding.as_deref(),
            server_port: self.server_port,
            schemas: style.schemas.as_ref(),
            max_lines: if style.detail == 3 {
                style.cutoff
            } else {
                usize::MAX
            },
            ..ViewInput::default()
        };
        let shown = Shown {
            view: Some(&style.view),
            input,
            complete: self.complete,
            undecoded: undecoded.as_deref(),
            lost: &lost,
        };
        shown.print(page, &mut reader, ended)?;
        page.end()
    }
}

/// What stands in place of content of which there is nothing.
pub(super) fn missing(lost: bool) -> &'static str {
    if lost {
        "Content is missing: it was not kept, see the option store_disk."
    } else {
        "Content is missing."
    }
}

/// Bytes of which the start is at hand and the rest is read while they are printed.
pub(super) struct Shown<'a> {
    pub(super) view: Option<&'a str>,
    /// With the start as its data.
    pub(super) input: ViewInput<'a>,
    /// What can be read is all there will be.
    pub(super) complete: bool,
    /// The content codings that could not be undone after a space, or why not after a colon.
    pub(super) undecoded: Option<&'a str>,
    /// Some of it turned out to be gone.
    pub(super) lost: &'a Cell<bool>,
}

impl Shown<'_> {
    /// Prints the bytes. `ended` says how reading the start ended.
    pub(super) fn print(
        &self,
        page: &mut Page<'_>,
        reader: &mut dyn Read,
        mut ended: Ended,
    ) -> io::Result<()> {
        let Self { complete, lost, .. } = *self;
        let mut printing = Printing {
            rendering: Rendering::start(self.view, &self.input),
            page,
            within_line: false,
        };
        for piece in self.input.data.chunks(STEP) {
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
        let whole = ended == Ended::Well && complete && !lost.get();
        printing.finish(whole)?;
        let cut_off = printing.rendering.is_truncated();
        match (self.undecoded, printing.rendering.failed) {
            (Some(why), _) => printing.remark(&format!("(cannot decode{why})"))?,
            (None, Some(view)) => {
                printing.remark(&format!("(this is not {view}, as it should be)"))?;
            }
            (None, None) => {}
        }
        let remark = if cut_off {
            Some("(cut off)")
        } else if lost.get() {
            Some("(the rest is not recorded)")
        } else if !complete || ended == Ended::Early {
            Some("(incomplete)")
        } else {
            None
        };
        match remark {
            Some(remark) => printing.remark(remark),
            None => Ok(()),
        }
    }
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
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

/// A way to read a part of a record.
pub(super) type Window<'a> = &'a dyn Fn(Range<u64>) -> Option<ratel_core::store::Window>;

/// The recorded bytes of a body or a message, up to the first that are gone.
pub(super) struct Reader<'a> {
    read: Window<'a>,
    at: u64,
    window: Bytes,
    lost: &'a Cell<bool>,
}

impl<'a> Reader<'a> {
    /// Reads by windows; sets `lost` when it comes to what is gone.
    pub(super) fn new(read: Window<'a>, lost: &'a Cell<bool>) -> Self {
        Self {
            read,
            at: 0,
            window: Bytes::new(),
            lost,
        }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.window.is_empty() && !self.lost.get() {
            match (self.read)(self.at..self.at + WINDOW) {
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

    fn remark(&mut self, remark: &str) -> io::Result<()> {
        if std::mem::take(&mut self.within_line) {
            self.page.end()?;
        }
        self.page.put(Look::Plain, INDENT)?;
        self.page.line(Look::Dim, remark)
    }

    fn print(&mut self) -> io::Result<()> {
        while let Some(line) = self.rendering.take() {
            put_line(self.page, &line, &mut self.within_line)?;
        }
        Ok(())
    }
}

/// Prints lines that are made already.
pub(super) fn lines(page: &mut Page<'_>, lines: &[Line]) -> io::Result<()> {
    let mut within_line = false;
    for line in lines {
        put_line(page, line, &mut within_line)?;
    }
    Ok(())
}

fn put_line(page: &mut Page<'_>, line: &Line, within_line: &mut bool) -> io::Result<()> {
    if !*within_line {
        page.put(Look::Plain, INDENT)?;
    }
    for span in &line.spans {
        page.put(look(span.class), &span.text)?;
    }
    if !line.goes_on {
        page.end()?;
    }
    *within_line = line.goes_on;
    Ok(())
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
