use proptest::prelude::*;
use ratel_flow::pattern::{Flags, Pattern, Unit};

use super::*;

fn searcher(source: &str) -> Searcher {
    let flags = Flags {
        multi_line: true,
        ..Flags::default()
    };
    let pattern = Pattern::new(source, Unit::Byte, flags, 0).unwrap();
    pattern.searcher().unwrap()
}

/// In the whole text.
fn expected(searcher: &Searcher, text: &[u8], wanted: usize) -> Vec<(u64, u64)> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(place) = searcher.find_at(text, from)
        && found.len() < wanted
    {
        from = place.end.max(place.start + 1);
        if !place.is_empty() {
            found.push((place.start as u64, place.len() as u64));
        }
    }
    found
}

fn hunt(searcher: &Searcher, text: &[u8], step: usize, wanted: usize) -> Vec<(u64, u64)> {
    let mut hunt = Hunt::new(searcher);
    hunt.begin(wanted);
    let mut places = Vec::new();
    let mut found = |found: Found| {
        let start = found.offset as usize;
        let shown = &found.snippet[found.marked.clone()];
        assert_eq!(shown, &text[start..start + shown.len()]);
        let around = &text[start - found.marked.start..][..found.snippet.len()];
        assert_eq!(found.snippet, around);
        places.push((found.offset, found.len));
        ControlFlow::Continue(())
    };
    for (n, piece) in text.chunks(step.max(1)).enumerate() {
        let at = (n * step.max(1)) as u64;
        if hunt.piece(at, piece, &mut found).is_break() {
            return places;
        }
    }
    let _ = hunt.end(&mut found);
    places
}

proptest! {
    /// However a text is cut, the same is found in it.
    #[test]
    fn pieces_make_no_difference(
        text in "[ab\n]{0,700}",
        step in 1usize..200,
        wanted in 1usize..9,
        source in prop_oneof![
            Just("ab"), Just("aab?"), Just("(?:ab){2,4}"), Just("^a+"), Just("b$"), Just("a[^b]*b"), Just("(a+)b\\1"),
        ],
    ) {
        let searcher = searcher(source);
        let text = text.as_bytes();
        prop_assert_eq!(hunt(&searcher, text, step, wanted), expected(&searcher, text, wanted));
    }

    /// What is found in stretches is what is found in the whole text, if the stretches are around all there is.
    #[test]
    fn stretches_suffice(
        text in "[ab]{0,700}",
        step in 1usize..90,
        wanted in 1usize..9,
        source in prop_oneof![Just("ab"), Just("aab?b"), Just("(?:ab){2,4}"), Just("aba")],
    ) {
        let searcher = searcher(source);
        let text = text.as_bytes();
        let reach = reach(&searcher).unwrap();
        let needle = searcher.required()[0].clone();
        let holds = |from: usize, to: usize| {
            needle.iter().any(|n| (from..to.max(from)).any(|end| (end + 1).checked_sub(n.len()).is_some_and(|start| {
                text[start..=end] == **n
            })))
        };
        let slices = (0..text.len()).step_by(step).map(|at| at..(at + step).min(text.len()));
        let stretches = slices.filter(|s| holds(s.start, s.end)).map(|s| Stretch::around(s.start as u64..s.end as u64, reach));
        let mut hunt = Hunt::new(&searcher);
        hunt.begin(wanted);
        let mut places = Vec::new();
        for stretch in Stretch::joined(stretches.collect()) {
            hunt.stretch(stretch);
            let shown = stretch.shown();
            let from = shown.start as usize;
            let piece = &text[from..(shown.end as usize).min(text.len())];
            let mut found = |found: Found| {
                places.push((found.offset, found.len));
                ControlFlow::Continue(())
            };
            let half = piece.len() / 2;
            let _ = hunt.piece(shown.start, &piece[..half], &mut found)
                .is_continue() && hunt.piece(shown.start + half as u64, &piece[half..], &mut found).is_continue()
                && hunt.end(&mut found).is_continue();
            if hunt.is_done() {
                break;
            }
        }
        prop_assert_eq!(places, expected(&searcher, text, wanted));
    }
}

#[test]
fn long_texts_are_held_in_part() {
    let mut text = b"start of it ".repeat(2000);
    text.extend_from_slice(b"needle at the end");
    for source in ["needle.*", "^start", "end$"] {
        let searcher = searcher(source);
        assert_eq!(
            hunt(&searcher, &text, 1000, 3),
            expected(&searcher, &text, 3),
            "{source}"
        );
    }
}

#[test]
fn nothing_is_found_across_what_is_missing() {
    let searcher = searcher("ab");
    let mut hunt = Hunt::new(&searcher);
    hunt.begin(9);
    let mut places = Vec::new();
    let mut found = |found: Found| {
        places.push(found.offset);
        ControlFlow::Continue(())
    };
    for (at, piece) in [(0, "xa"), (5, "b ab"), (20, "ab")] {
        assert!(hunt.piece(at, piece.as_bytes(), &mut found).is_continue());
    }
    assert!(hunt.end(&mut found).is_continue());
    assert_eq!(places, [7, 20]);
}
