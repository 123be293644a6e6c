//! `--name value` pairs, nothing more.

use std::collections::HashMap;
use std::str::FromStr;

/// The arguments behind the subcommand.
pub(crate) struct Args(HashMap<String, String>);

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut map = HashMap::new();
        while let Some(word) = words.next() {
            let name = word
                .strip_prefix("--")
                .ok_or_else(|| anyhow::anyhow!("stray argument {word:?}"))?;
            let value = words
                .next()
                .ok_or_else(|| anyhow::anyhow!("--{name} wants a value"))?;
            map.insert(name.to_owned(), value);
        }
        Ok(Self(map))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn required(&self, name: &str) -> anyhow::Result<&str> {
        self.text(name)
            .ok_or_else(|| anyhow::anyhow!("--{name} is missing"))
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str, default: T) -> anyhow::Result<T> {
        self.text(name).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| anyhow::anyhow!("--{name}: {text:?} is no number"))
        })
    }
}
