//! `threading`: threads, what they wait for, and what they share. One file a kind of object.

pub mod asynchronous;
pub mod at_exit;
mod barrier;
mod condition;
mod event;
mod helpers;
mod joinable;
mod local;
pub mod lock;
pub mod low_level;
mod run;
mod semaphore;
mod state;
mod thread;
pub mod timeout;
mod timer;
mod uncaught;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::extensions::Part;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::parameters::Parameters;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::report;
use crate::value::exception::{ExceptionKind, attribute_error, value_error};
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value};

use std::sync::atomic::Ordering;

pub use self::helpers::{join_thread, make_thread, prepare_thread, reserve_names, start_thread};
pub use self::state::{current, main};
pub use self::thread::{ThreadObject, class as thread_class};

const FUNCTIONS: Entries<'_> = &[
    ("active_count", active_count),
    ("activeCount", active_count),
    ("current_thread", current_thread),
    ("currentThread", current_thread),
    ("enumerate", enumerate),
    ("excepthook", uncaught::excepthook),
    ("get_ident", get_ident),
    ("get_native_id", get_native_id),
    ("main_thread", main_thread),
    ("settrace", |cx, args| set_hook(cx, "settrace", args)),
    ("setprofile", |cx, args| set_hook(cx, "setprofile", args)),
    ("settrace_all_threads", |cx, args| {
        set_hook(cx, "settrace", args)
    }),
    ("setprofile_all_threads", |cx, args| {
        set_hook(cx, "setprofile", args)
    }),
    ("gettrace", |cx, args| {
        no_arguments("gettrace", args)?;
        Ok(hooks(cx).lock().trace.clone())
    }),
    ("getprofile", |cx, args| {
        no_arguments("getprofile", args)?;
        Ok(hooks(cx).lock().profile.clone())
    }),
    ("stack_size", stack_size),
    ("_shutdown", shutdown),
    ("_register_atexit", at_exit::register),
    ("_start_joinable_thread", joinable::start),
    ("__getattr__", computed),
];

/// The longest wait that scripts may ask for, in seconds.
pub const TIMEOUT_MAX: f64 = 9_223_372_036.0;

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("threading", FUNCTIONS);
    for (name, class) in [
        ("Thread", thread::class()),
        ("Lock", lock::class()),
        ("RLock", lock::reentrant_class()),
        ("Condition", condition::class()),
        ("Semaphore", semaphore::class()),
        ("BoundedSemaphore", semaphore::bounded_class()),
        ("Event", event::class()),
        ("Barrier", barrier::class()),
        ("BrokenBarrierError", barrier::broken_class()),
        ("Timer", timer::class()),
        ("local", local::class()),
        (
            "ThreadError",
            types().exception(ExceptionKind::RuntimeError),
        ),
        ("ExceptHookArgs", uncaught::args_class()),
        // Names that CPython's own tests and some scripts know.
        ("_PyRLock", lock::reentrant_class()),
        ("_RLock", lock::reentrant_class()),
        ("_CRLock", lock::reentrant_class()),
        ("_MainThread", thread::main_class()),
        ("_DummyThread", thread::dummy_class()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    module.set(known().all, all());
    module.set(Name::new("TIMEOUT_MAX"), Value::Float(TIMEOUT_MAX));
    module.set(Name::new("__excepthook__"), uncaught::own_hook());
    module.set(Name::new("excepthook"), uncaught::own_hook());
    Ok(module)
}

/// What `from threading import *` brings: not the old spellings, as in CPython.
fn all() -> Value {
    let classes = [
        "Thread",
        "Lock",
        "RLock",
        "Condition",
        "Semaphore",
        "BoundedSemaphore",
        "Event",
        "Barrier",
        "BrokenBarrierError",
        "Timer",
        "local",
        "ThreadError",
        "ExceptHookArgs",
        "TIMEOUT_MAX",
    ];
    let functions = FUNCTIONS.iter().map(|(name, _)| *name);
    let functions = functions
        .filter(|name| !name.starts_with('_') && !matches!(*name, "activeCount" | "currentThread"));
    Value::list(
        classes
            .into_iter()
            .chain(functions)
            .map(Value::str)
            .collect(),
    )
}

/// What the built-in scope has of this module.
pub fn builtin() -> Vec<(&'static str, Value)> {
    vec![
        ("Thread", Value::Class(thread::class().clone())),
        ("Timer", Value::Class(timer::class().clone())),
    ]
}

fn get_ident(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("_thread.get_ident", args)?;
    Ok(Value::Int(cx.thread.id().get() as i64))
}

fn get_native_id(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("_thread.get_native_id", args)?;
    Ok(Value::Int(i64::from(cx.thread.native_id())))
}

/// What was given to `settrace` and `setprofile`: kept for who asks, and never called.
#[derive(Default)]
struct Hooks {
    trace: Value,
    profile: Value,
}

fn hooks(cx: &Context) -> Part<LeafLock<Hooks>> {
    cx.session.extensions.get()
}

/// Notes a hook. Nothing here calls one, and whoever waits for its calls is told so.
fn set_hook(cx: &mut Context, name: &'static str, args: Args<'_>) -> Outcome<Value> {
    let [Some(hook)] = Parameters::function(name, ["func"])
        .required(1)
        .bind(args)?
    else {
        return Ok(Value::None);
    };
    if !hook.is_none() {
        report::warn(&format!(
            "`threading.{name}` keeps the function and never calls it"
        ));
    }
    let hooks = hooks(cx);
    let mut kept = hooks.lock();
    let place = match name {
        "settrace" => &mut kept.trace,
        _ => &mut kept.profile,
    };
    let old = std::mem::replace(place, hook.clone());
    drop(kept);
    drop(old);
    Ok(Value::None)
}

/// Waits for the threads that keep the program alive, as its end does.
fn shutdown(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    no_arguments("_shutdown", args)?;
    at_exit::run_registered(cx);
    match at_exit::wait_for_others(cx, None) {
        Some(raised) => Err(raised),
        None => Ok(Value::None),
    }
}

/// The tables that CPython keeps of its threads, as they are at the moment.
fn computed(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = arguments::one("threading.__getattr__", args)?;
    let table = match name.as_str() {
        Some("_dangling") => return Ok(Value::list(living(cx))),
        Some("_active") => true,
        Some("_limbo") => false,
        Some("_main_thread") => return Ok(Value::Instance(main(cx))),
        _ => {
            return Err(attribute_error(format!(
                "module 'threading' has no attribute '{}'",
                name.as_str().unwrap_or_default()
            )));
        }
    };
    let threads = living(cx);
    let table = threads.into_iter().filter_map(|object| {
        let handle = thread::data_of(&object).and_then(ThreadObject::handle);
        match (handle, table) {
            (Some(handle), true) => Some((Value::Int(handle.id().get() as i64), object)),
            (None, false) => Some((object.clone(), object)),
            _ => None,
        }
    });
    let dict = Ref::new(Dict::new());
    for (key, object) in table {
        dict.set(cx, key, object)?;
    }
    Ok(Value::Dict(dict))
}

fn no_arguments(name: &'static str, args: Args<'_>) -> Outcome<()> {
    let [] = Parameters::function(name, []).bind(args)?;
    Ok(())
}

fn current_thread(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    no_arguments("current_thread", args)?;
    Ok(Value::Instance(current(cx)))
}

fn main_thread(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    no_arguments("main_thread", args)?;
    Ok(Value::Instance(main(cx)))
}

fn living(cx: &Context) -> Vec<Value> {
    // Those that exist count from when they are first asked for.
    main(cx);
    current(cx);
    let living = state::threads(cx).living();
    living.into_iter().map(Value::Instance).collect()
}

fn enumerate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    no_arguments("enumerate", args)?;
    Ok(Value::list(living(cx)))
}

fn active_count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    no_arguments("active_count", args)?;
    Ok(Value::size(living(cx).len()))
}

/// The least native stack that a thread can be given, as in CPython.
const LEAST_STACK: i64 = 32 * 1024;

fn stack_size(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let size = match arguments::between("stack_size", args, 0, 1)? {
        [size] => Some(arguments::integer(cx, size)?),
        _ => None,
    };
    let threads = state::threads(cx);
    let before = threads.stack_size.load(Ordering::Relaxed);
    match size {
        None => {}
        Some(size) if size < 0 => return Err(value_error("size must be 0 or a positive value")),
        Some(size) if size != 0 && size < LEAST_STACK => {
            return Err(value_error(format!("size not valid: {size} bytes")));
        }
        Some(size) => threads.stack_size.store(size as usize, Ordering::Relaxed),
    }
    Ok(Value::size(before))
}
