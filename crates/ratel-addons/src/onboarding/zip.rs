//! ZIP archives of small files, which are not compressed (PKWARE's APPNOTE).

/// Everything was written on 1 January 1980, the first day there is: an archive of the same files has the same bytes.
const DATE: u16 = (1 << 5) | 1;
/// "Made by" Unix, so that modes count; version 2.0.
const MADE_BY: u16 = (3 << 8) | 20;

/// An archive of `files`: name, contents, and whether it is for execution.
pub(super) fn archive(files: &[(String, &[u8], bool)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, contents, executable) in files {
        let at = size(out.len());
        let mut common = Vec::new();
        // Version needed, flags (names are UTF-8), method (stored), time, date.
        put16(&mut common, &[20, 1 << 11, 0, 0, DATE]);
        let length = size(contents.len());
        put32(&mut common, &[crc32(contents), length, length]);
        // Lengths of the name and of extra fields; names here are a few dozen bytes.
        put16(&mut common, &[name.len() as u16, 0]);

        put32(&mut out, &[0x0403_4b50]);
        out.extend([&common, name.as_bytes(), contents].concat());

        put32(&mut directory, &[0x0201_4b50]);
        put16(&mut directory, &[MADE_BY]);
        directory.extend(common);
        // No comment, first disk, no internal attributes; then the mode of a regular file.
        put16(&mut directory, &[0, 0, 0]);
        let mode = if *executable { 0o100_755 } else { 0o100_644 };
        put32(&mut directory, &[mode << 16, at]);
        directory.extend(name.as_bytes());
    }
    let (start, length) = (size(out.len()), size(directory.len()));
    out.extend(directory);
    put32(&mut out, &[0x0605_4b50]);
    let count = files.len() as u16;
    put16(&mut out, &[0, 0, count, count]);
    put32(&mut out, &[length, start]);
    put16(&mut out, &[0]);
    out
}

/// The files that go in here are some kilobytes.
fn size(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// The check sum of ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
