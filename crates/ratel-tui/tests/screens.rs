//! Keystrokes in, text out: every screen as a user sees it.

#[path = "screens/edit.rs"]
mod edit;
#[path = "screens/files.rs"]
mod files;
#[path = "screens/find.rs"]
mod find;
#[path = "screens/first_steps.rs"]
mod first_steps;
#[path = "screens/held.rs"]
mod held;
#[path = "screens/held_messages.rs"]
mod held_messages;
#[path = "screens/idle.rs"]
mod idle;
#[path = "screens/layouts.rs"]
mod layouts;
#[path = "screens/lists.rs"]
mod lists;
#[path = "screens/messages.rs"]
mod messages;
#[path = "screens/prompt.rs"]
mod prompt;
mod support;
#[path = "screens/tables.rs"]
mod tables;
#[path = "screens/tree.rs"]
mod tree;

use bytes::Bytes;
use insta::assert_snapshot;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use ratel_core::eventlog::Level;
use ratel_flow::{FlowId, FlowKind, StreamKind};
use ratel_tui::keymap::{Key, Keymap, NAMED};
use ratel_tui::msg::Msg;
use ratel_tui::source::{self, PageQuery, Target};
use ratel_tui::theme::Colours;
use ratel_tui::{Look, ModeInfo, ProxyInfo};
use support::{Fake, Flows, Ui, sample};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 30);

// Screens

#[test]
fn list() {
    assert_snapshot!("list_80x24", Ui::new(SMALL, sample()).text());
    assert_snapshot!("list_120x30", Ui::new(LARGE, sample()).text());
    assert_snapshot!("list_40x10", Ui::new((40, 10), sample()).text());
}

#[test]
fn matches_are_numbered() {
    let json = r#"{"token": "a token, a Token", "x": ["token"]}"#;
    let mut ui = Ui::new(
        SMALL,
        vec![Fake::new(1, "GET", "/", 200, "application/json", json)],
    );
    ui.keys("enter tab /").type_in("token").keys("enter");
    // Small letters find capitals as well.
    assert!(ui.text().contains("match 1/4"), "{}", ui.text());
    assert!(ui.keys("n n").text().contains("match 3/4"), "{}", ui.text());
    assert!(ui.keys("n n").text().contains("match 1/4"), "{}", ui.text());
    assert!(ui.keys("N").text().contains("match 4/4"), "{}", ui.text());
    let terminal = ui.terminal();
    let cells = terminal.backend().buffer().content();
    let reversed = cells
        .iter()
        .filter(|cell| cell.symbol() == "T" && cell.modifier.contains(Modifier::REVERSED));
    assert_eq!(reversed.count(), 1);
    ui.keys("/").type_in("Token").keys("enter");
    assert!(ui.text().contains("match 1/1"), "{}", ui.text());
}

#[test]
fn matches_in_a_body_that_is_not_loaded_are_numbered() {
    // Matches that lie over the ends of steps, and some on one line.
    let mut body = "x".repeat(4 * 1024 * 1024 - 3) + "NEEDLE";
    body += &"a line with nothing in it\n".repeat(200_000);
    body += "needle needle\n";
    body += &"another line\n".repeat(100_000);
    body += "the needle at the end";
    let mut ui = Ui::new(
        SMALL,
        vec![Fake::new(1, "GET", "/", 200, "text/plain", body)],
    );
    ui.keys("enter tab /").type_in("needle").keys("enter");
    assert!(ui.text().contains("match 1/4"), "{}", ui.text());
    for expected in ["2/4", "3/4", "4/4", "1/4"] {
        assert!(
            ui.keys("n").text().contains(&format!("match {expected}")),
            "{}",
            ui.text()
        );
        assert!(ui.text().to_lowercase().contains("needle"), "{}", ui.text());
    }
    assert!(ui.keys("N").text().contains("match 4/4"), "{}", ui.text());
}

/// Fields above a body that is not loaded count as well, and are gone to in their turn.
#[test]
fn matches_above_a_body_that_is_not_loaded_count() {
    let body =
        "x".repeat(4 * 1024 * 1024) + "needle" + &"another line\n".repeat(400_000) + "needle";
    let mut flow = Fake::new(1, "GET", "/", 200, "text/plain", body);
    let response = flow.snapshot.response.as_mut().expect("a response");
    response.headers.append(b"X-Needle", b"a needle");
    let mut ui = Ui::new(SMALL, vec![flow]);
    ui.keys("enter tab /").type_in("needle").keys("enter");
    assert!(ui.text().contains("match 1/4"), "{}", ui.text());
    for expected in ["2/4", "3/4", "4/4", "1/4", "2/4"] {
        let text = ui.keys("n").text();
        assert!(text.contains(&format!("match {expected}")), "{text}");
        let at_top = text.contains("X-Needle");
        assert_eq!(
            at_top,
            matches!(expected, "1/4" | "2/4"),
            "{expected}: {text}"
        );
    }
    for expected in ["1/4", "4/4", "3/4", "2/4"] {
        let text = ui.keys("N").text();
        assert!(text.contains(&format!("match {expected}")), "{text}");
    }
}

#[test]
fn a_client_that_does_not_trust_the_certificate_is_helped() {
    let why = "the client does not trust Ratel's certificate for a.dev (alert unknown_ca)";
    let hint = "make curl trust /h/ca.pem: curl --cacert /h/ca.pem https://…; to pass a.dev through: --ignore-hosts a.dev";
    let refused = |id| {
        Fake::new(id, "", "", 0, "", "")
            .failed(why, hint)
            .connection()
    };
    let info = ProxyInfo {
        modes: vec![ModeInfo {
            description: "regular".into(),
            listen_addrs: vec!["*:9000".into()],
            address_hint: "localhost:9000".into(),
            target: None,
        }],
        ca_path: "/home/u/.ratel/ratel-ca-cert.pem".into(),
        onboarding_host: Some("mitm.it".into()),
        version: "0.1.0".into(),
    };
    let mut ui = Ui::with_info(SMALL, vec![refused(1)], Look::default(), &[], info);
    assert_snapshot!("distrust", ui.text());
    ui.keys("enter");
    assert_snapshot!("distrust_opened", ui.text());
    // Once something was seen, it is not said any more.
    ui.keys("q")
        .add(Fake::new(2, "GET", "/", 200, "text/plain", "x"));
    assert!(!ui.text().contains("ratel env"), "{}", ui.text());
}

#[test]
fn empty_list_says_what_to_do() {
    let empty = Ui::new(SMALL, Vec::new()).text();
    assert!(
        empty.contains("n New  L Load") && !empty.contains("Replay"),
        "{empty}"
    );
    assert_snapshot!("empty_reverse", empty);
    let mode = ModeInfo {
        description: "regular".into(),
        listen_addrs: vec!["127.0.0.1:8080".into(), "[::1]:8080".into()],
        address_hint: "localhost:8080".into(),
        target: None,
    };
    let info = ProxyInfo {
        modes: vec![mode],
        ca_path: "/home/u/.ratel/ca.pem".into(),
        onboarding_host: Some("mitm.it".into()),
        version: "0.1.0".into(),
    };
    let ui = Ui::with_info(SMALL, Vec::new(), Look::default(), &[], info);
    assert_snapshot!("empty_regular", ui.text());
}

#[test]
fn detail() {
    let mut ui = Ui::new(SMALL, sample());
    assert_snapshot!("detail_request", ui.keys("j enter").text());
    assert_snapshot!("detail_response", ui.keys("tab").text());
    assert_snapshot!("detail_detail", ui.keys("l").text());
    let mut ui = Ui::new(LARGE, sample());
    assert_snapshot!("detail_response_120x30", ui.keys("j enter right").text());
}

#[test]
fn connect_to_a_server_shows_its_target() {
    let flow = Fake::new(1, "CONNECT", "localhost:42080", 405, "text/plain", "");
    let text = Ui::new(LARGE, vec![flow]).text();
    assert!(text.contains("CONNECT localhost:42080 "), "{text}");
}

#[test]
fn connections_whose_end_is_not_known_have_no_line_for_it() {
    let mut ui = Ui::new((120, 60), sample());
    let text = ui.keys("j enter tab l").text();
    assert!(text.contains("Client conn. established"), "{text}");
    assert!(!text.contains("conn. closed"), "{text}");
}

#[test]
fn what_is_passed_through_says_why() {
    let flow = Fake::new(1, "", "", 0, "", "")
        .stream(StreamKind::Tcp)
        .passed_through("b.test", "no pattern matches it (allow_hosts)");
    let mut ui = Ui::new((120, 60), vec![flow]);
    let text = ui.keys("enter tab").text();
    assert!(
        text.contains("no pattern matches it (allow_hosts)") && text.contains("b.test"),
        "{text}"
    );
    assert!(!text.contains("TLS Library"), "{text}");
}

#[test]
fn detail_of_what_failed() {
    let mut ui = Ui::new(SMALL, sample());
    assert_snapshot!("detail_failed", ui.keys("G k enter tab").text());
    assert_snapshot!("detail_connection", ui.keys("q j enter shift_tab").text());
}

#[test]
fn help_and_events() {
    let mut ui = Ui::new(LARGE, sample());
    assert_snapshot!("help_list", ui.keys("?").text());
    assert_snapshot!("help_detail", ui.keys("? enter ?").text());
    let mut ui = Ui::new(SMALL, Vec::new());
    ui.log(Level::Info, "listening on *:8080");
    ui.log(Level::Warn, "cannot read \u{1b}[31mconfig");
    assert_snapshot!("message", ui.text());
    assert_snapshot!("events", ui.keys("E").text());
    ui.pass_time(6);
    assert!(!ui.text().contains("more in"), "{}", ui.text());
    ui.keys("z y");
    assert!(
        ui.text().contains("nothing has happened yet"),
        "{}",
        ui.text()
    );
}

// Movement

#[test]
fn focus_moves_and_stays_in_view() {
    let flows = (1..=100)
        .map(|n| Fake::new(n, "GET", &format!("/{n}"), 200, "text/plain", "x"))
        .collect();
    let mut ui = Ui::new(SMALL, flows);
    let focused = |ui: &Ui| {
        ui.text()
            .lines()
            .find(|line| line.starts_with(">>"))
            .map(str::to_owned)
            .unwrap_or_default()
    };
    let rows = [
        ("j", "service.dev/2 "),
        ("k k", "service.dev/1 "),
        ("G", "service.dev/100 "),
        ("page_up", "service.dev/80 "),
        ("g", "service.dev/1 "),
        ("space", "service.dev/21 "),
        ("ctrl_f", "service.dev/41 "),
        ("ctrl_b", "service.dev/21 "),
        ("down up", "service.dev/21 "),
        ("home", "service.dev/1 "),
        ("end", "service.dev/100 "),
    ];
    for (keys, expected) in rows {
        assert!(
            focused(ui.keys(keys)).contains(expected),
            "after {keys}:\n{}",
            ui.text()
        );
    }
    assert!(ui.text().contains("[100/100]"));
}

#[test]
fn follow_keeps_the_newest_in_focus() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("F");
    assert!(ui.text().contains("[9/9]") && ui.text().contains("[following]"));
    ui.add(Fake::new(10, "GET", "/new", 200, "", ""));
    assert!(ui.text().contains("[10/10]"));
    // A flow that is open stays open.
    ui.keys("enter");
    ui.add(Fake::new(11, "GET", "/newer", 200, "", ""));
    assert!(
        ui.text().contains("/new ") && ui.text().contains("[10/11]"),
        "{}",
        ui.text()
    );
    ui.keys("q F");
    ui.add(Fake::new(12, "GET", "/newest", 200, "", ""));
    assert!(
        ui.text().contains("/12]") && !ui.text().contains("[12/12]"),
        "{}",
        ui.text()
    );
}

#[test]
fn next_and_previous_flow_in_the_detail() {
    let mut ui = Ui::new(SMALL, sample());
    assert!(ui.keys("enter tab").text().contains("[Response]"));
    assert!(ui.keys("space").text().contains("POST"));
    assert!(ui.text().contains("[Response]"), "the tab stays");
    assert!(ui.keys("p").text().contains("<h1>hello"));
    assert!(
        ui.keys("p").text().contains("<h1>hello"),
        "there is none before the first"
    );
}

#[test]
fn a_key_that_follows_at_once_means_the_new_focus() {
    let mut ui = Ui::new(SMALL, sample());
    ui.send(Msg::Key(Key::Char('j')));
    ui.send(Msg::Key(Key::Named("enter")));
    ui.resize(SMALL);
    assert!(
        ui.text().contains("POST /api/orders?limit=50 HTTP/1.1"),
        "{}",
        ui.text()
    );
}

#[test]
fn eviction_keeps_the_focused_flow() {
    let flows = (1..=100)
        .map(|n| Fake::new(n, "GET", &format!("/{n}"), 200, "text/plain", "x"))
        .collect();
    let mut ui = Ui::new(SMALL, flows);
    ui.keys("page_down page_down");
    ui.evict(10);
    assert!(
        ui.text().contains("[31/90]") && ui.text().contains("[10 old flows dropped]"),
        "{}",
        ui.text()
    );
    ui.keys("enter tab");
    ui.evict(40);
    assert!(
        ui.text().contains("was dropped") && ui.text().contains("text/plain"),
        "{}",
        ui.text()
    );
    assert!(ui.keys("q").text().contains("[1/50]"));
}

// Questions

#[test]
fn quitting_is_asked_for() {
    let mut ui = Ui::new(SMALL, sample());
    assert!(ui.keys("q").text().contains("Quit? (yes,no) "));
    assert!(!ui.keys("n").quit && !ui.text().contains("Quit?"));
    assert!(ui.keys("q y").quit);
    assert!(Ui::new(SMALL, sample()).keys("ctrl_c ctrl_c").quit);
    assert!(Ui::new(SMALL, sample()).keys("enter Q").quit);
    assert_eq!(Ui::new(SMALL, sample()).keys("ctrl_z").suspended, 1);
    let mut tiny = Ui::new((30, 2), sample());
    assert!(tiny.keys("q").text().contains("Quit?"), "{}", tiny.text());
}

#[test]
fn an_unknown_key_is_answered() {
    let mut ui = Ui::new(SMALL, sample());
    assert!(ui.keys("f7").text().contains("`f7` does nothing here"));
    assert!(!ui.keys("j").text().contains("does nothing"));
}

// Bodies

/// Bytes that count how much of them is read.
fn large_body(lines: usize) -> Bytes {
    let mut body = String::new();
    for n in 0..lines {
        body.push_str(&format!(
            "line {n} of a body that is larger than any window\n"
        ));
    }
    body.into()
}

#[test]
fn a_large_body_is_read_by_windows() {
    let body = large_body(60_000);
    assert!(body.len() > 2_000_000);
    let flow = Fake::new(1, "GET", "/large", 200, "text/plain", body);
    let read = source::open(
        &Flows {
            list: vec![flow.clone()],
            ..Flows::default()
        },
        &source::OpenQuery {
            id: FlowId(1),
            of: source::Of::Body(
                ratel_flow::Side::Server,
                source::BodyFrom::Around(1_000_000),
            ),
        },
    );
    let source::Shown::Body(_, Some(part)) = read.shown else {
        panic!("{read:?}");
    };
    assert!(part.bytes.len() <= 256 * 1024);

    let mut ui = Ui::new(SMALL, vec![flow]);
    assert!(ui.keys("enter tab").text().contains("line 0 of"));
    assert!(
        ui.keys("G").text().contains("line 59999 of"),
        "{}",
        ui.text()
    );
    assert!(ui.text().contains("100%"));
    // Every line is met once on the way up, whatever windows it lies in.
    let top = |ui: &Ui| -> usize {
        let text = ui.text();
        text.lines()
            .nth(2)
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
    };
    let mut before = top(&ui);
    for _ in 0..600 {
        ui.keys("page_up");
        assert_eq!(before - top(&ui), 19, "{}", ui.text());
        before = top(&ui);
    }
    for _ in 0..600 {
        ui.keys("page_down");
        assert_eq!(top(&ui) - before, 19, "{}", ui.text());
        before = top(&ui);
    }
    assert!(
        ui.keys("g").text().contains("Content-Type"),
        "{}",
        ui.text()
    );
}

#[test]
fn search_finds_what_is_not_loaded() {
    let mut ui = Ui::new(
        SMALL,
        vec![Fake::new(
            1,
            "GET",
            "/large",
            200,
            "text/plain",
            large_body(60_000),
        )],
    );
    ui.keys("enter tab /").type_in("line 54321 ").keys("enter");
    assert!(ui.text().contains("line 54321 of"), "{}", ui.text());
    ui.keys("/").type_in("line 3 ").keys("enter");
    assert!(
        ui.text().contains("line 3 of"),
        "it goes round: {}",
        ui.text()
    );
    ui.keys("/").type_in("line 59998 ").keys("enter N");
    assert!(ui.text().contains("line 59998 of"), "{}", ui.text());
    ui.keys("/").type_in("nowhere").keys("enter");
    assert!(ui.text().contains("Search not found."), "{}", ui.text());
}

#[test]
fn search_in_text_goes_forth_and_back() {
    let body = (0..100)
        .map(|n| format!("row {n} {}\n", if n % 40 == 7 { "needle" } else { "" }))
        .collect::<String>();
    let mut ui = Ui::new(
        SMALL,
        vec![Fake::new(1, "GET", "/", 200, "text/plain", body)],
    );
    ui.keys("enter tab /").type_in("needle").keys("enter");
    assert!(ui.text().contains("row 7 needle"), "{}", ui.text());
    assert!(
        ui.keys("n").text().contains("row 47 needle"),
        "{}",
        ui.text()
    );
    assert!(
        ui.keys("n n").text().contains("row 7 needle"),
        "{}",
        ui.text()
    );
    assert!(
        ui.keys("N").text().contains("row 87 needle"),
        "{}",
        ui.text()
    );
}

#[test]
fn a_live_body_grows_and_its_end_is_followed() {
    let flow = Fake::new(1, "GET", "/events", 200, "text/event-stream", "data: 0\n").streaming();
    let mut ui = Ui::new(SMALL, vec![flow]);
    ui.keys("enter tab G");
    assert!(ui.text().contains("data: 0"));
    let mut body = String::new();
    for n in 0..20_000 {
        body.push_str(&format!("data: {n}\n"));
    }
    let flow = &mut ui.flows.list[0];
    (flow.snapshot.response_body, flow.bodies[1]) = (body.len() as u64, body.into());
    ui.changed(1);
    assert!(ui.text().contains("data: 19999"), "{}", ui.text());
    ui.keys("q");
    assert!(
        ui.text().contains("…") && ui.text().contains("224k"),
        "{}",
        ui.text()
    );
}

#[test]
fn binary_bodies_are_numbers() {
    let body: Vec<u8> = (0..2_000_000u32).flat_map(|n| n.to_be_bytes()).collect();
    let mut ui = Ui::new(
        SMALL,
        vec![Fake::new(
            1,
            "GET",
            "/",
            200,
            "application/octet-stream",
            body,
        )],
    );
    assert!(
        ui.keys("enter tab").text().contains("00 00 00"),
        "{}",
        ui.text()
    );
    assert!(
        ui.keys("G").text().contains("1e 84 7f") || ui.text().contains("001e 847f"),
        "{}",
        ui.text()
    );
}

// Safety

#[test]
fn nothing_of_a_peer_reaches_the_terminal_raw() {
    let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\r\n\u{202e}x";
    let mut flow = Fake::new(
        1,
        "G\u{1b}T",
        &format!("/{evil}"),
        200,
        evil,
        evil.to_owned(),
    );
    if let Some(response) = &mut flow.snapshot.response {
        response.reason = Bytes::from(evil);
    }
    let failed = Fake::new(2, "GET", "/", 0, "", "").failed(evil, evil);
    let mut ui = Ui::new(LARGE, vec![flow, failed]);
    ui.log(Level::Error, evil);
    for keys in [
        "F",
        "F",
        "g enter",
        "tab",
        "tab",
        "q j enter",
        "tab",
        "tab",
        "E",
        "?",
    ] {
        ui.keys(keys);
        let terminal = ui.terminal();
        for cell in terminal.backend().buffer().content() {
            let safe = |c: char| !c.is_control() && c != '\u{202e}';
            assert!(
                cell.symbol().chars().all(safe),
                "{:?} after {keys}",
                cell.symbol()
            );
        }
    }
    ui.keys("q q q g enter");
    assert!(
        ui.text().contains("\\x1b]0;owned\\x07\\x9b2J\\r"),
        "{}",
        ui.text()
    );
}

#[test]
fn colours_only_when_wanted() {
    let has_colour = |colours| {
        let look = Look {
            colours,
            ..Look::default()
        };
        let ui = Ui::with_look(SMALL, sample(), look, &[]);
        let terminal = ui.terminal();
        terminal
            .backend()
            .buffer()
            .content()
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(
        has_colour(Colours::Many) && has_colour(Colours::Sixteen) && !has_colour(Colours::None)
    );
    let ui = Ui::new(SMALL, sample());
    let terminal = ui.terminal();
    let focus = terminal.backend().buffer().cell((0, 1)).unwrap();
    assert!(focus.modifier.contains(Modifier::BOLD));
}

/// What a long list costs is what is visible.
#[test]
fn a_page_of_a_hundred_thousand_flows_reads_what_is_visible() {
    use std::cell::Cell;
    struct Counting(Flows, Cell<usize>);
    impl source::Source for Counting {
        fn counts(&self) -> source::Counts {
            source::Counts {
                shown: 100_000,
                ..source::Counts::default()
            }
        }
        fn newest(&self) -> Option<FlowId> {
            None
        }
        fn ids(&self, positions: std::ops::Range<usize>) -> Vec<FlowId> {
            self.1.set(self.1.get() + positions.len());
            positions.map(|at| FlowId(at as u64 * 3)).collect()
        }
        fn summary(&self, _: FlowId) -> Option<ratel_core::store::Summary> {
            self.1.set(self.1.get() + 1);
            self.0.summary(FlowId(1))
        }
        fn tree(&self, look: &mut dyn FnMut(&mut ratel_core::view::Tree)) {
            self.0.tree(look);
        }
        fn held(&self, _: FlowId) -> Vec<ratel_core::control::HeldPart> {
            Vec::new()
        }
        fn snapshot(&self, _: FlowId) -> Option<ratel_core::store::FlowSnapshot> {
            None
        }
        fn body(
            &self,
            _: FlowId,
            _: ratel_flow::Side,
            _: std::ops::Range<u64>,
        ) -> Option<ratel_core::store::Window> {
            None
        }
        fn messages(
            &self,
            _: FlowId,
            _: std::ops::Range<u64>,
        ) -> Option<ratel_core::store::MessageWindow> {
            None
        }
        fn payload(
            &self,
            _: FlowId,
            _: ratel_flow::Side,
            _: ratel_flow::Payload,
            _: std::ops::Range<u64>,
        ) -> Option<ratel_core::store::Window> {
            None
        }
    }
    let counting = Counting(
        Flows {
            list: sample(),
            ..Flows::default()
        },
        Cell::new(0),
    );
    // The focus was at position 90,000 before 40,000 went away.
    let query = PageQuery {
        target: Target::Keep,
        focus: Some((FlowId(150_000), 90_000)),
        top: 89_990,
        height: 50,
    };
    let page = source::page(&counting, &query);
    assert_eq!(
        (page.focus, page.top),
        (Some((FlowId(150_000), 50_000)), 49_990)
    );
    assert!(counting.1.get() < 200, "{} reads", counting.1.get());
}

#[test]
fn a_terminal_that_has_shrunk_unheard_is_no_harm() {
    for keys in ["q", "enter", "?", "E"] {
        let mut ui = Ui::new(LARGE, sample());
        ui.keys(keys);
        let mut terminal = Terminal::new(TestBackend::new(7, 3)).unwrap();
        terminal
            .draw(|frame| ratel_tui::view::view(&ui.model, frame))
            .unwrap();
    }
}

fn key() -> impl Strategy<Value = Key> {
    let keymap = Keymap::default();
    let bound: Vec<_> = keymap.bindings().iter().map(|b| b.key).collect();
    let named: Vec<_> = NAMED.iter().filter_map(|name| Key::parse(name)).collect();
    prop_oneof![
        4 => prop::sample::select(bound),
        1 => prop::sample::select(named),
        1 => any::<char>().prop_map(Key::Char),
    ]
}

/// A line for each command that needs nothing, and some that do.
fn lines() -> Vec<&'static str> {
    let bare =
        ratel_core::commands::all().filter(|def| def.tools.terminal && def.params.is_empty());
    let more = [
        "set console_layout vertical",
        "set console_layout horizontal",
        "set console_layout_headers toggle",
        "set console_flowlist_layout list",
        "set console_flowlist_layout table",
        "set view_filter '~m POST'",
        "set view_filter",
        "set view_order size",
        "console.highlight service",
        "flow.mark @all :star:",
        "console.command set ",
    ];
    bare.map(|def| def.name)
        .chain(more)
        .filter(|name| *name != "console.exit")
        .collect()
}

#[derive(Clone, Debug)]
enum Step {
    Key(Key),
    Resize(u16, u16),
    Click(u16, u16),
    Wheel(isize, u16, u16),
    Type(String),
    Run(String),
    Add,
    Evict,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => key().prop_map(Step::Key),
        1 => (1u16..200, 1u16..60).prop_map(|(w, h)| Step::Resize(w, h)),
        1 => (1u16..8, 1u16..8).prop_map(|(w, h)| Step::Resize(w, h)),
        1 => (0u16..200, 0u16..60).prop_map(|(x, y)| Step::Click(x, y)),
        1 => (-5isize..5, 0u16..200, 0u16..60).prop_map(|(rows, x, y)| Step::Wheel(rows, x, y)),
        1 => "[a-z .@~\"'日\u{301}\u{1b}]{0,12}".prop_map(Step::Type),
        2 => prop::sample::select(lines()).prop_map(|line| Step::Run(line.to_owned())),
        1 => Just(Step::Add),
        1 => Just(Step::Evict),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_panics(size in (1u16..200, 1u16..60), steps in prop::collection::vec(step(), 0..40)) {
        let mut ui = Ui::new(size, sample());
        let mut next = 100;
        for step in steps {
            match step {
                Step::Key(key) => ui.send(Msg::Key(key)),
                Step::Resize(width, height) => ui.resize((width, height)),
                Step::Click(x, y) => ui.send(Msg::Click(x, y)),
                Step::Wheel(rows, x, y) => ui.send(Msg::Wheel(rows, x, y)),
                Step::Type(text) => {
                    ui.type_in(&text);
                }
                Step::Run(line) => {
                    ui.command(&line);
                }
                Step::Add => {
                    ui.add(Fake::new(next, "GET", "/日本", 200, "text/plain", "日本\t語\n".repeat(9)));
                    next += 1;
                }
                Step::Evict if !ui.flows.list.is_empty() => ui.evict(1),
                Step::Evict => {}
            }
            ui.pass_time(0);
            ui.text();
        }
    }
}

#[test]
fn datagrams_are_told_apart_and_looked_into() {
    const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
    let flows = sample();
    let mut flows = flows.into_iter();
    let dns = flows.next().unwrap().datagrams(FlowKind::Dns, QUESTION);
    let udp = flows.next().unwrap().datagrams(FlowKind::Udp, b"");
    let udp = udp.stream(StreamKind::Udp);
    let mut ui = Ui::new(SMALL, vec![dns, udp]);
    let list = ui.text();
    assert!(list.contains("DNS") && list.contains("UDP"), "{list}");
    let opened = ui.keys("enter").text();
    assert!(opened.contains("name: example.org"), "{opened}");
    let opened = ui.keys("q j enter").text();
    assert!(!opened.contains("Response"), "{opened}");
}

#[test]
fn what_is_exported_has_no_secrets() {
    let mut ui = Ui::new(SMALL, sample());
    let line = "export raw_request @2";
    assert!(ui.command(line).text().contains("Host"));
    ui.redactor = ratel_flow::redact::Redactor::from_rules(["header:Host"]).unwrap();
    assert!(ui.keys("q").command(line).text().contains("REDACTED-"));
}

#[test]
fn a_flow_is_exported_to_a_file_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("again.sh");
    let mut ui = Ui::new(SMALL, sample());
    ui.with_files = true;
    assert_snapshot!("export_formats", ui.keys("j x").text());
    let asked = ui.keys("1").text();
    assert!(asked.contains(": export.file curl @focus"), "{asked}");
    assert!(
        asked.contains("path: a file; ~ is your home directory"),
        "{asked}"
    );
    let done = ui.type_in(file.to_str().unwrap()).keys("enter").text();
    assert!(done.contains("written to"), "{done}");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.starts_with("curl ") && written.contains("/api/orders?limit=50"),
        "{written}"
    );
    let line = format!("export.file raw_request @focus {}", file.display());
    let asked = ui.command(&line).text();
    assert!(
        asked.contains("again.sh. Overwrite it? (yes,no)"),
        "{asked}"
    );
    assert_eq!(ui.kept.last(), Some(&line));
    ui.keys("n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
    ui.command(&line).keys("y");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("POST /api/orders"), "{written}");
}

#[test]
fn a_flow_is_copied_as_what_is_chosen() {
    let mut ui = Ui::new(SMALL, sample());
    let text = ui.keys("j y / h t").text();
    assert!(
        text.contains("httpie") && !text.contains("raw_request"),
        "{text}"
    );
    let text = ui.keys("enter").text();
    assert!(text.contains("copied to the clipboard"), "{text}");
    assert!(
        ui.clipboard.starts_with("http --ignore-stdin POST"),
        "{}",
        ui.clipboard
    );
    // The open flow is meant when one is open.
    ui.keys("enter y down enter");
    assert!(
        ui.clipboard.starts_with("http --ignore-stdin POST"),
        "{}",
        ui.clipboard
    );
    let text = ui.keys("y esc").text();
    assert!(!text.contains("Copy as"), "{text}");
}

#[test]
fn the_view_of_a_body_is_chosen() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("j enter tab");
    assert!(ui.text().contains("JSON, "), "{}", ui.text());
    assert_snapshot!("contentviews", ui.keys("m").text());
    let text = ui.keys("/").type_in("hex d").keys("enter").text();
    assert!(
        text.contains("Hex Dump, ") && text.contains("0000:"),
        "{text}"
    );
    let text = ui.command("console.flowview.mode.set raw").text();
    assert!(text.contains("Raw, "), "{text}");
    assert!(
        ui.command("console.flowview.mode").text().contains("raw"),
        "{}",
        ui.text()
    );
    let text = ui.command("console.flowview.mode.set nothing").text();
    assert!(text.contains("'nothing' is not one of"), "{text}");
    // It is kept for this flow and this side.
    let text = ui.keys("space").text();
    assert!(!text.contains("Raw, "), "{text}");
    assert!(ui.keys("p").text().contains("Raw, "), "{}", ui.text());
    let mut ui = Ui::set(SMALL, sample(), &["console_default_contentview=raw"]);
    assert!(
        ui.keys("j enter tab").text().contains("Raw, "),
        "{}",
        ui.text()
    );
}

#[test]
fn the_next_flow_opens_on_the_tab_that_was_chosen() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("enter tab q j enter");
    assert!(ui.text().contains("[Response]"), "{}", ui.text());
    ui.keys("tab q enter");
    assert!(ui.text().contains("[Detail]"), "{}", ui.text());
}

#[test]
fn a_body_says_by_what_view_it_is_shown() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("enter tab");
    assert!(!ui.text().contains("[m:"), "{}", ui.text());
    // The key of the fifth, as in mitmproxy.
    ui.keys("m 5");
    assert!(ui.text().contains("[m:hex dump]"), "{}", ui.text());
    assert!(!ui.keys("tab").text().contains("[m:"), "{}", ui.text());
}

#[test]
fn a_letter_of_no_choice_is_said() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("o x");
    let text = ui.text();
    assert!(
        text.contains("x is the key of none") && text.contains("Order flows by"),
        "{text}"
    );
    assert!(!ui.keys("j").text().contains("is the key of none"));
    // In a long list, letters that move elsewhere choose.
    ui.keys("esc enter tab m j");
    assert!(ui.text().contains("[m:css]"), "{}", ui.text());
}

#[test]
fn why_a_command_failed_is_in_the_log() {
    let mut ui = Ui::new(LARGE, sample());
    ui.command("view.order.set sideways");
    let said = ui.text();
    ui.keys("E");
    let text = ui.text();
    assert!(
        said.contains("sideways") && text.contains("sideways"),
        "{said}\n{text}"
    );
    assert_eq!(ui.log.len(), 1);
}
