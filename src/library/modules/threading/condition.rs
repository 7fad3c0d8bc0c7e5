//! `threading.Condition`, with a lock of `threading`, or with anything that can be acquired and
//! released.

use std::sync::OnceLock;
use std::time::Duration;

use super::lock::{Lock, ReentrantLock, owner_gone, reentrant_class};
use super::timeout;
use crate::eval::context::Context;
use crate::eval::{attribute, interrupt};
use crate::library::modules::misuse;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::blocking::ReasonKind;
use crate::runtime::clock::Deadline;
use crate::runtime::thread_condition::{Place, ThreadCondition};
use crate::runtime::thread_lock::LockError;
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, Raised, attribute_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, text, truth};

struct Condition {
    /// `Unbound` until `__init__` was called.
    lock: Guarded<Value>,
    waiters: ThreadCondition,
}

impl NativeData for Condition {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.lock.lock());
    }

    fn clear(&self) {
        let lock = self.lock.lock().take();
        drop(lock);
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let object = &types().object;
        let class = Class::builtin("Condition", Some(object), Layout::Native("Condition"));
        class.set(known().module, Value::str("threading"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                let data = Condition {
                    lock: Guarded::new(Value::Unbound),
                    waiters: ThreadCondition::new(),
                };
                native_object::new(self::class(), args, data)
            })],
        );
        define::getters(
            &class,
            &[("_lock", |_, args| {
                let (condition, _) = receiver(args, "_lock")?;
                condition.lock(args)
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("__repr__", repr),
                ("__enter__", |cx, args| forward(cx, args, "__enter__")),
                ("__exit__", |cx, args| forward(cx, args, "__exit__")),
                ("acquire", |cx, args| forward(cx, args, "acquire")),
                ("release", |cx, args| forward(cx, args, "release")),
                ("_is_owned", |cx, args| {
                    let (condition, _) = receiver(args, "_is_owned")?;
                    let lock = condition.lock(args)?;
                    is_owned(cx, &lock).map(Value::Bool)
                }),
                ("_release_save", |cx, args| {
                    let (condition, _) = receiver(args, "_release_save")?;
                    let lock = condition.lock(args)?;
                    match attribute::find(cx, &lock, Name::new("_release_save"))? {
                        Some(own) => cx.call(&own, &[]),
                        None => cx.call_method(&lock, "release", &[]),
                    }
                }),
                ("_acquire_restore", |cx, args| {
                    let (condition, rest) = receiver(args, "_acquire_restore")?;
                    let lock = condition.lock(args)?;
                    match attribute::find(cx, &lock, Name::new("_acquire_restore"))? {
                        Some(own) => cx.call_with(&own, rest),
                        None => cx.call_method(&lock, "acquire", &[]),
                    }
                }),
                ("_at_fork_reinit", |cx, args| {
                    let (condition, _) = receiver(args, "_at_fork_reinit")?;
                    let lock = condition.lock(args)?;
                    cx.call_method(&lock, "_at_fork_reinit", &[])
                }),
                ("wait", wait),
                ("wait_for", wait_for),
                ("notify", notify),
                ("notify_all", notify_all),
                ("notifyAll", notify_all),
            ],
        );
        class
    })
}

#[inline(always)]
fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Condition, Args<'a>)> {
    native_object::receiver(args, "Condition", method)
}

impl Condition {
    fn lock(&self, args: Args<'_>) -> Outcome<Value> {
        let lock = self.lock.lock().clone();
        if lock.is_unbound() {
            return Err(attribute_error(format!(
                "'{}' object has no attribute '_lock'",
                args.values[0].type_name()
            )));
        }
        Ok(lock)
    }
}

const INIT: Parameters<1> = Parameters::method("Condition.__init__", ["lock"]);
const WAIT: Parameters<1> = Parameters::method("Condition.wait", ["timeout"]);
const WAIT_FOR: Parameters<2> =
    Parameters::method("Condition.wait_for", ["predicate", "timeout"]).required(1);
const NOTIFY: Parameters<1> = Parameters::method("Condition.notify", ["n"]);
const NOTIFY_ALL: Parameters<0> = Parameters::method("Condition.notify_all", []);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (condition, rest) = receiver(args, "__init__")?;
    let [lock] = INIT.bind(rest)?;
    let lock = match lock.filter(|lock| !lock.is_none()) {
        Some(lock) => {
            // Whatever can be acquired and released will do.
            attribute::get(cx, lock, Name::new("acquire"))?;
            attribute::get(cx, lock, Name::new("release"))?;
            lock.clone()
        }
        None => native_object::instance(reentrant_class(), ReentrantLock::default()),
    };
    let old = std::mem::replace(&mut *condition.lock.lock(), lock);
    drop(old);
    Ok(Value::None)
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (condition, _) = receiver(args, "__repr__")?;
    let lock = condition.lock(args)?;
    let lock = text::to_str(cx, &lock)?;
    let count = condition.waiters.count();
    Ok(Value::str(format!("<Condition({lock}, {count})>")))
}

/// Calls the lock's method of this name with the same arguments.
fn forward(cx: &mut Context, args: Args<'_>, method: &'static str) -> Outcome<Value> {
    let (condition, rest) = receiver(args, method)?;
    let lock = condition.lock(args)?;
    let method = attribute::get(cx, &lock, Name::new(method))?;
    cx.call_with(&method, rest)
}

fn native<T: NativeData>(lock: &Value) -> Option<&T> {
    lock.as_instance()?.native()
}

fn is_owned(cx: &mut Context, lock: &Value) -> Outcome<bool> {
    if let Some(lock) = native::<ReentrantLock>(lock) {
        return Ok(lock.0.is_owned_by(&cx.thread));
    }
    if let Some(lock) = native::<Lock>(lock) {
        // Whoever holds it: a plain lock belongs to nobody.
        return Ok(lock.0.is_locked());
    }
    if let Some(own) = attribute::find(cx, lock, Name::new("_is_owned"))? {
        let owned = cx.call(&own, &[])?;
        return truth::truthy(cx, &owned);
    }
    let acquired = cx.call_method(lock, "acquire", &[Value::Bool(false)])?;
    if truth::truthy(cx, &acquired)? {
        cx.call_method(lock, "release", &[])?;
        return Ok(false);
    }
    Ok(true)
}

fn check_owned(cx: &mut Context, lock: &Value, message: &str) -> Outcome<()> {
    if is_owned(cx, lock)? {
        return Ok(());
    }
    Err(not_owned(message))
}

#[cold]
fn not_owned(message: &str) -> Raised {
    misuse::error(
        ExceptionKind::RuntimeError,
        ExceptionKind::AssertionError,
        message,
    )
}

/// How a lock was held before it was released for a wait.
enum Saved {
    Plain,
    Times(u64),
    /// What a lock's own method gave.
    Other(Value),
}

fn release(cx: &mut Context, lock: &Value) -> Outcome<Saved> {
    if let Some(lock) = native::<ReentrantLock>(lock) {
        return Ok(Saved::Times(lock.0.release_all(&cx.thread).unwrap_or(1)));
    }
    if let Some(lock) = native::<Lock>(lock) {
        lock.0.release();
        return Ok(Saved::Plain);
    }
    if let Some(own) = attribute::find(cx, lock, Name::new("_release_save"))? {
        return Ok(Saved::Other(cx.call(&own, &[])?));
    }
    cx.call_method(lock, "release", &[])?;
    Ok(Saved::Plain)
}

/// How long a thread that is being stopped tries to get the lock back, which the `with` around it
/// gives back: those who hold it are being stopped too.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes the lock again as it was held, whatever is pending.
fn acquire_again(cx: &mut Context, lock: &Value, saved: Saved) -> Outcome<()> {
    let failure = match (native::<ReentrantLock>(lock), native::<Lock>(lock), saved) {
        (Some(lock), _, Saved::Times(count)) => match lock.0.restore(&cx.thread, count) {
            Ok(()) => return Ok(()),
            Err(error) => {
                let until = Deadline::after(PATIENCE);
                if matches!(error, LockError::Interrupted(_)) {
                    lock.0.restore_until(&cx.thread, count, until);
                }
                error
            }
        },
        (_, Some(lock), _) => match lock.0.reacquire(&cx.thread, ReasonKind::Lock) {
            Ok(()) => return Ok(()),
            Err(error) => {
                let until = Deadline::after(PATIENCE);
                if matches!(error, LockError::Interrupted(_)) {
                    lock.0.reacquire_until(&cx.thread, until);
                }
                error
            }
        },
        (_, _, Saved::Other(state)) => {
            return cx.call_method(lock, "_acquire_restore", &[state]).map(drop);
        }
        _ => return cx.call_method(lock, "acquire", &[]).map(drop),
    };
    match failure {
        // Nothing but a stop ends that wait.
        LockError::Interrupted(_) => interrupt::at_safepoint(cx),
        LockError::OwnerGone(gone) => Err(owner_gone(&gone)),
    }
}

/// Waits to be notified with the lock released; false if the deadline came first.
fn wait_until(
    cx: &mut Context,
    condition: &Condition,
    lock: &Value,
    deadline: Option<Deadline>,
) -> Outcome<bool> {
    cx.note_place();
    let place = condition.waiters.enrol(&cx.thread);
    let saved = release(cx, lock)?;
    let result = wait_at(cx, &place, deadline);
    if result.is_err() && place.is_notified() {
        // The notification was meant for somebody who goes on.
        condition.waiters.notify(1);
    }
    drop(place);
    acquire_again(cx, lock, saved)?;
    result
}

fn wait_at(cx: &mut Context, place: &Place<'_>, deadline: Option<Deadline>) -> Outcome<bool> {
    loop {
        match place.wait(&cx.thread, deadline) {
            Ok(notified) => return Ok(notified),
            Err(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (condition, rest) = receiver(args, "wait")?;
    let [timeout] = WAIT.bind(rest)?;
    let lock = condition.lock(args)?;
    check_owned(cx, &lock, "cannot wait on un-acquired lock")?;
    let deadline = timeout::deadline(cx, timeout)?;
    wait_until(cx, condition, &lock, deadline).map(Value::Bool)
}

fn wait_for(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (condition, rest) = receiver(args, "wait_for")?;
    let [Some(predicate), timeout] = WAIT_FOR.bind(rest)? else {
        return Ok(Value::None);
    };
    let lock = condition.lock(args)?;
    let refusal = |kind: &str| format!("unsupported operand type(s) for +: 'float' and '{kind}'");
    let mut result = cx.call(predicate, &[])?;
    if truth::truthy(cx, &result)? {
        return Ok(result);
    }
    let deadline = timeout::seconds(cx, timeout, refusal)?.map(Deadline::after_seconds);
    loop {
        check_owned(cx, &lock, "cannot wait on un-acquired lock")?;
        wait_until(cx, condition, &lock, deadline)?;
        result = cx.call(predicate, &[])?;
        if truth::truthy(cx, &result)? || deadline.is_some_and(Deadline::has_passed) {
            return Ok(result);
        }
    }
}

fn notify(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (condition, rest) = receiver(args, "notify")?;
    let [count] = NOTIFY.bind(rest)?;
    let lock = condition.lock(args)?;
    check_owned(cx, &lock, "cannot notify on un-acquired lock")?;
    if condition.waiters.count() == 0 {
        // Nobody looks at the number.
        return Ok(Value::None);
    }
    let refusal = |kind: &str| format!("'>' not supported between instances of '{kind}' and 'int'");
    let count = match count {
        Some(count) => timeout::number(cx, count, refusal)?.ceil(),
        None => 1.0,
    };
    if count > 0.0 {
        // The cast saturates.
        condition.waiters.notify(count as usize);
    }
    Ok(Value::None)
}

fn notify_all(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (condition, rest) = receiver(args, "notify_all")?;
    let [] = NOTIFY_ALL.bind(rest)?;
    let lock = condition.lock(args)?;
    check_owned(cx, &lock, "cannot notify on un-acquired lock")?;
    condition.waiters.notify_all();
    Ok(Value::None)
}
