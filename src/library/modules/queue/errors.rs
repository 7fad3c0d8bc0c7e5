//! `queue.Empty`, `queue.Full`, `queue.ShutDown`: also the errors of queues of processes.

use std::sync::OnceLock;

use crate::value::Value;
use crate::value::class::{Class, Layout};
use crate::value::exception::{self, ExceptionKind, Raised};
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;

fn make(
    cell: &'static OnceLock<Ref<Class>>,
    module: &'static str,
    name: &str,
) -> &'static Ref<Class> {
    cell.get_or_init(|| {
        let base = types().exception(ExceptionKind::Exception);
        let class = Class::builtin(name, Some(base), Layout::Exception);
        class.set(known().module, Value::str(module));
        class
    })
}

/// The class of the error that a queue has no item.
pub fn empty_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    make(&CLASS, "_queue", "Empty")
}

/// The class of the error that a queue has no room.
pub fn full_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    make(&CLASS, "queue", "Full")
}

/// The class of the error that a queue was shut down.
pub fn shut_down_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    make(&CLASS, "queue", "ShutDown")
}

fn raise(class: &Ref<Class>) -> Raised {
    Raised::instance(exception::make(class.clone(), Vec::new()))
}

/// `Empty`.
#[cold]
pub fn empty() -> Raised {
    raise(empty_class())
}

/// `Full`.
#[cold]
pub fn full() -> Raised {
    raise(full_class())
}

/// `ShutDown`.
#[cold]
pub fn shut_down() -> Raised {
    raise(shut_down_class())
}
