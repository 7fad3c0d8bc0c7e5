//! `len`, `iter`, `next`, `sorted`, `any`, `all`, `min`, `max`.

use crate::eval::context::Context;
use crate::eval::generator::{self, Step};
use crate::eval::is_callable;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::sort;
use crate::value::exception::{stop_iteration, type_error, value_error};
use crate::value::function::Args;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare, iterate, sequence, truth};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[
    ("len", len),
    ("iter", iter),
    ("next", next),
    ("sorted", sorted),
    ("any", any),
    ("all", all),
    ("min", min),
    ("max", max),
];

fn len(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("len", args)?;
    sequence::length(cx, value).map(Value::size)
}

fn iter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    match arguments::between("iter", args, 1, 2)? {
        [callable, sentinel] => {
            if !is_callable(callable) {
                return Err(type_error("iter(v, w): v must be callable"));
            }
            Ok(iterate::call_iterator(callable.clone(), sentinel.clone()))
        }
        values => iterate::iterate(cx, &values[0]),
    }
}

fn next(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    match arguments::between("next", args, 1, 2)? {
        [iterator, default] => Ok(iterate::next(cx, iterator)?.unwrap_or_else(|| default.clone())),
        values => next_or_stop(cx, &values[0]),
    }
}

/// The next item; at the end the `StopIteration` that the iterator itself would raise.
///
/// # Errors
/// `StopIteration`, or whatever else the iterator raises.
pub fn next_or_stop(cx: &mut Context, iterator: &Value) -> Outcome<Value> {
    match iterator {
        Value::Generator(generator) => match generator::advance(cx, generator)? {
            Step::Yielded(value) => Ok(value),
            Step::Returned(value) => Err(stop_iteration(value)),
        },
        Value::Instance(instance) => {
            let method = cx.lookup(instance.class(), crate::value::name::known().next);
            match method {
                Some(method) => cx.call_found(&method, iterator, &[]),
                None => Err(type_error(format!(
                    "'{}' object is not an iterator",
                    iterator.type_name()
                ))),
            }
        }
        other => match iterate::next(cx, other)? {
            Some(item) => Ok(item),
            None => Err(stop_iteration(Value::None)),
        },
    }
}

const SORTED: Signature<2> = Signature::new("sort", ["key", "reverse"]).positional(0);

fn sorted(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let positional = Args::positional_only(args.positional());
    let [iterable] = arguments::exactly("sorted", positional)?;
    let [key, reverse] = SORTED.bind(args.rest())?;
    let mut items = iterate::collect(cx, iterable)?;
    let reverse = arguments::flag(cx, reverse, false)?;
    sort::sort(cx, &mut items, key.filter(|key| !key.is_none()), reverse)?;
    Ok(Value::list(items))
}

fn any(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let iterable = arguments::one("any", args)?;
    let found = iterate::find_map(cx, iterable, |cx, item| {
        Ok(truth::truthy(cx, &item)?.then_some(()))
    })?;
    Ok(Value::Bool(found.is_some()))
}

fn all(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let iterable = arguments::one("all", args)?;
    let found = iterate::find_map(cx, iterable, |cx, item| {
        Ok((!truth::truthy(cx, &item)?).then_some(()))
    })?;
    Ok(Value::Bool(found.is_none()))
}

fn min(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    extreme(cx, args, "min", Comparison::Less)
}

fn max(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    extreme(cx, args, "max", Comparison::Greater)
}

/// The best item so far, with its key.
struct Best<'a> {
    comparison: Comparison,
    key: Option<&'a Value>,
    found: Option<(Value, Value)>,
}

impl Best<'_> {
    #[inline]
    fn offer(&mut self, cx: &mut Context, item: Value) -> Outcome<()> {
        let key = match self.key {
            None => item.clone(),
            Some(function) => cx.call(function, std::slice::from_ref(&item))?,
        };
        let better = match &self.found {
            None => true,
            Some((_, best)) => compare::compare_bool(cx, self.comparison, &key, best)?,
        };
        if better {
            self.found = Some((item, key));
        }
        Ok(())
    }
}

fn extreme(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    comparison: Comparison,
) -> Outcome<Value> {
    let values = args.positional();
    let [key, default] = if args.names.is_empty() {
        [None, None]
    } else {
        let signature = Signature::new(function, ["key", "default"]).positional(0);
        signature.bind(Args {
            values: &args.values[values.len()..],
            names: args.names,
        })?
    };
    let mut best = Best {
        comparison,
        key: key.filter(|key| !key.is_none()),
        found: None,
    };
    match values {
        [] => {
            return Err(type_error(format!(
                "{function} expected at least 1 argument, got 0"
            )));
        }
        [iterable] => iterate::for_each(cx, iterable, |cx, item| best.offer(cx, item))?,
        values => {
            if default.is_some() {
                return Err(type_error(format!(
                    "Cannot specify a default for {function}() with multiple positional arguments"
                )));
            }
            for value in values {
                best.offer(cx, value.clone())?;
            }
        }
    }
    match (best.found, default) {
        (Some((item, _)), _) => Ok(item),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(value_error(format!(
            "{function}() iterable argument is empty"
        ))),
    }
}
