//! Captures to flows.

use std::collections::HashMap;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ratel_flow::{Record, Timestamp};

use crate::context::{Context, Ending};
use crate::error::CaptureError;
use crate::file::{CaptureFile, Item, Packet};
use crate::gauge::Gauge;
use crate::keylog::KeyLog;
use crate::net::fragments::Fragments;
use crate::net::ip::{self, protocol};
use crate::net::link::{self, Carried};
use crate::net::transport;
use crate::spool::Spool;
use crate::tcp::connection::{Connection, Pair};
use crate::udp::Association;
use crate::write::Label;

/// Datagrams after so long a silence are not about what was before.
const SILENCE: Duration = Duration::from_secs(60);

/// What a reader may use.
#[derive(Clone, Debug)]
pub struct CaptureLimits {
    /// Bytes of memory for everything that is being put together. Beyond it, connections that have been silent for
    /// longest are given out as they are.
    pub memory: usize,
    /// Connections that are followed at once.
    pub connections: usize,
    /// The folder for bodies that do not fit into memory; none is the system's for temporary files.
    pub spool_dir: Option<PathBuf>,
}

impl Default for CaptureLimits {
    fn default() -> Self {
        Self {
            memory: 64 * 1024 * 1024,
            connections: 64 * 1024,
            spool_dir: None,
        }
    }
}

/// What was in a capture beside its flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureReport {
    /// Packets read.
    pub packets: u64,
    /// Packets of networks that are not understood, such as Wi-Fi in monitor mode or USB.
    pub unknown_links: u64,
    /// Packets of which nothing could be made: no IP, neither TCP nor UDP, or cut off within their headers.
    pub others: u64,
    /// Connections that could not be looked into for want of secrets.
    pub sealed: u64,
}

/// Reads a packet capture as flows, in the order in which they are complete.
///
/// Memory does not depend on the length of the capture: what is large lies on disk, and what never ends is given out
/// as it is. A capture that breaks off gives everything before that; its error is the last item.
///
/// ```
/// use ratel_capture::{CaptureReader, KeyLog};
///
/// let capture: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
/// let reader = CaptureReader::new(capture, KeyLog::new())?;
/// assert_eq!(reader.count(), 0);
/// # Ok::<(), ratel_capture::CaptureError>(())
/// ```
pub struct CaptureReader {
    file: CaptureFile,
    tracker: Tracker,
    /// What is left to be said when the flows have been given out.
    end: Option<Option<CaptureError>>,
}

impl CaptureReader {
    /// A reader for a capture in the format of pcap or pcapng, as it is or compressed with gzip or zstd. `keys` are the
    /// secrets for TLS, beside those that the capture itself holds.
    ///
    /// # Errors
    /// When it is no capture, or its beginning cannot be read.
    pub fn new(read: impl Read + Send + 'static, keys: KeyLog) -> Result<Self, CaptureError> {
        Self::with_limits(read, keys, CaptureLimits::default())
    }

    /// As [`new`](Self::new), within other limits.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_limits(
        read: impl Read + Send + 'static,
        mut keys: KeyLog,
        limits: CaptureLimits,
    ) -> Result<Self, CaptureError> {
        let file = CaptureFile::open(read)?;
        if file.may_have_secrets() {
            keys.expect_more();
        }
        Ok(Self {
            file,
            tracker: Tracker::new(keys, limits),
            end: None,
        })
    }

    /// What was in the capture so far, beside its flows.
    #[must_use]
    pub fn report(&self) -> CaptureReport {
        CaptureReport {
            sealed: self.tracker.cx.sealed,
            ..self.tracker.report
        }
    }
}

impl std::fmt::Debug for CaptureReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureReader")
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}

impl Iterator for CaptureReader {
    type Item = Result<Record, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.tracker.cx.done.pop_front() {
                return Some(Ok(record));
            }
            if let Some(source) = self.tracker.cx.spool.failure() {
                return Some(Err(CaptureError::Spool { source }));
            }
            if let Some(end) = &mut self.end {
                return end.take().map(Err);
            }
            match self.file.next() {
                Ok(Some(Item::Packet(packet))) => self.tracker.packet(&packet),
                // What was read from memory can be read.
                Ok(Some(Item::Secrets(secrets))) => {
                    let _ = self.tracker.cx.keys.add(secrets);
                }
                Ok(None) => {
                    self.tracker.finish();
                    self.end = Some(None);
                }
                Err(error) => {
                    self.tracker.finish();
                    self.end = Some(Some(error));
                }
            }
        }
    }
}

/// Puts packets to the connections that they belong to.
struct Tracker {
    cx: Context,
    connections: HashMap<Pair, Connection>,
    /// Datagrams, with the time at which the silent ones were last looked for.
    associations: HashMap<Pair, Association>,
    swept: Timestamp,
    connections_max: usize,
    fragments: Fragments,
    report: CaptureReport,
}

impl Tracker {
    fn new(keys: KeyLog, limits: CaptureLimits) -> Self {
        let gauge = Gauge::new(limits.memory);
        let dir = limits.spool_dir.unwrap_or_else(std::env::temp_dir);
        Self {
            cx: Context::new(keys, Spool::new(dir, gauge.clone()), gauge),
            connections: HashMap::new(),
            associations: HashMap::new(),
            swept: Timestamp::default(),
            connections_max: limits.connections.max(1),
            fragments: Fragments::default(),
            report: CaptureReport::default(),
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        self.report.packets += 1;
        let parsed = match link::carried(packet.link, packet.data) {
            Carried::Ip(data) => ip::parse(data),
            Carried::Other => None,
            Carried::UnknownLink => {
                self.report.unknown_links += 1;
                return;
            }
        };
        let Some(parsed) = parsed else {
            self.report.others += 1;
            return;
        };
        let joined;
        let (payload, len) = match parsed.fragment {
            None => (parsed.payload, parsed.len),
            Some(fragment) => match self.fragments.add(&parsed, fragment, packet.time) {
                None => return,
                Some(whole) => {
                    joined = whole;
                    (&joined[..], joined.len())
                }
            },
        };
        match parsed.protocol {
            protocol::TCP => {
                let label = packet.comment.and_then(Label::parse);
                self.tcp(&parsed, (payload, len), packet.time, label.as_ref());
            }
            protocol::UDP => self.udp(&parsed, payload, len, packet.time),
            _ => self.report.others += 1,
        }
    }

    /// `label` says what a connection was that our own writer shows as something else.
    fn tcp(
        &mut self,
        packet: &ip::Packet<'_>,
        (payload, len): (&[u8], usize),
        time: Timestamp,
        label: Option<&Label>,
    ) {
        let Some(segment) = transport::tcp(payload, len) else {
            self.report.others += 1;
            return;
        };
        let source = SocketAddr::new(packet.source, segment.source);
        let destination = SocketAddr::new(packet.destination, segment.destination);
        let (pair, from_low) = Pair::new(source, destination);
        let number = self.report.packets;
        let cx = &mut self.cx;
        if let Some(old) = self.connections.get_mut(&pair)
            && old.is_replaced_by(&segment, from_low)
        {
            old.finish(cx, &Ending::Replaced);
            self.connections.remove(&pair);
        }
        let connection = self
            .connections
            .entry(pair)
            .or_insert_with(|| Connection::new(cx, number, time));
        connection.last = number;
        connection.take(cx, pair, from_low, &segment, time);
        if let Some(label) = label.filter(|_| segment.syn) {
            connection.relabel(label);
        }
        if self.connections.len() > self.connections_max || cx.gauge.is_over() {
            self.make_room();
        }
    }

    fn udp(&mut self, packet: &ip::Packet<'_>, payload: &[u8], len: usize, time: Timestamp) {
        let Some(datagram) = transport::udp(payload, len) else {
            self.report.others += 1;
            return;
        };
        let source = SocketAddr::new(packet.source, datagram.source);
        let destination = SocketAddr::new(packet.destination, datagram.destination);
        let (pair, from_low) = Pair::new(source, destination);
        let at = (self.report.packets, time);
        if time.since(self.swept) > SILENCE / 4 {
            self.swept = time;
            self.sweep(time);
        }
        let cx = &mut self.cx;
        let association = self
            .associations
            .entry(pair)
            .or_insert_with(|| Association::new(cx, pair, from_low, &datagram, at));
        association.take(cx, from_low, &datagram, at);
        if self.associations.len() > self.connections_max || cx.gauge.is_over() {
            self.make_room();
        }
    }

    /// Gives out the datagrams after which there has been a long silence.
    fn sweep(&mut self, now: Timestamp) {
        let is_silent =
            |_: &Pair, association: &mut Association| now.since(association.last_time) > SILENCE;
        let mut silent: Vec<_> = self.associations.extract_if(is_silent).collect();
        silent.sort_unstable_by_key(|(_, association)| association.first);
        for (_, association) in silent {
            association.finish(&mut self.cx);
        }
    }

    /// Gives up the connections that have been silent for longest.
    fn make_room(&mut self) {
        let tcp = self
            .connections
            .iter()
            .map(|(pair, connection)| (connection.last, true, *pair));
        let udp = self
            .associations
            .iter()
            .map(|(pair, association)| (association.last, false, *pair));
        let mut oldest: Vec<_> = tcp.chain(udp).collect();
        oldest.sort_unstable_by_key(|(last, ..)| *last);
        // A part at a time, so that the search is paid for.
        let enough = self.connections_max - self.connections_max / 16;
        for (_, is_tcp, pair) in oldest {
            let few = self.connections.len().max(self.associations.len()) <= enough;
            if few && self.cx.gauge.is_relieved() {
                return;
            }
            if is_tcp && let Some(mut connection) = self.connections.remove(&pair) {
                connection.finish(&mut self.cx, &Ending::Abandoned);
            }
            if !is_tcp && let Some(association) = self.associations.remove(&pair) {
                association.finish(&mut self.cx);
            }
        }
    }

    /// The capture is over.
    fn finish(&mut self) {
        let tcp = self
            .connections
            .drain()
            .map(|(_, tcp)| (tcp.first, Ok(tcp)));
        let udp = self
            .associations
            .drain()
            .map(|(_, udp)| (udp.first, Err(udp)));
        let mut open: Vec<_> = tcp.chain(udp).collect();
        open.sort_unstable_by_key(|(first, _)| *first);
        for (_, open) in open {
            match open {
                Ok(mut tcp) => tcp.finish(&mut self.cx, &Ending::CaptureEnds),
                Err(udp) => udp.finish(&mut self.cx),
            }
        }
    }
}
