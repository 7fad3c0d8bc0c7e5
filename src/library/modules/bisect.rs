//! `bisect`: places in sorted sequences. It must not know how sequences keep their items.

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::value::exception::value_error;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare, sequence};

const FUNCTIONS: Entries<'_> = &[
    ("bisect_left", |cx, args| {
        Ok(Value::size(
            find(cx, args, &signature("bisect_left"), true, true)?.0,
        ))
    }),
    ("bisect_right", |cx, args| {
        Ok(Value::size(
            find(cx, args, &signature("bisect_right"), false, true)?.0,
        ))
    }),
    ("bisect", |cx, args| {
        Ok(Value::size(
            find(cx, args, &signature("bisect_right"), false, true)?.0,
        ))
    }),
    ("insort_left", |cx, args| {
        insert(cx, args, "insort_left", true)
    }),
    ("insort_right", |cx, args| {
        insert(cx, args, "insort_right", false)
    }),
    ("insort", |cx, args| insert(cx, args, "insort_right", false)),
];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions("bisect", FUNCTIONS))
}

fn signature(function: &'static str) -> Signature<5> {
    Signature::new(function, ["a", "x", "lo", "hi", "key"])
        .required(2)
        .positional(4)
}

/// The place of an item, with the sequence and the item.
fn find(
    cx: &mut Context,
    args: Args<'_>,
    signature: &Signature<5>,
    left: bool,
    is_key: bool,
) -> Outcome<(usize, Value, Value)> {
    let [list, item, low, high, key] = signature.bind(args)?;
    let (list, item) = (
        list.cloned().unwrap_or_default(),
        item.cloned().unwrap_or_default(),
    );
    let key = key.filter(|key| !key.is_none());
    let low = match low {
        Some(low) => arguments::integer(cx, low)?,
        None => 0,
    };
    let Ok(mut low) = usize::try_from(low) else {
        return Err(value_error("lo must be non-negative"));
    };
    let mut high = match high.filter(|high| !high.is_none()) {
        Some(high) => usize::try_from(arguments::integer(cx, high)?).unwrap_or(0),
        None => sequence::length(cx, &list)?,
    };
    let wanted = match key {
        Some(key) if !is_key => cx.call(key, std::slice::from_ref(&item))?,
        _ => item.clone(),
    };
    while low < high {
        let middle = low + (high - low) / 2;
        let mut found = sequence::get_item(cx, &list, &Value::size(middle))?;
        if let Some(key) = key {
            found = cx.call(key, std::slice::from_ref(&found))?;
        }
        let goes_right = if left {
            compare::compare_bool(cx, Comparison::Less, &found, &wanted)?
        } else {
            !compare::compare_bool(cx, Comparison::Less, &wanted, &found)?
        };
        if goes_right {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok((low, list, item))
}

fn insert(cx: &mut Context, args: Args<'_>, function: &'static str, left: bool) -> Outcome<Value> {
    let (place, list, item) = find(cx, args, &signature(function), left, false)?;
    let method = crate::eval::attribute::get(cx, &list, Name::new("insert"))?;
    cx.call(&method, &[Value::size(place), item])?;
    Ok(Value::None)
}
