//! `cut.save`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use ratel_core::cut::{Value, csv, cut};
use ratel_flow::FlowId;

use super::place::Place;
use super::{Means, Progress};

/// Writes attributes to a file; says what was written.
pub(super) fn save(
    flows: &[FlowId],
    cuts: &[String],
    path: &Path,
    append: bool,
    means: &Means<'_>,
    progress: &Progress,
) -> io::Result<String> {
    let Means {
        shelf, redactor, ..
    } = means;
    let place = Place::new(path, append)?;
    let mut out = BufWriter::new(open(place.path(), append)?);
    let gone = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            "the flow has nothing that can be written, or was dropped",
        )
    };
    let said = if let ([flow], [spec]) = (flows, cuts) {
        let record = shelf.take(*flow).ok_or_else(gone)?;
        if append && place.path().metadata().is_ok_and(|there| there.len() > 0) {
            out.write_all(b"\n")?;
        }
        match cut(&redactor.redact(&record), spec)? {
            // However long it is.
            Value::Body(body) => body.each(|piece| out.write_all(&piece))?,
            value => out.write_all(&value.bytes()?)?,
        }
        progress.step();
        "Saved single cut.".to_owned()
    } else {
        let mut written = 0;
        for flow in flows {
            if let Some(record) = shelf.take(*flow) {
                let record = redactor.redact(&record);
                let row = cuts.iter().map(|spec| cut(&record, spec));
                let row: Vec<_> = row.collect::<io::Result<_>>()?;
                out.write_all(csv(&row)?.as_bytes())?;
                written += 1;
            }
            progress.step();
        }
        let cuts = cuts.len();
        format!("Saved {cuts} cuts over {written} flows as CSV.")
    };
    out.into_inner().map_err(io::IntoInnerError::into_error)?;
    place.keep()?;
    Ok(said)
}

fn open(path: &Path, append: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    if append {
        options.append(true);
    } else {
        options.truncate(true);
    }
    options.open(path)
}
