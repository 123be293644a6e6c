//! The terminal interface: screens, prompts, movement.

use crate::commands::def::{ArgKind, CommandDef, Param, Returns, Section};
use crate::options::Tools;

const FLOW: Param = Param::new("flow", ArgKind::Flow);
const PATH: Param = Param::new("path", ArgKind::Path);
const PROMPT: Param = Param::new("prompt", ArgKind::Str);
const CMD: Param = Param::new("cmd", ArgKind::Command);
const ARGS: Param = Param::new("args", ArgKind::CommandArg).rest();

const fn console(name: &'static str, params: &'static [Param], help: &'static str) -> CommandDef {
    CommandDef::new(name, params, help).tools(Tools::TERMINAL)
}

pub(super) const SECTION: Section = Section {
    title: "Terminal interface",
    defs: &[
        console(
            "console.bodyview",
            &[FLOW, Param::new("part", ArgKind::Choice("console.bodyview.options"))],
            "Open a body in a program of your own: PAGER or EDITOR, else `less`; mitmproxy's MITMPROXY_EDITOR comes first where it is set. What it changes is not kept.",
        ),
        console("console.bodyview.options", &[], "List the parts of a flow that have a body.")
            .lists(&["request", "response"]),
        console(
            "console.choose",
            &[PROMPT, Param::new("choices", ArgKind::StrList), CMD, ARGS],
            "Have one of the choices picked, then run a command with it in the place of `{choice}`.",
        ),
        console(
            "console.choose.cmd",
            &[PROMPT, Param::new("choicecmd", ArgKind::Command), Param::new("subcmd", ArgKind::Command), ARGS],
            "As `console.choose`, with choices that another command lists.",
        ),
        console(
            "console.command",
            &[Param::new("command_str", ArgKind::CommandArg).rest()],
            "Open the prompt with the start of a command.",
        ),
        console(
            "console.command.confirm",
            &[PROMPT, CMD, ARGS],
            "Ask a question, and run a command when the answer is yes.",
        ),
        console(
            "console.command.set",
            &[Param::new("option_name", ArgKind::OptionName)],
            "Open the prompt for the value of an option.",
        ),
        console(
            "console.edit.focus",
            &[Param::new("flow_part", ArgKind::Choice("console.edit.focus.options"))],
            "Edit a part of the flow in focus.",
        ),
        console("console.edit.focus.options", &[], "List the parts of the flow in focus that can be edited.")
            .returns(Returns::StrList),
        console("console.exit", &[], "Quit at once."),
        console("console.find", &[], "Ask for a text or a regular expression, and find it in all flows.").own(),
        console("console.find.case", &[], "Find the same with other regard to capitals: they are told from small letters, or not.").own(),
        console("console.find.mode", &[], "Find the same as a regular expression, or as a text.").own(),
        console(
            "console.find.regex",
            &[Param::new("regex", ArgKind::Plain).text()],
            "Find a regular expression in all flows: in URLs, headers, decoded bodies and messages.",
        )
        .own(),
        console("console.find.stop", &[], "Stop the search; when it is over, close what it has found.").own(),
        console(
            "console.find.text",
            &[Param::new("text", ArgKind::Plain).text()],
            "Find a text in all flows: in URLs, headers, decoded bodies and messages.",
        )
        .own(),
        console("console.flowview.mode", &[], "Tell which view shows the body.").returns(Returns::Str),
        console("console.flowview.mode.options", &[], "List the views for bodies.").returns(Returns::StrList),
        console(
            "console.flowview.mode.set",
            &[Param::new("mode", ArgKind::Choice("console.flowview.mode.options"))],
            "Choose the view that shows the body. It is kept for this flow and this side.",
        ),
        console("console.flowview.split", &[], "Show request and response side by side, or one at a time.").own(),
        console("console.fold.all", &[], "Fold everything below the first level of a body, or unfold all.").own(),
        console("console.fold.next", &[], "Mark the next line that can be folded.").own(),
        console("console.fold.prev", &[], "Mark the line before that can be folded.").own(),
        console("console.fold.toggle", &[], "Fold the lines that belong to the marked one, or unfold them.").own(),
        console("console.follow.toggle", &[], "Keep the newest flow or message in focus, or stop doing so.").own(),
        console("console.grideditor.add", &[], "Insert a row below the focus."),
        console("console.grideditor.cancel", &[], "Close the table without applying what was changed.").own(),
        console("console.grideditor.delete", &[], "Delete the row in focus."),
        console("console.grideditor.editor", &[], "Edit the cell in focus in a program of your own: \
            EDITOR, or mitmproxy's MITMPROXY_EDITOR where that is set."),
        console("console.grideditor.insert", &[], "Insert a row above the focus."),
        console("console.grideditor.load", &[PATH], "Put what is in a file into the cell in focus."),
        console(
            "console.grideditor.load_escaped",
            &[PATH],
            "As `console.grideditor.load`, with escapes such as `\\n` in the file understood.",
        ),
        console("console.grideditor.save", &[PATH], "Write the rows to a file in CSV."),
        console(
            "console.highlight",
            &[Param::new("text", ArgKind::Str).text()],
            "Highlight rows of the list that hold a text, and go to the next one. An empty text ends that.",
        )
        .own(),
        console("console.highlight.next", &[], "Go to the next row that is highlighted.").own(),
        console("console.highlight.prev", &[], "Go to the row before that is highlighted.").own(),
        console("console.interrupt", &[], "Ask whether to quit; quit when that is asked already.").own(),
        console("console.layout.cycle", &[], "Arrange the panes in the next way."),
        console("console.layout.options", &[], "List the ways in which panes are arranged.")
            .lists(&["single", "vertical", "horizontal"]),
        console("console.list.dismiss", &[], "Take away a message, or the highlight of rows.").own(),
        console("console.list.tree", &[], "Show flows as a tree of hosts and paths, or as a list.").own(),
        console("console.list.tree.unfold", &[], "Open all branches in the one in focus, or close them.").own(),
        console("console.message.mode", &[], "Show a message in the next way: as what it is, as numbers, as text.").own(),
        console("console.nav.down", &[], "Go one row down."),
        console("console.nav.end", &[], "Go to the end."),
        console("console.nav.left", &[], "Go left: to the tab before, or out of a branch."),
        console("console.nav.next", &[], "Go to the next tab, field or pane."),
        console("console.nav.pagedown", &[], "Go one page down."),
        console("console.nav.pageup", &[], "Go one page up."),
        console("console.nav.prev", &[], "Go to the tab, field or pane before.").own(),
        console("console.nav.right", &[], "Go right: to the next tab, or into a branch."),
        console("console.nav.select", &[], "Open what is in focus."),
        console("console.nav.start", &[], "Go to the start."),
        console("console.nav.up", &[], "Go one row up."),
        console("console.options.reset.focus", &[], "Give the option in focus its default."),
        console("console.palette", &[], "Find a command by a few letters of its name or its help, and run it.").own(),
        console("console.panes.next", &[], "Go to the other pane."),
        console("console.panes.prev", &[], "Go to the other pane."),
        console("console.search", &[], "Ask for a text, and go to where it is.").own(),
        console("console.search.next", &[], "Go to the next place where the text is.").own(),
        console("console.search.prev", &[], "Go to the place before where the text is.").own(),
        console("console.suspend", &[], "Stop the program; the shell's `fg` comes back to it.").own(),
        console("console.texteditor.apply", &[], "Take the text that is edited on the screen, and close it.").own(),
        console(
            "console.texteditor.do",
            &[Param::new("action", ArgKind::Choice("console.texteditor.do.options"))],
            "Move in the text that is edited on the screen, or change it.",
        )
        .own(),
        console("console.texteditor.do.options", &[], "List what can be done to a text that is edited on the screen.")
            .lists(&[
                "up",
                "down",
                "left",
                "right",
                "word_left",
                "word_right",
                "line_start",
                "line_end",
                "page_up",
                "page_down",
                "start",
                "end",
                "new_line",
                "tab",
                "backspace",
                "delete",
                "delete_word_left",
                "delete_word_right",
                "delete_to_line_start",
                "delete_to_line_end",
                "undo",
                "redo",
            ])
            .own(),
        console("console.texteditor.editor", &[], "Go on with the text in a program of your own: MITMPROXY_EDITOR or EDITOR.").own(),
        console("console.texteditor.leave", &[], "Close the text that is edited on the screen; what was changed is asked about.").own(),
        console("console.view.commands", &[], "Show all commands."),
        console(
            "console.view.diff",
            &[FLOW, Param::new("other", ArgKind::Str).or("original")],
            "Compare a flow with what it was before it was changed (`original`), with the marked one (`marked`), or with another, \
            such as `@3`.",
        )
        .own(),
        console("console.view.eventlog", &[], "Show the event log."),
        console("console.view.flow", &[FLOW], "Show a flow."),
        console("console.view.help", &[], "Show what keys do here."),
        console("console.view.keybindings", &[], "Show all key bindings, to be edited."),
        console("console.view.messages.next", &[], "Show the next message.").own(),
        console("console.view.messages.prev", &[], "Show the message before.").own(),
        console("console.view.options", &[], "Show all options, to be edited."),
        console("console.view.pop", &[], "Close what is open; at the list ask whether to quit."),
        console("console.view.rules", &[], "Show all rules with their switches.").own(),
        console("console.wrap.toggle", &[], "Wrap long lines, or cut them at the edge.").own(),
    ],
};
