//! Header blocks to fields.

use bytes::{BufMut, Bytes, BytesMut};

use super::table::{ENTRY_OVERHEAD, LINE_OVERHEAD, Table};
use super::{HpackError, huffman, integer, static_table};
use crate::headers::{Field, Span};

/// How much larger than the limit a block may be, as a factor, before it is not followed any further. Decompressing
/// costs the peer nothing: a byte can stand for a field as large as the table.
const OVERSIZE: usize = 16;

/// Memory that is taken at once for what is decoded, in bytes. Heads share a piece, and use it again when they are
/// gone.
const PIECE: usize = 4 * 1024;

/// The largest piece of memory that is kept for decoding the next block, in bytes.
const KEEP_MAX: usize = 64 * 1024;

/// A header block, decoded.
#[derive(Debug, Default)]
pub struct Block {
    /// The fields as lines, in order.
    pub wire: Bytes,
    /// Where the fields lie that begin with a colon, if they were to be separated.
    pub pseudo: Vec<Field>,
    /// Where the other fields lie.
    pub fields: Vec<Field>,
    /// Whether one of `pseudo` came after one of `fields`.
    pub late_pseudo: bool,
    /// Whether it is larger than the limit, so that only the first fields are here.
    pub too_large: bool,
}

/// One direction of a connection, at its receiving end.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// The size that the peer may give the table.
    limit: u32,
    /// The table is larger than the limit: the next block must begin by changing that.
    must_shrink: bool,
    memory: BytesMut,
    /// How many fields the last block had.
    fields: usize,
}

impl Decoder {
    /// A decoder whose peer may use a table of `limit` bytes. It has 4096 at first, whatever the limit.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            table: Table::new(4096),
            limit: limit.max(4096),
            must_shrink: false,
            memory: BytesMut::new(),
            fields: 8,
        }
    }

    /// The peer has confirmed a limit. If its table is larger, its next block must begin by making it smaller.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
        self.must_shrink = self.table.max() > limit as usize;
    }

    /// Decodes a complete header block. Fields of up to `limit` bytes are kept, each counting its name, its value, and
    /// 32; beyond that, only the table is followed. `separate` keeps names with a colon apart.
    ///
    /// # Errors
    /// When the block can't be understood. The tables of both sides differ then, for good.
    pub fn decode(
        &mut self,
        block: &[u8],
        limit: usize,
        separate: bool,
    ) -> Result<Block, HpackError> {
        // What was decoded before and not kept.
        self.memory.clear();
        let expected = (block.len() * 3).clamp(1024, PIECE);
        if self.memory.capacity() < expected {
            self.memory.reserve(PIECE);
        }
        let mut sink = Sink {
            out: &mut self.memory,
            block: Block {
                pseudo: Vec::with_capacity(if separate { 4 } else { 0 }),
                fields: Vec::with_capacity(self.fields.min(block.len())),
                ..Block::default()
            },
            separate,
            size: 0,
            limit,
        };
        let mut rest = block;
        let mut first = true;
        while let Some((&byte, left)) = rest.split_first() {
            rest = left;
            if byte & 0xe0 == 0x20 {
                if !first {
                    return Err(HpackError::TableSizeLate);
                }
                let size = integer::decode(&mut rest, byte, 5)?;
                let limit = self.limit;
                if size > limit {
                    return Err(HpackError::TableSize { size, limit });
                }
                self.table.set_max(size as usize);
                self.must_shrink = false;
                continue;
            }
            if self.must_shrink {
                return Err(HpackError::TableSizeMissing);
            }
            first = false;
            sink.field(&mut rest, byte, &mut self.table)?;
        }
        let mut block = sink.block;
        self.fields = block.fields.len().clamp(4, 64);
        block.wire = self.memory.split().freeze();
        if self.memory.capacity() > KEEP_MAX {
            self.memory = BytesMut::new();
        }
        Ok(block)
    }
}

/// Where decoded fields go.
struct Sink<'a> {
    out: &'a mut BytesMut,
    block: Block,
    separate: bool,
    /// Size of all fields, counted as the limit is.
    size: usize,
    limit: usize,
}

impl Sink<'_> {
    /// Decodes the field that begins with `byte`.
    fn field(&mut self, rest: &mut &[u8], byte: u8, table: &mut Table) -> Result<(), HpackError> {
        if byte & 0x80 != 0 {
            let index = integer::decode(rest, byte, 7)?;
            let (line, name) = entry(table, index)?;
            let start = self.out.len();
            if self.fits(line.len())? {
                self.out.put_slice(line);
                self.add(start, name, false);
            }
            return Ok(());
        }
        let (bits, indexed) = if byte & 0x40 != 0 {
            (6, true)
        } else {
            (4, false)
        };
        let start = self.out.len();
        let index = integer::decode(rest, byte, bits)?;
        let name = if index == 0 {
            string(rest, self.out)?;
            self.out.put_slice(b": ");
            self.out.len() - start - 2
        } else {
            let (line, name) = entry(table, index)?;
            self.out.put_slice(line.get(..name + 2).unwrap_or_default());
            name
        };
        string(rest, self.out)?;
        self.out.put_slice(b"\r\n");
        let line = self.out.get(start..).unwrap_or_default();
        if indexed {
            table.add(line, name);
        }
        if self.fits(line.len())? {
            let never = !indexed && byte & 0x10 != 0;
            self.add(start, name, never);
        } else {
            self.out.truncate(start);
        }
        Ok(())
    }

    /// Counts a line; whether it is to be kept.
    fn fits(&mut self, line: usize) -> Result<bool, HpackError> {
        self.size += line - LINE_OVERHEAD + ENTRY_OVERHEAD;
        self.block.too_large |= self.size > self.limit;
        let limit = self.limit.saturating_mul(OVERSIZE);
        if self.size > limit {
            return Err(HpackError::TooLarge { limit });
        }
        Ok(!self.block.too_large)
    }

    /// Adds the field whose line was written from `start` on.
    fn add(&mut self, start: usize, name: usize, never_indexed: bool) {
        let end = self.out.len();
        let field = Field {
            line: Span::new(start, end),
            name: Span::new(start, start + name),
            value: Span::new(start + name + 2, end - 2),
            never_indexed,
        };
        let block = &mut self.block;
        if self.separate && self.out.get(start) == Some(&b':') && name > 0 {
            block.late_pseudo |= !block.fields.is_empty();
            block.pseudo.push(field);
        } else {
            block.fields.push(field);
        }
    }
}

/// The line that an index stands for, and the length of its name.
fn entry(table: &Table, index: u32) -> Result<(&[u8], usize), HpackError> {
    let found = match (index as usize).checked_sub(static_table::LEN + 1) {
        None => static_table::line(index),
        Some(age) => table.get(age),
    };
    found.ok_or(HpackError::Index(index))
}

/// Decodes a string (RFC 7541 §5.2) and appends it.
fn string(rest: &mut &[u8], out: &mut BytesMut) -> Result<(), HpackError> {
    let (&first, left) = rest.split_first().ok_or(HpackError::Truncated)?;
    *rest = left;
    let len = integer::decode(rest, first, 7)? as usize;
    let (text, left) = rest.split_at_checked(len).ok_or(HpackError::Truncated)?;
    *rest = left;
    if first & 0x80 != 0 {
        return huffman::decode(text, out);
    }
    out.put_slice(text);
    Ok(())
}
