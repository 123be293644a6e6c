//! What can happen to the model, and what it asks for.

use std::path::PathBuf;
use std::sync::Arc;

use ratel_core::commands::{Call, Candidate, CommandError, FlowSpec, Output};
use ratel_core::edit::Part;
use ratel_core::eventlog::{Entry, LogUpdate};
use ratel_core::options::Values;
use ratel_core::search::Progress;
use ratel_core::store::Update;
use ratel_core::view::{Branch, Fold, ViewSettings};
use ratel_flow::{FlowId, Timestamp};

use crate::app::ModeInfo;
use crate::backend::Differences;
use crate::editing::{Begun, Changed, TextOf};
use crate::keymap::Key;
use crate::model::{FoundRow, Wanted};
use crate::source::{
    CountFrom, Found, OpenQuery, Opened, Page, PageQuery, Place, SearchFrom, TreePage, TreeQuery,
};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse was pressed at this column and row.
    Click(u16, u16),
    /// The wheel was turned by so many rows, downwards positive, at this column and row.
    Wheel(isize, u16, u16),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// Something happened to the flows.
    Store(Update),
    /// The list may look different.
    List,
    /// Something was logged.
    Log(LogUpdate),
    /// The whole log.
    LogRead(Vec<Entry>),
    /// Other modes run than before.
    Modes(Vec<ModeInfo>),
    /// Options have changed.
    Options(Arc<Values>),
    /// The rows that were asked for.
    Page(Page),
    /// The rows of the tree that were asked for.
    Tree(Box<TreePage>),
    /// The flow that was asked for.
    Opened(Box<Opened>),
    /// How far a search in a body or message has got.
    Found(FlowId, Place, Found),
    /// What a search through all flows has found since, and how far it is; with its number.
    Hits(u64, Vec<FoundRow>, Progress),
    /// How far the matches in a body or message are counted, and whether that is all of them.
    Counted(FlowId, Place, CountFrom, bool),
    /// A command was carried out.
    Ran(Call, Result<Output, CommandError>),
    /// The flows that a command is about.
    Resolved(Call, Result<Vec<FlowId>, CommandError>),
    /// The files that begin with what was typed.
    Paths(String, Vec<Candidate>),
    /// A file with key bindings was read.
    KeysRead(PathBuf, Result<String, String>),
    /// What a file or a program had for the cell that is edited.
    Cell(Result<Vec<u8>, String>),
    /// The parts of a flow that can be edited, for a command.
    EditOptions(Call, Result<Vec<String>, CommandError>),
    /// What a part of a flow is edited as.
    EditBegun(FlowId, String, Result<Begun, CommandError>),
    /// A text became a part of a flow, or is what that was.
    TextSet(FlowId, String, Result<Changed, CommandError>),
    /// What a program has made of the text that is edited.
    TextEdited(Result<Vec<u8>, String>),
    /// Flows were compared.
    Diffed(Result<Differences, CommandError>),
    /// A part of a flow was edited.
    Edited(FlowId, String, Result<Changed, CommandError>),
    /// The rows of a table became a part of a flow.
    RowsSet(FlowId, Part, Result<Changed, CommandError>),
    /// Of how many flows something is held.
    Held(usize),
    /// How many flows are live.
    Live(usize),
    /// Whether there is that file, which the command would write.
    Exists(PathBuf, Vec<String>, bool),
    /// What is being done beside the screen, in words.
    Busy(Vec<String>),
    /// A picture is about to be drawn: ask for what it lacks.
    Frame(Timestamp),
}

/// Something to do, which may lead to another message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read the rows of the list; answered by [`Msg::Page`].
    Page(PageQuery),
    /// Keep the flows by host and path, too, or stop doing so.
    KeepTree(bool),
    /// Read the rows of the tree; answered by [`Msg::Tree`].
    Tree(TreeQuery),
    /// Open or close a branch of the tree.
    Fold(Branch, Fold),
    /// Read a flow; answered by [`Msg::Opened`].
    Open(OpenQuery),
    /// Show other flows in the list, or in another order.
    View(ViewSettings),
    /// Read the log; answered by [`Msg::LogRead`].
    ReadLog,
    /// Keep in the log why something was not done.
    Log(Arc<str>),
    /// Search on in a body, a message or the list; answered by [`Msg::Found`].
    Search(FlowId, Place, SearchFrom),
    /// Look for something in all flows, with that number; answered by many [`Msg::Hits`]. Ends the search before.
    Find(u64, Wanted),
    /// End that search.
    EndFind,
    /// Count on in a body or a message; answered by [`Msg::Counted`].
    Count(FlowId, Place, CountFrom),
    /// Carry out a command for somebody who has that flow in focus; answered by [`Msg::Ran`].
    Run(Call, Option<FlowId>),
    /// Find the flows that a command is about; answered by [`Msg::Resolved`].
    Resolve(Call, FlowSpec, Option<FlowId>),
    /// List the files that begin so; answered by [`Msg::Paths`].
    Paths(String),
    /// Keep a line in the history of the prompt.
    KeepHistory(String),
    /// Forget that history.
    ForgetHistory,
    /// Read a file with key bindings; answered by [`Msg::KeysRead`].
    ReadKeys(PathBuf),
    /// Read a file for a cell, with escapes or as it is; answered by [`Msg::Cell`].
    ReadCell(PathBuf, bool),
    /// Have a cell edited by a program; answered by [`Msg::Cell`].
    EditCell(Vec<u8>),
    /// Find the parts of a flow that can be edited, for a command; answered by [`Msg::EditOptions`].
    EditOptions(Call, FlowId),
    /// Compare flows, for somebody who has that one in focus; answered by [`Msg::Diffed`].
    Diff(Call, Option<FlowId>),
    /// Edit the part of that name; answered by [`Msg::EditBegun`] or [`Msg::Edited`].
    Edit(FlowId, String),
    /// Make the part of that name a text; answered by [`Msg::TextSet`].
    SetText(FlowId, String, TextOf, Vec<u8>),
    /// Have the text of that part edited by a program, in a file with that end of its name; answered by
    /// [`Msg::TextEdited`].
    EditText(FlowId, String, Vec<u8>, &'static str),
    /// Make a part of a flow what the rows say; answered by [`Msg::RowsSet`].
    SetRows(FlowId, Part, Vec<Vec<String>>),
    /// Write a text to a file; what becomes of it is logged.
    Write(PathBuf, String),
    /// Show a body in a program of the user's own: the flow, and whether it is the response's.
    ViewBody(FlowId, bool),
    /// Find out whether there is that file, which the command would write; answered by [`Msg::Exists`].
    Exists(PathBuf, Vec<String>),
    /// Count the flows that are held; answered by [`Msg::Held`].
    CountHeld,
    /// Count the flows that are live; answered by [`Msg::Live`].
    CountLive,
    /// Give the terminal back and stop the process until it is continued.
    Suspend,
    /// Leave.
    Quit,
}
