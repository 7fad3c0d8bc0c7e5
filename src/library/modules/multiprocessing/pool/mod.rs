//! `multiprocessing.Pool`: worker processes that take tasks from a queue in shared memory.

mod collect;
mod core;
mod crew;
mod ending;
mod helper;
mod job;
mod lazy_map;
mod outstanding;
mod protocol;
mod results;
mod task_errors;
mod threads;
mod undone;
mod worker;
mod workers;

use std::sync::{Arc, OnceLock};

pub use self::core::{Core, Plan, Style, Work};
pub use self::ending::{answers_at_exit, close_core, end_with, finish, finish_at_exit};
use self::ending::{close, end_workers, exit, join, terminate};
use self::job::Callbacks;
pub use self::job::{Job, Then};
pub use self::protocol::mode;
pub use self::threads::class as thread_pool_class;
use super::errors::errors;
use crate::eval::context::Context;
use crate::eval::is_callable;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::define;
use crate::library::methods::construct::class_argument;
use crate::library::modules::multiprocessing::Method;
use crate::library::modules::{os_process, threading};
use crate::library::parameters::Parameters;
use crate::value::class::Class;
use crate::value::exception::{Raised, not_implemented, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::scalar::RangeObject;
use crate::value::{Dict, Outcome, Value, iterate};

/// What a pool object carries; nothing before `__init__`.
pub struct PoolObject {
    core: Guarded<Option<Arc<Core>>>,
}

impl NativeData for PoolObject {}

impl Receiver for PoolObject {
    const CLASS: &'static str = "Pool";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// `multiprocessing.pool.Pool`.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Pool");
        class.complete_later(complete);
        class
    })
}

/// Puts in what the class has.
fn complete(class: &Class) {
    class.set(known().module, Value::str("multiprocessing.pool"));
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("__init__", init),
            ("apply", apply),
            ("apply_async", apply_async),
            ("map", map),
            ("map_async", map_async),
            ("starmap", starmap),
            ("starmap_async", starmap_async),
            ("imap", imap),
            ("imap_unordered", imap_unordered),
            ("close", close),
            ("join", join),
            ("terminate", terminate),
            ("__enter__", enter),
            ("__exit__", exit),
            ("__repr__", repr),
            ("__reduce__", reduce),
        ],
    );
    define::internals(
        class,
        &[
            ("_processes", |_, args| {
                Ok(Value::size(core_of(args, "_processes")?.0.size))
            }),
            ("_pool", |cx, args| {
                let (core, _) = core_of(args, "_pool")?;
                Ok(Value::list(match &core.side {
                    self::core::Side::Threads(crew) => crew.threads(),
                    self::core::Side::Processes(_) => core.processes(cx),
                }))
            }),
            ("_state", |_, args| {
                let (core, _) = core_of(args, "_state")?;
                Ok(Value::str(core.state.lock().phase.name()))
            }),
            ("_initializer", |_, args| {
                Ok(core_of(args, "_initializer")?.0.initializer.clone())
            }),
            ("_initargs", |_, args| {
                Ok(core_of(args, "_initargs")?.0.initargs.clone())
            }),
            ("_maxtasksperchild", |_, args| {
                let most = core_of(args, "_maxtasksperchild")?.0.most_tasks;
                Ok(most.map_or(Value::None, |most| Value::Int(most as i64)))
            }),
        ],
    );
}

/// The classes of `multiprocessing.pool`.
pub fn classes() -> Vec<(&'static str, Ref<Class>)> {
    let results = results::classes();
    let errors = errors();
    vec![
        ("Pool", class().clone()),
        ("ApplyResult", results.apply.clone()),
        ("AsyncResult", results.apply.clone()),
        ("MapResult", results.map.clone()),
        ("IMapIterator", results.ordered.clone()),
        ("IMapUnorderedIterator", results.unordered.clone()),
        ("MaybeEncodingError", errors.maybe_encoding.clone()),
        ("RemoteTraceback", errors.remote_traceback.clone()),
        ("WorkerDied", errors.worker_died.clone()),
        ("TaskExit", errors.task_exit.clone()),
        ("TaskTimeout", errors.task_timeout.clone()),
        ("ThreadPool", threads::class().clone()),
    ]
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, _) = class_argument(class(), args)?;
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(PoolObject {
            core: Guarded::new(None),
        })),
    )))
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const INIT: Parameters<5> = Parameters::method(
        "BaseContext.Pool",
        [
            "processes",
            "initializer",
            "initargs",
            "maxtasksperchild",
            "context",
        ],
    );
    let (object, rest) = receiver::<PoolObject>(args, "__init__")?;
    let [processes, initializer, initargs, most_tasks, context] = INIT.bind(rest)?;
    let method = Method::of_context(cx, context);
    let size = match processes {
        None | Some(Value::None) => os_process::usable_processors(),
        Some(number) => {
            if let Value::Str(_) = number.unwrapped() {
                return Err(type_error(
                    "'<' not supported between instances of 'str' and 'int'",
                ));
            }
            let number = arguments::integer(cx, number)?;
            usize::try_from(number).unwrap_or(0)
        }
    };
    if size < 1 {
        return Err(value_error("Number of processes must be at least 1"));
    }
    let most_tasks = match most_tasks {
        None | Some(Value::None) => None,
        Some(Value::Int(most @ 1..)) => Some(*most as u64),
        Some(_) => {
            return Err(value_error(
                "maxtasksperchild must be a positive int or None",
            ));
        }
    };
    let initializer = initializer.cloned().unwrap_or_default();
    if !initializer.is_none() && !is_callable(&initializer) {
        return Err(type_error("initializer must be a callable"));
    }
    let initargs = match initargs {
        Some(given) => Value::tuple(iterate::collect(cx, given)?),
        None => Value::tuple(Vec::new()),
    };
    let plan = Plan {
        style: Style::Pool,
        method,
        size,
        initializer,
        initargs,
        most_tasks,
        helper_name: helper_name(cx),
        place: cx.place(),
    };
    let core = Core::of_processes(cx, plan)?;
    start_workers(cx, &core)?;
    super::state::processes(cx).add_pool(&core);
    object.set_core(core);
    Ok(Value::None)
}

/// What the thread for callbacks is called. CPython's pool has two other threads as well, whose names
/// are given out here too.
fn helper_name(cx: &Context) -> String {
    let number = threading::reserve_names(cx, 3);
    format!("Thread-{number} (_handle_results)")
}

/// Starts the workers of a new pool.
///
/// # Errors
/// `OSError` when no process is to be had; then there is none.
pub fn start_workers(cx: &mut Context, core: &Arc<Core>) -> Outcome<()> {
    for place in 0..core.size {
        if let Err(raised) = core.start_worker(cx, place) {
            end_workers(cx, core, libc::SIGTERM)?;
            return Err(raised);
        }
    }
    Ok(())
}

impl PoolObject {
    fn set_core(&self, core: Arc<Core>) {
        let old = self.core.lock().replace(core);
        drop(old);
    }
}

fn core_of<'a>(args: Args<'a>, method: &'static str) -> Outcome<(Arc<Core>, Args<'a>)> {
    let (object, rest) = receiver::<PoolObject>(args, method)?;
    let core = object.core.lock().clone();
    match core {
        Some(core) => Ok((core, rest)),
        None => Err(value_error("Pool not running")),
    }
}

fn given(value: Option<&Value>) -> Value {
    value.cloned().unwrap_or_default()
}

/// What is to happen when a job is done.
fn then(callback: Option<&Value>, error_callback: Option<&Value>) -> Then {
    let (callback, error_callback) = (given(callback), given(error_callback));
    match callback.is_none() && error_callback.is_none() {
        true => Then::Nothing,
        false => Then::Call(Box::new(Callbacks {
            callback,
            error_callback,
        })),
    }
}

/// How a call is to be looked after.
#[derive(Default)]
struct Limits {
    retries: u64,
    seconds: Option<f64>,
}

fn limits(
    cx: &mut Context,
    core: &Core,
    retries: Option<&Value>,
    timeout: Option<&Value>,
) -> Outcome<Limits> {
    let retries = match retries.filter(|retries| !retries.is_none()) {
        None => 0,
        Some(retries) => u64::try_from(arguments::integer(cx, retries)?)
            .map_err(|_| value_error("retries must be 0 or more"))?,
    };
    let seconds = match timeout.filter(|timeout| !timeout.is_none()) {
        None => None,
        Some(timeout) => {
            let seconds = arguments::float(cx, timeout)?;
            if seconds.is_nan() || seconds <= 0.0 {
                return Err(value_error("timeout must be a positive number"));
            }
            Some(seconds)
        }
    };
    if core.shared().is_none() && (retries > 0 || seconds.is_some()) {
        return Err(value_error(
            "threads cannot be killed: only a pool of processes takes retries and timeout",
        ));
    }
    Ok(Limits { retries, seconds })
}

/// Submits one call.
fn call(
    cx: &mut Context,
    core: &Arc<Core>,
    [function, args, kwargs]: [Option<&Value>; 3],
    then: Then,
    limits: Limits,
) -> Outcome<Arc<Job>> {
    core.check_running()?;
    let args = match args {
        Some(args @ Value::Tuple(_)) => args.clone(),
        Some(args) => Value::tuple(iterate::collect(cx, args)?),
        None => Value::tuple(Vec::new()),
    };
    let kwargs = match kwargs {
        None | Some(Value::None) => Value::None,
        Some(Value::Dict(kwargs)) if kwargs.is_empty() => Value::None,
        Some(kwargs @ Value::Dict(_)) => kwargs.clone(),
        Some(other) => {
            let dict = Ref::new(Dict::new());
            crate::library::methods::dict::merge(cx, &dict, other)?;
            Value::Dict(dict)
        }
    };
    let function = given(function);
    let job = Job::call(&function, then);
    if job.has_callbacks() {
        core.expect_callback(cx)?;
    }
    let rest = [args, kwargs];
    let work = Work {
        retries: limits.retries,
        limit: limits.seconds,
        ..Work::new(&function, &rest, mode::APPLY)
    };
    core.submit(cx, &job, 0, work)?;
    Ok(job)
}

fn apply(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const APPLY: Parameters<3> =
        Parameters::method("Pool.apply", ["func", "args", "kwds"]).required(1);
    let (core, rest) = core_of(args, "apply")?;
    let [function, args, kwargs] = APPLY.bind(rest)?;
    let function_and_arguments = [function, args, kwargs];
    let job = call(
        cx,
        &core,
        function_and_arguments,
        Then::Nothing,
        Limits::default(),
    )?;
    job.observe();
    results::wait_and_get(cx, &core, &job)
}

fn apply_async(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const APPLY: Parameters<7> = Parameters::method(
        "Pool.apply_async",
        [
            "func",
            "args",
            "kwds",
            "callback",
            "error_callback",
            "retries",
            "timeout",
        ],
    )
    .required(1)
    .positional(5);
    let (core, rest) = core_of(args, "apply_async")?;
    let [
        function,
        args,
        kwargs,
        callback,
        error_callback,
        retries,
        timeout,
    ] = APPLY.bind(rest)?;
    let limits = limits(cx, &core, retries, timeout)?;
    let then = then(callback, error_callback);
    let job = call(cx, &core, [function, args, kwargs], then, limits)?;
    Ok(results::result(&core, job))
}

/// The items of a map. Those of a range need not be made, nor sent one by one.
enum Items {
    All(Vec<Value>),
    Range(Ref<RangeObject>),
}

impl Items {
    fn of(cx: &mut Context, iterable: &Value) -> Outcome<Items> {
        Ok(match iterable {
            Value::List(list) => Items::All(list.copied()?),
            Value::Range(range) => Items::Range(range.clone()),
            other => Items::All(iterate::collect(cx, other)?),
        })
    }

    fn len(&self) -> usize {
        match self {
            Items::All(items) => items.len(),
            Items::Range(range) => range.len(),
        }
    }

    /// At most `count` of them from a place on.
    fn part(&self, first: usize, count: usize) -> Value {
        let end = first.saturating_add(count).min(self.len());
        match self {
            Items::All(items) => Value::list(items[first..end].to_vec()),
            Items::Range(range) => {
                // Both ends are numbers of the range, or its own bound, and fit.
                let number = |place: usize| range.start + place as i64 * range.step;
                let stop = match end == range.len() {
                    true => range.stop,
                    false => number(end),
                };
                Value::Range(Ref::new(RangeObject {
                    start: number(first),
                    stop,
                    step: range.step,
                }))
            }
        }
    }
}

/// Submits a map in chunks.
fn map_in_chunks(
    cx: &mut Context,
    core: &Arc<Core>,
    [function, iterable, chunk, callback, error_callback]: [Option<&Value>; 5],
    mode: u8,
) -> Outcome<Arc<Job>> {
    core.check_running()?;
    let items = Items::of(cx, &given(iterable))?;
    let chunk = match chunk {
        None | Some(Value::None) => items.len().div_ceil(core.size * 4),
        Some(chunk) => {
            let chunk = arguments::integer(cx, chunk)?;
            match usize::try_from(chunk) {
                Ok(chunk) if chunk >= 1 => chunk,
                // Without items it does not matter how many go together.
                _ if items.len() == 0 => 1,
                _ => return Err(bad_chunk(chunk)),
            }
        }
    };
    let parts = items.len().div_ceil(chunk.max(1));
    let gathers = (mode == mode::MAP_EACH).then_some((chunk, items.len()));
    let function = given(function);
    let then = then(callback, error_callback);
    let job = Job::map(&function, parts, gathers, then);
    if job.has_callbacks() {
        core.expect_callback(cx)?;
    }
    job.finish_if_empty(core);
    for part in 0..parts {
        let items = [items.part(part * chunk, chunk)];
        core.submit(cx, &job, part, Work::new(&function, &items, mode))?;
    }
    Ok(job)
}

fn bad_chunk(chunk: i64) -> Raised {
    value_error(format!("Chunksize must be 1+, not {chunk}"))
}

fn map(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const MAP: Parameters<4> =
        Parameters::method("Pool.map", ["func", "iterable", "chunksize", "on_error"])
            .required(2)
            .positional(3);
    let (core, rest) = core_of(args, "map")?;
    let [function, iterable, chunk, on_error] = MAP.bind(rest)?;
    let mode = match on_error.map(Value::as_str) {
        None | Some(Some("raise")) => mode::MAP,
        Some(Some("return")) => mode::MAP_EACH,
        Some(_) => return Err(value_error("on_error must be 'raise' or 'return'")),
    };
    let job = map_in_chunks(cx, &core, [function, iterable, chunk, None, None], mode)?;
    job.observe();
    results::wait_and_get(cx, &core, &job)
}

fn starmap(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const MAP: Parameters<3> =
        Parameters::method("Pool.starmap", ["func", "iterable", "chunksize"]).required(2);
    let (core, rest) = core_of(args, "starmap")?;
    let [function, iterable, chunk] = MAP.bind(rest)?;
    let bound = [function, iterable, chunk, None, None];
    let job = map_in_chunks(cx, &core, bound, mode::STARMAP)?;
    job.observe();
    results::wait_and_get(cx, &core, &job)
}

const ASYNC: [&str; 5] = [
    "func",
    "iterable",
    "chunksize",
    "callback",
    "error_callback",
];

fn map_async(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const MAP: Parameters<5> = Parameters::method("Pool.map_async", ASYNC).required(2);
    let (core, rest) = core_of(args, "map_async")?;
    let bound = MAP.bind(rest)?;
    let job = map_in_chunks(cx, &core, bound, mode::MAP)?;
    Ok(results::result(&core, job))
}

fn starmap_async(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const MAP: Parameters<5> = Parameters::method("Pool.starmap_async", ASYNC).required(2);
    let (core, rest) = core_of(args, "starmap_async")?;
    let bound = MAP.bind(rest)?;
    let job = map_in_chunks(cx, &core, bound, mode::STARMAP)?;
    Ok(results::result(&core, job))
}

fn imap(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    lazy(cx, args, "imap", true)
}

fn imap_unordered(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    lazy(cx, args, "imap_unordered", false)
}

fn lazy(cx: &mut Context, args: Args<'_>, method: &'static str, ordered: bool) -> Outcome<Value> {
    const IMAP: [Parameters<3>; 2] = [
        Parameters::method("Pool.imap_unordered", ["func", "iterable", "chunksize"]).required(2),
        Parameters::method("Pool.imap", ["func", "iterable", "chunksize"]).required(2),
    ];
    let (core, rest) = core_of(args, method)?;
    let [function, iterable, chunk] = IMAP[usize::from(ordered)].bind(rest)?;
    core.check_running()?;
    let chunk = match chunk {
        None => 1,
        Some(chunk) => arguments::integer(cx, chunk)?,
    };
    let Some(chunk) = usize::try_from(chunk).ok().filter(|chunk| *chunk >= 1) else {
        return Err(bad_chunk(chunk));
    };
    results::stream(
        cx,
        &core,
        &given(function),
        &given(iterable),
        chunk,
        ordered,
    )
}

/// At a safepoint of the main thread, after a child has ended: replaces workers that have died.
///
/// # Errors
/// `OSError` when no process is to be had.
pub fn replace_dead_workers(cx: &mut Context) -> Outcome<()> {
    for core in super::state::processes(cx).pools() {
        if core.check_owner().is_ok() {
            core.look_after_idle(cx)?;
        }
    }
    Ok(())
}

fn enter(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (core, _) = core_of(args, "__enter__")?;
    core.check_running()?;
    Ok(args.values[0].clone())
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (core, _) = core_of(args, "__repr__")?;
    let class = crate::value::text::qualified_name(args.values[0].class());
    let state = core.state.lock();
    Ok(Value::str(format!(
        "<{class} state={} pool_size={}>",
        state.phase.name(),
        core.size
    )))
}

fn reduce(_: &mut Context, _: Args<'_>) -> Outcome<Value> {
    Err(not_sendable())
}

/// The error of a pool in a message.
#[cold]
pub fn not_sendable() -> crate::value::exception::Raised {
    not_implemented("pool objects cannot be passed between processes or pickled")
}

/// `multiprocessing.pool`.
///
/// # Errors
/// None today.
pub fn make(_: &mut Context) -> Outcome<Ref<crate::eval::module::Module>> {
    let module = crate::library::modules::with_functions("multiprocessing.pool", &[]);
    for (name, class) in classes() {
        module.set(Name::new(name), Value::Class(class));
    }
    let timeout = errors().timeout.clone();
    module.set(Name::new("TimeoutError"), Value::Class(timeout));
    Ok(module)
}

/// What a callable is called in messages.
pub fn function_name(function: &Value) -> String {
    match function {
        Value::Function(function) => function.qualified_name().as_str().to_owned(),
        Value::Native(function) => function.name.to_owned(),
        Value::Class(class) => class.name().as_str().to_owned(),
        Value::Method(method) => function_name(&method.function),
        other => other.type_name().to_owned(),
    }
}
