//! What the list says while there is nothing to see, or nothing but clients that do not trust the certificate.

use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratel_core::ca::{TRUST_LINES, shell_word, trust_line};
use ratel_flow::FlowError;

use crate::app::ModeInfo;
use crate::keymap::Context;
use crate::model::Model;
use crate::text::{Text, safe};
use crate::theme::{Role, Theme};
use crate::widgets::paint;

/// The port of which `ratel env` need not be told.
const DEFAULT_PORT: &str = "8080";

/// Methods that somebody may look for (RFC 9110 §9, RFC 5789).
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT",
];

/// Paints lines from the row `top` on, those that are too long on more than one row.
pub(crate) fn paint(lines: &[Text], area: Rect, top: usize, buf: &mut Buffer, theme: Theme) {
    let width = usize::from(area.width);
    let rows = lines.iter().flat_map(|line| line.clone().wrap_words(width));
    for (y, row) in (top..usize::from(area.height)).zip(rows) {
        paint::row(buf, area, y, &row, theme);
    }
}

fn line(pieces: &[(Role, &str)]) -> Text {
    let mut line = Text::plain(Role::Text, "  ");
    for (role, piece) in pieces {
        line.push(*role, *piece);
    }
    line
}

/// What can be copied.
fn copied(text: &str) -> Text {
    line(&[(Role::Text, "  "), (Role::Key, text)])
}

/// What is said in the place of rows: why there is none, and what to do.
pub(crate) fn nothing(model: &Model) -> Vec<Text> {
    let (filter, marked) = (&model.list.filter, model.list.marked_only);
    if filter.is_none() && !marked {
        return advice(model);
    }
    let line = |text: &str| Text::plain(Role::Text, format!("  {text}"));
    let mut lines = vec![Text::default()];
    if model.list.page.pending > 0 {
        lines.push(line("Looking through the flows…"));
        return lines;
    }
    match filter {
        Some(filter) => {
            let mut text = Text::plain(Role::Heading, "  No flow matches ");
            text.push_str(Role::Key, filter.source());
            text.push(Role::Heading, if marked { " and has a mark." } else { "." });
            lines.push(text);
            let mut text = Text::plain(Role::Dim, "  That is: ");
            text.push_str(Role::Dim, &filter.to_string());
            lines.push(text);
            lines.extend(as_method(filter.source()));
        }
        None => lines.push(Text::plain(Role::Heading, "  No flow has a mark.")),
    }
    let undo = |command: &str, what: &str| {
        let key = model.keymap.key_of(Context::FlowList, command)?;
        let mut text = Text::plain(Role::Text, "  Press ");
        text.push(Role::Key, key.to_string());
        text.push(Role::Text, what);
        Some(text)
    };
    lines.push(Text::default());
    lines.extend(filter.as_ref().and_then(|_| {
        undo(
            "console.command.set view_filter",
            " to change the filter; an empty one shows all flows.",
        )
    }));
    lines.extend(Some(()).filter(|()| marked).and_then(|()| {
        undo(
            "view.properties.marked.toggle",
            " to see flows without a mark, too.",
        )
    }));
    lines
}

/// How a method is looked for, where one was typed that was taken for a part of URLs.
fn as_method(source: &str) -> Option<Text> {
    let is_method = METHODS
        .iter()
        .any(|name| name.eq_ignore_ascii_case(source.trim()));
    is_method.then(|| {
        let filter = format!("~m {}", source.trim().to_ascii_uppercase());
        line(&[(Role::Text, "For the method write "), (Role::Key, &filter)])
    })
}

/// What to do when there is nothing to see.
fn advice(model: &Model) -> Vec<Text> {
    let mut lines = vec![
        Text::default(),
        Text::plain(Role::Heading, "  No flows yet."),
        Text::default(),
    ];
    for mode in &model.info.modes {
        match &mode.target {
            Some(target) => reverse(mode, target, model, &mut lines),
            None => regular(mode, model, &mut lines),
        }
        lines.push(Text::default());
    }
    lines
}

/// Clients are pointed at an address.
fn reverse(mode: &ModeInfo, target: &str, model: &Model, lines: &mut Vec<Text>) {
    let address = safe(&mode.address_hint);
    let (http, https) = (format!("http://{address}"), format!("https://{address}"));
    lines.push(line(&[
        (Role::Text, "Point your program at "),
        (Role::Key, &http),
        (Role::Text, " (or "),
        (Role::Key, &https),
        (Role::Text, ")"),
    ]));
    lines.push(line(&[
        (Role::Dim, "From there it goes to "),
        (Role::Dim, &safe(target)),
    ]));
    lines.push(line(&[(Role::Text, "For a try, in another terminal:")]));
    lines.push(copied(&format!("curl {http}/")));
    trust(model, lines);
}

/// Clients are told to use a proxy.
fn regular(mode: &ModeInfo, model: &Model, lines: &mut Vec<Text>) {
    let address = safe(&mode.address_hint);
    lines.push(line(&[(Role::Text, "Have your program use this proxy:")]));
    lines.push(copied(&format!(
        "export http_proxy=http://{address} https_proxy=http://{address}"
    )));
    trust(model, lines);
    if let Some(env) = env_command(model) {
        lines.push(line(&[(
            Role::Text,
            "This does both for what is started from a shell:",
        )]));
        lines.push(copied(&env));
    }
    if let Some(host) = &model.info.onboarding_host {
        let url = format!("http://{}", safe(host));
        lines.push(line(&[
            (Role::Text, "A phone that uses this proxy gets that from "),
            (Role::Key, &url),
        ]));
    }
}

fn trust(model: &Model, lines: &mut Vec<Text>) {
    let ca = safe(&model.info.ca_path.to_string_lossy());
    lines.push(line(&[
        (Role::Text, "For https it has to trust "),
        (Role::Key, &ca),
    ]));
}

/// The command that makes the programs of a shell use a proxy and trust it; none where no mode is one.
fn env_command(model: &Model) -> Option<String> {
    let mut modes = model.info.modes.iter();
    let mode = modes.find(|mode| mode.target.is_none())?;
    let port = mode.address_hint.rsplit(':').next().unwrap_or_default();
    let port = match port {
        DEFAULT_PORT => String::new(),
        port => format!(" -p {}", safe(port)),
    };
    Some(format!("eval \"$(ratel env{port}{})\"", confdir(model)))
}

/// The option that names the folder with the certificate, where that is not the usual one.
fn confdir(model: &Model) -> String {
    let folder = model.info.ca_path.parent().unwrap_or(Path::new(""));
    match folder.ends_with(".ratel") || folder.ends_with(".mitmproxy") {
        true => String::new(),
        false => {
            let folder = shell_word(&folder.to_string_lossy());
            format!(" --set confdir={}", safe(&folder))
        }
    }
}

/// What is said below the rows while there are none but those of clients that do not trust the certificate.
pub(crate) fn distrust(model: &Model) -> Option<Vec<Text>> {
    let page = &model.list.page;
    if page.rows.len() < page.shown {
        return None;
    }
    let errors = page.rows.iter().map(|row| row.error.as_ref());
    let errors: Option<Vec<&FlowError>> = errors
        .map(|error| error.filter(|error| error.is_distrust()))
        .collect();
    let last = *errors?.last()?;
    let mut lines = vec![
        Text::default(),
        Text::plain(
            Role::Heading,
            match last.message.starts_with(FlowError::DISTRUST) {
                true => "  The client does not trust Ratel's certificate yet.",
                false => "  The client may not trust Ratel's certificate yet.",
            },
        ),
        Text::default(),
    ];
    if let Some(hint) = &last.hint {
        // How to do without is for later.
        let hint = hint.split("; to pass ").next().unwrap_or(hint);
        lines.push(Text::plain(Role::Text, "  What helps:"));
        lines.push(copied(&safe(hint)));
    }
    lines.extend(general(model));
    if let Some(key) = model.keymap.key_of(Context::FlowList, "console.nav.select") {
        lines.push(Text::default());
        lines.push(line(&[
            (Role::Text, "Press "),
            (Role::Key, &key.to_string()),
            (Role::Text, " on a row for the lines of other programs."),
        ]));
    }
    Some(lines)
}

/// What helps more than one program.
fn general(model: &Model) -> Vec<Text> {
    let mut lines = Vec::new();
    if let Some(env) = env_command(model) {
        lines.push(Text::plain(
            Role::Text,
            "  For all that is started from a shell, in that shell:",
        ));
        lines.push(copied(&env));
    }
    lines.push(Text::plain(
        Role::Text,
        "  For this machine, with its browsers:",
    ));
    lines.push(copied(&format!("ratel ca install{}", confdir(model))));
    lines
}

/// How each program is made to trust the certificate in that file.
pub(crate) fn trust_lines(ca: &Path) -> Vec<Text> {
    let file = safe(&shell_word(&ca.to_string_lossy()));
    let mut lines = vec![
        Text::default(),
        Text::plain(Role::Heading, "How a client is made to trust it"),
    ];
    for (name, command) in TRUST_LINES {
        let mut line = Text::plain(Role::Text, "  ");
        line.push(Role::Name, name);
        line.tab_to(20);
        line.push(Role::Key, trust_line(command, &file));
        lines.push(line);
    }
    lines
}
