use super::*;

#[test]
fn values_are_quoted_for_their_shell() {
    let rows = [
        (Shell::Sh, "a b", "'a b'"),
        (Shell::Sh, "$(x)`y`\\\"", "'$(x)`y`\\\"'"),
        (Shell::Sh, "it's", r"'it'\''s'"),
        (Shell::Fish, r"it's\", r"'it\'s\\'"),
        (Shell::Pwsh, "it's $x", "'it''s $x'"),
        (Shell::Pwsh, "a’b", "'a’’b'"),
    ];
    for (shell, text, expected) in rows {
        assert_eq!(shell.quote(text), expected, "{shell:?}");
    }
}

#[test]
fn the_shell_is_guessed_by_its_name() {
    assert_eq!(Shell::guess(Some("/usr/bin/fish")), Shell::Fish);
    assert_eq!(Shell::guess(Some("/bin/zsh")), Shell::Sh);
    assert_eq!(Shell::guess(Some("/opt/pwsh")), Shell::Pwsh);
}

#[test]
fn the_proxy_is_where_it_would_listen() {
    let rows: &[(&[&str], Option<u16>, &str)] = &[
        (&[], None, "http://127.0.0.1:8080"),
        (&[], Some(9), "http://127.0.0.1:9"),
        (&["listen_port=9000"], None, "http://127.0.0.1:9000"),
        (&["listen_host=::1"], None, "http://[::1]:8080"),
        (&["listen_host=0.0.0.0"], None, "http://127.0.0.1:8080"),
        (
            &["mode=regular@10.0.0.1:9001"],
            None,
            "http://10.0.0.1:9001",
        ),
        (&["mode=reverse:http://a"], Some(7), "http://127.0.0.1:7"),
    ];
    for (specs, port, expected) in rows {
        let options = ratel_core::options::Options::new();
        options.set(specs).unwrap();
        let found = proxy(&options.snapshot(), *port);
        assert_eq!(found.as_deref(), Ok(*expected), "{specs:?}");
    }
    for spec in ["listen_port=0", "mode=reverse:http://a"] {
        let options = ratel_core::options::Options::new();
        options.set(&[spec]).unwrap();
        let refused = proxy(&options.snapshot(), None).unwrap_err();
        assert!(refused.hint.unwrap().contains("--port"), "{spec}");
    }
}

#[test]
fn no_proxy_is_touched_only_when_asked() {
    let text = |no_proxy| {
        variables(
            Shell::Sh,
            "http://h:1",
            "/b".as_ref(),
            "/c".as_ref(),
            no_proxy,
        )
    };
    assert!(!text(None).contains("no_proxy"));
    assert!(text(Some("")).contains("unset no_proxy;\nunset NO_PROXY;\n"));
    assert!(text(Some("a,b")).contains("export NO_PROXY='a,b';\n"));
}
