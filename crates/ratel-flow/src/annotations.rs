//! What people and addons say of a flow, beside what was exchanged.
//!
//! The same flow may be marked by somebody at a screen while an addon leaves metadata on it. So nobody who changes
//! something hands over all of it: what travels is an [`AnnotationChange`], which names no more than what differs.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use ratel_proto::tnetstring::Value;

/// What people and addons say of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    /// The mark: empty, `:default:`, `:grapes:`, or a character.
    pub marked: Arc<str>,
    /// A comment.
    pub comment: Arc<str>,
    /// Whatever addons have left, by name.
    pub metadata: Vec<(Arc<str>, Value)>,
    /// Whether one side of it was not the original one.
    pub is_replay: Option<Replay>,
    /// It is held back until somebody lets it go.
    pub intercepted: bool,
}

impl Annotations {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What was left under that name.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&Value> {
        let entry = self.metadata.iter().find(|(known, _)| **known == *name);
        entry.map(|(_, value)| value)
    }

    /// Leaves something under a name, in place of what was there.
    pub fn set_metadata(&mut self, name: &str, value: Value) {
        match self.metadata.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, known)) => *known = value,
            None => self.metadata.push((name.into(), value)),
        }
    }

    /// What has to be changed in `before` for it to be this.
    #[must_use]
    pub fn since(&self, before: &Self) -> AnnotationChange {
        let metadata = || {
            let set = self
                .metadata
                .iter()
                .filter(|(name, value)| before.metadata(name) != Some(value));
            let gone = before
                .metadata
                .iter()
                .filter(|(name, _)| self.metadata(name).is_none());
            let set = set.map(|(name, value)| (name.clone(), Some(value.clone())));
            set.chain(gone.map(|(name, _)| (name.clone(), None)))
                .collect()
        };
        AnnotationChange {
            marked: (self.marked != before.marked).then(|| self.marked.clone()),
            comment: (self.comment != before.comment).then(|| self.comment.clone()),
            metadata: if self.metadata == before.metadata {
                Vec::new()
            } else {
                metadata()
            },
            is_replay: (self.is_replay != before.is_replay).then_some(self.is_replay),
            intercepted: (self.intercepted != before.intercepted).then_some(self.intercepted),
        }
    }
}

/// Which side of a flow was played back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    /// The request was sent again by Ratel.
    Request,
    /// The response is a recorded one.
    Response,
}

impl Replay {
    /// The word for it in flow files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// What is said differently of a flow: only what differs is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnnotationChange {
    /// Another mark.
    pub marked: Option<Arc<str>>,
    /// Another comment.
    pub comment: Option<Arc<str>>,
    /// Metadata that is new or other, and by none what goes.
    pub metadata: Vec<(Arc<str>, Option<Value>)>,
    /// Whether a side of it is played back.
    pub is_replay: Option<Option<Replay>>,
    /// Whether it is held back.
    pub intercepted: Option<bool>,
}

impl AnnotationChange {
    /// That the flow is held back, or not any more.
    #[must_use]
    pub fn intercepted(held: bool) -> Self {
        Self {
            intercepted: Some(held),
            ..Self::default()
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Makes the change.
    pub fn apply(self, annotations: &mut Annotations) {
        if let Some(marked) = self.marked {
            annotations.marked = marked;
        }
        if let Some(comment) = self.comment {
            annotations.comment = comment;
        }
        for (name, value) in self.metadata {
            match value {
                Some(value) => annotations.set_metadata(&name, value),
                None => annotations.metadata.retain(|(known, _)| *known != name),
            }
        }
        if let Some(is_replay) = self.is_replay {
            annotations.is_replay = is_replay;
        }
        if let Some(intercepted) = self.intercepted {
            annotations.intercepted = intercepted;
        }
    }
}

/// What is said of a flow under way, as its hooks see it. Whoever changes it has the change recorded.
#[derive(Clone, Debug, Default)]
pub struct LiveAnnotations {
    now: Annotations,
    /// What is on record, where that may be something else.
    recorded: Option<Box<Annotations>>,
}

impl LiveAnnotations {
    /// Of a flow of which that is on record.
    #[must_use]
    pub fn of(recorded: Annotations) -> Self {
        Self {
            now: recorded,
            recorded: None,
        }
    }

    /// What has changed since the last call; none for nothing.
    pub fn take_change(&mut self) -> Option<AnnotationChange> {
        let change = self.now.since(&*self.recorded.take()?);
        (!change.is_empty()).then_some(change)
    }
}

impl Deref for LiveAnnotations {
    type Target = Annotations;

    fn deref(&self) -> &Annotations {
        &self.now
    }
}

impl DerefMut for LiveAnnotations {
    fn deref_mut(&mut self) -> &mut Annotations {
        let Self { now, recorded } = self;
        recorded.get_or_insert_with(|| Box::new(now.clone()));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &'static str) -> Value {
        Value::Str(text.into())
    }

    #[test]
    fn a_change_names_what_differs_and_makes_it_so() {
        let mut before = Annotations {
            marked: ":grapes:".into(),
            ..Annotations::default()
        };
        before.set_metadata("stays", value("a"));
        before.set_metadata("other", value("b"));
        before.set_metadata("goes", value("c"));
        let mut after = before.clone();
        after.comment = "hello".into();
        after.intercepted = true;
        after.set_metadata("other", value("d"));
        after.set_metadata("new", value("e"));
        after.metadata.retain(|(name, _)| **name != *"goes");
        let change = after.since(&before);
        assert_eq!(change.marked, None, "the mark is somebody else's to change");
        assert_eq!(change.metadata.len(), 3);
        // Meanwhile somebody has marked it.
        before.marked = ":default:".into();
        change.apply(&mut before);
        assert_eq!(&*before.marked, ":default:");
        assert_eq!(before.metadata, after.metadata);
        assert_eq!((&*before.comment, before.intercepted), ("hello", true));
    }

    #[test]
    fn live_annotations_tell_each_change_once() {
        let mut live = LiveAnnotations::default();
        assert_eq!(live.take_change(), None);
        live.intercepted = true;
        live.intercepted = false;
        assert_eq!(live.take_change(), None, "it is as it was");
        live.is_replay = Some(Replay::Request);
        let change = live.take_change().expect("a change");
        assert_eq!(change.is_replay, Some(Some(Replay::Request)));
        assert_eq!(live.take_change(), None);
    }
}
