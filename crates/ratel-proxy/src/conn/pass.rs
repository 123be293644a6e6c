//! Whether a connection is passed through untouched. Decided from what its server is called and what is remembered of
//! its client, before anything is answered.

use std::sync::Arc;

use bytes::BytesMut;
use ratel_flow::ClientConn;
use ratel_proto::http1::{HeadLimits, HeadReader};
use ratel_proto::url;
use tokio::io::AsyncReadExt;

use super::peek::Place;
use super::read_hello;
use crate::config::Verdict;
use crate::error::ProxyError;
use crate::io::BoxIo;
use crate::next_layer::Layer;
use crate::passthrough::Reason;
use crate::relay::{tcp, verbatim};
use crate::upstream::{Target, host_port};

/// What a connection begins with.
pub(super) enum Begun {
    /// It is not to be looked into.
    Passed(Reason),
    Layer(Layer),
}

impl Place<'_> {
    /// Finds out what begins here, and whether it is passed through. Nothing is taken of what was said.
    pub(super) async fn begin(
        &self,
        io: &mut BoxIo,
        ahead: &mut BytesMut,
    ) -> Result<Begun, ProxyError> {
        let pass = &self.ctx.config.pass;
        let target = (pass.hosts.is_any() || pass.auto)
            .then(|| self.verbatim())
            .flatten();
        // The server may have to speak first.
        if pass.hosts.is_any()
            && let Some(target) = &target
            && let Ok(Some(reason)) = self.judged(target, None, false)
        {
            return Ok(Begun::Passed(reason));
        }
        let layer = self.peek(io, ahead).await?;
        let passed = match &target {
            Some(target) => self.passed(target, &layer, io, ahead).await,
            None => None,
        };
        Ok(passed.map_or(Begun::Layer(layer), Begun::Passed))
    }

    /// Passes the connection through.
    pub(super) async fn pass_through(&self, reason: Reason, io: BoxIo, ahead: BytesMut) {
        let Some(target) = self.destination.verbatim_target() else {
            return;
        };
        let peername = self.ctx.client.peername;
        let told = format!("{target} is passed through untouched: {reason}");
        if self.ctx.shared.passthrough.is_news(&told) {
            tracing::info!(client = %peername, "{told}");
        } else {
            tracing::debug!(client = %peername, "{told}");
        }
        // What nobody has asked for by its name has a row.
        if self.ctx.config.pass.shown || matches!(reason, Reason::Refused(_)) {
            let mut ctx = self.ctx.clone();
            let mut client = ClientConn::clone(&ctx.client);
            client.passthrough = Some(reason.to_string().into());
            ctx.client = Arc::new(client);
            let relayed = tcp::run(&ctx, self.upstreams, self.destination, &target, io, ahead);
            return Box::pin(relayed).await;
        }
        let relayed = verbatim::run(self.ctx, self.upstreams, &target, io, ahead);
        match Box::pin(relayed).await {
            Ok(()) => {}
            Err(error) if error.is_loss_of_peer() => {
                tracing::debug!(client = %peername, "{target} was passed through untouched: {error}");
            }
            Err(error @ ProxyError::Fault(_)) => {
                tracing::info!(client = %peername, "{target} was passed through untouched until it broke off; {error}");
            }
            // There is no row that could say so.
            Err(error) => {
                tracing::warn!(client = %peername, "{target} cannot be passed through: {error}");
            }
        }
    }

    /// Where bytes go that nothing is done to; none where that is not known yet, or TLS was opened already.
    fn verbatim(&self) -> Option<Target> {
        let target = self.destination.verbatim_target()?;
        // What is answered here leads nowhere.
        (!self.is_secured() && !self.ctx.shared.addons.serves(&target.host)).then_some(target)
    }

    /// Why it is passed through, if it is, by what its first bytes tell. They are read on for as long as that takes.
    async fn passed(
        &self,
        target: &Target,
        layer: &Layer,
        io: &mut BoxIo,
        ahead: &mut BytesMut,
    ) -> Option<Reason> {
        let named = match layer {
            Layer::Undecided => return None,
            Layer::Tls => {
                // What is wrong with it is said by those who need it.
                let hello = read_hello(self.ctx, io, ahead).await.ok();
                let sni = hello.as_ref().and_then(|hello| hello.sni.as_deref());
                return self.passed_tls(target, sni);
            }
            Layer::Http1 if self.judged(target, None, false).is_err() => {
                self.host_field(target.port, io, ahead).await
            }
            _ => None,
        };
        self.judged(target, named, true).unwrap_or_default()
    }

    fn passed_tls(&self, target: &Target, sni: Option<&str>) -> Option<Reason> {
        if sni.is_some_and(|sni| self.ctx.shared.addons.serves(sni)) {
            return None;
        }
        let pass = &self.ctx.config.pass;
        if pass.hosts.is_any()
            && let Ok(Some(reason)) =
                self.judged(target, sni.map(|sni| host_port(sni, target.port)), true)
        {
            return Some(reason);
        }
        let name = sni.unwrap_or(&target.host);
        // Where no TLS is spoken behind us there is nothing that a client could trust.
        let known = pass.auto && self.destination.tls_target(sni).is_some();
        let client = self.ctx.client.peername.ip();
        (known && self.ctx.shared.passthrough.refuses(client, name))
            .then(|| Reason::Refused(name.to_owned()))
    }

    /// What the patterns say: to the address, to where it has led, and to `named`, by which the client calls the server.
    /// `all` says that there will be no other names.
    fn judged(
        &self,
        target: &Target,
        named: Option<String>,
        all: bool,
    ) -> Result<Option<Reason>, Unsure> {
        let mut names = vec![target.to_string()];
        names.extend(self.upstreams.dialled(target).map(|peer| peer.to_string()));
        names.extend(named);
        match self.ctx.config.pass.hosts.judge(&names, all) {
            Verdict::Open => Err(Unsure),
            Verdict::LookInto => Ok(None),
            Verdict::Ignored { name, pattern } => Ok(Some(Reason::Ignored { name, pattern })),
            Verdict::NotAllowed => Ok(Some(Reason::NotAllowed)),
        }
    }

    /// The Host field of the request that begins here, if there is one in a head of permitted size.
    async fn host_field(&self, port: u16, io: &mut BoxIo, ahead: &mut BytesMut) -> Option<String> {
        let limits = HeadLimits {
            bytes: self.ctx.config.head_limit,
            ..HeadLimits::default()
        };
        let mut seen = 0;
        while !ends_head(&ahead[seen..]) {
            // The end may have been cut in two.
            seen = ahead.len().saturating_sub(3);
            if ahead.len() >= limits.bytes || io.read_buf(ahead).await.unwrap_or(0) == 0 {
                return None;
            }
            self.ctx.activity.touch();
        }
        let head = HeadReader::new(limits).request(&mut ahead.clone()).ok()??;
        Some(with_port(head.headers.get("host")?, port))
    }
}

/// More has to be known.
struct Unsure;

fn ends_head(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// The Host field as `host:port`, with this port where it has none.
fn with_port(field: &[u8], port: u16) -> String {
    match url::parse_authority(field) {
        Ok((host, own)) => host_port(&host, own.unwrap_or(port)),
        Err(_) => host_port(String::from_utf8_lossy(field).trim(), port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_port_it_says_or_else_that_of_the_address() {
        for (field, expected) in [
            ("a.test", "a.test:443"),
            ("a.test:80", "a.test:80"),
            ("[::1]", "[::1]:443"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(with_port(field.as_bytes(), 443), expected, "{field}");
        }
    }

    #[test]
    fn the_end_of_a_head_is_found() {
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n"[..], false),
            (b"a\r\n\r\n", true),
            (b"a\n\nb", true),
            (b"", false),
        ] {
            assert_eq!(ends_head(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
