//! mitmproxy reads what Ratel writes, and both make the same of what mitmproxy wrote.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use ratel_flow::record::{Messages, Value};
use ratel_flow::{ConnExtra, Detail, Record, ServerConn, TlsInfo};
use ratel_proto::tnetstring::{self, Items, python_float};
use ratel_testkit::peer;
use serde_json::{Map, json};

use super::arbitrary::record;
use super::versions::VERSIONS;
use super::{flows, folder, written};

/// The Python that has mitmproxy; none where there is none.
fn python() -> Option<PathBuf> {
    let mitmdump = peer::mitmdump()?;
    let python = mitmdump.with_file_name("python");
    if !python.is_file() {
        peer::skip("there is no python beside mitmdump");
        return None;
    }
    Some(python)
}

fn run(python: &Path, arguments: &[&Path]) -> Vec<serde_json::Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flowfile/interop.py");
    let output = peer::output(Command::new(python).arg(script).args(arguments));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The flows of a file, as `interop.py` shows them.
fn shown(bytes: &[u8]) -> Vec<serde_json::Value> {
    let bytes = Bytes::copy_from_slice(bytes);
    Items::new(&bytes, 0)
        .map(|item| typed(&tnetstring::value(&item.unwrap(), &bytes).unwrap()))
        .collect()
}

fn typed(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => json!(truth),
        Value::Str(text) => json!(text),
        Value::Int(int) => json!({"int": int.to_string()}),
        Value::Big(digits) => json!({"int": digits}),
        Value::Float(float) => json!({"float": python_float(*float)}),
        Value::Bytes(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"bytes": hex})
        }
        Value::List(list) => list.iter().map(typed).collect(),
        Value::Dict(dict) => {
            let entries = dict.iter().map(|(key, value)| match key {
                Value::Str(key) => (key.to_string(), typed(value)),
                other => panic!("{other:?} is a key"),
            });
            json!({"dict": entries.collect::<Map<_, _>>()})
        }
    }
}

/// Where two values differ, a line each.
fn compare(
    path: &str,
    ours: &serde_json::Value,
    theirs: &serde_json::Value,
    out: &mut Vec<String>,
) {
    let dict =
        |value: &serde_json::Value| value.get("dict").and_then(|dict| dict.as_object().cloned());
    match (dict(ours), dict(theirs)) {
        (Some(ours), Some(theirs)) => {
            let nothing = json!("<nothing>");
            for key in ours
                .keys()
                .chain(theirs.keys().filter(|key| !ours.contains_key(*key)))
            {
                let [ours, theirs] = [&ours, &theirs].map(|dict| dict.get(key).unwrap_or(&nothing));
                compare(&format!("{path}.{key}"), ours, theirs, out);
            }
        }
        _ if ours == theirs => {}
        _ => out.push(format!("{path}: {ours} is not their {theirs}")),
    }
}

fn saved(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("flows");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Some of what mitmproxy's migrations do is not what anybody wants.
fn is_better(difference: &str) -> bool {
    // It gives every flow a WebSocket, and then refuses those that are no exchange for having one.
    difference.contains(".websocket: \"<nothing>\" is not their null")
        // The state of a backup stays in the version that it was in.
        || difference.contains(".backup")
        // Names of connections that had none are made up.
        || difference.contains("_conn.id: ")
        // It refuses a flow that has no times.
        || difference.ends_with("{\"float\":\"0.0\"} is not their null")
        // The same note in other words.
        || difference.contains(".metadata.duplicated: ")
        // A host in bytes is made a text when the flow is loaded.
        || difference.contains(".request.host: ") && difference.contains("their {\"bytes\"")
}

#[test]
fn migrations_are_those_of_mitmproxy() {
    let Some(python) = python() else {
        return;
    };
    let paths = VERSIONS.map(|version| folder().join(version).with_added_extension("mitm"));
    let arguments = ["migrate".as_ref()]
        .into_iter()
        .chain(paths.iter().map(PathBuf::as_path));
    let mut theirs = run(&python, &arguments.collect::<Vec<_>>()).into_iter();
    let (mut wrong, mut all) = (Vec::new(), Vec::new());
    let mut refused = 0;
    for (version, path) in VERSIONS.iter().zip(&paths) {
        let bytes = written(&flows(&std::fs::read(path).unwrap()));
        for (number, ours) in shown(&bytes).iter().enumerate() {
            let theirs = theirs.next().unwrap();
            if theirs.get("error").is_some() {
                // Its steps take a request without an answer, and an address of 2.0, for impossible.
                refused += 1;
                assert!(version.contains('.'), "version {version}: {theirs}");
                continue;
            }
            let mut differences = Vec::new();
            compare(
                &format!("{version}[{number}]"),
                ours,
                &theirs,
                &mut differences,
            );
            wrong.extend(
                differences
                    .into_iter()
                    .filter(|difference| !is_better(difference)),
            );
        }
        all.extend(bytes);
    }
    assert!(theirs.next().is_none());
    // And it reads what comes of them.
    let temporary = tempfile::tempdir().unwrap();
    let path = saved(temporary.path(), &all);
    assert_eq!(
        run(&python, &["states".as_ref(), &path]).len(),
        flows(&all).len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused < 20, "{refused} flows were not compared");
}

/// A certificate, since mitmproxy reads no other bytes as one.
fn certificate() -> Bytes {
    let flows = flows(&std::fs::read(folder().join("21.mitm")).unwrap());
    let mut extras = flows
        .iter()
        .filter_map(|flow| flow.client_conn.extra.as_ref());
    extras.find_map(|extra| extra.mitmcert.clone()).unwrap()
}

/// A flow with nothing in it that mitmproxy does not take.
fn acceptable(mut record: Record, certificate: &Bytes) -> Record {
    let tls = |tls: &Option<Arc<TlsInfo>>| {
        tls.as_ref().map(|tls| {
            Arc::new(TlsInfo {
                certificates: tls
                    .certificates
                    .iter()
                    .map(|_| certificate.clone())
                    .collect(),
                ..(**tls).clone()
            })
        })
    };
    let extra = |extra: &Option<Arc<ConnExtra>>| {
        extra.as_ref().map(|extra| {
            let via = extra.via.clone();
            Arc::new(ConnExtra {
                mitmcert: extra.mitmcert.as_ref().map(|_| certificate.clone()),
                via: via.map(|(_, host, port)| ("https".into(), host, port)),
                ..(**extra).clone()
            })
        })
    };
    let client = Arc::make_mut(&mut record.client_conn);
    client.tls = tls(&client.tls);
    client.extra = extra(&client.extra);
    record.server_conn = record.server_conn.map(|server| {
        Arc::new(ServerConn {
            tls: tls(&server.tls),
            extra: extra(&server.extra),
            ..(*server).clone()
        })
    });
    // The epoch is as good as no time to it, and it takes the present.
    let messages = match &mut record.detail {
        Detail::Tcp(messages) | Detail::Udp(messages) => Some(messages),
        Detail::Http(http) => http
            .websocket
            .as_mut()
            .map(|websocket| &mut websocket.messages),
        _ => None,
    };
    if let Some(Messages::List(list)) = messages {
        for message in list {
            message.timestamp.0 = message.timestamp.0.max(1);
        }
    }
    for (name, value) in &mut record.annotations.metadata {
        *value = Value::List(vec![
            (&**name).into(),
            Value::Float(1e-7),
            Value::Big("-123456789012345678901234567890".into()),
            Value::Bytes(certificate.slice(..5)),
            Value::Dict(vec![("a".into(), true.into()), ("b".into(), Value::Null)]),
        ]);
    }
    record.backup = record
        .backup
        .map(|backup| Box::new(acceptable(*backup, certificate)));
    record
}

#[test]
fn mitmproxy_reads_what_is_written_field_by_field() {
    let Some(python) = python() else {
        return;
    };
    let certificate = certificate();
    let mut runner = TestRunner::deterministic();
    let records: Vec<_> = (0..300)
        .map(|_| record().new_tree(&mut runner).unwrap().current())
        .map(|record| acceptable(record, &certificate))
        .collect();
    let bytes = written(&records);
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), &bytes);
    let theirs = run(&python, &["states".as_ref(), &path]);
    let ours = shown(&bytes);
    assert_eq!(ours.len(), theirs.len());
    let mut wrong = Vec::new();
    for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        compare(&format!("[{number}]"), ours, theirs, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // What it writes is the same flows again.
    let again = folder.path().join("again");
    run(&python, &["rewrite".as_ref(), &path, &again]);
    let again = flows(&std::fs::read(&again).unwrap());
    let ours = shown(&written(&again));
    for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        compare(&format!("again [{number}]"), ours, theirs, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
