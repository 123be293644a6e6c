//! Fields of a protobuf message as YAML: a name or number a line, nested ones indented.
//!
//! Fields stand in the order in which they were sent. Those of one number that follow each other are a list; one that
//! comes again later stands there again, so that the order is kept.

use prost_reflect::{Kind, MessageDescriptor};

use super::super::yaml::{self, Spot};
use super::entry::{Broken, Content, Entry, Part, entries, parts};
use super::known::Known;
use super::value::{self, Guess, Scalar};
use super::wire::{Reader, Value, is_readable};
use crate::{Class, Sink};

/// Messages are shown to this depth, as deep as most receivers read; what is deeper is shown as bytes.
const MAX_DEPTH: usize = 100;

/// So many fields and packed values of one message are shown, to bound memory.
const MAX_FIELDS: usize = 50_000;

/// Bytes that are shown of a value that is neither text nor a message.
const BYTES_SHOWN: usize = 1024;

/// Prints a message, or the start of one that is `cut`, as far as it can be read.
pub(crate) fn message(
    data: &[u8],
    cut: bool,
    schema: Option<&MessageDescriptor>,
    out: &mut Sink,
) -> Result<(), Broken> {
    if data.is_empty() && !cut {
        Spot::TOP.value(Class::Plain, "{}", "empty protobuf message", out);
        return Ok(());
    }
    let mut printer = Printer {
        out,
        left: MAX_FIELDS,
    };
    let within = Within {
        depth: 0,
        cut,
        schema: schema.cloned(),
    };
    printer.message(data, &within, Spot::TOP)
}

/// Whether all fields in the data, or in what is here of them, are as the schema says.
pub(super) fn fits(data: &[u8], schema: &MessageDescriptor) -> bool {
    let (entries, end) = entries(data, true, &mut MAX_FIELDS.clone());
    let is_known = |part: &Part<'_, '_>| {
        let known = Known::of_number(schema, part.entry.number);
        known.is_some_and(|known| is_of(&known, &part.entry, false))
    };
    end.is_ok() && parts(&entries).iter().all(is_known)
}

/// Where a message is.
struct Within {
    depth: usize,
    /// The message goes on beyond the data.
    cut: bool,
    schema: Option<MessageDescriptor>,
}

impl Within {
    fn nested(&self, cut: bool, schema: Option<MessageDescriptor>) -> Self {
        Self {
            depth: self.depth + 1,
            cut,
            schema,
        }
    }
}

struct Printer<'o> {
    out: &'o mut Sink,
    /// So many more fields are shown.
    left: usize,
}

impl Printer<'_> {
    fn message(&mut self, data: &[u8], within: &Within, spot: Spot) -> Result<(), Broken> {
        let (entries, end) = entries(data, within.cut, &mut self.left);
        let printed = self.parts(&parts(&entries), within, spot);
        if !printed && end.is_ok() {
            spot.value(Class::Plain, "{}", "", self.out);
        }
        if self.left == 0 && end.is_ok() {
            self.out.set_lossy("it has too many fields");
            self.out.push(Class::Comment, "# the rest is not shown");
            self.out.newline();
        }
        end
    }

    /// Prints the fields of a message or group; whether there are any.
    fn parts(&mut self, parts: &[Part<'_, '_>], within: &Within, spot: Spot) -> bool {
        let schema = within.schema.as_ref();
        let any = schema.and_then(|schema| any(schema, parts));
        let fits = |part: &Part<'_, '_>| {
            let known = Known::of_number(schema?, part.entry.number)?;
            Some(is_of(&known, &part.entry, any.is_some()))
        };
        let alike = |a: &Part<'_, '_>, b: &Part<'_, '_>| {
            a.entry.number == b.entry.number && (schema.is_none() || fits(a) == fits(b))
        };
        for (nth, run) in parts.chunk_by(alike).enumerate() {
            if self.out.is_full() {
                break;
            }
            let Some(first) = run.first() else {
                continue;
            };
            let fits = fits(first);
            self.run(run, fits, within, any.as_ref(), spot, nth);
        }
        !parts.is_empty()
    }

    /// Prints fields of one number that follow each other, and whether they are as the schema says, if it knows them.
    fn run(
        &mut self,
        run: &[Part<'_, '_>],
        fits: Option<bool>,
        within: &Within,
        any: Option<&MessageDescriptor>,
        spot: Spot,
        nth: usize,
    ) {
        let Some(number) = run.first().map(|part| part.entry.number) else {
            return;
        };
        let schema = within.schema.as_ref().filter(|_| fits == Some(true));
        match schema.and_then(|schema| Known::of_number(schema, number)) {
            Some(known) => {
                let place = spot.entry(nth, &yaml::scalar(&known.name), self.out);
                if !(known.is_map && self.map(run, &known, within, place)) {
                    self.known(run, &known, within, any, place);
                }
            }
            None => {
                let place = spot.entry(nth, &number.to_string(), self.out);
                self.unknown(run, fits.is_some(), within, place);
            }
        }
    }

    fn known(
        &mut self,
        run: &[Part<'_, '_>],
        known: &Known,
        within: &Within,
        any: Option<&MessageDescriptor>,
        place: Spot,
    ) {
        let is_list = known.is_list || run.len() > 1;
        let mut items = 0;
        for part in run {
            if let Some((data, _)) = part.bytes().filter(|_| value::is_packable(&known.kind)) {
                let mut reader = Reader::new(data);
                while !reader.rest().is_empty() && self.left > 0 {
                    let Ok(scalar) = value::packed(&known.kind, &mut reader) else {
                        break;
                    };
                    self.left -= 1;
                    let place = place.item(items, self.out);
                    items += 1;
                    self.scalar(&scalar, place);
                }
                continue;
            }
            let place = if is_list {
                place.item(items, self.out)
            } else {
                place
            };
            items += 1;
            self.one(part, Some((&known.kind, any)), false, within, place);
        }
        if items == 0 {
            place.value(Class::Plain, "[]", "", self.out);
        }
    }

    /// Fields of which nothing is known, or that are of another type than the schema says.
    fn unknown(&mut self, run: &[Part<'_, '_>], is_odd: bool, within: &Within, place: Spot) {
        let bytes = || run.iter().filter_map(Part::bytes);
        let is_message = |(data, missing): (&[u8], u64)| {
            data.is_empty() && missing == 0 || value::guess(data, missing) == Guess::Message
        };
        // What may be an empty text is an empty message among others.
        let messages = bytes().count() > 1
            && bytes().all(is_message)
            && bytes().any(|(data, _)| !data.is_empty());
        for (nth, part) in run.iter().enumerate() {
            let place = if run.len() > 1 {
                place.item(nth, self.out)
            } else {
                place
            };
            if messages && part.bytes().is_some_and(|(data, _)| data.is_empty()) {
                place.value(Class::Plain, "{}", "", self.out);
            } else {
                self.one(part, None, is_odd, within, place);
            }
        }
    }

    /// Prints one field. What is `odd` needs a tag, since its name alone stands for another type.
    fn one(
        &mut self,
        part: &Part<'_, '_>,
        known: Option<(&Kind, Option<&MessageDescriptor>)>,
        is_odd: bool,
        within: &Within,
        place: Spot,
    ) {
        match part.entry.content {
            Content::Group { cut, .. } => {
                let schema = known.and_then(|(kind, _)| message_of(kind));
                self.group(part.within, &within.nested(cut, schema), place);
            }
            Content::Value(Value::Bytes { data, missing }) => {
                self.bytes(data, missing, known, is_odd, within, place);
            }
            Content::Value(value) => {
                let typed = known.and_then(|(kind, _)| value::scalar(kind, &value));
                if let Some(scalar) = typed.or_else(|| value::number(&value, is_odd)) {
                    self.scalar(&scalar, place);
                }
            }
        }
    }

    fn scalar(&mut self, scalar: &Scalar, place: Spot) {
        let Scalar {
            tag,
            class,
            text,
            remark,
        } = scalar;
        place.tagged(tag, *class, text, remark, self.out);
    }

    fn group(&mut self, entries: &[Entry<'_>], within: &Within, place: Spot) {
        if within.cut {
            self.out.set_lossy("it breaks off");
        }
        if within.depth > MAX_DEPTH {
            self.out.set_lossy("it is nested too deep");
            let remark = format!("{} fields, nested too deep", entries.len());
            place.tagged("!group", Class::Plain, "{}", &remark, self.out);
        } else if entries.is_empty() {
            place.tagged("!group", Class::Plain, "{}", "", self.out);
        } else {
            let place = place.tag("!group", self.out);
            self.parts(&parts(entries), within, place);
        }
    }

    fn bytes(
        &mut self,
        data: &[u8],
        missing: u64,
        known: Option<(&Kind, Option<&MessageDescriptor>)>,
        is_odd: bool,
        within: &Within,
        place: Spot,
    ) {
        let (what, schema) = match known {
            Some((Kind::Message(schema), _)) => (Guess::Message, Some(schema.clone())),
            Some((Kind::String, _)) if str::from_utf8(data).is_ok() => (Guess::Text, None),
            Some((Kind::Bytes, Some(any))) => (Guess::Message, Some(any.clone())),
            Some((Kind::String | Kind::Bytes, _)) => (Guess::Bytes, None),
            _ => (value::guess(data, missing), None),
        };
        let remark = match missing {
            0 => String::new(),
            _ if within.cut => format!("{missing} more bytes"),
            _ => format!("{missing} bytes are missing"),
        };
        if missing > 0 {
            self.out.set_lossy("it breaks off");
        }
        match what {
            Guess::Message if data.is_empty() => {
                place.value(Class::Plain, "{}", &remark, self.out);
            }
            Guess::Message if within.depth < MAX_DEPTH && is_readable(data, missing > 0) => {
                let nested = within.nested(missing > 0, schema);
                let place = if is_odd {
                    place.tag("!message", self.out)
                } else {
                    place
                };
                let _ = self.message(data, &nested, place);
                if !remark.is_empty() {
                    self.out.push(Class::Comment, &format!("# {remark}"));
                    self.out.newline();
                }
            }
            Guess::Text if is_odd => {
                let text = yaml::scalar(&yaml::text(data));
                place.tagged("!str", Class::String, &text, &remark, self.out);
            }
            Guess::Text => place.text(&yaml::text(data), &remark, self.out),
            Guess::Message | Guess::Bytes => self.binary(data, &remark, place),
        }
    }

    /// Bytes in hexadecimal, in quotes where they would read as a number.
    fn binary(&mut self, data: &[u8], remark: &str, place: Spot) {
        let shown = if self.out.is_exact() {
            data
        } else {
            data.get(..BYTES_SHOWN).unwrap_or(data)
        };
        let hex: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
        let remark = if shown.len() < data.len() && remark.is_empty() {
            format!("{} bytes", data.len())
        } else {
            remark.to_owned()
        };
        let text = yaml::scalar(&hex);
        place.tagged("!binary", Class::String, &text, &remark, self.out);
    }

    /// Prints entries of a map under their keys; or nothing, if one of them is more than a key and a value.
    fn map(&mut self, run: &[Part<'_, '_>], known: &Known, within: &Within, place: Spot) -> bool {
        let Some((key, value)) = known.entry() else {
            return false;
        };
        let mut pairs = Vec::new();
        for part in run {
            let Some((data, 0)) = part.bytes() else {
                return false;
            };
            let (fields, Ok(())) = entries(data, false, &mut self.left) else {
                return false;
            };
            let [first, second] = fields[..] else {
                return false;
            };
            if matches!(second.content, Content::Group { .. }) {
                return false;
            }
            if first.number != 1 || second.number != 2 || !is_of(&value, &second, false) {
                return false;
            }
            let name = match first.content {
                Content::Value(Value::Bytes { data, missing: 0 }) if key.is_text() => {
                    str::from_utf8(data).ok().map(yaml::scalar)
                }
                Content::Value(of_key) => value::scalar(&key.kind, &of_key)
                    .filter(|scalar| scalar.tag.is_empty())
                    .map(|scalar| scalar.text),
                Content::Group { .. } => None,
            };
            let Some(name) = name else {
                return false;
            };
            pairs.push((name, second));
        }
        for (nth, (name, entry)) in pairs.into_iter().enumerate() {
            let place = place.entry(nth, &name, self.out);
            let part = Part { entry, within: &[] };
            self.one(&part, Some((&value.kind, None)), false, within, place);
        }
        true
    }
}

/// Whether a field has a wire type that the schema has for it, and content that goes with it.
fn is_of(known: &Known, entry: &Entry<'_>, is_any: bool) -> bool {
    match (entry.content, &known.kind) {
        (Content::Group { .. }, Kind::Message(_)) => known.is_group,
        (Content::Group { .. }, _) => false,
        (Content::Value(Value::Bytes { .. }), Kind::Message(_)) => !known.is_group,
        (Content::Value(Value::Bytes { .. }), Kind::String | Kind::Bytes) => true,
        (Content::Value(Value::Bytes { data, missing }), kind) => {
            known.is_list && !is_any && missing == 0 && {
                let mut reader = Reader::new(data);
                while !reader.rest().is_empty() {
                    if value::packed(kind, &mut reader).is_err() {
                        return false;
                    }
                }
                true
            }
        }
        (Content::Value(value), kind) => value::scalar(kind, &value).is_some(),
    }
}

/// In a `google.protobuf.Any`, the message that its `value` is.
fn any(schema: &MessageDescriptor, parts: &[Part<'_, '_>]) -> Option<MessageDescriptor> {
    if schema.full_name() != "google.protobuf.Any" {
        return None;
    }
    let url = parts.iter().find(|part| part.entry.number == 1)?;
    let (url, _) = url.bytes()?;
    named_by(schema, str::from_utf8(url).ok()?)
}

/// The message that the URL of a type names.
pub(super) fn named_by(schema: &MessageDescriptor, url: &str) -> Option<MessageDescriptor> {
    let name = url.rsplit('/').next()?;
    schema.parent_pool().get_message_by_name(name)
}

fn message_of(kind: &Kind) -> Option<MessageDescriptor> {
    match kind {
        Kind::Message(message) => Some(message.clone()),
        _ => None,
    }
}
