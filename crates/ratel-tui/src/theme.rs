//! What text means, and how that looks.
//!
//! Meaning is never in the colour alone: status codes are numbers, methods words, errors say `err`. Without colour
//! the few roles that need to stand out are bold, dim, underlined or reversed. A role has a *hue*, and a palette says which
//! colour that is.

mod palettes;

use ratatui::style::{Color, Modifier, Style};

use palettes::{Hue, Palette};

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Text without a meaning of its own.
    Text,
    /// What is less important.
    Dim,
    /// A heading within text.
    Heading,
    /// The name of a field.
    Name,
    /// A key to press.
    Key,
    /// A byte or character that cannot be shown as itself.
    Escape,
    /// A method that reads.
    MethodRead,
    /// A method that writes.
    MethodWrite,
    /// A method that deletes.
    MethodDelete,
    /// Any other method.
    MethodOther,
    /// The scheme and other marks of a URL.
    UrlMark,
    /// The host of a URL.
    UrlHost,
    /// The path of a URL.
    UrlPath,
    /// 2xx.
    StatusOk,
    /// 3xx.
    StatusRedirect,
    /// 4xx.
    StatusClientError,
    /// 5xx.
    StatusServerError,
    /// Any other status, and an exchange that goes on.
    StatusOther,
    /// A content type.
    ContentType,
    /// What came from the client.
    FromClient,
    /// What came from the server.
    FromServer,
    /// An error.
    Error,
    /// A warning.
    Warn,
    /// What a user must know.
    Alert,
    /// The focused row.
    Focus,
    /// A bar across the screen.
    Bar,
    /// The bar of a pane that has not the focus.
    BarInactive,
    /// The tab that is open.
    TabOpen,
    /// A tab that is not.
    TabClosed,
    /// What was searched for.
    Found,
    /// The match that was gone to last.
    FoundHere,
    /// A row that is highlighted.
    Highlight,
    /// The focused row, when it is highlighted, too.
    FocusHighlight,
    /// The place where typed text goes.
    Cursor,
    /// The one of several that is chosen.
    Chosen,
    /// The name of a command.
    Command,
    /// What may be typed next.
    Hint,
    /// What is held back.
    Intercept,
    /// What was sent or answered again.
    Replay,
    /// The mark of a flow.
    Mark,
    /// A value that is not the default.
    Changed,
    /// Bars in a picture of time: connecting.
    SpanConnect,
    /// Bars in a picture of time: TLS.
    SpanTls,
    /// Bars in a picture of time: waiting.
    SpanWait,
    /// Bars in a picture of time: transfer.
    SpanTransfer,
    /// Syntax: the name of something.
    SyntaxName,
    /// Syntax: a string.
    SyntaxString,
    /// Syntax: a number.
    SyntaxNumber,
    /// Syntax: a literal such as `true`.
    SyntaxLiteral,
    /// Syntax: a comment.
    SyntaxComment,
}

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// None, or none are wanted.
    #[default]
    None,
    /// The sixteen that the user's own scheme defines.
    Sixteen,
    /// 256, of which all but the first sixteen are the same everywhere.
    Many,
}

impl Colours {
    /// What the environment says: the variables `NO_COLOR` (<https://no-color.org>), `TERM` and `COLORTERM`.
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        if set("NO_COLOR").is_some() || term == "dumb" {
            return Self::None;
        }
        if set("COLORTERM").is_some() || term.contains("256") || term.contains("direct") {
            return Self::Many;
        }
        // Terminals that are called by a name of their own can do it.
        let plain = [
            "xterm", "screen", "tmux", "linux", "vt100", "vt220", "ansi", "rxvt", "cygwin", "",
        ];
        if plain.contains(&term.as_str()) || term.ends_with("-16color") {
            Self::Sixteen
        } else {
            Self::Many
        }
    }
}

/// How roles look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    palette: &'static Palette,
    colours: Colours,
    transparent: bool,
}

impl Theme {
    /// The looks of a palette (`console_palette`); `transparent` leaves the terminal's background and the colour of plain text
    /// as they are (`console_palette_transparent`).
    #[must_use]
    pub fn new(palette: &str, transparent: bool, colours: Colours) -> Self {
        Self {
            palette: palettes::find(palette),
            colours,
            transparent,
        }
    }

    /// The looks of a role.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let style = Style::new().add_modifier(modifier(role));
        match self.colour(hue(role)) {
            Some(colour) => style.fg(colour),
            None => style,
        }
    }

    /// The looks of what nothing is painted on; none where the terminal's own are kept.
    #[must_use]
    pub fn base(self) -> Option<Style> {
        if self.transparent {
            return None;
        }
        let style = Style::new().bg(self.colour(Some(Hue::Background))?);
        Some(match self.colour(Some(Hue::Text)) {
            Some(text) => style.fg(text),
            None => style,
        })
    }

    fn colour(self, hue: Option<Hue>) -> Option<Color> {
        let hue = hue?;
        // Text in a colour that fits another background could not be read.
        if self.transparent && matches!(hue, Hue::Text | Hue::Strong) {
            return None;
        }
        self.palette.colour(hue, self.colours)
    }
}

fn modifier(role: Role) -> Modifier {
    match role {
        Role::Dim | Role::SyntaxComment | Role::Hint => Modifier::DIM,
        Role::Heading
        | Role::Name
        | Role::Key
        | Role::Error
        | Role::Warn
        | Role::Alert
        | Role::Command
        | Role::Changed
        | Role::Mark
        | Role::Focus => Modifier::BOLD,
        Role::StatusClientError | Role::StatusServerError | Role::Intercept => Modifier::BOLD,
        Role::Escape | Role::BarInactive | Role::Highlight => Modifier::UNDERLINED,
        Role::FocusHighlight => Modifier::UNDERLINED.union(Modifier::BOLD),
        Role::Bar | Role::TabOpen | Role::Found | Role::Cursor | Role::Chosen => Modifier::REVERSED,
        Role::FoundHere => Modifier::REVERSED
            .union(Modifier::BOLD)
            .union(Modifier::UNDERLINED),
        _ => Modifier::empty(),
    }
}

fn hue(role: Role) -> Option<Hue> {
    Some(match role {
        Role::Text | Role::UrlPath | Role::StatusOther | Role::TabClosed => Hue::Text,
        Role::Focus | Role::Chosen | Role::Bar | Role::TabOpen => Hue::Strong,
        Role::Dim | Role::UrlMark | Role::SyntaxComment | Role::Hint | Role::BarInactive => {
            Hue::Dim
        }
        Role::Heading
        | Role::Key
        | Role::Name
        | Role::SyntaxName
        | Role::UrlHost
        | Role::SpanTls => Hue::Cyan,
        Role::MethodRead
        | Role::StatusOk
        | Role::SyntaxString
        | Role::FromClient
        | Role::Command
        | Role::SpanTransfer => Hue::Green,
        Role::MethodWrite | Role::SyntaxNumber | Role::Changed | Role::Found | Role::FoundHere => {
            Hue::Yellow
        }
        Role::Warn | Role::Escape | Role::Intercept | Role::SpanWait => Hue::Orange,
        Role::MethodDelete
        | Role::StatusClientError
        | Role::StatusServerError
        | Role::Error
        | Role::Mark => Hue::Red,
        Role::MethodOther | Role::Alert | Role::FromServer | Role::Replay => Hue::Magenta,
        Role::SyntaxLiteral | Role::Highlight | Role::FocusHighlight => Hue::Violet,
        Role::StatusRedirect | Role::ContentType | Role::SpanConnect => Hue::Blue,
        Role::Cursor => return None,
    })
}

/// The role of a method.
pub(crate) fn method(method: &[u8]) -> Role {
    match method {
        b"GET" | b"HEAD" => Role::MethodRead,
        b"POST" | b"PUT" | b"PATCH" => Role::MethodWrite,
        b"DELETE" => Role::MethodDelete,
        _ => Role::MethodOther,
    }
}

/// The role of a status code.
pub(crate) fn status(status: u16) -> Role {
    match status / 100 {
        2 => Role::StatusOk,
        3 => Role::StatusRedirect,
        4 => Role::StatusClientError,
        5 => Role::StatusServerError,
        _ => Role::StatusOther,
    }
}

#[cfg(test)]
mod tests;
