//! Text of YAML as a tree, and what of it views make.

use ratel_flow::yaml::{self, Place};

use crate::edit::ReencodeError;

pub(crate) use ratel_flow::yaml::{Node, Resolved, Shape};

/// What views ask of values.
pub(crate) trait NodeExt {
    /// What is wrong with the value.
    fn error(&self, message: impl Into<String>) -> ReencodeError;

    /// A single value as bytes: text as it is written, what is `!binary` from hexadecimal.
    fn bytes(&self) -> Result<Vec<u8>, ReencodeError>;
}

impl NodeExt for Node {
    fn error(&self, message: impl Into<String>) -> ReencodeError {
        ReencodeError::at(self.place, message)
    }

    fn bytes(&self) -> Result<Vec<u8>, ReencodeError> {
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
    let read = yaml::read(text);
    match read.error {
        None => Ok(read.documents),
        Some(error) => Err(ReencodeError::at(error.place, error.with_hint())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Spot, scalar};
    use super::*;

    #[test]
    fn one_document_is_wanted() {
        assert_eq!(
            document("").map(|node| node.resolved() == Some(Resolved::Null)),
            Ok(true)
        );
        for (text, place) in [
            ("a: [1", "line 1"),
            ("a: *x", "line 1, column 4"),
            ("%TAG ! x\n---\na", "line 1"),
            ("a\n---\nb", "line 3, column 1: there is more than one"),
        ] {
            let error = document(text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text:?}: {error}");
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
