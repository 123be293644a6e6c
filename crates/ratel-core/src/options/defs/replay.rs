//! Sending recorded requests again, answering from recorded responses.

use super::checks;
use crate::options::def::options;

const CLIENT: &str = "Client replay";
const SERVER: &str = "Server replay";

options! { "Replay";
    CLIENT_REPLAY: list("client_replay", &[]).flag().short('C').metavar("PATH").group(CLIENT)
        .help("Send the requests in a file again. Flow files, HTTP archives and packet captures will do.");
    CLIENT_REPLAY_CONCURRENCY: int("client_replay_concurrency", 1).check(checks::one_or_any)
        .help("How many requests are sent again at once. Either 1 or -1, which means any number.");
    CLIENT_REPLAY_TIMING: bool("client_replay_timing", false).own()
        .help("Send requests again with the time between them that there was when they were recorded. With \
            `client_replay_concurrency` 1 the next one waits for the response as well.");
    SERVER_REPLAY: list("server_replay", &[]).flag().short('S').metavar("PATH").group(SERVER)
        .help("Answer requests with the responses in a file. Flow files, HTTP archives and packet captures will do.");
    SERVER_REPLAY_EXTRA: str("server_replay_extra", "forward").choices(&["forward", "kill", "204", "400", "404", "500"])
        .flag().group(SERVER)
        .help("What happens to requests without a recorded response. They are forwarded, their connection is closed, or they get \
            the given status.");
    SERVER_REPLAY_KILL_EXTRA: bool("server_replay_kill_extra", false).flag().group(SERVER)
        .help("Close the connection of requests without a recorded response. `server_replay_extra` replaces this option.");
    SERVER_REPLAY_REUSE: bool("server_replay_reuse", false).flag().group(SERVER)
        .help("Use a recorded response more than once.");
    SERVER_REPLAY_NOPOP: bool("server_replay_nopop", false).check(checks::renamed_to_reuse)
        .help("Use a recorded response more than once. `server_replay_reuse` replaces this option.");
    SERVER_REPLAY_REFRESH: bool("server_replay_refresh", true).flag().group(SERVER)
        .help("Move dates and the expiry of cookies in recorded responses to the present.");
    SERVER_REPLAY_TIMING: bool("server_replay_timing", false).own()
        .help("Take the time for a recorded response that it took when it was recorded. Messages of WebSockets keep the time \
            between them.");
    SERVER_REPLAY_USE_HEADERS: list("server_replay_use_headers", &[]).metavar("NAME")
        .help("Headers that must be equal for a recorded response to be used.");
    SERVER_REPLAY_IGNORE_CONTENT: bool("server_replay_ignore_content", false)
        .help("Find recorded responses without looking at the request's body.");
    SERVER_REPLAY_IGNORE_HOST: bool("server_replay_ignore_host", false)
        .help("Find recorded responses without looking at the request's host.");
    SERVER_REPLAY_IGNORE_PORT: bool("server_replay_ignore_port", false)
        .help("Find recorded responses without looking at the request's port.");
    SERVER_REPLAY_IGNORE_PARAMS: list("server_replay_ignore_params", &[]).metavar("NAME")
        .help("Query parameters that are left aside when a recorded response is looked for.");
    SERVER_REPLAY_IGNORE_PAYLOAD_PARAMS: list("server_replay_ignore_payload_params", &[]).metavar("NAME")
        .help("Form fields that are left aside when a recorded response is looked for.");
}
