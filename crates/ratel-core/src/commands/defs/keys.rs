//! Key bindings.

use crate::commands::def::{ArgKind, CommandDef, Param, Section};
use crate::options::Tools;

const CONTEXTS: Param = Param::new("contexts", ArgKind::StrList);
const KEY: Param = Param::new("key", ArgKind::Str);

const fn console(name: &'static str, params: &'static [Param], help: &'static str) -> CommandDef {
    CommandDef::new(name, params, help).tools(Tools::TERMINAL)
}

pub(super) const SECTION: Section = Section {
    title: "Keys",
    defs: &[
        console(
            "console.key.bind",
            &[
                CONTEXTS,
                KEY,
                Param::new("cmd", ArgKind::Command),
                Param::new("args", ArgKind::CommandArg).rest(),
            ],
            "Bind a key to a command, on the screens named.",
        ),
        console(
            "console.key.contexts",
            &[],
            "List the screens that keys are bound for.",
        )
        .lists(&[
            "chooser",
            "commands",
            "commonkey",
            "dataviewer",
            "editor",
            "eventlog",
            "flowlist",
            "flowview",
            "global",
            "grideditor",
            "help",
            "keybindings",
            "message",
            "messages",
            "options",
        ]),
        console(
            "console.key.edit.focus",
            &[],
            "Change the binding in focus.",
        ),
        console(
            "console.key.execute.focus",
            &[],
            "Open the prompt with the command of the binding in focus.",
        ),
        console(
            "console.key.unbind",
            &[CONTEXTS, KEY],
            "Remove the binding of a key, on the screens named.",
        ),
        console(
            "console.key.unbind.focus",
            &[],
            "Remove the binding in focus.",
        ),
        console(
            "console.keymap.load",
            &[Param::new("path", ArgKind::Path)],
            "Read key bindings from a file such as `keys.yaml`.",
        ),
    ],
};
