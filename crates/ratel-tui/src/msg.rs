//! What can happen to the model, and what it asks for.

use ratel_core::eventlog::{Entry, LogUpdate};
use ratel_core::store::Update;
use ratel_flow::export::Format;
use ratel_flow::{FlowId, Timestamp};

use crate::keymap::Key;
use crate::source::{Found, OpenQuery, Opened, Page, PageQuery, Place, SearchFrom};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// The mouse was pressed at this column and row.
    Click(u16, u16),
    /// The wheel was turned by so many rows; downwards is positive.
    Wheel(isize),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// Something happened to the flows.
    Store(Update),
    /// Something was logged.
    Log(LogUpdate),
    /// The whole log.
    LogRead(Vec<Entry>),
    /// The rows that were asked for.
    Page(Page),
    /// The flow that was asked for.
    Opened(Box<Opened>),
    /// How far a search in a body or message has got.
    Found(FlowId, Place, Found),
    /// What became of an export: a sentence about that, or about what went wrong.
    Exported(Result<String, String>),
    /// A picture is about to be drawn: ask for what it lacks.
    Frame(Timestamp),
}

/// Something to do, which may lead to another message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read the rows of the list; answered by [`Msg::Page`].
    Page(PageQuery),
    /// Read a flow; answered by [`Msg::Opened`].
    Open(OpenQuery),
    /// Read the log; answered by [`Msg::LogRead`].
    ReadLog,
    /// Forget what is in the log.
    ClearLog,
    /// Search on in a body or message; answered by [`Msg::Found`].
    Search(FlowId, Place, SearchFrom),
    /// Make something of a flow and put it into this file, or the clipboard; answered by [`Msg::Exported`].
    Export(FlowId, Format, Option<String>),
    /// Give the terminal back and stop the process until it is continued.
    Suspend,
    /// Leave.
    Quit,
}
