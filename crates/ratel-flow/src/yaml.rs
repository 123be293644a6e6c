//! Text of YAML as a tree whose values know their places.
//!
//! Anchors and aliases are resolved, and a name may come twice in a map: whoever reads the tree knows what is allowed. What
//! is no YAML is told in words for people who write it now and then.

mod error;

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag, options};

pub use error::YamlError;

/// Maps and lists within each other. The parser stops a little above.
const DEPTH_MAX: usize = 300;

/// Values that aliases may stand for, all together.
const COPIES_MAX: usize = 100_000;

/// Where something stands in a text: line and character, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What stands behind the exclamation mark: `binary` for `!binary`, `!!binary` and the long form of that.
    pub tag: Option<String>,
    /// What it is.
    pub shape: Shape,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// One value.
    Scalar {
        /// What is written, without quotes and with its escapes undone.
        text: String,
        /// Whether it is without quotes, so that it may be something else than text.
        plain: bool,
    },
    /// Values in order.
    List(Vec<Node>),
    /// Entries in order; a name may come twice.
    Map(Vec<(Node, Node)>),
}

/// What a value without quotes means (YAML 1.2.2 §10.3.2).
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved<'a> {
    /// Nothing.
    Null,
    /// `true` or `false`; no other word is a Boolean.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// Another number.
    Float(f64),
    /// Anything else.
    Text(&'a str),
}

/// What was read of a text.
#[derive(Debug, Default)]
pub struct Documents {
    /// The documents, which `---` separates. The last one has what came in front of the error, if there was one.
    pub documents: Vec<Node>,
    /// The values with a name (`&name`) that nothing stands for, which may be meant as text.
    pub unused: Vec<Place>,
    /// Why no more was read.
    pub error: Option<YamlError>,
}

/// Reads all documents, as far as they can be read. Of a list that cannot be read to its end, the values that are
/// complete are there; of a map nothing is.
#[must_use]
pub fn read(text: &str) -> Documents {
    let mut options = options! {
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
        block_scalar_eof_without_line_feed: true,
    };
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(YamlError::new(error.kind(), place(error.marker()), text)),
        };
        if let Err(error) = taken {
            builder.open.truncate(1);
            let list = builder.open.pop().map(|open| open.node);
            let list = list.filter(|node| matches!(node.shape, Shape::List(_)));
            builder.documents.extend(list);
            return builder.done(Some(error));
        }
    }
    builder.done(None)
}

impl Node {
    /// The meaning of a single value.
    #[must_use]
    pub fn resolved(&self) -> Option<Resolved<'_>> {
        match &self.shape {
            Shape::Scalar { text, plain: true } if self.tag.is_none() => Some(resolve(text)),
            Shape::Scalar { text, .. } => Some(Resolved::Text(text)),
            Shape::List(_) | Shape::Map(_) => None,
        }
    }

    /// A single value as it is written.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar { text, .. } => Some(text),
            Shape::List(_) | Shape::Map(_) => None,
        }
    }

    /// The entries of a map, those of its merge keys (`<<`) behind its own, unless they have the same names. None if it is no
    /// map.
    #[must_use]
    pub fn entries(&self) -> Option<Vec<(&Self, &Self)>> {
        let Shape::Map(all) = &self.shape else {
            return None;
        };
        let (merges, own): (Vec<_>, Vec<_>) = all
            .iter()
            .map(|(name, value)| (name, value))
            .partition(|(name, _)| name.text() == Some("<<"));
        let mut entries = own;
        for (_, value) in merges {
            let maps = match &value.shape {
                Shape::List(maps) => &maps[..],
                _ => std::slice::from_ref(value),
            };
            for (name, value) in maps.iter().filter_map(Self::entries).flatten() {
                if !entries.iter().any(|(known, _)| known.text() == name.text()) {
                    entries.push((name, value));
                }
            }
        }
        Some(entries)
    }

    /// How many values it is, itself and all within.
    fn count(&self) -> usize {
        1 + match &self.shape {
            Shape::Scalar { .. } => 0,
            Shape::List(items) => items.iter().map(Self::count).sum(),
            Shape::Map(entries) => entries
                .iter()
                .map(|(name, value)| name.count() + value.count())
                .sum(),
        }
    }
}

/// What a value means that stands there without quotes.
fn resolve(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        _ => {}
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let signed = |number: i128| if negative { -number } else { number };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Resolved::Float(if negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    let of_base = |prefix: &str, base: u32| {
        let digits = digits.strip_prefix(prefix)?;
        let good = digits.starts_with(|c: char| c.is_digit(base));
        good.then(|| i128::from_str_radix(digits, base).ok())?
    };
    if digits.starts_with(|c: char| c.is_ascii_digit())
        && let Ok(number) = digits.parse::<i128>()
    {
        return Resolved::Int(signed(number));
    }
    if let Some(number) = of_base("0x", 16).or_else(|| of_base("0o", 8)) {
        return Resolved::Int(signed(number));
    }
    let is_float = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit());
    match text.parse::<f64>() {
        Ok(number) if is_float => Resolved::Float(number),
        _ => Resolved::Text(text),
    }
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    /// Lists and maps that are open, the outermost first.
    open: Vec<Open>,
    /// Values that have a name, complete ones.
    anchors: HashMap<usize, Node>,
    /// Where those are that no alias has stood for.
    unused: HashMap<usize, Place>,
    /// Values that aliases have stood for.
    copies: usize,
}

struct Open {
    node: Node,
    anchor: usize,
    /// The name of the entry whose value comes next.
    name: Option<Node>,
}

impl Builder {
    fn done(self, error: Option<YamlError>) -> Documents {
        let mut unused: Vec<Place> = self.unused.into_values().collect();
        unused.sort_unstable();
        Documents {
            documents: self.documents,
            unused,
            error,
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let at = place(&span.start);
        let node = |tag: Option<&Tag>, shape| Node {
            place: at,
            tag: tag.map(|tag| tag.suffix().to_owned()),
            shape,
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // A `!` alone makes it text.
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                self.put(node(tag.as_deref(), Shape::Scalar { text, plain }), anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(node(tag.as_deref(), Shape::List(Vec::new())), anchor)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(node(tag.as_deref(), Shape::Map(Vec::new())), anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.put(open.node, open.anchor);
                }
            }
            Event::Alias(anchor) => {
                // It is not there within itself.
                let named = self.anchors.get(&anchor);
                let named = named.ok_or_else(|| YamlError::no_anchor(at))?;
                self.copies += named.count();
                if self.copies > COPIES_MAX {
                    return Err(YamlError::too_many_copies(at));
                }
                let copy = named.clone();
                self.unused.remove(&anchor);
                self.put(copy, 0);
            }
            Event::UnresolvedAlias(_) => return Err(YamlError::no_anchor(at)),
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(YamlError::too_deep(node.place));
        }
        self.open.push(Open {
            node,
            anchor,
            name: None,
        });
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
            self.unused.insert(anchor, node.place);
        }
        let Some(Open {
            node: around, name, ..
        }) = self.open.last_mut()
        else {
            return self.documents.push(node);
        };
        match &mut around.shape {
            Shape::List(items) => items.push(node),
            Shape::Map(entries) => match name.take() {
                Some(name) => entries.push((name, node)),
                None => *name = Some(node),
            },
            Shape::Scalar { .. } => {}
        }
    }
}

fn place(marker: &Marker) -> Place {
    Place {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

#[cfg(test)]
mod tests;
