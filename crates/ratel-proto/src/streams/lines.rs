//! Lines: each a message, such as newline-delimited JSON. Empty ones do not count.

use super::{Record, RecordKind};

/// What RFC 7464 begins a text with.
const RECORD_SEPARATOR: u8 = 0x1e;

/// Finds lines.
#[derive(Debug, Default)]
pub struct LineFramer {
    at: u64,
    /// Where the line begins.
    start: u64,
    /// Something other than white space is in it.
    content: bool,
    /// Its last byte is CR.
    cr: bool,
}

impl LineFramer {
    pub(super) fn feed(&mut self, data: &[u8], out: &mut impl FnMut(Record)) {
        for byte in data {
            match byte {
                // JSON has neither of them within a text on one line.
                b'\n' | &RECORD_SEPARATOR => {
                    self.end(out);
                    self.start = self.at + 1;
                }
                byte => {
                    self.content |= !byte.is_ascii_whitespace();
                    self.cr = *byte == b'\r';
                }
            }
            self.at += 1;
        }
    }

    pub(super) fn finish(&mut self, out: &mut impl FnMut(Record)) {
        self.end(out);
    }

    fn end(&mut self, out: &mut impl FnMut(Record)) {
        if self.content {
            out(Record {
                start: self.start,
                len: self.at - self.start - u64::from(self.cr),
                kind: RecordKind::Line,
            });
        }
        (self.content, self.cr) = (false, false);
    }

    pub(super) fn open(&self) -> Option<u64> {
        self.content.then_some(self.start)
    }
}
