//! `concurrent.futures`: tasks and what they come to. One file a kind of object.

mod errors;
mod executor;
mod failures;
pub mod future;
mod log;
mod processes;
mod threads;
mod waiting;

use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::define::Entries;
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

pub use self::failures::show_all as show_unseen_failures;
pub use self::log::exception as log_exception;
pub use self::threads::{begin_exit, prepare};

/// The module and its parts.
pub const MODULES: &[(&str, super::Maker)] = &[
    ("concurrent", make_package),
    ("concurrent.futures", make),
    ("concurrent.futures._base", make_base),
    ("concurrent.futures.thread", make_thread),
    ("concurrent.futures.process", make_process),
];

const FUNCTIONS: Entries<'_> = &[
    ("wait", waiting::wait),
    ("as_completed", waiting::as_completed),
];

const CONSTANTS: [&str; 3] = ["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"];

fn make_package(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("concurrent", &[]);
    module.set(Name::new("__path__"), Value::list(Vec::new()));
    Ok(module)
}

fn base_classes() -> Vec<(&'static str, &'static Ref<Class>)> {
    let errors = errors::errors();
    vec![
        ("CancelledError", &errors.cancelled),
        (
            "TimeoutError",
            types().exception(ExceptionKind::TimeoutError),
        ),
        ("InvalidStateError", &errors.invalid_state),
        ("BrokenExecutor", &errors.broken),
        ("Future", future::class()),
        ("Executor", executor::class()),
    ]
}

fn with_base(name: &'static str) -> Ref<Module> {
    let module = super::with_functions(name, FUNCTIONS);
    for constant in CONSTANTS {
        module.set(Name::new(constant), Value::str(constant));
    }
    for (name, class) in base_classes() {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    module
}

fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_base("concurrent.futures");
    module.set(Name::new("__path__"), Value::list(Vec::new()));
    super::find_parts("concurrent.futures", &module);
    let mut names = CONSTANTS.to_vec();
    names.extend(base_classes().iter().map(|(name, _)| *name));
    names.extend(["wait", "as_completed"]);
    for (name, class) in [
        ("ProcessPoolExecutor", processes::class()),
        ("ThreadPoolExecutor", threads::class()),
    ] {
        names.push(name);
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    let all = names.into_iter().map(Value::str).collect();
    module.set(Name::new("__all__"), Value::tuple(all));
    Ok(module)
}

fn make_base(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_base("concurrent.futures._base");
    for (name, class) in [
        ("Error", &errors::errors().base),
        ("DoneAndNotDoneFutures", waiting::result_class()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    for state in [
        future::Phase::Pending,
        future::Phase::Running,
        future::Phase::Cancelled,
        future::Phase::CancelledAndNotified,
        future::Phase::Finished,
    ] {
        module.set(Name::new(state.name()), Value::str(state.name()));
    }
    Ok(module)
}

fn make_thread(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("concurrent.futures.thread", &[]);
    for (name, class) in [
        ("ThreadPoolExecutor", threads::class()),
        ("BrokenThreadPool", &errors::errors().broken_threads),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}

fn make_process(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("concurrent.futures.process", &[]);
    let errors = errors::errors();
    for (name, class) in [
        ("ProcessPoolExecutor", processes::class()),
        ("BrokenProcessPool", &errors.broken_processes),
        ("WorkerDied", &errors.worker_died),
        ("_RemoteTraceback", &errors.remote_traceback),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}

/// The class of the cause that shows a worker's traceback.
pub fn remote_traceback_class() -> &'static Ref<Class> {
    &errors::errors().remote_traceback
}

/// The class of the error of a task whose worker died.
pub fn worker_died_class() -> &'static Ref<Class> {
    &errors::errors().worker_died
}

/// What tasks of an executor fail with whose initializer failed with this error.
pub fn broken_by(error: &Raised) -> Raised {
    let raised = errors::raise(
        &errors::errors().broken_processes,
        "A process in the process pool was terminated abruptly while the future was running or pending.",
    );
    if let (Some(data), Some(cause)) = (raised.data(), error.exception()) {
        data.set_cause(Value::Instance(cause.clone()));
    }
    raised
}
