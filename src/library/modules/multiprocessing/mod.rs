//! `multiprocessing`: processes, and what they share. Children are forked, so arguments need not
//! travel; what goes through queues and pools travels as messages. Each kind of object has a file
//! of its own.

mod child;
mod connection;
mod dummy;
pub mod errors;
mod failure;
mod functions;
mod locks;
mod logger;
mod manager;
mod numbers;
pub mod pool;
pub mod process;
mod queues;
mod shared_memory;
mod state;
mod synchronisation;
mod travel;
mod value_text;
mod values;
mod waiting;

pub use self::child::call as call_with_tuple;
pub use self::child::finish_at_exit;
pub use self::connection::travel::{CONNECTION, is_connection, pack_connection, unpack_connection};
pub use self::manager::{PROXY, is_proxy, pack_proxy, unpack_proxy};
pub use self::pool::replace_dead_workers;
pub use self::shared_memory::CODEC as SHARED_MEMORY;
pub use self::state::{Method, processes};
pub use self::travel::{CODEC, by_inheritance_only};

use crate::eval::context::Context;
use crate::eval::import;
use crate::eval::module::Module;
use crate::library::{arguments, define};
use crate::value::Outcome;
use crate::value::Value;
use crate::value::class::Class;
use crate::value::exception::attribute_error;
use crate::value::function::NativeCall;
use crate::value::name::{Name, known};
use crate::value::object::Ref;

/// The module and its parts.
pub const MODULES: &[(&str, super::Maker)] = &[
    ("multiprocessing", make),
    ("multiprocessing.connection", connection::make),
    ("multiprocessing.context", make_context),
    ("multiprocessing.dummy", dummy::make),
    ("multiprocessing.dummy.connection", dummy::make_connection),
    ("multiprocessing.managers", manager::make),
    ("multiprocessing.pool", pool::make),
    ("multiprocessing.process", make_process),
    ("multiprocessing.queues", make_queues),
    ("multiprocessing.shared_memory", shared_memory::module),
    ("multiprocessing.sharedctypes", make_sharedctypes),
    ("multiprocessing.synchronize", make_synchronize),
];

/// Bytes that nobody can guess.
pub fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; count];
    fill_with_random(&mut bytes);
    bytes
}

/// Puts such bytes in the place of these.
pub fn fill_with_random(bytes: &mut [u8]) {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        // SAFETY: the buffer is valid for its length.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(got) {
            Ok(got) => done += got,
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {
            }
            // The call exists on every kernel that this program runs on.
            Err(_) => break,
        }
    }
}

fn classes() -> Vec<(&'static str, &'static Ref<Class>)> {
    let process = process::class();
    let errors = errors::errors();
    let queues = queues::classes();
    let locks = locks::classes();
    let synchronisation = synchronisation::classes();
    vec![
        ("Process", &process.process),
        ("Pool", pool::class()),
        ("ProcessError", &errors.process),
        ("TimeoutError", &errors.timeout),
        ("BufferTooShort", &errors.buffer_too_short),
        ("AuthenticationError", &errors.authentication),
        ("WorkerDied", &errors.worker_died),
        ("TaskExit", &errors.task_exit),
        ("TaskTimeout", &errors.task_timeout),
        ("Queue", &queues.queue),
        ("JoinableQueue", &queues.joinable),
        ("SimpleQueue", &queues.simple),
        ("Lock", &locks.lock),
        ("RLock", &locks.rlock),
        ("Semaphore", &locks.semaphore),
        ("BoundedSemaphore", &locks.bounded),
        ("Event", &synchronisation.event),
        ("Condition", &synchronisation.condition),
        ("Barrier", &synchronisation.barrier),
    ]
}

/// What is in the built-in scope without an import.
const BUILTIN: &[&str] = &[
    "Process",
    "Pool",
    "Queue",
    "JoinableQueue",
    "SimpleQueue",
    "Lock",
    "RLock",
    "Semaphore",
    "BoundedSemaphore",
    "Event",
    "Condition",
    "Barrier",
];

const PIPE: define::Entries<'_> = &[("Pipe", connection::pipe)];

/// What one of the words of the trade means without an import.
pub fn builtin() -> Vec<(&'static str, Value)> {
    let mut words: Vec<(&'static str, Value)> = classes()
        .into_iter()
        .filter(|(name, _)| BUILTIN.contains(name))
        .map(|(name, class)| (name, Value::Class(class.clone())))
        .collect();
    words.push((
        "fork",
        define::function("", "fork", super::os_process::fork),
    ));
    words.push((
        "Manager",
        define::function("multiprocessing", "Manager", manager::manager),
    ));
    for &(name, call) in values::FUNCTIONS.iter().chain(PIPE) {
        if !name.starts_with("Raw") {
            words.push((name, define::function("multiprocessing", name, call)));
        }
    }
    words
}

/// `multiprocessing`.
///
/// # Errors
/// None today.
fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("multiprocessing", functions::FUNCTIONS);
    for &(name, call) in values::FUNCTIONS.iter().chain(PIPE) {
        module.set(
            Name::new(name),
            define::function("multiprocessing", name, call),
        );
    }
    for (name, class) in classes() {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    module.set(Name::new("__path__"), Value::list(Vec::new()));
    super::find_parts("multiprocessing", &module);
    Ok(module)
}

/// `multiprocessing.queues`.
///
/// # Errors
/// None today.
fn make_queues(_: &mut Context) -> Outcome<Ref<Module>> {
    let classes = queues::classes();
    Ok(of_classes(
        "multiprocessing.queues",
        &[
            ("Queue", &classes.queue),
            ("JoinableQueue", &classes.joinable),
            ("SimpleQueue", &classes.simple),
            ("Empty", super::queue::errors::empty_class()),
            ("Full", super::queue::errors::full_class()),
        ],
    ))
}

/// `multiprocessing.process`.
///
/// # Errors
/// None today.
fn make_process(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("multiprocessing.process", functions::PROCESS);
    let base = &process::class().base;
    module.set(Name::new("BaseProcess"), Value::Class(base.clone()));
    Ok(module)
}

/// `multiprocessing.context`.
///
/// # Errors
/// None today.
fn make_context(_: &mut Context) -> Outcome<Ref<Module>> {
    let errors = errors::errors();
    let process = process::class();
    let module = of_classes(
        "multiprocessing.context",
        &[
            ("Process", &process.process),
            ("ForkProcess", &process.fork),
            ("SpawnProcess", &process.spawn),
            ("ForkServerProcess", &process.fork_server),
            ("ProcessError", &errors.process),
            ("TimeoutError", &errors.timeout),
            ("BufferTooShort", &errors.buffer_too_short),
            ("AuthenticationError", &errors.authentication),
        ],
    );
    let find: NativeCall = |cx, args| {
        let name = arguments::one("multiprocessing.context.__getattr__", args)?;
        let name = name.as_str().unwrap_or_default();
        let contexts = import::module(cx, Name::new(functions::CONTEXTS))?;
        contexts.get(Name::new(name)).ok_or_else(|| {
            attribute_error(format!(
                "module 'multiprocessing.context' has no attribute '{name}'"
            ))
        })
    };
    let find = define::function("multiprocessing.context", "__getattr__", find);
    module.set(known().getattr, find);
    Ok(module)
}

/// `multiprocessing.synchronize`.
///
/// # Errors
/// None today.
fn make_synchronize(_: &mut Context) -> Outcome<Ref<Module>> {
    let locks = locks::classes();
    let synchronisation = synchronisation::classes();
    Ok(of_classes(
        "multiprocessing.synchronize",
        &[
            ("Lock", &locks.lock),
            ("RLock", &locks.rlock),
            ("Semaphore", &locks.semaphore),
            ("BoundedSemaphore", &locks.bounded),
            ("Event", &synchronisation.event),
            ("Condition", &synchronisation.condition),
            ("Barrier", &synchronisation.barrier),
        ],
    ))
}

/// `multiprocessing.sharedctypes`.
///
/// # Errors
/// None today.
fn make_sharedctypes(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("multiprocessing.sharedctypes", values::FUNCTIONS);
    for &(name, call) in values::MORE_FUNCTIONS {
        let function = define::function("multiprocessing.sharedctypes", name, call);
        module.set(Name::new(name), function);
    }
    for (name, class) in values::wrapper_classes() {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}

fn of_classes(name: &'static str, classes: &[(&'static str, &Ref<Class>)]) -> Ref<Module> {
    let module = super::with_functions(name, &[]);
    for (name, class) in classes {
        module.set(Name::new(name), Value::Class((*class).clone()));
    }
    module
}
