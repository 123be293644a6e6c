//! Panes, titles, hints, palettes, long lines, request and response side by side.

use insta::assert_snapshot;
use ratatui::style::Color;
use ratel_core::eventlog::Level;
use ratel_tui::Look;
use ratel_tui::msg::Msg;
use ratel_tui::theme::Colours;

use crate::support::{Fake, Ui, sample};
use crate::{LARGE, SMALL};

#[test]
fn panes_are_arranged() {
    let mut ui = Ui::set(LARGE, sample(), &["console_layout=vertical"]);
    ui.log(Level::Info, "listening on *:8080");
    assert_snapshot!("layout_vertical", ui.text());
    ui.keys("-");
    assert_snapshot!("layout_horizontal", ui.text());
    assert!(
        ui.keys("ctrl_right ?")
            .text()
            .contains("Keys on this screen (events)"),
        "{}",
        ui.text()
    );
    ui.keys("q shift_tab enter");
    assert!(
        ui.text().contains("[Request]") && ui.text().contains("listening"),
        "{}",
        ui.text()
    );
    let text = ui.keys("- E").text();
    assert!(
        text.contains("listening") && !text.contains("[Request]"),
        "{text}"
    );
    let text = ui
        .keys("q")
        .command("set console_layout_headers false")
        .text();
    assert!(
        text.contains("[Request]") && !text.contains("Method"),
        "{text}"
    );
}

#[test]
fn the_mouse_goes_to_a_pane() {
    let mut ui = Ui::set(LARGE, sample(), &["console_layout=vertical"]);
    ui.send(Msg::Click(3, 20));
    assert!(ui.keys("?").text().contains("(events)"), "{}", ui.text());
    ui.keys("q");
    ui.send(Msg::Click(3, 3));
    assert!(
        ui.text().contains("[1/9]"),
        "the first click only goes there: {}",
        ui.text()
    );
    ui.send(Msg::Click(3, 3));
    assert!(
        ui.text().contains("[Request]") && ui.text().contains("[3/9]"),
        "{}",
        ui.text()
    );
    let column = ui
        .text()
        .lines()
        .find_map(|line| line.find("Detail"))
        .unwrap();
    ui.send(Msg::Click(column as u16, 1));
    assert!(ui.text().contains("[Detail]"), "{}", ui.text());
    // What is under the pointer scrolls.
    ui.send(Msg::Wheel(3, 3, 5));
    assert!(!ui.text().contains("Server Connection"), "{}", ui.text());
}

#[test]
fn two_lines_for_a_flow() {
    let mut ui = Ui::set(SMALL, sample(), &["console_flowlist_layout=list"]);
    assert_snapshot!("list_of_two_lines", ui.text());
    ui.keys("page_down");
    assert!(ui.text().contains("[9/9]"), "{}", ui.text());
    ui.send(Msg::Click(3, 3));
    assert!(ui.text().contains("[Request]"), "{}", ui.text());
}

#[test]
fn hints_are_hidden() {
    let mut ui = Ui::new(LARGE, sample());
    assert!(ui.text().contains("ctrl p Find"));
    ui.keys("H");
    let text = ui.text();
    assert!(!text.contains("ctrl p Find"), "{text}");
    assert!(
        text.lines().last().unwrap_or_default().contains("[1/9]"),
        "{text}"
    );
    assert!(
        ui.keys("q").text().ends_with("ctrl c quits, too"),
        "a question is seen all the same"
    );
}

#[test]
fn palettes() {
    let paint = |specs: &[&str]| {
        let look = Look {
            colours: Colours::Many,
            ..Look::default()
        };
        let ui = Ui::with_look(SMALL, sample(), look, specs);
        let terminal = ui.terminal();
        let cell = terminal.backend().buffer().cell((79, 15)).unwrap().clone();
        let status = terminal.backend().buffer().cell((49, 4)).unwrap().clone();
        (cell.bg, status.fg)
    };
    let (background, _) = paint(&["console_palette=light"]);
    assert_eq!(background, Color::Reset, "the terminal's own");
    let (background, status) =
        paint(&["console_palette=light", "console_palette_transparent=false"]);
    assert_eq!(background, Color::Indexed(231));
    let (_, other) = paint(&["console_palette=solarized_dark"]);
    assert_ne!(status, other);
    assert_eq!(
        paint(&[
            "console_palette=terminal",
            "console_palette_transparent=false"
        ])
        .0,
        Color::Reset
    );
}

#[test]
fn request_and_response_side_by_side() {
    let body = "0123456789 ".repeat(30);
    let mut flows = sample();
    flows.push(Fake::new(10, "GET", "/long", 200, "text/plain", body));
    let mut ui = Ui::new(LARGE, flows);
    ui.keys("G enter s");
    assert_snapshot!("split", ui.text());
    ui.keys("tab");
    assert!(ui.text().contains("[Response]"), "{}", ui.text());
    assert!(ui.keys("p").text().contains("[Response]"), "{}", ui.text());
    let text = ui.keys("tab").text();
    assert!(
        text.contains("[Detail]") && text.contains("Server Connection"),
        "{text}"
    );
    ui.resize((40, 20));
    ui.keys("shift_tab");
    assert!(!ui.text().contains('│'), "there is no room: {}", ui.text());
}

#[test]
fn long_lines_are_cut() {
    let body = format!("{}\nshort\n", "0123456789".repeat(30));
    let mut ui = Ui::new(
        SMALL,
        vec![Fake::new(1, "GET", "/", 200, "text/plain", body)],
    );
    ui.keys("enter tab");
    let rows = |ui: &Ui| {
        ui.text()
            .lines()
            .filter(|line| line.contains("123456"))
            .count()
    };
    assert_eq!(rows(&ui), 4);
    ui.keys("\\");
    assert_eq!(rows(&ui), 1, "{}", ui.text());
    assert!(
        ui.text().contains('…') && ui.text().contains("short"),
        "{}",
        ui.text()
    );
    ui.keys("\\");
    assert_eq!(rows(&ui), 4);
}
