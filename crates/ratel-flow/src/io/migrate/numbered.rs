//! Steps between versions that have numbers.

use ratel_proto::tnetstring::Value;

use super::dict::{Dict, Step, to_text};

/// The step from that version to the next. That of WebSockets is not among them.
pub(super) fn step(from: i64) -> Option<fn(&mut Dict) -> Step> {
    Some(match from {
        4 => connection_names,
        5 => tls_for_ssl,
        6 => tls_extensions,
        7 => trailers,
        8 => authority_and_replay,
        9 => connection_state,
        10 => sni_and_alpn,
        12 => marks,
        13 => comments,
        14 => injected,
        15 => created,
        16 => no_mode,
        17 => proxy_mode,
        18 => names_of_connections,
        19 => no_state,
        20 => quic,
        _ => return None,
    })
}

/// Both connections, and the one that was a copy of the second.
fn each_conn(flow: &mut Dict, change: impl Fn(&mut Dict) -> Step) -> Step {
    flow.within("client_conn", &change)?;
    flow.within("server_conn", |server| {
        change(server)?;
        // It may be `[scheme, address]` as well.
        match server.get("via") {
            Some(Value::Dict(_)) => server.within("via", &change),
            _ => Ok(()),
        }
    })
}

/// 4: connections get names, the same for all flows of one.
fn connection_names(flow: &mut Dict) -> Step {
    for (key, kind) in [("client_conn", 1), ("server_conn", 2)] {
        flow.within(key, |conn| {
            let mark = match conn.get("timestamp_start") {
                // Null and true are no marks to tell connections by.
                Some(Value::Float(_) | Value::Int(_)) => {
                    format!(
                        "{:?} {:?}",
                        conn.get("timestamp_start"),
                        conn.get("address")
                    )
                }
                _ => String::new(),
            };
            let name = if mark.is_empty() {
                crate::flow::next_uuid(kind)
            } else {
                crate::flow::uuid(hash(mark.as_bytes()), kind, 0)
            };
            conn.set("id", name.as_str());
            Ok(())
        })?;
    }
    Ok(())
}

/// FNV-1a, which is the same in every process.
fn hash(bytes: &[u8]) -> u128 {
    let (prime, basis) = (
        0x0000_0000_0100_0000_0000_0000_0000_013b,
        0x6c62_272e_07bb_0142_62b8_2175_6295_c58d,
    );
    bytes.iter().fold(basis, |hash: u128, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(prime)
    })
}

/// 5
fn tls_for_ssl(flow: &mut Dict) -> Step {
    each_conn(flow, |conn| {
        conn.rename("ssl_established", "tls_established");
        conn.rename("timestamp_ssl_setup", "timestamp_tls_setup");
        Ok(())
    })
}

/// 6
fn tls_extensions(flow: &mut Dict) -> Step {
    flow.within("client_conn", |client| {
        client.set("tls_extensions", Value::Null);
        Ok(())
    })
}

/// 7
fn trailers(flow: &mut Dict) -> Step {
    for key in ["request", "response"] {
        flow.within_if(key, |message| {
            message.set("trailers", Value::Null);
            Ok(())
        })?;
    }
    Ok(())
}

/// 8: what was played back is said of the flow.
fn authority_and_replay(flow: &mut Dict) -> Step {
    let mut replay = Value::Null;
    for key in ["request", "response"] {
        flow.within_if(key, |message| {
            if key == "request" {
                message.remove("first_line_format");
                message.set("authority", Value::Bytes(bytes::Bytes::new()));
            }
            if message.remove("is_replay") == Value::Bool(true) {
                replay = key.into();
            }
            Ok(())
        })?;
    }
    flow.set("is_replay", replay);
    Ok(())
}

/// A list of what there is.
fn one(value: Option<&Value>) -> Option<Value> {
    value
        .filter(|value| **value != Value::Null)
        .map(|value| Value::List(vec![value.clone()]))
}

/// 9
fn connection_state(flow: &mut Dict) -> Step {
    each_conn(flow, |conn| {
        conn.set("state", 0);
        conn.set("error", Value::Null);
        let tls = conn.get("tls_established").cloned();
        conn.set("tls", tls.unwrap_or(Value::Bool(false)));
        let alpn = one(conn.get("alpn_proto_negotiated"));
        conn.set("alpn_offers", alpn.unwrap_or_default());
        let cipher = one(conn.get("cipher_name"));
        conn.set("cipher_list", cipher.unwrap_or_default());
        Ok(())
    })?;
    let no_certificate = Value::List(Vec::new());
    flow.within("client_conn", |client| {
        let nobody = Value::List(vec!["".into(), Value::Int(0)]);
        client.set("sockname", nobody);
        let certificate = one(Some(&client.remove("clientcert")));
        client.set(
            "certificate_list",
            certificate.unwrap_or(no_certificate.clone()),
        );
        Ok(())
    })?;
    let of_server = |server: &mut Dict| {
        let certificate = one(Some(&server.remove("cert")));
        server.set(
            "certificate_list",
            certificate.unwrap_or(no_certificate.clone()),
        );
        server.set("cipher_name", Value::Null);
        server.set("via2", Value::Null);
        Ok(())
    };
    flow.within("server_conn", |server| {
        of_server(server)?;
        match server.get("via") {
            Some(Value::Dict(_)) => server.within("via", of_server),
            _ => Ok(()),
        }
    })
}

/// 10
fn sni_and_alpn(flow: &mut Dict) -> Step {
    each_conn(flow, |conn| {
        if let Some(sni) = conn.get_mut("sni") {
            *sni = to_text(std::mem::take(sni));
        }
        conn.rename("alpn_proto_negotiated", "alpn");
        for key in ["alpn_offers", "cipher_list"] {
            if !conn.has(key) {
                conn.set(key, Value::List(Vec::new()));
            }
        }
        Ok(())
    })
}

/// 12
fn marks(flow: &mut Dict) -> Step {
    let mark = match flow.get("marked") {
        Some(Value::Bool(true)) => ":default:",
        _ => "",
    };
    flow.set("marked", mark);
    Ok(())
}

/// 13
fn comments(flow: &mut Dict) -> Step {
    flow.set("comment", "");
    let mut sent = Value::Null;
    flow.within_if("request", |request| {
        sent = request.get("timestamp_end").cloned().unwrap_or_default();
        Ok(())
    })?;
    flow.within_if("response", |response| {
        if !response.has("timestamp_start") {
            let end = match &sent {
                Value::Float(sent) => Value::Float(sent + 1.0),
                Value::Int(sent) => Value::Int(sent.saturating_add(1)),
                _ => Value::Null,
            };
            response.set("timestamp_start", sent);
            response.set("timestamp_end", end);
        }
        Ok(())
    })
}

/// 14
fn injected(flow: &mut Dict) -> Step {
    flow.within_if("websocket", |websocket| {
        // What lies elsewhere is read without it.
        if let Some(Value::List(messages)) = websocket.get_mut("messages") {
            for message in messages {
                if let Value::List(parts) = message {
                    parts.push(Value::Bool(false));
                }
            }
        }
        Ok(())
    })
}

/// 15
fn created(flow: &mut Dict) -> Step {
    let from = if flow.has("request") {
        "request"
    } else {
        "client_conn"
    };
    // The question of a DNS flow has but one time.
    let mut start = Value::Null;
    flow.within(from, |dict| {
        start = dict.get("timestamp_start").cloned().unwrap_or_default();
        Ok(())
    })?;
    flow.set("timestamp_created", start);
    Ok(())
}

/// 16
fn no_mode(flow: &mut Dict) -> Step {
    flow.remove("mode");
    Ok(())
}

/// 17
fn proxy_mode(flow: &mut Dict) -> Step {
    flow.within("client_conn", |client| {
        client.set("proxy_mode", "regular");
        Ok(())
    })
}

/// 18
fn names_of_connections(flow: &mut Dict) -> Step {
    flow.within("client_conn", |client| {
        client.rename("address", "peername");
        if !client.has("timestamp_start") {
            client.set("timestamp_start", Value::Float(0.0));
        }
        client.remove("tls_extensions");
        Ok(())
    })?;
    flow.within("server_conn", |server| {
        server.rename("ip_address", "peername");
        server.rename("source_address", "sockname");
        server.rename("via2", "via");
        if server.get("sni") == Some(&Value::Bool(true)) {
            let host = match server.get("address") {
                Some(Value::List(address)) => address.first().cloned().unwrap_or_default(),
                _ => Value::Null,
            };
            server.set("sni", to_text(host));
        }
        Ok(())
    })?;
    for key in ["client_conn", "server_conn"] {
        flow.within(key, |conn| {
            conn.remove("tls_established");
            conn.rename("cipher_name", "cipher");
            conn.set_default("transport_protocol", "tcp");
            for key in ["peername", "sockname", "address"] {
                if let Some(Value::List(address)) = conn.get_mut(key)
                    && let Some(host) = address.first_mut()
                {
                    *host = to_text(std::mem::take(host));
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// 19
fn no_state(flow: &mut Dict) -> Step {
    for key in ["client_conn", "server_conn"] {
        flow.within(key, |conn| {
            conn.remove("state");
            Ok(())
        })?;
    }
    Ok(())
}

/// 20
fn quic(flow: &mut Dict) -> Step {
    for key in ["client_conn", "server_conn"] {
        flow.within(key, |conn| {
            if conn.get("tls_version") == Some(&"QUIC".into()) {
                conn.set("tls_version", "QUICv1");
            }
            Ok(())
        })?;
    }
    Ok(())
}
