//! Flags of old mitmproxy releases, and what is written instead.

/// What a flag that does not exist became, when mitmproxy once had it.
pub(super) fn hint(flag: &str) -> Option<String> {
    let (_, instead) = RENAMED.iter().find(|(old, _)| old.contains(&flag))?;
    Some(match *instead {
        Instead::Flag(flag) => format!("write `{flag}`"),
        Instead::Set(option) => format!("write `--set {option}=VALUE`"),
        Instead::Mode(example) => format!("write `--mode {example}`"),
    })
}

#[derive(Clone, Copy)]
enum Instead {
    Flag(&'static str),
    Set(&'static str),
    Mode(&'static str),
}

/// Only flags that differ from the option's name stand here; the others are found by that name.
const RENAMED: &[(&[&str], Instead)] = &[
    (&["-R", "--reverse"], Instead::Mode("reverse:URL")),
    (&["-U", "--upstream"], Instead::Mode("upstream:URL")),
    (&["-T", "--transparent"], Instead::Mode("transparent")),
    (&["--socks"], Instead::Mode("socks5")),
    (&["-b", "--bind-address"], Instead::Flag("--listen-host")),
    (&["--port"], Instead::Flag("--listen-port")),
    (&["-I", "--ignore"], Instead::Flag("--ignore-hosts")),
    (&["--tcp"], Instead::Flag("--tcp-hosts")),
    (&["--cert"], Instead::Flag("--certs")),
    (&["--insecure"], Instead::Flag("--ssl-insecure")),
    (&["-i"], Instead::Flag("--intercept")),
    (&["-f", "--filter"], Instead::Flag("--view-filter")),
    (&["-t"], Instead::Flag("--stickycookie")),
    (&["-u"], Instead::Flag("--stickyauth")),
    (&["-z"], Instead::Flag("--anticomp")),
    (&["-c"], Instead::Flag("-C")),
    (&["-a", "--wfile", "--afile"], Instead::Flag("-w")),
    (&["--host"], Instead::Flag("--showhost")),
    (&["-d", "--detail"], Instead::Flag("--flow-detail")),
    (&["-o", "--order"], Instead::Set("view_order")),
    (
        &["-e", "--eventlog"],
        Instead::Set("console_eventlog_verbosity"),
    ),
    (&["--replace"], Instead::Flag("--modify-body")),
    (&["--setheader"], Instead::Flag("--modify-headers")),
    (&["--palette"], Instead::Set("console_palette")),
    (&["--follow"], Instead::Set("console_focus_follow")),
    (&["--no-mouse"], Instead::Set("console_mouse")),
    (&["--cadir"], Instead::Set("confdir")),
    (
        &["--upstream-trusted-ca"],
        Instead::Set("ssl_verify_upstream_trusted_ca"),
    ),
    (
        &["--upstream-trusted-cadir"],
        Instead::Set("ssl_verify_upstream_trusted_confdir"),
    ),
    (&["--no-upstream-cert"], Instead::Set("upstream_cert")),
    (&["--stream"], Instead::Set("stream_large_bodies")),
    (
        &["--norefresh"],
        Instead::Flag("--no-server-replay-refresh"),
    ),
    (&["--keepserving"], Instead::Set("keepserving")),
];
