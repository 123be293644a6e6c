//! The old format of libpcap: a header, and packets one after the other.

use ratel_flow::Timestamp;

use super::input::Source;
use super::{CaptureError, Found, Order, PACKET_MAX};

/// The magic number of files with microseconds.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
/// The magic number of files with nanoseconds.
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Bytes of the file header after the magic number.
const HEADER: u32 = 20;
/// Bytes before each packet.
const RECORD: u32 = 16;

/// What the beginning of the file says about the rest.
pub(super) struct Header {
    order: Order,
    /// Nanoseconds in a unit of the fraction.
    unit: u64,
    link: u16,
}

impl Header {
    /// Whether a file that begins with this is of the format.
    pub(super) fn recognise(magic: [u8; 4]) -> Option<Self> {
        let known = |order, number| {
            let unit = match number {
                MICROSECONDS => 1000,
                NANOSECONDS => 1,
                _ => return None,
            };
            Some(Self {
                order,
                unit,
                link: 0,
            })
        };
        known(Order::Big, u32::from_be_bytes(magic))
            .or_else(|| known(Order::Little, u32::from_le_bytes(magic)))
    }

    /// Reads the rest of the header.
    pub(super) fn read(
        self,
        source: &mut Source,
        block: &mut Vec<u8>,
    ) -> Result<Self, CaptureError> {
        block.clear();
        source.rest(HEADER, block)?;
        // The upper half says how long the checksums of frames are.
        let link = self.order.u32(block, 16).unwrap_or_default() as u16;
        Ok(Self { link, ..self })
    }

    /// The next packet.
    pub(super) fn next(
        &self,
        source: &mut Source,
        block: &mut Vec<u8>,
    ) -> Result<Option<Found>, CaptureError> {
        let at = source.at();
        if !source.exactly(RECORD, block)? {
            return Ok(None);
        }
        let number = |at| self.order.u32(block, at).unwrap_or_default();
        let (seconds, fraction, len) = (number(0), number(4), number(8));
        if len > PACKET_MAX {
            let what = "a packet claims to have more than 16 MiB";
            return Err(CaptureError::Damaged { at, what });
        }
        block.clear();
        source.rest(len, block)?;
        let nanoseconds = u64::from(fraction) * self.unit;
        Ok(Some(Found::Packet {
            time: Timestamp(u64::from(seconds) * 1_000_000_000 + nanoseconds),
            link: self.link,
            data: 0..block.len(),
            comment: None,
        }))
    }
}
