//! Who carries commands out, and what comes of it.

use ratel_flow::FlowId;

use super::CommandError;
use super::args::FlowSpec;
use super::call::{Call, check_choices, parse};

/// What a command gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Nothing.
    Nothing,
    /// Text.
    Str(String),
    /// Texts.
    List(Vec<String>),
    /// A number.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// Flows.
    Flows(Vec<FlowId>),
    /// Rows of values.
    Table(Vec<Vec<Vec<u8>>>),
}

/// What carries commands out: a front end, with its own idea of what is shown and in focus.
pub trait Executor {
    /// Carries out one command, whose choices have been checked.
    ///
    /// # Errors
    /// When it goes wrong, or is none of the commands of this front end.
    fn run(&mut self, call: &Call) -> Result<Output, CommandError>;

    /// The flows that are selected.
    ///
    /// # Errors
    /// When a filter cannot be read, or an id is not known.
    fn resolve(&mut self, spec: &FlowSpec) -> Result<Vec<FlowId>, CommandError>;

    /// The one flow that is selected.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve), and when it is not one.
    fn resolve_one(&mut self, spec: &FlowSpec) -> Result<FlowId, CommandError> {
        match self.resolve(spec)?.as_slice() {
            [id] => Ok(*id),
            ids => Err(CommandError::Failed(format!(
                "Command requires one flow, specification matched {}.",
                ids.len()
            ))),
        }
    }

    /// Carries out a line.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when the line cannot be read.
    fn execute(&mut self, line: &str) -> Result<Output, CommandError> {
        let call = parse(line)?;
        check_choices(&call, |from| match self.execute(from) {
            Ok(Output::List(choices)) => choices,
            _ => Vec::new(),
        })?;
        match call.def().lists {
            [] => self.run(&call),
            texts => Ok(Output::List(
                texts.iter().map(|&text| text.to_owned()).collect(),
            )),
        }
    }
}
