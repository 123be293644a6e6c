//! What is on the screen, and what it takes to paint it. No flow is in here but the rows that are visible and the
//! one that is open.

use std::collections::VecDeque;
use std::sync::Arc;

use ratel_core::eventlog::{Entry, Level};
use ratel_core::store::FlowSnapshot;
use ratel_flow::{FlowId, Side, Timestamp};

use crate::app::{Options, ProxyInfo};
use crate::keymap::Context;
use crate::source::{Page, Target};
use crate::theme::Theme;
use crate::widgets::pane::Pane;

/// More log entries than this are not kept.
pub(crate) const LOG_KEPT: usize = ratel_core::eventlog::ENTRIES_KEPT;

/// All that is painted.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) info: ProxyInfo,
    pub(crate) options: Options,
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
    pub(crate) tab: Tab,
    pub(crate) snapshot: Option<FlowSnapshot>,
    /// It was evicted.
    pub(crate) gone: bool,
    pub(crate) panes: [Pane; 3],
    pub(crate) stale: bool,
}

/// A part of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    Request,
    Response,
    Detail,
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
    /// A search in a large body goes on.
    Searching(FlowId, Side),
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
    pub(crate) fn new(id: FlowId, tab: Tab) -> Self {
        Self {
            id,
            tab,
            snapshot: None,
            gone: false,
            panes: Default::default(),
            stale: true,
        }
    }

    pub(crate) fn pane(&self) -> &Pane {
        let [request, response, detail] = &self.panes;
        match self.tab {
            Tab::Request => request,
            Tab::Response => response,
            Tab::Detail => detail,
        }
    }

    pub(crate) fn pane_mut(&mut self) -> &mut Pane {
        let [request, response, detail] = &mut self.panes;
        match self.tab {
            Tab::Request => request,
            Tab::Response => response,
            Tab::Detail => detail,
        }
    }
}

impl Tab {
    pub(crate) const ALL: [Self; 3] = [Self::Request, Self::Response, Self::Detail];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Response => "Response",
            Self::Detail => "Detail",
        }
    }

    /// The body that is shown there.
    pub(crate) fn side(self) -> Option<Side> {
        match self {
            Self::Request => Some(Side::Client),
            Self::Response => Some(Side::Server),
            Self::Detail => None,
        }
    }

    pub(crate) fn next(self) -> Self {
        match self {
            Self::Request => Self::Response,
            Self::Response => Self::Detail,
            Self::Detail => Self::Request,
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

    /// The pane that is scrolled, if the open screen has one.
    pub(crate) fn pane_mut(&mut self) -> Option<&mut Pane> {
        match self.screens.last_mut()? {
            Screen::FlowList => None,
            Screen::FlowView(view) => Some(view.pane_mut()),
            Screen::EventLog => Some(&mut self.log.pane),
            Screen::Help(help) => Some(&mut help.pane),
        }
    }

    pub(crate) fn context(&self) -> Context {
        match self.screen() {
            Screen::FlowList => Context::FlowList,
            Screen::FlowView(_) => Context::FlowView,
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
