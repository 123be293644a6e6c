//! What a handshake has said that flows tell of a connection.

use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{Side, Timestamp, TlsInfo, TlsVersion};
use ratel_proto::client_hello::{ClientHello, is_grease};

use crate::context::Ends;
use crate::tls::handshake::{self, ServerHello};
use crate::tls::suites;

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) sni: Option<Arc<str>>,
    pub(super) alpn: Option<Bytes>,
    pub(super) group: Option<Arc<str>>,
    pub(super) resumed: bool,
    pub(super) setup: Option<Timestamp>,
    version: Option<TlsVersion>,
    cipher: Option<Arc<str>>,
    alpn_offers: Vec<Bytes>,
    ech_offered: bool,
    early_data_offered: bool,
    /// The chains of client and server.
    chains: [Vec<Bytes>; 2],
    /// The flows know.
    told: bool,
}

impl Facts {
    pub(super) fn client_hello(&mut self, hello: &ClientHello) {
        self.told = false;
        self.sni = hello.sni.as_deref().map(Into::into);
        let copy = |name: &Bytes| Bytes::copy_from_slice(name);
        let is_meant = |name: &&Bytes| match name[..] {
            [a, b] => !is_grease(u16::from_be_bytes([a, b])),
            _ => true,
        };
        self.alpn_offers = hello.alpn.iter().filter(is_meant).map(copy).collect();
        self.ech_offered = hello.offers_ech();
        self.early_data_offered = hello.offers_early_data();
    }

    pub(super) fn server_hello(&mut self, hello: &ServerHello) {
        self.told = false;
        self.version = hello.version();
        let name = suites::name(hello.suite);
        self.cipher = Some(name.map_or_else(|| format!("{:#06x}", hello.suite).into(), Into::into));
        self.alpn = hello.alpn.clone();
        self.resumed = hello.resumes;
        self.group = hello.group.map(|number| handshake::group(number).into());
        if self.group.is_none() && self.suite_has("TLS_RSA_WITH") {
            self.group = Some("RSA".into());
        }
    }

    pub(super) fn chain(&mut self, side: Side, chain: Vec<Bytes>) {
        self.told = false;
        let [client, server] = &mut self.chains;
        match side {
            Side::Client => *client = chain,
            Side::Server => *server = chain,
        }
    }

    pub(super) fn server_chain(&self) -> &[Bytes] {
        let [_, server] = &self.chains;
        server
    }

    pub(super) fn suite_has(&self, word: &str) -> bool {
        self.cipher
            .as_ref()
            .is_some_and(|cipher| cipher.contains(word))
    }

    /// Whether there is something that the flows do not know.
    pub(super) fn is_new(&self) -> bool {
        !self.told
    }

    /// Lets the flows know.
    pub(super) fn tell(&mut self, ends: &mut Ends) {
        self.told = true;
        let [client, server] = &self.chains;
        let info = |chain: &[Bytes]| TlsInfo {
            version: self.version,
            cipher: self.cipher.clone(),
            group: self.group.clone(),
            resumed: self.resumed,
            engine: None,
            sni: self.sni.clone(),
            alpn: self.alpn.clone(),
            alpn_offers: self.alpn_offers.clone(),
            ech_offered: self.ech_offered,
            early_data_offered: self.early_data_offered,
            certificates: chain.into(),
            timestamp_setup: self.setup,
        };
        ends.set_tls(info(client), info(server));
    }
}
