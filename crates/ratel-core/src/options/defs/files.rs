//! Folders, recording, flow files.

use super::checks;
use crate::options::def::{Tools, options};

options! { "Files and recording";
    CONFDIR: str("confdir", "~/.ratel").metavar("PATH").check(checks::not_empty).at_start()
        .help("The folder for the certification authority and the configuration files. It is made when it does not exist. A program \
            called by the name `mitmproxy` or `mitmdump` uses `~/.mitmproxy` instead.");
    STORE_MEMORY: size("store_memory", "64m").own().check(checks::at_least_64k).at_start()
        .help("How much memory recorded flows may take. What does not fit lies on disk.");
    STORE_DISK: size("store_disk", "2g").own().check(checks::at_least_64k).at_start()
        .help("How much disk space recorded flows may take. Beyond it the oldest flows are forgotten.");
    STORE_DIR: str("store_dir", "").metavar("PATH").own().at_start()
        .help("The folder that recorded flows are kept in while the program runs. Empty means `confdir`, or the \
            system's folder for temporary files when that cannot be written.");
    SEARCH_INDEX: bool("search_index", true).own().tools(Tools::TERMINAL).at_start()
        .help("Build an index of recorded flows, so that text is found at once in all of them. Without it searches and filters read every flow.");
    SEARCH_DISK: size("search_disk", "512m").own().tools(Tools::TERMINAL).at_start()
        .help("How much disk space that index may take. Beyond it the oldest flows are read when something is searched for. 0 is as without an index.");
    SEARCH_MEMORY: size("search_memory", "64m").own().tools(Tools::TERMINAL).at_start()
        .help("How much memory that index may take, beside some 25 MiB for what is being added to it.");
    RFILE: list("rfile", &[]).at_start().flag().short('r').metavar("PATH").group("Flow files")
        .help("Load flows from a file at the start. It may be given several times, and `-` is standard input. Flow files, HTTP archives and \
            captures of packets are told apart by what is in them, and may be compressed with gzip or Zstandard.");
    READFILE_FILTER: opt_str("readfile_filter").at_start().metavar("FILTER").check(checks::filter)
        .help("Load only flows that match this filter.");
    KEYLOG: opt_str("keylog").at_start().metavar("PATH").own()
        .help("Read captures of packets with the TLS secrets in this file. Programs write such a file where SSLKEYLOGFILE says.");
    SAVE_STREAM_FILE: opt_str("save_stream_file").flag().short('w').metavar("PATH").writes_file().group("Flow files")
        .help("Write flows to a file as they finish. A leading `+` appends to the file; `strftime` patterns start a file anew \
            whenever the name they give changes.");
    SAVE_STREAM_FILTER: opt_str("save_stream_filter").metavar("FILTER").check(checks::filter)
        .help("Write only flows that match this filter.");
    HARDUMP: str("hardump", "").metavar("PATH").writes_file()
        .help("Write all flows to an HTTP archive (HAR), which is complete after each. `-` means standard output, a name ending in `.zhar` a compressed file, which is complete at the end.");
    REDACT: list("redact", &[]).flag().metavar("RULE").own().check(checks::redaction)
        .help("Replace secrets by placeholders in whatever is exported or written. `default` stands for what mostly is a secret; \
            other rules are `header:NAME`, `cookie:NAME`, `query:NAME`, `form:NAME`, `json:NAME`, `userinfo`, `pattern:/REGEX/` \
            and `salt:TEXT`.");
    KEEPSERVING: bool("keepserving", false).tools(Tools::DUMP)
        .help("Keep running after a file was read or a replay has ended.");
    SCRIPTS: list("scripts", &[]).flag().short('s').metavar("SCRIPT").planned("Python addons come in a later release").needed()
        .help("Run a Python addon. It is loaded again when the file changes.");
    VIEW_FILTER: opt_str("view_filter").flag().metavar("FILTER").group("Filters").tools(Tools::SCREENS).check(checks::filter)
        .instead("`ratel dump FILTER` prints only flows that match")
        .help("Show only flows that match this filter.");
    INTERCEPT: opt_str("intercept").flag().metavar("FILTER").group("Filters").tools(Tools::SCREENS).check(checks::filter)
        .instead("without a screen nobody can resume what is held; `--fault 'FILTER : delay 2s'` holds it for a time")
        .help("Hold back what matches this filter until it is resumed. That is requests, responses, and single messages of \
            WebSockets, raw connections and streams. Setting it sets `intercept_active`.");
    INTERCEPT_TIMEOUT: int("intercept_timeout", 0).metavar("SECONDS").tools(Tools::SCREENS).own().check(checks::not_negative)
        .help("After how many seconds what is held back goes on by itself. 0 holds it for as long as the client waits. A change \
            is for all that is held from then on, in connections that are open, too.");
    INTERCEPT_ACTIVE: bool("intercept_active", false).tools(Tools::SCREENS)
        .help("Whether `intercept` is in force.");
}
