//! EXIF (CIPA DC-008): fields in directories, as TIFF has them.

use super::{FACTS_MAX, Facts, big, fact, little};

/// Directories within each other: the main one, and that of the camera.
const DEPTH_MAX: usize = 2;

/// Fields that are text.
const NAMES: [(usize, &str); 17] = [
    (0x010e, "image_description"),
    (0x010f, "make"),
    (0x0110, "model"),
    (0x0131, "software"),
    (0x0132, "modify_date"),
    (0x013b, "artist"),
    (0x013c, "host_computer"),
    (0x8298, "copyright"),
    (0x9003, "date_time_original"),
    (0x9004, "create_date"),
    (0xa420, "image_unique_id"),
    (0xa430, "owner_name"),
    (0xa431, "serial_number"),
    (0xa433, "lens_make"),
    (0xa434, "lens_model"),
    (0xa435, "lens_serial_number"),
    (0xc62f, "camera_serial_number"),
];

/// The directory of the camera.
const CAMERA: usize = 0x8769;

pub(super) fn read(data: &[u8], facts: &mut Facts) {
    if let Some(tiff) = Tiff::of(data) {
        let first = tiff.number(4, 4);
        tiff.directory(first, 0, facts);
    }
}

/// Numbers in the order of bytes that the file says.
struct Tiff<'a> {
    data: &'a [u8],
    is_little: bool,
}

impl<'a> Tiff<'a> {
    fn of(data: &'a [u8]) -> Option<Self> {
        let is_little = match data.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self { data, is_little })
    }

    fn number(&self, at: usize, bytes: usize) -> Option<usize> {
        if self.is_little {
            little(self.data, at, bytes)
        } else {
            big(self.data, at, bytes)
        }
    }

    fn directory(&self, at: Option<usize>, depth: usize, facts: &mut Facts) {
        let Some((at, count)) = at.and_then(|at| Some((at, self.number(at, 2)?))) else {
            return;
        };
        for nth in 0..count {
            if facts.len() >= FACTS_MAX {
                return;
            }
            // Tag, type, how many values, and the values or where they are.
            let Some(entry) = at.checked_add(2 + 12 * nth) else {
                return;
            };
            let (Some(tag), Some(kind)) = (self.number(entry, 2), self.number(entry + 2, 2)) else {
                return;
            };
            let (Some(count), value) = (self.number(entry + 4, 4), entry + 8) else {
                return;
            };
            let known = NAMES.iter().find(|(known, _)| *known == tag);
            match (known, kind) {
                (Some((_, name)), 2) => {
                    let place = if count <= 4 {
                        Some(value)
                    } else {
                        self.number(value, 4)
                    };
                    let text = place.and_then(|at| self.data.get(at..at.checked_add(count)?));
                    if let Some(text) = text {
                        let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
                        let text = text.get(..end).unwrap_or_default();
                        facts.push(((*name).to_owned(), text.to_vec()));
                    }
                }
                (None, 3) if tag == 0x0112 => {
                    if let Some(orientation) = self.number(value, 2) {
                        fact(facts, "orientation", orientation.to_string());
                    }
                }
                (None, _) if tag == CAMERA && depth + 1 < DEPTH_MAX => {
                    self.directory(self.number(value, 4), depth + 1, facts);
                }
                _ => {}
            }
        }
    }
}

/// Width and height, which are fields of the first directory in TIFF.
pub(super) fn size(data: &[u8]) -> (Option<usize>, Option<usize>) {
    let Some(tiff) = Tiff::of(data) else {
        return (None, None);
    };
    let find = |wanted: usize| {
        let at = tiff.number(4, 4)?;
        let count = tiff.number(at, 2)?;
        (0..count).find_map(|nth| {
            let entry = at.checked_add(2 + 12 * nth)?;
            if tiff.number(entry, 2)? != wanted {
                return None;
            }
            let bytes = if tiff.number(entry + 2, 2)? == 3 {
                2
            } else {
                4
            };
            tiff.number(entry + 8, bytes)
        })
    };
    (find(0x0100), find(0x0101))
}
