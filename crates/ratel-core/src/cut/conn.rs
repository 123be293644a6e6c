//! Attributes of the two connections.

use std::net::SocketAddr;

use ratel_flow::io::pem;
use ratel_flow::{ClientConn, ServerConn, TlsInfo};

use super::{Value, flag, time};

pub(super) fn client(conn: &ClientConn, name: &str) -> Value {
    match split(name) {
        ("peername" | "address", part) => socket(Some(conn.peername), part),
        ("sockname", part) => socket(Some(conn.sockname), part),
        ("timestamp_start", _) => time(Some(conn.timestamp_start)),
        ("timestamp_end", _) => time(conn.timestamp_end),
        ("error", _) => Value::text(conn.error.as_deref().unwrap_or_default()),
        ("proxy_mode", _) => Value::text(&*conn.proxy_mode),
        (name, _) => tls(conn.tls.as_deref(), name),
    }
}

pub(super) fn server(conn: &ServerConn, name: &str) -> Value {
    match split(name) {
        ("address", part) => address(&conn.address.0, conn.address.1, part),
        ("peername" | "ip_address", part) => socket(conn.peername, part),
        ("sockname" | "source_address", part) => socket(conn.sockname, part),
        ("timestamp_start", _) => time(Some(conn.timestamp_start)),
        ("timestamp_end", _) => time(conn.timestamp_end),
        ("timestamp_tcp_setup", _) => time(conn.timestamp_tcp_setup),
        ("error", _) => Value::text(conn.error.as_deref().unwrap_or_default()),
        (name, _) => tls(conn.tls.as_deref(), name),
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

fn tls(info: Option<&TlsInfo>, name: &str) -> Value {
    if matches!(name, "tls" | "tls_established") {
        return flag(info.is_some_and(|info| info.timestamp_setup.is_some()));
    }
    let Some(info) = info else {
        return Value::nothing();
    };
    match name {
        "tls_version" => Value::text(info.version.map_or("", |version| version.name())),
        "cipher" | "cipher_name" => Value::text(info.cipher.as_deref().unwrap_or_default()),
        "sni" => Value::text(info.sni.as_deref().unwrap_or_default()),
        "alpn" => info.alpn.clone().map_or_else(Value::nothing, Value::Bytes),
        "timestamp_tls_setup" => time(info.timestamp_setup),
        "certificate_list" | "cert" => match info.certificates.first() {
            Some(der) => Value::Text(String::from_utf8_lossy(&pem(der)).into_owned()),
            None => Value::nothing(),
        },
        _ => Value::nothing(),
    }
}

fn socket(addr: Option<SocketAddr>, part: &str) -> Value {
    match addr {
        Some(addr) => address(&addr.ip().to_canonical().to_string(), addr.port(), part),
        None => Value::nothing(),
    }
}

/// Host, port, or both as Python writes a pair.
fn address(host: &str, port: u16, part: &str) -> Value {
    match part {
        "host" => Value::text(host),
        "port" => Value::text(port.to_string()),
        "" => Value::text(format!("('{host}', {port})")),
        _ => Value::nothing(),
    }
}
