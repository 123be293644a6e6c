//! Flows to packets: what might have been captured, so that Wireshark and its like show what is on record.
//!
//! The packets are *rebuilt*, and say so: in the section, in the name of the interface, and in comments. Content,
//! times and addresses are those on record; handshakes, sequence numbers, acknowledgements and the framing of HTTP/2
//! are made up. What was sealed by TLS is written open, on a port on which analysers look for HTTP.

mod address;
mod blocks;
mod emit;
mod frames;
mod http1;
mod http2;
mod label;
mod plan;
mod websocket;

use std::io::{self, Write};
use std::path::PathBuf;

use ratel_flow::record::{Detail, DnsRecord, HttpRecord, Messages};
use ratel_flow::{Record, Side, Timestamp, Version};

use crate::gauge::Gauge;
use crate::spool::Spool;
pub(crate) use label::{INTERFACE, Label};
use plan::{Plan, Protocol, What};

/// Why packets cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// What was added could not be put aside.
    #[error("there is no room on disk for the packets that are being put together")]
    Spool {
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("the packets cannot be written")]
    Write {
        /// Why.
        source: io::Error,
    },
}

impl WriteError {
    /// What can be done about it; shown after the message.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Spool { .. } => {
                Some("make room in the folder for temporary files, or set TMPDIR")
            }
            Self::Write { .. } => None,
        }
    }
}

/// What became of the flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// Flows that are in the file.
    pub flows: u64,
    /// Flows that have nothing that could have been on a wire.
    pub left_out: u64,
    /// Connections that they were put into.
    pub connections: u64,
    /// Packets written.
    pub packets: u64,
}

/// Writes flows as packets in the format of pcapng.
///
/// Flows are [added](Self::add) in any order. The packets of all connections are in the order of their times, so that
/// nothing is written before [`finish`](Self::finish); until then content lies on disk, and memory is proportional to the
/// number of messages.
///
/// ```
/// use ratel_capture::{CaptureReader, KeyLog, PcapngWriter};
///
/// # let flows: Vec<ratel_flow::Record> = Vec::new();
/// let mut writer = PcapngWriter::new(Vec::new());
/// for flow in &flows {
///     writer.add(flow)?;
/// }
/// let (file, report) = writer.finish()?;
/// assert_eq!(report.packets, 0);
/// assert!(ratel_capture::is_capture(&file));
/// # Ok::<(), ratel_capture::WriteError>(())
/// ```
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    plan: Plan,
    left_out: u64,
}

/// Bytes of memory for what lies on disk otherwise.
const MEMORY: usize = 8 * 1024 * 1024;

impl<W: Write> PcapngWriter<W> {
    /// A file that is written to `out`. Buffering is the writer's own.
    pub fn new(out: W) -> Self {
        Self::with_spool_dir(out, std::env::temp_dir())
    }

    /// As [`new`](Self::new), with another folder for what is put aside.
    pub fn with_spool_dir(out: W, dir: PathBuf) -> Self {
        let spool = Spool::new(dir, Gauge::new(MEMORY));
        Self {
            out,
            plan: Plan::new(&spool),
            left_out: 0,
        }
    }

    /// Adds a flow. One that has nothing to show is left out, which [`finish`](Self::finish) reports.
    ///
    /// A body that can no longer be read is shown as far as it could be, with a comment.
    ///
    /// # Errors
    /// When what is put aside has no room on disk.
    pub fn add(&mut self, record: &Record) -> Result<(), WriteError> {
        let plan = &mut self.plan;
        let added = match &record.detail {
            Detail::Http(http) => {
                add_http(plan, record, http);
                true
            }
            Detail::Tcp(messages) => add_messages(plan, record, messages, Protocol::Tcp),
            Detail::Udp(messages) => add_messages(plan, record, messages, Protocol::Udp),
            Detail::Dns(dns) => add_dns(plan, record, dns),
            Detail::Connection => false,
        };
        if !added {
            self.left_out += 1;
        }
        match plan.failure() {
            None => Ok(()),
            Some(source) => Err(WriteError::Spool { source }),
        }
    }

    /// Writes everything, and gives back what was written to.
    ///
    /// # Errors
    /// When the file cannot be written, or what was put aside cannot be read.
    pub fn finish(self) -> Result<(W, WriteReport), WriteError> {
        let flows = self.plan.flows();
        let (out, connections, packets) = emit::write(self.plan, self.out)?;
        let report = WriteReport {
            flows,
            left_out: self.left_out,
            connections,
            packets,
        };
        Ok((out, report))
    }
}

fn add_http(plan: &mut Plan, record: &Record, http: &HttpRecord) {
    let is_h2 = matches!(http.request.version, Version::Http2 | Version::Http3);
    if is_h2 {
        http2::add(plan, record, http);
    } else {
        http1::add(plan, record, http);
    }
}

/// Raw pieces, or datagrams, as they came.
fn add_messages(plan: &mut Plan, record: &Record, messages: &Messages, protocol: Protocol) -> bool {
    if messages.is_empty() {
        return false;
    }
    let mut flow = plan.begin(record, protocol);
    for message in messages.iter() {
        let Ok(message) = message else {
            flow.note("messages that can no longer be read are left out".into());
            break;
        };
        let what = match protocol {
            Protocol::Udp => What::Datagram,
            _ => What::Bytes,
        };
        flow.put(message.side, what, message.timestamp, &message.content);
    }
    // Nothing follows on this connection.
    flow.closes();
    flow.end();
    true
}

/// A question and its answer, by datagrams unless it is known that it was otherwise.
fn add_dns(plan: &mut Plan, record: &Record, dns: &DnsRecord) -> bool {
    let extra = record.client_conn.extra.as_ref();
    let over_tcp = extra.is_some_and(|extra| !extra.udp);
    let protocol = match over_tcp {
        true => Protocol::DnsOverTcp,
        false => Protocol::Dns,
    };
    let pack = |message| ratel_proto::dns::pack(message).ok();
    let Some(question) = pack(&dns.request.message) else {
        return false;
    };
    let mut flow = plan.begin(record, protocol);
    let created = record.timestamp_created;
    let mut put = |side, time: Option<Timestamp>, mut message: Vec<u8>| {
        let what = match over_tcp {
            false => What::Datagram,
            true => {
                // A message is shorter than 64 KiB.
                message.splice(0..0, (message.len() as u16).to_be_bytes());
                What::Bytes
            }
        };
        flow.put(side, what, time.unwrap_or(created), &message);
    };
    put(Side::Client, dns.request.timestamp, question);
    let answer = dns.response.as_ref();
    if let Some((answer, time)) =
        answer.and_then(|answer| Some((pack(&answer.message)?, answer.timestamp)))
    {
        put(Side::Server, time, answer);
    }
    flow.end();
    true
}
