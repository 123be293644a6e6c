//! The fields of a message, read in one pass, groups in each other included.

use super::wire::{Field, Reader, Stop, Value};

/// Why the fields from some byte on cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// What is wrong.
    pub(crate) why: &'static str,
    /// From which byte of the message on.
    pub(crate) at: usize,
}

impl Broken {
    /// What is wrong, and where.
    pub(crate) fn sentence(self) -> String {
        format!("{}, at byte {}", self.why, self.at)
    }
}

/// A field, or the beginning of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) number: u32,
    pub(super) content: Content<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    /// A number, or bytes after their length.
    Value(Value<'a>),
    /// A group, whose entries are so many of those that follow. Its end may not be here.
    Group { entries: usize, cut: bool },
}

/// A field of a message, with the entries that are in it if it is a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'e, 'a> {
    pub(super) entry: Entry<'a>,
    pub(super) within: &'e [Entry<'a>],
}

impl<'a> Part<'_, 'a> {
    /// What stands after a length, and how much of it is missing.
    pub(super) fn bytes(&self) -> Option<(&'a [u8], u64)> {
        match self.entry.content {
            Content::Value(Value::Bytes { data, missing }) => Some((data, missing)),
            _ => None,
        }
    }
}

/// The fields among the entries; those of groups belong to these.
pub(super) fn parts<'e, 'a>(entries: &'e [Entry<'a>]) -> Vec<Part<'e, 'a>> {
    let mut parts = Vec::new();
    let mut rest = entries;
    while let Some((entry, after)) = rest.split_first() {
        let len = match entry.content {
            Content::Group { entries, .. } => entries.min(after.len()),
            Content::Value(_) => 0,
        };
        let (within, after) = after.split_at(len);
        parts.push(Part {
            entry: *entry,
            within,
        });
        rest = after;
    }
    parts
}

/// The fields of a message, at most `left` of them, those of groups after their beginnings; how the message ends.
pub(super) fn entries<'a>(
    data: &'a [u8],
    cut: bool,
    left: &mut usize,
) -> (Vec<Entry<'a>>, Result<(), Broken>) {
    let mut reader = Reader::new(data);
    let mut entries: Vec<Entry<'a>> = Vec::new();
    // The groups that are open: which entries they are, and where they begin.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut end = Ok(());
    while *left > 0 {
        let at = data.len() - reader.rest().len();
        let Field { number, value } = match reader.next() {
            None => break,
            Some(Ok(field)) => field,
            Some(Err(Stop::Cut)) if cut => break,
            Some(Err(stop)) => {
                let why = stop.why();
                end = Err(Broken { why, at });
                break;
            }
        };
        if value == Value::EndGroup {
            let begun = open.pop().and_then(|(nth, _)| {
                let fields = entries.len() - nth - 1;
                let group = entries.get_mut(nth)?;
                let same = group.number == number;
                same.then(|| {
                    group.content = Content::Group {
                        entries: fields,
                        cut: false,
                    }
                })
            });
            if begun.is_none() {
                let why = "a group ends that has not begun";
                end = Err(Broken { why, at });
                break;
            }
            continue;
        }
        *left -= 1;
        let content = match value {
            Value::StartGroup => {
                open.push((entries.len(), at));
                Content::Group {
                    entries: 0,
                    cut: true,
                }
            }
            value => Content::Value(value),
        };
        entries.push(Entry { number, content });
    }
    let len = entries.len();
    for (nth, _) in &open {
        if let Some(group) = entries.get_mut(*nth) {
            let entries = len - nth - 1;
            group.content = Content::Group { entries, cut: true };
        }
    }
    // Nobody knows where a group ends that does not, so that it is none.
    if let (Some((nth, at)), false, Ok(())) = (open.first(), cut || *left == 0, end) {
        entries.truncate(*nth);
        let (why, at) = ("a group has no end", *at);
        end = Err(Broken { why, at });
    }
    (entries, end)
}
