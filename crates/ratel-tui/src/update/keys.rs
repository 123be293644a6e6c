//! Key bindings that change while the program runs.

use std::path::Path;

use ratel_core::commands::{Call, CommandError, lex};

use crate::keymap::{self, Binding, Context, Key};
use crate::model::{CommandLine, Model, Screen};
use crate::screens;

use super::{nav, prompt, say, say_why};

/// What is said where no binding is in focus.
const NO_BINDING: &str = "there is no binding in focus";

fn contexts(names: &[String]) -> Result<Vec<Context>, CommandError> {
    let known = |name: &String| {
        Context::parse(name).ok_or_else(|| {
            let all: Vec<_> = Context::ALL.iter().map(|context| context.name()).collect();
            CommandError::Failed(format!(
                "Unsupported context: {name}; there are {}",
                all.join(", ")
            ))
        })
    };
    names.iter().map(known).collect()
}

fn key(name: &str) -> Result<Key, CommandError> {
    Key::parse(name).ok_or_else(|| {
        CommandError::Failed(format!(
            "'{name}' is no key; keys are called like a, ctrl f, meta b, page down, f5"
        ))
    })
}

/// `console.key.bind`.
pub(super) fn bind(model: &mut Model, call: &Call) -> Result<(), CommandError> {
    let (contexts, key) = (contexts(call.list(0))?, key(call.str(1))?);
    let command = lex::join(call.rest(2));
    model.keymap.bind(&contexts, key, &command, "");
    nav::settle(model);
    say(model, format!("{key} runs {command}"));
    Ok(())
}

/// `console.key.unbind`.
pub(super) fn unbind(model: &mut Model, call: &Call) -> Result<(), CommandError> {
    let (contexts, key) = (contexts(call.list(0))?, key(call.str(1))?);
    if !model.keymap.unbind(&contexts, key) {
        return Err(CommandError::Failed(format!("{key} is not bound there")));
    }
    nav::settle(model);
    Ok(())
}

fn focused(model: &Model) -> Option<Binding> {
    match model.panes.current() {
        Screen::KeyBindings(table) => screens::keys::rows(model)
            .get(table.select.focus)
            .map(|binding| (*binding).clone()),
        _ => None,
    }
}

/// `console.key.unbind.focus`.
pub(super) fn unbind_focused(model: &mut Model) {
    if let Some(binding) = focused(model) {
        model.keymap.unbind(&binding.contexts, binding.key);
        nav::settle(model);
        say(model, format!("{} is not bound any more", binding.key));
    } else {
        say(model, NO_BINDING);
    }
}

/// `console.key.edit.focus`.
pub(super) fn edit_focused(model: &mut Model) {
    if let Some(binding) = focused(model) {
        let contexts: Vec<_> = binding
            .contexts
            .iter()
            .map(|context| context.name())
            .collect();
        let (contexts, key) = (contexts.join(","), lex::quote(&binding.key.to_string()));
        let line = format!("console.key.bind {contexts} {key} {}", binding.command);
        prompt::open(model, CommandLine::with_cursor_back(&line, 0));
    } else {
        say(model, NO_BINDING);
    }
}

/// `console.key.execute.focus`.
pub(super) fn execute_focused(model: &mut Model) {
    if let Some(binding) = focused(model) {
        prompt::open(model, CommandLine::with_cursor_back(&binding.command, 0));
    } else {
        say(model, NO_BINDING);
    }
}

/// A file with bindings was read.
pub(super) fn read(model: &mut Model, path: &Path, text: Result<String, String>) {
    let errors = match text {
        Ok(text) => keymap::parse(&text, &mut model.keymap),
        Err(why) => {
            return say_why(model, format!("cannot read {}: {why}", path.display()));
        }
    };
    nav::settle(model);
    match errors.as_slice() {
        [] => say(model, format!("read {}", path.display())),
        [error] => say_why(model, format!("{}, {error}", path.display())),
        [error, more @ ..] => {
            let more = more.len();
            say_why(
                model,
                format!("{}, {error}; and {more} more", path.display()),
            );
        }
    }
}
