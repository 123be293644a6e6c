//! Dicts, as steps change them.

use ratel_proto::tnetstring::Value;

/// What a step says that cannot be done: the name of the field that is not as expected.
pub(super) type Step = Result<(), &'static str>;

/// A dict whose keys are texts, or in old files bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Dict(Vec<(Value, Value)>);

impl Dict {
    pub(super) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Dict(entries) => Some(Self(entries)),
            _ => None,
        }
    }

    fn at(&self, key: &str) -> Option<usize> {
        // The last one counts, where there is more than one.
        self.0.iter().rposition(|(found, _)| is(found, key))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.at(key)
            .and_then(|at| self.0.get(at))
            .map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.at(key)?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// What is there; null for what is not.
    pub(super) fn remove(&mut self, key: &str) -> Value {
        let found = self.at(key).map(|at| self.0.remove(at).1);
        self.0.retain(|(found, _)| !is(found, key));
        found.unwrap_or_default()
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.get_mut(key) {
            Some(place) => *place = value,
            None => self.0.push((key.into(), value)),
        }
    }

    pub(super) fn set_default(&mut self, key: &str, value: impl Into<Value>) {
        if self.get(key).is_none() {
            self.set(key, value);
        }
    }

    /// Gives what is there another name; null if nothing is.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let value = self.remove(from);
        self.set(to, value);
    }

    /// Whether there is something else than null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| *value != Value::Null)
    }

    /// Changes the dict with that name.
    pub(super) fn within(
        &mut self,
        key: &'static str,
        change: impl FnOnce(&mut Dict) -> Step,
    ) -> Step {
        match self.get_mut(key) {
            Some(Value::Dict(entries)) => {
                let mut dict = Self(std::mem::take(entries));
                let changed = change(&mut dict);
                *entries = dict.0;
                changed
            }
            _ => Err(key),
        }
    }

    /// Changes the dict with that name, if there is one.
    pub(super) fn within_if(
        &mut self,
        key: &'static str,
        change: impl FnOnce(&mut Dict) -> Step,
    ) -> Step {
        if self.has(key) {
            self.within(key, change)
        } else {
            Ok(())
        }
    }

    pub(super) fn entries_mut(&mut self) -> &mut Vec<(Value, Value)> {
        &mut self.0
    }
}

impl From<Dict> for Value {
    fn from(dict: Dict) -> Self {
        Self::Dict(dict.0)
    }
}

fn is(found: &Value, key: &str) -> bool {
    match found {
        Value::Str(text) => **text == *key,
        Value::Bytes(bytes) => bytes[..] == *key.as_bytes(),
        _ => false,
    }
}

/// Bytes as a text, byte by byte: what is not ASCII stands there as an escape.
pub(super) fn to_text(value: Value) -> Value {
    match value {
        Value::Bytes(bytes) => {
            let text = match std::str::from_utf8(&bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => bytes.escape_ascii().to_string(),
            };
            Value::Str(text.into())
        }
        other => other,
    }
}
