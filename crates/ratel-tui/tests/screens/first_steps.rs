//! What somebody meets who has never seen the program: each of these was stumbled over.

use ratel_core::control::{Control, Part};
use ratel_core::options::keys;
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
    for keys in ["w", "b", "W"] {
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

/// As `--set` has it, and as far as the line goes.
#[test]
fn a_value_may_stand_behind_an_equals_sign() {
    let mut ui = Ui::new(SMALL, sample());
    for line in [
        "intercept=~u /hold",
        "intercept='~u /hold'",
        "intercept ~u /hold",
    ] {
        ui.command(&format!("set {line}"));
        let value = ui
            .options
            .snapshot()
            .opt_str(keys::INTERCEPT)
            .map(str::to_owned);
        assert_eq!(value.as_deref(), Some("~u /hold"), "{line}");
        ui.command("set intercept=");
        assert_eq!(ui.options.snapshot().opt_str(keys::INTERCEPT), None);
    }
    ui.command("set fault=~u /pay : 503");
    assert_eq!(ui.options.snapshot().list(keys::FAULT), ["~u /pay : 503"]);
    // A bad network that is switched off is not said to be there.
    assert!(ui.text().contains("[Faults:1]"), "{}", ui.text());
    ui.command("set network_active=false");
    assert!(ui.text().contains("[Faults:off]"), "{}", ui.text());
}

#[test]
fn the_prompt_says_how_a_rule_is_written() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys(":").type_in("set modify_headers ");
    let text = ui.text().split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["[/FILTER]/NAME/VALUE", "one with blanks stands in quotes"] {
        assert!(text.contains(said), "{said}: {}", ui.text());
    }
}

#[test]
fn credentials_go_into_no_history() {
    let mut ui = Ui::new(SMALL, sample());
    for line in [
        "set proxyauth me:secret",
        "set upstream_auth=me:secret",
        "set cert_passphrase secret",
        "set anticache true",
    ] {
        ui.keys(":").type_in(line).keys("enter");
    }
    assert_eq!(ui.kept, ["set anticache true"]);
}

#[test]
fn the_way_back_is_shown_on_every_screen() {
    let mut ui = Ui::new((60, 24), sample());
    for screen in [
        "options",
        "commands",
        "keybindings",
        "rules",
        "eventlog",
        "help",
    ] {
        ui.command(&format!("console.view.{screen}"));
        assert!(ui.text().contains("q Back"), "{screen}\n{}", ui.text());
        ui.keys("q");
    }
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

#[test]
fn operators_are_offered_and_a_filter_stays_until_it_is_right() {
    let mut ui = Ui::new(SMALL, sample());
    let text = ui.keys("f").text();
    assert!(
        text.contains("for example: ~m POST   ~c 400   example.com/orders"),
        "{text}"
    );
    let text = ui.type_in("~").text();
    assert!(text.contains("~a") && text.contains("~ lists"), "{text}");
    let text = ui.type_in("meta").keys("tab").text();
    assert!(text.ends_with(r#": set view_filter "~meta ""#), "{text}");
    // What was asked for goes, and the question stays.
    assert_eq!(last(ui.keys("ctrl_u")), r#": set view_filter """#);
    let text = ui.type_in("~c (").keys("enter").text();
    assert!(
        text.contains("  error: ") && text.ends_with(r#": set view_filter "~c (""#),
        "{text}"
    );
    let text = ui.keys("backspace").type_in("201").text();
    assert!(!text.contains("error: "), "{text}");
    assert!(
        ui.keys("enter").text().contains("[1/1] [f:~c 201]"),
        "{}",
        ui.text()
    );
    // Twice clears the line.
    assert_eq!(last(ui.keys("f ctrl_u ctrl_u")), r#": ""#);
    ui.keys("esc");
}

#[test]
fn a_filter_that_hides_all_says_of_how_many() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("f").type_in("PATCH").keys("enter");
    let text = ui.text();
    assert!(text.contains("[0/0 of 9]"), "{text}");
    assert!(text.contains("For the method write ~m PATCH"), "{text}");
    ui.keys("f ctrl_u enter");
    assert!(ui.text().contains("[1/9]"), "{}", ui.text());
}

#[test]
fn a_file_has_to_have_a_name() {
    let mut ui = Ui::new(SMALL, sample());
    let text = ui.keys("w enter").text();
    assert!(
        text.contains("error: type a file name") && text.contains(": save.file @shown"),
        "{text}"
    );
    ui.type_in("/tmp/x").keys("enter");
    assert_eq!(ui.begun.len(), 1);
}

#[test]
fn a_failure_is_seen_first() {
    let failed = Fake::new(1, "GET", "/", 502, "", "").failed(
        "the certificate of service.dev (server side) is not accepted",
        "pass -k to accept it, or name a file",
    );
    let mut ui = Ui::new(SMALL, vec![failed]);
    assert_eq!(
        last(&ui),
        "warn: server not trusted: `:set ssl_insecure true` accepts it, r sends it again"
    );
    let text = ui.keys("enter").text();
    let lines: Vec<_> = text.lines().skip(2).take(4).collect();
    assert_eq!(
        lines[0],
        "error: the certificate of service.dev (server side) is not accepted"
    );
    assert_eq!(lines[1], "hint: pass -k to accept it, or name a file");
    assert!(
        lines[2].starts_with("here: :set ssl_insecure true"),
        "{text}"
    );
    for keys in ["tab", "tab"] {
        let text = ui.keys(keys).text();
        assert!(
            text.contains("not accepted") && text.contains("pass -k"),
            "{text}"
        );
    }
}

#[test]
fn a_service_that_wants_tls_is_found_out() {
    let mut flow = Fake::new(
        1,
        "GET",
        "/",
        400,
        "text/plain",
        "Client sent an HTTP request to an HTTPS server.\n",
    );
    let mut ui = Ui::new(SMALL, vec![flow.clone()]);
    assert!(
        !ui.keys("enter tab").text().contains("hint: "),
        "it has TLS"
    );
    flow.snapshot.request.as_mut().unwrap().scheme = ratel_flow::Scheme::Http;
    let mut ui = Ui::new(SMALL, vec![flow]);
    let text = ui.keys("enter tab").text();
    assert!(
        text.contains("hint: the service wants TLS on that port: use https://"),
        "{text}"
    );
}

#[test]
fn what_was_done_is_said_in_words_of_the_screen() {
    let mut ui = Ui::new(SMALL, sample());
    assert_eq!(last(ui.keys("d")), "removed 1 flow");
    assert_eq!(last(ui.keys("V")), "alert: Reverted 1 flow.");
    assert_eq!(last(ui.keys("D")), "alert: Duplicated 1 flow.");
    ui.command("console.view.diff @focus original");
    assert_eq!(last(&ui), "nothing in the flow was changed");
    ui.command("quit");
    let text = ui.text();
    assert!(
        text.contains("Unknown command: quit (C lists all commands, ctrl p finds one)"),
        "{text}"
    );
}

#[test]
fn an_error_that_needs_room_is_said_once() {
    let mut ui = Ui::new(SMALL, sample());
    ui.command("view.order.set sideways");
    let text = ui.text();
    assert_eq!(text.matches("sideways").count(), 1, "{text}");
    assert!(last(&ui).starts_with("enter Open"), "{text}");
}

#[test]
fn the_way_back_is_always_said() {
    for (size, needed) in [
        (
            (80, 24),
            &["q Back", "e Edit", "y Copy", "= Diff", "? Help"][..],
        ),
        ((60, 15), &["q Back", "e Edit", "y Copy", "? Help"][..]),
        ((40, 10), &["q Back", "? Help"][..]),
    ] {
        let mut ui = Ui::new(size, sample());
        let hints = last(ui.keys("enter"));
        for hint in needed {
            assert!(hints.contains(hint), "{hint} at {size:?}: {hints}");
        }
    }
}

#[test]
fn a_path_is_read_beside_a_long_host() {
    let mut flow = Fake::new(1, "GET", "/prices?page=1", 200, "", "");
    let request = flow.snapshot.request.as_mut().unwrap();
    request.host = "a-service.of-mine.staging.example.org".into();
    let mut ui = Ui::new(SMALL, vec![flow]);
    let text = ui.text();
    assert!(text.contains(" a-servic…mple.org/prices?page=1 "), "{text}");
    let text = ui.keys("enter tab tab").text();
    assert!(
        text.contains("https://a-service.of-mine.staging.example.org/pric\n"),
        "{text}"
    );
}

#[test]
fn what_came_of_a_replay_is_said() {
    let mut ui = Ui::new(SMALL, sample());
    let call = ratel_core::commands::parse("replay.client @focus").unwrap();
    let sent = ratel_core::commands::Output::Str("the request is sent again".into());
    ui.pass_time(60);
    ui.send(Msg::Ran(call.clone(), Ok(sent.clone())));
    // It is the old answer until the flow has begun anew.
    ui.changed(1);
    assert_eq!(last(&ui), "the request is sent again");
    ui.change(1, |flow| {
        let times = &mut flow.snapshot.times;
        times.began.0 += 60_000_000_000;
        times.response_end = Some(ratel_flow::Timestamp(times.began.0 + 5_000_000));
        let request = flow.snapshot.request.as_mut().unwrap();
        request.timestamp_start = times.began;
    });
    assert_eq!(last(&ui), "flow 1 was sent again: answered 200 in 5ms");
    assert!(ui.text().contains(">> 13:07:00"), "{}", ui.text());
    ui.keys("j k");
    ui.send(Msg::Ran(call, Ok(sent)));
    ui.change(1, |flow| {
        let again = flow.clone().failed("connection refused", "is it running?");
        *flow = again;
        flow.snapshot.times.began.0 += 60_000_000_000;
    });
    assert_eq!(
        last(&ui),
        "error: flow 1 was sent again, and failed: connection refused; is it running?"
    );
}

#[test]
fn who_holds_flows_is_told_how_to_stop() {
    let mut ui = Ui::new(SMALL, sample());
    ui.keys("i").type_in("~m POST").keys("enter");
    assert_eq!(
        last(&ui),
        "flows that match are held: a lets one go on, I stops holding them"
    );
    assert!(last(ui.keys("I")).starts_with("nothing is held back; I holds back"));
}

#[test]
fn the_time_that_somebody_held_it_is_not_what_it_took() {
    let mut flow = Fake::new(1, "GET", "/", 200, "", "");
    flow.snapshot.times.held = std::time::Duration::from_millis(100);
    let mut ui = Ui::new(SMALL, vec![flow]);
    assert!(ui.text().contains(" 23ms"), "{}", ui.text());
    let text = ui.keys("enter tab tab G").text();
    assert!(text.contains("Held back for               100ms"), "{text}");
}

#[test]
fn long_values_stay_in_their_column() {
    let mut flow = Fake::new(1, "GET", "/", 200, "", "");
    let request = flow.snapshot.request.as_mut().unwrap();
    request.path = "/a/path-that-does-not-fit beside its name, and so goes on below".into();
    let mut ui = Ui::new(SMALL, vec![flow]);
    let text = ui.keys("enter tab tab").text();
    let below = text
        .lines()
        .find(|line| line.contains("goes on below"))
        .unwrap();
    assert!(below.starts_with(&" ".repeat(30)), "{text}");
}
