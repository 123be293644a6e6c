//! gRPC: all four kinds of calls between `grpcio`'s own client and service, each way there is through the program.

use std::process::Command;

use ratel_testkit::{Builder, Ca, Service, peer, service};

use crate::common::{assert_says, dump, reverse, stdout, trusting};

const SERVICE: &str = include_str!("../peers/grpc_service.py");
const LOST: &str = include_str!("../peers/grpc_lost.py");
const STATUS: &str = include_str!("../peers/grpc_status.py");
const CLIENT: &str = include_str!("../peers/grpc_client.py");

/// What the client prints when every call goes as it does without a proxy.
const GOES_WELL: &str = "\
unary got one kept
error NOT_FOUND no such thing: ünïcode
client stream a+b+c
server stream ['n 0', 'n 1', 'n 2']
chat echo first
chat echo second
chat echo xxxxxx
chat ended [] OK
many 200
";

fn calls(target: &str, ca: Option<&std::path::Path>, env: &[(&str, String)]) -> Option<String> {
    say(CLIENT, target, ca, env)
}

fn say(
    script: &str,
    target: &str,
    ca: Option<&std::path::Path>,
    env: &[(&str, String)],
) -> Option<String> {
    let mut command = Command::new(service::python()?);
    command.args(["-c", script, target]).args(ca);
    // Only what the test says, whatever proxies the machine uses.
    for name in ["http_proxy", "https_proxy", "no_proxy", "no_grpc_proxy"] {
        command.env_remove(name);
    }
    command.envs(env.iter().map(|(name, value)| (name, value)));
    Some(stdout(&peer::output(&mut command)))
}

fn tls_service(ca: &Ca) -> Option<Service> {
    let identity = ca.issue(&["localhost"]);
    Service::start(SERVICE, [identity.cert_file(), identity.key_file()])
}

/// Starts the program and hands its port and its CA file to the client.
fn through(
    builder: Builder,
    tls: bool,
    env: impl Fn(u16) -> Vec<(&'static str, String)>,
    target: impl Fn(u16) -> String,
) {
    let ca = builder.home().join(".ratel/ratel-ca-cert.pem");
    let ratel = builder.start();
    let port = ratel.port();
    let printed = calls(&target(port), tls.then_some(&*ca), &env(port));
    assert_eq!(printed.as_deref(), Some(GOES_WELL), "{}", ratel.output());
}

fn none(_: u16) -> Vec<(&'static str, String)> {
    Vec::new()
}

fn to_proxy(port: u16) -> String {
    format!("localhost:{port}")
}

#[test]
fn calls_go_well_without_tls() {
    let Some(service) = Service::start(SERVICE, [""; 0]) else {
        return;
    };
    through(
        reverse(&format!("http://127.0.0.1:{}", service.port)),
        false,
        none,
        to_proxy,
    );
}

#[test]
fn calls_go_well_with_tls_on_both_sides() {
    let ca = Ca::new();
    let Some(service) = tls_service(&ca) else {
        return;
    };
    let builder = reverse(&format!("https://localhost:{}", service.port));
    through(trusting(builder, &ca.file()), true, none, to_proxy);
}

#[test]
fn calls_go_well_from_plain_to_tls_and_from_tls_to_plain() {
    let ca = Ca::new();
    let Some(service) = tls_service(&ca) else {
        return;
    };
    let builder = reverse(&format!("https://localhost:{}", service.port));
    through(trusting(builder, &ca.file()), false, none, to_proxy);
    let Some(service) = Service::start(SERVICE, [""; 0]) else {
        return;
    };
    through(
        reverse(&format!("http://127.0.0.1:{}", service.port)),
        true,
        none,
        to_proxy,
    );
}

#[test]
fn calls_go_well_through_connect() {
    let ca = Ca::new();
    let Some(service) = tls_service(&ca) else {
        return;
    };
    let proxy = |port: u16| vec![("grpc_proxy", format!("http://127.0.0.1:{port}"))];
    let target = |_| format!("localhost:{}", service.port);
    through(trusting(dump(), &ca.file()), true, proxy, target);
    let Some(service) = Service::start(SERVICE, [""; 0]) else {
        return;
    };
    through(dump(), false, proxy, |_| {
        format!("localhost:{}", service.port)
    });
}

#[test]
fn a_service_that_dies_is_unavailable() {
    let Some(service) = Service::start(SERVICE, [""; 0]) else {
        return;
    };
    let ratel = reverse(&format!("http://127.0.0.1:{}", service.port)).start();
    let printed = say(LOST, &to_proxy(ratel.port()), None, &[]).expect("the service runs on it");
    assert!(
        printed.starts_with("last words\nUNAVAILABLE\nUNAVAILABLE Ratel: cannot connect to"),
        "{printed}"
    );
    let log = ratel.terminate().1;
    assert_says(&log, &["the server's response broke off: "]);
}

#[test]
fn a_fault_of_a_rule_is_the_status_that_clients_see() {
    let ratel = reverse("http://127.0.0.1:1")
        .args(["--fault", "grpc RESOURCE_EXHAUSTED"])
        .start();
    let Some(printed) = say(STATUS, &to_proxy(ratel.port()), None, &[]) else {
        return;
    };
    assert_eq!(printed, "RESOURCE_EXHAUSTED fault of a rule\n".repeat(2));
    let text = ratel.wait_output("ServerStream");
    assert_says(
        &text,
        &["grpc RESOURCE_EXHAUSTED", "fault: grpc RESOURCE_EXHAUSTED"],
    );
}

#[test]
fn schemas_with_missing_imports_are_read_with_a_warning() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = r#"
syntax = "proto3";
import "google/api/annotations.proto";
service Shop { rpc Get(Item) returns (Item) { option (google.api.http) = { get: "/v1" }; } }
message Item { string name = 1; }
"#;
    std::fs::write(folder.path().join("shop.proto"), text).expect("it is writable");
    let set = format!("protobuf_definitions={}", folder.path().display());
    let ratel = dump().args(["--set", &set]).start();
    ratel.wait_output("import 'google/api/annotations.proto' not found");
}
