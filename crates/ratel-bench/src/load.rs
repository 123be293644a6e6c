//! The load: asks for one path over many connections, for a time or a number of requests, and prints one line of JSON.
//!
//! `--to PORT` is connected to, with TLS when `--tls 1`. With `--connect HOST:PORT` that port is asked for a tunnel
//! first, and TLS goes inside. `--path`, `--conns N`, `--seconds S`, `--requests N`, `--fresh 1` (a connection for each
//! request), `--expect N` (bytes of body), `--paths N` (`{}` in the path is one of so many numbers, each of them once before
//! any comes again).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::args::Args;
use crate::net::{Stream, client, content_length, find, now_us};

/// No single exchange takes longer than this, unless the candidate has lost it.
const LIMIT: Duration = Duration::from_secs(60);

struct Plan {
    to: u16,
    connect: Option<String>,
    tls: Option<Arc<rustls::ClientConfig>>,
    request: Ask,
    events: bool,
    expect: Option<u64>,
    fresh: bool,
    end: Instant,
    requests: u64,
}

/// The request, or as many as there are paths.
struct Ask {
    before: String,
    after: String,
    paths: u64,
}

impl Ask {
    /// Coprime to any round number, so that it visits them all, far from each other.
    const STRIDE: u64 = 7919;

    fn new(path: &str, host: &str, paths: u64) -> Self {
        let (start, end) = path.split_once("{}").unwrap_or((path, ""));
        Self {
            before: format!("GET {start}"),
            after: format!(
                "{end} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ratel-bench\r\nAccept: */*\r\n\r\n"
            ),
            paths,
        }
    }

    fn bytes(&self, turn: u64) -> Vec<u8> {
        let Self {
            before,
            after,
            paths,
        } = self;
        match turn.wrapping_mul(Self::STRIDE).checked_rem(*paths) {
            Some(number) => format!("{before}{number}{after}").into_bytes(),
            None => format!("{before}{after}").into_bytes(),
        }
    }
}

#[derive(Default)]
struct Seen {
    asked: u64,
    done: u64,
    bytes: u64,
    latency_us: Vec<u32>,
    late_us: Vec<u32>,
    errors: BTreeMap<String, u64>,
}

impl Seen {
    fn note(&mut self, bytes: u64, took: Duration, late: Vec<u32>) {
        self.done += 1;
        self.bytes += bytes;
        self.latency_us
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        self.late_us.extend(late);
    }
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let path = args.required("path")?;
    let connect = args.text("connect").map(str::to_owned);
    let host = connect.clone().unwrap_or_else(|| "localhost".into());
    let plan = Rc::new(Plan {
        to: args.required("to")?.parse()?,
        connect,
        tls: (args.number("tls", 0)? == 1).then(client),
        request: Ask::new(path, &host, args.number("paths", 0)?),
        events: path.starts_with("/sse"),
        expect: args.text("expect").map(str::parse).transpose()?,
        fresh: args.number("fresh", 0)? == 1,
        end: Instant::now() + Duration::from_secs_f64(args.number("seconds", 600.0)?),
        requests: args.number("requests", u64::MAX)?,
    });
    let seen = Rc::new(RefCell::new(Seen::default()));
    let start = Instant::now();
    let local = tokio::task::LocalSet::new();
    for _ in 0..args.number("conns", 1)? {
        local.spawn_local(worker(Rc::clone(&plan), Rc::clone(&seen)));
    }
    local.await;
    report(&mut seen.borrow_mut(), start.elapsed())
}

async fn worker(plan: Rc<Plan>, seen: Rc<RefCell<Seen>>) {
    let mut kept = None;
    let mut buffer = vec![0; 256 * 1024];
    while Instant::now() < plan.end && seen.borrow().asked < plan.requests {
        let turn = seen.borrow().asked;
        seen.borrow_mut().asked += 1;
        let request = plan.request.bytes(turn);
        let start = Instant::now();
        let exchange = async {
            let mut stream = match kept.take() {
                Some(stream) => stream,
                None => open(&plan).await?,
            };
            let (bytes, late) = exchange(&plan, &request, &mut stream, &mut buffer).await?;
            anyhow::Ok((stream, bytes, late))
        };
        match tokio::time::timeout(LIMIT, exchange).await {
            Ok(Ok((mut stream, bytes, late))) => {
                seen.borrow_mut().note(bytes, start.elapsed(), late);
                if plan.fresh {
                    let _ = stream.shutdown().await;
                } else {
                    kept = Some(stream);
                }
            }
            Ok(Err(error)) => {
                *seen
                    .borrow_mut()
                    .errors
                    .entry(format!("{error:#}"))
                    .or_default() += 1
            }
            Err(_) => {
                *seen
                    .borrow_mut()
                    .errors
                    .entry(format!("no answer within {LIMIT:?}"))
                    .or_default() += 1
            }
        }
    }
}

async fn open(plan: &Plan) -> anyhow::Result<Stream> {
    let mut tcp = TcpStream::connect(("127.0.0.1", plan.to))
        .await
        .context("connect")?;
    tcp.set_nodelay(true)?;
    if let Some(host) = &plan.connect {
        tcp.write_all(format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
            .await
            .context("CONNECT")?;
        let mut answer = Vec::new();
        while find(&answer, b"\r\n\r\n").is_none() {
            if tcp.read_buf(&mut answer).await.context("CONNECT")? == 0 {
                bail!("closed in answer to CONNECT");
            }
        }
        if !answer.starts_with(b"HTTP/1.1 200") {
            bail!("CONNECT was refused");
        }
    }
    Ok(match &plan.tls {
        None => Stream::Plain(tcp),
        Some(config) => {
            let name = ServerName::try_from("localhost").context("a name")?;
            let tls = TlsConnector::from(Arc::clone(config))
                .connect(name, tcp)
                .await
                .context("TLS")?;
            Stream::Tls(Box::new(tls.into()))
        }
    })
}

/// One request and its whole response: the bytes of its body, and how late each event in it was.
async fn exchange(
    plan: &Plan,
    request: &[u8],
    stream: &mut Stream,
    buffer: &mut [u8],
) -> anyhow::Result<(u64, Vec<u32>)> {
    stream.write_all(request).await.context("sending")?;
    stream.flush().await.context("sending")?;
    let mut have = 0;
    let end = loop {
        let read = stream.read(&mut buffer[have..]).await.context("reading")?;
        if read == 0 {
            bail!("closed before the response");
        }
        have += read;
        if let Some(at) = find(&buffer[..have], b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    if !head.starts_with("HTTP/1.1 200") {
        bail!("answered {}", head.lines().next().unwrap_or_default());
    }
    if plan.events {
        let late = events(stream, buffer[end..have].to_vec()).await?;
        return Ok((0, late));
    }
    let length = content_length(&head).context("no length")?;
    let mut got = (have - end) as u64;
    while got < length {
        match stream.read(buffer).await.context("reading")? {
            0 => bail!("closed inside the body"),
            read => got += read as u64,
        }
    }
    if plan.expect.is_some_and(|expect| expect != got) {
        bail!("a body of {got} bytes");
    }
    Ok((got, Vec::new()))
}

/// Reads events to their end. They are looked for in the chunked bytes as they are: none is split over two chunks.
async fn events(stream: &mut Stream, mut text: Vec<u8>) -> anyhow::Result<Vec<u32>> {
    let mut late = Vec::new();
    loop {
        while let Some(at) = find(&text, b"\n\n") {
            let now = now_us();
            let event = String::from_utf8_lossy(&text[..at]).into_owned();
            let sent = event
                .rsplit("data: ")
                .next()
                .and_then(|time| time.parse::<u64>().ok())
                .context("an event")?;
            late.push(u32::try_from(now.saturating_sub(sent)).unwrap_or(u32::MAX));
            text.drain(..at + 2);
        }
        if text.ends_with(b"0\r\n\r\n") {
            return Ok(late);
        }
        if stream.read_buf(&mut text).await.context("reading")? == 0 {
            bail!("closed inside the events");
        }
    }
}

fn report(seen: &mut Seen, took: Duration) -> anyhow::Result<()> {
    let errors: Vec<String> = seen
        .errors
        .iter()
        .map(|(text, count)| format!("{:?}: {count}", text.replace(['"', '\\'], "'")))
        .collect();
    let latency = quantiles(&mut seen.latency_us);
    let late = quantiles(&mut seen.late_us);
    writeln!(
        std::io::stdout(),
        "{{\"done\": {}, \"bytes\": {}, \"seconds\": {:.4}, \"latency_us\": {latency}, \"late_us\": {late}, \"errors\": {{{}}}}}",
        seen.done,
        seen.bytes,
        took.as_secs_f64(),
        errors.join(", "),
    )?;
    Ok(())
}

fn quantiles(values: &mut [u32]) -> String {
    values.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank within a list"
        )]
        let rank = (values.len() as f64 * share) as usize;
        values
            .get(rank.min(values.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    };
    format!(
        "{{\"p50\": {}, \"p99\": {}, \"max\": {}}}",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}
