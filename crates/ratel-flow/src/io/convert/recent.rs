//! What was met lately, so that what repeats is made once.

/// As many as a browser has connections to a page's hosts, and a few more.
const KEPT: usize = 24;

/// A few keys with their values, those that were met last first.
#[derive(Debug)]
pub(crate) struct Recent<K, V>(Vec<(K, V)>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K, V: Clone> Recent<K, V> {
    /// The value of the first key that `is` the one.
    pub(crate) fn find(&mut self, is: impl Fn(&K) -> bool) -> Option<V> {
        let at = self.0.iter().position(|(key, _)| is(key))?;
        // Cheap where the last one is met again, which is the rule.
        self.0.get_mut(..=at)?.rotate_right(1);
        self.0.first().map(|(_, value)| value.clone())
    }

    /// Keeps one more, and forgets the one that was met longest ago.
    pub(crate) fn keep(&mut self, key: K, value: V) {
        self.0.truncate(KEPT - 1);
        self.0.insert(0, (key, value));
    }
}
