//! Functions, lambdas and classes, each of which opens a scope. It must not know statements other
//! than these.

use super::{Collector, error};
use crate::resolve::Resolved;
use crate::resolve::scope::ScopeKind;
use crate::syntax::ast::{ClassDef, FunctionDef, Lambda, Parameter, Parameters};
use crate::syntax::span::Span;

/// The parameters in the order of their slots.
pub(in crate::resolve) fn in_slot_order(
    parameters: &Parameters,
) -> impl Iterator<Item = &Parameter> {
    parameters
        .positional_only
        .iter()
        .chain(&parameters.positional)
        .chain(&parameters.keyword_only)
        .chain(&parameters.rest)
        .chain(&parameters.keyword_rest)
}

impl Collector {
    pub(super) fn function(&mut self, function: &FunctionDef) -> Resolved<()> {
        self.expressions(&function.decorators)?;
        self.defaults(&function.parameters)?;
        self.within(function, ScopeKind::Function, &function.name.name, |this| {
            this.parameters(&function.parameters)?;
            this.block(&function.body)
        })?;
        self.bind(&function.name.name, function.name.span)
    }

    pub(super) fn lambda(&mut self, lambda: &Lambda) -> Resolved<()> {
        self.defaults(&lambda.parameters)?;
        self.within(lambda, ScopeKind::Lambda, "<lambda>", |this| {
            this.parameters(&lambda.parameters)?;
            this.expression(&lambda.body)
        })
    }

    pub(super) fn class(&mut self, class: &ClassDef) -> Resolved<()> {
        self.expressions(&class.decorators)?;
        self.arguments(&class.arguments)?;
        self.within(class, ScopeKind::Class, &class.name.name, |this| {
            this.block(&class.body)
        })?;
        self.bind(&class.name.name, class.name.span)
    }

    fn defaults(&mut self, parameters: &Parameters) -> Resolved<()> {
        in_slot_order(parameters)
            .filter_map(|parameter| parameter.default.as_ref())
            .try_for_each(|default| self.expression(default))
    }

    fn parameters(&mut self, parameters: &Parameters) -> Resolved<()> {
        in_slot_order(parameters)
            .try_for_each(|parameter| self.parameter(&parameter.name.name, parameter.name.span))
    }

    pub(super) fn parameter(&mut self, name: &str, span: Span) -> Resolved<()> {
        let stored = self.mangled(name);
        let symbol = self.scope().mention(stored);
        if symbol.parameter {
            return error(
                format!("duplicate argument '{name}' in function definition"),
                span,
            );
        }
        symbol.parameter = true;
        self.bind(name, span)
    }
}
