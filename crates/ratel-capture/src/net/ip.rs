//! IP packets, version 4 (RFC 791) and 6 (RFC 8200).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{u16_at, u32_at};

/// Numbers of protocols.
pub(crate) mod protocol {
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(super) const IPV4: u8 = 4;
    pub(super) const IPV6: u8 = 41;
}

/// Headers between that of IPv6 and its payload, and packets within packets, that one packet may have.
const NESTING_MAX: usize = 16;

/// A packet, or one of the fragments of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    /// What is there of it.
    pub(crate) payload: &'a [u8],
    /// What its sender sent.
    pub(crate) len: usize,
    pub(crate) fragment: Option<Fragment>,
}

/// The part that a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Tells the packets of a sender apart.
    pub(crate) id: u32,
    /// Where it begins, in bytes.
    pub(crate) offset: usize,
    /// Whether others follow.
    pub(crate) more: bool,
}

/// Reads a packet; none when its header is not all there, or is none. Packets in packets (RFC 2003, RFC 4213) are
/// unpacked.
pub(crate) fn parse(mut packet: &[u8]) -> Option<Packet<'_>> {
    for _ in 0..NESTING_MAX {
        let parsed = match packet.first()? >> 4 {
            4 => v4(packet)?,
            6 => v6(packet)?,
            _ => return None,
        };
        let inside = matches!(parsed.protocol, protocol::IPV4 | protocol::IPV6);
        if !inside || parsed.fragment.is_some() {
            return Some(parsed);
        }
        packet = parsed.payload;
    }
    None
}

fn v4(packet: &[u8]) -> Option<Packet<'_>> {
    let header = usize::from(packet.first()? & 0xf) * 4;
    let address = |at| Some(IpAddr::V4(Ipv4Addr::from_bits(u32_at(packet, at)?)));
    let total = match usize::from(u16_at(packet, 2)?) {
        // A packet that the network card will cut into pieces has no length.
        0 => packet.len(),
        total => total,
    };
    let len = total.checked_sub(header).filter(|_| header >= 20)?;
    let rest = packet.get(header..)?;
    let flags = u16_at(packet, 6)?;
    let fragment = Fragment {
        id: u16_at(packet, 4)?.into(),
        offset: usize::from(flags & 0x1fff) * 8,
        more: flags & 0x2000 != 0,
    };
    Some(Packet {
        source: address(12)?,
        destination: address(16)?,
        protocol: *packet.get(9)?,
        // What follows is padding of the link layer.
        payload: rest.get(..len).unwrap_or(rest),
        len,
        fragment: (fragment.more || fragment.offset > 0).then_some(fragment),
    })
}

fn v6(packet: &[u8]) -> Option<Packet<'_>> {
    let address = |at: usize| {
        let bytes = packet.get(at..)?.first_chunk::<16>()?;
        Some(IpAddr::V6(Ipv6Addr::from(*bytes)))
    };
    let rest = packet.get(40..)?;
    let mut len = match usize::from(u16_at(packet, 4)?) {
        0 => rest.len(),
        len => len,
    };
    let mut payload = rest.get(..len).unwrap_or(rest);
    let mut next = *packet.get(6)?;
    let mut fragment = None;
    for _ in 0..NESTING_MAX {
        let header = match next {
            // Options for hops, routing, options for the destination, mobility, host identity, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => (usize::from(*payload.get(1)?) + 1) * 8,
            // Authentication (RFC 4302 §2.2).
            51 => (usize::from(*payload.get(1)?) + 2) * 4,
            44 => {
                let flags = u16_at(payload, 2)?;
                fragment = Some(Fragment {
                    id: u32_at(payload, 4)?,
                    offset: usize::from(flags & 0xfff8),
                    more: flags & 1 != 0,
                });
                8
            }
            _ => break,
        };
        next = *payload.first()?;
        payload = payload.get(header..)?;
        len = len.checked_sub(header)?;
        // The headers that follow in later fragments are part of what is put together.
        if fragment.is_some_and(|fragment: Fragment| fragment.more || fragment.offset > 0) {
            break;
        }
    }
    Some(Packet {
        source: address(8)?,
        destination: address(24)?,
        protocol: next,
        payload,
        len,
        fragment: fragment.filter(|fragment| fragment.more || fragment.offset > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4_packet(flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x46, 0];
        packet.extend((24 + payload.len() as u16).to_be_bytes());
        packet.extend(7_u16.to_be_bytes());
        packet.extend(flags.to_be_bytes());
        packet.extend([64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 1]);
        packet.extend(payload);
        packet
    }

    fn v6_packet(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((payload.len() as u16).to_be_bytes());
        packet.extend([next, 64]);
        packet.extend(Ipv6Addr::LOCALHOST.octets());
        packet.extend(Ipv6Addr::LOCALHOST.octets());
        packet.extend(payload);
        packet
    }

    #[test]
    fn padding_is_left_out_and_cuts_are_seen() {
        let mut packet = v4_packet(0x4000, b"abc");
        packet.extend([0; 9]);
        let parsed = parse(&packet).unwrap();
        assert_eq!((parsed.payload, parsed.len), (&b"abc"[..], 3));
        assert_eq!(parsed.source.to_string(), "10.0.0.1");
        assert_eq!(parsed.fragment, None);
        let cut = parse(&packet[..26]).unwrap();
        assert_eq!((cut.payload, cut.len), (&b"ab"[..], 3));
        for len in 0..24 {
            assert_eq!(parse(&packet[..len]), None, "{len}");
        }
        assert_eq!(
            parse(&[0x41; 40]),
            None,
            "a header shorter than headers are"
        );
        packet[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(parse(&packet).unwrap().len, 12);
    }

    #[test]
    fn fragments_are_told() {
        let packet = v4_packet(0x2001, b"abc");
        let fragment = parse(&packet).unwrap().fragment.unwrap();
        assert_eq!(
            fragment,
            Fragment {
                id: 7,
                offset: 8,
                more: true
            }
        );
        let packet = v6_packet(44, b"\x06\0\0\x11\0\0\0\x09rest");
        let parsed = parse(&packet).unwrap();
        let expected = Fragment {
            id: 9,
            offset: 16,
            more: true,
        };
        assert_eq!(
            (parsed.payload, parsed.fragment),
            (&b"rest"[..], Some(expected))
        );
        // The only one (RFC 6946).
        let packet = v6_packet(44, b"\x06\0\0\0\0\0\0\x09rest");
        assert_eq!(parse(&packet).unwrap().fragment, None);
    }

    #[test]
    fn headers_of_ipv6_and_packets_in_packets_are_passed_over() {
        let packet = v6_packet(0, b"\x3c\0......\x06\x01..............tcp");
        let parsed = parse(&packet).unwrap();
        assert_eq!(
            (parsed.protocol, parsed.payload, parsed.len),
            (6, &b"tcp"[..], 3)
        );
        let inner = v4_packet(0, b"abc");
        let packet = v6_packet(4, &inner);
        assert_eq!(parse(&packet).unwrap().payload, b"abc");
        let mut nested = inner;
        for _ in 0..20 {
            nested = v6_packet(4, &nested);
        }
        assert_eq!(parse(&nested), None);
        assert_eq!(parse(&v6_packet(0, b"\x06\xff")), None);
    }
}
