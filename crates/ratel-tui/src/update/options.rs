//! Options: what a change of them does to the screen, and how they are changed from it.

use std::sync::Arc;

use ratel_core::commands::{self, CommandError, lex};
use ratel_core::options::{self, Default, OptionDef, Value, Values, keys, parse};
use ratel_core::view::Order;

use crate::keymap::{Context, Key};
use crate::model::{CommandLine, Confirm, Grid, GridFor, Layout, Model, Prompt, Screen, ValueEdit};
use crate::msg::Effect;
use crate::screens::{self, flow_list};
use crate::source::Target;
use crate::widgets::line_edit::{Edited, LineEdit};

use super::commands::{run, show_list, typed_value};
use super::{choose, nav, open, prompt, reload, resized, say, say_why};

/// The options are others.
pub(super) fn changed(model: &mut Model, values: Arc<Values>) -> Vec<Effect> {
    let before = std::mem::replace(&mut model.values, values);
    let now = &model.values;
    let mut effects = Vec::new();
    let followed = before.bool(keys::CONSOLE_FOCUS_FOLLOW);
    if followed != now.bool(keys::CONSOLE_FOCUS_FOLLOW) {
        follow(model);
    }
    let now = &model.values;
    let relisted = before.opt_str(keys::VIEW_FILTER) != now.opt_str(keys::VIEW_FILTER);
    let sorted = before.str(keys::VIEW_ORDER) != now.str(keys::VIEW_ORDER)
        || before.bool(keys::VIEW_ORDER_REVERSED) != now.bool(keys::VIEW_ORDER_REVERSED);
    if relisted {
        model.list.filter = model.filter_option();
    }
    let held = |values: &Values| {
        let active = values.bool(keys::INTERCEPT_ACTIVE);
        let filter = values.opt_str(keys::INTERCEPT).map(str::to_owned);
        filter.filter(|_| active)
    };
    let (held_before, holds) = (held(&before), held(now));
    if relisted || sorted {
        effects.extend(show_list(model));
    }
    if held_before != holds && holds.is_some() {
        say_what_is_held(model);
    }
    model.panes.show_both(model.layout() != Layout::Single);
    model.log.stale = true;
    reload(model, true);
    resized(model);
    nav::settle(model);
    effects
}

/// Says how to go on from there when flows begin to be held back.
fn say_what_is_held(model: &mut Model) {
    let keys = [
        ("flow.resume @focus", "lets one go on"),
        ("set intercept_active toggle", "stops holding them"),
    ];
    let said = keys.iter().filter_map(|(command, does)| {
        let key = model.keymap.key_of(Context::FlowList, command)?;
        Some(format!("{key} {does}"))
    });
    let said: Vec<_> = said.collect();
    say(
        model,
        format!("flows that match are held: {}", said.join(", ")),
    );
}

fn follow(model: &mut Model) {
    let text = if model.follows() {
        "following the newest flow"
    } else {
        "no longer following the newest flow"
    };
    if model.follows() && matches!(model.panes.current(), Screen::FlowList) {
        // Where the newest stand, though another may have come last: from a file.
        let reversed = model.values.bool(keys::VIEW_ORDER_REVERSED);
        let target = match (model.order(), reversed) {
            (Order::Time, false) => Target::Last,
            (Order::Time, true) => Target::At(0),
            _ => Target::Newest,
        };
        flow_list::focus(&mut model.list, target);
    }
    say(model, text);
}

/// Opens the prompt for the value of an option, with the value it has.
pub(super) fn ask(model: &mut Model, name: &str) -> Result<(), CommandError> {
    let def = available(name)?;
    let value = model
        .values
        .get(def.name)
        .map(typed_value)
        .unwrap_or_default();
    let value = match value.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        // Several are typed as they are.
        several => {
            let line = format!("{} {} {}", setter(def), def.name, lex::join(several));
            prompt::open(model, CommandLine::with_cursor_back(&line, 0));
            return Ok(());
        }
    };
    let quoted = match lex::quote(&value) {
        quoted if quoted.starts_with(['"', '\'']) => quoted,
        plain => format!("'{plain}'"),
    };
    let line = format!("{} {} {quoted}", setter(def), def.name);
    let command = CommandLine::with_cursor_back(&line, 1);
    let command = CommandLine {
        asked_from: line.len() - quoted.len() + 1,
        ..command
    };
    prompt::open(model, command);
    Ok(())
}

/// The command that changes an option.
fn setter(def: &OptionDef) -> &'static str {
    match def.at_start {
        true => "options.set.next",
        false => "set",
    }
}

fn available(name: &str) -> Result<&'static OptionDef, CommandError> {
    options::find(name).map_err(|error| CommandError::Failed(error.with_hint()))
}

// The screen of options

fn focused(model: &Model) -> Option<&'static OptionDef> {
    match model.panes.current() {
        Screen::Options(view) => screens::options::rows(model, view)
            .get(view.table.select.focus)
            .copied(),
        _ => None,
    }
}

/// Changes the option in focus, in the way that its type wants it.
pub(super) fn change_focused(model: &mut Model) -> Vec<Effect> {
    let Some(def) = focused(model) else {
        return Vec::new();
    };
    if let Err(error) = available(def.name) {
        say(model, error.to_string());
        return Vec::new();
    }
    let value = model.values.get(def.name).cloned();
    match (def.default, value) {
        // There is no file that it could stand in.
        _ if def.name == keys::CONFDIR.name() => {
            say_why(model, "confdir is given at the start: --set confdir=PATH");
        }
        (Default::Bool(_), value) if def.at_start => {
            let other = (value != Some(Value::Bool(true))).to_string();
            let question = format!(
                "It is looked at when Ratel starts. Have {} {other} from the next start on",
                def.name
            );
            let words = [setter(def), def.name, &other].map(str::to_owned);
            model.prompt = Some(Prompt::Confirm(Confirm::Run(question, words.to_vec())));
        }
        (Default::List(_), _) if def.at_start => {
            let line = format!("{} {} ", setter(def), def.name);
            prompt::open(model, CommandLine::with_cursor_back(&line, 0));
        }
        (Default::Bool(_), _) => {
            return run(model, &["set", def.name, "toggle"].map(str::to_owned));
        }
        (Default::List(_), Some(Value::List(texts))) => {
            let rows = texts.into_iter().map(|text| vec![text]).collect();
            let grid = Grid::new(def.name, vec![def.metavar], rows, GridFor::Option(def.name));
            open(model, Screen::Grid(Box::new(grid)));
        }
        (_, value) if !def.choices.is_empty() => {
            let current = value
                .as_ref()
                .map(typed_value)
                .and_then(|typed| typed.into_iter().next());
            let choices = def
                .choices
                .iter()
                .map(|&choice| choice.to_owned())
                .collect();
            let then = ["set", def.name, "{choice}"].map(str::to_owned).to_vec();
            choose::open(model, def.name, choices, current, then);
        }
        (_, value) => {
            let typed = value.as_ref().map(typed_value).unwrap_or_default();
            model.prompt = Some(Prompt::Value(Box::new(ValueEdit {
                option: def.name,
                for_next: def.at_start,
                line: LineEdit::new(typed.into_iter().next().unwrap_or_default()),
                error: None,
            })));
        }
    }
    Vec::new()
}

/// Gives the option in focus its default.
pub(super) fn reset_focused(model: &mut Model) -> Result<Vec<Effect>, CommandError> {
    let Some(def) = focused(model) else {
        return Err(CommandError::failed("there is no option in focus"));
    };
    let call = commands::parse(&format!("options.reset.one {}", def.name))?;
    Ok(vec![Effect::Run(call, None)])
}

/// A key while a value is typed. One that does not fit is not left before it is put right.
pub(super) fn value_key(model: &mut Model, mut edit: Box<ValueEdit>, key: Key) -> Vec<Effect> {
    if key == Key::Named("enter") {
        match value(model, &edit) {
            Ok(words) => {
                return match prompt::written(model, &words) {
                    Some(path) => vec![Effect::Exists(path, words)],
                    None => run(model, &words),
                };
            }
            Err(error) => edit.error = Some(error),
        }
    } else if edit.line.key(key) == Edited::Changed {
        edit.error = None;
    }
    model.prompt = Some(Prompt::Value(edit));
    Vec::new()
}

/// The words that set the option to what was typed.
fn value(model: &Model, edit: &ValueEdit) -> Result<Vec<String>, String> {
    let def = options::find(edit.option).map_err(|error| error.to_string())?;
    let typed = edit.line.text();
    let unset = typed.is_empty() && matches!(def.default, Default::OptStr(_) | Default::OptInt(_));
    let text = (!unset).then_some(typed);
    let value = parse::value_of(def, text, model.values.get(def.name))
        .map_err(|error| error.to_string())?;
    let mut values = Values::clone(&model.values);
    values
        .set(def.name, value)
        .map_err(|error| error.to_string())?;
    let mut words = vec![setter(def).to_owned(), def.name.to_owned()];
    // A backslash that is typed here is one.
    words.extend(text.map(|text| text.replace('\\', "\\\\")));
    Ok(words)
}

/// The texts that an option is to have; none where that needs a command that does not take them.
pub(super) fn set_list(name: &str, texts: &[String]) -> Vec<String> {
    let texts = texts.iter().map(|text| text.replace('\\', "\\\\"));
    ["set".to_owned(), name.to_owned()]
        .into_iter()
        .chain(texts)
        .collect()
}
