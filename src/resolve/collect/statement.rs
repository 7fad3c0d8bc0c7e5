//! Names in statements. It must not know expressions beyond visiting them.

use super::{Collector, error};
use crate::resolve::Resolved;
use crate::resolve::scope::ScopeKind;
use crate::syntax::ast::{
    Expr, ExprKind, Handler, Ident, ImportedModule, ImportedNames, Stmt, StmtKind, WithItem,
};
use crate::syntax::span::Span;
use crate::value::name::known;

impl Collector {
    pub(super) fn block(&mut self, block: &[Stmt]) -> Resolved<()> {
        block.iter().try_for_each(|stmt| self.statement(stmt))
    }

    fn statement(&mut self, stmt: &Stmt) -> Resolved<()> {
        match &stmt.kind {
            StmtKind::Expr(value) => self.expression(value),
            StmtKind::Assign { targets, value } => {
                self.expression(value);
                self.targets(targets);
            }
            StmtKind::AnnotatedAssign {
                target,
                annotation,
                value,
            } => {
                self.optional(value.as_ref());
                self.annotated(target, stmt.span)?;
                if self.scope().kind == ScopeKind::Class && annotates_name(target) {
                    self.expression(annotation);
                    self.bind(known().annotations.as_str());
                }
            }
            StmtKind::AugmentedAssign { target, value, .. } => {
                self.target(target);
                self.expression(value);
            }
            StmtKind::Delete(targets) => self.targets(targets),
            StmtKind::Return(value) => self.optional(value.as_ref()),
            StmtKind::Raise { exception, cause } => {
                self.optional(exception.as_ref());
                self.optional(cause.as_ref());
            }
            StmtKind::Assert { test, message } => {
                self.expression(test);
                self.optional(message.as_ref());
            }
            StmtKind::Global(names) => self.declare(names, "global")?,
            StmtKind::Nonlocal(names) => self.declare(names, "nonlocal")?,
            StmtKind::Import(modules) => self.import(modules),
            StmtKind::ImportFrom { names, .. } => self.import_from(names),
            StmtKind::If {
                branches,
                otherwise,
            } => {
                for (test, body) in branches {
                    self.expression(test);
                    self.block(body)?;
                }
                self.block(otherwise)?;
            }
            StmtKind::While {
                test,
                body,
                otherwise,
            } => {
                self.expression(test);
                self.block(body)?;
                self.block(otherwise)?;
            }
            StmtKind::For {
                target,
                iterable,
                body,
                otherwise,
            } => {
                self.expression(iterable);
                self.target(target);
                self.block(body)?;
                self.block(otherwise)?;
            }
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
                ..
            } => {
                self.block(body)?;
                self.handlers(handlers)?;
                self.block(otherwise)?;
                self.block(finally.as_deref().unwrap_or_default())?;
            }
            StmtKind::With { items, body } => {
                self.with_items(items);
                self.block(body)?;
            }
            StmtKind::Function(function) => self.function(function)?,
            StmtKind::Class(class) => self.class(class)?,
            StmtKind::Match { subject, cases } => {
                self.expression(subject);
                for case in cases {
                    self.pattern(&case.pattern);
                    self.optional(case.guard.as_ref());
                    self.block(&case.body)?;
                }
            }
            StmtKind::Pass | StmtKind::Break | StmtKind::Continue => {}
        }
        Ok(())
    }

    fn targets(&mut self, targets: &[Expr]) {
        for target in targets {
            self.target(target);
        }
    }

    fn handlers(&mut self, handlers: &[Handler]) -> Resolved<()> {
        for handler in handlers {
            self.optional(handler.kind.as_ref());
            if let Some(name) = &handler.name {
                self.bind(&name.name);
            }
            self.block(&handler.body)?;
        }
        Ok(())
    }

    fn with_items(&mut self, items: &[WithItem]) {
        for item in items {
            self.expression(&item.context);
            if let Some(target) = &item.target {
                self.target(target);
            }
        }
    }

    /// The target of `target: annotation`. Without a value a name is declared a variable of the
    /// scope all the same.
    fn annotated(&mut self, target: &Expr, span: Span) -> Resolved<()> {
        let name = match &target.kind {
            ExprKind::Name(name) => name,
            ExprKind::Trade(word) => word.text(),
            _ => {
                self.target(target);
                return Ok(());
            }
        };
        let stored = self.mangled(name);
        let in_module = self.scope().kind == ScopeKind::Module;
        let symbol = self.scope().mention(stored);
        symbol.annotated = true;
        if !in_module {
            if symbol.global.is_some() {
                return error(format!("annotated name '{name}' can't be global"), span);
            }
            if symbol.nonlocal.is_some() {
                return error(format!("annotated name '{name}' can't be nonlocal"), span);
            }
        }
        self.bind(name);
        Ok(())
    }

    /// `global` or `nonlocal`.
    fn declare(&mut self, names: &[Ident], how: &str) -> Resolved<()> {
        for Ident { name, span } in names {
            let stored = self.mangled(name);
            let symbol = self.scope().mention(stored);
            let message = if symbol.parameter {
                format!("name '{name}' is parameter and {how}")
            } else if symbol.used {
                format!("name '{name}' is used prior to {how} declaration")
            } else if symbol.annotated {
                format!("annotated name '{name}' can't be {how}")
            } else if symbol.assigned {
                format!("name '{name}' is assigned to before {how} declaration")
            } else {
                let imported = symbol.bound;
                let place = match how {
                    "global" => &mut symbol.global,
                    _ => &mut symbol.nonlocal,
                };
                place.get_or_insert(*span);
                if imported && how == "global" {
                    self.module_names.insert(stored);
                }
                continue;
            };
            return error(message, *span);
        }
        Ok(())
    }

    fn import(&mut self, modules: &[ImportedModule]) {
        for module in modules {
            match &module.alias {
                Some(alias) => self.bind_declarable(&alias.name),
                None => self.bind_declarable(first_part(&module.module.name)),
            }
        }
    }

    fn import_from(&mut self, names: &ImportedNames) {
        match names {
            ImportedNames::All(_) => self.star_import = true,
            ImportedNames::Some(names) => {
                for (name, alias) in names {
                    self.bind_declarable(&alias.as_ref().unwrap_or(name).name);
                }
            }
        }
    }
}

/// Whether an annotation's target is a name: only those of a class body are kept.
pub(in crate::resolve) fn annotates_name(target: &Expr) -> bool {
    matches!(target.kind, ExprKind::Name(_) | ExprKind::Trade(_))
}

/// The first part of a dotted name: what a plain `import` binds.
pub(in crate::resolve) fn first_part(dotted: &str) -> &str {
    dotted.split('.').next().unwrap_or(dotted)
}
