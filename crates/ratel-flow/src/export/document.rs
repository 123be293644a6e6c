//! Several flows in one text.

use std::io::{self, Write};

use super::{ExportError, ExportOptions, Format, export_record};
use crate::Record;
use crate::format::escape;

/// A text that flows are added to. One flow is written as it is; where there are more, each says which one it is, as far
/// as the format has comments.
#[derive(Debug)]
pub struct Document<W> {
    out: W,
    format: Format,
    options: ExportOptions,
    /// The first flow, which waits for whether there is another one: what it is, and its text.
    first: Option<(String, Vec<u8>)>,
    count: u64,
}

/// Why a flow was not added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The format has no words for it.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The format has room for one flow.
    #[error("the format {0} is for one flow")]
    OneOnly(&'static str),
    /// The text cannot be written.
    #[error("cannot write it")]
    Io(#[from] io::Error),
}

impl<W: Write> Document<W> {
    /// Begins a text.
    pub fn new(out: W, format: Format, options: ExportOptions) -> Self {
        Self {
            out,
            format,
            options,
            first: None,
            count: 0,
        }
    }

    /// How many flows are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds a flow.
    ///
    /// # Errors
    /// When the format has no words for it, none for several, or the text cannot be written.
    pub fn add(&mut self, record: &Record) -> Result<(), AddError> {
        let text = export_record(self.format, record, self.options)?;
        if self.format == Format::Go && self.count > 0 {
            return Err(AddError::OneOnly(self.format.name()));
        }
        self.count += 1;
        let title = title(record);
        if self.count == 1 {
            self.first = Some((title, text));
            return Ok(());
        }
        if let Some((title, text)) = self.first.take() {
            self.write(1, &title, &text)?;
        }
        self.write(self.count, &title, &text)?;
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if let Some((_, text)) = self.first.take() {
            self.out.write_all(&text)?;
            // A file of lines ends with a line end; messages are what they are.
            if !self.is_raw() && !text.ends_with(b"\n") {
                self.out.write_all(b"\n")?;
            }
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn is_raw(&self) -> bool {
        matches!(
            self.format,
            Format::Raw | Format::RawRequest | Format::RawResponse
        )
    }

    fn write(&mut self, number: u64, title: &str, text: &[u8]) -> io::Result<()> {
        let out = &mut self.out;
        match self.format {
            Format::Raw | Format::RawRequest | Format::RawResponse => {
                if number > 1 {
                    out.write_all(b"\r\n\r\n")?;
                }
                return out.write_all(text);
            }
            // Each in a block of its own, since names may be given once.
            Format::Fetch => {
                writeln!(out, "// {number}: {title}\n{{")?;
                out.write_all(text)?;
                return out.write_all(b"}\n\n");
            }
            Format::Curl | Format::Httpie | Format::Python | Format::Go => {}
        }
        writeln!(out, "# {number}: {title}")?;
        out.write_all(text)?;
        out.write_all(if text.ends_with(b"\n") {
            b"\n"
        } else {
            b"\n\n"
        })
    }
}

/// What a flow is, in a line that ends no comment.
fn title(record: &Record) -> String {
    let Some(http) = record.http() else {
        return String::new();
    };
    let method = String::from_utf8_lossy(&http.request.method);
    let title = format!("{method} {}", http.request.pretty_url());
    let title = match &http.response {
        Some(response) => format!("{title} ({})", response.status),
        None => title,
    };
    escape(&title).replace('\t', ".")
}
