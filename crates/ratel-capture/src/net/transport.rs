//! The headers of TCP (RFC 9293 §3.1) and UDP (RFC 768).

use super::{u16_at, u32_at};

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) source: u16,
    pub(crate) destination: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: Option<u32>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) reset: bool,
    pub(crate) push: bool,
    /// What is there of the payload.
    pub(crate) payload: &'a [u8],
    /// Bytes of the payload that were not kept.
    pub(crate) missing: usize,
}

/// Reads a segment of which `len` bytes were sent and `packet` is there.
pub(crate) fn tcp(packet: &[u8], len: usize) -> Option<Segment<'_>> {
    let header = usize::from(packet.get(12)? >> 4) * 4;
    let flags = *packet.get(13)?;
    let payload = len.checked_sub(header).filter(|_| header >= 20)?;
    // The options may be cut off, with everything after them.
    let here = packet.get(header..).unwrap_or_default();
    Some(Segment {
        source: u16_at(packet, 0)?,
        destination: u16_at(packet, 2)?,
        sequence: u32_at(packet, 4)?,
        acknowledged: (flags & 0x10 != 0).then_some(u32_at(packet, 8)?),
        fin: flags & 0x01 != 0,
        syn: flags & 0x02 != 0,
        reset: flags & 0x04 != 0,
        push: flags & 0x08 != 0,
        payload: here,
        missing: payload.saturating_sub(here.len()),
    })
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) source: u16,
    pub(crate) destination: u16,
    /// What is there of the payload.
    pub(crate) payload: &'a [u8],
    /// Bytes of the payload that were not kept.
    pub(crate) missing: usize,
}

/// Reads a datagram.
pub(crate) fn udp(packet: &[u8], len: usize) -> Option<Datagram<'_>> {
    let announced = match usize::from(u16_at(packet, 4)?) {
        // Larger than the field has room for (RFC 2675 §4), or cut into pieces by the network card.
        0 => len,
        announced => announced.min(len),
    };
    let payload = announced.checked_sub(8)?;
    let here = packet.get(8..)?;
    let here = here.get(..payload).unwrap_or(here);
    Some(Datagram {
        source: u16_at(packet, 0)?,
        destination: u16_at(packet, 2)?,
        payload: here,
        missing: payload - here.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_read() {
        let mut packet = vec![
            0, 80, 1, 0, 0, 0, 0, 9, 0, 0, 0, 7, 0x60, 0x19, 0, 0, 0, 0, 0, 0,
        ];
        packet.extend([1, 1, 1, 0]);
        packet.extend(b"hello");
        let segment = tcp(&packet, packet.len()).unwrap();
        assert_eq!((segment.source, segment.destination), (80, 256));
        assert_eq!((segment.sequence, segment.acknowledged), (9, Some(7)));
        assert!(segment.fin && segment.push && !segment.syn && !segment.reset);
        assert_eq!((segment.payload, segment.missing), (&b"hello"[..], 0));
        let cut = tcp(&packet[..26], packet.len()).unwrap();
        assert_eq!((cut.payload, cut.missing), (&b"he"[..], 3));
        let cut = tcp(&packet[..20], packet.len()).unwrap();
        assert_eq!((cut.payload, cut.missing), (&b""[..], 5));
        assert_eq!(tcp(&packet[..13], packet.len()), None);
        assert_eq!(tcp(&packet, 23), None, "no room for its options");
    }

    #[test]
    fn datagrams_are_read() {
        let packet = b"\0\x35\x10\0\0\x0b\0\0abc padding";
        let datagram = udp(packet, packet.len()).unwrap();
        assert_eq!((datagram.payload, datagram.missing), (&b"abc"[..], 0));
        let cut = udp(&packet[..9], 40).unwrap();
        assert_eq!((cut.payload, cut.missing), (&b"a"[..], 2));
        assert_eq!(udp(b"\0\x35\x10\0\0\x07\0\0abc", 11), None);
        assert_eq!(udp(b"\0\x35\x10\0\0\0\0\0abc", 11).unwrap().payload, b"abc");
    }
}
