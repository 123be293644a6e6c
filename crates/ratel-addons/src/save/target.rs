//! The file that flows are written to, whose name may change with the time.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ratel_core::clock;
use ratel_flow::Record;
use ratel_flow::io::FlowFile;
use ratel_flow::io::har::{GrowingHar, HarFile};
use time::format_description::{self, OwnedFormatItem};
use time::{OffsetDateTime, UtcOffset};

use super::{SaveError, SaveFormat, SaveSettings};

/// Where flows are written to, at any time.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was given.
    pub(super) name: String,
    pub(super) append: bool,
    form: SaveFormat,
    /// The path, as a format for the time if it is one.
    path: String,
    format: Option<OwnedFormatItem>,
    inputs: Vec<PathBuf>,
    offset: UtcOffset,
}

/// A file that can be written, which holds what it held.
#[derive(Debug)]
pub(super) struct Ready {
    path: PathBuf,
    file: File,
}

/// The file that is being written.
#[derive(Debug)]
pub(super) enum Out {
    Flows(PathBuf, Box<FlowFile>),
    Har(Box<GrowingHar>),
    /// Compressed, or into a pipe: there is no going back in it.
    HarStream(Box<HarFile<File>>),
}

impl Target {
    pub(super) fn new(settings: SaveSettings) -> Self {
        let is_har = settings.format == SaveFormat::Har;
        let (append, path) = match settings.path.strip_prefix('+') {
            Some(path) if !is_har => (true, path),
            _ => (false, &*settings.path),
        };
        let format = (path.contains('%') && !is_har)
            .then(|| format_description::parse_strftime_owned(path).ok());
        Self {
            append,
            form: settings.format,
            path: path.to_owned(),
            format: format.flatten(),
            inputs: settings.inputs,
            offset: settings.offset,
            name: settings.path,
        }
    }

    /// Opens the file for now, and leaves what it holds.
    pub(super) fn ready(&self) -> Result<Ready, SaveError> {
        let path = self.path();
        let file = self.open(&path)?;
        Ok(Ready { path, file })
    }

    /// The name for now.
    fn path(&self) -> PathBuf {
        let seconds = i64::try_from(clock::now().0 / 1_000_000_000).unwrap_or_default();
        let now = OffsetDateTime::from_unix_timestamp(seconds)
            .map(|now| now.to_offset(self.offset))
            .ok();
        let formatted = self.format.as_ref().zip(now);
        let formatted = formatted.and_then(|(format, now)| now.format(format).ok());
        PathBuf::from(formatted.unwrap_or_else(|| self.path.clone()))
    }

    /// Whether `out` is what is to be written now.
    pub(super) fn is_open(&self, out: Option<&Out>) -> bool {
        match out {
            None => false,
            Some(Out::Flows(open, _)) => *open == self.path(),
            Some(Out::Har(_) | Out::HarStream(_)) => true,
        }
    }

    /// The file for now, with nothing in it unless it is appended to. One that is `ready` is not opened again.
    pub(super) fn begin(&self, ready: Option<Ready>) -> Result<Out, SaveError> {
        let path = self.path();
        let file = match ready {
            Some(ready) if ready.path == path => ready.file,
            _ => self.open(&path)?,
        };
        Ok(match self.form {
            SaveFormat::Har => {
                let compressed = HarFile::<Vec<u8>>::is_compressed(&self.path);
                if !compressed && file.metadata()?.is_file() {
                    Out::Har(Box::new(GrowingHar::new(file)?))
                } else {
                    empty(&file)?;
                    Out::HarStream(Box::new(HarFile::new(file, compressed)?))
                }
            }
            SaveFormat::Flows if self.append => {
                Out::Flows(path, Box::new(FlowFile::append_to(file)?))
            }
            SaveFormat::Flows => Out::Flows(path, Box::new(FlowFile::over(file)?)),
        })
    }

    /// Opens a file for what is to be written, and leaves what it holds.
    fn open(&self, path: &Path) -> Result<File, SaveError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false);
        let file = match self.form {
            // Entries of an archive are written over its end.
            SaveFormat::Har => options.write(true),
            SaveFormat::Flows if self.append => options.read(true).append(true),
            SaveFormat::Flows => options.append(true),
        }
        .open(path)?;
        if !self.append && self.is_input(&file)? {
            return Err(SaveError::Input);
        }
        Ok(file)
    }

    fn is_input(&self, file: &File) -> io::Result<bool> {
        let metadata = file.metadata()?;
        let same = |input: &PathBuf| {
            std::fs::metadata(input)
                .is_ok_and(|input| (input.dev(), input.ino()) == (metadata.dev(), metadata.ino()))
        };
        Ok(metadata.is_file() && self.inputs.iter().any(same))
    }
}

impl Out {
    pub(super) fn write(&mut self, record: &Record) -> Result<(), SaveError> {
        match self {
            Self::Flows(_, file) => file.write(record)?,
            Self::Har(archive) => {
                archive.write(record)?;
            }
            Self::HarStream(archive) => {
                archive.write(record)?;
            }
        }
        Ok(())
    }

    /// Whether its end is worth a word.
    pub(super) fn finish(self) -> io::Result<bool> {
        match self {
            Self::HarStream(archive) => archive.finish().map(|_| true),
            Self::Har(_) => Ok(true),
            Self::Flows(..) => Ok(false),
        }
    }
}

/// A pipe or a terminal holds nothing.
fn empty(file: &File) -> io::Result<()> {
    match file.metadata()?.is_file() {
        true => file.set_len(0),
        false => Ok(()),
    }
}
