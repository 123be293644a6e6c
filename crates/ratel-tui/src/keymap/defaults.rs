//! What keys do unless somebody changes it. Keys and commands are mitmproxy's where mitmproxy has them.

use super::Context::{
    self, CommonKey, DataViewer, Editor, EventLog, FlowList, FlowView, Global, GridEditor, Help,
    KeyBindings, Message, Messages, Options, Rules, Search,
};
use super::Key;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Where it holds.
    pub contexts: &'static [Context],
    /// The keys, by name.
    pub keys: &'static [&'static str],
    /// The command line.
    pub command: &'static str,
    /// What it does, for the help.
    pub help: &'static str,
    /// One or two words for the bar at the bottom.
    pub hint: &'static str,
}

const fn row(
    contexts: &'static [Context],
    keys: &'static [&'static str],
    command: &'static str,
    help: &'static str,
    hint: &'static str,
) -> Row {
    Row {
        contexts,
        keys,
        command,
        help,
        hint,
    }
}

const FLOWS: &[Context] = &[FlowList, FlowView];
const TEXTS: &[Context] = &[
    FlowView,
    Messages,
    Message,
    EventLog,
    Help,
    Options,
    KeyBindings,
    Context::Commands,
    Rules,
    DataViewer,
];

/// All of them. On a screen, hints are given in this order.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    // One message
    row(&[Message], &["space"], "console.view.messages.next", "next message", "Next"),
    row(&[Message], &["p"], "console.view.messages.prev", "message before", "Prev"),
    row(&[Message], &["m"], "console.message.mode", "show it as what it is, in hexadecimal, as text", "Mode"),
    row(&[Messages], &["enter"], "console.nav.select", "open the message", "Open"),
    row(&[Messages], &["F"], "console.follow.toggle", "keep the newest message in focus, or stop doing so", "Follow"),

    // The list
    row(&[FlowList], &["enter"], "console.nav.select", "open the flow", "Open"),
    row(&[FlowList], &["q"], "console.view.pop", "ask to quit", "Quit"),
    row(&[FlowList], &["esc"], "console.list.dismiss", "take away a message or the highlight", ""),
    row(&[FlowList], &["f"], "console.command.set view_filter", "show only flows that match a filter", "Filter"),
    row(&[FlowView], &["q", "esc"], "console.view.pop", "back", "Back"),
    row(&[FlowView], &["tab", "l", "right"], "console.nav.next", "next tab", "Tabs"),
    row(&[FlowView], &["h", "left"], "console.nav.left", "tab before", ""),
    row(FLOWS, &["e"], "console.choose.cmd \"Edit...\" console.edit.focus.options console.edit.focus {choice}", "edit a part of the flow", "Edit"),
    row(FLOWS, &["r"], "replay.client @focus", "send the request again", "Replay"),
    row(FLOWS, &["d"], "view.flows.remove @focus", "remove the flow", "Delete"),
    row(FLOWS, &["D"], "view.flows.duplicate @focus", "duplicate the flow", "Duplicate"),
    row(&[FlowList], &["m"], "flow.mark.toggle @focus", "mark the flow, or remove its mark", "Mark"),
    row(FLOWS, &["y"], "console.choose.cmd \"Copy as...\" export.formats export.clip {choice} @focus", "copy the flow as curl, a program or raw messages", "Copy"),
    row(FLOWS, &["x"], "console.choose.cmd \"Export as...\" export.formats console.command export.file {choice} @focus", "export the flow to a file", "Export"),
    row(FLOWS, &["="], "console.choose \"Compare with...\" original,marked console.view.diff @focus {choice}", "compare the flow with what it was, or with the marked one", "Diff"),
    row(TEXTS, &["/"], "console.search", "search", "Search"),
    row(TEXTS, &["n"], "console.search.next", "next match", ""),
    row(TEXTS, &["N"], "console.search.prev", "match before", ""),
    row(&[FlowView], &["space"], "view.focus.next", "next flow", "Next"),
    row(&[FlowView], &["p"], "view.focus.prev", "flow before", "Prev"),
    row(FLOWS, &["a"], "flow.resume @focus", "let the intercepted flow go on", "Resume"),
    row(FLOWS, &["ctrl d"], "flow.message.drop @focus", "keep the held message from its receiver", "Drop"),
    row(FLOWS, &["A"], "flow.resume @all", "let all intercepted flows go on", "Resume all"),
    row(FLOWS, &["J"], "view.focus.held", "go to the next flow that is held", "Next held"),
    row(FLOWS, &[";"], "console.command flow.comment @focus ''", "comment on the flow", ""),
    row(FLOWS, &["V"], "flow.revert @focus", "undo changes of the flow", ""),
    row(FLOWS, &["F"], "set console_focus_follow toggle", "keep the newest flow in focus, or stop doing so", "Follow"),
    row(FLOWS, &["b"], "console.command cut.save @focus response.content", "save the body of the response", ""),
    row(FLOWS, &["ctrl l"], "console.command cut.clip", "copy attributes of flows to the clipboard", ""),
    row(FLOWS, &["|"], "console.command script.run @focus", "run a script on the flow", ""),
    row(&[FlowList], &["M"], "view.properties.marked.toggle", "show only marked flows, or all again", ""),
    row(&[FlowList], &["U"], "flow.mark @all false", "remove all marks", ""),
    row(&[FlowList], &["o"], "console.choose.cmd \"Order flows by...\" view.order.options set view_order {choice}", "choose what the list is sorted by", ""),
    row(&[FlowList], &["v"], "set view_order_reversed toggle", "sort the other way round", ""),
    row(&[FlowList], &["t"], "console.list.tree", "show a tree of hosts and paths, or the list", "Tree"),
    row(&[FlowList], &["*"], "console.list.tree.unfold", "open all branches in the one in focus, or close them", ""),
    row(&[FlowList], &["/"], "console.command console.highlight", "highlight flows that hold a text", ""),
    row(&[FlowList], &["]"], "console.highlight.next", "next flow that is highlighted", ""),
    row(&[FlowList], &["["], "console.highlight.prev", "highlighted flow before", ""),
    row(&[FlowList], &["n"], "console.command view.flows.create get https://example.com/", "make a new request", "New"),
    row(&[FlowList], &["L"], "console.command view.flows.load", "load flows from a file", "Load"),
    row(&[FlowList], &["w"], "console.command save.file @shown", "save the flows of the list to a file", ""),
    row(&[FlowList], &["S"], "console.command replay.server", "answer requests from recorded flows", ""),
    row(FLOWS, &["X"], "flow.kill @focus", "end the flow", "Kill"),
    row(&[FlowList], &["z"], "console.command.confirm \"Delete all flows\" view.flows.remove @all", "remove all flows", ""),
    row(&[FlowList], &["Z"], "console.command.confirm \"Purge all hidden flows\" view.flows.remove @hidden", "remove flows that the filter hides", ""),

    // One flow
    row(&[FlowView], &["m"], "console.choose.cmd \"Set contentview...\" console.flowview.mode.options console.flowview.mode.set {choice}", "choose the view for the body", "View"),
    row(&[FlowView], &["s"], "console.flowview.split", "request and response side by side, or one at a time", "Split"),
    row(&[FlowView, Message], &["enter"], "console.fold.toggle", "fold the lines below the marked one, or unfold them", ""),
    row(&[FlowView, Message], &["}"], "console.fold.next", "mark the next line that can be folded", ""),
    row(&[FlowView, Message], &["{"], "console.fold.prev", "mark the line before that can be folded", ""),
    row(&[FlowView, Message], &["c"], "console.fold.all", "fold all, or unfold all", "Fold"),
    row(&[FlowView], &["\\"], "console.wrap.toggle", "wrap long lines, or cut them at the edge", ""),
    row(&[FlowView], &["f"], "view.settings.setval.toggle @focus fullcontents", "show all of a long body, or its first part", ""),
    row(&[FlowView], &["v"], "console.choose \"View...\" request,response console.bodyview @focus {choice}", "open the body in a program of your own", ""),
    row(&[FlowView], &["w"], "console.command save.file @focus", "save the flow to a file", ""),
    row(&[FlowView], &["z"], "console.choose \"Encode/decode...\" request,response flow.encode.toggle @focus {choice}", "remove or apply the content encoding", ""),

    // Tables
    row(&[Options], &["enter"], "console.nav.select", "change the option", "Change"),
    row(&[Options], &["tab"], "console.nav.next", "show only what is not a default, or all", "Changed only"),
    row(&[Options], &["d"], "console.options.reset.focus", "give the option its default", "Default"),
    row(&[Options], &["D"], "options.reset", "give all options their defaults", ""),
    row(&[Options], &["S"], "console.command options.save", "save the options to a file", "Save"),
    row(&[Options], &["L"], "console.command options.load", "load options from a file", ""),
    row(&[GridEditor], &["enter"], "console.nav.select", "edit the cell", "Edit"),
    row(&[GridEditor], &["q"], "console.view.pop", "apply what was changed, and close", "Apply"),
    row(&[GridEditor], &["esc"], "console.grideditor.cancel", "close without applying what was changed", "Cancel"),
    row(&[GridEditor], &["tab"], "console.nav.next", "next cell of the row", "Next cell"),
    row(&[GridEditor], &["a"], "console.grideditor.add", "insert a row below", "Add"),
    row(&[GridEditor], &["A"], "console.grideditor.insert", "insert a row above", ""),
    row(&[GridEditor], &["d"], "console.grideditor.delete", "delete the row", "Delete"),
    row(&[GridEditor], &["e"], "console.grideditor.editor", "edit the cell in a program of your own", ""),
    row(&[GridEditor], &["r"], "console.command console.grideditor.load", "put a file into the cell", ""),
    row(&[GridEditor], &["R"], "console.command console.grideditor.load_escaped", "put a file with escapes into the cell", ""),
    row(&[GridEditor], &["w"], "console.command console.grideditor.save", "write the rows to a file", ""),
    row(&[KeyBindings], &["enter"], "console.key.edit.focus", "change the binding", "Change"),
    row(&[KeyBindings], &["a"], "console.choose.cmd \"Context\" console.key.contexts console.command console.key.bind {choice}", "add a binding", "Add"),
    row(&[KeyBindings], &["d"], "console.key.unbind.focus", "remove the binding", "Remove"),
    row(&[KeyBindings], &["x"], "console.key.execute.focus", "run the command of the binding", "Run"),
    row(&[Context::Commands], &["enter"], "console.nav.select", "open the prompt with the command", "Run"),
    row(&[Rules], &["enter", "space"], "console.nav.select", "switch the rule off, or on again", "Switch"),
    row(&[Rules], &["b"], "set network_active toggle", "switch the bad network off as a whole, or on again", "Bad network"),
    row(&[EventLog], &["z"], "console.command.confirm \"Clear event log\" eventstore.clear", "clear the event log", "Clear"),
    row(&[Help], &["?"], "console.view.pop", "close the help", ""),

    row(&[FlowList], &["s"], "console.find", "find a text in all flows: URLs, headers, bodies, messages", "Search"),
    row(&[Search], &["enter"], "console.nav.select", "open the flow where the hit is", "Open"),
    row(&[Search], &["tab"], "console.find.mode", "look for the same as a regular expression, or as a text", "Regex"),
    row(&[Search], &["c"], "console.find.case", "tell capitals from small letters, or stop doing so", "Case"),
    row(&[Search], &["s", "/"], "console.find", "find something else", "Search"),
    row(&[Search], &["esc"], "console.find.stop", "stop the search; when it is over, go back", "Stop"),

    // A text that is edited on the screen
    row(&[Editor], &["ctrl s"], "console.texteditor.apply", "take the text, and close it", "Apply"),
    row(&[Editor], &["esc", "ctrl c", "ctrl g"], "console.texteditor.leave", "close it without its changes", "Leave"),
    row(&[Editor], &["ctrl e"], "console.texteditor.editor", "go on in a program of your own", "Go on in $EDITOR"),
    row(&[Editor], &["ctrl z", "ctrl _"], "console.texteditor.do undo", "undo what was done last", "Undo"),
    row(&[Editor], &["ctrl y"], "console.texteditor.do redo", "do it again", "Redo"),
    row(&[Editor], &["f1"], "console.view.help", "these keys", "Keys"),
    row(&[Editor], &["up"], "console.texteditor.do up", "up", ""),
    row(&[Editor], &["down"], "console.texteditor.do down", "down", ""),
    row(&[Editor], &["left", "ctrl b"], "console.texteditor.do left", "left", ""),
    row(&[Editor], &["right", "ctrl f"], "console.texteditor.do right", "right", ""),
    row(&[Editor], &["ctrl left", "meta left", "meta b"], "console.texteditor.do word_left", "a word to the left", ""),
    row(&[Editor], &["ctrl right", "meta right", "meta f"], "console.texteditor.do word_right", "a word to the right", ""),
    row(&[Editor], &["home", "ctrl a"], "console.texteditor.do line_start", "to the start of the line", ""),
    row(&[Editor], &["end"], "console.texteditor.do line_end", "to the end of the line", ""),
    row(&[Editor], &["page up"], "console.texteditor.do page_up", "page up", ""),
    row(&[Editor], &["page down"], "console.texteditor.do page_down", "page down", ""),
    row(&[Editor], &["ctrl home", "meta <"], "console.texteditor.do start", "to the start of the text", ""),
    row(&[Editor], &["ctrl end", "meta >"], "console.texteditor.do end", "to the end of the text", ""),
    row(&[Editor], &["enter"], "console.texteditor.do new_line", "a new line, with the spaces that this one begins with", ""),
    row(&[Editor], &["tab"], "console.texteditor.do tab", "a tab", ""),
    row(&[Editor], &["backspace", "ctrl h"], "console.texteditor.do backspace", "delete the character before", ""),
    row(&[Editor], &["delete", "ctrl d"], "console.texteditor.do delete", "delete the character after", ""),
    row(&[Editor], &["ctrl w", "ctrl backspace", "meta backspace"], "console.texteditor.do delete_word_left", "delete the word before", ""),
    row(&[Editor], &["meta d", "ctrl delete"], "console.texteditor.do delete_word_right", "delete the word after", ""),
    row(&[Editor], &["ctrl u"], "console.texteditor.do delete_to_line_start", "delete to the start of the line", ""),
    row(&[Editor], &["ctrl k"], "console.texteditor.do delete_to_line_end", "delete to the end of the line, or its end", ""),

    // Everywhere
    row(&[Global], &["?"], "console.view.help", "this help", "Help"),
    row(&[CommonKey, Global], &[":"], "console.command", "type a command", "Command"),
    row(&[Global], &["ctrl s"], "console.find", "find a text in all flows", ""),
    row(&[Global], &["ctrl p"], "console.palette", "find a command", "Find"),
    row(&[CommonKey, Global], &["O"], "console.view.options", "options", "Options"),
    row(&[CommonKey, Global], &["E"], "console.view.eventlog", "event log", "Events"),
    row(&[CommonKey, Global], &["q", "esc"], "console.view.pop", "back", "Back"),
    row(&[CommonKey, Global], &["tab"], "console.nav.next", "next tab or field", ""),
    row(&[CommonKey, Global], &["enter"], "console.nav.select", "open what is in focus", ""),
    row(&[Global], &["i"], "console.command.set intercept", "hold back flows that match a filter", "Intercept"),
    row(&[Global], &["I"], "set intercept_active toggle", "hold flows back, or stop doing so", ""),
    row(&[Global], &["R"], "console.view.rules", "the rules, to be switched on and off", ""),
    row(&[Global], &["C"], "console.view.commands", "all commands", ""),
    row(&[Global], &["K"], "console.view.keybindings", "all key bindings", ""),
    row(&[Global], &["P"], "console.view.flow @focus", "open the flow in focus", ""),
    row(&[Global], &["B"], "browser.start", "start a browser that uses the proxy", ""),
    row(&[Global], &["W"], "console.command.set save_stream_file", "write flows to a file as they finish", ""),
    row(&[Global], &["-"], "console.layout.cycle", "arrange the panes in the next way", ""),
    row(&[Global], &["ctrl right", "shift tab"], "console.panes.next", "other pane; with one pane, tab before", ""),
    row(&[Global], &["ctrl left"], "console.panes.prev", "other pane; with one pane, tab before", ""),
    row(&[Global], &["H"], "set console_quickhelp_visible toggle", "show or hide the hints", ""),
    row(&[Global], &["k", "up"], "console.nav.up", "up", ""),
    row(&[Global], &["j", "down"], "console.nav.down", "down", ""),
    row(&[Global], &["h", "left"], "console.nav.left", "left", ""),
    row(&[Global], &["l", "right"], "console.nav.right", "right", ""),
    row(&[Global], &["ctrl b", "page up"], "console.nav.pageup", "page up", ""),
    row(&[Global], &["space", "ctrl f", "page down"], "console.nav.pagedown", "page down", ""),
    row(&[Global], &["g", "home"], "console.nav.start", "to the start", ""),
    row(&[Global], &["G", "end"], "console.nav.end", "to the end", ""),
    row(&[Global], &["Q"], "console.exit", "quit at once", ""),
    row(&[Global], &["ctrl c"], "console.interrupt", "ask to quit; twice quits", ""),
    row(&[Global], &["ctrl z"], "console.suspend", "suspend; the shell's `fg` comes back", ""),
];

/// The keys that mitmproxy has on single screens, where they come before what somebody binds on every screen.
const MITMPROXY: &[(Context, &[&str])] = &[
    (
        FlowList,
        &[
            "f", "r", "e", "x", "a", "A", "d", "D", ";", "V", "F", "b", "ctrl l", "|", "m", "M",
            "U", "o", "v", "n", "L", "w", "S", "X", "z", "Z",
        ],
    ),
    (
        FlowView,
        &[
            "space", "p", "r", "e", "x", "a", "A", "d", "D", ";", "V", "F", "b", "ctrl l", "|",
            "m", "f", "v", "w", "z",
        ],
    ),
    (Options, &["d", "D", "S", "L"]),
    (GridEditor, &["a", "A", "d", "e", "r", "R", "w"]),
    (KeyBindings, &["enter", "a", "d", "x"]),
    (EventLog, &["z"]),
    (Help, &["?"]),
];

/// Whether mitmproxy has the key on that screen, too.
pub(super) fn is_mitmproxys(context: Context, key: Key) -> bool {
    let on = MITMPROXY.iter().find(|(there, _)| *there == context);
    on.is_some_and(|(_, keys)| keys.iter().any(|name| Key::parse(name) == Some(key)))
}
