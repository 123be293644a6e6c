use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::filter::{Filter, FilterOptions, LiveHttp};
use crate::pattern::{Flags, Unit};
use crate::{
    ClientConn, ConnId, FlowId, Headers, HttpFlow, LiveAnnotations, Request, Response, Scheme,
    Timestamp, Version,
};

fn clues(source: &str, stage: Stage) -> Option<Clues> {
    let filter = Filter::parse(source, FilterOptions::default());
    filter.expect("a filter").clues(stage)
}

fn described(clues: Option<Clues>) -> String {
    let Some(clues) = clues else {
        return "any".into();
    };
    let clue = |clue: &Clue| format!("{:?} {}", clue.place, clue.text.escape_ascii());
    let clues: Vec<String> = clues.0.iter().map(clue).collect();
    if clues.is_empty() {
        "none".into()
    } else {
        clues.join(", ")
    }
}

#[test]
fn what_requests_must_have() {
    let rows: &[(&str, &str)] = &[
        ("~all", "any"),
        ("~d Api.Example", "Host example"),
        ("~d api[.]example", "Host api.example"),
        ("~u '^https?://[^/]+/static/.*\\.(css|js)$'", "Url /static/"),
        ("~m POST & ~u /login", "Url /login"),
        ("~m POST & ~u x", "Method post"),
        ("~d a.test | ~u /pixel", "Host test, Url /pixel"),
        ("~d a.test | ~c 200", "any"),
        ("~d a.test & ~c 200", "Host test"),
        ("~d a.test & !(~u /healthz)", "Host test"),
        ("!(~d a.test)", "any"),
        ("~hq 'x-debug: *yes'", "Headers x-debug"),
        ("~hq ': *1'", "any"),
        ("~tq application/json", "Headers application/json"),
        ("~h x-debug | ~t json", "any"),
        ("~bq secret & ~u '(v1|v2)/'", "Url v1/, Url v2/"),
        ("~tcp", "none"),
        ("~tcp | ~u /x", "Url /x"),
        ("~udp & ~u /x", "none"),
        ("~u .", "any"),
    ];
    for (source, expected) in rows {
        assert_eq!(described(clues(source, Stage::Any)), *expected, "{source}");
    }
    // As long as there is no response.
    for (source, expected) in [
        ("~s & ~t image", "any"),
        ("~q & ~u /x", "Url /x"),
        ("~c 200 | ~u /x", "Url /x"),
        ("~ts image | ~a", "none"),
        ("~t image", "Headers image"),
        ("~bs x", "any"),
    ] {
        let unanswered = described(clues(source, Stage::Unanswered));
        let expected = if source.starts_with("~s") {
            "none"
        } else {
            expected
        };
        assert_eq!(unanswered, expected, "{source}");
    }
}

fn conn() -> Arc<ClientConn> {
    Arc::new(ClientConn {
        id: ConnId(1),
        peername: ([127, 0, 0, 1], 1).into(),
        sockname: ([127, 0, 0, 1], 2).into(),
        proxy_mode: "regular".into(),
        timestamp_start: Timestamp::default(),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

#[test]
fn clues_are_in_responses_too() {
    for (source, expected) in [
        ("~s & ~t image", "Headers image, ResponseHeaders image"),
        ("~ts image", "ResponseHeaders image"),
        ("~hs 'x-a: secret'", "ResponseHeaders secret"),
        ("~q & ~u /x", "none"),
        ("~c 200", "any"),
        ("~a", "any"),
    ] {
        assert_eq!(
            described(clues(source, Stage::Answered)),
            expected,
            "{source}"
        );
    }
}

fn flow(method: &str, host: &str, named: &str, path: &str, field: (&str, &str)) -> HttpFlow {
    let mut headers = Headers::new();
    headers.append(b"Host", named.as_bytes());
    headers.append(field.0.as_bytes(), field.1.as_bytes());
    HttpFlow {
        id: FlowId(1),
        client_conn: conn(),
        server_conn: None,
        request: Request {
            method: method.as_bytes().to_vec().into(),
            target: path.as_bytes().to_vec().into(),
            version: Version::Http11,
            line: None,
            headers,
            pseudo: Headers::new(),
            scheme: Scheme::Http,
            host: host.into(),
            port: 80,
            path: path.as_bytes().to_vec().into(),
            timestamp_start: Timestamp::default(),
        }
        .into(),
        response: None,
        error: None,
        annotations: LiveAnnotations::default(),
    }
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

/// Patterns of which many are found in what [`flows`] gives.
fn patterns() -> impl Strategy<Value = String> {
    one_of(&[
        "api",
        "API",
        "a.test",
        "^http://api",
        "/pay$",
        "(v1|V2)/",
        "[kK]iss",
        "k",
        "xn--mnchen",
        "münchen",
        "straße",
        "[aä]b",
        "ſ",
        "::1",
        "\\\\[::1\\\\]",
        "post",
        "P.ST",
        "x-debug: 1",
        "x-debug:1",
        "debug",
        "json",
        "no such",
        "(a)?(b)",
        "\\\\d+",
        "(?i)PAY",
        "(?<=v)1/",
        "%41",
    ])
}

fn filters() -> impl Strategy<Value = String> {
    let operator = one_of(&["u", "d", "m", "hq", "h", "tq", "t", "hs", "b"]);
    let test = prop_oneof![
        8 => (operator, patterns()).prop_map(|(operator, pattern)| format!("~{operator} \"{pattern}\"")),
        1 => one_of(&["~q", "~s", "~c 200", "~http", "~tcp", "~all", "~e", "~a"]),
    ];
    test.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} & {b} )")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} | {b} )")),
            inner.prop_map(|a| format!("!({a} )")),
        ]
    })
}

fn flows() -> impl Strategy<Value = HttpFlow> {
    let hosts = || {
        one_of(&[
            "api.test",
            "API.Test",
            "127.0.0.1",
            "xn--mnchen-3ya.de",
            "münchen.de",
            "[::1]:8080",
            "::1",
            "a.test:99",
            "",
        ])
    };
    let paths = one_of(&[
        "/",
        "/pay",
        "/PAY",
        "/v1/x",
        "/v2/kiss",
        "/\u{212a}iss",
        "/stra\u{df}e",
        "/äb?post=1",
        "*",
    ]);
    let fields = prop::sample::select(
        &[
            ("X-Debug", "1"),
            ("content-type", "application/JSON"),
            ("Content-Type", "text/html"),
            ("A", "x-debug"),
        ][..],
    );
    let method = one_of(&["GET", "POST", "post", "CONNECT"]);
    let whole = (method, hosts(), hosts(), paths, fields, any::<bool>());
    whole.prop_map(|(method, host, named, path, field, answered)| {
        let host = host.trim_matches(['[', ']']).trim_end_matches("]:8080");
        let mut flow = flow(&method, host, &named, &path, field);
        if answered {
            let mut response = Response::new(200, Timestamp::default());
            response
                .headers
                .append(field.0.as_bytes(), b"text/debug; api");
            flow.response = Some(response);
        }
        flow
    })
}

proptest! {
    /// Whatever a filter wants, its clues are seen in.
    #[test]
    fn no_flow_that_is_wanted_is_missed(
        sources in prop::collection::vec(filters(), 1..6),
        flow in flows(),
    ) {
        let filters: Vec<Filter> = sources
            .iter()
            .map(|source| Filter::parse(source, FilterOptions::default()).expect("a filter"))
            .collect();
        let stage = match flow.response {
            Some(_) => Stage::Answered,
            None => Stage::Unanswered,
        };
        for stage in [stage, Stage::Any] {
            let mut lookout = Lookout::default();
            let clues: Vec<_> = filters.iter().map(|filter| filter.clues(stage)).collect();
            let sightings: Vec<Sighting> =
                clues.iter().map(|clues| lookout.add(clues.as_ref())).collect();
            let seen = lookout.ready().look(&flow.request);
            for ((filter, sighting), clues) in filters.iter().zip(sightings).zip(&clues) {
                let wanted = filter.matches(&LiveHttp::new(&flow));
                let in_response = ResponseLookout::new(clues)
                    .zip(flow.response.as_ref())
                    .is_some_and(|(lookout, response)| lookout.may_see(&response.headers));
                prop_assert!(!wanted || sighting.meets(seen) || in_response, "{}", filter.source());
            }
        }
    }

    /// Nor is a URL in which a pattern is found.
    #[test]
    fn no_url_is_missed(source in patterns(), flow in flows()) {
        let source = source.replace("\\\\", "\\");
        let pattern = Pattern::new(&source, Unit::Char, Flags::default(), 0).expect("a pattern");
        let finds = pattern.replacer();
        let mut lookout = Lookout::default();
        let sighting = lookout.add(finds.clues_in_url().as_ref());
        let seen = lookout.ready().look(&flow.request);
        let url = flow.request.texts().url(&flow.request);
        let found = finds.find(url).expect("in time").is_some();
        prop_assert!(!found || sighting.meets(seen), "{source} in {url}");
    }
}

/// Words are looked for in the headers as they lie in memory, where what was removed lies, too.
#[test]
fn words_of_headers_that_were_removed_are_not_found() {
    let mut flow = flow("GET", "a.test", "a.test", "/", ("X-Secret", "hunter2"));
    let wants = |flow: &HttpFlow, source: &str| {
        let filter = Filter::parse(source, FilterOptions::default()).expect("a filter");
        filter.matches(&LiveHttp::new(flow))
    };
    assert!(wants(&flow, "~hq hunter2") && wants(&flow, "~hq x-secret"));
    assert!(!wants(&flow, "~hq secrethunter"));
    flow.request.headers.remove("x-secret");
    assert!(!wants(&flow, "~hq hunter2") && !wants(&flow, "~hq x-secret"));
    flow.request.headers.append(b"X-Other", b"hunter2");
    assert!(wants(&flow, "~hq hunter2") && !wants(&flow, "~hq x-secret"));
}

/// The more texts there are, the more of them stand for each other, but what is not there is not seen.
#[test]
fn many_are_told_at_once() {
    let mut lookout = Lookout::default();
    let sightings: Vec<Sighting> = (0..2000)
        .map(|n| lookout.add(clues(&format!("~d host-{n:04}"), Stage::Any).as_ref()))
        .collect();
    let lookout = lookout.ready();
    let seen = |host: &str| lookout.look(&flow("GET", host, host, "/", ("A", "b")).request);
    assert_eq!(seen("elsewhere.org"), Sighting::ALWAYS);
    let some = seen("HOST-0815.test");
    assert!(sightings[815].meets(some));
    assert!(!sightings[816].meets(some));
    let let_in = sightings.iter().filter(|one| one.meets(some)).count();
    assert!(let_in < 40, "{let_in}");
}
