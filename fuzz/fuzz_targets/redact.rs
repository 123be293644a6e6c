#![no_main]
//! Rules on the first line, an archive behind it: rules that are taken are obeyed without a panic, and what comes of it can be
//! written.

use libfuzzer_sys::fuzz_target;
use ratel_flow::io::FlowWriter;
use ratel_flow::io::har::{HarItem, HarReader};
use ratel_flow::redact::Redactor;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (rules, archive) = input.split_at(end.unwrap_or(input.len()));
    let rules = String::from_utf8_lossy(rules);
    let rules = rules.split(' ').filter(|rule| !rule.is_empty());
    let Ok(redactor) = Redactor::from_rules(rules) else {
        return;
    };
    for item in HarReader::new(archive).map_while(Result::ok) {
        if let HarItem::Record(record) = item {
            let mut writer = FlowWriter::new(Vec::new());
            let redacted = redactor.redact(&record);
            writer.write(&redacted).expect("it is in memory");
        }
    }
});
