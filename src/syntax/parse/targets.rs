//! What can be assigned to or deleted, and what is said of everything else.

use super::expressions::Built;
use super::grammar::Rule;
use super::{Pair, Parser, missing, span_of};
use crate::syntax::ast::{Expr, ExprKind, Ident};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

/// What a target is for: it decides the words of an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Assign,
    Delete,
}

impl Parser<'_> {
    /// A target of `=`. `value` is what stands behind it, when that is the end of the statement.
    pub(super) fn assign_target(&mut self, target: Built, last: Option<&Built>) -> Checked<Expr> {
        if let ExprKind::Yield(_) | ExprKind::YieldFrom(_) = target.expr.kind
            && !target.parenthesised()
        {
            return SyntaxError::new("assignment to yield expression not possible", target.outer)
                .fail();
        }
        if let Some(value) = last
            && let Some(mut error) = here(&target, value)
        {
            error.span = target.outer;
            return error.fail();
        }
        self.whole_target(target)
    }

    /// A complete assignment target, where a star is allowed only within a tuple or list.
    fn whole_target(&mut self, target: Built) -> Checked<Expr> {
        if let ExprKind::Starred(_) = target.expr.kind {
            return SyntaxError::new(
                "starred assignment target must be in a list or tuple",
                target.expr.span,
            )
            .help("a comma after it makes it a tuple")
            .fail();
        }
        self.store(target.expr, Purpose::Assign)
    }

    /// The targets of a `for`, whole.
    pub(super) fn for_targets(&mut self, pair: Pair<'_>) -> Checked<Expr> {
        let place = span_of(&pair);
        let mut items: Vec<Built> = Vec::new();
        let mut comma = None;
        for part in pair.into_inner() {
            if part.as_rule() == Rule::trailing_comma {
                comma = Some(span_of(&part));
            } else {
                items.push(self.raw_target(part)?);
            }
        }
        if comma.is_none() && items.len() == 1 {
            let one = items.pop().ok_or_else(|| missing(place))?;
            return self.whole_target(one);
        }
        let span = match (items.first(), items.last()) {
            (Some(first), Some(last)) => first.outer.to(comma.unwrap_or(last.outer)),
            _ => place,
        };
        let tuple = Expr {
            kind: ExprKind::Tuple(items.into_iter().map(|item| item.expr).collect()),
            span,
        };
        self.store(tuple, Purpose::Assign)
    }

    /// The target after `as` in a `with`.
    pub(super) fn with_target(&mut self, pair: Pair<'_>) -> Checked<Expr> {
        let target = self.raw_target(pair)?;
        self.whole_target(target)
    }

    /// `star? atom trailer*`, not yet checked.
    fn raw_target(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let place = span_of(&pair);
        let mut pairs = pair.into_inner();
        let mut star = None;
        if let Some(first) = pairs.peek()
            && first.as_rule() == Rule::star
        {
            star = Some(span_of(&first));
            pairs.next();
        }
        let list: Vec<_> = pairs.collect();
        let built = self.deeper(1, place, |parser| parser.operators(list))?;
        let Some(star) = star else {
            return Ok(built);
        };
        let outer = Span {
            start: star.start,
            ..built.outer
        };
        Ok(Built::new(ExprKind::Starred(Box::new(built.expr)), outer))
    }

    /// The targets of a `del`.
    pub(super) fn delete_targets(&mut self, built: Built) -> Checked<Vec<Expr>> {
        let items = match built.expr.kind {
            // `del a, b` lists targets, `del (a, b)` has one.
            ExprKind::Tuple(items) if built.bare => items,
            kind => vec![Expr {
                kind,
                span: built.expr.span,
            }],
        };
        items
            .into_iter()
            .map(|item| self.store(item, Purpose::Delete))
            .collect()
    }

    /// The target of an augmented assignment.
    pub(super) fn augmented_target(&mut self, target: Built) -> Checked<Expr> {
        match target.expr.kind {
            ExprKind::Name(_)
            | ExprKind::Trade(_)
            | ExprKind::Attribute { .. }
            | ExprKind::Subscript { .. } => self.store(target.expr, Purpose::Assign),
            _ => SyntaxError::new(
                format!(
                    "'{}' is an illegal expression for augmented assignment",
                    description(&target.expr.kind)
                ),
                target.outer,
            )
            .fail(),
        }
    }

    /// The target of an annotation.
    pub(super) fn annotated_target(&mut self, target: Built) -> Checked<Expr> {
        match target.expr.kind {
            ExprKind::Name(_)
            | ExprKind::Trade(_)
            | ExprKind::Attribute { .. }
            | ExprKind::Subscript { .. } => self.store(target.expr, Purpose::Assign),
            ExprKind::List(_) | ExprKind::Tuple(_) => SyntaxError::new(
                format!(
                    "only single target (not {}) can be annotated",
                    description(&target.expr.kind)
                ),
                target.outer,
            )
            .fail(),
            _ => SyntaxError::new("illegal target for annotation", target.outer).fail(),
        }
    }

    /// The name before `:=`.
    pub(super) fn walrus_target(&mut self, target: Built) -> Checked<Ident> {
        let span = target.expr.span;
        let name = match &target.expr.kind {
            ExprKind::Name(name) if !target.parenthesised() => name.clone(),
            ExprKind::Trade(word) if !target.parenthesised() => self.name(word.text()),
            kind => {
                return SyntaxError::new(
                    format!(
                        "cannot use assignment expressions with {}",
                        description(kind)
                    ),
                    target.outer,
                )
                .fail();
            }
        };
        if &*name == "__debug__" {
            return SyntaxError::new("cannot assign to __debug__", span).fail();
        }
        Ok(Ident { name, span })
    }

    /// An expression as target, with the keywords of the trade turned into ordinary names.
    fn store(&mut self, expr: Expr, purpose: Purpose) -> Checked<Expr> {
        let span = expr.span;
        let kind = match expr.kind {
            ExprKind::Name(name) if &*name == "__debug__" => {
                let verb = match purpose {
                    Purpose::Assign => "assign to",
                    Purpose::Delete => "delete",
                };
                return SyntaxError::new(format!("cannot {verb} __debug__"), span).fail();
            }
            ExprKind::Name(name) => ExprKind::Name(name),
            ExprKind::Trade(word) => ExprKind::Name(self.name(word.text())),
            ExprKind::Attribute { name, .. } if &*name.name == "__debug__" => {
                return SyntaxError::new("cannot assign to __debug__", name.span).fail();
            }
            kind @ (ExprKind::Attribute { .. } | ExprKind::Subscript { .. }) => kind,
            ExprKind::Starred(inner)
                if purpose == Purpose::Assign && !matches!(inner.kind, ExprKind::Starred(_)) =>
            {
                ExprKind::Starred(Box::new(self.store(*inner, purpose)?))
            }
            ExprKind::Tuple(items) => ExprKind::Tuple(self.store_all(items, purpose)?),
            ExprKind::List(items) => ExprKind::List(self.store_all(items, purpose)?),
            kind => {
                let what = description(&kind);
                return match purpose {
                    Purpose::Assign => SyntaxError::new(format!("cannot assign to {what}"), span),
                    Purpose::Delete => SyntaxError::new(format!("cannot delete {what}"), span),
                }
                .fail();
            }
        };
        Ok(Expr { kind, span })
    }

    fn store_all(&mut self, items: Vec<Expr>, purpose: Purpose) -> Checked<Vec<Expr>> {
        let mut star = None;
        let mut stored = Vec::with_capacity(items.len());
        for item in items {
            if let ExprKind::Starred(_) = item.kind
                && let Some(earlier) = star.replace(item.span)
                && purpose == Purpose::Assign
            {
                return SyntaxError::new("multiple starred expressions in assignment", item.span)
                    .related(earlier, "the first is here")
                    .fail();
            }
            stored.push(self.store(item, purpose)?);
        }
        Ok(stored)
    }
}

/// Python's `cannot assign to … here. Maybe you meant '=='`, for a last `=` between two operands.
fn here(target: &Built, value: &Built) -> Option<SyntaxError> {
    let kind = &target.expr.kind;
    let plain = target.parenthesised() || is_operand(kind);
    let value_fits = value.parenthesised() || is_operand_or_comparison(&value.expr.kind);
    let excluded = matches!(
        kind,
        ExprKind::Name(_)
            | ExprKind::Trade(_)
            | ExprKind::Attribute { .. }
            | ExprKind::Subscript { .. }
            | ExprKind::List(_)
            | ExprKind::Tuple(_)
            | ExprKind::Generator(_)
            | ExprKind::None
            | ExprKind::Bool(_)
            | ExprKind::Starred(_)
    );
    if excluded || !plain || !value_fits {
        return None;
    }
    Some(SyntaxError::new(
        format!(
            "cannot assign to {} here. Maybe you meant '==' instead of '='?",
            description(kind)
        ),
        target.outer,
    ))
}

/// Whether an expression is one that may stand beside a comparison without parentheses.
fn is_operand(kind: &ExprKind) -> bool {
    !matches!(
        kind,
        ExprKind::Compare { .. }
            | ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Unary(crate::syntax::ast::UnaryOp::Not, _)
            | ExprKind::Conditional { .. }
            | ExprKind::Lambda(_)
            | ExprKind::Yield(_)
            | ExprKind::YieldFrom(_)
            | ExprKind::Starred(_)
    )
}

/// Whether an expression begins with such an operand.
fn is_operand_or_comparison(kind: &ExprKind) -> bool {
    is_operand(kind)
        || match kind {
            ExprKind::Compare { first, .. } => is_operand(&first.kind),
            ExprKind::And(items) | ExprKind::Or(items) => items
                .first()
                .is_some_and(|first| is_operand_or_comparison(&first.kind)),
            ExprKind::Conditional { then, .. } => is_operand_or_comparison(&then.kind),
            _ => false,
        }
}

/// What Python calls a kind of expression in its messages.
pub(in crate::syntax) fn description(kind: &ExprKind) -> &'static str {
    match kind {
        ExprKind::None => "None",
        ExprKind::Bool(true) => "True",
        ExprKind::Bool(false) => "False",
        ExprKind::Ellipsis => "ellipsis",
        ExprKind::Int(_)
        | ExprKind::BigInt { .. }
        | ExprKind::Float(_)
        | ExprKind::Str(_)
        | ExprKind::Bytes(_) => "literal",
        ExprKind::FString(_) => "f-string expression",
        ExprKind::Name(_) | ExprKind::Trade(_) => "name",
        ExprKind::List(_) => "list",
        ExprKind::Tuple(_) => "tuple",
        ExprKind::Set(_) => "set display",
        ExprKind::Dict(_) => "dict literal",
        ExprKind::Unary(..) | ExprKind::Binary(..) | ExprKind::And(_) | ExprKind::Or(_) => {
            "expression"
        }
        ExprKind::Compare { .. } => "comparison",
        ExprKind::Conditional { .. } => "conditional expression",
        ExprKind::Lambda(_) => "lambda",
        ExprKind::Call { .. } => "function call",
        ExprKind::Attribute { .. } => "attribute",
        ExprKind::Subscript { .. } => "subscript",
        ExprKind::Slice { .. } => "slice",
        ExprKind::Starred(_) => "starred",
        ExprKind::ListComprehension(_) => "list comprehension",
        ExprKind::SetComprehension(_) => "set comprehension",
        ExprKind::Generator(_) => "generator expression",
        ExprKind::DictComprehension { .. } => "dict comprehension",
        ExprKind::Named { .. } => "named expression",
        ExprKind::Yield(_) | ExprKind::YieldFrom(_) => "yield expression",
    }
}
