use std::collections::BTreeSet;

use super::*;

#[test]
fn the_table_is_in_order() {
    let mut seen = BTreeSet::new();
    for section in SECTIONS {
        let names: Vec<_> = section.defs.iter().map(|def| def.name).collect();
        assert!(
            names.is_sorted(),
            "{} is not in order: {names:?}",
            section.title
        );
        for def in section.defs {
            assert!(seen.insert(def.name), "{} is declared twice", def.name);
            assert!(
                def.help.ends_with('.') && !def.help.contains("  "),
                "{}: {:?}",
                def.name,
                def.help
            );
            check_params(def);
            if let Availability::Planned(what) = def.availability {
                assert!(
                    what.ends_with("comes in a later release")
                        || what.ends_with("come in a later release"),
                    "{what}"
                );
            }
        }
    }
}

fn check_params(def: &CommandDef) {
    let mut names = BTreeSet::new();
    let mut optional = false;
    for (nth, param) in def.params.iter().enumerate() {
        let place = (def.name, param.name);
        assert!(names.insert(param.name), "{place:?} twice");
        assert!(
            !(param.rest || param.text) || nth + 1 == def.params.len(),
            "{place:?} is not the last"
        );
        assert!(
            !optional || param.default.is_some() || param.rest,
            "{place:?} cannot be left out"
        );
        optional |= param.default.is_some();
        if let Some(default) = param.default {
            args::Arg::read(param.kind, default).unwrap();
        }
        if let ArgKind::Choice(from) | ArgKind::OneOf(from) = param.kind {
            let from = super::def(from).unwrap_or_else(|| panic!("{place:?}: no {from}"));
            assert_eq!(
                (from.returns, from.params.len()),
                (Returns::StrList, 0),
                "{place:?}"
            );
        }
    }
}

/// What mitmproxy has, by name and types; a changed or missing one breaks key bindings and scripts of its users.
#[test]
fn signatures_are_those_of_mitmproxy() {
    let ours: String = all()
        .filter(|def| !def.own)
        .map(|def| {
            let types: Vec<_> = def
                .params
                .iter()
                .map(|p| format!("{}:{}", p.shown(), p.kind.type_name()))
                .collect();
            format!(
                "{}({}) {}\n",
                def.name,
                types.join(" "),
                def.returns.type_name().unwrap_or("-")
            )
        })
        .collect();
    insta::assert_snapshot!(ours);
}

#[test]
fn lines_become_calls() {
    let call = parse(r#"flow.set.options"#).unwrap();
    assert_eq!(call.name(), "flow.set.options");
    let call = parse(r#"set view_order "a b" c"#).unwrap();
    assert_eq!(
        (call.str(0), call.rest(1)),
        ("view_order", vec!["a b", "c"])
    );
    let call = parse("export.file curl @focus ~/x.sh").unwrap();
    assert!(call.path(2).is_absolute() || std::env::home_dir().is_none());
    assert_eq!(call.flows(1), &FlowSpec::Focus);
    let call = parse("view.focus.go -3").unwrap();
    assert_eq!(call.int(0), -3);
    let call = parse(r#"console.choose "A B" a,b set {choice} x"#).unwrap();
    assert_eq!(
        (call.str(0), call.list(1)),
        ("A B", &["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(call.rest(2), ["set", "{choice}", "x"]);
    let call = parse(r"console.key.bind flowlist,flowview x view.focus.next").unwrap();
    assert_eq!(call.list(0), ["flowlist", "flowview"]);
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let rows = [
        ("", "Invalid command: ''"),
        ("view.focus.nxt", "Unknown command: view.focus.nxt"),
        (
            "view.focus.go",
            "Command argument mismatch: missing a required argument: 'offset'",
        ),
        (
            "view.focus.go x",
            "Command argument mismatch: 'offset': 'x' is not a whole number",
        ),
        (
            "view.focus.next 1",
            "Command argument mismatch: view.focus.next takes no arguments",
        ),
        (
            "view.flows.resolve @fokus",
            "Command argument mismatch: 'flow_spec': '@fokus' is none of \
            @all, @focus, @shown, @hidden, @marked, @unmarked, nor @ and the number of a flow",
        ),
        (
            "console.command.confirm x no.such",
            "Command argument mismatch: 'cmd': Unknown command: no.such",
        ),
        (
            "script.run @all x",
            "command 'script.run' is not available yet: Python addons come in a later release",
        ),
        (
            r"commands.history.add \xzz",
            r"Command argument mismatch: 'command': \x is not followed by 2 hexadecimal digits",
        ),
    ];
    for (line, expected) in rows {
        assert_eq!(parse(line).unwrap_err().to_string(), expected, "{line}");
    }
    let error = parse("view.focus.nxt").unwrap_err();
    assert_eq!(
        error.hint().as_deref(),
        Some("did you mean `view.focus.next`?")
    );
    let error = parse("view.focus.go").unwrap_err();
    assert_eq!(
        error.hint().as_deref(),
        Some("it is called `view.focus.go offset`")
    );
}

#[test]
fn choices_are_held_against_what_there_is() {
    let call = parse("console.flowview.mode.set jason").unwrap();
    let choices = |from: &str| {
        assert_eq!(from, "console.flowview.mode.options");
        vec!["json".to_owned(), "raw".to_owned()]
    };
    let error = check_choices(&call, choices).unwrap_err().to_string();
    assert_eq!(
        error,
        "Command argument mismatch: 'mode': 'jason' is not one of json, raw"
    );
    let call = parse("export curl @focus").unwrap();
    check_choices(&call, |from| panic!("{from} always says the same")).unwrap();
    let call = parse("export cURL @focus").unwrap();
    assert!(check_choices(&call, |_| Vec::new()).is_err());
}

#[test]
fn flows_are_selected() {
    let ids = |ids: &[&str]| FlowSpec::Ids(ids.iter().map(|&id| id.to_owned()).collect());
    let long = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let rows = [
        ("@all", Ok(FlowSpec::All)),
        ("@unmarked", Ok(FlowSpec::Unmarked)),
        ("@12,7", Ok(ids(&["12", "7"]))),
        (&format!("@{long}"), Ok(ids(&[long]))),
        ("~u x", Ok(FlowSpec::Filter("~u x".into()))),
        ("", Ok(FlowSpec::Filter(String::new()))),
        ("@", Err(())),
        ("@12,", Err(())),
    ];
    for (text, expected) in rows {
        assert_eq!(FlowSpec::parse(text).map_err(drop), expected, "{text}");
    }
}

#[test]
fn markers() {
    let read = |word: &str| args::Arg::read(ArgKind::Marker, word);
    let text = |text: &str| Ok(args::Arg::Str(text.to_owned()));
    assert_eq!(read("true"), text(":default:"));
    assert_eq!(read("false"), text(""));
    assert_eq!(read(":red_circle:"), text(":red_circle:"));
    assert_eq!(read("x"), text("x"));
    for wrong in ["star", "::", ":a b:", ":nope:", ":star", "é"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert_eq!(candidates("flow.mark @focus :grap"), [":grapes:"],);
}

fn candidates(line: &str) -> Vec<String> {
    let choices = |from: &str| vec![format!("{from} one"), "two".to_owned()];
    match complete(line, choices).candidates {
        Candidates::Known(found) => found.into_iter().map(|c| c.text).collect(),
        Candidates::Paths => vec!["(paths)".to_owned()],
    }
}

#[test]
fn what_may_come_next() {
    assert!(candidates("").len() > 50);
    assert_eq!(
        candidates("view.focus."),
        [
            "view.focus.go",
            "view.focus.held",
            "view.focus.next",
            "view.focus.prev"
        ]
    );
    assert_eq!(
        candidates("script.r"),
        Vec::<String>::new(),
        "it cannot be used"
    );
    assert_eq!(candidates("view.flows.resolve @f"), ["@focus"]);
    assert_eq!(candidates("view.flows.resolve ").len(), 6);
    assert_eq!(
        candidates("export "),
        [
            "curl",
            "httpie",
            "raw",
            "raw_request",
            "raw_response",
            "python",
            "go",
            "fetch"
        ]
    );
    assert_eq!(candidates("options.save /e"), ["(paths)"]);
    assert_eq!(candidates("set showh"), ["showhost"]);
    assert_eq!(candidates("set showhost t"), ["true", "toggle"]);
    assert_eq!(
        candidates("set showhost true f"),
        ["false"],
        "values make a list"
    );
    assert_eq!(candidates("set nothing "), Vec::<String>::new());
    assert_eq!(candidates("view.focus.next "), Vec::<String>::new());
    assert_eq!(candidates("nothing "), Vec::<String>::new());
    assert_eq!(candidates("console.flowview.mode.set t"), ["two"]);
}

#[test]
fn a_command_brings_its_own_parameters_along() {
    assert_eq!(
        candidates("console.command.confirm 'Sure?' view.focus.g"),
        ["view.focus.go"]
    );
    assert_eq!(
        candidates("console.command.confirm 'Sure?' set show")
            .first()
            .map(String::as_str),
        Some("show_ignored_hosts")
    );
    assert_eq!(
        candidates("console.command.confirm 'Sure?' set showhost f"),
        ["false"]
    );
    assert_eq!(
        candidates("console.choose.cmd x export.formats export "),
        candidates("export ")
    );
}

#[test]
fn a_completion_says_what_it_replaces() {
    let found = complete("export \"cu", |_| Vec::new());
    assert_eq!((found.range, found.typed.as_str()), (7..10, "cu"));
    let found = complete("export ", |_| Vec::new());
    assert_eq!((found.range, found.typed.as_str()), (7..7, ""));
}

#[test]
fn the_word_at_the_cursor_is_explained() {
    let at = |line: &str| {
        let hint = hint(line)?;
        Some((hint.command.name, hint.param.map(|param| param.name)))
    };
    assert_eq!(at("ex"), None);
    assert_eq!(at("export"), Some(("export", None)));
    assert_eq!(at("export "), Some(("export", Some("format"))));
    assert_eq!(at("export curl @"), Some(("export", Some("f"))));
    assert_eq!(at("export curl @focus x"), Some(("export", None)));
    assert_eq!(
        at("console.command.confirm q set "),
        Some(("set", Some("option")))
    );
    assert_eq!(at("set a b c d"), Some(("set", Some("value"))));
}

proptest::proptest! {
    #[test]
    fn no_line_does_harm(line in "[a-z.@ \"'\\\\{}:,0-9\u{e9}-]{0,40}", command in 0usize..200) {
        let name = all().nth(command).map_or("", |def| def.name);
        for line in [line.clone(), format!("{name} {line}")] {
            let _ = parse(&line);
            let found = complete(&line, |_| Vec::new());
            proptest::prop_assert!(line.get(found.range).is_some());
            let _ = hint(&line);
        }
    }
}

#[test]
fn the_rest_of_a_line_is_a_text() {
    let rows: [(&str, &[&str]); 9] = [
        ("console.highlight 200 OK", &["console.highlight", "200 OK"]),
        ("console.highlight  a  b  ", &["console.highlight", "a  b"]),
        ("console.highlight 'a  b '", &["console.highlight", "a  b "]),
        ("console.highlight it's", &["console.highlight", "it's"]),
        (
            "console.highlight 'it's here'",
            &["console.highlight", "it's here"],
        ),
        (
            r#"console.highlight "a" "b""#,
            &["console.highlight", r#""a" "b""#],
        ),
        (
            "flow.comment @focus all of it",
            &["flow.comment", "@focus", "all of it"],
        ),
        ("flow.comment @focus", &["flow.comment", "@focus"]),
        ("flow.mark @focus a b", &["flow.mark", "@focus", "a", "b"]),
    ];
    for (line, expected) in rows {
        assert_eq!(words(line), expected, "{line}");
    }
    assert_eq!(parse("console.find.text a b").unwrap().str(0), "a b");
    let words = ["flow.comment", "@focus", "two", "words"];
    assert_eq!(parse_words(&words).unwrap().str(1), "two words");
    assert!(parse("flow.comment @focus").is_err());
    assert!(parse("flow.mark @focus a b").is_err());
}
