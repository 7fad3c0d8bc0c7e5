//! `_thread.start_joinable_thread` and the handles of such threads: threads without objects that can be waited for. It
//! must not know `threading.Thread`.

use std::sync::OnceLock;

use super::{run, state, thread, timeout};
use crate::eval::context::Context;
use crate::eval::is_callable;
use crate::library::arguments::{self, Signature};
use crate::library::{define, native_object};
use crate::runtime::clock::Deadline;
use crate::runtime::thread::ThreadHandle;
use crate::value::class::Class;
use crate::value::exception::{runtime_error, type_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text, truth};

const CLASS: &str = "_thread._ThreadHandle";

/// What a handle carries.
struct Joinable {
    state: Guarded<State>,
}

struct State {
    /// Whether a thread was started with it.
    taken: bool,
    thread: Option<ThreadHandle>,
    /// Whether somebody said that the thread counts as ended.
    done: bool,
}

impl NativeData for Joinable {}

impl Joinable {
    fn new() -> Self {
        Joinable {
            state: Guarded::new(State {
                taken: false,
                thread: None,
                done: false,
            }),
        }
    }

    fn thread(&self) -> Option<ThreadHandle> {
        self.state.lock().thread.clone()
    }

    fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.done
            || state
                .thread
                .as_ref()
                .is_some_and(|thread| !thread.is_alive())
    }
}

/// The class of handles.
pub fn class() -> &'static Ref<Class> {
    static CELL: OnceLock<Ref<Class>> = OnceLock::new();
    CELL.get_or_init(|| {
        let class = Class::native(CLASS);
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(self::class(), args, Joinable::new())
            })],
        );
        define::methods(
            &class,
            &[
                ("__repr__", repr),
                ("join", join),
                ("is_done", |_, args| {
                    let (joinable, rest) = receiver(args, "is_done")?;
                    arguments::none("_ThreadHandle.is_done", rest)?;
                    Ok(Value::Bool(joinable.is_done()))
                }),
                ("_set_done", set_done),
            ],
        );
        define::getters(
            &class,
            &[("ident", |_, args| {
                let (joinable, _) = receiver(args, "ident")?;
                Ok(Value::Int(ident(joinable)))
            })],
        );
        class
    })
}

fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Joinable, Args<'a>)> {
    native_object::receiver(args, CLASS, method)
}

fn ident(joinable: &Joinable) -> i64 {
    joinable
        .thread()
        .map_or(0, |thread| thread.id().get() as i64)
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (joinable, _) = receiver(args, "__repr__")?;
    Ok(Value::str(format!(
        "<_ThreadHandle object at {:#x}: ident={}>",
        text::address(&args.values[0]),
        ident(joinable)
    )))
}

const JOIN: Signature<1> = Signature::new("join", ["timeout"]);

fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (joinable, rest) = receiver(args, "join")?;
    let [timeout] = JOIN.bind(rest)?;
    let refusal = |kind: &str| format!("'{kind}' object cannot be interpreted as an integer");
    // A negative time is no limit.
    let seconds = timeout::seconds(cx, timeout, refusal)?.filter(|seconds| *seconds >= 0.0);
    let Some(handle) = joinable.thread() else {
        return Err(runtime_error("thread not started"));
    };
    if joinable.state.lock().done {
        return Ok(Value::None);
    }
    if handle == cx.thread {
        return Err(runtime_error("Cannot join current thread"));
    }
    thread::wait_for_end(cx, &handle, seconds.map(Deadline::after_seconds))?;
    Ok(Value::None)
}

fn set_done(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (joinable, rest) = receiver(args, "_set_done")?;
    arguments::none("_ThreadHandle._set_done", rest)?;
    let mut state = joinable.state.lock();
    let started = state.thread.is_some();
    state.done = started;
    drop(state);
    match started {
        true => Ok(Value::None),
        false => Err(runtime_error("thread not started")),
    }
}

const START: Signature<3> =
    Signature::new("start_joinable_thread", ["function", "handle", "daemon"]).required(1);

/// `start_joinable_thread(function, handle=None, daemon=True)`: the handle of the new thread.
pub(super) fn start(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(function), handle, daemon] = START.bind(args)? else {
        return Ok(Value::None);
    };
    if !is_callable(function) {
        return Err(type_error("thread function must be callable"));
    }
    let keeps_alive = match daemon {
        Some(daemon) => !truth::truthy(cx, daemon)?,
        None => false,
    };
    let handle = match handle {
        Some(given) if !given.is_none() => given.clone(),
        _ => native_object::instance(class(), Joinable::new()),
    };
    let Some(joinable) = handle
        .as_instance()
        .and_then(|handle| handle.native::<Joinable>())
    else {
        return Err(type_error("'handle' must be a _ThreadHandle"));
    };
    let mut state = joinable.state.lock();
    let taken = std::mem::replace(&mut state.taken, true);
    drop(state);
    if taken {
        return Err(runtime_error("thread already started"));
    }
    match run::start_bare(cx, function.clone(), Value::tuple(Vec::new()), None) {
        Ok(thread) => {
            if keeps_alive {
                state::threads(cx).keep_alive(thread.clone());
            }
            joinable.state.lock().thread = Some(thread);
            Ok(handle)
        }
        Err(error) => {
            joinable.state.lock().taken = false;
            Err(error)
        }
    }
}
