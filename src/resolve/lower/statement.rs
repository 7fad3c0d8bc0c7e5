//! Statements.

use super::display::unchanged;
use super::{Lowering, MAX_NESTED, error};
use crate::resolve::Resolved;
use crate::resolve::collect::{annotates_name, first_part};
use crate::resolve::specialise;
use crate::resolve::tree::{
    Augmented, Block, CodeKind, Expr, ExprKind, For, Handler, Import, ImportFrom, Match, Stmt,
    StmtKind, Target, Try, With,
};
use crate::syntax::ast;
use crate::syntax::span::Span;
use crate::value::Value;
use crate::value::name::{Name, known};

impl Lowering<'_> {
    /// A block of statements.
    pub(super) fn block(&mut self, block: &[ast::Stmt]) -> Resolved<Block> {
        let mut lowered = Vec::with_capacity(block.len());
        for stmt in block {
            self.statement(stmt, &mut lowered)?;
        }
        Ok(lowered.into())
    }

    fn push(&mut self, into: &mut Vec<Stmt>, kind: StmtKind, span: Span) {
        let id = self.node(span);
        into.push(Stmt { kind, id });
    }

    fn statement(&mut self, stmt: &ast::Stmt, into: &mut Vec<Stmt>) -> Resolved<()> {
        let depth = self.code.depth;
        self.descend(1);
        let result = if let ast::StmtKind::Import(modules) = &stmt.kind {
            self.import(modules, stmt.span, into)
        } else if let ast::StmtKind::AnnotatedAssign {
            target, annotation, ..
        } = &stmt.kind
            && self.code.kind == Some(CodeKind::Class)
            && annotates_name(target)
        {
            self.simple(stmt).and_then(|kind| {
                self.push(into, kind, stmt.span);
                let kind = self.keep_annotation(target, annotation)?;
                self.push(into, kind, stmt.span);
                Ok(())
            })
        } else if is_compound(&stmt.kind) {
            self.compound(stmt, into)
        } else {
            self.simple(stmt)
                .map(|kind| self.push(into, kind, stmt.span))
        };
        self.code.depth = depth;
        result
    }

    fn simple(&mut self, stmt: &ast::Stmt) -> Resolved<StmtKind> {
        use ast::StmtKind as Ast;
        Ok(match &stmt.kind {
            Ast::Expr(value) => return self.expression_statement(value),
            Ast::Assign { targets, value } => return self.assign(targets, value),
            Ast::AnnotatedAssign { target, value, .. } => match value {
                Some(value) => {
                    let value = self.expression(value)?;
                    let target = self.target(target)?;
                    assignment(vec![target], value)
                }
                None => self.declaration(target)?,
            },
            Ast::AugmentedAssign { target, op, value } => self.augmented(target, *op, value)?,
            Ast::Delete(targets) => {
                let mut lowered = Vec::with_capacity(targets.len());
                for target in targets {
                    self.deleted(target, &mut lowered)?;
                }
                StmtKind::Delete(lowered.into())
            }
            Ast::Break => StmtKind::Break,
            Ast::Continue => StmtKind::Continue,
            Ast::Return(Some(value)) => StmtKind::Return(self.expression(value)?),
            Ast::Return(None) => StmtKind::Return(self.none(stmt.span)),
            Ast::Raise { exception, cause } => {
                let exception = self.optional(exception.as_ref())?;
                let cause = self.optional(cause.as_ref())?;
                StmtKind::Raise(exception, cause)
            }
            Ast::Assert { test, message } => {
                let test = self.expression(test)?;
                let message = self.optional(message.as_ref())?;
                StmtKind::Assert(test, message)
            }
            Ast::ImportFrom {
                level,
                module,
                names,
            } => self.import_from(*level, module.as_ref(), names)?,
            // `pass`, `global` and `nonlocal`; the other kinds do not come here.
            _ => StmtKind::Nothing,
        })
    }

    fn expression_statement(&mut self, value: &ast::Expr) -> Resolved<StmtKind> {
        let value = self.expression(value)?;
        let in_module = self.code.kind == Some(CodeKind::Module);
        Ok(if in_module && self.options.prompt {
            StmtKind::Show(value)
        } else if let ExprKind::Constant(_) = value.kind {
            StmtKind::Nothing
        } else {
            StmtKind::Expr(value)
        })
    }

    fn assign(&mut self, targets: &[ast::Expr], value: &ast::Expr) -> Resolved<StmtKind> {
        let value = self.expression(value)?;
        let mut lowered = Vec::with_capacity(targets.len());
        for target in targets {
            lowered.push(self.target(target)?);
        }
        Ok(assignment(lowered, value))
    }

    fn augmented(
        &mut self,
        target: &ast::Expr,
        op: ast::BinaryOp,
        value: &ast::Expr,
    ) -> Resolved<StmtKind> {
        let span = target.span;
        let place = self.node(span);
        let mut target = self.target(target)?;
        let before = self.code.assignments;
        let value = self.expression(value)?;
        let assigns = self.code.assignments > before;
        match &mut target {
            Target::Attribute(node) => self.keep(&mut node.object, before),
            Target::Subscript(node) => {
                self.keep(&mut node.object, before);
                self.keep(&mut node.index, before);
            }
            _ => {}
        }
        let present = match target {
            Target::Local(slot) if self.code.kind == Some(CodeKind::Class) => {
                let name = self.scopes.slot_name(self.scope, slot);
                let global = ExprKind::Global(self.global(name));
                let global = Box::new(self.expr(global, span));
                Some(self.expr(ExprKind::ClassLocal(slot, global), span))
            }
            Target::Local(slot) if assigns => Some(self.expr(ExprKind::Local(slot), span)),
            _ => None,
        };
        let op = super::expression::binary_operator(op);
        if self.options.optimise
            && let Some(kind) = specialise::augmented(&target, place, op, &value, present.is_some())
        {
            return Ok(kind);
        }
        Ok(StmtKind::Augmented(Box::new(Augmented {
            target,
            place,
            op,
            value,
            present,
        })))
    }

    /// `target: annotation` without a value: what a name's annotation declares was noted by the
    /// first pass; of other targets the parts are evaluated.
    /// `__annotations__['name'] = annotation`, in a class body.
    fn keep_annotation(
        &mut self,
        target: &ast::Expr,
        annotation: &ast::Expr,
    ) -> Resolved<StmtKind> {
        let name = match &target.kind {
            ast::ExprKind::Name(name) => self.mangled(name),
            ast::ExprKind::Trade(word) => self.mangled(word.text()),
            _ => return Ok(StmtKind::Nothing),
        };
        let span = annotation.span;
        let value = self.expression(annotation)?;
        let expr = |kind| ast::Expr { kind, span };
        let entry = expr(ast::ExprKind::Subscript {
            object: Box::new(expr(ast::ExprKind::Name(
                known().annotations.as_str().into(),
            ))),
            index: Box::new(expr(ast::ExprKind::Str(name.as_str().into()))),
        });
        let entry = self.target(&entry)?;
        Ok(assignment(vec![entry], value))
    }

    fn declaration(&mut self, target: &ast::Expr) -> Resolved<StmtKind> {
        Ok(match &target.kind {
            ast::ExprKind::Attribute { object, .. } => StmtKind::Expr(self.expression(object)?),
            ast::ExprKind::Subscript { object, index } => {
                let object_and_index = [self.expression(object)?, self.expression(index)?];
                let kind = ExprKind::Tuple(Box::new(object_and_index));
                StmtKind::Expr(self.expr(kind, target.span))
            }
            _ => StmtKind::Nothing,
        })
    }

    fn import(
        &mut self,
        modules: &[ast::ImportedModule],
        span: Span,
        into: &mut Vec<Stmt>,
    ) -> Resolved<()> {
        for module in modules {
            let dotted = &module.module;
            let target = match &module.alias {
                Some(alias) => self.store(&alias.name, alias.span),
                None => self.store(first_part(&dotted.name), dotted.span),
            };
            let import = Import {
                module: Name::new(&dotted.name),
                bind_last: module.alias.is_some(),
                target,
            };
            self.push(into, StmtKind::Import(Box::new(import)), span);
        }
        Ok(())
    }

    fn import_from(
        &mut self,
        level: u32,
        module: Option<&ast::Ident>,
        names: &ast::ImportedNames,
    ) -> Resolved<StmtKind> {
        let names = match names {
            ast::ImportedNames::All(_) => None,
            ast::ImportedNames::Some(names) => {
                let mut lowered = Vec::with_capacity(names.len());
                for (name, alias) in names {
                    let bound = alias.as_ref().unwrap_or(name);
                    let target = self.store(&bound.name, bound.span);
                    lowered.push((Name::new(&name.name), target, self.node(name.span)));
                }
                Some(lowered.into())
            }
        };
        Ok(StmtKind::ImportFrom(Box::new(ImportFrom {
            module: Name::new(module.map_or("", |module| &*module.name)),
            level,
            names,
        })))
    }

    fn compound(&mut self, stmt: &ast::Stmt, into: &mut Vec<Stmt>) -> Resolved<()> {
        use ast::StmtKind as Ast;
        let kind = match &stmt.kind {
            Ast::If {
                branches,
                otherwise,
            } => self.if_statement(branches, otherwise)?,
            Ast::While {
                test,
                body,
                otherwise,
            } => {
                let (test, body) = self.loop_body(|this| {
                    // The test is evaluated again and again, too.
                    Ok((this.expression(test)?, this.block(body)?))
                })?;
                StmtKind::While(Box::new((test, body, self.block(otherwise)?)))
            }
            Ast::For {
                target,
                iterable,
                body,
                otherwise,
            } => self.for_statement(target, iterable, body, otherwise)?,
            Ast::Try { .. } => self.try_statement(stmt)?,
            Ast::With { items, body } => {
                let with = self.with_items(items, body, stmt.span)?;
                into.push(with);
                return Ok(());
            }
            Ast::Function(function) => {
                let made = self.function(function)?;
                let target = self.store(&function.name.name, function.name.span);
                self.push(into, assignment(vec![target], made), function.header);
                return Ok(());
            }
            Ast::Class(class) => {
                let made = self.class(class)?;
                let target = self.store(&class.name.name, class.name.span);
                self.push(into, assignment(vec![target], made), class.header);
                return Ok(());
            }
            Ast::Match { subject, cases } => self.match_statement(subject, cases)?,
            _ => StmtKind::Nothing,
        };
        self.push(into, kind, stmt.span);
        Ok(())
    }

    fn if_statement(
        &mut self,
        branches: &[(ast::Expr, ast::Block)],
        otherwise: &[ast::Stmt],
    ) -> Resolved<StmtKind> {
        let mut lowered = Vec::with_capacity(branches.len());
        for (test, body) in branches {
            lowered.push((self.expression(test)?, self.block(body)?));
        }
        let otherwise = self.block(otherwise)?;
        Ok(if self.options.optimise {
            specialise::condition(lowered, otherwise)
        } else {
            StmtKind::If(lowered.into(), otherwise)
        })
    }

    /// Lowers what a loop repeats.
    fn loop_body<T>(&mut self, lower: impl FnOnce(&mut Self) -> Resolved<T>) -> Resolved<T> {
        self.code.loops += 1;
        let result = lower(self);
        self.code.loops -= 1;
        result
    }

    fn for_statement(
        &mut self,
        target: &ast::Expr,
        iterable: &ast::Expr,
        body: &[ast::Stmt],
        otherwise: &[ast::Stmt],
    ) -> Resolved<StmtKind> {
        let iterable = unchanged(self.expression(iterable)?);
        let (target, body) =
            self.loop_body(|this| Ok((this.target(target)?, this.block(body)?)))?;
        let counted =
            self.options.optimise && specialise::is_counted(&target, &iterable, &self.globals);
        Ok(StmtKind::For(Box::new(For {
            target,
            iterable,
            body,
            otherwise: self.block(otherwise)?,
            counted,
        })))
    }

    fn try_statement(&mut self, stmt: &ast::Stmt) -> Resolved<StmtKind> {
        let ast::StmtKind::Try {
            body,
            handlers,
            star,
            otherwise,
            finally,
        } = &stmt.kind
        else {
            return Ok(StmtKind::Nothing);
        };
        let depth = self.code.depth;
        if finally.is_some() {
            self.descend(1);
        }
        let guarded = self.block(body)?;
        let guarded = if handlers.is_empty() {
            guarded
        } else {
            let mut lowered = Vec::with_capacity(handlers.len());
            for handler in handlers {
                lowered.push(self.handler(handler)?);
            }
            let kind = StmtKind::Try(Box::new(Try {
                body: guarded,
                handlers: lowered.into(),
                star: *star,
                otherwise: self.block(otherwise)?,
            }));
            let Some(_) = finally else {
                self.code.depth = depth;
                return Ok(kind);
            };
            let id = self.node(stmt.span);
            Box::new([Stmt { kind, id }])
        };
        self.code.depth = depth;
        let cleanup = self.block(finally.as_deref().unwrap_or_default())?;
        Ok(StmtKind::Finally(guarded, cleanup))
    }

    fn handler(&mut self, handler: &ast::Handler) -> Resolved<Handler> {
        Ok(Handler {
            kind: self.optional(handler.kind.as_ref())?,
            target: handler
                .name
                .as_ref()
                .map(|name| self.store(&name.name, name.span)),
            body: self.block(&handler.body)?,
            id: self.node(handler.span),
        })
    }

    /// Several items are nested, the first outermost.
    fn with_items(
        &mut self,
        items: &[ast::WithItem],
        body: &[ast::Stmt],
        span: Span,
    ) -> Resolved<Stmt> {
        if items.len() > MAX_NESTED {
            return error("too many statically nested blocks", span);
        }
        let depth = self.code.depth;
        let mut managers = Vec::with_capacity(items.len());
        for item in items {
            let context = self.expression(&item.context)?;
            let target = match &item.target {
                Some(target) => Some(self.target(target)?),
                None => None,
            };
            // Where a message about entering or leaving points.
            managers.push((context, target, self.node(item.context.span)));
            self.descend(1);
        }
        let mut inner = self.block(body)?;
        self.code.depth = depth;
        while let Some((context, target, id)) = managers.pop() {
            let kind = StmtKind::With(Box::new(With {
                context,
                target,
                body: inner,
            }));
            inner = Box::new([Stmt { kind, id }]);
        }
        match inner.into_vec().pop() {
            Some(with) => Ok(with),
            None => error("invalid syntax", span),
        }
    }

    fn match_statement(
        &mut self,
        subject: &ast::Expr,
        cases: &[ast::MatchCase],
    ) -> Resolved<StmtKind> {
        let subject = self.expression(subject)?;
        let mut lowered = Vec::with_capacity(cases.len());
        for case in cases {
            let pattern = self.pattern(&case.pattern)?;
            let guard = self.optional(case.guard.as_ref())?;
            lowered.push((pattern, guard, self.block(&case.body)?));
        }
        Ok(StmtKind::Match(Box::new(Match {
            subject,
            cases: lowered.into(),
        })))
    }

    /// The constant `None`, where nothing was written.
    pub(super) fn none(&mut self, span: Span) -> Expr {
        self.expr(ExprKind::Constant(Value::None), span)
    }
}

fn is_compound(kind: &ast::StmtKind) -> bool {
    use ast::StmtKind as Ast;
    matches!(
        kind,
        Ast::If { .. }
            | Ast::While { .. }
            | Ast::For { .. }
            | Ast::Try { .. }
            | Ast::With { .. }
            | Ast::Function(_)
            | Ast::Class(_)
            | Ast::Match { .. }
    )
}

/// `targets = value`, in the form that the evaluator does fastest.
pub(super) fn assignment(mut targets: Vec<Target>, value: Expr) -> StmtKind {
    if let [Target::Local(slot)] = targets[..] {
        return StmtKind::SetLocal(slot, value);
    }
    targets.shrink_to_fit();
    StmtKind::Assign(targets.into(), value)
}
