//! The list as a tree of hosts and paths.

use insta::assert_snapshot;
use ratel_tui::msg::Msg;

use crate::support::{Fake, Ui, sample};
use crate::{LARGE, SMALL};

/// Flows of two more hosts.
fn hosts() -> Vec<Fake> {
    let mut flows = sample();
    for (id, host, path) in [
        (10, "auth.dev", "/token"),
        (11, "auth.dev", "/\u{202e}evil\x1b[2J?q=\x1b"),
        (12, "service.dev", "/api/orders/8"),
        (13, "日本.dev", "/x/y/z"),
    ] {
        let mut flow = Fake::new(id, "GET", path, 200, "application/json", "{}");
        if let Some(request) = &mut flow.snapshot.request {
            request.host = host.into();
        }
        flows.push(flow);
    }
    flows
}

#[test]
fn branches_open_and_flows_below_them() {
    let mut ui = Ui::new(SMALL, hosts());
    ui.keys("t");
    // What was in focus in the list is so here.
    assert_snapshot!("tree", ui.text());
    ui.keys("g enter");
    assert!(ui.text().contains("▸ https://service.dev"), "{}", ui.text());
    ui.keys("*");
    assert_snapshot!("tree_open", ui.text());
    // Out of the branch, and into it again.
    let text = ui.keys("j j left").text();
    assert!(text.contains(">>   ▾ /api/orders"), "{text}");
    let text = ui.keys("left left").text();
    assert!(text.contains(">> ▾ https://service.dev"), "{text}");
    let text = ui.keys("left").text();
    assert!(text.contains(">> ▸ https://service.dev"), "{text}");
    let text = ui.keys("right").text();
    assert!(text.contains(">> ▾ https://service.dev"), "{text}");
}

#[test]
fn a_wide_screen_and_a_narrow_one() {
    let mut ui = Ui::new(LARGE, hosts());
    ui.keys("t g * *");
    assert_snapshot!("tree_large", ui.text());
    ui.resize((40, 12));
    assert_snapshot!("tree_narrow", ui.text());
}

#[test]
fn flows_are_opened_one_after_the_other() {
    let mut ui = Ui::new(SMALL, hosts());
    let text = ui.keys("t enter").text();
    assert!(text.contains("https://service.dev/"), "{text}");
    assert!(text.contains("[Request]"), "{text}");
    // Branches are no flows.
    let text = ui.keys("p p p p").text();
    assert!(text.contains("[Request]"), "{text}");
    let text = ui.keys("space q").text();
    assert!(text.contains(">> "), "{text}");
    let text = ui.keys("t").text();
    assert!(text.contains("Method  URL"), "{text}");
}

#[test]
fn what_is_done_to_a_flow_is_done_to_none_on_a_branch() {
    let mut ui = Ui::new(SMALL, hosts());
    ui.keys("t g");
    let text = ui.keys("m").text();
    assert!(!text.contains('●'), "{text}");
    assert!(text.contains("error"), "{text}");
    let text = ui.keys("j j m").text();
    assert!(text.contains('●'), "{text}");
}

#[test]
fn it_follows_the_filter_the_order_and_what_comes() {
    let mut ui = Ui::new(SMALL, hosts());
    ui.keys("t").command("view.filter.set '~u token'");
    let text = ui.text();
    assert!(
        text.contains("[tree of 1]") && text.contains("auth.dev  1"),
        "{text}"
    );
    assert!(!text.contains("service.dev  "), "{text}");
    let text = ui.command("view.filter.set '~u nothing'").text();
    assert!(text.contains("No flow matches"), "{text}");
    ui.command("view.filter.set ''")
        .command("set view_order url");
    let text = ui.text();
    let auth = text.find("https://auth.dev");
    assert!(
        auth.is_some() && auth < text.find("https://service.dev"),
        "{text}"
    );
    let mut flow = Fake::new(20, "GET", "/", 503, "text/plain", "");
    if let Some(request) = &mut flow.snapshot.request {
        request.host = "auth.dev".into();
    }
    ui.add(flow);
    let text = ui.text();
    assert!(text.contains("auth.dev  3  1×5xx"), "{text}");
}

#[test]
fn a_highlighted_flow_is_found_in_a_closed_branch() {
    let mut ui = Ui::new(SMALL, hosts());
    ui.keys("t g enter").command("console.highlight orders/8");
    let text = ui.text();
    assert!(text.contains(">> ") && text.contains("/8"), "{text}");
    let focus = text.lines().find(|line| line.starts_with(">>"));
    assert!(focus.is_some_and(|line| line.contains("GET")), "{text}");
}

#[test]
fn a_click_opens_a_branch() {
    let mut ui = Ui::new(SMALL, hosts());
    ui.keys("t G");
    let text = ui.text();
    let row = text
        .lines()
        .position(|line| line.contains("https://auth.dev"));
    let row = u16::try_from(row.expect("it is on the screen")).expect("few rows");
    ui.send(Msg::Click(6, row));
    ui.pass_time(0);
    assert!(ui.text().contains("▾ https://auth.dev"), "{}", ui.text());
    ui.send(Msg::Click(6, row));
    ui.pass_time(0);
    assert!(ui.text().contains("▸ https://auth.dev"), "{}", ui.text());
}

/// As the list, the tree is put in order by a thread.
#[test]
fn what_has_the_focus_is_waited_for_while_the_tree_is_made() {
    let focused = |ui: &Ui| {
        let text = ui.text();
        let row = text.lines().find(|line| line.starts_with(">>"));
        row.map(str::to_owned)
    };
    // A flow, and the branch that it is in.
    for keys in ["j t", "j t left"] {
        let mut ui = Ui::new(SMALL, hosts());
        let before = focused(ui.keys(keys));
        assert!(before.is_some(), "{}", ui.text());
        ui.flows.pending = ui.flows.list.len();
        ui.send(Msg::List);
        assert_eq!(focused(ui.keys("H")), None);
        ui.flows.pending = 0;
        ui.send(Msg::List);
        assert_eq!(focused(ui.keys("H")), before);
    }
}
