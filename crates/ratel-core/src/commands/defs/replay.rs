//! Sending again, answering again, and the proxy itself.

use crate::commands::def::{ArgKind, CommandDef, Param, Returns, Section};

const FLOWS: Param = Param::new("flows", ArgKind::Flows);
const PATH: Param = Param::new("path", ArgKind::Path);

pub(super) const SECTION: Section = Section {
    title: "Replay and proxy",
    defs: &[
        CommandDef::new(
            "browser.start",
            &[Param::new("browser", ArgKind::Str).or("chrome")],
            "Start a browser with a profile of its own that uses the proxy: `chrome`, `chromium` or `firefox`.",
        ),
        CommandDef::new(
            "proxyserver.active_connections",
            &[],
            "Count the clients that are connected.",
        )
        .returns(Returns::Int),
        CommandDef::new(
            "readfile.reading",
            &[],
            "Tell whether the file of the option `rfile` is being read.",
        )
        .returns(Returns::Bool),
        CommandDef::new(
            "replay.client",
            &[FLOWS],
            "Send requests again, one after the other.",
        ),
        CommandDef::new(
            "replay.client.count",
            &[],
            "Count the requests that are yet to be sent again.",
        )
        .returns(Returns::Int),
        CommandDef::new(
            "replay.client.file",
            &[PATH],
            "Send the requests of a flow file again.",
        ),
        CommandDef::new(
            "replay.client.stop",
            &[],
            "Send none of the requests that wait to be sent again.",
        ),
        CommandDef::new(
            "replay.server",
            &[FLOWS],
            "Answer requests from these recorded flows, and no longer from those before.",
        ),
        CommandDef::new(
            "replay.server.add",
            &[FLOWS],
            "Answer requests from these recorded flows, too.",
        ),
        CommandDef::new(
            "replay.server.count",
            &[],
            "Count the recorded flows that requests are answered from.",
        )
        .returns(Returns::Int),
        CommandDef::new(
            "replay.server.file",
            &[PATH],
            "Answer requests from a flow file, and no longer from the flows before.",
        ),
        CommandDef::new(
            "replay.server.stop",
            &[],
            "Answer no more requests from recorded flows.",
        ),
    ],
};
