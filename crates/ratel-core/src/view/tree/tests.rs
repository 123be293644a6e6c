use std::sync::Arc;

use proptest::prelude::*;
use ratel_flow::{ClientConn, ConnId, FlowKind, Scheme, Timestamp, Version};

use super::*;
use crate::store::{FlowState, RequestLine, Times};

fn flow(id: u64, host: &str, path: &str, status: u16) -> Summary {
    let at = Timestamp(id);
    Summary {
        id: FlowId(id),
        kind: FlowKind::Http,
        state: FlowState::Done,
        client_conn: Arc::new(ClientConn {
            id: ConnId(1),
            peername: ([127, 0, 0, 1], 5).into(),
            sockname: ([127, 0, 0, 1], 8080).into(),
            proxy_mode: "regular".into(),
            timestamp_start: at,
            timestamp_end: None,
            tls: None,
            passthrough: None,
            extra: None,
            error: None,
        }),
        server_conn: None,
        request: Some(RequestLine {
            method: "GET".into(),
            scheme: Scheme::Https,
            host: host.into(),
            port: 443,
            path: path.to_owned().into(),
            version: Version::Http11,
        }),
        status: Some(status),
        content_type: None,
        error: None,
        request_body: 0,
        response_body: 10 * id,
        stream: None,
        messages: 0,
        grpc_status: None,
        close: None,
        times: Times {
            held: Default::default(),
            created: at,
            began: at,
            request_end: None,
            response_start: None,
            response_end: None,
            last: at,
        },
        annotations: None,
        modified: false,
        lossy: false,
    }
}

/// The rows as text: open and closed branches, their names and counts, and flows by id.
fn shown(tree: &mut Tree) -> Vec<String> {
    let rows = tree.rows(0..usize::MAX);
    rows.iter()
        .map(|row| {
            let names: Vec<_> = row
                .names
                .iter()
                .map(|name| String::from_utf8_lossy(name))
                .collect();
            let indent = "  ".repeat(row.depth);
            match row.at {
                TreeAt::Branch(_) => {
                    let sign = if row.open { '-' } else { '+' };
                    format!("{indent}{sign} {} {}", names.join("/"), row.tally.flows)
                }
                TreeAt::Flow(FlowId(id)) => format!("{indent}{}#{id}", names.join("/")),
            }
        })
        .collect()
}

fn open(tree: &mut Tree, row: usize, how: Fold) {
    match tree.rows(row..row + 1)[0].at {
        TreeAt::Branch(branch) => tree.fold(branch, how),
        TreeAt::Flow(_) => panic!("row {row} is no branch"),
    }
}

fn sample() -> Tree {
    let mut tree = Tree::default();
    tree.put(&flow(1, "b.dev", "/api/v1/users?page=1", 200));
    tree.put(&flow(2, "b.dev", "/api/v1/users?page=2", 404));
    tree.put(&flow(3, "a.dev", "/", 200));
    tree.put(&flow(4, "b.dev", "/api/v1/orders/7", 500));
    tree.put(&flow(5, "b.dev", "/health", 200));
    tree
}

#[test]
fn branches_open_and_close() {
    let mut tree = sample();
    let closed = ["+ https://b.dev 4", "+ https://a.dev 1"];
    assert_eq!(shown(&mut tree), closed);
    open(&mut tree, 0, Fold::Toggle);
    let root = [
        "- https://b.dev 4",
        "  + api/v1 3",
        "  health#5",
        "+ https://a.dev 1",
    ];
    assert_eq!(shown(&mut tree), root);
    open(&mut tree, 1, Fold::Open);
    open(&mut tree, 2, Fold::Open);
    let all = [
        "- https://b.dev 4",
        "  - api/v1 3",
        "    - users 2",
        "      #1",
        "      #2",
        "    orders/7#4",
        "  health#5",
        "+ https://a.dev 1",
    ];
    assert_eq!(shown(&mut tree), all);
    open(&mut tree, 0, Fold::ToggleAll);
    assert_eq!(shown(&mut tree), closed);
    open(&mut tree, 0, Fold::ToggleAll);
    assert_eq!(shown(&mut tree), all);
}

#[test]
fn what_is_counted() {
    let mut tree = sample();
    let tally = tree.rows(0..1)[0].tally;
    let expected = Tally {
        flows: 4,
        client_errors: 1,
        server_errors: 1,
        bytes: 120,
        ..Tally::default()
    };
    assert_eq!(tally, expected);
    let mut held = flow(5, "b.dev", "/health", 200);
    held.state = FlowState::Streaming;
    tree.put(&held);
    assert_eq!(tree.rows(0..1)[0].tally.live, 1);
    tree.remove(FlowId(5));
    assert_eq!(tree.rows(0..1)[0].tally.live, 0);
}

#[test]
fn a_level_that_gets_company_stays_open() {
    let mut tree = sample();
    open(&mut tree, 0, Fold::Open);
    open(&mut tree, 1, Fold::Open);
    tree.put(&flow(6, "b.dev", "/api/v2", 200));
    assert_eq!(
        shown(&mut tree),
        [
            "- https://b.dev 5",
            "  - api 4",
            "    - v1 3",
            "      + users 2",
            "      orders/7#4",
            "    v2#6",
            "  health#5",
            "+ https://a.dev 1",
        ]
    );
    tree.remove(FlowId(6));
    assert!(shown(&mut tree).contains(&"  - api/v1 3".to_owned()));
    (1..6).for_each(|id| tree.remove(FlowId(id)));
    assert!(tree.rows(0..9).is_empty() && tree.flows() == 0 && tree.nodes.len() == 1);
}

#[test]
fn orders() {
    let put_all = |tree: &mut Tree| {
        tree.put(&flow(1, "b.dev", "/", 200));
        tree.put(&flow(2, "a.dev", "/", 200));
        tree.put(&flow(3, "c.dev", "/", 200));
        tree.put(&flow(4, "b.dev", "/", 200));
    };
    let roots = |order, reversed| {
        let mut tree = Tree::new(order, reversed);
        put_all(&mut tree);
        let rows = shown(&mut tree);
        rows.iter()
            .map(|row| row[10..11].to_owned())
            .collect::<String>()
    };
    assert_eq!(roots(Order::Time, false), "bac");
    assert_eq!(roots(Order::Time, true), "cab");
    assert_eq!(roots(Order::Url, false), "abc");
    assert_eq!(roots(Order::Size, true), "bca");
    let mut tree = Tree::new(Order::Time, true);
    put_all(&mut tree);
    open(&mut tree, 2, Fold::Open);
    assert_eq!(shown(&mut tree)[2..], ["- https://b.dev 2", "  #4", "  #1"]);
    assert_eq!(
        tree.find(TreeAt::Flow(FlowId(1))).map(|spot| spot.row),
        Some(4)
    );
}

#[test]
fn a_flow_is_found_and_revealed() {
    let mut tree = sample();
    let at = TreeAt::Flow(FlowId(2));
    let spot = tree.find(at).unwrap();
    assert_eq!((spot.row, spot.exact), (0, false));
    tree.reveal(FlowId(2));
    let spot = tree.find(at).unwrap();
    assert_eq!((spot.row, spot.exact), (4, true));
    assert_eq!(tree.rows(4..5)[0].at, at);
    let within = TreeAt::Branch(spot.within.unwrap());
    assert_eq!(tree.find(within).map(|spot| spot.row), Some(2));
    assert_eq!(tree.find(TreeAt::Flow(FlowId(99))), None);
}

#[test]
fn what_is_open_stays_so_over_a_new_start() {
    let mut tree = sample();
    open(&mut tree, 0, Fold::Open);
    tree.clear(Order::Url, false);
    assert!(shown(&mut tree).is_empty());
    tree.put(&flow(1, "b.dev", "/x", 200));
    assert_eq!(shown(&mut tree), ["- https://b.dev 1", "  x#1"]);
}

#[test]
fn odd_paths_cost_no_more_than_others() {
    let mut tree = Tree::default();
    let long = "x".repeat(1 << 20);
    for (id, path) in [
        "/".repeat(1 << 20),
        format!("/{long}"),
        long,
        String::new(),
        "*".into(),
        "//".into(),
        "?".into(),
    ]
    .iter()
    .enumerate()
    {
        tree.put(&flow(id as u64 + 1, "a.dev", path, 200));
    }
    open(&mut tree, 0, Fold::ToggleAll);
    assert!(tree.len() < 40, "{}", tree.len());
    assert!(tree.rows(0..100).iter().all(|row| row.depth <= 13));
    assert!(tree.nodes.values().all(|node| node.name.len() <= 256));
}

#[derive(Clone, Debug)]
enum Step {
    Put(u64, usize, usize),
    Remove(u64),
    Fold(usize, Fold),
    Reveal(u64),
    Sweep(u64),
    Clear(Order, bool),
}

const PATHS: [&str; 8] = [
    "/", "/a", "/a/", "/a/b", "/a/b/c?x", "/a/c", "/b//", "/b/c/d/e",
];

fn step() -> impl Strategy<Value = Step> {
    let fold = prop_oneof![
        Just(Fold::Toggle),
        Just(Fold::Open),
        Just(Fold::Close),
        Just(Fold::ToggleAll)
    ];
    let order = prop::sample::select(Order::ALL.to_vec());
    prop_oneof![
        8 => (0u64..30, 0usize..2, 0..PATHS.len()).prop_map(|(id, host, path)| Step::Put(id, host, path)),
        3 => (0u64..30).prop_map(Step::Remove),
        5 => (0usize..30, fold).prop_map(|(row, how)| Step::Fold(row, how)),
        1 => (0u64..30).prop_map(Step::Reveal),
        1 => (0u64..30).prop_map(Step::Sweep),
        1 => (order, any::<bool>()).prop_map(|(order, reversed)| Step::Clear(order, reversed)),
    ]
}

proptest! {
    /// Whatever happens, the numbers of rows are those of the rows, and each row is found where it is.
    #[test]
    fn rows_and_numbers_agree(steps in prop::collection::vec(step(), 0..60)) {
        let mut tree = Tree::default();
        for step in steps {
            match step {
                Step::Put(id, host, path) => tree.put(&flow(id, ["a", "b"][host], PATHS[path], 200)),
                Step::Remove(id) => tree.remove(FlowId(id)),
                Step::Fold(row, how) => {
                    if let Some(TreeAt::Branch(branch)) = tree.rows(row..row + 1).first().map(|row| row.at) {
                        tree.fold(branch, how);
                    }
                }
                Step::Reveal(id) => tree.reveal(FlowId(id)),
                Step::Sweep(up_to) => tree.sweep(FlowId(up_to), |id| id.0 % 2 == 0),
                Step::Clear(order, reversed) => tree.clear(order, reversed),
            }
            let all = tree.rows(0..1000);
            prop_assert_eq!(all.len(), tree.len());
            for (nth, row) in all.iter().enumerate() {
                let spot = tree.find(row.at).unwrap();
                prop_assert!(spot.exact);
                prop_assert_eq!(spot.row, nth);
                prop_assert_eq!(&tree.rows(nth..nth + 3)[..], &all[nth..(nth + 3).min(all.len())]);
            }
            let roots = all.iter().filter(|row| row.depth == 0);
            prop_assert_eq!(roots.map(|row| row.tally.flows).sum::<usize>(), tree.flows());
        }
    }
}
