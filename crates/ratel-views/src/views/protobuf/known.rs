//! What a schema says of a field.

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};

/// See the [module](self).
pub(super) struct Known {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// It may come more than once.
    pub(super) is_list: bool,
    /// Its messages are entries of a map.
    pub(super) is_map: bool,
    /// Values are sent in one field.
    pub(super) is_packed: bool,
    pub(super) is_group: bool,
}

impl Known {
    pub(super) fn of_number(schema: &MessageDescriptor, number: u32) -> Option<Self> {
        let field = schema.get_field(number);
        let extension = || schema.get_extension(number);
        field
            .map(|field| Self::of(&field))
            .or_else(|| extension().map(|extension| Self::of_extension(&extension)))
    }

    /// By the name that [`name`](Self::name) is, or the one that JSON has for the field.
    pub(super) fn of_name(schema: &MessageDescriptor, name: &str) -> Option<Self> {
        if let Some(name) = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
        {
            let mut extensions = schema.extensions();
            let extension = extensions.find(|extension| extension.full_name() == name)?;
            return Some(Self::of_extension(&extension));
        }
        let field = schema.get_field_by_name(name);
        let field = field.or_else(|| schema.get_field_by_json_name(name));
        // A group is called as its message is.
        let group = || schema.fields().find(|field| Self::of(field).name == name);
        field.or_else(group).map(|field| Self::of(&field))
    }

    fn of(field: &FieldDescriptor) -> Self {
        let kind = field.kind();
        let name = match (field.is_group(), &kind) {
            (true, Kind::Message(group)) => group.name().to_owned(),
            _ => field.name().to_owned(),
        };
        Self {
            number: field.number(),
            name,
            is_list: field.is_list() || field.is_map(),
            is_map: field.is_map(),
            is_packed: field.is_packed(),
            is_group: field.is_group(),
            kind,
        }
    }

    fn of_extension(extension: &ExtensionDescriptor) -> Self {
        Self {
            number: extension.number(),
            name: format!("[{}]", extension.full_name()),
            is_list: extension.is_list(),
            is_map: extension.is_map(),
            is_packed: extension.is_packed(),
            is_group: extension.is_group(),
            kind: extension.kind(),
        }
    }

    /// The key and the value of an entry of a map.
    pub(super) fn entry(&self) -> Option<(Self, Self)> {
        let Kind::Message(entry) = &self.kind else {
            return None;
        };
        Some((Self::of_number(entry, 1)?, Self::of_number(entry, 2)?))
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::String)
    }
}
