//! Text of YAML as a tree, with the places where things stand.

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, options};

use crate::edit::{Place, ReencodeError};

/// Maps and lists within each other. The parser stops a little above.
const DEPTH_MAX: usize = 300;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    /// What stands behind the exclamation mark.
    pub(crate) tag: Option<String>,
    pub(crate) shape: Shape,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// One value; `plain` is without quotes, and may be something else than text.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// Entries in order; a name may come twice.
    Map(Vec<(Node, Node)>),
}

/// What a value without quotes means (§10.3.2).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Resolved<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(&'a str),
}

impl Node {
    /// What is wrong with the value.
    pub(crate) fn error(&self, message: impl Into<String>) -> ReencodeError {
        ReencodeError::at(self.place, message)
    }

    /// The meaning of a single value.
    pub(crate) fn resolved(&self) -> Option<Resolved<'_>> {
        match &self.shape {
            Shape::Scalar { text, plain: true } if self.tag.is_none() => Some(resolve(text)),
            Shape::Scalar { text, .. } => Some(Resolved::Text(text)),
            Shape::List(_) | Shape::Map(_) => None,
        }
    }

    /// A single value as bytes: text as it is written, what is `!binary` from hexadecimal.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, ReencodeError> {
        let text = self
            .text()
            .ok_or_else(|| self.error("this is no single value"))?;
        match self.tag.as_deref() {
            None | Some("str") => Ok(text.as_bytes().to_vec()),
            Some("binary") => {
                super::super::hex::parse(text).map_err(|wrong| self.error(wrong.sentence()))
            }
            Some(tag) => Err(self.error(format!("there is no tag !{tag} here, only !binary"))),
        }
    }

    /// A single value as it is written.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar { text, .. } => Some(text),
            Shape::List(_) | Shape::Map(_) => None,
        }
    }
}

/// Names with their values, in order.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The entries of a map whose values are text, bytes in hexadecimal or lists of them.
pub(crate) fn pairs(text: &str) -> Result<Pairs, ReencodeError> {
    let node = document(text)?;
    let entries = match &node.shape {
        Shape::Map(entries) => entries,
        _ if node.resolved() == Some(Resolved::Null) => return Ok(Vec::new()),
        _ => return Err(node.error("a form is names with their values, 'name: value'")),
    };
    let mut pairs = Vec::new();
    for (name, value) in entries {
        let name = name.bytes()?;
        match &value.shape {
            Shape::List(items) => {
                for item in items {
                    pairs.push((name.clone(), item.bytes()?));
                }
            }
            _ => pairs.push((name, value.bytes()?)),
        }
    }
    Ok(pairs)
}

/// Reads one document; none at all is a null.
pub(crate) fn document(text: &str) -> Result<Node, ReencodeError> {
    let mut documents = documents(text)?.into_iter();
    let first = documents.next().unwrap_or_else(|| Node {
        place: Place { line: 1, column: 1 },
        tag: None,
        shape: Shape::Scalar {
            text: String::new(),
            plain: true,
        },
    });
    match documents.next() {
        None => Ok(first),
        Some(second) => Err(second.error("there is more than one document")),
    }
}

/// Reads all documents, which are separated by `---`.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, ReencodeError> {
    let mut options = options! {
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
        block_scalar_eof_without_line_feed: true,
    };
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event
            .map_err(|error| ReencodeError::at(place(error.marker()), error.kind().to_string()))?;
        builder.take(event, span)?;
    }
    Ok(builder.documents)
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
}

struct Open {
    node: Node,
    /// The name of the entry whose value comes next.
    name: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ReencodeError> {
        let at = place(&span.start);
        let node = |tag: Option<&granit_parser::Tag>, shape| Node {
            place: at,
            tag: tag.map(named),
            shape,
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_anchor(anchor, at)?;
                // A `!` alone makes it text.
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                self.put(node(tag.as_deref(), Shape::Scalar { text, plain }));
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_anchor(anchor, at)?;
                self.open(node(tag.as_deref(), Shape::List(Vec::new())))?;
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_anchor(anchor, at)?;
                self.open(node(tag.as_deref(), Shape::Map(Vec::new())))?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.put(open.node);
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(ReencodeError::at(at, "aliases are not understood here"));
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, node: Node) -> Result<(), ReencodeError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(node.error("this is nested too deep"));
        }
        self.open.push(Open { node, name: None });
        Ok(())
    }

    fn put(&mut self, node: Node) {
        let Some(Open { node: around, name }) = self.open.last_mut() else {
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

fn refuse_anchor(anchor: usize, at: Place) -> Result<(), ReencodeError> {
    if anchor == 0 {
        Ok(())
    } else {
        Err(ReencodeError::at(at, "anchors are not understood here"))
    }
}

/// A tag without its mark: `binary` for `!binary`, `!!binary` and the long form of that.
fn named(tag: &granit_parser::Tag) -> String {
    tag.suffix().to_owned()
}

fn place(marker: &Marker) -> Place {
    Place {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Spot, scalar};
    use super::*;

    fn shown(node: &Node) -> String {
        let tag = node
            .tag
            .as_ref()
            .map(|tag| format!("!{tag} "))
            .unwrap_or_default();
        let shape = match &node.shape {
            Shape::Scalar { .. } => match node.resolved() {
                Some(Resolved::Text(text)) => format!("{text:?}"),
                Some(other) => format!("{other:?}"),
                None => String::new(),
            },
            Shape::List(items) => {
                let items: Vec<_> = items.iter().map(shown).collect();
                format!("[{}]", items.join(", "))
            }
            Shape::Map(entries) => {
                let entries = entries.iter();
                let entries: Vec<_> = entries
                    .map(|(name, value)| format!("{}: {}", shown(name), shown(value)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        };
        tag + &shape
    }

    #[test]
    fn everything_people_write_is_read() {
        for (text, expected) in [
            ("a: 1", r#"{"a": Int(1)}"#),
            ("a:\n- x\n- 'y'\n", r#"{"a": ["x", "y"]}"#),
            ("a:\n  - x\n", r#"{"a": ["x"]}"#),
            (
                "- [1, 2.5, ~]\n- {b: true}",
                r#"[[Int(1), Float(2.5), Null], {"b": Bool(true)}]"#,
            ),
            (
                "a: |-\n  x\n  y\nb: >\n  x\n  y\n",
                r#"{"a": "x\ny", "b": "x y\n"}"#,
            ),
            ("1: !binary 00ff # remark", r#"{Int(1): !binary "00ff"}"#),
            ("!fixed32 1.0", r#"!fixed32 "1.0""#),
            ("!!str 1", r#"!str "1""#),
            ("? [a]\n: b", r#"{["a"]: "b"}"#),
            ("0x1f", "Int(31)"),
            ("-0o17", "Int(-15)"),
            ("012", "Int(12)"),
            ("1e3", "Float(1000.0)"),
            ("-.inf", "Float(-inf)"),
            ("1.2.3", r#""1.2.3""#),
            ("inf", r#""inf""#),
            ("", "Null"),
            ("a: b\na: c", r#"{"a": "b", "a": "c"}"#),
        ] {
            assert_eq!(
                document(text).map(|node| shown(&node)),
                Ok(expected.into()),
                "{text}"
            );
        }
        assert_eq!(documents("a\n---\n\nb\n").map(|all| all.len()), Ok(2));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, place) in [
            ("a: [1", "line 1"),
            ("a: b: c", "line 1"),
            ("a: &x 1\nb: *x", "line 1, column 7: anchors"),
            ("a: *x", "line 1, column 4"),
            ("a: \"\\q\"", "line 1"),
            ("%TAG ! x\n---\na", "line 1"),
            ("a\n---\nb", "line 3, column 1: there is more than one"),
        ] {
            let error = document(text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text:?}: {error}");
        }
        for deep in [
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "? ".repeat(100_000),
            "{a: ".repeat(100_000),
        ] {
            assert!(document(&deep).is_err());
        }
    }

    proptest! {
        /// Any text comes back as it was, in any place.
        #[test]
        fn text_comes_back(
            texts in prop::collection::vec(any_text(), 1..4),
            name in any_text(),
        ) {
            let mut sink = crate::Sink::exact();
            let list = Spot::TOP.entry(0, &scalar(&name), &mut sink);
            for (nth, text) in texts.iter().enumerate() {
                list.item(nth, &mut sink).text(text, "remark", &mut sink);
            }
            let map = Spot::TOP.entry(1, "map", &mut sink);
            for (nth, text) in texts.iter().enumerate() {
                map.entry(nth, &scalar(text), &mut sink).text(text, "", &mut sink);
            }
            let text = sink.into_text();
            let node = document(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            let Shape::Map(entries) = &node.shape else { panic!("{text}") };
            let [(first, list), (_, map)] = &entries[..] else { panic!("{text}") };
            prop_assert_eq!(first.resolved(), Some(Resolved::Text(&name)));
            let Shape::List(items) = &list.shape else { panic!("{text}") };
            let expected: Vec<_> = texts.iter().map(|text| Some(Resolved::Text(text))).collect();
            prop_assert_eq!(items.iter().map(Node::resolved).collect::<Vec<_>>(), expected.clone());
            let Shape::Map(entries) = &map.shape else { panic!("{text}") };
            prop_assert_eq!(entries.iter().map(|(name, _)| name.resolved()).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(entries.iter().map(|(_, value)| value.resolved()).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-?:,\\[\\]{}#&*!|>'\"%@` a1\n~.e+]{0,40}") {
            let _ = documents(&text);
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[-?:,\\[\\]{}#&*!|>'\"%@` a1\n\t~.e+_x0o\r]{0,12}",
            "(true|null|1e5|\\.inf|0x1|2026-01-02|~|<<|=|---|\\.\\.\\.|- a|a: b|a #b)?\n?",
            any::<String>(),
        ]
    }
}
