//! `concurrent.futures.Executor`: what all executors have, `map` and `with`. It must not know how any
//! of them runs tasks.

use std::sync::OnceLock;

use super::future;
use crate::eval::context::Context;
use crate::library::define;
use crate::library::native_object;
use crate::library::parameters::Parameters;
use crate::runtime::clock::Deadline;
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, type_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate};

/// What an executor object carries that is none of the library's own.
struct Abstract;

impl NativeData for Abstract {}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Executor");
        class.set(known().module, Value::str("concurrent.futures._base"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(self::class(), args, Abstract)
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("submit", submit),
                ("map", map),
                ("shutdown", shutdown),
                ("__enter__", enter),
                ("__exit__", exit),
            ],
        );
        class
    })
}

fn init(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::method("Executor.__init__", []).bind(args.rest())?;
    Ok(Value::None)
}

fn submit(_: &mut Context, _: Args<'_>) -> Outcome<Value> {
    Err(Raised::with_args(
        ExceptionKind::NotImplementedError,
        Vec::new(),
    ))
}

fn shutdown(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    SHUTDOWN.bind(args.rest())?;
    Ok(Value::None)
}

const SHUTDOWN: Parameters<2> =
    Parameters::method("Executor.shutdown", ["wait", "cancel_futures"]).positional(1);

fn enter(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(args.values.first().cloned().unwrap_or_default())
}

fn exit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = args.values.first().cloned().unwrap_or_default();
    let shutdown = crate::eval::attribute::get(cx, &own, Name::new("shutdown"))?;
    cx.call_with(
        &shutdown,
        Args {
            values: &[Value::Bool(true)],
            names: &[Name::new("wait")],
        },
    )?;
    Ok(Value::Bool(false))
}

/// What `submit` and `map` take: a function, and arguments for it.
///
/// # Errors
/// `TypeError` when there is no function.
pub fn function_and_arguments<'a>(
    method: &'static str,
    args: Args<'a>,
) -> Outcome<(&'a Value, Args<'a>)> {
    match args.positional().split_first() {
        Some((function, _)) => Ok((function, args.rest())),
        None => Err(type_error(format!(
            "{method}() missing 1 required positional argument: 'fn'"
        ))),
    }
}

/// The arguments of a lazy map.
pub struct MapCall<'a> {
    /// What is called.
    pub function: &'a Value,
    /// Whose items are its arguments.
    pub iterables: &'a [Value],
    /// Until when the results have to be there.
    pub deadline: Option<Deadline>,
    /// How many calls make a task.
    pub chunk: Option<&'a Value>,
}

/// Takes the arguments of `map` apart.
///
/// # Errors
/// `TypeError`.
pub fn map_call<'a>(
    cx: &mut Context,
    method: &'static str,
    args: Args<'a>,
) -> Outcome<MapCall<'a>> {
    let positional = args.positional();
    let keywords = Args {
        values: &args.values[positional.len()..],
        names: args.names,
    };
    let [function, timeout, chunk] = match positional.split_first() {
        Some((function, _)) => {
            let [_, timeout, chunk] = Parameters::method(method, ["", "timeout", "chunksize"])
                .positional(0)
                .bind(keywords)?;
            [Some(function), timeout, chunk]
        }
        None => Parameters::method(method, ["fn", "timeout", "chunksize"])
            .required(1)
            .positional(1)
            .bind(keywords)?,
    };
    let deadline = future::deadline(cx, timeout)?;
    Ok(MapCall {
        function: function.unwrap_or(&Value::None),
        iterables: positional.get(1..).unwrap_or_default(),
        deadline,
        chunk,
    })
}

fn map(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = args.values.first().cloned().unwrap_or_default();
    let call = map_call(cx, "Executor.map", args.rest())?;
    // An executor derived in a script has a `submit` of its own.
    let submit = crate::eval::attribute::get(cx, &own, Name::new("submit"))?;
    let mut iterators = Vec::with_capacity(call.iterables.len());
    for iterable in call.iterables {
        iterators.push(iterate::iterate(cx, iterable)?);
    }
    let mut futures = Vec::new();
    // Each call is submitted as soon as its arguments are there.
    'calls: while !iterators.is_empty() {
        let mut values = Vec::with_capacity(iterators.len() + 1);
        values.push(call.function.clone());
        for iterator in &iterators {
            match iterate::next(cx, iterator)? {
                Some(item) => values.push(item),
                None => break 'calls,
            }
        }
        futures.push(cx.call(&submit, &values)?);
    }
    Ok(results(futures, call.deadline, false))
}

/// The iterator over the results of futures, in their order. `in_chunks` says that each has a list
/// of results.
pub fn results(futures: Vec<Value>, deadline: Option<Deadline>, in_chunks: bool) -> Value {
    let mut futures = futures;
    futures.reverse();
    NativeIterator::value(Results {
        deadline,
        in_chunks,
        state: Guarded::new(Left {
            futures,
            items: Vec::new(),
            begun: false,
        }),
    })
}

/// The results of a lazy map. What is left when it ends early is cancelled.
struct Results {
    deadline: Option<Deadline>,
    in_chunks: bool,
    state: Guarded<Left>,
}

struct Left {
    /// The next one last.
    futures: Vec<Value>,
    /// Of a chunk that was asked for, the next one last.
    items: Vec<Value>,
    begun: bool,
}

impl Iterate for Results {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        loop {
            let future = {
                let mut state = self.state.lock();
                state.begun = true;
                if let Some(item) = state.items.pop() {
                    return Ok(Some(item));
                }
                state.futures.pop()
            };
            let Some(future) = future else {
                return Ok(None);
            };
            match self.result(cx, &future) {
                Ok(Value::List(items)) if self.in_chunks => {
                    let mut items = items.snapshot();
                    items.reverse();
                    self.state.lock().items = items;
                }
                Ok(value) => return Ok(Some(value)),
                Err(raised) => {
                    // One that is late is still under way.
                    cancel(cx, &future)?;
                    self.end(cx)?;
                    return Err(raised);
                }
            }
        }
    }

    fn type_name(&self) -> &'static str {
        "generator"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let state = self.state.lock();
        state.futures.iter().chain(&state.items).for_each(visit);
    }
}

fn cancel(cx: &mut Context, value: &Value) -> Outcome<()> {
    match future::of(value) {
        Some(future) => future.cancel(cx, value).map(drop),
        None => cx.call_method(value, "cancel", &[]).map(drop),
    }
}

impl Results {
    fn result(&self, cx: &mut Context, value: &Value) -> Outcome<Value> {
        match future::of(value) {
            Some(future) => future.result(cx, self.deadline),
            None => cx.call_method(value, "result", &[]),
        }
    }

    /// Cancels what is left, after an error that is all there is to see of this map.
    fn end(&self, cx: &mut Context) -> Outcome<()> {
        let left = std::mem::take(&mut self.state.lock().futures);
        for value in left {
            cancel(cx, &value)?;
            if let Some(future) = future::of(&value) {
                future.disregard();
            }
        }
        Ok(())
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        for value in &state.futures {
            if let Some(future) = future::of(value) {
                // One that never ran is no map's: `executor.map(f, items)` alone runs all.
                if state.begun {
                    future.cancel_unseen(value);
                    future.disregard();
                }
            }
        }
    }
}
