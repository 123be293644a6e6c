//! Marks of flows: the names by which they are chosen, and their signs.
//!
//! The names are those of emoji, as chats and mitmproxy have them.

/// The mark of one that has no name of its own.
pub const DEFAULT: &str = ":default:";

/// The sign of that mark, and of marks of files that nobody knows.
const DOT: &str = "●";

/// Joins several signs to one, which not every terminal can show.
const JOINER: char = '\u{200d}';

/// Asks for the colourful form of a sign; terminals do not agree on how wide it is.
const VARIANT: char = '\u{fe0f}';

/// Whether a flow can be marked by that name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    name == DEFAULT || letter(name).is_some() || find(name).is_some()
}

/// What a mark looks like. It takes one or two columns.
#[must_use]
pub fn sign(name: &str) -> String {
    if let Some(letter) = letter(name) {
        return letter.to_string();
    }
    let shown = find(name).map_or(DOT, |emoji| emoji.as_str());
    let first = shown.split(JOINER).next().unwrap_or(DOT);
    first.chars().filter(|c| *c != VARIANT).collect()
}

/// All names, with their signs.
pub fn names() -> impl Iterator<Item = (String, String)> {
    let emoji = emojis::iter().flat_map(|emoji| emoji.shortcodes());
    emoji.map(|name| {
        let name = format!(":{name}:");
        let sign = sign(&name);
        (name, sign)
    })
}

/// A mark that is a letter or a digit.
fn letter(name: &str) -> Option<char> {
    let mut chars = name.chars();
    let first = chars.next().filter(char::is_ascii_alphanumeric)?;
    chars.next().is_none().then_some(first)
}

fn find(name: &str) -> Option<&'static emojis::Emoji> {
    let name = name.strip_prefix(':')?.strip_suffix(':')?;
    emojis::get_by_shortcode(name)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn marks_have_signs() {
        for (name, expected) in [
            (DEFAULT, "●"),
            (":grapes:", "🍇"),
            (":+1:", "👍"),
            (":heart:", "❤"),
            (":man_astronaut:", "👨"),
            ("x", "x"),
            (":nope:", "●"),
            ("whatever a script says", "●"),
        ] {
            assert_eq!(sign(name), expected, "{name}");
        }
        assert!(is_known(DEFAULT) && is_known("7") && is_known(":1st_place_medal:"));
        assert!(!is_known(":nope:") && !is_known("grapes") && !is_known("") && !is_known("::"));
    }

    #[test]
    fn signs_are_narrow() {
        let mut count = 0;
        for (name, sign) in names() {
            assert!((1..=2).contains(&sign.width()), "{name} {sign}");
            count += 1;
        }
        assert!(count > 1800, "{count} names");
    }
}
