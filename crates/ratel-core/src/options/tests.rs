use std::collections::BTreeSet;

use super::*;

#[test]
fn names_are_unique_snake_case() {
    let mut seen = BTreeSet::new();
    for def in all() {
        assert!(seen.insert(def.name), "{} is defined twice", def.name);
        assert!(
            def.name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
            "{} is not snake_case",
            def.name
        );
    }
}

#[test]
fn help_is_sentences() {
    for def in all() {
        let help = def.help;
        assert!(
            help.ends_with('.'),
            "{}: help does not end with a period",
            def.name
        );
        assert!(
            !help.contains("  ") && !help.contains('\n'),
            "{}: help is not one paragraph",
            def.name
        );
        assert!(
            help.starts_with(|c: char| c.is_uppercase()),
            "{}: help does not start a sentence",
            def.name
        );
        assert!(
            (10..=110).contains(&def.short_help().len()),
            "{}: '{}'",
            def.name,
            def.short_help()
        );
    }
}

#[test]
fn flags_are_unique() {
    let mut long: BTreeSet<String> = [
        "help", "version", "options", "commands", "set", "quiet", "verbose",
    ]
    .map(String::from)
    .into();
    let mut short = BTreeSet::from(['h', 'q', 'v']);
    for def in all() {
        if let Some(flag) = def.long_flag() {
            assert!(long.insert(flag.clone()), "--{flag} twice");
            if let Default::Bool(_) = def.default {
                assert!(long.insert(format!("no-{flag}")), "--no-{flag} twice");
            }
        }
        if let Some(flag) = def.short {
            assert!(def.flag, "{}: a short flag without a long one", def.name);
            assert!(short.insert(flag), "-{flag} twice");
        }
    }
    assert_eq!(short.into_iter().collect::<String>(), "BCHMShkmnpqrsvw");
}

#[test]
fn defaults_are_valid() {
    let mut values = Values::default();
    for def in all() {
        assert!(
            def.choices.is_empty()
                || matches!(def.default, Default::Str(value) if def.choices.contains(&value))
        );
        values.set(def.name, def.default.to_value()).unwrap();
    }
    Options::with(values).unwrap();
}

/// A file that mitmproxy has written names all options; what asks for nothing is no reason to refuse it.
#[test]
fn an_option_whose_feature_is_not_there_may_have_its_default() {
    let options = Options::new();
    for spec in [
        "dns_use_hosts_file=true",
        "http3=true",
        "http3=false",
        "scripts",
    ] {
        options.set(&[spec]).unwrap();
    }
    for spec in [
        "dns_use_hosts_file=false",
        "dns_use_hosts_file=maybe",
        "scripts=a.py",
        "web_port",
    ] {
        let error = options.set(&[spec]).unwrap_err();
        assert!(matches!(error, OptionsError::Planned { .. }), "{error}");
    }
    let mut values = Values::default();
    values
        .load_text("http3: true\nscripts: []\nweb_port: 8081\nudp_hosts: []\n")
        .unwrap();
    let (line, problem) = values.load_text("scripts: [a.py]\n").unwrap_err();
    let error = problem.to_string();
    assert!(
        line == Some(1) && error.contains("not available yet"),
        "{error}"
    );
    // Where traffic is the same without it, it is passed over.
    for text in ["strip_ech: false\n", "udp_hosts: 5\n"] {
        let said = values.load_text(text).unwrap();
        assert_eq!((said.names.len(), said.passed_over.len()), (0, 1), "{text}");
    }
}

#[test]
fn planned_options_say_what_brings_them() {
    for def in all() {
        if let Availability::Planned(what) = def.availability {
            assert!(
                what.contains(" in a later release") && !what.ends_with('.'),
                "{}: {what}",
                def.name
            );
        }
    }
}

/// What mitmproxy 12 has; Ratel's own options are those marked so.
#[test]
fn the_table_is_complete() {
    assert_eq!(all().filter(|def| !def.own).count(), 117);
    let own: Vec<_> = all().filter(|def| def.own).map(|def| def.name).collect();
    assert_eq!(
        own,
        [
            "connect_timeout",
            "auto_passthrough",
            "shutdown_timeout",
            "sslkeylogfile",
            "head_limit",
            "h2c_upstream",
            "store_memory",
            "store_disk",
            "store_dir",
            "search_index",
            "search_disk",
            "search_memory",
            "keylog",
            "redact",
            "intercept_timeout",
            "rules",
            "client_replay_timing",
            "server_replay_timing",
            "throttle",
            "fault",
            "fault_seed",
            "network_active"
        ]
    );
}

#[test]
fn keys_find_their_options() {
    assert_eq!(keys::MODE.name(), "mode");
    assert_eq!(keys::WEB_DEBUG.name(), "web_debug");
    assert_eq!(keys::STORE_MEMORY.def().default, Default::Size("64m"));
}

#[test]
fn misspelt_names_are_guessed() {
    let hint = |name: &str| OptionsError::unknown(name).hint().unwrap();
    assert_eq!(hint("listen_prot"), "did you mean `listen_port`?");
    assert_eq!(hint("ssl-insecure"), "did you mean `ssl_insecure`?");
    assert_eq!(hint("flowdetail"), "did you mean `flow_detail`?");
    assert_eq!(hint("mdoe"), "did you mean `mode`?");
    assert_eq!(hint("nothing_like_it"), "`--options` lists all options");
    assert_eq!(hint(""), "`--options` lists all options");
}
