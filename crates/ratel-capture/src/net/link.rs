//! Link layers: where in a frame the IP packet begins.

use super::{u16_at, u32_at};

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried<'a> {
    /// An IP packet, of which version says its first byte.
    Ip(&'a [u8]),
    /// Something else, or too little of it.
    Other,
    /// The link type is not known.
    UnknownLink,
}

/// The numbers of link types (<https://www.tcpdump.org/linktypes.html>).
mod types {
    pub(super) const NULL: u16 = 0;
    pub(super) const ETHERNET: u16 = 1;
    pub(super) const PPP: u16 = 9;
    /// What some systems write for RAW.
    pub(super) const RAW_BSD: u16 = 12;
    pub(super) const RAW_OPENBSD: u16 = 14;
    pub(super) const RAW: u16 = 101;
    pub(super) const LOOP: u16 = 108;
    pub(super) const LINUX_SLL: u16 = 113;
    pub(super) const IPV4: u16 = 228;
    pub(super) const IPV6: u16 = 229;
    pub(super) const LINUX_SLL2: u16 = 276;
}

/// Types in the header of Ethernet.
mod ethertype {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const PPPOE: u16 = 0x8864;
    pub(super) const MPLS: u16 = 0x8847;
}

/// Tags and labels that one frame may have.
const NESTING_MAX: usize = 8;

/// Finds the IP packet in a frame.
pub(crate) fn carried(link: u16, frame: &[u8]) -> Carried<'_> {
    let rest = |at: usize| frame.get(at..).unwrap_or_default();
    match link {
        types::RAW | types::RAW_BSD | types::RAW_OPENBSD | types::IPV4 | types::IPV6 => ip(frame),
        // Four bytes of address family, whose numbers differ between systems; IP says itself what it is.
        types::NULL | types::LOOP => ip(rest(4)),
        types::ETHERNET => match u16_at(frame, 12) {
            Some(kind) => by_ethertype(kind, rest(14)),
            None => Carried::Other,
        },
        types::LINUX_SLL => match u16_at(frame, 14) {
            Some(kind) => by_ethertype(kind, rest(16)),
            None => Carried::Other,
        },
        types::LINUX_SLL2 => match u16_at(frame, 0) {
            Some(kind) => by_ethertype(kind, rest(20)),
            None => Carried::Other,
        },
        // Address and control may be left out (RFC 1661 §6.6).
        types::PPP => match frame {
            [0xff, 0x03, rest @ ..] | rest => ppp(rest),
        },
        _ => Carried::UnknownLink,
    }
}

fn by_ethertype(mut kind: u16, mut rest: &[u8]) -> Carried<'_> {
    for _ in 0..NESTING_MAX {
        match kind {
            ethertype::IPV4 | ethertype::IPV6 => return ip(rest),
            // VLAN tags (IEEE 802.1Q, 802.1ad), and what was there before the latter.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                let Some(inner) = u16_at(rest, 2) else {
                    return Carried::Other;
                };
                kind = inner;
                rest = rest.get(4..).unwrap_or_default();
            }
            // RFC 2516 §4, and the protocol of PPP.
            ethertype::PPPOE => return ppp(rest.get(6..).unwrap_or_default()),
            // RFC 3032 §2.1: labels up to one that says it is the last; then mostly IP.
            ethertype::MPLS => {
                let Some(label) = u32_at(rest, 0) else {
                    return Carried::Other;
                };
                rest = rest.get(4..).unwrap_or_default();
                if label & 0x100 != 0 {
                    return ip(rest);
                }
            }
            // A length, then LLC and SNAP (RFC 1042).
            ..=1500 => match rest {
                [0xaa, 0xaa, 0x03, _, _, _, high, low, inner @ ..] => {
                    kind = u16::from_be_bytes([*high, *low]);
                    rest = inner;
                }
                _ => return Carried::Other,
            },
            _ => return Carried::Other,
        }
    }
    Carried::Other
}

/// What follows the protocol number of PPP, which may be one byte (RFC 1661 §2).
fn ppp(frame: &[u8]) -> Carried<'_> {
    match frame {
        [0x00, 0x21 | 0x57, rest @ ..] | [0x21 | 0x57, rest @ ..] => ip(rest),
        _ => Carried::Other,
    }
}

fn ip(packet: &[u8]) -> Carried<'_> {
    match packet.first().map(|first| first >> 4) {
        Some(4 | 6) => Carried::Ip(packet),
        _ => Carried::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame that ends with the beginning of an IPv4 packet.
    fn frame(header: &[u8]) -> Vec<u8> {
        [header, &[0x45, 1, 2]].concat()
    }

    #[test]
    fn packets_are_found_in_frames() {
        let mac = [0_u8; 12];
        let ether = |tail: &[u8]| frame(&[&mac[..], tail].concat());
        let rows = [
            (types::RAW, frame(&[])),
            (types::IPV4, frame(&[])),
            (types::NULL, frame(&[2, 0, 0, 0])),
            (types::NULL, frame(&[0, 0, 0, 30])),
            (types::LOOP, frame(&[0, 0, 0, 2])),
            (types::ETHERNET, ether(&[8, 0])),
            (types::ETHERNET, ether(&[0x81, 0, 0, 5, 8, 0])),
            (
                types::ETHERNET,
                ether(&[0x88, 0xa8, 0, 1, 0x81, 0, 0, 5, 8, 0]),
            ),
            (
                types::ETHERNET,
                ether(&[0, 11, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
            ),
            (
                types::ETHERNET,
                ether(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 5, 0, 0x21]),
            ),
            (
                types::ETHERNET,
                ether(&[0x88, 0x47, 0, 0, 0x10, 9, 0, 0, 0x21, 9]),
            ),
            (types::PPP, frame(&[0xff, 3, 0, 0x21])),
            (types::PPP, frame(&[0x21])),
            (
                types::LINUX_SLL,
                frame(&[0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]),
            ),
            (
                types::LINUX_SLL2,
                frame(&[8, 0, 0, 0, 0, 0, 0, 1, 3, 4, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0]),
            ),
        ];
        for (link, frame) in rows {
            assert_eq!(
                carried(link, &frame),
                Carried::Ip(&[0x45, 1, 2]),
                "{link} {frame:x?}"
            );
            for cut in 0..frame.len() - 3 {
                assert_eq!(carried(link, &frame[..cut]), Carried::Other, "{link} {cut}");
            }
        }
        assert_eq!(carried(types::ETHERNET, &ether(&[8, 6])), Carried::Other);
        assert_eq!(carried(147, &frame(&[])), Carried::UnknownLink);
        let tags = [0x81, 0, 0, 5].repeat(20);
        assert_eq!(carried(types::ETHERNET, &ether(&tags)), Carried::Other);
    }
}
