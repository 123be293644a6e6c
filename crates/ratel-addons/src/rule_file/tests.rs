use ratel_core::options::Options;

use super::*;

fn parsed(text: &str) -> Result<RuleFile, Vec<Flaw>> {
    let folder = Path::new("");
    RuleFile::parse(text, folder, &Values::default(), FilterOptions::default())
}

fn specs(text: &str) -> Vec<String> {
    let file = parsed(text).expect("a file of rules");
    let on = file.rules.iter().filter(|rule| rule.on);
    on.map(|rule| format!("{}={}", rule.option, rule.spec))
        .collect()
}

fn flaws(text: &str) -> Vec<String> {
    let flaws = parsed(text).expect_err("something is wrong");
    flaws.iter().map(Flaw::to_string).collect()
}

#[test]
fn entries_are_rules_of_options() {
    let text = r#"
- name: staging
  on: true
  filter: ~q & ~d example.com
  modify_headers: {name: X-Env, value: staging}
- modify_headers:
    name: X-Gone
- filter: ~s
  modify_body: {find: 'a/b', replace: "c"}
- map_remote: {find: /v1/, replace: '/v2/'}
- filter: ~u ^/static
  map_local: {find: /static/, path: .}
- filter: ~d tracker
  block_list: 404
- filter: ~d api
  throttle: 3g
- fault: 503 @ 20%
- name: later
  on: false
  fault: reset
"#;
    assert_eq!(
        specs(text),
        [
            "modify_headers=/~q & ~d example.com/X-Env/staging",
            "modify_headers=/X-Gone/",
            "modify_body=|~s|a/b|c",
            "map_remote=|/v1/|/v2/",
            "map_local=|~u ^/static|/static/|.",
            "block_list=/~d tracker/404",
            "throttle=~d api : 3g",
            "fault=503 @ 20%",
        ]
    );
    let file = parsed(text).expect("right");
    assert_eq!((file.on(), file.off()), (8, 1));
}

#[test]
fn an_empty_file_has_no_rules() {
    for text in ["", "# nothing\n", "[]", "[]\n---\n"] {
        assert_eq!(parsed(text), Ok(RuleFile::default()), "{text:?}");
    }
}

#[test]
fn what_is_wrong_has_its_place() {
    let text = r#"
- filter: ~d a & ~nosuch
  fault: 503
- modify_body: {find: "a(b", replace: c}
- modify_headers: {name: "X Y", value: c}
- filter: ~d b
  throttle: 3g latency=soon
- map_local: {find: a, path: /dev/null/x}
- filter: ~d c
  block_list: 99
"#;
    assert_begin(
        &flaws(text),
        &[
            "2:18: ",
            "4:25: ",
            "5:27: this is no name of a header",
            "7:24: ",
            "8:30: Invalid file path: /dev/null/x",
            "10:15: Invalid HTTP status code: 99",
        ],
    );
}

/// Each flaw begins as it should.
fn assert_begin(flaws: &[String], begin: &[&str]) {
    assert_eq!(flaws.len(), begin.len(), "{flaws:#?}");
    for (flaw, begin) in flaws.iter().zip(begin) {
        assert!(flaw.starts_with(begin), "{begin} in {flaws:#?}");
    }
}

#[test]
fn an_entry_does_one_thing() {
    let text = "- name: a\n- name: a\n  fault: 503\n  throttle: 3g\n- block_list: 404\n";
    assert_begin(
        &flaws(text),
        &[
            "1:3: this rule does nothing: it has none of block_list, ",
            "2:3: this rule does two things, `fault` and `throttle`; write two rules",
            "2:9: a rule named 'a' stands here already",
            "5:3: `block_list` needs a filter; ",
        ],
    );
}

#[test]
fn a_file_as_people_write_it_is_refused_in_words_that_help() {
    for (text, begin) in [
        (
            "- fault: 503\n  colour: red\n",
            "2:3: a rule has no `colour`; there are name, on, ",
        ),
        (
            "- fault: 503\n  filer: ~u /a\n",
            "2:3: a rule has no `filer`; did you mean `filter`?",
        ),
        (
            "- modify-body: {find: a, replace: b}\n",
            "1:3: a rule has no `modify-body`; did you mean `modify_body`?",
        ),
        (
            "- modify_body: {fnd: a, replace: b}\n",
            "1:17: `modify_body` has no `fnd`; did you mean `find`?",
        ),
        (
            "- modify_body: {find: a}\n",
            "1:16: `modify_body` has no `replace`; write `modify_body: {find: ..., replace: ...}`",
        ),
        (
            "- map_local: {find: a}\n",
            "1:14: `map_local` has no `path`; write `map_local: {find: ..., path: ...}`",
        ),
        (
            "- modify_headers: /~q/Host/x\n",
            "1:19: `modify_headers` is names with their values; write `modify_headers: {name: ",
        ),
        (
            "- fault: [503]\n",
            "1:10: `fault` is one text, such as `503 @ 20%`",
        ),
        (
            "- throttle: {latency: 1s}\n",
            "1:13: `throttle` is one text, such as `3g latency=1s`",
        ),
        (
            "- filter: [a-z]\n  fault: 503\n",
            "1:11: `filter` is one text; put single quotes round a value that begins with `[`",
        ),
        (
            "- fault:503\n",
            "1:3: a rule is names with their values; a blank stands behind the colon",
        ),
        (
            "- fualt: 503\n",
            "1:3: a rule has no `fualt`; did you mean `fault`?",
        ),
    ] {
        assert_begin(&flaws(text), &[begin]);
    }
}

#[test]
fn yaml_that_means_something_else_is_refused_in_words_that_help() {
    for (text, begin) in [
        ("- fault: [\n", "1:10: `[` or `{` is not closed"),
        (
            "name: a\n",
            "1:1: this is no list of rules; begin each rule with `- `",
        ),
        (
            "- fault\n",
            "1:3: a rule is names with their values; write ",
        ),
        (
            "- on: perhaps\n  fault: 503\n",
            "1:7: `on` is `true` or `false`, without quotes",
        ),
        (
            "- on: off\n  fault: 503\n",
            "1:7: `on` is `true` or `false`, without quotes; write `on: false`",
        ),
        (
            "- on: \"yes\"\n  fault: 503\n",
            "1:7: `on` is `true` or `false`, without quotes; write `on: true`",
        ),
        (
            "- fault: 503\n  fault: 504\n",
            "2:3: `fault` stands here for the second time",
        ),
        (
            "- fault: 503\n---\n- fault: 504\n",
            "3:1: a second document begins here; leave out the line with `---` before it",
        ),
        (
            "- filter: ~u /a\n\tfault: 503\n",
            "2:1: a tab cannot indent in YAML; write spaces",
        ),
        (
            "- filter: [a-z]+\n  fault: 503\n",
            "1:16: more stands behind the closing bracket; put single quotes",
        ),
        (
            "- filter: ~u /a\n    fault: 503\n",
            "2:10: this line is not indented as those before it are",
        ),
        (
            "- filter: ~u /a\n fault: 503\n",
            "2:2: this line is not indented as those before it are",
        ),
        (
            "- filter: !~q\n  fault: 503\n",
            "1:14: `!~q` is a tag of YAML here; put single quotes",
        ),
        (
            "- filter: !~u hello\n  fault: 503\n",
            "1:15: `!~u` is a tag of YAML here; put single quotes",
        ),
        (
            "- modify_headers: {name: a, value: &b c}\n",
            "1:39: `&` in front of this value names it, and no `*` refers to that name; put single quotes",
        ),
        (
            "- filter: !~q & ~d x\n  fault: 503\n",
            "1:11: `!` at the beginning of a value is a tag in YAML; put single quotes",
        ),
        (
            "- modify_body: {find: a, replace: @file}\n",
            "1:35: `@` cannot begin a value in YAML; put single",
        ),
        (
            "- filter: ~\n  fault: 503\n",
            "1:11: `filter` has no value; ",
        ),
        (
            "- filter:\n  block_list: 404\n",
            "1:9: `filter` has no value; ",
        ),
    ] {
        assert_begin(&flaws(text), &[begin]);
    }
}

/// One mistake does not hide others, be it in a name, a value, or in what can be read no further.
#[test]
fn all_that_is_wrong_is_told() {
    let text = r#"
- colour: red
  fault: sideways
- on: off
  filter: ~nosuch
  block_list: 99
- throttle: 5g
- fault: 503
  fault: [503
"#;
    assert_begin(
        &flaws(text),
        &[
            "2:3: a rule has no `colour`",
            "3:10: `sideways` is no fault",
            "4:7: `on` is `true` or `false`",
            "5:11: ",
            "7:13: `5g` is no profile",
            "9:10: `[` or `{` is not closed",
        ],
    );
    let many = "- fault: none\n".repeat(FLAWS_SAID + 3);
    let told = RuleFileError::Flaws {
        path: "r.yaml".into(),
        flaws: parsed(&many).expect_err("wrong"),
    };
    let told = told.to_string();
    assert_eq!(told.lines().count(), FLAWS_SAID + 1);
    assert!(told.ends_with("\nr.yaml: 3 more"), "{told}");
}

#[test]
fn values_can_be_named_and_merged() {
    let text = "- &slow {filter: ~d a, throttle: 3g}\n- <<: *slow\n  throttle: 4g\n";
    assert_eq!(specs(text), ["throttle=~d a : 3g", "throttle=~d a : 4g"]);
}

#[test]
fn paths_begin_in_the_folder_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().display();
    std::fs::create_dir(folder.path().join("static")).expect("a folder");
    std::fs::write(folder.path().join("text"), "x").expect("a file");
    let path = folder.path().join("r.yaml");
    let text = "- map_local: {find: /s/, path: ./static}\n- map_local: {find: /t/, path: .}\n\
        - modify_body: {find: a, replace: '@text'}\n- modify_headers: {name: A, value: '@text'}\n\
        - modify_headers: {name: A, value: text}\n";
    std::fs::write(&path, text).expect("a file");
    let load = || RuleFile::load(&path, &Values::default(), FilterOptions::default());
    let specs: Vec<String> = load()
        .expect("right")
        .rules
        .into_iter()
        .map(|rule| rule.spec)
        .collect();
    assert_eq!(
        specs,
        [
            format!("|/s/|{root}/static"),
            format!("|/t/|{root}"),
            format!("|a|@{root}/text"),
            format!("|A|@{root}/text"),
            "/A/text".to_owned(),
        ]
    );
    std::fs::write(&path, "- modify_headers: {name: A, value: '@gone'}\n").expect("a file");
    let told = load().expect_err("not there").to_string();
    let begin = format!("{}:1:36: Invalid file path: {root}/gone ", path.display());
    assert!(told.starts_with(&begin), "{told}");
    // What is in the home or absolute stays so.
    std::fs::write(
        &path,
        "- map_local: {find: a, path: /}\n- map_local: {find: b, path: '~'}\n",
    )
    .expect("a file");
    let specs: Vec<String> = load()
        .expect("right")
        .rules
        .into_iter()
        .map(|rule| rule.spec)
        .collect();
    assert_eq!(specs, ["|a|/", "/b/~"]);
}

#[test]
fn the_file_of_the_folder_need_not_be_there_and_one_that_is_named_must() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Values::with_folders(&folder.path().display().to_string(), None);
    let filters = FilterOptions::default();
    assert_eq!(load(&options, filters).expect("none"), RuleFile::default());
    let path = folder.path().join(NAME);
    std::fs::write(&path, "- fault: 503\n").expect("written");
    assert_eq!(load(&options, filters).expect("one").on(), 1);
    let other = folder.path().join("other.yaml").display().to_string();
    options
        .set(
            "rules",
            ratel_core::options::Value::OptStr(Some(other.clone())),
        )
        .expect("a path");
    let error = load(&options, filters).expect_err("not there").to_string();
    assert!(
        error.starts_with(&format!("{other}: cannot be read: ")),
        "{error}"
    );
}

/// Waits until the options have so many rules of `fault`.
fn wait_for(options: &Options, count: usize) {
    for _ in 0..10_000 {
        if options.snapshot().rules(keys::FAULT).count() == count {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("there are not {count} rules");
}

#[test]
fn another_file_is_taken_while_the_program_runs_and_a_wrong_one_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let confdir = folder.path().display().to_string();
    let options = Options::with(Values::with_folders(&confdir, None)).expect("options");
    write(NAME, "- fault: 503\n");
    let watch = Watch::start(&options, FilterOptions::default()).expect("a file");
    wait_for(&options, 1);
    let two = write("two.yaml", "- fault: 503\n- fault: 504\n");
    options.set(&[format!("rules={two}")]).expect("a file");
    wait_for(&options, 2);
    let wrong = write("wrong.yaml", "- fault: 503\n- fault: none\n");
    let refused = |path: &str| {
        let error = options.set(&[format!("rules={path}")]);
        error.expect_err("it is wrong").to_string()
    };
    assert!(refused(&wrong).starts_with(&format!("{wrong}:2:10: ")));
    let absent = folder.path().join("absent.yaml").display().to_string();
    assert!(refused(&absent).starts_with(&format!("{absent}: cannot be read: ")));
    assert!(refused("/dev/null/x").starts_with("/dev/null/x: cannot be read: "));
    assert_eq!(options.snapshot().opt_str(keys::RULES), Some(&*two));
    assert_eq!(options.snapshot().rules(keys::FAULT).count(), 2);
    options.set(&["rules"]).expect("none");
    wait_for(&options, 1);
    drop(watch);
}
