//! `cut`: attributes of flows.

use std::io;

use ratel_core::commands::{Call, CommandError, Executor as _, Output};
use ratel_core::cut::{Value, csv, cut};
use ratel_flow::FlowId;

use super::{Backend, Done, named};
use crate::errand::Errand;
use crate::export::CLIPBOARD_MAX;

impl Backend<'_> {
    /// Shows attributes in a table.
    pub(super) fn cut(&mut self, call: &Call) -> Done {
        let flows = self.cut_flows(call)?;
        let rows = flows.iter().filter_map(|id| {
            let record = self.flows.record(*id)?;
            let cells = call.list(1).iter().map(|spec| {
                let bytes = cut(&record, spec).and_then(|value| value.bytes());
                bytes.map(|bytes| bytes.to_vec())
            });
            Some(cells.collect::<io::Result<Vec<_>>>())
        });
        let rows = rows.collect::<io::Result<Vec<_>>>();
        Ok(Output::Table(rows.map_err(unreadable)?))
    }

    /// Copies one attribute of one flow as it is, or a table.
    pub(super) fn cut_to_clipboard(&mut self, call: &Call) -> Done {
        let flows = self.cut_flows(call)?;
        let cuts = call.list(1);
        let mut text = Vec::new();
        for id in &flows {
            let Some(record) = self.flows.record(*id) else {
                continue;
            };
            let record = self.redactor.redact(&record);
            let values = cuts.iter().map(|spec| cut(&record, spec));
            let values: Vec<Value> = values.collect::<io::Result<_>>().map_err(unreadable)?;
            match (flows.as_slice(), values.as_slice()) {
                ([_], [value]) => text.extend_from_slice(&value.bytes().map_err(unreadable)?),
                (_, row) => text.extend_from_slice(csv(row).map_err(unreadable)?.as_bytes()),
            }
            // More would not be taken in the end.
            if text.len() > CLIPBOARD_MAX {
                break;
            }
        }
        self.copy(&text)
    }

    pub(super) fn cut_to_file(&mut self, call: &Call) -> Done {
        let path = named(call.path(2), "write to")?;
        let (path, append) = match path.to_str().and_then(|path| path.strip_prefix('+')) {
            Some(rest) => (self.options.snapshot().expand(rest), true),
            None => (path.to_owned(), false),
        };
        let flows = self.cut_flows(call)?;
        (self.begin)(Errand::Cut {
            flows,
            cuts: call.list(1).to_vec(),
            path,
            append,
        });
        Ok(Output::Nothing)
    }

    fn cut_flows(&mut self, call: &Call) -> Result<Vec<FlowId>, CommandError> {
        let flows = self.resolve(call.flows(0))?;
        match flows.is_empty() {
            true => Err(CommandError::failed("no flow matches")),
            false => Ok(flows),
        }
    }
}

fn unreadable(error: io::Error) -> CommandError {
    CommandError::Failed(match error.kind() {
        io::ErrorKind::FileTooLarge => "a body of more than 64 MiB does not fit there".to_owned(),
        _ => format!("a body cannot be read: {error}"),
    })
}
