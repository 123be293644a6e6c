//! What is on the screen, and what it takes to paint it. No flow is in here but the rows that are visible and the
//! one that is open.

use std::collections::VecDeque;
use std::sync::Arc;

use ratel_core::eventlog::{Entry, Level};
use ratel_core::store::{FlowSnapshot, Summary};
use ratel_flow::export::Format;
use ratel_flow::{FlowId, FlowKind, MessageHead, Side, StreamKind, Timestamp};
use ratel_views::Schemas;

use crate::app::{Options, ProxyInfo};
use crate::keymap::Context;
use crate::source::{MessageId, Messages, Page, Place, Target};
use crate::theme::Theme;
use crate::widgets::pane::Pane;

/// More log entries than this are not kept.
pub(crate) const LOG_KEPT: usize = ratel_core::eventlog::ENTRIES_KEPT;

/// All that is painted.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) info: ProxyInfo,
    pub(crate) options: Options,
    pub(crate) schemas: Option<Schemas>,
    pub(crate) size: (u16, u16),
    /// Never empty; the last one is open. The first is the list.
    pub(crate) screens: Vec<Screen>,
    pub(crate) list: FlowList,
    pub(crate) log: Log,
    /// A question that takes all keys.
    pub(crate) prompt: Option<Prompt>,
    pub(crate) message: Option<Message>,
    pub(crate) now: Timestamp,
    dirty: bool,
}

/// One thing that fills the terminal.
#[derive(Clone, Debug)]
pub(crate) enum Screen {
    FlowList,
    FlowView(Box<FlowView>),
    Message(Box<MessageView>),
    EventLog,
    Help(Box<Help>),
}

/// The list of flows.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowList {
    pub(crate) page: Page,
    pub(crate) target: Target,
    pub(crate) follow: bool,
    /// The page is not what the store has.
    pub(crate) stale: bool,
}

/// One flow.
#[derive(Clone, Debug)]
pub(crate) struct FlowView {
    pub(crate) id: FlowId,
    /// The tab that was chosen; [`tab`](Self::tab) is the one that is shown.
    pub(crate) chosen: Tab,
    /// The tabs that it has.
    pub(crate) tabs: &'static [Tab],
    pub(crate) snapshot: Option<FlowSnapshot>,
    /// It was evicted.
    pub(crate) gone: bool,
    pub(crate) panes: [Pane; 3],
    /// The view that was chosen for its bodies; none for the one that fits.
    pub(crate) view: Option<String>,
    pub(crate) messages: MessageList,
    pub(crate) stale: bool,
}

/// A part of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    Request,
    Response,
    Messages,
    Detail,
}

/// The messages of a flow: the visible ones, and the place of the focus.
#[derive(Clone, Debug, Default)]
pub(crate) struct MessageList {
    pub(crate) page: Messages,
    pub(crate) focus: u64,
    /// The focus stays on the last message while there come more.
    pub(crate) follow: bool,
    /// What was searched for last.
    pub(crate) needle: Option<Arc<str>>,
    /// They have been read once.
    pub(crate) begun: bool,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// One line about each of the visible messages, in the order of the page.
    pub(crate) previews: Vec<String>,
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct MessageView {
    pub(crate) flow: FlowId,
    pub(crate) id: MessageId,
    /// Complete messages of the flow.
    pub(crate) total: u64,
    /// When the flow began.
    pub(crate) flow_created: Timestamp,
    pub(crate) head: Option<MessageHead>,
    /// It was evicted.
    pub(crate) gone: bool,
    pub(crate) mode: Mode,
    pub(crate) pane: Pane,
    pub(crate) stale: bool,
}

/// How a message is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As what it is.
    #[default]
    Auto,
    /// As its bytes in hexadecimal.
    Hex,
    /// As text.
    Text,
}

impl Mode {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Auto => Self::Hex,
            Self::Hex => Self::Text,
            Self::Text => Self::Auto,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "as what it is",
            Self::Hex => "in hexadecimal",
            Self::Text => "as text",
        }
    }
}

/// The event log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: VecDeque<Entry>,
    pub(crate) pane: Pane,
    /// The pane does not show what `entries` are.
    pub(crate) stale: bool,
}

/// The help.
#[derive(Clone, Debug)]
pub(crate) struct Help {
    pub(crate) pane: Pane,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// Yes or no.
    Confirm(Confirm),
    /// A text to search for, as typed so far.
    Search(String),
    /// A search in a large body or message goes on.
    Searching(FlowId, Place),
    /// How bodies are to be shown: the start of a view's name, as typed so far.
    View(String),
    /// What to make of the flow.
    Export(FlowId),
    /// Where to put that: a file, as typed so far, or the clipboard.
    ExportTo(FlowId, Format, String),
}

/// What is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirm {
    Quit,
    ClearLog,
}

impl Confirm {
    pub(crate) fn question(self) -> &'static str {
        match self {
            Self::Quit => "Quit?",
            Self::ClearLog => "Clear the event log?",
        }
    }
}

/// One sentence in the bar at the bottom, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) level: Level,
    pub(crate) text: Arc<str>,
    /// When it goes away.
    pub(crate) until: Timestamp,
}

impl FlowView {
    /// `row` is what is known of the flow before it has been read.
    pub(crate) fn new(id: FlowId, chosen: Tab, row: Option<&Summary>) -> Self {
        Self {
            id,
            chosen,
            tabs: row.map_or(Tab::HTTP, |row| Tab::of(row.kind, row.stream)),
            snapshot: None,
            gone: false,
            panes: Default::default(),
            view: None,
            messages: MessageList::default(),
            stale: true,
        }
    }

    /// The tab that is shown: the one that was chosen, if the flow has it.
    pub(crate) fn tab(&self) -> Tab {
        if self.tabs.contains(&self.chosen) {
            self.chosen
        } else {
            self.tabs.first().copied().unwrap_or_default()
        }
    }

    /// The pane of the shown tab; none for the list of messages.
    pub(crate) fn pane(&self) -> Option<&Pane> {
        let [request, response, detail] = &self.panes;
        match self.tab() {
            Tab::Request => Some(request),
            Tab::Response => Some(response),
            Tab::Messages => None,
            Tab::Detail => Some(detail),
        }
    }

    pub(crate) fn pane_mut(&mut self) -> Option<&mut Pane> {
        let tab = self.tab();
        let [request, response, detail] = &mut self.panes;
        match tab {
            Tab::Request => Some(request),
            Tab::Response => Some(response),
            Tab::Messages => None,
            Tab::Detail => Some(detail),
        }
    }
}

impl MessageView {
    pub(crate) fn new(flow: FlowId, flow_created: Timestamp, id: MessageId, total: u64) -> Self {
        Self {
            flow,
            id,
            total,
            flow_created,
            head: None,
            gone: false,
            mode: Mode::default(),
            pane: Pane::default(),
            stale: true,
        }
    }
}

impl Tab {
    const HTTP: &'static [Self] = &[Self::Request, Self::Response, Self::Detail];

    /// The tabs that a flow has.
    pub(crate) fn of(kind: FlowKind, stream: Option<StreamKind>) -> &'static [Self] {
        match (kind, stream) {
            (FlowKind::Tcp, _) => &[Self::Messages, Self::Detail],
            (_, Some(_)) => &[Self::Request, Self::Response, Self::Messages, Self::Detail],
            (_, None) => Self::HTTP,
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Response => "Response",
            Self::Messages => "Messages",
            Self::Detail => "Detail",
        }
    }

    /// The body that is shown there.
    pub(crate) fn side(self) -> Option<Side> {
        match self {
            Self::Request => Some(Side::Client),
            Self::Response => Some(Side::Server),
            Self::Messages | Self::Detail => None,
        }
    }
}

impl Model {
    /// An empty list, on a terminal of no size.
    #[must_use]
    pub fn new(info: ProxyInfo, options: Options) -> Self {
        let list = FlowList {
            follow: options.focus_follow,
            stale: true,
            ..FlowList::default()
        };
        Self {
            info,
            options,
            schemas: None,
            size: (0, 0),
            screens: vec![Screen::FlowList],
            list,
            log: Log {
                stale: true,
                ..Log::default()
            },
            prompt: None,
            message: None,
            now: Timestamp::default(),
            dirty: true,
        }
    }

    /// With what is known about protobuf messages.
    #[must_use]
    pub fn with_schemas(self, schemas: Option<Schemas>) -> Self {
        Self { schemas, ..self }
    }

    pub(crate) fn theme(&self) -> Theme {
        Theme {
            colour: self.options.colour,
        }
    }

    /// The screen that is open.
    pub(crate) fn screen(&self) -> &Screen {
        self.screens.last().unwrap_or(&Screen::FlowList)
    }

    pub(crate) fn flow_view(&mut self) -> Option<&mut FlowView> {
        self.screens.iter_mut().find_map(|screen| match screen {
            Screen::FlowView(view) => Some(&mut **view),
            _ => None,
        })
    }

    /// The message that is open.
    pub(crate) fn message_view(&mut self) -> Option<&mut MessageView> {
        match self.screens.last_mut()? {
            Screen::Message(view) => Some(view),
            _ => None,
        }
    }

    /// The pane that is scrolled, if the open screen has one.
    pub(crate) fn pane_mut(&mut self) -> Option<&mut Pane> {
        match self.screens.last_mut()? {
            Screen::FlowList => None,
            Screen::FlowView(view) => view.pane_mut(),
            Screen::Message(view) => Some(&mut view.pane),
            Screen::EventLog => Some(&mut self.log.pane),
            Screen::Help(help) => Some(&mut help.pane),
        }
    }

    pub(crate) fn context(&self) -> Context {
        match self.screen() {
            Screen::FlowList => Context::FlowList,
            Screen::FlowView(view) if view.tab() == Tab::Messages => Context::Messages,
            Screen::FlowView(_) => Context::FlowView,
            Screen::Message(_) => Context::Message,
            Screen::EventLog => Context::EventLog,
            Screen::Help(_) => Context::Help,
        }
    }

    pub(crate) fn touch(&mut self) {
        self.dirty = true;
    }

    /// Whether something changed that is visible, since this was asked last.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// When the picture changes though nothing happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.message.as_ref().map(|message| message.until)
    }
}
