//! The screen, as a user sees it: the real program in a pseudo-terminal.

use ratel_testkit::{Builder, Ca, Nginx, Origin, Screen, Wire, nginx, origin, peer, process, wire};

use crate::common::{curl, program, stdout};

const ROWS: u16 = 30;
const COLS: u16 = 110;

/// The program with a screen, on a port that the test knows since nobody prints it.
fn screen(args: impl IntoIterator<Item = String>) -> (Screen, u16) {
    let port = nginx::free_port();
    let builder: Builder = program()
        .args([
            "--listen-host",
            "127.0.0.1",
            "--listen-port",
            &port.to_string(),
        ])
        .args(args);
    let screen = Screen::start(builder, ROWS, COLS);
    ratel_testkit::wait::until("the port to be open", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (screen, port)
}

fn quit(mut screen: Screen) {
    screen.keys("q");
    screen.wait_for("Quit?");
    screen.keys("y");
    assert!(screen.ended(), "the program failed:\n{}", screen.text());
    assert!(
        screen.is_restored(),
        "the terminal is left in disorder: {}",
        screen.raw().escape_ascii()
    );
}

/// The seed story: an HTTPS origin with its own CA, curl, a row, its detail, and a clean end.
#[test]
fn a_request_to_an_https_origin_is_seen() {
    let ca = Ca::new();
    let Some(nginx) = Nginx::start(&ca.issue(&["localhost"])) else {
        return;
    };
    let trusted = format!("ssl_verify_upstream_trusted_ca={}", ca.file().display());
    let url = format!("https://localhost:{}", nginx.https);
    let (mut screen, port) = screen(["--set".to_owned(), trusted, url]);
    let Some(output) = curl([format!("http://127.0.0.1:{port}/hello")]) else {
        return;
    };
    assert_eq!(stdout(&output), "hello from nginx\n");

    let list = screen.wait("a row with the response", |text| {
        text.contains("/hello") && text.contains("200")
    });
    let row = list
        .lines()
        .find(|line| line.contains("/hello"))
        .unwrap_or_default();
    for word in ["GET", "localhost", "200", "17b"] {
        assert!(
            row.contains(word),
            "{word} is missing from the row {row:?}\n{list}"
        );
    }
    screen.keys("\r");
    let detail = screen.wait("the request's headers", |text| text.contains("curl/"));
    assert!(detail.contains("Accept"), "{detail}");
    screen.keys("\t");
    screen.wait("the response's body", |text| {
        text.contains("hello from nginx")
    });
    // Back to the list, and out.
    screen.keys("q");
    screen.wait("the list", |text| {
        text.contains("/hello") && !text.contains("hello from nginx")
    });
    quit(screen);
}

#[test]
fn help_is_one_key_away() {
    let (mut screen, _) = screen(Vec::new());
    screen.keys("?");
    screen.wait("the help", |text| {
        text.to_lowercase().contains("help") && text.to_lowercase().contains("quit")
    });
    screen.keys("q");
    quit(screen);
}

/// With follow mode the newest row stays in view, however many come; the list scrolls.
#[test]
fn many_rows_and_a_small_terminal() {
    let origin = Origin::answering(origin::ok("x"));
    let (mut screen, port) = screen([format!("http://127.0.0.1:{}", origin.port())]);
    for n in 0..100 {
        assert_eq!(wire::get(port, &format!("/row-{n:03}")).status, 200);
    }
    // All are in the list, though not yet all on the screen.
    screen.wait_for("/100]");
    screen.keys("G");
    screen.wait_for("/row-099");
    screen.keys("g");
    screen.wait_for("/row-000");
    screen.resize(10, 40);
    screen.wait("a smaller screen with rows", |text| text.contains("row-00"));
    screen.resize(1, 1);
    screen.resize(ROWS, COLS);
    screen.wait_for("/row-000");
    quit(screen);
}

/// The list is put in order by a thread; what is typed at once is still about the flow that was in focus.
#[test]
fn the_focus_stays_on_its_flow() {
    let origin = Origin::answering(origin::ok("x"));
    let (mut screen, port) = screen([format!("http://127.0.0.1:{}", origin.port())]);
    for name in ["/c", "/a", "/d", "/b"] {
        assert_eq!(wire::get(port, name).status, 200);
    }
    screen.wait_for("/4]");
    let focus = |path: &'static str| {
        move |text: &str| {
            let row = text.lines().find(|line| line.starts_with(">>"));
            row.is_some_and(|row| row.contains(path))
        }
    };
    screen.keys("jj");
    screen.wait("the third in focus", focus("/d "));
    // By URL, by size, the other way round, and only some.
    for (keys, at) in [
        ("o4", "[4/4]"),
        ("o2", "[3/4]"),
        ("v", "[2/4]"),
        ("v", "[3/4]"),
    ] {
        screen.keys(keys);
        let there = focus("/d ");
        screen.wait(keys, |text| text.contains(at) && there(text));
    }
    screen.keys("o3f~u d$\r");
    let there = focus("/d ");
    screen.wait("the only one", |text| text.contains("[1/1]") && there(text));
    screen.keys("d");
    screen.wait_for("[0/0 of 3]");
    screen.keys(":view.filter.set ''\r");
    screen.wait("the others", |text| {
        text.contains("/3]") && !text.contains("/d ")
    });
    quit(screen);
}

/// In mitmproxy's folder it makes the files that scripts wait for, and passes over what is for others.
#[test]
fn mitmproxys_folder_will_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let confdir = folder.path().join(".mitmproxy");
    std::fs::create_dir(&confdir).expect("a folder");
    std::fs::write(
        confdir.join("config.yaml"),
        "web_port: 8090\nmy_addon: true\n",
    )
    .expect("a file");
    let (mut screen, _) = screen(["--set".to_owned(), format!("confdir={}", confdir.display())]);
    screen.keys("E");
    screen.wait("what was passed over", |text| {
        text.contains("config.yaml:1") && text.contains("config.yaml:2")
    });
    assert!(confdir.join("mitmproxy-ca-cert.pem").exists());
    screen.keys("q:set nonsense=1\r");
    screen.wait_for("nonsense");
    screen.keys("E");
    screen.wait("why it failed", |text| {
        text.contains("no option 'nonsense'")
    });
    screen.keys("q");
    quit(screen);
}

/// Hosts and paths with what is below them, while it comes.
#[test]
fn flows_are_shown_as_a_tree() {
    let origin = Origin::answering(origin::ok("a needle, a needle"));
    let (mut screen, port) = screen([format!("http://127.0.0.1:{}", origin.port())]);
    assert_eq!(wire::get(port, "/api/v1/users").status, 200);
    screen.wait_for("/api/v1/users");
    screen.keys("t");
    screen.wait_for("[tree of 1]");
    assert_eq!(wire::get(port, "/api/v1/orders").status, 200);
    screen.wait("a branch for both", |text| {
        text.contains("▾ /api/v1  2") && text.contains("/orders")
    });
    screen.keys("g\r");
    screen.wait("a closed root", |text| {
        text.contains("▸ http://127.0.0.1") && !text.contains("/orders")
    });
    screen.keys("*G\r\t");
    screen.wait_for("a needle, a needle");
    screen.keys("/needle\rn");
    screen.wait_for("match 2/2");
    screen.keys("q");
    screen.wait_for("[tree of 2]");
    quit(screen);
}

/// A client that does not trust the certificate is told on the screen what makes it.
#[test]
fn a_client_without_trust_is_helped() {
    let (screen, port) = screen(Vec::new());
    let proxy = format!("http://127.0.0.1:{port}");
    // A name that is served without a server.
    if curl(["--proxy".to_owned(), proxy, "https://mitm.it/".to_owned()]).is_none() {
        return;
    }
    screen.wait("the line for curl", |text| {
        text.contains("does not trust Ratel's certificate yet") && text.contains("curl --cacert")
    });
    quit(screen);
}

/// A signal ends it as cleanly as the key does.
#[test]
fn a_signal_restores_the_terminal() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let (mut screen, _) = screen(Vec::new());
        // A key table lies over the screen, or a question is open: that makes no difference.
        screen.wait_for("No flows yet");
        screen.keys(":set");
        screen.wait_for(": set");
        process::signal(screen.pid().expect("a process id"), signal);
        screen.ended();
        assert!(
            screen.is_restored(),
            "SIG{signal} leaves the terminal in disorder: {}",
            screen.raw().escape_ascii()
        );
    }
}

/// What fails at the start is said on the terminal as it was, not on a screen that vanishes.
#[test]
fn errors_at_the_start_stay_visible() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let builder = program().args(["--listen-host", "127.0.0.1", "--listen-port", &port]);
    let mut screen = Screen::start(builder, ROWS, COLS);
    assert!(!screen.ended(), "a port in use is an error");
    screen.wait_for("in use");
    assert!(screen.is_restored());
}

#[test]
fn a_flow_is_exported_to_a_file_and_to_the_clipboard() {
    let origin = Origin::answering(origin::ok("fine"));
    let (mut screen, port) = screen([format!("http://127.0.0.1:{}", origin.port())]);
    assert_eq!(wire::get(port, "/export?me=1").text(), "fine");
    screen.wait_for("/export?me=1");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("again.sh");
    screen.keys("x");
    screen.wait_for("Export as...");
    screen.keys("1");
    screen.wait_for("export.file curl @focus");
    screen.keys(file.to_str().expect("a path in UTF-8"));
    screen.keys("\r");
    screen.wait_for("written to");
    let written = std::fs::read_to_string(&file).expect("a file");
    assert!(
        written.starts_with("curl ") && written.contains("/export?me=1"),
        "{written}"
    );
    // What is there is left alone unless somebody says yes: the line comes back from the history.
    std::fs::write(&file, "mine").expect("a file");
    screen.keys(":\x1b[A\r");
    screen.wait_for("Overwrite it? (yes,no)");
    screen.keys("n");
    screen.wait("the list", |text| !text.contains("Overwrite"));
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "mine");
    screen.keys(":\x1b[A\r");
    screen.wait_for("Overwrite it? (yes,no)");
    screen.keys("y");
    screen.wait_for("written to");
    let again = std::fs::read_to_string(&file).expect("a file");
    assert_eq!(again, written);
    screen.keys("y1");
    screen.wait_for("copied to the clipboard");
    let raw = screen.raw();
    assert!(
        raw.windows(7).any(|start| start == b"\x1b]52;c;"),
        "no OSC 52"
    );
    quit(screen);
}

/// What is typed at the prompt, what is saved, and what stands in the configuration folder, in a second run as well.
#[test]
fn the_prompt_options_and_keys_are_kept_in_the_configuration_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let confdir = folder.path().to_str().expect("a path in UTF-8");
    std::fs::write(
        folder.path().join("keys.yaml"),
        "-\n  key: f5\n  cmd: set console_layout vertical\n-\n  key: nokey\n  cmd: view.focus.next\n",
    )
    .expect("a file");
    let args = || ["--set".to_owned(), format!("confdir={confdir}")];
    let (mut screen, _) = screen(args());
    screen.wait_for("line 5: 'nokey' is no key");
    // f5
    screen.keys("\x1b[15~");
    screen.wait_for("Events (info and worse)");
    screen.keys(":");
    screen.wait_for("tab completes");
    screen.keys("set console_palette hi\t\r");
    screen.keys(":options.save\r");
    screen.wait_for("Saved options to");
    quit(screen);
    let saved = std::fs::read_to_string(folder.path().join("config.yaml")).expect("a file");
    assert!(
        saved.contains("console_layout: \"vertical\"\n")
            && saved.contains("console_palette: \"high_contrast\"\n"),
        "{saved}"
    );
    let history = std::fs::read_to_string(folder.path().join("command_history")).expect("a file");
    assert_eq!(history, "set console_palette high_contrast\noptions.save\n");
    let (mut screen, _) = self::screen(args());
    screen.wait_for("Events (info and worse)");
    screen.keys(":\x1b[A\x1b[A");
    screen.wait_for(": set console_palette high_contrast");
    // Not escape, which together with the next key would be another one.
    screen.keys("\x07");
    screen.wait("the prompt to be gone", |text| !text.contains(": set"));
    quit(screen);
}

/// Flows are written to a file from one moment to another, and both programs read it.
#[test]
fn flows_are_saved_while_the_screen_is_open() {
    let origin = Origin::plain(|wire| origin::serve(wire, |_, _| origin::ok("saved")));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("flows");
    let (mut screen, port) = screen([format!("http://localhost:{}", origin.port())]);
    screen.wait_for("No flows yet");
    let get = |path: &str| assert_eq!(wire::get(port, path).status, 200);
    get("/before");
    screen.wait_for("/before");
    // What cannot be written is said, and nothing changes.
    screen.keys("W");
    screen.wait_for("set save_stream_file");
    screen.keys("/dev/null/x\r");
    let text = screen.wait_for("cannot write flows to /dev/null/x");
    assert!(!text.contains("[W:"), "{text}");
    screen.keys(&format!("W{}\r", file.display()));
    screen.wait_for("[W:");
    get("/first");
    screen.wait_for("/first");
    screen.keys(":set save_stream_file ''\r");
    screen.wait_for("wrote 1 flow to");
    screen.wait("no file to be written", |text| !text.contains("[W:"));
    get("/between");
    screen.wait_for("/between");
    screen.keys(&format!(":set save_stream_file +{}\r", file.display()));
    screen.wait_for("[W:+");
    get("/last");
    screen.wait_for("/last");
    quit(screen);
    let mut readers = vec![
        program()
            .args(["dump", "-nr", &file.display().to_string()])
            .run(),
    ];
    if let Some(mitmdump) = peer::mitmdump() {
        let mut command = std::process::Command::new(mitmdump);
        let confdir = format!("confdir={}", folder.path().display());
        command.args(["-n", "--set", &confdir, "-r"]).arg(&file);
        readers.push(peer::output(&mut command));
    }
    for output in readers {
        let text = stdout(&output);
        let found = ["/before", "/first", "/between", "/last"].map(|path| text.contains(path));
        assert_eq!(found, [false, true, false, true], "{text}");
    }
}

/// Another program has the terminal for a while, and every key.
#[test]
fn a_body_is_opened_in_a_program_of_ones_own() {
    let origin = Origin::answering(origin::ok("what the origin says"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pager = folder.path().join("pager");
    let script = "#!/bin/sh\necho; cat \"$1\"; echo; read line; echo \"got $line\" > \"$0.out\"\n";
    std::fs::write(&pager, script).expect("a file");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&pager, executable).expect("a file");
    let port = nginx::free_port();
    let builder = program()
        .args([
            "--listen-host",
            "127.0.0.1",
            "--listen-port",
            &port.to_string(),
        ])
        .args([format!("http://127.0.0.1:{}", origin.port())])
        .env("PAGER", pager.to_str().expect("a path in UTF-8"));
    let mut screen = Screen::start(builder, ROWS, COLS);
    screen.wait_for("No flows yet");
    assert_eq!(wire::get(port, "/body").status, 200);
    screen.wait_for("/body");
    screen.keys("\r");
    screen.wait_for("[Request]");
    screen.keys("v2");
    screen.wait("the pager", |text| {
        text.contains("what the origin says") && !text.contains("[Request]")
    });
    screen.keys("q yes\n");
    screen.wait_for("[Request]");
    let got = std::fs::read_to_string(folder.path().join("pager.out")).expect("a file");
    assert_eq!(got, "got q yes\n");
    screen.keys("q");
    quit(screen);
}

/// Whether the system says that a process is stopped.
#[cfg(target_os = "linux")]
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything; the state comes after it.
    let state = stat.rsplit(')').next().unwrap_or_default();
    state.trim_start().starts_with('T')
}

/// The shell gets its terminal back, and `fg` brings the screen back as it was.
#[cfg(target_os = "linux")]
#[test]
fn it_is_suspended_and_comes_back() {
    let (mut screen, _) = screen(Vec::new());
    screen.wait_for("No flows yet");
    let pid = screen.pid().expect("a process id");
    // By its own key, and by somebody else.
    for by_key in [true, false] {
        match by_key {
            true => screen.keys("\x1a"),
            false => process::signal(pid, "TSTP"),
        }
        ratel_testkit::wait::until("the process to be stopped", || {
            is_stopped(pid).then_some(())
        });
        // What it wrote last may still be on its way.
        ratel_testkit::wait::until("the terminal to be given back", || {
            screen.is_restored().then_some(())
        });
        process::signal(pid, "CONT");
        screen.wait_for("No flows yet");
        screen.wait("the screen to be taken again", |text| {
            text.contains("reverse") || text.contains("regular")
        });
    }
    screen.keys("?");
    screen.wait_for("Keys on this screen");
    screen.keys("q");
    quit(screen);
}

#[test]
fn a_text_is_found_in_all_flows() {
    let origin = Origin::plain(|wire| origin::serve(wire, |_, _| origin::ok("hay")));
    let (mut screen, port) = screen([format!("http://localhost:{}", origin.port())]);
    for path in ["/hay", "/needle-in-a-path", "/hay"] {
        let Some(_) = curl([format!("http://127.0.0.1:{port}{path}")]) else {
            return;
        };
    }
    screen.wait("all rows", |text| text.contains("/3]"));
    screen.keys("s");
    screen.wait_for("find text:");
    screen.keys("Needle-\\x2a?in\t\r");
    screen.wait_for("1 hit in 1 flow");
    screen.keys("\r");
    screen.wait("the request", |text| {
        text.contains("GET /needle-in-a-path HTTP/1.1")
    });
    screen.keys("qq");
    quit(screen);
}

/// A rule that is set at the prompt is there for the next request; one that is wrong is refused and leaves those before.
#[test]
fn rules_that_are_set_are_there_for_the_next_request() {
    let origin = Origin::answering(origin::ok("one word"));
    let (mut screen, port) = screen([format!("http://127.0.0.1:{}", origin.port())]);
    screen.wait_for("No flows yet");
    let asked = || wire::get(port, "/rules");
    assert_eq!(asked().text(), "one word");
    screen.wait_for("/rules");
    screen.keys(":set modify_body \"/~s/one/another\"\r");
    ratel_testkit::wait::until("the rule", || {
        (asked().text() == "another word").then_some(())
    });
    screen.keys(":set modify_headers \"/X-Set/1\"\r");
    ratel_testkit::wait::until("the rule", || asked().header("x-set").map(|_| ()));
    screen.keys(":set modify_body \"/~s/(one/another\"\r");
    screen.wait_for("Cannot parse modify_body option");
    assert_eq!(asked().text(), "another word");
    screen.keys(":set block_list \"/~u rules/418\"\r");
    ratel_testkit::wait::until("the rule", || (asked().status == 418).then_some(()));
    quit(screen);
}

/// Messages of a raw connection and of a stream of events are held, changed, dropped, injected and let go from the screen.
#[test]
fn single_messages_are_held_dropped_and_injected() {
    let site = Origin::plain(|mut wire| {
        while let Ok(line) = wire.until(b"\n") {
            if line.starts_with(b"GET /events") {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\ndata: hush\n\n";
                let _ = wire.send(head);
                let _ = wire.rest();
                return;
            }
            let _ = wire.send(line.to_ascii_uppercase());
        }
    });
    let (mut screen, port) = screen(["--set".to_owned(), "intercept_active=true".to_owned()]);
    screen.wait_for("No flows yet");
    screen.keys(":set intercept \"~bq secret | ~bs hush\"\r");
    screen.wait_for("~bs hush");
    let mut client = Wire::connect(port);
    client
        .send(format!(
            "CONNECT 127.0.0.1:{} HTTP/1.1\r\nHost: a\r\n\r\n",
            site.port()
        ))
        .expect("a connection");
    client.until(b"\r\n\r\n").expect("a tunnel");
    client.send("\x01open\n").expect("a connection");
    client.until(b"OPEN\n").expect("what is not held");
    screen.wait_for("TCP");
    screen.keys("G");
    screen.keys(":inject.tcp @focus false \"asked\\n\"\r");
    client.until(b"ASKED\n").expect("it was injected");
    screen.keys(":inject.message @focus true \"said\\n\"\r");
    client.until(b"said\n").expect("it was injected");
    client.send("secret\n").expect("a connection");
    // What is behind the held message waits with it.
    screen.wait_for("[held msg]");
    screen.keys("\x04");
    screen.wait_for("the message is dropped");
    screen.wait("nothing to be held", |text| !text.contains("[held"));
    client.send("more\n").expect("a connection");
    assert_eq!(client.until(b"\n").expect("the next one"), b"MORE\n");
    client.send("secret\n").expect("a connection");
    screen.wait_for("[held msg]");
    screen.keys("a");
    client.until(b"SECRET\n").expect("it was let go");
    screen.keys(":flow.kill @focus\r");
    client.rest().expect("the end");

    let mut client = Wire::connect(port);
    client
        .send(format!(
            "GET http://127.0.0.1:{}/events HTTP/1.1\r\nHost: a\r\n\r\n",
            site.port()
        ))
        .expect("a connection");
    client.until(b"data: one\n\n").expect("what is not held");
    screen.wait_for("/events");
    screen.keys("G");
    screen.wait_for("[held msg]");
    screen.keys(":flow.message.drop @focus\r");
    screen.wait_for("the message is dropped");
    screen.keys(":inject.message @focus true \"data: mine\"\r");
    assert_eq!(
        client.until(b"\n\n").expect("it was injected"),
        b"data: mine\n\n"
    );
    screen.keys(":flow.kill @focus\r");
    let _ = client.rest();
    quit(screen);
}

/// A rule of the file is switched off and on for the next request, and another file is taken at once.
#[test]
fn rules_of_a_file_are_switched_and_files_changed() {
    let origin = Origin::answering(origin::ok("one word"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let first = file(
        "first.yaml",
        "- name: teapot\n  filter: ~u tea\n  block_list: 418\n- name: gone\n  filter: ~u tea\n  on: false\n  block_list: 410\n",
    );
    let second = file("second.yaml", "- filter: ~u tea\n  block_list: 404\n");
    let wrong = file("wrong.yaml", "- filter: ~u tea\n  block_list: tea\n");
    let (mut screen, port) = screen([
        format!("http://127.0.0.1:{}", origin.port()),
        "--set".to_owned(),
        format!("rules={first}"),
    ]);
    screen.wait_for("No flows yet");
    let wait_for = |status: u16| {
        ratel_testkit::wait::until("the rule", || {
            (wire::get(port, "/tea").status == status).then_some(())
        });
    };
    assert_eq!(wire::get(port, "/tea").status, 418);
    screen.keys("R");
    screen.wait_for("Rules (1 on, 1 off)");
    screen.wait_for("1×  block_list      teapot");
    screen.keys(" ");
    screen.wait_for("Rules (0 on, 2 off)");
    assert_eq!(wire::get(port, "/tea").status, 200);
    screen.keys(":rules.toggle gone\r");
    wait_for(410);
    screen.keys(&format!(":set rules={wrong}\r"));
    screen.wait_for("wrong.yaml:2:15");
    assert_eq!(wire::get(port, "/tea").status, 410);
    screen.keys(&format!(":set rules {second}\r"));
    wait_for(404);
    screen.wait_for("Rules (1 on, 0 off)");
    screen.keys("q");
    quit(screen);
}

/// A program that stands in for another one, in a folder of its own.
fn stand_in(folder: &std::path::Path, name: &str, script: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a file");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&file, executable).expect("a file");
    file.to_str().expect("a path in UTF-8").to_owned()
}

/// The line end that an editor puts at the end of a text without one is taken away, and on request all of them.
#[test]
fn line_ends_of_an_editor_are_removed() {
    let origin = Origin::answering(origin::ok("before"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let editor = stand_in(folder.path(), "editor", "printf 'edited\\n\\n' > \"$1\"");
    for (strips, length) in [("true", "6b"), ("false", "7b")] {
        let port = nginx::free_port().to_string();
        let builder = program()
            .args(["--listen-host", "127.0.0.1", "--listen-port", &port])
            .args([
                "--set",
                &format!("console_strip_trailing_newlines={strips}"),
            ])
            .args([format!("http://127.0.0.1:{}", origin.port())])
            .env("EDITOR", &editor);
        let mut screen = Screen::start(builder, ROWS, COLS);
        screen.wait_for("No flows yet");
        let port = port.parse().expect("a port");
        assert_eq!(wire::get(port, "/body").text(), "before");
        screen.wait_for("/body");
        screen.keys(":console.edit.focus response-body\r");
        screen.wait("the edited body", |text| {
            text.lines()
                .any(|line| line.contains("/body") && line.contains(length))
        });
        quit(screen);
    }
}

/// The keys that end a program are the editor's while it has the terminal.
#[test]
fn ctrl_c_in_an_editor_is_not_for_the_proxy() {
    let origin = Origin::answering(origin::ok("before"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Each says something else, since what was said before stays on the screen that it has.
    let waits = |word: &str| {
        let script = format!(
            "trap 'printf {word} > \"$1\"; exit 0' INT QUIT\n\
             echo the editor says {word}\nwhile :; do read -r _; done"
        );
        stand_in(folder.path(), "editor", &script)
    };
    let editor = waits("interrupted");
    let port = nginx::free_port().to_string();
    let builder = program()
        .args(["--listen-host", "127.0.0.1", "--listen-port", &port])
        .args([format!("http://127.0.0.1:{}", origin.port())])
        .env("EDITOR", &editor);
    let mut screen = Screen::start(builder, ROWS, COLS);
    screen.wait_for("No flows yet");
    let port = port.parse().expect("a port");
    // Ctrl c, ctrl backslash.
    for (key, word, length) in [("\x03", "interrupted", "11b"), ("\x1c", "quits", "5b")] {
        waits(word);
        assert_eq!(wire::get(port, &format!("/{word}")).text(), "before");
        screen.wait_for(&format!("/{word}"));
        screen.keys("G:console.edit.focus response-body\r");
        let text = screen.wait_for(&format!("the editor says {word}"));
        assert!(text.contains("waiting for `"), "{text}");
        screen.keys(key);
        screen.wait("the edited body", |text| {
            let mut rows = text.lines();
            rows.any(|line| line.contains(">>") && line.contains(length))
        });
    }
    // One that is ended by it has changed nothing, and ends nothing else.
    let ended = stand_in(folder.path(), "editor", "echo the editor is back\nexec cat");
    assert_eq!(ended, editor);
    screen.keys(":console.edit.focus response-body\r");
    screen.wait_for("the editor is back");
    screen.keys("\x03");
    screen.wait_for("failed: signal: 2");
    assert_eq!(wire::get(port, "/body").text(), "before");
    quit(screen);
}

/// The browser of the machine comes through the proxy and trusts it.
#[test]
fn a_browser_is_started() {
    let Some(chromium) = ratel_testkit::peer::find("chromium") else {
        return;
    };
    let ca = Ca::new();
    let origin = Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("hello browser"));
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    // One that needs no display, and is sent to a page.
    let script = format!(
        "set -- $(printf '%s\\n' \"$@\" | sed 's|^about:blank$|https://localhost:{}/from-a-browser|')\n\
         exec {} --headless --no-sandbox --disable-gpu \"$@\"",
        origin.port(),
        chromium.display()
    );
    stand_in(folder.path(), "chromium", &script);
    let path = std::env::var("PATH").unwrap_or_default();
    let port = nginx::free_port().to_string();
    let builder = program()
        .args(["--listen-host", "127.0.0.1", "--listen-port", &port])
        .args([
            "--set",
            &format!("ssl_verify_upstream_trusted_ca={}", ca.file().display()),
        ])
        .env("PATH", format!("{}:{path}", folder.path().display()));
    let mut screen = Screen::start(builder, ROWS, COLS);
    screen.wait_for("No flows yet");
    screen.keys(":browser.start lynx\r");
    screen.wait_for("'lynx' is no browser");
    screen.keys(":browser.start chromium\r");
    screen.wait("the page", |text| {
        text.lines()
            .any(|line| line.contains("/from-a-browser") && line.contains("200"))
    });
    quit(screen);
}
