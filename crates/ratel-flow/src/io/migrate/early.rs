//! Steps between the releases before versions had numbers.

use ratel_proto::tnetstring::Value;

use super::dict::{Dict, Step, to_text};

/// The last release that is a version, and the number that it amounts to.
pub(super) const LAST: (i64, i64) = (3, 0);
/// See [`LAST`].
pub(super) const NUMBER: i64 = 4;

/// The step from that release, and the release that it leads to.
#[expect(clippy::type_complexity, reason = "it is read in one place")]
pub(super) fn step(from: (i64, i64)) -> Option<(fn(&mut Dict) -> Step, (i64, i64))> {
    Some(match from {
        (0, 11) => (nothing, (0, 12)),
        (0, 12) => (nothing, (0, 13)),
        (0, 13) => (names_of_http, (0, 14)),
        (0, 14) => (nothing, (0, 15)),
        (0, 15) => (content_and_reason, (0, 16)),
        (0, 16) => (peer_address, (0, 17)),
        (0, 17) => (ip_address, (0, 18)),
        (0, 18) => (tls_of_clients, (0, 19)),
        (0, 19) => (texts, (1, 0)),
        (1, 0) => (plain_addresses, (2, 0)),
        (2, 0) => (mitmcert, (3, 0)),
        _ => return None,
    })
}

fn nothing(_: &mut Dict) -> Step {
    Ok(())
}

fn each_message(flow: &mut Dict, change: impl Fn(&mut Dict, &'static str) -> Step) -> Step {
    for key in ["request", "response"] {
        flow.within_if(key, |message| change(message, key))?;
    }
    Ok(())
}

/// 0.13
fn names_of_http(flow: &mut Dict) -> Step {
    each_message(flow, |message, key| {
        let version = match message.remove("httpversion") {
            Value::List(parts) => match parts[..] {
                [Value::Int(major), Value::Int(minor)] => format!("HTTP/{major}.{minor}"),
                _ => return Err("httpversion"),
            },
            _ => return Err("httpversion"),
        };
        message.set("http_version", Value::Bytes(version.into()));
        message.rename("content", "body");
        if key == "request" {
            message.rename("form_in", "first_line_format");
        } else {
            message.rename("code", "status_code");
        }
        Ok(())
    })?;
    flow.within("server_conn", |server| {
        server.remove("state");
        server.set("via", Value::Null);
        Ok(())
    })
}

/// 0.15
fn content_and_reason(flow: &mut Dict) -> Step {
    each_message(flow, |message, key| {
        // It was its name for one release or two, in one of the two messages.
        if message.get("body").is_some() {
            message.rename("body", "content");
        }
        if key == "request" {
            message.remove("form_out");
        } else {
            if message.get("msg").is_some() {
                message.rename("msg", "reason");
            }
        }
        Ok(())
    })
}

/// 0.16
fn peer_address(flow: &mut Dict) -> Step {
    flow.within("server_conn", |server| {
        server.set("peer_address", Value::Null);
        Ok(())
    })
}

/// 0.17
fn ip_address(flow: &mut Dict) -> Step {
    flow.within("server_conn", |server| {
        server.rename("peer_address", "ip_address");
        Ok(())
    })?;
    flow.set("marked", false);
    Ok(())
}

/// 0.18
fn tls_of_clients(flow: &mut Dict) -> Step {
    flow.within("client_conn", |client| {
        for key in ["sni", "alpn_proto_negotiated", "cipher_name", "tls_version"] {
            client.set(key, Value::Null);
        }
        Ok(())
    })?;
    flow.within("server_conn", |server| {
        server.set("alpn_proto_negotiated", Value::Null);
        Ok(())
    })?;
    each_message(flow, |message, _| {
        message.remove("stickyauth");
        message.remove("stickycookie");
        Ok(())
    })?;
    flow.set("mode", "regular");
    flow.set("metadata", Value::Dict(Vec::new()));
    Ok(())
}

/// 0.19: names, and what stands for a name, are texts.
fn texts(flow: &mut Dict) -> Step {
    keys_to_text(flow.entries_mut());
    for key in ["type", "id"] {
        if let Some(value) = flow.get_mut(key) {
            *value = to_text(std::mem::take(value));
        }
    }
    flow.within_if("request", |request| {
        if let Some(value) = request.get_mut("first_line_format") {
            *value = to_text(std::mem::take(value));
        }
        Ok(())
    })?;
    flow.within_if("error", |error| {
        if let Some(value) = error.get_mut("msg") {
            *value = to_text(std::mem::take(value));
        }
        Ok(())
    })
}

fn keys_to_text(entries: &mut Vec<(Value, Value)>) {
    for (key, value) in entries {
        *key = to_text(std::mem::take(key));
        if let Value::Dict(entries) = value {
            keys_to_text(entries);
        }
    }
}

/// 1.0: an address is no longer an object of its own.
fn plain_addresses(flow: &mut Dict) -> Step {
    flow.within("client_conn", |client| {
        unwrap_address(client, "address");
        Ok(())
    })?;
    fn of_server(server: &mut Dict) -> Step {
        for key in ["address", "source_address", "ip_address"] {
            unwrap_address(server, key);
        }
        match server.get("via") {
            Some(Value::Dict(_)) => server.within("via", of_server),
            _ => Ok(()),
        }
    }
    flow.within("server_conn", of_server)
}

fn unwrap_address(conn: &mut Dict, key: &str) {
    if let Some(value @ Value::Dict(_)) = conn.get_mut(key)
        && let Some(mut address) = Dict::of(std::mem::take(value))
    {
        *value = address.remove("address");
    }
}

/// 2.0, which has written addresses as 1.0 did, whatever it meant to.
fn mitmcert(flow: &mut Dict) -> Step {
    plain_addresses(flow)?;
    flow.within("client_conn", |client| {
        client.set("mitmcert", Value::Null);
        Ok(())
    })?;
    flow.within("server_conn", |server| {
        server.set("tls_version", Value::Null);
        Ok(())
    })
}
