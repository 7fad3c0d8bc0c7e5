//! `_collections`: the parts of `collections` that must be one step each: `deque`, and what its
//! dicts need. The rest of `collections` is written in conc.

pub mod deque;
mod deque_methods;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, wrong_type};
use crate::library::define::Entries;
use crate::value::exception::key_error;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::operator::BinaryOperator;
use crate::value::{Dict, Outcome, Value, arithmetic, iterate};

const FUNCTIONS: Entries<'_> = &[
    ("move_to_end", move_to_end),
    ("pop_first", pop_first),
    ("count_elements", count_elements),
];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_collections", FUNCTIONS);
    module.set(Name::new("deque"), Value::Class(deque::class().clone()));
    Ok(module)
}

fn dict<'a>(value: &'a Value, function: &str) -> Outcome<&'a Ref<Dict>> {
    match value.unwrapped() {
        Value::Dict(dict) => Ok(dict),
        _ => Err(wrong_type(value, &format!("{function}() argument"), "dict")),
    }
}

/// Moves a key to the end of a dict, or to its start.
fn move_to_end(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [mapping, key, last] = arguments::exactly("move_to_end", args)?;
    let dict = dict(mapping, "move_to_end")?;
    let last = arguments::truth(cx, last)?;
    if dict.move_to_end(cx, key, last)? {
        return Ok(Value::None);
    }
    Err(key_error(key.clone()))
}

/// Takes the first entry of a dict out; `None` when there is none.
fn pop_first(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let dict = dict(arguments::one("pop_first", args)?, "pop_first")?;
    Ok(match dict.pop_first() {
        Some((key, value)) => Value::tuple_of([key, value]),
        None => Value::None,
    })
}

/// Adds one to the count of each item.
fn count_elements(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [counts, items] = arguments::exactly("count_elements", args)?;
    let dict = dict(counts, "count_elements")?.clone();
    iterate::for_each(cx, items, |cx, item| {
        let count = match dict.get(cx, &item)? {
            Some(Value::Int(count)) => Value::Int(count + 1),
            Some(count) => arithmetic::binary(cx, BinaryOperator::Add, &count, &Value::Int(1))?,
            None => Value::Int(1),
        };
        dict.set(cx, item, count)
    })?;
    Ok(Value::None)
}
