//! Text by its lines.

use std::time::Instant;

use bytes::Bytes;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::{Change, LINES_MAX, Line};

/// So many lines that are the same are given before and after those that are not.
const CONTEXT: usize = 3;

/// A longer line is cut, in bytes.
const LINE_MAX: usize = 4096;

pub(super) fn diff(old: &str, new: &str, until: Instant) -> Vec<Line> {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(until));
    let groups = similar::group_diff_ops(ops, CONTEXT);
    let mut lines = Vec::new();
    for group in groups {
        if let Some(first) = group.first() {
            let at = first.old_range().start + 1;
            lines.push(Line::remark(format!("line {at}")));
        }
        for op in group {
            let (removed, added) = (op.old_range(), op.new_range());
            if let DiffOp::Equal { .. } = op {
                lines.extend(put(Change::Same, old.get(removed)));
            } else {
                lines.extend(put(Change::Removed, old.get(removed)));
                lines.extend(put(Change::Added, new.get(added)));
            }
            if lines.len() > LINES_MAX {
                lines.truncate(LINES_MAX);
                lines.push(Line::remark("and more"));
                return lines;
            }
        }
    }
    lines
}

fn put<'a>(change: Change, lines: Option<&'a [&'a str]>) -> impl Iterator<Item = Line> + 'a {
    let lines = lines.unwrap_or_default().iter().take(LINES_MAX);
    lines.map(move |line| {
        let text = line.strip_suffix('\n').unwrap_or(line);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let cut = text.floor_char_boundary(LINE_MAX);
        Line::new(
            change,
            Bytes::copy_from_slice(text.as_bytes().get(..cut).unwrap_or_default()),
        )
    })
}
