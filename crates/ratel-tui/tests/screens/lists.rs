//! The list: filtered, ordered, marked, highlighted.

use insta::assert_snapshot;
use ratel_core::store::{FlowState, Update};
use ratel_flow::FlowId;
use ratel_tui::msg::Msg;

use crate::support::{Fake, Ui, sample};
use crate::{LARGE, SMALL};

fn rows(ui: &Ui) -> Vec<String> {
    let text = ui.text();
    let rows = text.lines().filter(|line| line.contains("13:0"));
    rows.map(|row| {
        row.split_whitespace()
            .find(|word| word.contains("service"))
            .unwrap_or_default()
            .to_owned()
    })
    .collect()
}

#[test]
fn only_what_matches_is_shown() {
    let mut ui = Ui::set(SMALL, sample(), &["view_filter=~m delete"]);
    assert!(
        ui.text().contains("[f:~m delete]") && ui.text().contains("[1/1]"),
        "{}",
        ui.text()
    );
    ui.add(Fake::new(10, "DELETE", "/x", 200, "", ""));
    ui.add(Fake::new(11, "GET", "/y", 200, "", ""));
    assert!(ui.text().contains("/2]"), "{}", ui.text());
    ui.command("view.filter.set '~m get & ~c 500'");
    assert!(ui.text().contains("[f:~m get & ~c 500]"), "{}", ui.text());
    ui.command("view.filter.set ~e");
    ui.command("view.filter.set '~m nothing'");
    assert_snapshot!("no_match", ui.text());
    assert!(
        ui.command("view.filter.set '~q ('")
            .text()
            .contains("error"),
        "{}",
        ui.text()
    );
    ui.command("view.filter.set ''");
    assert!(ui.text().contains("/11]"), "{}", ui.text());
}

#[test]
fn the_order_is_chosen() {
    let mut ui = Ui::new(LARGE, sample());
    let text = ui.keys("o").text();
    assert!(text.contains("3) time *"), "{text}");
    ui.keys("1");
    assert!(ui.text().contains("[o:method]"), "{}", ui.text());
    let text = ui.keys("v").text();
    assert!(text.contains("⇧"), "{text}");
    assert!(
        rows(&ui).first().is_some_and(|row| row.contains("orders")),
        "{text}"
    );
    ui.command("view.order.set time")
        .command("view.order.reverse true");
    assert!(
        rows(&ui).first().is_some_and(|row| row.contains("443")),
        "newest first: {}",
        ui.text()
    );
    // The newest is at the top then, and is followed there.
    ui.keys("F");
    ui.add(Fake::new(10, "GET", "/newest", 200, "", ""));
    assert!(ui.text().contains("[1/10]"), "{}", ui.text());
}

#[test]
fn marks() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("j m j j").command("flow.mark @focus :grapes:");
    assert_snapshot!("marked", ui.text());
    let text = ui.keys("M").text();
    assert!(text.contains("⇩ M [") && text.contains("/2]"), "{text}");
    ui.keys("m");
    assert!(ui.text().contains("/1]"), "{}", ui.text());
    ui.keys("M U");
    assert!(!ui.text().contains('●'), "{}", ui.text());
    assert!(
        ui.keys("M").text().contains("No flow has a mark."),
        "{}",
        ui.text()
    );
    assert!(
        ui.text().contains("Press M to see flows without a mark"),
        "{}",
        ui.text()
    );
}

#[test]
fn comments() {
    let mut ui = Ui::new(LARGE, sample());
    let line = ui
        .keys("j ;")
        .text()
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(line, ": flow.comment @focus \"\"");
    ui.type_in("look at this").keys("enter");
    let text = ui.keys("enter tab tab").text();
    assert!(text.contains("look at this"), "{text}");
}

#[test]
fn rows_that_hold_a_text_are_highlighted() {
    let flows = (1..=3000)
        .map(|n| {
            Fake::new(
                n,
                "GET",
                if n % 1000 == 7 { "/Needle" } else { "/" },
                200,
                "",
                "",
            )
        })
        .collect();
    let mut ui = Ui::new(SMALL, flows);
    ui.keys("/").type_in("needle").keys("enter");
    assert!(
        ui.text().contains("[7/3000]") && ui.text().contains("[/needle]"),
        "{}",
        ui.text()
    );
    assert!(ui.keys("]").text().contains("[1007/3000]"), "{}", ui.text());
    assert!(ui.keys("] ]").text().contains("[7/3000]"), "it goes round");
    assert!(ui.keys("[").text().contains("[2007/3000]"), "{}", ui.text());
    ui.command("console.highlight nowhere");
    assert!(
        ui.text()
            .ends_with("no row holds that; s searches bodies, too"),
        "{}",
        ui.text()
    );
    ui.command("console.highlight ''");
    assert!(
        ui.keys("]").text().contains("nothing is highlighted"),
        "{}",
        ui.text()
    );
}

/// As in mitmproxy: what goes on is ended first.
#[test]
fn a_flow_that_goes_on_is_ended_and_removed() {
    let mut ui = Ui::new(SMALL, sample());
    let line = ui.control.register(FlowId(7));
    ui.keys("g j j j j j j d");
    assert!(
        ui.text()
            .contains("Flow 7 goes on. End it and delete it? (yes,no)"),
        "{}",
        ui.text()
    );
    ui.keys("n");
    assert!(ui.text().contains("[7/9]"), "{}", ui.text());
    ui.keys("z");
    assert!(
        ui.text()
            .contains("1 flow is live and would be ended. Delete all flows? (yes,no)"),
        "{}",
        ui.text()
    );
    ui.keys("n d y");
    assert!(ui.text().contains("[7/9]"), "{}", ui.text());
    drop(line);
    ui.change(7, |flow| flow.snapshot.state = FlowState::Done);
    ui.send(Msg::Store(Update::Finished(FlowId(7))));
    ui.pass_time(0);
    assert!(ui.text().contains("/8]"), "{}", ui.text());
    assert!(
        ui.flows
            .list
            .iter()
            .all(|flow| flow.snapshot.id != FlowId(7))
    );
}

#[test]
fn flows_go_and_come() {
    let mut ui = Ui::new(SMALL, sample());
    assert!(ui.keys("d").text().contains("/8]"), "{}", ui.text());
    ui.keys("G k k d y");
    assert!(
        ui.text()
            .contains("what goes on is ended, and removed then"),
        "{}",
        ui.text()
    );
    ui.command("view.flows.remove '~m get'");
    assert!(ui.text().contains("/5]"), "{}", ui.text());
    // Once is enough, also where the end was missed among too much else.
    for id in [6, 7] {
        ui.change(id, |flow| flow.snapshot.state = FlowState::Done);
    }
    ui.send(Msg::Store(Update::Resync));
    ui.pass_time(0);
    assert!(ui.text().contains("/3]"), "{}", ui.text());
    ui.change(2, |flow| flow.snapshot.state = FlowState::Streaming);
    ui.command("flow.mark @focus true")
        .command("view.clear_unmarked");
    assert!(
        ui.command("view.clear").text().contains("that go on stay"),
        "{}",
        ui.text()
    );
}

#[test]
fn a_flow_that_is_removed_makes_room_for_its_neighbour() {
    let remove = |ui: &mut Ui, id: u64| {
        ui.flows.list.retain(|flow| flow.snapshot.id.0 != id);
        ui.send(Msg::Store(Update::Removed(FlowId(id))));
        ui.pass_time(0);
    };
    let mut ui = Ui::new(SMALL, sample().into_iter().take(3).collect());
    ui.keys("j enter");
    assert!(ui.text().contains("POST /api/orders"), "{}", ui.text());
    remove(&mut ui, 2);
    assert!(ui.text().contains("GET /old"), "{}", ui.text());
    remove(&mut ui, 3);
    assert!(ui.text().contains("GET / HTTP/1.1"), "{}", ui.text());
    // After the last one there is the list.
    remove(&mut ui, 1);
    assert!(ui.text().contains("No flows yet."), "{}", ui.text());
}

#[test]
fn rows_are_gone_to_by_number() {
    let mut ui = Ui::new(SMALL, sample());
    for (offset, expected) in [
        ("0", "[1/9]"),
        ("4", "[5/9]"),
        ("-1", "[9/9]"),
        ("-3", "[7/9]"),
        ("99", "[9/9]"),
        ("-99", "[1/9]"),
    ] {
        let text = ui.command(&format!("view.focus.go {offset}")).text();
        assert!(text.contains(expected), "{offset}: {text}");
    }
}

/// The number that is the path of the flow in focus.
fn focused(ui: &Ui) -> u64 {
    let rows = ui.text();
    let row = rows.lines().find(|line| line.starts_with(">>"));
    let row = row.unwrap_or_else(|| panic!("nothing is in focus: {rows}"));
    let (_, path) = row.split_once("service.dev/").expect("a URL");
    let number: String = path.chars().take_while(char::is_ascii_digit).collect();
    number.parse().expect("a path that is a number")
}

fn numbered(count: u64) -> Vec<Fake> {
    let method = |id: u64| if id.is_multiple_of(2) { "POST" } else { "GET" };
    let flow = |id: u64| Fake::new(id, method(id), &format!("/{id}"), 200, "text/plain", "x");
    (1..=count).map(flow).collect()
}

#[test]
fn the_flow_in_focus_stays_when_the_list_is_ordered_or_filtered() {
    let mut ui = Ui::new(SMALL, numbered(9));
    ui.keys("j j j j");
    assert_eq!(focused(&ui), 5);
    for command in [
        "view.order.set method",
        "view.order.set size",
        "view.order.reverse true",
        "view.order.set time",
        "view.order.reverse false",
        "view.filter.set '~m GET'",
        "view.filter.set ''",
    ] {
        assert_eq!(focused(ui.command(command)), 5, "after {command}");
    }
    // The nearest takes the focus of one that is hidden, and keeps it.
    assert_eq!(focused(ui.command("view.filter.set '~m POST'")), 6);
    assert_eq!(focused(ui.command("view.filter.set ''")), 6);
}

/// A list is put in order by a thread, which shows little by little what it has found.
#[test]
fn the_flow_in_focus_is_waited_for_while_the_list_is_made() {
    let mut ui = Ui::new(SMALL, numbered(9));
    ui.keys("j j j j");
    for pending in [9, 6, 5] {
        ui.flows.pending = pending;
        ui.send(Msg::List);
        ui.keys("H");
        assert!(!ui.text().contains(">> "), "{}", ui.text());
    }
    let mut later = Ui::new(SMALL, numbered(9));
    later.keys("j j j j");
    later.flows.pending = 9;
    later.send(Msg::List);
    later.keys("H");
    later.flows.pending = 0;
    later.send(Msg::List);
    assert_eq!(focused(later.keys("H")), 5);
    // What is done meanwhile is done to the flow that was in focus; and one that is gone is not waited for.
    assert_eq!(focused(ui.keys("d")), 3);
    ui.flows.pending = 0;
    ui.send(Msg::List);
    assert!(!ui.keys("H").text().contains("/5 "), "{}", ui.text());
}

#[test]
fn following_begins_where_the_newest_stand() {
    let mut ui = Ui::new(SMALL, numbered(30));
    assert_eq!(focused(ui.keys("j F")), 30);
    assert_eq!(focused(ui.keys("F v g j F")), 30);
}

#[test]
fn a_mark_is_a_sign_that_has_a_name() {
    let mut ui = Ui::new(SMALL, numbered(2));
    ui.command("flow.mark @focus :grapes:").keys("j m");
    let text = ui.text();
    assert!(text.contains("🍇 ") && text.contains("● "), "{text}");
    ui.command("flow.mark @focus :nope:");
    assert!(ui.text().contains("':nope:' is no mark"), "{}", ui.text());
    ui.keys(":").type_in("flow.mark @focus :strawb");
    assert!(ui.text().contains(":strawberry:  🍓"), "{}", ui.text());
}

#[test]
fn a_wide_list_hints_at_what_is_done_to_flows() {
    for height in [24, 30] {
        let mut ui = Ui::new((120, height), numbered(2));
        for hint in ["d Delete", "m Mark", "D Duplicate", "q Quit", "? Help"] {
            assert!(ui.text().contains(hint), "{hint}: {}", ui.text());
        }
        ui.keys("enter");
        assert!(ui.text().contains("d Delete"), "{}", ui.text());
    }
    let ui = Ui::new(SMALL, numbered(2));
    assert!(!ui.text().contains("d Delete"), "{}", ui.text());
}

#[test]
fn the_status_keeps_what_is_done_to_traffic() {
    let options = [
        "intercept=~m POST & ~d service.dev & ~u /api/orders",
        "save_stream_file=/tmp/some/folder/with/a/long/name/flows.mitm",
        "console_focus_follow=true",
        "view_order=size",
        "map_remote=|a.test|b.test",
    ];
    let ui = Ui::set(SMALL, numbered(2), &options);
    let text = ui.text();
    let status = text.lines().nth_back(1).unwrap_or_default();
    for part in ["[i:~m", "[Map:1]", "[revers", "[W:/", "[*:8080]"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    assert!(!status.contains("following"), "{status}");
    let ui = Ui::set((160, 24), numbered(2), &options);
    assert!(
        ui.text().contains("[following]") && ui.text().contains("[o:size]"),
        "{}",
        ui.text()
    );
}
