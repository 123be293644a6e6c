use super::*;
use crate::keymap::{Context, Key, Keymap};

fn edit(text: &str) -> TextEdit {
    let mut edit = TextEdit::new(text);
    edit.resize(11, 4);
    edit
}

/// Does what a key does by default.
fn key_in(edit: &mut TextEdit, key: Key) {
    static KEYMAP: std::sync::LazyLock<Keymap> = std::sync::LazyLock::new(Keymap::default);
    let command = KEYMAP
        .lookup(Context::Editor, key)
        .map(|binding| &*binding.command);
    let action = command.and_then(|line| line.strip_prefix("console.texteditor.do "));
    match (action, key) {
        (Some(name), _) => edit.act(Action::parse(name).expect("an action")),
        (None, Key::Char(c)) => edit.type_char(c),
        (None, _) => {}
    }
}

fn press(edit: &mut TextEdit, keys: &[&str]) {
    for key in keys {
        key_in(
            edit,
            Key::parse(key).unwrap_or_else(|| panic!("{key} is no key")),
        );
    }
}

fn shown(edit: &TextEdit) -> Vec<String> {
    edit.show().iter().map(crate::text::Text::content).collect()
}

#[test]
fn keys_edit() {
    let rows: [(&str, &[&str], &str); 16] = [
        ("ab", &["x"], "xab"),
        ("ab\ncd", &["down", "x"], "ab\nxcd"),
        ("ab\ncd", &["end", "delete"], "abcd"),
        ("ab\r\ncd", &["end", "delete"], "abcd"),
        ("ab\r\ncd", &["down", "backspace"], "abcd"),
        ("ab\r\ncd", &["ctrl end", "enter"], "ab\r\ncd\r\n"),
        ("  a", &["end", "enter", "b"], "  a\n  b"),
        ("a", &["tab"], "\ta"),
        ("ab\ncd", &["ctrl k"], "\ncd"),
        ("ab\ncd", &["ctrl k", "ctrl k"], "cd"),
        ("ab\ncd", &["ctrl end", "ctrl u"], "ab\n"),
        ("one two", &["ctrl end", "ctrl w"], "one "),
        ("e\u{301}x", &["right", "backspace"], "x"),
        ("日本", &["right", "x"], "日x本"),
        ("\u{1b}[2J", &["delete"], "[2J"),
        ("ab", &["left", "up", "page up", "f5"], "ab"),
    ];
    for (text, keys, expected) in rows {
        let mut edit = edit(text);
        press(&mut edit, keys);
        assert_eq!(edit.text(), expected, "{text:?} {keys:?}");
    }
}

#[test]
fn what_was_done_in_one_go_is_undone_in_one_go() {
    let mut edit = edit("");
    for c in "one two".chars() {
        key_in(&mut edit, Key::Char(c));
    }
    press(&mut edit, &["enter", "x", "backspace", "backspace"]);
    assert_eq!(edit.text(), "one two");
    let mut seen = Vec::new();
    for _ in 0..8 {
        press(&mut edit, &["ctrl z"]);
        seen.push(edit.text().to_owned());
    }
    assert!(seen.contains(&"one".to_owned()), "{seen:?}");
    assert_eq!(edit.text(), "");
    for _ in 0..8 {
        press(&mut edit, &["ctrl y"]);
    }
    assert_eq!(edit.text(), "one two");
}

#[test]
fn long_lines_are_wrapped_and_the_cursor_goes_by_rows() {
    let mut edit = edit("0123456789abcdefghij!\n日本語日本語\nx");
    assert_eq!(
        shown(&edit),
        ["0123456789", "abcdefghij", "!", "日本語日本"]
    );
    press(&mut edit, &["right", "right", "down", "x"]);
    assert_eq!(shown(&edit)[1], "abxcdefghi");
    // Through a shorter row the column is kept.
    press(&mut edit, &["down", "down", "down", "down"]);
    assert_eq!(shown(&edit).last().unwrap(), "x ");
    press(&mut edit, &["up", "up"]);
    assert_eq!(edit.position(), (2, 2));
    press(&mut edit, &["ctrl home", "page down"]);
    assert_eq!(shown(&edit)[0], "0123456789");
    edit.click(2, 1);
    press(&mut edit, &["y"]);
    assert_eq!(shown(&edit)[2], "jy!");
}

#[test]
fn nothing_that_a_terminal_obeys_is_shown() {
    let mut edit = edit("a\u{1b}b\tc\u{202e}\r\nx");
    edit.resize(40, 4);
    assert_eq!(shown(&edit), ["a\\x1bb  c\\u{202e}", "x"]);
    edit.insert("p\u{1b}[1m\r\nq\tr");
    assert_eq!(edit.text(), "p[1m\r\nq\tra\u{1b}b\tc\u{202e}\r\nx");
}

#[test]
fn a_text_does_not_grow_beyond_its_bound() {
    let mut edit = edit("a");
    edit.insert(&"x".repeat(LENGTH_MAX));
    assert_eq!(edit.text(), "a");
    edit.set("b\nc");
    assert_eq!((edit.text(), edit.lines()), ("b\nc", 2));
    press(&mut edit, &["ctrl z"]);
    assert_eq!(edit.text(), "a");
}

proptest::proptest! {
    #[test]
    fn nothing_panics_and_rows_fit(
        start in "[a-c\t\r\n日e\u{301}\u{1b}\u{202e} ]{0,60}",
        keys in proptest::collection::vec(0usize..400, 0..60),
        (width, height) in (0usize..14, 0usize..6),
    ) {
        let named = crate::keymap::NAMED;
        let mut edit = TextEdit::new(start.clone());
        edit.resize(width, height);
        for key in keys {
            let chars = ['a', 'b', 'd', 'f', 'h', 'k', 'u', 'w', 'y', 'z', '日', '\u{301}', ' '];
            let c = chars[key % chars.len()];
            key_in(&mut edit, match key % 4 {
                0 => Key::Named(named[key % named.len()]),
                1 => Key::Ctrl(c),
                2 => Key::Meta(c),
                _ => Key::Char(c),
            });
            edit.click(key % 7, key % 13);
            let shown = edit.show();
            proptest::prop_assert!(shown.len() <= height);
            if width > 8 {
                for row in &shown {
                    proptest::prop_assert!(row.width() <= width, "{row:?}");
                    proptest::prop_assert!(!row.content().chars().any(char::is_control));
                }
            }
            let has_cursor = shown.iter().flat_map(|row| &row.spans).any(|span| span.role == crate::theme::Role::Cursor);
            proptest::prop_assert!(has_cursor || height == 0);
        }
        for _ in 0..200 {
            key_in(&mut edit, Key::Ctrl('z'));
        }
        proptest::prop_assert_eq!(edit.text(), start);
    }
}

#[test]
fn actions_are_called_as_commands_list_them() {
    let names: Vec<_> = Action::ALL.iter().map(|(name, _)| *name).collect();
    let listed = ratel_core::commands::def("console.texteditor.do.options");
    assert_eq!(listed.map(|def| def.lists), Some(&names[..]));
}
