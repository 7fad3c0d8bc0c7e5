//! `threading.Thread`: the object, its states and its misuse. It must not know what a thread does
//! once it runs.

use std::sync::{Arc, OnceLock};

use super::{event, run, state, timeout};
use crate::eval::context::Context;
use crate::eval::{attribute, interrupt};
use crate::library::modules::misuse;
use crate::library::parameters::Parameters;
use crate::library::{arguments, define, native_object, unseen};
use crate::runtime::clock::Deadline;
use crate::runtime::thread::{self as runtime, ThreadHandle};
use crate::runtime::{fork, watch, world};
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, Raised, assertion_error, runtime_error, type_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData};
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, credit, reclaim, text};

/// What a `Thread` carries.
pub struct ThreadObject {
    state: Guarded<State>,
}

struct State {
    /// `None` until `__init__` was called.
    name: Option<Arc<str>>,
    daemon: bool,
    /// Whether `start` was called.
    started: bool,
    /// In which process it was started.
    generation: u32,
    /// `None` until the thread exists.
    handle: Option<ThreadHandle>,
    /// What its function returned.
    result: Value,
    /// The exception that left its `run`.
    error: Value,
    /// Whether nobody has looked at that yet.
    unseen: bool,
}

impl NativeData for ThreadObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let state = self.state.lock();
        visit(&state.result);
        visit(&state.error);
    }

    fn clear(&self) {
        let mut state = self.state.lock();
        let values = (state.result.take(), state.error.take());
        drop(state);
        drop(values);
    }
}

impl ThreadObject {
    /// One that is not initialised.
    pub fn uninitialised() -> Self {
        ThreadObject {
            state: Guarded::new(State {
                name: None,
                daemon: false,
                started: false,
                generation: 0,
                handle: None,
                result: Value::None,
                error: Value::None,
                unseen: false,
            }),
        }
    }

    /// Its name; `None` before `__init__`.
    pub fn name(&self) -> Option<Arc<str>> {
        self.state.lock().name.clone()
    }

    /// Whether the program does not wait for it at its end.
    pub fn is_daemon(&self) -> bool {
        self.state.lock().daemon
    }

    /// The thread, once it exists.
    pub fn handle(&self) -> Option<ThreadHandle> {
        self.state.lock().handle.clone()
    }

    /// Whether it lives, or is about to start, in this process.
    pub fn exists(&self) -> bool {
        let state = self.state.lock();
        match &state.handle {
            Some(handle) => handle.is_alive(),
            None => state.started && state.generation == fork::generation(),
        }
    }

    /// Notes that it is about to start; the error when it cannot.
    pub(super) fn begin_start(&self) -> Outcome<Arc<str>> {
        let mut state = self.state.lock();
        let Some(name) = state.name.clone() else {
            drop(state);
            return Err(runtime_error("thread.__init__() not called"));
        };
        if state.started {
            drop(state);
            return Err(misuse::error(
                ExceptionKind::RuntimeError,
                ExceptionKind::AssertionError,
                "threads can only be started once",
            ));
        }
        state.started = true;
        state.generation = fork::generation();
        Ok(name)
    }

    /// Takes [`ThreadObject::begin_start`] back: the system refused.
    pub(super) fn give_up_start(&self) {
        self.state.lock().started = false;
    }

    /// The thread exists.
    pub(super) fn set_handle(&self, handle: &ThreadHandle) {
        let mut state = self.state.lock();
        let old = state.handle.replace(handle.clone());
        drop(state);
        drop(old);
    }

    /// What its function returned.
    pub(super) fn set_result(&self, value: Value) {
        let mut state = self.state.lock();
        let old = std::mem::replace(&mut state.result, value);
        drop(state);
        drop(old);
    }

    /// The exception that left its `run`, and whether it waits to be looked at.
    pub(super) fn set_error(&self, error: Value, unseen: bool) {
        let mut state = self.state.lock();
        let old = std::mem::replace(&mut state.error, error);
        state.unseen = unseen;
        drop(state);
        drop(old);
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Thread");
        class.set(known().module, Value::str("threading"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(self::class(), args, ThreadObject::uninitialised())
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("__repr__", repr),
                ("start", start),
                ("run", run::run),
                ("join", join),
                ("result", result),
                ("is_alive", is_alive),
                ("getName", name),
                ("setName", set_name),
                ("isDaemon", daemon),
                ("setDaemon", set_daemon),
            ],
        );
        define::accessor(&class, "name", name, Some(set_name));
        define::accessor(&class, "daemon", daemon, Some(set_daemon));
        define::properties(&class, &[("ident", ident), ("native_id", native_id)]);
        define::accessor(&class, "_name", name, Some(set_name_freely));
        define::internals(
            &class,
            &[
                ("_ident", ident),
                ("_daemonic", daemon),
                ("_started", |cx, args| {
                    let data = this(args, "Thread._started")?;
                    let event = Value::Class(event::class().clone());
                    let event = cx.call(&event, &[])?;
                    if data.state.lock().started {
                        cx.call_method(&event, "set", &[])?;
                    }
                    Ok(event)
                }),
            ],
        );
        // Scripts' own classes may have an attribute of this name.
        define::accessor(&class, "state", life_state, Some(set_own_state));
        define::accessor(
            &class,
            "waiting_for",
            waiting_for,
            Some(set_own_waiting_for),
        );
        class
    })
}

fn derived(cell: &'static OnceLock<Ref<Class>>, name: &str) -> &'static Ref<Class> {
    cell.get_or_init(|| {
        let class = Class::builtin(name, Some(class()), Layout::Native("Thread"));
        class.set(known().module, Value::str("threading"));
        class
    })
}

/// The class of the main thread's object.
pub(super) fn main_class() -> &'static Ref<Class> {
    static MAIN: OnceLock<Ref<Class>> = OnceLock::new();
    derived(&MAIN, "_MainThread")
}

/// The class of objects of threads that were started without one.
pub(super) fn dummy_class() -> &'static Ref<Class> {
    static DUMMY: OnceLock<Ref<Class>> = OnceLock::new();
    derived(&DUMMY, "_DummyThread")
}

/// The object of a thread that exists without having been started by a script.
pub(super) fn object_for(
    handle: &ThreadHandle,
    is_main: bool,
    number: impl FnOnce() -> u64,
) -> Ref<Instance> {
    let data = ThreadObject::uninitialised();
    let (class, name) = if is_main {
        (main_class(), "MainThread".to_owned())
    } else {
        (dummy_class(), format!("Dummy-{}", number()))
    };
    {
        let mut state = data.state.lock();
        state.name = Some(name.into());
        state.daemon = !is_main;
        state.started = true;
        state.generation = fork::generation();
        state.handle = Some(handle.clone());
    }
    let payload = crate::value::instance::Payload::Native(Box::new(data));
    Instance::new(class.clone(), payload)
}

#[inline(always)]
fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a ThreadObject, Args<'a>)> {
    native_object::receiver(args, "Thread", method)
}

/// The receiver of a method without arguments.
fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a ThreadObject> {
    let (data, rest) = receiver(args, method)?;
    let [] = Parameters::method(method, []).bind(rest)?;
    Ok(data)
}

#[cold]
fn not_initialised() -> Raised {
    assertion_error("Thread.__init__() not called")
}

// ---- construction ----

const INIT: Parameters<6> = Parameters::method(
    "Thread.__init__",
    ["group", "target", "name", "args", "kwargs", "daemon"],
)
.positional(5);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = receiver(args, "__init__")?;
    let [group, target, name, positional, keywords, daemon] = INIT.bind(rest)?;
    let given = |value: Option<&Value>| value.filter(|value| !value.is_none()).cloned();
    if given(group).is_some() {
        return Err(assertion_error("group argument must be None for now"));
    }
    let target = given(target).unwrap_or(Value::None);
    initialise(
        cx,
        &args.values[0],
        target,
        given(name),
        positional
            .cloned()
            .unwrap_or_else(|| Value::tuple(Vec::new())),
        given(keywords),
        given(daemon),
    )?;
    Ok(Value::None)
}

/// What `Thread.__init__` does, for derived classes too.
pub(super) fn initialise(
    cx: &mut Context,
    receiver: &Value,
    target: Value,
    name: Option<Value>,
    positional: Value,
    keywords: Option<Value>,
    daemon: Option<Value>,
) -> Outcome<()> {
    let (Value::Instance(instance), Some(data)) = (receiver, data_of(receiver)) else {
        return Err(type_error("Thread.__init__() needs a Thread"));
    };
    let name = match name {
        Some(name) if crate::value::truth::truthy(cx, &name)? => text::to_str(cx, &name)?,
        _ => made_up_name(cx, &target)?,
    };
    let daemon = match daemon {
        Some(daemon) => crate::value::truth::truthy(cx, &daemon)?,
        None => data_of(&Value::Instance(state::current(cx))).is_some_and(ThreadObject::is_daemon),
    };
    {
        let mut state = data.state.lock();
        state.name = Some(name.into());
        state.daemon = daemon;
    }
    // Under these names, because classes derived in scripts use them in their own `run`.
    let keywords = keywords.unwrap_or_else(|| Value::Dict(Ref::new(Dict::new())));
    instance.set(Name::new("_target"), target);
    instance.set(Name::new("_args"), positional);
    instance.set(Name::new("_kwargs"), keywords);
    Ok(())
}

fn made_up_name(cx: &mut Context, target: &Value) -> Outcome<String> {
    let name = format!("Thread-{}", state::threads(cx).next_name());
    if target.is_none() {
        return Ok(name);
    }
    Ok(match attribute::find(cx, target, known().name)? {
        Some(own) => format!("{name} ({})", text::to_str(cx, &own)?),
        None => name,
    })
}

/// The data of a thread object.
pub(super) fn data_of(value: &Value) -> Option<&ThreadObject> {
    value.as_instance()?.native()
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.__repr__")?;
    let class = args.values[0].class().name();
    let state = data.state.lock();
    let Some(name) = state.name.clone() else {
        drop(state);
        return Err(assertion_error("Thread.__init__() was not called"));
    };
    let (started, daemon, handle) = (state.started, state.daemon, state.handle.clone());
    drop(state);
    let mut shown = match &handle {
        Some(handle) if !handle.has_left() => "started",
        Some(_) => "stopped",
        None if started && !data.exists() => "stopped",
        None => "initial",
    }
    .to_owned();
    if daemon {
        shown.push_str(" daemon");
    }
    if let Some(handle) = handle {
        shown.push_str(&format!(" {}", handle.id().get()));
    }
    Ok(Value::str(format!("<{class}({name}, {shown})>")))
}

// ---- life ----

fn start(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.start")?;
    if let Value::Instance(object) = &args.values[0] {
        run::start(cx, object, data)?;
    }
    Ok(Value::None)
}

const JOIN: Parameters<1> = Parameters::method("Thread.join", ["timeout"]);
const RESULT: Parameters<1> = Parameters::method("Thread.result", ["timeout"]);

fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (data, rest) = receiver(args, "join")?;
    let [timeout] = JOIN.bind(rest)?;
    if args.values[0].class().derives_from(dummy_class()) {
        return Err(runtime_error("cannot join a dummy thread"));
    }
    join_until(cx, data, timeout)?;
    Ok(Value::None)
}

/// Waits for the end; false if the timeout came first.
fn join_until(cx: &mut Context, data: &ThreadObject, timeout: Option<&Value>) -> Outcome<bool> {
    if data.name().is_none() {
        return Err(runtime_error("Thread.__init__() not called"));
    }
    let Some(handle) = data.handle() else {
        if data.state.lock().started && !data.exists() {
            // A fork left it behind before it had begun.
            return Ok(true);
        }
        return Err(misuse::error(
            ExceptionKind::RuntimeError,
            ExceptionKind::AssertionError,
            "cannot join thread before it is started",
        ));
    };
    if handle == cx.thread {
        return Err(misuse::error(
            ExceptionKind::RuntimeError,
            ExceptionKind::AssertionError,
            "cannot join current thread",
        ));
    }
    let refusal = |kind: &str| format!("'>' not supported between instances of 'int' and '{kind}'");
    let seconds = timeout::seconds(cx, timeout, refusal)?;
    wait_for_end(cx, &handle, seconds.map(Deadline::after_seconds))
}

/// Waits until a thread has ended; false if the deadline came first.
pub(super) fn wait_for_end(
    cx: &mut Context,
    handle: &ThreadHandle,
    deadline: Option<Deadline>,
) -> Outcome<bool> {
    cx.note_place();
    loop {
        match handle.join(&cx.thread, deadline) {
            Ok(ended) => {
                if ended && runtime::count() == 1 && fork::owns_process() {
                    // The last one: values are this thread's alone again.
                    credit::flush();
                    world::clear_shared_if_alone(&cx.thread);
                    reclaim::collect();
                }
                return Ok(ended);
            }
            Err(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

/// Waits for the end and gives what the thread's function returned, or raises what it raised.
fn result(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (data, rest) = receiver(args, "result")?;
    let [timeout] = RESULT.bind(rest)?;
    if !join_until(cx, data, timeout)? {
        return Err(Raised::with_args(ExceptionKind::TimeoutError, Vec::new()));
    }
    let mut state = data.state.lock();
    let first_look = std::mem::take(&mut state.unseen);
    let (result, error) = (state.result.clone(), state.error.clone());
    drop(state);
    if first_look {
        unseen::remove(cx);
    }
    match error {
        Value::Instance(error) => Err(Raised::instance(error)),
        _ => Ok(result),
    }
}

fn is_alive(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.is_alive")?;
    if data.name().is_none() {
        return Err(not_initialised());
    }
    let alive = data.handle().is_some_and(|handle| !handle.has_left());
    Ok(Value::Bool(alive))
}

/// The state as text books draw it: new, ready, running, blocked, dead.
fn life_state(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.state")?;
    if let Value::Instance(instance) = &args.values[0]
        && let Some(own) = instance.get(Name::new("state"))
    {
        return Ok(own);
    }
    let state = data.state.lock();
    let (started, handle) = (state.started, state.handle.clone());
    drop(state);
    Ok(Value::str(match handle {
        None if !started => "new",
        None if data.exists() => "ready",
        None => "dead",
        Some(handle) if !handle.is_alive() => "dead",
        Some(handle) if handle.native_id() == 0 => "ready",
        Some(handle) if handle.waits_for().is_some() => "blocked",
        Some(_) => "running",
    }))
}

/// What a blocked thread waits for, in words.
fn waiting_for(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.waiting_for")?;
    if let Value::Instance(instance) = &args.values[0]
        && let Some(own) = instance.get(Name::new("waiting_for"))
    {
        return Ok(own);
    }
    let handle = data.handle().filter(ThreadHandle::is_alive);
    let text = handle.and_then(|handle| watch::waiting_for(&handle));
    Ok(text.map_or(Value::None, Value::str))
}

fn set_own_state(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    set_own("state", args)
}

fn set_own_waiting_for(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    set_own("waiting_for", args)
}

fn set_own(name: &'static str, args: Args<'_>) -> Outcome<Value> {
    let [receiver, value] = arguments::exactly(name, args)?;
    if let Value::Instance(instance) = receiver {
        instance.set(Name::new(name), value.clone());
    }
    Ok(Value::None)
}

// ---- attributes ----

fn name(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.getName")?;
    data.name()
        .map(|name| Value::str(&*name))
        .ok_or_else(not_initialised)
}

fn set_name(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (data, rest) = receiver(args, "name")?;
    let [Some(name)] = Parameters::method("Thread.setName", ["name"])
        .required(1)
        .bind(rest)?
    else {
        return Ok(Value::None);
    };
    if data.name().is_none() {
        return Err(not_initialised());
    }
    let name = text::to_str(cx, name)?;
    if let Some(handle) = data.handle() {
        handle.set_name(&name);
    }
    let mut state = data.state.lock();
    let old = state.name.replace(name.into());
    drop(state);
    drop(old);
    Ok(Value::None)
}

/// `_name`: set before `__init__`, it is lost, as in CPython.
fn set_name_freely(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    match receiver(args, "_name")?.0.name() {
        Some(_) => set_name(cx, args),
        None => Ok(Value::None),
    }
}

fn daemon(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.isDaemon")?;
    if data.name().is_none() {
        return Err(not_initialised());
    }
    Ok(Value::Bool(data.is_daemon()))
}

fn set_daemon(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (data, rest) = receiver(args, "daemon")?;
    let [Some(daemon)] = Parameters::method("Thread.setDaemon", ["daemonic"])
        .required(1)
        .bind(rest)?
    else {
        return Ok(Value::None);
    };
    let daemon = crate::value::truth::truthy(cx, daemon)?;
    if data.name().is_none() {
        return Err(runtime_error("Thread.__init__() not called"));
    }
    let mut state = data.state.lock();
    let started = state.started;
    if !started {
        state.daemon = daemon;
    }
    drop(state);
    if started {
        return Err(misuse::error(
            ExceptionKind::RuntimeError,
            ExceptionKind::AssertionError,
            "cannot set daemon status of active thread",
        ));
    }
    Ok(Value::None)
}

fn ident(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.ident")?;
    if data.name().is_none() {
        return Err(not_initialised());
    }
    Ok(data
        .handle()
        .map_or(Value::None, |handle| Value::Int(handle.id().get() as i64)))
}

fn native_id(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let data = this(args, "Thread.native_id")?;
    if data.name().is_none() {
        return Err(not_initialised());
    }
    let Some(handle) = data.handle() else {
        return Ok(Value::None);
    };
    while handle.native_id() == 0 && handle.is_alive() {
        if handle.wait_until_begun(&cx.thread).is_err() {
            interrupt::at_safepoint(cx)?;
        }
    }
    Ok(Value::Int(i64::from(handle.native_id())))
}
