//! Events of `text/event-stream` (WHATWG HTML §9.2.5).

use super::{Record, RecordKind};

/// Finds events: runs of lines up to an empty one. Comments alone, as servers send them to keep a connection alive,
/// are none.
#[derive(Debug, Default)]
pub struct SseFramer {
    at: u64,
    /// Where the event begins, once it has a line.
    start: Option<u64>,
    /// Where its last line ends.
    end: u64,
    /// It has a line that is no comment.
    fields: bool,
    /// Bytes of the current line.
    line: u64,
    /// The line is a comment.
    comment: bool,
    /// The byte before was CR: a following LF belongs to it.
    cr: bool,
}

impl SseFramer {
    pub(super) fn feed(&mut self, data: &[u8], out: &mut impl FnMut(Record)) {
        for byte in data {
            match byte {
                b'\n' if self.cr => self.cr = false,
                b'\n' | b'\r' => {
                    self.cr = *byte == b'\r';
                    self.line_ends(out);
                }
                byte => {
                    self.cr = false;
                    // A byte order mark at the very beginning is no part of the first line.
                    let mark =
                        self.at < 3 && [0xef, 0xbb, 0xbf].get(self.at as usize) == Some(byte);
                    if !mark {
                        if self.line == 0 {
                            self.comment = *byte == b':';
                            self.start.get_or_insert(self.at);
                        }
                        self.line += 1;
                    }
                }
            }
            self.at += 1;
        }
    }

    fn line_ends(&mut self, out: &mut impl FnMut(Record)) {
        if self.line > 0 {
            self.end = self.at;
            self.fields |= !self.comment;
            self.line = 0;
            return;
        }
        if let Some(start) = self.start.take()
            && self.fields
        {
            out(Record {
                start,
                len: self.end - start,
                kind: RecordKind::Event,
            });
        }
        self.fields = false;
    }

    pub(super) fn finish(&mut self) -> bool {
        // An event without its empty line is not dispatched.
        self.fields || (self.line > 0 && !self.comment)
    }

    pub(super) fn open(&self) -> Option<u64> {
        self.start.filter(|_| self.fields || self.line > 0)
    }
}
