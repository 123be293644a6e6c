//! Searching a large store: `cargo bench -p ratel-core --bench search [-- FLOWS]`.
//!
//! Records 100,000 flows of 2 GB: half of them JSON in gzip, some text as it is, some pictures, a hundred downloads. Says
//! what building the index costs, how large it is, and how long searches take until the first hit and until the end.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ratel_core::search::{Parts, Query, SearchConfig, SearchIndex};
use ratel_core::store::{FlowStore, StoreConfig};
use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::{
    ClientConn, ConnId, FlowKind, Request, Response, Scheme, Side, Timestamp, Version,
};

const MIB: f64 = 1024.0 * 1024.0;

/// Different bodies of each kind; flows beyond that have the same ones again.
const DISTINCT: usize = 4000;

fn main() {
    let flows = std::env::args().find_map(|argument| argument.parse().ok());
    let flows = flows.unwrap_or(100_000);
    let bodies = Bodies::new();
    let store = FlowStore::start(StoreConfig {
        dir: std::env::temp_dir(),
        memory_bytes: 1 << 30,
        disk_bytes: 16 << 30,
    })
    .expect("the temporary folder can be written");

    let begun = Instant::now();
    let decoded = record(&store, &bodies, flows);
    let stats = store.stats();
    say(&format!(
        "{} flows recorded in {:.1} s: {:.0} MiB on disk, {:.0} MiB of text",
        stats.flows,
        begun.elapsed().as_secs_f64(),
        stats.disk_bytes as f64 / MIB,
        decoded as f64 / MIB,
    ));

    let config = SearchConfig {
        dir: std::env::temp_dir(),
        disk_bytes: 1 << 30,
        memory_bytes: 64 << 20,
    };
    let (begun, before) = (Instant::now(), cpu());
    let index = SearchIndex::start(store.clone(), config).expect("a thread");
    index.catch_up();
    let (took, used, stats) = (begun.elapsed(), cpu() - before, index.stats());
    say(&format!(
        "indexed in {:.1} s with {:.1} s of CPU, {:.2} ms for each MiB of text, {:.0} µs for each flow; {:.0} MiB on disk \
         ({:.1} % of the text), {:.1} MiB of memory, {} flows covered",
        took.as_secs_f64(),
        used.as_secs_f64(),
        used.as_secs_f64() * 1e3 / (decoded as f64 / MIB),
        used.as_secs_f64() * 1e6 / flows as f64,
        stats.disk_bytes as f64 / MIB,
        100.0 * stats.disk_bytes as f64 / decoded as f64,
        stats.memory_bytes as f64 / MIB,
        stats.flows,
    ));

    let text = |needle: &str| Query::text(needle.as_bytes(), true).expect("a text");
    let regex = |source: &str| Query::regex(source, true).expect("an expression");
    let mut in_headers = text("nowhere to be found");
    in_headers.parts = Parts::HEADERS;
    let rows = [
        ("a text in 7 flows", text("needle-4711-haystack")),
        ("an id in one flow", text(&bodies.some_id)),
        ("a text that is nowhere", text("nowhere to be found")),
        ("a text in every URL", text("/api/v1/items")),
        ("a text in every JSON", text("\"currency\"")),
        ("a word in some texts", text("Kingfisher")),
        ("a regular expression", regex(r"needle-\d{4}-[a-z]+")),
        ("an alternation", regex("needle-4711|nowhere to")),
        (
            "one without a literal",
            regex(r"\b\d{3}-\d{3}-\d{3}-\d{3}\b"),
        ),
        ("two bytes", text("~|")),
        ("two bytes, everywhere", text("id")),
        ("a text that is nowhere, in headers", in_headers),
    ];
    say("| search | hits | first, ms | all, ms | again, ms |");
    for (name, query) in rows {
        let (hits, first, all) = search(&index, query.clone());
        let (_, _, again) = search(&index, query);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let first = first.map_or("–".to_owned(), |first| format!("{:.1}", ms(first)));
        say(&format!(
            "| {name} | {hits} | {first} | {:.0} | {:.0} |",
            ms(all),
            ms(again)
        ));
    }
    filters(&store, index);
}

/// How long filters over all flows take that look into bodies, with the index and without.
fn filters(store: &FlowStore, index: SearchIndex) {
    let ids = store.ids(0..usize::MAX);
    let sources = [
        "~b needle-4711-haystack",
        "~b 'nowhere to be found'",
        "~bs Kingfisher",
        "~u items & ~bq token",
    ];
    let run = || {
        sources.map(|source| {
            let filter = Filter::parse(source, FilterOptions::default()).expect("a filter");
            let begun = Instant::now();
            let found = store.matching(&ids, &filter);
            (found, begun.elapsed())
        })
    };
    let with = run();
    drop(index);
    let without = run();
    say("| filter | flows | with the index, ms | without, ms |");
    for ((source, with), without) in sources.iter().zip(with).zip(without) {
        assert_eq!(with.0, without.0, "{source}");
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        say(&format!(
            "| `{source}` | {} | {:.0} | {:.0} |",
            with.0.len(),
            ms(with.1),
            ms(without.1)
        ));
    }
}

#[expect(clippy::print_stdout, reason = "figures are what it is for")]
fn say(line: &str) {
    println!("{line}");
}

fn search(index: &SearchIndex, query: Query) -> (usize, Option<Duration>, Duration) {
    let begun = Instant::now();
    let (mut hits, mut first) = (0, None);
    for _ in index.search(query, None) {
        first.get_or_insert_with(|| begun.elapsed());
        hits += 1;
    }
    (hits, first, begun.elapsed())
}

/// Of the process, in steps of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // What stands in parentheses is the name, which may be anything.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Bytes of all texts together.
fn record(store: &FlowStore, bodies: &Bodies, flows: usize) -> u64 {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let client = Arc::new(ClientConn {
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
    });
    let mut random = Random(7);
    let mut text = 0;
    for n in 0..flows {
        // No faster than the disk: nothing that is emitted is to be left out.
        if n % 100 == 0 {
            store.flush();
        }
        // Opened long ago, as flows in a file, so that it is not taken for traffic that must not be disturbed.
        let flow = store.open(FlowKind::Http, &client, Timestamp(1));
        let (kind, encoding, body, len) = if n % 1000 == 999 {
            let body = random.bytes(10 << 20);
            let len = body.len();
            ("application/octet-stream", None, body, len)
        } else if n % 2 == 0 {
            let special = if n % 14_000 == 7000 {
                &bodies.needles
            } else {
                &bodies.json
            };
            let (body, len) = special[n / 2 % special.len()].clone();
            ("application/json", Some("gzip"), body, len)
        } else if n % 10 == 1 {
            let len = (8 << 10) + random.next() as usize % (48 << 10);
            let body = random.bytes(len);
            let len = body.len();
            ("image/webp", None, body, len)
        } else {
            let body = bodies.plain[n / 2 % bodies.plain.len()].clone();
            let len = body.len();
            ("text/html; charset=utf-8", None, body, len)
        };
        text += len as u64 + 1200;
        flow.request(&request(&mut random));
        flow.end(Side::Client, Timestamp(2));
        flow.response(&response(kind, encoding, body.len(), &mut random));
        for start in (0..body.len()).step_by(64 << 10) {
            let piece = body.slice(start..body.len().min(start + (64 << 10)));
            flow.data(Side::Server, &[piece], Timestamp(3));
        }
        flow.end(Side::Server, Timestamp(4));
        flow.finish(Timestamp(5));
        if n % 64 == 0 || body.len() > 1 << 20 {
            store.flush();
        }
    }
    store.flush();
    text
}

fn request(random: &mut Random) -> Request {
    let target = Bytes::from(format!(
        "/api/v1/items/{}?page={}&sort=price&token={:016x}",
        random.uuid(),
        random.next() % 100,
        random.next()
    ));
    let line = Bytes::from([b"GET ", &target[..], b" HTTP/1.1\r\n"].concat());
    let id = random.uuid();
    Request {
        pseudo: Default::default(),
        method: "GET".into(),
        target: target.clone(),
        path: target,
        version: Version::Http11,
        line: Some(line),
        headers: [
            ("Host", "service.dev.example.com"),
            (
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ),
            ("Accept", "application/json, text/plain, */*"),
            ("Accept-Language", "en-US,en;q=0.7,de;q=0.3"),
            ("Accept-Encoding", "gzip, deflate, br, zstd"),
            ("Connection", "keep-alive"),
            (
                "Cookie",
                "session=0123456789abcdef0123456789abcdef; theme=dark",
            ),
            ("X-Request-Id", &id),
        ]
        .into_iter()
        .collect(),
        scheme: Scheme::Https,
        host: "service.dev.example.com".into(),
        port: 443,
        timestamp_start: Timestamp(1),
    }
}

fn response(kind: &str, encoding: Option<&str>, len: usize, random: &mut Random) -> Response {
    let line = Bytes::from_static(b"HTTP/1.1 200 OK\r\n");
    let (len, id) = (len.to_string(), random.uuid());
    let fields = [
        ("Date", "Mon, 23 Nov 2026 10:00:00 GMT"),
        ("Content-Type", kind),
        ("Content-Length", &len),
        ("Cache-Control", "private, max-age=0"),
        ("ETag", &id),
        ("Server", "nginx"),
        ("Strict-Transport-Security", "max-age=31536000"),
    ];
    let encoding = encoding.map(|encoding| ("Content-Encoding", encoding));
    Response {
        pseudo: Default::default(),
        version: Version::Http11,
        status: 200,
        reason: line.slice(13..15),
        line: Some(line),
        headers: fields.into_iter().chain(encoding).collect(),
        timestamp_start: Timestamp(3),
    }
}

struct Bodies {
    /// In gzip, with their lengths.
    json: Vec<(Bytes, usize)>,
    needles: Vec<(Bytes, usize)>,
    plain: Vec<Bytes>,
    some_id: String,
}

impl Bodies {
    fn new() -> Self {
        let mut random = Random(1);
        let some_id = random.uuid();
        let mut json = Vec::new();
        for n in 0..DISTINCT {
            let count = 20 + random.next() as usize % 200;
            let id = (n == 1234).then_some(&*some_id);
            json.push(packed(&document(&mut random, count, id)));
        }
        let needles =
            (0..7).map(|_| packed(&document(&mut random, 90, Some("needle-4711-haystack"))));
        let needles = needles.collect();
        let plain = (0..DISTINCT).map(|_| page(&mut random)).collect();
        Self {
            json,
            needles,
            plain,
            some_id,
        }
    }
}

fn packed(text: &str) -> (Bytes, usize) {
    let level = flate2::Compression::new(6);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(text.as_bytes()).expect("memory");
    (encoder.finish().expect("memory").into(), text.len())
}

fn document(random: &mut Random, count: usize, special: Option<&str>) -> String {
    let mut out = String::from("{\"items\":[");
    for n in 0..count {
        let id = match special {
            Some(special) if n == count * 2 / 3 => special.to_owned(),
            _ => random.uuid(),
        };
        let _ = write!(
            out,
            "{}{{\"id\":\"{id}\",\"name\":\"{} {}\",\"price\":{}.{:02},\"currency\":\"EUR\",\"created\":\"2026-11-{:02}T{:02}:{:02}:00Z\",\
             \"stock\":{},\"tags\":[\"{}\",\"{}\"],\"active\":{},\"description\":\"{}\"}}",
            if n > 0 { "," } else { "" },
            random.word(),
            random.word(),
            random.next() % 1000,
            random.next() % 100,
            random.next() % 30 + 1,
            random.next() % 24,
            random.next() % 60,
            random.next() % 10_000,
            random.word(),
            random.word(),
            random.next().is_multiple_of(2),
            random.sentence(12),
        );
    }
    out.push_str("]}");
    out
}

fn page(random: &mut Random) -> Bytes {
    let mut out = String::from("<!DOCTYPE html>\n<html><head><title>");
    out.push_str(&random.sentence(5));
    out.push_str("</title></head>\n<body class=\"main\">\n");
    for _ in 0..10 + random.next() % 60 {
        let _ = write!(
            out,
            "<div id=\"{}\" class=\"row {}\"><a href=\"/{}/{}.html\">{}</a>\n<p>{}</p></div>\n",
            random.word(),
            random.word(),
            random.word(),
            random.next() % 10_000,
            random.sentence(3),
            random.sentence(25),
        );
    }
    out.push_str("</body></html>\n");
    out.into()
}

/// The same figures at every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn bytes(&mut self, len: usize) -> Bytes {
        let words = (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes());
        let bytes: Vec<u8> = words.collect();
        Bytes::from(bytes).slice(..len)
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }

    /// One of three thousand, the first ones more often.
    fn word(&mut self) -> String {
        let (a, b) = (self.next() % 3000, self.next() % 3000);
        let mut n = a * b / 3000;
        if n == 2718 {
            return "kingfisher".to_owned();
        }
        let mut word = String::new();
        for _ in 0..2 + n % 3 {
            let start = [
                "b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr",
                "ch",
            ];
            let vowel = ["a", "e", "i", "o", "u", "ea", "ou", "er", "in", "on", "an"];
            n = n.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3);
            word.push_str(start[(n >> 33) as usize % start.len()]);
            word.push_str(vowel[(n >> 45) as usize % vowel.len()]);
        }
        word
    }

    fn sentence(&mut self, words: usize) -> String {
        let words: Vec<_> = (0..words).map(|_| self.word()).collect();
        words.join(" ")
    }
}
