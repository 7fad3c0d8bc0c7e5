//! `multiprocessing.Lock`, `RLock`, `Semaphore` and `BoundedSemaphore`.

use std::sync::OnceLock;

use super::child::shared;
use super::state::processes;
use super::waiting::until_if;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::place;
use crate::library::arguments::{self, Receiver, Signature, receiver};
use crate::library::exceptions::os_error;
use crate::library::methods::construct::class_argument;
use crate::library::modules::misuse;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::shared_lock::{
    LockStyle, OnOwnerDeath, OwnerDied, ReleaseError, SharedLock, SharedLockError,
};
use crate::runtime::shared_semaphore::SharedSemaphore;
use crate::runtime::shared_wait::Until;
use crate::runtime::slot;
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, Raised, runtime_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// What a lock object carries.
pub struct LockObject {
    /// The lock.
    pub lock: SharedLock,
}

/// What a semaphore object carries.
pub struct SemaphoreObject {
    semaphore: SharedSemaphore,
}

impl NativeData for LockObject {}

impl NativeData for SemaphoreObject {}

impl Receiver for LockObject {
    const CLASS: &'static str = "Lock";

    #[inline]
    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

impl Receiver for SemaphoreObject {
    const CLASS: &'static str = "Semaphore";

    #[inline]
    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// The classes of locks.
pub struct Classes {
    /// `multiprocessing.Lock`.
    pub lock: Ref<Class>,
    /// `multiprocessing.RLock`.
    pub rlock: Ref<Class>,
    /// `multiprocessing.Semaphore`.
    pub semaphore: Ref<Class>,
    /// `multiprocessing.BoundedSemaphore`.
    pub bounded: Ref<Class>,
}

/// The classes of locks.
pub fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let make = |name: &str, base: &Ref<Class>| {
            let class = Class::builtin(name, Some(base), Layout::Native("SemLock"));
            class.set(known().module, Value::str("multiprocessing.synchronize"));
            class
        };
        let base = make("SemLock", &types().object);
        let lock = make("Lock", &base);
        let rlock = make("RLock", &base);
        for class in [&lock, &rlock] {
            define::methods(
                class,
                &[
                    ("acquire", acquire),
                    ("release", release),
                    ("__enter__", enter),
                    ("__exit__", exit),
                    ("locked", locked),
                    ("__repr__", repr),
                ],
            );
        }
        define::static_methods(&lock, &[("__new__", new_lock)]);
        define::static_methods(&rlock, &[("__new__", new_rlock)]);
        let semaphore = make("Semaphore", &base);
        let bounded = make("BoundedSemaphore", &semaphore);
        define::methods(
            &semaphore,
            &[
                ("acquire", acquire_semaphore),
                ("release", release_semaphore),
                ("__enter__", enter_semaphore),
                ("__exit__", exit_semaphore),
                ("get_value", get_value),
                ("locked", locked_semaphore),
                ("__repr__", repr_semaphore),
            ],
        );
        define::static_methods(&semaphore, &[("__new__", new_semaphore)]);
        define::static_methods(&bounded, &[("__new__", new_bounded)]);
        Classes {
            lock,
            rlock,
            semaphore,
            bounded,
        }
    })
}

fn new_lock(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, args) = class_argument(&classes().lock, args)?;
    make_lock(class, args, LockStyle::Plain)
}

fn new_rlock(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, args) = class_argument(&classes().rlock, args)?;
    make_lock(class, args, LockStyle::Reentrant)
}

fn make_lock(class: &Ref<Class>, args: Args<'_>, style: LockStyle) -> Outcome<Value> {
    const NEW: [Parameters<2>; 2] = [
        Parameters::method("BaseContext.Lock", ["on_owner_death", "ctx"]).positional(0),
        Parameters::method("BaseContext.RLock", ["on_owner_death", "ctx"]).positional(0),
    ];
    let [policy, _] = NEW[usize::from(style == LockStyle::Reentrant)].bind(args)?;
    let policy = match policy.map(Value::as_str) {
        None | Some(Some("error")) => OnOwnerDeath::Error,
        Some(Some("release")) => OnOwnerDeath::Release,
        Some(_) => {
            return Err(value_error("on_owner_death must be 'error' or 'release'"));
        }
    };
    let lock = SharedLock::new(style, policy);
    lock_value(class, shared(lock)?)
}

fn lock_value(class: &Ref<Class>, lock: SharedLock) -> Outcome<Value> {
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(LockObject { lock })),
    )))
}

/// A re-entrant lock object, as values and conditions have one of their own.
///
/// # Errors
/// `MemoryError`.
pub fn new_reentrant() -> Outcome<Value> {
    make_lock(
        &classes().rlock,
        Args::positional_only(&[]),
        LockStyle::Reentrant,
    )
}

/// Acquires a lock, serving interrupts.
///
/// # Errors
/// What an interrupt raises, or that the lock's holder died.
#[inline]
pub fn acquire_until(cx: &mut Context, lock: &SharedLock, until: Until) -> Outcome<bool> {
    // What most calls need comes first, and needs no room for the rest.
    if lock.acquire_if_free(&cx.thread, cx.place()) {
        return Ok(true);
    }
    acquire_held(cx, lock, until)
}

#[inline(never)]
fn acquire_held(cx: &mut Context, lock: &SharedLock, until: Until) -> Outcome<bool> {
    let place = cx.place();
    cx.thread.note_place(place);
    loop {
        match lock.acquire_held(&cx.thread, until, place) {
            Ok(acquired) => return Ok(acquired),
            Err(SharedLockError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
            Err(SharedLockError::OwnerDied(died)) => return Err(owner_died(&died)),
        }
    }
}

/// The error of the next one to acquire a lock whose holder died.
#[cold]
pub fn owner_died(died: &OwnerDied) -> Raised {
    let who = match (&died.name, died.pid) {
        (Some(name), Some(pid)) => format!("process '{name}' (pid {pid})"),
        (Some(name), None) => format!("process '{name}'"),
        _ => "a process".to_owned(),
    };
    let place = match place::find(died.place) {
        Some(place) => format!(
            "; it had acquired it at {}:{}: {}",
            place.file(),
            place.line,
            place.text()
        ),
        None => String::new(),
    };
    runtime_error(format!("the lock was held by {who}, which died{place}"))
}

fn acquire(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    if let Some(object) = native_object::alone::<LockObject>(args) {
        return acquire_until(cx, &object.lock, Until::Forever).map(Value::Bool);
    }
    acquire_with(cx, args)
}

#[inline(never)]
fn acquire_with(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const ACQUIRE: Signature<2> = Signature::new("acquire", ["block", "timeout"]);
    let (object, rest) = receiver::<LockObject>(args, "acquire")?;
    let [block, timeout] = ACQUIRE.bind(rest)?;
    let until = until_if(cx, block, timeout)?;
    acquire_until(cx, &object.lock, until).map(Value::Bool)
}

fn enter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, _) = receiver::<LockObject>(args, "__enter__")?;
    acquire_until(cx, &object.lock, Until::Forever).map(Value::Bool)
}

fn release(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    if let Some(object) = native_object::alone::<LockObject>(args) {
        return release_lock(cx, &object.lock);
    }
    release_with(cx, args)
}

#[inline(never)]
fn release_with(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, rest) = receiver::<LockObject>(args, "release")?;
    arguments::none("SemLock.release", rest)?;
    release_lock(cx, &object.lock)
}

fn exit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, _) = receiver::<LockObject>(args, "__exit__")?;
    release_lock(cx, &object.lock)
}

#[inline]
fn release_lock(cx: &mut Context, lock: &SharedLock) -> Outcome<Value> {
    match lock.release(&cx.thread) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(not_released(error)),
    }
}

#[cold]
fn not_released(error: ReleaseError) -> Raised {
    match error {
        ReleaseError::NotHeld => misuse::error(
            ExceptionKind::ValueError,
            ExceptionKind::RuntimeError,
            "semaphore or lock released too many times",
        ),
        ReleaseError::NotOwner => misuse::error(
            ExceptionKind::AssertionError,
            ExceptionKind::RuntimeError,
            "attempt to release recursive lock not owned by thread",
        ),
    }
}

fn locked(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, rest) = receiver::<LockObject>(args, "locked")?;
    arguments::none("Lock.locked", rest)?;
    Ok(Value::Bool(object.lock.is_locked()))
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, _) = receiver::<LockObject>(args, "__repr__")?;
    let class = args.values[0].type_name();
    let (owner, count) = owner_text(cx, &object.lock);
    Ok(Value::str(match object.lock.style() {
        LockStyle::Plain => format!("<{class}(owner={owner})>"),
        LockStyle::Reentrant => format!("<{class}({owner}, {count})>"),
    }))
}

fn owner_text(cx: &mut Context, lock: &SharedLock) -> (String, String) {
    let Some(owner) = lock.owner() else {
        return ("None".to_owned(), "0".to_owned());
    };
    if lock.is_held_by(&cx.thread) {
        let current = processes(cx).current();
        let mut name = super::process::ProcessObject::of(&current)
            .map(super::process::ProcessObject::name)
            .unwrap_or_default();
        if !cx.thread.is_main() {
            name = format!("{name}|{}", cx.thread.name());
        }
        return (name, owner.count.to_string());
    }
    let here = owner.process.is_some() && owner.process == slot::current();
    let holder = match here {
        true => "SomeOtherThread",
        false => "SomeOtherProcess",
    };
    (holder.to_owned(), "nonzero".to_owned())
}

fn new_semaphore(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, args) = class_argument(&classes().semaphore, args)?;
    make_semaphore(cx, class, args, false)
}

fn new_bounded(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, args) = class_argument(&classes().bounded, args)?;
    make_semaphore(cx, class, args, true)
}

fn make_semaphore(
    cx: &mut Context,
    class: &Ref<Class>,
    args: Args<'_>,
    bounded: bool,
) -> Outcome<Value> {
    const NEW: [Parameters<2>; 2] = [
        Parameters::method("BaseContext.Semaphore", ["value", "ctx"]).positional(1),
        Parameters::method("BaseContext.BoundedSemaphore", ["value", "ctx"]).positional(1),
    ];
    let [value, _] = NEW[usize::from(bounded)].bind(args)?;
    let value = match value {
        Some(value) => arguments::integer32(cx, value)?,
        None => 1,
    };
    let Ok(value) = u64::try_from(value) else {
        return Err(os_error(libc::EINVAL, None));
    };
    let semaphore = SharedSemaphore::new(value, bounded);
    let semaphore = shared(semaphore)?;
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(SemaphoreObject { semaphore })),
    )))
}

impl SemaphoreObject {
    fn acquire(&self, cx: &mut Context, until: Until, owned: bool) -> Outcome<Value> {
        cx.note_place();
        loop {
            match self.semaphore.acquire(&cx.thread, until, owned) {
                Ok(acquired) => return Ok(Value::Bool(acquired)),
                Err(_) => interrupt::at_safepoint(cx)?,
            }
        }
    }
}

fn acquire_semaphore(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const ACQUIRE: Signature<2> = Signature::new("acquire", ["block", "timeout"]);
    let (object, rest) = receiver::<SemaphoreObject>(args, "acquire")?;
    let [block, timeout] = ACQUIRE.bind(rest)?;
    let until = until_if(cx, block, timeout)?;
    object.acquire(cx, until, false)
}

fn enter_semaphore(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, _) = receiver::<SemaphoreObject>(args, "__enter__")?;
    object.acquire(cx, Until::Forever, true)
}

fn released(
    result: Result<(), crate::runtime::shared_semaphore::ReleasedTooOften>,
) -> Outcome<Value> {
    match result {
        Ok(()) => Ok(Value::None),
        Err(_) => Err(not_released(ReleaseError::NotHeld)),
    }
}

fn release_semaphore(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, rest) = receiver::<SemaphoreObject>(args, "release")?;
    arguments::none("SemLock.release", rest)?;
    released(object.semaphore.release(1))
}

fn exit_semaphore(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, _) = receiver::<SemaphoreObject>(args, "__exit__")?;
    released(object.semaphore.release_owned(&cx.thread))
}

fn get_value(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, rest) = receiver::<SemaphoreObject>(args, "get_value")?;
    arguments::none("Semaphore.get_value", rest)?;
    Ok(Value::Int(object.semaphore.value() as i64))
}

fn locked_semaphore(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, rest) = receiver::<SemaphoreObject>(args, "locked")?;
    arguments::none("Semaphore.locked", rest)?;
    Ok(Value::Bool(object.semaphore.value() == 0))
}

fn repr_semaphore(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, _) = receiver::<SemaphoreObject>(args, "__repr__")?;
    let class = args.values[0].type_name();
    let value = object.semaphore.value();
    Ok(Value::str(match object.semaphore.most() {
        Some(most) => format!("<{class}(value={value}, maxvalue={most})>"),
        None => format!("<{class}(value={value})>"),
    }))
}
