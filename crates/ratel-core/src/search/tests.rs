use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{
    ClientConn, ConnId, FlowKind, Headers, MessageFlags, MessageHead, MessageKind, Payload,
    PayloadStream, Request, Response, Scheme, Side, StreamKind, Timestamp, Version,
};

use super::*;
use crate::store::{FlowWriter, StoreConfig};

mod bounds;
mod faults;
mod model;
mod reference;
mod together;

fn client() -> Arc<ClientConn> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    Arc::new(ClientConn {
        id: ConnId::next(),
        peername: address,
        sockname: address,
        proxy_mode: "regular".into(),
        timestamp_start: Timestamp(1),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

fn request(path: &str, fields: &[(&str, &str)]) -> Request {
    let path = Bytes::from(path.to_owned());
    Request {
        pseudo: Default::default(),
        method: "GET".into(),
        target: path.clone(),
        version: Version::Http11,
        path,
        line: None,
        headers: headers(fields),
        scheme: Scheme::Https,
        host: "example.com".into(),
        port: 443,
        timestamp_start: Timestamp(2),
    }
}

fn response(fields: &[(&str, &str)]) -> Response {
    Response {
        pseudo: Default::default(),
        version: Version::Http11,
        status: 200,
        reason: "OK".into(),
        line: None,
        headers: headers(fields),
        timestamp_start: Timestamp(4),
    }
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    fields.iter().copied().collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn store(memory_bytes: usize, disk_bytes: u64) -> FlowStore {
    FlowStore::start(StoreConfig {
        dir: std::env::temp_dir(),
        memory_bytes,
        disk_bytes,
    })
    .unwrap()
}

fn index(store: &FlowStore) -> SearchIndex {
    index_of(store, 1 << 24, 1 << 28)
}

fn index_of(store: &FlowStore, memory_bytes: usize, disk_bytes: u64) -> SearchIndex {
    let config = SearchConfig {
        dir: std::env::temp_dir(),
        disk_bytes,
        memory_bytes,
    };
    SearchIndex::start(store.clone(), config).unwrap()
}

/// A finished exchange with that response.
fn exchange(store: &FlowStore, path: &str, encoding: Option<&str>, body: &[u8]) -> FlowId {
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.request(&request(path, &[("Host", "example.com")]));
    flow.end(Side::Client, Timestamp(3));
    let encoding = encoding.map(|encoding| ("Content-Encoding", encoding));
    flow.response(&response(encoding.as_slice()));
    data(&flow, Side::Server, body);
    flow.end(Side::Server, Timestamp(5));
    flow.finish(Timestamp(6));
    flow.id()
}

fn data(flow: &FlowWriter, side: Side, bytes: &[u8]) {
    flow.data(side, &[Bytes::copy_from_slice(bytes)], Timestamp(5));
}

fn text(needle: &str) -> Query {
    Query::text(needle.as_bytes(), true).unwrap()
}

type Place = (FlowId, Part, u64, u64);

fn places(index: &SearchIndex, query: Query) -> Vec<Place> {
    let results = index.search(query, None);
    results
        .map(|hit| {
            let shown = hit.snippet.get(hit.marked.clone()).unwrap();
            assert!(shown.len() as u64 == hit.len.min(200), "{hit:?}");
            (hit.flow, hit.part, hit.offset, hit.len)
        })
        .collect()
}

#[test]
fn hits_are_found_in_all_parts() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let id = flow.id();
    flow.request(&request(
        "/needle?1",
        &[("Host", "example.com"), ("X-Needle", "1")],
    ));
    data(&flow, Side::Client, b"a needle goes up");
    flow.response(&response(&[("Content-Encoding", "gzip"), ("A", "needle")]));
    data(
        &flow,
        Side::Server,
        &gzip(b"hay hay and a NEEDLE in it, needle"),
    );
    flow.trailers(Side::Server, &headers(&[("End", "needle")]));
    flow.finish(Timestamp(9));
    exchange(&store, "/other", None, b"nothing of interest");
    store.flush();
    let index = index(&store);
    let expected = [
        (Part::Url, 20, 6),
        (Part::Headers(Side::Client), 21, 6),
        (Part::Headers(Side::Server), 27, 6),
        (Part::Trailers(Side::Server), 5, 6),
        (Part::Body(Side::Client), 2, 6),
        (Part::Body(Side::Server), 14, 6),
    ]
    .map(|(part, at, len)| (id, part, at, len));
    assert_eq!(places(&index, text("needle")), expected);
    index.catch_up();
    assert_eq!(places(&index, text("needle")), expected);

    let only = |parts, side| Query {
        parts,
        side,
        ..text("Needle")
    };
    let of = |query| places(&index, query).len();
    assert_eq!(of(only(Parts::URLS, None)), 1);
    assert_eq!(of(only(Parts::URLS, Some(Side::Server))), 0);
    assert_eq!(of(only(Parts::HEADERS, Some(Side::Server))), 2);
    assert_eq!(of(only(Parts::BODIES, None)), 2);
    assert_eq!(of(only(Parts::MESSAGES, None)), 0);
    let more = Query {
        hits_per_part: 9,
        ..only(Parts::BODIES, None)
    };
    assert_eq!(of(more), 3);
    let exact = Query::text(b"NEEDLE", false).unwrap();
    assert_eq!(places(&index, exact).len(), 1);
}

#[test]
fn what_cannot_be_looked_for_is_refused() {
    assert_eq!(Query::text(b"", true).err(), Some(QueryError::Nothing));
    assert_eq!(Query::regex("a*", true).err(), Some(QueryError::Nothing));
    let error = Query::regex("(", true).unwrap_err();
    assert!(matches!(error, QueryError::Pattern(_)) && error.hint().is_some());
}

#[test]
fn letters_outside_of_ascii_have_cases() {
    let store = store(1 << 24, 1 << 28);
    let index = index(&store);
    exchange(&store, "/", None, "Straße in MÜNCHEN, \u{fffd}".as_bytes());
    exchange(&store, "/", None, b"M\xdcnchen");
    store.flush();
    assert_eq!(places(&index, text("münchen")).len(), 1);
    assert_eq!(places(&index, text("STRAßE")).len(), 1);
    let bytes = Query::text(b"M\xdcNCHEN", true).unwrap();
    assert_eq!(places(&index, bytes).len(), 1);
    let exact = Query::text("münchen".as_bytes(), false).unwrap();
    assert_eq!(places(&index, exact).len(), 0);
}

#[test]
fn the_index_excludes_flows() {
    let store = store(1 << 26, 1 << 28);
    let index = index(&store);
    for n in 0..200 {
        let body = gzip(format!("body number {n:04}, with text").as_bytes());
        exchange(&store, &format!("/{n:04}"), Some("gzip"), &body);
    }
    store.flush();
    index.catch_up();
    assert!(index.stats().flows >= 120, "{:?}", index.stats());
    assert!(index.stats().disk_bytes > 0 && index.stats().memory_bytes > 0);
    let mut results = index.search(text("number 0017"), None);
    assert_eq!(results.next().map(|hit| hit.flow), Some(FlowId(18)));
    assert!(results.next().is_none());
    let progress = results.progress();
    assert_eq!((progress.searched, progress.total), (200, 200));
    assert!(progress.done && !progress.limited);
    let newest = Query {
        order: Order::Newest,
        ..text("body number")
    };
    let found: Vec<_> = places(&index, newest)
        .iter()
        .map(|place| place.0.0)
        .collect();
    assert_eq!(found, (1..=200).rev().collect::<Vec<_>>());
}

#[test]
fn a_search_ends_when_enough_was_found_or_nobody_wants_more() {
    let store = store(1 << 26, 1 << 28);
    let index = index(&store);
    for _ in 0..3000 {
        exchange(&store, "/needle", None, b"needle needle needle");
    }
    store.flush();
    let query = Query {
        hits: 10,
        ..text("needle")
    };
    let mut results = index.search(query, None);
    assert_eq!(results.by_ref().count(), 10);
    assert!(results.progress().limited && results.progress().done);
    let few = Query {
        hits_per_part: 9,
        hits_per_flow: 2,
        ..text("needle")
    };
    let results = index.search(few.clone(), None);
    assert!(results.progress().hits <= 1024);
    assert_eq!(results.count(), 6000);
    // Those who find wait for those who take, and end with them.
    let results = index.search(few, None);
    drop(results);
    drop(index);
}

#[test]
fn the_one_who_asked_is_woken() {
    let store = store(1 << 24, 1 << 28);
    let index = index(&store);
    exchange(&store, "/needle", None, b"");
    store.flush();
    let (sender, woken) = std::sync::mpsc::sync_channel(64);
    let wake = Box::new(move || sender.send(()).unwrap_or_default());
    let results = index.search(text("needle"), Some(wake));
    let mut hits = 0;
    while !results.progress().done || hits == 0 {
        woken.recv().unwrap();
        while results.try_next().is_some() {
            hits += 1;
        }
    }
    assert_eq!(hits, 1);
}

#[test]
fn a_flow_that_was_changed_is_found_by_what_it_is() {
    use crate::store::Edit;
    let store = store(1 << 24, 1 << 28);
    let index = index(&store);
    let id = exchange(&store, "/", None, b"the first text");
    for _ in 0..100 {
        exchange(&store, "/", None, b"others");
    }
    store.flush();
    index.catch_up();
    assert_eq!(places(&index, text("first text")).len(), 1);
    let edit = Edit {
        response_body: Some("a second one".into()),
        ..Edit::default()
    };
    store.edit(id, &edit).unwrap();
    for _ in 0..3 {
        assert_eq!(places(&index, text("first text")).len(), 0);
        assert_eq!(places(&index, text("second one")).len(), 1);
        index.catch_up();
        for _ in 0..100 {
            exchange(&store, "/", None, b"others");
        }
        store.flush();
    }
    store.revert(id).unwrap();
    assert_eq!(places(&index, text("first text")).len(), 1);
    assert_eq!(places(&index, text("second one")).len(), 0);
    index.catch_up();
    assert_eq!(places(&index, text("first text")).len(), 1);
    store.remove(&[id]);
    assert_eq!(places(&index, text("first text")).len(), 0);
}

#[test]
fn filters_do_not_read_what_the_index_excludes() {
    use ratel_flow::filter::{Filter, FilterOptions};
    let store = store(1 << 26, 1 << 28);
    let index = index(&store);
    for n in 0..200 {
        exchange(&store, "/", None, format!("body number {n:04}").as_bytes());
    }
    store.flush();
    index.catch_up();
    let filter = |source| Filter::parse(source, FilterOptions::default()).unwrap();
    let ids = store.ids(0..usize::MAX);
    let excluded = |source, side, flow| {
        let filter = filter(source);
        let sieve = index.shared.sieve(&filter)?;
        let mut stamps = Vec::new();
        store.stamps(&[flow], &mut stamps);
        let mut excluded = None;
        filter.each_in_bodies(&mut |_, pattern| {
            excluded = Some(!sieve.may_hold(&stamps[0], side, pattern));
        });
        excluded
    };
    // Flows that lie in one block are read together.
    assert_eq!(excluded("~b 'number 0017'", None, ids[100]), Some(true));
    assert_eq!(excluded("~b 'number 0017'", None, ids[17]), Some(false));
    assert_eq!(
        excluded("~bq 'number 0017'", Some(Side::Client), ids[17]),
        Some(true)
    );
    // Of a flow that has not been taken nothing is known.
    let new = exchange(&store, "/", None, b"others");
    store.flush();
    assert_eq!(excluded("~b 'number 0017'", None, new), Some(false));
    // Nothing is known of these.
    assert_eq!(excluded(r"~b '\d+'", None, ids[0]), None);
    assert_eq!(excluded("~u number", None, ids[0]), None);
    for source in [
        "~b 'number 0017'",
        "!~bs 'NUMBER 0017'",
        "~b 'number 0017' | ~b others",
    ] {
        let filter = filter(source);
        let mut ids = store.ids(0..usize::MAX);
        let found = store.matching(&ids, &filter);
        ids.retain(|id| store.matches(*id, &filter));
        assert_eq!(found, ids, "{source}");
    }
}
