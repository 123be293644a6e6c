//! Refuses clients by the network they come from (options `block_global`, `block_private`), so that a proxy on a
//! machine with a public address is not open to the world.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use ratel_core::addon::{Addon, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_flow::ClientConn;

/// The addon: who is let in, as the options say.
#[derive(Debug, Default)]
pub struct Block {
    global: AtomicBool,
    private: AtomicBool,
}

impl Addon for Block {
    fn name(&self) -> &'static str {
        "block"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::ClientConnected)
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        self.global
            .store(options.bool(keys::BLOCK_GLOBAL), Ordering::Relaxed);
        self.private
            .store(options.bool(keys::BLOCK_PRIVATE), Ordering::Relaxed);
        Ok(())
    }

    fn client_connected<'a>(&'a self, client: &'a mut ClientConn) -> HookFuture<'a> {
        let ip = client.peername.ip().to_canonical();
        let (option, remedy) = match network(ip) {
            Network::Global => ("block_global", self.global.load(Ordering::Relaxed)),
            Network::Private => ("block_private", self.private.load(Ordering::Relaxed)),
            Network::Loopback => ("", false),
        };
        if remedy {
            let text = format!(
                "the client {ip} was refused by option {option}; --set {option}=false lets it in"
            );
            client.error = Some(text.into());
        }
        done()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    Loopback,
    Private,
    Global,
}

/// Sorts addresses as the IANA special-purpose registries do (RFC 6890): what is not globally reachable is private.
fn network(ip: IpAddr) -> Network {
    let private = match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b))
        }
        IpAddr::V6(ip) => {
            let [a, b, ..] = ip.segments();
            ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || (a == 0x2001 && b == 0xdb8)
                || (a == 0x2001 && b < 0x200)
                || (a == 0x100 && b == 0)
        }
    };
    match ip {
        ip if ip.is_loopback() => Network::Loopback,
        _ if private => Network::Private,
        _ => Network::Global,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratel_core::options::Value;
    use ratel_flow::{ConnId, Timestamp};

    #[test]
    fn networks_are_told_apart() {
        for (ip, expected) in [
            ("127.0.0.1", Network::Loopback),
            ("::1", Network::Loopback),
            ("10.1.2.3", Network::Private),
            ("172.31.0.1", Network::Private),
            ("192.168.0.1", Network::Private),
            ("169.254.1.1", Network::Private),
            ("100.64.0.1", Network::Private),
            ("fe80::1", Network::Private),
            ("fd00::1", Network::Private),
            ("1.1.1.1", Network::Global),
            ("172.32.0.1", Network::Global),
            ("2606:4700::1111", Network::Global),
        ] {
            assert_eq!(network(ip.parse().expect("an address")), expected, "{ip}");
        }
    }

    async fn refused(ip: &str, option: Option<(&str, bool)>) -> Option<String> {
        let block = Block::default();
        let mut values = Values::default();
        if let Some((name, on)) = option {
            values
                .set(name, Value::Bool(on))
                .expect("the option is there");
        }
        block
            .configure(&values, &[])
            .expect("switches are always fine");
        let mut client = ClientConn {
            id: ConnId::next(),
            peername: (ip.parse::<IpAddr>().expect("an address"), 1).into(),
            sockname: ([127, 0, 0, 1], 2).into(),
            proxy_mode: "regular".into(),
            timestamp_start: Timestamp::default(),
            timestamp_end: None,
            tls: None,
            passthrough: None,
            extra: None,
            error: None,
        };
        block.client_connected(&mut client).await;
        client.error.map(|e| e.to_string())
    }

    #[tokio::test]
    async fn the_public_is_refused_unless_it_is_let_in() {
        let message = refused("8.8.8.8", None).await.expect("refused by default");
        assert!(
            message.contains("8.8.8.8") && message.contains("block_global=false"),
            "{message}"
        );
        assert_eq!(
            refused("8.8.8.8", Some(("block_global", false))).await,
            None
        );
        assert_eq!(refused("::ffff:10.0.0.1", None).await, None);
        assert!(
            refused("::ffff:10.0.0.1", Some(("block_private", true)))
                .await
                .is_some()
        );
        assert_eq!(
            refused("127.0.0.1", Some(("block_private", true))).await,
            None
        );
    }
}
