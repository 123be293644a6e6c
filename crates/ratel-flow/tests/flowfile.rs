//! Flow files: of every version, damaged, large, and between Ratel and mitmproxy.

#![expect(
    clippy::unwrap_used,
    reason = "what is missing here is a failure of the test"
)]

use std::path::{Path, PathBuf};

use ratel_flow::Record;
use ratel_flow::io::{FlowReader, FlowWriter, ReadError};

#[path = "flowfile/arbitrary.rs"]
mod arbitrary;
#[path = "flowfile/describe.rs"]
mod describe;
#[path = "flowfile/faults.rs"]
mod faults;
#[path = "flowfile/interop.rs"]
mod interop;
#[path = "flowfile/large.rs"]
mod large;
#[path = "flowfile/live.rs"]
mod live;
mod support;
#[path = "flowfile/versions.rs"]
mod versions;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/flowfile")
}

/// Everything that can be read of a file.
fn read(bytes: &[u8]) -> Vec<Result<Record, ReadError>> {
    FlowReader::new(std::io::Cursor::new(bytes.to_vec()))
        .unwrap()
        .collect()
}

/// The flows of a good file.
fn flows(bytes: &[u8]) -> Vec<Record> {
    read(bytes).into_iter().map(Result::unwrap).collect()
}

fn written<'r>(records: impl IntoIterator<Item = &'r Record>) -> Vec<u8> {
    let mut writer = FlowWriter::new(Vec::new());
    for record in records {
        writer.write(record).unwrap();
    }
    writer.into_inner()
}
