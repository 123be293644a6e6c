//! The row that says where one is in the list, and what is not as it is at first.

use ratel_core::options::keys;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::model::Model;
use crate::text::{Text, safe};
use crate::theme::Role;

/// A text is shortened to so many columns before another goes away for it.
const LONG: usize = 24;

/// No text is shortened to less.
const SHORT: usize = 12;

/// Something that is not as it is at first.
struct Flag {
    text: String,
    /// It says what is done to traffic; what only says how flows are shown goes away where there is no room.
    stays: bool,
}

/// `[3/17] [f:~q] [following] [reverse:https://service.dev]            [*:8080]`
pub(crate) fn line(model: &Model, width: usize) -> Text {
    let place = place(model);
    let addrs = addresses(model, width / 2);
    let taken = place.width() + addrs.width() + 1;
    let mut left = place;
    for flag in fitting(flags(model), width.saturating_sub(taken)) {
        left.push_str(&format!(" [{}]", flag.text));
    }
    let mut text = Text::default();
    let left = Text::plain(Role::Text, left);
    let needed = left.width() + 1;
    text.append_cut(left, width);
    if needed + addrs.width() <= width {
        text.pad_to(width - addrs.width());
        text.append_cut(addrs, width);
    }
    text
}

/// Where the focus is, of how many rows.
fn place(model: &Model) -> String {
    let page = &model.list.page;
    let arrow = if model.values.bool(keys::VIEW_ORDER_REVERSED) {
        "⇧"
    } else {
        "⇩"
    };
    let marked = if model.list.marked_only { " M" } else { "" };
    let (at, rows) = match &model.list.tree {
        Some(tree) => (tree.focus.map(|(_, row)| row), tree.total),
        None => (page.focus.map(|(_, at)| at), page.shown),
    };
    let at = at.map_or(0, |at| (at + 1).min(rows));
    // Where nothing is shown, it is said that there is something.
    let hidden = match page.total {
        total if page.shown == 0 && total > 0 => format!(" of {total}"),
        _ => String::new(),
    };
    let mut place = format!(" {arrow}{marked} [{at}/{rows}{hidden}]");
    if model.list.tree.is_some() {
        place.push_str(&format!(" [tree of {}]", page.shown));
    }
    place
}

/// What is listened on, in no more than so many columns.
fn addresses(model: &Model, width: usize) -> Text {
    let modes = model.info.modes.iter();
    let addrs: Vec<_> = modes
        .flat_map(|mode| &mode.listen_addrs)
        .map(|addr| safe(addr))
        .collect();
    let mut text = Text::default();
    if !addrs.is_empty() {
        text.append_cut(
            Text::plain(Role::Text, format!("[{}] ", addrs.join(", "))),
            width,
        );
    }
    text
}

fn flags(model: &Model) -> Vec<Flag> {
    let (values, page) = (&model.values, &model.list.page);
    let mut flags = Vec::new();
    let mut add = |stays: bool, text: Option<String>| {
        flags.extend(text.map(|text| Flag { text, stays }));
    };
    let count = |list: &[String], word: &str| {
        let some = !list.is_empty();
        some.then(|| format!("{word}:{}", list.len()))
    };
    let text =
        |value: Option<&str>, word: &str| value.map(|value| format!("{word}:{}", safe(value)));
    let rules = |options: &[_]| {
        let counts = options.iter().map(|key| values.rules(*key).count());
        counts.sum::<usize>()
    };
    let some = |count: usize, word: &str| (count > 0).then(|| format!("{word}:{count}"));
    for busy in &model.busy {
        add(true, Some(busy.clone()));
    }
    add(
        true,
        (model.held > 0).then(|| format!("{} held", model.held)),
    );
    let filter = model.list.filter.as_ref();
    add(true, text(filter.map(|filter| filter.source()), "f"));
    let pending = (page.pending > 0).then(|| format!("{} to look at", page.pending));
    add(false, pending);
    let highlight = model.list.highlight.as_ref();
    add(false, highlight.map(|text| format!("/{}", safe(text))));
    let active = values.bool(keys::INTERCEPT_ACTIVE);
    let intercept = values.opt_str(keys::INTERCEPT);
    add(true, text(intercept, if active { "i" } else { "Xi" }));
    let headers = rules(&[keys::MODIFY_HEADERS]);
    add(true, (headers > 0).then(|| "Headers".to_owned()));
    let bodies = rules(&[keys::MODIFY_BODY]);
    add(
        true,
        (bodies > 0).then(|| format!("{bodies} body modifications")),
    );
    add(true, some(rules(&[keys::BLOCK_LIST]), "Block"));
    add(
        true,
        some(rules(&[keys::MAP_REMOTE, keys::MAP_LOCAL]), "Map"),
    );
    let faults = rules(&[keys::THROTTLE, keys::FAULT]);
    let are_off = faults > 0 && !values.bool(keys::NETWORK_ACTIVE);
    let off = are_off.then(|| "Faults:off".to_owned());
    add(true, off.or_else(|| some(faults, "Faults")));
    add(true, count(values.list(keys::IGNORE_HOSTS), "Ignore"));
    add(true, count(values.list(keys::ALLOW_HOSTS), "Allow"));
    add(true, count(values.list(keys::TCP_HOSTS), "TCP"));
    add(true, text(values.opt_str(keys::STICKYCOOKIE), "t"));
    add(true, text(values.opt_str(keys::STICKYAUTH), "u"));
    let view = values.str(keys::CONSOLE_DEFAULT_CONTENTVIEW);
    add(
        false,
        text(Some(view).filter(|view| *view != "auto"), "contentview"),
    );
    let order = model.order().name();
    add(
        false,
        text(Some(order).filter(|order| *order != "time"), "o"),
    );
    let (stays, on) = switches(model);
    add(stays, on);
    let evicted = (page.evicted > 0).then(|| format!("{} old flows dropped", page.evicted));
    add(false, evicted);
    add(
        true,
        match model.info.modes.as_slice() {
            [] => None,
            [mode] => Some(safe(&mode.description)),
            modes => Some(format!("{} modes", modes.len())),
        },
    );
    add(true, count(values.list(keys::SCRIPTS), "scripts"));
    add(true, text(values.opt_str(keys::SAVE_STREAM_FILE), "W"));
    flags
}

/// The switches that are on, and whether one of them is about traffic.
fn switches(model: &Model) -> (bool, Option<String>) {
    let values = &model.values;
    let switches = [
        (values.bool(keys::ANTICACHE), true, "anticache"),
        (values.bool(keys::ANTICOMP), true, "anticomp"),
        (values.bool(keys::SHOWHOST), false, "showhost"),
        (!values.bool(keys::SERVER_REPLAY_REFRESH), true, "norefresh"),
        (!values.bool(keys::UPSTREAM_CERT), true, "no-upstream-cert"),
        (model.follows(), false, "following"),
    ];
    let on: Vec<_> = switches.iter().filter(|(on, ..)| *on).collect();
    let names: Vec<_> = on.iter().map(|(.., name)| *name).collect();
    let stays = on.iter().any(|(_, stays, _)| *stays);
    (stays, (!names.is_empty()).then(|| names.join(":")))
}

/// As much of the flags as there is room for: long ones are shortened, then those go that say how flows are shown.
fn fitting(mut flags: Vec<Flag>, room: usize) -> Vec<Flag> {
    let width = |flags: &[Flag]| -> usize { flags.iter().map(|flag| flag.text.width() + 3).sum() };
    shorten(&mut flags, width, room, LONG);
    while width(&flags) > room
        && let Some(last) = flags.iter().rposition(|flag| !flag.stays)
    {
        flags.remove(last);
    }
    shorten(&mut flags, width, room, SHORT);
    flags
}

/// Shortens the longest, down to `least` columns, until all have room.
fn shorten(flags: &mut [Flag], width: impl Fn(&[Flag]) -> usize, room: usize, least: usize) {
    for _ in 0..flags.len() {
        let surplus = width(flags).saturating_sub(room);
        let longest = flags.iter_mut().max_by_key(|flag| flag.text.width());
        let Some(longest) = longest.filter(|flag| surplus > 0 && flag.text.width() > least) else {
            return;
        };
        let to = longest.text.width().saturating_sub(surplus).max(least);
        longest.text = without_middle(&longest.text, to);
    }
}

/// Begin and end of a text, in so many columns.
fn without_middle(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let take = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut left = room;
        let mut taken = Vec::new();
        for c in chars {
            let columns = c.width().unwrap_or(0);
            if columns > left {
                break;
            }
            left -= columns;
            taken.push(c);
        }
        taken
    };
    let mut begin = take(&mut text.chars(), room - room / 2);
    let end = take(&mut text.chars().rev(), room / 2);
    begin.push('…');
    begin.extend(end.into_iter().rev());
    begin.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(text: &str, stays: bool) -> Flag {
        let text = text.to_owned();
        Flag { text, stays }
    }

    #[test]
    fn what_is_done_to_traffic_stays_where_there_is_little_room() {
        let path = "W:/home/somebody/captures/2026/march/flows.mitm";
        let shown = |room| {
            let flags = vec![
                flag("f:~d example.com & ~m POST", true),
                flag("o:size", false),
                flag("following", false),
                flag(path, true),
            ];
            let fitting = fitting(flags, room);
            let texts: Vec<_> = fitting.into_iter().map(|flag| flag.text).collect();
            texts.join(" ")
        };
        let rooms = [100, 80, 60, 40, 0].map(shown);
        insta::assert_snapshot!(rooms.join("\n"), @"
        f:~d example.com & ~m POST o:size following W:/home/somebody/captures/2026/march/flows.mitm
        f:~d example.com & ~m POST o:size following W:/home/someb…ch/flows.mitm
        f:~d example…m & ~m POST W:/home/some…/flows.mitm
        f:~d exampl… & ~m POST W:/hom….mitm
        f:~d e… POST W:/hom….mitm
        ");
    }

    #[test]
    fn texts_are_cut_by_columns() {
        assert_eq!(without_middle("abcdefghij", 10), "abcdefghij");
        assert_eq!(without_middle("abcdefghij", 5), "ab…ij");
        assert_eq!(without_middle("日本語日本語", 6), "日…語");
        assert_eq!(without_middle("abc", 0), "…");
    }
}
