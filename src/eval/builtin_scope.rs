//! Changes that scripts make to the built-in scope: `builtins.print = …`, as tests and tools do. Every module of the
//! session sees them. It must not know what is in that scope.

use std::collections::HashMap;

use super::context::Context;
use super::module::Module;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::world;
use crate::value::Value;
use crate::value::name::Name;
use crate::value::object::Ref;

/// What a session's scripts have put in place of built-ins, or beside them; `Unbound` for what they took away.
#[derive(Default)]
struct Changes {
    values: LeafLock<HashMap<Name, Value>>,
}

/// Whether a module is the one that stands for the built-in scope.
pub(super) fn is_scope(module: &Module) -> bool {
    module.name().as_str() == "builtins"
}

/// The script has set a name of the built-in scope, or with `Unbound` deleted it.
#[cold]
pub(super) fn change(cx: &mut Context, name: Name, value: Value) {
    let changes = cx.session.extensions.get::<Changes>();
    let old = changes.values.lock().insert(name, value.clone());
    let modules: Vec<Ref<Module>> = cx.session.modules.lock().values().cloned().collect();
    // Made here where they are missing: what is made later by the same module must find the change, too.
    let cells: Vec<_> = modules.iter().map(|module| module.cell(name)).collect();
    let replaced: Vec<Value> = world::stop_the_world(&cx.thread, |_| {
        let replace = |cell: &&super::global_cell::GlobalCell| {
            // SAFETY: no other thread runs, and nobody borrows the value across a safepoint.
            unsafe { cell.replace_builtin(value.clone()) }
        };
        cells.iter().map(replace).collect()
    });
    drop((old, replaced));
}

/// A module is about to run: it gets what was changed before.
pub(super) fn apply(cx: &Context, module: &Ref<Module>) {
    let changes = cx.session.extensions.get::<Changes>();
    let values: Vec<(Name, Value)> = {
        let values = changes.values.lock();
        let values = values.iter();
        values.map(|(name, value)| (*name, value.clone())).collect()
    };
    if values.is_empty() {
        return;
    }
    let replace = || {
        let replace = |(name, value): (Name, Value)| {
            // SAFETY: as in `change`.
            unsafe { module.cell(name).replace_builtin(value) }
        };
        values.into_iter().map(replace).collect::<Vec<Value>>()
    };
    let replaced = world::stop_the_world(&cx.thread, |_| replace());
    drop(replaced);
}
