//! Options, the prompt's history, the event log.

use crate::commands::def::{ArgKind, CommandDef, Param, Returns, Section};
use crate::options::Tools;

/// Without a name, `config.yaml` in the configuration folder.
const FILE: Param = Param::new("path", ArgKind::Path).or("");

pub(super) const SECTION: Section = Section {
    title: "Options, history, events",
    defs: &[
        CommandDef::new(
            "commands.history.add",
            &[Param::new("command", ArgKind::Str)],
            "Add a line to the history of the prompt. An empty one is passed over.",
        ),
        CommandDef::new(
            "commands.history.clear",
            &[],
            "Forget the history of the prompt, and delete its file.",
        ),
        CommandDef::new(
            "commands.history.filter",
            &[Param::new("prefix", ArgKind::Str)],
            "Have the history walked through by lines that begin so.",
        ),
        CommandDef::new(
            "commands.history.get",
            &[],
            "List the history of the prompt.",
        )
        .returns(Returns::StrList),
        CommandDef::new(
            "commands.history.next",
            &[],
            "Tell the next line of the history.",
        )
        .returns(Returns::Str),
        CommandDef::new(
            "commands.history.prev",
            &[],
            "Tell the line before in the history.",
        )
        .returns(Returns::Str),
        CommandDef::new("eventstore.clear", &[], "Clear the event log.").tools(Tools::SCREENS),
        CommandDef::new(
            "options.load",
            &[FILE],
            "Set the options that stand in a YAML file; without a name in `config.yaml` of the configuration folder.",
        ),
        CommandDef::new("options.reset", &[], "Give all options their defaults."),
        CommandDef::new(
            "options.reset.one",
            &[Param::new("name", ArgKind::OptionName)],
            "Give one option its default.",
        ),
        CommandDef::new(
            "options.save",
            &[FILE],
            "Write the options that differ from their defaults to a YAML file; without a name to `config.yaml` of the configuration folder. \
             Comments in the file stay.",
        ),
        CommandDef::new(
            "options.set.next",
            &[
                Param::new("option", ArgKind::OptionName),
                Param::new("value", ArgKind::OptionValue).rest(),
            ],
            "Have an option in `config.yaml`, for the next start. The program that runs does not change by that.",
        )
        .own(),
        CommandDef::new(
            "rules.list",
            &[],
            "List all rules: whether they are on, how often they did something, and what they are.",
        )
        .returns(Returns::Table)
        .own(),
        CommandDef::new(
            "rules.names",
            &[],
            "List all rules by their names in the file of rules, or by their option and text.",
        )
        .returns(Returns::StrList)
        .own(),
        CommandDef::new(
            "rules.toggle",
            &[Param::new("rule", ArgKind::OneOf("rules.names"))],
            "Switch a rule off, or on again. The option and the file that it stands in stay as they are.",
        )
        .own(),
        CommandDef::new(
            "set",
            &[
                Param::new("option", ArgKind::OptionName),
                Param::new("value", ArgKind::OptionValue).rest(),
            ],
            "Set an option. Without a value a switch is turned on, a list emptied, and an optional value unset; \
             `toggle` turns a switch round.",
        ),
    ],
};
