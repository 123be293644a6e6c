//! Flows and parts of flows in other forms.

use crate::commands::def::{ArgKind, CommandDef, Param, Returns, Section};

const FLOWS: Param = Param::new("flows", ArgKind::Flows);
const CUTS: Param = Param::new("cuts", ArgKind::Cuts);
const PATH: Param = Param::new("path", ArgKind::Path);
const FORMAT: Param = Param::new("format", ArgKind::OneOf("export.formats"));

pub(super) const SECTION: Section = Section {
    title: "Export",
    defs: &[
        CommandDef::new(
            "cut",
            &[FLOWS, CUTS],
            "Take attributes out of flows: one row for each flow, one column for each attribute.",
        )
        .returns(Returns::Table),
        CommandDef::new(
            "cut.clip",
            &[FLOWS, CUTS],
            "Copy attributes of flows to the clipboard.",
        ),
        CommandDef::new(
            "cut.save",
            &[FLOWS, CUTS, PATH],
            "Write attributes of flows to a file: one attribute of one flow as it is, else a table in CSV. A leading `+` appends.",
        ),
        CommandDef::new(
            "export",
            &[FORMAT, Param::new("f", ArgKind::Flow)],
            "Show a flow as a command, a program or raw messages.",
        )
        .returns(Returns::Str),
        CommandDef::new(
            "export.clip",
            &[FORMAT, Param::new("f", ArgKind::Flow)],
            "Copy a flow to the clipboard, as a command, a program or raw messages.",
        ),
        CommandDef::new(
            "export.file",
            &[FORMAT, Param::new("flow", ArgKind::Flow), PATH],
            "Write a flow to a file, as a command, a program or raw messages.",
        ),
        CommandDef::new(
            "export.formats",
            &[],
            "List the formats that flows are exported in.",
        )
        .lists(&[
            "curl",
            "httpie",
            "raw",
            "raw_request",
            "raw_response",
            "python",
            "go",
            "fetch",
        ]),
    ],
};
