//! All views, the choice between them, and rendering.

use ratel_flow::text::{Charset, Decoder};
use ratel_flow::view_names::{VIEW_ALIASES, VIEW_NAMES, view_name};

use crate::views::{
    archive::Zip,
    code::{Css, JavaScript},
    dns::Dns,
    form::{Query, UrlEncoded},
    graphql::GraphQl,
    grpc::Grpc,
    hex::{HexDump, HexStream},
    http3::Http3,
    image::Image,
    json::Json,
    markup::Markup,
    mqtt::Mqtt,
    msgpack::MsgPack,
    multipart::Multipart,
    ndjson::Ndjson,
    protobuf::Protobuf,
    raw::Raw,
    socketio::SocketIo,
    sse::Sse,
    wbxml::Wbxml,
};
use crate::{Class, ContentView, Document, Line, Painter, Sink, ViewInput};

/// All views. Of equal priority the first wins.
pub(crate) const VIEWS: [&dyn ContentView; 23] = [
    &Css,
    &Dns,
    &GraphQl,
    &Http3,
    &Image,
    &JavaScript,
    &Json,
    &Ndjson,
    &Mqtt,
    &Multipart,
    &Protobuf,
    &Grpc,
    &Sse,
    &Query,
    &Raw,
    &SocketIo,
    &UrlEncoded,
    &Wbxml,
    &Markup,
    &Zip,
    &HexDump,
    &HexStream,
    &MsgPack,
];

/// Bytes that are decoded from another charset at a time.
const DECODED_AT_ONCE: usize = 16 * 1024;

/// The view that shows anything.
const FALLBACK: &dyn ContentView = &Raw;

/// The names a user can choose from: `auto`, then the views in lower case, sorted.
#[must_use]
pub fn names() -> Vec<String> {
    let is_alias = |name: &str| VIEW_ALIASES.iter().any(|(alias, _)| *alias == name);
    let names = VIEW_NAMES.iter().filter(|name| !is_alias(name));
    names.map(|name| (*name).to_owned()).collect()
}

/// Views that mitmproxy does not have.
const FURTHER: [&str; 2] = ["ndjson", "sse"];

/// The names in the order in which mitmproxy lists them, since the places are what fingers remember, and then the further
/// ones.
#[must_use]
pub fn menu() -> Vec<String> {
    let mut names = names();
    let place = |name: &String| {
        let listed = if name == "css" { "viewcss" } else { name };
        let is_further = FURTHER.contains(&listed);
        (name != "auto", is_further, listed.to_owned())
    };
    names.sort_by_key(place);
    names
}

/// Renders bytes with the view of that name in any case; with none, `auto` or an unknown name with the one that fits.
#[must_use]
pub fn render(view: Option<&str>, input: &ViewInput<'_>) -> Document {
    let mut rendering = Rendering::start(view, input);
    rendering.feed(input.data);
    rendering.finish(input.complete);
    let lines = std::iter::from_fn(|| rendering.take()).collect();
    Document {
        view_name: rendering.view_name,
        truncated: rendering.sink.is_truncated(),
        description: rendering.description,
        lines,
    }
}

/// What `paint` puts on so many lines.
pub(crate) fn document(
    view_name: &'static str,
    max_lines: usize,
    paint: impl FnOnce(&mut Sink),
) -> Document {
    let mut sink = Sink::new(max_lines);
    paint(&mut sink);
    sink.finish();
    Document {
        view_name,
        description: String::new(),
        lines: std::iter::from_fn(|| sink.take()).collect(),
        truncated: sink.is_truncated(),
    }
}

/// A body being rendered piece by piece, in memory that does not depend on its length.
pub struct Rendering {
    /// The view, as its name is shown.
    pub view_name: &'static str,
    /// A remark for the head line, mostly empty.
    pub description: String,
    /// The view that fitted best, and turned out not to be able to read the bytes.
    pub failed: Option<&'static str>,
    painter: Box<dyn Painter>,
    /// The bytes are in another charset than UTF-8.
    decoder: Option<Decoder>,
    sink: Sink,
}

impl Rendering {
    /// Chooses the view. `input.data` are the first bytes, or as many of them as are at hand; they are looked at, and
    /// are still to be [fed](Self::feed).
    ///
    /// A view that was not asked for and turns out not to fit these bytes makes way for the raw one.
    #[must_use]
    pub fn start(view: Option<&str>, input: &ViewInput<'_>) -> Self {
        let named = view.and_then(find);
        if let Some(view) = named {
            // Whoever asks for the raw bytes gets them.
            let charset = charset(view, input).filter(|_| view.name() != FALLBACK.name());
            return Self::with(view, input, charset, String::new());
        }
        let description = match view {
            Some(name) if !name.eq_ignore_ascii_case("auto") => {
                format!("[there is no view '{}']", ratel_flow::format::escape(name))
            }
            _ => String::new(),
        };
        let view = best(input);
        let trial_input = ViewInput {
            max_lines: 0,
            ..*input
        };
        let mut trial = Self::with(view, &trial_input, charset(view, input), String::new());
        trial.feed_all(input.data);
        if input.complete {
            trial.finish(true);
        }
        if trial.painter.failed().is_some() {
            let description = format!("[failed to parse as {}]", view.name());
            let raw = Self::with(FALLBACK, input, charset(FALLBACK, input), description);
            return Self {
                failed: Some(view.name()),
                ..raw
            };
        }
        Self::with(view, input, charset(view, input), description)
    }

    fn with(
        view: &'static dyn ContentView,
        input: &ViewInput<'_>,
        charset: Option<Charset>,
        mut description: String,
    ) -> Self {
        if let Some(charset) = charset {
            let space = if description.is_empty() { "" } else { " " };
            description.push_str(&format!("{space}[{}]", charset.name()));
        }
        Self {
            view_name: view.name(),
            description,
            failed: None,
            painter: view.open(input),
            decoder: charset.map(Charset::decoder),
            sink: Sink::new(input.max_lines),
        }
    }

    /// Renders the next bytes. Take the lines before the next call.
    pub fn feed(&mut self, data: &[u8]) {
        if !self.sink.is_full() {
            self.feed_all(data);
        }
    }

    fn feed_all(&mut self, data: &[u8]) {
        let Some(decoder) = &mut self.decoder else {
            return self.painter.feed(data, &mut self.sink);
        };
        // A piece of text is a few times as long as its bytes at most.
        for piece in data.chunks(DECODED_AT_ONCE) {
            let mut text = Vec::new();
            decoder.feed(piece, false, &mut text);
            self.painter.feed(&text, &mut self.sink);
        }
    }

    /// There are no more bytes; `complete` when that is the end of the body.
    pub fn finish(&mut self, complete: bool) {
        if let Some(mut decoder) = self.decoder.take() {
            let mut text = Vec::new();
            decoder.feed(b"", true, &mut text);
            self.painter.feed(&text, &mut self.sink);
        }
        self.painter.finish(complete, &mut self.sink);
        self.sink.finish();
    }

    /// The next line that is done.
    pub fn take(&mut self) -> Option<Line> {
        self.sink.take()
    }

    /// Whether there are enough lines, and more bytes are of no use.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.sink.is_full()
    }

    /// Whether lines were left out.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.sink.is_truncated()
    }
}

impl std::fmt::Debug for Rendering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendering")
            .field("view_name", &self.view_name)
            .finish_non_exhaustive()
    }
}

/// The view of that name in any case, or of an alias.
pub(crate) fn find(name: &str) -> Option<&'static dyn ContentView> {
    let name = view_name(name)?;
    VIEWS
        .into_iter()
        .find(|view| view.name().eq_ignore_ascii_case(name))
}

/// The charset from which the bytes have to be decoded for a view, if it is not UTF-8. Only what the body or its type
/// declares counts: text without a declaration is UTF-8, and what is none is shown as the bytes that it is.
pub(crate) fn charset(view: &dyn ContentView, input: &ViewInput<'_>) -> Option<Charset> {
    if !view.is_text() || input.offset > 0 {
        return None;
    }
    let content_type = input.content_type.unwrap_or_default();
    Charset::declared(content_type, input.data).filter(|charset| *charset != Charset::Utf8)
}

fn best(input: &ViewInput<'_>) -> &'static dyn ContentView {
    let mut best = (FALLBACK, 0.0);
    for view in VIEWS {
        let priority = view.priority(input);
        if priority > best.1 {
            best = (view, priority);
        }
    }
    best.0
}

/// Says what is wrong on a line of its own.
pub(crate) fn complain(out: &mut Sink, sentence: &str) {
    out.finish();
    out.push(Class::Error, sentence);
    out.newline();
}

/// Says that bytes are not what a view is for, and why; they are shown as they are from here on.
pub(crate) fn refuse(out: &mut Sink, view: &str, why: &str) {
    complain(out, &format!("Couldn't parse as {view}:"));
    complain(out, why);
}

#[cfg(test)]
mod tests;
