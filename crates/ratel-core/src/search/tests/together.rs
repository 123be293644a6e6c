//! Searches, traffic, eviction and the index, all at the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ratel_flow::filter::{Filter, FilterOptions};

use super::*;

#[test]
fn what_was_there_and_stays_is_always_found() {
    // Of what is written most is evicted again.
    let store = store(1 << 26, 600_000);
    let index = index_of(&store, 1 << 20, 200_000);
    let done = AtomicBool::new(false);
    let word = |n: u64| format!("word{:03}", n % 200);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for n in 0..1500_u64 {
                        let body = format!("{} and more text to fill it", word(n)).repeat(8);
                        let (coding, body) = match n % 2 {
                            0 => (Some("gzip"), gzip(body.as_bytes())),
                            _ => (None, body.into_bytes()),
                        };
                        exchange(&store, "/", coding, &body);
                        if n % 50 == 0 {
                            store.flush();
                        }
                    }
                })
            })
            .collect();
        for seed in 0..2 {
            let (store, index, done) = (&store, &index, &done);
            scope.spawn(move || {
                let mut n = seed;
                while !done.load(Ordering::Relaxed) {
                    n += 1;
                    let before = store.ids(0..usize::MAX);
                    let word = word(n);
                    let filter =
                        Filter::parse(&format!("~b {word}"), FilterOptions::default()).unwrap();
                    let expected: Vec<_> = before
                        .iter()
                        .filter(|id| store.matches(**id, &filter))
                        .collect();
                    let hits = index.search(text(&word), None);
                    let found: Vec<_> = hits.map(|hit| hit.flow).collect();
                    let matching = store.matching(&before, &filter);
                    // What was evicted meanwhile need not be found, or may have been.
                    let after = store.ids(0..usize::MAX);
                    for id in expected {
                        let stays = after.binary_search(id).is_ok();
                        assert!(!stays || found.contains(id), "{word} in {id:?}");
                        assert!(!stays || matching.contains(id), "~b {word}: {id:?}");
                    }
                    assert!(found.is_sorted(), "in the order of flows");
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        index.catch_up();
        done.store(true, Ordering::Relaxed);
    });
    assert!(store.stats().evicted > 0);
}
