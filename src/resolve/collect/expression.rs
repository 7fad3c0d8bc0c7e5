//! Names in expressions and targets. It must not know statements.

use super::Collector;
use crate::resolve::leftmost;
use crate::resolve::scope::ScopeKind;
use crate::syntax::ast::{Argument, Comprehension, DictItem, Expr, ExprKind, FStringPart, Ident};
use crate::value::name::known;

impl Collector {
    pub(super) fn expressions(&mut self, exprs: &[Expr]) {
        for expr in exprs {
            self.expression(expr);
        }
    }

    pub(super) fn optional(&mut self, expr: Option<&Expr>) {
        if let Some(expr) = expr {
            self.expression(expr);
        }
    }

    /// Visits an expression. Chains of operators, calls and attributes lean to the left: they are
    /// followed in a loop, so that their length costs no native stack.
    pub(super) fn expression(&mut self, expr: &Expr) {
        let mut chain = Vec::new();
        self.operand(leftmost(expr, &mut chain));
        while let Some(outer) = chain.pop() {
            match &outer.kind {
                ExprKind::Binary(_, _, right) => self.expression(right),
                ExprKind::Subscript { index, .. } => self.expression(index),
                ExprKind::Call { arguments, .. } => self.arguments(arguments),
                _ => {}
            }
        }
    }

    fn operand(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => self.name(name),
            ExprKind::Trade(word) => self.read(word.text()),
            ExprKind::List(items)
            | ExprKind::Tuple(items)
            | ExprKind::Set(items)
            | ExprKind::And(items)
            | ExprKind::Or(items) => self.expressions(items),
            ExprKind::Unary(_, operand) | ExprKind::Starred(operand) => self.expression(operand),
            ExprKind::Yield(value) => {
                self.scope().is_generator = true;
                self.optional(value.as_deref());
            }
            ExprKind::YieldFrom(value) => {
                self.scope().is_generator = true;
                self.expression(value);
            }
            ExprKind::Compare { first, rest } => {
                self.expression(first);
                for (_, operand) in rest {
                    self.expression(operand);
                }
            }
            ExprKind::Conditional {
                test,
                then,
                otherwise,
            } => {
                self.expression(test);
                self.expression(then);
                self.expression(otherwise);
            }
            ExprKind::Slice { start, stop, step } => {
                for part in [start, stop, step] {
                    self.optional(part.as_deref());
                }
            }
            ExprKind::Dict(items) => self.dict(items),
            ExprKind::FString(parts) => self.format_parts(parts),
            ExprKind::Named { name, value } => {
                self.expression(value);
                self.assignment_expression(name);
            }
            ExprKind::Lambda(lambda) => self.lambda(lambda),
            ExprKind::ListComprehension(comprehension)
            | ExprKind::SetComprehension(comprehension) => self.comprehension(comprehension, None),
            ExprKind::DictComprehension { key, comprehension } => {
                self.comprehension(comprehension, Some(key));
            }
            ExprKind::Generator(comprehension) => self.generator(comprehension),
            // Constants; and the kinds that lean to the left, which the caller takes apart.
            _ => {}
        }
    }

    fn name(&mut self, name: &str) {
        self.read(name);
        // `super()` finds its class through the cell that the class body makes.
        if name == "super" && !matches!(self.scope().kind, ScopeKind::Module | ScopeKind::Class) {
            self.scope().mention(known().class).used = true;
        }
    }

    pub(super) fn arguments(&mut self, arguments: &[Argument]) {
        for argument in arguments {
            match argument {
                Argument::Positional(value)
                | Argument::Spread(value)
                | Argument::Keyword(_, value)
                | Argument::KeywordSpread(value) => self.expression(value),
            }
        }
    }

    fn dict(&mut self, items: &[DictItem]) {
        for item in items {
            match item {
                DictItem::Pair(key, value) => {
                    self.expression(key);
                    self.expression(value);
                }
                DictItem::Spread(mapping) => self.expression(mapping),
            }
        }
    }

    fn format_parts(&mut self, parts: &[FStringPart]) {
        for part in parts {
            if let FStringPart::Field(field) = part {
                self.expression(&field.value);
                self.format_parts(&field.format);
            }
        }
    }

    /// `name := …` sets the name in the nearest scope that is no comprehension.
    fn assignment_expression(&mut self, ident: &Ident) {
        let name = self.mangled(&ident.name);
        let current = self.current;
        while self.scope().kind.is_comprehension()
            && let Some(around) = self.scope().parent()
        {
            self.scope().mention(name).passed_on = true;
            self.current = around;
        }
        if self.current != current && self.scope().kind == ScopeKind::Module {
            self.bind_declarable(&ident.name);
        } else {
            self.bind(&ident.name);
        }
        self.current = current;
    }

    fn comprehension(&mut self, comprehension: &Comprehension, key: Option<&Expr>) {
        self.first_iterable(comprehension);
        self.within(comprehension, ScopeKind::Comprehension, "", |this| {
            this.clauses(comprehension);
            this.optional(key);
            this.expression(&comprehension.element);
        });
    }

    fn generator(&mut self, comprehension: &Comprehension) {
        self.first_iterable(comprehension);
        self.within(comprehension, ScopeKind::Generator, "<genexpr>", |this| {
            this.scope().is_generator = true;
            this.bind(".0");
            this.clauses(comprehension);
            this.expression(&comprehension.element);
        });
    }

    /// The first iterable is evaluated outside the comprehension.
    fn first_iterable(&mut self, comprehension: &Comprehension) {
        if let Some(clause) = comprehension.clauses.first() {
            self.expression(&clause.iterable);
        }
    }

    fn clauses(&mut self, comprehension: &Comprehension) {
        for (position, clause) in comprehension.clauses.iter().enumerate() {
            if position > 0 {
                self.expression(&clause.iterable);
            }
            self.target(&clause.target);
            self.expressions(&clause.conditions);
        }
    }

    /// The target of an assignment or `del`.
    pub(super) fn target(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name) => self.bind(name),
            ExprKind::Trade(word) => self.bind(word.text()),
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                for item in items {
                    self.target(item);
                }
            }
            ExprKind::Starred(inner) => self.target(inner),
            // Attributes and subscripts, whose parts are read.
            _ => self.expression(target),
        }
    }
}
