//! Where the proxy listens, what it lets in, how it connects.

use super::checks;
use crate::options::def::options;

const RAW: &str = "UDP flows come in a later release";
const DNS: &str = "the DNS server comes in a later release";
const UPSTREAM: &str = "forwarding to another proxy comes in a later release";

options! { "Proxy";
    MODE: list("mode", &["regular"]).flag().short('m').metavar("MODE").group("Proxy options")
        .help("How clients reach the proxy and where their requests go. `regular` is a proxy that clients are configured to \
            use; `reverse:https://HOST` stands in for a server, and `reverse:http://HOST:PORT` for one without TLS; clients may \
            use TLS or not in either case. Append `@PORT` or `@HOST:PORT` to choose where this mode listens. Give it several \
            times to run several modes at once.");
    LISTEN_HOST: str("listen_host", "").flag().metavar("HOST").group("Proxy options")
        .help("The address to listen on, for modes that do not name one. Empty means all interfaces.");
    LISTEN_PORT: opt_int("listen_port").flag().short('p').metavar("PORT").group("Proxy options").check(checks::port)
        .help("The port to listen on, for modes that do not name one. Unset means the usual port of the mode, which is 8080; 0 \
            means any free port.");
    SERVER: bool("server", true).flag().short('n').group("Proxy options")
        .help("Listen for clients. Without it the program only shows what it has.");
    CONNECTION_STRATEGY: str("connection_strategy", "eager").choices(&["eager", "lazy"])
        .help("When to connect to the server. `eager` does it as soon as the destination is known, so that the certificate and \
            the protocol of the server can be mirrored to the client; `lazy` waits until something has to be sent.");
    CONNECT_ADDR: opt_str("connect_addr").metavar("IP").check(checks::ip)
        .help("The local IP address that connections to servers come from. Unset leaves the choice to the operating system.");
    CONNECT_TIMEOUT: int("connect_timeout", 10).metavar("SECONDS").own().check(checks::positive)
        .help("How many seconds a connection attempt to a server may take. It covers looking up the name and connecting to one \
            address, not the TLS handshake.");
    TCP_TIMEOUT: int("tcp_timeout", 600).metavar("SECONDS").check(checks::positive)
        .help("After how many seconds without traffic a client connection is closed.");
    KEEP_HOST_HEADER: bool("keep_host_header", false)
        .help("Send the client's Host header on to the server of a reverse proxy. Otherwise the header is set to that server's \
            name.");
    KEEP_ALT_SVC_HEADER: bool("keep_alt_svc_header", false)
        .help("Leave Alt-Svc headers alone in reverse mode. Otherwise they are rewritten to point to the proxy.");
    BLOCK_GLOBAL: bool("block_global", true)
        .help("Refuse clients whose address is reachable from the whole internet. This protects a proxy that was left open by \
            mistake.");
    BLOCK_PRIVATE: bool("block_private", false)
        .help("Refuse clients from private networks. Clients on the same machine are always let in.");
    ALLOW_HOSTS: list("allow_hosts", &[]).flag().metavar("REGEX").group("Proxy options").check(checks::regexes)
        .help("Intercept only servers whose `host:port` matches one of these regular expressions. Everything else is passed \
            through untouched. It cannot be combined with `ignore_hosts`.");
    IGNORE_HOSTS: list("ignore_hosts", &[]).flag().metavar("REGEX").group("Proxy options").check(checks::regexes)
        .help("Pass connections to some servers through untouched. These are the servers whose `host:port` matches one \
            of these regular expressions, by the address, the name in the TLS handshake, or the Host header.");
    SHOW_IGNORED_HOSTS: bool("show_ignored_hosts", false).flag().group("Proxy options")
        .help("Record connections that are passed through untouched. They appear as TCP flows.");
    AUTO_PASSTHROUGH: bool("auto_passthrough", false).own()
        .help("Pass connections through untouched where the client refuses Ratel's certificate. That is what programs with \
            pinned certificates do: the first connection fails, and those that follow, from the same address to the same name, \
            are passed through for an hour.");
    TCP_HOSTS: list("tcp_hosts", &[]).flag().metavar("REGEX").group("Proxy options").check(checks::regexes)
        .help("Treat what is inside TLS as plain bytes when the host or SNI matches one of these regular expressions.");
    UDP_HOSTS: list("udp_hosts", &[]).metavar("REGEX").planned(RAW)
        .help("Treat what is inside DTLS as plain datagrams when the host or SNI matches one of these regular expressions.");
    RAWTCP: bool("rawtcp", true).flag().group("Proxy options")
        .help("Relay what is not HTTP as plain bytes.");
    PROXYAUTH: opt_str("proxyauth").flag().metavar("SPEC").secret().group("Proxy options")
        .help("Ask clients to authenticate to the proxy. `USER:PASS` accepts one user, `any` accepts anything, `@FILE` reads an \
            htpasswd file, `ldap:` and `ldaps:` URLs ask a directory server.");
    UPSTREAM_AUTH: opt_str("upstream_auth").flag().metavar("USER:PASS").secret().group("Proxy options")
        .help("Authenticate to the server in reverse mode, by HTTP basic authentication. What is added is part of the request, and \
            is shown and saved with it.");
    HTTP_CONNECT_SEND_HOST_HEADER: bool("http_connect_send_host_header", true).planned(UPSTREAM).needed()
        .help("Send a Host header along with CONNECT requests to a further proxy.");
    DNS_NAME_SERVERS: list("dns_name_servers", &[]).metavar("IP").planned(DNS)
        .help("The name servers that DNS queries of clients are forwarded to. Empty means those of the operating system.");
    DNS_USE_HOSTS_FILE: bool("dns_use_hosts_file", true).planned(DNS)
        .help("Look into the hosts file before forwarding DNS queries of clients.");
    STRIP_ECH: bool("strip_ech", true).planned(DNS)
        .help("Remove keys for Encrypted Client Hello from DNS answers. Otherwise the proxy cannot see which server is meant.");
    SHUTDOWN_TIMEOUT: int("shutdown_timeout", 5).metavar("SECONDS").own().check(checks::not_negative)
        .help("How many seconds open connections get to finish when the program ends.");
    PROXY_DEBUG: bool("proxy_debug", false)
        .help("Log every step inside the proxy, at the level `debug`. This is meant for finding faults in the proxy itself.");
}
