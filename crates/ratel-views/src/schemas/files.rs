//! Finding `.proto` files: all below a folder, and those that a file imports.
//!
//! An import names a file from a root that the file itself does not mention. For a folder the roots are seen from the
//! imports of its files: what is imported as `b.proto` and lies at `vendor/b.proto` is meant, if nothing fits better.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use protox::Error;
use protox::file::{File, FileResolver, GoogleFileResolver};

use super::SchemaError;

/// More files than this in a folder are refused: it is not a folder of schemas.
const MAX_FILES: usize = 10_000;

/// More folders than this below one are refused.
const MAX_FOLDERS: usize = 20_000;

/// A file is looked for from its folder up to so many folders above.
const MAX_ABOVE: usize = 16;

/// Files by the names under which others import them.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    named: BTreeMap<String, PathBuf>,
    roots: Vec<PathBuf>,
}

impl Files {
    /// One file; what it imports is found from its folder and those above.
    pub(super) fn one(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new(""));
        Self {
            named: BTreeMap::from([(name, path.to_owned())]),
            roots: above(folder),
        }
    }

    /// All `.proto` files below a folder.
    pub(super) fn below(folder: &Path) -> Result<Self, SchemaError> {
        let mut paths = list(folder)?;
        if paths.is_empty() {
            return Err(SchemaError::Empty {
                path: folder.to_owned(),
            });
        }
        let mut files = Self {
            named: BTreeMap::new(),
            roots: above(folder),
        };
        let mut imports = BTreeSet::new();
        for (name, path) in &paths {
            // One that cannot be read is refused when it is compiled.
            let Ok(file) = File::open(name, path) else {
                continue;
            };
            imports.extend(file.file_descriptor_proto().dependency.iter().cloned());
        }
        // The longest say most about where the file is.
        let mut imports: Vec<_> = imports.into_iter().collect();
        imports.sort_by_key(|import| std::cmp::Reverse(import.len()));
        for import in imports {
            let within = format!("/{import}");
            let fitting = paths.keys().filter(|name| {
                **name == import
                    || name.ends_with(&within) && !import.starts_with("google/protobuf/")
            });
            if let Some(name) = fitting.min_by_key(|name| name.len()).cloned()
                && let Some(path) = paths.remove(&name)
            {
                files.named.insert(import, path);
            }
        }
        files.named.extend(paths);
        Ok(files)
    }

    /// The names of the files.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// Whether there is a file of that name, whatever is in it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).is_some() || GoogleFileResolver::new().open_file(name).is_ok()
    }

    /// Where the file of that name is.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let beside = || {
            let mut paths = self.roots.iter().map(|root| root.join(name));
            paths.find(|path| path.is_file())
        };
        self.named.get(name).cloned().or_else(beside)
    }
}

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        if let Some(path) = self.named.get(name) {
            return File::open(name, path);
        }
        GoogleFileResolver::new()
            .open_file(name)
            .or_else(|error| match self.path(name) {
                Some(path) => File::open(name, &path),
                None => Err(error),
            })
    }
}

/// The folder and those above it.
fn above(folder: &Path) -> Vec<PathBuf> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let folders = absolute.ancestors().take(MAX_ABOVE).map(Path::to_owned);
    folders.collect()
}

/// The `.proto` files below a folder with their names from there. Hidden folders are passed over.
fn list(folder: &Path) -> Result<BTreeMap<String, PathBuf>, SchemaError> {
    let failed = |path: &Path, source: io::Error| SchemaError::Read {
        path: path.to_owned(),
        source,
    };
    let mut found = BTreeMap::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    let mut seen = 0;
    while let Some((prefix, path)) = folders.pop() {
        seen += 1;
        for entry in fs::read_dir(&path).map_err(|error| failed(&path, error))? {
            let entry = entry.map_err(|error| failed(&path, error))?;
            let path = entry.path();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(|error| failed(&path, error))?;
            if kind.is_dir() {
                if !entry.file_name().to_string_lossy().starts_with('.') {
                    folders.push((format!("{name}/"), path));
                }
            } else if name.ends_with(".proto") && path.is_file() {
                found.insert(name, path);
            }
        }
        if found.len() > MAX_FILES || seen + folders.len() > MAX_FOLDERS {
            return Err(SchemaError::TooMany {
                path: folder.to_owned(),
            });
        }
    }
    Ok(found)
}
