//! Names in expressions and targets. It must not know statements.

use super::{Collector, error};
use crate::resolve::Resolved;
use crate::resolve::leftmost;
use crate::resolve::scope::ScopeKind;
use crate::syntax::ast::{
    Argument, Clause, Comprehension, DictItem, Expr, ExprKind, FStringPart, Ident,
};
use crate::syntax::span::Span;
use crate::value::name::known;

impl Collector {
    pub(super) fn expressions(&mut self, exprs: &[Expr]) -> Resolved<()> {
        exprs.iter().try_for_each(|expr| self.expression(expr))
    }

    pub(super) fn optional(&mut self, expr: Option<&Expr>) -> Resolved<()> {
        expr.map_or(Ok(()), |expr| self.expression(expr))
    }

    fn boxed(&mut self, expr: Option<&Expr>) -> Resolved<()> {
        self.optional(expr)
    }

    /// Visits an expression. Chains of operators, calls and attributes lean to the left: they are
    /// followed in a loop, so that their length costs no native stack.
    pub(super) fn expression(&mut self, expr: &Expr) -> Resolved<()> {
        let mut chain = Vec::new();
        self.operand(leftmost(expr, &mut chain))?;
        while let Some(outer) = chain.pop() {
            match &outer.kind {
                ExprKind::Binary(_, _, right) => self.expression(right)?,
                ExprKind::Subscript { index, .. } => self.expression(index)?,
                ExprKind::Call { arguments, .. } => self.arguments(arguments)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn operand(&mut self, expr: &Expr) -> Resolved<()> {
        match &expr.kind {
            ExprKind::Name(name) => {
                self.name(name);
                Ok(())
            }
            ExprKind::Trade(word) => {
                self.read(word.text());
                Ok(())
            }
            ExprKind::List(items)
            | ExprKind::Tuple(items)
            | ExprKind::Set(items)
            | ExprKind::And(items)
            | ExprKind::Or(items) => self.expressions(items),
            ExprKind::Unary(_, operand)
            | ExprKind::Starred(operand)
            | ExprKind::YieldFrom(operand) => {
                if matches!(expr.kind, ExprKind::YieldFrom(_)) {
                    self.note_yield(expr.span)?;
                }
                self.expression(operand)
            }
            ExprKind::Yield(value) => {
                self.note_yield(expr.span)?;
                self.boxed(value.as_deref())
            }
            ExprKind::Compare { first, rest } => {
                self.expression(first)?;
                rest.iter()
                    .try_for_each(|(_, right)| self.expression(right))
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
            ExprKind::Slice { start, stop, step } => {
                self.boxed(start.as_deref())?;
                self.boxed(stop.as_deref())?;
                self.boxed(step.as_deref())
            }
            ExprKind::Dict(items) => self.dict(items),
            ExprKind::FString(parts) => self.format_parts(parts),
            ExprKind::Named { name, value } => {
                self.expression(value)?;
                self.assignment_expression(name)
            }
            ExprKind::Lambda(lambda) => self.lambda(lambda),
            ExprKind::ListComprehension(comprehension) => {
                self.comprehension(comprehension, None, "list comprehension")
            }
            ExprKind::SetComprehension(comprehension) => {
                self.comprehension(comprehension, None, "set comprehension")
            }
            ExprKind::DictComprehension { key, comprehension } => {
                self.comprehension(comprehension, Some(key), "dict comprehension")
            }
            ExprKind::Generator(comprehension) => self.generator(comprehension),
            // Constants; and the kinds that lean to the left, which the caller takes apart.
            _ => Ok(()),
        }
    }

    fn name(&mut self, name: &str) {
        self.read(name);
        // `super()` finds its class through the cell that the class body makes.
        if name == "super" && !matches!(self.scope().kind, ScopeKind::Module | ScopeKind::Class) {
            self.scope().mention(known().class).used = true;
        }
    }

    pub(super) fn arguments(&mut self, arguments: &[Argument]) -> Resolved<()> {
        for argument in arguments {
            match argument {
                Argument::Keyword(name, value) => {
                    if &*name.name == "__debug__" {
                        return error("cannot assign to __debug__", name.span);
                    }
                    self.expression(value)?;
                }
                Argument::Positional(value)
                | Argument::Spread(value)
                | Argument::KeywordSpread(value) => self.expression(value)?,
            }
        }
        Ok(())
    }

    fn dict(&mut self, items: &[DictItem]) -> Resolved<()> {
        for item in items {
            match item {
                DictItem::Pair(key, value) => {
                    self.expression(key)?;
                    self.expression(value)?;
                }
                DictItem::Spread(mapping) => self.expression(mapping)?,
            }
        }
        Ok(())
    }

    fn format_parts(&mut self, parts: &[FStringPart]) -> Resolved<()> {
        for part in parts {
            if let FStringPart::Field(field) = part {
                self.expression(&field.value)?;
                self.format_parts(&field.format)?;
            }
        }
        Ok(())
    }

    fn note_yield(&mut self, span: Span) -> Resolved<()> {
        match self.scope().kind {
            ScopeKind::Module | ScopeKind::Class => error("'yield' outside function", span),
            ScopeKind::Comprehension(what) => error(format!("'yield' inside {what}"), span),
            ScopeKind::Generator => error("'yield' inside generator expression", span),
            ScopeKind::Function | ScopeKind::Lambda => {
                self.scope().is_generator = true;
                Ok(())
            }
        }
    }

    /// `name := …` sets the name in the nearest scope that is no comprehension.
    fn assignment_expression(&mut self, ident: &Ident) -> Resolved<()> {
        let name = self.mangled(&ident.name);
        if self.iterables > 0 {
            return error(
                "assignment expression cannot be used in a comprehension iterable expression",
                ident.span,
            );
        }
        let mut target = self.current;
        while self.scopes[target].kind.is_comprehension() {
            if self.scopes[target].symbol(name).iteration {
                return error(
                    format!(
                        "assignment expression cannot rebind comprehension iteration variable \
                         '{}'",
                        ident.name
                    ),
                    ident.span,
                );
            }
            target = self.scopes[target].parent().unwrap_or_default();
        }
        if target != self.current && self.scopes[target].kind == ScopeKind::Class {
            return error(
                "assignment expression within a comprehension cannot be used in a class body",
                ident.span,
            );
        }
        let mut between = self.current;
        while between != target {
            self.scopes[between].mention(name).passed_on = true;
            between = self.scopes[between].parent().unwrap_or_default();
        }
        let in_comprehension = target != self.current;
        let current = std::mem::replace(&mut self.current, target);
        let result = if in_comprehension && self.scope().kind == ScopeKind::Module {
            self.bind_declarable(&ident.name, ident.span, "assign to")
        } else {
            self.bind(&ident.name, ident.span)
        };
        self.current = current;
        result
    }

    fn comprehension(
        &mut self,
        comprehension: &Comprehension,
        key: Option<&Expr>,
        what: &'static str,
    ) -> Resolved<()> {
        let kind = ScopeKind::Comprehension(what);
        self.first_iterable(comprehension)?;
        self.within(comprehension, kind, "", |this| {
            this.clauses(comprehension)?;
            this.optional(key)?;
            this.expression(&comprehension.element)
        })
    }

    fn generator(&mut self, comprehension: &Comprehension) -> Resolved<()> {
        self.first_iterable(comprehension)?;
        self.within(comprehension, ScopeKind::Generator, "<genexpr>", |this| {
            this.scope().is_generator = true;
            this.parameter(".0", Span::default())?;
            this.clauses(comprehension)?;
            this.expression(&comprehension.element)
        })
    }

    /// The first iterable is evaluated outside the comprehension.
    fn first_iterable(&mut self, comprehension: &Comprehension) -> Resolved<()> {
        comprehension
            .clauses
            .first()
            .map_or(Ok(()), |clause| self.iterable(&clause.iterable))
    }

    fn iterable(&mut self, iterable: &Expr) -> Resolved<()> {
        self.iterables += 1;
        let result = self.expression(iterable);
        self.iterables -= 1;
        result
    }

    fn clauses(&mut self, comprehension: &Comprehension) -> Resolved<()> {
        for (position, clause) in comprehension.clauses.iter().enumerate() {
            let Clause {
                target,
                iterable,
                conditions,
            } = clause;
            if position > 0 {
                self.iterable(iterable)?;
            }
            self.loop_variable(target)?;
            self.expressions(conditions)?;
        }
        Ok(())
    }

    /// The target of a comprehension's `for`.
    fn loop_variable(&mut self, target: &Expr) -> Resolved<()> {
        match &target.kind {
            ExprKind::Name(name) => {
                let stored = self.mangled(name);
                let symbol = self.scope().mention(stored);
                if symbol.passed_on {
                    return error(
                        format!(
                            "comprehension inner loop cannot rebind assignment expression target \
                             '{name}'"
                        ),
                        target.span,
                    );
                }
                symbol.iteration = true;
                self.bind(name, target.span)
            }
            ExprKind::Trade(word) => {
                let stored = self.mangled(word.text());
                self.scope().mention(stored).iteration = true;
                self.bind(word.text(), target.span)
            }
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                items.iter().try_for_each(|item| self.loop_variable(item))
            }
            ExprKind::Starred(inner) => self.loop_variable(inner),
            _ => self.target(target),
        }
    }

    /// The target of an assignment.
    pub(super) fn target(&mut self, target: &Expr) -> Resolved<()> {
        self.target_as(target, "assign to")
    }

    /// The same for a statement of another kind.
    pub(super) fn target_as(&mut self, target: &Expr, doing: &str) -> Resolved<()> {
        match &target.kind {
            ExprKind::Name(name) => self.bind_as(name, target.span, doing),
            ExprKind::Trade(word) => self.bind_as(word.text(), target.span, doing),
            ExprKind::List(items) | ExprKind::Tuple(items) => items
                .iter()
                .try_for_each(|item| self.target_as(item, doing)),
            ExprKind::Starred(inner) => self.target_as(inner, doing),
            ExprKind::Attribute { object, name } => {
                if &*name.name == "__debug__" {
                    return error(format!("cannot {doing} __debug__"), target.span);
                }
                self.expression(object)
            }
            ExprKind::Subscript { object, index } => {
                self.expression(object)?;
                self.expression(index)
            }
            _ => error(format!("cannot {doing} expression here"), target.span),
        }
    }
}
