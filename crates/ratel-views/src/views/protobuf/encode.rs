//! YAML as protobuf: by the schema where there is one, else by what tags and values say.

mod number;

use prost_reflect::{Kind, MessageDescriptor};

use super::super::hex;
use super::super::yaml::{Node, NodeExt, Resolved, Shape};
use super::fields::named_by;
use super::known::Known;
use crate::ReencodeError;
use number::{
    BYTES, END_GROUP, FIXED32, FIXED64, START_GROUP, VARINT, narrow, range, scalar, varint, wide,
    zigzag,
};

/// Field numbers go to this one.
const MAX_NUMBER: u32 = (1 << 29) - 1;

/// A message with all that is in it.
pub(crate) fn encode(
    node: &Node,
    schema: Option<&MessageDescriptor>,
) -> Result<Vec<u8>, ReencodeError> {
    let mut out = Vec::new();
    message(node, schema, &mut out)?;
    Ok(out)
}

/// As deep as the reader of YAML lets it be.
fn message(
    node: &Node,
    schema: Option<&MessageDescriptor>,
    out: &mut Vec<u8>,
) -> Result<(), ReencodeError> {
    let entries = match &node.shape {
        Shape::Map(entries) => entries,
        Shape::Scalar { .. } if node.resolved() == Some(Resolved::Null) => return Ok(()),
        _ => {
            return Err(node
                .error("a message is fields with their values, 'name: value' or 'number: value'"));
        }
    };
    let any = schema.and_then(|schema| any(schema, entries));
    for (name, value) in entries {
        let field = Field::of(name, schema)?;
        field.write(value, any.as_ref(), out)?;
    }
    Ok(())
}

/// In a `google.protobuf.Any`, the message that its `value` is.
fn any(schema: &MessageDescriptor, entries: &[(Node, Node)]) -> Option<MessageDescriptor> {
    if schema.full_name() != "google.protobuf.Any" {
        return None;
    }
    let url = entries
        .iter()
        .find(|(name, _)| matches!(name.text(), Some("type_url" | "typeUrl" | "1")))?;
    named_by(schema, url.1.text()?)
}

/// A field that is named by an entry.
struct Field {
    number: u32,
    known: Option<Known>,
    /// It is known, and was called by its number: its value may be something else than the schema says.
    by_number: bool,
}

impl Field {
    fn of(name: &Node, schema: Option<&MessageDescriptor>) -> Result<Self, ReencodeError> {
        match name.resolved() {
            Some(Resolved::Int(number)) => {
                let number = u32::try_from(number).ok();
                let number = number.filter(|number| (1..=MAX_NUMBER).contains(number));
                let number = number.ok_or_else(|| {
                    name.error(format!("fields have numbers from 1 to {MAX_NUMBER}"))
                })?;
                Ok(Self {
                    number,
                    known: schema.and_then(|schema| Known::of_number(schema, number)),
                    by_number: true,
                })
            }
            Some(Resolved::Null) | None => Err(name.error("this is no field")),
            Some(_) => {
                let text = name.text().unwrap_or_default();
                let schema = schema.ok_or_else(|| {
                    name.error(format!(
                        "'{text}' is no number, and there is no schema with names"
                    ))
                })?;
                let known = Known::of_name(schema, text).ok_or_else(|| {
                    name.error(format!("{} has no field '{text}'", schema.full_name()))
                })?;
                Ok(Self {
                    number: known.number,
                    known: Some(known),
                    by_number: false,
                })
            }
        }
    }

    fn write(
        &self,
        value: &Node,
        any: Option<&MessageDescriptor>,
        out: &mut Vec<u8>,
    ) -> Result<(), ReencodeError> {
        match &value.shape {
            Shape::List(items) => {
                if let Some(tag) = &value.tag {
                    return Err(value.error(format!("a list has no tag !{tag}")));
                }
                let packed = self.known.as_ref().filter(|known| known.is_packed);
                let mut values = Vec::new();
                let all = packed.is_some_and(|known| {
                    items.iter().all(|item| {
                        item.tag.is_none() && scalar(&known.kind, item, &mut values).is_ok()
                    })
                });
                if all {
                    self.bytes(&values, out);
                    return Ok(());
                }
                for item in items {
                    if matches!(item.shape, Shape::List(_)) {
                        return Err(item.error("there are no lists of lists"));
                    }
                    self.one(item, any, out)?;
                }
                Ok(())
            }
            Shape::Map(entries) if value.tag.is_none() && self.is_map() => {
                let entry = self.known.as_ref().and_then(Known::entry);
                let Some((key, of_value)) = entry else {
                    return self.one(value, any, out);
                };
                for (name, value) in entries {
                    let mut pair = Vec::new();
                    Self::known(key.number, &key).one(name, None, &mut pair)?;
                    // Its own list would be a second map.
                    Self::known(of_value.number, &of_value).one(value, None, &mut pair)?;
                    self.bytes(&pair, out);
                }
                Ok(())
            }
            _ => self.one(value, any, out),
        }
    }

    fn known(number: u32, known: &Known) -> Self {
        Self {
            number,
            known: Some(Known {
                name: known.name.clone(),
                kind: known.kind.clone(),
                ..*known
            }),
            by_number: false,
        }
    }

    fn is_map(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.is_map)
    }

    /// Writes one value, which is no list.
    fn one(
        &self,
        value: &Node,
        any: Option<&MessageDescriptor>,
        out: &mut Vec<u8>,
    ) -> Result<(), ReencodeError> {
        if let Some(tag) = value.tag.as_deref() {
            return self.tagged(tag, value, out);
        }
        let Some(known) = &self.known else {
            return self.guessed(value, out);
        };
        let written = self.typed(known, value, any, out);
        if written.is_err() && self.by_number {
            return self.guessed(value, out);
        }
        written
    }

    /// Writes a value as the schema says.
    fn typed(
        &self,
        known: &Known,
        value: &Node,
        any: Option<&MessageDescriptor>,
        out: &mut Vec<u8>,
    ) -> Result<(), ReencodeError> {
        match &known.kind {
            Kind::Message(schema) => {
                let mut nested = Vec::new();
                message(value, Some(schema), &mut nested)?;
                if known.is_group {
                    self.group(&nested, out);
                } else {
                    self.bytes(&nested, out);
                }
                Ok(())
            }
            Kind::Bytes if any.is_some() && matches!(value.shape, Shape::Map(_)) => {
                let mut nested = Vec::new();
                message(value, any, &mut nested)?;
                self.bytes(&nested, out);
                Ok(())
            }
            Kind::String | Kind::Bytes => {
                let text = value
                    .text()
                    .ok_or_else(|| value.error(format!("'{}' is text", known.name)))?;
                self.bytes(text.as_bytes(), out);
                Ok(())
            }
            kind => {
                let mut bytes = Vec::new();
                let wire_type = scalar(kind, value, &mut bytes)?;
                self.tag(wire_type, out);
                out.extend(bytes);
                Ok(())
            }
        }
    }

    /// Writes a value by what it is.
    fn guessed(&self, value: &Node, out: &mut Vec<u8>) -> Result<(), ReencodeError> {
        let mut nested = Vec::new();
        match value.resolved() {
            None => {
                message(value, None, &mut nested)?;
                self.bytes(&nested, out);
            }
            // A field that is not there.
            Some(Resolved::Null) => {}
            Some(Resolved::Bool(value)) => {
                self.tag(VARINT, out);
                out.push(u8::from(value));
            }
            Some(Resolved::Int(number)) => {
                self.tag(VARINT, out);
                varint(wide(value, number)?, out);
            }
            Some(Resolved::Float(number)) => {
                self.tag(FIXED64, out);
                out.extend(number.to_bits().to_le_bytes());
            }
            Some(Resolved::Text(text)) => self.bytes(text.as_bytes(), out),
        }
        Ok(())
    }

    /// Writes a value that says itself of what type it is.
    fn tagged(&self, tag: &str, value: &Node, out: &mut Vec<u8>) -> Result<(), ReencodeError> {
        let resolved = value.text().map(|_| Node {
            tag: None,
            ..value.clone()
        });
        let resolved = resolved.as_ref().and_then(Node::resolved);
        match (tag, resolved) {
            ("binary", Some(_)) => {
                let text = value.text().unwrap_or_default();
                let bytes = hex::parse(text).map_err(|wrong| value.error(wrong.sentence()))?;
                self.bytes(&bytes, out);
            }
            ("str", Some(_)) => self.bytes(value.text().unwrap_or_default().as_bytes(), out),
            ("message", None) => {
                let plain = Node {
                    tag: None,
                    ..value.clone()
                };
                let mut nested = Vec::new();
                message(&plain, None, &mut nested)?;
                self.bytes(&nested, out);
            }
            ("group", resolved) => {
                let mut nested = Vec::new();
                if resolved != Some(Resolved::Null) {
                    let plain = Node {
                        tag: None,
                        ..value.clone()
                    };
                    let schema = self.known.as_ref().and_then(|known| match &known.kind {
                        Kind::Message(schema) if known.is_group => Some(schema),
                        _ => None,
                    });
                    message(&plain, schema, &mut nested)?;
                }
                self.group(&nested, out);
            }
            ("varint", Some(Resolved::Int(number))) => {
                self.tag(VARINT, out);
                varint(wide(value, number)?, out);
            }
            ("sint", Some(Resolved::Int(number))) => {
                let number = i64::try_from(number).map_err(|_| range(value, "sint64"))?;
                self.tag(VARINT, out);
                varint(zigzag(number), out);
            }
            ("fixed32", Some(Resolved::Int(number))) => {
                let bits = u32::try_from(number)
                    .or_else(|_| i32::try_from(number).map(i32::cast_unsigned))
                    .map_err(|_| range(value, "fixed32"))?;
                self.tag(FIXED32, out);
                out.extend(bits.to_le_bytes());
            }
            ("fixed32", Some(Resolved::Float(number))) => {
                self.tag(FIXED32, out);
                out.extend(narrow(value, number)?.to_bits().to_le_bytes());
            }
            ("fixed64", Some(Resolved::Int(number))) => {
                self.tag(FIXED64, out);
                out.extend(wide(value, number)?.to_le_bytes());
            }
            ("fixed64", Some(Resolved::Float(number))) => {
                self.tag(FIXED64, out);
                out.extend(number.to_bits().to_le_bytes());
            }
            ("varint" | "sint" | "fixed32" | "fixed64", _) => {
                return Err(value.error(format!("!{tag} stands before a number")));
            }
            _ => {
                return Err(value.error(format!(
                    "there is no tag !{tag}; there are !binary, !fixed32, !fixed64, !group, !message, !sint, !str and !varint"
                )));
            }
        }
        Ok(())
    }

    fn tag(&self, wire_type: u8, out: &mut Vec<u8>) {
        varint(u64::from(self.number) << 3 | u64::from(wire_type), out);
    }

    fn bytes(&self, data: &[u8], out: &mut Vec<u8>) {
        self.tag(BYTES, out);
        varint(data.len() as u64, out);
        out.extend_from_slice(data);
    }

    fn group(&self, fields: &[u8], out: &mut Vec<u8>) {
        self.tag(START_GROUP, out);
        out.extend_from_slice(fields);
        self.tag(END_GROUP, out);
    }
}
