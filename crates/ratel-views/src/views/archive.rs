//! What is in a ZIP archive, by its central directory (APPNOTE.TXT §4.3.12).

use super::whole::{Beyond, Whole};
use super::yaml;
use crate::{Class, ContentView, Painter, ViewInput};

/// For `application/zip`.
pub(crate) struct Zip;

impl ContentView for Zip {
    fn name(&self) -> &'static str {
        "ZIP Archive"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "application/zip";
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Nothing, |data, cut, out| {
            if cut {
                return Err(
                    "the list of files is at the end of the archive, which is not here".into(),
                );
            }
            let names = names(data).ok_or("the archive has no list of files")?;
            if names.is_empty() {
                out.push(Class::Comment, "(empty zip file)");
                out.newline();
            }
            for name in names {
                yaml::item(name, out);
            }
            Ok(())
        })
    }
}

fn names(data: &[u8]) -> Option<Vec<&[u8]>> {
    let end = memchr::memmem::rfind(data, b"PK\x05\x06")?;
    let number = |at: usize, bytes: usize| {
        let taken = data.get(at..at.checked_add(bytes)?)?;
        Some(
            taken
                .iter()
                .rev()
                .fold(0_usize, |sum, b| sum << 8 | usize::from(*b)),
        )
    };
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    let mut names = Vec::new();
    for _ in 0..count {
        if data.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|field| number(at + field, 2));
        let start = at + 46;
        names.push(data.get(start..start + name?)?);
        at = start + name? + extra? + comment?;
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::super::testing::shown;

    #[test]
    fn files_are_listed() {
        let entry = |name: &[u8]| {
            let mut entry = b"PK\x01\x02".to_vec();
            entry.resize(46, 0);
            entry[28] = u8::try_from(name.len()).expect("short");
            [entry, name.to_vec()].concat()
        };
        let archive = |entries: &[Vec<u8>]| {
            let mut end = b"PK\x05\x06".to_vec();
            end.resize(22, 0);
            end[10] = u8::try_from(entries.len()).expect("few");
            [entries.concat(), end].concat()
        };
        let files = archive(&[entry(b"a.txt"), entry(b"b/\xff")]);
        assert_eq!(shown("application/zip", files), "- a.txt\n- b/\\xff");
        assert_eq!(shown("application/zip", archive(&[])), "(empty zip file)");
        let mut broken = archive(&[entry(b"a")]);
        broken[0] = b'X';
        assert!(shown("application/zip", broken).contains('X'));
        assert!(!shown("application/zip", b"PK\x05\x06").is_empty());
    }
}
