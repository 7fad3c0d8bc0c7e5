//! Starting a thread and what it does from its first instruction to its last. It must not know how
//! errors are shown.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::thread::{ThreadObject, data_of};
use super::{at_exit, state, uncaught};
use crate::eval::context::{Context, Entry};
use crate::eval::native_stack::Stacks;
use crate::eval::session::SessionState;
use crate::eval::{abandoned, attribute};
use crate::library::parameters::Parameters;
use crate::runtime::fork;
use crate::runtime::native_stack::lowest_address;
use crate::runtime::thread::{ThreadHandle, spawn};
use crate::value::exception::{Raised, attribute_error, runtime_error};
use crate::value::function::Args;
use crate::value::instance::Instance;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, reclaim};

/// Native stack of a thread: room for deep recursion, of which only what is used becomes memory.
/// Deeper calls take stacks of their own.
#[cfg(debug_assertions)]
const STACK: usize = 64 << 20;
#[cfg(not(debug_assertions))]
const STACK: usize = 16 << 20;

/// Starts the thread of an object.
pub(super) fn start(cx: &mut Context, object: &Ref<Instance>, data: &ThreadObject) -> Outcome<()> {
    let threads = state::threads(cx);
    let name = data.begin_start()?;
    let serial = threads.enter(object.clone());
    let size = stack_size(cx);
    threads.count_start();
    let start = Start {
        session: cx.session.clone(),
        entry: cx.entry(),
        object: object.clone(),
        serial,
    };
    match spawn(&cx.thread, &name, size, move |handle| start.run(handle)) {
        Ok(handle) => {
            data.set_handle(&handle);
            Ok(())
        }
        Err(_) => {
            threads.count_end();
            threads.leave(serial, None);
            data.give_up_start();
            Err(runtime_error("can't start new thread"))
        }
    }
}

/// What a thread takes along.
struct Start {
    session: Arc<SessionState>,
    entry: Entry,
    object: Ref<Instance>,
    serial: u64,
}

impl Start {
    fn run(self, handle: &ThreadHandle) {
        abandoned::set_current_thread(Some(handle.clone()));
        let stacks = Stacks::beside(lowest_address());
        let mut cx = Context::new(handle.clone(), self.session, self.entry, stacks);
        live(&mut cx, self.object, self.serial, handle);
        drop(cx);
        // What goes now may still have a `finally`, or somebody to tell.
        reclaim::hand_over();
        abandoned::set_current_thread(None);
    }
}

fn live(cx: &mut Context, object: Ref<Instance>, serial: u64, handle: &ThreadHandle) {
    let threads = state::threads(cx);
    let generation = fork::generation();
    let value = Value::Instance(object.clone());
    if let Some(data) = data_of(&value) {
        data.set_handle(handle);
    }
    threads.begin(serial, handle.id());
    let outcome = attribute::get(cx, &value, Name::new("run")).and_then(|run| cx.call(&run, &[]));
    match outcome {
        Ok(result) => {
            // A class's own `run` may return something; that of `Thread` has noted what its
            // function returned.
            if let Some(data) = data_of(&value)
                && !result.is_none()
            {
                data.set_result(result);
            }
        }
        Err(raised) => uncaught::handle(cx, &object, raised),
    }
    if handle.is_main() {
        // A fork in this thread made it the main one of a process: that ends as a program does.
        at_exit::join_all_at_exit(cx, handle.exit_code() != 0);
    }
    threads.forget_locals(handle.id());
    if generation == fork::generation() {
        threads.count_end();
    }
    threads.leave(serial, Some(handle.id()));
}

/// Starts a thread without an object, as `_thread.start_new_thread` does.
pub(super) fn start_bare(
    cx: &mut Context,
    function: Value,
    positional: Value,
    keywords: Option<Value>,
) -> Outcome<ThreadHandle> {
    let (session, entry) = (cx.session.clone(), cx.entry());
    let generation = fork::generation();
    let body = move |handle: &ThreadHandle| {
        abandoned::set_current_thread(Some(handle.clone()));
        let stacks = Stacks::beside(lowest_address());
        let mut cx = Context::new(handle.clone(), session, entry, stacks);
        let keywords = keywords.unwrap_or_else(|| Value::Dict(Ref::new(Dict::new())));
        if let Err(raised) = attribute::call_spread(&mut cx, &function, &positional, &keywords) {
            uncaught::handle_bare(&mut cx, &function, raised);
        }
        let threads = state::threads(&cx);
        if generation == fork::generation() {
            // Before the function goes: who hears of that counts the thread as ended.
            threads.count_end();
        }
        drop((function, positional, keywords));
        if handle.is_main() {
            at_exit::join_all_at_exit(&mut cx, handle.exit_code() != 0);
        }
        threads.forget_locals(handle.id());
        threads.leave_unstarted(handle.id());
        drop((threads, cx));
        // What goes now may still have a `finally`, or somebody to tell.
        reclaim::hand_over();
        abandoned::set_current_thread(None);
    };
    let threads = state::threads(cx);
    threads.count_start();
    spawn(&cx.thread, "_thread", stack_size(cx), body).map_err(|_| {
        threads.count_end();
        runtime_error("can't start new thread")
    })
}

fn stack_size(cx: &Context) -> usize {
    match state::threads(cx).stack_size.load(Ordering::Relaxed) {
        0 => STACK,
        size => size.max(STACK / 16),
    }
}

/// `Thread.run`: calls the target. What it returns is kept for `result()`.
pub(super) fn run(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (Some(Value::Instance(object)), [Some(receiver), ..]) =
        (args.values.first(), [args.values.first()])
    else {
        return Err(runtime_error("Thread.run() needs a Thread"));
    };
    let [] = Parameters::method("Thread.run", []).bind(args.rest())?;
    let result = call_target(cx, object);
    for name in ["_target", "_args", "_kwargs"] {
        let old = object.remove(Name::new(name));
        if old.is_none() && result.is_ok() {
            return Err(missing(receiver, name));
        }
        drop(old);
    }
    let result = result?;
    if let Some(data) = data_of(receiver) {
        data.set_result(result);
    }
    Ok(Value::None)
}

#[cold]
fn missing(receiver: &Value, name: &str) -> Raised {
    attribute_error(format!(
        "'{}' object has no attribute '{name}'",
        receiver.type_name()
    ))
}

fn call_target(cx: &mut Context, object: &Ref<Instance>) -> Outcome<Value> {
    let value = Value::Instance(object.clone());
    let own = |name: &str| {
        object
            .get(Name::new(name))
            .ok_or_else(|| missing(&value, name))
    };
    let target = own("_target")?;
    if target.is_none() {
        return Ok(Value::None);
    }
    let (positional, keywords) = (own("_args")?, own("_kwargs")?);
    attribute::call_spread(cx, &target, &positional, &keywords)
}
