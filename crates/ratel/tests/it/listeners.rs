//! Options that say where the engine listens and as what, while it runs.

use std::net::TcpStream;

use ratel_core::addon::AddonChain;
use ratel_core::files::FlowFiles;
use ratel_core::options::{Options, Value, Values};
use ratel_core::replay::ClientReplay;
use ratel_core::store::{FlowStore, StoreConfig};
use ratel_proxy::Engine;
use ratel_testkit::{Origin, nginx, origin, wait, wire};
use tempfile::TempDir;

struct Running {
    options: Options,
    engine: Engine,
    _home: TempDir,
}

impl Running {
    fn start(port: u16) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut values = Values::with_folders(&home.path().display().to_string(), None);
        for (name, value) in [
            ("listen_host", Value::Str("127.0.0.1".to_owned())),
            ("listen_port", Value::OptInt(Some(port.into()))),
        ] {
            values.set(name, value).expect("an option");
        }
        let options = Options::with(values).expect("valid options");
        let store = FlowStore::start(StoreConfig {
            dir: home.path().to_owned(),
            memory_bytes: 1 << 24,
            disk_bytes: 1 << 28,
        })
        .expect("the folder can be written");
        let replay = ClientReplay::new(store.clone(), FlowFiles::default());
        let engine = Engine::start(&options, store, AddonChain::default(), &replay);
        Self {
            options,
            engine: engine.expect("a free port"),
            _home: home,
        }
    }

    fn set(&self, name: &str, value: Value) -> Result<(), String> {
        let changed = self.options.update([(name, value)]);
        changed.map_err(|error| error.to_string())
    }

    fn modes(&self, modes: &[String]) -> Result<(), String> {
        self.set("mode", Value::List(modes.to_vec()))
    }

    /// The ports, with what listens there.
    fn ports(&self) -> Vec<(u16, String)> {
        let all = self.engine.listeners().all().into_iter();
        all.map(|one| (one.addrs[0].port(), one.mode.spec.clone()))
            .collect()
    }
}

fn is_open(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn site() -> Origin {
    Origin::plain(|wire| origin::serve(wire, |_, _| origin::ok("here")))
}

#[test]
fn a_mode_changes_without_its_port_being_closed() {
    let site = site();
    let ratel = Running::start(0);
    let (port, _) = ratel.ports()[0];
    let reverse = format!("reverse:http://127.0.0.1:{}", site.port());
    // A connection that stands goes on as what it is.
    let mut before = wire::Wire::connect(port);
    let url = format!("http://127.0.0.1:{}/one", site.port());
    let request = format!("GET {url} HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(before.ask(&request).status, 200);
    ratel.modes(std::slice::from_ref(&reverse)).unwrap();
    assert_eq!(ratel.ports(), [(port, reverse.clone())]);
    assert_eq!(wire::get(port, "/two").status, 200);
    assert_eq!(before.ask(&request).status, 200);
    // A further one; the first stays where it is.
    let other = format!("regular@{}", nginx::free_port());
    ratel.modes(&[other, reverse]).unwrap();
    let ports = ratel.ports();
    assert_eq!(
        (ports.len(), ports.iter().any(|one| one.0 == port)),
        (2, true),
        "{ports:?}"
    );
    for (port, _) in ports {
        assert!(is_open(port));
    }
}

#[test]
fn the_server_is_switched_off_and_on() {
    let port = nginx::free_port();
    let ratel = Running::start(port);
    assert!(is_open(port));
    ratel.set("server", Value::Bool(false)).unwrap();
    assert!(ratel.ports().is_empty());
    wait::until("the port to be closed", || (!is_open(port)).then_some(()));
    ratel.set("server", Value::Bool(true)).unwrap();
    assert!(is_open(port));
    // All addresses in the place of one, on the same port.
    ratel.set("listen_host", Value::Str(String::new())).unwrap();
    assert_eq!(ratel.ports()[0].0, port);
    assert!(is_open(port));
}

#[test]
fn a_port_that_is_taken_changes_nothing() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let ratel = Running::start(0);
    let before = ratel.ports();
    let said = ratel.set("listen_port", Value::OptInt(Some(port.into())));
    let said = said.unwrap_err();
    assert!(
        said.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{said}"
    );
    assert_eq!(ratel.ports(), before);
    assert!(is_open(before[0].0));
    let free = nginx::free_port();
    ratel
        .set("listen_port", Value::OptInt(Some(free.into())))
        .unwrap();
    assert!(is_open(free));
    wait::until("the port before to be closed", || {
        (!is_open(before[0].0)).then_some(())
    });
}
