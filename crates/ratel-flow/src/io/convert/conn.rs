//! Connections.

mod address;
pub(in crate::io) mod pem;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use ratel_proto::tnetstring::{Encoder, Item, Kind, Value};

use self::address::HostPort;
use super::Frame;
use super::field::{Field, StateError, state};
use super::out::Out;
use super::recent::Recent;
use super::{notes, time};
use crate::conn::{Certificates, ClientConn, ConnExtra, ConnId, ServerConn, TlsInfo, TlsVersion};
use crate::flow::uuid;
use crate::time::Timestamp;
use crate::verbatim::{Place, Verbatim};

/// Names of connections that are remembered, so that the flows of one have it in common.
const NAMES_MAX: usize = 4096;

state! {
    /// Either connection.
    ConnState {
        peername, sockname, id, transport_protocol, error, tls, certificate_list, alpn, alpn_offers, cipher, cipher_list,
        tls_version, sni, timestamp_start, timestamp_end, timestamp_tls_setup, mitmcert, proxy_mode, address,
        timestamp_tcp_setup, via,
    }
}

/// What connections that were read have in common.
#[derive(Debug, Default)]
pub(crate) struct Known {
    clients: Recent<Box<[u8]>, Arc<ClientConn>>,
    servers: Recent<Box<[u8]>, Arc<ServerConn>>,
    /// PEM, and DER if it would be written as the same PEM.
    certificates: Recent<Box<[u8]>, Certificate>,
    ids: HashMap<Arc<str>, ConnId>,
}

#[derive(Clone, Debug)]
struct Certificate {
    /// None for what is no certificate.
    der: Option<Bytes>,
    /// It would be written as it was.
    plain: bool,
}

impl Known {
    fn id(&mut self, name: &Arc<str>) -> ConnId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        if self.ids.len() >= NAMES_MAX {
            self.ids.clear();
        }
        let id = ConnId::next();
        self.ids.insert(name.clone(), id);
        id
    }

    fn certificate(&mut self, pem: &[u8]) -> Certificate {
        if let Some(known) = self.certificates.find(|known| **known == *pem) {
            return known;
        }
        let der = pem::decode(pem);
        let plain = der.as_ref().is_some_and(|der| pem::encode(der) == pem);
        let certificate = Certificate {
            der: der.map(Bytes::from),
            plain,
        };
        self.certificates.keep(pem.into(), certificate.clone());
        certificate
    }
}

/// What tells a connection from others: its dict, and the notes on it.
fn same(known: &[u8], dict: &Item<'_>, notes: &[u8]) -> bool {
    let (start, end) = known
        .split_at_checked(dict.payload.len())
        .unwrap_or_default();
    known.len() == dict.payload.len() + notes.len() && start == dict.payload && end == notes
}

/// Reads a client connection.
pub(super) fn read_client(
    field: &Field<'_>,
    frame: &mut Frame<'_>,
    notes: Option<Item<'_>>,
) -> Result<Arc<ClientConn>, StateError> {
    let dict = field.required()?;
    let notes_text = notes.map(|notes| notes.payload).unwrap_or_default();
    let known = &mut frame.known.clients;
    if let Some(known) = known.find(|known| same(known, &dict, notes_text)) {
        return Ok(known);
    }
    let state = ConnState::read(field)?;
    let mut conn = client(&state, frame).map_err(|error| error.within(field.name))?;
    if let Some(notes) = notes {
        notes::read_client(&notes, &mut conn);
    }
    let conn = Arc::new(conn);
    let key = [dict.payload, notes_text].concat().into();
    frame.known.clients.keep(key, conn.clone());
    Ok(conn)
}

fn client(state: &ConnState<'_>, frame: &mut Frame<'_>) -> Result<ClientConn, StateError> {
    let Common {
        id,
        peername,
        sockname,
        tls,
        error,
        mut extra,
    } = Common::read(state, frame)?;
    let unknown = SocketAddr::from(([0; 4], 0));
    if let Some(pem) = state.mitmcert.opt_bytes()? {
        let certificate = frame.known.certificate(pem);
        if !certificate.plain {
            let pem = Value::Bytes(Bytes::copy_from_slice(pem));
            extra.verbatim.keep(Place::Mitmcert, pem);
        }
        extra.mitmcert = certificate.der;
    }
    Ok(ClientConn {
        id,
        peername: peername.unwrap_or(unknown),
        sockname: sockname.unwrap_or(unknown),
        proxy_mode: state.proxy_mode.opt_text()?.unwrap_or("regular").into(),
        timestamp_start: time::read(&state.timestamp_start, Place::Start, &mut extra.verbatim)?,
        timestamp_end: time::read_opt(&state.timestamp_end, Place::End, &mut extra.verbatim)?,
        tls,
        passthrough: None,
        error,
        extra: Some(Arc::new(extra)),
    })
}

/// Reads a server connection; none if it is nothing but the place for one.
pub(super) fn read_server(
    field: &Field<'_>,
    frame: &mut Frame<'_>,
    notes: Option<Item<'_>>,
    flow: &str,
) -> Result<Option<Arc<ServerConn>>, StateError> {
    let dict = field.required()?;
    let notes_text = notes.map(|notes| notes.payload).unwrap_or_default();
    let known = &mut frame.known.servers;
    if let Some(known) = known.find(|known| same(known, &dict, notes_text)) {
        return Ok(Some(known));
    }
    let state = ConnState::read(field)?;
    // See `write_server`.
    if state.id.opt_text().ok().flatten() == Some(flow) && state.address.some().is_none() {
        return Ok(None);
    }
    let mut conn = server(&state, frame).map_err(|error| error.within(field.name))?;
    if let Some(notes) = notes {
        notes::read_server(&notes, &mut conn);
    }
    let conn = Arc::new(conn);
    let key = [dict.payload, notes_text].concat().into();
    frame.known.servers.keep(key, conn.clone());
    Ok(Some(conn))
}

fn server(state: &ConnState<'_>, frame: &mut Frame<'_>) -> Result<ServerConn, StateError> {
    let Common {
        id,
        peername,
        sockname,
        tls,
        error,
        mut extra,
    } = Common::read(state, frame)?;
    let address = match address::read_host(&state.address)? {
        Some(HostPort { host, port, odd }) => {
            keep_if(odd, &state.address, Place::Address, &mut extra.verbatim)?;
            (host, port)
        }
        None => {
            extra.no_address = true;
            ("".into(), 0)
        }
    };
    extra.via = via(&state.via, &mut extra.verbatim)?;
    let verbatim = &mut extra.verbatim;
    Ok(ServerConn {
        id,
        address,
        peername,
        sockname,
        timestamp_start: time::read_or_null(&state.timestamp_start, Place::Start, verbatim)?,
        timestamp_tcp_setup: time::read_opt(&state.timestamp_tcp_setup, Place::TcpSetup, verbatim)?,
        timestamp_end: time::read_opt(&state.timestamp_end, Place::End, verbatim)?,
        tls,
        error,
        extra: Some(Arc::new(extra)),
    })
}

/// The proxy in between: its scheme, host and port.
type Via = (Arc<str>, Arc<str>, u16);

/// Reads the proxy in between: `[scheme, [host, port]]`.
fn via(field: &Field<'_>, verbatim: &mut Verbatim) -> Result<Option<Via>, StateError> {
    let Some(mut list) = field.opt_list()? else {
        return Ok(None);
    };
    let scheme = list.expect()?.text()?;
    let HostPort { host, port, odd } = address::host_in(&mut list.expect()?.list()?)?;
    keep_if(odd || list.next()?.is_some(), field, Place::Via, verbatim)?;
    Ok(Some((scheme.into(), host, port)))
}

/// Whether [`via`] would make that of the list.
fn is_via(list: &Value, (scheme, host, port): &Via) -> bool {
    match list {
        Value::List(parts) => match &parts[..] {
            [Value::Str(found), address, ..] => {
                **found == **scheme && address::host_of(address) == Some((host, *port))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Keeps a field as it is, if it is odd.
fn keep_if(
    odd: bool,
    field: &Field<'_>,
    place: Place,
    verbatim: &mut Verbatim,
) -> Result<(), StateError> {
    if odd {
        let item = field.required()?;
        // Of its own, since a connection outlives its flow.
        let value = ratel_proto::tnetstring::value(&item, &Bytes::new());
        verbatim.keep(place, value.map_err(|error| field.syntax(error))?);
    }
    Ok(())
}

/// What both connections have.
struct Common {
    id: ConnId,
    peername: Option<SocketAddr>,
    sockname: Option<SocketAddr>,
    tls: Option<Arc<TlsInfo>>,
    error: Option<Arc<str>>,
    extra: ConnExtra,
}

impl Common {
    fn read(state: &ConnState<'_>, frame: &mut Frame<'_>) -> Result<Self, StateError> {
        let uuid: Arc<str> = state.id.text()?.into();
        let mut extra = ConnExtra {
            udp: match state.transport_protocol.opt_text()? {
                None | Some("tcp") => false,
                Some("udp") => true,
                Some(other) => {
                    return Err(state
                        .transport_protocol
                        .invalid(format_args!("{other:?}, neither tcp nor udp")));
                }
            },
            ..ConnExtra::default()
        };
        let address = |field: &Field<'_>, verbatim: &mut Option<_>| {
            let read = address::read(field)?;
            Ok(read.map(|(address, odd)| {
                *verbatim = odd;
                address
            }))
        };
        let peername = address(&state.peername, &mut extra.peername)?;
        let sockname = address(&state.sockname, &mut extra.sockname)?;
        let tls = tls(state, frame, &mut extra)?;
        let id = frame.known.id(&uuid);
        extra.uuid = Some(uuid);
        Ok(Self {
            id,
            peername,
            sockname,
            tls,
            error: state.error.opt_shared()?,
            extra,
        })
    }
}

fn tls(
    state: &ConnState<'_>,
    frame: &mut Frame<'_>,
    extra: &mut ConnExtra,
) -> Result<Option<Arc<TlsInfo>>, StateError> {
    extra.tls = state.tls.opt_bool()?.unwrap_or_default();
    if let Some(mut list) = state.cipher_list.opt_list()? {
        while let Some(cipher) = list.next()? {
            extra.cipher_list.push(cipher.text()?.into());
        }
    }
    let mut info = TlsInfo {
        cipher: state.cipher.opt_shared()?,
        sni: state.sni.opt_shared()?,
        alpn: state.alpn.opt_bytes()?.map(Bytes::copy_from_slice),
        certificates: certificates(&state.certificate_list, frame, &mut extra.verbatim)?,
        timestamp_setup: time::read_opt(
            &state.timestamp_tls_setup,
            Place::TlsSetup,
            &mut extra.verbatim,
        )?,
        ..TlsInfo::default()
    };
    if let Some(version) = state.tls_version.opt_text()? {
        info.version = TlsVersion::from_name(version);
        if info.version.is_none() {
            extra.tls_version = Some(version.into());
        }
    }
    if let Some(mut list) = state.alpn_offers.opt_list()? {
        while let Some(offer) = list.next()? {
            info.alpn_offers
                .push(Bytes::copy_from_slice(offer.bytes()?));
        }
    }
    let says_nothing = info.cipher.is_none()
        && info.sni.is_none()
        && info.alpn.is_none()
        && info.certificates.is_empty()
        && info.timestamp_setup.is_none()
        && info.version.is_none()
        && info.alpn_offers.is_empty();
    Ok((extra.tls || !says_nothing).then(|| Arc::new(info)))
}

fn certificates(
    field: &Field<'_>,
    frame: &mut Frame<'_>,
    verbatim: &mut Verbatim,
) -> Result<Certificates, StateError> {
    let Some(mut list) = field.opt_list()? else {
        return Ok(Certificates::default());
    };
    let (mut certificates, mut plain) = (Vec::new(), true);
    while let Some(pem) = list.next()? {
        let certificate = frame.known.certificate(pem.bytes()?);
        plain &= certificate.plain;
        certificates.extend(certificate.der);
    }
    keep_if(!plain, field, Place::Certificates, verbatim)?;
    Ok(certificates.into())
}

/// What connections that were written have in common.
#[derive(Debug, Default)]
pub(crate) struct Written {
    clients: Recent<Arc<ClientConn>, Arc<[u8]>>,
    servers: Recent<Arc<ServerConn>, Arc<[u8]>>,
    /// DER, and PEM.
    certificates: Recent<Bytes, Bytes>,
    scratch: Encoder,
}

impl Written {
    fn pem(&mut self, der: &Bytes) -> Bytes {
        if let Some(pem) = self.certificates.find(|known| known == der) {
            return pem;
        }
        let pem = Bytes::from(pem::encode(der));
        self.certificates.keep(der.clone(), pem.clone());
        pem
    }
}

/// Writes a client connection.
pub(super) fn write_client(out: &mut Out<'_>, conn: &Arc<ClientConn>, written: &mut Written) {
    let known = written.clients.find(|known| Arc::ptr_eq(known, conn));
    let dict = known.unwrap_or_else(|| {
        let mut scratch = std::mem::take(&mut written.scratch);
        scratch.clear();
        client_dict(
            &mut Out {
                encoder: &mut scratch,
                fills: &mut Vec::new(),
            },
            conn,
            written,
        );
        let dict: Arc<[u8]> = scratch.bytes_written().into();
        written.scratch = scratch;
        written.clients.keep(conn.clone(), dict.clone());
        dict
    });
    out.entry("client_conn", |out| out.encoder.raw(&dict));
}

fn client_dict(out: &mut Out<'_>, conn: &ClientConn, written: &mut Written) {
    let none = ConnExtra::default();
    let extra = conn.extra.as_deref().unwrap_or(&none);
    out.group(Kind::Dict, |out| {
        CommonRef {
            peername: Some(conn.peername),
            sockname: Some(conn.sockname),
            uuid: uuid_of(extra, 1, conn.id),
            live: conn.extra.is_none(),
            tls: conn.tls.as_deref(),
            error: conn.error.as_deref(),
            start: Some(conn.timestamp_start),
            end: conn.timestamp_end,
            extra,
        }
        .write(out, written);
        match (extra.verbatim.get(Place::Mitmcert), &extra.mitmcert) {
            (Some(Value::Bytes(pem)), der) if pem::decode(pem).as_deref() == der.as_deref() => {
                out.bytes("mitmcert", pem);
            }
            (_, Some(der)) => out.bytes("mitmcert", &written.pem(der)),
            (_, None) => out.null("mitmcert"),
        }
        out.text("proxy_mode", notes::file_mode(&conn.proxy_mode));
    });
}

/// Writes a server connection.
///
/// There must be one: in the place of none there is one that has the flow's own name and no address.
pub(super) fn write_server(
    out: &mut Out<'_>,
    conn: Option<&Arc<ServerConn>>,
    flow: &str,
    written: &mut Written,
) {
    let Some(conn) = conn else {
        return out.dict("server_conn", |out| no_server(out, flow));
    };
    let known = written.servers.find(|known| Arc::ptr_eq(known, conn));
    let dict = known.unwrap_or_else(|| {
        let mut scratch = std::mem::take(&mut written.scratch);
        scratch.clear();
        server_dict(
            &mut Out {
                encoder: &mut scratch,
                fills: &mut Vec::new(),
            },
            conn,
            written,
        );
        let dict: Arc<[u8]> = scratch.bytes_written().into();
        written.scratch = scratch;
        written.servers.keep(conn.clone(), dict.clone());
        dict
    });
    out.entry("server_conn", |out| out.encoder.raw(&dict));
}

fn server_dict(out: &mut Out<'_>, conn: &ServerConn, written: &mut Written) {
    let none = ConnExtra::default();
    let extra = conn.extra.as_deref().unwrap_or(&none);
    out.group(Kind::Dict, |out| {
        CommonRef {
            peername: conn.peername,
            sockname: conn.sockname,
            uuid: uuid_of(extra, 2, conn.id),
            live: conn.extra.is_none(),
            tls: conn.tls.as_deref(),
            error: conn.error.as_deref(),
            start: Some(conn.timestamp_start),
            end: conn.timestamp_end,
            extra,
        }
        .write(out, written);
        let address = (&*conn.address.0, conn.address.1);
        match extra.verbatim.get(Place::Address) {
            Some(list) if address::host_of(list) == Some(address) => out.value("address", list),
            _ if extra.no_address => out.null("address"),
            _ => out.entry("address", |out| address::write_host(out, address)),
        }
        let verbatim = &extra.verbatim;
        time::write(
            out,
            "timestamp_tcp_setup",
            conn.timestamp_tcp_setup,
            Place::TcpSetup,
            verbatim,
        );
        match (verbatim.get(Place::Via), &extra.via) {
            (Some(list), Some(via)) if is_via(list, via) => out.value("via", list),
            (_, Some((scheme, host, port))) => out.list("via", |out| {
                address::write_host(out, (host, *port));
                out.encoder.text(scheme);
            }),
            (_, None) => out.null("via"),
        }
    });
}

fn no_server(out: &mut Out<'_>, flow: &str) {
    CommonRef {
        peername: None,
        sockname: None,
        uuid: flow.into(),
        live: false,
        tls: None,
        error: None,
        start: None,
        end: None,
        extra: &ConnExtra::default(),
    }
    .write(out, &mut Written::default());
    out.null("address");
    out.null("timestamp_tcp_setup");
    out.null("via");
}

fn uuid_of(extra: &ConnExtra, kind: u8, id: ConnId) -> Arc<str> {
    extra
        .uuid
        .clone()
        .unwrap_or_else(|| uuid(crate::flow::session(), kind, id.0).into())
}

/// What both connections have.
struct CommonRef<'a> {
    peername: Option<SocketAddr>,
    sockname: Option<SocketAddr>,
    uuid: Arc<str>,
    /// It is one of this process: no file tells of it.
    live: bool,
    tls: Option<&'a TlsInfo>,
    error: Option<&'a str>,
    /// None for the place of a connection that never was.
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    extra: &'a ConnExtra,
}

impl CommonRef<'_> {
    fn write(&self, out: &mut Out<'_>, written: &mut Written) {
        let Self { extra, tls, .. } = self;
        let verbatim = &extra.verbatim;
        address::write(out, "peername", self.peername, extra.peername.as_ref());
        address::write(out, "sockname", self.sockname, extra.sockname.as_ref());
        out.text("id", &self.uuid);
        out.text("transport_protocol", if extra.udp { "udp" } else { "tcp" });
        out.opt_text("error", self.error);
        out.bool("tls", if self.live { tls.is_some() } else { extra.tls });
        let none = TlsInfo::default();
        let tls = tls.unwrap_or(&none);
        write_certificates(out, &tls.certificates, verbatim, written);
        match &tls.alpn {
            Some(alpn) => out.bytes("alpn", alpn),
            None => out.null("alpn"),
        }
        out.list("alpn_offers", |out| {
            for offer in tls.alpn_offers.iter().rev() {
                out.encoder.bytes(offer);
            }
        });
        out.opt_text("cipher", tls.cipher.as_deref());
        out.list("cipher_list", |out| {
            for cipher in extra.cipher_list.iter().rev() {
                out.encoder.text(cipher);
            }
        });
        let version = tls.version.map(TlsVersion::name);
        out.opt_text("tls_version", version.or(extra.tls_version.as_deref()));
        out.opt_text("sni", tls.sni.as_deref());
        time::write(out, "timestamp_start", self.start, Place::Start, verbatim);
        time::write(out, "timestamp_end", self.end, Place::End, verbatim);
        time::write(
            out,
            "timestamp_tls_setup",
            tls.timestamp_setup,
            Place::TlsSetup,
            verbatim,
        );
    }
}

fn write_certificates(
    out: &mut Out<'_>,
    certificates: &Certificates,
    verbatim: &Verbatim,
    written: &mut Written,
) {
    if let Some(list) = verbatim.get(Place::Certificates)
        && is_chain(list, certificates)
    {
        return out.value("certificate_list", list);
    }
    out.list("certificate_list", |out| {
        for der in certificates.iter().rev() {
            let pem = written.pem(der);
            out.encoder.bytes(&pem);
        }
    });
}

/// Whether these are the certificates in a list.
fn is_chain(list: &Value, certificates: &Certificates) -> bool {
    let Value::List(list) = list else {
        return false;
    };
    let found = list.iter().filter_map(|pem| match pem {
        Value::Bytes(pem) => pem::decode(pem),
        _ => None,
    });
    found.eq(certificates.iter().map(|der| der.to_vec()))
}
