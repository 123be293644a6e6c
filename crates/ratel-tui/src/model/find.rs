//! A search through all flows: what is looked for, what was found, and where in a flow to go.

use std::sync::Arc;

use ratel_core::search::{Hit, Part, Progress, Query, QueryError};
use ratel_flow::{FlowId, Side};

use crate::widgets::line_edit::LineEdit;
use crate::widgets::select::Select;

/// More hits than this are not listed.
pub(crate) const HITS_MOST: usize = 20_000;

/// More hits than this are not listed of one flow.
const PER_FLOW: usize = 200;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// The text, or the expression.
    pub needle: Arc<str>,
    /// It is a regular expression.
    pub regex: bool,
    /// Capitals are told from small letters.
    pub exact: bool,
}

impl Wanted {
    /// As the store is asked.
    ///
    /// # Errors
    /// When it cannot be looked for.
    pub fn query(&self) -> Result<Query, QueryError> {
        let mut query = match self.regex {
            true => Query::regex(&self.needle, !self.exact),
            false => Query::text(self.needle.as_bytes(), !self.exact),
        }?;
        query.hits = HITS_MOST;
        query.hits_per_flow = PER_FLOW;
        Ok(query)
    }

    /// What it is, in a word or two.
    pub(crate) fn kind(&self) -> &'static str {
        match (self.regex, self.exact) {
            (false, false) => "text",
            (false, true) => "text, exact case",
            (true, false) => "regular expression",
            (true, true) => "regular expression, exact case",
        }
    }
}

/// A hit with what its row says of the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRow {
    /// Where it is.
    pub hit: Hit,
    /// `GET https://example.com/`; none where the row before is of the same flow.
    pub flow: Option<Box<str>>,
}

/// A line that is typed to be looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FindLine {
    pub(crate) line: LineEdit,
    pub(crate) regex: bool,
    /// Why it cannot be looked for.
    pub(crate) error: Option<String>,
}

/// A search, and what it has found.
#[derive(Clone, Debug, Default)]
pub(crate) struct FindView {
    pub(crate) wanted: Wanted,
    /// Tells what it has found from what the one before did.
    pub(crate) number: u64,
    pub(crate) rows: Vec<FoundRow>,
    /// Flows among the rows.
    pub(crate) flows: usize,
    pub(crate) progress: Progress,
    /// It was ended before it was over.
    pub(crate) stopped: bool,
    pub(crate) select: Select,
}

impl FindView {
    pub(crate) fn goes_on(&self) -> bool {
        !self.progress.done && !self.stopped
    }
}

/// A place in a flow that is to be shown when what it is in has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jump {
    pub(crate) flow: FlowId,
    pub(crate) part: Part,
    /// What stands there, as it is shown.
    pub(crate) needle: Arc<str>,
    /// Where it is in the body or message.
    pub(crate) offset: u64,
    /// That is in the bytes as they were sent, though they are coded.
    pub(crate) as_sent: bool,
}

impl Jump {
    pub(crate) fn to(hit: &Hit) -> Self {
        let marked = hit.snippet.get(hit.marked.clone()).unwrap_or_default();
        let text = String::from_utf8_lossy(marked);
        // Lines are looked for one by one.
        let line = text.lines().find(|line| !line.trim().is_empty());
        Self {
            flow: hit.flow,
            part: hit.part,
            needle: line.unwrap_or_default().into(),
            offset: hit.offset,
            as_sent: hit.as_sent,
        }
    }

    /// Whether it is in a body or a message, and not in what stands above it.
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self.part, Part::Body(_) | Part::Message { .. })
    }

    /// Who sent what it is in.
    pub(crate) fn side(&self) -> Side {
        match self.part {
            Part::Url => Side::Client,
            Part::Informational(_) => Side::Server,
            Part::Headers(side)
            | Part::Trailers(side)
            | Part::Body(side)
            | Part::Message { side, .. } => side,
        }
    }
}
