//! The browser interface.

use crate::options::def::{Tools, options};

const GROUP: &str = "Browser interface";
const WEB: &str = "the browser interface comes in a later release";

options! { "Browser interface";
    WEB_HOST: str("web_host", "127.0.0.1").flag().metavar("HOST").group(GROUP).tools(Tools::WEB).planned(WEB)
        .help("The address that the browser interface listens on.");
    WEB_PORT: int("web_port", 8081).flag().metavar("PORT").group(GROUP).tools(Tools::WEB).planned(WEB)
        .help("The port that the browser interface listens on.");
    WEB_OPEN_BROWSER: bool("web_open_browser", true).flag().group(GROUP).tools(Tools::WEB).planned(WEB)
        .help("Open a browser at the start.");
    WEB_PASSWORD: str("web_password", "").metavar("PASS").secret().tools(Tools::WEB).planned(WEB)
        .help("The password of the browser interface, as it is or as an Argon2 hash. Empty makes one up at each start.");
    WEB_COLUMNS: list("web_columns", &["tls", "icon", "path", "method", "status", "size", "time"]).tools(Tools::WEB).planned(WEB)
        .help("The columns of the list of flows.");
    WEB_THEME: str("web_theme", "system").choices(&["system", "dark", "light"]).tools(Tools::WEB).planned(WEB)
        .help("Whether the browser interface is dark or light.");
    WEB_STATIC_VIEWER: opt_str("web_static_viewer").metavar("PATH").tools(Tools::WEB).planned(WEB)
        .help("The folder to write a browser interface to that shows one flow file and needs no server.");
    WEB_DEBUG: bool("web_debug", false).tools(Tools::WEB).planned(WEB)
        .help("Reload the browser interface when its source changes.");
}
