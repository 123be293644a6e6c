//! Bodies as text that is edited, and the edited text as bytes again.
//!
//! The text is what a view shows, with nothing left out, shortened or made safe for terminals. Text that was not
//! changed becomes the very bytes it was made of; changed text becomes a body that means what the text says, though
//! numbers or lengths may be written in another way than the first sender had.

mod message;

use std::borrow::Cow;
use std::fmt;

pub use ratel_flow::yaml::Place;

pub use message::{edit_message, no_message, reencode_message};

use crate::registry::{VIEWS, charset, find};
use crate::{ContentView, Sink, ViewInput};

/// More bytes than this are not edited as text of a view.
pub(crate) const EDITED_MAX: usize = 4 * 1024 * 1024;

/// Why a body cannot be edited in a view.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// There is no such view.
    #[error("there is no view '{}'", ratel_flow::format::escape(.0))]
    Unknown(String),
    /// The view has no way back.
    #[error("what the view {0} shows cannot be made into a body again")]
    OneWay(&'static str),
    /// Only some of the body is here.
    #[error("the body is not complete")]
    Incomplete,
    /// There is more than anybody edits.
    #[error("the body has more than {EDITED_MAX} bytes")]
    TooLarge,
    /// The body is something else, or holds something that the text does not show as it is.
    #[error("this body cannot be edited as {view}: {why}")]
    Unfit {
        /// The view.
        view: &'static str,
        /// Why.
        why: String,
    },
}

impl EditError {
    /// What the user can do instead.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OneWay(_) | Self::Unfit { .. } => {
                Some("edit it as it is, or in the view 'hex stream'")
            }
            Self::Unknown(_) | Self::Incomplete | Self::TooLarge => None,
        }
    }
}

/// Why a text is no body: one sentence, with the place if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReencodeError {
    /// Where it is wrong.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
}

impl ReencodeError {
    pub(crate) fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            place: Some(place),
            message: message.into(),
        }
    }

    /// At that byte of a text.
    pub(crate) fn at_byte(text: &str, at: usize, message: impl Into<String>) -> Self {
        let before = text.get(..text.floor_char_boundary(at)).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        Self::at(Place { line, column }, message)
    }

    pub(crate) fn of(message: impl Into<String>) -> Self {
        Self {
            place: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for ReencodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReencodeError {}

/// What a view has that can be edited.
pub trait Editor: Sync {
    /// Makes bytes of text; `input` is the body of which the text was made, and what is known about it.
    ///
    /// # Errors
    /// When the text says nothing that the format has.
    fn reencode(&self, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError>;

    /// What the text was made of: the body, mostly.
    fn original<'a>(&self, input: &ViewInput<'a>) -> &'a [u8] {
        input.data
    }

    /// How a character is written that the charset of the body has not, if the format knows a way.
    fn escape(&self, _c: char) -> Option<String> {
        None
    }

    /// Why a body cannot be edited though it can be shown; mostly it can.
    fn objection(&self, _input: &ViewInput<'_>) -> Option<String> {
        None
    }
}

/// The views whose text can be made into bytes again, in lower case.
#[must_use]
pub fn editable_views() -> Vec<String> {
    let editable = VIEWS.iter().filter(|view| view.editor().is_some());
    editable.map(|view| view.name().to_lowercase()).collect()
}

/// Whether the text of that view can be made into bytes again.
#[must_use]
pub fn is_editable(view: &str) -> bool {
    find(view).is_some_and(|view| view.editor().is_some())
}

/// The text by which a body is edited. `input.data` is all of it, without content-encoding.
///
/// # Errors
/// When the view cannot be edited, or this body not in it.
pub fn edit(view: &str, input: &ViewInput<'_>) -> Result<String, EditError> {
    let found = find(view).ok_or_else(|| EditError::Unknown(view.to_owned()))?;
    let editor = found.editor().ok_or(EditError::OneWay(found.name()))?;
    if !input.complete || input.offset > 0 {
        return Err(EditError::Incomplete);
    }
    if input.data.len() > EDITED_MAX {
        return Err(EditError::TooLarge);
    }
    let unfit = |why: &str| EditError::Unfit {
        view: found.name(),
        why: why.to_owned(),
    };
    if let Some(why) = editor.objection(input) {
        return Err(unfit(&why));
    }
    let Some(charset) = charset(found, input) else {
        return text_of(found, input).map_err(|why| unfit(&why));
    };
    let decoded = charset.decode(input.data);
    if charset.encode(&decoded).as_deref() != Some(input.data) {
        return Err(unfit(&format!("it is not what {} has", charset.name())));
    }
    let input = ViewInput {
        data: decoded.as_bytes(),
        ..*input
    };
    text_of(found, &input).map_err(|why| unfit(&why))
}

/// What a view shows of a body, as it is.
fn text_of(view: &dyn ContentView, input: &ViewInput<'_>) -> Result<String, String> {
    let mut painter = view.open(input);
    let mut sink = Sink::exact();
    painter.feed(input.data, &mut sink);
    painter.finish(true, &mut sink);
    if let Some(why) = painter.failed() {
        return Err(why.to_owned());
    }
    if let Some(why) = sink.lossy() {
        return Err(why.to_owned());
    }
    Ok(sink.into_text())
}

/// Makes bytes of text that was edited. `input` is what was given to [`edit`]. For the view Query they are what stands
/// behind the question mark of the URL, for the others the body.
///
/// Text that is as `edit` gave it out becomes `input.data`, byte for byte. A line end more at the end, as editors leave
/// it, is no change.
///
/// # Errors
/// When the text says nothing that the format has, with the place in the text.
pub fn reencode(view: &str, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
    let found = find(view).and_then(|view| Some((view, view.editor()?)));
    let (found, editor) = found.ok_or_else(|| {
        ReencodeError::of(format!(
            "the view '{}' cannot be edited",
            ratel_flow::format::escape(view)
        ))
    })?;
    if edit(view, input)
        .is_ok_and(|before| before.trim_end_matches('\n') == text.trim_end_matches('\n'))
    {
        return Ok(editor.original(input).to_vec());
    }
    let bytes = editor.reencode(text, input)?;
    let Some(charset) = charset(found, input) else {
        return Ok(bytes);
    };
    let text = String::from_utf8_lossy(&bytes);
    if let Some(encoded) = charset.encode(&text) {
        return Ok(encoded.into_owned());
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if charset.encode(c.encode_utf8(&mut [0; 4])).is_some() {
            escaped.push(c);
            continue;
        }
        let name = charset.name();
        let escape = editor.escape(c).ok_or_else(|| {
            ReencodeError::of(format!("the text has a character that {name} has not: {c}"))
        })?;
        escaped.push_str(&escape);
    }
    let encoded = charset.encode(&escaped).map(Cow::into_owned);
    encoded.ok_or_else(|| ReencodeError::of(format!("{} is only read", charset.name())))
}
