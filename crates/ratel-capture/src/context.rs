//! What everybody needs who takes bytes apart: where flows go, where bodies lie, and between whom it is.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ratel_flow::Annotations;
use ratel_flow::flow::uuid;
use ratel_flow::{
    ClientConn, ConnExtra, ConnId, Detail, FlowError, Record, ServerConn, Side, Timestamp, TlsInfo,
};

use crate::gauge::Gauge;
use crate::keylog::KeyLog;
use crate::spool::Spool;
use crate::write::Label;

/// What is shared by all connections of a capture.
#[derive(Debug)]
pub(crate) struct Context {
    /// Flows that are complete.
    pub(crate) done: VecDeque<Record>,
    pub(crate) keys: KeyLog,
    pub(crate) spool: Spool,
    pub(crate) gauge: Gauge,
    /// Connections that could not be looked into for want of secrets.
    pub(crate) sealed: u64,
    session: u128,
    flows: u64,
}

impl Context {
    pub(crate) fn new(keys: KeyLog, spool: Spool, gauge: Gauge) -> Self {
        // A hasher of the library is keyed by chance, which is all a name needs.
        let chance = |n: u8| {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u8(n);
            u128::from(hasher.finish())
        };
        Self {
            done: VecDeque::new(),
            keys,
            spool,
            gauge,
            sealed: 0,
            session: chance(0) << 64 | chance(1),
            flows: 0,
        }
    }

    /// A flow is complete.
    pub(crate) fn emit(
        &mut self,
        ends: &mut Ends,
        created: Timestamp,
        detail: Detail,
        error: Option<FlowError>,
    ) {
        self.flows += 1;
        let (client_conn, server_conn) = ends.shared();
        self.done.push_back(Record {
            id: uuid(self.session, 0, self.flows).into(),
            client_conn,
            server_conn: Some(server_conn),
            error,
            annotations: Annotations::default(),
            timestamp_created: created,
            backup: None,
            detail,
            verbatim: ratel_flow::Verbatim::default(),
        });
    }
}

/// The two ends of a connection. In a capture both are ends of the same one, so that what is known of it stands in both.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    client: ClientConn,
    server: ServerConn,
    /// As flows have them, until something changes.
    shared: Option<(Arc<ClientConn>, Arc<ServerConn>)>,
}

/// The mode of connections that nobody stood in between of.
const MODE: &str = "transparent";

impl Ends {
    /// A connection that begins.
    pub(crate) fn new(client: SocketAddr, server: SocketAddr, udp: bool, now: Timestamp) -> Self {
        let extra = udp.then(|| {
            Arc::new(ConnExtra {
                udp,
                ..ConnExtra::default()
            })
        });
        Self {
            client: ClientConn {
                id: ConnId::next(),
                peername: client,
                sockname: server,
                proxy_mode: MODE.into(),
                timestamp_start: now,
                timestamp_end: None,
                tls: None,
                passthrough: None,
                error: None,
                extra: extra.clone(),
            },
            server: ServerConn {
                id: ConnId::next(),
                address: (server.ip().to_string().into(), server.port()),
                peername: Some(server),
                sockname: Some(client),
                timestamp_start: now,
                timestamp_tcp_setup: None,
                timestamp_end: None,
                tls: None,
                error: None,
                extra,
            },
            shared: None,
        }
    }

    /// The connection within a tunnel to this destination.
    pub(crate) fn tunnel(&self, host: &str, port: u16) -> Self {
        let mut ends = self.clone();
        let (_, server) = ends.edit();
        server.address = (host.into(), port);
        (ends.client.tls, ends.server.tls) = (None, None);
        (ends.client.id, ends.server.id) = (ConnId::next(), ConnId::next());
        ends
    }

    pub(crate) fn client(&self) -> &ClientConn {
        &self.client
    }

    pub(crate) fn server(&self) -> &ServerConn {
        &self.server
    }

    /// To note something about them.
    pub(crate) fn edit(&mut self) -> (&mut ClientConn, &mut ServerConn) {
        self.shared = None;
        (&mut self.client, &mut self.server)
    }

    /// What TLS agreed on. `certificates` are those of the client and of the server.
    pub(crate) fn set_tls(&mut self, client: TlsInfo, server: TlsInfo) {
        let ends = self.edit();
        ends.0.tls = Some(Arc::new(client));
        if let Some(sni) = &server.sni {
            ends.1.address.0 = sni.clone();
        }
        ends.1.tls = Some(Arc::new(server));
    }

    /// What the connection was before it was written as something else.
    pub(crate) fn relabel(&mut self, label: &Label) {
        let (client, server) = self.edit();
        client.sockname.set_port(label.port);
        if let Some(peer) = &mut server.peername {
            peer.set_port(label.port);
        }
        server.address.1 = label.port;
        let Some(version) = label.tls else {
            return;
        };
        let is_name = !label.host.is_empty() && label.host.parse::<IpAddr>().is_err();
        let info = TlsInfo {
            version: Some(version),
            sni: is_name.then(|| label.host.as_str().into()),
            alpn: label.alpn.as_ref().map(|alpn| alpn.clone().into()),
            ..TlsInfo::default()
        };
        self.set_tls(info.clone(), info);
    }

    fn shared(&mut self) -> (Arc<ClientConn>, Arc<ServerConn>) {
        self.shared
            .get_or_insert_with(|| (Arc::new(self.client.clone()), Arc::new(self.server.clone())))
            .clone()
    }
}

/// How a connection, or what there is of it, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Both sides have said that they are done.
    Closed,
    /// One side has broken it off.
    Reset(Side),
    /// The capture ends before.
    CaptureEnds,
    /// Nothing came for long while others needed its place.
    Abandoned,
    /// Another connection between the same ports began.
    Replaced,
}

impl Ending {
    /// That it came before something, as a sentence.
    pub(crate) fn before(&self, what: &str) -> String {
        match self {
            Self::Closed => format!("the connection was closed before {what}"),
            Self::Reset(Side::Client) => format!("the client reset the connection before {what}"),
            Self::Reset(Side::Server) => format!("the server reset the connection before {what}"),
            Self::CaptureEnds => format!("the capture ends before {what}"),
            Self::Abandoned => {
                format!("too many connections were open at once to follow this one until {what}")
            }
            Self::Replaced => {
                format!("another connection between the same ports began before {what}")
            }
        }
    }
}

/// Bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) len: u64,
    /// Since the capture kept only the beginnings of packets.
    pub(crate) cut: bool,
    /// They were sealed, so that how many bytes they stand for is known roughly.
    pub(crate) sealed: bool,
}

impl Gap {
    /// This and another one, of which one may not have been.
    pub(crate) fn and(self, before: Option<Self>) -> Self {
        let before = before.unwrap_or(Self { len: 0, ..self });
        Self {
            len: before.len.saturating_add(self.len),
            cut: self.cut,
            sealed: before.sealed || self.sealed,
        }
    }

    /// How many bytes: `12 bytes`.
    pub(crate) fn amount(self) -> String {
        match self.sealed {
            true => format!("about {}", bytes(self.len)),
            false => bytes(self.len),
        }
    }

    /// What to do about it next time.
    pub(crate) fn hint(self) -> &'static str {
        if self.cut {
            "capture whole packets: `tcpdump -s 0`, no snapshot length in Wireshark"
        } else {
            "packets were lost while capturing: a larger buffer (`tcpdump -B`, `dumpcap -B`) or a capture filter helps"
        }
    }
}

/// That so many bytes of a flow could not be put on disk, if any.
pub(crate) fn no_room(lost: u64, time: Timestamp) -> Option<FlowError> {
    (lost > 0).then(|| FlowError {
        message: format!("there was no room on disk for {} of it", bytes(lost)).into(),
        hint: Some("make room in the folder for temporary files, or set TMPDIR".into()),
        by_client: false,
        timestamp: time,
    })
}

/// `1 byte`, `12 bytes`.
pub(crate) fn bytes(len: u64) -> String {
    match len {
        1 => "1 byte".into(),
        len => format!("{len} bytes"),
    }
}
