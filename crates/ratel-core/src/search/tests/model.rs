//! Random traffic, searched at random moments: what is found is what reading everything finds.

use std::sync::atomic::AtomicU64;

use proptest::prelude::*;
use ratel_flow::OpenMessage;
use ratel_flow::filter::{Filter, FilterOptions};

use super::*;
use crate::store::Edit;

#[derive(Clone, Debug)]
enum Step {
    Open(Kind),
    Head(usize, bool, String, Coding),
    Data(usize, bool, Text),
    Message(usize, bool, Text, bool),
    Begin(usize, bool, Text),
    Trailers(usize, String),
    Finish(usize),
    Edit(usize, Text),
    Revert(usize),
    Remove(usize),
    /// Many small flows, so that volumes are written.
    Many(usize, String),
    CatchUp,
    Search(String, Looking),
    /// A filter that looks into bodies.
    Filter(&'static str, String),
    /// Bytes that the disk of the index has left.
    IndexDisk(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Http,
    WebSocket,
    Tcp,
    Events,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Coding {
    None,
    Gzip,
    /// Said to be gzip, but not.
    Wrong,
    /// Ends early.
    Short,
}

#[derive(Clone, Debug)]
struct Looking {
    parts: u8,
    side: Option<bool>,
    per_part: usize,
    newest: bool,
    ignore_case: bool,
}

/// Bytes that are shown as text.
#[derive(Clone)]
struct Text(Vec<u8>);

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes {}", self.0.len(), self.0.escape_ascii())
    }
}

/// Text of few letters, so that it is found; noise; and both.
fn content() -> impl Strategy<Value = Text> {
    let text = |len| proptest::string::string_regex(&format!("[a-cA-C ]{{{len}}}")).unwrap();
    prop_oneof![
        4 => text("0,30").prop_map(String::into_bytes),
        3 => text("200,900").prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..3000),
        1 => (text("5"), 300usize..2500).prop_map(|(t, n)| t.repeat(n / 5).into_bytes()),
        1 => "[äöüß日本]{0,40}".prop_map(String::into_bytes),
    ]
    .prop_map(Text)
}

fn needle() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-cA-C]{1,6}",
        1 => "[a-c]{300,320}",
        1 => Just("ä".into()),
        3 => prop_oneof![
            Just("a[bc]{2}a".to_owned()), Just("ab.*ca".into()), Just("(?:abc|cba)a".into()), Just("^a.b".into()),
            Just("c$".into()), Just("[a-c]{3} b".into()), Just("(a.)\\1".into()), Just("a(?!b)c".into()),
            Just("ab{2,900}c".into()), Just("[^a-c]{4}".into()), Just("\\xff".into()), Just("host: a".into()),
        ],
    ]
}

/// With `{}` where the needle goes.
fn filters() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("~b {}"), 2 => Just("~bs {}"), 2 => Just("~bq {}"), 1 => Just("!~b {}"), 1 => Just("~bq {} | ~bs {}"),
        1 => Just("~bs {} & !~bq abc"), 1 => Just("~http ~b {}"),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let flow = 0usize..5;
    let kind = prop_oneof![
        4 => Just(Kind::Http), 1 => Just(Kind::WebSocket), 1 => Just(Kind::Tcp), 1 => Just(Kind::Events)
    ];
    let coding = prop_oneof![
        4 => Just(Coding::None), 4 => Just(Coding::Gzip), 1 => Just(Coding::Wrong), 1 => Just(Coding::Short)
    ];
    let looking = (
        1u8..16,
        any::<Option<bool>>(),
        1usize..4,
        any::<bool>(),
        any::<bool>(),
    );
    let looking = looking.prop_map(|(parts, side, per_part, newest, ignore_case)| Looking {
        parts,
        side,
        per_part,
        newest,
        ignore_case,
    });
    prop_oneof![
        4 => kind.prop_map(Step::Open),
        4 => (flow.clone(), any::<bool>(), "[a-cA-C]{0,20}", coding).prop_map(|(f, s, t, c)| Step::Head(f, s, t, c)),
        8 => (flow.clone(), any::<bool>(), content()).prop_map(|(f, s, c)| Step::Data(f, s, c)),
        8 => (flow.clone(), any::<bool>(), content(), any::<bool>()).prop_map(|(f, s, c, x)| Step::Message(f, s, c, x)),
        1 => (flow.clone(), any::<bool>(), content()).prop_map(|(f, s, c)| Step::Begin(f, s, c)),
        1 => (flow.clone(), "[a-c]{0,9}").prop_map(|(f, t)| Step::Trailers(f, t)),
        5 => flow.clone().prop_map(Step::Finish),
        1 => (0usize..50, content()).prop_map(|(f, c)| Step::Edit(f, c)),
        1 => (0usize..50).prop_map(Step::Revert),
        1 => (0usize..50).prop_map(Step::Remove),
        1 => (1usize..60, "[a-cA-C]{0,12}").prop_map(|(n, t)| Step::Many(n, t)),
        4 => Just(Step::CatchUp),
        8 => (needle(), looking).prop_map(|(n, l)| Step::Search(n, l)),
        4 => (filters(), needle()).prop_map(|(f, n)| Step::Filter(f, n)),
        1 => prop_oneof![Just(0), 0u64..20_000, Just(u64::MAX)].prop_map(Step::IndexDisk),
    ]
}

struct Live {
    writer: FlowWriter,
    kind: Kind,
    heads: [Option<Coding>; 2],
    /// Bytes of bodies and of what is beside them.
    lens: [[u64; 2]; 2],
    plain: [Vec<u8>; 2],
    open: bool,
}

impl Live {
    fn new(store: &FlowStore, kind: Kind) -> Self {
        let flow_kind = match kind {
            Kind::Tcp => FlowKind::Tcp,
            _ => FlowKind::Http,
        };
        let writer = store.open(flow_kind, &client(), Timestamp(1));
        match kind {
            Kind::Http => {}
            Kind::WebSocket => writer.stream(StreamKind::WebSocket),
            Kind::Tcp => writer.stream(StreamKind::Tcp),
            Kind::Events => writer.stream(StreamKind::Sse),
        }
        Self {
            writer,
            kind,
            heads: [None; 2],
            lens: [[0; 2]; 2],
            plain: Default::default(),
            open: false,
        }
    }

    fn head(&mut self, server: bool, text: &str, coding: Coding) {
        if self.kind == Kind::Tcp {
            return;
        }
        let coding = match self.kind {
            Kind::Http => coding,
            _ => Coding::None,
        };
        let coding = *self.heads[usize::from(server)].get_or_insert(coding);
        let mut fields = vec![("Host", "A.example"), ("X", text)];
        if coding != Coding::None {
            fields.push(("Content-Encoding", "gzip"));
        }
        if server {
            self.writer.response(&response(&fields));
        } else {
            let head = request(&format!("/{text}"), &fields);
            self.writer.request(&head);
        }
    }

    fn data(&mut self, server: bool, bytes: &[u8]) {
        let nth = usize::from(server);
        match (self.kind, self.heads[nth]) {
            (Kind::Http, Some(Coding::Gzip | Coding::Short)) => self.plain[nth].extend(bytes),
            (Kind::Http | Kind::Events, _) => {
                self.lens[0][nth] += bytes.len() as u64;
                data(&self.writer, side(server), bytes);
            }
            _ => {}
        }
    }

    fn message(&mut self, server: bool, bytes: Vec<u8>, beside: bool) {
        if self.kind == Kind::Http || self.open {
            return;
        }
        let offset = &mut self.lens[usize::from(beside)][usize::from(server)];
        let len = bytes.len() as u64;
        let payload = Payload {
            stream: if beside {
                PayloadStream::Extra
            } else {
                PayloadStream::Body
            },
            offset: *offset,
            len,
        };
        *offset += len;
        let (side, pieces) = (side(server), [Bytes::from(bytes)]);
        if beside {
            self.writer.extra(side, &pieces, Timestamp(7));
        } else {
            self.writer.data(side, &pieces, Timestamp(7));
        }
        self.writer.message(&MessageHead {
            side,
            kind: MessageKind::Text,
            flags: MessageFlags::default(),
            timestamp: Timestamp(7),
            code: 0,
            payload,
        });
    }

    /// A message that goes on.
    fn begin(&mut self, server: bool, bytes: &[u8]) {
        if self.kind == Kind::Http || self.open {
            return;
        }
        self.open = true;
        let nth = usize::from(server);
        let open = OpenMessage {
            side: side(server),
            kind: MessageKind::Text,
            timestamp: Timestamp(8),
            payload: Payload {
                stream: PayloadStream::Body,
                offset: self.lens[0][nth],
                len: 0,
            },
            held: false,
        };
        self.writer.message_open(side(server), Some(open));
        self.lens[0][nth] += bytes.len() as u64;
        data(&self.writer, side(server), bytes);
    }

    /// Dropping is finishing.
    fn finish(self) {
        for (nth, server) in [false, true].into_iter().enumerate() {
            let coded = gzip(&self.plain[nth]);
            let len = match self.heads[nth] {
                Some(Coding::Gzip) => coded.len(),
                Some(Coding::Short) => coded.len() - 9,
                _ => 0,
            };
            data(&self.writer, side(server), &coded[..len]);
        }
    }
}

struct Run {
    store: FlowStore,
    index: SearchIndex,
    disk_left: Arc<AtomicU64>,
    faults: bool,
    live: Vec<Live>,
}

fn side(server: bool) -> Side {
    if server { Side::Server } else { Side::Client }
}

impl Run {
    fn new(store: FlowStore, memory: usize, disk: u64, faults: bool) -> Self {
        let files = Files::new(std::env::temp_dir(), disk);
        let disk_left = files.disk_left.clone();
        let budget = Budget { memory, disk };
        Self {
            index: SearchIndex::run(store.clone(), files, budget).unwrap(),
            store,
            disk_left,
            faults,
            live: Vec::new(),
        }
    }

    fn live(&mut self, n: usize, change: impl FnOnce(&mut Live)) {
        let at = n.checked_rem(self.live.len());
        if let Some(live) = at.and_then(|at| self.live.get_mut(at)) {
            change(live);
        }
    }

    fn step(&mut self, step: Step) {
        let store = self.store.clone();
        match step {
            Step::Open(kind) => self.live.push(Live::new(&store, kind)),
            Step::Head(n, server, text, coding) => {
                self.live(n, |live| live.head(server, &text, coding));
            }
            Step::Data(n, server, Text(bytes)) => self.live(n, |live| live.data(server, &bytes)),
            Step::Message(n, server, Text(bytes), beside) => {
                self.live(n, |live| live.message(server, bytes, beside));
            }
            Step::Begin(n, server, Text(bytes)) => self.live(n, |live| live.begin(server, &bytes)),
            Step::Trailers(n, text) => self.live(n, |live| {
                let trailers = headers(&[("T", &text)]);
                live.writer.trailers(Side::Server, &trailers);
            }),
            Step::Finish(n) => {
                if let Some(at) = n.checked_rem(self.live.len()) {
                    self.live.swap_remove(at).finish();
                }
            }
            Step::Edit(n, Text(bytes)) => {
                let edit = Edit {
                    response_body: Some(bytes.into()),
                    ..Edit::default()
                };
                let _ = self.any(n).map(|id| store.edit(id, &edit));
            }
            Step::Revert(n) => {
                let _ = self.any(n).map(|id| store.revert(id));
            }
            Step::Remove(n) => {
                let _ = self.any(n).map(|id| store.remove(&[id]));
            }
            Step::Many(count, text) => {
                for n in 0..count {
                    let body = format!("{text}{n}");
                    exchange(&store, &format!("/{n}"), None, body.as_bytes());
                }
            }
            Step::CatchUp => {
                store.flush();
                self.index.catch_up();
            }
            Step::IndexDisk(left) if self.faults => self.disk_left.store(left, Ordering::Relaxed),
            Step::IndexDisk(_) => {}
            Step::Search(needle, looking) => self.search(&needle, looking),
            Step::Filter(filter, needle) => self.filter(filter, &needle),
        }
    }

    fn any(&self, n: usize) -> Option<FlowId> {
        self.store.flush();
        let ids = self.store.ids(0..usize::MAX);
        ids.get(n.checked_rem(ids.len())?).copied()
    }

    fn search(&self, needle: &str, looking: Looking) {
        self.store.flush();
        let parts = [Parts::URLS, Parts::HEADERS, Parts::BODIES, Parts::MESSAGES];
        let parts = parts.into_iter().enumerate();
        let parts = parts.filter(|(at, _)| looking.parts >> at & 1 != 0);
        let query = Query {
            parts: parts.map(|(_, part)| part).reduce(Parts::with).unwrap(),
            side: looking.side.map(side),
            order: if looking.newest {
                Order::Newest
            } else {
                Order::Oldest
            },
            hits_per_part: looking.per_part,
            hits_per_flow: usize::MAX,
            hits: usize::MAX,
            ..Query::regex(needle, looking.ignore_case).unwrap()
        };
        let hits = self.index.search(query.clone(), None);
        let hits: Vec<_> = hits
            .map(|hit| ((hit.flow, hit.part, hit.offset, hit.len), hit.as_sent))
            .collect();
        let expected = reference::found(&self.store, &query);
        let missing: Vec<_> = expected.iter().filter(|hit| !hits.contains(hit)).collect();
        let surplus: Vec<_> = hits.iter().filter(|hit| !expected.contains(hit)).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{needle}: {missing:?} missing, {surplus:?} too much"
        );
        assert_eq!(hits, expected, "{needle}: another order");
    }
}

impl Run {
    /// Flows that match with the index are those that match when each is read.
    fn filter(&self, filter: &str, needle: &str) {
        self.store.flush();
        let quoted = format!("\"{}\"", needle.replace('\\', r"\\"));
        let filter = filter.replace("{}", &quoted);
        let filter = Filter::parse(&filter, FilterOptions::default()).unwrap();
        let ids = self.store.ids(0..usize::MAX);
        let found = self.store.matching(&ids, &filter);
        let read = ids
            .into_iter()
            .filter(|id| self.store.matches(*id, &filter));
        assert_eq!(found, read.collect::<Vec<_>>(), "{}", filter.source());
    }
}

fn run(store: FlowStore, memory: usize, disk: u64, faults: bool, steps: Vec<Step>) {
    let mut run = Run::new(store, memory, disk, faults);
    for step in steps {
        run.step(step);
    }
    let looking = Looking {
        parts: 15,
        side: None,
        per_part: 2,
        newest: false,
        ignore_case: true,
    };
    for needle in ["ab", "abc", "bca.*a"] {
        run.search(needle, looking.clone());
        run.filter("~b {}", needle);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_found_is_what_is_there(steps in steps()) {
        run(store(1 << 26, 1 << 30), 1 << 26, 1 << 30, false, steps);
    }

    #[test]
    fn flows_that_are_evicted_are_not_found(steps in steps()) {
        run(store(1 << 26, 40_000), 1 << 26, 1 << 30, false, steps);
    }

    #[test]
    fn an_index_with_little_room_is_as_good(steps in steps()) {
        run(store(1 << 26, 1 << 30), 20_000, 30_000, false, steps);
    }

    #[test]
    fn an_index_that_cannot_be_written_is_as_good(steps in steps()) {
        run(store(1 << 26, 1 << 30), 1 << 26, 1 << 30, true, steps);
    }
}
