//! The exceptions of `concurrent.futures`. It must not know when they are raised.

use std::sync::OnceLock;

use crate::library::exceptions;
use crate::library::modules::multiprocessing::errors::errors as process_errors;
use crate::value::Value;
use crate::value::class::Class;
use crate::value::exception::{self, ExceptionKind, Raised};
use crate::value::object::Ref;
use crate::value::types::types;

/// The exception classes.
pub struct Errors {
    /// `Error`, the base of two others.
    pub base: Ref<Class>,
    /// `CancelledError`.
    pub cancelled: Ref<Class>,
    /// `InvalidStateError`.
    pub invalid_state: Ref<Class>,
    /// `BrokenExecutor`.
    pub broken: Ref<Class>,
    /// `BrokenThreadPool`.
    pub broken_threads: Ref<Class>,
    /// `BrokenProcessPool`.
    pub broken_processes: Ref<Class>,
    /// A worker process died with a task in its hands: what a pool calls `WorkerDied`, which code
    /// that expects a broken pool catches too.
    pub worker_died: Ref<Class>,
    /// The traceback of a worker as the cause of what it raised.
    pub remote_traceback: Ref<Class>,
}

/// The exception classes.
pub fn errors() -> &'static Errors {
    static ERRORS: OnceLock<Errors> = OnceLock::new();
    ERRORS.get_or_init(|| {
        let types = types();
        let kind = |kind| types.exception(kind).clone();
        let make = exceptions::class_of_module;
        let own = "concurrent.futures._base";
        let process = "concurrent.futures.process";
        let base = make(own, "Error", vec![kind(ExceptionKind::Exception)]);
        let broken = make(
            own,
            "BrokenExecutor",
            vec![kind(ExceptionKind::RuntimeError)],
        );
        let broken_processes = make(process, "BrokenProcessPool", vec![broken.clone()]);
        Errors {
            cancelled: make(own, "CancelledError", vec![base.clone()]),
            invalid_state: make(own, "InvalidStateError", vec![base.clone()]),
            broken_threads: make(
                "concurrent.futures.thread",
                "BrokenThreadPool",
                vec![broken.clone()],
            ),
            worker_died: make(
                process,
                "WorkerDied",
                vec![
                    broken_processes.clone(),
                    process_errors().worker_died.clone(),
                ],
            ),
            remote_traceback: make(
                process,
                "_RemoteTraceback",
                vec![kind(ExceptionKind::Exception)],
            ),
            broken_processes,
            broken,
            base,
        }
    })
}

/// An exception of one of these classes; an empty message is none.
#[cold]
pub fn raise(class: &Ref<Class>, message: &str) -> Raised {
    Raised::instance(exception::make(class.clone(), arguments(message)))
}

fn arguments(message: &str) -> Vec<Value> {
    match message {
        "" => Vec::new(),
        message => vec![Value::str(message)],
    }
}

/// The built-in `TimeoutError`.
#[cold]
pub fn timed_out(message: &str) -> Raised {
    Raised::with_args(ExceptionKind::TimeoutError, arguments(message))
}
