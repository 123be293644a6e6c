//! The keys that matter: those of the screen in focus that have something to do there.

use ratel_core::control::{HeldPart, Part};
use ratel_core::store::{FlowSnapshot, Summary};
use ratel_flow::{Annotations, FlowKind};

use crate::keymap::{Binding, Context, Line};
use crate::model::{Model, Screen, Tab};
use crate::text::Text;
use crate::theme::Role;

/// The command that shows all keys.
const HELP: &str = "console.view.help";

/// The command that leads back.
const BACK: &str = "console.view.pop";

/// What can be done with what is held, in this order.
const HELD: [(&str, Wanted); 5] = [
    ("flow.resume @focus", Wanted::Held),
    ("flow.message.drop @focus", Wanted::Message),
    ("flow.kill @focus", Wanted::Held),
    ("flow.resume @all", Wanted::Any),
    ("view.focus.held", Wanted::Other),
];

/// When that is worth a hint.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// The flow in focus is held.
    Held,
    /// A message of it is.
    Message,
    /// Some flow is held.
    Any,
    /// Another one than that in focus is.
    Other,
}

/// Commands that are hinted at where there is room for more than what matters most.
const FURTHER: [&str; 3] = [
    "view.flows.remove @focus",
    "view.flows.duplicate @focus",
    "flow.mark.toggle @focus",
];

/// From so many columns on there is.
const WIDE: usize = 100;

/// The keys that matter here, as many as fit: on one line, or those of this screen on the first of two.
pub(super) fn lines(model: &Model, width: usize, two: bool) -> (Text, Text) {
    let (mut first, mut second) = (Text::default(), Text::default());
    let mut full = false;
    let mut rest = Vec::new();
    let context = model.context();
    let mut lines = model.keymap.on(context);
    // What waits for somebody comes first, and is not offered where nothing waits.
    let place = |line: &Line<'_>| {
        let command = &*line.binding.command;
        HELD.iter().position(|(known, _)| *known == command)
    };
    let (mut of_held, others): (Vec<_>, _) =
        lines.drain(..).partition(|line| place(line).is_some());
    of_held.sort_by_key(place);
    of_held.retain(|line| {
        let wanted = place(line).and_then(|at| HELD.get(at));
        wanted.is_some_and(|(_, wanted)| waits(model, *wanted))
    });
    // What is held is mostly held to be changed.
    let edits = |line: &Line<'_>| line.binding.command.contains("console.edit.focus");
    let (edit, others): (Vec<_>, _) = match is_held(model) {
        true => others.into_iter().partition(edits),
        false => (Vec::new(), others),
    };
    let at = of_held.len().min(1);
    of_held.splice(at..at, edit);
    // The way back is there however little room there is.
    let (back, others): (Vec<_>, _) = others
        .into_iter()
        .partition(|line| line.place == Context::Global && line.binding.command == BACK);
    lines.extend(of_held);
    lines.extend(back);
    lines.extend(others);
    let without_flows = context == Context::FlowList && model.list.page.shown == 0;
    let kind = kind(model);
    let columns = |binding: &Binding| binding.key.to_string().len() + 1 + binding.hint.len() + 2;
    // The one that leads to all others is there however little room there is.
    let mut help = lines
        .iter()
        .map(|line| line.binding)
        .find(|binding| !two && binding.command == HELP && !binding.hint.is_empty());
    let room = width.saturating_sub(help.map_or(0, columns));
    for line in &lines {
        let binding = line.binding;
        let is_idle = (without_flows && acts_on_flow(&binding.command))
            || !works_here(model, kind, &binding.command);
        let is_further = width < WIDE && FURTHER.contains(&&*binding.command);
        let is_over = binding.command == "console.find.stop" && !searches(model);
        let is_idle = is_idle || is_further || is_over;
        if binding.hint.is_empty() || is_idle || !binding.is_usable() {
            continue;
        }
        let is_help = help.is_some_and(|help| help.key == binding.key);
        let room = if is_help || help.is_none() {
            width
        } else {
            room
        };
        let text = if two && line.place == Context::Global {
            &mut second
        } else {
            &mut first
        };
        let overflows = text.width() + columns(binding) > room;
        if two && overflows && line.place != Context::Global {
            rest.push(binding);
        }
        full |= overflows;
        if text.width() + columns(binding) <= room && (two || !full || is_help) {
            text.push(Role::Key, binding.key.to_string());
            text.push(Role::Text, format!(" {}  ", binding.hint));
            help = help.filter(|_| !is_help);
        }
    }
    // What did not fit behind those of this screen.
    for binding in rest {
        if second.width() + columns(binding) <= width {
            second.push(Role::Key, binding.key.to_string());
            second.push(Role::Text, format!(" {}  ", binding.hint));
        }
    }
    (first, second)
}

/// Whether the search in focus goes on.
fn searches(model: &Model) -> bool {
    matches!(model.panes.current(), Screen::Found(view) if view.goes_on())
}

/// Whether a command of the list does nothing without a flow in focus.
fn acts_on_flow(command: &str) -> bool {
    ["@focus", "console.edit.focus", "console.nav.select"]
        .iter()
        .any(|word| command.contains(word))
}

/// Whether something waits in that way.
fn waits(model: &Model, wanted: Wanted) -> bool {
    let is_held = is_held(model);
    match wanted {
        Wanted::Held => is_held,
        Wanted::Message => {
            let held = model.focused_flow().map(|id| model.list.page.held(id));
            let is_message = |held: &HeldPart| matches!(held.part, Part::Message(_));
            is_held && held.is_some_and(|held| held.iter().any(is_message))
        }
        Wanted::Any => is_held || model.held > 0,
        Wanted::Other => model.held > usize::from(is_held),
    }
}

/// Whether the flow in focus is held.
fn is_held(model: &Model) -> bool {
    let said = match focused(model) {
        Some(Focused::Row(row)) => row.annotations.as_deref(),
        Some(Focused::Open(flow)) => flow.annotations.as_deref(),
        None => None,
    };
    said.is_some_and(|said: &Annotations| said.intercepted)
}

/// What is known of the flow in focus.
enum Focused<'a> {
    Row(&'a Summary),
    Open(&'a FlowSnapshot),
}

fn focused(model: &Model) -> Option<Focused<'_>> {
    let id = model.focused_flow()?;
    let row = model.list.page.rows.iter().find(|row| row.id == id);
    let open = model
        .open_flow()
        .and_then(|view| view.snapshot.as_ref())
        .filter(|flow| flow.id == id);
    row.map(Focused::Row).or(open.map(Focused::Open))
}

fn kind(model: &Model) -> Option<FlowKind> {
    Some(match focused(model)? {
        Focused::Row(row) => row.kind,
        Focused::Open(flow) => flow.kind,
    })
}

/// Whether a command has something to do: with a flow of that kind, on the tab that is open, on this screen.
fn works_here(model: &Model, kind: Option<FlowKind>, command: &str) -> bool {
    let screen = model.panes.current();
    let open = model.open_flow();
    match command {
        "console.view.eventlog" => !matches!(screen, Screen::EventLog),
        "console.view.options" => !matches!(screen, Screen::Options(_)),
        "console.view.keybindings" => !matches!(screen, Screen::KeyBindings(_)),
        "console.view.commands" => !matches!(screen, Screen::Commands(_)),
        "console.view.rules" => !matches!(screen, Screen::Rules(_)),
        "console.view.help" => !matches!(screen, Screen::Help(_)),
        "console.flowview.split" => open.is_none_or(|view| view.tabs.contains(&Tab::Response)),
        _ if command.contains("console.flowview.mode") => {
            open.is_none_or(|view| view.tab().side().is_some())
        }
        "console.wrap.toggle" | "console.fold.all" => {
            open.is_none_or(|view| view.pane().is_some()) || !matches!(screen, Screen::FlowView(_))
        }
        // What is not HTTP is not sent again, nor is there a command for it.
        "console.nav.next" => !matches!(screen, Screen::Message(_)),
        _ if command.contains("console.view.diff") => {
            kind.is_none_or(|kind| kind == FlowKind::Http)
        }
        "replay.client @focus" => kind.is_none_or(|kind| kind == FlowKind::Http),
        _ if command.contains("export.formats") => kind.is_none_or(|kind| kind == FlowKind::Http),
        _ if command.contains("console.edit.focus") => {
            !matches!(kind, Some(FlowKind::Dns | FlowKind::Connection))
        }
        _ => true,
    }
}
