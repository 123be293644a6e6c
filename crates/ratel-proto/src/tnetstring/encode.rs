//! Values to items, from the last byte to the first.

use super::item::Kind;
use super::{Value, number};

/// Bytes that there is room for at first.
const ROOM: usize = 4096;

/// Writes items backwards: what is written later stands before what was written earlier, and the length of an item is
/// written when all of it is there.
///
/// What is large need not be in memory: a [gap](Self::gap) stands for bytes that the caller puts there when it takes the
/// [pieces](Self::pieces).
#[derive(Debug, Default)]
pub struct Encoder {
    /// Filled from its end.
    room: Vec<u8>,
    /// Bytes that are filled.
    used: usize,
    gaps: Vec<Gap>,
    /// Bytes in all gaps.
    missing: u64,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    /// Bytes that were filled before it, so that it lies before them.
    used: usize,
    len: u64,
}

/// The end of an item that has been begun.
#[derive(Debug)]
#[must_use]
pub struct Mark(u64);

/// A part of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// A gap: its number, in the order in which the gaps were left, and its length.
    Gap(usize, u64),
}

impl Encoder {
    /// Nothing, yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what was written, and keeps the memory.
    pub fn clear(&mut self) {
        self.used = 0;
        self.gaps.clear();
        self.missing = 0;
    }

    /// Length of what was written, gaps included.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.used as u64 + self.missing
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was written, from the first byte to the last.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut left = self.used;
        let mut bytes = move |until| {
            let (from, to) = (self.room.len() - left, self.room.len() - until);
            left = until;
            Piece::Bytes(self.room.get(from..to).unwrap_or_default())
        };
        let gaps = self.gaps.iter().enumerate().rev();
        // Shares `bytes` between the gaps and what follows the last one.
        gaps.map(|(number, gap)| (Some((number, gap.len)), gap.used))
            .chain([(None, 0)])
            .flat_map(move |(gap, until)| {
                let gap = gap.map(|(number, len)| Piece::Gap(number, len));
                [Some(bytes(until)), gap].into_iter().flatten()
            })
    }

    /// What was written, where there is no gap in it.
    #[must_use]
    pub fn bytes_written(&self) -> &[u8] {
        let from = self.room.len() - self.used;
        self.room.get(from..).unwrap_or_default()
    }

    /// Writes bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        let used = self.used + bytes.len();
        if used > self.room.len() {
            self.grow(used);
        }
        let (from, to) = (self.room.len() - used, self.room.len() - self.used);
        if let Some(place) = self.room.get_mut(from..to) {
            place.copy_from_slice(bytes);
        }
        self.used = used;
    }

    /// Makes room for so many bytes in all.
    #[cold]
    fn grow(&mut self, used: usize) {
        let mut room = vec![0; used.next_power_of_two().max(ROOM)];
        let filled = self.bytes_written();
        let from = room.len() - filled.len();
        if let Some(place) = room.get_mut(from..) {
            place.copy_from_slice(filled);
        }
        self.room = room;
    }

    /// Leaves a gap for so many bytes.
    pub fn gap(&mut self, len: u64) {
        self.gaps.push(Gap {
            used: self.used,
            len,
        });
        self.missing += len;
    }

    /// Begins an item, that is, writes its end. What follows is its payload, until [`end`](Self::end).
    pub fn begin(&mut self, kind: Kind) -> Mark {
        self.raw(&[kind.byte()]);
        Mark(self.len())
    }

    /// Ends an item, that is, writes its length.
    pub fn end(&mut self, mark: Mark) {
        self.raw(b":");
        self.digits(self.len() - 1 - mark.0);
    }

    fn digits(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            if let Some(digit) = digits.get_mut(at) {
                *digit = b'0' + (number % 10) as u8;
            }
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.raw(digits.get(at..).unwrap_or_default());
    }

    /// Writes an item with this payload.
    pub fn item(&mut self, kind: Kind, payload: &[u8]) {
        let mark = self.begin(kind);
        self.raw(payload);
        self.end(mark);
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.item(Kind::Bytes, bytes);
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.item(Kind::Str, text.as_bytes());
    }

    /// Writes an integer.
    pub fn int(&mut self, int: i64) {
        let mark = self.begin(Kind::Int);
        self.digits(int.unsigned_abs());
        if int < 0 {
            self.raw(b"-");
        }
        self.end(mark);
    }

    /// Writes a boolean.
    pub fn bool(&mut self, truth: bool) {
        self.raw(if truth { b"4:true!" } else { b"5:false!" });
    }

    /// Writes a null.
    pub fn null(&mut self) {
        self.raw(b"0:~");
    }

    /// Writes any value.
    ///
    /// A dict keeps the order that it has in a file.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Bool(truth) => self.bool(*truth),
            Value::Int(int) => self.int(*int),
            Value::Big(digits) => self.item(Kind::Int, digits.as_bytes()),
            Value::Float(float) => {
                self.item(Kind::Float, number::python_float(*float).as_bytes());
            }
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Str(text) => self.text(text),
            Value::List(list) => {
                let mark = self.begin(Kind::List);
                for value in list.iter().rev() {
                    self.value(value);
                }
                self.end(mark);
            }
            Value::Dict(dict) => {
                let mark = self.begin(Kind::Dict);
                for (key, of) in dict.iter().rev() {
                    self.value(of);
                    self.value(key);
                }
                self.end(mark);
            }
        }
    }
}
