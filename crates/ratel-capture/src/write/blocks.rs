//! Blocks of pcapng: one section, one interface, packets with their times in nanoseconds.

use std::io::{self, Write};

use super::label::{INTERFACE, SECTION};

/// IP packets without a link layer.
const LINK_RAW: u16 = 101;
/// Bytes of a packet: what IP allows.
const SNAP: u32 = 256 * 1024;
/// The longest comment, in bytes. The length has 16 bits.
const COMMENT_MAX: usize = 32 * 1024;

/// Begins the file.
pub(super) fn begin(out: &mut impl Write) -> io::Result<()> {
    let mut section = Vec::new();
    section.extend(0x1a2b_3c4d_u32.to_le_bytes());
    section.extend(1_u16.to_le_bytes());
    section.extend(0_u16.to_le_bytes());
    // The length of the section is not said.
    section.extend((-1_i64).to_le_bytes());
    option(&mut section, 1, SECTION.as_bytes());
    let program = concat!("ratel ", env!("CARGO_PKG_VERSION"));
    option(&mut section, 4, program.as_bytes());
    option(&mut section, 0, &[]);
    block(out, 0x0a0d_0d0a, &section)?;

    let mut interface = Vec::new();
    interface.extend(LINK_RAW.to_le_bytes());
    interface.extend(0_u16.to_le_bytes());
    interface.extend(SNAP.to_le_bytes());
    option(&mut interface, 2, INTERFACE.as_bytes());
    option(&mut interface, 3, b"packets that were never captured");
    // Nanoseconds.
    option(&mut interface, 9, &[9]);
    option(&mut interface, 0, &[]);
    block(out, 1, &interface)
}

/// Writes a packet.
pub(super) fn packet(
    out: &mut impl Write,
    time: u64,
    packet: &[u8],
    comments: &[&str],
) -> io::Result<()> {
    // A packet has at most 64 KiB.
    let len = packet.len() as u32;
    let mut body = Vec::with_capacity(packet.len() + 64);
    body.extend(0_u32.to_le_bytes());
    body.extend(((time >> 32) as u32).to_le_bytes());
    body.extend((time as u32).to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend_from_slice(packet);
    pad(&mut body);
    if !comments.is_empty() {
        for comment in comments {
            let end = comment.floor_char_boundary(COMMENT_MAX);
            let comment = comment.get(..end).unwrap_or_default();
            option(&mut body, 1, comment.as_bytes());
        }
        option(&mut body, 0, &[]);
    }
    block(out, 6, &body)
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let len = (body.len() as u32 + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&len)?;
    out.write_all(body)?;
    out.write_all(&len)
}

fn option(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(kind.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
