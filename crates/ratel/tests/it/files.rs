//! Flows in files: `-w`, `-r`, filters, and what is damaged.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ratel_testkit::wire::get_through;
use ratel_testkit::{Origin, Ratel, Wire, origin, peer};

use crate::common::{assert_says, dump, program, stdout};

fn site() -> Origin {
    Origin::plain(|wire| {
        origin::serve(wire, |head, _| {
            let path = head.split(' ').nth(1).unwrap_or_default();
            let status = if path.contains("missing") {
                "404 Not Found"
            } else {
                "200 OK"
            };
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{path}",
                path.len()
            )
            .into_bytes()
        });
    })
}

/// Records one exchange for each path into a file, and returns its bytes.
fn record(paths: &[&str], args: &[&str]) -> Vec<u8> {
    let site = site();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("flows");
    let mut args: Vec<String> = args.iter().map(ToString::to_string).collect();
    args.splice(0..0, ["-w".to_owned(), file.display().to_string()]);
    let ratel = dump().args(args).start();
    for path in paths {
        get_through(
            ratel.port(),
            &format!("http://127.0.0.1:{}{path}", site.port()),
        );
    }
    end(ratel);
    fs::read(file).expect("it has been written")
}

/// Tells the program to end, and waits until it has.
fn end(ratel: Ratel) {
    let (status, text) = ratel.terminate();
    assert!(status.success(), "ended with {status}:\n{text}");
}

/// What `ratel dump -n` prints of a file.
fn read(file: &[u8], args: &[&str]) -> std::process::Output {
    let builder = program();
    fs::write(builder.home().join("flows"), file).expect("the folder can be written");
    builder.args(["dump", "-nr", "flows"]).args(args).run()
}

/// The rows of flows.
fn rows(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| line.contains(": GET "))
        .collect()
}

#[test]
fn what_was_written_is_read_again() {
    let file = record(&["/one", "/two", "/missing"], &[]);
    let text = stdout(&read(&file, &[]));
    let rows = rows(&text);
    assert_eq!(rows.len(), 3, "{text}");
    assert!(
        rows[0].ends_with("/one") && rows[2].ends_with("/missing"),
        "{text}"
    );
    assert_says(&text, &["<< 404 Not Found 8b"]);
    let text = stdout(&read(&file, &["--set", "readfile_filter=~c 404"]));
    assert_says(&text, &["/missing"]);
    assert!(!text.contains("/one"), "{text}");
    let text = stdout(&read(&file, &["~u", "one", "|", "~u", "two"]));
    assert!(
        text.contains("/two") && !text.contains("/missing"),
        "{text}"
    );
}

#[test]
fn only_what_matches_is_written() {
    let file = record(&["/one", "/two"], &["--set", "save_stream_filter=~u two"]);
    let text = stdout(&read(&file, &[]));
    assert_eq!(rows(&text).len(), 1, "{text}");
    assert_says(&text, &["/two"]);
}

#[test]
fn files_are_appended_to_copied_and_piped() {
    let file = record(&["/one"], &[]);
    let builder = program();
    let home = builder.home().to_owned();
    fs::write(home.join("flows"), &file).unwrap();
    let copy = |args: &[&str]| {
        let (bin, _) = builder.command_line();
        let output = Command::new(bin)
            .current_dir(&home)
            .env_clear()
            .envs(builder.environment())
            .arg("dump")
            .args(args)
            .output()
            .unwrap();
        stdout(&output);
        output.stdout
    };
    copy(&["-nqr", "flows", "-w", "copy"]);
    assert_eq!(fs::read(home.join("copy")).unwrap(), file, "byte for byte");
    copy(&["-nqr", "flows", "-w", "+copy"]);
    assert_eq!(
        fs::read(home.join("copy")).unwrap(),
        [&file[..], &file].concat()
    );
    assert_eq!(copy(&["-nqr", "flows", "-w", "-"]), file);
    copy(&["-nqr", "flows", "-w", "%Y/in-%H"]);
    let year = fs::read_dir(&home).unwrap().flatten().find(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().parse::<u16>().is_ok()
    });
    let hour = fs::read_dir(year.unwrap().path())
        .unwrap()
        .flatten()
        .next()
        .unwrap();
    assert_eq!(fs::read(hour.path()).unwrap(), file);

    let mut child = Command::new(builder.command_line().0)
        .args(["dump", "-nr", "-"])
        .current_dir(&home)
        .env_clear()
        .envs(builder.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&file).unwrap();
    let text = stdout(&child.wait_with_output().unwrap());
    assert_says(&text, &["/one"]);
}

#[test]
fn compressed_files_are_read() {
    let file = record(&["/one"], &[]);
    for (tool, args) in [("gzip", &["-c"][..]), ("zstd", &["-q", "-c"])] {
        let Some(tool) = peer::find(tool) else {
            continue;
        };
        let mut child = Command::new(tool)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&file).unwrap();
        let packed = child.wait_with_output().unwrap().stdout;
        assert_says(&stdout(&read(&packed, &[])), &["/one"]);
    }
}

#[test]
fn what_stands_before_the_damage_is_read() {
    let file = record(&["/one", "/two"], &[]);
    let cut = read(&file[..file.len() - 10], &[]);
    let text = String::from_utf8_lossy(&cut.stdout).into_owned();
    assert_eq!(cut.status.code(), Some(1), "{text}");
    assert_says(
        &text,
        &["/one", "truncated", "at byte", "1 flow could be read"],
    );
    assert!(!text.contains("/two"), "{text}");

    let bomb = read(b"999999999999:{}", &[]);
    assert_eq!(bomb.status.code(), Some(1));
    let huge = [&file[..], b"1000000000000000000:x"].concat();
    let text = String::from_utf8_lossy(&read(&huge, &[]).stdout).into_owned();
    assert_says(&text, &["/one", "/two", "corrupt"]);
}

#[test]
fn wrong_files_and_filters_are_refused() {
    let rows: [(&[&str], &[&str]); 5] = [
        (
            &["-nr", "nowhere"],
            &["cannot read nowhere", "No such file"],
        ),
        (
            &["-w", "/dev/null/flows"],
            &["cannot write flows to /dev/null/flows"],
        ),
        (
            &["-nr", "flows", "-w", "flows"],
            &["read and written at the same time"],
        ),
        (&["-nr", "flows", "~u", "("], &["at character"]),
        (
            &["--set", "save_stream_filter=~nope"],
            &["save_stream_filter", "at character"],
        ),
    ];
    for (args, says) in rows {
        let builder = program();
        fs::write(builder.home().join("flows"), b"").unwrap();
        let output = builder.arg("dump").args(args).run();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_says(&String::from_utf8_lossy(&output.stderr), says);
    }
}

#[test]
fn a_full_disk_is_said_once_and_traffic_passes() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let site = site();
    let ratel = dump()
        .args(["-w", "/dev/full", "--set", "shutdown_timeout=0"])
        .start();
    for path in ["/one", "/two", "/three"] {
        let url = format!("http://127.0.0.1:{}{path}", site.port());
        assert_eq!(get_through(ratel.port(), &url).status, 200);
        ratel.wait_output(path);
    }
    ratel.wait_output("cannot write flows to /dev/full");
    // One that is under way is tried at the end.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap();
    let mut wire = Wire::connect(ratel.port());
    wire.send(format!(
        "GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"
    ))
    .unwrap();
    let _asked = silent.accept().unwrap();
    let (status, text) = ratel.terminate();
    assert_eq!(status.code(), Some(1), "{text}");
    assert_says(&text, &["/dev/full lacks 4 flows"]);
    assert_eq!(text.matches("cannot write flows").count(), 1, "{text}");
}

/// Both print the same of every file that the one has written.
#[test]
fn mitmdump_reads_it_alike() {
    let Some(mitmdump) = peer::mitmdump() else {
        return;
    };
    let file = record(&["/one", "/two", "/missing"], &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    fs::write(&path, &file).unwrap();
    for detail in ["1", "2", "3"] {
        let mut command = Command::new(&mitmdump);
        command
            .args(["-n", "--set", "confdir=."])
            .args(["--set", &format!("flow_detail={detail}"), "-r"])
            .arg(&path)
            .env("COLUMNS", "80")
            .current_dir(folder.path());
        let theirs = stdout(&peer::output(&mut command));
        let ours = stdout(&read(&file, &["--flow-detail", detail]));
        let flows = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with('['));
            lines.map(|line| line.trim_end().to_owned()).collect()
        };
        assert_eq!(flows(&ours), flows(&theirs), "at detail {detail}");
    }
}

#[test]
fn secrets_are_not_written_and_archives_are() {
    let site = site();
    let folder = tempfile::tempdir().unwrap();
    let (flows, archive) = (folder.path().join("flows"), folder.path().join("flows.har"));
    let ratel = dump()
        .args([
            "-w",
            &flows.display().to_string(),
            "--redact",
            "query:token",
        ])
        .args(["--set", &format!("hardump={}", archive.display())])
        .start();
    let url = format!("http://127.0.0.1:{}/one?token=abcsecret", site.port());
    get_through(ratel.port(), &url);
    end(ratel);
    for file in [&flows, &archive] {
        let bytes = fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            text.contains("/one?token=") && !text.contains("?token=abcsecret"),
            "{text}"
        );
    }
    let text = stdout(&read(&fs::read(archive).unwrap(), &[]));
    assert_says(&text, &["/one?token="]);
}

#[test]
fn an_input_that_says_nothing_is_no_reason_to_stay() {
    let builder = dump().args(["-r", "-"]);
    let (program, args) = builder.command_line();
    let mut child = Command::new(program)
        .args(args)
        .current_dir(builder.home())
        .env_clear()
        .envs(builder.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe stays open, and nothing comes.
    let _input = child.stdin.take().unwrap();
    let mut said = String::new();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
    while !said.contains("listening at") {
        let read = std::io::BufRead::read_line(&mut lines, &mut said).unwrap();
        assert_ne!(read, 0, "it ended:\n{said}");
    }
    let pid = child.id().to_string();
    stdout(&Command::new("kill").args(["-INT", &pid]).output().unwrap());
    let ended = peer::finish("ratel", child);
    assert!(ended.status.success(), "{}", ended.status);
}

/// The samples of a crate below.
fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ratel-flow/tests/data");
    fs::read(folder.join(name)).expect("the sample is there")
}

#[test]
fn a_file_that_is_read_is_not_emptied_by_any_name() {
    let file = record(&["/one"], &[]);
    let builder = program();
    let home = builder.home().to_owned();
    fs::write(home.join("flows"), &file).unwrap();
    fs::hard_link(home.join("flows"), home.join("linked")).unwrap();
    let this_year = 1970
        + std::time::UNIX_EPOCH
            .elapsed()
            .expect("the clock is set")
            .as_secs()
            / 31_556_952;
    for year in this_year - 1..=this_year + 1 {
        fs::hard_link(home.join("flows"), home.join(format!("in-{year}"))).unwrap();
    }
    let (bin, _) = builder.command_line();
    for args in [
        &["-w", "linked"][..],
        &["-w", "in-%Y"],
        &["--set", "hardump=linked"],
    ] {
        let output = Command::new(bin)
            .current_dir(&home)
            .env_clear()
            .envs(builder.environment())
            .args(["dump", "-nr", "flows"])
            .args(args)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_says(
            &String::from_utf8_lossy(&output.stderr),
            &["read and written at the same time"],
        );
        assert_eq!(fs::read(home.join("flows")).unwrap(), file, "{args:?}");
    }
}

#[test]
fn a_program_that_does_not_start_leaves_files_as_they_were() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for args in [&["-w", "flows"][..], &["--set", "hardump=flows"]] {
        let builder = program();
        let path = builder.home().join("flows");
        fs::write(&path, b"of last week").unwrap();
        let place = ["dump", "--listen-host", "127.0.0.1", "-p", &port];
        let output = builder.args(place).args(args).run();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_says(&String::from_utf8_lossy(&output.stderr), &["cannot listen"]);
    }
}

/// On a disk of 256 KiB of its own, which takes namespaces.
#[cfg(target_os = "linux")]
#[test]
fn what_was_written_before_the_disk_was_full_is_whole() {
    const NO_DISK: i32 = 77;
    let entry = |path: &str, len: usize| {
        let text = "a".repeat(len);
        format!(
            r#"{{"request":{{"method":"GET","url":"http://a.test{path}"}},"response":{{"status":200,"content":{{"text":"{text}"}}}}}}"#
        )
    };
    let entries = [entry("/small", 1), entry("/large", 500_000)].join(",");
    let builder = program();
    let home = builder.home().to_owned();
    let archive = format!(r#"{{"log":{{"entries":[{entries}]}}}}"#);
    fs::write(home.join("in.har"), archive).unwrap();
    fs::create_dir(home.join("disk")).unwrap();
    let script = r#"mount -t tmpfs -o size=256k tmpfs disk || exit 77
        "$0" dump -nr in.har --set "$1"; code=$?; cp disk/out . || exit 1; exit $code"#;
    for option in ["hardump=disk/out", "save_stream_file=disk/out"] {
        let output = Command::new("unshare")
            .args(["-rm", "sh", "-c", script])
            .arg(builder.command_line().0)
            .arg(option)
            .current_dir(&home)
            .env_clear()
            .envs(builder.environment())
            .output();
        let output = match output {
            Ok(output) if output.stdout.is_empty() || output.status.code() == Some(NO_DISK) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return peer::notice(&format!("no disk of one's own: {why}"));
            }
            Ok(output) => output,
            Err(error) => return peer::notice(&format!("no disk of one's own: {error}")),
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(text.matches("cannot write flows").count(), 1, "{text}");
        let file = fs::read(home.join("out")).unwrap();
        let text = stdout(&read(&file, &[]));
        assert_eq!(rows(&text).len(), 1, "{text}");
        assert_says(&text, &["http://a.test/small"]);
    }
}

#[test]
fn what_is_no_file_of_flows_is_said() {
    let rows: [(&[u8], &str); 4] = [
        (
            b"hello",
            "neither a flow file nor an HTTP archive nor a packet capture",
        ),
        (
            b"<html>",
            "neither a flow file nor an HTTP archive nor a packet capture",
        ),
        (b" {\"name\": \"package\"}", "no HTTP archive"),
        (b"50:2:id;1:a;", "truncated"),
    ];
    for (bytes, says) in rows {
        let output = read(bytes, &[]);
        assert_eq!(output.status.code(), Some(1), "{says}");
        assert_says(&String::from_utf8_lossy(&output.stdout), &[says]);
    }
}

#[test]
fn an_archive_of_chromium_is_printed() {
    let text = stdout(&read(&sample("har/recorded.har"), &[]));
    assert_eq!(text.matches(": GET ").count(), 11, "{text}");
    assert_says(
        &text,
        &[
            "<< 302 Found",
            // What Chromium did not keep.
            "<< 200 OK (content missing)\n << net::ERR_CONTENT_LENGTH_MISMATCH",
            "<- WebSocket binary message <-",
        ],
    );
    // An archive does not say how a WebSocket was closed, which is no error.
    assert!(!text.contains("Error in WebSocket"), "{text}");
}

#[test]
fn what_was_replayed_or_not_kept_is_marked() {
    let text = stdout(&read(&sample("flowfile/21.mitm"), &[]));
    assert_says(
        &text,
        &[
            "[replay]: GET http://address:22/path\n",
            "<< 200 OK (content missing)\n",
        ],
    );
    let text = stdout(&read(&sample("flowfile/21.mitm"), &["--flow-detail", "3"]));
    assert_says(&text, &["    Content is missing.\n"]);
}

#[test]
fn bodies_that_are_not_what_they_should_be_are_printed_with_a_note() {
    let site = Origin::plain(|wire| {
        origin::serve(wire, |head, _| {
            let (fields, body) = match head.split(' ').nth(1).unwrap_or_default() {
                "/gzip" => (
                    "Content-Type: text/plain\r\nContent-Encoding: gzip",
                    "no gzip",
                ),
                "/rot13" => (
                    "Content-Type: text/plain\r\nContent-Encoding: rot13",
                    "grkg",
                ),
                _ => ("Content-Type: application/json", "no json"),
            };
            let len = body.len();
            format!("HTTP/1.1 200 OK\r\n{fields}\r\nContent-Length: {len}\r\n\r\n{body}")
                .into_bytes()
        });
    });
    let ratel = dump().args(["--flow-detail", "3"]).start();
    for (path, says) in [
        ("/gzip", "    no gzip\n    (cannot decode gzip)\n"),
        (
            "/rot13",
            "    grkg\n    (cannot decode: unknown content-encoding rot13)\n",
        ),
        (
            "/json",
            "    no json\n    (this is not JSON, as it should be)\n",
        ),
    ] {
        let url = format!("http://127.0.0.1:{}{path}", site.port());
        get_through(ratel.port(), &url);
        ratel.wait_output(says);
    }
    end(ratel);
}
