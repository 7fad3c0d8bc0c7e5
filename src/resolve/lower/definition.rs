//! The module, functions, lambdas and classes: everything with a code of its own but generator
//! expressions.

use std::sync::atomic::AtomicBool;

use super::{CodeHead, Lowering};
use crate::resolve::Resolved;
use crate::resolve::collect::in_slot_order;
use crate::resolve::tree::{
    Block, Call, Code, CodeKind, Expr, ExprKind, MakeClass, MakeFunction, ParameterLayout, Stmt,
    StmtKind,
};
use crate::syntax::ast::{self, ClassDef, FunctionDef, Lambda, Parameters};
use crate::syntax::span::Span;
use crate::value::Value;
use crate::value::name::known;
use std::sync::Arc;

impl Lowering<'_> {
    /// The code of the whole module.
    pub(super) fn module(&mut self, module: &ast::Module) -> Resolved<Arc<Code>> {
        let (doc, body) = if self.options.prompt || self.options.expression {
            (None, &module.body[..])
        } else {
            self.docstring(&module.body)
        };
        let span = match (module.body.first(), module.body.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::default(),
        };
        let head = CodeHead {
            kind: CodeKind::Module,
            scope: 0,
            span,
            parameters: ParameterLayout::default(),
            doc,
            top_level: true,
        };
        self.code(head, |this| {
            let last = match body.split_last() {
                Some((last, before)) if this.options.expression => match &last.kind {
                    ast::StmtKind::Expr(value) => Some((value, before)),
                    _ => None,
                },
                _ => None,
            };
            let Some((value, before)) = last else {
                return this.block(body);
            };
            let mut block = this.block(before)?.into_vec();
            this.descend(1);
            let value_span = value.span;
            let value = this.expression(value)?;
            block.push(Stmt {
                kind: StmtKind::Return(value),
                id: this.node(value_span),
            });
            Ok(block.into())
        })
    }

    /// A `def`, with its decorators applied.
    pub(super) fn function(&mut self, function: &FunctionDef) -> Resolved<Expr> {
        self.decorated(&function.decorators, |this| {
            let (doc, body) = this.docstring(&function.body);
            let head = CodeHead {
                kind: CodeKind::Function,
                scope: this.opened.of(function),
                span: function.header,
                parameters: this.layout(&function.parameters, this.opened.of(function)),
                doc,
                top_level: false,
            };
            let top_level = this.at_top_level();
            let annotations = match &function.annotations {
                Some(annotations) => Some(this.lambda(annotations, function.header)?),
                None => None,
            };
            this.make_function(head, &function.parameters, top_level, annotations, |this| {
                this.block(body)
            })
        })
    }

    pub(super) fn lambda(&mut self, lambda: &Lambda, span: Span) -> Resolved<Expr> {
        let scope = self.opened.of(lambda);
        let head = CodeHead {
            kind: CodeKind::Lambda,
            scope,
            span,
            parameters: self.layout(&lambda.parameters, scope),
            doc: None,
            top_level: false,
        };
        self.make_function(head, &lambda.parameters, false, None, |this| {
            this.descend(1);
            let value = this.expression(&lambda.body)?;
            let id = this.node(lambda.body.span);
            let kind = StmtKind::Return(value);
            Ok(Box::new([Stmt { kind, id }]))
        })
    }

    fn make_function(
        &mut self,
        head: CodeHead,
        parameters: &Parameters,
        top_level: bool,
        annotations: Option<Expr>,
        body: impl FnOnce(&mut Self) -> Resolved<Block>,
    ) -> Resolved<Expr> {
        let mut defaults = Vec::new();
        for parameter in parameters
            .positional_only
            .iter()
            .chain(&parameters.positional)
        {
            if let Some(default) = &parameter.default {
                defaults.push(self.expression(default)?);
            }
        }
        let mut keyword_defaults = Vec::with_capacity(parameters.keyword_only.len());
        for parameter in &parameters.keyword_only {
            keyword_defaults.push(self.optional(parameter.default.as_ref())?);
        }
        let span = head.span;
        let make = MakeFunction {
            code: self.code(head, body)?,
            defaults: defaults.into(),
            keyword_defaults: keyword_defaults.into(),
            annotations,
            top_level,
            made: AtomicBool::new(false),
        };
        Ok(self.expr(ExprKind::MakeFunction(Box::new(make)), span))
    }

    fn layout(&self, parameters: &Parameters, scope: usize) -> ParameterLayout {
        let private = self.scopes.scope(scope).private();
        let name = |parameter: &ast::Parameter| {
            crate::resolve::scope::mangle(private, &parameter.name.name)
        };
        let named = parameters.positional_only.len()
            + parameters.positional.len()
            + parameters.keyword_only.len();
        ParameterLayout {
            names: in_slot_order(parameters).take(named).map(name).collect(),
            positional_only: parameters.positional_only.len(),
            positional: parameters.positional_only.len() + parameters.positional.len(),
            keyword_only: parameters.keyword_only.len(),
            rest: parameters.rest.as_ref().map(name),
            keyword_rest: parameters.keyword_rest.as_ref().map(name),
        }
    }

    /// A `class`, with its decorators applied.
    pub(super) fn class(&mut self, class: &ClassDef) -> Resolved<Expr> {
        self.decorated(&class.decorators, |this| {
            let bases = this.spread_items(&class.arguments)?;
            let keywords = this.keywords(&class.arguments)?;
            let (doc, body) = this.docstring(&class.body);
            let head = CodeHead {
                kind: CodeKind::Class,
                scope: this.opened.of(class),
                span: class.header,
                parameters: ParameterLayout::default(),
                doc,
                top_level: this.at_top_level(),
            };
            let top_level = this.at_top_level();
            let make = MakeClass {
                code: this.code(head, |this| this.class_body(class, body))?,
                bases,
                keywords,
                top_level,
                made: AtomicBool::new(false),
            };
            Ok(this.expr(ExprKind::MakeClass(Box::new(make)), class.header))
        })
    }

    /// The statements of a class body, after the making of `__annotations__` if there are any.
    fn class_body(&mut self, class: &ClassDef, body: &[ast::Stmt]) -> Resolved<Block> {
        let name = known().annotations;
        if !self.scopes.scope(self.scope).symbol(name).bound {
            return self.block(body);
        }
        let empty = ast::Expr {
            kind: ast::ExprKind::Dict(Vec::new()),
            span: class.header,
        };
        let value = self.expression(&empty)?;
        let target = self.store(name.as_str(), class.header);
        let first = Stmt {
            kind: super::statement::assignment(vec![target], value),
            id: self.node(class.header),
        };
        let mut block = vec![first];
        block.extend(self.block(body)?);
        Ok(block.into())
    }

    /// Calls decorators with what `make` makes: their expressions come first, from the outermost
    /// to the innermost, as callees of nested calls.
    fn decorated(
        &mut self,
        decorators: &[ast::Expr],
        make: impl FnOnce(&mut Self) -> Resolved<Expr>,
    ) -> Resolved<Expr> {
        let depth = self.code.depth;
        let mut callees = Vec::with_capacity(decorators.len());
        for (position, decorator) in decorators.iter().enumerate() {
            self.descend(1);
            // Each of the calls around it keeps two slots.
            callees.push(self.pending(2 * position, |this| this.expression(decorator))?);
        }
        let mut value = self.pending(2 * decorators.len(), make)?;
        self.code.depth = depth;
        for decorator in decorators.iter().rev() {
            if let Some(callee) = callees.pop() {
                let call = Call {
                    callee,
                    arguments: Box::new([value]),
                };
                value = self.expr(ExprKind::Call(Box::new(call)), decorator.span);
            }
        }
        Ok(value)
    }

    /// Whether this is the module's top level, or that of a class there, outside any loop.
    fn at_top_level(&self) -> bool {
        self.code.top_level && self.code.loops == 0
    }

    /// The docstring of a body, and the statements after it.
    fn docstring<'b>(&mut self, body: &'b [ast::Stmt]) -> (Option<Value>, &'b [ast::Stmt]) {
        if let Some((first, rest)) = body.split_first()
            && let ast::StmtKind::Expr(value) = &first.kind
            && let ast::ExprKind::Str(text) = &value.kind
        {
            let text = clean_docstring(text);
            return (Some(self.constants.text(&text.into())), rest);
        }
        (None, body)
    }
}

/// A docstring without the indentation that its lines share, as Python stores it since 3.13.
pub(in crate::resolve) fn clean_docstring(text: &str) -> String {
    let expanded = expand_tabs(text);
    let mut lines = expanded.split('\n');
    let first = lines.next().unwrap_or_default();
    let indentation = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let margin = lines
        .clone()
        .filter(|line| !line.trim_start_matches(' ').is_empty())
        .map(indentation)
        .min()
        .unwrap_or(0);
    let mut cleaned = first.trim_start_matches(' ').to_owned();
    for line in lines {
        cleaned.push('\n');
        cleaned.push_str(&line[margin.min(indentation(line))..]);
    }
    cleaned
}

/// Tabs replaced by spaces up to the next multiple of eight, as `str.expandtabs` does.
fn expand_tabs(text: &str) -> String {
    const TAB_STOP: usize = 8;
    let mut expanded = String::with_capacity(text.len());
    let mut column = 0;
    for character in text.chars() {
        match character {
            '\t' => {
                let spaces = TAB_STOP - column % TAB_STOP;
                expanded.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            _ => {
                expanded.push(character);
                column = match character {
                    '\n' | '\r' => 0,
                    _ => column + 1,
                };
            }
        }
    }
    expanded
}
