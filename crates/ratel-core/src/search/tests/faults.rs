//! An index that cannot be written, or read back, costs time and no hit.

use std::sync::atomic::AtomicU64;

use super::*;

fn run_with(store: &FlowStore, disk_left: u64) -> (SearchIndex, Arc<AtomicU64>) {
    let files = Files::new(std::env::temp_dir(), 1 << 30);
    let left = files.disk_left.clone();
    left.store(disk_left, Ordering::Relaxed);
    let budget = Budget {
        memory: 1 << 26,
        disk: 1 << 30,
    };
    (
        SearchIndex::run(store.clone(), files, budget).unwrap(),
        left,
    )
}

fn many(store: &FlowStore, from: u32, count: u32) {
    for n in from..from + count {
        let body = gzip(format!("body number {n:05}").as_bytes());
        exchange(store, "/", Some("gzip"), &body);
    }
    store.flush();
}

#[test]
fn a_full_disk_costs_no_hit_and_is_got_over() {
    let store = store(1 << 26, 1 << 28);
    let (index, left) = run_with(&store, 0);
    many(&store, 0, 300);
    index.catch_up();
    let stats = index.stats();
    assert_eq!((stats.flows, stats.disk_bytes), (0, 0));
    assert_eq!(places(&index, text("number 00123")).len(), 1);
    assert_eq!(places(&index, text("body number")).len(), 300);

    left.store(u64::MAX, Ordering::Relaxed);
    many(&store, 300, 100);
    // What was lost is taken again.
    index.catch_up();
    index.catch_up();
    assert!(index.stats().flows >= 300, "{:?}", index.stats());
    assert_eq!(places(&index, text("number 00123")).len(), 1);
    assert_eq!(places(&index, text("number 00399")).len(), 1);
}

#[test]
fn lists_that_cannot_be_read_exclude_nothing() {
    let store = store(1 << 26, 1 << 28);
    let index = index(&store);
    many(&store, 0, 200);
    index.catch_up();
    assert!(index.stats().flows > 0);
    for volume in index.shared.catalog().volumes() {
        volume.damage();
    }
    for n in [0, 17, 199] {
        let found = places(&index, text(&format!("number {n:05}")));
        assert_eq!(found.len(), 1, "{n}");
    }
}

#[test]
fn without_an_index_everything_is_read() {
    let store = store(1 << 26, 1 << 28);
    let index = index_of(&store, 1 << 20, 0);
    many(&store, 0, 50);
    index.catch_up();
    assert_eq!(index.stats(), SearchStats::default());
    assert_eq!(places(&index, text("number 00033")).len(), 1);
}

#[test]
fn an_index_outlives_its_store_thread() {
    let store = store(1 << 26, 1 << 28);
    let index = index(&store);
    many(&store, 0, 50);
    store.close();
    index.catch_up();
    assert_eq!(places(&index, text("number 00033")).len(), 1);
}
