//! Options, key bindings, commands, and tables that are edited.

use insta::assert_snapshot;
use ratel_core::options::{FileRule, Value, keys};
use ratel_tui::msg::{Effect, Msg};

use crate::support::{Ui, sample};
use crate::{LARGE, SMALL};

fn focus_on(ui: &mut Ui, name: &str) {
    ui.keys("g /").type_in(name).keys("enter");
    assert!(
        ui.text()
            .lines()
            .any(|line| line.starts_with(">>") && line.contains(name)),
        "{}",
        ui.text()
    );
}

#[test]
fn options_are_explained_and_changed() {
    let mut ui = Ui::new(SMALL, sample());
    let text = ui.keys("O").text();
    assert!(
        text.contains(" Options (all, ") && text.contains("enter Change"),
        "{text}"
    );
    focus_on(&mut ui, "showhost");
    assert!(
        ui.keys("enter").text().contains(">> * showhost"),
        "{}",
        ui.text()
    );
    assert!(ui.options.snapshot().bool(keys::SHOWHOST));
    // One of several.
    focus_on(&mut ui, "console_layout ");
    ui.keys("enter");
    assert!(ui.text().contains("vertical"), "{}", ui.text());
    ui.keys("down enter");
    assert_eq!(ui.options.snapshot().str(keys::CONSOLE_LAYOUT), "vertical");
    ui.command("set console_layout single");
    // A number, and what is wrong with one.
    focus_on(&mut ui, "tcp_timeout");
    ui.keys("enter ctrl_u").type_in("soon").keys("enter");
    let text = ui.text();
    assert!(
        text.contains(">>   tcp_timeout                          600")
            && text.contains("After how many seconds without traffic")
            && text.contains(
                "error: invalid value for option 'tcp_timeout': 'soon' is not an integer"
            )
            && text.ends_with("tcp_timeout = soon"),
        "{text}"
    );
    ui.keys("ctrl_u").type_in("30").keys("enter");
    assert_eq!(ui.options.snapshot().int(keys::TCP_TIMEOUT), 30);
    // Only what is not a default, and back.
    assert_snapshot!("options_changed", ui.keys("tab").text());
    focus_on(&mut ui, "showhost");
    ui.keys("d");
    assert!(!ui.options.snapshot().bool(keys::SHOWHOST), "{}", ui.text());
    ui.keys("D");
    assert_eq!(ui.options.snapshot().int(keys::TCP_TIMEOUT), 600);
}

/// What is looked at when the program starts is written for the next start, beside what stands in the file.
#[test]
fn an_option_is_kept_for_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "# mine\nshowhost: true\n").expect("a file");
    let mut ui = Ui::new(SMALL, sample());
    let confdir = Value::Str(folder.path().display().to_string());
    ui.options.update([("confdir", confdir)]).expect("a folder");
    ui.keys("O");
    focus_on(&mut ui, "store_disk");
    let text = ui.keys("enter").text();
    assert!(
        text.ends_with("store_disk (next start) = 2g") && text.contains("enter keeps it in"),
        "{text}"
    );
    ui.keys("ctrl_u").type_in("3g").keys("enter");
    assert!(ui.text().contains("for the next start"), "{}", ui.text());
    focus_on(&mut ui, "search_index");
    let text = ui.keys("enter").text();
    assert!(
        text.contains("Have search_index false from the next"),
        "{text}"
    );
    ui.keys("y");
    let text = ui
        .command("set rfile x")
        .command("console.command.set rfile")
        .text();
    assert!(text.contains("options.set.next rfile"), "{text}");
    let kept = std::fs::read_to_string(&file).expect("a file");
    assert_eq!(
        kept,
        "# mine\nshowhost: true\nstore_disk: \"3g\"\nsearch_index: false\n"
    );
    let now = ui.options.snapshot();
    assert_eq!(
        (now.size(keys::STORE_DISK), now.bool(keys::SHOWHOST)),
        (2 << 30, false)
    );
}

#[test]
fn an_option_that_writes_a_file_asks_before_it_overwrites_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine");
    std::fs::write(&path, "mine").expect("a file");
    let mut ui = Ui::new((120, 24), sample());
    ui.with_files = true;
    ui.keys("O");
    for option in ["save_stream_file", "hardump"] {
        focus_on(&mut ui, option);
        let shown = path.display().to_string();
        ui.keys("enter").type_in(&shown).keys("enter");
        let asked = format!("There is {shown}. Overwrite it? (yes,no)");
        assert!(ui.text().contains(&asked), "{option}: {}", ui.text());
        ui.keys("n");
    }
    let options = ui.options.snapshot();
    assert_eq!(options.opt_str(keys::SAVE_STREAM_FILE), None);
    assert_eq!(options.str(keys::HARDUMP), "");
}

#[test]
fn options_that_cannot_change_say_why() {
    let mut ui = Ui::new(LARGE, sample());
    ui.keys("O");
    focus_on(&mut ui, "http3");
    let text = ui.keys("enter").text();
    assert!(text.contains("not available yet"), "{text}");
    focus_on(&mut ui, "confdir");
    assert!(
        ui.text().contains("looked at when Ratel starts"),
        "{}",
        ui.text()
    );
}

#[test]
fn a_list_is_edited_row_by_row() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("O");
    focus_on(&mut ui, "ignore_hosts");
    ui.keys("enter enter")
        .type_in("first")
        .keys("enter a")
        .type_in(r"second\.dev")
        .keys("enter");
    assert_snapshot!("grid", ui.text());
    ui.keys("q");
    assert_eq!(
        ui.options.snapshot().list(keys::IGNORE_HOSTS),
        ["first", r"second\.dev"]
    );
    assert!(ui.text().contains(r"first, second\.dev"), "{}", ui.text());
    // What does not fit keeps the table open once.
    ui.keys("enter enter ctrl_u").type_in("(").keys("enter q");
    let text = ui.text();
    assert!(
        text.contains("Edit ignore_hosts") && text.contains("error:"),
        "{text}"
    );
    ui.keys("q");
    assert_eq!(
        ui.options.snapshot().list(keys::IGNORE_HOSTS),
        ["first", r"second\.dev"]
    );
    // Rows go, and cells are filled from elsewhere.
    ui.keys("enter d e");
    assert_eq!(
        ui.asked.pop(),
        Some(Effect::EditCell(r"second\.dev".into()))
    );
    ui.send(Msg::Cell(Ok("from an editor".into())));
    ui.send(Msg::Cell(Err("the editor failed".into())));
    assert!(
        ui.text().contains("from an editor") && ui.text().contains("the editor failed"),
        "{}",
        ui.text()
    );
    ui.keys("q");
    assert_eq!(
        ui.options.snapshot().list(keys::IGNORE_HOSTS),
        ["from an editor"]
    );
}

#[test]
fn options_are_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "# mine\n").unwrap();
    let mut ui = Ui::set(SMALL, sample(), &["showhost=true"]);
    ui.with_files = true;
    let text = ui
        .keys("O S")
        .type_in(file.to_str().unwrap())
        .keys("enter")
        .text();
    assert!(text.contains("Saved options to"), "{text}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "# mine\nshowhost: true\n"
    );
    std::fs::write(&file, "http2: false\nshowhost: 7\n").unwrap();
    let text = ui
        .command(&format!("options.load {}", file.display()))
        .text();
    assert!(
        text.contains(":2: invalid value for option 'showhost'"),
        "{text}"
    );
    assert!(ui.options.snapshot().bool(keys::HTTP2), "all or none");
}

/// Rows that fit the option, but not what it is for.
#[test]
fn rows_that_are_refused_are_not_lost() {
    let mut ui = Ui::new(SMALL, sample());
    ui.options
        .subscribe(|values, _| match values.list(keys::BLOCK_LIST) {
            [one, ..] if one.ends_with("/4") => Err("there is no status 4".to_owned()),
            _ => Ok(()),
        });
    ui.keys("O /").type_in("block_list").keys("enter enter a");
    let text = ui.type_in("/~q/4").keys("enter q").text();
    assert!(
        text.contains("Edit block_list") && text.contains("not applied"),
        "{text}"
    );
    assert!(
        text.contains("/~q/4") && text.contains("no status 4"),
        "{text}"
    );
    let text = ui.keys("enter").type_in("04").keys("enter q").text();
    assert!(
        text.contains("Options") && text.contains("Now /~q/404"),
        "{text}"
    );
}

/// Keys that are pressed at random must not leave files behind.
#[test]
fn a_test_that_does_not_ask_for_files_writes_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("typed");
    let file = file.to_str().unwrap();
    let mut ui = Ui::set(SMALL, sample(), &["showhost=true"]);
    ui.keys("O S")
        .type_in(file)
        .keys("enter ctrl_g w")
        .type_in(file)
        .keys("enter");
    ui.keys("b").type_in(file).keys("enter");
    ui.command(&format!("export.file curl @1 {file}"));
    for line in ["console.grideditor.save", "options.save", "save.har @all"] {
        ui.command(&format!("{line} {file}"));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn keys_are_bound_and_unbound() {
    let mut ui = Ui::new(SMALL, sample());
    assert_snapshot!("keys", ui.keys("K").text());
    ui.command("console.key.bind flowlist,flowview f5 view.focus.go 4");
    assert!(ui.keys("q f5").text().contains("[5/9]"), "{}", ui.text());
    ui.keys("K /").type_in("f5").keys("enter");
    assert!(ui.text().contains(">> * f5"), "{}", ui.text());
    ui.keys("enter");
    assert!(
        ui.text()
            .contains(": console.key.bind flowlist,flowview f5 view.focus.go 4"),
        "{}",
        ui.text()
    );
    ui.keys("esc x");
    assert!(ui.text().contains(": view.focus.go 4"), "{}", ui.text());
    ui.keys("esc d q f5");
    assert!(
        ui.text().contains("`f5` does nothing here"),
        "{}",
        ui.text()
    );
    let rows = [
        (
            "console.key.bind nowhere x view.focus.next",
            "Unsupported context: nowhere",
        ),
        (
            "console.key.bind flowlist xx view.focus.next",
            "'xx' is no key",
        ),
        (
            "console.key.bind flowlist x view.focus.nxt",
            "Unknown command",
        ),
        ("console.key.unbind flowlist f9", "f9 is not bound there"),
    ];
    for (line, expected) in rows {
        assert!(
            ui.command(line).text().contains(expected),
            "{line}: {}",
            ui.text()
        );
    }
}

#[test]
fn a_file_with_keys_is_read() {
    let mut ui = Ui::new(SMALL, sample());
    ui.command("console.keymap.load /home/u/keys.yaml");
    let path = std::path::PathBuf::from("/home/u/keys.yaml");
    assert_eq!(ui.asked, [Effect::ReadKeys(path.clone())]);
    let text = "- {key: f6, cmd: view.focus.go 2}\n- {key: nokey, cmd: view.focus.next}\n";
    ui.send(Msg::KeysRead(path.clone(), Ok(text.into())));
    assert!(
        ui.text().contains("keys.yaml, line 2: 'nokey' is no key"),
        "{}",
        ui.text()
    );
    assert!(ui.keys("f6").text().contains("[3/9]"), "{}", ui.text());
    ui.send(Msg::KeysRead(path, Err("No such file".into())));
    assert!(
        ui.text()
            .contains("cannot read /home/u/keys.yaml: No such file"),
        "{}",
        ui.text()
    );
}

#[test]
fn the_reference_of_commands() {
    let mut ui = Ui::new(SMALL, sample());
    assert!(
        ui.keys("C").text().contains(" Command Reference ("),
        "{}",
        ui.text()
    );
    focus_on(&mut ui, "console.choose.cmd");
    let text = ui.text();
    assert!(
        text.contains(">> console.choose.cmd prompt choicecmd subcmd *args")
            && text.contains("choicecmd  a command")
            && text.contains("Keys  e, y, x"),
        "{text}"
    );
    ui.keys("/").type_in("view.focus.go").keys("enter enter");
    assert!(ui.text().contains(": view.focus.go"), "{}", ui.text());
}

#[test]
fn tables_are_moved_in_by_keys_and_mouse() {
    let mut ui = Ui::new(SMALL, sample());
    let focused = |ui: &Ui| {
        let text = ui.text();
        let line = text
            .lines()
            .find(|line| line.starts_with(">>"))
            .unwrap_or_default();
        line.split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned()
    };
    ui.keys("C");
    let first = focused(&ui);
    assert_ne!(focused(ui.keys("page_down")), first);
    assert_eq!(focused(ui.keys("g")), first);
    let last = focused(ui.keys("G"));
    assert_eq!(last, "view.settings.setval.toggle");
    assert_eq!(focused(ui.keys("k j")), last);
    ui.send(Msg::Click(5, 3));
    assert_ne!(focused(&ui), last);
    ui.send(Msg::Click(5, 3));
    assert!(
        ui.text()
            .lines()
            .last()
            .unwrap_or_default()
            .starts_with(": "),
        "{}",
        ui.text()
    );
}

#[test]
fn rules_are_switched_one_by_one() {
    let mut ui = Ui::new(LARGE, sample());
    assert!(ui.keys("R").text().contains("There are no rules."));
    ui.keys("q");
    ui.options
        .set(&["modify_headers=/X-Env/staging", "fault=~u /pay : 503"])
        .expect("rules");
    let in_file = |name: &str, on| FileRule {
        name: Some(name.to_owned()),
        option: "throttle",
        spec: "~d api : 3g".to_owned(),
        on,
    };
    ui.options
        .set_file_rules(vec![in_file("slow", false)])
        .expect("rules");
    ui.send(Msg::Options(ui.options.snapshot()));
    assert_snapshot!("rules", ui.keys("R").text());
    let on = |ui: &Ui| -> Vec<bool> {
        let rules = ui.options.snapshot().all_rules();
        rules.iter().map(|rule| rule.on).collect()
    };
    assert_eq!(on(&ui), [true, false, true]);
    ui.keys("space");
    assert_eq!(on(&ui), [false, false, true]);
    assert!(
        ui.text().contains("modify_headers /X-Env/staging is off"),
        "{}",
        ui.text()
    );
    focus_on(&mut ui, "slow");
    ui.keys("enter");
    assert_eq!(on(&ui), [false, true, true]);
    ui.command("rules.toggle \"fault ~u /pay : 503\"");
    assert_eq!(on(&ui), [false, true, false]);
    ui.command("rules.toggle nothing");
    assert!(
        ui.text().contains("'nothing' is not one of"),
        "{}",
        ui.text()
    );
    ui.keys("b");
    assert!(
        ui.text().contains("bad network is switched off"),
        "{}",
        ui.text()
    );
    assert!(!ui.options.snapshot().bool(keys::NETWORK_ACTIVE));
    let text = ui.command("rules.list").text();
    assert!(
        text.contains("off") && text.contains("~d api : 3g"),
        "{text}"
    );
}
