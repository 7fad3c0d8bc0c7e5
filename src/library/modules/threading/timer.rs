//! `threading.Timer`: a thread that calls a function after a while, unless it is cancelled.

use std::sync::OnceLock;

use super::{event, thread};
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::define;
use crate::library::parameters::Parameters;
use crate::value::class::{Class, Layout};
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, truth};

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin("Timer", Some(thread::class()), Layout::Native("Thread"));
        class.set(known().module, Value::str("threading"));
        define::methods(
            &class,
            &[("__init__", init), ("cancel", cancel), ("run", run)],
        );
        class
    })
}

const INIT: Parameters<4> =
    Parameters::method("Timer.__init__", ["interval", "function", "args", "kwargs"]).required(2);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some(receiver @ Value::Instance(instance)) = args.values.first() else {
        return Ok(Value::None);
    };
    let [Some(interval), Some(function), positional, keywords] = INIT.bind(args.rest())? else {
        return Ok(Value::None);
    };
    let none = Value::tuple(Vec::new());
    thread::initialise(cx, receiver, Value::None, None, none, None, None)?;
    let given = |value: Option<&Value>| value.filter(|value| !value.is_none()).cloned();
    let finished = cx.call(&Value::Class(event::class().clone()), &[])?;
    for (name, value) in [
        ("interval", interval.clone()),
        ("function", function.clone()),
        (
            "args",
            given(positional).unwrap_or_else(|| Value::list(Vec::new())),
        ),
        (
            "kwargs",
            given(keywords).unwrap_or_else(|| Value::Dict(Ref::new(Dict::new()))),
        ),
        ("finished", finished),
    ] {
        instance.set(Name::new(name), value);
    }
    Ok(Value::None)
}

fn part(cx: &mut Context, receiver: &Value, name: &str) -> Outcome<Value> {
    attribute::get(cx, receiver, Name::new(name))
}

fn cancel(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::method("Timer.cancel", []).bind(args.rest())?;
    let finished = part(cx, &args.values[0], "finished")?;
    cx.call_method(&finished, "set", &[])?;
    Ok(Value::None)
}

fn run(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let receiver = &args.values[0];
    let [] = Parameters::method("Timer.run", []).bind(args.rest())?;
    let finished = part(cx, receiver, "finished")?;
    let interval = part(cx, receiver, "interval")?;
    let cancelled = cx.call_method(&finished, "wait", &[interval])?;
    if !truth::truthy(cx, &cancelled)? {
        let function = part(cx, receiver, "function")?;
        let positional = part(cx, receiver, "args")?;
        let keywords = part(cx, receiver, "kwargs")?;
        let result = attribute::call_spread(cx, &function, &positional, &keywords)?;
        if let Some(data) = thread::data_of(receiver) {
            data.set_result(result);
        }
    }
    cx.call_method(&finished, "set", &[])?;
    Ok(Value::None)
}
