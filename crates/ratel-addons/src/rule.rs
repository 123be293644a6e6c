//! What the rules of options have in common: how they are read, where their texts come from, and what becomes of a flow
//! for which one fails.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use ratel_core::addon::{Bodies, BodyNeed};
use ratel_core::options::{Key, Values};
use ratel_flow::filter::spec::{Part, SpecError, SpecReason};
use ratel_flow::{HttpFlow, Side};

use crate::live::{Scope, request_need};

/// A file in place of a text may have so many bytes.
pub(crate) const FILE_MAX: u64 = 256 << 20;

/// The mark of a flow for which a rule has failed.
const MARK: &str = ":warning:";

/// The rules of one option.
#[derive(Debug)]
pub(crate) struct Rules<R>(ArcSwap<Vec<R>>);

impl<R> Default for Rules<R> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<R> Rules<R> {
    /// Reads the rules anew if the option is among those that have changed.
    ///
    /// # Errors
    /// What is wrong with the first that is wrong, as a sentence; the rules stay as they were.
    pub(crate) fn read(
        &self,
        key: Key<Vec<String>>,
        (options, changed): (&Values, &[&str]),
        parse: impl Fn(&str) -> Result<R, SpecError>,
    ) -> Result<(), String> {
        if !changed.contains(&key.name()) {
            return Ok(());
        }
        let parse = |spec: &String| {
            parse(spec).map_err(|error| {
                let (option, why) = (key.name(), error.with_hint());
                format!("Cannot parse {option} option {spec}: {why}")
            })
        };
        let rules: Result<Vec<R>, String> = options.rules(key).map(parse).collect();
        self.0.store(Arc::new(rules?));
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.load().is_empty()
    }

    /// The rules as they are now.
    pub(crate) fn load(&self) -> Guard<Arc<Vec<R>>> {
        self.0.load()
    }

    /// The same, for longer.
    pub(crate) fn get(&self) -> Arc<Vec<R>> {
        self.0.load_full()
    }
}

/// A rule for requests.
pub(crate) trait Scoped {
    /// The flows that it is for.
    fn scope(&self) -> &Scope;
}

impl<R: Scoped> Rules<R> {
    /// Whether any of them looks into the bodies of requests.
    pub(crate) fn look_into_requests(&self) -> bool {
        let rules = self.load();
        rules
            .iter()
            .any(|rule| rule.scope().looks_into(Side::Client))
    }

    /// What they have to see of a body to tell whether they are for its flow.
    pub(crate) fn request_need(&self, flow: &HttpFlow, bodies: &Bodies, side: Side) -> BodyNeed {
        let rules = self.load();
        request_need(rules.iter().map(Scoped::scope), flow, bodies, side)
    }
}

/// What a rule puts in: a text, or what a file has at the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source<T> {
    Text(T),
    File(PathBuf),
}

impl<T> Source<T> {
    /// Reads the last part of a rule: `@PATH`, or a text as `text` reads it from what its escapes stand for.
    ///
    /// # Errors
    /// When the file cannot be read, or the text is none.
    pub(crate) fn parse(
        spec: &str,
        part: &Part,
        options: &Values,
        text: impl FnOnce(Vec<u8>) -> Result<T, SpecError>,
    ) -> Result<Self, SpecError> {
        let Some(path) = part.text.strip_prefix('@') else {
            return Ok(Self::Text(text(part.unescape(spec)?)?));
        };
        let file = options.expand(path);
        match read(&file) {
            Ok(_) => Ok(Self::File(file)),
            Err(error) => {
                let reason = format!("Invalid file path: {path} ({error})");
                Err(part.error(spec, SpecReason::Other(reason.into()), 1..part.text.len()))
            }
        }
    }
}

/// All that is in a file, for a rule.
///
/// # Errors
/// When it cannot be read, or is larger than [`FILE_MAX`].
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut content = Vec::with_capacity(about.len().min(FILE_MAX) as usize);
    file.take(FILE_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}

/// Does what may take long where nobody else waits for it. None if the program is about to end.
pub(crate) async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// A rule of that option has failed for this flow, which goes on without it: says so in the log and on the flow.
pub(crate) fn failed(flow: &mut HttpFlow, option: &str, why: impl fmt::Display) {
    let text = format!("{option}: {why}");
    tracing::warn!(client = %flow.client_conn.peername, "{text}; the flow goes on without it");
    let said = &mut flow.annotations;
    if said.marked.is_empty() {
        said.marked = MARK.into();
    }
    if said.comment.is_empty() {
        said.comment = text.into();
    } else if !said.comment.contains(&text) {
        said.comment = format!("{}\n{text}", said.comment).into();
    }
}

/// A part of a rule that is wrong for another reason than its form.
pub(crate) fn wrong(spec: &str, part: &Part, reason: impl Into<Cow<'static, str>>) -> SpecError {
    let reason = SpecReason::Other(reason.into().into_owned().into());
    part.error(spec, reason, 0..part.text.len())
}
