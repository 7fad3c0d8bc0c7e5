//! Where `yield` and `:=` may stand.

use super::{Checker, Place, Scope};
use crate::syntax::ast::{
    Argument, Comprehension, DictItem, Expr, ExprKind, FStringPart, Ident, Lambda, Parameters,
};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;
use crate::syntax::warning;

impl<'t> Checker<'t> {
    pub(super) fn optional(&mut self, value: Option<&'t Expr>) -> Checked<()> {
        value.map_or(Ok(()), |value| self.expression(value))
    }

    fn all(&mut self, items: impl IntoIterator<Item = &'t Expr>) -> Checked<()> {
        items.into_iter().try_for_each(|item| self.expression(item))
    }

    pub(super) fn expression(&mut self, tree: &'t Expr) -> Checked<()> {
        self.warnings.extend(warning::expression(tree));
        match &tree.kind {
            ExprKind::None
            | ExprKind::Bool(_)
            | ExprKind::Ellipsis
            | ExprKind::Int(_)
            | ExprKind::BigInt { .. }
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Bytes(_)
            | ExprKind::Name(_)
            | ExprKind::Trade(_) => Ok(()),
            ExprKind::FString(parts) => self.fstring(parts),
            ExprKind::List(items)
            | ExprKind::Tuple(items)
            | ExprKind::Set(items)
            | ExprKind::And(items)
            | ExprKind::Or(items) => self.all(items),
            ExprKind::Dict(items) => items.iter().try_for_each(|item| match item {
                DictItem::Pair(key, value) => {
                    self.expression(key)?;
                    self.expression(value)
                }
                DictItem::Spread(value) => self.expression(value),
            }),
            ExprKind::Unary(_, value) | ExprKind::Starred(value) => self.expression(value),
            ExprKind::Binary(_, left, right) => {
                self.expression(left)?;
                self.expression(right)
            }
            ExprKind::Compare { first, rest } => {
                self.expression(first)?;
                self.all(rest.iter().map(|(_, value)| value))
            }
            ExprKind::Conditional {
                test,
                then,
                otherwise,
            } => {
                self.expression(test)?;
                self.expression(then)?;
                self.expression(otherwise)
            }
            ExprKind::Lambda(lambda) => self.lambda(lambda),
            ExprKind::Call { callee, arguments } => {
                self.expression(callee)?;
                self.arguments(arguments)
            }
            ExprKind::Attribute { object, .. } => self.expression(object),
            ExprKind::Subscript { object, index } => {
                self.expression(object)?;
                self.expression(index)
            }
            ExprKind::Slice { start, stop, step } => {
                self.optional(start.as_deref())?;
                self.optional(stop.as_deref())?;
                self.optional(step.as_deref())
            }
            ExprKind::ListComprehension(inner) => {
                self.comprehension(inner, None, "list comprehension")
            }
            ExprKind::SetComprehension(inner) => {
                self.comprehension(inner, None, "set comprehension")
            }
            ExprKind::Generator(inner) => self.comprehension(inner, None, "generator expression"),
            ExprKind::DictComprehension { key, comprehension } => {
                self.comprehension(comprehension, Some(key), "dict comprehension")
            }
            ExprKind::Named { name, value } => {
                self.named(name)?;
                self.expression(value)
            }
            ExprKind::Yield(value) => {
                self.yielding(tree.span)?;
                self.optional(value.as_deref())
            }
            ExprKind::YieldFrom(value) => {
                self.yielding(tree.span)?;
                self.expression(value)
            }
        }
    }

    fn fstring(&mut self, parts: &'t [FStringPart]) -> Checked<()> {
        for part in parts {
            if let FStringPart::Field(field) = part {
                self.expression(&field.value)?;
                self.fstring(&field.format)?;
            }
        }
        Ok(())
    }

    pub(super) fn arguments(&mut self, arguments: &'t [Argument]) -> Checked<()> {
        arguments.iter().try_for_each(|argument| match argument {
            Argument::Positional(value)
            | Argument::Spread(value)
            | Argument::Keyword(_, value)
            | Argument::KeywordSpread(value) => self.expression(value),
        })
    }

    /// Default values stand outside the function.
    pub(super) fn defaults(&mut self, parameters: &'t Parameters) -> Checked<()> {
        let all = parameters
            .positional_only
            .iter()
            .chain(&parameters.positional)
            .chain(&parameters.keyword_only);
        self.all(all.filter_map(|parameter| parameter.default.as_ref()))
    }

    fn lambda(&mut self, lambda: &'t Lambda) -> Checked<()> {
        self.defaults(&lambda.parameters)?;
        self.inside(Place::Function, |checker| checker.expression(&lambda.body))
    }

    fn comprehension(
        &mut self,
        tree: &'t Comprehension,
        key: Option<&'t Expr>,
        kind: &'static str,
    ) -> Checked<()> {
        // The first iterable stands outside, all else inside.
        let mut clauses = tree.clauses.iter();
        let Some(first) = clauses.next() else {
            return Ok(());
        };
        self.iterable(&first.iterable)?;
        self.comprehensions.push(Scope {
            kind,
            variables: Vec::new(),
            assigned: Vec::new(),
        });
        self.variables(&first.target)?;
        self.all(&first.conditions)?;
        for clause in clauses {
            self.variables(&clause.target)?;
            self.iterable(&clause.iterable)?;
            self.all(&clause.conditions)?;
        }
        self.optional(key)?;
        self.expression(&tree.element)?;
        self.comprehensions.pop();
        Ok(())
    }

    fn iterable(&mut self, tree: &'t Expr) -> Checked<()> {
        let saved = std::mem::replace(&mut self.in_iterable, true);
        let result = self.expression(tree);
        self.in_iterable = saved;
        result
    }

    /// Notes the variables of a `for` clause.
    fn variables(&mut self, target: &'t Expr) -> Checked<()> {
        match &target.kind {
            ExprKind::Name(name) => {
                if let Some(scope) = self.comprehensions.last_mut() {
                    if scope.assigned.contains(&name) {
                        return SyntaxError::new(
                            format!(
                                "comprehension inner loop cannot rebind assignment expression \
                                 target '{name}'"
                            ),
                            target.span,
                        )
                        .fail();
                    }
                    scope.variables.push(name);
                }
                Ok(())
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => {
                items.iter().try_for_each(|item| self.variables(item))
            }
            ExprKind::Starred(inner) => self.variables(inner),
            _ => self.expression(target),
        }
    }

    fn named(&mut self, ident: &'t Ident) -> Checked<()> {
        if self.in_iterable {
            return SyntaxError::new(
                "assignment expression cannot be used in a comprehension iterable expression",
                ident.span,
            )
            .fail();
        }
        let bound = self
            .comprehensions
            .iter()
            .any(|scope| scope.variables.contains(&&ident.name));
        if bound {
            return SyntaxError::new(
                format!(
                    "assignment expression cannot rebind comprehension iteration variable '{}'",
                    ident.name
                ),
                ident.span,
            )
            .fail();
        }
        if self.place == Place::Class && !self.comprehensions.is_empty() {
            return SyntaxError::new(
                "assignment expression within a comprehension cannot be used in a class body",
                ident.span,
            )
            .fail();
        }
        for scope in &mut self.comprehensions {
            scope.assigned.push(&ident.name);
        }
        Ok(())
    }

    fn yielding(&self, span: Span) -> Checked<()> {
        if let Some(scope) = self.comprehensions.last() {
            return SyntaxError::new(format!("'yield' inside {}", scope.kind), span).fail();
        }
        if self.place != Place::Function {
            return SyntaxError::new("'yield' outside function", span).fail();
        }
        Ok(())
    }
}
