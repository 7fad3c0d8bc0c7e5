//! Displays of lists, tuples, sets and dicts, and f-strings.

use std::sync::Arc;

use super::{Lowering, error};
use crate::resolve::tree::{Expr, ExprKind, FormatField, FormatPart, SpreadItem, SpreadKind};
use crate::resolve::{Resolved, constant};
use crate::syntax::ast::{self, Conversion, DictItem, FStringField, FStringPart};
use crate::syntax::span::Span;
use crate::value::Value;

impl Lowering<'_> {
    /// `[…]`, `(…)` or `{…}`, with or without stars.
    pub(super) fn display(
        &mut self,
        kind: SpreadKind,
        items: &[ast::Expr],
        span: Span,
    ) -> Resolved<Expr> {
        let starred = |item: &ast::Expr| matches!(item.kind, ast::ExprKind::Starred(_));
        if items.iter().any(starred) {
            let mut lowered = Vec::with_capacity(items.len());
            for item in items {
                lowered.push(match &item.kind {
                    ast::ExprKind::Starred(inner) => SpreadItem::Many(self.expression(inner)?),
                    _ => SpreadItem::One(self.expression(item)?),
                });
            }
            return Ok(self.expr(ExprKind::Spread(kind, lowered.into()), span));
        }
        let items = self.expressions(items)?;
        let kind = match kind {
            SpreadKind::List => ExprKind::List(items),
            SpreadKind::Set => match constant_set(&items) {
                // Copied from a constant, as CPython does from three items on.
                Some(set) if items.len() > 2 => ExprKind::ConstantSet(set),
                _ => ExprKind::Set(items),
            },
            SpreadKind::Tuple => match constants(&items) {
                Some(values) => ExprKind::Constant(constant::tuple(values)),
                None => ExprKind::Tuple(items),
            },
        };
        Ok(self.expr(kind, span))
    }

    pub(super) fn dict(&mut self, items: &[DictItem], span: Span) -> Resolved<Expr> {
        let mut lowered = Vec::with_capacity(items.len());
        for item in items {
            lowered.push(match item {
                DictItem::Pair(key, value) => {
                    (Some(self.expression(key)?), self.expression(value)?)
                }
                DictItem::Spread(mapping) => (None, self.expression(mapping)?),
            });
        }
        Ok(self.expr(ExprKind::Dict(lowered.into()), span))
    }

    /// An f-string. One without fields is a plain string.
    pub(super) fn format_string(&mut self, parts: &[FStringPart], span: Span) -> Resolved<Expr> {
        let parts = self.format_parts(parts)?;
        let kind = match &parts[..] {
            [] => ExprKind::Constant(self.constants.text(&Arc::from(""))),
            [FormatPart::Text(text)] => ExprKind::Constant(self.constants.text(text)),
            _ => ExprKind::FormatString(parts.into()),
        };
        Ok(self.expr(kind, span))
    }

    fn format_parts(&mut self, parts: &[FStringPart]) -> Resolved<Vec<FormatPart>> {
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                FStringPart::Text(text) => push_text(&mut lowered, text),
                FStringPart::Field(field) => {
                    if let Some(text) = &field.debug {
                        push_text(&mut lowered, text);
                    }
                    lowered.push(self.format_field(field)?);
                }
            }
        }
        Ok(lowered)
    }

    fn format_field(&mut self, field: &FStringField) -> Resolved<FormatPart> {
        // `{x=}` shows the `repr`, unless it says how to show the value.
        let shows_repr = field.debug.is_some() && !field.has_format;
        Ok(FormatPart::Field(Box::new(FormatField {
            value: self.expression(&field.value)?,
            conversion: field
                .conversion
                .or_else(|| shows_repr.then_some(Conversion::Repr)),
            format: self.format_parts(&field.format)?.into(),
        })))
    }

    /// A star where nothing is spread.
    pub(super) fn misplaced_star(&self, span: Span) -> Resolved<Expr> {
        error("can't use starred expression here", span)
    }
}

/// Adds text, joined with text before it.
fn push_text(parts: &mut Vec<FormatPart>, text: &Arc<str>) {
    if text.is_empty() {
        return;
    }
    if let Some(FormatPart::Text(before)) = parts.last_mut() {
        *before = format!("{before}{text}").into();
    } else {
        parts.push(FormatPart::Text(Arc::clone(text)));
    }
}

/// The values of expressions that are all constants.
/// A set that is only iterated over or searched: a display of constants is a constant then.
pub(super) fn unchanged(expr: Expr) -> Expr {
    let constant = match &expr.kind {
        ExprKind::ConstantSet(set) => Some(set.clone()),
        ExprKind::Set(items) => constant_set(items),
        _ => None,
    };
    match constant {
        Some(set) => Expr {
            kind: ExprKind::Constant(set),
            ..expr
        },
        None => expr,
    }
}

fn constant_set(items: &[Expr]) -> Option<Value> {
    constant::frozenset(&constants(items)?)
}

fn constants(items: &[Expr]) -> Option<Vec<Value>> {
    items
        .iter()
        .map(|item| match &item.kind {
            ExprKind::Constant(value) => Some(value.clone()),
            _ => None,
        })
        .collect()
}
