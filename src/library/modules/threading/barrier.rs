//! `threading.Barrier`: CPython's states, step for step.

use std::sync::OnceLock;
use std::time::Duration;

use super::timeout;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::blocking::ReasonKind;
use crate::runtime::clock::Deadline;
use crate::runtime::thread_condition::ThreadCondition;
use crate::runtime::thread_lock::{LockError, ThreadLock};
use crate::value::class::{Class, Layout};
use crate::value::exception::{self, ExceptionKind, Raised, attribute_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, text};

struct Barrier {
    /// Held while the state is looked at and changed, and while the action runs.
    lock: ThreadLock,
    changed: ThreadCondition,
    state: Guarded<State>,
}

struct State {
    /// 0 until `__init__` was called.
    parties: i64,
    action: Value,
    timeout: Option<f64>,
    phase: Phase,
    count: i64,
}

/// How long a thread that is being stopped tries to get the lock back.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Threads arrive.
    Filling,
    /// All have arrived and leave.
    Draining,
    /// Those that were there leave with an error.
    Resetting,
    Broken,
}

impl NativeData for Barrier {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.state.lock().action);
    }

    fn clear(&self) {
        let action = self.state.lock().action.take();
        drop(action);
    }
}

/// `BrokenBarrierError`.
pub fn broken_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let base = types().exception(ExceptionKind::RuntimeError);
        let class = Class::builtin("BrokenBarrierError", Some(base), Layout::Exception);
        class.set(known().module, Value::str("threading"));
        class
    })
}

#[cold]
fn broken_error() -> Raised {
    Raised::instance(exception::make(broken_class().clone(), Vec::new()))
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Barrier");
        class.set(known().module, Value::str("threading"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(self::class(), args, Barrier::new())
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("__repr__", repr),
                ("wait", wait),
                ("reset", reset),
                ("abort", abort),
            ],
        );
        define::properties(
            &class,
            &[
                ("parties", |_, args| {
                    Ok(Value::Int(
                        this(args, "Barrier.parties")?.state.lock().parties,
                    ))
                }),
                ("n_waiting", |_, args| {
                    Ok(Value::Int(this(args, "Barrier.n_waiting")?.waiting()))
                }),
                ("broken", |_, args| {
                    let barrier = this(args, "Barrier.broken")?;
                    Ok(Value::Bool(barrier.phase() == Phase::Broken))
                }),
            ],
        );
        class
    })
}

#[inline(always)]
fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Barrier, Args<'a>)> {
    let (barrier, rest) = native_object::receiver::<Barrier>(args, "Barrier", method)?;
    if barrier.state.lock().parties == 0 {
        return Err(attribute_error(format!(
            "'{}' object has no attribute '_cond'",
            args.values[0].type_name()
        )));
    }
    Ok((barrier, rest))
}

/// The receiver of a method without arguments.
fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Barrier> {
    let (barrier, rest) = receiver(args, method)?;
    let [] = Parameters::method(method, []).bind(rest)?;
    Ok(barrier)
}

const INIT: Parameters<3> =
    Parameters::method("Barrier.__init__", ["parties", "action", "timeout"]).required(1);
const WAIT: Parameters<1> = Parameters::method("Barrier.wait", ["timeout"]);

fn refusal(kind: &str) -> String {
    format!("unsupported operand type(s) for +: 'float' and '{kind}'")
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (barrier, rest) = native_object::receiver::<Barrier>(args, "Barrier", "__init__")?;
    let [Some(parties), action, timeout] = INIT.bind(rest)? else {
        return Ok(Value::None);
    };
    let less = |kind: &str| format!("'<' not supported between instances of '{kind}' and 'int'");
    let parties = timeout::number(cx, parties, less)?;
    if parties < 1.0 {
        return Err(value_error("parties must be > 0"));
    }
    let timeout = timeout::seconds(cx, timeout, refusal)?;
    let mut state = barrier.state.lock();
    state.parties = parties as i64;
    state.timeout = timeout;
    let old = std::mem::replace(&mut state.action, action.cloned().unwrap_or(Value::None));
    drop(state);
    drop(old);
    Ok(Value::None)
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let barrier = this(args, "Barrier.__repr__")?;
    let class = text::qualified_name(args.values[0].class());
    let address = text::address(&args.values[0]);
    let shown = match barrier.phase() {
        Phase::Broken => "broken".to_owned(),
        _ => {
            let parties = barrier.state.lock().parties;
            format!("waiters={}/{parties}", barrier.waiting())
        }
    };
    Ok(Value::str(format!("<{class} at {address:#x}: {shown}>")))
}

fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (barrier, rest) = receiver(args, "wait")?;
    let [timeout] = WAIT.bind(rest)?;
    let seconds = match timeout::seconds(cx, timeout, refusal)? {
        None => barrier.state.lock().timeout,
        given => given,
    };
    barrier.acquire(cx)?;
    let held = Held(barrier);
    // While those of the turn before leave, nobody may arrive.
    while matches!(barrier.phase(), Phase::Draining | Phase::Resetting) {
        barrier.wait_for_change(cx, None)?;
    }
    if barrier.phase() == Phase::Broken {
        return Err(broken_error());
    }
    let (index, parties) = {
        let mut state = barrier.state.lock();
        state.count += 1;
        (state.count - 1, state.parties)
    };
    let result = if index + 1 == parties {
        barrier.let_go(cx)
    } else {
        barrier.stay(cx, seconds.map(Deadline::after_seconds))
    };
    barrier.leave();
    drop(held);
    result.map(|()| Value::Int(index))
}

fn reset(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let barrier = this(args, "Barrier.reset")?;
    barrier.acquire(cx)?;
    let held = Held(barrier);
    let mut state = barrier.state.lock();
    state.phase = match state.phase {
        _ if state.count == 0 => Phase::Filling,
        Phase::Filling | Phase::Broken => Phase::Resetting,
        phase => phase,
    };
    drop(state);
    barrier.changed.notify_all();
    drop(held);
    Ok(Value::None)
}

fn abort(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let barrier = this(args, "Barrier.abort")?;
    barrier.acquire(cx)?;
    let held = Held(barrier);
    barrier.set_phase(Phase::Broken);
    drop(held);
    Ok(Value::None)
}

/// Gives the lock back when dropped, if this thread still has it.
struct Held<'a>(&'a Barrier);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.lock.release();
    }
}

impl Barrier {
    fn new() -> Self {
        Barrier {
            lock: ThreadLock::new(),
            changed: ThreadCondition::new(),
            state: Guarded::new(State {
                parties: 0,
                action: Value::None,
                timeout: None,
                phase: Phase::Filling,
                count: 0,
            }),
        }
    }

    fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    fn set_phase(&self, phase: Phase) {
        self.state.lock().phase = phase;
        self.changed.notify_all();
    }

    fn waiting(&self) -> i64 {
        let state = self.state.lock();
        match state.phase {
            Phase::Filling => state.count,
            _ => 0,
        }
    }

    fn acquire(&self, cx: &mut Context) -> Outcome<()> {
        loop {
            match self.lock.acquire(&cx.thread, None) {
                Ok(_) => return Ok(()),
                Err(LockError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                Err(LockError::OwnerGone(_)) => {
                    // A fork came while the action ran: the parties are not in this process.
                    if self.lock.take_over(&cx.thread) {
                        let mut state = self.state.lock();
                        state.count = 0;
                        state.phase = Phase::Filling;
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Waits with the lock released until something has changed; false if the deadline came first.
    fn wait_for_change(&self, cx: &mut Context, deadline: Option<Deadline>) -> Outcome<bool> {
        cx.note_place();
        let place = self.changed.enrol_as(&cx.thread, ReasonKind::Barrier);
        self.lock.release();
        let result = loop {
            match place.wait(&cx.thread, deadline) {
                Ok(changed) => break Ok(changed),
                Err(_) => {
                    if let Err(raised) = interrupt::at_safepoint(cx) {
                        break Err(raised);
                    }
                }
            }
        };
        drop(place);
        loop {
            match self.lock.reacquire(&cx.thread, ReasonKind::Barrier) {
                Ok(()) => return result,
                Err(LockError::OwnerGone(_)) if self.lock.take_over(&cx.thread) => return result,
                Err(LockError::OwnerGone(_)) => {}
                Err(LockError::Interrupted(_)) => {
                    // A stop: the lock is held for a few instructions, or while an action runs that
                    // is being stopped too.
                    let stop = interrupt::at_safepoint(cx);
                    let soon = Deadline::after(PATIENCE);
                    if self.lock.reacquire_until(&cx.thread, soon) {
                        return stop.and(result);
                    }
                }
            }
        }
    }

    /// The last one has arrived: runs the action and lets all go on.
    fn let_go(&self, cx: &mut Context) -> Outcome<()> {
        let action = self.state.lock().action.clone();
        if !action.is_none()
            && let Err(raised) = cx.call(&action, &[])
        {
            self.set_phase(Phase::Broken);
            return Err(raised);
        }
        self.set_phase(Phase::Draining);
        Ok(())
    }

    /// Waits for the last one.
    fn stay(&self, cx: &mut Context, deadline: Option<Deadline>) -> Outcome<()> {
        while self.phase() == Phase::Filling {
            let changed = self.wait_for_change(cx, deadline)?;
            if !changed && self.phase() == Phase::Filling {
                self.set_phase(Phase::Broken);
                return Err(broken_error());
            }
        }
        match self.phase() {
            Phase::Draining => Ok(()),
            _ => Err(broken_error()),
        }
    }

    /// Leaves; the last one makes room for the next turn.
    fn leave(&self) {
        let mut state = self.state.lock();
        state.count -= 1;
        let empty = state.count == 0 && matches!(state.phase, Phase::Draining | Phase::Resetting);
        if empty {
            state.phase = Phase::Filling;
        }
        drop(state);
        if empty {
            self.changed.notify_all();
        }
    }
}
