//! Which files of a folder a URL may mean.

use std::path::{Component, Path, PathBuf};

use ratel_flow::form::decode_percent;

/// The paths that the end of a URL may mean, the likeliest first. None at all if one would lead out of the folder.
pub(super) fn of(root: &Path, suffix: &str) -> Vec<PathBuf> {
    if root.is_file() {
        return vec![root.to_path_buf()];
    }
    if suffix.is_empty() {
        return vec![root.join("index.html")];
    }
    let decoded = decode_percent(suffix.as_bytes());
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    let plain: String = decoded
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    let mut names = vec![decoded.clone(), format!("{decoded}/index.html")];
    if plain != decoded {
        names.extend([plain.clone(), format!("{plain}/index.html")]);
    }
    let paths = names.iter().map(|name| join(root, name));
    paths.collect::<Option<_>>().unwrap_or_default()
}

/// What file names are made of everywhere.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.=(),/".contains(c)
}

/// The path below `root`; none if it would lead elsewhere, or is none.
fn join(root: &Path, name: &str) -> Option<PathBuf> {
    let mut path = root.to_path_buf();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) if !is_device(part) => path.push(part),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}

/// Names that are no files on Windows, wherever they stand, and streams beside files (`file.txt:secret`).
fn is_device(part: &std::ffi::OsStr) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    if !cfg!(windows) {
        return false;
    }
    let name = part.to_string_lossy().to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let is_port = (stem.starts_with("com") || stem.starts_with("lpt")) && stem.chars().count() == 4;
    name.contains(':') || is_port || DEVICES.contains(&stem)
}

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// A file, which is the root or lies in it by its real path: this one.
    File(PathBuf),
    /// A file to which a symbolic link leads, out of the folder.
    Outside,
    /// No file.
    Absent,
}

/// Looks for a file at that path.
pub(super) fn look(root: &Path, candidate: &Path) -> Candidate {
    match std::fs::canonicalize(candidate) {
        Ok(real) if !real.is_file() => Candidate::Absent,
        Ok(real) if real.starts_with(root) => Candidate::File(real),
        Ok(_) => Candidate::Outside,
        Err(_) => Candidate::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(suffix: &str) -> Vec<String> {
        let root = tempfile::tempdir().expect("a folder");
        let paths = of(root.path(), suffix);
        let name = |path: &PathBuf| {
            let inner = path.strip_prefix(root.path()).expect("it is inside");
            inner.display().to_string()
        };
        paths.iter().map(name).collect()
    }

    #[test]
    fn names_are_tried_in_order() {
        assert_eq!(names(""), ["index.html"]);
        assert_eq!(names("a/b.js"), ["a/b.js", "a/b.js/index.html"]);
        assert_eq!(
            names("a%20b"),
            ["a b", "a b/index.html", "a_b", "a_b/index.html"]
        );
        assert_eq!(names("a//./b"), ["a/b", "a/b/index.html"]);
        let no_file = look(Path::new("/"), Path::new("/a\0b"));
        assert_eq!(no_file, Candidate::Absent);
    }

    #[test]
    fn nothing_leads_out() {
        let out = [
            "..",
            "../x",
            "a/../../x",
            "%2e%2e/x",
            "..%2fx",
            "/etc/passwd",
            "%2fetc%2fpasswd",
            "a/..",
        ];
        for suffix in out {
            assert!(names(suffix).is_empty(), "{suffix}");
        }
        if cfg!(windows) {
            for suffix in [
                "..\\x",
                "C:\\x",
                "C:x",
                "\\\\host\\x",
                "nul",
                "a/con.txt",
                "a:b",
            ] {
                assert!(names(suffix).is_empty(), "{suffix}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, out) = (folder.path().join("in"), folder.path().join("out"));
        for path in [&root, &out] {
            std::fs::create_dir(path).expect("a folder can be made");
            std::fs::write(path.join("file"), "x").expect("a file can be written");
        }
        let root = std::fs::canonicalize(root).expect("it is there");
        std::os::unix::fs::symlink(&out, root.join("folder")).expect("a link can be made");
        std::os::unix::fs::symlink(out.join("file"), root.join("link")).expect("a link");
        std::os::unix::fs::symlink("file", root.join("good")).expect("a link");
        let found = |name: &str| look(&root, &root.join(name));
        let file = || Candidate::File(root.join("file"));
        assert_eq!(found("file"), file());
        assert_eq!(found("good"), file());
        assert_eq!(found("link"), Candidate::Outside);
        assert_eq!(found("folder/file"), Candidate::Outside);
        assert_eq!(found("folder/absent"), Candidate::Absent);
        assert_eq!(found("absent"), Candidate::Absent);
        assert_eq!(look(&root, &root), Candidate::Absent, "a folder is no file");
    }
}
