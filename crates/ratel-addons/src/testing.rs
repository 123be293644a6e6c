//! Flows for tests of addons.

use std::sync::Arc;

use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies};
use ratel_core::hooks::Hook;
use ratel_core::options::{OptionsError, Value, Values};
use ratel_flow::{
    ClientConn, ConnId, FlowId, Headers, HttpFlow, LiveAnnotations, Request, Response, Scheme,
    Timestamp, Version,
};

pub(crate) fn client(mode: &str) -> Arc<ClientConn> {
    Arc::new(ClientConn {
        id: ConnId(1),
        peername: ([127, 0, 0, 1], 1).into(),
        sockname: ([127, 0, 0, 1], 2).into(),
        proxy_mode: mode.into(),
        timestamp_start: Timestamp::default(),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

/// A request for `http://a.test` with that path.
pub(crate) fn flow(path: &str) -> HttpFlow {
    let path = Bytes::copy_from_slice(path.as_bytes());
    let mut headers = Headers::new();
    headers.append(b"Host", b"a.test");
    HttpFlow {
        id: FlowId(1),
        client_conn: client("regular"),
        server_conn: None,
        request: Request {
            method: "GET".into(),
            target: path.clone(),
            version: Version::Http11,
            line: None,
            headers,
            pseudo: Headers::new(),
            scheme: Scheme::Http,
            host: "a.test".into(),
            port: 80,
            path,
            timestamp_start: Timestamp::default(),
        }
        .into(),
        response: None,
        error: None,
        annotations: LiveAnnotations::default(),
    }
}

/// The same with a response.
pub(crate) fn answered(path: &str, status: u16) -> HttpFlow {
    HttpFlow {
        response: Some(Response::new(status, Timestamp::default())),
        ..flow(path)
    }
}

/// Gives the addon a list option.
pub(crate) fn list(addon: &dyn Addon, name: &'static str, values: &[&str]) -> Result<(), String> {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    set(addon, name, Value::List(values))
}

/// Gives the addon an optional text.
pub(crate) fn text(addon: &dyn Addon, name: &'static str, value: &str) -> Result<(), String> {
    set(addon, name, Value::OptStr(Some(value.to_owned())))
}

pub(crate) fn set(addon: &dyn Addon, name: &'static str, value: Value) -> Result<(), String> {
    let mut values = Values::default();
    values
        .set(name, value)
        .map_err(|error: OptionsError| error.to_string())?;
    addon.configure(&values, &[name])
}

/// Runs one hook.
pub(crate) async fn run(addon: &dyn Addon, hook: Hook, flow: &mut HttpFlow, bodies: &mut Bodies) {
    if addon.hooks().contains(hook) {
        addon.http(hook, flow, bodies).await;
    }
}

/// Headers as lines.
pub(crate) fn lines(headers: &Headers) -> String {
    let lines = headers.iter().map(|(name, value)| {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        format!("{}: {}", text(name), text(value))
    });
    lines.collect::<Vec<_>>().join("\n")
}
