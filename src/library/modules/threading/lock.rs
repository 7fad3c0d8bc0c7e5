//! `threading.Lock` and `threading.RLock`. Taking and giving back a free lock allocates nothing and
//! reads no clock.

use std::sync::OnceLock;

use super::timeout::{self, Patience};
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::arguments::{self, Signature};
use crate::library::modules::misuse;
use crate::library::{define, native_object};
use crate::runtime::clock::Deadline;
use crate::runtime::thread_lock::{GoneOwner, LockError, ThreadLock, ThreadReentrantLock};
use crate::runtime::watch;
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, Raised, runtime_error, type_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, text};

/// What a `Lock` carries.
#[derive(Default)]
pub struct Lock(pub ThreadLock);

/// What an `RLock` carries.
#[derive(Default)]
pub struct ReentrantLock(pub ThreadReentrantLock);

impl NativeData for Lock {}

impl NativeData for ReentrantLock {}

/// What both kinds of lock can do.
trait Lockable: NativeData + Default {
    /// The name of the class.
    const CLASS: &'static str;

    fn class() -> &'static Ref<Class>;
    fn try_acquire(&self, cx: &Context) -> bool;
    fn acquire(&self, cx: &Context, deadline: Option<Deadline>) -> Result<bool, LockError>;
    fn release(&self, cx: &Context) -> Outcome<()>;
}

impl Lockable for Lock {
    const CLASS: &'static str = "_thread.lock";

    fn class() -> &'static Ref<Class> {
        class()
    }

    #[inline(always)]
    fn try_acquire(&self, cx: &Context) -> bool {
        self.0.try_acquire_at(&cx.thread, cx.place())
    }

    fn acquire(&self, cx: &Context, deadline: Option<Deadline>) -> Result<bool, LockError> {
        cx.note_place();
        self.0.acquire_at(&cx.thread, deadline, cx.place())
    }

    #[inline(always)]
    fn release(&self, _: &Context) -> Outcome<()> {
        if self.0.release() {
            return Ok(());
        }
        Err(not_locked())
    }
}

impl Lockable for ReentrantLock {
    const CLASS: &'static str = "_thread.RLock";

    fn class() -> &'static Ref<Class> {
        reentrant_class()
    }

    #[inline(always)]
    fn try_acquire(&self, cx: &Context) -> bool {
        self.0.try_acquire_at(&cx.thread, cx.place())
    }

    fn acquire(&self, cx: &Context, deadline: Option<Deadline>) -> Result<bool, LockError> {
        cx.note_place();
        self.0.acquire_at(&cx.thread, deadline, cx.place())
    }

    #[inline(always)]
    fn release(&self, cx: &Context) -> Outcome<()> {
        if self.0.release(&cx.thread) {
            return Ok(());
        }
        Err(not_owned())
    }
}

#[cold]
fn not_locked() -> Raised {
    misuse::error(
        ExceptionKind::RuntimeError,
        ExceptionKind::ValueError,
        "release unlocked lock",
    )
}

/// The error of giving back a re-entrant lock that the thread does not hold.
#[cold]
fn not_owned() -> Raised {
    misuse::error(
        ExceptionKind::RuntimeError,
        ExceptionKind::AssertionError,
        "cannot release un-acquired lock",
    )
}

/// A free lock.
pub fn new() -> Value {
    native_object::instance(class(), Lock::default())
}

/// Acquires a lock that [`new`] made.
///
/// # Errors
/// What an interrupt raises.
pub fn acquire_value(cx: &mut Context, lock: &Value) -> Outcome<()> {
    match lock.as_instance().and_then(|lock| lock.native::<Lock>()) {
        Some(lock) => wait(cx, lock, None).map(drop),
        None => Ok(()),
    }
}

/// Releases it.
pub fn release_value(lock: &Value) {
    if let Some(lock) = lock.as_instance().and_then(|lock| lock.native::<Lock>()) {
        lock.0.release();
    }
}

/// The class of plain locks.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = make::<Lock>(Layout::Sealed);
        define::methods(
            &class,
            &[
                ("__repr__", repr),
                ("locked", locked),
                ("locked_lock", locked),
                ("acquire_lock", acquire::<Lock>),
                ("release_lock", release::<Lock>),
                ("_at_fork_reinit", |_, args| {
                    let (lock, _) = receiver::<Lock>(args, "_at_fork_reinit")?;
                    lock.0.reset();
                    Ok(Value::None)
                }),
            ],
        );
        class
    })
}

/// The class of re-entrant locks.
pub fn reentrant_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = make::<ReentrantLock>(Layout::Native("_thread.RLock"));
        define::methods(
            &class,
            &[
                ("__repr__", reentrant_repr),
                ("_is_owned", |cx, args| {
                    let (lock, _) = receiver::<ReentrantLock>(args, "_is_owned")?;
                    Ok(Value::Bool(lock.0.is_owned_by(&cx.thread)))
                }),
                ("_recursion_count", |cx, args| {
                    let (lock, _) = receiver::<ReentrantLock>(args, "_recursion_count")?;
                    let owned = lock.0.is_owned_by(&cx.thread);
                    Ok(Value::Int(if owned { lock.0.count() as i64 } else { 0 }))
                }),
                ("_release_save", |cx, args| {
                    let (lock, _) = receiver::<ReentrantLock>(args, "_release_save")?;
                    let count = lock.0.release_all(&cx.thread).ok_or_else(not_owned)?;
                    let owner = cx.thread.id().get() as i64;
                    Ok(Value::tuple_of([
                        Value::Int(count as i64),
                        Value::Int(owner),
                    ]))
                }),
                ("_acquire_restore", acquire_restore),
                ("_at_fork_reinit", |_, args| {
                    let (lock, _) = receiver::<ReentrantLock>(args, "_at_fork_reinit")?;
                    lock.0.reset();
                    Ok(Value::None)
                }),
            ],
        );
        class
    })
}

fn make<L: Lockable>(layout: Layout) -> Ref<Class> {
    let class = Class::builtin(L::CLASS, Some(&types().object), layout);
    define::static_methods(&class, &[("__new__", make_new::<L>)]);
    define::methods(
        &class,
        &[
            ("acquire", acquire::<L>),
            ("release", release::<L>),
            ("__enter__", enter::<L>),
            ("__exit__", exit::<L>),
        ],
    );
    class
}

#[inline(always)]
fn receiver<'a, L: Lockable>(args: Args<'a>, method: &'static str) -> Outcome<(&'a L, Args<'a>)> {
    native_object::receiver(args, L::CLASS, method)
}

fn make_new<L: Lockable>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = args.values.len().saturating_sub(1);
    if given > 0 && L::CLASS == Lock::CLASS {
        let text = format!("lock expected 0 arguments, got {given}");
        return Err(type_error(text));
    }
    native_object::new(L::class(), args, L::default())
}

const ACQUIRE: Signature<2> = Signature::new("acquire", ["blocking", "timeout"]);

fn acquire<L: Lockable>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    // What most calls need comes first, and needs no room for the rest.
    if let Some(lock) = native_object::alone::<L>(args) {
        if lock.try_acquire(cx) {
            return Ok(Value::Bool(true));
        }
        return wait_contended::<L>(cx, lock, None).map(Value::Bool);
    }
    acquire_with::<L>(cx, args)
}

#[inline(never)]
fn acquire_with<L: Lockable>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (lock, rest) = receiver::<L>(args, "acquire")?;
    let [blocking, timeout] = ACQUIRE.bind(rest)?;
    let blocking = arguments::flag(cx, blocking, true)?;
    match timeout::of_lock(cx, blocking, timeout)? {
        Patience::None => Ok(Value::Bool(lock.try_acquire(cx))),
        Patience::Until(deadline) => wait::<L>(cx, lock, deadline).map(Value::Bool),
    }
}

#[inline(always)]
fn wait<L: Lockable>(cx: &mut Context, lock: &L, deadline: Option<Deadline>) -> Outcome<bool> {
    if lock.try_acquire(cx) {
        return Ok(true);
    }
    wait_contended::<L>(cx, lock, deadline)
}

#[cold]
#[inline(never)]
fn wait_contended<L: Lockable>(
    cx: &mut Context,
    lock: &L,
    deadline: Option<Deadline>,
) -> Outcome<bool> {
    loop {
        match lock.acquire(cx, deadline) {
            Ok(acquired) => return Ok(acquired),
            Err(LockError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
            Err(LockError::OwnerGone(gone)) => return Err(owner_gone(&gone)),
        }
    }
}

/// Takes a re-entrant lock as often as `_release_save` found it taken.
fn acquire_restore(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (lock, rest) = receiver::<ReentrantLock>(args, "_acquire_restore")?;
    let state = arguments::one("RLock._acquire_restore", rest)?;
    let count = match state.unwrapped() {
        Value::Tuple(state) => match state.items() {
            [Value::Int(count), _] if *count > 0 => *count,
            _ => return Err(type_error("a state as _release_save gives it is needed")),
        },
        _ => {
            return Err(type_error(format!(
                "_acquire_restore() argument 1 must be 2-item tuple, not {}",
                state.type_name()
            )));
        }
    };
    for _ in 0..count {
        wait::<ReentrantLock>(cx, lock, None)?;
    }
    Ok(Value::None)
}

/// The error of waiting for a lock whose holder exists in another process only.
#[cold]
pub fn owner_gone(gone: &GoneOwner) -> Raised {
    let taken = match watch::place(gone.place) {
        Some(place) => format!("took it at {}:{} and ", place.file, place.line),
        None => String::new(),
    };
    runtime_error(format!(
        "the lock is held by thread `{}`, which {taken}was left behind in the parent process by fork()",
        gone.name
    ))
}

fn release<L: Lockable>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    if let Some(lock) = native_object::alone::<L>(args) {
        lock.release(cx)?;
        return Ok(Value::None);
    }
    release_with::<L>(cx, args)
}

#[inline(never)]
fn release_with<L: Lockable>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (lock, rest) = receiver::<L>(args, "release")?;
    arguments::none(
        if L::CLASS == Lock::CLASS {
            "lock.release"
        } else {
            "RLock.release"
        },
        rest,
    )?;
    lock.release(cx)?;
    Ok(Value::None)
}

fn enter<L: Lockable>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (lock, _) = receiver::<L>(args, "__enter__")?;
    wait::<L>(cx, lock, None).map(Value::Bool)
}

fn exit<L: Lockable>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (lock, _) = receiver::<L>(args, "__exit__")?;
    lock.release(cx)?;
    Ok(Value::None)
}

fn locked(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (lock, rest) = receiver::<Lock>(args, "locked")?;
    arguments::none("lock.locked", rest)?;
    Ok(Value::Bool(lock.0.is_locked()))
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (lock, _) = receiver::<Lock>(args, "__repr__")?;
    let state = if lock.0.is_locked() {
        "locked"
    } else {
        "unlocked"
    };
    let address = text::address(&args.values[0]);
    Ok(Value::str(format!(
        "<{state} _thread.lock object at {address:#x}>"
    )))
}

fn reentrant_repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (lock, _) = receiver::<ReentrantLock>(args, "__repr__")?;
    let owner = lock.0.owner().map_or(0, |owner| owner.get());
    let count = if owner == 0 { 0 } else { lock.0.count() };
    Ok(Value::str(format!(
        "<{} {} object owner={owner} count={count} at {:#x}>",
        if owner == 0 { "unlocked" } else { "locked" },
        text::qualified_name(args.values[0].class()),
        text::address(&args.values[0]),
    )))
}
