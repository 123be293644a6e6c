//! How flows are shown, wherever they are shown.

use super::checks;
use crate::options::def::{Tools, options};

options! { "Display";
    SHOWHOST: bool("showhost", false).flag()
        .help("Show URLs with the name from the Host header. Otherwise they show where the connection went.");
    CONTENT_VIEW_LINES_CUTOFF: int("content_view_lines_cutoff", 512).metavar("LINES").check(checks::not_negative)
        .help("After how many lines `ratel dump` cuts off a body that it prints. The terminal shows bodies whole, however long.");
    VIEW_ORDER: str("view_order", "time").choices(&["time", "method", "url", "size"]).tools(Tools::SCREENS)
        .help("What the list of flows is sorted by.");
    VIEW_ORDER_REVERSED: bool("view_order_reversed", false).tools(Tools::SCREENS)
        .help("Sort the list of flows the other way round.");
    PROTOBUF_DEFINITIONS: opt_str("protobuf_definitions").metavar("PATH")
        .help("The `.proto` file, or a folder of them, that gives fields of Protocol Buffers and gRPC messages their names. What \
            cannot be read is left out, with a warning.");
    EXPORT_PRESERVE_ORIGINAL_IP: bool("export_preserve_original_ip", false)
        .help("Name the server's address in exported curl commands, with `--resolve`.");
}
