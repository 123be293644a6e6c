//! What text means, and how that looks.
//!
//! Meaning is never in the colour alone: status codes are numbers, methods words, errors say `err`. Without colour
//! the few roles that need to stand out are bold, dim, underlined or reversed.

use ratatui::style::{Color, Modifier, Style};

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
    /// The tab that is open.
    TabOpen,
    /// A tab that is not.
    TabClosed,
    /// What was searched for.
    Found,
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

/// How roles look. The sixteen colours of the terminal are used, so that they fit its own background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Whether there are colours.
    pub colour: bool,
}

impl Theme {
    /// The looks of a role.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let style = Style::new().add_modifier(modifier(role));
        match (self.colour, colour(role)) {
            (true, Some(colour)) => style.fg(colour),
            _ => style,
        }
    }
}

fn modifier(role: Role) -> Modifier {
    match role {
        Role::Dim | Role::SyntaxComment => Modifier::DIM,
        Role::Heading
        | Role::Name
        | Role::Key
        | Role::Error
        | Role::Warn
        | Role::Alert
        | Role::Focus => Modifier::BOLD,
        Role::StatusClientError | Role::StatusServerError => Modifier::BOLD,
        Role::Escape => Modifier::UNDERLINED,
        Role::Bar | Role::TabOpen | Role::Found => Modifier::REVERSED,
        _ => Modifier::empty(),
    }
}

fn colour(role: Role) -> Option<Color> {
    Some(match role {
        Role::Heading | Role::Key | Role::Name | Role::SyntaxName | Role::UrlHost => Color::Cyan,
        Role::MethodRead | Role::StatusOk | Role::SyntaxString | Role::FromClient => Color::Green,
        Role::MethodWrite | Role::SyntaxNumber => Color::Yellow,
        Role::MethodDelete | Role::StatusClientError | Role::StatusServerError | Role::Error => {
            Color::Red
        }
        Role::MethodOther | Role::Alert | Role::SyntaxLiteral | Role::FromServer => Color::Magenta,
        Role::StatusRedirect => Color::Blue,
        Role::Warn | Role::Escape | Role::Found => Color::Yellow,
        Role::ContentType => Color::Blue,
        _ => return None,
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
