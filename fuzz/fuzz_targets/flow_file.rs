#![no_main]
//! Whatever a file holds, each flow that is read can be written, and is then read and written as the same.

use libfuzzer_sys::fuzz_target;
use ratel_flow::io::{FlowReader, FlowWriter};

fn again(input: &[u8]) -> Vec<u8> {
    let mut writer = FlowWriter::new(Vec::new());
    if let Ok(reader) = FlowReader::new(std::io::Cursor::new(input.to_vec())) {
        for record in reader.map_while(Result::ok) {
            writer.write(&record).expect("it is in memory");
        }
    }
    writer.into_inner()
}

fuzz_target!(|input: &[u8]| {
    let once = again(input);
    assert_eq!(again(&once), once);
});
