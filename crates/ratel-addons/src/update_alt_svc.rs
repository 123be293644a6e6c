//! Makes the `Alt-Svc` of a server behind a reverse proxy (RFC 7838) name the proxy instead, so that clients do not go
//! past it (option `keep_alt_svc_header`).

use std::sync::atomic::{AtomicBool, Ordering};

use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::{ClientConn, HttpFlow};

/// The addon: whether it is off.
#[derive(Debug, Default)]
pub struct UpdateAltSvc {
    keeps: AtomicBool,
    is_reverse: AtomicBool,
}

/// Whether the client takes us for the server.
pub(crate) fn is_reverse(client: &ClientConn) -> bool {
    client.proxy_mode.starts_with("reverse:")
}

impl Addon for UpdateAltSvc {
    fn name(&self) -> &'static str {
        "update_alt_svc"
    }

    fn hooks(&self) -> HookSet {
        let wanted = self.is_reverse.load(Ordering::Relaxed) && !self.keeps.load(Ordering::Relaxed);
        if wanted {
            HookSet::NONE.with(Hook::ResponseHeaders)
        } else {
            HookSet::NONE
        }
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        self.keeps
            .store(options.bool(keys::KEEP_ALT_SVC_HEADER), Ordering::Relaxed);
        let modes = options.list(keys::MODE);
        let is_reverse = modes.iter().any(|mode| mode.starts_with("reverse:"));
        self.is_reverse.store(is_reverse, Ordering::Relaxed);
        Ok(())
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        _bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        let port = flow.client_conn.sockname.port();
        if is_reverse(&flow.client_conn)
            && let Some(response) = &mut flow.response
        {
            let headers = &response.headers;
            let fields = headers.iter().enumerate();
            let fields = fields.filter(|(_, (name, _))| name.eq_ignore_ascii_case(b"alt-svc"));
            let fields = fields.map(|(at, (_, value))| (at, moved(value, port)));
            for (at, value) in fields.collect::<Vec<_>>() {
                response.headers.set_at(at, &value);
            }
        }
        done()
    }
}

/// With `:port` in place of each `host:port`.
fn moved(value: &[u8], port: u16) -> Vec<u8> {
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let (mut out, mut rest) = (Vec::with_capacity(value.len()), value);
    while let Some(colon) = memchr::memchr(b':', rest) {
        let (before, after) = (rest.get(..colon), rest.get(colon + 1..));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let digits = after
            .iter()
            .take(5)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let host = before.iter().rev().take_while(|byte| is_host(byte)).count();
        if digits == 0 {
            out.extend_from_slice(before);
            out.push(b':');
        } else {
            out.extend_from_slice(before.get(..before.len() - host).unwrap_or_default());
            out.extend_from_slice(format!(":{port}").as_bytes());
        }
        rest = after.get(digits..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_become_the_port() {
        let rows = [
            ("h3=\":443\"; ma=1", "h3=\":8080\"; ma=1"),
            (
                "h2=\"a-b.test:8443\", h3=\":50\"",
                "h2=\":8080\", h3=\":8080\"",
            ),
            ("clear", "clear"),
            ("h2=\"[::1]:443\"", "h2=\"[::8080]:8080\""),
            ("a:", "a:"),
            (":123456", ":80806"),
        ];
        for (value, expected) in rows {
            let moved = String::from_utf8(moved(value.as_bytes(), 8080)).expect("text");
            assert_eq!(moved, expected);
        }
    }
}
