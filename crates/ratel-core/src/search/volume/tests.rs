use proptest::prelude::*;

use super::*;
use crate::search::files::Files;
use crate::search::grams::{Collector, Kind};

fn volume(texts: &[Vec<u8>]) -> Volume {
    let (mut draft, mut collector) = (Draft::default(), Collector::new(Kind::Text));
    for (at, text) in texts.iter().enumerate() {
        collector.feed(text);
        let slice = Slice {
            flow: FlowId(at as u64),
            start: 0,
            len: text.len() as u32,
            unit: Unit::Heads,
        };
        draft.block([slice].into_iter(), |take| collector.finish(take));
    }
    let (bytes, volume) = draft.encode();
    let mut files = Files::new(std::env::temp_dir(), 1 << 30);
    volume.at(1, files.append(&bytes).unwrap())
}

fn blocks(volume: &Volume, needle: &str) -> Vec<usize> {
    let mut page = Page::default();
    volume
        .holding(needle.as_bytes(), &mut page)
        .unwrap()
        .iter()
        .collect()
}

#[test]
fn needles_are_found_by_their_grams() {
    let texts = ["Hello", "help", "yellow", "", "lo"].map(|text| text.as_bytes().to_vec());
    let volume = volume(&texts);
    assert_eq!(blocks(&volume, "hel"), [0, 1]);
    assert_eq!(blocks(&volume, "ello"), [0, 2]);
    assert_eq!(blocks(&volume, "hellow"), [] as [usize; 0]);
    assert_eq!(blocks(&volume, "lo"), [0, 2, 4]);
    assert_eq!(blocks(&volume, "zz"), [] as [usize; 0]);
    assert_eq!(blocks(&volume, "z"), [0, 1, 2, 3, 4], "one byte is no gram");
    assert_eq!(volume.block(2).len(), 1);
    assert_eq!(volume.block(2).first().map(|s| s.flow), Some(FlowId(2)));
    assert!(volume.block(5).is_empty());
}

#[test]
fn damaged_lists_are_an_error() {
    let texts: Vec<_> = (0..300_u32)
        .map(|n| format!("text {n:b}").into_bytes())
        .collect();
    let volume = volume(&texts);
    volume.place.damage();
    let result = volume.holding(b"text", &mut Page::default());
    assert!(result.is_err());
}

proptest! {
    /// Blocks that hold a text are always found, and with all grams in the index others only if they hold all grams.
    #[test]
    fn what_is_there_is_found(
        texts in proptest::collection::vec("[a-dA-D\u{e4}]{0,40}", 1..300),
        needle in "[a-d]{2,6}",
    ) {
        let texts: Vec<_> = texts.iter().map(|text| text.clone().into_bytes()).collect();
        let volume = volume(&texts);
        let grams = Gram::all_of(needle.as_bytes());
        let expected = texts.iter().enumerate().filter(|(_, text)| {
            let text = text.to_ascii_lowercase();
            if needle.len() == 2 {
                return memchr::memmem::find(&text, needle.as_bytes()).is_some();
            }
            let there = Gram::all_of(&text);
            grams.iter().all(|gram| there.contains(gram))
        });
        let expected: Vec<_> = expected.map(|(at, _)| at).collect();
        prop_assert_eq!(blocks(&volume, &needle), expected);
    }
}
