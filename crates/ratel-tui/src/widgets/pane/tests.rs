use bytes::Bytes;

use super::*;

fn visible(pane: &Pane) -> Vec<String> {
    pane.rows
        .iter()
        .skip(pane.top)
        .take(pane.height)
        .map(|row| row.text.content())
        .collect()
}

fn raw(bytes: &[u8], offset: u64, total: u64) -> Content {
    let part = BodyPart {
        bytes: Bytes::copy_from_slice(bytes),
        offset,
        total,
        complete: true,
        lost: false,
    };
    Content {
        head: vec![Text::plain(Role::Text, "head")],
        body: Some((part, BodyText::Raw)),
        tail: Vec::new(),
    }
}

fn pane(width: usize, height: usize, content: Content) -> Pane {
    let mut pane = Pane::default();
    pane.resize(width, height);
    pane.set(content);
    pane
}

#[test]
fn rows_are_wrapped_by_columns() {
    let rows: [(&[u8], usize, &[&str]); 6] = [
        (b"abcdef", 4, &["abcd", "ef"]),
        (b"a\tb\r\nc", 8, &["a   b", "c"]),
        ("日本語".as_bytes(), 5, &["日本", "語"]),
        (b"ab\xff\x1b", 6, &["ab\\xff", "\\x1b"]),
        (b"a\n\nb\n", 6, &["a", "", "b"]),
        (b"abc", 1, &["a", "b", "c"]),
    ];
    for (bytes, width, expected) in rows {
        let mut content = raw(bytes, 0, bytes.len() as u64);
        content.head.clear();
        assert_eq!(visible(&pane(width, 10, content)), expected);
    }
}

#[test]
fn the_place_at_the_top_stays_when_the_width_changes() {
    let text: String = (0..50)
        .map(|n| format!("{n:03} 0123456789012345678901234567890123456789\n"))
        .collect();
    let mut pane = pane(80, 5, raw(text.as_bytes(), 0, text.len() as u64));
    pane.scroll(21);
    assert!(visible(&pane)[0].starts_with("020 "));
    for width in [10, 44, 13, 80] {
        pane.resize(width, 5);
        assert!(
            visible(&pane)[0].starts_with("020 "),
            "{width}: {:?}",
            visible(&pane)
        );
    }
}

#[test]
fn the_place_at_the_top_stays_when_the_window_moves() {
    let text: String = (0..100).map(|n| format!("{n:03}\n")).collect();
    let bytes = text.as_bytes();
    let mut pane = pane(10, 5, raw(&bytes[..200], 0, 400));
    assert!(pane.scroll(44), "the end of the window is near");
    let before = visible(&pane);
    assert_eq!(pane.wanted(), BodyFrom::Around(172));
    pane.set(raw(&bytes[100..300], 100, 400));
    assert_eq!(visible(&pane), before);
    assert_eq!(
        pane.wanted(),
        BodyFrom::Around(172),
        "what is read again is what is shown"
    );
}

#[test]
fn an_end_that_is_in_view_is_followed() {
    let mut pane = pane(10, 2, raw(b"1\n2\n3\n", 0, 6));
    pane.go_to_end();
    assert_eq!(visible(&pane), ["2", "3"]);
    pane.set(raw(b"1\n2\n3\n4\n", 0, 8));
    assert_eq!(visible(&pane), ["3", "4"]);
    pane.scroll(-1);
    pane.set(raw(b"1\n2\n3\n4\n5\n", 0, 10));
    assert_eq!(visible(&pane), ["2", "3"]);
}

#[test]
fn a_match_may_go_over_the_end_of_a_row() {
    let mut pane = pane(4, 1, raw(b"xxneedlexx", 0, 10));
    pane.set_needle("needle".into());
    assert_eq!(pane.search(false), SearchStep::Here);
    assert_eq!(visible(&pane), ["xxne"]);
}
