//! The dynamic table (RFC 7541 §2.3.2): the newest fields, as lines, in a bounded piece of memory.

use std::collections::VecDeque;

/// What an entry counts beside its name and value, in bytes (RFC 7541 §4.1).
pub(super) const ENTRY_OVERHEAD: usize = 32;

/// The bytes of a line that are not of its name and value: colon, space, line ending.
pub(super) const LINE_OVERHEAD: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where the line begins, counted from the beginning of time.
    start: u64,
    line: u32,
    name: u32,
}

/// A table of at most `max` bytes. It takes less than twice that for lines, and less than one for entries.
#[derive(Debug)]
pub(super) struct Table {
    max: usize,
    size: usize,
    /// Oldest first.
    entries: VecDeque<Entry>,
    /// The lines of the entries, contiguous; before them lines that were forgotten.
    text: Vec<u8>,
    /// Where `text` begins.
    base: u64,
}

impl Table {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            size: 0,
            entries: VecDeque::new(),
            text: Vec::new(),
            base: 0,
        }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Sets the largest size; returns how many entries it cost.
    pub(super) fn set_max(&mut self, max: usize) -> usize {
        self.max = max;
        self.evict(max)
    }

    /// The entry that was added `age` entries ago: its line, and the length of its name.
    pub(super) fn get(&self, age: usize) -> Option<(&[u8], usize)> {
        let at = self.entries.len().checked_sub(age + 1)?;
        let entry = self.entries.get(at)?;
        let start = (entry.start - self.base) as usize;
        let line = self.text.get(start..start + entry.line as usize)?;
        Some((line, entry.name as usize))
    }

    /// Adds a line; returns how many entries it cost, itself excluded. One that is too large empties the table
    /// and is not added (RFC 7541 §4.4).
    pub(super) fn add(&mut self, line: &[u8], name: usize) -> usize {
        let size = line.len() - LINE_OVERHEAD + ENTRY_OVERHEAD;
        let Some(room) = self.max.checked_sub(size) else {
            return self.evict(0);
        };
        let evicted = self.evict(room);
        if self.text.len() + line.len() > 2 * self.max {
            self.compact();
        }
        self.entries.push_back(Entry {
            start: self.base + self.text.len() as u64,
            line: line.len() as u32,
            name: name as u32,
        });
        self.text.extend_from_slice(line);
        self.size += size;
        evicted
    }

    /// Forgets the oldest entries until `size` bytes are left.
    fn evict(&mut self, size: usize) -> usize {
        let before = self.entries.len();
        while self.size > size {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            self.size -= entry.line as usize - LINE_OVERHEAD + ENTRY_OVERHEAD;
        }
        before - self.entries.len()
    }

    /// Drops the lines that were forgotten. Each line is moved less than once on average, since half of the memory
    /// has been filled since the last time.
    fn compact(&mut self) {
        let end = self.base + self.text.len() as u64;
        let start = self.entries.front().map_or(end, |oldest| oldest.start);
        let forgotten = ((start - self.base) as usize).min(self.text.len());
        self.text.copy_within(forgotten.., 0);
        self.text.truncate(self.text.len() - forgotten);
        self.base = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_age_until_there_is_no_room() {
        let mut table = Table::new(100);
        assert_eq!(table.add(b"a: 1\r\n", 1), 0);
        assert_eq!(table.add(b"bb: 2\r\n", 2), 0);
        assert_eq!(table.get(0), Some((&b"bb: 2\r\n"[..], 2)));
        assert_eq!(table.get(1), Some((&b"a: 1\r\n"[..], 1)));
        assert_eq!(table.get(2), None);
        assert_eq!(table.get(usize::MAX - 1), None);
        assert_eq!(table.add(b"c: 3\r\n", 1), 1);
        assert_eq!((table.entries.len(), table.size), (2, 35 + 34));
        assert_eq!(table.set_max(34), 1);
        assert_eq!(table.get(0), Some((&b"c: 3\r\n"[..], 1)));
        assert_eq!(table.add(b"d: 34\r\n", 1), 1);
        assert_eq!((table.entries.len(), table.size), (0, 0));
    }

    #[test]
    fn memory_is_bounded_and_lines_stay_intact() {
        let mut table = Table::new(200);
        for n in 0..10_000 {
            let line = format!("name: {n}\r\n");
            table.add(line.as_bytes(), 4);
            assert!(table.text.len() <= 400 && table.size <= 200);
            for age in 0..table.entries.len() {
                let expected = format!("name: {}\r\n", n - age);
                assert_eq!(table.get(age), Some((expected.as_bytes(), 4)));
            }
        }
    }
}
