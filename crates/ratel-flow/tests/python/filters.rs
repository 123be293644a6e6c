//! Expressions mean what they mean to mitmproxy.

use std::path::Path;

use ratel_flow::Record;
use ratel_flow::filter::{Filter, FilterOptions, Scratch};
use ratel_flow::io::FlowReader;
use ratel_testkit::peer;

use super::{Random, run};

/// Compares what each expression matches among flows that mitmproxy has written, and whether it is one at all.
/// At least so many of them must be expressions that tell flows apart, lest nothing is compared.
fn check(expressions: &[String], telling: usize) {
    let Some(python) = peer::mitmdump().map(|mitmdump| mitmdump.with_file_name("python")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("flows.mitm");
    run(
        &python,
        "filters.py",
        &[Path::new("make"), &file],
        String::new(),
    );
    let flows: Vec<_> = FlowReader::open(&file).expect("a flow file").collect();
    let flows: Vec<Record> = flows
        .into_iter()
        .map(|flow| flow.expect("a flow"))
        .collect();
    assert!(flows.len() > 30);

    let lines = expressions
        .iter()
        .map(|text| format!("{}\n", serde_json::json!(text)));
    let theirs = run(
        &python,
        "filters.py",
        &[Path::new("match"), &file],
        lines.collect(),
    );
    assert_eq!(theirs.len(), expressions.len());
    let mut scratch = Scratch::default();
    let (mut differ, mut told) = (Vec::new(), 0);
    for (text, theirs) in expressions.iter().zip(theirs) {
        let theirs: Option<Vec<bool>> = serde_json::from_str(&theirs).expect("an answer");
        let ours = Filter::parse(text, FilterOptions::default());
        let ours = ours.as_ref().map(|filter| {
            let flows = flows.iter();
            flows
                .map(|flow| filter.matches_with(flow, &mut scratch))
                .collect::<Vec<_>>()
        });
        let tells = theirs
            .as_ref()
            .is_some_and(|found| found.contains(&true) && found.contains(&false));
        told += usize::from(tells);
        match (ours, theirs) {
            (Ok(ours), Some(theirs)) if ours == theirs => {}
            (Ok(ours), Some(theirs)) => {
                let places = ours.iter().zip(&theirs).enumerate();
                let places: Vec<_> = places
                    .filter(|(_, (ours, theirs))| ours != theirs)
                    .map(|(place, (ours, _))| format!("flow {place} {ours}"))
                    .collect();
                differ.push(format!("{text:?}: {}", places.join(", ")));
            }
            (Err(_), None) => {}
            (Ok(_), None) => differ.push(format!("{text:?} is none to mitmproxy")),
            (Err(error), Some(_)) => differ.push(format!("{text:?} is one to mitmproxy: {error}")),
        }
    }
    assert!(told >= telling, "only {told} tell flows apart");
    let count = differ.len();
    assert!(
        differ.is_empty(),
        "{count} of {} differ:\n{}",
        expressions.len(),
        differ.join("\n")
    );
}

#[test]
fn by_hand() {
    let expressions = include_str!("filters.txt").lines();
    let mut expressions: Vec<_> = expressions.map(str::to_owned).collect();
    // What has no place in a file of lines.
    let more = [
        "",
        " ",
        "\n",
        "~q\n~s",
        "'a\nb'",
        "'a\tb'",
        "\t'\ta'",
        "~b 'x\r'",
        "\"a\\\nb\"",
        "~q\u{b}",
        "a\u{a0}b",
        "~u\u{e9}",
    ];
    expressions.extend(more.map(str::to_owned));
    check(&expressions, 180);
}

const PIECES: &[&str] = &[
    "~q",
    "~s",
    "~a",
    "~e",
    "~all",
    "~http",
    "~tcp",
    "~dns",
    "~marked",
    "~b",
    "~bq",
    "~h",
    "~hs",
    "~t",
    "~m",
    "~u",
    "~d",
    "~c",
    "~src",
    "~meta",
    "~comment",
    "~marker",
    "~Q",
    "~x",
    "~",
    "&",
    "|",
    "!",
    "(",
    ")",
    "(",
    ")",
    " ",
    " ",
    " ",
    " ",
    " ",
    "  ",
    "\t",
    "\n",
    "a",
    "b.test",
    "Hello",
    "200",
    "404",
    "GET",
    "'",
    "\"",
    "'a b'",
    "\"\\\\d\"",
    "'\\x42'",
    "'\\0'",
    "'\\u44'",
    "\\",
    "\\d+",
    "^",
    "$",
    ".*",
    "[a-z]",
    "(?i)",
    "*",
    "\u{e9}",
    "\u{b}",
    "'it\\'s'",
    "''",
];

#[test]
fn at_random() {
    let count = match std::env::var("RATEL_FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse::<f64>().ok())
    {
        // mitmproxy reads a few hundred in a second.
        Some(seconds) => ((seconds * 200.0) as usize).min(2000),
        None => 500,
    };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut expressions = Vec::new();
    while expressions.len() < count {
        let text: String = (0..1 + random.below(9))
            .map(|_| *random.pick(PIECES))
            .collect();
        // mitmproxy takes twice as long, and more, for each level.
        if text.matches(['(', '!']).count() <= 3 {
            expressions.push(text);
        }
    }
    check(&expressions, count / 20);
}
