use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(files: &[(&str, &str)]) -> Result<Values, String> {
    let folder = folder(files);
    let path = folder.path().to_str().unwrap();
    let mut values = Values::with_folders(path, None);
    values
        .load_files()
        .map_err(|error| error.to_string().replace(path, "DIR"))?;
    Ok(values)
}

#[test]
fn values_of_every_type() {
    let text = "# a comment\n\
        mode:\n- regular@8081\n- reverse:https://example.org@8082\n\
        listen_host: \"127.0.0.1\"\n\
        listen_port: 9000\n\
        flow_detail: 3\n\
        ssl_insecure: true\n\
        cert_passphrase: secret\n\
        connect_addr: null\n\
        store_memory: 1g\n\
        store_disk: 1000000\n";
    let values = load(&[("config.yaml", text)]).unwrap();
    assert_eq!(
        values.list(keys::MODE),
        ["regular@8081", "reverse:https://example.org@8082"]
    );
    assert_eq!(values.str(keys::LISTEN_HOST), "127.0.0.1");
    assert_eq!(values.opt_int(keys::LISTEN_PORT), Some(9000));
    assert_eq!(values.int(keys::FLOW_DETAIL), 3);
    assert!(values.bool(keys::SSL_INSECURE));
    assert_eq!(values.opt_str(keys::CERT_PASSPHRASE), Some("secret"));
    assert_eq!(values.opt_str(keys::CONNECT_ADDR), None);
    assert_eq!(values.size(keys::STORE_MEMORY), 1 << 30);
    assert_eq!(values.size(keys::STORE_DISK), 1_000_000);
}

#[test]
fn values_may_be_named_and_merged() {
    let text = "<<: {flow_detail: 3, showhost: true}\nflow_detail: 2\nlisten_host: &host a.test\nhardump: *host\n";
    let values = load(&[("config.yaml", text)]).unwrap();
    assert_eq!(values.int(keys::FLOW_DETAIL), 2);
    assert!(values.bool(keys::SHOWHOST));
    assert_eq!(values.str(keys::HARDUMP), "a.test");
}

#[test]
fn files_that_say_nothing() {
    for text in ["", "\n", "# only a comment\n", "---\n", "{}\n", "null\n"] {
        load(&[("config.yaml", text)]).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    }
    load(&[]).unwrap();
}

#[test]
fn config_yml_wins_over_config_yaml() {
    let values = load(&[
        ("config.yml", "flow_detail: 2\n"),
        ("config.yaml", "flow_detail: 3\nshowhost: true\n"),
    ])
    .unwrap();
    assert_eq!(values.int(keys::FLOW_DETAIL), 2);
    assert!(values.bool(keys::SHOWHOST));
}

#[test]
fn errors_name_file_and_line() {
    let rows = [
        (
            "showhost: true\nscripts: [a.py]\n",
            "DIR/config.yaml:2: option 'scripts' is not available yet: Python addons come in a later release",
        ),
        (
            "showhost: yes\n",
            "DIR/config.yaml:1: invalid value for option 'showhost': expected true or false, found the text 'yes'",
        ),
        (
            "flow_detail: '1'\n",
            "DIR/config.yaml:1: invalid value for option 'flow_detail': expected an integer, found the text '1'",
        ),
        (
            "flow_detail: 1.5\n",
            "DIR/config.yaml:1: invalid value for option 'flow_detail': expected an integer, found a number with a fraction",
        ),
        (
            "flow_detail: 7\n",
            "DIR/config.yaml:1: invalid value for option 'flow_detail': 7 is not between 0 and 4",
        ),
        (
            "listen_host: 10\n",
            "DIR/config.yaml:1: invalid value for option 'listen_host': expected text, found the number 10",
        ),
        (
            "mode: regular\n",
            "DIR/config.yaml:1: invalid value for option 'mode': expected a list of texts, found the text 'regular'",
        ),
        (
            "mode: [1]\n",
            "DIR/config.yaml:1: invalid value for option 'mode': expected text, found the number 1",
        ),
        (
            "showhost: true\nmode: [socks5]\n",
            "DIR/config.yaml:2: invalid mode 'socks5': mode 'socks5' is not available yet: SOCKS comes in a later release",
        ),
        (
            "showhost: {a: 1}\n",
            "DIR/config.yaml:1: invalid value for option 'showhost': expected true or false, found a mapping",
        ),
        (
            "confdir: /elsewhere\n",
            "DIR/config.yaml:1: option 'confdir' cannot be changed here, since this file was found through it",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(
            load(&[("config.yaml", text)]).unwrap_err(),
            expected,
            "{text:?}"
        );
    }
}

#[test]
fn what_is_for_others_is_passed_over() {
    let text = "nonsense: 1\nweb_port: 8090\nlisten_prot: 1\nshowhost: true\nstrip_ech: 7\n";
    let folder = folder(&[("config.yaml", text)]);
    let path = folder.path().to_str().unwrap();
    let mut values = Values::with_folders(path, None);
    let passed_over = values.load_files().unwrap();
    assert!(values.bool(keys::SHOWHOST));
    let lines: Vec<_> = passed_over.iter().map(|line| line.passed_over()).collect();
    insta::assert_snapshot!(lines.join("\n").replace(path, "DIR"), @"
    DIR/config.yaml:1: there is no option 'nonsense'; this line changes nothing (`--options` lists all options)
    DIR/config.yaml:2: option 'web_port' is not available yet: the browser interface comes in a later release; this line changes nothing
    DIR/config.yaml:3: there is no option 'listen_prot'; this line changes nothing (did you mean `listen_port`?)
    DIR/config.yaml:5: option 'strip_ech' is not available yet: the DNS server comes in a later release; this line changes nothing
    ");
}

#[test]
fn what_is_no_mapping_is_refused() {
    let error = |text: &str| load(&[("config.yaml", text)]).unwrap_err();
    insta::assert_snapshot!(error("just text\n"), @"DIR/config.yaml:1: names of options with their values are wanted here, `NAME: VALUE`");
    insta::assert_snapshot!(error("- a\n- b\n"), @"DIR/config.yaml:1: names of options with their values are wanted here, `NAME: VALUE`");
    insta::assert_snapshot!(error("showhost: true\n  mode: [\n"), @"DIR/config.yaml:2: this line is not indented as those before it are; entries of one list or map begin below each other, indented with spaces");
    insta::assert_snapshot!(error("showhost: true\n---\nmode: []\n"), @"DIR/config.yaml:3: a second document begins here; leave out the line with `---` before it");
    insta::assert_snapshot!(error("block_list: [@x]\n"), @"DIR/config.yaml:1: `@` cannot begin a value in YAML; put single quotes round the value");
    insta::assert_snapshot!(error("flow_detail: 1\nflow_detail: 2\n"), @"DIR/config.yaml:2: option 'flow_detail' stands here for the second time");
}

#[test]
fn its_own_folder_may_be_named() {
    let folder = folder(&[]);
    let path = folder.path().to_str().unwrap();
    std::fs::write(
        folder.path().join("config.yaml"),
        format!("confdir: {path}\n"),
    )
    .unwrap();
    Values::with_folders(path, None).load_files().unwrap();
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = folder(&[]);
    std::fs::create_dir(folder.path().join("config.yaml")).unwrap();
    let error = Values::with_folders(folder.path().to_str().unwrap(), None)
        .load_files()
        .unwrap_err();
    assert!(
        error.to_string().contains("config.yaml: cannot be read: "),
        "{error}"
    );

    std::fs::write(folder.path().join("config.yml"), b"\xff").unwrap();
    std::fs::remove_dir(folder.path().join("config.yaml")).unwrap();
    let error = Values::with_folders(folder.path().to_str().unwrap(), None)
        .load_files()
        .unwrap_err();
    assert!(
        error.to_string().contains("config.yml: cannot be read: "),
        "{error}"
    );
}

proptest::proptest! {
    #[test]
    fn no_file_panics(text in "[a-z_: \\-\\[\\]{}&*!|>'\"\n0-9.~]{0,60}") {
        let _ = Values::default().load_text(&text);
    }
}
