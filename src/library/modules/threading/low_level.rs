//! `_thread`: threads without objects. It must not know `threading.Thread`.

use super::{TIMEOUT_MAX, asynchronous, joinable, local, lock, run, state, uncaught};
use crate::eval::context::Context;
use crate::eval::is_callable;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::modules::with_functions;
use crate::runtime::signal;
use crate::value::exception::{ExceptionKind, Raised, type_error, value_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

const FUNCTIONS: Entries<'_> = &[
    ("start_new_thread", start),
    ("start_new", start),
    ("start_joinable_thread", joinable::start),
    ("_raise_in", asynchronous::send),
    ("daemon_threads_allowed", |_, args| {
        arguments::none("_thread.daemon_threads_allowed", args)?;
        Ok(Value::Bool(true))
    }),
    ("allocate_lock", |cx, args| {
        arguments::none("_thread.allocate_lock", args)?;
        cx.call(&Value::Class(lock::class().clone()), &[])
    }),
    ("allocate", |cx, args| {
        arguments::none("_thread.allocate", args)?;
        cx.call(&Value::Class(lock::class().clone()), &[])
    }),
    ("exit", exit),
    ("exit_thread", exit),
    ("get_ident", super::get_ident),
    ("get_native_id", super::get_native_id),
    ("interrupt_main", interrupt_main),
    ("stack_size", super::stack_size),
    ("_count", |cx, args| {
        arguments::none("_thread._count", args)?;
        Ok(Value::size(state::threads(cx).running()))
    }),
];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_thread", FUNCTIONS);
    for (name, class) in [
        ("LockType", lock::class()),
        ("lock", lock::class()),
        ("RLock", lock::reentrant_class()),
        ("_local", local::class()),
        ("_ThreadHandle", joinable::class()),
        ("_ExceptHookArgs", uncaught::args_class()),
        ("error", types().exception(ExceptionKind::RuntimeError)),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    module.set(Name::new("TIMEOUT_MAX"), Value::Float(TIMEOUT_MAX));
    module.set(Name::new("_excepthook"), uncaught::own_hook());
    Ok(module)
}

fn start(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = arguments::between("start_new_thread", args, 2, 3)?;
    let (function, positional) = (&given[0], &given[1]);
    if !is_callable(function) {
        return Err(type_error("first arg must be callable"));
    }
    if !matches!(positional.unwrapped(), Value::Tuple(_)) {
        return Err(type_error("2nd arg must be a tuple"));
    }
    let keywords = given.get(2);
    if keywords.is_some_and(|keywords| !matches!(keywords.unwrapped(), Value::Dict(_))) {
        return Err(type_error("optional 3rd arg must be a dictionary"));
    }
    let handle = run::start_bare(cx, function.clone(), positional.clone(), keywords.cloned())?;
    Ok(Value::Int(handle.id().get() as i64))
}

fn exit(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("_thread.exit", args)?;
    Err(Raised::with_args(ExceptionKind::SystemExit, Vec::new()))
}

const INTERRUPT_MAIN: Signature<1> = Signature::new("interrupt_main", ["signum"]);

/// The highest number of a signal.
const LAST_SIGNAL: i64 = 64;

fn interrupt_main(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [number] = INTERRUPT_MAIN.bind(args)?;
    let number = match number {
        Some(number) => arguments::integer(cx, number)?,
        None => i64::from(libc::SIGINT),
    };
    if !(1..=LAST_SIGNAL).contains(&number) {
        return Err(value_error("signal number out of range"));
    }
    signal::simulate(number as i32);
    if cx.thread.is_main() {
        // Now, not at some later point of the script.
        cx.safepoint()?;
    }
    Ok(Value::None)
}
