//! Formats of which little is known but the size.

use super::{FACTS_MAX, Facts, big, exif, fact, little, size};

/// ICO: a list of images.
pub(super) fn ico(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "ICO");
    let count = little(data, 4, 2).unwrap_or_default();
    fact(facts, "Number of images", count.to_string());
    for nth in 0..count.min(FACTS_MAX) {
        let at = 6 + 16 * nth;
        let (Some(width), Some(height), Some(bits)) = (
            big(data, at, 1),
            big(data, at + 1, 1),
            little(data, at + 6, 2),
        ) else {
            return;
        };
        // Zero stands for 256.
        let side = |side: usize| if side == 0 { 256 } else { side };
        let image = little(data, at + 12, 4).and_then(|start| data.get(start..));
        let is_png = image.is_some_and(|image| image.starts_with(b"\x89PNG"));
        let kind = if is_png { ", PNG" } else { "" };
        let text = format!("{} x {} px, {bits} bits{kind}", side(width), side(height));
        fact(facts, &format!("Image {}", nth + 1), text);
    }
}

/// BMP: the size is in the second header.
pub(super) fn bmp(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "Windows bitmap");
    let signed = |at| {
        let number = little(data, at, 4)?;
        u32::try_from(number).ok().map(u32::cast_signed)
    };
    let side = |at| signed(at).and_then(|side| usize::try_from(side.unsigned_abs()).ok());
    size(facts, side(18), side(22));
}

/// TIFF: fields of its first directory.
pub(super) fn tiff(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "Tagged image file format");
    let (width, height) = exif::size(data);
    size(facts, width, height);
    exif::read(data, facts);
}

/// HEIF and AVIF (ISO 23008-12): the box with the size of the largest image.
pub(super) fn heif(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "High efficiency image file format");
    let start = data.get(..64 * 1024).unwrap_or(data);
    let sizes = memchr::memmem::find_iter(start, b"ispe").filter_map(|at| {
        let sides = [8, 12].map(|offset| big(data, at + offset, 4));
        Some((sides[0]?, sides[1]?))
    });
    if let Some((width, height)) = sizes.max_by_key(|(width, height)| width.saturating_mul(*height))
    {
        size(facts, Some(width), Some(height));
    }
}

/// WebP (RFC 9649 §2).
pub(super) fn webp(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "WebP");
    match data.get(12..16) {
        Some(b"VP8X") => {
            let side = |at| little(data, at, 3).map(|side| side + 1);
            size(facts, side(24), side(27));
        }
        Some(b"VP8 ") => {
            let side = |at| little(data, at, 2).map(|side| side & 0x3fff);
            size(facts, side(26), side(28));
        }
        Some(b"VP8L") => {
            let bits = little(data, 21, 4);
            let side = |shift: u32| bits.map(|bits| (bits >> shift & 0x3fff) + 1);
            size(facts, side(0), side(14));
        }
        _ => {}
    }
}
