#![no_main]
//! Whatever an archive holds, each flow that is read can be written, and is then read and written as the same.

use libfuzzer_sys::fuzz_target;
use ratel_flow::io::har::{HarItem, HarReader, HarWriter};

fn again(input: &[u8]) -> Vec<u8> {
    let mut writer = HarWriter::new(Vec::new()).expect("it is in memory");
    for item in HarReader::new(input).map_while(Result::ok) {
        if let HarItem::Record(record) = item {
            writer.write(&record).expect("it is in memory");
        }
    }
    writer.finish().expect("it is in memory")
}

fuzz_target!(|input: &[u8]| {
    let twice = again(&again(input));
    assert_eq!(again(&twice), twice);
});
