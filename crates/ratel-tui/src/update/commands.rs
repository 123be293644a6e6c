//! From command lines to what they do. What concerns this screen is done here; all else is an effect.

use ratel_core::commands::{self, ArgKind, Call, CommandError, FlowSpec, check_choices, lex};
use ratel_core::options::Value;
use ratel_core::view::Fold;
use ratel_flow::filter::Filter;
use ratel_flow::format::with_hint;
use ratel_flow::{FlowId, Side};

use crate::backend::messages::FOCUS;
use crate::keymap::Context;
use crate::model::{CommandLine, Confirm, Model, OptionsView, Prompt, Screen, Table, Wanted};
use crate::msg::Effect;
use crate::screens::{flow_view, rules};
use crate::widgets::pane::Pane;

use super::{
    choose, edit, find, grid, keys, nav, open, options, palette, prompt, results, say, say_why,
    search, text_view, traffic, tree,
};

/// Runs a line.
pub(super) fn line(model: &mut Model, line: &str) -> Vec<Effect> {
    run(model, &commands::words(line))
}

/// Runs words that somebody has said yes to.
pub(super) fn run_confirmed(model: &mut Model, words: &[String]) -> Vec<Effect> {
    match commands::parse_words(words) {
        Ok(call) => {
            let focus = model.focused_flow();
            vec![Effect::Run(call, focus)]
        }
        Err(error) => {
            say_error(model, &error);
            Vec::new()
        }
    }
}

/// Runs words.
pub(super) fn run(model: &mut Model, words: &[String]) -> Vec<Effect> {
    let call = commands::parse_words(words)
        .and_then(|call| check_choices(&call, |from| choices(model, from)).map(|()| call));
    let done = call.and_then(|call| dispatch(model, call));
    match done {
        Ok(effects) => effects,
        Err(error) => {
            say_error(model, &error);
            Vec::new()
        }
    }
}

pub(super) fn say_error(model: &mut Model, error: &CommandError) {
    let all = || {
        model
            .keymap
            .key_of(Context::Global, "console.view.commands")
    };
    let one = || model.keymap.key_of(Context::Global, "console.palette");
    let hint = match error {
        CommandError::Unknown { similar: None, .. } => all()
            .zip(one())
            .map(|(all, one)| format!("{all} lists all commands, {one} finds one")),
        error => error.hint(),
    };
    say_why(model, with_hint(error, hint));
}

/// What a command lists that does not always list the same.
pub(crate) fn choices(model: &Model, command: &str) -> Vec<String> {
    match command {
        "console.flowview.mode.options" => ratel_views::menu(),
        "console.edit.focus.options" => crate::editing::names(),
        "commands.history.get" => model.history.lines().to_vec(),
        "rules.names" => rules::labels(model),
        _ => Vec::new(),
    }
}

/// What is said to one who opens what is open.
pub(super) const IS_OPEN: &str = "that is what is open";

type Done = Result<Vec<Effect>, CommandError>;

/// What a command for the flow in focus comes to where single messages of it are looked at: it is for the one in focus.
fn of_focused_message(model: &mut Model, call: Call) -> Result<Call, CommandError> {
    let resumes = call.name() == traffic::RESUME;
    let is_meant = match call.name() {
        "flow.message.drop" | "flow.message.resume" => call.str(1) == FOCUS,
        _ => resumes,
    };
    if !is_meant || *call.flows(0) != FlowSpec::Focus {
        return Ok(call);
    }
    let name = if resumes {
        "flow.message.resume"
    } else {
        call.name()
    };
    let is_one = matches!(model.context(), Context::Messages | Context::Message);
    let sender = match model.focused_held_message().filter(|_| is_one) {
        Some(Side::Client) => "client",
        Some(Side::Server) => "server",
        None if resumes || is_one => return Ok(call),
        None => "both",
    };
    commands::parse_words(&[name, "@focus", sender].map(str::to_owned))
}

fn dispatch(model: &mut Model, call: Call) -> Done {
    if model.focused_flow().is_none() && asks_for_focus(&call) {
        let why = match tree::is_on_branch(model) {
            true => tree::NO_FLOW,
            false => "there is no flow in focus",
        };
        return Err(CommandError::Failed(why.into()));
    }
    if !call.def().lists.is_empty() {
        let texts = call
            .def()
            .lists
            .iter()
            .map(|&text| text.to_owned())
            .collect();
        results::show_list(model, call.name(), texts);
        return Ok(Vec::new());
    }
    if let Some(effects) = movement(model, &call) {
        return Ok(effects);
    }
    if let Some(done) = screens(model, &call) {
        return done;
    }
    if let Some(done) = view(model, &call) {
        return done;
    }
    if traffic::ask_to_end(model, &call) {
        return Ok(Vec::new());
    }
    match call.name() {
        "commands.history.add" => return Ok(prompt::keep(model, call.str(0))),
        "commands.history.clear" => {
            model.history.clear();
            return Ok(vec![Effect::ForgetHistory]);
        }
        "commands.history.filter" => model.history.filter(call.str(0)),
        "commands.history.get" => {
            let lines = model.history.lines().to_vec();
            results::show_list(model, "commands.history.get", lines);
        }
        "commands.history.next" => {
            let line = model.history.newer().unwrap_or_default().to_owned();
            say(model, line);
        }
        "commands.history.prev" => {
            let line = model.history.older().unwrap_or_default().to_owned();
            say(model, line);
        }
        "console.key.bind" => keys::bind(model, &call)?,
        "console.key.unbind" => keys::unbind(model, &call)?,
        "console.key.unbind.focus" => keys::unbind_focused(model),
        "console.key.edit.focus" => keys::edit_focused(model),
        "console.key.execute.focus" => keys::execute_focused(model),
        "console.keymap.load" => return Ok(vec![Effect::ReadKeys(call.path(0).to_owned())]),
        "console.options.reset.focus" => return options::reset_focused(model),
        name if name.starts_with("console.texteditor.") => {
            return text_view::command(model, &call);
        }
        name if name.starts_with("console.grideditor.") => return grid::command(model, &call),
        // The rest is done where the flows are.
        _ => {
            let call = of_focused_message(model, call)?;
            let focus = model.focused_flow();
            return Ok(vec![Effect::Run(call, focus)]);
        }
    }
    Ok(Vec::new())
}

/// Whether it is about the flow in focus, or asks for what a command about it still needs.
fn asks_for_focus(call: &Call) -> bool {
    let words = match call.name() {
        "console.command" => call.rest(0),
        "console.choose" | "console.choose.cmd" => call.rest(2),
        _ => return wants_focus(call),
    };
    words.contains(&"@focus")
}

/// Whether it is about the flow in focus.
fn wants_focus(call: &Call) -> bool {
    let params = call.def().params.iter().enumerate();
    let mut flows =
        params.filter(|(_, param)| matches!(param.kind, ArgKind::Flow | ArgKind::Flows));
    flows.any(|(nth, _)| *call.flows(nth) == FlowSpec::Focus)
}

/// Commands that only move, or open what needs nothing.
fn movement(model: &mut Model, call: &Call) -> Option<Vec<Effect>> {
    match call.name() {
        "console.nav.up" => nav::scroll(model, -1),
        "console.nav.down" => nav::scroll(model, 1),
        "console.nav.pageup" => nav::page(model, -1),
        "console.nav.pagedown" => nav::page(model, 1),
        "console.nav.start" => nav::to_start(model),
        "console.nav.end" => nav::to_end(model),
        "console.nav.left" => return Some(nav::sideways(model, false)),
        "console.nav.right" => return Some(nav::sideways(model, true)),
        "console.nav.next" => nav::next(model, true),
        "console.nav.prev" => nav::next(model, false),
        "console.nav.select" => return Some(nav::select(model)),
        "console.panes.next" | "console.panes.prev" => nav::other_pane(model),
        "console.follow.toggle" => nav::toggle_follow(model),
        "console.message.mode" => nav::next_mode(model),
        "console.view.messages.next" => nav::step_message(model, 1),
        "console.view.messages.prev" => nav::step_message(model, -1),
        "console.find" => find::ask(model),
        "console.find.text" | "console.find.regex" => {
            let wanted = Wanted {
                needle: call.str(0).into(),
                regex: call.name() == "console.find.regex",
                exact: false,
            };
            return Some(find::begin(model, wanted));
        }
        "console.find.mode" => return Some(find::again(model, |wanted| wanted.regex ^= true)),
        "console.find.case" => return Some(find::again(model, |wanted| wanted.exact ^= true)),
        "console.find.stop" => return Some(find::stop(model)),
        "console.search" => model.prompt = Some(Prompt::Search(Default::default())),
        "console.list.dismiss" => nav::dismiss(model),
        "console.search.next" => return Some(search::search(model, false)),
        "console.search.prev" => return Some(search::search(model, true)),
        "console.highlight" => return Some(search::highlight(model, call.str(0))),
        "console.highlight.next" => return Some(search::next_highlighted(model, false)),
        "console.highlight.prev" => return Some(search::next_highlighted(model, true)),
        "console.flowview.split" => {
            if let Err(why) = flow_view::toggle_split(model) {
                say(model, why);
            }
        }
        "console.wrap.toggle" => {
            let wraps = model.pane_mut().map(Pane::toggle_wrap);
            say(
                model,
                match wraps {
                    Some(true) => "long lines are wrapped",
                    Some(false) => "long lines are cut at the edge",
                    None => "there are no lines to wrap here",
                },
            );
        }
        "console.fold.toggle" => nav::fold(model, Pane::toggle_fold),
        "console.fold.next" => nav::fold(model, |pane| pane.step_fold(true)),
        "console.fold.prev" => nav::fold(model, |pane| pane.step_fold(false)),
        "console.fold.all" => nav::fold(model, Pane::toggle_all_folds),
        "view.focus.next" => tree::next_flow(model, true),
        "view.focus.prev" => tree::next_flow(model, false),
        "console.list.tree" => return Some(tree::toggle(model)),
        "console.list.tree.unfold" => return Some(tree::fold_focused(model, Fold::ToggleAll)),
        "view.focus.go" => nav::go_to_row(model, call.int(0)),
        _ => return None,
    }
    Some(Vec::new())
}

/// Commands that open screens and prompts.
fn screens(model: &mut Model, call: &Call) -> Option<Done> {
    match call.name() {
        "console.exit" => return Some(Ok(vec![Effect::Quit])),
        "console.suspend" => return Some(Ok(vec![Effect::Suspend])),
        "console.interrupt" => return Some(Ok(nav::ask_to_quit(model))),
        "console.view.pop" => return Some(Ok(nav::pop(model))),
        "console.view.eventlog" => nav::open_event_log(model),
        "console.view.help" => nav::open_help(model),
        "console.view.options" => replace(model, Screen::Options(Box::<OptionsView>::default())),
        "console.view.keybindings" => replace(model, Screen::KeyBindings(Box::<Table>::default())),
        "console.view.rules" => replace(model, Screen::Rules(Box::<Table>::default())),
        "console.view.commands" => replace(model, Screen::Commands(Box::<Table>::default())),
        "console.view.flow"
        | "console.bodyview"
        | "view.settings.setval"
        | "view.settings.getval"
        | "view.settings.setval.toggle" => {
            return Some(Ok(with_flows(model, call)));
        }
        "console.palette" => palette::open(model),
        "console.command" => {
            let line = lex::join(call.rest(0));
            return Some(Ok(prompt::open(model, CommandLine::starting_with(&line))));
        }
        "console.command.set" => {
            return Some(options::ask(model, call.str(0)).map(|()| Vec::new()));
        }
        "console.command.confirm" => {
            let then: Vec<_> = call.rest(1).into_iter().map(str::to_owned).collect();
            let question = call.str(0).to_owned();
            if then
                .first()
                .is_some_and(|command| command == traffic::REMOVE)
            {
                model.live = 0;
                model.prompt = Some(Prompt::Confirm(Confirm::Remove(question, then)));
                return Some(Ok(vec![Effect::CountHeld, Effect::CountLive]));
            }
            model.prompt = Some(Prompt::Confirm(Confirm::Run(question, then)));
        }
        "console.choose" => {
            let then = call.rest(2).into_iter().map(str::to_owned).collect();
            choose::open(model, call.str(0), call.list(1).to_vec(), None, then);
        }
        "console.choose.cmd" => return Some(choose::open_with(model, call)),
        "console.view.diff" => {
            let focus = model.focused_flow();
            return Some(Ok(vec![Effect::Diff(call.clone(), focus)]));
        }
        "console.edit.focus" => return Some(edit::begin(model, call)),
        "console.edit.focus.options" => return Some(edit::ask_options(model, call)),
        "console.layout.cycle" => {
            let next = model.layout().next().name();
            return Some(
                commands::parse(&format!("set console_layout {next}"))
                    .map(|call| vec![Effect::Run(call, None)]),
            );
        }
        "console.flowview.mode" => {
            let mode = flow_view::mode(model);
            say(model, mode);
        }
        "console.flowview.mode.options" => {
            results::show_list(model, call.name(), ratel_views::menu());
        }
        "console.flowview.mode.set" => {
            return Some(shows_body(model).map(|()| {
                flow_view::set_mode(model, call.str(0));
                Vec::new()
            }));
        }
        _ => return None,
    }
    Some(Ok(Vec::new()))
}

/// Whether a body is shown, of which a view could be another.
pub(super) fn shows_body(model: &Model) -> Result<(), CommandError> {
    match model.open_flow() {
        Some(view) if view.tab().side().is_some() => Ok(()),
        Some(_) => Err(CommandError::failed(
            "views are for the tabs Request and Response",
        )),
        None => Err(CommandError::failed(
            "there is no open flow to be shown in another way",
        )),
    }
}

/// Turns the switch of the rule in focus.
pub(super) fn toggle_rule(model: &mut Model) -> Vec<Effect> {
    let Screen::Rules(table) = model.panes.current() else {
        return Vec::new();
    };
    match rules::labels(model).into_iter().nth(table.select.focus) {
        Some(label) => run(model, &["rules.toggle".to_owned(), label]),
        None => Vec::new(),
    }
}

/// Opens a screen of which there is no more than one.
fn replace(model: &mut Model, screen: Screen) {
    let kind = std::mem::discriminant(&screen);
    if std::mem::discriminant(model.panes.current()) == kind {
        return say(model, IS_OPEN);
    }
    model
        .panes
        .retain(|open| std::mem::discriminant(open) != kind);
    open(model, screen);
    nav::settle(model);
}

/// Commands about the list.
fn view(model: &mut Model, call: &Call) -> Option<Done> {
    match call.name() {
        "view.filter.set" => return Some(set_filter(model, call.str(0))),
        "view.order" => {
            let name = model.order().name();
            say(model, name);
        }
        "view.order.set" | "view.order.reverse" => {
            let line = match call.name() {
                "view.order.set" => format!("set view_order {}", lex::quote(call.str(0))),
                _ => format!("set view_order_reversed {}", call.bool(0)),
            };
            return Some(commands::parse(&line).map(|call| vec![Effect::Run(call, None)]));
        }
        "view.properties.inbounds" => {
            let within = usize::try_from(call.int(0)).is_ok_and(|at| at < model.list.page.shown);
            say(model, within.to_string());
        }
        "view.properties.length" => {
            let shown = model.list.page.shown.to_string();
            say(model, shown);
        }
        "view.properties.marked" => {
            let marked = model.list.marked_only.to_string();
            say(model, marked);
        }
        "view.properties.marked.toggle" => {
            model.list.marked_only = !model.list.marked_only;
            say(
                model,
                match model.list.marked_only {
                    true => "only marked flows are shown",
                    false => "flows are shown with and without a mark",
                },
            );
            return Some(Ok(show_list(model)));
        }
        _ => return None,
    }
    Some(Ok(Vec::new()))
}

fn set_filter(model: &mut Model, source: &str) -> Done {
    model.list.filter = match source.trim() {
        "" => None,
        source => {
            let filter = Filter::parse(source, model.look.filters);
            Some(filter.map_err(|error| CommandError::Failed(error.to_string()))?)
        }
    };
    Ok(show_list(model))
}

/// Has the list show what it is to show.
pub(super) fn show_list(model: &mut Model) -> Vec<Effect> {
    model.list.stale = true;
    vec![Effect::View(model.view_settings())]
}

// Commands about flows that this screen has a part in

/// Finds out which flows are meant, unless that is known here.
fn with_flows(model: &mut Model, call: &Call) -> Vec<Effect> {
    let spec = call.flows(0);
    match (spec, model.focused_flow()) {
        (FlowSpec::Focus, Some(id)) => resolved(model, call, Ok(vec![id])),
        (spec, focus) => vec![Effect::Resolve(call.clone(), spec.clone(), focus)],
    }
}

/// Goes on with a command, now that its flows are known.
pub(super) fn resolved(
    model: &mut Model,
    call: &Call,
    ids: Result<Vec<FlowId>, CommandError>,
) -> Vec<Effect> {
    let done = ids.and_then(|ids| on_flows(model, call, &ids));
    done.unwrap_or_else(|error| {
        say_error(model, &error);
        Vec::new()
    })
}

fn on_flows(model: &mut Model, call: &Call, ids: &[FlowId]) -> Done {
    let one = || match ids {
        [id] => Ok(*id),
        _ => {
            let count = ids.len();
            let text = format!("Command requires one flow, specification matched {count}.");
            Err(CommandError::Failed(text))
        }
    };
    match call.name() {
        "console.view.flow" => nav::open_flow(model, one()?),
        "console.bodyview" => return Ok(vec![Effect::ViewBody(one()?, call.str(1) == "response")]),
        "view.settings.getval" => {
            let value = model
                .settings
                .get(one()?, call.str(1))
                .unwrap_or(call.str(2))
                .to_owned();
            say(model, value);
        }
        "view.settings.setval" => {
            for id in ids {
                model.settings.set(*id, call.str(1), call.str(2));
            }
            super::reload(model, true);
        }
        // Bodies are read where somebody looks at them, however long they are.
        "view.settings.setval.toggle" if call.str(1) == "fullcontents" => say(
            model,
            "all of a body can be seen here, however long it is: G goes to its end",
        ),
        "view.settings.setval.toggle" => {
            for id in ids {
                let value = !model.settings.is_true(*id, call.str(1));
                model.settings.set(*id, call.str(1), &value.to_string());
            }
            super::reload(model, true);
        }
        _ => {}
    }
    Ok(Vec::new())
}

/// The value of an option as it is typed at the prompt.
pub(super) fn typed_value(value: &Value) -> Vec<String> {
    match value {
        Value::Bool(value) => vec![value.to_string()],
        Value::Int(value) => vec![value.to_string()],
        Value::OptInt(value) => value.iter().map(ToString::to_string).collect(),
        Value::Str(value) => vec![value.clone()],
        Value::OptStr(value) => value.iter().cloned().collect(),
        Value::List(values) => values.clone(),
    }
}
