//! The programs that texts and bodies are opened in, by the environment and by what is installed.

use ratel_tui::Programs;

/// Editors that are looked for when none is named.
const EDITORS: [&str; 4] = ["sensible-editor", "nano", "vim", "vi"];

/// What the environment names: `MITMPROXY_EDITOR`, then `EDITOR` for texts; before that `PAGER` for what is only looked at.
pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Programs {
    let named = |names: &[&str]| {
        let words = |name: &&str| Some(words(&variable(name)?)).filter(|words| !words.is_empty());
        names.iter().find_map(words)
    };
    let path = variable("PATH").unwrap_or_default();
    let installed = |names: &[&str]| {
        let found = names.iter().find(|name| is_installed(&path, name));
        found.map(|name| vec![(*name).to_owned()])
    };
    Programs {
        editor: named(&["MITMPROXY_EDITOR", "EDITOR"]).or_else(|| installed(&EDITORS)),
        viewer: named(&["MITMPROXY_EDITOR", "PAGER", "EDITOR"])
            .or_else(|| installed(&["less"]))
            .or_else(|| installed(&EDITORS)),
    }
}

/// Words as a shell tells them apart, with quotes and backslashes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn is_installed(path: &str, name: &str) -> bool {
    let mut folders = std::env::split_paths(path).filter(|folder| !folder.as_os_str().is_empty());
    folders.any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_programs() {
        let of = |variables: &[(&str, &str)]| {
            let programs = of(|name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            });
            let text = |program: Option<Vec<String>>| {
                program.map(|words| words.join("|")).unwrap_or_default()
            };
            (text(programs.editor), text(programs.viewer))
        };
        let pair = |editor: &str, viewer: &str| (editor.to_owned(), viewer.to_owned());
        assert_eq!(
            of(&[("EDITOR", "code --wait"), ("PAGER", "less -R")]),
            pair("code|--wait", "less|-R")
        );
        assert_eq!(
            of(&[("EDITOR", "vi"), ("MITMPROXY_EDITOR", "'/my editor' a\\ b")]),
            pair("/my editor|a b", "/my editor|a b")
        );
        assert_eq!(of(&[("EDITOR", " ")]), pair("", ""));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("vi"), "").unwrap();
        assert_eq!(
            of(&[("PATH", folder.path().to_str().unwrap())]),
            pair("vi", "vi")
        );
    }
}
