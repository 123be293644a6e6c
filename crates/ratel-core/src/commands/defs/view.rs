//! The list of flows.

use crate::commands::def::{ArgKind, CommandDef, Param, Returns, Section};
use crate::options::Tools;

const FLOWS: Param = Param::new("flows", ArgKind::Flows);
const FLOW: Param = Param::new("flow", ArgKind::Flow);

const fn screens(name: &'static str, params: &'static [Param], help: &'static str) -> CommandDef {
    CommandDef::new(name, params, help).tools(Tools::SCREENS)
}

pub(super) const SECTION: Section = Section {
    title: "List of flows",
    defs: &[
        screens(
            "view.clear",
            &[],
            "Remove all flows. Live ones go on, and are not shown any more.",
        ),
        screens(
            "view.clear_unmarked",
            &[],
            "Remove all flows that have no mark.",
        ),
        screens(
            "view.filter.set",
            &[Param::new("filter_expr", ArgKind::Filter).text()],
            "Show only flows that match a filter, without changing the option `view_filter`.",
        ),
        screens(
            "view.flows.create",
            &[
                Param::new("method", ArgKind::Str),
                Param::new("url", ArgKind::Str),
            ],
            "Make a new request, which can be edited and sent.",
        ),
        screens(
            "view.flows.duplicate",
            &[FLOWS],
            "Copy flows. The focus goes to the first copy.",
        ),
        screens(
            "view.flows.load",
            &[Param::new("path", ArgKind::Path)],
            "Load flows from a file. No rule is applied to them.",
        ),
        screens(
            "view.flows.remove",
            &[FLOWS],
            "Remove flows. Live ones are ended.",
        ),
        screens(
            "view.flows.resolve",
            &[Param::new("flow_spec", ArgKind::FlowSpec)],
            "List the flows that something selects.",
        )
        .returns(Returns::Flows),
        screens(
            "view.focus.go",
            &[Param::new("offset", ArgKind::Int)],
            "Move the focus to the row with that number, from 0; negative numbers count from the end.",
        ),
        screens(
            "view.focus.held",
            &[],
            "Move the focus to the next flow that is held back.",
        )
        .own(),
        screens("view.focus.next", &[], "Move the focus to the next flow."),
        screens("view.focus.prev", &[], "Move the focus to the flow before."),
        screens("view.order", &[], "Tell what the list is sorted by.").returns(Returns::Str),
        screens(
            "view.order.options",
            &[],
            "List what the list can be sorted by.",
        )
        .lists(&["method", "size", "time", "url"]),
        screens(
            "view.order.reverse",
            &[Param::new("boolean", ArgKind::Bool)],
            "Sort the list the other way round, or not.",
        ),
        screens(
            "view.order.set",
            &[Param::new(
                "order_key",
                ArgKind::OneOf("view.order.options"),
            )],
            "Sort the list by something else.",
        ),
        screens(
            "view.properties.inbounds",
            &[Param::new("index", ArgKind::Int)],
            "Tell whether the list has a row with that number.",
        )
        .returns(Returns::Bool),
        screens(
            "view.properties.length",
            &[],
            "Count the flows that are shown.",
        )
        .returns(Returns::Int),
        screens(
            "view.properties.marked",
            &[],
            "Tell whether only marked flows are shown.",
        )
        .returns(Returns::Bool),
        screens(
            "view.properties.marked.toggle",
            &[],
            "Show only marked flows, or all again.",
        ),
        screens(
            "view.settings.getval",
            &[
                FLOW,
                Param::new("key", ArgKind::Str),
                Param::new("default", ArgKind::Str),
            ],
            "Tell what is kept for a flow under a key.",
        )
        .returns(Returns::Str),
        screens(
            "view.settings.setval",
            &[
                FLOWS,
                Param::new("key", ArgKind::Str),
                Param::new("value", ArgKind::Str),
            ],
            "Keep something for flows under a key, while the program runs.",
        ),
        screens(
            "view.settings.setval.toggle",
            &[FLOWS, Param::new("key", ArgKind::Str)],
            "Turn what is kept for flows under a key from `true` to `false`, or back.",
        ),
    ],
};
