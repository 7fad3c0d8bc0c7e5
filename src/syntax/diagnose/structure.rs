//! Lines in the wrong place: clauses without the statement they belong to, statements without the
//! clauses they need.

use super::tokens::{Kind, tokens};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

/// A logical line, seen from outside.
struct Line<'c> {
    indent: usize,
    start: usize,
    word: &'c str,
}

/// Checks the line that begins at `start` against the lines before it. `start` may be the end of
/// the text.
pub(super) fn check(text: &str, start: usize) -> Checked<()> {
    let current = line(text, start);
    let at_end = start >= text.len();
    let mut limit = usize::MAX;
    let mut sibling = None;
    let mut parent = None;
    let mut end = start;
    // From the line before backwards: each line that is less indented than all after it is the
    // last one of its block.
    while end > 0 {
        let begin = super::line_start(text, end - 1);
        let before = line(text, begin);
        end = begin;
        if before.indent >= limit {
            continue;
        }
        limit = before.indent;
        if before.indent < current.indent {
            parent = Some(before);
            break;
        }
        check_pending(text, &before, &current, at_end)?;
        if before.indent == current.indent {
            sibling = Some(before);
        }
        if limit == 0 {
            break;
        }
    }
    if at_end {
        return Ok(());
    }
    check_clause(text, &current, sibling.as_ref())?;
    check_case(text, &current, parent.as_ref())
}

fn line(text: &str, start: usize) -> Line<'_> {
    let rest = text.get(start..).unwrap_or("");
    let first = rest.bytes().take_while(|byte| *byte == b' ').count();
    // The spaces before the very first statement are no indentation.
    let indent = if start == 0 { 0 } else { first };
    let after = &rest[first..];
    let width = after
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
        .count();
    let word = match after.as_bytes().first() {
        Some(b'@') => "@",
        _ => after.get(..width).unwrap_or(""),
    };
    Line {
        indent,
        start: start + first,
        word,
    }
}

fn word_span(line: &Line<'_>) -> Span {
    Span::new(line.start, line.start + line.word.len().max(1))
}

/// A statement that still waits for something.
fn check_pending(text: &str, before: &Line<'_>, current: &Line<'_>, at_end: bool) -> Checked<()> {
    let same = before.indent == current.indent && !at_end;
    let place = if at_end {
        let last = text.trim_end().len();
        Span::new(last.saturating_sub(1), last)
    } else {
        first_token(text, current)
    };
    match before.word {
        "try" if is_header(text, before) => {
            if same && matches!(current.word, "except" | "finally") {
                return Ok(());
            }
            SyntaxError::new("expected 'except' or 'finally' block", place)
                .related(word_span(before), "the `try` is here")
                .incomplete(at_end)
                .fail()
        }
        "@" => {
            if same && matches!(current.word, "def" | "class" | "async" | "@") {
                return Ok(());
            }
            SyntaxError::new("invalid syntax", place)
                .label("expected `def` or `class` after the decorator")
                .related(word_span(before), "the decorator is here")
                .incomplete(at_end)
                .fail()
        }
        _ => Ok(()),
    }
}

/// Whether the word of a line is followed by a colon: it is no name.
fn is_header(text: &str, line: &Line<'_>) -> bool {
    let after = &text[line.start + line.word.len()..];
    after.trim_start_matches(' ').starts_with(':')
}

/// An `else`, `elif`, `except` or `finally` needs a statement to belong to.
fn check_clause(text: &str, current: &Line<'_>, sibling: Option<&Line<'_>>) -> Checked<()> {
    let owners: &[&str] = match current.word {
        "elif" => &["if", "elif"],
        "else" => &["if", "elif", "for", "while", "except"],
        "except" => &["try", "except"],
        "finally" => &["try", "except", "else"],
        _ => return Ok(()),
    };
    if let Some(sibling) = sibling {
        if owners.contains(&sibling.word) {
            return Ok(());
        }
        if current.word == "else" && sibling.word == "else" {
            return SyntaxError::new("invalid syntax", word_span(current))
                .label("a second `else`")
                .related(word_span(sibling), "the first is here")
                .fail();
        }
        if matches!(sibling.word, "finally") {
            return SyntaxError::new("invalid syntax", word_span(current))
                .label(format!("`{}` after `finally`", current.word))
                .help("`finally` comes last")
                .related(word_span(sibling), "the `finally` is here")
                .fail();
        }
    }
    let _ = text;
    let list = match current.word {
        "elif" => "`if`",
        "else" => "`if`, `for`, `while` or `try`",
        _ => "`try`",
    };
    SyntaxError::new("invalid syntax", word_span(current))
        .label(format!("no {list} that this belongs to"))
        .help("it must be indented as the statement that it belongs to, with nothing between")
        .fail()
}

/// Within `match`, only `case` may stand.
fn check_case(text: &str, current: &Line<'_>, parent: Option<&Line<'_>>) -> Checked<()> {
    let Some(parent) = parent else {
        return Ok(());
    };
    if parent.word != "match" || current.word == "case" {
        return Ok(());
    }
    // `match` may also be a name that was misused in some other way.
    if super::check_line(text, super::line_start(text, parent.start)).is_err() {
        return Ok(());
    }
    SyntaxError::new("invalid syntax", first_token(text, current))
        .label("expected `case`")
        .related(word_span(parent), "the `match` is here")
        .fail()
}

fn first_token(text: &str, line: &Line<'_>) -> Span {
    let tokens = tokens(text, line.start);
    match tokens.first() {
        Some(token) if token.kind != Kind::End => token.span,
        _ => word_span(line),
    }
}
