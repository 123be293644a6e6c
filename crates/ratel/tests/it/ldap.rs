//! Clients that say who they are to a directory server (`proxyauth` with `ldap:`).

use ratel_testkit::ldap::{Directory, Entry};
use ratel_testkit::{Builder, Origin, Wire, nginx, origin};

use crate::common::dump;

const ENTRIES: &[Entry] = &[
    Entry {
        dn: "cn=proxy,dc=test",
        attribute: ("cn", "proxy"),
        password: "secret-of-the-account",
    },
    Entry {
        dn: "uid=ada,ou=people,dc=test",
        attribute: ("uid", "ada"),
        password: "secret-of-ada",
    },
    Entry {
        dn: "cn=bob,ou=people,dc=test",
        attribute: ("cn", "bob"),
        password: "secret-of-bob",
    },
];

fn proxy(port: u16, password: &str, end: &str) -> Builder {
    dump()
        .arg("--proxyauth")
        .arg(format!(
            "ldap:127.0.0.1:{port}:cn=proxy,dc=test:{password}:{end}"
        ))
        .args(["-v", "--set", "flow_detail=4"])
}

/// The status for somebody who says these credentials, in base64.
fn status(proxy: u16, origin: u16, credentials: &str) -> u16 {
    Wire::connect(proxy)
        .ask(format!(
            "GET http://127.0.0.1:{origin}/ HTTP/1.1\r\nHost: 127.0.0.1:{origin}\r\n\
             Proxy-Authorization: Basic {credentials}\r\nConnection: close\r\n\r\n"
        ))
        .status
}

/// No secret, and none of these, which are secrets in base64.
#[track_caller]
fn assert_discreet(printed: &str, credentials: &[&str]) {
    for secret in credentials.iter().chain(&["secret-of", "wrong-secret"]) {
        assert!(!printed.contains(secret), "{secret} is in:\n{printed}");
    }
}

/// ada:secret-of-ada
const ADA: &str = "YWRhOnNlY3JldC1vZi1hZGE=";
/// bob:secret-of-bob
const BOB: &str = "Ym9iOnNlY3JldC1vZi1ib2I=";

#[test]
fn who_is_in_the_directory_is_let_in() {
    let directory = Directory::start(ENTRIES);
    let origin = Origin::answering(origin::ok("x"));
    let end = "ou=people,dc=test?search_filter_key=uid";
    let ratel = proxy(directory.port(), "secret-of-the-account", end).start();
    let status = |credentials| status(ratel.port(), origin.port(), credentials);
    assert_eq!(status(ADA), 200);
    assert_eq!(
        directory.asked(),
        [
            "bind cn=proxy,dc=test",
            "search ou=people,dc=test uid=ada",
            "bind uid=ada,ou=people,dc=test",
        ]
    );
    // ada:wrong-secret
    assert_eq!(status("YWRhOndyb25nLXNlY3JldA=="), 407);
    // ada without a password, with which a directory would take her for nobody in particular.
    assert_eq!(status("YWRhOg=="), 407);
    // Not known by that attribute, and not below that base.
    assert_eq!(status(BOB), 407);
    // *:secret-of-ada, which is no pattern.
    assert_eq!(status("KjpzZWNyZXQtb2YtYWRh"), 407);
    assert_eq!(
        directory.asked().last().map(String::as_str),
        Some("search ou=people,dc=test uid=*")
    );
    assert_eq!(origin.connections(), 1);
    assert_discreet(&ratel.terminate().1, &[ADA, BOB]);
}

#[test]
fn users_have_a_common_name_unless_told_otherwise() {
    let directory = Directory::start(ENTRIES);
    let origin = Origin::answering(origin::ok("x"));
    let ratel = proxy(directory.port(), "secret-of-the-account", "dc=test").start();
    assert_eq!(status(ratel.port(), origin.port(), BOB), 200);
    assert_eq!(status(ratel.port(), origin.port(), ADA), 407);
    assert_discreet(&ratel.terminate().1, &[ADA, BOB]);
}

/// Nobody is let in while nobody can be asked, and the log says why.
#[test]
fn a_directory_that_cannot_be_asked_lets_nobody_in() {
    let directory = Directory::start(ENTRIES);
    let origin = Origin::answering(origin::ok("x"));
    let cases = [
        (directory.port(), "wrong-secret"),
        (nginx::free_port(), "secret-of-the-account"),
    ];
    for (port, password) in cases {
        let ratel = proxy(port, password, "dc=test").start();
        assert_eq!(status(ratel.port(), origin.port(), BOB), 407);
        ratel.wait_output("the directory server cannot be asked");
        assert_discreet(&ratel.terminate().1, &[BOB]);
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_directory_that_is_down_is_told_at_start() {
    let ratel = proxy(1, "any", "ou=people,dc=test").start();
    let text = ratel.wait_output("cannot be reached");
    assert!(
        text.contains("proxyauth: the directory server 127.0.0.1:1 cannot be reached"),
        "{text}"
    );
}
