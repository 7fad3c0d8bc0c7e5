//! Functions, lambdas and classes, each of which opens a scope. It must not know statements other
//! than these.

use super::Collector;
use crate::resolve::Resolved;
use crate::resolve::scope::ScopeKind;
use crate::syntax::ast::{ClassDef, FunctionDef, Lambda, Parameter, Parameters};

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
        self.expressions(&function.decorators);
        self.defaults(&function.parameters);
        if let Some(annotations) = &function.annotations {
            self.lambda(annotations);
        }
        self.within(function, ScopeKind::Function, &function.name.name, |this| {
            this.parameters(&function.parameters);
            this.block(&function.body)
        })?;
        self.bind(&function.name.name);
        Ok(())
    }

    pub(super) fn lambda(&mut self, lambda: &Lambda) {
        self.defaults(&lambda.parameters);
        self.within(lambda, ScopeKind::Lambda, "<lambda>", |this| {
            this.parameters(&lambda.parameters);
            this.expression(&lambda.body);
        });
    }

    pub(super) fn class(&mut self, class: &ClassDef) -> Resolved<()> {
        self.expressions(&class.decorators);
        self.arguments(&class.arguments);
        self.within(class, ScopeKind::Class, &class.name.name, |this| {
            this.block(&class.body)
        })?;
        self.bind(&class.name.name);
        Ok(())
    }

    fn defaults(&mut self, parameters: &Parameters) {
        for parameter in in_slot_order(parameters) {
            self.optional(parameter.default.as_ref());
        }
    }

    fn parameters(&mut self, parameters: &Parameters) {
        for parameter in in_slot_order(parameters) {
            let stored = self.mangled(&parameter.name.name);
            self.scope().mention(stored).parameter = true;
            self.bind(&parameter.name.name);
        }
    }
}
