//! The terminal interface.

use ratel_flow::view_names::VIEW_NAMES;

use crate::options::def::{Tools, options};

options! { "Terminal interface";
    CONSOLE_FOCUS_FOLLOW: bool("console_focus_follow", false).tools(Tools::SCREENS)
        .help("Keep the newest flow selected.");
    CONSOLE_MOUSE: bool("console_mouse", true).tools(Tools::TERMINAL)
        .help("React to the mouse. Without it the terminal's own selection works as usual.");
    CONSOLE_EVENTLOG_VERBOSITY: str("console_eventlog_verbosity", "info").choices(super::dump::LEVELS).tools(Tools::TERMINAL)
        .help("The least serious messages that are shown in the event log.");
    CONSOLE_DEFAULT_CONTENTVIEW: str("console_default_contentview", "auto").choices(VIEW_NAMES).tools(Tools::TERMINAL)
        .help("How bodies are shown at first.");
    CONSOLE_FLOWLIST_LAYOUT: str("console_flowlist_layout", "default").choices(&["default", "list", "table"])
        .tools(Tools::TERMINAL)
        .help("How the list of flows is laid out: a row for each in a `table`, or two lines for each in a `list`. `default` is a \
            table when the pane has at least 60 columns.");
    CONSOLE_LAYOUT: str("console_layout", "single").choices(&["horizontal", "single", "vertical"]).flag()
        .tools(Tools::TERMINAL)
        .help("How panes are arranged on the screen. The second one begins with the event log.");
    CONSOLE_LAYOUT_HEADERS: bool("console_layout_headers", true).flag().tools(Tools::TERMINAL)
        .help("Show a title above each pane.");
    CONSOLE_PALETTE: str("console_palette", "solarized_dark")
        .choices(&[
            "dark", "high_contrast", "light", "lowdark", "lowlight", "solarized_dark", "solarized_light", "terminal",
        ])
        .tools(Tools::TERMINAL)
        .help("The colours of the terminal interface. `lowdark` and `lowlight` need no more than sixteen, `terminal` takes those \
            that the terminal is set to. With the environment variable NO_COLOR there are none.");
    CONSOLE_PALETTE_TRANSPARENT: bool("console_palette_transparent", true).tools(Tools::TERMINAL)
        .help("Leave the background of the terminal, and the colour of plain text, as they are.");
    CONSOLE_QUICKHELP_VISIBLE: bool("console_quickhelp_visible", true).tools(Tools::TERMINAL)
        .help("Show the bar with key hints.");
    CONSOLE_STRIP_TRAILING_NEWLINES: bool("console_strip_trailing_newlines", false).tools(Tools::TERMINAL)
        .help("Remove line ends that an editor appends to an edited body.");
    COMMAND_HISTORY: bool("command_history", true)
        .help("Keep the history of the command prompt in the configuration folder.");
}
