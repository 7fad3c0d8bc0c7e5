//! The source lines of one place in a traceback, with marks below the part that failed: what was
//! called, which operator, which subscript. It must not know what failed.

use std::ops::Range;

use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::parse_expression;
use crate::syntax::source::{Source, displayed_width};
use crate::syntax::span::Span;

/// Longer parts are not looked into for their operator.
const LONGEST: usize = 2000;

/// Longer lines, in bytes, are not shown whole: they are data or an attack, and nobody finds the place in them.
const LONGEST_LINE: usize = 2000;

/// How many bytes before the place are shown of such a line.
const BEFORE: usize = 80;

/// Which bytes of a part of the source are the ones that failed; the others of the part are
/// marked as well, differently.
struct Anchors {
    start: usize,
    end: usize,
}

/// The lines of a place, without the indentation that all of them have, each with its marks in
/// the line below it.
pub(super) fn lines(source: &Source, span: Span) -> Vec<String> {
    let (first, last) = (source.line(span.start), last_line(source, span));
    let texts: Vec<&str> = (first..=last).map(|line| source.line_text(line)).collect();
    if texts.iter().all(|text| text.trim().is_empty()) {
        return Vec::new();
    }
    let start = span.start as usize;
    let end = (span.end as usize).max(start);
    let part = source.text().get(start..end).unwrap_or_default();
    let anchors = anchors(part);
    let marked = is_marked(source, span, first, last, anchors.as_ref());
    let cut = texts
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| text.len() - text.trim_start().len())
        .min()
        .unwrap_or(0);
    let mut out = Vec::new();
    let mut before: Option<usize> = None;
    for index in significant(source, span, &anchors, first, texts.len()) {
        if let Some(before) = before {
            match index - before {
                1 => {}
                skipped => out.push(format!("...<{} lines>...", skipped - 1)),
            }
        }
        before = Some(index);
        let offset = source.line_range(first + index).start;
        let window = window(texts[index], cut, start.saturating_sub(offset));
        let text = texts[index].get(..window.end).unwrap_or_default();
        out.push(
            text.get(window.start..)
                .unwrap_or_default()
                .trim_end()
                .to_owned(),
        );
        if marked {
            out.push(marks(
                text,
                window.start,
                offset,
                (start, end),
                anchors.as_ref(),
            ));
        }
    }
    out
}

/// Which bytes of a line are shown: all from `cut` on, or, of an enormous line, those around the place.
pub(super) fn window(text: &str, cut: usize, place: usize) -> Range<usize> {
    let rest = text.get(cut..).unwrap_or_default();
    if rest.len() <= LONGEST_LINE {
        return cut..text.len();
    }
    let shown = |at: usize| {
        (0..=at.min(text.len()))
            .rev()
            .find(|&at| text.is_char_boundary(at))
    };
    let start = shown(place.saturating_sub(BEFORE).max(cut)).unwrap_or(cut);
    start..shown(start + LONGEST_LINE).unwrap_or(start)
}

fn last_line(source: &Source, span: Span) -> usize {
    let end = span.end.saturating_sub(1).max(span.start);
    source.line(end)
}

/// Which lines are shown: the first, the last, and those around the anchors.
fn significant(
    source: &Source,
    span: Span,
    anchors: &Option<Anchors>,
    first: usize,
    count: usize,
) -> Vec<usize> {
    let mut wanted = vec![0, count - 1];
    if let Some(anchors) = anchors {
        for offset in [anchors.start, anchors.end] {
            let at = source.line(
                span.start
                    .saturating_add(u32::try_from(offset).unwrap_or(0)),
            );
            let at = at.saturating_sub(first);
            wanted.extend([at.saturating_sub(1), at, at + 1]);
        }
    }
    wanted.retain(|&line| line < count);
    wanted.sort_unstable();
    wanted.dedup();
    // A single line between two is shown rather than counted.
    let mut lines: Vec<usize> = Vec::new();
    for line in wanted {
        if lines.last().is_some_and(|&last| last + 2 == line) {
            lines.push(line - 1);
        }
        lines.push(line);
    }
    lines
}

fn marks(
    text: &str,
    cut: usize,
    offset: usize,
    (start, end): (usize, usize),
    anchors: Option<&Anchors>,
) -> String {
    let mut out = String::new();
    let mut column = 1;
    let mut began = false;
    for (at, character) in text.char_indices() {
        if at < cut {
            continue;
        }
        let width = displayed_width(character, column);
        column += width;
        began |= !character.is_whitespace();
        let place = offset + at;
        if place >= end.max(start + 1) {
            break;
        }
        let mark = if !began || place < start {
            " "
        } else {
            match anchors {
                Some(anchors) if place < start + anchors.start || place >= start + anchors.end => {
                    "~"
                }
                _ => "^",
            }
        };
        out.push_str(&mark.repeat(width));
    }
    let length = out.trim_end().len();
    out.truncate(length);
    out
}

/// Marks that cover all there is say nothing, unless they tell parts of it apart.
fn is_marked(
    source: &Source,
    span: Span,
    first: usize,
    last: usize,
    anchors: Option<&Anchors>,
) -> bool {
    let first_range = source.line_range(first);
    let last_range = source.line_range(last);
    let text = source.text();
    let (start, end) = (span.start as usize, (span.end as usize).min(last_range.end));
    let before = text
        .get(first_range.start..start)
        .unwrap_or_default()
        .trim();
    let after = text.get(end..last_range.end).unwrap_or_default().trim();
    if after.is_empty() && is_plain_call(before, text.get(start..end).unwrap_or_default()) {
        return false;
    }
    anchors.is_some() || !before.is_empty() || !after.is_empty()
}

/// `return f(…)` and `x = f(…)`: there is nothing else that could have failed.
fn is_plain_call(before: &str, part: &str) -> bool {
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let Some((callee, _)) = part.split_once('(') else {
        return false;
    };
    if !part.ends_with(')') {
        return false;
    }
    match before.strip_suffix('=') {
        Some(target) => is_name(target.trim()),
        None => before == "return" && is_name(callee.trim()),
    }
}

fn anchors(part: &str) -> Option<Anchors> {
    if part.is_empty() || part.len() > LONGEST {
        return None;
    }
    // In parentheses, lines may break anywhere.
    let wrapped = Source::new("", format!("({part}\n)"));
    let expression = parse_expression(&wrapped).ok()?;
    let inner = anchors_of(&expression, wrapped.text())?;
    // The parenthesis is one byte.
    Some(Anchors {
        start: inner.start.checked_sub(1)?,
        end: inner.end.checked_sub(1)?.min(part.len()),
    })
}

fn anchors_of(expression: &Expr, text: &str) -> Option<Anchors> {
    let whole = expression.span.range();
    match &expression.kind {
        ExprKind::Binary(_, left, right) => {
            // Between the operands stand the operator, blanks and closing parentheses.
            let between = left.span.end as usize..right.span.start as usize;
            let operator = text.get(between.clone())?;
            let is_operator = |c: char| "+-*/%@&|^<>".contains(c);
            let at = operator.find(is_operator)?;
            let length = operator[at..]
                .chars()
                .take_while(|c| is_operator(*c))
                .count();
            let start = between.start + at;
            Some(Anchors {
                start,
                end: start + length,
            })
        }
        ExprKind::Subscript { object, .. } => opened(object, '[', text, whole.end),
        ExprKind::Call { callee, .. } => opened(callee, '(', text, whole.end),
        _ => None,
    }
}

fn opened(before: &Expr, bracket: char, text: &str, end: usize) -> Option<Anchors> {
    let from = before.span.end as usize;
    let at = text.get(from..end)?.find(bracket)?;
    Some(Anchors {
        start: from + at,
        end,
    })
}
