//! A small mutation fuzzer for what files hold: flow files of all versions, HTTP archives, and redaction of what is in them. It
//! repeats exactly, and `RATEL_FUZZ_SECONDS` says how long each target runs (2 by default).
//!
//! Asserted for every input: no panic, an end, and that what was read can be written and is then read as the same.

use std::io::Cursor;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ratel_flow::Record;
use ratel_flow::io::har::{HarItem, HarReader, HarWriter};
use ratel_flow::io::{FlowReader, FlowWriter};
use ratel_flow::redact::Redactor;

/// xorshift64*: good enough to wander, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// What readers stumble over, as long as what it is put in the place of, mostly.
const TOKENS: &[&[u8]] = &[
    b"0:~",
    b"0:}",
    b"0:]",
    b"0:,",
    b"0:;",
    b"1:1#",
    b"4:true!",
    b"999999999999:",
    b"12:",
    b"}",
    b"]",
    b";",
    b",",
    b"#",
    b"^",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\0",
    b"base64",
    b"gzip",
    b"token=hunter22&",
    b"{\"token\":\"hun",
    b"ter22\"}",
    b"Bearer hunter22",
    b"\r\n",
];

/// The longest input that is grown, in bytes.
const INPUT_MAX: usize = 256 * 1024;

/// All answers for an input take no longer than this, on a machine that is busy and with code that is not optimised.
const ANSWER_MAX: Duration = Duration::from_secs(60);

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let end = (at + random.below(16)).min(input.len());
        let token = TOKENS[random.below(TOKENS.len())];
        match random.below(8) {
            // Lengths stay true, so that what is inside is reached.
            0..3 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
            3 | 4 => {
                let room = token.len().min(input.len() - at);
                input[at..at + room].copy_from_slice(&token[..room]);
            }
            5 => drop(input.splice(at..end, token.iter().copied())),
            6 => {
                let copy = input[at..end].to_vec();
                drop(input.splice(at..at, copy));
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(INPUT_MAX);
    input
}

/// Runs `target` on the seeds and on mutations of them until the time is over; a failure leaves its input in a file.
fn fuzz(name: &str, seeds: &[Vec<u8>], target: impl Fn(&[u8])) {
    let seconds = std::env::var("RATEL_FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2.0);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut inputs = seeds.iter().cloned();
    while Instant::now() < end {
        let input = inputs.next().unwrap_or_else(|| mutate(&mut random, seeds));
        let begun = Instant::now();
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| target(&input)));
        let took = begun.elapsed();
        if result.is_err() || took > ANSWER_MAX {
            let path = std::env::temp_dir().join(format!("ratel-fuzz-{name}"));
            std::fs::write(&path, &input).expect("the folder for temporary files can be written");
            panic!("failed after {took:?} on what is in {}", path.display());
        }
    }
}

/// The samples with that ending.
fn samples(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the samples are there")
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == ending))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read(path).expect("a sample can be read");
    paths.iter().map(read).collect()
}

fn of_flow_file(input: &[u8]) -> Vec<Record> {
    match FlowReader::new(Cursor::new(input.to_vec())) {
        Ok(reader) => reader.filter_map(Result::ok).collect(),
        Err(_) => Vec::new(),
    }
}

fn flow_file(records: &[Record]) -> Vec<u8> {
    let mut writer = FlowWriter::new(Vec::new());
    for record in records {
        writer.write(record).expect("it is in memory");
    }
    writer.into_inner()
}

fn of_archive(input: &[u8]) -> Vec<Record> {
    let items = HarReader::new(input).map_while(Result::ok);
    let record = |item| match item {
        HarItem::Record(record) => Some(record),
        HarItem::Skipped { .. } => None,
    };
    items.filter_map(record).collect()
}

fn archive(records: &[Record]) -> Vec<u8> {
    let mut writer = HarWriter::new(Vec::new()).expect("it is in memory");
    for record in records {
        writer.write(record).expect("it is in memory");
    }
    writer.finish().expect("it is in memory")
}

#[test]
fn flow_files() {
    fuzz("flow-file", &samples("flowfile", "mitm"), |input| {
        let records = of_flow_file(input);
        let once = flow_file(&records);
        let again = of_flow_file(&once);
        assert_eq!(again.len(), records.len());
        assert_eq!(flow_file(&again), once);
        of_archive(&archive(&again));
    });
}

#[test]
fn archives() {
    fuzz("archive", &samples("har", "har"), |input| {
        let records = of_archive(input);
        let again = of_archive(&archive(&records));
        assert_eq!(again.len(), records.len());
        assert_eq!(of_flow_file(&flow_file(&again)).len(), records.len());
    });
}

#[test]
fn redaction() {
    let rules = ["default", "json:data", "pattern:/[0-9]{3,}/", "salt:x"];
    let redactor = Redactor::from_rules(rules).expect("the rules are good");
    let mut seeds = samples("flowfile", "mitm");
    seeds.extend(samples("har", "har"));
    fuzz("redaction", &seeds, |input| {
        let mut records = of_flow_file(input);
        records.extend(of_archive(input));
        let redacted: Vec<Record> = records.iter().map(|r| redactor.redact(r)).collect();
        assert_eq!(of_flow_file(&flow_file(&redacted)).len(), records.len());
    });
}

#[test]
fn rules_of_redaction() {
    let seeds = [
        "default",
        "header:X-*",
        "pattern:/(?<a>b+)\\/c/i",
        "json:a*b",
        "salt:\u{e9}",
        "userinfo",
    ];
    let seeds = seeds.map(|rule| rule.as_bytes().to_vec());
    fuzz("rules", &seeds, |input| {
        let rule = String::from_utf8_lossy(input);
        if let Err(error) = Redactor::from_rules([&*rule]) {
            assert!(error.to_string().len() < 1000 + 8 * rule.len(), "{error}");
        }
    });
}
