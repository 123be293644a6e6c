//! What somebody meets who has never seen the program: each of these was stumbled over.

use ratel_core::control::{Control, Part};
use ratel_flow::{Annotations, FlowId, Side};

use ratel_tui::keymap::Key;
use ratel_tui::msg::Msg;

use crate::SMALL;
use crate::support::{Fake, Ui, sample};

fn last(ui: &Ui) -> String {
    ui.text().lines().last().unwrap_or_default().to_owned()
}

fn held(flow: &mut Fake, held: bool) {
    let said = Annotations {
        intercepted: held,
        ..Annotations::default()
    };
    flow.snapshot.annotations = Some(said.into());
}

#[test]
fn it_is_said_which_half_is_held() {
    let mut ui = Ui::new(
        SMALL,
        vec![Fake::new(1, "POST", "/orders", 201, "a/b", "x").waiting()],
    );
    let line = ui.control.register(FlowId(1));
    let answer = ui.flows.list[0].clone();
    ui.change(1, |flow| held(flow, true));
    assert!(ui.text().contains("[held req] "), "{}", ui.text());
    let request = line.hold(Part::Request, 0, false);
    ui.keys("a");
    drop(request);
    ui.change(1, |flow| held(flow, false));
    assert!(!ui.text().contains("[held"), "{}", ui.text());
    ui.change(1, |flow| {
        *flow = Fake::new(1, "POST", "/orders", 201, "a/b", "x");
        flow.snapshot.state = answer.snapshot.state;
        held(flow, true);
    });
    assert!(ui.text().contains("[held resp] "), "{}", ui.text());
    assert_eq!(
        last(&ui),
        "the request went on; its response is held now: a lets it go on"
    );
    // It is said once.
    ui.keys("k").changed(1);
    assert!(!last(&ui).contains("went on"), "{}", ui.text());
}

#[test]
fn a_question_takes_nothing_but_answers() {
    let mut ui = Ui::new(SMALL, sample());
    let text = ui.keys("q d z f7").text();
    assert!(text.contains("Quit? (yes,no) ctrl c quits, too"), "{text}");
    assert!(!ui.keys("esc").text().contains("Quit?"));
    assert!(ui.keys("q").text().contains("Quit?"));
    assert!(!ui.keys("enter").text().contains("Quit?"));
    assert!(!ui.quit && ui.flows.list.len() == 9);
    let text = ui.keys("z x").text();
    assert!(text.contains("Delete all flows? (yes,no)"), "{text}");
    assert!(!ui.keys("N").text().contains("Delete"));
    assert_eq!(ui.flows.list.len(), 9);
}

#[test]
fn who_is_held_is_known_before_the_end() {
    let mut ui = Ui::new((60, 24), sample());
    let control = Control::default();
    ui.control = control.clone();
    let lines = [7, 8].map(|id| control.register(FlowId(id)));
    let first = lines[0].hold(Part::Request, 0, false);
    let text = ui.keys("q").text();
    assert!(
        text.contains("1 flow is held and will be cut. Quit? (yes,no)"),
        "{text}"
    );
    let _second = lines[1].hold(Part::Message(Side::Client), 0, false);
    let text = ui.keys("n q").text();
    assert!(text.contains("2 flows are held and will be cut."), "{text}");
    drop(first);
}

#[test]
fn escape_takes_away_what_was_said_and_never_ends() {
    let mut ui = Ui::new(SMALL, sample());
    ui.command("no.such.command");
    assert!(ui.text().contains("Unknown command"), "{}", ui.text());
    ui.keys("esc");
    assert!(!ui.text().contains("Unknown command"), "{}", ui.text());
    assert!(!ui.text().contains("Quit?"), "{}", last(&ui));
    ui.command("console.highlight orders").keys("esc");
    assert!(!ui.text().contains("[/orders]"), "{}", ui.text());
    assert_eq!(last(ui.keys("esc")), "q quits");
    assert!(!ui.text().contains("Quit?") && !ui.quit);
}

#[test]
fn backspace_leaves_no_prompt() {
    for keys in [":", "ctrl_p", "s", "enter /"] {
        let mut ui = Ui::new(SMALL, sample());
        let before = ui.keys(keys).text();
        assert_eq!(ui.keys("backspace backspace").text(), before, "{keys}");
        assert_ne!(ui.keys("esc").text(), before, "{keys}");
    }
}

#[test]
fn a_table_is_left_without_its_changes() {
    let mut ui = Ui::new((60, 24), sample());
    ui.keys("enter")
        .command("console.edit.focus request-headers");
    let hints = last(&ui);
    assert!(
        hints.contains("q Apply") && hints.contains("esc Cancel"),
        "{hints}"
    );
    // Nothing was changed: nothing is asked.
    assert!(ui.keys("esc").text().contains("[Request]"), "{}", ui.text());
    ui.command("console.edit.focus request-headers")
        .keys("d esc");
    assert!(
        ui.text()
            .contains("Drop the changes of request-headers of flow 1? (yes,no)"),
        "{}",
        ui.text()
    );
    assert!(ui.keys("n").text().contains("esc Cancel"), "{}", ui.text());
    assert!(
        ui.keys("esc y").text().contains("Host: service.dev"),
        "{}",
        ui.text()
    );
    assert!(
        ui.flows.list[0]
            .snapshot
            .request
            .as_ref()
            .unwrap()
            .headers
            .contains("host")
    );
    ui.command("console.edit.focus request-headers").keys("d q");
    assert!(!ui.text().contains("Host: service.dev"), "{}", ui.text());
}

#[test]
fn a_file_that_is_there_is_asked_about() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine");
    let shown = path.display().to_string();
    std::fs::write(&path, "mine").expect("a file");
    let mut ui = Ui::new((120, 24), sample());
    ui.with_files = true;
    for keys in ["w", "b"] {
        ui.keys(keys).type_in(&shown).keys("enter");
        let asked = format!("There is {shown}. Overwrite it? (yes,no)");
        assert!(ui.text().contains(&asked), "{}", ui.text());
        ui.keys("n");
        assert_eq!(std::fs::read(&path).expect("a file"), b"mine");
    }
    // Who appends takes nothing away.
    ui.command(&format!("cut.save @focus request.method +{shown}"));
    assert!(ui.text().contains("Saved single cut."), "{}", ui.text());
    ui.keys("w").type_in(&shown).keys("enter y");
    assert!(ui.text().contains("Saved 8 flows"), "{}", ui.text());
    ui.keys("w").type_in(&format!("{shown}.new")).keys("enter");
    assert!(ui.text().contains("Saved 8 flows"), "{}", ui.text());
}

#[test]
fn what_is_looked_for_may_have_blanks() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("/").type_in("orders?limit=50 201").keys("enter");
    assert!(
        ui.text().contains("[2/9] [/orders?limit=50 201]"),
        "{}",
        ui.text()
    );
    ui.command("view.filter.set ~m POST & ~c 201");
    assert!(
        ui.text().contains("[1/1] [f:~m POST & ~c 201]"),
        "{}",
        ui.text()
    );
    ui.command("view.filter.set ''")
        .command("set view_filter ~m DELETE");
    assert!(ui.text().contains("[1/1] [f:~m DELETE]"), "{}", ui.text());
}

#[test]
fn a_command_that_follows_at_once_means_the_new_focus() {
    let mut ui = Ui::new(SMALL, sample());
    for key in ['j', 'j', 'D'] {
        ui.send(Msg::Key(Key::Char(key)));
    }
    let added = ui.flows.list.last().unwrap();
    let path = &added.snapshot.request.as_ref().unwrap().path;
    assert_eq!(&**path, b"/old");
}
