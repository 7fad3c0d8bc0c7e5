//! Comprehensions, which are evaluated within the code around them, and generator expressions,
//! which are codes of their own.

use super::display::unchanged;
use super::{CodeHead, Lowering, MAX_NESTED, error};
use crate::resolve::Resolved;
use crate::resolve::tree::{
    Block, Clause, CodeKind, Comprehension, ComprehensionKind, Expr, ExprKind, For, MakeFunction,
    ParameterLayout, Stmt, StmtKind, Target,
};
use crate::syntax::ast;
use crate::syntax::span::Span;
use crate::value::name::Name;

/// What a comprehension makes, as it was written.
#[derive(Clone, Copy)]
pub(super) enum Makes<'a> {
    List,
    Set,
    /// A dict, with the key.
    Dict(&'a ast::Expr),
}

impl Lowering<'_> {
    pub(super) fn comprehension(
        &mut self,
        comprehension: &ast::Comprehension,
        makes: Makes<'_>,
        span: Span,
    ) -> Resolved<Expr> {
        let scope = self.opened.of(comprehension);
        let mut first = self.first_iterable(comprehension, span)?;
        let depth = self.code.depth;
        let (kind, element, clauses) = self.within(scope, |this| {
            let mut clauses = Vec::with_capacity(comprehension.clauses.len());
            for clause in &comprehension.clauses {
                // Each clause runs within the one before.
                this.descend(1);
                let iterable = match first.take() {
                    Some(iterable) => iterable,
                    None => unchanged(this.expression(&clause.iterable)?),
                };
                clauses.push(this.clause(clause, iterable)?);
            }
            let kind = match makes {
                Makes::List => ComprehensionKind::List,
                Makes::Set => ComprehensionKind::Set,
                Makes::Dict(key) => ComprehensionKind::Dict(this.expression(key)?),
            };
            let element = this.expression(&comprehension.element)?;
            Ok((kind, element, clauses))
        })?;
        self.code.depth = depth;
        let (variables, cell_variables) = self.scopes.comprehension_slots(scope);
        let kind = ExprKind::Comprehension(Box::new(Comprehension {
            kind,
            element,
            clauses: clauses.into(),
            variables,
            cell_variables,
        }));
        Ok(self.expr(kind, span))
    }

    /// The first iterable, which is evaluated outside.
    fn first_iterable(
        &mut self,
        comprehension: &ast::Comprehension,
        span: Span,
    ) -> Resolved<Option<Expr>> {
        if comprehension.clauses.len() > MAX_NESTED {
            return error("too many statically nested blocks", span);
        }
        match comprehension.clauses.first() {
            Some(clause) => Ok(Some(unchanged(self.expression(&clause.iterable)?))),
            None => error("a comprehension has no `for`", span),
        }
    }

    fn clause(&mut self, clause: &ast::Clause, iterable: Expr) -> Resolved<Clause> {
        Ok(Clause {
            target: self.target(&clause.target)?,
            iterable,
            conditions: self.expressions(&clause.conditions)?,
        })
    }

    pub(super) fn generator(
        &mut self,
        comprehension: &ast::Comprehension,
        span: Span,
    ) -> Resolved<Expr> {
        let scope = self.opened.of(comprehension);
        let Some(first) = self.first_iterable(comprehension, span)? else {
            return error("a generator has no `for`", span);
        };
        let head = CodeHead {
            kind: CodeKind::GeneratorExpression,
            scope,
            span,
            parameters: ParameterLayout {
                names: vec![Name::new(".0")],
                positional_only: 1,
                positional: 1,
                ..ParameterLayout::default()
            },
            doc: None,
            top_level: false,
        };
        let iterated = comprehension
            .clauses
            .first()
            .map_or(span, |clause| clause.iterable.span);
        let code = self.code(head, |this| this.generator_body(comprehension, iterated))?;
        let make = MakeFunction {
            code,
            defaults: Box::default(),
            keyword_defaults: Box::default(),
            annotations: None,
            top_level: false,
            made: std::sync::atomic::AtomicBool::new(false),
        };
        Ok(self.expr(ExprKind::MakeGenerator(Box::new((make, first))), span))
    }

    /// Nested loops with the conditions inside them, and `yield element` innermost.
    fn generator_body(
        &mut self,
        comprehension: &ast::Comprehension,
        iterated: Span,
    ) -> Resolved<Block> {
        let mut first = Some(self.expr(ExprKind::Local(0), iterated));
        let mut clauses = Vec::with_capacity(comprehension.clauses.len());
        for clause in &comprehension.clauses {
            self.descend(1);
            let iterable = match first.take() {
                Some(iterable) => iterable,
                None => self.expression(&clause.iterable)?,
            };
            let lowered = self.clause(clause, iterable)?;
            // Each condition is an `if` around the rest.
            self.descend(lowered.conditions.len() + 1);
            clauses.push((lowered, clause));
        }
        self.descend(1);
        let span = comprehension.element.span;
        let element = self.expression(&comprehension.element)?;
        self.code.yields += 1;
        let value = self.expr(ExprKind::Yield(Box::new(element)), span);
        let mut body = self.one(StmtKind::Expr(value), span);
        while let Some((clause, written)) = clauses.pop() {
            for (test, written) in clause.conditions.into_iter().zip(&written.conditions).rev() {
                let branches = Box::new([(test, body)]);
                body = self.one(StmtKind::If(branches, Box::default()), written.span);
            }
            body = self.loop_of(clause.target, clause.iterable, body, written.target.span);
        }
        Ok(body)
    }

    fn loop_of(&mut self, target: Target, iterable: Expr, body: Block, span: Span) -> Block {
        let counted = self.options.optimise
            && crate::resolve::specialise::is_counted(&target, &iterable, &self.globals);
        let kind = StmtKind::For(Box::new(For {
            target,
            iterable,
            body,
            otherwise: Box::default(),
            counted,
        }));
        self.one(kind, span)
    }

    /// A block of one statement.
    fn one(&mut self, kind: StmtKind, span: Span) -> Block {
        let id = self.node(span);
        Box::new([Stmt { kind, id }])
    }
}
