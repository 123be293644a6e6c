//! Parts of flows that are changed.

use insta::assert_snapshot;
use ratel_core::control::{Order, Part};
use ratel_flow::{Annotations, FlowId, Side, StreamKind};
use ratel_tui::msg::Msg;

use crate::SMALL;
use crate::support::{Fake, Ui, sample};

fn header(ui: &Ui, id: u64, name: &str) -> String {
    let flow = ui.flows.list.iter().find(|flow| flow.snapshot.id.0 == id);
    let request = flow.and_then(|flow| flow.snapshot.request.as_ref());
    let value = request.and_then(|request| request.headers.get(name));
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

fn path(ui: &Ui, id: u64) -> String {
    let flow = ui.flows.list.iter().find(|flow| flow.snapshot.id.0 == id);
    let request = flow.and_then(|flow| flow.snapshot.request.as_ref());
    request.map_or_else(String::new, |request| {
        String::from_utf8_lossy(&request.path).into_owned()
    })
}

/// Chooses a part by its name.
fn edit<'a>(ui: &'a mut Ui, part: &str) -> &'a mut Ui {
    ui.keys("e /").type_in(part).keys("enter")
}

#[test]
fn parts_are_offered() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("j e");
    assert_snapshot!("edit_parts", ui.text());
    ui.keys("esc").command("console.edit.focus.options");
    assert!(ui.text().contains("urlencoded form"), "{}", ui.text());
    // What has no parts says why.
    ui.keys("q G e");
    assert!(
        ui.text()
            .contains("error: flow 9 is gone, or has no request"),
        "{}",
        ui.text()
    );
    ui.command("console.edit.focus nonsense");
    assert!(
        ui.text().contains("'nonsense' is not one of"),
        "{}",
        ui.text()
    );
}

/// Somebody who has never seen this finds the way by what the bottom of the screen says.
#[test]
fn the_way_from_a_header_to_another_request_is_said() {
    let mut ui = Ui::new(SMALL, sample());
    edit(&mut ui, "request-headers");
    let text = ui.text();
    assert!(
        text.contains("tab goes to the next") && text.contains("tab Next cell"),
        "{text}"
    );
    let text = ui.keys("j enter").text();
    assert!(
        text.ends_with("enter Done  tab Next cell  ctrl c Drop"),
        "{text}"
    );
    let text = ui
        .keys("tab")
        .type_in("x")
        .keys("shift_tab")
        .type_in("y")
        .keys("enter q")
        .text();
    assert!(
        text.ends_with("request-headers changed; r sends it, V undoes that"),
        "{text}"
    );
    assert_eq!(header(&ui, 1, "accepty"), "*/*x");
}

#[test]
fn what_is_held_is_let_go_by_a_key_that_is_said() {
    let mut ui = Ui::new(SMALL, sample());
    assert!(!ui.text().contains("Resume"), "{}", ui.text());
    ui.change(1, |flow| {
        let held = Annotations {
            intercepted: true,
            ..Annotations::default()
        };
        flow.snapshot.annotations = Some(held.into());
    });
    assert!(
        ui.text()
            .contains("\na Resume  e Edit  X Kill  A Resume all  enter Open"),
        "{}",
        ui.text()
    );
    assert!(
        ui.keys("enter")
            .text()
            .contains("\na Resume  e Edit  X Kill  A Resume all  q Back"),
        "{}",
        ui.text()
    );
}

#[test]
fn attributes_of_a_cookie_are_edited_as_rows() {
    let mut ui = Ui::new(SMALL, sample());
    ui.change(1, |flow| {
        let response = flow.snapshot.response.as_mut().expect("a response");
        let cookie = b"sid=1; Path=/; Secure; HttpOnly";
        response.headers.append(b"Set-Cookie", cookie);
    });
    edit(&mut ui, "set-cookies");
    let text = ui.keys("l l").text();
    assert!(
        text.contains("enter edits the attributes as rows"),
        "{text}"
    );
    let text = ui.keys("enter").text();
    assert!(
        text.contains("Edit attributes of sid") && text.contains("Path"),
        "{text}"
    );
    ui.keys("j d a")
        .type_in("Max-Age")
        .keys("tab")
        .type_in("60");
    let text = ui.keys("enter q").text();
    assert!(text.contains("Path=/; HttpOnly; Max-A…"), "{text}");
    ui.keys("q");
    let flow = ui.flows.list.iter().find(|flow| flow.snapshot.id.0 == 1);
    let response = flow.and_then(|flow| flow.snapshot.response.as_ref());
    let cookie = response.and_then(|response| response.headers.get("set-cookie"));
    let cookie = String::from_utf8_lossy(cookie.expect("a cookie"));
    assert_eq!(cookie, "sid=1; Path=/; HttpOnly; Max-Age=60");
}

#[test]
fn single_values_are_edited_at_the_prompt() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("enter");
    edit(&mut ui, "url");
    assert!(
        ui.text()
            .ends_with(": flow.set @focus url 'https://service.dev/'"),
        "{}",
        ui.text()
    );
    // What is typed takes the place of the value, blanks and all; an arrow keeps the value to go on with.
    ui.keys("esc");
    edit(&mut ui, "method").type_in("POST").keys("enter");
    edit(&mut ui, "reason")
        .type_in("Not Here")
        .keys("enter tab");
    let text = ui.text();
    assert!(
        text.contains("POST") && text.contains("200 Not Here"),
        "{text}"
    );
    edit(&mut ui, "reason")
        .type_in("\"Not There\"")
        .keys("enter");
    assert!(ui.text().contains("200 Not There"), "{}", ui.text());
    ui.keys("shift_tab");
    edit(&mut ui, "url");
    ui.keys("left right").type_in("v2?q").keys("enter");
    assert_eq!(path(&ui, 1), "/v2?q");
    assert!(
        ui.text().contains("alert: Set url on 1 flow."),
        "{}",
        ui.text()
    );
    assert!(ui.text().contains("POST /v2?q HTTP/1.1"), "{}", ui.text());
    ui.command("flow.set @focus status_code 99");
    assert!(
        ui.text().contains("no status code between 100 and 999"),
        "{}",
        ui.text()
    );
    ui.command("flow.set @focus method 'no way'");
    assert!(
        ui.text().contains("\"no way\" is no method"),
        "{}",
        ui.text()
    );
}

#[test]
fn headers_are_edited_in_a_grid() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("enter");
    edit(&mut ui, "request-headers");
    assert_snapshot!("edit_headers", ui.text());
    // Another value, a field more, a field less.
    ui.keys("tab enter ctrl_u").type_in("b.test").keys("enter");
    ui.keys("a")
        .type_in("X-New")
        .keys("tab")
        .type_in("a\\tb")
        .keys("enter");
    ui.keys("down d q");
    assert_eq!(header(&ui, 1, "host"), "b.test");
    assert_eq!(header(&ui, 1, "x-new"), "a\tb");
    let text = ui.text();
    assert!(
        text.contains("request-headers changed; r sends it, V undoes that"),
        "{text}"
    );
    assert!(
        text.contains("Accept: text/html") && !text.contains("*/*"),
        "{text}"
    );
    // What does not fit stays on the screen, until it is dropped.
    edit(&mut ui, "request-headers");
    ui.keys("enter ctrl_u").type_in("no name").keys("enter q");
    let text = ui.text();
    assert!(
        text.contains("error: row 1: \"no name\" is no name of a field")
            && text.contains("not applied; put it right"),
        "{text}"
    );
    ui.keys("q");
    assert_eq!(header(&ui, 1, "host"), "b.test");
    assert!(ui.text().contains("[Request]"), "{}", ui.text());
}

#[test]
fn a_query_is_edited_in_a_grid() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("j");
    edit(&mut ui, "query");
    ui.keys("tab enter").type_in("0 &").keys("enter q");
    assert_eq!(path(&ui, 2), "/api/orders?limit=500+%26");
    // A cell with the editor, which ends what it writes with a line.
    ui.editor = Some(|bytes| [bytes, b"!\n\n"].concat());
    edit(&mut ui, "query");
    ui.keys("tab e").keys("q");
    assert_eq!(path(&ui, 2), "/api/orders?limit=500+%26%21%0A%0A");
    edit(&mut ui, "path");
    ui.keys("d q");
    assert_eq!(path(&ui, 2), "/orders?limit=500+%26%21%0A%0A");
}

#[test]
fn bodies_are_edited_in_a_program() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("j enter l");
    edit(&mut ui, "response-body");
    assert!(
        ui.text().contains("error: there is no editor"),
        "{}",
        ui.text()
    );
    ui.editor = Some(|bytes| bytes.to_vec());
    edit(&mut ui, "response-body");
    assert!(ui.text().contains("stays as it is"), "{}", ui.text());
    // JSON as it is shown, and as it is sent.
    ui.editor = Some(|text| {
        assert_eq!(text, b"{\n    \"id\": 7,\n    \"open\": true\n}\n");
        String::from_utf8_lossy(text)
            .replace("true", "false")
            .into_bytes()
    });
    edit(&mut ui, "response-body (json)");
    assert_eq!(&ui.flows.list[1].bodies[1][..], br#"{"id":7,"open":false}"#);
    ui.editor = Some(|_| b"{\"id\": 7,".to_vec());
    edit(&mut ui, "response-body (json)");
    assert!(
        ui.text().contains("error: line 1, column 10: "),
        "{}",
        ui.text()
    );
    assert_eq!(&ui.flows.list[1].bodies[1][..], br#"{"id":7,"open":false}"#);
}

#[test]
fn requests_are_made_and_copied() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("n ctrl_u");
    ui.type_in("view.flows.create get https://b.test:8443/x");
    ui.keys("enter");
    let text = ui.text();
    assert!(
        text.contains(">> ") && text.contains("https://b.test:8443/x"),
        "{text}"
    );
    assert_eq!(header(&ui, 10, "host"), "b.test:8443");
    ui.command("view.flows.create get nonsense");
    assert!(
        ui.text()
            .contains("\"nonsense\" is no URL; one begins with http:// or https://"),
        "{}",
        ui.text()
    );
    ui.keys("g D");
    assert!(ui.text().contains("[11/11]"), "{}", ui.text());
    assert!(
        ui.text().contains("alert: Duplicated 1 flow."),
        "{}",
        ui.text()
    );
}

#[test]
fn encodings_come_and_go() {
    let flow = Fake::new(1, "GET", "/", 200, "text/plain", "hello");
    let mut ui = Ui::new(SMALL, vec![flow]);
    ui.keys("enter l z 2");
    let text = ui.text();
    assert!(
        text.contains("Content-Encoding: deflate") || text.contains("content-encoding: deflate"),
        "{text}"
    );
    assert!(
        text.contains("[decoded deflate]") && text.contains("hello"),
        "{text}"
    );
    ui.command("flow.encode @focus response gzip");
    assert!(ui.text().contains("Encoded 0 flows."), "{}", ui.text());
    ui.command("flow.decode @focus response");
    assert_eq!(&ui.flows.list[0].bodies[1][..], b"hello");
    ui.command("flow.encode @focus response lzma");
    assert!(ui.text().contains("'lzma' is not one of"), "{}", ui.text());
}

#[test]
fn what_is_not_live_takes_no_messages() {
    let mut ui = Ui::new(SMALL, sample());
    ui.command("inject.websocket @focus true hello");
    assert!(
        ui.text().contains("error: flow 1 is not live any more"),
        "{}",
        ui.text()
    );
    ui.command("inject.websocket @focus true \\xff");
    assert!(
        ui.text().contains("a text message is UTF-8"),
        "{}",
        ui.text()
    );
}

#[test]
fn what_cannot_be_sent_again_says_why() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("r");
    assert!(
        ui.text()
            .contains("flow 1 is not sent again: it is not there any more"),
        "{}",
        ui.text()
    );
    ui.command("replay.client @all");
    assert!(
        ui.text().contains("none of 9 flows is sent again"),
        "{}",
        ui.text()
    );
    ui.command("replay.client.stop");
    assert!(
        ui.text().contains("Client replay queue cleared."),
        "{}",
        ui.text()
    );
    assert!(ui.command("replay.client.count").text().ends_with("\n0"));
    ui.command("replay.client.file ''");
    assert!(ui.text().contains("name a file to send"), "{}", ui.text());
    ui.command("replay.server @shown");
    assert_eq!(ui.begun.len(), 1);
}

#[test]
fn flows_are_compared() {
    let one = r#"{"id": 7, "open": true, "tags": ["a", "b"]}"#;
    let two = r#"{"id": 7, "open": false, "tags": ["a", "c"], "more": {}}"#;
    let flows = vec![
        Fake::new(1, "GET", "/orders/7", 200, "application/json", one),
        Fake::new(2, "GET", "/orders/7?v2", 200, "application/json", two),
    ];
    let mut ui = Ui::new(SMALL, flows);
    ui.keys("= m");
    ui.keys("esc = 2");
    assert!(
        ui.text().contains("mark the flow to compare with first"),
        "{}",
        ui.text()
    );
    ui.keys("m j = 2");
    assert_snapshot!("diff_marked", ui.text());
    ui.keys("q").command("console.view.diff @focus @1");
    assert!(
        ui.text()
            .contains("GET /orders/7 (-) and GET /orders/7?v2 (+)"),
        "{}",
        ui.text()
    );
    ui.keys("q = 1");
    assert!(
        ui.text().contains("nothing in the flow was changed"),
        "{}",
        ui.text()
    );
    ui.command("console.view.diff @focus @focus");
    assert!(
        ui.text().contains("there is no other flow"),
        "{}",
        ui.text()
    );
}

#[test]
fn what_is_held_is_changed_on_its_way() {
    use std::task::{Context, Poll, Waker};

    let mut ui = Ui::new(SMALL, sample());
    ui.keys("g").keys("j j j j j j");
    let line = ui.control.register(FlowId(7));
    // It goes on, and nothing of it is held.
    ui.command("flow.set @focus method PUT");
    assert!(
        ui.text().contains("flow 7 is not held back at this point"),
        "{}",
        ui.text()
    );
    let mut hold = line.hold(Part::Request, 0, false).expect("there is room");
    let mut order = || {
        let mut context = Context::from_waker(Waker::noop());
        match std::pin::pin!(hold.next()).poll(&mut context) {
            Poll::Ready(order) => Some(order),
            Poll::Pending => None,
        }
    };
    ui.command("flow.set @focus method PUT");
    let Some(Order::Edit(edit)) = order() else {
        panic!("an order");
    };
    assert_eq!(&edit.request.expect("a request").method[..], b"PUT");
    edit_rows(&mut ui);
    assert!(ui.text().contains("a lets it go on"), "{}", ui.text());
    let Some(Order::Edit(edit)) = order() else {
        panic!("an order");
    };
    let request = edit.request.expect("a request");
    assert_eq!(request.headers.get("x"), Some(&b"1"[..]));
    assert!(edit.request_body.is_none());
    assert!(ui.flows.edits.borrow().is_empty(), "not in its record");
    drop(hold);
    // A message that waits.
    let _held = line.hold(Part::Message(Side::Client), 0, false);
    ui.keys("e");
    assert!(!ui.text().contains("message"), "it is not on record");
}

fn edit_rows(ui: &mut Ui) {
    edit(ui, "request-headers");
    ui.keys("a")
        .type_in("x")
        .keys("tab")
        .type_in("1")
        .keys("enter q");
}

fn body_of(ui: &Ui, id: u64) -> String {
    let flow = ui.flows.list.iter().find(|flow| flow.snapshot.id.0 == id);
    String::from_utf8_lossy(flow.map_or(&[][..], |flow| &flow.bodies[0])).into_owned()
}

/// Without a program, and with one where that is asked for.
#[test]
fn a_body_is_edited_on_the_screen() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("enter");
    // It is the first of the choices, and the others have the keys that they have in mitmproxy.
    let text = ui.keys("e").text();
    for choice in [
        "A) request-body (here)",
        "B) response-body (here)",
        "1) cookies",
        "a) request-body",
        "e) url",
    ] {
        assert!(text.contains(choice), "{choice}: {text}");
    }
    // What has no room is not hidden.
    ui.resize((80, 16));
    assert!(ui.text().contains(" ▼ 11 more "), "{}", ui.text());
    ui.keys("G");
    assert!(ui.text().contains(" ▲ 11 more "), "{}", ui.text());
    ui.resize(SMALL);
    ui.keys("A");
    ui.type_in("one").keys("enter").type_in("two");
    ui.send(Msg::Paste("\nthree\x1b[2J".to_owned()));
    assert_snapshot!("edit_here", ui.text());
    // What was changed is not lost by a key.
    ui.keys("esc");
    assert!(
        ui.text().contains("Drop the changes of request-body?"),
        "{}",
        ui.text()
    );
    ui.keys("n ctrl_z");
    assert!(ui.text().contains("2 of 2"), "{}", ui.text());
    ui.keys("ctrl_y ctrl_s");
    assert!(
        ui.text()
            .contains("request-body changed; r sends it, V undoes that"),
        "{}",
        ui.text()
    );
    assert_eq!(body_of(&ui, 1), "one\ntwo\nthree[2J");
    // A program goes on with the text, and it comes back to the screen.
    ui.editor = Some(|text| [text, b"!"].concat());
    edit(&mut ui, "request-body (here)");
    ui.type_in("x").keys("ctrl_e ctrl_s");
    assert_eq!(body_of(&ui, 1), "xone\ntwo\nthree[2J!");
    edit(&mut ui, "request-body (here)");
    ui.type_in("y").keys("esc y");
    assert_eq!(body_of(&ui, 1), "xone\ntwo\nthree[2J!");
    assert!(!ui.text().contains("Edit request-body"), "{}", ui.text());
}

#[test]
fn a_raw_connection_has_a_comment_to_be_edited() {
    let flow = Fake::new(1, "", "", 0, "", "").stream(StreamKind::Tcp);
    let mut ui = Ui::new(SMALL, vec![flow]);
    ui.keys("e");
    assert!(ui.text().contains("1) comment"), "{}", ui.text());
    ui.keys("1").type_in("the one that hangs").keys("enter");
    let said = ui.flows.list[0].snapshot.annotations.clone();
    let comment = said.map(|said| said.comment.to_string());
    assert_eq!(comment.as_deref(), Some("the one that hangs"));
    ui.command("console.edit.focus message");
    assert!(ui.text().contains("is held back"), "{}", ui.text());
}
