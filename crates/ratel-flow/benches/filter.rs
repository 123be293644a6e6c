//! What it costs to ask 100,000 flows. A filter that reads heads only is to take less than 100 ms for all of them.

#[path = "../tests/support/records.rs"]
mod records;

use std::sync::OnceLock;

use divan::{Bencher, black_box};
use ratel_flow::Record;
use ratel_flow::filter::{Filter, FilterOptions, Scratch};

fn main() {
    divan::main();
}

const FLOWS: usize = 100_000;

const EXPRESSIONS: &[&str] = &[
    "~c 404",
    "~m POST",
    "~d api",
    "~u items/77",
    "~u items/[0-9]*77/",
    "^https://(?!cdn)",
    "~hq cookie:.*dark",
    "~h x-nothing",
    "~ts json",
    "~a",
    "~m POST & ~c 404 | ~u page=16 & !~d cdn",
    "~bs nothing",
];

fn flows() -> &'static [Record] {
    static FLOWS_MADE: OnceLock<Vec<Record>> = OnceLock::new();
    FLOWS_MADE.get_or_init(|| (0..FLOWS).map(records::record).collect())
}

#[divan::bench(args = EXPRESSIONS, sample_count = 10)]
fn ask_100_000_flows(bencher: Bencher<'_, '_>, expression: &str) {
    let flows = flows();
    let filter = Filter::parse(expression, FilterOptions::default()).expect("it is one");
    let mut scratch = Scratch::default();
    bencher.bench_local(|| {
        let mut count = 0;
        for flow in flows {
            count += usize::from(filter.matches_with(black_box(flow), &mut scratch));
        }
        count
    });
}

#[divan::bench(args = ["~q", "~m POST & ~d example", r"^https?://(www\.)?example\.(com|org)/v[0-9]+/"])]
fn parse(expression: &str) -> Filter {
    Filter::parse(black_box(expression), FilterOptions::default()).expect("it is one")
}
