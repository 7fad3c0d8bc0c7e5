//! `multiprocessing.Process`: the object. How a child is run is in `child`.

mod methods;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use self::methods::{
    close, exit_code, get_authkey, get_daemon, get_name, ident, is_alive, join, kill, repr, result,
    run, sentinel, set_authkey, set_daemon, set_name, start, terminate,
};
use super::errors::{add_note, errors, from_child, raise};
use super::state::{Method, processes};
use super::{child, waiting};
use crate::eval::context::Context;
use crate::eval::{attribute, interrupt};
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::methods::construct::class_argument;
use crate::library::modules::misuse;
use crate::library::parameters::Parameters;
use crate::library::{define, unseen};
use crate::runtime::process::{Child, ChildError, ExitStatus};
use crate::runtime::shared_queue::{Message, SharedQueue};
use crate::runtime::shared_wait::Until;
use crate::runtime::{fork, report};
use crate::value::class::{Class, Layout};
use crate::value::exception::{
    ExceptionKind, Raised, assertion_error, attribute_error, value_error,
};
use crate::value::function::{Args, NativeCall};
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value, iterate, text};

/// The classes of process objects.
pub struct Classes {
    /// `multiprocessing.process.BaseProcess`, which has all methods.
    pub base: Ref<Class>,
    /// `multiprocessing.Process`.
    pub process: Ref<Class>,
    /// `multiprocessing.context.ForkProcess`, of which pools and managers make theirs.
    pub fork: Ref<Class>,
    /// `multiprocessing.context.SpawnProcess`.
    pub spawn: Ref<Class>,
    /// `multiprocessing.context.ForkServerProcess`.
    pub fork_server: Ref<Class>,
    main: Ref<Class>,
    parent: Ref<Class>,
}

/// What a process object carries.
pub struct ProcessObject {
    state: Guarded<State>,
}

#[derive(Default)]
struct State {
    /// Whether `__init__` has run.
    ready: bool,
    name: Value,
    target: Value,
    args: Value,
    kwargs: Value,
    daemon: Value,
    authkey: Value,
    /// Its number, after those of its parents.
    identity: Vec<u64>,
    parent_pid: i32,
    /// What the process that made it was called then: for the child, its parent's name.
    parent_name: Value,
    child: Option<Child>,
    closed: bool,
    /// A descriptor that becomes readable at the end, if the child's own could not be had.
    ended: Option<std::os::fd::OwnedFd>,
    /// Where the child leaves what came of it.
    report: Option<SharedQueue>,
    /// What came of it, as the child wrote it.
    result: Option<Vec<u8>>,
    /// Whether a failure is counted as one that nobody has looked at.
    counted: bool,
    /// Whether somebody has looked at how it ended.
    observed: bool,
    /// Whether it is settled that it crashed or not.
    crash_told: bool,
}

/// The signals by which a process ends because of what it did itself.
const CRASHES: [i32; 7] = [
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGTRAP,
];

impl NativeData for ProcessObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let state = self.state.lock();
        for value in [
            &state.name,
            &state.target,
            &state.args,
            &state.kwargs,
            &state.daemon,
            &state.parent_name,
        ] {
            visit(value);
        }
    }

    fn clear(&self) {
        let mut state = self.state.lock();
        let old = [
            std::mem::take(&mut state.target),
            std::mem::take(&mut state.args),
            std::mem::take(&mut state.kwargs),
        ];
        drop(state);
        drop(old);
    }
}

impl Receiver for ProcessObject {
    const CLASS: &'static str = "BaseProcess";

    fn of(value: &Value) -> Option<&Self> {
        ProcessObject::of(value)
    }
}

/// What a child leaves behind: how it ended, and the value or exception as a message.
pub mod ending {
    /// `run` returned; the value.
    pub const VALUE: u8 = 0;
    /// `run` raised; the exception and its traceback.
    pub const EXCEPTION: u8 = 1;
    /// It asked to end.
    pub const EXIT: u8 = 2;
    /// `run` returned what cannot travel.
    pub const UNSENDABLE: u8 = 3;
}

impl ProcessObject {
    /// What a value carries, if it is a process object.
    pub fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }

    fn new() -> Self {
        ProcessObject {
            state: Guarded::new(State::default()),
        }
    }

    /// The child, once it was started.
    pub fn child(&self) -> Option<Child> {
        self.state.lock().child.clone()
    }

    /// Its name.
    pub fn name(&self) -> String {
        let name = self.state.lock().name.clone();
        name.unwrapped().as_str().unwrap_or_default().to_owned()
    }

    /// Its target, arguments and keyword arguments.
    pub fn work(&self) -> (Value, Value, Value) {
        let state = self.state.lock();
        (
            state.target.clone(),
            state.args.clone(),
            state.kwargs.clone(),
        )
    }

    fn identity(&self) -> Vec<u64> {
        self.state.lock().identity.clone()
    }

    /// Whether it was made by this process.
    pub fn is_own(&self) -> bool {
        self.state.lock().parent_pid == own_pid()
    }

    /// Whether it is a child of this process.
    pub fn is_own_child(&self) -> bool {
        self.is_own() && self.child().is_some_and(|child| child.is_own())
    }

    /// Whether the child is running.
    pub fn poll_alive(&self) -> bool {
        self.child().is_some_and(|child| child.is_alive())
    }

    /// Whether it ends with its parent.
    pub fn is_daemon(&self, cx: &mut Context) -> bool {
        let daemon = self.state.lock().daemon.clone();
        arguments::truth(cx, &daemon).unwrap_or(false)
    }

    /// Takes over what the ended child left. A failure that nobody has looked at is counted.
    pub fn settle(&self, cx: &Context) {
        self.say_if_crashed();
        let report = self.state.lock().report.take();
        let Some(report) = report else {
            return;
        };
        let mut message = Message::default();
        if report.get(&cx.thread, &mut message, Until::Now).is_err() {
            return;
        }
        let failed = message.bytes.last() == Some(&ending::EXCEPTION);
        let unseen = {
            let mut state = self.state.lock();
            state.result = Some(message.bytes);
            state.counted = failed && !state.observed;
            state.counted
        };
        if unseen {
            unseen::add(cx);
        }
    }

    /// Says once that the child has crashed: it could not do so itself, and its exit code says it
    /// only to whoever asks.
    fn say_if_crashed(&self) {
        let (child, name) = {
            let mut state = self.state.lock();
            if state.crash_told {
                return;
            }
            let Some(child) = state.child.clone() else {
                return;
            };
            state.crash_told = true;
            (child, state.name.clone())
        };
        let Some(ExitStatus::Signalled { signal, core }) = child.status() else {
            return;
        };
        if CRASHES.contains(&signal) {
            let name = name.unwrapped().as_str().unwrap_or_default().to_owned();
            let core = if core { " (core dumped)" } else { "" };
            report::warn(&format!(
                "process '{name}' (pid {}) crashed: {}{core}",
                child.pid(),
                signal_name(signal)
            ));
        }
    }

    /// Somebody looks at how it ended.
    fn observe(&self, cx: &Context) {
        let counted = {
            let mut state = self.state.lock();
            state.observed = true;
            std::mem::take(&mut state.counted)
        };
        if counted {
            unseen::remove(cx);
        }
    }

    fn check_closed(&self) -> Outcome<()> {
        if self.state.lock().closed {
            return Err(value_error("process object is closed"));
        }
        Ok(())
    }

    /// Notes that it was started.
    pub fn started(&self, started: Child, report: Option<SharedQueue>) {
        let mut state = self.state.lock();
        state.child = Some(started);
        state.report = report;
    }

    /// What only the child needs from now on.
    pub fn forget_work(&self) {
        self.clear();
    }
}

/// The calling process. The system is asked once for each generation of forks: whoever submits to a pool
/// asks for each task.
pub fn own_pid() -> i32 {
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    let generation = u64::from(fork::generation());
    let known = KNOWN.load(Ordering::Relaxed);
    // No process has the number 0, so what was never asked does not look like an answer.
    if known as u32 != 0 && known >> 32 == generation {
        return known as u32 as i32;
    }
    // SAFETY: no arguments.
    let pid = unsafe { libc::getpid() };
    KNOWN.store(generation << 32 | u64::from(pid as u32), Ordering::Relaxed);
    pid
}

/// The classes.
pub fn class() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let layout = Layout::Native("BaseProcess");
        let make = |module: &str, name: &str, base: &Ref<Class>| {
            let class = Class::builtin(name, Some(base), layout);
            class.set(known().module, Value::str(module));
            class
        };
        let base = make("multiprocessing.process", "BaseProcess", &types().object);
        define::static_methods(&base, &[("__new__", new)]);
        define::methods(
            &base,
            &[
                ("__init__", init),
                ("run", run),
                ("start", start),
                ("join", join),
                ("is_alive", is_alive),
                ("terminate", terminate),
                ("kill", kill),
                ("close", close),
                ("result", result),
                ("__repr__", repr),
            ],
        );
        define::accessor(&base, "name", get_name, Some(set_name));
        define::accessor(&base, "daemon", get_daemon, Some(set_daemon));
        define::accessor(&base, "authkey", get_authkey, Some(set_authkey));
        define::properties(
            &base,
            &[
                ("pid", ident),
                ("ident", ident),
                ("exitcode", exit_code),
                ("sentinel", sentinel),
            ],
        );
        for (name, get, set) in [
            (
                "_name",
                get_name as NativeCall,
                set_name_freely as NativeCall,
            ),
            (
                "_target",
                |_, args| Ok(of(args, "_target")?.work().0),
                |_, args| set_work(args, "_target", |state| &mut state.target),
            ),
            (
                "_args",
                |_, args| Ok(of(args, "_args")?.work().1),
                |_, args| set_work(args, "_args", |state| &mut state.args),
            ),
            (
                "_kwargs",
                |_, args| Ok(of(args, "_kwargs")?.work().2),
                |_, args| set_work(args, "_kwargs", |state| &mut state.kwargs),
            ),
        ] {
            define::accessor(&base, name, get, Some(set));
        }
        define::internals(
            &base,
            &[
                ("_identity", |_, args| {
                    let identity = of(args, "_identity")?.identity();
                    Ok(Value::tuple(
                        identity
                            .into_iter()
                            .map(|number| Value::Int(number as i64))
                            .collect(),
                    ))
                }),
                ("_parent_pid", |_, args| {
                    let pid = of(args, "_parent_pid")?.state.lock().parent_pid;
                    Ok(Value::Int(i64::from(pid)))
                }),
                ("_closed", |_, args| {
                    Ok(Value::Bool(of(args, "_closed")?.state.lock().closed))
                }),
                ("_config", |_, args| {
                    let process = of(args, "_config")?;
                    let state = process.state.lock();
                    let mut entries = vec![
                        ("authkey", state.authkey.clone()),
                        ("semprefix", Value::str("/mp")),
                    ];
                    if matches!(state.daemon, Value::Bool(true)) {
                        entries.push(("daemon", state.daemon.clone()));
                    }
                    drop(state);
                    let entries = entries
                        .into_iter()
                        .map(|(name, value)| (Name::new(name), value));
                    Ok(Value::Dict(Ref::new(Dict::from_names(entries))))
                }),
                ("_popen", popen),
            ],
        );
        Classes {
            process: make("multiprocessing.context", "Process", &base),
            fork: make("multiprocessing.context", "ForkProcess", &base),
            spawn: make("multiprocessing.context", "SpawnProcess", &base),
            fork_server: make("multiprocessing.context", "ForkServerProcess", &base),
            main: make("multiprocessing.process", "_MainProcess", &base),
            parent: make("multiprocessing.process", "_ParentProcess", &base),
            base,
        }
    })
}

fn of<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a ProcessObject> {
    Ok(receiver::<ProcessObject>(args, method)?.0)
}

impl Classes {
    /// The object by which the child that `own` stands for knows its parent.
    pub fn parent_of(&self, own: &Value) -> Value {
        let parent = ProcessObject::new();
        if let Some(own) = ProcessObject::of(own) {
            let (name, pid) = {
                let state = own.state.lock();
                (state.parent_name.clone(), state.parent_pid)
            };
            let mut state = parent.state.lock();
            state.ready = true;
            state.name = name;
            state.parent_pid = pid;
        }
        Value::Instance(Instance::new(
            self.parent.clone(),
            Payload::Native(Box::new(parent)),
        ))
    }
}

/// The object of the process that the program began with.
pub fn make_main() -> Value {
    let main = ProcessObject::new();
    {
        let mut state = main.state.lock();
        state.ready = true;
        state.name = Value::str("MainProcess");
        state.daemon = Value::Bool(false);
        state.authkey = Value::bytes(super::random_bytes(32));
        state.parent_pid = 0;
    }
    Value::Instance(Instance::new(
        class().main.clone(),
        Payload::Native(Box::new(main)),
    ))
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, _) = class_argument(&class().base, args)?;
    Ok(blank(class))
}

fn blank(class: &Ref<Class>) -> Value {
    Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(ProcessObject::new())),
    ))
}

const INIT: Parameters<6> = Parameters::method(
    "BaseProcess.__init__",
    ["group", "target", "name", "args", "kwargs", "daemon"],
)
.positional(5);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object = args.values.first().cloned().unwrap_or_default();
    let (process, args) = receiver::<ProcessObject>(args, "__init__")?;
    let [group, target, name, arguments, kwargs, daemon] = INIT.bind(args)?;
    if group.is_some_and(|group| !group.is_none()) {
        return Err(assertion_error("group argument must be None for now"));
    }
    let processes = processes(cx);
    let number = processes.next_number();
    let current = processes.current();
    let (mut identity, inherited, authkey, parent_name) = match ProcessObject::of(&current) {
        Some(current) => {
            let state = current.state.lock();
            (
                state.identity.clone(),
                state.daemon.clone(),
                state.authkey.clone(),
                state.name.clone(),
            )
        }
        None => (Vec::new(), Value::Bool(false), Value::None, Value::None),
    };
    identity.push(number);
    let positional = match arguments {
        Some(Value::Tuple(_)) => arguments.cloned().unwrap_or_default(),
        Some(given) => Value::tuple(iterate::collect(cx, given)?),
        None => Value::tuple(Vec::new()),
    };
    let dict = Ref::new(Dict::new());
    if let Some(given) = kwargs {
        crate::library::methods::dict::merge(cx, &dict, given)?;
    }
    let name = match name {
        Some(name) if arguments::truth(cx, name)? => name.clone(),
        _ => {
            let numbers: Vec<String> = identity.iter().map(u64::to_string).collect();
            Value::str(format!("{}-{}", object.type_name(), numbers.join(":")))
        }
    };
    let daemon = match daemon {
        Some(Value::None) | None => inherited,
        Some(daemon) => daemon.clone(),
    };
    let old = {
        let mut state = process.state.lock();
        std::mem::replace(
            &mut *state,
            State {
                ready: true,
                name,
                target: target.cloned().unwrap_or_default(),
                args: positional,
                kwargs: Value::Dict(dict),
                daemon,
                authkey,
                identity,
                parent_pid: own_pid(),
                parent_name,
                ..State::default()
            },
        )
    };
    drop(old);
    Ok(Value::None)
}

/// A process object for the library's own use: of a pool or a manager.
///
/// # Errors
/// What making it raises.
pub fn make_own(
    cx: &mut Context,
    method: Method,
    rename: impl FnOnce(&str) -> String,
) -> Outcome<Value> {
    let object = blank(match method {
        Method::Fork => &class().fork,
        Method::Spawn => &class().spawn,
        Method::ForkServer => &class().fork_server,
    });
    init(cx, Args::positional_only(std::slice::from_ref(&object)))?;
    if let Some(process) = ProcessObject::of(&object) {
        let numbers: Vec<String> = process.identity().iter().map(u64::to_string).collect();
        let mut state = process.state.lock();
        let old = [
            std::mem::replace(&mut state.name, Value::str(rename(&numbers.join(":")))),
            std::mem::replace(&mut state.daemon, Value::Bool(true)),
        ];
        drop(state);
        drop(old);
    }
    Ok(object)
}

/// Waits for the end of a child, serving interrupts.
///
/// # Errors
/// What an interrupt raises, or that it is not this process's child.
pub fn wait_for(
    cx: &mut Context,
    child: &Child,
    deadline: Option<crate::runtime::clock::Deadline>,
) -> Outcome<Option<ExitStatus>> {
    cx.note_place();
    loop {
        let thread = cx.thread.clone();
        match child.wait(&thread, deadline) {
            Ok(status) => return Ok(status),
            Err(ChildError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
            // An object that crossed a fork: whoever is its parent knows.
            Err(ChildError::OfAnother) => return Ok(None),
            Err(error) => return Err(from_child(&error)),
        }
    }
}

/// The process has been seen to have ended.
fn note_end(cx: &Context, object: &Value) {
    processes(cx).living_children(cx);
    if let (Value::Instance(instance), Some(process)) = (object, ProcessObject::of(object)) {
        process.settle(cx);
        processes(cx).remove_child(instance);
    }
}

/// `_name`, which takes anything.
fn set_name_freely(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = of(args, "_name")?;
    let value = args.values.get(1).cloned().unwrap_or_default();
    let old = std::mem::replace(&mut process.state.lock().name, value);
    drop(old);
    Ok(Value::None)
}

/// Sets a part of what the process is to do.
fn set_work(
    args: Args<'_>,
    name: &'static str,
    part: fn(&mut State) -> &mut Value,
) -> Outcome<Value> {
    let process = of(args, name)?;
    let value = args.values.get(1).cloned().unwrap_or_default();
    let old = std::mem::replace(part(&mut process.state.lock()), value);
    drop(old);
    Ok(Value::None)
}

/// What stands for the started child: `None` before.
fn popen(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    if of(args, "_popen")?.child().is_none() {
        return Ok(Value::None);
    }
    let class = CLASS.get_or_init(|| {
        let class = Class::native("Popen");
        class.set(known().module, Value::str("multiprocessing.popen_fork"));
        class.set(Name::new("method"), Value::str("fork"));
        class
    });
    let made = Instance::new(class.clone(), Payload::None);
    for (name, source) in [
        ("pid", "pid"),
        ("sentinel", "sentinel"),
        ("returncode", "exitcode"),
    ] {
        let value = attribute::get(cx, &args.values[0], Name::new(source))?;
        made.set(Name::new(name), value);
    }
    Ok(Value::Instance(made))
}

/// An exit code as it is shown: a signal by its name.
pub fn code_text(code: i32) -> String {
    if code < 0 {
        return format!("-{}", signal_name(-code));
    }
    code.to_string()
}

/// The name of a signal, or its number if it has none.
fn signal_name(signal: i32) -> String {
    match nix::sys::signal::Signal::try_from(signal) {
        Ok(known) => known.as_str().to_owned(),
        Err(_) => signal.to_string(),
    }
}

/// A failed wait or start as an exception.
pub fn fork_failed(error: crate::runtime::fork::ForkError) -> Raised {
    match error {
        crate::runtime::fork::ForkError::Os(error) => {
            crate::library::exceptions::from_io(&error, None)
        }
        foreign => crate::value::exception::runtime_error(foreign.to_string()),
    }
}

/// Where the child of a process leaves what came of it. `None` without shared memory: then only
/// its exit code tells.
pub fn report_queue() -> Option<SharedQueue> {
    SharedQueue::new(Some(1)).ok()
}
