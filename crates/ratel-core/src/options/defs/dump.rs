//! The line printer.

use ratel_flow::view_names::VIEW_NAMES;

use super::checks;
use crate::options::def::{Tools, options};

/// Severities of messages, as mitmproxy orders them.
pub(super) const LEVELS: &[&str] = &["error", "warn", "info", "alert", "debug"];

options! { "Line output";
    FLOW_DETAIL: int("flow_detail", 1).flag().metavar("LEVEL").tools(Tools::DUMP).check(checks::detail)
        .help("How much of each flow is printed. 0 prints nothing, 1 the URL and the status, 2 the headers as well, 3 also bodies \
            but shortened, 4 whole bodies.");
    TERMLOG_VERBOSITY: str("termlog_verbosity", "info").choices(LEVELS).tools(Tools::LOGGING)
        .help("The least serious messages that are printed.");
    DUMPER_DEFAULT_CONTENTVIEW: str("dumper_default_contentview", "auto").choices(VIEW_NAMES).tools(Tools::DUMP)
        .help("How bodies are printed. `auto` decides by the content type.");
    DUMPER_FILTER: opt_str("dumper_filter").metavar("FILTER").tools(Tools::DUMP)
        .check(checks::filter)
        .help("Print only flows that match this filter.");
}
