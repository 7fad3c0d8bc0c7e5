//! The patterns of `case`.

use std::collections::HashSet;

use super::grammar::Rule;
use super::{Pair, Parser, expressions, missing, span_of, unexpected};
use crate::syntax::ast::{Expr, ExprKind, Ident, Pattern, PatternKind, UnaryOp};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

impl Parser<'_> {
    /// Pattern and guard of a `case`.
    pub(super) fn case_header(&mut self, pair: Pair<'_>) -> Checked<(Pattern, Option<Expr>)> {
        let place = span_of(&pair);
        let mut pattern = None;
        let mut guard = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::patterns => pattern = Some(self.open_patterns(part)?),
                Rule::guard => {
                    let mut inner = part.into_inner();
                    inner.next();
                    guard = Some(self.named_expression(&mut inner, place)?.expr);
                }
                _ => {}
            }
        }
        Ok((pattern.ok_or_else(|| missing(place))?, guard))
    }

    /// One pattern, or a sequence without brackets.
    fn open_patterns(&mut self, pair: Pair<'_>) -> Checked<Pattern> {
        let place = self.trimmed(&pair);
        let (mut items, comma) = self.pattern_items(pair)?;
        let star = matches!(
            items.first().map(|item| &item.kind),
            Some(PatternKind::Star(_))
        );
        if items.len() == 1 && !comma {
            if star {
                return SyntaxError::new("invalid syntax", place)
                    .help("a comma after it makes it a sequence")
                    .fail();
            }
            return items.pop().ok_or_else(|| missing(place));
        }
        Ok(Pattern {
            kind: PatternKind::Sequence(items),
            span: place,
        })
    }

    /// Patterns with commas between, and whether a comma stands after the last.
    fn pattern_items(&mut self, pair: Pair<'_>) -> Checked<(Vec<Pattern>, bool)> {
        let mut items = Vec::new();
        let mut comma = false;
        let mut star: Option<Span> = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::trailing_comma => comma = true,
                Rule::star_pattern => {
                    let span = self.trimmed(&part);
                    let name = part.into_inner().next().ok_or_else(|| missing(span))?;
                    let name = match name.as_str() {
                        "_" => None,
                        _ => Some(self.binding(&name)?),
                    };
                    if let Some(earlier) = star.replace(span) {
                        return SyntaxError::new(
                            "multiple starred names in sequence pattern",
                            span,
                        )
                        .related(earlier, "the first is here")
                        .fail();
                    }
                    items.push(Pattern {
                        kind: PatternKind::Star(name),
                        span,
                    });
                }
                _ => items.push(self.pattern(part)?),
            }
        }
        Ok((items, comma))
    }

    fn pattern(&mut self, pair: Pair<'_>) -> Checked<Pattern> {
        let place = self.trimmed(&pair);
        let mut alternatives = Vec::new();
        let mut alias = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::AS => {}
                Rule::name => {
                    if part.as_str() == "_" {
                        return SyntaxError::new("cannot use '_' as a target", span_of(&part))
                            .fail();
                    }
                    alias = Some(self.binding(&part)?);
                }
                _ => alternatives.push(self.closed_pattern(part)?),
            }
        }
        let end = alternatives.last().map_or(place.end, |last| last.span.end);
        let mut pattern = match alternatives.len() {
            1 => alternatives.pop().ok_or_else(|| missing(place))?,
            _ => Pattern {
                kind: PatternKind::Or(alternatives),
                span: Span { end, ..place },
            },
        };
        if let Some(name) = alias {
            pattern = Pattern {
                span: Span {
                    end: name.span.end,
                    ..place
                },
                kind: PatternKind::As {
                    pattern: Box::new(pattern),
                    name,
                },
            };
        }
        Ok(pattern)
    }

    fn closed_pattern(&mut self, pair: Pair<'_>) -> Checked<Pattern> {
        let span = self.trimmed(&pair);
        let kind = match pair.as_rule() {
            Rule::literal_pattern => {
                let value = self.literal(pair)?;
                match value.kind {
                    ExprKind::None | ExprKind::Bool(_) => PatternKind::Singleton(value),
                    _ => PatternKind::Value(value),
                }
            }
            Rule::sequence_pattern => {
                let items = match pair.into_inner().next() {
                    Some(inner) => self.pattern_items(inner)?.0,
                    None => Vec::new(),
                };
                PatternKind::Sequence(items)
            }
            Rule::group_pattern => {
                let Some(inner) = pair.into_inner().next() else {
                    return Ok(Pattern {
                        kind: PatternKind::Sequence(Vec::new()),
                        span,
                    });
                };
                let (mut items, comma) = self.pattern_items(inner)?;
                let star = matches!(
                    items.first().map(|item| &item.kind),
                    Some(PatternKind::Star(_))
                );
                if items.len() == 1 && !comma && !star {
                    return items.pop().ok_or_else(|| missing(span));
                }
                if items.len() == 1 && !comma {
                    return SyntaxError::new("invalid syntax", span)
                        .help("a comma after it makes it a sequence")
                        .fail();
                }
                PatternKind::Sequence(items)
            }
            Rule::mapping_pattern => self.mapping_pattern(pair)?,
            Rule::named_pattern => self.named_pattern(pair)?,
            _ => return Err(unexpected(&pair)),
        };
        Ok(Pattern { kind, span })
    }

    fn literal(&mut self, pair: Pair<'_>) -> Checked<Expr> {
        let place = self.trimmed(&pair);
        let inner = pair.into_inner().next().ok_or_else(|| missing(place))?;
        if inner.as_rule() != Rule::signed_number {
            let built = self.atom(inner)?;
            if let ExprKind::FString(_) = built.expr.kind {
                return SyntaxError::new(
                    "patterns may only match literals and attribute lookups",
                    built.expr.span,
                )
                .fail();
            }
            return Ok(built.expr);
        }
        let span = span_of(&inner);
        let mut minus = false;
        let mut value = None;
        for part in inner.into_inner() {
            match part.as_rule() {
                Rule::minus => minus = true,
                _ => {
                    let at = span_of(&part);
                    value = Some(Expr {
                        kind: expressions::number(part.as_str(), at)?,
                        span: at,
                    });
                }
            }
        }
        let value = value.ok_or_else(|| missing(place))?;
        if !minus {
            return Ok(value);
        }
        Ok(Expr {
            kind: ExprKind::Unary(UnaryOp::Negate, Box::new(value)),
            span,
        })
    }

    /// `a`, `_`, `a.b` or `a.b(…)`.
    fn named_pattern(&mut self, pair: Pair<'_>) -> Checked<PatternKind> {
        let place = span_of(&pair);
        let mut names = Vec::new();
        let mut arguments = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => names.push(self.ident(&part)),
                _ => arguments = Some(part),
            }
        }
        if arguments.is_none() && names.len() == 1 {
            let name = names.pop().ok_or_else(|| missing(place))?;
            if &*name.name == "_" {
                return Ok(PatternKind::Wildcard);
            }
            if &*name.name == "__debug__" {
                return SyntaxError::new("cannot assign to __debug__", name.span).fail();
            }
            return Ok(PatternKind::Capture(name));
        }
        let class = self.dotted_value(names, place)?;
        let Some(arguments) = arguments else {
            return Ok(PatternKind::Value(class));
        };
        let mut positional = Vec::new();
        let mut keyword: Vec<(Ident, Pattern)> = Vec::new();
        let mut seen = HashSet::new();
        for argument in arguments.into_inner() {
            let at = self.trimmed(&argument);
            let mut name = None;
            let mut pattern = None;
            for part in argument.into_inner() {
                match part.as_rule() {
                    Rule::name => name = Some(self.ident(&part)),
                    Rule::equals => {}
                    _ => pattern = Some(self.pattern(part)?),
                }
            }
            let pattern = pattern.ok_or_else(|| missing(at))?;
            match name {
                Some(name) => {
                    if !seen.insert(name.name.clone()) {
                        return SyntaxError::new(
                            format!("attribute name repeated in class pattern: {}", name.name),
                            at,
                        )
                        .fail();
                    }
                    keyword.push((name, pattern));
                }
                None if !keyword.is_empty() => {
                    return SyntaxError::new(
                        "positional patterns follow keyword patterns",
                        pattern.span,
                    )
                    .fail();
                }
                None => positional.push(pattern),
            }
        }
        Ok(PatternKind::Class {
            class,
            positional,
            keyword,
        })
    }

    fn mapping_pattern(&mut self, pair: Pair<'_>) -> Checked<PatternKind> {
        let place = span_of(&pair);
        let mut items: Vec<(Expr, Pattern)> = Vec::new();
        let mut literals = HashSet::new();
        let mut rest: Option<Ident> = None;
        for part in pair.into_inner() {
            let at = self.trimmed(&part);
            if rest.is_some() {
                return SyntaxError::new("invalid syntax", at)
                    .help("what is left, `**`, comes last")
                    .fail();
            }
            if part.as_rule() == Rule::mapping_rest {
                let name = part.into_inner().next().ok_or_else(|| missing(place))?;
                if name.as_str() == "_" {
                    return SyntaxError::new("invalid syntax", at)
                        .help("leave it out: a mapping may always have more keys")
                        .fail();
                }
                rest = Some(self.binding(&name)?);
                continue;
            }
            let mut inner = part.into_inner();
            let key = inner.next().ok_or_else(|| missing(at))?;
            let pattern = inner.next().ok_or_else(|| missing(at))?;
            let key = match key.as_rule() {
                Rule::literal_pattern => self.literal(key)?,
                _ => {
                    let names = key.into_inner().map(|name| self.ident(&name)).collect();
                    self.dotted_value(names, at)?
                }
            };
            let text = self.source.get(key.span.range()).unwrap_or("");
            if !matches!(key.kind, ExprKind::Attribute { .. }) && !literals.insert(text) {
                return SyntaxError::new(
                    format!("mapping pattern checks duplicate key ({text})"),
                    key.span,
                )
                .fail();
            }
            items.push((key, self.pattern(pattern)?));
        }
        Ok(PatternKind::Mapping { items, rest })
    }
}

impl Parser<'_> {
    fn dotted_value(&mut self, names: Vec<Ident>, place: Span) -> Checked<Expr> {
        self.deeper(names.len(), place, |_| dotted(names, place))
    }
}

/// `a.b.c` as nested attributes.
fn dotted(names: Vec<Ident>, place: Span) -> Checked<Expr> {
    let mut names = names.into_iter();
    let first = names.next().ok_or_else(|| missing(place))?;
    let mut expr = Expr {
        kind: ExprKind::Name(first.name),
        span: first.span,
    };
    for name in names {
        let span = expr.span.to(name.span);
        expr = Expr {
            kind: ExprKind::Attribute {
                object: Box::new(expr),
                name,
            },
            span,
        };
    }
    Ok(expr)
}
