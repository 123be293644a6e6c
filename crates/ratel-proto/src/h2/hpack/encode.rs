//! Fields to header blocks.

use std::collections::VecDeque;

use bytes::{BufMut, BytesMut};

use super::static_table::{self, Policy};
use super::table::{ENTRY_OVERHEAD, Table};
use super::{huffman, integer};
use crate::headers::FieldRef;

/// The largest table that is used, in bytes, even if the peer allows more.
const TABLE_MAX: usize = 4096;

/// Number of hash buckets; a table has at most 128 entries.
const BUCKETS: usize = 64;

/// Cookies that are shorter than this, in bytes, can be guessed with the help of the table (RFC 7541 §7.1.3).
const SHORT_COOKIE: usize = 20;

/// How often in a row the value of a field may be one that the table does not have before it is no longer added.
const CHURN_MAX: u8 = 4;

/// Of a field that is not added because of its changing values, every so often one is, in case that it has settled.
const CHURN_PROBE: u8 = 32;

/// One direction of a connection, at its sending end.
#[derive(Debug)]
pub struct Encoder {
    table: Table,
    /// For each entry of the table, in the same order.
    links: VecDeque<Link>,
    /// The number of the oldest entry; numbers begin with 1 and are never used again.
    oldest: u64,
    by_field: Buckets,
    by_name: Buckets,
    /// By hash of the name: how often the value was not in the table.
    churn: [u8; BUCKETS],
    /// Table sizes that the peer must be told: the smallest since the last block, and the last one.
    resize: Option<(usize, usize)>,
    line: Vec<u8>,
}

/// For each bucket, the number of the newest entry in it; 0 is none.
type Buckets = [u64; BUCKETS];

/// An entry's place in its two buckets. Chains lead to ever older entries and end at one that is no more.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// The hash of name and value.
    hash: u32,
    older_field: u64,
    older_name: u64,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder with a table of 4096 bytes, which every peer has at first.
    #[must_use]
    pub fn new() -> Self {
        Self {
            table: Table::new(TABLE_MAX),
            links: VecDeque::new(),
            oldest: 1,
            by_field: [0; BUCKETS],
            by_name: [0; BUCKETS],
            churn: [0; BUCKETS],
            resize: None,
            line: Vec::new(),
        }
    }

    /// The peer allows a table of so many bytes.
    pub fn set_limit(&mut self, limit: u32) {
        let size = (limit as usize).min(TABLE_MAX);
        let smallest = match self.resize {
            Some((smallest, _)) => smallest.min(size),
            None if size == self.table.max() => return,
            None => size,
        };
        self.resize = Some((smallest, size));
    }

    /// Begins a header block.
    pub fn begin(&mut self, out: &mut BytesMut) {
        let Some((smallest, last)) = self.resize.take() else {
            return;
        };
        // RFC 7541 §4.2: the smallest one must be seen, since it drove entries out.
        let only = smallest == last;
        for size in [smallest, last].into_iter().skip(only.into()) {
            integer::encode(out, 0x20, 5, size);
            let evicted = self.table.set_max(size);
            self.forget(evicted);
        }
    }

    /// Appends a field to the block.
    pub fn field(&mut self, out: &mut BytesMut, field: FieldRef<'_>) {
        let FieldRef { name, value, .. } = field;
        let known = static_table::find(name);
        let policy = match known.map_or(Policy::Index, |known| known.policy) {
            _ if field.never_indexed => Policy::Never,
            Policy::NeverShort if value.len() < SHORT_COOKIE => Policy::Never,
            Policy::NeverShort => Policy::Index,
            other => other,
        };
        let index = known.map_or(0, |known| usize::from(known.index));
        if policy == Policy::Never {
            let index = self.name_index(index, name, hash_name(name));
            return literal(out, 0x10, 4, index, name, value, false);
        }
        if let Some(known) = known
            && let Some(index) = static_table::find_value(known, value)
        {
            return integer::encode(out, 0x80, 7, index.into());
        }
        if policy == Policy::Skip
            || name.len() + value.len() + ENTRY_OVERHEAD > self.table.max() / 2
        {
            let index = self.name_index(index, name, hash_name(name));
            return literal(out, 0, 4, index, name, value, false);
        }
        let name_hash = hash_name(name);
        let hash = hash_field(name_hash, value);
        if let Some(index) = self.find(name, value, hash) {
            if let Some(churn) = self.churned(name_hash) {
                *churn = 0;
            }
            return integer::encode(out, 0x80, 7, index);
        }
        let index = self.name_index(index, name, name_hash);
        let settled = self.churned(name_hash).is_none_or(|churn| {
            *churn += 1;
            // Counting goes on from the limit, up to the next probe.
            let probe = *churn >= CHURN_MAX + CHURN_PROBE;
            if probe {
                *churn = CHURN_MAX;
            }
            *churn <= CHURN_MAX
        });
        if !settled {
            return literal(out, 0, 4, index, name, value, false);
        }
        // It costs time once and saves bytes once; fields that are not added would pay each time.
        literal(out, 0x40, 6, index, name, value, true);
        self.add(name, value, hash, name_hash);
    }

    /// The index of an entry with this name, given the one of the static table (0 is none).
    fn name_index(&self, known: usize, name: &[u8], name_hash: u32) -> usize {
        if known > 0 {
            return known;
        }
        let mut number = self.by_name.get(bucket(name_hash)).copied().unwrap_or(0);
        while let Some((link, line, len)) = self.entry(number) {
            if line.get(..len) == Some(name) {
                return self.index(number);
            }
            number = link.older_name;
        }
        0
    }

    /// The index of the entry of the dynamic table with this name and value.
    fn find(&self, name: &[u8], value: &[u8], hash: u32) -> Option<usize> {
        let mut number = self.by_field.get(bucket(hash)).copied()?;
        while let Some((link, line, len)) = self.entry(number) {
            let same = || {
                let (found, rest) = line.split_at_checked(len)?;
                Some(found == name && rest.get(2..rest.len() - 2)? == value)
            };
            if link.hash == hash && same() == Some(true) {
                return Some(self.index(number));
            }
            number = link.older_field;
        }
        None
    }

    /// The entry with this number, if it is still there.
    fn entry(&self, number: u64) -> Option<(&Link, &[u8], usize)> {
        let at = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
        let link = self.links.get(at)?;
        let (line, name) = self.table.get(self.links.len() - 1 - at)?;
        Some((link, line, name))
    }

    fn index(&self, number: u64) -> usize {
        static_table::LEN + self.links.len() - (number - self.oldest) as usize
    }

    fn add(&mut self, name: &[u8], value: &[u8], hash: u32, name_hash: u32) {
        self.line.clear();
        for part in [name, b": ", value, b"\r\n"] {
            self.line.extend_from_slice(part);
        }
        let evicted = self.table.add(&self.line, name.len());
        self.forget(evicted);
        let number = self.oldest + self.links.len() as u64;
        let swap = |buckets: &mut Buckets, hash| {
            let newest = buckets.get_mut(bucket(hash));
            newest.map_or(0, |newest| std::mem::replace(newest, number))
        };
        let link = Link {
            hash,
            older_field: swap(&mut self.by_field, hash),
            older_name: swap(&mut self.by_name, name_hash),
        };
        self.links.push_back(link);
    }

    /// The oldest entries have left the table.
    fn forget(&mut self, count: usize) {
        self.links.drain(..count.min(self.links.len()));
        self.oldest += count as u64;
    }

    fn churned(&mut self, name_hash: u32) -> Option<&mut u8> {
        self.churn.get_mut(bucket(name_hash))
    }
}

/// Appends a field that is spelled out, but for its name if that has an index. `dense`: it may be Huffman-coded.
fn literal(
    out: &mut BytesMut,
    pattern: u8,
    bits: u32,
    index: usize,
    name: &[u8],
    value: &[u8],
    dense: bool,
) {
    integer::encode(out, pattern, bits, index);
    if index == 0 {
        string(out, name, dense);
    }
    string(out, value, dense);
}

fn string(out: &mut BytesMut, text: &[u8], dense: bool) {
    if dense {
        let len = huffman::encoded_len(text);
        if len < text.len() {
            integer::encode(out, 0x80, 7, len);
            huffman::encode(text, out);
            return;
        }
    }
    integer::encode(out, 0, 7, text.len());
    out.put_slice(text);
}

fn bucket(hash: u32) -> usize {
    hash as usize % BUCKETS
}

/// A hash of the length and both ends: enough to tell fields apart that occur together. Whoever makes
/// collisions on purpose makes us compare at most the 128 fields of a table.
fn hash_name(name: &[u8]) -> u32 {
    mix(0, ends(name) ^ (name.len() as u64) << 56)
}

fn hash_field(name_hash: u32, value: &[u8]) -> u32 {
    mix(name_hash, ends(value) ^ (value.len() as u64) << 48)
}

/// The first and the last bytes, as a number.
fn ends(text: &[u8]) -> u64 {
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29)
        }
        _ => text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

fn mix(seed: u32, number: u64) -> u32 {
    let product = (number ^ u64::from(seed) << 17).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (product >> 32) as u32 ^ (product >> 13) as u32
}
