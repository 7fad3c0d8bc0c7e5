//! Calls, by what their arguments allow.

use super::Lowering;
use crate::resolve::Resolved;
use crate::resolve::scope::Place;
use crate::resolve::tree::{
    Call, CallKeywords, CallMethod, CallSpread, Expr, ExprKind, Keywords, SpreadItem, SuperCall,
};
use crate::syntax::ast::{self, Argument, Ident};
use crate::syntax::span::Span;
use crate::value::method_cache::MethodCache;
use crate::value::name::{Name, known};

/// What kinds of argument a call has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Positional,
    Keywords,
    Spread,
}

fn shape(arguments: &[Argument]) -> Shape {
    let mut shape = Shape::Positional;
    for argument in arguments {
        match argument {
            Argument::Positional(_) => {}
            Argument::Keyword(..) => shape = Shape::Keywords,
            Argument::Spread(_) | Argument::KeywordSpread(_) => return Shape::Spread,
        }
    }
    shape
}

/// Whether a call of an attribute can be a `CallMethod`.
pub(super) fn is_positional(arguments: &[Argument]) -> bool {
    shape(arguments) == Shape::Positional
}

impl Lowering<'_> {
    /// `callee(arguments)`.
    pub(super) fn call(
        &mut self,
        callee: Expr,
        arguments: &[Argument],
        span: Span,
    ) -> Resolved<Expr> {
        let kind = self.pending(arguments.len() + 1, |this| {
            Ok(match shape(arguments) {
                Shape::Positional => ExprKind::Call(Box::new(Call {
                    callee,
                    arguments: this.positional(arguments)?,
                })),
                Shape::Keywords => this.call_keywords(callee, arguments)?,
                Shape::Spread => this.call_spread(callee, arguments)?,
            })
        })?;
        Ok(self.expr(kind, span))
    }

    /// `object.name(arguments)`, with neither keywords nor stars.
    pub(super) fn call_method(
        &mut self,
        mut object: Expr,
        name: &Ident,
        attribute: Span,
        arguments: &[Argument],
        span: Span,
    ) -> Resolved<Expr> {
        let attribute = self.node(attribute);
        let before = self.code.assignments;
        // The receiver takes a slot as well.
        let arguments = self.pending(arguments.len() + 2, |this| this.positional(arguments))?;
        self.keep(&mut object, before);
        let kind = ExprKind::CallMethod(Box::new(CallMethod {
            object,
            name: self.mangled(&name.name),
            arguments,
            cache: MethodCache::default(),
            attribute,
        }));
        Ok(self.expr(kind, span))
    }

    /// `super()` where the class and the receiver are known: in a function with a first
    /// parameter, within a class.
    pub(super) fn super_call(&mut self, callee: &ast::Expr, span: Span) -> Option<Expr> {
        if self.scopes.place(self.scope, Name::new("super")) != Place::Global {
            return None;
        }
        let receiver = self.code.receiver?;
        let outermost = self.scopes.code(self.scopes.scope(self.scope).code).scope;
        let receiver = match self.scopes.place(outermost, receiver) {
            Place::Local(slot) => ExprKind::Local(slot),
            Place::LocalCell(slot) => ExprKind::LocalCell(slot),
            _ => return None,
        };
        let class = match self.scopes.place(self.scope, known().class) {
            Place::Captured(number) => ExprKind::Captured(number),
            Place::LocalCell(slot) => ExprKind::LocalCell(slot),
            _ => return None,
        };
        let callee = self.load("super", callee.span);
        let kind = ExprKind::Super(Box::new(SuperCall {
            callee,
            class: self.expr(class, span),
            receiver: self.expr(receiver, span),
        }));
        // The class and the receiver become arguments.
        self.code.scratch = self.code.scratch.max(self.code.pending + 3);
        Some(self.expr(kind, span))
    }

    /// Arguments that are all positional and without stars.
    fn positional(&mut self, arguments: &[Argument]) -> Resolved<Box<[Expr]>> {
        arguments
            .iter()
            .filter_map(|argument| match argument {
                Argument::Positional(value) => Some(self.expression(value)),
                _ => None,
            })
            .collect()
    }

    fn call_keywords(&mut self, callee: Expr, arguments: &[Argument]) -> Resolved<ExprKind> {
        let mut values = self.positional(arguments)?.into_vec();
        let mut names = Vec::new();
        for argument in arguments {
            if let Argument::Keyword(name, value) = argument {
                names.push(Name::new(&name.name));
                values.push(self.expression(value)?);
            }
        }
        Ok(ExprKind::CallKeywords(Box::new(CallKeywords {
            callee,
            arguments: values.into(),
            names: names.into(),
        })))
    }

    /// As Python does, evaluates all positional arguments before any keyword argument.
    fn call_spread(&mut self, callee: Expr, arguments: &[Argument]) -> Resolved<ExprKind> {
        let positional = self.spread_items(arguments)?;
        let keywords = self.keywords(arguments)?;
        Ok(ExprKind::CallSpread(Box::new(CallSpread {
            callee,
            positional,
            keywords,
        })))
    }

    /// The keyword arguments; a missing name marks `**mapping`.
    pub(super) fn keywords(&mut self, arguments: &[Argument]) -> Resolved<Keywords> {
        let mut keywords = Vec::new();
        for argument in arguments {
            match argument {
                Argument::Keyword(name, value) => {
                    keywords.push((Some(Name::new(&name.name)), self.expression(value)?));
                }
                Argument::KeywordSpread(mapping) => {
                    keywords.push((None, self.expression(mapping)?));
                }
                _ => {}
            }
        }
        Ok(keywords.into())
    }

    /// The positional arguments, starred ones among them.
    pub(super) fn spread_items(&mut self, arguments: &[Argument]) -> Resolved<Box<[SpreadItem]>> {
        let mut items = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match argument {
                Argument::Positional(value) => {
                    items.push(SpreadItem::One(self.expression(value)?));
                }
                Argument::Spread(iterable) => {
                    items.push(SpreadItem::Many(self.expression(iterable)?));
                }
                _ => {}
            }
        }
        Ok(items.into())
    }
}
