//! Where bytes go: standard output, or a file that takes its place in one step.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use super::form::Form;
use crate::errand::{self, Trouble};

/// Bytes under way. What is not [kept](Self::keep) leaves no file behind.
pub(super) struct Target {
    sink: Sink,
    path: Option<PathBuf>,
}

/// A file of its own is for its owner alone: what is in it may be anybody's passwords.
enum Sink {
    Stdout(BufWriter<io::Stdout>),
    Plain(BufWriter<NamedTempFile>),
    Gzip(GzEncoder<BufWriter<NamedTempFile>>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<NamedTempFile>>),
}

impl Target {
    pub(super) fn open(out: &str, form: Form, force: bool) -> Result<Self, Trouble> {
        if out == "-" {
            if !form.is_text() && io::stdout().is_terminal() {
                let message = format!("the format {} is not for a terminal to show", form.name());
                return Err(Trouble::new(message).hint("name a file, or a program after `|`"));
            }
            return Ok(Self {
                sink: Sink::Stdout(BufWriter::new(io::stdout())),
                path: None,
            });
        }
        let path = Path::new(out);
        errand::check_target(path, force)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".ratel-")
            .tempfile_in(folder)
            .map_err(|error| Trouble::new(format!("cannot write {out}: {error}")))?;
        let file = BufWriter::new(file);
        let name = out.to_ascii_lowercase();
        let sink = if name.ends_with(".gz") {
            Sink::Gzip(GzEncoder::new(file, Compression::default()))
        } else if name.ends_with(".zst") {
            let encoder = zstd::stream::write::Encoder::new(file, 0);
            Sink::Zstd(encoder.map_err(|error| Trouble::new(format!("cannot compress: {error}")))?)
        } else {
            Sink::Plain(file)
        };
        Ok(Self {
            sink,
            path: Some(path.to_owned()),
        })
    }

    /// Puts everything into its place.
    pub(super) fn keep(self) -> io::Result<()> {
        let mut file = match self.sink {
            Sink::Stdout(mut out) => return out.flush(),
            Sink::Plain(file) => file,
            Sink::Gzip(encoder) => encoder.finish()?,
            Sink::Zstd(encoder) => encoder.finish()?,
        };
        file.flush()?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        if let Some(path) = self.path {
            let _: File = file.persist(path).map_err(|refused| refused.error)?;
        }
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(out) => out.write(bytes),
            Sink::Plain(out) => out.write(bytes),
            Sink::Gzip(out) => out.write(bytes),
            Sink::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(out) => out.flush(),
            // What is in them is seen by nobody before its end.
            Sink::Plain(_) | Sink::Gzip(_) | Sink::Zstd(_) => Ok(()),
        }
    }
}
