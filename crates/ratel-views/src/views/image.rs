//! Images: their format, size, and what is written in them.

mod exif;
mod gif;
mod jpeg;
mod other;
mod png;

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

/// What is known of an image, by name.
type Facts = Vec<(String, Vec<u8>)>;

/// Reads the facts of one format.
type Read = fn(&[u8], &mut Facts);

/// Formats by how they begin: where, with what, what they are called, and who reads them.
const FORMATS: [(usize, &[u8], &str, Option<Read>); 19] = [
    (0, b"\x89PNG\r\n\x1a\n", "PNG", Some(png::read)),
    (0, b"GIF87a", "GIF", Some(gif::read)),
    (0, b"GIF89a", "GIF", Some(gif::read)),
    (0, b"\xff\xd8", "JPEG", Some(jpeg::read)),
    (0, b"\0\0\x01\0", "ICO", Some(other::ico)),
    (8, b"WEBP", "WEBP", Some(other::webp)),
    (0, b"BM", "BMP", Some(other::bmp)),
    (0, b"II*\0", "TIFF", Some(other::tiff)),
    (0, b"MM\0*", "TIFF", Some(other::tiff)),
    (4, b"ftypavif", "AVIF", Some(other::heif)),
    (4, b"ftypavis", "AVIF", Some(other::heif)),
    (4, b"ftypheic", "HEIC", Some(other::heif)),
    (4, b"ftypmif1", "HEIC", Some(other::heif)),
    (0, b"\xff\x0a", "JXL", None),
    (4, b"JXL \r\n\x87\n", "JXL", None),
    (4, b"jP  \r\n\x87\n", "JP2", None),
    (0, b"8BPS", "PSD", None),
    (0, b"#define", "XBM", None),
    (0, b"v/1\x01", "EXR", None),
];

fn print(data: &[u8], out: &mut Sink) {
    let begins = |(at, magic, ..): &&(usize, &[u8], &str, Option<Read>)| {
        data.get(*at..).is_some_and(|data| data.starts_with(magic))
    };
    let mut facts = Facts::new();
    let mut kind = "Unknown";
    if let Some((_, _, name, read)) = FORMATS.iter().find(begins) {
        kind = name;
        if let Some(read) = read {
            read(data, &mut facts);
        }
    }
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
            chunk(b"pHYs", &[0, 0, 11, 19, 0, 0, 11, 18, 1]),
            chunk(b"tEXt", b"Software\0ratel: 1"),
            chunk(
                b"zTXt",
                b"Comment\0\0\x78\x9c\xab\xca\x2c\x28\x48\x4d\x01\x00\x09\x2d\x02\x8d",
            ),
            chunk(b"iTXt", b"Title\0\0\0en\0T\0caf\xc3\xa9"),
        ];
        insta::assert_snapshot!(shown("image/png", png.concat()), @r"
        # PNG Image
        Format: Portable network graphics
        Size: 256 x 2 px
        gamma: '0.45455'
        aspect: 2835 x 2834
        Software: 'ratel: 1'
        Comment: zipped
        Title: café
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
        let bmp = b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x03\0\0\0\xfe\xff\xff\xff";
        assert!(shown("image/bmp", bmp).contains("Size: 3 x 2 px"));
        let avif = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1\0\0\0\x14ispe\0\0\0\0\0\0\0\x03\0\0\0\x02";
        assert!(
            shown("image/avif", avif).contains(
                "# AVIF Image\nFormat: High efficiency image file format\nSize: 3 x 2 px"
            )
        );
        assert_eq!(shown("image/avif", b"anything"), "# Unknown Image");
    }

    /// A directory of TIFF with entries of four bytes at most, and texts behind it.
    fn directory(at: u32, entries: &[(u16, u16, u32, &[u8])]) -> Vec<u8> {
        let count = u16::try_from(entries.len()).expect("few");
        let mut out = count.to_be_bytes().to_vec();
        let mut texts = Vec::new();
        let behind = at + 2 + 12 * u32::from(count) + 4;
        for (tag, kind, count, value) in entries {
            out.extend(tag.to_be_bytes());
            out.extend(kind.to_be_bytes());
            out.extend(count.to_be_bytes());
            if value.len() > 4 {
                out.extend((behind + u32::try_from(texts.len()).expect("short")).to_be_bytes());
                texts.extend_from_slice(value);
            } else {
                out.extend_from_slice(value);
                out.resize(out.len() + 4 - value.len(), 0);
            }
        }
        out.extend([0; 4]);
        [out, texts].concat()
    }

    #[test]
    fn what_cameras_write_is_told() {
        let camera = directory(200, &[(0xa434, 2, 5, b"lens\0")]);
        let main = directory(
            8,
            &[
                (0x010f, 2, 6, b"Canon\0"),
                (0x0110, 2, 4, b"EOS\0"),
                (0x0112, 3, 1, b"\0\x06"),
                (0x8769, 4, 1, b"\0\0\0\xc8"),
                (0x013b, 2, 900, b"\0\0\xff\xff"),
            ],
        );
        let mut exif = [b"Exif\0\0MM\0*\0\0\0\x08", &main[..]].concat();
        exif.resize(206, 0);
        exif.extend(camera);
        let len = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
        let jpeg = [&b"\xff\xd8\xff\xe1"[..], &len, &exif, b"\xff\xda"].concat();
        insta::assert_snapshot!(shown("image/jpeg", jpeg), @r"
        # JPEG Image
        Format: JPEG (ISO 10918)
        make: Canon
        model: EOS
        orientation: '6'
        lens_model: lens
        ");
    }

    #[test]
    fn damage_ends_the_facts() {
        for start in [
            &b"\x89PNG\r\n\x1a\n"[..],
            b"GIF89a",
            b"\xff\xd8\xff\xe0",
            b"\0\0\x01\0\xff\xff",
            b"RIFFxxxxWEBP",
            b"BM",
            b"II*\0\x08\0\0\0\xff\xff",
            b"\0\0\0\x1cftypavif ispe",
        ] {
            for tail in [&b""[..], &[0xff; 40], &[0; 40], &[0x2c; 40]] {
                assert!(shown("image/x", [start, tail].concat()).starts_with("# "));
            }
        }
    }
}
