//! Capture files: blocks in, packets and secrets out.
//!
//! Lengths in a file are believed only as far as bytes follow: a buffer grows with what is read into it.

mod input;
mod pcap;
mod pcapng;

use std::io::Read;
use std::ops::Range;

use ratel_flow::Timestamp;

use crate::error::CaptureError;
use input::Source;

/// The largest packet that is taken, in bytes. Capture programs stop at 256 KiB.
pub(crate) const PACKET_MAX: u32 = 16 * 1024 * 1024;

/// A packet as it was captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) time: Timestamp,
    /// What its first bytes are (the registry of link types of libpcap).
    pub(crate) link: u16,
    /// What was kept of it.
    pub(crate) data: &'a [u8],
    /// What our own writer has remarked about it.
    pub(crate) comment: Option<&'a str>,
}

/// What a capture file is made of.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// Lines of an NSS key log.
    Secrets(&'a [u8]),
}

/// The same by places in the block.
enum Found {
    Packet {
        time: Timestamp,
        link: u16,
        data: Range<usize>,
        comment: Option<Range<usize>>,
    },
    Secrets(Range<usize>),
}

/// Whether a file that begins like this is a capture. Four bytes suffice; what is compressed has to be unpacked before.
#[must_use]
pub fn is_capture(start: &[u8]) -> bool {
    let Some(&magic) = start.first_chunk::<4>() else {
        return false;
    };
    pcap::Header::recognise(magic).is_some() || magic == pcapng::SECTION.to_be_bytes()
}

/// A capture file that is being read.
pub(crate) struct CaptureFile {
    source: Source,
    format: Format,
    block: Vec<u8>,
}

enum Format {
    Pcap(pcap::Header),
    Pcapng(pcapng::Section),
}

impl CaptureFile {
    /// Reads as far as the first header.
    pub(crate) fn open(read: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        let mut source = Source::open(Box::new(read))?;
        let mut block = Vec::new();
        if !source.exactly(4, &mut block)? {
            return Err(CaptureError::NotACapture);
        }
        let magic = block.first_chunk().copied().unwrap_or_default();
        let format = match pcap::Header::recognise(magic) {
            Some(header) => Format::Pcap(header.read(&mut source, &mut block)?),
            None if magic == pcapng::SECTION.to_be_bytes() => {
                Format::Pcapng(pcapng::Section::first(&mut source, &mut block)?)
            }
            None => return Err(CaptureError::NotACapture),
        };
        Ok(Self {
            source,
            format,
            block,
        })
    }

    /// Whether the format has a place for secrets.
    pub(crate) fn may_have_secrets(&self) -> bool {
        matches!(self.format, Format::Pcapng(_))
    }

    /// The next packet or key log; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Item<'_>>, CaptureError> {
        let found = match &mut self.format {
            Format::Pcap(header) => header.next(&mut self.source, &mut self.block)?,
            Format::Pcapng(section) => section.next(&mut self.source, &mut self.block)?,
        };
        let part = |range: Range<usize>| self.block.get(range).unwrap_or_default();
        Ok(found.map(|found| match found {
            Found::Secrets(range) => Item::Secrets(part(range)),
            Found::Packet {
                time,
                link,
                data,
                comment,
            } => Item::Packet(Packet {
                time,
                link,
                data: part(data),
                comment: comment.and_then(|range| std::str::from_utf8(part(range)).ok()),
            }),
        }))
    }
}

/// The order of bytes in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        })
    }

    fn i64(self, bytes: &[u8], at: usize) -> Option<i64> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Big => i64::from_be_bytes(bytes),
            Self::Little => i64::from_le_bytes(bytes),
        })
    }
}
