use ratel_core::options::Values as Snapshot;
use std::sync::Arc;

use super::*;

/// A home directory with configuration files, and a command line in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(home)
    }

    /// Parses a line that is split at spaces; `_` inside an argument stands for a space.
    fn run(&self, line: &str) -> Outcome {
        let around = Surroundings {
            tls: "rustls 0.23".into(),
            home: Some(self.0.path().into()),
            width: Some(100),
        };
        parse(line.split(' ').map(OsString::from), &around)
    }

    fn ok(&self, line: &str) -> (Tool, Arc<Snapshot>) {
        match self.run(line) {
            Outcome::Run(Invocation { tool, options, .. }) => (tool, options.snapshot()),
            Outcome::Print(text) => panic!("{line}: printed {text}"),
            Outcome::Refuse(refusal) => panic!("{line}: {refusal}"),
        }
    }

    fn refusal(&self, line: &str) -> String {
        match self.run(line) {
            Outcome::Refuse(refusal) => refusal
                .to_string()
                .replace(self.0.path().to_str().unwrap(), "HOME"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

fn ok(line: &str) -> (Tool, Arc<Snapshot>) {
    Home::new(&[]).ok(line)
}

fn refusal(line: &str) -> String {
    Home::new(&[]).refusal(line)
}

fn printed(line: &str) -> String {
    match Home::new(&[]).run(line) {
        Outcome::Print(text) => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_name_chooses_program_and_folder() {
    let rows = [
        ("ratel", Tool::Terminal, ".ratel"),
        ("/usr/bin/ratel dump", Tool::Dump, ".ratel"),
        ("renamed dump", Tool::Dump, ".ratel"),
        ("mitmproxy", Tool::Terminal, ".mitmproxy"),
        ("/opt/mitmdump", Tool::Dump, ".mitmproxy"),
        ("MitmDump.EXE", Tool::Dump, ".mitmproxy"),
    ];
    for (line, tool, confdir) in rows {
        let home = Home::new(&[]);
        let (found, values) = home.ok(line);
        assert_eq!(
            (found, values.confdir()),
            (tool, home.0.path().join(confdir)),
            "{line}"
        );
        // Wherever the folder is.
        let (_, values) = home.ok(&format!("{line} --set confdir=/tmp"));
        assert_eq!(values.ca_base(), &confdir[1..], "{line}");
    }
}

#[test]
fn flags_in_all_spellings() {
    let rows = [
        (
            "--listen-port 9000",
            "listen_port",
            Value::OptInt(Some(9000)),
        ),
        (
            "--listen-port=9000",
            "listen_port",
            Value::OptInt(Some(9000)),
        ),
        ("--listen-p 9000", "listen_port", Value::OptInt(Some(9000))),
        ("-p 9000", "listen_port", Value::OptInt(Some(9000))),
        ("-p9000", "listen_port", Value::OptInt(Some(9000))),
        (
            "--listen-port 1 --listen-port 2",
            "listen_port",
            Value::OptInt(Some(2)),
        ),
        ("-k", "ssl_insecure", Value::Bool(true)),
        ("--ssl", "ssl_insecure", Value::Bool(true)),
        ("--no-ssl-insecure", "ssl_insecure", Value::Bool(false)),
        ("-k -k", "ssl_insecure", Value::Bool(true)),
        ("-n", "server", Value::Bool(false)),
        ("-nk", "ssl_insecure", Value::Bool(true)),
        ("--no-server", "server", Value::Bool(false)),
        ("--server", "server", Value::Bool(true)),
        (
            "--mode regular@1 -mregular@2",
            "mode",
            Value::List(vec!["regular@1".into(), "regular@2".into()]),
        ),
        ("--flow-detail 3", "flow_detail", Value::Int(3)),
        ("--set tcp_timeout=5", "tcp_timeout", Value::Int(5)),
        ("--set=tcp_timeout=5", "tcp_timeout", Value::Int(5)),
        ("--set showhost", "showhost", Value::Bool(true)),
        ("-q", "flow_detail", Value::Int(0)),
        ("--quiet", "termlog_verbosity", Value::Str("error".into())),
        ("-v", "flow_detail", Value::Int(2)),
        ("-v", "termlog_verbosity", Value::Str("debug".into())),
    ];
    for (line, name, expected) in rows {
        let (_, values) = ok(&format!("ratel dump {line}"));
        assert_eq!(values.get(name), Some(&expected), "{line}");
    }
    assert_eq!(
        ok("ratel -v").1.str(keys::CONSOLE_EVENTLOG_VERBOSITY),
        "debug"
    );
}

#[test]
fn the_later_one_wins_over_files_and_earlier_ones() {
    let home = Home::new(&[
        (
            ".ratel/config.yaml",
            "flow_detail: 3\nlisten_port: 1\nshowhost: true\nmode: [regular@5]\ntcp_timeout: 1\n",
        ),
        (".ratel/config.yml", "listen_port: 2\n"),
        ("other/config.yaml", "listen_port: 77\n"),
    ]);
    let (_, values) = home.ok("ratel dump");
    assert_eq!(
        (values.int(keys::FLOW_DETAIL), values.listen_port()),
        (3, Some(2))
    );
    assert_eq!(values.list(keys::MODE), ["regular@5"]);

    let (_, values) =
        home.ok("ratel dump --set listen_port=3 --set tcp_timeout=9 --set showhost=toggle");
    assert_eq!(
        (values.listen_port(), values.int(keys::TCP_TIMEOUT)),
        (Some(3), 9)
    );
    assert!(!values.bool(keys::SHOWHOST));
    assert_eq!(
        home.ok("ratel dump -p 4 --set listen_port=3")
            .1
            .listen_port(),
        Some(3)
    );
    assert_eq!(
        home.ok("ratel dump --set listen_port=3 -p 4")
            .1
            .listen_port(),
        Some(4)
    );
    assert_eq!(
        home.ok("ratel dump -v --flow-detail 1")
            .1
            .int(keys::FLOW_DETAIL),
        1
    );
    assert_eq!(
        home.ok("ratel dump --flow-detail 1 -v")
            .1
            .int(keys::FLOW_DETAIL),
        2
    );

    // A list on the command line replaces the file's; --set and flags add to one list.
    let (_, values) = home.ok("ratel dump -m regular@6 --set mode=regular@7");
    assert_eq!(values.list(keys::MODE), ["regular@6", "regular@7"]);
    assert_eq!(
        home.ok("ratel dump https://example.org").1.list(keys::MODE),
        ["reverse:https://example.org"]
    );

    assert_eq!(
        home.ok("ratel --set confdir=~/other").1.listen_port(),
        Some(77)
    );
}

#[test]
fn a_url_is_a_reverse_proxy() {
    for line in [
        "ratel https://example.org",
        "ratel dump http://[::1]:80/",
        "mitmproxy https://a",
        "ratel -k https://a -p 1",
    ] {
        let (_, values) = ok(line);
        assert!(
            values.list(keys::MODE)[0].starts_with("reverse:http"),
            "{line}"
        );
    }
    insta::assert_snapshot!(refusal("ratel https://a --mode regular"), @"
    ratel: a URL stands for a mode of its own and cannot be combined with the option 'mode'
      hint: write all of them as modes, the URL as `--mode reverse:URL`
    ");
    insta::assert_snapshot!(refusal("ratel https://a https://b"), @"
    ratel: 'https://b' is one argument too many after 'https://a'
      hint: for several servers, give each a `--mode reverse:URL@PORT`
    ");
    insta::assert_snapshot!(refusal("ratel https://a/b/c"), @"
    ratel: invalid mode 'reverse:https://a/b/c': '/b/c' cannot be part of it, since the path of each request is passed on as the client sends it
      hint: write `reverse:https://a` and put the path into the client's URL
    ");
    insta::assert_snapshot!(refusal("ratel tcp://a:1"), @"
    ratel: invalid mode 'reverse:tcp://a:1': scheme 'tcp' is not available yet: raw TCP flows come in a later release
      hint: the schemes of this release are `http` and `https`
    ");
    insta::assert_snapshot!(refusal("ratel example.org"), @"
    ratel: 'example.org' is not a URL
      hint: to stand in for a server, write its URL: `ratel https://example.org`
    ");
    insta::assert_snapshot!(refusal("ratel localhost:3000"), @"
    ratel: 'localhost:3000' is not a URL
      hint: to stand in for a server, write its URL: `ratel http://localhost:3000`, or where that has TLS `ratel https://localhost:3000`
    ");
    insta::assert_snapshot!(refusal("ratel dump localhost:3000"), @"
    ratel: 'localhost:3000' is not a URL
      hint: to stand in for a server, write its URL: `ratel dump http://localhost:3000`, or where that has TLS `ratel dump https://localhost:3000`; for a filter, `ratel dump ~u localhost:3000`
    ");
    insta::assert_snapshot!(refusal("ratel http://user:pw@host:3000"), @"
    ratel: invalid mode 'reverse:http://user:pw@host:3000': credentials in the URL are not supported
      hint: write `http://host:3000`; what clients send as `Authorization` is passed on
    ");
    insta::assert_snapshot!(refusal("ratel -k dump"), @"
    ratel: unexpected argument 'dump'
      hint: write `ratel dump` before all options
    ");
    insta::assert_snapshot!(refusal("ratel nonsense"), @"ratel: unexpected argument 'nonsense'");
}

#[test]
fn a_file_is_opened_with_an_option() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().display();
    for program in ["ratel", "ratel dump"] {
        let said = refusal(&format!("{program} {name}"));
        assert!(
            said.ends_with(&format!(
                "to read the flows of that file: `{program} -r {name}`"
            )),
            "{said}"
        );
    }
}

#[test]
fn planned_and_foreign_options_are_refused_everywhere() {
    insta::assert_snapshot!(refusal("ratel -s x.py"), @"ratel: option 'scripts' is not available yet: Python addons come in a later release");
    insta::assert_snapshot!(refusal("ratel --set scripts=x.py"), @"ratel: option 'scripts' is not available yet: Python addons come in a later release");
    insta::assert_snapshot!(refusal("ratel --set strip_ech=false"), @"ratel: option 'strip_ech' is not available yet: the DNS server comes in a later release");
    insta::assert_snapshot!(refusal("ratel --web-port 1"), @"ratel: option 'web_port' is not available yet: the browser interface comes in a later release");
    insta::assert_snapshot!(refusal("ratel --flow-detail 2"), @"
    ratel: option 'flow_detail' does not exist in `ratel`
      hint: it belongs to `ratel dump`
    ");
    insta::assert_snapshot!(refusal("ratel dump --set console_mouse=false"), @"
    ratel: option 'console_mouse' does not exist in `ratel dump`
      hint: it belongs to `ratel`
    ");
    for line in ["--intercept ~q", "--set intercept=~q"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal(&format!("ratel dump {line}")), @"
            ratel: option 'intercept' does not exist in `ratel dump`
              hint: it belongs to `ratel`; without a screen nobody can resume what is held; `--fault 'FILTER : delay 2s'` holds it for a time
            ");
        }
    }
    insta::assert_snapshot!(refusal("ratel dump --view-filter ~q"), @"
    ratel: option 'view_filter' does not exist in `ratel dump`
      hint: it belongs to `ratel`; `ratel dump FILTER` prints only flows that match
    ");
    insta::assert_snapshot!(refusal("ratel web"), @"
    ratel: the browser interface is not available yet: it comes in a later release
      hint: `ratel` shows flows in the terminal, `ratel dump` prints them
    ");
    insta::assert_snapshot!(refusal("mitmweb"), @"
    mitmweb: the browser interface is not available yet: it comes in a later release
      hint: `ratel` shows flows in the terminal, `ratel dump` prints them
    ");
    let home = Home::new(&[(
        ".mitmproxy/config.yaml",
        "listen_port: 1\n\nscripts: [a.py]\n",
    )]);
    insta::assert_snapshot!(home.refusal("mitmproxy"), @"
    mitmproxy: HOME/.mitmproxy/config.yaml:3: option 'scripts' is not available yet: Python addons come in a later release
      hint: remove the line to go on without it
    ");
}

#[test]
fn options_of_another_program_may_stand_in_a_shared_file() {
    let home = Home::new(&[(
        ".ratel/config.yaml",
        "flow_detail: 3\nconsole_mouse: false\n",
    )]);
    home.ok("ratel");
    home.ok("ratel dump");
}

/// Those of mitmweb and of addons, and features that are not there and without which traffic is the same.
#[test]
fn what_a_file_says_to_others_is_passed_over() {
    let text = "web_port: 8090\nweb_open_browser: false\nlisten_port: 9\nmy_addon_switch: true\nhttp3: false\n\
        udp_hosts: [a.test]\ndns_name_servers: [1.1.1.1]\nstrip_ech: false\nintercpt: ~q\nscripts: []\n";
    let home = Home::new(&[(".mitmproxy/config.yaml", text)]);
    let Outcome::Run(invocation) = home.run("mitmproxy") else {
        panic!("it is refused");
    };
    assert_eq!(
        invocation.options.snapshot().opt_int(keys::LISTEN_PORT),
        Some(9)
    );
    let lines = invocation.passed_over.join("\n");
    let root = home.0.path().display().to_string();
    let lines = lines.replace(&root, "HOME");
    assert_eq!(lines.lines().count(), 7, "{lines}");
    for line in [
        "HOME/.mitmproxy/config.yaml:1: option 'web_port' is not available yet: the browser interface comes in a later release; \
            this line changes nothing",
        "HOME/.mitmproxy/config.yaml:9: there is no option 'intercpt'; this line changes nothing (did you mean `intercept`?)",
    ] {
        assert!(lines.lines().any(|there| there == line), "{line}\n{lines}");
    }
    // What traffic would meet another way without is not, nor is anything of the command line.
    for (text, problem) in [
        ("scripts: [a.py]", "Python addons"),
        ("http_connect_send_host_header: false", "not available yet"),
        ("mode: [osx]", "mode"),
        ("listen_port: many", "listen_port"),
    ] {
        let home = Home::new(&[(".ratel/config.yaml", text)]);
        let refusal = home.refusal("ratel");
        assert!(refusal.contains(problem), "{text}: {refusal}");
    }
    assert!(refusal("ratel --set my_addon_switch=true").contains("there is no option"));
}

#[test]
fn mistakes_are_explained() {
    insta::assert_snapshot!(refusal("ratel --nonsense"), @"
    ratel: there is no flag '--nonsense'
      hint: `--help` lists the flags, `--options` all options for `--set`
    ");
    insta::assert_snapshot!(refusal("ratel --listen-prot 1"), @"
    ratel: there is no flag '--listen-prot'
      hint: did you mean `--listen-port`?
    ");
    insta::assert_snapshot!(refusal("ratel --listen_port 1"), @"
    ratel: there is no flag '--listen_port'
      hint: flags are written with hyphens: `--listen-port`
    ");
    insta::assert_snapshot!(refusal("ratel --confdir x"), @"
    ratel: there is no flag '--confdir'
      hint: this option has no flag of its own: `--set confdir=VALUE`
    ");
    insta::assert_snapshot!(refusal("ratel --tcp_timeout=1"), @"
    ratel: there is no flag '--tcp_timeout'
      hint: this option has no flag of its own: `--set tcp_timeout=VALUE`
    ");
    insta::assert_snapshot!(refusal("ratel --serv"), @"
    ratel: '--serv' is short for several flags
      hint: write one of `--server`, `--server-replay`, `--server-replay-extra`, `--server-replay-kill-extra`, `--server-replay-reuse`, `--server-replay-refresh`
    ");
    insta::assert_snapshot!(refusal("ratel --mode"), @"ratel: flag '--mode' needs a value");
    insta::assert_snapshot!(refusal("ratel --mode --server"), @"ratel: flag '--mode' needs a value");
    insta::assert_snapshot!(refusal("ratel --server=x"), @"ratel: flag '--server' takes no value");
    insta::assert_snapshot!(refusal("ratel --server --no-server"), @"ratel: flags '--server' and '--no-server' contradict each other");
    insta::assert_snapshot!(refusal("ratel -Q"), @"
    ratel: there is no flag '-Q'
      hint: `--help` lists the flags
    ");
    insta::assert_snapshot!(refusal("ratel -p x"), @"ratel: invalid value for option 'listen_port': 'x' is not an integer");
    insta::assert_snapshot!(refusal("ratel --set tcp_timout=1"), @"
    ratel: there is no option 'tcp_timout'
      hint: did you mean `tcp_timeout`?
    ");
    insta::assert_snapshot!(refusal("ratel --set tcp_timeout=1 --set tcp_timeout=2"), @"ratel: option 'tcp_timeout' takes one value, not 2: 1, 2");
    insta::assert_snapshot!(refusal("ratel --set"), @"ratel: flag '--set' needs a value");
    insta::assert_snapshot!(refusal("ratel dump --flow-detail -1"), @"ratel: invalid value for option 'flow_detail': -1 is not between 0 and 4");
    insta::assert_snapshot!(refusal("ratel -m regular -m reverse:https://a"), @"
    ratel: modes 'regular' and 'reverse:https://a' would both listen on *:8080
      hint: give one of them a port of its own, such as `--mode reverse:https://a@8081`
    ");
}

#[test]
fn old_flags_have_hints() {
    let rows = [
        ("-R http://a", "--mode reverse:URL"),
        ("-T", "--mode transparent"),
        ("-U http://a", "--mode upstream:URL"),
        ("-b 127.0.0.1", "--listen-host"),
        ("--port 1", "--listen-port"),
        ("--cert x", "--certs"),
        ("--insecure", "--ssl-insecure"),
        ("-i x", "--intercept"),
        ("--filter x", "--view-filter"),
        ("--socks", "--mode socks5"),
        ("-z", "--anticomp"),
        ("--wfile x", "-w"),
        ("--cadir x", "--set confdir=VALUE"),
    ];
    for (line, instead) in rows {
        let text = refusal(&format!("ratel {line}"));
        assert!(
            text.contains(&format!("hint: write `{instead}")),
            "{line}: {text}"
        );
    }
}

#[test]
fn a_folder_is_needed() {
    let around = Surroundings {
        tls: String::new(),
        home: None,
        width: None,
    };
    let run = |line: &str| parse(line.split(' ').map(OsString::from), &around);
    let Outcome::Refuse(refusal) = run("ratel") else {
        panic!("started without a home")
    };
    assert!(
        refusal.message.contains("the home directory is unknown"),
        "{refusal}"
    );
    assert!(matches!(
        run("ratel --set confdir=/nonexistent"),
        Outcome::Run(_)
    ));
    assert!(matches!(run("ratel --set confdir="), Outcome::Refuse(_)));
    assert!(matches!(run("ratel --help"), Outcome::Print(_)));
}

#[test]
fn version_is_four_lines() {
    let text = printed("ratel --version");
    let labels: Vec<&str> = text.lines().map(|line| &line[..11]).collect();
    assert_eq!(
        labels,
        ["Ratel:     ", "Rust:      ", "OpenSSL:   ", "Platform:  "]
    );
    assert!(text.contains("rustls 0.23\n"));
    assert_eq!(printed("mitmdump --versi"), text);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the text as it is printed")]
fn help_for_people() {
    insta::assert_snapshot!(printed("ratel --help"), @"
    See HTTP(S) traffic exactly as it was on the wire.

    Usage: ratel [flags] [URL]

    Examples:
      ratel https://example.org                        stand in for a server; clients use http://localhost:8080
      ratel                                            be the proxy that clients are configured to use, on port 8080
      ratel --mode reverse:http://localhost:3000@9000  stand in on port 9000 for a server without TLS

    Proxy options:
      -m, --mode <MODE>                How clients reach the proxy and where their requests go [default:
                                       regular]
          --listen-host <HOST>         The address to listen on, for modes that do not name one
      -p, --listen-port <PORT>         The port to listen on, for modes that do not name one
      -n, --no-server                  Do not listen for clients
          --allow-hosts <REGEX>        Intercept only servers whose `host:port` matches one of these
                                       regular expressions
          --ignore-hosts <REGEX>       Pass connections to some servers through untouched
          --show-ignored-hosts         Record connections that are passed through untouched
          --tcp-hosts <REGEX>          Treat what is inside TLS as plain bytes when the host or SNI
                                       matches one of these regular expressions
          --no-rawtcp                  Do not relay what is not HTTP as plain bytes
          --proxyauth <SPEC>           Ask clients to authenticate to the proxy
          --upstream-auth <USER:PASS>  Authenticate to the server in reverse mode, by HTTP basic
                                       authentication

    TLS options:
      -k, --ssl-insecure            Accept any certificate from servers
          --certs <SPEC>            Show clients a certificate of your own
          --cert-passphrase <PASS>  The passphrase of an encrypted private key

    Flow files:
      -r, --rfile <PATH>             Load flows from a file at the start
      -w, --save-stream-file <PATH>  Write flows to a file as they finish

    Filters:
          --view-filter <FILTER>  Show only flows that match this filter
          --intercept <FILTER>    Hold back what matches this filter until it is resumed

    Map remote:
      -M, --map-remote <PATTERN>  Send requests to another URL

    Map local:
          --map-local <PATTERN>  Answer requests from files

    Modify body:
      -B, --modify-body <PATTERN>  Replace text in bodies

    Modify headers:
      -H, --modify-headers <PATTERN>  Set or remove headers

    Client replay:
      -C, --client-replay <PATH>  Send the requests in a file again

    Server replay:
      -S, --server-replay <PATH>         Answer requests with the responses in a file
          --server-replay-extra <VALUE>  What happens to requests without a recorded response [default:
                                         forward]
          --server-replay-kill-extra     Close the connection of requests without a recorded response
          --server-replay-reuse          Use a recorded response more than once
          --no-server-replay-refresh     Do not move dates and the expiry of cookies in recorded
                                         responses to the present

    Bad network:
          --throttle <RULE>  Slow flows down
          --fault <RULE>     Have flows fail

    Other flags:
          --no-http2                   Do not speak HTTP/2 with clients and servers that offer it
          --store-streamed-bodies      Record bodies that are bigger than `stream_large_bodies`
          --anticache                  Remove the request headers that let a server answer that nothing
                                       has changed
          --anticomp                   Ask servers for bodies without compression
          --redact <RULE>              Replace secrets by placeholders in whatever is exported or
                                       written
          --showhost                   Show URLs with the name from the Host header
          --console-layout <VALUE>     How panes are arranged on the screen [default: single]
          --no-console-layout-headers  Do not show a title above each pane
          --stickycookie <FILTER>      Send cookies that a server has set along with later requests to
                                       it
          --stickyauth <FILTER>        Repeat the last Authorization header sent to a server in later
                                       requests to it
          --set <OPTION=VALUE>         Set any option; `--options` lists them all
      -q, --quiet                      Print no flows, and of the log only errors of the program itself
      -v, --verbose                    Print more about everything
          --options                    List all options with their defaults, as a configuration file
          --commands                   List all commands
          --version                    Print versions
      -h, --help                       Print this help

    Every option can be set by `--set` and in `~/.ratel/config.yaml`.
    `ratel dump` prints instead of drawing a screen; `ratel dump --help` says more.
    `ratel ca` has the certificate that clients must trust; `ratel env` points a shell at the proxy.
    ");
    let dump = printed("ratel dump -h");
    assert!(
        dump.contains("ratel dump https://example.org") && dump.contains("--flow-detail"),
        "{dump}"
    );
    assert!(printed("mitmdump --help").contains("mitmdump [flags] [filter]"));
}

#[test]
fn options_lists_what_can_be_used() {
    let text = printed("ratel dump --options");
    let wanted = [
        "block_global: true",
        "cert_passphrase: null",
        "confdir: \"~/.ratel\"",
    ];
    let shown: Vec<&str> = text
        .split("\n\n")
        .filter(|entry| wanted.iter().any(|wanted| entry.ends_with(wanted)))
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"), @r#"
    # Refuse clients whose address is reachable from the whole internet.
    # This protects a proxy that was left open by mistake. Type bool.
    block_global: true

    # The passphrase of an encrypted private key. Other users of the machine
    # can see command lines, so a configuration file is the better place for
    # it. Type optional str.
    cert_passphrase: null

    # The folder for the certification authority and the configuration
    # files. It is made when it does not exist. A program called by the name
    # `mitmproxy` or `mitmdump` uses `~/.mitmproxy` instead. Type str.
    # confdir: "~/.ratel"
    "#);
    assert!(text.lines().all(|line| line.len() <= 90));
    assert!(
        !text.contains("scripts") && !text.contains("\nconsole_"),
        "only what this program can do"
    );
    assert!(printed("mitmdump --options").contains("confdir: \"~/.mitmproxy\""));
}

#[test]
fn options_output_is_a_configuration_file() {
    for line in ["ratel", "ratel dump", "mitmproxy"] {
        let text = printed(&format!("{line} --options"));
        let home = Home::new(&[
            (".ratel/config.yaml", &text),
            (".mitmproxy/config.yaml", &text),
        ]);
        let (_, loaded) = home.ok(line);
        let (_, plain) = Home::new(&[]).ok(line);
        for def in options::all() {
            assert_eq!(loaded.get(def.name), plain.get(def.name), "{}", def.name);
        }
        // In a folder that is not the default one, too.
        Home::new(&[("elsewhere/config.yaml", &text)])
            .ok(&format!("{line} --set confdir=~/elsewhere"));
    }
}

proptest::proptest! {
    #[test]
    fn no_command_line_panics(args in proptest::collection::vec("(-{1,2}[a-z_-]{0,12}=?|\\PC{0,10})", 0..5)) {
        let around = Surroundings { tls: String::new(), home: None, width: Some(80) };
        let args = ["ratel".to_owned(), "--set".into(), "confdir=/nonexistent".into()].into_iter().chain(args);
        let _ = parse(args.map(OsString::from), &around);
    }
}

#[test]
fn commands_are_listed_as_mitmproxy_lists_them() {
    let text = printed("ratel --commands");
    assert!(
        text.contains("\n# Move the focus to the next flow.\nview.focus.next\n\n"),
        "{text}"
    );
    assert!(text.contains("view.properties.length -> int\n"), "{text}");
    assert!(
        !text.contains("script.run"),
        "what cannot be used is not listed"
    );
    let text = printed("mitmdump --commands");
    assert!(
        text.contains("options.save path") && !text.contains("console."),
        "{text}"
    );
}

#[test]
fn a_filter_is_complained_about_without_the_options_that_it_stands_for() {
    let text = refusal("ratel dump ~u (");
    assert!(
        text.starts_with("ratel: Invalid filter expression: '~u (':"),
        "{text}"
    );
    assert!(
        text.contains("hint: ") || text.contains("; write "),
        "{text}"
    );
    // As with mitmdump, nothing is no filter.
    let (_, values) = Home::new(&[]).ok("ratel dump -n ");
    assert_eq!(values.opt_str(keys::DUMPER_FILTER), None);
}

#[test]
fn a_rule_of_redaction_may_be_left_out() {
    for (line, rules) in [
        ("ratel dump --redact", &["default"][..]),
        ("ratel dump --redact -n", &["default"]),
        ("ratel dump --redact https://a.test", &["default"]),
        ("ratel dump --redact ~u shop", &["default"]),
        (
            "ratel dump --redact header:X --redact",
            &["header:X", "default"],
        ),
        ("ratel --redact=userinfo", &["userinfo"]),
    ] {
        let (_, values) = ok(line);
        assert_eq!(values.list(keys::REDACT), rules, "{line}");
    }
}
