//! The exceptions of processes, and what errors of the runtime layer become.

use std::sync::OnceLock;

use crate::library::exceptions::{self, from_io, os_error};
use crate::runtime::arena::ArenaError;
use crate::runtime::process::ChildError;
use crate::value::Value;
use crate::value::class::Class;
use crate::value::exception::{self, ExceptionKind, Raised, memory_error};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;

/// The exception classes.
pub struct Errors {
    /// `multiprocessing.ProcessError`, the base of the others.
    pub process: Ref<Class>,
    /// `multiprocessing.TimeoutError`, which is the built-in one too.
    pub timeout: Ref<Class>,
    /// `multiprocessing.BufferTooShort`.
    pub buffer_too_short: Ref<Class>,
    /// `multiprocessing.AuthenticationError`.
    pub authentication: Ref<Class>,
    /// A worker of a pool died with a task in its hands.
    pub worker_died: Ref<Class>,
    /// A task of a pool took longer than it may.
    pub task_timeout: Ref<Class>,
    /// A task of a pool called `sys.exit`.
    pub task_exit: Ref<Class>,
    /// The traceback of a worker as the cause of what it raised.
    pub remote_traceback: Ref<Class>,
    /// A result that cannot travel.
    pub maybe_encoding: Ref<Class>,
    /// An error of a manager that is none of the object's own.
    pub remote: Ref<Class>,
}

/// The exception classes.
pub fn errors() -> &'static Errors {
    static ERRORS: OnceLock<Errors> = OnceLock::new();
    ERRORS.get_or_init(|| {
        let types = types();
        let kind = |kind| types.exception(kind).clone();
        let make = exceptions::class_of_module;
        let context = "multiprocessing.context";
        let pool = "multiprocessing.pool";
        let process = make(
            context,
            "ProcessError",
            vec![kind(ExceptionKind::Exception)],
        );
        let remote_traceback = make(
            pool,
            "RemoteTraceback",
            vec![kind(ExceptionKind::Exception)],
        );
        let timeout = make(
            context,
            "TimeoutError",
            vec![process.clone(), kind(ExceptionKind::TimeoutError)],
        );
        Errors {
            task_timeout: make(pool, "TaskTimeout", vec![timeout.clone()]),
            timeout,
            buffer_too_short: make(context, "BufferTooShort", vec![process.clone()]),
            authentication: make(context, "AuthenticationError", vec![process.clone()]),
            worker_died: make(pool, "WorkerDied", vec![process.clone()]),
            task_exit: make(pool, "TaskExit", vec![process.clone()]),
            maybe_encoding: make(
                pool,
                "MaybeEncodingError",
                vec![kind(ExceptionKind::Exception)],
            ),
            remote: make(
                "multiprocessing.managers",
                "RemoteError",
                vec![kind(ExceptionKind::Exception)],
            ),
            remote_traceback,
            process,
        }
    })
}

/// An exception of one of these classes.
#[cold]
pub fn raise(class: &Ref<Class>, message: Option<String>) -> Raised {
    let args = message.map(Value::str).into_iter().collect();
    Raised::instance(exception::make(class.clone(), args))
}

/// Adds a note to an exception.
pub fn add_note(raised: &Raised, note: &str) {
    if let Some(exception) = raised.exception() {
        exceptions::note(exception, note);
    }
}

/// Sets an attribute of an exception.
pub fn set_field(raised: &Raised, name: &str, value: Value) {
    if let Some(exception) = raised.exception() {
        exception.set(Name::new(name), value);
    }
}

/// Shared memory that cannot be had.
#[cold]
pub fn from_arena(error: ArenaError) -> Raised {
    match error {
        ArenaError::Full => memory_error(error.to_string()),
        ArenaError::TooManyProcesses => os_error(libc::EAGAIN, None),
        ArenaError::System { errno, .. } => os_error(errno, None),
    }
}

/// A wait for a child that failed; `Interrupted` is the caller's to serve.
#[cold]
pub fn from_child(error: &ChildError) -> Raised {
    match error {
        ChildError::NoChild | ChildError::OfAnother | ChildError::Interrupted(_) => {
            os_error(libc::ECHILD, None)
        }
        ChildError::Os(error) => from_io(error, None),
    }
}
