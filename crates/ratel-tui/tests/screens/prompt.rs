//! The line at the bottom, the palette, and what commands give back.

use insta::assert_snapshot;
use ratel_tui::msg::{Effect, Msg};

use crate::SMALL;
use crate::support::{Ui, sample};

#[test]
fn a_command_is_typed_with_help() {
    let mut ui = Ui::new(SMALL, sample());
    let text = ui.keys(":").text();
    assert!(
        text.contains("commands.history.add") && text.contains("tab completes"),
        "{text}"
    );
    assert_snapshot!("prompt_name", ui.type_in("view.f").text());
    ui.keys("tab tab tab");
    assert!(
        ui.text().contains(": view.flows.create") || ui.text().contains(": view.flows"),
        "{}",
        ui.text()
    );
    ui.keys("esc :").type_in("flow.mark ");
    assert_snapshot!("prompt_argument", ui.text());
    ui.type_in("@fo").keys("tab").type_in(":star:");
    assert!(
        ui.text().contains(": flow.mark @focus :star:"),
        "{}",
        ui.text()
    );
    let text = ui.keys("enter").text();
    assert!(text.contains(">> 13:06:00 GET     ⭐ https"), "{text}");
}

#[test]
fn completion_goes_round_and_back() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys(":").type_in("set console_layout ").keys("tab");
    let line = |ui: &Ui| ui.text().lines().last().unwrap_or_default().to_owned();
    assert_eq!(line(&ui), ": set console_layout horizontal");
    assert_eq!(line(ui.keys("tab")), ": set console_layout single");
    assert_eq!(
        line(ui.keys("shift_tab")),
        ": set console_layout horizontal"
    );
    assert_eq!(
        line(ui.keys("tab tab tab")),
        ": set console_layout  *value",
        "what was typed"
    );
    assert_eq!(line(ui.keys("shift_tab")), ": set console_layout vertical");
}

#[test]
fn files_are_completed() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys(":").type_in("options.save /tmp/fl");
    assert!(ui.text().contains("/tmp/flow.txt"), "{}", ui.text());
    ui.keys("tab");
    assert!(
        ui.text().contains(": options.save /tmp/flows/"),
        "{}",
        ui.text()
    );
}

#[test]
fn lines_come_back_from_the_history() {
    let mut ui = Ui::new(SMALL, sample());
    ui.command("view.focus.go 3")
        .command("set showhost true")
        .command("view.focus.go 5");
    assert_eq!(
        ui.kept,
        ["view.focus.go 3", "set showhost true", "view.focus.go 5"]
    );
    let line = |ui: &Ui| ui.text().lines().last().unwrap_or_default().to_owned();
    assert_eq!(line(ui.keys(": up")), ": view.focus.go 5");
    assert_eq!(line(ui.keys("up up")), ": view.focus.go 3");
    assert_eq!(line(ui.keys("down")), ": set showhost true");
    ui.keys("esc :").type_in("view");
    assert_eq!(
        line(ui.keys("ctrl_p ctrl_p")),
        ": view.focus.go 3",
        "by what was typed"
    );
    assert_eq!(line(ui.keys("ctrl_n ctrl_n")), ": view");
    ui.keys("esc");
    let mut ui = Ui::set(SMALL, sample(), &["command_history=false"]);
    ui.command("view.focus.next");
    assert_eq!(ui.kept, Vec::<String>::new());
    assert!(
        ui.keys(": up").text().contains(": view.focus.next"),
        "it is known while the program runs"
    );
}

#[test]
fn what_does_not_fit_is_said() {
    let mut ui = Ui::new(SMALL, sample());
    let rows = [
        (
            "view.focus.nxt",
            "Unknown command: view.focus.nxt (did you mean",
        ),
        ("view.focus.go", "missing a required argument: 'offset'"),
        ("view.focus.go x", "'x' is not a whole number"),
        ("script.run @all x", "not available yet"),
        ("set nothing", "there is no option 'nothing'"),
        ("set showhost maybe", "invalid value for option 'showhost'"),
        ("set mode socks5", "'socks5'"),
        ("flow.mark '~q (' true", "~q"),
        ("flow.mark @99 true", "there is no flow 99"),
        (
            "console.view.flow @all",
            "Command requires one flow, specification matched 9.",
        ),
        (
            "console.choose.cmd x view.focus.next set",
            "there is nothing to choose from",
        ),
        ("export nothing @focus", "'nothing' is not one of"),
    ];
    for (line, expected) in rows {
        let text = ui.command(line).text();
        assert!(
            text.replace('\n', " ").contains(expected),
            "{line}:\n{text}"
        );
    }
    ui.keys(":").type_in("flow.mark @focus star");
    assert_snapshot!("prompt_wrong", ui.text());
}

#[test]
fn results_are_shown() {
    let mut ui = Ui::new(SMALL, sample());
    assert!(ui.command("view.properties.length").text().ends_with('9'));
    assert!(
        ui.command("proxyserver.active_connections")
            .text()
            .ends_with('1')
    );
    assert!(
        ui.command("view.flows.resolve '~m GET'")
            .text()
            .ends_with("Command returned 6 flows.")
    );
    assert_snapshot!("results", ui.command("export.formats").text());
    let text = ui.keys("q").command("export raw_request @2").text();
    assert!(
        text.contains("POST /api/orders?limit=50 HTTP/1.1") && text.contains("Host: service.dev"),
        "{text}"
    );
    assert!(ui.keys("q").text().contains("Method"), "{}", ui.text());
}

#[test]
fn yes_or_no() {
    let mut ui = Ui::new(SMALL, sample());
    assert!(
        ui.keys("z").text().ends_with("Delete all flows? (yes,no)"),
        "{}",
        ui.text()
    );
    assert!(ui.keys("n").text().contains("[1/9]"), "{}", ui.text());
    let text = ui.keys("z y").text();
    assert!(
        text.contains("[1/2]") && text.contains("what goes on is ended"),
        "{text}"
    );
}

#[test]
fn values_of_options_are_asked_for() {
    let mut ui = Ui::new(SMALL, sample());
    let line = |ui: &Ui| ui.text().lines().last().unwrap_or_default().to_owned();
    assert_eq!(line(ui.keys("f")), ": set view_filter \"\"");
    let text = ui.type_in("~m post").keys("enter").text();
    assert!(
        text.contains("[f:~m post]") && text.contains("[1/1]"),
        "{text}"
    );
    assert_eq!(
        line(ui.keys("f")),
        ": set view_filter \"~m post\"",
        "it stands there to be changed"
    );
    let text = ui
        .keys("ctrl_w ctrl_w")
        .type_in("~q (")
        .keys("enter")
        .text();
    assert!(
        text.contains("[f:~m post]") && text.contains("error"),
        "{text}"
    );
    let text = ui.command("set view_filter").text();
    assert!(text.contains("[1/9]") || text.contains("/9]"), "{text}");
    // An empty text is none.
    ui.command("set view_filter ~q");
    assert!(
        ui.command("set view_filter ''").text().contains("/9]"),
        "{}",
        ui.text()
    );
}

#[test]
fn commands_are_found_by_some_letters() {
    let mut ui = Ui::new(SMALL, sample());
    assert_snapshot!("palette", ui.keys("ctrl_p").text());
    assert_snapshot!("palette_found", ui.type_in("layout").text());
    let text = ui.keys("enter").text();
    assert!(
        text.contains("Events"),
        "the panes are arranged in another way: {text}"
    );
    // One that lacks something is asked for that.
    ui.keys("ctrl_p").type_in("focus.go").keys("enter");
    assert!(ui.text().contains(": view.focus.go"), "{}", ui.text());
    ui.keys("esc ctrl_p").type_in("qqqqqq");
    assert!(ui.text().contains("nothing is called so"), "{}", ui.text());
    ui.keys("esc ctrl_p backspace");
    assert!(ui.text().contains("Commands ─"), "{}", ui.text());
    ui.keys("esc");
    assert!(!ui.text().contains("Commands ─"), "{}", ui.text());
}

#[test]
fn the_mouse_chooses() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("y");
    let text = ui.text();
    let (y, line) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains("raw_request"))
        .unwrap();
    let x = line.chars().position(|c| c == 'w').unwrap();
    ui.send(Msg::Click(x as u16, y as u16));
    assert!(
        ui.clipboard.starts_with("GET / HTTP/1.1"),
        "{:?}",
        ui.clipboard
    );
    ui.keys("y");
    ui.send(Msg::Click(0, 0));
    assert!(ui.text().contains("Copy as"), "beside it nothing happens");
}

#[test]
fn what_is_pasted_is_typed_and_not_run() {
    let mut ui = Ui::new(SMALL, sample());
    ui.send(Msg::Paste("Q".into()));
    assert!(!ui.quit, "keys are not pasted");
    ui.keys(":");
    ui.send(Msg::Paste("view.focus.go 3\n".into()));
    assert!(ui.text().ends_with(": view.focus.go 3"), "{}", ui.text());
    assert!(ui.keys("enter").text().contains("[4/9]"), "{}", ui.text());
}

#[test]
fn programs_of_ones_own_are_asked_for() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("enter v down enter");
    assert_eq!(ui.asked, [Effect::ViewBody(ratel_flow::FlowId(1), true)]);
}

#[test]
fn every_command_of_the_terminal_does_something() {
    use ratel_core::commands::{self, ArgKind};
    for def in commands::all().filter(|def| def.is_available() && def.tools.terminal) {
        let word = |kind: ArgKind| match kind {
            ArgKind::Int => "1",
            ArgKind::Bool => "true",
            ArgKind::Flow | ArgKind::Flows | ArgKind::FlowSpec => "@focus",
            ArgKind::Command => "view.focus.next",
            ArgKind::Choice("console.edit.focus.options") => "url",
            ArgKind::OneOf("rules.names") => "\"fault 503\"",
            ArgKind::Choice(from) | ArgKind::OneOf(from) => commands::def(from)
                .and_then(|def| def.lists.first().copied())
                .unwrap_or("auto"),
            ArgKind::Marker => "true",
            ArgKind::OptionName => "showhost",
            ArgKind::Path => "/dev/null/at/all",
            ArgKind::StrList => "flowlist",
            _ => "a",
        };
        let words: Vec<_> = def
            .params
            .iter()
            .filter(|param| !param.rest)
            .map(|param| word(param.kind))
            .collect();
        let line = format!("{} {}", def.name, words.join(" "));
        let mut ui = Ui::new(SMALL, sample());
        if def.name == "rules.toggle" {
            ui.command("set fault 503");
        }
        let text = ui.command(&line).text();
        assert!(!text.contains("does nothing here"), "{line}:\n{text}");
        assert!(
            !text.contains("Command argument mismatch"),
            "{line}:\n{text}"
        );
    }
}
