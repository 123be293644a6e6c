//! Keys where there is nothing for them to do: each says so.

use ratel_flow::{MessageKind, Side, StreamKind};
use ratel_tui::keymap::{Context, Key, Keymap};
use ratel_tui::msg::Msg;

use crate::SMALL;
use crate::support::{Fake, Ui, sample};

/// Moving about answers by itself, at an end by staying there.
const MOVES: [&str; 7] = [
    "console.texteditor.do",
    "console.nav.up",
    "console.nav.down",
    "console.nav.pageup",
    "console.nav.pagedown",
    "console.nav.start",
    "console.nav.end",
];

fn one() -> Vec<Fake> {
    vec![Fake::new(1, "GET", "/", 200, "text/plain", "short")]
}

fn raw(messages: usize) -> Vec<Fake> {
    let flow = Fake::new(1, "GET", "/", 200, "", "").stream(StreamKind::Tcp);
    let with = |flow: Fake, _| flow.message(Side::Client, MessageKind::Data, b"x");
    vec![(0..messages).fold(flow, with)]
}

/// A screen with little to do: what it is called, what it is, what leads there, and its flows.
type Place = (&'static str, Context, &'static str, fn() -> Vec<Fake>);

const PLACES: &[Place] = &[
    ("an empty list", Context::FlowList, "", Vec::new),
    ("one flow", Context::FlowList, "", one),
    ("its request", Context::FlowView, "enter", one),
    ("its response", Context::FlowView, "enter tab", one),
    ("its detail", Context::FlowView, "enter tab tab", one),
    ("a connection", Context::FlowView, "G enter", sample),
    ("no messages", Context::Messages, "enter", || raw(0)),
    ("one message", Context::Messages, "enter", || raw(1)),
    ("a message", Context::Message, "enter enter", || raw(1)),
    ("the log", Context::EventLog, "E", Vec::new),
    ("the help", Context::Help, "?", Vec::new),
    ("options", Context::Options, "O", Vec::new),
    ("no options", Context::Options, "O tab", Vec::new),
    ("bindings", Context::KeyBindings, "K", Vec::new),
    ("commands", Context::Commands, "C", Vec::new),
    (
        "a table",
        Context::GridEditor,
        ":console.edit.focus query",
        one,
    ),
    (
        "results",
        Context::DataViewer,
        ":console.layout.options",
        one,
    ),
    (
        "a text",
        Context::Editor,
        ":console.edit.focus \"request-body (here)\"",
        one,
    ),
    ("no hits", Context::Search, ":console.find.text zzz", one),
];

fn go(place: &Place) -> Ui {
    let (_, _, way, flows) = place;
    let mut ui = Ui::new(SMALL, flows());
    match way.strip_prefix(':') {
        Some(line) => {
            ui.command(line);
        }
        None if way.is_empty() => {}
        None => {
            ui.keys(way);
        }
    }
    // What was said on the way is gone.
    ui.pass_time(20);
    ui
}

/// All that a user can notice.
fn seen(ui: &Ui) -> (String, usize, usize, String, bool, usize) {
    let (asked, begun) = (ui.asked.len(), ui.begun.len());
    let copied = ui.clipboard.clone();
    (ui.text(), asked, begun, copied, ui.quit, ui.suspended)
}

#[test]
fn every_key_answers() {
    let keymap = Keymap::default();
    let mut silent = Vec::new();
    for place in PLACES {
        // Keys that hold everywhere do the same in most places.
        let everywhere = ["an empty list", "the log", "a table", "its detail"].contains(&place.0);
        let lines = keymap.on(place.1).into_iter();
        for line in lines.filter(|line| everywhere || line.place != Context::Global) {
            let command = line.binding.command.split(' ').next();
            if MOVES.iter().any(|moves| command == Some(moves)) {
                continue;
            }
            for key in line.keys {
                let mut ui = go(place);
                let before = seen(&ui);
                ui.send(Msg::Key(key));
                ui.pass_time(0);
                if seen(&ui) == before {
                    silent.push(format!("{key} on {}: {}", place.0, line.binding.command));
                }
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn a_key_that_is_not_bound_answers() {
    for place in PLACES {
        let mut ui = go(place);
        ui.send(Msg::Key(Key::Meta('y')));
        assert!(
            ui.text().contains("does nothing"),
            "{}: {}",
            place.0,
            ui.text()
        );
    }
}

/// What the bar offers works on the flow in focus, and is not where one is already.
#[test]
fn hints_are_of_what_works_here() {
    let offered = |way: &str, flows: Vec<Fake>| {
        let mut ui = Ui::new((200, 30), flows);
        ui.keys(way);
        ui.pass_time(20);
        let text = ui.text();
        let bars: Vec<_> = text.lines().rev().take(2).collect();
        bars.join(" ")
    };
    type Row<'a> = (&'a str, Vec<Fake>, &'a [&'a str], &'a [&'a str]);
    let rows: [Row<'_>; 6] = [
        ("E", one(), &["z Clear"], &["Events"]),
        ("O", one(), &["Events"], &["Options"]),
        ("enter", one(), &["r Replay", "m View", "s Split"], &[]),
        ("enter tab tab", one(), &["r Replay"], &["m View"]),
        (
            "enter",
            raw(1),
            &["enter Open"],
            &["Replay", "Copy", "Export", "View", "Split"],
        ),
        ("G", sample(), &["enter Open"], &["Replay", "Edit"]),
    ];
    for (way, flows, there, not) in rows {
        let bar = offered(way, flows);
        let is_there = |hint: &&&str| bar.contains(**hint);
        let lacks: Vec<_> = there.iter().filter(|hint| !is_there(hint)).collect();
        let idle: Vec<_> = not.iter().filter(is_there).collect();
        assert!(
            lacks.is_empty() && idle.is_empty(),
            "{way}: {lacks:?} {idle:?}\n{bar}"
        );
    }
}
