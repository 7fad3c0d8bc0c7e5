//! The built-in scope: the functions, classes and constants that every module sees without an
//! import. One file a family; each has the table of its functions.

mod attributes;
pub mod classes;
pub mod iteration;
pub mod iterators;
pub mod numbers;
pub mod print;
mod scope;
mod text;

use std::sync::OnceLock;

use super::define::{self, Entries};
use crate::value::Value;
use crate::value::name::{Name, NameMap};
use crate::value::types::types;

const FUNCTIONS: &[Entries<'static>] = &[
    attributes::FUNCTIONS,
    classes::FUNCTIONS,
    iteration::FUNCTIONS,
    numbers::FUNCTIONS,
    print::FUNCTIONS,
    scope::FUNCTIONS,
    text::FUNCTIONS,
    super::files::FUNCTIONS,
];

fn table() -> &'static NameMap<Value> {
    static TABLE: OnceLock<NameMap<Value>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = NameMap::default();
        for &(name, call) in FUNCTIONS.iter().copied().flatten() {
            table.insert(Name::new(name), define::function("", name, call));
        }
        let types = types();
        let classes = [
            &types.object,
            &types.type_,
            &types.int,
            &types.float,
            &types.bool,
            &types.str,
            &types.bytes,
            &types.bytearray,
            &types.memoryview,
            &types.tuple,
            &types.list,
            &types.dict,
            &types.set,
            &types.frozenset,
            &types.range,
            &types.slice,
            &types.property,
            &types.staticmethod,
            &types.classmethod,
            &types.super_,
            &types.enumerate,
            &types.zip,
            &types.map,
            &types.filter,
            &types.reversed,
        ];
        for class in classes.into_iter().chain(types.exceptions()) {
            table.insert(class.name(), Value::Class(class.clone()));
        }
        for (name, class) in [("EnvironmentError", "OSError"), ("IOError", "OSError")] {
            if let Some(class) = table.get(&Name::new(class)).cloned() {
                table.insert(Name::new(name), class);
            }
        }
        for (name, value) in [
            ("None", Value::None),
            ("True", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("Ellipsis", Value::Ellipsis),
            ("NotImplemented", Value::NotImplemented),
            ("__debug__", Value::Bool(true)),
        ] {
            table.insert(Name::new(name), value);
        }
        let deadlock = super::deadlock::class();
        table.insert(deadlock.name(), Value::Class(deadlock.clone()));
        for (name, value) in super::modules::threading::builtin() {
            table.insert(Name::new(name), value);
        }
        for (name, value) in super::modules::multiprocessing::builtin() {
            table.insert(Name::new(name), value);
        }
        for (name, value) in scope::objects() {
            table.insert(Name::new(name), value);
        }
        table
    })
}

/// What a name means that neither a function nor its module binds; `Unbound` when nothing.
pub fn builtin(name: Name) -> Value {
    table().get(&name).cloned().unwrap_or(Value::Unbound)
}

/// All names of the scope.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = table().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    names
}
