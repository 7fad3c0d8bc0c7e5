//! What is wrong with a tree although each part of it is well-formed: `return` outside a function,
//! `break` outside a loop, assignment expressions where they cannot be. It looks at where a thing
//! stands and must not know scopes: what a name refers to is the resolver's question.

mod expressions;
mod patterns;

use super::ast::{
    Block, Expr, FunctionDef, Ident, ImportedNames, Module, Name, Parameters, Stmt, StmtKind,
};
use super::error::{Checked, SyntaxError};
use super::span::Span;
use super::warning::{self, SyntaxWarning};

/// Checks a module's tree; gives what there is to warn of.
pub(super) fn module(module: &Module) -> Checked<Vec<SyntaxWarning>> {
    future_imports(&module.body)?;
    let mut checker = Checker::new();
    checker.block(&module.body)?;
    Ok(checker.warnings)
}

/// Checks an expression that stands alone.
pub(super) fn lone_expression(tree: &Expr) -> Checked<()> {
    Checker::new().expression(tree)
}

/// What kind of body the statements stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Module,
    Class,
    Function,
}

/// A comprehension around the current expression.
struct Scope<'t> {
    /// What Python calls its kind.
    kind: &'static str,
    variables: Vec<&'t Name>,
    assigned: Vec<&'t Name>,
}

struct Checker<'t> {
    place: Place,
    in_loop: bool,
    /// Within an `except*` clause, and in no loop or function begun there.
    in_group_handler: bool,
    comprehensions: Vec<Scope<'t>>,
    /// Within what a comprehension iterates over.
    in_iterable: bool,
    warnings: Vec<SyntaxWarning>,
}

impl<'t> Checker<'t> {
    fn new() -> Self {
        Checker {
            place: Place::Module,
            in_loop: false,
            in_group_handler: false,
            comprehensions: Vec::new(),
            in_iterable: false,
            warnings: Vec::new(),
        }
    }

    fn block(&mut self, block: &'t Block) -> Checked<()> {
        block
            .iter()
            .try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &'t Stmt) -> Checked<()> {
        let span = statement.span;
        match &statement.kind {
            StmtKind::Pass | StmtKind::Global(_) | StmtKind::Import(_) => Ok(()),
            StmtKind::Expr(value) => self.expression(value),
            StmtKind::Assign { targets, value } => {
                self.expression(value)?;
                targets
                    .iter()
                    .try_for_each(|target| self.expression(target))
            }
            StmtKind::AnnotatedAssign { target, value, .. } => {
                self.expression(target)?;
                self.optional(value.as_ref())
            }
            StmtKind::AugmentedAssign { target, value, .. } => {
                self.expression(target)?;
                self.expression(value)
            }
            StmtKind::Delete(targets) => targets
                .iter()
                .try_for_each(|target| self.expression(target)),
            StmtKind::Break => self.jump("'break' outside loop", span),
            StmtKind::Continue => self.jump("'continue' not properly in loop", span),
            StmtKind::Return(value) => {
                if self.place != Place::Function {
                    return SyntaxError::new("'return' outside function", span).fail();
                }
                if self.in_group_handler {
                    return in_group_handler(span);
                }
                self.optional(value.as_ref())
            }
            StmtKind::Raise { exception, cause } => {
                self.optional(exception.as_ref())?;
                self.optional(cause.as_ref())
            }
            StmtKind::Assert { test, message } => {
                self.warnings.extend(warning::assertion(test, span));
                self.expression(test)?;
                self.optional(message.as_ref())
            }
            StmtKind::Nonlocal(_) if self.place == Place::Module => {
                SyntaxError::new("nonlocal declaration not allowed at module level", span).fail()
            }
            StmtKind::Nonlocal(_) => Ok(()),
            StmtKind::ImportFrom { module, names, .. } => {
                self.import_from(module.as_ref(), names, span)
            }
            StmtKind::If {
                branches,
                otherwise,
            } => {
                for (test, body) in branches {
                    self.expression(test)?;
                    self.block(body)?;
                }
                self.block(otherwise)
            }
            StmtKind::While {
                test,
                body,
                otherwise,
            } => {
                self.expression(test)?;
                self.repeated(body)?;
                self.block(otherwise)
            }
            StmtKind::For {
                target,
                iterable,
                body,
                otherwise,
            } => {
                self.expression(iterable)?;
                self.expression(target)?;
                self.repeated(body)?;
                self.block(otherwise)
            }
            StmtKind::Try {
                body,
                handlers,
                star,
                otherwise,
                finally,
            } => {
                self.block(body)?;
                for handler in handlers {
                    self.optional(handler.kind.as_ref())?;
                    let saved = (self.in_group_handler, self.in_loop);
                    if *star {
                        self.in_group_handler = true;
                        self.in_loop = false;
                    }
                    let result = self.block(&handler.body);
                    (self.in_group_handler, self.in_loop) = saved;
                    result?;
                }
                self.block(otherwise)?;
                finally.iter().try_for_each(|block| self.block(block))
            }
            StmtKind::With { items, body } => {
                for item in items {
                    self.expression(&item.context)?;
                    self.optional(item.target.as_ref())?;
                }
                self.block(body)
            }
            StmtKind::Function(function) => self.function(function),
            StmtKind::Class(class) => {
                class
                    .decorators
                    .iter()
                    .try_for_each(|each| self.expression(each))?;
                self.arguments(&class.arguments)?;
                self.inside(Place::Class, |checker| checker.block(&class.body))
            }
            StmtKind::Match { subject, cases } => {
                self.expression(subject)?;
                patterns::cases(cases)?;
                for case in cases {
                    self.optional(case.guard.as_ref())?;
                    self.block(&case.body)?;
                }
                Ok(())
            }
        }
    }

    fn jump(&self, message: &str, span: Span) -> Checked<()> {
        if self.in_loop {
            return Ok(());
        }
        if self.in_group_handler {
            return in_group_handler(span);
        }
        SyntaxError::new(message, span).fail()
    }

    /// The body of a loop.
    fn repeated(&mut self, body: &'t Block) -> Checked<()> {
        let saved = std::mem::replace(&mut self.in_loop, true);
        let result = self.block(body);
        self.in_loop = saved;
        result
    }

    /// The body of a function or class.
    fn inside(&mut self, place: Place, work: impl FnOnce(&mut Self) -> Checked<()>) -> Checked<()> {
        let outer = Checker {
            place: std::mem::replace(&mut self.place, place),
            in_loop: std::mem::take(&mut self.in_loop),
            in_group_handler: std::mem::take(&mut self.in_group_handler),
            comprehensions: std::mem::take(&mut self.comprehensions),
            in_iterable: std::mem::take(&mut self.in_iterable),
            warnings: Vec::new(),
        };
        let result = work(self);
        let warnings = std::mem::take(&mut self.warnings);
        *self = Checker { warnings, ..outer };
        result
    }

    fn function(&mut self, function: &'t FunctionDef) -> Checked<()> {
        function
            .decorators
            .iter()
            .try_for_each(|each| self.expression(each))?;
        self.defaults(&function.parameters)?;
        declared_parameters(&function.parameters, &function.body)?;
        self.inside(Place::Function, |checker| checker.block(&function.body))
    }

    fn import_from(
        &mut self,
        module: Option<&Ident>,
        names: &ImportedNames,
        span: Span,
    ) -> Checked<()> {
        if let ImportedNames::All(star) = names
            && self.place != Place::Module
        {
            return SyntaxError::new("import * only allowed at module level", *star).fail();
        }
        if module.is_some_and(|module| &*module.name == "__future__") && self.place != Place::Module
        {
            return late_future(span);
        }
        Ok(())
    }
}

fn in_group_handler(span: Span) -> Checked<()> {
    SyntaxError::new(
        "'break', 'continue' and 'return' cannot appear in an except* block",
        span,
    )
    .fail()
}

fn late_future(span: Span) -> Checked<()> {
    SyntaxError::new(
        "from __future__ imports must occur at the beginning of the file",
        span,
    )
    .fail()
}

/// A parameter cannot be declared `global` or `nonlocal` in its own function.
fn declared_parameters(parameters: &Parameters, body: &Block) -> Checked<()> {
    let all: Vec<&Ident> = parameters
        .positional_only
        .iter()
        .chain(&parameters.positional)
        .chain(&parameters.rest)
        .chain(&parameters.keyword_only)
        .chain(&parameters.keyword_rest)
        .map(|parameter| &parameter.name)
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    declared_in(&all, body)
}

fn declared_in(parameters: &[&Ident], block: &Block) -> Checked<()> {
    for statement in block {
        match &statement.kind {
            StmtKind::Global(names) => declared(parameters, names, "global")?,
            StmtKind::Nonlocal(names) => declared(parameters, names, "nonlocal")?,
            // Declarations hold for the whole function, wherever in it they stand.
            StmtKind::If {
                branches,
                otherwise,
            } => {
                for (_, body) in branches {
                    declared_in(parameters, body)?;
                }
                declared_in(parameters, otherwise)?;
            }
            StmtKind::While {
                body, otherwise, ..
            }
            | StmtKind::For {
                body, otherwise, ..
            } => {
                declared_in(parameters, body)?;
                declared_in(parameters, otherwise)?;
            }
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
                ..
            } => {
                declared_in(parameters, body)?;
                for handler in handlers {
                    declared_in(parameters, &handler.body)?;
                }
                declared_in(parameters, otherwise)?;
                if let Some(finally) = finally {
                    declared_in(parameters, finally)?;
                }
            }
            StmtKind::With { body, .. } => declared_in(parameters, body)?,
            StmtKind::Match { cases, .. } => {
                for case in cases {
                    declared_in(parameters, &case.body)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn declared(parameters: &[&Ident], names: &[Ident], how: &str) -> Checked<()> {
    for ident in names {
        if let Some(parameter) = parameters.iter().find(|other| other.name == ident.name) {
            return SyntaxError::new(
                format!("name '{}' is parameter and {how}", ident.name),
                ident.span,
            )
            .related(parameter.span, "the parameter is here")
            .fail();
        }
    }
    Ok(())
}

/// The features that `from __future__` may name; all of them are the rule by now.
const FUTURE: [&str; 10] = [
    "absolute_import",
    "annotations",
    "barry_as_FLUFL",
    "division",
    "generator_stop",
    "generators",
    "nested_scopes",
    "print_function",
    "unicode_literals",
    "with_statement",
];

/// `from __future__` comes before everything else but a docstring.
fn future_imports(body: &Block) -> Checked<()> {
    let mut early = true;
    for (index, statement) in body.iter().enumerate() {
        match &statement.kind {
            StmtKind::ImportFrom {
                level: 0,
                module: Some(module),
                names,
            } if &*module.name == "__future__" => {
                if !early {
                    return late_future(statement.span);
                }
                let ImportedNames::Some(names) = names else {
                    return SyntaxError::new("future feature * is not defined", statement.span)
                        .fail();
                };
                for (name, _) in names {
                    if &*name.name == "braces" {
                        return SyntaxError::new("not a chance", name.span).fail();
                    }
                    if !FUTURE.contains(&&*name.name) {
                        return SyntaxError::new(
                            format!("future feature {} is not defined", name.name),
                            name.span,
                        )
                        .fail();
                    }
                }
            }
            StmtKind::Expr(value) if index == 0 => {
                early = matches!(value.kind, super::ast::ExprKind::Str(_));
            }
            _ => early = false,
        }
    }
    Ok(())
}
