//! `console.view.diff`: a flow beside its original, or beside another one.

use ratel_core::commands::{Call, CommandError, Executor as _, FlowSpec};
use ratel_core::diff::{Diff, diff};
use ratel_flow::{Detail, FlowId, HttpRecord, Record};

use super::Backend;

/// The word for what a flow was before it was changed.
const ORIGINAL: &str = "original";

/// The word for the flow that is marked.
const MARKED: &str = "marked";

/// A difference, and what it is one of.
#[derive(Clone, Debug)]
pub struct Differences {
    /// What was compared.
    pub title: String,
    /// What differs.
    pub diff: Diff,
}

impl Backend<'_> {
    /// What is different between a flow and what it is to be compared with.
    pub fn diff(&mut self, call: &Call) -> Result<Differences, CommandError> {
        let id = self.resolve_one(call.flows(0))?;
        let record = self.compared(id)?;
        let other = call.str(1);
        if other == ORIGINAL {
            let Some(before) = record.backup.as_deref() else {
                let row = self.flows.summary(id);
                let title = match row.is_some_and(|row| row.messages > 0) {
                    true => {
                        "neither request nor response was changed; a message that was shows what it had said"
                    }
                    false => "nothing in the flow was changed",
                };
                return Ok(Differences {
                    title: title.to_owned(),
                    diff: Diff::default(),
                });
            };
            return Ok(Differences {
                title: format!("{}: what it was (-) and what it is (+)", self.label(id)),
                diff: diff(http(before, id)?, http(&record, id)?),
            });
        }
        let other = self.other(id, other)?;
        let second = self.compared(other)?;
        Ok(Differences {
            title: format!("{} (-) and {} (+)", self.label(other), self.label(id)),
            diff: diff(http(&second, other)?, http(&record, id)?),
        })
    }

    /// The method and the path of a flow, which tell it from others better than its number.
    fn label(&self, id: FlowId) -> String {
        let request = self.flows.summary(id).and_then(|row| row.request);
        let words = request.map(|request| {
            let path = String::from_utf8_lossy(&request.path).into_owned();
            format!("{} {path}", String::from_utf8_lossy(&request.method))
        });
        words.unwrap_or_else(|| format!("flow {id}"))
    }

    fn other(&mut self, id: FlowId, spec: &str) -> Result<FlowId, CommandError> {
        let spec = match spec {
            MARKED => FlowSpec::Marked,
            spec => FlowSpec::parse(spec).map_err(CommandError::Failed)?,
        };
        let mut others = self.resolve(&spec)?;
        others.retain(|other| *other != id);
        match others.as_slice() {
            [other] => Ok(*other),
            [] if spec == FlowSpec::Marked => Err(CommandError::failed(
                "mark the flow to compare with first (m in the list)",
            )),
            [] => Err(CommandError::failed(
                "there is no other flow to compare with",
            )),
            others => Err(CommandError::Failed(format!(
                "{} flows could be meant; one can be compared with",
                others.len()
            ))),
        }
    }

    fn compared(&self, id: FlowId) -> Result<Record, CommandError> {
        let gone = || CommandError::Failed(format!("flow {id} is gone, or has no request"));
        self.flows.record(id).ok_or_else(gone)
    }
}

fn http(record: &Record, id: FlowId) -> Result<&HttpRecord, CommandError> {
    match &record.detail {
        Detail::Http(http) => Ok(http),
        _ => Err(CommandError::Failed(format!(
            "flow {id} cannot be compared, since it is not HTTP"
        ))),
    }
}
