use std::fs;
use std::path::Path;

use bytes::Bytes;
use ratel_core::options::Value;
use ratel_core::store::StoreConfig;
use ratel_flow::{Body, Detail, HttpRecord, Record, Response, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::testing;

/// A store, options, and what follows them.
struct Rig {
    folder: TempDir,
    store: FlowStore,
    options: Options,
    saving: Saving,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FlowStore::start(StoreConfig {
            dir: folder.path().to_owned(),
            memory_bytes: 1 << 20,
            disk_bytes: 1 << 20,
        })
        .unwrap();
        let setup = SavingSetup {
            store: store.clone(),
            redactor: Redactor::from_rules([""; 0]).unwrap(),
            filters: FilterOptions::default(),
            offset: UtcOffset::UTC,
            has_screen: true,
        };
        let options = Options::new();
        let saving = Saving::start(&options.snapshot(), setup).unwrap();
        saving.begin(&options);
        Self {
            folder,
            store,
            options,
            saving,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Sets options to paths in the folder; a leading `+` stays one.
    fn save_to(&self, name: &str) -> Result<(), String> {
        let path = match name.strip_prefix('+') {
            Some(rest) => format!("+{}", self.path(rest)),
            None => self.path(name),
        };
        self.set("save_stream_file", Value::OptStr(Some(path)))
    }

    fn set(&self, name: &str, value: Value) -> Result<(), String> {
        let changed = self.options.update([(name, value)]);
        changed.map_err(|error| error.to_string())
    }

    fn stop(&self) {
        self.set("save_stream_file", Value::OptStr(None)).unwrap();
    }

    /// A flow that is finished.
    fn flow(&self, path: &str) {
        let request = testing::flow(path).request;
        let http = HttpRecord {
            response: Some(Response::new(200, Timestamp(2))),
            response_body: Body::Bytes("body".into()),
            ..HttpRecord::new(request.into_inner(), Body::Bytes(Bytes::new()))
        };
        let record = Record {
            id: ratel_flow::flow::next_uuid(0).into(),
            client_conn: testing::client("regular"),
            server_conn: None,
            error: None,
            annotations: Default::default(),
            timestamp_created: Timestamp(1),
            backup: None,
            detail: Detail::Http(Box::new(http)),
            verbatim: Default::default(),
        };
        self.store.import(&record).unwrap();
        self.store.flush();
    }

    /// The paths that were asked for in flows of a file, once everything is written.
    fn paths(&self, name: &str) -> Vec<String> {
        self.saving.state().wait();
        paths(&self.folder.path().join(name))
    }
}

fn paths(file: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("/flow-") {
        let path: String = rest[at..].chars().take("/flow-1".len()).collect();
        if found.last() != Some(&path) {
            found.push(path);
        }
        rest = &rest[at + 1..];
    }
    found
}

#[test]
fn what_finishes_between_two_changes_is_in_the_file() {
    let rig = Rig::new();
    rig.flow("/flow-0");
    rig.save_to("a").unwrap();
    rig.flow("/flow-1");
    rig.stop();
    rig.flow("/flow-2");
    rig.save_to("+a").unwrap();
    rig.flow("/flow-3");
    rig.stop();
    assert_eq!(rig.paths("a"), ["/flow-1", "/flow-3"]);
    // Without the plus it begins anew.
    rig.save_to("a").unwrap();
    rig.flow("/flow-4");
    rig.stop();
    assert_eq!(rig.paths("a"), ["/flow-4"]);
}

#[test]
fn a_switch_to_another_file_loses_nothing_and_writes_nothing_twice() {
    let rig = Rig::new();
    rig.save_to("a").unwrap();
    rig.flow("/flow-1");
    rig.save_to("b").unwrap();
    rig.flow("/flow-2");
    let outcome = rig.saving.finish();
    assert_eq!(rig.paths("a"), ["/flow-1"]);
    assert_eq!(rig.paths("b"), ["/flow-2"]);
    let written: u64 = outcome.iter().map(|file| file.written).sum();
    assert_eq!((outcome.len(), written), (2, 2), "{outcome:?}");
}

#[test]
fn a_file_that_cannot_be_written_changes_nothing() {
    let rig = Rig::new();
    rig.save_to("a").unwrap();
    rig.flow("/flow-1");
    let rows = [
        ("/dev/null/x", "cannot write flows to /dev/null/x: "),
        ("-", "standard output is the screen (write to a file"),
    ];
    for (path, why) in rows {
        let said = rig.set("save_stream_file", Value::OptStr(Some(path.into())));
        let said = said.unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    // Nor does one of two that change at once.
    let said = rig.options.update([
        ("save_stream_file", Value::OptStr(Some(rig.path("b")))),
        ("hardump", Value::Str("/dev/null/x".into())),
    ]);
    assert!(said.is_err());
    rig.flow("/flow-2");
    rig.stop();
    assert_eq!(rig.paths("a"), ["/flow-1", "/flow-2"]);
    fs::write(rig.folder.path().join("no-flows"), "4:text,").unwrap();
    assert!(rig.save_to("+no-flows").is_err());
    let kept = fs::read_to_string(rig.folder.path().join("no-flows"));
    assert_eq!(kept.unwrap(), "4:text,");
}

#[test]
fn filter_and_redaction_change_in_an_open_file() {
    let rig = Rig::new();
    rig.save_to("a").unwrap();
    rig.flow("/flow-1");
    let only_three = Value::OptStr(Some("~u flow-3".into()));
    rig.set("save_stream_filter", only_three).unwrap();
    rig.flow("/flow-2");
    rig.flow("/flow-3?token=hush");
    let rules = Value::List(vec!["query:token".into()]);
    rig.set("redact", rules).unwrap();
    rig.flow("/flow-3?token=quiet");
    rig.stop();
    let found = rig.paths("a");
    assert_eq!(found.last().map(String::as_str), Some("/flow-3"));
    let text = fs::read(rig.folder.path().join("a")).unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(!text.contains("token=quiet"), "{text}");
}

#[test]
fn an_archive_is_begun_and_ended_like_a_stream() {
    let rig = Rig::new();
    rig.flow("/flow-0");
    rig.set("hardump", Value::Str(rig.path("a.zhar"))).unwrap();
    rig.flow("/flow-1");
    rig.set("hardump", Value::Str(rig.path("b.har"))).unwrap();
    rig.flow("/flow-2");
    rig.set("hardump", Value::Str(String::new())).unwrap();
    assert_eq!(rig.paths("b.har").last().unwrap(), "/flow-2");
    assert!(fs::metadata(rig.path("a.zhar")).unwrap().len() > 0);
}
