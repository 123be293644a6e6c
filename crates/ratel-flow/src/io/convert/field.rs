//! The fields of a state: what stands in a dict of a flow file, by name, and asked for by type.

use std::fmt;
use std::sync::Arc;

use ratel_proto::tnetstring::{self, Item, Kind};

/// Something in a flow cannot be what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", .path.join("."))]
pub struct StateError {
    /// The names of the dicts and of the field, from the outside: `request`, `headers`.
    path: Vec<&'static str>,
    /// Where in the flow, in bytes, where that is known.
    pub offset: Option<usize>,
    /// What is wrong.
    pub problem: StateProblem,
}

/// What can be wrong with a field. Each goes on where the name of the field has stood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateProblem {
    /// There is no such field.
    #[error("is missing")]
    Missing,
    /// It is of another type.
    #[error("is {}, not {expected}", .found.name())]
    Type {
        /// What it is.
        found: Kind,
        /// What it should be.
        expected: &'static str,
    },
    /// It is of the right type, and no such value is known.
    #[error("is {0}")]
    Value(String),
    /// It is no value at all.
    #[error("cannot be read: {0}")]
    Syntax(tnetstring::Problem),
}

impl StateError {
    pub(crate) fn new(name: &'static str, offset: Option<usize>, problem: StateProblem) -> Self {
        Self {
            path: vec![name],
            offset,
            problem,
        }
    }

    pub(crate) fn syntax(name: &'static str, error: tnetstring::Error) -> Self {
        Self::new(
            name,
            Some(error.offset),
            StateProblem::Syntax(error.problem),
        )
    }

    /// The same, of a field in the dict with that name.
    pub(crate) fn within(mut self, name: &'static str) -> Self {
        self.path.insert(0, name);
        self
    }
}

/// A field: its name, and what stands there. What is not there counts as null.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'static str,
    pub(crate) item: Option<Item<'a>>,
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<'a> Field<'a> {
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, item: None }
    }

    /// What stands there if it is not null.
    pub(crate) fn some(&self) -> Option<Item<'a>> {
        self.item.filter(|item| !item.is_null())
    }

    /// What stands there, which must be something.
    pub(crate) fn required(&self) -> Result<Item<'a>, StateError> {
        self.item
            .ok_or_else(|| StateError::new(self.name, None, StateProblem::Missing))
    }

    pub(crate) fn wrong(&self, item: &Item<'_>, expected: &'static str) -> StateError {
        let found = item.kind;
        let problem = match item.check() {
            Ok(()) => StateProblem::Type { found, expected },
            Err(error) => StateProblem::Syntax(error.problem),
        };
        StateError::new(self.name, Some(item.offset), problem)
    }

    pub(crate) fn invalid(&self, what: impl fmt::Display) -> StateError {
        let offset = self.item.map(|item| item.offset);
        StateError::new(self.name, offset, StateProblem::Value(what.to_string()))
    }

    pub(crate) fn syntax(&self, error: tnetstring::Error) -> StateError {
        StateError::syntax(self.name, error)
    }

    pub(crate) fn opt_text(&self) -> Result<Option<&'a str>, StateError> {
        let Some(item) = self.some() else {
            return Ok(None);
        };
        item.as_str()
            .map(Some)
            .ok_or_else(|| self.wrong(&item, "a text"))
    }

    pub(crate) fn text(&self) -> Result<&'a str, StateError> {
        let item = self.required()?;
        item.as_str().ok_or_else(|| self.wrong(&item, "a text"))
    }

    pub(crate) fn opt_shared(&self) -> Result<Option<Arc<str>>, StateError> {
        Ok(self.opt_text()?.map(Arc::from))
    }

    pub(crate) fn opt_bytes(&self) -> Result<Option<&'a [u8]>, StateError> {
        let Some(item) = self.some() else {
            return Ok(None);
        };
        item.as_bytes()
            .map(Some)
            .ok_or_else(|| self.wrong(&item, "a byte string"))
    }

    pub(crate) fn bytes(&self) -> Result<&'a [u8], StateError> {
        let item = self.required()?;
        item.as_bytes()
            .ok_or_else(|| self.wrong(&item, "a byte string"))
    }

    pub(crate) fn opt_bool(&self) -> Result<Option<bool>, StateError> {
        let Some(item) = self.some() else {
            return Ok(None);
        };
        item.as_bool()
            .map(Some)
            .ok_or_else(|| self.wrong(&item, "a boolean"))
    }

    pub(crate) fn int(&self) -> Result<i64, StateError> {
        let item = self.required()?;
        item.as_int()
            .ok_or_else(|| self.wrong(&item, "an integer of 64 bits"))
    }

    /// The items of a list; none if there is no list.
    pub(crate) fn opt_list(&self) -> Result<Option<List<'a>>, StateError> {
        let Some(item) = self.some() else {
            return Ok(None);
        };
        self.list_in(item).map(Some)
    }

    pub(crate) fn list(&self) -> Result<List<'a>, StateError> {
        self.list_in(self.required()?)
    }

    fn list_in(&self, item: Item<'a>) -> Result<List<'a>, StateError> {
        if item.kind != Kind::List {
            return Err(self.wrong(&item, "a list"));
        }
        Ok(List {
            field: *self,
            items: item.items(),
        })
    }
}

/// The items of a list.
pub(crate) struct List<'a> {
    field: Field<'a>,
    items: tnetstring::Items<'a>,
}

impl<'a> List<'a> {
    /// The next item as a field of the same name; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, StateError> {
        let item = self.items.next().transpose();
        let item = item.map_err(|error| self.field.syntax(error))?;
        Ok(item.map(|item| Field {
            name: self.field.name,
            item: Some(item),
        }))
    }

    /// The next item, or an error if there is none.
    pub(crate) fn expect(&mut self) -> Result<Field<'a>, StateError> {
        self.next()?
            .ok_or_else(|| self.field.invalid("a list with too few items"))
    }
}

/// Declares what the fields of a dict are.
macro_rules! state {
    ($(#[$doc:meta])* $name:ident { $($field:ident $(= $key:literal)?),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name<'a> {
            $(pub(super) $field: $crate::io::convert::field::Field<'a>,)*
        }

        impl<'a> $name<'a> {
            /// The fields in a dict. What has another name is passed over.
            pub(super) fn read(
                field: &$crate::io::convert::field::Field<'a>,
            ) -> Result<Self, $crate::io::convert::field::StateError> {
                let mut state = Self {
                    $($field: $crate::io::convert::field::Field::named(
                        $crate::io::convert::field::state!(@key $field $($key)?)
                    ),)*
                };
                let item = field.required()?;
                if item.kind != ratel_proto::tnetstring::Kind::Dict {
                    return Err(field.wrong(&item, "a dict"));
                }
                let mut items = item.items();
                while let Some((key, value)) = items.pair().map_err(|error| field.syntax(error))? {
                    $(if key.payload == $crate::io::convert::field::state!(@key $field $($key)?).as_bytes() {
                        state.$field.item = Some(value);
                        continue;
                    })*
                }
                Ok(state)
            }
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
}

pub(crate) use state;
