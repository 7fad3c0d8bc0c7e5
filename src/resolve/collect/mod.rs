//! The first pass: which scopes a program has, and what each does with which names. It must not
//! know what the names will turn out to mean, nor the executable tree.
//!
//! Parts are visited in the order in which they are evaluated: the variables of a class body get
//! their slots, and so its attributes their order, by first binding.

mod definition;
mod expression;
mod pattern;
mod statement;

pub(super) use self::definition::in_slot_order;
pub(super) use self::statement::{annotates_name, first_part};

use std::collections::{HashMap, HashSet};

use super::Resolved;
use super::scope::{Scope, ScopeId, ScopeKind, Scopes, mangle};
use crate::syntax::ast;
use crate::syntax::error::SyntaxError;
use crate::syntax::span::Span;
use crate::value::name::Name;

/// What the first pass found.
pub(super) struct Collected {
    /// The scopes, settled.
    pub(super) scopes: Scopes,
    /// The scope that each definition, lambda, comprehension or generator opens.
    pub(super) opened: Opened,
}

/// Scopes by the address of the syntax node that opens them; the tree is borrowed all the while.
#[derive(Default)]
pub(super) struct Opened(HashMap<usize, ScopeId>);

impl Opened {
    /// The scope that a syntax node opens.
    pub(super) fn of<T>(&self, node: &T) -> ScopeId {
        self.0
            .get(&std::ptr::from_ref(node).addr())
            .copied()
            .unwrap_or_default()
    }

    fn insert<T>(&mut self, node: &T, scope: ScopeId) {
        self.0.insert(std::ptr::from_ref(node).addr(), scope);
    }
}

/// Collects the scopes of a module.
pub(super) fn collect(module: &ast::Module) -> Resolved<Collected> {
    let name = Name::new("<module>");
    let mut collector = Collector {
        scopes: vec![Scope::new(ScopeKind::Module, None, 0, name, name, None)],
        current: 0,
        codes: vec![0],
        opened: Opened::default(),
        module_names: HashSet::new(),
        star_import: false,
    };
    collector.block(&module.body)?;
    let scopes = Scopes::new(
        collector.scopes,
        &collector.codes,
        collector.module_names,
        collector.star_import,
    )?;
    Ok(Collected {
        scopes,
        opened: collector.opened,
    })
}

struct Collector {
    scopes: Vec<Scope>,
    current: ScopeId,
    /// The outermost scope of each code, by the code's number.
    codes: Vec<ScopeId>,
    opened: Opened,
    module_names: HashSet<Name>,
    star_import: bool,
}

impl Collector {
    fn scope(&mut self) -> &mut Scope {
        &mut self.scopes[self.current]
    }

    /// A name as it is stored in the present scope.
    fn mangled(&self, name: &str) -> Name {
        mangle(self.scopes[self.current].private(), name)
    }

    /// Notes that the present scope reads a name.
    fn read(&mut self, name: &str) {
        let stored = self.mangled(name);
        self.scope().mention(stored).used = true;
    }

    /// Notes that the present scope sets a name.
    fn bind(&mut self, name: &str) {
        self.bind_declarable(name);
        let stored = self.mangled(name);
        self.scope().mention(stored).assigned = true;
    }

    /// The same for what a declaration may follow: an import, and an assignment expression in a
    /// comprehension at the top level.
    fn bind_declarable(&mut self, name: &str) {
        let stored = self.mangled(name);
        let symbol = self.scope().bind(stored);
        if symbol.global.is_some() || self.scope().kind == ScopeKind::Module {
            self.module_names.insert(stored);
        }
    }

    /// Opens a scope for a syntax node, visits what is in it, and closes it.
    fn within<T, R>(
        &mut self,
        node: &T,
        kind: ScopeKind,
        name: &str,
        visit: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let id = self.scopes.len();
        let outer = &self.scopes[self.current];
        let private = match kind {
            ScopeKind::Class => Some(Name::new(name)),
            _ => outer.private(),
        };
        let code = match kind {
            ScopeKind::Comprehension => outer.code,
            _ => {
                self.codes.push(id);
                self.codes.len() - 1
            }
        };
        let qualified_name = self.qualified(name);
        self.scopes.push(Scope::new(
            kind,
            Some(self.current),
            code,
            Name::new(name),
            qualified_name,
            private,
        ));
        self.opened.insert(node, id);
        let outer = std::mem::replace(&mut self.current, id);
        let result = visit(self);
        self.current = outer;
        result
    }

    /// The name of something defined in the present scope, with the names around it.
    fn qualified(&self, name: &str) -> Name {
        let mut outer = &self.scopes[self.current];
        // A comprehension has no code of its own, and therefore no name.
        while let (ScopeKind::Comprehension, Some(parent)) = (outer.kind, outer.parent()) {
            outer = &self.scopes[parent];
        }
        if outer.symbol(mangle(outer.private(), name)).global.is_some() {
            return Name::new(name);
        }
        match outer.kind {
            ScopeKind::Module => Name::new(name),
            ScopeKind::Function | ScopeKind::Lambda => {
                Name::new(&format!("{}.<locals>.{name}", outer.qualified_name))
            }
            _ => Name::new(&format!("{}.{name}", outer.qualified_name)),
        }
    }
}

/// An error of this text.
fn error<T>(message: impl Into<String>, span: Span) -> Resolved<T> {
    Err(Box::new(SyntaxError::new(message, span)))
}
