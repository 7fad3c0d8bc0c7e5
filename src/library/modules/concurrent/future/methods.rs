//! The class `concurrent.futures.Future` and its methods. It must not know who runs a task, nor how a future is waited
//! for.

use std::sync::OnceLock;

use super::super::errors::{errors, raise, timed_out};
use super::super::log;
use super::{FutureObject, Phase, run_callback, run_callbacks};
use crate::eval::context::Context;
use crate::library::methods::construct::class_getitem;
use crate::library::modules::threading::timeout;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::clock::Deadline;
use crate::value::class::Class;
use crate::value::exception::runtime_error;
use crate::value::function::Args;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text};

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Future");
        class.set(known().module, Value::str("concurrent.futures._base"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(self::class(), args, FutureObject::new())
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("__repr__", repr),
                ("cancel", cancel),
                ("cancelled", cancelled),
                ("running", running),
                ("done", done),
                ("add_done_callback", add_done_callback),
                ("result", result),
                ("exception", exception),
                ("set_running_or_notify_cancel", set_running),
                ("set_result", set_result),
                ("set_exception", set_exception),
            ],
        );
        define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
        define::internals(
            &class,
            &[
                ("_state", |_, args| {
                    let (future, _) = receiver(args, "_state")?;
                    Ok(Value::str(future.known_phase().name()))
                }),
                ("_result", |_, args| {
                    let (future, _) = receiver(args, "_result")?;
                    Ok(future.state.lock().value.clone())
                }),
                ("_exception", |_, args| {
                    let (future, _) = receiver(args, "_exception")?;
                    future.observe();
                    Ok(future.state.lock().error.clone())
                }),
            ],
        );
        class
    })
}

fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a FutureObject, Args<'a>)> {
    native_object::receiver(args, "Future", method)
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a FutureObject> {
    let (future, rest) = receiver(args, method)?;
    let [] = Parameters::method(method, []).bind(rest)?;
    Ok(future)
}

fn init(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this(args, "Future.__init__")?;
    Ok(Value::None)
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let future = this(args, "Future.__repr__")?;
    let own = &args.values[0];
    let phase = future.phase(cx)?;
    let (value, error) = {
        let state = future.state.lock();
        (state.value.clone(), state.error.clone())
    };
    let end = match (phase, &error) {
        (Phase::Finished, Value::None) => format!(" returned {}", short_name(&value)),
        (Phase::Finished, error) => format!(" raised {}", short_name(error)),
        _ => String::new(),
    };
    Ok(Value::str(format!(
        "<{} at {:#x} state={}{end}>",
        short_name(own),
        text::address(own),
        phase.shown()
    )))
}

fn short_name(value: &Value) -> &'static str {
    value.class().name().as_str()
}

fn cancel(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let future = this(args, "Future.cancel")?;
    future.cancel(cx, &args.values[0]).map(Value::Bool)
}

fn cancelled(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let future = this(args, "Future.cancelled")?;
    Ok(Value::Bool(future.known_phase().is_cancelled()))
}

fn running(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let future = this(args, "Future.running")?;
    Ok(Value::Bool(future.phase(cx)? == Phase::Running))
}

fn done(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let future = this(args, "Future.done")?;
    Ok(Value::Bool(future.phase(cx)?.is_over()))
}

fn add_done_callback(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const ADD: Parameters<1> = Parameters::method("Future.add_done_callback", ["fn"]).required(1);
    let (future, rest) = receiver(args, "add_done_callback")?;
    let [callback] = ADD.bind(rest)?;
    let callback = callback.cloned().unwrap_or_default();
    let is_over = {
        let mut state = future.state.lock();
        let is_over = state.phase.is_over();
        if !is_over {
            state.callbacks.push(callback.clone());
        }
        is_over
    };
    if is_over {
        run_callback(cx, &args.values[0], &callback)?;
    } else if let Some(source) = future.source() {
        source.run_by_itself(cx)?;
    }
    Ok(Value::None)
}

/// A deadline from `timeout`, as CPython's waits take it: `None` is for ever.
///
/// # Errors
/// `TypeError` for what is no number.
pub fn deadline(cx: &mut Context, seconds: Option<&Value>) -> Outcome<Option<Deadline>> {
    let refusal = |kind: &str| format!("'>' not supported between instances of '{kind}' and 'int'");
    Ok(timeout::seconds(cx, seconds, refusal)?.map(Deadline::after_seconds))
}

/// The deadline of a wait for a future. Of one that is over, `timeout` is not looked at.
fn deadline_unless_over(
    cx: &mut Context,
    future: &FutureObject,
    timeout: Option<&Value>,
) -> Outcome<Option<Deadline>> {
    match future.is_over() {
        true => Ok(None),
        false => deadline(cx, timeout),
    }
}

fn result(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const RESULT: Parameters<1> = Parameters::method("Future.result", ["timeout"]);
    let (future, rest) = receiver(args, "result")?;
    let [timeout] = RESULT.bind(rest)?;
    let deadline = deadline_unless_over(cx, future, timeout)?;
    future.result(cx, deadline)
}

fn exception(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const EXCEPTION: Parameters<1> = Parameters::method("Future.exception", ["timeout"]);
    let (future, rest) = receiver(args, "exception")?;
    let [timeout] = EXCEPTION.bind(rest)?;
    let deadline = deadline_unless_over(cx, future, timeout)?;
    if !future.wait(cx, deadline)? {
        return Err(timed_out(""));
    }
    Ok(match future.outcome()? {
        Ok(_) => Value::None,
        Err(error) => error,
    })
}

fn set_running(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let future = this(args, "Future.set_running_or_notify_cancel")?;
    let own = &args.values[0];
    match future.begin(own) {
        Ok(begun) => Ok(Value::Bool(begun)),
        Err(phase) => {
            let phase = phase.name();
            let message = format!("Future {} in unexpected state: {phase}", text::address(own));
            log::line(cx, &message)?;
            Err(runtime_error("Future in unexpected state"))
        }
    }
}

fn end_by_hand(
    cx: &mut Context,
    future: &FutureObject,
    own: &Value,
    value: Value,
    error: Value,
) -> Outcome<Value> {
    match future.finish(own, value, error) {
        Some(callbacks) => {
            run_callbacks(cx, own, callbacks)?;
            Ok(Value::None)
        }
        None => {
            let shown = text::repr(cx, own)?;
            let phase = future.known_phase().name();
            Err(raise(&errors().invalid_state, &format!("{phase}: {shown}")))
        }
    }
}

fn set_result(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SET: Parameters<1> = Parameters::method("Future.set_result", ["result"]).required(1);
    let (future, rest) = receiver(args, "set_result")?;
    let [value] = SET.bind(rest)?;
    let value = value.cloned().unwrap_or_default();
    end_by_hand(cx, future, &args.values[0], value, Value::None)
}

fn set_exception(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SET: Parameters<1> =
        Parameters::method("Future.set_exception", ["exception"]).required(1);
    let (future, rest) = receiver(args, "set_exception")?;
    let [error] = SET.bind(rest)?;
    let error = error.cloned().unwrap_or_default();
    end_by_hand(cx, future, &args.values[0], Value::None, error)
}
