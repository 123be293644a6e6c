//! What is on the wire: each exchange of `wire_cases.rs` is played once directly between a raw client and a raw origin,
//! and once through the program. Both ends must receive the same bytes.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use ratel_testkit::origin::play;
use ratel_testkit::{Origin, Ratel, Step, Wire, wait};

use crate::common::{assert_says, dump, reverse};
use crate::wire_cases::{Case, all, replace_marker};

/// What the two ends of one exchange received, and whether they could play their parts.
#[derive(PartialEq, Eq)]
struct Heard {
    origin: Vec<u8>,
    client: Vec<u8>,
    broken: Option<String>,
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |bytes: &[u8]| {
            let text = bytes
                .escape_ascii()
                .to_string()
                .replace("\\r\\n", "\\r\\n\n    ");
            if text.len() > 3000 {
                format!("{}… ({} bytes)", &text[..3000], bytes.len())
            } else {
                text
            }
        };
        writeln!(f, "\n  origin received:\n    {}", short(&self.origin))?;
        writeln!(f, "  client received:\n    {}", short(&self.client))?;
        write!(f, "  broken: {:?}", self.broken)
    }
}

/// An origin that plays the script it was given last.
struct Stage {
    origin: Origin,
    script: Arc<Mutex<Vec<Step>>>,
    heard: Receiver<(Vec<u8>, Option<String>)>,
}

impl Stage {
    fn new() -> Self {
        let script = Arc::new(Mutex::new(Vec::new()));
        let (tell, heard) = sync_channel(16);
        let origin = Origin::plain({
            let script = Arc::clone(&script);
            move |mut wire: Wire| {
                let steps = std::mem::take(&mut *script.lock().expect("no player panics"));
                let log = wire.log();
                let broken = play(&mut wire, &steps)
                    .err()
                    .map(|error| format!("origin: {error}"));
                drop(wire);
                let _ = tell.try_send((log.bytes(), broken));
            }
        });
        Self {
            origin,
            script,
            heard,
        }
    }

    /// Plays a case against `port`, with the client's marker replaced.
    fn play(&self, case: &Case, port: u16, marker: &str) -> Heard {
        *self.script.lock().expect("no player panics") = case.origin.clone();
        let script: Vec<Step> = case
            .client
            .iter()
            .map(|step| match step {
                Step::Send(bytes) => Step::Send(replace_marker(bytes, marker.as_bytes())),
                other => other.clone(),
            })
            .collect();
        let mut wire = Wire::connect(port);
        let log = wire.log();
        let mut broken = play(&mut wire, &script)
            .err()
            .map(|error| format!("client: {error}"));
        drop(wire);
        let (origin, origin_broken) = self
            .heard
            .recv_timeout(wait::LIMIT)
            .unwrap_or((Vec::new(), Some("the origin was not asked".into())));
        if broken.is_none() {
            broken = origin_broken;
        }
        Heard {
            origin,
            client: log.bytes(),
            broken,
        }
    }
}

/// Plays all cases that `choose` picks; collects all differences before failing.
fn compare(stage: &Stage, ratel: &mut Ratel, marker: &str, choose: impl Fn(&Case) -> bool) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in all().into_iter().filter(choose) {
        let direct = stage.play(&case, stage.origin.port(), "");
        assert_eq!(
            direct.broken, None,
            "the case itself is wrong: {}\n{direct:?}",
            case.name
        );
        let through = stage.play(&case, ratel.port(), marker);
        if direct != through {
            wrong.push(format!(
                "{}:\nDIRECT{direct:?}\nTHROUGH{through:?}\n",
                case.name
            ));
        }
        assert!(
            ratel.is_alive(),
            "the program ended in {:?}:\n{}",
            case.name,
            ratel.output()
        );
        count += 1;
    }
    let names: Vec<_> = wrong
        .iter()
        .filter_map(|text| text.split(':').next())
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {count} cases differ: {names:#?}\n\n{}",
        names.len(),
        wrong.join("\n")
    );
}

/// The table by itself: both ends can play their parts, and play them alike each time.
#[test]
fn cases_hold_without_a_proxy() {
    let stage = Stage::new();
    for case in all() {
        let [once, twice] = [(); 2].map(|()| stage.play(&case, stage.origin.port(), ""));
        assert_eq!(once.broken, None, "{}: {once:?}", case.name);
        assert_eq!(once, twice, "{}", case.name);
    }
}

#[test]
fn reverse_mode_keeps_every_byte() {
    let stage = Stage::new();
    let mut ratel = reverse(&format!("http://127.0.0.1:{}", stage.origin.port()))
        .args(["--set", "keep_host_header"])
        .start();
    compare(&stage, &mut ratel, "", |case| !case.lenient);
}

#[test]
fn regular_mode_keeps_every_byte_but_the_form_of_the_target() {
    let stage = Stage::new();
    let mut ratel = dump().start();
    let marker = format!("http://127.0.0.1:{}", stage.origin.port());
    compare(&stage, &mut ratel, &marker, |case| {
        !case.lenient && case.has_absolute_form()
    });
}

#[test]
fn without_validation_broken_messages_pass_too() {
    let stage = Stage::new();
    let mut ratel = reverse(&format!("http://127.0.0.1:{}", stage.origin.port()))
        .args([
            "--set",
            "keep_host_header",
            "--set",
            "validate_inbound_headers=false",
        ])
        .start();
    compare(&stage, &mut ratel, "", |case| case.lenient);
}

/// Ambiguous framing from a client is answered 400, from a server 502.
#[test]
fn ambiguous_framing_is_refused() {
    let head = "POST / HTTP/1.1\r\nHost: h.example\r\n";
    let requests = [
        (
            "two lengths",
            format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ),
        (
            "length and chunked",
            format!("{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "chunked is not last",
            format!("{head}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        ),
        (
            "a length that is no number",
            format!("{head}Content-Length: +1\r\n\r\na"),
        ),
        (
            "chunked in HTTP/1.0",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        (
            "a space before the colon",
            "GET / HTTP/1.1\r\nHost : h.example\r\n\r\n".to_owned(),
        ),
    ];
    let origin = Origin::answering(ratel_testkit::origin::ok("not to be reached"));
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    for (what, request) in requests {
        let reply = Wire::connect(ratel.port()).ask(&request);
        assert_eq!(reply.status, 400, "{what}: {}", reply.head);
        assert_refusal(&reply.text());
    }
    let responses = [
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        ),
        (
            "length and chunked",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ];
    for (what, response) in responses {
        let origin = Origin::answering(response);
        let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
        let reply = ratel_testkit::wire::get(ratel.port(), "/");
        assert_eq!(reply.status, 502, "{what}: {}", reply.head);
        assert_refusal(&reply.text());
    }
}

/// The page names the option that would let the message through, unless its length would remain unclear with that too.
fn assert_refusal(page: &str) {
    if !page.contains("unclear length") {
        assert_says(page, &["validate_inbound_headers"]);
    }
}
