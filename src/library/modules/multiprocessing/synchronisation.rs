//! `multiprocessing.Event`, `Condition` and `Barrier`.

use std::sync::OnceLock;

use super::child::shared;
use super::errors::from_arena;
use super::locks::{self, LockObject, acquire_until, owner_died};
use super::waiting::{deadline, until};
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::methods::construct::class_argument;
use crate::library::modules::misuse;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::shared_barrier::{Arrival, BarrierError, SharedBarrier};
use crate::runtime::shared_condition::{ConditionError, SharedCondition};
use crate::runtime::shared_event::SharedEvent;
use crate::runtime::shared_wait::Until;
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, runtime_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text, truth};

/// What an event object carries.
pub struct EventObject {
    event: SharedEvent,
}

/// What a condition object carries.
pub struct ConditionObject {
    condition: SharedCondition,
    lock: Value,
}

/// What a barrier object carries.
pub struct BarrierObject {
    barrier: SharedBarrier,
    action: Value,
    timeout: Value,
}

impl NativeData for EventObject {}

impl NativeData for ConditionObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.lock);
    }
}

impl NativeData for BarrierObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.action);
        visit(&self.timeout);
    }
}

macro_rules! receivers {
    ($($kind:ty: $class:literal),* $(,)?) => {$(
        impl Receiver for $kind {
            const CLASS: &'static str = $class;

            fn of(value: &Value) -> Option<&Self> {
                value.as_instance()?.native::<Self>()
            }
        }
    )*};
}

receivers! {
    EventObject: "Event",
    ConditionObject: "Condition",
    BarrierObject: "Barrier",
}

/// The classes.
pub struct Classes {
    /// `multiprocessing.Event`.
    pub event: Ref<Class>,
    /// `multiprocessing.Condition`.
    pub condition: Ref<Class>,
    /// `multiprocessing.Barrier`.
    pub barrier: Ref<Class>,
}

/// The classes.
pub fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let make = |name: &'static str| {
            let class = Class::native(name);
            class.set(known().module, Value::str("multiprocessing.synchronize"));
            class
        };
        let event = make("Event");
        define::static_methods(&event, &[("__new__", new_event)]);
        define::methods(
            &event,
            &[
                ("is_set", is_set),
                ("set", set),
                ("clear", clear),
                ("wait", wait_event),
                ("__repr__", repr_event),
            ],
        );
        let condition = make("Condition");
        define::static_methods(&condition, &[("__new__", new_condition)]);
        define::methods(
            &condition,
            &[
                ("acquire", acquire),
                ("release", release),
                ("__enter__", enter),
                ("__exit__", exit),
                ("wait", wait_condition),
                ("wait_for", wait_for),
                ("notify", notify),
                ("notify_all", notify_all),
                ("__repr__", repr_condition),
            ],
        );
        let barrier = make("Barrier");
        define::static_methods(&barrier, &[("__new__", new_barrier)]);
        define::methods(
            &barrier,
            &[
                ("wait", wait_barrier),
                ("reset", |_, args| {
                    barrier_call(args, "reset", SharedBarrier::reset)
                }),
                ("abort", |_, args| {
                    barrier_call(args, "abort", SharedBarrier::abort)
                }),
                ("__repr__", repr_barrier),
            ],
        );
        define::properties(
            &barrier,
            &[
                ("parties", |_, args| {
                    Ok(Value::size(
                        this::<BarrierObject>(args, "parties")?.barrier.parties(),
                    ))
                }),
                ("n_waiting", |_, args| {
                    Ok(Value::size(
                        this::<BarrierObject>(args, "n_waiting")?.barrier.waiters(),
                    ))
                }),
                ("broken", |_, args| {
                    let barrier = this::<BarrierObject>(args, "broken")?;
                    Ok(Value::Bool(barrier.barrier.is_broken()))
                }),
            ],
        );
        Classes {
            event,
            condition,
            barrier,
        }
    })
}

fn this<'a, T: Receiver>(args: Args<'a>, method: &'static str) -> Outcome<&'a T> {
    Ok(receiver::<T>(args, method)?.0)
}

/// The receiver of a method without arguments; `name` as in messages.
fn alone<'a, T: Receiver>(
    args: Args<'a>,
    method: &'static str,
    name: &'static str,
) -> Outcome<&'a T> {
    let (object, rest) = receiver::<T>(args, method)?;
    let [] = Parameters::method(name, []).bind(rest)?;
    Ok(object)
}

// ---- event ----

fn new_event(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NEW: Parameters<1> = Parameters::method("BaseContext.Event", ["ctx"]).positional(0);
    let (class, args) = class_argument(&classes().event, args)?;
    NEW.bind(args)?;
    let event = shared(SharedEvent::new())?;
    Ok(native_object::instance(class, EventObject { event }))
}

fn is_set(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object: &EventObject = alone(args, "is_set", "Event.is_set")?;
    Ok(Value::Bool(object.event.is_set()))
}

fn set(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    alone::<EventObject>(args, "set", "Event.set")?.event.set();
    Ok(Value::None)
}

fn clear(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    alone::<EventObject>(args, "clear", "Event.clear")?
        .event
        .clear();
    Ok(Value::None)
}

fn wait_event(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const WAIT: Parameters<1> = Parameters::method("Event.wait", ["timeout"]);
    let (object, rest) = receiver::<EventObject>(args, "wait")?;
    let [timeout] = WAIT.bind(rest)?;
    let until = until(cx, timeout)?;
    cx.note_place();
    loop {
        match object.event.wait(&cx.thread, until) {
            Ok(set) => return Ok(Value::Bool(set)),
            Err(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

fn repr_event(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object: &EventObject = this(args, "__repr__")?;
    let state = if object.event.is_set() {
        "set"
    } else {
        "unset"
    };
    Ok(Value::str(format!(
        "<{} at {:#x} {state}>",
        args.values[0].type_name(),
        text::address(&args.values[0])
    )))
}

// ---- condition ----

fn new_condition(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NEW: Parameters<2> =
        Parameters::method("BaseContext.Condition", ["lock", "ctx"]).positional(1);
    let (class, args) = class_argument(&classes().condition, args)?;
    let [lock, _] = NEW.bind(args)?;
    let lock = match lock {
        None | Some(Value::None) => locks::new_reentrant()?,
        Some(lock) => lock.clone(),
    };
    let Some(own) = LockObject::of(&lock) else {
        return Err(crate::value::exception::type_error(format!(
            "a condition of processes needs a lock of processes, not '{}'",
            lock.type_name()
        )));
    };
    let condition = shared(SharedCondition::new(own.lock.clone()))?;
    Ok(native_object::instance(
        class,
        ConditionObject { condition, lock },
    ))
}

fn acquire(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object: &ConditionObject = this(args, "acquire")?;
    let method = crate::eval::attribute::get(cx, &object.lock, Name::new("acquire"))?;
    cx.call_with(&method, args.rest())
}

fn release(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object: &ConditionObject = this(args, "release")?;
    let lock = object.lock.clone();
    cx.call_method(&lock, "release", &[])
}

fn enter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object: &ConditionObject = this(args, "__enter__")?;
    acquire_until(cx, object.condition.lock(), Until::Forever).map(Value::Bool)
}

fn exit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    release(cx, args)
}

/// Waits for a notice; `Ok(false)` if none came in time.
fn wait_until(cx: &mut Context, object: &ConditionObject, until: Until) -> Outcome<bool> {
    cx.note_place();
    let thread = cx.thread.clone();
    let mut raised = None;
    // As in CPython, handlers run while the lock is given up.
    let outcome = object.condition.wait_through(&thread, until, &mut |_| {
        raised = interrupt::at_safepoint(cx).err();
        raised.is_none()
    });
    if let Some(raised) = raised {
        return Err(raised);
    }
    match outcome {
        Ok(notified) => Ok(notified),
        Err(ConditionError::NotOwner) => {
            Err(not_owned("must acquire() condition before using wait()"))
        }
        Err(ConditionError::Interrupted(_) | ConditionError::Stopped(_)) => {
            interrupt::at_safepoint(cx)?;
            Ok(false)
        }
        Err(ConditionError::OwnerDied(died)) => Err(owner_died(&died)),
        Err(ConditionError::TooManyWaiters) => Err(runtime_error("too many wait for a condition")),
    }
}

#[cold]
fn not_owned(message: &str) -> Raised {
    misuse::error(
        ExceptionKind::AssertionError,
        ExceptionKind::RuntimeError,
        message,
    )
}

fn wait_condition(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const WAIT: Parameters<1> = Parameters::method("Condition.wait", ["timeout"]);
    let (object, rest) = receiver::<ConditionObject>(args, "wait")?;
    let [timeout] = WAIT.bind(rest)?;
    let until = until(cx, timeout)?;
    wait_until(cx, object, until).map(Value::Bool)
}

fn wait_for(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const WAIT: Parameters<2> =
        Parameters::method("Condition.wait_for", ["predicate", "timeout"]).required(1);
    let (object, rest) = receiver::<ConditionObject>(args, "wait_for")?;
    let [predicate, timeout] = WAIT.bind(rest)?;
    let predicate = predicate.cloned().unwrap_or_default();
    let deadline = deadline(cx, timeout)?;
    loop {
        let result = cx.call(&predicate, &[])?;
        if truth::truthy(cx, &result)? || deadline.is_some_and(|end| end.has_passed()) {
            return Ok(result);
        }
        wait_until(cx, object, Until::deadline(deadline))?;
    }
}

fn notify(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NOTIFY: Parameters<1> = Parameters::method("Condition.notify", ["n"]);
    let (object, rest) = receiver::<ConditionObject>(args, "notify")?;
    let [count] = NOTIFY.bind(rest)?;
    let count = match count {
        Some(count) => usize::try_from(arguments::integer(cx, count)?).unwrap_or(0),
        None => 1,
    };
    notified(object.condition.notify(&cx.thread, count))
}

fn notify_all(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object: &ConditionObject = alone(args, "notify_all", "Condition.notify_all")?;
    notified(object.condition.notify_all(&cx.thread))
}

fn notified(result: Result<(), ConditionError>) -> Outcome<Value> {
    match result {
        Ok(()) => Ok(Value::None),
        Err(_) => Err(not_owned("lock is not owned")),
    }
}

fn repr_condition(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object: &ConditionObject = this(args, "__repr__")?;
    let class = args.values[0].type_name();
    let lock = text::repr(cx, &object.lock)?;
    let waiters = object.condition.waiters();
    Ok(Value::str(format!("<{class}({lock}, {waiters})>")))
}

// ---- barrier ----

fn new_barrier(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NEW: Parameters<4> = Parameters::method(
        "BaseContext.Barrier",
        ["parties", "action", "timeout", "ctx"],
    )
    .required(1)
    .positional(3);
    let (class, args) = class_argument(&classes().barrier, args)?;
    let [parties, action, timeout, _] = NEW.bind(args)?;
    let parties = arguments::integer(cx, parties.unwrap_or(&Value::None))?;
    if parties < 1 {
        return Err(value_error("parties must be > 0"));
    }
    let barrier = match SharedBarrier::new(usize::try_from(parties).unwrap_or(usize::MAX)) {
        Ok(Some(barrier)) => barrier,
        Ok(None) => return Err(value_error("parties must be at most 240")),
        Err(error) => return Err(from_arena(error)),
    };
    Ok(native_object::instance(
        class,
        BarrierObject {
            barrier,
            action: action.cloned().unwrap_or_default(),
            timeout: timeout.cloned().unwrap_or_default(),
        },
    ))
}

fn wait_barrier(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const WAIT: Parameters<1> = Parameters::method("Barrier.wait", ["timeout"]);
    let (object, rest) = receiver::<BarrierObject>(args, "wait")?;
    let [timeout] = WAIT.bind(rest)?;
    let timeout = timeout
        .filter(|timeout| !timeout.is_none())
        .unwrap_or(&object.timeout);
    let until = until(cx, Some(timeout))?;
    cx.note_place();
    let thread = cx.thread.clone();
    let mut raised = None;
    let outcome = object.barrier.wait_through(&thread, until, &mut |_| {
        raised = interrupt::at_safepoint(cx).err();
        raised.is_none()
    });
    match outcome {
        Ok(Arrival::Released(index)) => Ok(Value::size(index)),
        Ok(Arrival::Last(index)) => {
            let done = match &object.action {
                Value::None => Ok(Value::None),
                action => cx.call(action, &[]),
            };
            object.barrier.open(done.is_ok());
            done.map(|_| Value::size(index))
        }
        Err(BarrierError::Broken) => Err(broken(cx)),
        Err(BarrierError::TooManyWaiters) => Err(runtime_error("too many wait at a barrier")),
        Err(BarrierError::Interrupted(_)) => {
            // Who leaves will not come back: the others need not wait for it.
            object.barrier.abort();
            match raised {
                Some(raised) => Err(raised),
                None => Err(broken(cx)),
            }
        }
    }
}

/// `threading.BrokenBarrierError`, which is the error of both kinds of barrier.
#[cold]
fn broken(cx: &mut Context) -> Raised {
    let module = match crate::eval::import::module(cx, Name::new("threading")) {
        Ok(module) => module,
        Err(raised) => return raised,
    };
    match module.get(Name::new("BrokenBarrierError")) {
        Some(Value::Class(class)) => super::errors::raise(&class, None),
        _ => runtime_error(""),
    }
}

fn barrier_call(args: Args<'_>, method: &'static str, call: fn(&SharedBarrier)) -> Outcome<Value> {
    let (object, rest) = receiver::<BarrierObject>(args, method)?;
    let [] = Parameters::method("Barrier.reset", []).bind(rest)?;
    call(&object.barrier);
    Ok(Value::None)
}

fn repr_barrier(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object: &BarrierObject = this(args, "__repr__")?;
    let class = text::qualified_name(args.values[0].class());
    let place = text::address(&args.values[0]);
    let barrier = &object.barrier;
    Ok(Value::str(match barrier.is_broken() {
        true => format!("<{class} at {place:#x}: broken>"),
        false => format!(
            "<{class} at {place:#x}: waiters={}/{}>",
            barrier.waiters(),
            barrier.parties()
        ),
    }))
}
