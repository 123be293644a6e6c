//! What a search through all flows has found: a row for each hit, under the flow that it is in.

use ratatui::Frame;
use ratel_core::search::{Hit, Part};
use ratel_flow::Side;

use crate::model::{FindView, FoundRow, Model};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::table;

/// Columns of the part.
const PART: usize = 17;

/// Bytes before a hit that its row shows.
const BEFORE: usize = 16;

/// Where a hit is.
fn part(part: Part) -> String {
    let of = |side, what| match side {
        Side::Client => format!("request {what}"),
        Side::Server => format!("response {what}"),
    };
    match part {
        Part::Url => "URL".to_owned(),
        Part::Headers(side) => of(side, "header"),
        Part::Informational(_) => "1xx header".to_owned(),
        Part::Trailers(side) => of(side, "trailer"),
        Part::Body(side) => of(side, "body"),
        Part::Message { number, side } => {
            let arrow = if side == Side::Client { "→" } else { "←" };
            format!("message {arrow} {}", number + 1)
        }
    }
}

pub(crate) fn paint(model: &Model, view: &FindView, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let width = usize::from(area.text.width);
    let buf = frame.buffer_mut();
    area.paint_title(buf, &title(view), theme);
    let first = view
        .select
        .visible(view.rows.len(), table::rows_in(area.text.height.into()));
    let row = |at: usize, _: bool| match view.rows.get(at) {
        // The row at the top says whose it is, whatever stands above it.
        Some(row) => line(row, flow_of(view, at, at == first.start), width),
        None => Text::default(),
    };
    let empty = match view.goes_on() {
        true => "   Looking…",
        false if view.stopped => "   Nothing was found before the search was stopped.",
        false => "   It is in no flow.",
    };
    let focused = view.rows.get(view.select.focus);
    let painted = table::Rows {
        len: view.rows.len(),
        row: &row,
        about: focused.map(|row| about(view, row)).unwrap_or_default(),
        empty,
    };
    table::paint(buf, area.text, view.select, &painted, theme);
}

fn title(view: &FindView) -> Text {
    let mut text = Text::plain(Role::Text, " Search for ");
    text.push_str(Role::Text, &view.wanted.needle);
    text.push(Role::Dim, format!(" ({})", view.wanted.kind()));
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let (hits, flows) = (view.rows.len(), view.flows);
    let more = if view.progress.limited {
        "the first "
    } else {
        ""
    };
    text.push(
        Role::Text,
        format!(": {more}{hits} hit{} in {flows} flow{}", s(hits), s(flows)),
    );
    let progress = view.progress;
    if view.goes_on() {
        let done = progress.searched * 100 / progress.total.max(1);
        text.push(Role::Text, format!(", {done} % done"));
    } else if view.stopped {
        text.push(Role::Text, ", stopped");
    }
    text
}

/// What the flow of a row is called; nothing where a visible row above says so.
fn flow_of(view: &FindView, at: usize, always: bool) -> &str {
    let own = view.rows.get(at).and_then(|row| row.flow.as_deref());
    match own {
        Some(flow) => flow,
        None if always => heading(view, at),
        None => "",
    }
}

fn heading(view: &FindView, at: usize) -> &str {
    let mut above = view.rows.get(..=at).unwrap_or_default().iter().rev();
    let flow = above.find_map(|row| row.flow.as_deref());
    flow.unwrap_or_default()
}

fn line(row: &FoundRow, flow: &str, width: usize) -> Text {
    let left = width * 2 / 5;
    let mut text = Text::default();
    text.append_cut(Text::plain(Role::Text, flow), left);
    text.pad_to(left);
    text.push(Role::Text, " ");
    let end = text.width() + PART;
    text.append_cut(Text::plain(Role::Name, part(row.hit.part)), PART - 1);
    text.pad_to(end);
    excerpt(&row.hit, BEFORE, &mut text);
    text
}

/// The hit and what stands around it.
fn excerpt(hit: &Hit, before: usize, text: &mut Text) {
    let start = hit.marked.start.min(hit.snippet.len());
    let end = hit.marked.end.clamp(start, hit.snippet.len());
    let (head, rest) = hit.snippet.split_at(start);
    let (marked, after) = rest.split_at(end - start);
    let mut cut = head.len().saturating_sub(before);
    // Not within a character.
    while head.get(cut).is_some_and(|byte| byte & 0xc0 == 0x80) {
        cut += 1;
    }
    if hit.offset > (head.len() - cut) as u64 {
        text.push(Role::Dim, "…");
    }
    text.push_bytes(Role::Dim, head.get(cut..).unwrap_or_default());
    text.push_bytes(Role::Found, marked);
    if hit.len > marked.len() as u64 {
        text.push(Role::Found, "…");
    }
    text.push_bytes(Role::Dim, after);
}

fn about(view: &FindView, row: &FoundRow) -> Vec<Text> {
    let mut flow = Text::plain(Role::Name, "Flow  ");
    let at = view.select.focus;
    flow.push(Role::Text, heading(view, at));
    let mut place = Text::plain(Role::Name, "Hit   ");
    let as_sent = if row.hit.as_sent {
        ", as it was sent"
    } else {
        ""
    };
    place.push(
        Role::Text,
        format!(
            "{}{as_sent}, {} bytes at {}",
            part(row.hit.part),
            row.hit.len,
            row.hit.offset
        ),
    );
    let mut text = Text::default();
    excerpt(&row.hit, usize::MAX, &mut text);
    vec![flow, place, text]
}
