//! Style sheets and scripts that were squeezed into one line, with their lines and indentation.

use super::whole::{Beyond, Whole};
use crate::{Class, ContentView, Painter, Sink, ViewInput};

/// Blocks deeper than this are indented no further.
const MAX_LEVEL: usize = 32;

/// For style sheets.
pub(crate) struct Css;

impl ContentView for Css {
    fn name(&self) -> &'static str {
        "CSS"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "text/css";
        if fits && input.offset == 0 { 1.0 } else { 0.0 }
    }

    fn is_text(&self) -> bool {
        true
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Text, |data, _, out| {
            css(data, out);
            Ok(())
        })
    }
}

/// For scripts.
pub(crate) struct JavaScript;

impl ContentView for JavaScript {
    fn name(&self) -> &'static str {
        "JavaScript"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = matches!(
            &input.media_type()[..],
            "application/javascript" | "application/x-javascript" | "text/javascript"
        );
        if fits && input.offset == 0 { 1.0 } else { 0.0 }
    }

    fn is_text(&self) -> bool {
        true
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Text, |data, _, out| {
            script(data, out);
            Ok(())
        })
    }
}

/// A piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Comment(&'a [u8]),
    String(&'a [u8]),
    Space { lines: usize },
    Word(&'a [u8]),
    Sign(u8),
}

/// What is a comment and what is a string differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Css,
    JavaScript,
}

struct Tokens<'a> {
    rest: &'a [u8],
    language: Language,
    /// A slash would begin a regular expression here: an operand is due.
    operand: bool,
}

impl<'a> Tokens<'a> {
    fn new(data: &'a [u8], language: Language) -> Self {
        Self {
            rest: data,
            language,
            operand: true,
        }
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn while_(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|b| !fits(*b));
        self.take(end.unwrap_or(self.rest.len()))
    }

    /// Something in quotes, or a regular expression: up to the byte it began with, if no backslash stands before it.
    fn quoted(&mut self) -> &'a [u8] {
        let quote = self.rest.first().copied();
        let many_lines = quote == Some(b'`');
        let (mut escaped, mut in_class) = (false, false);
        let end = self.rest.iter().skip(1).position(|b| {
            if std::mem::take(&mut escaped) {
                return false;
            }
            match b {
                b'\\' => escaped = true,
                b'\n' if !many_lines => return true,
                b'[' if quote == Some(b'/') => in_class = true,
                b']' => in_class = false,
                b if Some(*b) == quote && !in_class => return true,
                _ => {}
            }
            false
        });
        self.take(end.map_or(self.rest.len(), |end| end + 2))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        let script = self.language == Language::JavaScript;
        if first.is_ascii_whitespace() {
            let space = self.while_(|b| b.is_ascii_whitespace());
            let lines = space.iter().filter(|b| **b == b'\n').count();
            return Some(Token::Space { lines });
        }
        if self.rest.starts_with(b"/*") {
            let end = memchr::memmem::find(self.rest.get(2..).unwrap_or_default(), b"*/");
            return Some(Token::Comment(
                self.take(end.map_or(self.rest.len(), |end| end + 4)),
            ));
        }
        if self.rest.starts_with(b"//") && (script || self.operand) {
            return Some(Token::Comment(self.while_(|b| b != b'\n')));
        }
        let is_regex = script && first == b'/' && self.operand;
        if matches!(first, b'"' | b'\'') || (script && first == b'`') || is_regex {
            let quoted = self.quoted();
            self.operand = false;
            return Some(Token::String(quoted));
        }
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'_' | b'$');
        if is_word(first) {
            let word = self.while_(is_word);
            self.operand = matches!(
                word,
                b"return" | b"typeof" | b"case" | b"in" | b"of" | b"else"
            );
            return Some(Token::Word(word));
        }
        self.take(1);
        self.operand = !matches!(first, b')' | b']' | b'}');
        Some(Token::Sign(first))
    }
}

/// Lines under indentation.
struct Lines<'o> {
    out: &'o mut Sink,
    width: usize,
    level: usize,
    /// Something stands in the line.
    begun: bool,
    /// A space is due before what comes next in this line.
    space: bool,
}

impl Lines<'_> {
    fn put(&mut self, class: Class, text: &[u8]) {
        if !self.begun {
            let spaces = " ".repeat(self.level.min(MAX_LEVEL) * self.width);
            self.out.push(Class::Plain, &spaces);
        } else if self.space {
            self.out.push(Class::Plain, " ");
        }
        (self.begun, self.space) = (true, false);
        for (nth, line) in text.split(|b| *b == b'\n').enumerate() {
            if nth > 0 {
                self.out.newline();
            }
            self.out
                .push_bytes(class, line.strip_suffix(b"\r").unwrap_or(line));
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.out.newline();
        }
        self.space = false;
    }
}

fn css(data: &[u8], out: &mut Sink) {
    let mut lines = Lines {
        out,
        width: 4,
        level: 0,
        begun: false,
        space: false,
    };
    let mut round = 0_usize;
    // An empty line divides blocks.
    let mut gap = false;
    let mut tokens = Tokens::new(data, Language::Css);
    // Whether a colon divides a name from its value follows from what ends the statement.
    let mut declares = ends_as_declaration(tokens.rest);
    while let Some(token) = tokens.next() {
        if !matches!(token, Token::Space { .. } | Token::Sign(b'}')) && std::mem::take(&mut gap) {
            lines.out.newline();
        }
        match token {
            Token::Comment(text) => {
                lines.end();
                lines.put(Class::Comment, text);
                lines.end();
            }
            Token::Space { .. } => lines.space = lines.begun,
            Token::String(text) => lines.put(Class::String, text),
            Token::Word(text) => lines.put(Class::Plain, text),
            Token::Sign(b'{') => {
                lines.space = lines.begun;
                lines.put(Class::Plain, b"{");
                lines.end();
                lines.level += 1;
            }
            Token::Sign(b'}') => {
                lines.end();
                lines.level = lines.level.saturating_sub(1);
                lines.put(Class::Plain, b"}");
                lines.end();
                gap = true;
            }
            Token::Sign(b';') if round == 0 => {
                lines.space = false;
                lines.put(Class::Plain, b";");
                lines.end();
            }
            Token::Sign(b':') if declares && round == 0 && lines.level > 0 => {
                lines.space = false;
                lines.put(Class::Plain, b":");
                lines.space = true;
            }
            Token::Sign(b',') => {
                lines.space = false;
                lines.put(Class::Plain, b",");
                lines.space = true;
            }
            Token::Sign(sign) => {
                round = match sign {
                    b'(' => round + 1,
                    b')' => round.saturating_sub(1),
                    _ => round,
                };
                lines.put(Class::Plain, &[sign]);
            }
        }
        if matches!(token, Token::Sign(b'{' | b'}' | b';')) {
            declares = ends_as_declaration(tokens.rest);
        }
        if lines.out.is_full() {
            return;
        }
    }
    lines.end();
}

/// Whether what begins here is a name and a value, no selector.
fn ends_as_declaration(rest: &[u8]) -> bool {
    let mut tokens = Tokens::new(rest, Language::Css);
    let end = tokens.find_map(|token| match token {
        Token::Sign(sign @ (b'{' | b'}' | b';')) => Some(sign),
        _ => None,
    });
    end != Some(b'{')
}

fn script(data: &[u8], out: &mut Sink) {
    let mut lines = Lines {
        out,
        width: 2,
        level: 0,
        begun: false,
        space: false,
    };
    // Within round brackets lines go on, as in `for (;;)`.
    let mut round: Vec<bool> = Vec::new();
    let (mut after_block, mut after_bracket) = (false, false);
    for token in Tokens::new(data, Language::JavaScript) {
        let inside = round.last() == Some(&true);
        if !matches!(token, Token::Space { .. }) && std::mem::take(&mut after_block) {
            match token {
                Token::Sign(b',' | b';' | b')' | b']' | b'.' | b'(') => lines.space = false,
                Token::Word(b"else" | b"catch" | b"finally" | b"while") => lines.space = true,
                _ => lines.end(),
            }
        }
        match token {
            Token::Comment(text) => {
                lines.space = lines.begun;
                lines.put(Class::Comment, text);
                if text.starts_with(b"//") {
                    lines.end();
                }
            }
            Token::Space { lines: 0 } => lines.space = lines.begun,
            Token::Space { .. } if inside => lines.space = lines.begun,
            Token::Space { .. } => lines.end(),
            Token::String(text) => lines.put(Class::String, text),
            Token::Word(text) => lines.put(word_class(text), text),
            Token::Sign(b'{') => {
                lines.space |= lines.begun && !after_bracket;
                lines.put(Class::Plain, b"{");
                lines.end();
                lines.level += 1;
                push(&mut round, false);
            }
            Token::Sign(b'}') => {
                lines.end();
                lines.level = lines.level.saturating_sub(1);
                round.pop();
                lines.put(Class::Plain, b"}");
                after_block = round.last() != Some(&true);
            }
            Token::Sign(b';') if !inside => {
                lines.put(Class::Plain, b";");
                lines.end();
            }
            Token::Sign(sign) => {
                match sign {
                    b'(' | b'[' => push(&mut round, true),
                    b')' | b']' => drop(round.pop()),
                    _ => {}
                }
                lines.put(Class::Plain, &[sign]);
            }
        }
        if !matches!(token, Token::Space { .. }) {
            after_bracket = matches!(token, Token::Sign(b'(' | b'['));
        }
        if lines.out.is_full() {
            return;
        }
    }
    lines.end();
}

/// Brackets that are open; beyond a bound they are not counted.
fn push(round: &mut Vec<bool>, inside: bool) {
    if round.len() < 10_000 {
        round.push(inside);
    }
}

fn word_class(word: &[u8]) -> Class {
    const KEYWORDS: [&[u8]; 26] = [
        b"async",
        b"await",
        b"break",
        b"case",
        b"catch",
        b"class",
        b"const",
        b"default",
        b"do",
        b"else",
        b"export",
        b"extends",
        b"for",
        b"function",
        b"if",
        b"import",
        b"let",
        b"new",
        b"return",
        b"switch",
        b"this",
        b"throw",
        b"try",
        b"var",
        b"while",
        b"yield",
    ];
    if word.first().is_some_and(u8::is_ascii_digit) {
        Class::Number
    } else if matches!(word, b"true" | b"false" | b"null" | b"undefined") {
        Class::Boolean
    } else if KEYWORDS.contains(&word) {
        Class::Name
    } else {
        Class::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::shown;

    #[test]
    fn style_sheets_have_a_line_for_each_declaration() {
        let css = "@import url(a.css);/* top */a:hover,b>c{color:red;background:url(data:x;y) \"a;b\"}\
            @media (max-width:1px){p::before{content:'}'}}";
        insta::assert_snapshot!(shown("text/css", css), @r#"
        @import url(a.css);
        /* top */
        a:hover, b>c {
            color: red;
            background: url(data:x;y) "a;b"
        }

        @media (max-width:1px) {
            p::before {
                content: '}'
            }
        }
        "#);
    }

    #[test]
    fn scripts_have_a_line_for_each_statement() {
        let js = "function f(a,b){for(let i=0;i<3;i++){g(`x;${i}`);}return /[/;]\\/}/.test(a)/2//end\n}var s=\"{;}\";";
        insta::assert_snapshot!(shown("text/javascript", js), @r#"
        function f(a,b) {
          for(let i=0;i<3;i++) {
            g(`x;${i}`);
          }
          return /[/;]\/}/.test(a)/2 //end
        }
        var s="{;}";
        "#);
    }

    #[test]
    fn any_text_is_shown_whole() {
        for kind in ["text/css", "text/javascript"] {
            for text in ["", "{", "}}}}", "/*", "\"", "`", "(((", "a{b", "/", ";;;"] {
                let squeezed = |text: &str| text.replace(char::is_whitespace, "");
                assert_eq!(
                    squeezed(&shown(kind, text)),
                    squeezed(text),
                    "{kind} {text}"
                );
            }
            let deep = "{".repeat(100_000);
            assert_eq!(shown(kind, &deep).lines().count(), 1000);
        }
    }
}
