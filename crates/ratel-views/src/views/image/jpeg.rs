//! JPEG (ITU-T T.81 annex B): segments of marker and length.

use super::{FACTS_MAX, Facts, big, exif, fact, size};

pub(super) fn read(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "JPEG (ISO 10918)");
    let mut at = 2;
    while data.get(at) == Some(&0xff) && facts.len() < FACTS_MAX {
        let marker = data.get(at + 1).copied().unwrap_or_default();
        if marker == 0xff {
            // Markers may be filled up (§B.1.1.2).
            at += 1;
            continue;
        }
        let Some(len) = big(data, at + 2, 2).filter(|len| *len >= 2) else {
            return;
        };
        let segment = data.get(at + 4..at + 2 + len).unwrap_or_default();
        match marker {
            // Start of a frame, of any kind but tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                size(facts, big(segment, 3, 2), big(segment, 1, 2));
            }
            0xe0 if segment.starts_with(b"JFIF\0") => jfif(segment, facts),
            0xe1 => {
                if let Some(data) = segment.strip_prefix(b"Exif\0\0") {
                    exif::read(data, facts);
                }
            }
            0xfe => facts.push(("comment".into(), segment.to_vec())),
            0xda => return,
            _ => {}
        }
        at += 2 + len;
    }
}

fn jfif(segment: &[u8], facts: &mut Facts) {
    let number = |at| big(segment, at, 1).unwrap_or_default();
    let wide = |at| big(segment, at, 2).unwrap_or_default();
    let version = format!("({}, {})", number(5), number(6));
    fact(facts, "jfif_version", version);
    let density = format!("({}, {})", wide(8), wide(10));
    fact(facts, "jfif_density", density);
    fact(facts, "jfif_unit", number(7).to_string());
}
