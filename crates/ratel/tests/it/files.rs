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
