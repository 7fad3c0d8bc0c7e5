//! Targets: what stands left of `=`, after `for`, `as` and `del`.

use super::{Lowering, error};
use crate::resolve::Resolved;
use crate::resolve::scope::Place;
use crate::resolve::tree::{AttributeTarget, NodeId, SubscriptTarget, Target, UnpackTarget};
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::span::Span;
use crate::value::slot_cache::SlotCache;

impl Lowering<'_> {
    /// An assignment target.
    pub(super) fn target(&mut self, target: &Expr) -> Resolved<Target> {
        match &target.kind {
            ExprKind::Name(name) => Ok(self.store(name, target.span)),
            ExprKind::Trade(word) => Ok(self.store(word.text(), target.span)),
            ExprKind::Attribute { object, name } => {
                let object = self.expression(object)?;
                Ok(Target::Attribute(Box::new(AttributeTarget {
                    object,
                    name: self.mangled(&name.name),
                    cache: SlotCache::default(),
                    read_cache: SlotCache::default(),
                    added: SlotCache::default(),
                    id: self.node(target.span),
                })))
            }
            ExprKind::Subscript { object, index } => {
                let object = self.expression(object)?;
                let before = self.code.assignments;
                let index = self.expression(index)?;
                let object = self.kept(object, before);
                Ok(Target::Subscript(Box::new(SubscriptTarget {
                    object,
                    index,
                    id: self.node(target.span),
                })))
            }
            ExprKind::List(items) | ExprKind::Tuple(items) => self.unpack(items, target.span),
            _ => error("cannot assign to expression here", target.span),
        }
    }

    /// The target that a name is.
    pub(super) fn store(&mut self, name: &str, span: Span) -> Target {
        let name = self.mangled(name);
        match self.scopes.place(self.scope, name) {
            Place::Local(slot) | Place::ClassLocal(slot) => Target::Local(slot),
            Place::LocalCell(slot) => Target::LocalCell(slot),
            Place::Captured(number) => Target::Captured(number),
            Place::Global => {
                let number = self.global(name);
                Target::Global(number, self.node(span))
            }
        }
    }

    fn unpack(&mut self, items: &[Expr], span: Span) -> Resolved<Target> {
        let depth = self.code.depth;
        self.descend(1);
        let mut before = Vec::new();
        let mut star = None;
        let mut after = Vec::new();
        for item in items {
            if let ExprKind::Starred(inner) = &item.kind {
                if star.is_some() {
                    return error("multiple starred expressions in assignment", span);
                }
                star = Some(self.target(inner)?);
            } else {
                let list = if star.is_some() {
                    &mut after
                } else {
                    &mut before
                };
                list.push(self.target(item)?);
            }
        }
        self.code.depth = depth;
        Ok(Target::Unpack(Box::new(UnpackTarget {
            before: before.into(),
            star,
            after: after.into(),
            id: self.node(span),
        })))
    }

    /// What `del` deletes: of a tuple or list its parts, one by one.
    pub(super) fn deleted(
        &mut self,
        target: &Expr,
        into: &mut Vec<(Target, NodeId)>,
    ) -> Resolved<()> {
        match &target.kind {
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                items.iter().try_for_each(|item| self.deleted(item, into))
            }
            _ => {
                let lowered = self.target(target)?;
                into.push((lowered, self.node(target.span)));
                Ok(())
            }
        }
    }
}
