//! `atexit`: functions to be called when a program, or a child that a fork made, ends in an orderly
//! way. The child of a `Process` begins without those of its parent. It must not know what else is
//! due at the end.

use super::{sys, with_functions};
use crate::eval::context::Context;
use crate::eval::extensions::Part;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text};

const FUNCTIONS: Entries<'static> = &[
    ("register", register),
    ("unregister", unregister),
    ("_clear", clear_all),
    ("_ncallbacks", count),
    ("_run_exitfuncs", run_now),
];

/// A function and what it is to be called with.
#[derive(Clone)]
struct Callback {
    function: Value,
    values: Vec<Value>,
    names: Vec<Name>,
}

/// The registered functions; a place that was given up stays until all have run.
#[derive(Default)]
struct Callbacks {
    list: LeafLock<Vec<Option<Callback>>>,
}

/// Makes the module.
///
/// # Errors
/// None.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions("atexit", FUNCTIONS))
}

fn callbacks(cx: &Context) -> Part<Callbacks> {
    cx.session.extensions.get::<Callbacks>()
}

fn register(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some((function, positional)) = args.positional().split_first() else {
        return Err(type_error("register() takes at least 1 argument (0 given)"));
    };
    if !crate::eval::is_callable(function) {
        return Err(type_error("the first argument must be callable"));
    }
    let mut values = positional.to_vec();
    let mut names = Vec::new();
    for (name, value) in args.keywords() {
        names.push(name);
        values.push(value.clone());
    }
    let callback = Callback {
        function: function.clone(),
        values,
        names,
    };
    callbacks(cx).list.lock().push(Some(callback));
    Ok(function.clone())
}

fn unregister(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let function = arguments::one("atexit.unregister", args)?;
    let known = callbacks(cx);
    let listed: Vec<_> = known.list.lock().clone();
    // The comparison may run anything, so it is made with no lock held.
    for (place, callback) in listed.iter().enumerate() {
        let Some(callback) = callback else { continue };
        if crate::value::compare::equal(cx, function, &callback.function)? {
            let old = known.list.lock().get_mut(place).and_then(Option::take);
            drop(old);
        }
    }
    Ok(Value::None)
}

fn clear_all(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("atexit._clear", args)?;
    clear(cx);
    Ok(Value::None)
}

fn count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("atexit._ncallbacks", args)?;
    let count = callbacks(cx).list.lock().len();
    Ok(Value::size(count))
}

fn run_now(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("atexit._run_exitfuncs", args)?;
    run(cx)?;
    Ok(Value::None)
}

/// Forgets all functions: those of its parent are not a child's to call.
pub fn clear(cx: &Context) {
    let Some(known) = cx.session.extensions.find::<Callbacks>() else {
        return;
    };
    let old = std::mem::take(&mut *known.list.lock());
    drop(old);
}

/// Calls the functions, the last registered first. One that fails is shown, and the next one's turn
/// comes; those that they register are not called.
///
/// # Errors
/// A stop that scripts cannot catch.
pub fn run(cx: &mut Context) -> Outcome<()> {
    let Some(known) = cx.session.extensions.find::<Callbacks>() else {
        return Ok(());
    };
    let mut place = known.list.lock().len();
    while place > 0 {
        place -= 1;
        let callback = known.list.lock().get_mut(place).and_then(Option::take);
        let Some(callback) = callback else { continue };
        let args = Args {
            values: &callback.values,
            names: &callback.names,
        };
        let Err(raised) = cx.call_with(&callback.function, args) else {
            continue;
        };
        if raised.exception().is_none() {
            return Err(raised);
        }
        let shown = text::repr(cx, &callback.function).unwrap_or_default();
        let place = format!("ignored in atexit callback {shown}");
        sys::show_unraisable(cx, &raised, place, Value::None);
    }
    clear(cx);
    Ok(())
}
