use std::sync::Mutex;

use super::*;
use crate::options::FileRule;

fn set(specs: &[&str]) -> Result<Options, String> {
    let options = Options::new();
    options.set(specs).map_err(|error| error.to_string())?;
    Ok(options)
}

fn value(specs: &[&str], name: &str) -> Value {
    set(specs).unwrap().snapshot().get(name).unwrap().clone()
}

#[test]
fn set_by_type() {
    use Value::*;
    let rows: &[(&[&str], &str, Value)] = &[
        (&["store_dir=/tmp"], "store_dir", Str("/tmp".into())),
        (&["store_dir="], "store_dir", Str(String::new())),
        (&["store_dir=a=b"], "store_dir", Str("a=b".into())),
        (
            &["cert_passphrase=x"],
            "cert_passphrase",
            OptStr(Some("x".into())),
        ),
        (
            &["cert_passphrase="],
            "cert_passphrase",
            OptStr(Some(String::new())),
        ),
        (&["cert_passphrase"], "cert_passphrase", OptStr(None)),
        (&["flow_detail=3"], "flow_detail", Int(3)),
        (&["listen_port=9000"], "listen_port", OptInt(Some(9000))),
        (&["listen_port"], "listen_port", OptInt(None)),
        (&["listen_port="], "listen_port", OptInt(None)),
        (&["showhost"], "showhost", Bool(true)),
        (&["showhost="], "showhost", Bool(true)),
        (&["showhost=true"], "showhost", Bool(true)),
        (&["showhost=false"], "showhost", Bool(false)),
        (&["showhost=toggle"], "showhost", Bool(true)),
        (&["server=toggle"], "server", Bool(false)),
        (
            &["mode=regular@1", "mode=regular@2"],
            "mode",
            List(vec!["regular@1".into(), "regular@2".into()]),
        ),
        (&["mode"], "mode", List(vec![])),
        (
            &["mode=regular@1", "mode", "mode=regular@2"],
            "mode",
            List(vec!["regular@2".into()]),
        ),
        (&["store_memory=1g"], "store_memory", Str("1g".into())),
    ];
    for (specs, name, expected) in rows {
        assert_eq!(value(specs, name), *expected, "{specs:?}");
    }
}

#[test]
fn set_refuses() {
    let rows: &[(&[&str], &str)] = &[
        (&["store_dir"], "option 'store_dir' needs a value"),
        (&["store_memory"], "option 'store_memory' needs a value"),
        (&["flow_detail"], "option 'flow_detail' needs a value"),
        (&["flow_detail="], "option 'flow_detail' needs a value"),
        (
            &["flow_detail=x"],
            "invalid value for option 'flow_detail': 'x' is not an integer",
        ),
        (
            &["flow_detail=5"],
            "invalid value for option 'flow_detail': 5 is not between 0 and 4",
        ),
        (
            &["listen_port=x"],
            "invalid value for option 'listen_port': 'x' is not an integer",
        ),
        (
            &["listen_port=70000"],
            "invalid value for option 'listen_port': 70000 is not between 0 and 65535",
        ),
        (
            &["showhost=yes"],
            "invalid value for option 'showhost': 'yes' is none of true, false, toggle",
        ),
        (
            &["flow_detail=1", "flow_detail=2"],
            "option 'flow_detail' takes one value, not 2: 1, 2",
        ),
        (
            &["store_memory=64M"],
            "invalid value for option 'store_memory': '64M' is not a size such as 500k, 64m or 4g",
        ),
        (
            &["store_memory=1k"],
            "invalid value for option 'store_memory': '1k' is less than 64k",
        ),
        (
            &["connect_addr=localhost"],
            "invalid value for option 'connect_addr': 'localhost' is not an IP address",
        ),
        (
            &["connection_strategy=slow"],
            "invalid value for option 'connection_strategy': 'slow' is not one of eager, lazy",
        ),
        (&["nonsense=1"], "there is no option 'nonsense'"),
        (
            &["scripts=x.py"],
            "option 'scripts' is not available yet: Python addons come in a later release",
        ),
        (
            &["strip_ech=false"],
            "option 'strip_ech' is not available yet: the DNS server comes in a later release",
        ),
        (
            &["mode=socks5"],
            "invalid mode 'socks5': mode 'socks5' is not available yet: SOCKS comes in a later release",
        ),
        (
            &["mode=regular", "mode=reverse:https://a"],
            "modes 'regular' and 'reverse:https://a' would both listen on *:8080",
        ),
    ];
    for (specs, expected) in rows {
        assert_eq!(set(specs).unwrap_err(), *expected, "{specs:?}");
    }
}

#[test]
fn sizes() {
    for (text, bytes) in [
        ("0", 0),
        ("12", 12),
        ("12b", 12),
        ("2k", 2048),
        ("3m", 3 << 20),
        ("4g", 4 << 30),
        ("1t", 1 << 40),
    ] {
        assert_eq!(parse::size(text), Ok(bytes), "{text}");
    }
    for text in [
        "",
        "k",
        "-1",
        "+1",
        "1.5m",
        "1K",
        "1kb",
        "1 k",
        "99999999999999999999",
        "99999999t",
        "1é",
    ] {
        assert!(parse::size(text).is_err(), "{text}");
    }
}

#[test]
fn snapshots_do_not_change() {
    let options = Options::new();
    let before = options.snapshot();
    options
        .set(&["ssl_insecure", "listen_port=1", "tcp_timeout=5"])
        .unwrap();
    let after = options.snapshot();
    assert!(!before.bool(keys::SSL_INSECURE) && after.bool(keys::SSL_INSECURE));
    assert_eq!((before.listen_port(), after.listen_port()), (None, Some(1)));
    assert_eq!(after.seconds(keys::TCP_TIMEOUT), Duration::from_secs(5));
    assert_eq!(after.size(keys::STORE_MEMORY), 64 << 20);
    assert_eq!(after.modes()[0].spec, "regular");
}

#[test]
fn a_batch_is_all_or_nothing() {
    let options = Options::new();
    options.set(&["ssl_insecure", "flow_detail=9"]).unwrap_err();
    assert!(!options.snapshot().bool(keys::SSL_INSECURE));
    options
        .update([("flow_detail", Value::Str("1".into()))])
        .unwrap_err();
}

#[test]
fn subscribers_are_asked_and_can_reject() {
    let options = Options::new();
    let seen: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    for who in ["a", "b"] {
        let seen = seen.clone();
        options.subscribe(move |values, changed| {
            let insecure = values.bool(keys::SSL_INSECURE);
            seen.lock()
                .unwrap()
                .push((format!("{who} {}", changed.join(",")), insecure));
            if who == "b" && insecure {
                Err("not today".into())
            } else {
                Ok(())
            }
        });
    }
    options
        .set(&["showhost", "keep_host_header=false"])
        .unwrap();
    assert_eq!(
        std::mem::take(&mut *seen.lock().unwrap()),
        [("a showhost".into(), false), ("b showhost".into(), false)]
    );

    let error = options.set(&["ssl_insecure"]).unwrap_err();
    assert_eq!(error.to_string(), "not today");
    assert!(!options.snapshot().bool(keys::SSL_INSECURE));
    let asked: Vec<bool> = std::mem::take(&mut *seen.lock().unwrap())
        .into_iter()
        .map(|(_, insecure)| insecure)
        .collect();
    assert_eq!(
        asked,
        [true, true, false, false],
        "both are asked, then both hear of the old values"
    );

    options.set(&["showhost"]).unwrap();
    assert!(
        seen.lock().unwrap().is_empty(),
        "nothing differs, so nobody is asked"
    );
}

#[test]
fn home_is_expanded() {
    let home = Some(Path::new("/home/ada"));
    for (written, expected) in [
        ("~", "/home/ada"),
        ("~/x", "/home/ada/x"),
        ("~ada/x", "~ada/x"),
        ("/x", "/x"),
        ("", ""),
    ] {
        assert_eq!(
            file::expand(written, home),
            Path::new(expected),
            "{written}"
        );
        assert_eq!(file::expand(written, None), Path::new(written));
    }
    assert_eq!(
        Values::with_folders("~/.ratel", home).confdir(),
        Path::new("/home/ada/.ratel")
    );
}

proptest::proptest! {
    #[test]
    fn no_specification_panics(specs in proptest::collection::vec("[a-z_]{0,12}=?\\PC{0,12}", 0..4)) {
        let _ = Options::new().set(&specs);
    }

    #[test]
    fn no_value_panics(index in 0usize..123, text in "\\PC{0,20}") {
        if let Some(def) = all().nth(index) {
            let _ = Options::new().set(&[format!("{}={text}", def.name)]);
        }
    }
}

fn rules_in_force(options: &Options, key: Key<Vec<String>>) -> Vec<String> {
    options.snapshot().rules(key).cloned().collect()
}

#[test]
fn a_rule_is_switched_off_and_on_beside_its_option_and_its_file() {
    let options = Options::new();
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = told.clone();
    options.subscribe(move |values, changed| {
        if values.rules(keys::FAULT).any(|rule| rule == "500") {
            return Err("not that one".to_owned());
        }
        heard.lock().unwrap().push(changed.join(","));
        Ok(())
    });
    options
        .set(&["block_list=/a/404", "block_list=/b/404"])
        .unwrap();
    let file = |on| FileRule {
        name: Some("mine".to_owned()),
        option: "block_list",
        spec: "/c/404".to_owned(),
        on,
    };
    options.set_file_rules(vec![file(false)]).unwrap();
    assert_eq!(
        rules_in_force(&options, keys::BLOCK_LIST),
        ["/a/404", "/b/404"]
    );
    let rule = |label: &str| {
        let rules = options.snapshot().all_rules();
        rules
            .into_iter()
            .find(|rule| rule.label() == label)
            .unwrap()
    };
    let hits = options.snapshot().hits(keys::BLOCK_LIST, "/a/404");
    hits.add();
    options
        .switch_rule(&rule("block_list /a/404"), false)
        .unwrap();
    options.switch_rule(&rule("mine"), true).unwrap();
    assert_eq!(
        rules_in_force(&options, keys::BLOCK_LIST),
        ["/b/404", "/c/404"]
    );
    assert_eq!(
        options.snapshot().list(keys::BLOCK_LIST),
        ["/a/404", "/b/404"]
    );
    assert_eq!(rule("block_list /a/404").hits, 1);
    // Another rule changes nothing about it; the file has the last word where it turns a switch itself.
    options
        .set(&["block_list=/a/404", "block_list=/d/404"])
        .unwrap();
    assert_eq!(
        rules_in_force(&options, keys::BLOCK_LIST),
        ["/d/404", "/c/404"]
    );
    options.set_file_rules(vec![file(true)]).unwrap();
    options.switch_rule(&rule("mine"), false).unwrap();
    options.set_file_rules(vec![file(true)]).unwrap();
    assert!(!rule("mine").on);
    options.set_file_rules(vec![file(false)]).unwrap();
    options.set_file_rules(vec![file(true)]).unwrap();
    assert!(rule("mine").on);
    // A rule that went and came back is a new one.
    options.set(&["block_list"]).unwrap();
    options.set(&["block_list=/a/404"]).unwrap();
    assert_eq!(
        rules_in_force(&options, keys::BLOCK_LIST),
        ["/a/404", "/c/404"]
    );
    // A switch that cannot be turned stays.
    let refused = FileRule {
        option: "fault",
        spec: "500".to_owned(),
        ..file(false)
    };
    options.set_file_rules(vec![refused]).unwrap();
    let error = options.switch_rule(&rule("mine"), true).unwrap_err();
    assert_eq!(error.to_string(), "not that one");
    assert!(!rule("mine").on);
    let told = told.lock().unwrap();
    assert!(
        told.iter().all(|changed| !changed.contains(',')),
        "{told:?}"
    );
}

/// There are only so many counters, and those that count stay.
#[test]
fn counters_of_rules_that_are_gone_are_forgotten() {
    let values = Values::default();
    let held = values.hits(keys::FAULT, "held");
    held.add();
    values.hits(keys::FAULT, "gone").add();
    for number in 0..5000 {
        values.hits(keys::FAULT, &number.to_string());
    }
    assert_eq!(values.hits(keys::FAULT, "held").count(), 1);
    assert_eq!(values.hits(keys::FAULT, "gone").count(), 0);
}
