//! A filter in words.

use std::fmt;

use super::operators::Argument;
use super::parse::{Node, Operand, Test};

pub(super) fn node(node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match node {
        Node::All(nodes) => join(nodes, " and ", f),
        Node::Any(nodes) => join(nodes, " or ", f),
        Node::Not(inner) => {
            f.write_str("not ")?;
            part(inner, f)
        }
        Node::Test(test) => self::test(test, f),
    }
}

fn join(nodes: &[Node], with: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (position, node) in nodes.iter().enumerate() {
        if position > 0 {
            f.write_str(with)?;
        }
        part(node, f)?;
    }
    Ok(())
}

/// In parentheses, where it has several parts.
fn part(node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match node {
        Node::All(_) | Node::Any(_) => {
            f.write_str("(")?;
            self::node(node, f)?;
            f.write_str(")")
        }
        Node::Not(_) | Node::Test(_) => self::node(node, f),
    }
}

fn test(test: &Test, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let label = test.row.label;
    match &test.operand {
        Operand::None => f.write_str(label),
        Operand::Number(_, digits) => {
            let digits = digits.trim_start_matches('0');
            write!(
                f,
                "{label} is {}",
                if digits.is_empty() { "0" } else { digits }
            )
        }
        Operand::Pattern(pattern) => {
            write!(f, "{label} matches /{}/", pattern.source())?;
            if pattern.flags().ignore_case {
                f.write_str("i")?;
            }
            f.write_str(match test.row.argument {
                Argument::BytesMultiLine | Argument::TextMultiLine => "m",
                Argument::BytesDotAll => "s",
                _ => "",
            })
        }
    }
}
