//! Fragments of IP packets, put together (RFC 791 §3.2, RFC 8200 §4.5).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use ratel_flow::Timestamp;

use super::ip::{Fragment, Packet};

/// How long the fragments of a packet are waited for, as in RFC 8200 §4.5.
const PATIENCE: Duration = Duration::from_secs(60);
/// Packets that may be incomplete at once.
const PACKETS_MAX: usize = 256;
/// Bytes of a packet.
const LEN_MAX: usize = 65_535;
/// Fragments of a packet.
const FRAGMENTS_MAX: usize = 1024;

/// The fragments of which others are to come.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    packets: HashMap<Key, Incomplete>,
    /// In the order in which they began. One that is complete is no longer in `packets`.
    order: VecDeque<(Key, Timestamp)>,
}

type Key = (IpAddr, IpAddr, u8, u32);

#[derive(Debug)]
struct Incomplete {
    since: Timestamp,
    pieces: BTreeMap<usize, Vec<u8>>,
    /// Known with the last fragment.
    len: Option<usize>,
    /// Bytes before the first one that is missing.
    contiguous: usize,
}

impl Fragments {
    /// Takes a fragment; the payload of the packet if it is complete with it. Of bytes that come twice the first count.
    pub(crate) fn add(
        &mut self,
        packet: &Packet<'_>,
        fragment: Fragment,
        now: Timestamp,
    ) -> Option<Vec<u8>> {
        self.forget(now);
        // One that was cut by the capture will never be whole.
        let end = fragment.offset + packet.payload.len();
        if packet.payload.len() < packet.len || end > LEN_MAX {
            return None;
        }
        let key = (
            packet.source,
            packet.destination,
            packet.protocol,
            fragment.id,
        );
        let incomplete = self.packets.entry(key).or_insert_with(|| {
            self.order.push_back((key, now));
            Incomplete {
                since: now,
                pieces: BTreeMap::new(),
                len: None,
                contiguous: 0,
            }
        });
        if !fragment.more {
            incomplete.len.get_or_insert(end);
        }
        if incomplete.pieces.len() < FRAGMENTS_MAX {
            let piece = || packet.payload.to_vec();
            incomplete
                .pieces
                .entry(fragment.offset)
                .or_insert_with(piece);
        }
        incomplete.follow();
        if incomplete.len != Some(incomplete.contiguous) {
            return None;
        }
        let whole = self.packets.remove(&key)?;
        Some(whole.join())
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((key, since)) = self.order.front() {
            let waits = self
                .packets
                .get(key)
                .is_some_and(|packet| packet.since == *since);
            let in_time = now.since(*since) <= PATIENCE && self.order.len() < PACKETS_MAX;
            if waits && in_time {
                return;
            }
            if waits {
                self.packets.remove(key);
            }
            self.order.pop_front();
        }
    }
}

impl Incomplete {
    /// Goes on from what is contiguous.
    fn follow(&mut self) {
        let next = |from: usize| {
            let (at, piece) = self.pieces.range(..=from).next_back()?;
            Some(at + piece.len()).filter(|end| *end > from)
        };
        while let Some(end) = next(self.contiguous) {
            self.contiguous = end;
        }
        if let Some(len) = self.len {
            self.contiguous = self.contiguous.min(len);
        }
    }

    fn join(self) -> Vec<u8> {
        let mut whole = Vec::with_capacity(self.contiguous);
        for (at, piece) in self.pieces {
            let known = whole.len().saturating_sub(at);
            whole.extend_from_slice(piece.get(known..).unwrap_or_default());
        }
        whole.truncate(self.contiguous);
        whole
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn add(
        fragments: &mut Fragments,
        id: u32,
        (offset, payload, more): (usize, &[u8], bool),
        at: u64,
    ) -> Option<Vec<u8>> {
        let fragment = Fragment { id, offset, more };
        let packet = Packet {
            source: Ipv4Addr::LOCALHOST.into(),
            destination: Ipv4Addr::LOCALHOST.into(),
            protocol: 17,
            payload,
            len: payload.len(),
            fragment: Some(fragment),
        };
        fragments.add(&packet, fragment, Timestamp(at * 1_000_000_000))
    }

    #[test]
    fn fragments_come_in_any_order_and_the_first_byte_counts() {
        let parts: [(usize, &[u8], bool); 3] = [
            (0, b"01234567", true),
            (8, b"89abcdef", true),
            (16, b"ghi", false),
        ];
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut fragments = Fragments::default();
            let [a, b, c] = order.map(|n| parts[n]);
            assert_eq!(add(&mut fragments, 1, a, 0), None);
            assert_eq!(add(&mut fragments, 1, b, 0), None);
            assert_eq!(add(&mut fragments, 2, b, 0), None, "another packet");
            assert_eq!(
                add(&mut fragments, 1, c, 0).unwrap(),
                b"0123456789abcdefghi"
            );
        }
        let mut fragments = Fragments::default();
        assert_eq!(
            add(&mut fragments, 1, (0, b"01234567XXXXXXXX", true), 0),
            None
        );
        let whole = add(&mut fragments, 1, (8, b"89abcdefgh", false), 0).unwrap();
        assert_eq!(whole, b"01234567XXXXXXXXgh");
    }

    #[test]
    fn what_is_never_complete_is_forgotten() {
        let mut fragments = Fragments::default();
        for id in 0..10_000 {
            assert_eq!(add(&mut fragments, id, (8, b"x", true), 0), None);
        }
        assert!(fragments.packets.len() <= PACKETS_MAX);
        assert_eq!(add(&mut fragments, 10_001, (0, b"x", true), 100), None);
        assert_eq!((fragments.packets.len(), fragments.order.len()), (1, 1));
        assert_eq!(add(&mut fragments, 3, (65_535, b"x", false), 100), None);
    }
}
