//! The same answers by reading everything, in the plainest way.

use ratel_flow::content::{self, Codings};
use ratel_flow::filter::texts as of;
use ratel_flow::pattern::Searcher;

use super::*;

struct Reference<'a> {
    store: &'a FlowStore,
    query: &'a Query,
    found: Vec<(Place, bool)>,
}

/// What a search finds, and whether it is in bytes as they were sent.
pub(super) fn found(store: &FlowStore, query: &Query) -> Vec<(Place, bool)> {
    let mut reference = Reference {
        store,
        query,
        found: Vec::new(),
    };
    let mut ids = store.ids(0..usize::MAX);
    if query.order == Order::Newest {
        ids.reverse();
    }
    for id in ids {
        reference.flow(id);
    }
    reference.found
}

fn find(searcher: &Searcher, text: &[u8], wanted: usize) -> Vec<(u64, u64)> {
    let (mut found, mut from) = (Vec::new(), 0);
    while found.len() < wanted
        && let Some(place) = searcher.find_at(text, from)
    {
        from = place.end.max(place.start + 1);
        if !place.is_empty() {
            found.push((place.start as u64, place.len() as u64));
        }
    }
    found
}

impl Reference<'_> {
    /// Whether there was something.
    fn text(&mut self, id: FlowId, part: Part, as_sent: bool, pieces: &[(u64, Vec<u8>)]) -> bool {
        if !part.is_in(self.query) {
            return false;
        }
        let mut wanted = self.query.hits_per_part;
        let before = self.found.len();
        for (at, piece) in pieces {
            for (offset, len) in find(&self.query.searcher, piece, wanted) {
                self.found.push(((id, part, at + offset, len), as_sent));
                wanted -= 1;
            }
        }
        self.found.len() > before
    }

    fn whole(&mut self, id: FlowId, part: Part, text: &[u8]) -> bool {
        self.text(id, part, false, &[(0, text.to_vec())])
    }

    /// The runs of bytes that are there.
    fn body(&self, id: FlowId, side: Side) -> Vec<(u64, Vec<u8>)> {
        let (mut runs, mut at) = (Vec::<(u64, Vec<u8>)>::new(), 0);
        while let Some(window) = self.store.body(id, side, at..at + 777)
            && at < window.total
        {
            match runs.last_mut() {
                Some((start, run)) if *start + run.len() as u64 == window.offset => {
                    run.extend_from_slice(&window.bytes);
                }
                _ => runs.push((window.offset, window.bytes.to_vec())),
            }
            at = window.offset + window.bytes.len() as u64;
        }
        runs
    }

    fn flow(&mut self, id: FlowId) {
        let snapshot = self.store.snapshot(id).unwrap();
        if let Some(request) = &snapshot.request {
            let (mut joined, mut url) = (Vec::new(), Vec::new());
            of::put_url(request, true, &mut joined, &mut url);
            if !self.whole(id, Part::Url, &url) {
                self.whole(id, Part::Url, request.url().as_bytes());
            }
        }
        let request = snapshot.request.as_ref().map(|head| &head.headers);
        let response = snapshot.response.as_ref().map(|head| &head.headers);
        let mut heads = vec![
            (Part::Headers(Side::Client), request),
            (Part::Headers(Side::Server), response),
        ];
        for (number, head) in snapshot.informational.iter().enumerate() {
            heads.push((Part::Informational(number), Some(&head.headers)));
        }
        let trailers = [&snapshot.request_trailers, &snapshot.response_trailers];
        for (side, trailers) in [Side::Client, Side::Server].into_iter().zip(trailers) {
            heads.push((Part::Trailers(side), trailers.as_ref()));
        }
        for (part, headers) in heads {
            if let Some(headers) = headers {
                let mut text = Vec::new();
                of::put_lines(headers, &mut text);
                self.whole(id, part, &text);
            }
        }
        let is_messages = matches!(
            snapshot.stream,
            Some(StreamKind::WebSocket | StreamKind::Tcp)
        );
        for (side, headers) in [(Side::Client, request), (Side::Server, response)] {
            let codings = headers.map(|headers| Codings::of(headers).unwrap());
            let codings = codings.unwrap_or_default();
            let coded = !codings.is_empty() && !is_messages;
            let given = self.messages(id, side, coded);
            if given || is_messages {
                continue;
            }
            let runs = self.body(id, side);
            if !coded {
                self.text(id, Part::Body(side), false, &runs);
                continue;
            }
            let start = runs.first().filter(|(at, _)| *at == 0);
            let start = start.map(|(_, run)| run.clone()).unwrap_or_default();
            let (decoded, end) = content::decode(&codings, &start, 1 << 30);
            let given = self.whole(id, Part::Body(side), &decoded);
            if !given && end != content::End::Complete {
                self.text(id, Part::Body(side), true, &runs);
            }
        }
    }

    fn messages(&mut self, id: FlowId, side: Side, coded: bool) -> bool {
        let window = self.store.messages(id, 0..u64::MAX).unwrap();
        let mut given = false;
        let heads: Vec<_> = (window.first..).zip(window.items).collect();
        let open = (window.total..).zip(window.open);
        let open = open.map(|(number, open)| (number, open.side, open.payload));
        let heads = heads
            .into_iter()
            .map(|(number, head)| (number, head.side, head.payload));
        for (number, of, payload) in heads.chain(open).collect::<Vec<_>>() {
            if of != side || coded && payload.stream == PayloadStream::Body {
                continue;
            }
            let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
            let mut at = 0;
            while at < payload.len {
                let window = self.store.payload(id, side, payload, at..u64::MAX).unwrap();
                if window.bytes.is_empty() {
                    break;
                }
                runs.push((window.offset, window.bytes.to_vec()));
                at = window.offset + window.bytes.len() as u64;
            }
            let part = Part::Message { number, side };
            given |= self.text(id, part, false, &runs);
        }
        given
    }
}
