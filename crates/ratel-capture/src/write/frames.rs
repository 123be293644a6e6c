//! Packets of IP, TCP and UDP, with the checksums they need.

use std::net::{IpAddr, SocketAddr};

/// Payload of a TCP segment: what fits into an Ethernet frame under IPv6 too.
pub(super) const MSS: usize = 1440;
/// Payload of a UDP datagram (RFC 768, RFC 791).
pub(super) const DATAGRAM_MAX: usize = 65_507;

/// Flags of TCP (RFC 9293 §3.1).
pub(super) mod flag {
    pub(in crate::write) const FIN: u8 = 0x01;
    pub(in crate::write) const SYN: u8 = 0x02;
    pub(in crate::write) const PSH: u8 = 0x08;
    pub(in crate::write) const ACK: u8 = 0x10;
}

/// What a SYN offers: the size of segments, and windows a hundred and twenty-eight times as large (RFC 7323 §2.2).
const SYN_OPTIONS: [u8; 8] = [2, 4, (MSS >> 8) as u8, (MSS & 0xff) as u8, 1, 3, 3, 7];

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    pub(super) flags: u8,
    pub(super) payload: &'a [u8],
}

impl Segment<'_> {
    /// As an IP packet.
    pub(super) fn packet(&self, id: u16) -> Vec<u8> {
        let options: &[u8] = match self.flags & flag::SYN {
            0 => &[],
            _ => &SYN_OPTIONS,
        };
        let header = 20 + options.len();
        let mut tcp = Vec::with_capacity(header + self.payload.len());
        tcp.extend(self.source.port().to_be_bytes());
        tcp.extend(self.destination.port().to_be_bytes());
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledged.to_be_bytes());
        tcp.extend([(header << 2) as u8, self.flags]);
        tcp.extend([0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend_from_slice(options);
        tcp.extend_from_slice(self.payload);
        ip(self.source.ip(), self.destination.ip(), 6, id, tcp, 16)
    }
}

/// A UDP datagram as an IP packet. What it has no room for is left out.
pub(super) fn datagram(
    source: SocketAddr,
    destination: SocketAddr,
    payload: &[u8],
    id: u16,
) -> Vec<u8> {
    let payload = payload.get(..DATAGRAM_MAX).unwrap_or(payload);
    let mut udp = Vec::with_capacity(8 + payload.len());
    udp.extend(source.port().to_be_bytes());
    udp.extend(destination.port().to_be_bytes());
    udp.extend((8 + payload.len() as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend_from_slice(payload);
    ip(source.ip(), destination.ip(), 17, id, udp, 6)
}

/// An IP packet around a segment or datagram whose checksum is to stand at `sum_at`.
fn ip(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    id: u16,
    mut payload: Vec<u8>,
    sum_at: usize,
) -> Vec<u8> {
    let len = payload.len() as u16;
    let (mut header, addresses) = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let addresses = [source.octets(), destination.octets()].concat();
            let mut header = vec![0x45, 0];
            header.extend((len + 20).to_be_bytes());
            header.extend(id.to_be_bytes());
            // Not to be cut into pieces; 64 hops.
            header.extend([0x40, 0, 64, protocol, 0, 0]);
            header.extend_from_slice(&addresses);
            let sum = checksum(&[&header]);
            put(&mut header, 10, sum);
            (header, addresses)
        }
        (source, destination) => {
            let octets = |ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            let addresses = [octets(source), octets(destination)].concat();
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(len.to_be_bytes());
            header.extend([protocol, 64]);
            header.extend_from_slice(&addresses);
            (header, addresses)
        }
    };
    // The fields of both pseudo-headers in an order that makes no difference to the sum (RFC 9293 §3.1, RFC 8200 §8.1).
    let pseudo = [0, protocol, (len >> 8) as u8, len as u8];
    let sum = match checksum(&[&addresses, &pseudo, &payload]) {
        // RFC 768: a sum of zero would mean that there is none.
        0 => 0xffff,
        sum => sum,
    };
    put(&mut payload, sum_at, sum);
    header.append(&mut payload);
    header
}

fn put(bytes: &mut [u8], at: usize, number: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}

/// RFC 1071. All parts but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let (pairs, rest) = part.as_chunks::<2>();
        sum += pairs
            .iter()
            .map(|pair| u64::from(u16::from_be_bytes(*pair)))
            .sum::<u64>();
        sum += rest.iter().map(|byte| u64::from(*byte) << 8).sum::<u64>();
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{ip, transport};

    #[test]
    fn packets_are_read_as_they_were_written() {
        for (source, destination) in [
            ("192.0.2.1:1000", "198.51.100.2:80"),
            ("[2001:db8::1]:1000", "[2001:db8::2]:80"),
        ] {
            let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
            let segment = Segment {
                source,
                destination,
                sequence: 7,
                acknowledged: 9,
                flags: flag::PSH | flag::ACK,
                payload: b"hello",
            };
            let packet = segment.packet(1);
            let parsed = ip::parse(&packet).unwrap();
            assert_eq!(
                (parsed.source, parsed.destination),
                (source.ip(), destination.ip())
            );
            let tcp = transport::tcp(parsed.payload, parsed.len).unwrap();
            assert_eq!(
                (tcp.source, tcp.sequence, tcp.acknowledged),
                (1000, 7, Some(9))
            );
            assert_eq!(
                (tcp.payload, tcp.push, tcp.syn),
                (&b"hello"[..], true, false)
            );
            let packet = datagram(source, destination, b"hi", 1);
            let parsed = ip::parse(&packet).unwrap();
            let udp = transport::udp(parsed.payload, parsed.len).unwrap();
            assert_eq!(
                (udp.destination, udp.payload, udp.missing),
                (80, &b"hi"[..], 0)
            );
        }
    }

    #[test]
    fn a_sum_over_what_holds_it_is_zero() {
        let data = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,
            0xc7,
        ];
        assert_eq!(checksum(&[&data]), 0xb861);
        let long = vec![0; 70_000];
        assert_eq!(
            datagram(
                "1.1.1.1:1".parse().unwrap(),
                "1.1.1.2:2".parse().unwrap(),
                &long,
                1
            )
            .len(),
            65_535
        );
    }
}
