//! The names in a ClientHello that passes by unopened.

use std::sync::Arc;

use bytes::BytesMut;
use ratel_flow::{ClientConn, TlsInfo};
use ratel_proto::client_hello::{self, ClientHello};

/// Looks at what a client says first, until it is known what that asks for.
#[derive(Default)]
pub(super) struct Names {
    /// No more than one ClientHello of permitted size.
    seen: BytesMut,
    done: bool,
}

impl Names {
    /// Takes in what comes next; gives what is known of `client` from then on, once.
    pub(super) fn feed(&mut self, bytes: &[u8], client: &ClientConn) -> Option<ClientConn> {
        if self.done {
            return None;
        }
        self.seen.extend_from_slice(bytes);
        let hello = client_hello::parse(&self.seen);
        if matches!(hello, Ok(None)) {
            return None;
        }
        *self = Self {
            done: true,
            ..Self::default()
        };
        let hello: ClientHello = hello.ok().flatten()?;
        Some(ClientConn {
            tls: Some(Arc::new(TlsInfo {
                ech_offered: hello.offers_ech(),
                early_data_offered: hello.offers_early_data(),
                sni: hello.sni.map(Into::into),
                alpn_offers: hello.alpn,
                ..TlsInfo::default()
            })),
            ..client.clone()
        })
    }
}
