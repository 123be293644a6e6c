//! pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packets, secrets.

use std::ops::Range;

use ratel_flow::Timestamp;

use super::input::Source;
use super::{CaptureError, Found, Order, PACKET_MAX};
use crate::write::INTERFACE;

/// The type of the block that begins a section; it reads the same in both orders of bytes.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
/// What tells the order of bytes.
const ORDER: u32 = 0x1a2b_3c4d;

/// Types of blocks.
mod kind {
    pub(super) const INTERFACE: u32 = 1;
    /// Obsolete.
    pub(super) const PACKET: u32 = 2;
    pub(super) const SIMPLE_PACKET: u32 = 3;
    pub(super) const ENHANCED_PACKET: u32 = 6;
    pub(super) const SECRETS: u32 = 10;
}

/// Types of options.
mod option {
    pub(super) const END: u16 = 0;
    pub(super) const COMMENT: u16 = 1;
    pub(super) const NAME: u16 = 2;
    pub(super) const RESOLUTION: u16 = 9;
    pub(super) const OFFSET: u16 = 14;
}

/// The type of secrets that are an NSS key log.
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// The largest block that is looked into, in bytes; more than a packet and its options need.
const BLOCK_MAX: u32 = PACKET_MAX + 64 * 1024;
/// Interfaces that a section may have; a packet names its own by 16 bits or more.
const INTERFACES_MAX: usize = 64 * 1024;

/// A section: its order of bytes, and the interfaces described so far.
pub(super) struct Section {
    order: Order,
    interfaces: Vec<Interface>,
    /// When the last packet was seen: a simple packet has no time.
    last: Timestamp,
}

struct Interface {
    link: u16,
    /// The most bytes that are kept of a packet; 0 is no limit.
    snap: u32,
    resolution: u8,
    /// Seconds to add to every time.
    offset: i64,
    /// Its packets are those of our own writer, whose comments mean something.
    rebuilt: bool,
}

impl Section {
    /// The first section, of which the type of the block was read.
    pub(super) fn first(source: &mut Source, block: &mut Vec<u8>) -> Result<Self, CaptureError> {
        let mut section = Self {
            order: Order::Big,
            interfaces: Vec::new(),
            last: Timestamp::default(),
        };
        section.begin(source, block)?;
        Ok(section)
    }

    /// Reads the rest of the block that begins a section.
    fn begin(&mut self, source: &mut Source, block: &mut Vec<u8>) -> Result<(), CaptureError> {
        let at = source.at().saturating_sub(4);
        let damaged = |what| CaptureError::Damaged { at, what };
        block.clear();
        source.rest(8, block)?;
        self.order = match (Order::Big.u32(block, 4), Order::Little.u32(block, 4)) {
            (Some(ORDER), _) => Order::Big,
            (_, Some(ORDER)) => Order::Little,
            _ => {
                return Err(damaged(
                    "a section does not say in which order its bytes are",
                ));
            }
        };
        let len = self.order.u32(block, 0).unwrap_or_default();
        // Both lengths, type, order, version, length of the section.
        if len < 28 || !len.is_multiple_of(4) {
            return Err(damaged("a section header is too short"));
        }
        block.clear();
        source.rest(4, block)?;
        if self.order.u16(block, 0) != Some(1) {
            return Err(damaged("a section has a version other than 1"));
        }
        source.skip(len - 16)?;
        self.interfaces.clear();
        Ok(())
    }

    /// The next packet or secrets.
    pub(super) fn next(
        &mut self,
        source: &mut Source,
        block: &mut Vec<u8>,
    ) -> Result<Option<Found>, CaptureError> {
        loop {
            let at = source.at();
            let damaged = |what| CaptureError::Damaged { at, what };
            if !source.exactly(4, block)? {
                return Ok(None);
            }
            if Order::Big.u32(block, 0) == Some(SECTION) {
                self.begin(source, block)?;
                continue;
            }
            let kind = self.order.u32(block, 0).unwrap_or_default();
            block.clear();
            source.rest(4, block)?;
            let len = self.order.u32(block, 0).unwrap_or_default();
            if len < 12 || !len.is_multiple_of(4) {
                return Err(damaged("a block has a length that cannot be"));
            }
            let wanted = matches!(
                kind,
                kind::INTERFACE
                    | kind::PACKET
                    | kind::SIMPLE_PACKET
                    | kind::ENHANCED_PACKET
                    | kind::SECRETS
            );
            if !wanted {
                source.skip(len - 8)?;
                continue;
            }
            if len > BLOCK_MAX {
                return Err(damaged("a block claims to have more than 16 MiB"));
            }
            block.clear();
            source.rest(len - 8, block)?;
            if self.order.u32(block, len as usize - 12) != Some(len) {
                return Err(damaged("the two lengths of a block differ"));
            }
            block.truncate(len as usize - 12);
            if let Some(found) = self.understand(kind, block).map_err(damaged)? {
                return Ok(Some(found));
            }
        }
    }

    fn understand(&mut self, kind: u32, block: &[u8]) -> Result<Option<Found>, &'static str> {
        let order = self.order;
        let half = |at| order.u16(block, at).ok_or("a block is too short");
        let word = |at| order.u32(block, at).ok_or("a block is too short");
        match kind {
            kind::INTERFACE => self.interface(block).map(|()| None),
            kind::ENHANCED_PACKET => {
                let time = u64::from(word(4)?) << 32 | u64::from(word(8)?);
                self.packet(block, word(0)?, Some(time), 20, word(12)?)
            }
            kind::PACKET => {
                let time = u64::from(word(4)?) << 32 | u64::from(word(8)?);
                self.packet(block, half(0)?.into(), Some(time), 20, word(12)?)
            }
            kind::SIMPLE_PACKET => {
                let snap = self
                    .interfaces
                    .first()
                    .map_or(0, |interface| interface.snap);
                let here = u32::try_from(block.len())
                    .unwrap_or_default()
                    .saturating_sub(4);
                let len = word(0)?.min(here);
                let len = if snap > 0 { len.min(snap) } else { len };
                self.packet(block, 0, None, 4, len)
            }
            kind::SECRETS if word(0)? == TLS_KEY_LOG => {
                let secrets = range(8, word(4)?, block).ok_or("secrets are cut off")?;
                Ok(Some(Found::Secrets(secrets)))
            }
            _ => Ok(None),
        }
    }

    fn interface(&mut self, block: &[u8]) -> Result<(), &'static str> {
        let order = self.order;
        if self.interfaces.len() >= INTERFACES_MAX {
            return Err("a section has more than 65536 interfaces");
        }
        let mut interface = Interface {
            link: order.u16(block, 0).ok_or("a block is too short")?,
            snap: order.u32(block, 4).ok_or("a block is too short")?,
            resolution: 6,
            offset: 0,
            rebuilt: false,
        };
        for (kind, value) in options(order, block, 8) {
            let value = block.get(value).unwrap_or_default();
            match kind {
                option::RESOLUTION => {
                    interface.resolution = value.first().copied().unwrap_or(6);
                }
                option::NAME => interface.rebuilt = value == INTERFACE.as_bytes(),
                option::OFFSET => interface.offset = order.i64(value, 0).unwrap_or(0),
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// A packet of `len` bytes from `start` on.
    fn packet(
        &mut self,
        block: &[u8],
        interface: u32,
        time: Option<u64>,
        start: usize,
        len: u32,
    ) -> Result<Option<Found>, &'static str> {
        let interface = usize::try_from(interface)
            .ok()
            .and_then(|interface| self.interfaces.get(interface))
            .ok_or("a packet names an interface that is not described")?;
        let data = range(start, len, block).ok_or("a packet is longer than its block")?;
        if let Some(time) = time {
            self.last = interface.time(time);
        }
        let after = data.end.next_multiple_of(4);
        let mut options = options(self.order, block, after);
        let wanted = time.is_some() && interface.rebuilt;
        let comment = options.find(|(kind, _)| wanted && *kind == option::COMMENT);
        Ok(Some(Found::Packet {
            time: self.last,
            link: interface.link,
            data,
            comment: comment.map(|(_, range)| range),
        }))
    }
}

impl Interface {
    /// A number of units of this interface as a time.
    fn time(&self, units: u64) -> Timestamp {
        const SECOND: u128 = 1_000_000_000;
        let units = u128::from(units);
        let power = u32::from(self.resolution & 0x7f);
        let nanoseconds = if self.resolution & 0x80 != 0 {
            (units * SECOND) >> power
        } else if power <= 9 {
            units * 10_u128.pow(9 - power)
        } else {
            10_u128
                .checked_pow(power - 9)
                .map_or(0, |unit| units / unit)
        };
        // A time before 1970 or after 2554 is none.
        let moved = i128::try_from(nanoseconds)
            .unwrap_or(i128::MAX)
            .saturating_add(i128::from(self.offset) * SECOND as i128);
        Timestamp(u64::try_from(moved.max(0)).unwrap_or(u64::MAX))
    }
}

/// `len` bytes from `start` on, if the block has them.
fn range(start: usize, len: u32, block: &[u8]) -> Option<Range<usize>> {
    let end = start.checked_add(len as usize)?;
    (end <= block.len()).then_some(start..end)
}

/// The options from `at` on: types, and where their values lie. What is broken ends them.
fn options(
    order: Order,
    block: &[u8],
    mut at: usize,
) -> impl Iterator<Item = (u16, Range<usize>)> + '_ {
    std::iter::from_fn(move || {
        let kind = order.u16(block, at)?;
        let len = order.u16(block, at + 2)?;
        let value = range(at + 4, len.into(), block)?;
        at = value.end.next_multiple_of(4);
        (kind != option::END).then_some((kind, value))
    })
}
