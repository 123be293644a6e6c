//! Images: their format, size, and what is written in them.

use super::whole::{Beyond, Whole};
use super::yaml;
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// For `image/*`.
pub(crate) struct Image;

impl ContentView for Image {
    fn name(&self) -> &'static str {
        "Image"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let media = input.media_type();
        let fits = media.starts_with("image/") && !media.ends_with("+xml");
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Nothing, |data, _, out| {
            print(data, out);
            Ok(())
        })
    }
}

/// Facts listed of one image.
const FACTS_MAX: usize = 1000;

type Facts = Vec<(String, Vec<u8>)>;

fn print(data: &[u8], out: &mut Sink) {
    let mut facts = Facts::new();
    let kind = if data.starts_with(b"\x89PNG\r\n\x1a\n") {
        png(data, &mut facts);
        "PNG"
    } else if data.starts_with(b"GIF87a") || data.starts_with(b"GIF89a") {
        gif(data, &mut facts);
        "GIF"
    } else if data.starts_with(b"\xff\xd8") {
        jpeg(data, &mut facts);
        "JPEG"
    } else if data.starts_with(b"\0\0\x01\0") {
        ico(data, &mut facts);
        "ICO"
    } else if data.starts_with(b"RIFF") && data.get(8..12) == Some(b"WEBP") {
        webp(data, &mut facts);
        "WEBP"
    } else {
        "Unknown"
    };
    out.push(Class::Comment, &format!("# {kind} Image"));
    out.newline();
    facts.truncate(FACTS_MAX);
    for (name, value) in facts {
        yaml::pair(name.as_bytes(), &[&value], out);
    }
}

fn fact(facts: &mut Facts, name: &str, value: impl Into<String>) {
    facts.push((name.to_owned(), value.into().into_bytes()));
}

fn size(facts: &mut Facts, width: Option<usize>, height: Option<usize>) {
    if let (Some(width), Some(height)) = (width, height) {
        fact(facts, "Size", format!("{width} x {height} px"));
    }
}

/// A number with its largest byte first.
fn big(data: &[u8], at: usize, bytes: usize) -> Option<usize> {
    let taken = data.get(at..at.checked_add(bytes)?)?;
    Some(taken.iter().fold(0, |sum, b| sum << 8 | usize::from(*b)))
}

/// A number with its smallest byte first.
fn little(data: &[u8], at: usize, bytes: usize) -> Option<usize> {
    let taken = data.get(at..at.checked_add(bytes)?)?;
    Some(
        taken
            .iter()
            .rev()
            .fold(0, |sum, b| sum << 8 | usize::from(*b)),
    )
}

/// PNG (RFC 2083): chunks of length, kind, data and checksum.
fn png(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "Portable network graphics");
    let mut at = 8;
    while let Some(len) = big(data, at, 4).filter(|_| facts.len() < FACTS_MAX) {
        let (kind, start) = (data.get(at + 4..at + 8).unwrap_or_default(), at + 8);
        let chunk = data
            .get(start..start.saturating_add(len))
            .unwrap_or_default();
        match kind {
            b"IHDR" => size(facts, big(chunk, 0, 4), big(chunk, 4, 4)),
            b"gAMA" => {
                let gamma = big(chunk, 0, 4).unwrap_or_default() as f64 / 100_000.0;
                fact(facts, "gamma", gamma.to_string());
            }
            b"pHYs" => {
                let [x, y] = [0, 4].map(|at| big(chunk, at, 4).unwrap_or_default());
                fact(facts, "aspect", format!("{x} x {y}"));
            }
            b"tEXt" => {
                let end = chunk.iter().position(|b| *b == 0).unwrap_or(chunk.len());
                let (name, value) = chunk.split_at(end);
                let value = value.get(1..).unwrap_or_default().to_vec();
                facts.push((yaml::text(name), value));
            }
            _ => {}
        }
        at = start.saturating_add(len).saturating_add(4);
    }
}

/// GIF (<https://www.w3.org/Graphics/GIF/spec-gif89a.txt>).
fn gif(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "Compuserve GIF");
    fact(
        facts,
        "Version",
        yaml::text(data.get(..6).unwrap_or_default()),
    );
    size(facts, little(data, 6, 2), little(data, 8, 2));
    if let Some(background) = data.get(11) {
        fact(facts, "background", background.to_string());
    }
    let flags = data.get(10).copied().unwrap_or_default();
    let mut at = 13 + colours(flags);
    while let Some(block) = data.get(at).filter(|_| facts.len() < FACTS_MAX) {
        match block {
            b'!' => {
                let (content, end) = blocks(data, at + 2);
                if data.get(at + 1) == Some(&0xfe) {
                    facts.push(("comment".into(), content));
                }
                at = end;
            }
            b',' => {
                let flags = data.get(at + 9).copied().unwrap_or_default();
                at = blocks(data, at + 11 + colours(flags)).1;
            }
            _ => return,
        }
    }
}

/// Bytes of a colour table, if there is one.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        return 0;
    }
    3 << ((flags & 7) + 1)
}

/// The content of blocks that begin there, and where they end.
fn blocks(data: &[u8], mut at: usize) -> (Vec<u8>, usize) {
    let mut content = Vec::new();
    while let Some(len) = data.get(at).copied().map(usize::from) {
        at += 1;
        if len == 0 {
            break;
        }
        content.extend_from_slice(data.get(at..at + len).unwrap_or_default());
        at += len;
    }
    (content, at)
}

/// JPEG (ITU-T T.81 annex B): segments of marker and length.
fn jpeg(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "JPEG (ISO 10918)");
    let mut at = 2;
    while data.get(at) == Some(&0xff) && facts.len() < FACTS_MAX {
        let marker = data.get(at + 1).copied().unwrap_or_default();
        let Some(len) = big(data, at + 2, 2).filter(|len| *len >= 2) else {
            return;
        };
        let segment = data.get(at + 4..at + 2 + len).unwrap_or_default();
        match marker {
            // Start of a frame, of any kind but tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                size(facts, big(segment, 3, 2), big(segment, 1, 2));
            }
            0xe0 if segment.starts_with(b"JFIF\0") => {
                let number = |at| big(segment, at, 1).unwrap_or_default();
                let wide = |at| big(segment, at, 2).unwrap_or_default();
                fact(
                    facts,
                    "jfif_version",
                    format!("({}, {})", number(5), number(6)),
                );
                fact(
                    facts,
                    "jfif_density",
                    format!("({}, {})", wide(8), wide(10)),
                );
                fact(facts, "jfif_unit", number(7).to_string());
            }
            0xfe => facts.push(("comment".into(), segment.to_vec())),
            0xda => return,
            _ => {}
        }
        at += 2 + len;
    }
}

/// ICO: a list of images.
fn ico(data: &[u8], facts: &mut Facts) {
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
        let text = format!("{} x {} px, {bits} bits", side(width), side(height));
        fact(facts, &format!("Image {}", nth + 1), text);
    }
}

/// WebP (RFC 9649 §2).
fn webp(data: &[u8], facts: &mut Facts) {
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

#[cfg(test)]
mod tests {
    use super::super::testing::shown;

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let len = u32::try_from(data.len()).expect("short").to_be_bytes();
        [&len, kind, data, &[0; 4]].concat()
    }

    #[test]
    fn formats_and_sizes_are_told() {
        let png = [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            chunk(b"IHDR", &[0, 0, 1, 0, 0, 0, 0, 2, 8, 6, 0, 0, 0]),
            chunk(b"gAMA", &45_455_u32.to_be_bytes()),
            chunk(b"tEXt", b"Software\0ratel: 1"),
        ];
        insta::assert_snapshot!(shown("image/png", png.concat()), @r"
        # PNG Image
        Format: Portable network graphics
        Size: 256 x 2 px
        gamma: '0.45455'
        Software: 'ratel: 1'
        ");
        let gif = b"GIF89a\x03\0\x04\0\0\x07\0!\xfe\x05hello\0;";
        insta::assert_snapshot!(shown("image/gif", gif), @r"
        # GIF Image
        Format: Compuserve GIF
        Version: GIF89a
        Size: 3 x 4 px
        background: '7'
        comment: hello
        ");
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02\x01\0\x48\0\x48\0\0\xff\xfe\0\x04hi\xff\xc0\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0";
        insta::assert_snapshot!(shown("image/jpeg", jpeg), @r"
        # JPEG Image
        Format: JPEG (ISO 10918)
        jfif_version: (1, 2)
        jfif_density: (72, 72)
        jfif_unit: '1'
        comment: hi
        Size: 3 x 2 px
        ");
        let ico = b"\0\0\x01\0\x01\0\x10\0\0\0\x01\0\x20\0\0\0\0\0\0\0\0\0";
        assert!(shown("image/x-icon", ico).contains("16 x 256 px, 32 bits"));
        let webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x0f\0\0\x1f\0\0";
        assert!(shown("image/webp", webp).contains("16 x 32 px"));
        assert_eq!(shown("image/avif", b"anything"), "# Unknown Image");
    }

    #[test]
    fn damage_ends_the_facts() {
        for start in [
            &b"\x89PNG\r\n\x1a\n"[..],
            b"GIF89a",
            b"\xff\xd8\xff\xe0",
            b"\0\0\x01\0\xff\xff",
            b"RIFFxxxxWEBP",
        ] {
            for tail in [&b""[..], &[0xff; 40], &[0; 40], &[0x2c; 40]] {
                assert!(shown("image/x", [start, tail].concat()).starts_with("# "));
            }
        }
    }
}
