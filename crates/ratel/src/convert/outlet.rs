//! Writes flows in any of the formats.

use std::io;

use ratel_capture::PcapngWriter;
use ratel_flow::Record;
use ratel_flow::export::{AddError, Document, ExportError, ExportOptions};
use ratel_flow::io::har::{HarFile, Written};
use ratel_flow::io::{FlowWriter, WriteError};

use super::form::Form;
use super::target::Target;
use crate::errand::Trouble;

/// A file or a text that flows are added to.
pub(super) enum Outlet {
    Text(Document<Target>),
    Flow(FlowWriter<Target>),
    Har(HarFile<Target>),
    Pcapng(Box<PcapngWriter<Target>>),
}

/// What became of a flow.
pub(super) enum Added {
    Yes,
    /// The format has no place for flows of its kind.
    NoPlace,
    /// It is left out: why.
    Failed(String),
}

/// Why no more can be written; none when nobody reads what is.
pub(super) type Stop = Option<Trouble>;

impl Outlet {
    pub(super) fn new(form: Form, target: Target, options: ExportOptions) -> Result<Self, Trouble> {
        Ok(match form {
            Form::Text(format) => Self::Text(Document::new(target, format, options)),
            Form::Flow => Self::Flow(FlowWriter::new(target)),
            Form::Har | Form::Zhar => {
                let file = HarFile::new(target, form == Form::Zhar);
                Self::Har(file.map_err(|error| unwritable(&error))?)
            }
            Form::Pcapng => Self::Pcapng(Box::new(PcapngWriter::new(target))),
        })
    }

    pub(super) fn add(&mut self, record: &Record) -> Result<Added, Stop> {
        match self {
            Self::Text(document) => match document.add(record) {
                Ok(()) => Ok(Added::Yes),
                Err(AddError::Export(ExportError::NotHttp | ExportError::Tunnel)) => {
                    Ok(Added::NoPlace)
                }
                Err(AddError::Export(error)) => Ok(Added::Failed(error.to_string())),
                Err(AddError::Io(error)) => Err(stop(&error)),
                Err(error) => Err(Some(
                    Trouble::new(format!("{error}, and there are more"))
                        .hint("choose one with a filter, such as `~u REGEX`"),
                )),
            },
            Self::Flow(writer) => match writer.write(record) {
                Ok(()) => Ok(Added::Yes),
                Err(WriteError::Output(error)) => Err(stop(&error)),
                Err(error) => Ok(Added::Failed(error.to_string())),
            },
            Self::Har(file) => match file.write(record) {
                Ok(Written::Entry) => Ok(Added::Yes),
                Ok(Written::NotHttp) => Ok(Added::NoPlace),
                Err(error) => Err(stop(&error)),
            },
            Self::Pcapng(writer) => match writer.add(record) {
                Ok(()) => Ok(Added::Yes),
                Err(error) => Err(Some(packets(&error))),
            },
        }
    }

    pub(super) fn finish(self) -> Result<(), Stop> {
        let target = match self {
            Self::Text(document) => document.finish().map_err(|error| stop(&error))?,
            Self::Flow(writer) => writer.into_inner(),
            Self::Har(file) => file.finish().map_err(|error| stop(&error))?,
            Self::Pcapng(writer) => match writer.finish() {
                Ok((target, _)) => target,
                Err(ratel_capture::WriteError::Write { source }) => return Err(stop(&source)),
                Err(error) => return Err(Some(packets(&error))),
            },
        };
        target.keep().map_err(|error| stop(&error))
    }
}

fn stop(error: &io::Error) -> Stop {
    (error.kind() != io::ErrorKind::BrokenPipe).then(|| unwritable(error))
}

fn unwritable(error: &io::Error) -> Trouble {
    Trouble::new(format!("cannot write: {error}"))
}

fn packets(error: &ratel_capture::WriteError) -> Trouble {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}"));
    Trouble {
        message: format!("{error}{}", cause.unwrap_or_default()),
        hint: error.hint().map(str::to_owned),
    }
}
