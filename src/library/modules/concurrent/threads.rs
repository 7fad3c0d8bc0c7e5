//! `ThreadPoolExecutor`: threads that take tasks from a queue. A thread is started when a task comes
//! and none is idle, up to a limit. It must not know how futures are waited for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use super::errors::{errors, raise};
use super::executor::{self, function_and_arguments};
use super::{future, log};
use crate::eval::context::Context;
use crate::eval::{interrupt, is_callable};
use crate::library::modules::multiprocessing::pool::function_name;
use crate::library::modules::os_process::usable_processors;
use crate::library::modules::threading;
use crate::library::parameters::Parameters;
use crate::library::{arguments, define, native_object};
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::clock::Deadline;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::{fork, futex};
use crate::value::class::{Class, Layout};
use crate::value::exception::{runtime_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::set::Set;
use crate::value::{Outcome, Value, compare, text, truth};

/// Why tasks are refused once an initializer has failed.
const BROKEN: &str = "A thread initializer failed, the thread pool is not usable anymore";

/// How long a started thread has to begin before nobody waits for that any more.
const PATIENCE: Duration = Duration::from_millis(200);

/// What an executor object carries; nothing before `__init__`.
pub struct ThreadExecutor {
    crew: Guarded<Option<Arc<Crew>>>,
}

impl NativeData for ThreadExecutor {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // While threads have the crew too, they may use what it has: then it is in use.
        if let Some(crew) = &*self.crew.lock()
            && Arc::strong_count(crew) == 1
        {
            visit(&crew.initializer);
            visit(&crew.initargs);
        }
    }
}

impl Drop for ThreadExecutor {
    /// Nobody can submit any more: the threads end when they have done what is there.
    fn drop(&mut self) {
        if let Some(crew) = self.crew.get_mut() {
            crew.dismiss();
        }
    }
}

/// The threads of an executor and their tasks.
struct Crew {
    most: usize,
    prefix: String,
    initializer: Value,
    initargs: Value,
    state: LeafLock<State>,
    /// Changes with every task, and at the end.
    changed: AtomicU32,
    /// How many threads have begun with something.
    begun: AtomicU32,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    threads: Vec<Value>,
    /// How many threads have found nothing to do and were not given anything since.
    idle: usize,
    shut: bool,
    broken: bool,
    /// In which process the threads live.
    generation: u32,
}

/// A call that somebody is to make.
struct Task {
    future: Value,
    function: Value,
    values: Vec<Value>,
    names: Vec<Name>,
}

/// The executors of a session.
#[derive(Default)]
struct Crews {
    made: AtomicU64,
    /// The program ends: nothing more is begun.
    ending: AtomicBool,
    all: LeafLock<Vec<Weak<Crew>>>,
}

/// Makes what [`begin_exit`] asks for.
pub fn prepare(cx: &Context) {
    cx.session.extensions.get::<Crews>();
}

/// The program's main thread has ended: executors take no more tasks, and their threads end when
/// they have done what is there.
pub fn begin_exit(cx: &Context) {
    let crews = cx.session.extensions.get::<Crews>();
    crews.ending.store(true, Ordering::SeqCst);
    let all = std::mem::take(&mut *crews.all.lock());
    for crew in all.iter().filter_map(Weak::upgrade) {
        crew.dismiss();
    }
}

/// Whether executors take no more tasks because the program ends.
pub fn is_ending(cx: &Context) -> bool {
    let crews = cx.session.extensions.get::<Crews>();
    crews.ending.load(Ordering::SeqCst)
}

impl Crew {
    fn announce(&self, count: u32) {
        self.changed.fetch_add(1, Ordering::SeqCst);
        futex::wake(&self.changed, count, false);
    }

    /// No more tasks come.
    fn dismiss(&self) {
        self.state.lock().shut = true;
        self.announce(u32::MAX);
    }

    /// The next task; waits for one. `None` when no more come.
    fn take(&self, cx: &mut Context, is_first: &mut bool) -> Outcome<Option<Task>> {
        let mut is_idle = false;
        let reason =
            Reason::new(ReasonKind::QueueGet).about(std::ptr::from_ref(self) as usize as u64);
        // It may wait for a task for ever, and nobody need be told.
        let _serving = cx.thread.serving();
        loop {
            let seen = self.changed.load(Ordering::SeqCst);
            {
                let mut state = self.state.lock();
                if let Some(task) = state.tasks.pop_front() {
                    return Ok(Some(task));
                }
                if state.shut || state.broken {
                    return Ok(None);
                }
                if !std::mem::replace(&mut is_idle, true) {
                    state.idle += 1;
                }
            }
            if std::mem::take(is_first) {
                // Another was quicker to take what this thread was started for.
                self.note_begun();
            }
            let wait = Wait::Word {
                word: &self.changed,
                expected: seen,
                shared: false,
            };
            if let Waited::Interrupted(_) = blocking(&cx.thread, &reason, None, wait)
                && let Err(raised) = interrupt::at_safepoint(cx)
            {
                // The wake-up may have been for a task that somebody else has to take now.
                self.announce(1);
                return Err(raised);
            }
        }
    }

    /// A thread has begun with its first task, or the initializer.
    fn note_begun(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        futex::wake_all(&self.begun, false);
    }

    /// Waits until a thread that was just started has begun: as in CPython, a task for which a thread
    /// was started is running when `submit` returns.
    fn wait_for_begin(&self, cx: &mut Context, before: u32) -> Outcome<()> {
        let reason = Reason::new(ReasonKind::Other("the start of a thread"));
        let deadline = Deadline::after(PATIENCE);
        while self.begun.load(Ordering::SeqCst) == before {
            let wait = Wait::Word {
                word: &self.begun,
                expected: before,
                shared: false,
            };
            match blocking(&cx.thread, &reason, Some(deadline), wait) {
                Waited::Woken => {}
                Waited::TimedOut => break,
                Waited::Interrupted(_) => interrupt::at_safepoint(cx)?,
            }
        }
        Ok(())
    }

    /// The life of a thread.
    fn work(&self, cx: &mut Context) -> Outcome<()> {
        if !self.initializer.is_none() {
            self.note_begun();
        }
        if !self.initializer.is_none()
            && let Err(raised) = crate::eval::attribute::call_spread(
                cx,
                &self.initializer,
                &self.initargs,
                &Value::Dict(Ref::new(crate::value::Dict::new())),
            )
        {
            if raised.exception().is_none() {
                return Err(raised);
            }
            log::exception(cx, "critical", "Exception in initializer:", &raised)?;
            return self.break_down(cx);
        }
        let mut is_first = self.initializer.is_none();
        while let Some(task) = self.take(cx, &mut is_first)? {
            let begun = task.begin();
            if std::mem::take(&mut is_first) {
                self.note_begun();
            }
            if begun {
                task.run(cx)?;
            }
            cx.safepoint()?;
        }
        Ok(())
    }

    /// What waits fails, and nothing more is taken.
    fn break_down(&self, cx: &mut Context) -> Outcome<()> {
        let tasks = {
            let mut state = self.state.lock();
            state.broken = true;
            std::mem::take(&mut state.tasks)
        };
        self.announce(u32::MAX);
        for task in tasks {
            let error = raise(&errors().broken_threads, BROKEN);
            if let (Some(future), Some(error)) = (future::of(&task.future), error.exception()) {
                let error = Value::Instance(error.clone());
                if let Some(callbacks) = future.finish(&task.future, Value::None, error) {
                    future::run_callbacks(cx, &task.future, callbacks)?;
                }
            }
        }
        Ok(())
    }
}

impl Task {
    /// Whether it is to be run.
    fn begin(&self) -> bool {
        future::of(&self.future).is_some_and(|future| future.begin(&self.future).unwrap_or(false))
    }

    fn run(self, cx: &mut Context) -> Outcome<()> {
        let Some(future) = future::of(&self.future) else {
            return Ok(());
        };
        let called = cx.call_with(
            &self.function,
            Args {
                values: &self.values,
                names: &self.names,
            },
        );
        let outcome = match called {
            Ok(value) => Ok(value),
            Err(raised) => match raised.exception() {
                Some(exception) => Err(Value::Instance(exception.clone())),
                None => return Err(raised),
            },
        };
        // The arguments may be all that keeps something alive that others wait to see gone.
        let function = self.function;
        drop(self.values);
        future.settle(cx, &self.future, outcome, || function_name(&function))
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin(
            "ThreadPoolExecutor",
            Some(executor::class()),
            Layout::Native("Executor"),
        );
        class.set(known().module, Value::str("concurrent.futures.thread"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(
                    self::class(),
                    args,
                    ThreadExecutor {
                        crew: Guarded::new(None),
                    },
                )
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("submit", submit),
                ("shutdown", shutdown),
            ],
        );
        define::internals(
            &class,
            &[
                ("_max_workers", |_, args| {
                    Ok(Value::size(crew_of(args, "_max_workers")?.0.most))
                }),
                ("_threads", |cx, args| {
                    let (crew, _) = crew_of(args, "_threads")?;
                    let threads = crew.state.lock().threads.clone();
                    Ok(Value::Set(Ref::new(Set::from_items(cx, threads)?)))
                }),
                ("_thread_name_prefix", |_, args| {
                    Ok(Value::str(
                        crew_of(args, "_thread_name_prefix")?.0.prefix.as_str(),
                    ))
                }),
                ("_shutdown", |_, args| {
                    Ok(Value::Bool(crew_of(args, "_shutdown")?.0.state.lock().shut))
                }),
                ("_broken", |_, args| {
                    let broken = crew_of(args, "_broken")?.0.state.lock().broken;
                    Ok(match broken {
                        true => Value::str(BROKEN),
                        false => Value::Bool(false),
                    })
                }),
                ("_work_queue", |_, args| {
                    let (crew, _) = crew_of(args, "_work_queue")?;
                    Ok(native_object::instance(waiting_class(), Waiting(crew)))
                }),
            ],
        );
        class
    })
}

/// The tasks that wait for a thread, as scripts that look inside count them.
struct Waiting(Arc<Crew>);

impl NativeData for Waiting {}

fn waiting_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let object = &crate::value::types::types().object;
        let class = Class::builtin("SimpleQueue", Some(object), Layout::Native("SimpleQueue"));
        class.set(known().module, Value::str("_queue"));
        define::methods(
            &class,
            &[
                ("qsize", |_, args| Ok(Value::size(waiting_count(args)?))),
                ("empty", |_, args| {
                    Ok(Value::Bool(waiting_count(args)? == 0))
                }),
            ],
        );
        class
    })
}

fn waiting_count(args: Args<'_>) -> Outcome<usize> {
    let (waiting, _): (&Waiting, _) = native_object::receiver(args, "SimpleQueue", "qsize")?;
    Ok(waiting.0.state.lock().tasks.len())
}

fn crew_of<'a>(args: Args<'a>, method: &'static str) -> Outcome<(Arc<Crew>, Args<'a>)> {
    let (executor, rest): (&ThreadExecutor, _) =
        native_object::receiver(args, "ThreadPoolExecutor", method)?;
    let crew = executor.crew.lock().clone();
    match crew {
        Some(crew) => Ok((crew, rest)),
        None => Err(runtime_error(
            "ThreadPoolExecutor.__init__() was not called",
        )),
    }
}

/// The number of workers that was asked for.
///
/// # Errors
/// `TypeError`, `ValueError`.
pub fn worker_count(cx: &mut Context, given: &Value) -> Outcome<usize> {
    if compare::compare_bool(cx, Comparison::LessEqual, given, &Value::Int(0))? {
        return Err(value_error("max_workers must be greater than 0"));
    }
    Ok(match given.unwrapped() {
        Value::Float(number) => number.ceil() as usize,
        Value::Int(_) | Value::Bool(_) => arguments::integer(cx, given)? as usize,
        _ => usize::MAX,
    })
}

const INIT: Parameters<4> = Parameters::method(
    "ThreadPoolExecutor.__init__",
    [
        "max_workers",
        "thread_name_prefix",
        "initializer",
        "initargs",
    ],
);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (executor, rest): (&ThreadExecutor, _) =
        native_object::receiver(args, "ThreadPoolExecutor", "__init__")?;
    let [most, prefix, initializer, initargs] = INIT.bind(rest)?;
    let most = match most.filter(|most| !most.is_none()) {
        Some(most) => worker_count(cx, most)?,
        None => (usable_processors() + 4).min(32),
    };
    let initializer = initializer.cloned().unwrap_or_default();
    if !initializer.is_none() && !is_callable(&initializer) {
        return Err(type_error("initializer must be a callable"));
    }
    let crews = cx.session.extensions.get::<Crews>();
    let prefix = match prefix {
        Some(prefix) if truth::truthy(cx, prefix)? => text::to_str(cx, prefix)?,
        _ => format!(
            "ThreadPoolExecutor-{}",
            crews.made.fetch_add(1, Ordering::Relaxed)
        ),
    };
    let crew = Arc::new(Crew {
        most,
        prefix,
        initializer,
        initargs: initargs
            .cloned()
            .unwrap_or_else(|| Value::tuple(Vec::new())),
        state: LeafLock::new(State {
            generation: fork::generation(),
            ..State::default()
        }),
        changed: AtomicU32::new(0),
        begun: AtomicU32::new(0),
    });
    {
        let mut all = crews.all.lock();
        all.retain(|crew| crew.strong_count() > 0);
        all.push(Arc::downgrade(&crew));
    }
    let old = executor.crew.lock().replace(crew);
    drop(old);
    Ok(Value::None)
}

fn submit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (crew, rest) = crew_of(args, "submit")?;
    let (function, rest) = function_and_arguments("ThreadPoolExecutor.submit", rest)?;
    let future = future::new();
    let task = Task {
        future: future.clone(),
        function: function.clone(),
        values: rest.values.to_vec(),
        names: rest.names.to_vec(),
    };
    if is_ending(cx) && !crew.state.lock().broken {
        return Err(runtime_error(
            "cannot schedule new futures after interpreter shutdown",
        ));
    }
    let (place, left_behind) = {
        let mut state = crew.state.lock();
        if state.broken {
            drop(state);
            return Err(raise(&errors().broken_threads, BROKEN));
        }
        if state.shut {
            drop(state);
            return Err(runtime_error("cannot schedule new futures after shutdown"));
        }
        let mut left_behind = State::default();
        if state.generation != fork::generation() {
            // The threads and what they were to do stayed in the parent.
            left_behind = std::mem::take(&mut *state);
            state.generation = fork::generation();
        }
        state.tasks.push_back(task);
        let place = if state.idle > 0 {
            state.idle -= 1;
            None
        } else {
            (state.threads.len() < crew.most).then_some(state.threads.len())
        };
        (place, left_behind)
    };
    drop(left_behind);
    crew.announce(1);
    if let Some(place) = place {
        start_thread(cx, &crew, place)?;
    }
    Ok(future)
}

fn start_thread(cx: &mut Context, crew: &Arc<Crew>, place: usize) -> Outcome<()> {
    let name = format!("{}_{place}", crew.prefix);
    let own = crew.clone();
    let thread = threading::make_thread(cx, &name, false, move |cx| own.work(cx))?;
    crew.state.lock().threads.push(thread.clone());
    let before = crew.begun.load(Ordering::SeqCst);
    if let Err(raised) = threading::start_thread(cx, &thread) {
        let removed = {
            let mut state = crew.state.lock();
            let place = state.threads.iter().position(|known| known.same(&thread));
            place.map(|place| state.threads.remove(place))
        };
        drop(removed);
        return Err(raised);
    }
    crew.wait_for_begin(cx, before)
}

fn shutdown(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SHUTDOWN: Parameters<2> =
        Parameters::method("ThreadPoolExecutor.shutdown", ["wait", "cancel_futures"]).positional(1);
    let (crew, rest) = crew_of(args, "shutdown")?;
    let [wait, cancel] = SHUTDOWN.bind(rest)?;
    let (wait, cancel) = (
        arguments::flag(cx, wait, true)?,
        arguments::flag(cx, cancel, false)?,
    );
    let tasks = {
        let mut state = crew.state.lock();
        state.shut = true;
        match cancel {
            true => std::mem::take(&mut state.tasks),
            false => VecDeque::new(),
        }
    };
    for task in &tasks {
        if let Some(future) = future::of(&task.future) {
            future.cancel(cx, &task.future)?;
        }
    }
    crew.announce(u32::MAX);
    if wait {
        let threads = crew.state.lock().threads.clone();
        for thread in threads {
            threading::join_thread(cx, &thread)?;
        }
    }
    Ok(Value::None)
}
