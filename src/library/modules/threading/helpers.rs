//! Threads that the library starts for its own objects: executors, pools. Scripts see them like any
//! other. It must not know what they do.

use std::sync::Arc;

use super::thread::{self, data_of, wait_for_end};
use crate::eval::context::Context;
use crate::library::native_object;
use crate::value::function::{Binding, NativeBody, NativeFunction};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// A thread of this name that will run `body`.
///
/// # Errors
/// None but a stop.
pub fn make_thread(
    cx: &mut Context,
    name: &str,
    daemon: bool,
    body: impl Fn(&mut Context) -> Outcome<()> + Send + Sync + 'static,
) -> Outcome<Value> {
    let object = native_object::instance(thread::class(), thread::ThreadObject::uninitialised());
    prepare_thread(cx, &object, name, daemon, body)?;
    Ok(object)
}

/// Lets a thread object run `body` once it is started.
///
/// # Errors
/// None but a stop.
pub fn prepare_thread(
    cx: &mut Context,
    object: &Value,
    name: &str,
    daemon: bool,
    body: impl Fn(&mut Context) -> Outcome<()> + Send + Sync + 'static,
) -> Outcome<()> {
    let target = Value::Native(Ref::new(NativeFunction {
        name: "worker",
        owner: "",
        binding: Binding::Function,
        body: NativeBody::Closure(Arc::new(move |cx, _| body(cx).map(|()| Value::None))),
    }));
    thread::initialise(
        cx,
        object,
        target,
        Some(Value::str(name)),
        Value::tuple(Vec::new()),
        None,
        Some(Value::Bool(daemon)),
    )
}

/// Gives out so many made-up names, for threads that the library makes or could make where CPython
/// does: the number of the last.
pub fn reserve_names(cx: &Context, count: u64) -> u64 {
    let threads = super::state::threads(cx);
    (0..count).fold(0, |_, _| threads.next_name())
}

/// Starts a thread object.
///
/// # Errors
/// `RuntimeError` when no thread is to be had.
pub fn start_thread(cx: &mut Context, object: &Value) -> Outcome<()> {
    if let (Value::Instance(instance), Some(data)) = (object, data_of(object)) {
        super::run::start(cx, instance, data)?;
    }
    Ok(())
}

/// Waits for the end of a thread object's thread, if it was started in this process.
///
/// # Errors
/// What an interrupt raises.
pub fn join_thread(cx: &mut Context, object: &Value) -> Outcome<()> {
    let handle = data_of(object).and_then(thread::ThreadObject::handle);
    match handle {
        Some(handle) if handle != cx.thread => wait_for_end(cx, &handle, None).map(drop),
        _ => Ok(()),
    }
}
