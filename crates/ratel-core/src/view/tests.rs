use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use proptest::prelude::*;
use ratel_flow::filter::FilterOptions;
use ratel_flow::{FlowKind, Side, Timestamp};

use super::*;
use crate::store::tests::{client, request, response, store};

/// Records an exchange with a body of so many bytes.
fn record(store: &FlowStore, path: &str, size: usize, at: u64) -> FlowId {
    let flow = store.open(FlowKind::Http, &client(), Timestamp(at));
    flow.request(&request(path));
    flow.response(&response(200));
    flow.data(Side::Server, &[vec![0; size].into()], Timestamp(at));
    flow.finish(Timestamp(at + 1));
    store.flush();
    flow.id()
}

fn watch(store: &FlowStore) -> (FlowView, Receiver<()>) {
    let (bell, changed) = sync_channel(1);
    let view = FlowView::start(store.clone(), move || ring_once(&bell)).unwrap();
    (view, changed)
}

/// Waits until the list is that one.
fn expect(view: &FlowView, changed: &Receiver<()>, expected: &[FlowId]) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let found = view.ids(0..usize::MAX);
        if found == expected && view.counts().pending == 0 {
            assert_eq!(view.counts().shown, expected.len());
            for (at, id) in expected.iter().enumerate() {
                assert_eq!(view.position(*id, 0), Some(at));
            }
            return;
        }
        assert!(Instant::now() < until, "{found:?} instead of {expected:?}");
        let _ = changed.recv_timeout(Duration::from_millis(100));
    }
}

#[test]
fn flows_are_ordered_and_filtered_as_they_come() {
    let store = store(1 << 24, 1 << 28);
    let (view, changed) = watch(&store);
    let b = record(&store, "/b", 30, 1);
    let a = record(&store, "/a", 10, 2);
    expect(&view, &changed, &[b, a]);
    let set = |order, reversed| {
        view.set(ViewSettings {
            order,
            reversed,
            ..ViewSettings::default()
        });
    };
    set(Order::Time, true);
    expect(&view, &changed, &[a, b]);
    assert_eq!(view.ids(1..2), [b]);
    set(Order::Url, false);
    expect(&view, &changed, &[a, b]);
    let c = record(&store, "/aa", 20, 3);
    expect(&view, &changed, &[a, c, b]);
    set(Order::Size, true);
    expect(&view, &changed, &[b, c, a]);

    view.set(ViewSettings {
        filter: Some(Filter::parse("~u /a", FilterOptions::default()).unwrap()),
        ..ViewSettings::default()
    });
    expect(&view, &changed, &[a, c]);
    let d = record(&store, "/ab", 0, 4);
    expect(&view, &changed, &[a, c, d]);
    store.remove(&[c]);
    expect(&view, &changed, &[a, d]);

    view.set(ViewSettings {
        marked_only: true,
        ..ViewSettings::default()
    });
    expect(&view, &changed, &[]);
    store.annotate(b, |said| said.marked = ":grapes:".into());
    expect(&view, &changed, &[b]);
    store.annotate(b, |said| said.marked = "".into());
    expect(&view, &changed, &[]);
}

#[test]
fn a_flow_that_began_before_others_takes_its_place_among_them() {
    let store = store(1 << 24, 1 << 28);
    let (view, changed) = watch(&store);
    let b = record(&store, "/b", 3, 20);
    let c = record(&store, "/c", 3, 30);
    expect(&view, &changed, &[b, c]);
    let mut older = store.record(b).expect("a flow");
    older.timestamp_created = Timestamp(10);
    let a = store.import(&older).expect("a flow");
    expect(&view, &changed, &[a, b, c]);
    let d = record(&store, "/d", 3, 40);
    expect(&view, &changed, &[a, b, c, d]);
}

#[test]
fn what_is_hidden_has_a_place_where_it_would_stand() {
    let store = store(1 << 24, 1 << 28);
    let (view, changed) = watch(&store);
    let sizes = [(1, "/a", 30), (2, "/b", 20), (3, "/a", 10), (4, "/a", 40)];
    let ids = sizes.map(|(at, path, size)| record(&store, path, size, at));
    let [a, b, c, d] = ids;
    let filter = Some(Filter::parse("~u /a", FilterOptions::default()).unwrap());
    let rows = [
        (Order::Time, false, [a, c, d], 1),
        (Order::Time, true, [d, c, a], 2),
        (Order::Size, false, [c, a, d], 1),
        (Order::Size, true, [d, a, c], 2),
    ];
    for (order, reversed, expected, near) in rows {
        view.set(ViewSettings {
            filter: filter.clone(),
            order,
            reversed,
            ..ViewSettings::default()
        });
        expect(&view, &changed, &expected);
        assert_eq!((view.position(b, 0), view.nearest(b)), (None, Some(near)));
    }
    store.remove(&[b]);
    store.flush();
    assert_eq!(view.nearest(b), None);
}

#[test]
fn what_was_evicted_is_not_shown() {
    let store = store(16 * 1024, 1 << 28);
    let (view, changed) = watch(&store);
    view.set(ViewSettings {
        reversed: true,
        ..ViewSettings::default()
    });
    for at in 0..200 {
        record(&store, "/", 1, at);
    }
    assert!(store.stats().evicted > 0);
    let mut there = store.ids(0..usize::MAX);
    there.reverse();
    expect(&view, &changed, &there);
}

#[test]
fn the_thread_ends_with_the_view() {
    let store = store(1 << 24, 1 << 28);
    let (view, changed) = watch(&store);
    drop(view);
    // Its callback goes with it.
    while changed.recv().is_ok() {}
}

proptest! {
    #[test]
    fn merging_is_taking_out_and_sorting(
        there in prop::collection::btree_map(0u64..200, 0u64..50, 0..60),
        found in prop::collection::btree_map(0u64..300, 0u64..50, 0..60),
    ) {
        let row = |(id, key): (&u64, &u64)| Row { key: Key::Number(*key), id: FlowId(*id) };
        let mut rows: Vec<Row> = there.iter().map(row).collect();
        rows.sort_unstable();
        let mut new: Vec<Row> = found.iter().map(row).collect();
        new.sort_unstable();
        let gone: HashSet<FlowId> = found.keys().map(|id| FlowId(*id)).collect();
        let mut all = there;
        all.extend(found);
        let mut expected: Vec<Row> = all.iter().map(row).collect();
        expected.sort_unstable();
        merge(&mut rows, &gone, new);
        prop_assert_eq!(rows, expected);
    }
}

/// What the rows of the tree are, once all flows have been looked at.
fn rows_of_tree(view: &FlowView, changed: &Receiver<()>, flows: usize) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let rows = view.tree(|tree| {
            let rows = tree.rows(0..100).into_iter();
            let name = |row: TreeRow| {
                let name = row.names.join(&b'/');
                format!("{} {}", String::from_utf8_lossy(&name), row.tally.flows)
            };
            (tree.flows(), rows.map(name).collect::<Vec<_>>())
        });
        let (count, rows) = rows.unwrap();
        if view.counts().pending == 0 && count == flows {
            return rows;
        }
        assert!(Instant::now() < until, "{count} flows: {rows:?}");
        let _ = changed.recv_timeout(Duration::from_millis(100));
    }
}

#[test]
fn the_tree_holds_what_the_list_shows() {
    let store = store(1 << 24, 1 << 28);
    let (view, changed) = watch(&store);
    let a = record(&store, "/a", 10, 1);
    record(&store, "/b", 30, 2);
    assert!(view.tree(|_| ()).is_none());
    view.keep_tree(true);
    assert_eq!(rows_of_tree(&view, &changed, 2).len(), 1);
    view.tree(|tree| {
        let TreeAt::Branch(root) = tree.rows(0..1)[0].at else {
            panic!("roots are branches");
        };
        tree.fold(root, Fold::Open);
    });
    assert_eq!(rows_of_tree(&view, &changed, 2)[1..], ["a 1", "b 1"]);
    // The list is the store's own all the while.
    assert_eq!(view.counts().shown, 2);
    record(&store, "/c", 20, 3);
    assert_eq!(rows_of_tree(&view, &changed, 3)[1..], ["a 1", "b 1", "c 1"]);
    store.remove(&[a]);
    assert_eq!(rows_of_tree(&view, &changed, 2)[1..], ["b 1", "c 1"]);
    view.set(ViewSettings {
        filter: Some(Filter::parse("~u [bd]$", FilterOptions::default()).unwrap()),
        order: Order::Url,
        reversed: true,
        ..ViewSettings::default()
    });
    assert_eq!(rows_of_tree(&view, &changed, 1)[1..], ["b 1"]);
    record(&store, "/d", 20, 4);
    assert_eq!(rows_of_tree(&view, &changed, 2)[1..], ["d 1", "b 1"]);
    view.keep_tree(false);
    assert!(view.tree(|_| ()).is_none());
}

#[test]
fn the_tree_forgets_what_was_evicted() {
    let store = store(1 << 16, 1 << 16);
    let (view, changed) = watch(&store);
    view.keep_tree(true);
    for nth in 0..64 {
        record(&store, &format!("/{nth}"), 8192, nth);
    }
    assert!(store.stats().evicted > 0);
    rows_of_tree(&view, &changed, store.len());
}
