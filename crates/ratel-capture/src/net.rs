//! From frames to datagrams: link layers, IP, fragments, and the headers of TCP and UDP.

pub(crate) mod fragments;
pub(crate) mod ip;
pub(crate) mod link;
pub(crate) mod transport;

/// The number at a place, in network order.
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The number at a place, in network order.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
