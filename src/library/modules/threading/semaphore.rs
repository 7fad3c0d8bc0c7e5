//! `threading.Semaphore` and `threading.BoundedSemaphore`.

use std::sync::OnceLock;

use super::timeout;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::modules::misuse;
use crate::library::parameters::Parameters;
use crate::library::{arguments, define, native_object};
use crate::runtime::clock::Deadline;
use crate::runtime::thread_semaphore::{MOST_UNITS, ThreadSemaphore};
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, attribute_error, overflow_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, text};

/// What a semaphore carries, once `__init__` was called.
#[derive(Default)]
struct Semaphore(OnceLock<Units>);

struct Units {
    units: ThreadSemaphore,
    /// How many there were at first.
    initial: u32,
}

impl NativeData for Semaphore {}

/// `Semaphore`.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = named("Semaphore", &types().object);
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(self::class(), args, Semaphore::default())
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("__repr__", |_, args| repr(args, false)),
                ("acquire", acquire),
                ("__enter__", acquire),
                ("release", |cx, args| release(cx, args, false)),
                ("__exit__", |cx, args| exit(cx, args, false)),
            ],
        );
        define::getters(
            &class,
            &[("_value", |_, args| {
                let (semaphore, _) = receiver(args, "_value")?;
                Ok(Value::Int(i64::from(semaphore.units.units())))
            })],
        );
        class
    })
}

/// `BoundedSemaphore`.
pub fn bounded_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = named("BoundedSemaphore", class());
        define::methods(
            &class,
            &[
                ("__repr__", |_, args| repr(args, true)),
                ("release", |cx, args| release(cx, args, true)),
                ("__exit__", |cx, args| exit(cx, args, true)),
            ],
        );
        define::getters(
            &class,
            &[("_initial_value", |_, args| {
                let (semaphore, _) = receiver(args, "_initial_value")?;
                Ok(Value::Int(i64::from(semaphore.initial)))
            })],
        );
        class
    })
}

fn named(name: &str, base: &Ref<Class>) -> Ref<Class> {
    let class = Class::builtin(name, Some(base), Layout::Native("Semaphore"));
    class.set(known().module, Value::str("threading"));
    class
}

#[inline(always)]
fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Units, Args<'a>)> {
    let (semaphore, rest) = native_object::receiver::<Semaphore>(args, "Semaphore", method)?;
    match semaphore.0.get() {
        Some(units) => Ok((units, rest)),
        None => Err(attribute_error(format!(
            "'{}' object has no attribute '_cond'",
            args.values[0].type_name()
        ))),
    }
}

const INIT: Parameters<1> = Parameters::method("Semaphore.__init__", ["value"]);
const ACQUIRE: Parameters<2> = Parameters::method("Semaphore.acquire", ["blocking", "timeout"]);
const RELEASE: Parameters<1> = Parameters::method("Semaphore.release", ["n"]);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (semaphore, rest) = native_object::receiver::<Semaphore>(args, "Semaphore", "__init__")?;
    let [value] = INIT.bind(rest)?;
    let refusal = |kind: &str| format!("'<' not supported between instances of '{kind}' and 'int'");
    let value = match value {
        Some(value) => timeout::number(cx, value, refusal)?,
        None => 1.0,
    };
    if value < 0.0 {
        return Err(value_error("semaphore initial value must be >= 0"));
    }
    if value > f64::from(MOST_UNITS) {
        return Err(overflow_error("semaphore initial value is too large"));
    }
    let initial = value as u32;
    // A second call changes nothing: others may wait already.
    let _ = semaphore.0.set(Units {
        units: ThreadSemaphore::new(initial),
        initial,
    });
    Ok(Value::None)
}

fn repr(args: Args<'_>, bounded: bool) -> Outcome<Value> {
    let (semaphore, _) = receiver(args, "__repr__")?;
    let class = text::qualified_name(args.values[0].class());
    let address = text::address(&args.values[0]);
    let units = semaphore.units.units();
    let limit = if bounded {
        format!("/{}", semaphore.initial)
    } else {
        String::new()
    };
    Ok(Value::str(format!(
        "<{class} at {address:#x}: value={units}{limit}>"
    )))
}

fn acquire(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (semaphore, rest) = receiver(args, "acquire")?;
    let [blocking, timeout] = ACQUIRE.bind(rest)?;
    let blocking = arguments::flag(cx, blocking, true)?;
    if !blocking && timeout.is_some_and(|timeout| !timeout.is_none()) {
        return Err(value_error(
            "can't specify timeout for non-blocking acquire",
        ));
    }
    if semaphore.units.try_acquire() {
        return Ok(Value::Bool(true));
    }
    if !blocking {
        return Ok(Value::Bool(false));
    }
    let refusal = |kind: &str| format!("unsupported operand type(s) for +: 'float' and '{kind}'");
    let deadline = timeout::seconds(cx, timeout, refusal)?.map(Deadline::after_seconds);
    cx.note_place();
    loop {
        match semaphore.units.acquire(&cx.thread, deadline) {
            Ok(acquired) => return Ok(Value::Bool(acquired)),
            Err(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

fn release(cx: &mut Context, args: Args<'_>, bounded: bool) -> Outcome<Value> {
    let (semaphore, rest) = receiver(args, "release")?;
    let [count] = RELEASE.bind(rest)?;
    let refusal = |kind: &str| format!("'<' not supported between instances of '{kind}' and 'int'");
    let count = match count {
        Some(count) => timeout::number(cx, count, refusal)?,
        None => 1.0,
    };
    if count < 1.0 {
        return Err(value_error("n must be one or more"));
    }
    // The cast saturates.
    give_back(semaphore, count as u32, bounded)
}

fn exit(_: &mut Context, args: Args<'_>, bounded: bool) -> Outcome<Value> {
    let (semaphore, _) = receiver(args, "__exit__")?;
    give_back(semaphore, 1, bounded)
}

fn give_back(semaphore: &Units, count: u32, bounded: bool) -> Outcome<Value> {
    let most = if bounded {
        semaphore.initial
    } else {
        MOST_UNITS
    };
    if semaphore.units.release(count, most) {
        return Ok(Value::None);
    }
    if bounded {
        return Err(misuse::error(
            ExceptionKind::ValueError,
            ExceptionKind::RuntimeError,
            "Semaphore released too many times",
        ));
    }
    Err(overflow_error("semaphore value is too large"))
}
