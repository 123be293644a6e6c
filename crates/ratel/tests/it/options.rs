//! The command line: help a person can read, refusals that say what to do, and one table behind all of it.

use std::process::{Command, Output};

use ratel_testkit::peer;

use crate::common::{assert_says, dump, program, stdout};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn refusals_say_what_is_wrong_and_what_to_do() {
    let rows: &[(&[&str], &[&str])] = &[
        (&["dump", "--nonsense"], &["--nonsense"]),
        (&["dump", "--listen_port", "1"], &["--listen-port"]),
        (&["dump", "--listen-port", "http"], &["http", "listen_port"]),
        (&["dump", "--set", "no_such_option=1"], &["no_such_option"]),
        (&["dump", "--set", "ssl_insecure=maybe"], &["ssl_insecure"]),
        (
            &["dump", "--set", "flow_detail=lots"],
            &["flow_detail", "lots"],
        ),
        (&["dump", "--mode", "bogus"], &["bogus"]),
        (&["dump", "--mode", "reverse:ftp://h"], &["ftp"]),
        (&["dump", "--mode", "reverse:https://"], &["reverse"]),
        (&["dump", "--mode", "regular@99999"], &["99999"]),
        (&["dump", "--mode", "socks5"], &["socks5", "not"]),
        (&["dump", "--mode", "transparent"], &["transparent", "not"]),
        (
            &["dump", "--mode", "regular", "--mode", "reverse:http://a"],
            &["8080"],
        ),
        (&["dump", "--set", "scripts=x.py"], &["scripts"]),
        (
            &["dump", "--client-replay", "x", "-p", "0"],
            &["client_replay"],
        ),
        (
            &["dump", "--map-remote", "|a(|b"],
            &["map_remote", "(at character 3)"],
        ),
        (
            &["dump", "--map-local", "|a|/no/such/folder"],
            &["map_local", "/no/such/folder"],
        ),
        (&["dump", "--proxyauth", "secret"], &["proxyauth", "USER:"]),
        (
            &[
                "dump",
                "--set",
                "ssl_verify_upstream_trusted_ca=/no/such/file",
                "--listen-port",
                "0",
            ],
            &["/no/such/file"],
        ),
    ];
    for (args, words) in rows {
        let output = program().args(args.iter().copied()).run();
        assert!(
            !output.status.success(),
            "{args:?} is accepted: {}",
            said(&output)
        );
        assert_says(&said(&output), words);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !text.contains("panicked") && !text.is_empty(),
            "{args:?}: {text}"
        );
    }
}

/// Whatever feature is not there is refused by name, never accepted and ignored.
#[test]
fn options_of_absent_features_are_refused() {
    for option in [
        "server_replay=x",
        "client_replay=x",
        "intercept=~all",
        "scripts=a.py",
    ] {
        let output = dump().args(["--set", option]).run();
        assert!(!output.status.success(), "{option} is accepted");
        let name = option.split('=').next().unwrap_or_default();
        assert_says(&said(&output), &[name, "not"]);
    }
}

/// What `mitmdump --options` writes is a configuration file.
#[test]
fn a_configuration_file_of_all_defaults_is_read() {
    let Some(mitmdump) = peer::mitmdump() else {
        return;
    };
    let origin = ratel_testkit::Origin::answering(ratel_testkit::origin::ok("x"));
    let yaml = peer::output(Command::new(mitmdump).arg("--options")).stdout;
    assert!(yaml.len() > 10_000, "{} bytes", yaml.len());
    let builder = dump();
    std::fs::create_dir(builder.home().join(".ratel")).expect("a folder can be made");
    std::fs::write(builder.home().join(".ratel/config.yaml"), &yaml)
        .expect("a file can be written");
    let port = origin.port();
    let ratel = builder
        .args(["--mode", &format!("reverse:http://127.0.0.1:{port}")])
        .start();
    assert_eq!(ratel_testkit::wire::get(ratel.port(), "/").status, 200);
}

/// Values that differ from the default, for options whose type alone does not say one.
fn other_value(name: &str, folder: &std::path::Path) -> Option<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    Some(match name {
        "allow_hosts" | "tcp_hosts" | "ignore_hosts" => r"example\.com:443".to_owned(),
        "udp_hosts" => r"example\.com:443".to_owned(),
        "block_list" => "/~d example/404".to_owned(),
        "body_size_limit" | "stream_large_bodies" => "1m".to_owned(),
        "cert_passphrase" => "secret".to_owned(),
        "certs" | "client_certs" | "ssl_verify_upstream_trusted_ca" => file("pair.pem"),
        "ciphers_client" | "ciphers_server" => "ECDHE-RSA-AES128-GCM-SHA256".to_owned(),
        "client_replay" | "server_replay" | "rfile" => file("flows"),
        "client_replay_concurrency" => "-1".to_owned(),
        "confdir" | "ssl_verify_upstream_trusted_confdir" => folder.display().to_string(),
        "connect_addr" | "listen_host" => "127.0.0.1".to_owned(),
        "connection_strategy" => "lazy".to_owned(),
        "dns_name_servers" => "127.0.0.1".to_owned(),
        "dumper_default_contentview" => "raw".to_owned(),
        "dumper_filter" | "readfile_filter" | "save_stream_filter" | "stickyauth"
        | "stickycookie" => "~d example".to_owned(),
        "flow_detail" => "2".to_owned(),
        "hardump" => file("out.har"),
        "key_size" => "4096".to_owned(),
        "listen_port" => "0".to_owned(),
        "map_local" => format!("|a|{}", folder.display()),
        "map_remote" | "modify_body" | "modify_headers" => "/a/b".to_owned(),
        "mode" => "reverse:http://127.0.0.1:9".to_owned(),
        "onboarding_host" => "ca.test".to_owned(),
        "protobuf_definitions" => file("some.proto"),
        "proxyauth" | "upstream_auth" => "user:pass".to_owned(),
        "save_stream_file" => file("out"),
        "scripts" => file("x.py"),
        "server_replay_extra" => "404".to_owned(),
        "server_replay_ignore_params"
        | "server_replay_ignore_payload_params"
        | "server_replay_use_headers" => "name".to_owned(),
        "termlog_verbosity" => "warn".to_owned(),
        "tls_ecdh_curve_client" | "tls_ecdh_curve_server" => "prime256v1".to_owned(),
        "tls_version_client_max" | "tls_version_server_max" => "TLS1_2".to_owned(),
        "tls_version_client_min" | "tls_version_server_min" => "TLS1_3".to_owned(),
        _ => return None,
    })
}

/// Every option that `mitmdump --options` lists is accepted with another value than its default, or refused with the reason.
#[test]
fn every_option_of_mitmdump_is_accepted_or_refused_with_the_reason() {
    let Some(mitmdump) = peer::mitmdump() else {
        return;
    };
    // By name, with what brings the feature.
    let refused = [
        ("dns_name_servers", "DNS"),
        ("dns_use_hosts_file", "DNS"),
        ("http3", "HTTP/3"),
        ("http_connect_send_host_header", "proxy"),
        ("scripts", "Python addons"),
        ("server_replay_nopop", "server_replay_reuse"),
        ("strip_ech", "DNS"),
        ("udp_hosts", "UDP"),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &[u8]| {
        std::fs::write(folder.path().join(name), text).expect("a file can be written");
    };
    write("flows", b"");
    write(
        "some.proto",
        b"syntax = \"proto3\";\nmessage M { string a = 1; }\n",
    );
    let ca = ratel_testkit::Ca::new();
    let identity = ca.issue(&["a.test"]);
    write(
        "pair.pem",
        &std::fs::read(identity.pem_file()).expect("a certificate"),
    );
    let listed = peer::output(Command::new(mitmdump).arg("--options"));
    let listed = String::from_utf8(listed.stdout).expect("text");
    let mut seen = Vec::new();
    for line in listed
        .lines()
        .filter(|line| !line.starts_with(['#', ' ', '-']))
    {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = match (value.trim(), other_value(name, folder.path())) {
            (_, Some(value)) => value,
            ("true", None) => "false".to_owned(),
            ("false", None) => "true".to_owned(),
            (number, None) => match number.parse::<i64>() {
                Ok(number) => (number + 1).to_string(),
                Err(_) => panic!("{name} has no value here: {line}"),
            },
        };
        let set = format!("{name}={value}");
        seen.push(name.to_owned());
        if name == "keepserving" {
            let (status, text) = dump().args(["--set", &set]).start().terminate();
            assert!(status.success(), "{set}: {text}");
            continue;
        }
        // There is a file to read, so that it ends by itself.
        let input = folder.path().join("flows").display().to_string();
        let output = program()
            .args(["dump", "-n", "-r", &input, "--set", &set])
            .run();
        let expected = refused.iter().find(|(refused, _)| *refused == name);
        match expected {
            Some((_, why)) => {
                assert_eq!(output.status.code(), Some(1), "{set}: {}", said(&output));
                assert_says(&said(&output), &[name, why]);
            }
            None => assert!(output.status.success(), "{set}: {}", said(&output)),
        }
    }
    assert!(seen.len() > 80, "{seen:?}");
    for (name, _) in refused {
        assert!(seen.iter().any(|seen| seen == name), "{name} is not listed");
    }
}

#[test]
fn help_version_and_options() {
    for args in [&["--help"][..], &["dump", "--help"], &["-h"]] {
        let text = stdout(&program().args(args.iter().copied()).run());
        assert_says(
            &text,
            &["--mode", "--listen-port", "--ssl-insecure", "--set"],
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 130),
            "{args:?} has lines that are too long"
        );
    }
    let text = stdout(&program().arg("--version").run());
    assert_says(&text, &["ratel", env!("CARGO_PKG_VERSION")]);
    let text = stdout(&program().args(["dump", "--options"]).run());
    assert_says(
        &text,
        &["ssl_insecure: false", "flow_detail: 1", "mode:", "# "],
    );
}

/// `--set` beats `config.yaml`, which beats the default; `config.yaml` errors name the file and the line.
#[test]
fn config_yaml() {
    let origin = ratel_testkit::Origin::answering(ratel_testkit::origin::ok("x"));
    let builder = program().args(["dump", "--set", "listen_port=0"]);
    std::fs::create_dir(builder.home().join(".ratel")).expect("a folder can be made");
    let file = builder.home().join(".ratel/config.yaml");
    let text = format!(
        "mode: [\"reverse:http://127.0.0.1:{}\"]\nlisten_host: 127.0.0.1\nlisten_port: 1\n",
        origin.port()
    );
    std::fs::write(&file, text).expect("a file can be written");
    let ratel = builder.start();
    assert_eq!(ratel_testkit::wire::get(ratel.port(), "/").status, 200);

    let rows = [
        ("listen_port: [\n", "config.yaml"),
        ("listen_port: many\n", "listen_port"),
        ("ssl_insecure: {}\n", "ssl_insecure"),
    ];
    for (text, word) in rows {
        let builder = dump();
        std::fs::create_dir(builder.home().join(".ratel")).expect("a folder can be made");
        std::fs::write(builder.home().join(".ratel/config.yaml"), text)
            .expect("a file can be written");
        let output = builder.run();
        assert!(!output.status.success(), "{text:?} is accepted");
        assert_says(&said(&output), &[word, "config.yaml"]);
    }
}

/// Called by the name of one of mitmproxy's tools, it is that tool.
#[test]
fn the_name_decides() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let link = folder.path().join("mitmdump");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ratel"), &link).expect("a link can be made");
    let origin = ratel_testkit::Origin::answering(ratel_testkit::origin::ok("x"));
    let ratel = ratel_testkit::Builder::new(&link)
        .args(["--listen-host", "127.0.0.1", "-p", "0", "--mode"])
        .arg(format!("reverse:http://127.0.0.1:{}", origin.port()))
        .start();
    assert_eq!(ratel_testkit::wire::get(ratel.port(), "/").status, 200);
    ratel.wait_output("<< 200 OK 1b");
}

/// Without a terminal there is no screen to paint: one sentence, not escape codes into a file.
#[test]
fn the_screen_needs_a_terminal() {
    let output = program().args(["--listen-port", "0"]).run();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_says(&said(&output), &["terminal", "ratel dump"]);
}
