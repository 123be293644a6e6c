//! Which lines of a document belong together, so that a screen can show one of them for all.

use super::{Class, Document, Line};

/// A line below which others can be hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fold {
    /// The line that stays, counted from 0.
    pub start: usize,
    /// The last line that is hidden.
    pub end: usize,
}

/// How lines say that they belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// By brackets at the ends of lines.
    Brackets,
    /// By how far they are indented.
    Indented,
    /// Not at all.
    Flat,
}

impl Shape {
    fn of(view_name: &str) -> Self {
        match view_name {
            "JSON" | "NDJSON" | "GraphQL" | "SSE" | "Socket.IO" | "CSS" | "JavaScript" => {
                Self::Brackets
            }
            "Raw" | "Hex Dump" | "Hex Stream" => Self::Flat,
            _ => Self::Indented,
        }
    }
}

/// A line below which there may be others.
struct Open {
    line: usize,
    indent: usize,
    bracket: bool,
    /// It ends with a colon, as the name of a list does.
    colon: bool,
    /// It is an item of a list.
    item: bool,
}

impl Document {
    /// Where lines can be folded, in the order of their starts: objects and lists of JSON, elements of XML, entries of
    /// YAML with what is below them, blocks of code. This takes time in proportion to the lines.
    #[must_use]
    pub fn folds(&self) -> Vec<Fold> {
        let shape = Shape::of(self.view_name);
        if shape == Shape::Flat {
            return Vec::new();
        }
        let mut folds = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        let (mut last, mut goes_on) = (0, false);
        for (nth, line) in self.lines.iter().enumerate() {
            let is_rest = std::mem::replace(&mut goes_on, line.goes_on);
            let text = Start::of(line);
            if is_rest || text.is_empty {
                // What closes may stand below an empty line.
                if is_rest {
                    last = nth;
                }
                continue;
            }
            let closes = shape == Shape::Brackets && text.closes;
            if closes {
                while let Some(top) = open.pop() {
                    let end = if top.bracket { nth } else { last };
                    put(&mut folds, top.line, end);
                    if top.bracket {
                        break;
                    }
                }
            } else {
                while let Some(top) = open.pop_if(|top| !top.bracket && is_over(top, &text)) {
                    let is_end_tag = text.end_tag && top.indent == text.indent;
                    put(&mut folds, top.line, if is_end_tag { nth } else { last });
                }
            }
            last = nth;
            let bracket = shape == Shape::Brackets && opens(line);
            if !closes || bracket {
                open.push(Open {
                    line: nth,
                    indent: text.indent,
                    bracket,
                    colon: text.colon,
                    item: text.item,
                });
            }
        }
        for top in open {
            put(&mut folds, top.line, last);
        }
        folds.sort_unstable();
        folds
    }
}

fn put(folds: &mut Vec<Fold>, start: usize, end: usize) {
    if end > start {
        folds.push(Fold { start, end });
    }
}

/// Whether nothing below a line belongs to it any more. Items of a list stand right below its name.
fn is_over(top: &Open, line: &Start) -> bool {
    let is_item_of = line.item && top.colon && !top.item && top.indent == line.indent;
    line.indent <= top.indent && !is_item_of
}

/// What a line begins and ends with.
struct Start {
    indent: usize,
    is_empty: bool,
    closes: bool,
    end_tag: bool,
    item: bool,
    colon: bool,
}

impl Start {
    fn of(line: &Line) -> Self {
        let mut indent = 0;
        let mut first = None;
        for span in &line.spans {
            let rest = span.text.trim_start_matches(' ');
            indent += span.text.len() - rest.len();
            if !rest.is_empty() {
                first = Some((span.class, rest));
                break;
            }
        }
        let (class, text) = first.unwrap_or_default();
        let content = line.spans.iter().rev();
        let mut content = content.filter(|span| span.class != Class::Comment);
        Self {
            indent,
            is_empty: first.is_none(),
            closes: class == Class::Plain && text.starts_with(['}', ']', ')']),
            end_tag: text.starts_with("</"),
            item: text.starts_with("- "),
            colon: content
                .next()
                .is_some_and(|span| span.text.trim_end().ends_with(':')),
        }
    }
}

fn opens(line: &Line) -> bool {
    line.spans.last().is_some_and(|span| {
        span.class == Class::Plain && span.text.trim_end().ends_with(['{', '[', '('])
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::{ViewInput, render};

    fn folds(view: &str, data: &[u8]) -> Vec<(usize, usize)> {
        let input = ViewInput {
            data,
            complete: true,
            content_type: Some("multipart/form-data; boundary=x"),
            max_lines: usize::MAX,
            ..ViewInput::default()
        };
        let folds = render(Some(view), &input).folds();
        folds.iter().map(|fold| (fold.start, fold.end)).collect()
    }

    #[test]
    fn lines_fold_by_what_they_hold() {
        for (view, data, expected) in [
            (
                "json",
                &b"{\"a\":[1,{\"b\":\"{\"}],\"c\":{},\"d\":1}"[..],
                vec![(0, 9), (1, 6), (3, 5)],
            ),
            ("json", b"[1,[2", vec![(0, 4), (2, 4)]),
            ("json", b"1", vec![]),
            (
                "javascript",
                b"if(a){b()}else{c(`\n{`)}",
                vec![(0, 2), (2, 5)],
            ),
            (
                "css",
                b"a{b:c}\n@media x{d{e:f}}",
                vec![(0, 2), (4, 8), (5, 7)],
            ),
            (
                "xml/html",
                b"<a><b><c>1</c></b><d/></a>",
                vec![(0, 5), (1, 3)],
            ),
            // a: list of 1 and a map, b: text of two lines.
            (
                "msgpack",
                b"\x82\xa1a\x92\x01\x82\xa1x\x01\xa1y\x90\xa1b\xa3u\nv",
                vec![(0, 3), (2, 3), (4, 6)],
            ),
            ("protobuf", b"\x0a\x02\x08\x01\x12\x00", vec![(0, 1)]),
            ("raw", b"a\n  b\n", vec![]),
            (
                "multipart form",
                b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\n\n2\r\n--x--",
                vec![(0, 3)],
            ),
        ] {
            assert_eq!(
                folds(view, data),
                expected,
                "{view} {}",
                data.escape_ascii()
            );
        }
    }

    #[test]
    fn deep_nesting_folds_at_every_level() {
        let deep = [b"[".repeat(1000), b"]".repeat(1000)].concat();
        let found = folds("json", &deep);
        assert_eq!((found.len(), found.first()), (999, Some(&(0, 1998))));
    }
}
