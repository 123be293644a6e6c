//! Files, and bodies that are folded.

use ratel_flow::io::{Opened, open};

use crate::SMALL;
use crate::support::{Fake, Ui, sample};

/// How many flows there are in a file.
fn flows_in(path: &std::path::Path) -> usize {
    match open(path).expect("a file") {
        Opened::Flows(flows) => flows.filter(Result::is_ok).count(),
        _ => panic!("not a flow file"),
    }
}

#[test]
fn flows_are_saved_and_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows");
    let shown = path.display().to_string();
    let mut ui = Ui::new((120, 24), sample());
    ui.with_files = true;
    ui.keys("w").type_in(&shown).keys("enter");
    // The last one has no request.
    let text = ui.text();
    assert!(
        text.contains(&format!("Saved 8 flows to {shown}.")),
        "{text}"
    );
    assert_eq!(flows_in(&path), 8);
    // One more behind them, from the flow itself.
    ui.keys("enter w")
        .type_in(&format!("+{shown}"))
        .keys("enter");
    assert!(ui.text().contains("Added 1 flow"), "{}", ui.text());
    assert_eq!(flows_in(&path), 9);
    ui.keys("q L").type_in(&shown).keys("enter");
    assert!(ui.text().contains("Loaded 9 flows"), "{}", ui.text());
    ui.command(&format!("save.har @all {shown}.har"));
    let har = std::fs::read_to_string(format!("{shown}.har")).expect("a file");
    // What is loaded goes elsewhere in this test.
    assert_eq!(har.matches("\"startedDateTime\"").count(), 8);
}

#[test]
fn what_goes_wrong_with_a_file_is_said() {
    let mut ui = Ui::new(SMALL, sample());
    ui.with_files = true;
    ui.keys("w").type_in("/dev/null/x").keys("enter");
    let text = ui.text();
    assert!(
        text.contains("error: cannot save flows to /dev/null/x: Not a direc"),
        "{text}"
    );
    ui.command("save.file @all ''");
    assert!(
        ui.text().contains("name a file to save to"),
        "{}",
        ui.text()
    );
    ui.command("save.file '~t never' /tmp/never");
    assert!(
        ui.text().contains("there are no flows to save"),
        "{}",
        ui.text()
    );
    ui.command("view.flows.load /nowhere/x");
    assert!(
        ui.text().contains("cannot read /nowhere/x: No such file"),
        "{}",
        ui.text()
    );
}

#[test]
fn json_is_folded() {
    let json = r#"{"a": {"b": [1, 2], "c": {"deep": "needle"}}, "d": [3], "e": 4}"#;
    let flow = Fake::new(1, "GET", "/", 200, "application/json", json);
    let mut ui = Ui::new(SMALL, vec![flow]);
    ui.keys("enter l");
    let unfolded = ui.text();
    ui.keys("c");
    insta::assert_snapshot!("json_folded", ui.text());
    // One level at a time.
    ui.keys("} }").keys("enter");
    let text = ui.text();
    assert!(
        text.contains("    \"a\": {\n        \"b\": [ … 3 lines ],\n"),
        "{text}"
    );
    // What is searched for is unfolded.
    ui.keys("/").type_in("needle").keys("enter");
    assert!(ui.text().contains("\"deep\": \"needle\""), "{}", ui.text());
    assert!(ui.text().contains("\"d\": [ … 2 lines ]"), "{}", ui.text());
    ui.keys("c").keys("ctrl_c n");
    // The line with the tabs has the number of the match, too.
    let body =
        |text: &str| -> Vec<String> { text.lines().skip(2).take(18).map(str::to_owned).collect() };
    assert_eq!(body(&ui.text()), body(&unfolded));
    ui.keys("h c");
    assert!(ui.text().contains("nothing to fold here"), "{}", ui.text());
}

#[test]
fn attributes_are_cut_out() {
    let mut ui = Ui::new((120, 24), sample());
    ui.command("cut @shown request.method,response.status_code,response.header[content-type]");
    insta::assert_snapshot!("cut", ui.text());
    ui.keys("q").command("cut.clip @focus request.url");
    assert_eq!(ui.clipboard, "https://service.dev/");
    ui.command("cut.clip '~d service.dev & ~m POST' request.path,response.text");
    assert_eq!(
        ui.clipboard,
        "/api/orders?limit=50,\"{\"\"id\"\": 7, \"\"open\"\": true}\"\r\n"
    );
    // The body of the response, by its key.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("body");
    ui.with_files = true;
    ui.keys("b")
        .type_in(&path.display().to_string())
        .keys("enter");
    assert!(ui.text().contains("Saved single cut."), "{}", ui.text());
    assert_eq!(std::fs::read(&path).expect("a file"), b"<h1>hello</h1>\n");
    ui.command("cut @focus request._hidden");
    assert!(
        ui.text().contains("is no attribute of a flow"),
        "{}",
        ui.text()
    );
}
