//! What is on the screen, and what it takes to paint it. No flow is in here but the rows that are visible and the
//! one that is open.

mod find;
mod grid;
mod panes;
mod prompt;
mod text_view;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use ratel_core::commands::history::History;
use ratel_core::control::HeldPart;
use ratel_core::eventlog::{Entry, Level};
use ratel_core::options::{Values, keys};
use ratel_core::store::{FlowSnapshot, Summary};
use ratel_core::view::{Order, TreeAt, TreeRow, ViewSettings};
use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::{FlowId, FlowKind, MessageHead, Side, StreamKind, Timestamp};
use ratel_views::Schemas;

pub(crate) use find::{FindLine, FindView, Jump};
pub use find::{FoundRow, Wanted};
pub(crate) use grid::{Grid, GridFor};
pub(crate) use panes::{Layout, Panes};
pub(crate) use prompt::{
    Chooser, CommandLine, Confirm, Entry as PaletteEntry, Offered, Palette, Prompt, ValueEdit,
};
pub(crate) use text_view::TextView;

use crate::app::{Look, ProxyInfo};
use crate::keymap::{Context, Key, Keymap};
use crate::source::{MessageId, Messages, Page, Target, TreeTarget};
use crate::theme::Theme;
use crate::widgets::pane::Pane;
use crate::widgets::select::Select;

/// More log entries than this are not kept.
pub(crate) const LOG_KEPT: usize = ratel_core::eventlog::ENTRIES_KEPT;

/// All that is painted.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) info: ProxyInfo,
    pub(crate) look: Look,
    /// The options.
    pub(crate) values: Arc<Values>,
    pub(crate) keymap: Keymap,
    pub(crate) schemas: Option<Schemas>,
    pub(crate) size: (u16, u16),
    pub(crate) panes: Panes,
    pub(crate) list: FlowList,
    pub(crate) log: Log,
    /// The tab that was chosen last: the next flow opens with it.
    pub(crate) tab: Tab,
    /// A question that takes all keys.
    pub(crate) prompt: Option<Prompt>,
    pub(crate) history: History,
    /// What was said of single flows on this screen.
    pub(crate) settings: FlowSettings,
    pub(crate) message: Option<Message>,
    /// There was a message when the last key came, which has taken it away.
    pub(crate) said_before: bool,
    /// What was said and is still to be logged.
    pub(crate) unlogged: Vec<Arc<str>>,
    /// A place that is to be shown as soon as it has been read.
    pub(crate) jump: Option<Jump>,
    /// Flows that were told to end, to be removed then.
    pub(crate) ending: BTreeSet<FlowId>,
    /// Flows of which something was let go, and what, until it is known whether the next part is held in turn.
    pub(crate) let_go: Vec<(FlowId, Vec<HeldPart>)>,
    /// The flow that was sent again, and when: what comes of it is said.
    pub(crate) sent_again: Option<(FlowId, Timestamp)>,
    /// Of how many flows something is held.
    pub(crate) held: usize,
    /// How many flows were live when it was asked whether to remove some.
    pub(crate) live: usize,
    /// Searches through all flows so far.
    pub(crate) searches: u64,
    /// What is being done beside the screen.
    pub(crate) busy: Vec<String>,
    pub(crate) now: Timestamp,
    dirty: bool,
}

/// One thing that fills a pane.
#[derive(Clone, Debug)]
pub(crate) enum Screen {
    FlowList,
    FlowView(Box<FlowView>),
    Message(Box<MessageView>),
    EventLog,
    Help(Box<Help>),
    Options(Box<OptionsView>),
    KeyBindings(Box<Table>),
    Commands(Box<Table>),
    Rules(Box<Table>),
    Grid(Box<Grid>),
    Text(Box<TextView>),
    Data(Box<DataView>),
    Found(Box<FindView>),
}

/// The list of flows.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowList {
    pub(crate) page: Page,
    pub(crate) target: Target,
    /// A key that is about what has the focus once the rows are read.
    pub(crate) key: Option<Key>,
    /// The flows by host and path, instead of the list.
    pub(crate) tree: Option<TreeView>,
    /// The page is not what the store has.
    pub(crate) stale: bool,
    /// What is not shown does not match.
    pub(crate) filter: Option<Filter>,
    pub(crate) marked_only: bool,
    /// It was said what to do about clients that do not trust the certificate.
    pub(crate) distrust_said: bool,
    /// It was said what to do about a server whose certificate is not accepted.
    pub(crate) unverified_said: bool,
    /// A text that rows are highlighted for.
    pub(crate) highlight: Option<Arc<str>>,
}

/// The list as a tree: the visible rows, and the place of the focus. The flows of its rows are those of the list's page.
#[derive(Clone, Debug, Default)]
pub(crate) struct TreeView {
    pub(crate) rows: Vec<TreeRow>,
    pub(crate) total: usize,
    pub(crate) top: usize,
    pub(crate) focus: Option<(TreeAt, usize)>,
    pub(crate) target: TreeTarget,
    /// A key that is about what has the focus once the rows are read.
    pub(crate) key: Option<Key>,
    /// The flow that had the focus in the list.
    pub(crate) before: Option<(FlowId, usize)>,
}

impl TreeView {
    /// The row in focus.
    pub(crate) fn focused(&self) -> Option<&TreeRow> {
        let (at, _) = self.focus?;
        self.rows.iter().find(|row| row.at == at)
    }
}

/// What was said of single flows, by keys (`view.settings.*`).
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowSettings(HashMap<FlowId, BTreeMap<String, String>>);

impl FlowSettings {
    pub(crate) fn get(&self, id: FlowId, key: &str) -> Option<&str> {
        self.0.get(&id)?.get(key).map(String::as_str)
    }

    pub(crate) fn set(&mut self, id: FlowId, key: &str, value: &str) {
        self.0
            .entry(id)
            .or_default()
            .insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn is_true(&self, id: FlowId, key: &str) -> bool {
        self.get(id, key) == Some("true")
    }
}

/// A table whose rows are made from what it is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) select: Select,
    pub(crate) needle: Option<Arc<str>>,
}

/// The options.
#[derive(Clone, Debug, Default)]
pub(crate) struct OptionsView {
    pub(crate) table: Table,
    /// Only what is not a default is shown.
    pub(crate) changed_only: bool,
}

/// What a command gave back.
#[derive(Clone, Debug)]
pub(crate) struct DataView {
    pub(crate) title: String,
    pub(crate) pane: Pane,
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
    /// Somebody has removed it: what is in focus then is shown in its place.
    pub(crate) removed: bool,
    pub(crate) panes: [Pane; 3],
    /// Request and response are shown side by side.
    pub(crate) split: bool,
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
    pub(crate) flow_began: Timestamp,
    pub(crate) head: Option<MessageHead>,
    /// It is held back.
    pub(crate) held: bool,
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

/// One sentence in the bar at the bottom, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) level: Level,
    pub(crate) text: Arc<str>,
    /// When it goes away.
    pub(crate) until: Timestamp,
    /// It answers to what somebody did, and is to be read in full.
    pub(crate) only_here: bool,
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
            removed: false,
            panes: Default::default(),
            split: false,
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
    pub(crate) fn new(flow: FlowId, flow_began: Timestamp, id: MessageId, total: u64) -> Self {
        Self {
            flow,
            id,
            total,
            flow_began,
            head: None,
            held: false,
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
            (FlowKind::Tcp | FlowKind::Udp, _) => &[Self::Messages, Self::Detail],
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
    pub fn new(info: ProxyInfo, look: Look, values: Arc<Values>) -> Self {
        let mut model = Self {
            ending: BTreeSet::new(),
            let_go: Vec::new(),
            sent_again: None,
            held: 0,
            live: 0,
            info,
            look,
            values,
            keymap: Keymap::default(),
            schemas: None,
            size: (0, 0),
            panes: Panes::default(),
            list: FlowList {
                stale: true,
                ..FlowList::default()
            },
            log: Log {
                stale: true,
                ..Log::default()
            },
            tab: Tab::default(),
            prompt: None,
            history: History::default(),
            settings: FlowSettings::default(),
            message: None,
            said_before: false,
            unlogged: Vec::new(),
            jump: None,
            searches: 0,
            busy: Vec::new(),
            now: Timestamp::default(),
            dirty: true,
        };
        model.panes.show_both(model.layout() != Layout::Single);
        model.list.filter = model.filter_option();
        model
    }

    /// With what is known about protobuf messages.
    #[must_use]
    pub fn with_schemas(self, schemas: Option<Schemas>) -> Self {
        Self { schemas, ..self }
    }

    /// With keys of the user's own.
    #[must_use]
    pub fn with_keymap(self, keymap: Keymap) -> Self {
        Self { keymap, ..self }
    }

    /// With what was typed at the prompt before.
    #[must_use]
    pub fn with_history(self, history: History) -> Self {
        Self { history, ..self }
    }

    /// Whether these are the values that it knows.
    pub(crate) fn has(&self, values: &Arc<Values>) -> bool {
        Arc::ptr_eq(&self.values, values)
    }

    /// What is known about protobuf messages. Cheap.
    pub(crate) fn schemas(&self) -> Option<Schemas> {
        self.schemas.clone()
    }

    /// How filters are read.
    pub(crate) fn filters(&self) -> FilterOptions {
        self.look.filters
    }

    /// What the list shows, and how.
    #[must_use]
    pub fn view_settings(&self) -> ViewSettings {
        ViewSettings {
            filter: self.list.filter.clone(),
            marked_only: self.list.marked_only,
            order: self.order(),
            reversed: self.values.bool(keys::VIEW_ORDER_REVERSED),
        }
    }

    pub(crate) fn order(&self) -> Order {
        self.values
            .str(keys::VIEW_ORDER)
            .parse()
            .unwrap_or_default()
    }

    /// The filter that the option `view_filter` names, which has been checked.
    pub(crate) fn filter_option(&self) -> Option<Filter> {
        let source = self.values.opt_str(keys::VIEW_FILTER)?;
        Filter::parse(source, self.look.filters).ok()
    }

    /// Whether the newest flow is kept in focus.
    pub(crate) fn follows(&self) -> bool {
        self.values.bool(keys::CONSOLE_FOCUS_FOLLOW)
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::of(self.values.str(keys::CONSOLE_LAYOUT))
    }

    pub(crate) fn theme(&self) -> Theme {
        Theme::new(
            self.values.str(keys::CONSOLE_PALETTE),
            self.values.bool(keys::CONSOLE_PALETTE_TRANSPARENT),
            self.look.colours,
        )
    }

    pub(crate) fn flow_view(&mut self) -> Option<&mut FlowView> {
        self.panes.all_mut().find_map(|(_, screen)| match screen {
            Screen::FlowView(view) => Some(&mut **view),
            _ => None,
        })
    }

    /// The flow that is open.
    pub(crate) fn open_flow(&self) -> Option<&FlowView> {
        self.panes.all().find_map(|screen| match screen {
            Screen::FlowView(view) => Some(&**view),
            _ => None,
        })
    }

    /// The message that is open.
    pub(crate) fn message_view(&mut self) -> Option<&mut MessageView> {
        self.panes.all_mut().find_map(|(_, screen)| match screen {
            Screen::Message(view) => Some(&mut **view),
            _ => None,
        })
    }

    /// The pane that is scrolled, if the screen in focus has one.
    pub(crate) fn pane_mut(&mut self) -> Option<&mut Pane> {
        let log = &mut self.log.pane;
        match self.panes.current_mut()? {
            Screen::FlowView(view) => view.pane_mut(),
            Screen::Message(view) => Some(&mut view.pane),
            Screen::EventLog => Some(log),
            Screen::Help(help) => Some(&mut help.pane),
            Screen::Data(data) => Some(&mut data.pane),
            Screen::FlowList
            | Screen::Options(_)
            | Screen::KeyBindings(_)
            | Screen::Commands(_)
            | Screen::Rules(_)
            | Screen::Grid(_)
            | Screen::Text(_)
            | Screen::Found(_) => None,
        }
    }

    pub(crate) fn context(&self) -> Context {
        match self.panes.current() {
            Screen::FlowList => Context::FlowList,
            Screen::FlowView(view) if view.tab() == Tab::Messages => Context::Messages,
            Screen::FlowView(_) => Context::FlowView,
            Screen::Message(_) => Context::Message,
            Screen::EventLog => Context::EventLog,
            Screen::Help(_) => Context::Help,
            Screen::Options(_) => Context::Options,
            Screen::KeyBindings(_) => Context::KeyBindings,
            Screen::Commands(_) => Context::Commands,
            Screen::Rules(_) => Context::Rules,
            Screen::Grid(_) => Context::GridEditor,
            Screen::Text(_) => Context::Editor,
            Screen::Data(_) => Context::DataViewer,
            Screen::Found(_) => Context::Search,
        }
    }

    /// The flow that is meant by "this one": the open one, or the one in focus.
    pub(crate) fn focused_flow(&self) -> Option<FlowId> {
        let open = self.open_flow().map(|view| view.id);
        open.or(self.list.page.focus.map(|(id, _)| id))
    }

    /// Who sends the message in focus, if it is held back.
    pub(crate) fn focused_held_message(&mut self) -> Option<Side> {
        let (id, held) = match self.context() {
            Context::Message => {
                let view = self.message_view()?;
                (view.id, view.held)
            }
            Context::Messages => {
                let list = &self.flow_view()?.messages;
                let mut rows = list.page.rows.iter();
                let row = rows.find(|row| row.place == list.focus)?;
                (row.id, row.held)
            }
            _ => return None,
        };
        match id {
            MessageId::Open(open) if held => Some(open.side),
            _ => None,
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
