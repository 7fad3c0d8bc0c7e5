//! `ProcessPoolExecutor`: futures whose tasks run in a pool's worker processes. It must not know how
//! a pool gives tasks to its workers.

use std::sync::{Arc, OnceLock};

use super::errors::{errors, raise};
use super::executor::{self, function_and_arguments};
use super::future::{self, Source};
use super::threads::{is_ending, worker_count};
use crate::eval::context::Context;
use crate::eval::is_callable;
use crate::library::modules::multiprocessing::pool::{
    self, Core, Job, Plan, Style, Then, Work, mode,
};
use crate::library::modules::multiprocessing::{Method, processes};
use crate::library::modules::os_process::usable_processors;
use crate::library::modules::threading;
use crate::library::parameters::Parameters;
use crate::library::{arguments, define, native_object};
use crate::runtime::clock::Deadline;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::class::{Class, Layout};
use crate::value::exception::{runtime_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::{Dict, Outcome, Value, compare, iterate};

/// Why tasks are refused once an initializer has failed.
const BROKEN: &str = "A child process terminated abruptly, the process pool is not usable anymore";

/// What an executor object carries; nothing before `__init__`.
pub struct ProcessExecutor {
    inner: Guarded<Option<Arc<Inner>>>,
}

/// How the workers are to be, and the pool once a task has come.
struct Inner {
    size: usize,
    /// What its processes are called after.
    method: Method,
    initializer: Value,
    initargs: Value,
    most_tasks: Option<u64>,
    state: LeafLock<State>,
}

#[derive(Default)]
struct State {
    core: Option<Arc<Core>>,
    shut: bool,
}

impl NativeData for ProcessExecutor {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let inner = self.inner.lock().clone();
        if let Some(inner) = inner {
            visit(&inner.initializer);
            visit(&inner.initargs);
        }
    }
}

impl Drop for Inner {
    /// Nobody can submit any more: the workers end when they have done what is there.
    fn drop(&mut self) {
        let core = self.state.lock().core.take();
        if let Some(core) = core
            && core.check_owner().is_ok()
        {
            pool::close_core(&core);
        }
    }
}

/// A task of a pool, as its future sees it.
struct PoolTask {
    core: Arc<Core>,
    job: OnceLock<Arc<Job>>,
}

impl Source for PoolTask {
    fn wait(
        &self,
        cx: &mut Context,
        deadline: Option<Deadline>,
        ready: &dyn Fn() -> bool,
    ) -> Outcome<bool> {
        self.core.check_owner()?;
        self.core.wait_until(cx, deadline, ready)
    }

    fn look(&self, cx: &mut Context) -> Outcome<()> {
        match self.core.check_owner() {
            Ok(()) => self.core.enter_answers(cx),
            // The future is the parent's: here nothing becomes of it any more.
            Err(_) => Ok(()),
        }
    }

    fn announce(&self) {
        self.core.announce();
    }

    fn run_by_itself(&self, cx: &mut Context) -> Outcome<()> {
        self.core.run_by_itself(cx)
    }

    fn has_begun(&self) -> bool {
        self.job.get().is_some_and(|job| self.core.has_begun(job))
    }

    fn take_back(&self) -> bool {
        self.job.get().is_some_and(|job| self.core.take_back(job))
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.core) as usize
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin(
            "ProcessPoolExecutor",
            Some(executor::class()),
            Layout::Native("Executor"),
        );
        class.set(known().module, Value::str("concurrent.futures.process"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(
                    self::class(),
                    args,
                    ProcessExecutor {
                        inner: Guarded::new(None),
                    },
                )
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("submit", submit),
                ("map", map),
                ("shutdown", shutdown),
                ("terminate_workers", terminate_workers),
                ("kill_workers", kill_workers),
            ],
        );
        define::internals(
            &class,
            &[
                ("_max_workers", |_, args| {
                    Ok(Value::size(inner_of(args, "_max_workers")?.0.size))
                }),
                ("_processes", |cx, args| {
                    let (inner, _) = inner_of(args, "_processes")?;
                    let core = inner.state.lock().core.clone();
                    let dict = Dict::new();
                    let objects = core.map(|core| core.processes(cx)).unwrap_or_default();
                    for object in objects {
                        let pid = cx_attribute(cx, &object, "pid")?;
                        dict.set(cx, pid, object)?;
                    }
                    Ok(Value::Dict(Ref::new(dict)))
                }),
            ],
        );
        class
    })
}

fn cx_attribute(cx: &mut Context, object: &Value, name: &'static str) -> Outcome<Value> {
    crate::eval::attribute::get(cx, object, crate::value::name::Name::new(name))
}

fn inner_of<'a>(args: Args<'a>, method: &'static str) -> Outcome<(Arc<Inner>, Args<'a>)> {
    let (executor, rest): (&ProcessExecutor, _) =
        native_object::receiver(args, "ProcessPoolExecutor", method)?;
    let inner = executor.inner.lock().clone();
    match inner {
        Some(inner) => Ok((inner, rest)),
        None => Err(runtime_error(
            "ProcessPoolExecutor.__init__() was not called",
        )),
    }
}

const INIT: Parameters<5> = Parameters::method(
    "ProcessPoolExecutor.__init__",
    [
        "max_workers",
        "mp_context",
        "initializer",
        "initargs",
        "max_tasks_per_child",
    ],
)
.positional(4);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (executor, rest): (&ProcessExecutor, _) =
        native_object::receiver(args, "ProcessPoolExecutor", "__init__")?;
    let [size, context, initializer, initargs, most_tasks] = INIT.bind(rest)?;
    let method = Method::of_context(cx, context);
    let size = match size.filter(|size| !size.is_none()) {
        Some(size) => worker_count(cx, size)?,
        None => usable_processors(),
    };
    let initializer = initializer.cloned().unwrap_or_default();
    if !initializer.is_none() && !is_callable(&initializer) {
        return Err(type_error("initializer must be a callable"));
    }
    let most_tasks = match most_tasks.filter(|most| !most.is_none()) {
        None => None,
        Some(most) => match most.unwrapped() {
            Value::Int(number @ 1..) => Some(*number as u64),
            Value::Int(_) => return Err(value_error("max_tasks_per_child must be >= 1")),
            _ => return Err(type_error("max_tasks_per_child must be an integer")),
        },
    };
    let initargs = match initargs {
        Some(given) => Value::tuple(iterate::collect(cx, given)?),
        None => Value::tuple(Vec::new()),
    };
    let inner = Arc::new(Inner {
        size,
        method,
        initializer,
        initargs,
        most_tasks,
        state: LeafLock::new(State::default()),
    });
    let old = executor.inner.lock().replace(inner);
    drop(old);
    Ok(Value::None)
}

/// The pool, whose workers are started for the first task.
fn core_of(cx: &mut Context, inner: &Inner) -> Outcome<Arc<Core>> {
    let (core, shut) = {
        let state = inner.state.lock();
        (state.core.clone(), state.shut)
    };
    if let Some(core) = &core {
        core.check_owner()?;
        if core.state.lock().broken.is_some() {
            return Err(raise(&errors().broken_processes, BROKEN));
        }
    }
    if shut {
        return Err(runtime_error("cannot schedule new futures after shutdown"));
    }
    if is_ending(cx) {
        return Err(runtime_error(
            "cannot schedule new futures after interpreter shutdown",
        ));
    }
    if let Some(core) = core {
        return Ok(core);
    }
    let number = threading::reserve_names(cx, 1);
    let core = Core::of_processes(
        cx,
        Plan {
            style: Style::Executor,
            method: inner.method,
            size: inner.size,
            initializer: inner.initializer.clone(),
            initargs: inner.initargs.clone(),
            most_tasks: inner.most_tasks,
            helper_name: format!("Thread-{number}"),
            place: cx.place(),
        },
    )?;
    let first = {
        let mut state = inner.state.lock();
        match &state.core {
            // Another thread was quicker.
            Some(core) => Some(core.clone()),
            None => {
                state.core = Some(core.clone());
                None
            }
        }
    };
    if let Some(first) = first {
        return Ok(first);
    }
    pool::start_workers(cx, &core)?;
    processes(cx).add_pool(&core);
    processes(cx).keep_pool(&core);
    Ok(core)
}

fn submit_work(
    cx: &mut Context,
    core: &Arc<Core>,
    function: &Value,
    rest: &[Value],
    mode: u8,
) -> Outcome<Value> {
    let future = future::new();
    let task = Arc::new(PoolTask {
        core: core.clone(),
        job: OnceLock::new(),
    });
    let job = Job::call(function, Then::Future(future.clone()));
    // Set once, here.
    let _ = task.job.set(job.clone());
    if let Some(object) = future::of(&future) {
        object.set_source(task);
    }
    core.submit(cx, &job, 0, Work::new(function, rest, mode))?;
    if core.has_held() {
        // Somebody has to put in the rest as the workers get on.
        core.run_by_itself(cx)?;
    }
    Ok(future)
}

fn submit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (inner, rest) = inner_of(args, "submit")?;
    let (function, rest) = function_and_arguments("ProcessPoolExecutor.submit", rest)?;
    let core = core_of(cx, &inner)?;
    let positional = Value::tuple(rest.positional().to_vec());
    let keywords = match rest.names.is_empty() {
        true => Value::None,
        false => {
            let dict = Dict::new();
            for (name, value) in rest.keywords() {
                dict.set(cx, Value::str(name.as_str()), value.clone())?;
            }
            Value::Dict(Ref::new(dict))
        }
    };
    submit_work(cx, &core, function, &[positional, keywords], mode::APPLY)
}

fn map(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (inner, rest) = inner_of(args, "map")?;
    let call = executor::map_call(cx, "ProcessPoolExecutor.map", rest)?;
    let chunk = match call.chunk {
        None => 1,
        Some(chunk) => {
            if compare::compare_bool(cx, Comparison::Less, chunk, &Value::Int(1))? {
                return Err(value_error("chunksize must be >= 1."));
            }
            usize::try_from(arguments::integer(cx, chunk)?).unwrap_or(1)
        }
    };
    let mut iterators = Vec::with_capacity(call.iterables.len());
    for iterable in call.iterables {
        iterators.push(iterate::iterate(cx, iterable)?);
    }
    let mut futures = Vec::new();
    let mut is_over = iterators.is_empty();
    while !is_over {
        let mut rows = Vec::new();
        'rows: while rows.len() < chunk {
            let mut row = Vec::with_capacity(iterators.len());
            for iterator in &iterators {
                match iterate::next(cx, iterator)? {
                    Some(item) => row.push(item),
                    None => {
                        is_over = true;
                        break 'rows;
                    }
                }
            }
            rows.push(Value::tuple(row));
        }
        if rows.is_empty() {
            break;
        }
        let core = core_of(cx, &inner)?;
        let future = match chunk {
            1 => {
                let row = rows.pop().unwrap_or_default();
                submit_work(cx, &core, call.function, &[row, Value::None], mode::APPLY)?
            }
            _ => {
                let rows = Value::list(rows);
                submit_work(cx, &core, call.function, &[rows], mode::STARMAP)?
            }
        };
        futures.push(future);
    }
    Ok(executor::results(futures, call.deadline, chunk > 1))
}

fn shutdown(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SHUTDOWN: Parameters<2> =
        Parameters::method("ProcessPoolExecutor.shutdown", ["wait", "cancel_futures"])
            .positional(1);
    let (inner, rest) = inner_of(args, "shutdown")?;
    let [wait, cancel] = SHUTDOWN.bind(rest)?;
    let (wait, cancel) = (
        arguments::flag(cx, wait, true)?,
        arguments::flag(cx, cancel, false)?,
    );
    let core = {
        let mut state = inner.state.lock();
        state.shut = true;
        state.core.clone()
    };
    let Some(core) = core else {
        return Ok(Value::None);
    };
    if core.check_owner().is_err() {
        return Ok(Value::None);
    }
    if cancel {
        for future in core.futures() {
            if let Some(object) = future::of(&future) {
                object.cancel(cx, &future)?;
            }
        }
    }
    pool::close_core(&core);
    if wait {
        pool::finish(cx, &core)?;
    }
    Ok(Value::None)
}

fn end_workers(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    signal: i32,
) -> Outcome<Value> {
    let (inner, _) = inner_of(args, method)?;
    let core = {
        let mut state = inner.state.lock();
        state.shut = true;
        state.core.clone()
    };
    if let Some(core) = core {
        pool::end_with(cx, &core, signal)?;
    }
    Ok(Value::None)
}

fn terminate_workers(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    end_workers(cx, args, "terminate_workers", libc::SIGTERM)
}

fn kill_workers(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    end_workers(cx, args, "kill_workers", libc::SIGKILL)
}
