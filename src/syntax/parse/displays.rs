//! What stands between brackets: groups, tuples, lists, dicts, sets, and comprehensions of each.

use super::expressions::Built;
use super::grammar::Rule;
use super::{Pair, Pairs, Parser, missing, span_of};
use crate::syntax::ast::{Clause, Comprehension, DictItem, Expr, ExprKind};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

impl Parser<'_> {
    pub(super) fn group(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let outer = span_of(&pair);
        let pairs = pair.into_inner();
        let Some(first) = pairs.peek() else {
            return Ok(Built::new(ExprKind::Tuple(Vec::new()), outer));
        };
        if first.as_rule() == Rule::yield_expression {
            let built = self.yield_expression(first)?;
            return Ok(built.within(outer));
        }
        let rule_of_last = pairs.clone().next_back().map(|last| last.as_rule());
        if rule_of_last == Some(Rule::comprehension_clause) {
            let comprehension = self.comprehension(pairs, outer)?;
            let kind = ExprKind::Generator(Box::new(comprehension));
            return Ok(Built::new(kind, outer));
        }
        let (mut items, comma) = self.items(pairs)?;
        if comma.is_none() && items.len() == 1 {
            let one = items.remove(0);
            if let ExprKind::Starred(_) = one.expr.kind {
                return SyntaxError::new("cannot use starred expression here", one.expr.span)
                    .help("a comma after it makes it a tuple")
                    .fail();
            }
            return Ok(one.within(outer));
        }
        let items = items.into_iter().map(|built| built.expr).collect();
        Ok(Built::new(ExprKind::Tuple(items), outer))
    }

    pub(super) fn list(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        let pairs = pair.into_inner();
        let rule_of_last = pairs.clone().next_back().map(|last| last.as_rule());
        let kind = if rule_of_last == Some(Rule::comprehension_clause) {
            ExprKind::ListComprehension(Box::new(self.comprehension(pairs, span)?))
        } else {
            let (items, _) = self.items(pairs)?;
            ExprKind::List(items.into_iter().map(|built| built.expr).collect())
        };
        Ok(Built::new(kind, span))
    }

    /// An element and the clauses after it.
    fn comprehension(&mut self, mut pairs: Pairs<'_>, span: Span) -> Checked<Comprehension> {
        let element = self.named_expression(&mut pairs, span)?;
        if let ExprKind::Starred(_) = element.expr.kind {
            return SyntaxError::new(
                "iterable unpacking cannot be used in comprehension",
                element.expr.span,
            )
            .help("add a second `for` that runs over the items")
            .fail();
        }
        let clauses = self.clauses(pairs)?;
        Ok(Comprehension {
            element: element.expr,
            clauses,
        })
    }

    pub(super) fn clauses(&mut self, pairs: Pairs<'_>) -> Checked<Vec<Clause>> {
        let mut clauses = Vec::new();
        for pair in pairs {
            let span = span_of(&pair);
            let mut target = None;
            let mut iterable = None;
            let mut conditions = Vec::new();
            for part in pair.into_inner() {
                match part.as_rule() {
                    Rule::targets => target = Some(self.for_targets(part)?),
                    Rule::operation => iterable = Some(self.operation(part)?.expr),
                    Rule::condition => {
                        let inner = part
                            .into_inner()
                            .find(|inner| inner.as_rule() == Rule::operation);
                        conditions.push(self.operation(inner.ok_or_else(|| missing(span))?)?.expr);
                    }
                    _ => {}
                }
            }
            clauses.push(Clause {
                target: target.ok_or_else(|| missing(span))?,
                iterable: iterable.ok_or_else(|| missing(span))?,
                conditions,
            });
        }
        Ok(clauses)
    }

    /// A dict or set display or comprehension.
    pub(super) fn braces(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        let mut pairs = pair.into_inner();
        let mut items = Vec::new();
        while let Some(next) = pairs.peek() {
            match next.as_rule() {
                Rule::comprehension_clause => {
                    let kind = self.brace_comprehension(items, pairs, span)?;
                    return Ok(Built::new(kind, span));
                }
                Rule::keyword_spread => {
                    pairs.next();
                    let place = span_of(&next);
                    let value = next.into_inner().next().ok_or_else(|| missing(place))?;
                    let value = self.expression(value)?;
                    let place = Span {
                        start: place.start,
                        end: value.outer.end,
                    };
                    items.push(BraceItem::Spread(value.expr, place));
                }
                _ => {
                    let key = self.named_expression(&mut pairs, span)?;
                    match pairs.peek() {
                        Some(value) if value.as_rule() == Rule::dict_value => {
                            pairs.next();
                            items.push(self.dict_item(key, value)?);
                        }
                        _ => items.push(BraceItem::Element(key)),
                    }
                }
            }
        }
        let is_set = matches!(items.first(), Some(BraceItem::Element(_)));
        let kind = if is_set {
            let mut elements = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    BraceItem::Element(built) => elements.push(built.expr),
                    BraceItem::Pair(key, _) => {
                        return SyntaxError::new("invalid syntax", key.span)
                            .label("a key with a value, in braces that began as a set")
                            .fail();
                    }
                    BraceItem::Spread(_, place) => {
                        return SyntaxError::new("invalid syntax", place)
                            .label("a mapping, in braces that began as a set")
                            .fail();
                    }
                }
            }
            ExprKind::Set(elements)
        } else {
            let mut pairs = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    BraceItem::Element(built) if is_starred(&built) => {
                        return SyntaxError::new("invalid syntax", built.outer)
                            .label("a dictionary takes `**mapping` or `key: value`")
                            .fail();
                    }
                    BraceItem::Element(built) => {
                        return SyntaxError::new("':' expected after dictionary key", built.outer)
                            .label("a key without a value")
                            .fail();
                    }
                    BraceItem::Pair(key, value) => pairs.push(DictItem::Pair(key, value)),
                    BraceItem::Spread(value, _) => pairs.push(DictItem::Spread(value)),
                }
            }
            ExprKind::Dict(pairs)
        };
        Ok(Built::new(kind, span))
    }

    fn dict_item(&mut self, key: Built, value: Pair<'_>) -> Checked<BraceItem> {
        let place = span_of(&value);
        let value = value.into_inner().next().ok_or_else(|| missing(place))?;
        let value = self.expression(value)?;
        match key.expr.kind {
            ExprKind::Starred(_) => SyntaxError::new(
                "cannot use a starred expression in a dictionary key",
                key.outer,
            )
            .fail(),
            ExprKind::Named { .. } if !key.parenthesised() => {
                SyntaxError::new("invalid syntax", key.outer)
                    .help("put parentheses around the `:=`")
                    .fail()
            }
            _ => Ok(BraceItem::Pair(key.expr, value.expr)),
        }
    }

    fn brace_comprehension(
        &mut self,
        mut items: Vec<BraceItem>,
        clauses: Pairs<'_>,
        span: Span,
    ) -> Checked<ExprKind> {
        let clauses = self.clauses(clauses)?;
        match items.pop() {
            Some(BraceItem::Pair(key, element)) => Ok(ExprKind::DictComprehension {
                key: Box::new(key),
                comprehension: Box::new(Comprehension { element, clauses }),
            }),
            Some(BraceItem::Element(built)) => {
                if let ExprKind::Starred(_) = built.expr.kind {
                    return SyntaxError::new(
                        "iterable unpacking cannot be used in comprehension",
                        built.expr.span,
                    )
                    .fail();
                }
                Ok(ExprKind::SetComprehension(Box::new(Comprehension {
                    element: built.expr,
                    clauses,
                })))
            }
            Some(BraceItem::Spread(_, place)) => {
                SyntaxError::new("dict unpacking cannot be used in dict comprehension", place)
                    .fail()
            }
            None => Err(missing(span)),
        }
    }
}

/// An item between braces, before it is known whether they are a dict or a set.
enum BraceItem {
    Element(Built),
    Pair(Expr, Expr),
    Spread(Expr, Span),
}

fn is_starred(built: &Built) -> bool {
    matches!(built.expr.kind, ExprKind::Starred(_))
}
