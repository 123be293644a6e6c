//! Packets made by hand, and the files that hold them.

use std::net::{IpAddr, SocketAddr};

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// A packet with its time in nanoseconds, cut off after some bytes if it is.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) time: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) kept: usize,
}

/// What two hosts say to each other over one TCP connection, packet by packet.
pub(crate) struct Talk {
    pub(crate) packets: Vec<Packet>,
    client: SocketAddr,
    server: SocketAddr,
    /// The sequence numbers of client and server.
    pub(crate) next: [u32; 2],
    now: u64,
}

impl Talk {
    pub(crate) fn new() -> Self {
        Self::between("192.0.2.1:40000", "198.51.100.2:80")
    }

    pub(crate) fn between(client: &str, server: &str) -> Self {
        Self {
            packets: Vec::new(),
            client: client.parse().expect("an address"),
            server: server.parse().expect("an address"),
            next: [1000, u32::MAX - 100],
            now: 1_700_000_000_000_000_000,
        }
    }

    /// A segment; one side's sequence number goes on.
    pub(crate) fn segment(&mut self, from_client: bool, flags: u8, payload: &[u8]) -> &mut Self {
        let [client, server] = self.next;
        let (source, destination, sequence, acknowledged) = match from_client {
            true => (self.client, self.server, client, server),
            false => (self.server, self.client, server, client),
        };
        let acknowledged = if flags & ACK == 0 { 0 } else { acknowledged };
        let bytes = tcp(
            (source, destination),
            sequence,
            acknowledged,
            flags,
            payload,
        );
        self.add(bytes);
        let counted = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        let next = &mut self.next[usize::from(!from_client)];
        *next = next.wrapping_add(counted);
        self
    }

    pub(crate) fn add(&mut self, bytes: Vec<u8>) {
        self.now += 1_000_000;
        let kept = bytes.len();
        self.packets.push(Packet {
            time: self.now,
            bytes,
            kept,
        });
    }

    pub(crate) fn open(&mut self) -> &mut Self {
        self.segment(true, SYN, b"")
            .segment(false, SYN | ACK, b"")
            .segment(true, ACK, b"")
    }

    /// The client says something, in segments of at most 100 bytes.
    pub(crate) fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.say(true, bytes)
    }

    pub(crate) fn server(&mut self, bytes: &[u8]) -> &mut Self {
        self.say(false, bytes)
    }

    fn say(&mut self, from_client: bool, bytes: &[u8]) -> &mut Self {
        let mut parts = bytes.chunks(100).peekable();
        while let Some(part) = parts.next() {
            let push = if parts.peek().is_none() { PSH } else { 0 };
            self.segment(from_client, ACK | push, part);
        }
        self.segment(!from_client, ACK, b"")
    }

    pub(crate) fn close(&mut self) -> &mut Self {
        self.segment(true, FIN | ACK, b"")
            .segment(false, FIN | ACK, b"")
            .segment(true, ACK, b"")
    }

    /// A request that is answered.
    pub(crate) fn exchange(&mut self, path: &str, body: &str) -> &mut Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let response = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.client(request.as_bytes()).server(response.as_bytes())
    }

    /// The numbers of the packets with a payload.
    pub(crate) fn with_payload(&self) -> Vec<usize> {
        let header = if self.client.is_ipv4() { 40 } else { 60 };
        let has = |(_, packet): &(usize, &Packet)| packet.bytes.len() > header;
        self.packets
            .iter()
            .enumerate()
            .filter(has)
            .map(|(n, _)| n)
            .collect()
    }

    pub(crate) fn lose(&mut self, number: usize) -> Packet {
        self.packets.remove(number)
    }

    pub(crate) fn pcap(&self) -> Vec<u8> {
        pcap(&self.packets)
    }
}

/// A TCP segment in an IP packet.
pub(crate) fn tcp(
    (source, destination): (SocketAddr, SocketAddr),
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend(source.port().to_be_bytes());
    tcp.extend(destination.port().to_be_bytes());
    tcp.extend(sequence.to_be_bytes());
    tcp.extend(acknowledged.to_be_bytes());
    tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(payload);
    ip((source.ip(), destination.ip()), 6, &tcp)
}

/// A UDP datagram in an IP packet.
pub(crate) fn udp((source, destination): (SocketAddr, SocketAddr), payload: &[u8]) -> Vec<u8> {
    let mut udp = Vec::new();
    udp.extend(source.port().to_be_bytes());
    udp.extend(destination.port().to_be_bytes());
    udp.extend((8 + payload.len() as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    ip((source.ip(), destination.ip()), 17, &udp)
}

/// An IP packet without a checksum.
pub(crate) fn ip((source, destination): (IpAddr, IpAddr), protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet;
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            packet = vec![0x45, 0];
            packet.extend((20 + payload.len() as u16).to_be_bytes());
            packet.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            packet = vec![0x60, 0, 0, 0];
            packet.extend((payload.len() as u16).to_be_bytes());
            packet.extend([protocol, 64]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
        }
        _ => panic!("addresses of one kind"),
    }
    packet.extend(payload);
    packet
}

/// IP packets in a file of libpcap with microseconds.
pub(crate) fn pcap(packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for packet in packets {
        let micros = packet.time / 1000;
        let words = [
            (micros / 1_000_000) as u32,
            (micros % 1_000_000) as u32,
            packet.kept as u32,
            packet.bytes.len() as u32,
        ];
        words
            .iter()
            .for_each(|word| file.extend(word.to_le_bytes()));
        file.extend(&packet.bytes[..packet.kept]);
    }
    file
}
