//! `__slots__`: which attributes the instances of a class may have, where the class says it. They are
//! kept like all others; only what is not named is refused, as in Python. It must not know nodes.

use crate::resolve::mangle;
use crate::value::Value;
use crate::value::class::Class;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;

/// Whether all that instances of a class may have is named: each class of its ancestry has
/// `__slots__`, or is one whose instances have no attributes of their own.
pub(super) fn are_all(class: &Ref<Class>) -> bool {
    class.own(known().slots).is_some()
        && std::iter::once(class)
            .chain(class.ancestors())
            .all(|class| match class.own(known().slots) {
                Some(slots) => names(&slots)
                    .is_some_and(|names| !names.iter().any(|name| name == known().dict.as_str())),
                None => class.is_builtin() && is_bare(class),
            })
}

/// Whether a class whose attributes are all named names this one.
pub(super) fn allow(class: &Ref<Class>, name: Name) -> bool {
    std::iter::once(class)
        .chain(class.ancestors())
        .any(|class| {
            class
                .own(known().slots)
                .and_then(|slots| names(&slots))
                .is_some_and(|names| {
                    names
                        .iter()
                        .any(|one| mangle(Some(class.name()), one) == name)
                })
        })
}

/// Classes that give their instances no attributes.
fn is_bare(class: &Ref<Class>) -> bool {
    let types = types();
    [
        &types.object,
        &types.int,
        &types.float,
        &types.str,
        &types.bytes,
        &types.tuple,
        &types.list,
        &types.dict,
        &types.set,
        &types.frozenset,
    ]
    .iter()
    .any(|one| one.same(class))
}

/// The names that `__slots__` lists; nothing if it is something else, which then says nothing.
fn names(slots: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match slots {
        Value::Tuple(tuple) => tuple.items().iter().map(text).collect(),
        Value::List(items) => items.snapshot().iter().map(text).collect(),
        Value::Dict(dict) => dict
            .entries()
            .ok()?
            .iter()
            .map(|(key, _)| text(key))
            .collect(),
        other => text(other).map(|name| vec![name]),
    }
}
