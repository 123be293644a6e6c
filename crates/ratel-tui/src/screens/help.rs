//! The help: what keys do on the screen it was asked for on, how filters are written, and the proxy.

use ratatui::Frame;
use ratel_flow::filter;

use crate::app::ProxyInfo;
use crate::keymap::{Context, Line};
use crate::model::{Help, Model};
use crate::text::{Text, safe};
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::pane::Content;

/// Columns of the keys.
const KEYS: usize = 24;

/// Of the screen in focus.
pub(crate) fn content(model: &Model) -> Content {
    let context = model.context();
    let mut lines = model.keymap.on(context);
    // What is not there yet is not offered, unless somebody has bound it.
    lines.retain(|line| line.binding.own || line.binding.is_usable());
    let (own, global): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.place != Context::Global);
    let mut head = vec![Text::plain(
        Role::Heading,
        format!("Keys on this screen ({})", context.title()),
    )];
    head.extend(own.into_iter().map(line));
    head.push(Text::default());
    head.push(Text::plain(Role::Heading, "Keys on every screen"));
    head.extend(global.into_iter().map(line));
    head.push(Text::default());
    head.push(Text::plain(Role::Heading, "Filter expressions"));
    head.extend(
        filter::help()
            .iter()
            .map(|help| row(&help.syntax, help.description)),
    );
    head.push(Text::default());
    head.push(Text::plain(Role::Heading, "This proxy"));
    head.extend(proxy(&model.info));
    Content {
        head,
        ..Content::default()
    }
}

fn line(line: &Line<'_>) -> Text {
    let keys: Vec<_> = line.keys.iter().map(ToString::to_string).collect();
    let binding = line.binding;
    let mut text = Text::plain(Role::Text, "  ");
    text.push(Role::Key, keys.join(", "));
    text.tab_to(KEYS);
    let usable = binding.is_usable();
    let role = if usable { Role::Text } else { Role::Dim };
    // Bindings of the user's own may have no words.
    let words = if binding.help.is_empty() {
        &binding.command
    } else {
        &binding.help
    };
    text.push_str(role, words);
    if !usable {
        text.push(Role::Dim, " (not available yet)");
    }
    text
}

fn row(name: &str, words: &str) -> Text {
    let mut text = Text::plain(Role::Text, "  ");
    text.push_str(Role::Key, name);
    text.tab_to(KEYS);
    text.push_str(Role::Text, words);
    text
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

pub(crate) fn paint(model: &Model, help: &Help, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let buf = frame.buffer_mut();
    area.paint_title(
        buf,
        &Text::plain(Role::Text, " Help (/ searches, q closes)"),
        theme,
    );
    help.pane.paint(buf, area.text, theme);
}
