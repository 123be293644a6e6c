//! The page about filter expressions, with the table of operators.

use ratel_flow::filter::help;

const HEAD: &str = "\
# Filters

<!-- Made by `cargo xtask generate` from crates/ratel-flow/src/filter/operators.rs and crates/xtask/src/filter_docs.rs. Change it there. -->

A filter says which flows are meant. The language is mitmproxy's, and what mitmproxy takes means the same here.

| filter | flows |
|---|---|
| `~m POST & ~d example.com` | that post to a host with `example.com` in its name |
| `~c 404 \\| ~e` | that were not found, or failed |
| `!(~ts image) ~bs \"access token\"` | whose response is no image and has `access token` in it |
| `/api/ !~q` | with `/api/` in their URL that were answered |
| `~hq \"^authorization: bearer\"` | that were asked with such a header |

## Operators

| operator | matches when |
|---|---|
";

const TAIL: &str = "
An operator is false for flows that it is not about: `~m GET` for a TCP connection, and so `!~m GET` is true for it. Bodies are searched as
they are once `Content-Encoding` is undone, and as they were sent if that fails. A body that was not kept matches nothing.

## How it is read

- `!` binds tightest, then `&`, then `|`. Expressions side by side must all match, but that binds weakest: `~q ~s | ~a` is `~q & (~s | ~a)`.
  Within parentheses there is one expression, so that `&` or `|` has to join two.
- An operator ends at a space. So does a regular expression without quotes, or at a parenthesis, a quote or `~`: `a&b` and `a|b` are *one*
  expression each, `a & b` is two. `(~q)` is an error, `(~q )` is not.
- Between quotes, `\"` or `'`, a backslash escapes what follows and is gone, so that a regular expression has two of them where it needs one:
  `~u \"/v\\\\d+/\"` is `~u /v\\d+/`. `\\n`, `\\r`, `\\t` and `\\f` are what they are elsewhere.

An error says what is wrong and at which character, and what to write instead where that is known.

## Regular expressions

They are Python's, with look-around, references back, named groups and inline flags such as `(?-i:...)`, and are searched for anywhere. Capitals and
small letters are the same unless the environment has `MITMPROXY_CASE_SENSITIVE_FILTERS=1`. Operators on bodies, headers, methods and types
search bytes: there `.` is a byte and `\\w` knows ASCII alone. For `~b` and its kind `.` is also the end of a line; for `~h`, `~meta`, `~comment` and
their kind `^` and `$` are ends of lines. Two things differ from Python: characters have no names (`\\N{BULLET}`), and a search that would take
very long counts as without result.
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    for line in help() {
        // A pipe ends a cell, in code too.
        let syntax = line.syntax.replace('|', "\\|");
        page.push_str(&format!("| `{syntax}` | {} |\n", line.description));
    }
    page + TAIL
}
