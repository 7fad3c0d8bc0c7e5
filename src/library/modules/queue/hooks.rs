//! Queues of classes that say themselves how items are kept: a script's class that has an `_init`,
//! `_qsize`, `_put` or `_get` of its own. Their operations are a script of the library, which calls
//! these under the queue's lock, as CPython's do. It must not know what the script does.

use super::channel::Channel;
use crate::eval::context::Context;
use crate::eval::import;
use crate::library::define::{self, Entries};
use crate::value::class::Class;
use crate::value::exception::attribute_error;
use crate::value::function::{Args, NativeCall};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

const HOOKS: [&str; 4] = ["_init", "_qsize", "_put", "_get"];

/// The script.
const MODULE: &str = "_queue_hooks";

/// Whether a class that a script derived has hooks of its own. For `__new__`, whose first argument is
/// the class.
pub(super) fn are_in(args: Args<'_>) -> bool {
    let Some(Value::Class(class)) = args.values.first() else {
        return false;
    };
    !class.is_builtin()
        && HOOKS
            .iter()
            .any(|hook| matches!(class.lookup(Name::new(hook)), Some(Value::Function(_))))
}

/// The receiver, if it is such a queue.
fn hooked(args: Args<'_>) -> Option<&Ref<crate::value::instance::Instance>> {
    let Some(Value::Instance(instance)) = args.values.first() else {
        return None;
    };
    let is = !instance.class().is_builtin()
        && instance
            .native::<Channel>()
            .is_some_and(|queue| queue.is_hooked);
    is.then_some(instance)
}

/// Calls the script's function of this name for such a queue, and `native` for all others.
#[inline]
pub(super) fn or(
    cx: &mut Context,
    name: &'static str,
    args: Args<'_>,
    native: NativeCall,
) -> Outcome<Value> {
    match hooked(args) {
        None => native(cx, args),
        Some(_) => call(cx, name, args),
    }
}

#[cold]
fn call(cx: &mut Context, name: &'static str, args: Args<'_>) -> Outcome<Value> {
    let module = import::module(cx, Name::new(MODULE))?;
    let Some(function) = module.get(Name::new(name)) else {
        return Err(attribute_error(format!(
            "module '{MODULE}' has no attribute '{name}'"
        )));
    };
    cx.call_with(&function, args)
}

/// Calls a function of the script.
pub(super) fn call_by_name(
    cx: &mut Context,
    name: &'static str,
    values: &[Value],
) -> Outcome<Value> {
    call(cx, name, Args::positional_only(values))
}

/// Whether the receiver is such a queue.
pub(super) fn is_hooked(args: Args<'_>) -> bool {
    hooked(args).is_some()
}

/// The hooks that classes have unless they have their own: for those that have only some, and for
/// `super()`.
pub(super) fn add_defaults(class: &Class, defaults: Entries<'_>) {
    define::methods(class, defaults);
}

/// Those of a queue in the order of arrival.
pub(super) const FIRST_IN_FIRST_OUT: Entries<'static> = &[
    ("_init", |cx, args| call(cx, "_init", args)),
    ("_qsize", |cx, args| call(cx, "_qsize", args)),
    ("_put", |cx, args| call(cx, "_put", args)),
    ("_get", |cx, args| call(cx, "_get", args)),
];

/// Those of a stack.
pub(super) const LAST_IN_FIRST_OUT: Entries<'static> =
    &[("_get", |cx, args| call(cx, "_get_last", args))];

/// Those of a queue that gives out the smallest item.
pub(super) const SMALLEST_FIRST: Entries<'static> =
    &[("_put", |cx, args| call(cx, "_put_in_order", args))];

/// An attribute that such a queue keeps itself; `native` answers for all others.
pub(super) fn attribute(
    cx: &mut Context,
    name: &'static str,
    args: Args<'_>,
    native: NativeCall,
) -> Outcome<Value> {
    match hooked(args) {
        None => native(cx, args),
        Some(instance) => instance.get(Name::new(name)).ok_or_else(|| {
            attribute_error(format!(
                "'{}' object has no attribute '{name}'",
                instance.class().name()
            ))
        }),
    }
}

/// Sets such an attribute.
pub(super) fn set_attribute(name: &'static str, args: Args<'_>) -> Outcome<Value> {
    match (hooked(args), args.values) {
        (Some(instance), [_, value]) => {
            instance.set(Name::new(name), value.clone());
            Ok(Value::None)
        }
        _ => Err(attribute_error(format!(
            "attribute '{name}' of a queue of this class cannot be set"
        ))),
    }
}
