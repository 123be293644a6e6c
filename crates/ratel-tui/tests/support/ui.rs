//! A screen that is driven by hand: keys in, text out.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratel_core::eventlog::{Entry, Level, LogUpdate};
use ratel_core::options::Values;
use ratel_core::store::Update;
use ratel_flow::{FlowId, Timestamp};
use ratel_tui::errand::Errand;
use ratel_tui::keymap::Key;
use ratel_tui::model::Model;
use ratel_tui::msg::{Effect, Msg};
use ratel_tui::view::view;
use ratel_tui::{Look, ModeInfo, ProxyInfo};

use super::fake::{Fake, START};
use super::flows::Flows;

/// What a program makes of a text.
type Editor = fn(&[u8]) -> Vec<u8>;

/// A screen that is driven by hand.
pub(crate) struct Ui {
    pub(crate) model: Model,
    pub(crate) options: ratel_core::options::Options,
    /// What is live: nothing at first.
    pub(crate) control: ratel_core::control::Control,
    pub(crate) redactor: ratel_flow::redact::Redactor,
    pub(crate) schemas: Option<ratel_views::Schemas>,
    pub(super) values: Arc<Values>,
    pub(crate) flows: Flows,
    /// Lines that were kept for the history of the prompt.
    pub(crate) kept: Vec<String>,
    /// What is in the clipboard.
    pub(crate) clipboard: String,
    /// What a program of the user's own makes of a text; none where there is no such program.
    pub(crate) editor: Option<Editor>,
    /// What was asked of the rest of the program.
    pub(crate) asked: Vec<Effect>,
    pub(crate) log: Vec<Entry>,
    /// Files are read and written. Without that it is noted what would be done.
    pub(crate) with_files: bool,
    pub(crate) begun: Vec<Errand>,
    pub(crate) quit: bool,
    pub(crate) suspended: usize,
    size: (u16, u16),
    pub(super) now: Timestamp,
}

impl Ui {
    pub(crate) fn new(size: (u16, u16), flows: Vec<Fake>) -> Self {
        Self::with_look(size, flows, Look::default(), &[])
    }

    /// With these options set.
    pub(crate) fn set(size: (u16, u16), flows: Vec<Fake>, specs: &[&str]) -> Self {
        Self::with_look(size, flows, Look::default(), specs)
    }

    pub(crate) fn with_look(
        size: (u16, u16),
        flows: Vec<Fake>,
        look: Look,
        specs: &[&str],
    ) -> Self {
        let info = ProxyInfo {
            modes: vec![ModeInfo {
                description: "reverse:https://service.dev".into(),
                listen_addrs: vec!["*:8080".into()],
                address_hint: "localhost:8080".into(),
                target: Some("https://service.dev".into()),
            }],
            ca_path: "/home/u/.ratel/ratel-ca-cert.pem".into(),
            onboarding_host: Some("mitm.it".into()),
            version: "0.1.0".into(),
        };
        Self::with_info(size, flows, look, specs, info)
    }

    pub(crate) fn with_info(
        size: (u16, u16),
        flows: Vec<Fake>,
        look: Look,
        specs: &[&str],
        info: ProxyInfo,
    ) -> Self {
        let values = Values::with_folders("/dev/null", None);
        let options = ratel_core::options::Options::with(values).expect("defaults go together");
        options.set(specs).expect("options that there are");
        let values = options.snapshot();
        let model = Model::new(info, look, values.clone());
        let control = ratel_core::control::Control::default();
        let flows = Flows {
            list: flows,
            control: control.clone(),
            settings: model.view_settings(),
            ..Flows::default()
        };
        let mut ui = Self {
            model,
            control,
            schemas: None,
            redactor: ratel_flow::redact::Redactor::from_rules([""; 0]).expect("no rules"),
            options,
            values,
            flows,
            kept: Vec::new(),
            clipboard: String::new(),
            editor: None,
            asked: Vec::new(),
            log: Vec::new(),
            with_files: false,
            begun: Vec::new(),
            quit: false,
            suspended: 0,
            size,
            now: Timestamp(START),
        };
        ui.resize(size);
        ui
    }

    pub(crate) fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.send(Msg::Resize(size.0, size.1));
        self.frame();
    }

    fn frame(&mut self) {
        self.send(Msg::Held(self.control.held_flows().len()));
        for _ in 0..4 {
            self.send(Msg::Frame(self.now));
        }
    }

    /// Presses keys, separated by spaces: `j G enter page_down`.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        for name in keys.split(' ') {
            let name = name.replace('_', " ");
            self.send(Msg::Key(
                Key::parse(&name).unwrap_or_else(|| panic!("{name} is no key")),
            ));
            self.frame();
        }
        self
    }

    /// Runs a command.
    pub(crate) fn command(&mut self, line: &str) -> &mut Self {
        self.keys("ctrl_g :");
        self.type_in(line);
        self.keys("enter")
    }

    /// Types text.
    pub(crate) fn type_in(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Msg::Key(Key::Char(c)));
        }
        self
    }

    pub(crate) fn log(&mut self, level: Level, message: &str) {
        let entry = Entry {
            level,
            timestamp: self.now,
            message: message.into(),
            client: Some("127.0.0.1:5".into()),
        };
        self.log.push(entry.clone());
        self.send(Msg::Log(LogUpdate::Added(entry)));
    }

    pub(crate) fn add(&mut self, flow: Fake) {
        let id = flow.snapshot.id;
        self.flows.list.push(flow);
        self.send(Msg::Store(Update::Added(id)));
        self.frame();
    }

    pub(crate) fn changed(&mut self, id: u64) {
        self.send(Msg::Store(Update::Changed(FlowId(id))));
        self.frame();
    }

    /// Something happens to the flow.
    pub(crate) fn change(&mut self, id: u64, change: impl FnOnce(&mut Fake)) {
        let mut flows = self.flows.list.iter_mut();
        let flow = flows.find(|flow| flow.snapshot.id.0 == id);
        change(flow.expect("the test has put it there"));
        self.changed(id);
    }

    pub(crate) fn evict(&mut self, count: usize) {
        let up_to = self.flows.list[count - 1].snapshot.id;
        self.flows.list.drain(..count);
        self.flows.evicted += count as u64;
        self.send(Msg::Store(Update::Evicted { up_to }));
        self.frame();
    }

    pub(crate) fn pass_time(&mut self, secs: u64) {
        self.now.0 += secs * 1_000_000_000;
        self.frame();
    }

    /// The cells of the screen.
    pub(crate) fn terminal(&self) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal
    }

    /// What is on the screen, without the space at the ends of rows.
    pub(crate) fn text(&self) -> String {
        let terminal = self.terminal();
        let buffer = terminal.backend().buffer();
        let rows = buffer.content().chunks(usize::from(self.size.0).max(1));
        let rows = rows.map(|row| {
            let mut text = String::new();
            let mut skip = 0;
            for cell in row {
                if skip == 0 {
                    text.push_str(cell.symbol());
                    skip = unicode_width::UnicodeWidthStr::width(cell.symbol());
                }
                skip = skip.saturating_sub(1);
            }
            text.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }
}
