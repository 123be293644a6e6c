//! The packets themselves, in the order of their times.

mod stream;

use std::io::{BufWriter, Write};

use ratel_flow::Body;

use super::address::Places;
use super::plan::{Chunk, Connection, Flow, Plan, What};
use super::{WriteError, blocks, frames};
use stream::Stream;

/// Writes everything; how many connections and packets that was.
pub(super) fn write<W: Write>(plan: Plan, out: W) -> Result<(W, u64, u64), WriteError> {
    let (content, chunks, flows, connections, places) = plan.done();
    let failed = |source| WriteError::Write { source };
    let mut sink = Sink {
        out: BufWriter::with_capacity(256 * 1024, out),
        packets: 0,
    };
    blocks::begin(&mut sink.out).map_err(failed)?;
    let (mut streams, events) = arrange(&chunks, &flows, &connections, places);
    for event in events {
        let Some(stream) = streams.get_mut(event.stream as usize) else {
            continue;
        };
        let written = match event.what {
            Happens::Open => stream.open(&mut sink, event.time),
            Happens::Close => stream.close(&mut sink, event.time),
            Happens::Chunk { chunk, flow, first } => {
                let Some(chunk) = chunks.get(chunk as usize) else {
                    continue;
                };
                let bytes = read(&content, chunk)?;
                let comment = flows
                    .get(flow as usize)
                    .filter(|_| first)
                    .map_or("", |flow| &flow.comment);
                stream.chunk(&mut sink, event.time, chunk, (flow, comment), &bytes)
            }
        };
        written.map_err(failed)?;
    }
    let used = streams.len() as u64;
    let Sink { out, packets } = sink;
    let mut out = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    out.flush().map_err(failed)?;
    Ok((out, used, packets))
}

fn read(content: &Body, chunk: &Chunk) -> Result<bytes::Bytes, WriteError> {
    let range = chunk.start..chunk.start + u64::from(chunk.len);
    content
        .read(range)
        .map_err(|source| WriteError::Spool { source })
}

/// Where packets go.
pub(super) struct Sink<W: Write> {
    out: BufWriter<W>,
    packets: u64,
}

impl<W: Write> Sink<W> {
    fn packet(&mut self, time: u64, packet: &[u8], comments: &[&str]) -> std::io::Result<()> {
        self.packets += 1;
        blocks::packet(&mut self.out, time, packet, comments)
    }
}

/// Something that happens on a stream.
#[derive(Clone, Copy, Debug)]
struct Event {
    time: u64,
    stream: u32,
    what: Happens,
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    Open,
    Chunk {
        chunk: u32,
        flow: u32,
        /// It is the first one of its flow.
        first: bool,
    },
    Close,
}

/// Puts flows on streams, and everything in order.
fn arrange<'c>(
    chunks: &[Chunk],
    flows: &[Flow],
    connections: &'c [Connection],
    mut places: Places,
) -> (Vec<Stream<'c>>, Vec<Event>) {
    let mut by_connection: Vec<Vec<u32>> = vec![Vec::new(); connections.len()];
    for (number, flow) in flows.iter().enumerate() {
        if let Some(list) = by_connection.get_mut(flow.connection as usize) {
            list.push(number as u32);
        }
    }
    let (mut streams, mut events) = (
        Vec::new(),
        Vec::with_capacity(chunks.len() + 2 * connections.len()),
    );
    let span = |number: u32| {
        let from = flows.get(number as usize).map_or(0, |flow| flow.chunks);
        let to = flows
            .get(number as usize + 1)
            .map_or(chunks.len() as u32, |flow| flow.chunks);
        from..to
    };
    let time_of = |chunk: u32| chunks.get(chunk as usize).map_or(0, |chunk| chunk.time);
    for (connection, mut list) in connections.iter().zip(by_connection) {
        let bounds = |number: u32| {
            let span = span(number);
            (time_of(span.start), time_of(span.end.saturating_sub(1)))
        };
        list.sort_by_key(|number| bounds(*number));
        let mut lanes: Vec<Lane> = Vec::new();
        for number in list {
            let (start, end) = bounds(number);
            let closes = flows.get(number as usize).is_some_and(|flow| flow.closes);
            let shared = connection.shares_at_once();
            let free = lanes
                .iter_mut()
                .find(|lane| shared || (!lane.closed && lane.end <= start));
            let lane = match free {
                Some(lane) => lane,
                None => {
                    lanes.push(Lane::default());
                    match lanes.last_mut() {
                        Some(lane) => lane,
                        None => continue,
                    }
                }
            };
            lane.flows.push(number);
            (lane.end, lane.closed) = (lane.end.max(end), closes && !shared);
        }
        for (place, lane) in lanes.into_iter().enumerate() {
            let client = match place {
                0 => connection.client,
                _ => places.another(connection.client, connection.server),
            };
            let stream = streams.len() as u32;
            streams.push(Stream::new(connection, client));
            let mut own: Vec<Event> = Vec::new();
            for number in lane.flows {
                let span = span(number);
                own.extend(span.clone().map(|chunk| Event {
                    time: time_of(chunk),
                    stream,
                    what: Happens::Chunk {
                        chunk,
                        flow: number,
                        first: chunk == span.start,
                    },
                }));
            }
            // Stable: what a flow sends stays in its order.
            own.sort_by_key(|event| event.time);
            if !connection.protocol.is_datagrams() {
                surround(&mut own, connection, stream, place == 0);
            }
            events.append(&mut own);
        }
    }
    events.sort_by_key(|event| event.time);
    (streams, events)
}

/// Flows one after the other.
#[derive(Debug, Default)]
struct Lane {
    flows: Vec<u32>,
    end: u64,
    closed: bool,
}

/// A connection is opened before and closed after what is on it.
fn surround(events: &mut Vec<Event>, connection: &Connection, stream: u32, first: bool) {
    let (Some(begin), Some(end)) = (events.first(), events.last()) else {
        return;
    };
    // When it was opened is known only of the first.
    let known = connection.start > 0 && connection.start <= begin.time && first;
    let open = Event {
        time: if known { connection.start } else { begin.time },
        stream,
        what: Happens::Open,
    };
    let close = Event {
        time: end.time,
        stream,
        what: Happens::Close,
    };
    events.insert(0, open);
    events.push(close);
}

impl Connection {
    /// Whether flows go over it at the same time.
    fn shares_at_once(&self) -> bool {
        self.protocol == super::plan::Protocol::Http2 || self.protocol.is_datagrams()
    }
}
