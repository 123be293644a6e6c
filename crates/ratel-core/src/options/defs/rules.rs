//! Rules that answer or change messages.

use super::checks;
use crate::options::def::options;

options! { "Rules";
    RULES: opt_str("rules").metavar("PATH").own()
        .help("A file of rules that is read again when it changes. Without one `rules.yaml` in the configuration folder, if it is there.");
    MAP_REMOTE: list("map_remote", &[]).flag().short('M').metavar("PATTERN").group("Map remote")
        .help("Send requests to another URL. `[/FILTER]/REGEX/REPLACEMENT`, where any character may stand for the slash.");
    MAP_LOCAL: list("map_local", &[]).flag().metavar("PATTERN").group("Map local")
        .help("Answer requests from files. `[/FILTER]/REGEX/PATH`, where any character may stand for the slash.");
    MODIFY_BODY: list("modify_body", &[]).flag().short('B').metavar("PATTERN").group("Modify body")
        .help("Replace text in bodies. `[/FILTER]/REGEX/REPLACEMENT`, where `@PATH` as replacement reads it from a file.");
    MODIFY_HEADERS: list("modify_headers", &[]).flag().short('H').metavar("PATTERN").group("Modify headers")
        .help("Set or remove headers. `[/FILTER]/NAME/VALUE`, where an empty value removes the header and `@PATH` reads the value \
            from a file.");
    BLOCK_LIST: list("block_list", &[]).metavar("PATTERN")
        .help("Answer matching requests with an empty response. `/FILTER/STATUS`, where the status 444 closes the connection.");
    STICKYCOOKIE: opt_str("stickycookie").flag().metavar("FILTER").check(checks::filter)
        .help("Send cookies that a server has set along with later requests to it. The filter says which requests.");
    STICKYAUTH: opt_str("stickyauth").flag().metavar("FILTER").check(checks::filter)
        .help("Repeat the last Authorization header sent to a server in later requests to it. The filter says which requests.");
    ONBOARDING: bool("onboarding", true)
        .help("Serve a page to clients from which they can install the certification authority.");
    ONBOARDING_HOST: str("onboarding_host", "mitm.it").metavar("HOST")
        .help("The host name under which clients find the page with the certification authority, besides `ratel.test`.");
}
