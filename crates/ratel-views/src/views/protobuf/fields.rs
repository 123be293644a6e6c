//! Fields of a protobuf message, one a line, nested ones indented.

use prost_reflect::{Kind, MessageDescriptor};

use super::value::{self, Guess, Scalar};
use super::wire::{Field, Reader, Stop, Value};
use crate::{Class, Sink};

/// Messages are shown to this depth, as deep as most receivers read; what is deeper is shown as bytes.
const MAX_DEPTH: usize = 100;

/// So many fields and packed values of one message are shown, to bound memory.
const MAX_FIELDS: usize = 50_000;

/// Bytes that are shown of a value that is neither text nor a message.
const BYTES_SHOWN: usize = 32;

/// Prints a message, or the start of one that is `cut`.
pub(crate) fn message(data: &[u8], cut: bool, schema: Option<&MessageDescriptor>, out: &mut Sink) {
    let within = Within::top(cut, schema.cloned());
    Fields::new(out).message(&mut Reader::new(data), &within);
}

/// Prints one field of a message, which `reader` has given out, and reads on to the end of a group.
pub(super) fn field<'a>(
    field: &Field<'a>,
    reader: &mut Reader<'a>,
    cut: bool,
    schema: Option<&MessageDescriptor>,
    out: &mut Sink,
) -> End {
    let mut within = Within::top(cut, schema.cloned());
    Fields::new(out).field(field, reader, &mut within)
}

/// How far a group or message was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// To its end.
    Whole,
    /// To the end of what is here, or of what is shown.
    Cut,
    /// Up to something that is no field.
    Broken,
}

/// Where a field is.
struct Within {
    depth: usize,
    /// The message goes on beyond the data.
    cut: bool,
    schema: Option<MessageDescriptor>,
    /// The number of the group.
    group: Option<u32>,
    /// In a `google.protobuf.Any`, the message that its `value` is.
    any: Option<MessageDescriptor>,
}

impl Within {
    fn top(cut: bool, schema: Option<MessageDescriptor>) -> Self {
        Self {
            depth: 0,
            cut,
            schema,
            group: None,
            any: None,
        }
    }

    fn nested(&self, cut: bool, schema: Option<MessageDescriptor>) -> Self {
        Self {
            depth: self.depth + 1,
            ..Self::top(cut, schema)
        }
    }
}

/// What the schema says of a field.
struct Known {
    name: String,
    kind: Kind,
}

impl Known {
    fn of(schema: &MessageDescriptor, number: u32) -> Option<Self> {
        if let Some(field) = schema.get_field(number) {
            let name = match (field.is_group(), field.kind()) {
                (true, Kind::Message(group)) => group.name().to_owned(),
                _ => field.name().to_owned(),
            };
            let kind = field.kind();
            return Some(Self { name, kind });
        }
        schema.get_extension(number).map(|extension| Self {
            name: format!("[{}]", extension.full_name()),
            kind: extension.kind(),
        })
    }
}

struct Fields<'o> {
    out: &'o mut Sink,
    /// So many more fields are shown.
    left: usize,
}

impl<'o> Fields<'o> {
    fn new(out: &'o mut Sink) -> Self {
        Self {
            out,
            left: MAX_FIELDS,
        }
    }

    /// Prints what `reader` has, up to the end of the message or group.
    fn message(&mut self, reader: &mut Reader<'_>, within: &Within) -> End {
        let end = self.fields(reader, within);
        // What follows a group is in the message around it.
        if end == End::Broken && within.group.is_none() && !reader.rest().is_empty() {
            let bytes = format!("<{}>", value::hex(reader.rest(), BYTES_SHOWN));
            self.line(within.depth, Class::Plain, &bytes);
        }
        end
    }

    fn fields(&mut self, reader: &mut Reader<'_>, within: &Within) -> End {
        let mut within = Within {
            any: None,
            schema: within.schema.clone(),
            ..*within
        };
        loop {
            if self.left == 0 {
                if !reader.rest().is_empty() {
                    self.line(within.depth, Class::Comment, "# the rest is not shown");
                }
                return End::Cut;
            }
            match reader.next() {
                None if within.cut => return End::Cut,
                None if within.group.is_none() => return End::Whole,
                None => {
                    self.line(within.depth, Class::Error, "the group does not end");
                    return End::Cut;
                }
                Some(Ok(Field {
                    number,
                    value: Value::EndGroup,
                })) => {
                    if within.group == Some(number) {
                        return End::Whole;
                    }
                    let why = "a group ends that has not begun";
                    return self.broken(why, reader, within.depth);
                }
                Some(Ok(field)) => {
                    self.left -= 1;
                    let end = self.field(&field, reader, &mut within);
                    if end != End::Whole {
                        return end;
                    }
                }
                Some(Err(Stop::Cut)) if within.cut => return End::Cut,
                Some(Err(stop)) => return self.broken(stop.why(), reader, within.depth),
            }
        }
    }

    /// Prints a field; the fields after it can be read if it is whole.
    fn field<'a>(
        &mut self,
        field: &Field<'a>,
        reader: &mut Reader<'a>,
        within: &mut Within,
    ) -> End {
        let known = within
            .schema
            .as_ref()
            .and_then(|schema| Known::of(schema, field.number));
        let number = field.number.to_string();
        let name = known.as_ref().map_or(number.as_str(), |known| &known.name);
        let kind = known.as_ref().map(|known| &known.kind);
        self.out.indent(within.depth);
        self.out.push(Class::Name, name);
        match field.value {
            Value::Bytes { data, missing } => {
                let from = reader.at() - data.len() as u64;
                self.bytes(data, missing, from, kind, within);
                End::Whole
            }
            Value::StartGroup if within.depth >= MAX_DEPTH => {
                self.out.push(Class::Plain, " {");
                self.out.newline();
                self.broken("this is nested too deep to be shown", reader, within.depth)
            }
            Value::StartGroup => {
                let group = Within {
                    group: Some(field.number),
                    ..within.nested(within.cut, message_of(kind))
                };
                self.out.push(Class::Plain, " {");
                self.out.newline();
                let end = self.message(reader, &group);
                self.line(within.depth, Class::Plain, "}");
                end
            }
            value => {
                let typed = kind.and_then(|kind| value::scalar(kind, &value));
                let as_said = kind.is_none() || typed.is_some();
                if let Some(scalar) = typed.or_else(|| value::number(&value)) {
                    self.scalar(scalar, as_said);
                }
                End::Whole
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar, as_said: bool) {
        self.out.push(Class::Plain, ": ");
        self.out.push(scalar.class, &scalar.text);
        self.end(&scalar.remark, as_said);
    }

    /// A value of that many bytes and more, which begin at `from`.
    fn bytes(
        &mut self,
        data: &[u8],
        missing: u64,
        from: u64,
        kind: Option<&Kind>,
        within: &mut Within,
    ) {
        let cut = missing > 0;
        let is_any = |schema: &MessageDescriptor| schema.full_name() == "google.protobuf.Any";
        let in_any = within.schema.as_ref().is_some_and(is_any);
        let mut remark = String::new();
        let (what, schema) = match kind {
            Some(Kind::Message(schema)) => (Guess::Message, Some(schema.clone())),
            Some(Kind::String) => {
                if in_any {
                    within.any = within.schema.as_ref().and_then(|any| {
                        let name = str::from_utf8(data).ok()?.rsplit('/').next()?;
                        any.parent_pool().get_message_by_name(name)
                    });
                }
                (Guess::Text, None)
            }
            Some(Kind::Bytes) if within.any.is_some() => (Guess::Message, within.any.clone()),
            Some(Kind::Bytes) => (Guess::Bytes, None),
            Some(kind) if value::is_packable(kind) => {
                self.packed(data, kind, cut);
                return self.missing(missing, within);
            }
            _ => (value::guess(data, missing), None),
        };
        match what {
            Guess::Message if within.depth < MAX_DEPTH => {
                self.out.push(Class::Plain, " {");
                self.out.newline();
                let nested = within.nested(cut, schema);
                self.message(&mut Reader::from(data, from), &nested);
                self.out.indent(within.depth);
                self.out.push(Class::Plain, "}");
            }
            Guess::Text => {
                self.out.push(Class::Plain, ": ");
                self.out.push(Class::String, &value::quoted(data));
            }
            Guess::Message | Guess::Bytes => {
                self.out.push(Class::Plain, ": <");
                self.out.push(Class::Number, &value::hex(data, BYTES_SHOWN));
                self.out.push(Class::Plain, ">");
                if data.len() > BYTES_SHOWN {
                    remark = format!("{} bytes", data.len() as u64 + missing);
                }
            }
        }
        if !remark.is_empty() {
            self.out.push(Class::Comment, &format!("  # {remark}"));
        }
        self.missing(missing, within);
    }

    fn packed(&mut self, data: &[u8], kind: &Kind, cut: bool) {
        let mut reader = Reader::new(data);
        self.out.push(Class::Plain, ": [");
        let mut first = true;
        while !reader.rest().is_empty() && self.left > 0 {
            self.left -= 1;
            if !first {
                self.out.push(Class::Plain, ", ");
            }
            first = false;
            match value::packed(kind, &mut reader) {
                Ok(scalar) => self.out.push(scalar.class, &scalar.text),
                Err(Stop::Cut) if cut => break,
                Err(stop) => {
                    self.out.push(Class::Error, stop.why());
                    break;
                }
            }
        }
        if self.left == 0 && !reader.rest().is_empty() {
            self.out.push(Class::Comment, "…");
        }
        self.out.push(Class::Plain, "]");
    }

    /// Ends a line of a value of which some bytes may be missing.
    fn missing(&mut self, missing: u64, within: &Within) {
        match missing {
            0 => {}
            _ if within.cut => {
                self.out
                    .push(Class::Comment, &format!("  # {missing} more bytes"));
            }
            _ => self
                .out
                .push(Class::Error, &format!("  {missing} bytes are missing")),
        }
        self.out.newline();
    }

    fn end(&mut self, remark: &str, as_said: bool) {
        if !remark.is_empty() {
            self.out.push(Class::Comment, &format!("  # {remark}"));
        }
        if !as_said {
            self.out
                .push(Class::Error, "  not of the type that the schema says");
        }
        self.out.newline();
    }

    /// Says why the fields from here on cannot be read.
    fn broken(&mut self, why: &str, reader: &Reader<'_>, depth: usize) -> End {
        let sentence = format!("{why}, at byte {}", reader.at());
        self.line(depth, Class::Error, &sentence);
        End::Broken
    }

    fn line(&mut self, depth: usize, class: Class, text: &str) {
        self.out.indent(depth);
        self.out.push(class, text);
        self.out.newline();
    }
}

fn message_of(kind: Option<&Kind>) -> Option<MessageDescriptor> {
    match kind {
        Some(Kind::Message(message)) => Some(message.clone()),
        _ => None,
    }
}
