//! Finding something in all flows.

use insta::assert_snapshot;
use ratel_core::search::{Hit, Part, Progress};
use ratel_flow::{FlowId, MessageKind, Side, StreamKind};
use ratel_tui::model::{FoundRow, Wanted};
use ratel_tui::msg::{Effect, Msg};

use crate::SMALL;
use crate::support::{Fake, Ui};

const LONG: usize = 700_000;

fn flows() -> Vec<Fake> {
    let json = "{\"name\":\"Needle\",\"other\":[1,2,3]}";
    let mut long = vec![b'x'; LONG];
    for at in (99..LONG).step_by(100) {
        long[at] = b'\n';
    }
    long[400_000..400_010].copy_from_slice(b"the needle");
    vec![
        Fake::new(1, "GET", "/orders?q=needle", 200, "application/json", json),
        Fake::new(2, "GET", "/long", 200, "text/plain", long),
        Fake::new(3, "GET", "/socket", 101, "", "")
            .stream(StreamKind::WebSocket)
            .message(Side::Client, MessageKind::Text, b"hay")
            .message(Side::Server, MessageKind::Text, b"hay and needle"),
        Fake::new(4, "GET", "/other", 200, "", ""),
    ]
}

fn hit(flow: u64, part: Part, offset: u64, before: &str, found: &str, after: &str) -> Hit {
    Hit {
        flow: FlowId(flow),
        part,
        as_sent: false,
        offset,
        len: found.len() as u64,
        snippet: format!("{before}{found}{after}").into(),
        marked: before.len()..before.len() + found.len(),
    }
}

fn hits() -> Vec<FoundRow> {
    let url = "https://service.dev/orders?q=";
    let body = Part::Body(Side::Server);
    let message = Part::Message {
        number: 1,
        side: Side::Server,
    };
    let row = |flow: Option<&str>, hit| FoundRow {
        hit,
        flow: flow.map(Into::into),
    };
    vec![
        row(
            Some("GET https://service.dev/orders?q=needle"),
            hit(1, Part::Url, url.len() as u64, url, "needle", ""),
        ),
        row(
            None,
            hit(
                1,
                body,
                9,
                "{\"name\":\"",
                "Needle",
                "\",\"other\":[1,2,3]}",
            ),
        ),
        row(
            Some("GET https://service.dev/long"),
            hit(
                2,
                body,
                400_004,
                "xxx\nxxxxxxxxxxxx the ",
                "needle",
                "xxx\u{1b}",
            ),
        ),
        row(
            Some("WS https://service.dev/socket"),
            hit(3, message, 8, "hay and ", "needle", ""),
        ),
    ]
}

fn progress(searched: usize, done: bool) -> Progress {
    Progress {
        searched,
        total: 4,
        hits: 4,
        limited: false,
        done,
    }
}

fn found(ui: &mut Ui, done: bool) {
    let number = ui.asked.iter().rev().find_map(|effect| match effect {
        Effect::Find(number, _) => Some(*number),
        _ => None,
    });
    let searched = if done { 4 } else { 2 };
    let number = number.expect("something is looked for");
    ui.send(Msg::Hits(number, hits(), progress(searched, done)));
}

/// Has found `needle`.
fn searched() -> Ui {
    let mut ui = Ui::new(SMALL, flows());
    ui.keys("s").type_in("needle").keys("enter");
    found(&mut ui, true);
    ui
}

fn wanted(needle: &str, regex: bool, exact: bool) -> Wanted {
    Wanted {
        needle: needle.into(),
        regex,
        exact,
    }
}

#[test]
fn a_text_is_found_in_all_flows() {
    let mut ui = Ui::new(SMALL, flows());
    ui.keys("s").type_in("needle");
    assert_snapshot!("find_prompt", ui.text());
    ui.keys("enter");
    assert_eq!(ui.asked, [Effect::Find(1, wanted("needle", false, false))]);
    assert!(ui.text().contains("Looking…"), "{}", ui.text());
    found(&mut ui, false);
    assert!(ui.text().contains("50 % done"), "{}", ui.text());
    ui.send(Msg::Hits(1, Vec::new(), progress(4, true)));
    assert_snapshot!("find_found", ui.text());
    // What another search has found is not for this one.
    ui.send(Msg::Hits(7, hits(), progress(4, true)));
    assert!(ui.text().contains("4 hits in 3 flows"), "{}", ui.text());
    ui.keys("q");
    assert_eq!(ui.asked.last(), Some(&Effect::EndFind));
    assert!(ui.text().contains("[1/4]"), "{}", ui.text());
}

#[test]
fn the_flow_is_opened_where_the_hit_is() {
    let mut ui = searched();
    let text = ui.keys("enter").text();
    assert!(
        text.contains("/orders?q=needle") && text.contains("Host:"),
        "{text}"
    );
    let text = ui.keys("q j enter").text();
    assert!(text.contains("\"name\": \"Needle\""), "{text}");
    // A body that is not loaded as a whole.
    let text = ui.keys("q j enter").text();
    assert!(text.contains("the needle"), "{text}");
    // The list has gone along.
    assert!(text.contains("[2/4]"), "{text}");
    let text = ui.keys("q j enter").text();
    assert!(
        text.contains("hay and needle") && !text.contains("→"),
        "{text}"
    );
    let text = ui.keys("q q").text();
    assert!(text.contains("4 hits in 3 flows"), "{text}");
    // Also where the flow is open below.
    let text = ui
        .keys("g enter ctrl_s")
        .type_in("needle")
        .keys("enter")
        .text();
    assert!(text.contains("Looking…"), "{text}");
    found(&mut ui, true);
    let text = ui.keys("j enter").text();
    assert!(text.contains("\"name\": \"Needle\""), "{text}");
}

#[test]
fn the_same_is_looked_for_in_other_ways() {
    let mut ui = searched();
    ui.keys("tab c");
    let expected = [
        Effect::Find(1, wanted("needle", false, false)),
        Effect::Find(2, wanted("needle", true, false)),
        Effect::Find(3, wanted("needle", true, true)),
    ];
    assert_eq!(ui.asked, expected);
    assert!(
        ui.text().contains("(regular expression, exact case)"),
        "{}",
        ui.text()
    );
    ui.asked.clear();
    let text = ui.keys("s").type_in("a(").text();
    assert!(text.contains("find regular expression: a("), "{text}");
    let text = ui.keys("enter").text();
    assert!(
        ui.asked.is_empty() && text.contains("a(") && text.contains("unclosed group"),
        "{text}"
    );
    ui.keys("tab enter");
    assert_eq!(ui.asked, [Effect::Find(4, wanted("a(", false, false))]);
    ui.command(r"console.find.regex '\bfoo'");
    let last = Effect::Find(5, wanted(r"\bfoo", true, false));
    assert_eq!(ui.asked.last(), Some(&last));
    let text = ui.command("console.find.regex x*").text();
    let words = text.replace('\n', " ");
    assert!(words.contains("use `+` in place of `*`"), "{text}");
}

#[test]
fn a_search_is_stopped() {
    let mut ui = Ui::new(SMALL, flows());
    ui.keys("ctrl_s").type_in("needle").keys("enter");
    found(&mut ui, false);
    let text = ui.keys("esc").text();
    assert!(text.contains("4 hits in 3 flows, stopped"), "{text}");
    assert_eq!(ui.asked.last(), Some(&Effect::EndFind));
    let text = ui.keys("esc").text();
    assert!(
        text.contains("[1/4]") && !text.contains("Search for"),
        "{text}"
    );
}
