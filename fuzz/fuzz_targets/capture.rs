#![no_main]
//! A capture of whatever kind comes to an end within its limits, and its flows can be written as packets and read again.

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use ratel_capture::{CaptureLimits, CaptureReader, KeyLog, PcapngWriter};
use ratel_flow::Record;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (secrets, capture) = input;
    let mut keys = KeyLog::new();
    keys.add(secrets).expect("it is in memory");
    let read = |file: Vec<u8>, keys: KeyLog| -> Vec<Record> {
        let limits = CaptureLimits {
            memory: 256 * 1024,
            connections: 64,
            spool_dir: None,
        };
        let reader = CaptureReader::with_limits(Cursor::new(file), keys, limits);
        reader.into_iter().flatten().map_while(Result::ok).collect()
    };
    let mut writer = PcapngWriter::new(Vec::new());
    for flow in read(capture.to_vec(), keys) {
        writer.add(&flow).expect("room");
    }
    let (file, _) = writer.finish().expect("it is written");
    read(file, KeyLog::new());
});
