//! Writing options to a configuration file, so that what its owner wrote there stays.
//!
//! A file is edited by lines: an entry is the line with its name at the left edge and all lines until the next one. Entries whose
//! value is still the same stay as they are, with their comments; others get another value, and entries for what is a default
//! again go. What comes out is read back before it replaces anything.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::def::Value;
use super::file::{FileError, FileProblem};
use super::{Values, all, def, keys, parse};

impl Values {
    /// Writes the options that are not defaults to a file, which is made if it does not exist. Other lines of the file stay.
    ///
    /// # Errors
    /// When the file cannot be read, understood or written; it is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let failed = |problem| FileError::new(path, problem);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error.into())),
        };
        let text = self.edit(&text).map_err(|(line, problem)| FileError {
            line,
            ..failed(problem)
        })?;
        replace(path, &text).map_err(|error| failed(FileProblem::Write(error)))
    }

    /// Writes some options to a file, in the syntax of `--set`: those of a program that starts with it. What else stands in the file
    /// stays.
    ///
    /// # Errors
    /// As [`save`](Self::save), and when a specification has no meaning.
    pub fn save_some<S: AsRef<str>>(&self, path: &Path, specs: &[S]) -> Result<(), FileError> {
        let mut values = self.defaults();
        if path.exists() {
            values.load_file(path)?;
        }
        let read = parse::specs(specs, &values);
        let batch = read.map_err(|error| FileError::new(path, error))?;
        for (name, value) in batch {
            let set = values.set(name, value);
            set.map_err(|error| FileError::new(path, error))?;
        }
        values.save(path)
    }

    /// The text of a file with these values.
    fn edit(&self, text: &str) -> Result<String, (Option<u64>, FileProblem)> {
        let unclear = |why| (None, FileProblem::Unclear(why));
        // It has to be understood before it is changed.
        let mut before = self.defaults();
        let there = before.load_text(text)?;
        // What others set there is theirs.
        let of_others: Vec<_> = there
            .passed_over
            .iter()
            .filter_map(|line| line.name)
            .collect();
        let mut pieces = pieces(text);
        let named = pieces.iter().filter(|piece| piece.name.is_some()).count();
        if named != there.names.len() + of_others.len() {
            return Err(unclear(
                "its entries do not begin at the left edge, one by one",
            ));
        }
        pieces.retain(|piece| {
            let stays = |name| self.is_saved(name) || of_others.contains(&name);
            piece.name.is_none_or(stays)
        });
        let mut out = String::new();
        let mut written = Vec::new();
        for piece in &pieces {
            let Some(name) = piece.name else {
                out.push_str(piece.text);
                continue;
            };
            written.push(name);
            let (old, new) = (before.get(name), self.get(name));
            match new.filter(|new| Some(*new) != old) {
                None => out.push_str(piece.text),
                Some(new) => out.push_str(&entry(name, new, comment(piece.text))),
            }
        }
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        for def in all().filter(|def| self.is_saved(def.name) && !written.contains(&def.name)) {
            if let Some(value) = self.get(def.name) {
                out.push_str(&entry(def.name, value, ""));
            }
        }
        let mut after = self.defaults();
        after.load_text(&out)?;
        let same =
            all().all(|def| !self.is_saved(def.name) || after.get(def.name) == self.get(def.name));
        if same {
            Ok(out)
        } else {
            Err(unclear(
                "what was to be written reads back as something else",
            ))
        }
    }

    /// Defaults that lie in the same folder.
    fn defaults(&self) -> Self {
        let mut values = self.clone();
        for def in all().filter(|def| def.name != keys::CONFDIR.name()) {
            // A planned option is never anything else.
            let _ = values.set(def.name, def.default.to_value());
        }
        values
    }

    /// Whether an option stands in a file: not when it is a default, nor when the file was found through it.
    fn is_saved(&self, name: &str) -> bool {
        let default = def(name).map(|def| def.default.to_value());
        name != keys::CONFDIR.name() && self.get(name) != default.as_ref()
    }
}

/// Some lines.
struct Piece<'a> {
    /// The option that they are about; none for comments and the like.
    name: Option<&'static str>,
    text: &'a str,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces: Vec<(Option<&'static str>, std::ops::Range<usize>)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        let name = name_of(line);
        let is_more =
            line.starts_with([' ', '\t']) || line.starts_with("- ") || line.trim_end() == "-";
        match pieces.last_mut() {
            // Lines that are indented, and items, belong to the name above.
            Some((Some(_), last)) if name.is_none() && is_more => last.end = range.end,
            Some((None, last)) if name.is_none() => last.end = range.end,
            _ => pieces.push((name, range)),
        }
    }
    let text = |range| text.get(range).unwrap_or_default();
    pieces
        .into_iter()
        .map(|(name, range)| Piece {
            name,
            text: text(range),
        })
        .collect()
}

/// The option whose name stands at the start of the line.
fn name_of(line: &str) -> Option<&'static str> {
    let (name, _) = line.split_once(':')?;
    let name = name.trim_end().trim_matches(['"', '\'']);
    def(name).map(|def| def.name)
}

/// The comment at the end of an entry's only line.
fn comment(entry: &str) -> &str {
    let line = entry.trim_end();
    match line.rfind(" #") {
        Some(at) if !line.contains('\n') && !line[at..].contains(['"', '\'']) => &line[at..],
        _ => "",
    }
}

fn entry(name: &str, value: &Value, comment: &str) -> String {
    let scalar = |text: String| format!("{name}: {text}{comment}\n");
    match value {
        Value::Bool(value) => scalar(value.to_string()),
        Value::Int(value) => scalar(value.to_string()),
        Value::OptInt(value) => scalar(value.map_or("null".to_owned(), |value| value.to_string())),
        Value::Str(text) => scalar(quoted(text)),
        Value::OptStr(text) => scalar(text.as_deref().map_or("null".to_owned(), quoted)),
        Value::List(texts) if texts.is_empty() => scalar("[]".to_owned()),
        Value::List(texts) => {
            let items: String = texts
                .iter()
                .map(|text| format!("  - {}\n", quoted(text)))
                .collect();
            format!("{name}:{comment}\n{items}")
        }
    }
}

/// A text in double quotes (YAML 1.2.2 §5.7).
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Puts a text in the place of a file at once, whoever reads it meanwhile. Links stay, and so do permissions.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = match fs::canonicalize(path) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(there) = fs::metadata(&path) {
        file.as_file().set_permissions(there.permissions())?;
    }
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests;
