//! A file of each version, written by a release that wrote it (`data/flowfile/make`), held against a description.
//!
//! `RATEL_UPDATE=1` writes the descriptions anew.

use ratel_flow::io::FlowReader;

use super::describe::describe;
use super::{flows, folder, written};

pub(crate) const VERSIONS: [&str; 28] = [
    "0.11", "0.12", "0.13", "0.14", "0.15", "0.16", "0.17", "0.18", "1.0", "2.0", "4", "5", "6",
    "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21",
];

#[test]
fn files_of_every_version_are_read() {
    let mut wrong = Vec::new();
    for version in VERSIONS {
        let path = folder().join(version).with_added_extension("mitm");
        let mut text = String::new();
        for record in FlowReader::open(&path).unwrap() {
            describe(&mut text, &record.unwrap());
        }
        let expected = path.with_extension("txt");
        if std::env::var_os("RATEL_UPDATE").is_some() {
            std::fs::write(&expected, &text).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(format!("{}:\n{text}", path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "read otherwise than described:\n{}",
        wrong.join("\n")
    );
}

/// Whatever the version, a file is brought to the current one and stays as it is from then on.
#[test]
fn what_was_read_is_written_and_read_as_the_same() {
    for version in VERSIONS {
        let path = folder().join(version).with_added_extension("mitm");
        let bytes = std::fs::read(&path).unwrap();
        let read = flows(&bytes);
        let once = written(&read);
        let again = flows(&once);
        let (mut was, mut is) = (String::new(), String::new());
        read.iter().for_each(|record| describe(&mut was, record));
        again.iter().for_each(|record| describe(&mut is, record));
        assert_eq!(was, is, "version {version}");
        assert_eq!(written(&again), once, "version {version}");
        if version == "21" {
            assert!(once == bytes, "the current version is written as it was");
        }
    }
}

#[test]
fn a_version_that_is_not_known_is_said() {
    let bytes = std::fs::read(folder().join("21.mitm")).unwrap();
    let current: &[u8] = b"7:version;2:21#";
    for (version, error) in [
        (
            &b"7:version;2:99#"[..],
            "the flow that begins at byte 0 cannot be read: it is of version 99 of the format, and this reads up to \
             version 21; no flow stands before it",
        ),
        (
            b"7:version;2:-1#",
            "the flow that begins at byte 0 cannot be read: it is of version -1 of the format, which is not known; no \
             flow stands before it",
        ),
        (
            b"7:versio?;2:21#",
            "the flow that begins at byte 0 cannot be read: it has no version; no flow stands before it",
        ),
    ] {
        let mut changed = bytes.clone();
        for at in 0..changed.len() - current.len() {
            if changed[at..].starts_with(current) {
                changed[at..at + version.len()].copy_from_slice(version);
            }
        }
        let read = super::read(&changed);
        assert_eq!(read.len(), flows(&bytes).len(), "each flow says so");
        let first = read[0].as_ref().unwrap_err();
        assert_eq!(first.to_string(), error);
        assert!(!first.is_final());
        assert_eq!(first.hint().is_some(), error.contains("99"));
    }
}
