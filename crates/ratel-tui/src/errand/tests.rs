use std::cell::RefCell;
use std::fs;

use bytes::Bytes;
use ratel_core::store::StoreConfig;
use ratel_flow::{Body, Detail, HttpRecord, Request, Response, Scheme, Timestamp, Version};

use super::*;

/// Flows by their numbers.
#[derive(Default)]
struct Shelved(RefCell<Vec<Record>>);

impl Shelf for Shelved {
    fn take(&self, id: FlowId) -> Option<Record> {
        self.0.borrow().get(id.0 as usize).cloned()
    }

    fn put(&self, record: &Record) -> io::Result<FlowId> {
        self.0.borrow_mut().push(record.clone());
        Ok(FlowId(self.0.borrow().len() as u64 - 1))
    }
}

fn record(path: &str) -> Record {
    let path = Bytes::copy_from_slice(path.as_bytes());
    let request = Request {
        method: "GET".into(),
        target: path.clone(),
        version: Version::Http11,
        line: None,
        headers: [("Host", "a.test"), ("Authorization", "Bearer hush")]
            .into_iter()
            .collect(),
        pseudo: Default::default(),
        scheme: Scheme::Http,
        host: "a.test".into(),
        port: 80,
        path,
        timestamp_start: Timestamp(1),
    };
    let http = HttpRecord {
        response: Some(Response::new(200, Timestamp(2))),
        response_body: Body::Bytes("body".into()),
        ..HttpRecord::new(request, Body::Bytes(Bytes::new()))
    };
    Record {
        id: ratel_flow::flow::next_uuid(0).into(),
        client_conn: client(),
        server_conn: None,
        error: None,
        annotations: Default::default(),
        timestamp_created: Timestamp(1),
        backup: None,
        detail: Detail::Http(Box::new(http)),
        verbatim: Default::default(),
    }
}

fn client() -> std::sync::Arc<ratel_flow::ClientConn> {
    std::sync::Arc::new(ratel_flow::ClientConn {
        id: ratel_flow::ConnId(1),
        peername: ([127, 0, 0, 1], 5).into(),
        sockname: ([127, 0, 0, 1], 8080).into(),
        proxy_mode: "regular".into(),
        timestamp_start: Timestamp(1),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

/// Does an errand; what it says.
fn done(shelf: &Shelved, errand: &Errand, rules: &[&str]) -> String {
    let said = RefCell::new(String::new());
    let redactor = Redactor::from_rules(rules.iter().copied()).expect("rules");
    let progress = Progress::default();
    let folder = tempfile::tempdir().expect("a folder");
    let store = FlowStore::start(StoreConfig {
        dir: folder.path().to_owned(),
        memory_bytes: 1 << 20,
        disk_bytes: 1 << 20,
    });
    let store = store.expect("a store");
    let replays = Replays {
        client: ClientReplay::new(store.clone(), FlowFiles::default()),
        server: ServerReplay::new(store, FlowFiles::default()),
    };
    let means = Means {
        shelf,
        files: &FlowFiles::default(),
        redactor: &redactor,
        replays: &replays,
        log: &|level, text| {
            said.borrow_mut()
                .push_str(&format!("{}: {text}\n", level.name()));
        },
    };
    errand.run(&means, &progress);
    assert!(progress.has_ended());
    said.into_inner()
}

fn saved(path: &Path, form: Form, flows: &[u64]) -> Errand {
    Errand::Save {
        flows: flows.iter().map(|id| FlowId(*id)).collect(),
        path: path.to_owned(),
        form,
    }
}

#[test]
fn what_is_saved_can_be_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows");
    let shown = path.display();
    let shelf = Shelved(RefCell::new(vec![record("/a"), record("/b")]));
    assert_eq!(
        done(&shelf, &saved(&path, Form::Flows, &[0, 1, 7]), &[]),
        format!(
            "alert: Saved 2 flows to {shown}. 1 others have nothing that can be saved, or were dropped.\n"
        )
    );
    let again = done(
        &shelf,
        &saved(&path, Form::MoreFlows, &[0]),
        &["header:authorization"],
    );
    assert_eq!(again, format!("alert: Added 1 flow to {shown}.\n"));
    let load = Errand::Load { path: path.clone() };
    assert_eq!(
        done(&shelf, &load, &[]),
        format!("alert: Loaded 3 flows from {shown}.\n")
    );
    let flows = shelf.0.borrow();
    let secret = |nth: usize| {
        let http = flows[nth].http().expect("HTTP");
        http.request
            .headers
            .get("authorization")
            .map(<[u8]>::to_vec)
    };
    assert_eq!(secret(2).as_deref(), Some(&b"Bearer hush"[..]));
    assert_ne!(secret(4), secret(2), "redacted");
    assert_ne!(flows[0].id, flows[2].id, "a copy has a name of its own");
}

#[test]
fn what_cannot_be_written_leaves_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let shelf = Shelved(RefCell::new(vec![record("/a")]));
    let nowhere = Path::new("/dev/null/x");
    assert!(
        done(&shelf, &saved(nowhere, Form::Flows, &[0]), &[])
            .starts_with("error: cannot save flows to /dev/null/x: ")
    );
    assert!(
        done(&shelf, &saved(folder.path(), Form::Har, &[0]), &[]).ends_with("it is a folder\n")
    );
    let path = folder.path().join("text");
    fs::write(&path, "no flows").expect("a file");
    let refused = done(&shelf, &saved(&path, Form::MoreFlows, &[0]), &[]);
    assert!(
        refused.contains("no flow behind them (what is added"),
        "{refused}"
    );
    assert_eq!(fs::read(&path).expect("a file"), b"no flows");
    let read = done(&shelf, &Errand::Load { path }, &[]);
    assert!(read.starts_with("error: "), "{read}");
    // What is no file is written to as it is.
    assert_eq!(
        done(&shelf, &saved(Path::new("/dev/null"), Form::Har, &[0]), &[]),
        "alert: HAR file saved (1 flow in /dev/null).\n"
    );
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 1, "nothing half done is left");
}

#[test]
fn attributes_are_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut");
    let shelf = Shelved(RefCell::new(vec![record("/a"), record("/b,")]));
    let cut = |flows: &[u64], cuts: &[&str], append| Errand::Cut {
        flows: flows.iter().map(|id| FlowId(*id)).collect(),
        cuts: cuts.iter().map(|spec| (*spec).to_owned()).collect(),
        path: path.clone(),
        append,
    };
    let read = || std::fs::read_to_string(&path).expect("a file");
    let said = done(&shelf, &cut(&[0], &["response.content"], false), &[]);
    assert_eq!(
        (said.as_str(), read().as_str()),
        ("alert: Saved single cut.\n", "body")
    );
    done(&shelf, &cut(&[0], &["request.path"], true), &[]);
    assert_eq!(read(), "body\n/a");
    let specs = ["request.path", "request.header[authorization]"];
    let said = done(
        &shelf,
        &cut(&[0, 1, 9], &specs, false),
        &["header:authorization"],
    );
    assert_eq!(said, "alert: Saved 2 cuts over 2 flows as CSV.\n");
    let text = read();
    assert!(
        text.starts_with("/a,") && text.contains("\r\n\"/b,\","),
        "{text}"
    );
    assert!(!text.contains("hush"), "redacted: {text}");
    let said = done(&shelf, &cut(&[9], &["id"], false), &[]);
    assert!(said.starts_with("error: cannot write "), "{said}");
    assert_eq!(read(), text, "what was there is there");
}

#[test]
fn files_are_sent_again_and_played() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows");
    let shelf = Shelved(RefCell::new(vec![record("/a"), record("/b")]));
    done(&shelf, &saved(&path, Form::Flows, &[0, 1]), &[]);
    let played = done(&shelf, &Errand::PlayFile { path: path.clone() }, &[]);
    assert_eq!(played, "alert: requests are answered from 2 flows\n");
    assert_eq!(done(&shelf, &Errand::Send { path }, &[]), "");
    let nowhere = || PathBuf::from("/nowhere/x");
    for errand in [
        Errand::Send { path: nowhere() },
        Errand::PlayFile { path: nowhere() },
    ] {
        let said = done(&shelf, &errand, &[]);
        assert!(said.starts_with("error: cannot read /nowhere/x"), "{said}");
    }
}
