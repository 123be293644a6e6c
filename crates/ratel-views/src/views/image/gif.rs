//! GIF (<https://www.w3.org/Graphics/GIF/spec-gif89a.txt>).

use super::super::yaml;
use super::{FACTS_MAX, Facts, fact, little, size};

pub(super) fn read(data: &[u8], facts: &mut Facts) {
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
