//! Where a file is made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that takes the place of another does so once it is complete: what goes wrong leaves the other as it was, and
/// flows that lie in it can be read until then.
pub(super) struct Place {
    target: PathBuf,
    beside: Option<NamedTempFile>,
}

impl Place {
    /// For a file of that name. What is appended to is written to as it is.
    pub(super) fn new(path: &Path, append: bool) -> io::Result<Self> {
        // What a link leads to is what is written.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let there = fs::metadata(&target).ok();
        if there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a folder",
            ));
        }
        // A pipe or a terminal is written to as it is.
        let is_special = there.as_ref().is_some_and(|there| !there.is_file());
        if is_special || append {
            return Ok(Self {
                target,
                beside: None,
            });
        }
        let folder = target.parent().filter(|at| !at.as_os_str().is_empty());
        let beside = tempfile::Builder::new()
            .prefix(".ratel-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .map_err(without_name)?;
        if let Some(there) = there {
            beside.as_file().set_permissions(there.permissions())?;
        }
        Ok(Self {
            target,
            beside: Some(beside),
        })
    }

    /// What it is called in the end.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Where it is written.
    pub(super) fn path(&self) -> &Path {
        self.beside
            .as_ref()
            .map_or(&*self.target, |file| file.path())
    }

    /// Puts it into its place.
    pub(super) fn keep(self) -> io::Result<()> {
        match self.beside {
            Some(file) => match file.persist(self.target) {
                Ok(_) => Ok(()),
                Err(refused) => Err(refused.error),
            },
            None => Ok(()),
        }
    }
}

/// The error without the name of a file that nobody has asked for.
fn without_name(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(std::error::Error::source);
    let cause = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.and_then(io::Error::raw_os_error) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error,
    }
}
