//! The help: the keys of the screen it was asked for on, from the table of bindings.

use ratatui::Frame;

use crate::app::ProxyInfo;
use crate::keymap::{self, Binding, Context};
use crate::model::{Help, Model};
use crate::text::{Text, safe};
use crate::theme::Role;
use crate::widgets::pane::Content;
use crate::widgets::{bars, paint};

/// Columns of the keys.
const KEYS: usize = 30;

pub(crate) fn content(context: Context, info: &ProxyInfo) -> Content {
    let is_own = |binding: &Binding| binding.contexts.contains(&context);
    let (own, global): (Vec<_>, Vec<_>) =
        keymap::bindings(context).partition(|(binding, _)| is_own(binding));
    let mut head = vec![Text::plain(
        Role::Heading,
        format!("Keys on this screen ({})", name(context)),
    )];
    head.extend(own.iter().map(|(binding, keys)| line(binding, keys)));
    head.push(Text::default());
    head.push(Text::plain(Role::Heading, "Keys on every screen"));
    head.extend(global.iter().map(|(binding, keys)| line(binding, keys)));
    head.push(Text::default());
    head.push(Text::plain(Role::Heading, "This proxy"));
    head.extend(proxy(info));
    Content {
        head,
        ..Content::default()
    }
}

fn line(binding: &Binding, keys: &[&str]) -> Text {
    let mut line = Text::plain(Role::Text, "  ");
    line.push(Role::Key, keys.join(", "));
    line.tab_to(KEYS);
    line.push(Role::Text, binding.help);
    line
}

fn proxy(info: &ProxyInfo) -> Vec<Text> {
    let mut lines = Vec::new();
    let mut add = |name: &str, value: &str| {
        let mut line = Text::plain(Role::Text, "  ");
        line.push(Role::Name, name);
        line.tab_to(KEYS);
        line.push(Role::Text, safe(value));
        lines.push(line);
    };
    for mode in &info.modes {
        add(&safe(&mode.description), &mode.listen_addrs.join(", "));
    }
    add("certificate to trust", &info.ca_path.to_string_lossy());
    add("version", &info.version);
    lines
}

fn name(context: Context) -> &'static str {
    match context {
        Context::FlowList => "flows",
        Context::FlowView => "flow",
        Context::Messages => "messages",
        Context::Message => "message",
        Context::EventLog => "events",
        Context::Help | Context::Global => "help",
    }
}

pub(crate) fn paint(model: &Model, help: &Help, frame: &mut Frame<'_>) {
    let areas = bars::areas(model);
    let theme = model.theme();
    paint::bar(
        frame.buffer_mut(),
        areas.title,
        0,
        &Text::plain(Role::Text, " Help"),
        Role::Bar,
        theme,
    );
    help.pane.paint(frame.buffer_mut(), areas.text, theme);
}
