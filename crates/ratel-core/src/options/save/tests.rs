use super::*;
use crate::options::Options;

/// What becomes of a file when these options are set.
fn saved(before: &str, specs: &[&str]) -> String {
    let mut values = Values::with_folders("/nowhere", None);
    values
        .load_text(before)
        .map_err(|(_, problem)| problem.to_string())
        .unwrap();
    let options = Options::with(values).unwrap();
    options.set(specs).unwrap();
    options
        .snapshot()
        .edit(before)
        .map_err(|(_, problem)| problem.to_string())
        .unwrap()
}

#[test]
fn only_what_is_not_a_default_is_written() {
    assert_eq!(
        saved("", &["showhost=true", "flow_detail=1"]),
        "showhost: true\n"
    );
    assert_eq!(
        saved(
            "",
            &[
                "ignore_hosts=a",
                "ignore_hosts=b:443",
                "console_palette=light",
                "sslkeylogfile=/tmp/k"
            ]
        ),
        "ignore_hosts:\n  - \"a\"\n  - \"b:443\"\nsslkeylogfile: \"/tmp/k\"\nconsole_palette: \"light\"\n"
    );
}

#[test]
fn what_the_owner_wrote_stays() {
    let before = "# my own settings\n\
        \n\
        showhost: true   # so that names are seen\n\
        # long ones\n\
        ignore_hosts:\n\
        - a   # first\n\
        - b\n\
        \n\
        flow_detail: 3 # much\n";
    assert_eq!(
        saved(before, &["showhost=true"]),
        before,
        "nothing is another"
    );
    let after = saved(before, &["showhost=false", "flow_detail=2", "http2=false"]);
    assert_eq!(
        after,
        "# my own settings\n\
         \n\
         # long ones\n\
         ignore_hosts:\n\
         - a   # first\n\
         - b\n\
         \n\
         flow_detail: 2 # much\n\
         http2: false\n"
    );
    let after = saved(before, &["ignore_hosts=c"]);
    assert!(
        after.contains("ignore_hosts:\n  - \"c\"\n\nflow_detail: 3 # much\n"),
        "{after}"
    );
}

#[test]
fn texts_read_back() {
    for text in [
        "",
        "yes",
        "null",
        "# no",
        "a: b",
        "\"quoted\" \\ and 'so'",
        "line\nend\ttab",
        "日本 \u{1b}",
    ] {
        let options = Options::with(Values::with_folders("/nowhere", None)).unwrap();
        options
            .update([("onboarding_host", Value::Str(text.to_owned()))])
            .unwrap();
        let written = options
            .snapshot()
            .edit("")
            .map_err(|(_, problem)| problem.to_string())
            .unwrap();
        let mut values = Values::with_folders("/nowhere", None);
        values
            .load_text(&written)
            .map_err(|(_, problem)| problem.to_string())
            .unwrap();
        assert_eq!(values.str(keys::ONBOARDING_HOST), text, "{written}");
    }
}

#[test]
fn what_cannot_be_changed_with_care_is_left_alone() {
    let values = Values::with_folders("/nowhere", None);
    let problem = |text: &str| {
        values
            .edit(text)
            .map_err(|(_, problem)| problem.to_string())
            .unwrap_err()
    };
    assert!(problem("{showhost: true}").contains("left edge"));
    assert!(problem("- a").contains("names of options"));
    assert!(problem("scripts: [a.py]").contains("option 'scripts'"));
}

#[test]
fn what_others_set_there_stays() {
    let before = "web_port: 8090\nshowhost: true\nmy_addon:\n- a\n- b\nhttp3: false # no\n";
    let after = saved(before, &["flow_detail=3"]);
    assert_eq!(
        after,
        "web_port: 8090\nshowhost: true\nmy_addon:\n- a\n- b\nhttp3: false # no\nflow_detail: 3\n"
    );
}

#[test]
fn files_are_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/config.yaml");
    let options = Options::with(Values::with_folders("/nowhere", None)).unwrap();
    options.set(&["showhost=true"]).unwrap();
    options.snapshot().save(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "showhost: true\n");
    options.set(&["showhost=false", "http2=false"]).unwrap();
    options.snapshot().save(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "http2: false\n");
    let other = Options::with(Values::with_folders("/nowhere", None)).unwrap();
    assert!(other.load(&path).unwrap().kept.is_empty());
    assert!(!other.snapshot().bool(keys::HTTP2));
    // What is looked at when a program starts does not keep the rest from being set.
    fs::write(&path, "store_memory: 1g\nshowhost: true\nstore_disk: 2g\n").unwrap();
    assert_eq!(other.load(&path).unwrap().kept, ["store_memory"]);
    let loaded = other.snapshot();
    assert!(loaded.bool(keys::SHOWHOST));
    assert_eq!(loaded.size(keys::STORE_MEMORY), 64 << 20);
    fs::write(&path, "http2: maybe\n").unwrap();
    let error = other.load(&path).unwrap_err().to_string();
    assert!(error.ends_with("config.yaml:1: invalid value for option 'http2': expected true or false, found the text 'maybe'"), "{error}");
    let error = options
        .snapshot()
        .save(folder.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn who_watches_is_told_after_the_change() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let options = Options::new();
    let count = Arc::new(AtomicUsize::new(0));
    let (seen, there) = (count.clone(), options.clone());
    options.watch(move || {
        assert!(there.snapshot().bool(keys::SHOWHOST));
        seen.fetch_add(1, Ordering::Relaxed);
    });
    options.set(&["showhost=true"]).unwrap();
    options.set(&["showhost=true"]).unwrap();
    assert!(options.set(&["showhost=maybe"]).is_err());
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

proptest::proptest! {
    #[test]
    fn any_set_of_values_reads_back(texts in proptest::collection::vec(".{0,20}", 0..4), text: String, on: bool) {
        let options = Options::with(Values::with_folders("/nowhere", None)).unwrap();
        options.update([
            ("certs", Value::List(texts.clone())),
            ("onboarding_host", Value::Str(text.clone())),
            ("showhost", Value::Bool(on)),
        ]).unwrap();
        let before = "# kept\nshowhost: true # why\ncerts: []\n";
        let written = options.snapshot().edit(before).map_err(|(_, problem)| problem.to_string());
        let mut values = Values::with_folders("/nowhere", None);
        let written = written.unwrap();
        values.load_text(&written).map_err(|(_, problem)| problem.to_string()).unwrap();
        proptest::prop_assert!(written.starts_with("# kept\n"));
        proptest::prop_assert_eq!(values.list(keys::CERTS), texts);
        proptest::prop_assert_eq!(values.str(keys::ONBOARDING_HOST), text);
    }
}
