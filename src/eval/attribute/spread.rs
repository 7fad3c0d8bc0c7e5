//! `*` and `**` in calls and dict displays: what is spread, and what is said of it. It must not know
//! nodes.

use super::find;
use crate::eval::context::Context;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::{Dict, Outcome, Value};

/// What a message calls the thing that is called: `f()`.
pub(in crate::eval) fn callee_text(callee: &Value) -> String {
    match callee {
        Value::Function(function) => {
            let module = function.linked.module.name();
            format!("{module}.{}()", function.qualified_name())
        }
        Value::Native(function) => format!("{}()", function.name),
        Value::Method(method) => callee_text(&method.function),
        Value::Class(class) => format!("{}()", class.name()),
        other => format!("{} object", other.type_name()),
    }
}

/// The pairs of `**mapping` in a call; `callee` says in a message what is called.
pub(in crate::eval) fn keyword_pairs(
    cx: &mut Context,
    callee: impl FnOnce() -> String,
    mapping: &Value,
) -> Outcome<Vec<(Name, Value)>> {
    let pairs = mapping_entries(cx, mapping)?.ok_or_else(|| {
        type_error(format!(
            "{} argument after ** must be a mapping, not {}",
            callee(),
            mapping.type_name()
        ))
    })?;
    let mut named = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        match key.unwrapped().as_str() {
            Some(text) => named.push((Name::new(text), value)),
            None => return Err(type_error("keywords must be strings")),
        }
    }
    Ok(named)
}

/// `callee(*positional, **keywords)`, for native functions that call with what they were given.
///
/// # Errors
/// `TypeError` when these cannot be spread; whatever the call raises.
pub fn call_spread(
    cx: &mut Context,
    callee: &Value,
    positional: &Value,
    keywords: &Value,
) -> Outcome<Value> {
    let mut values = match positional {
        Value::Tuple(tuple) => tuple.items().to_vec(),
        other => match crate::value::iterate::try_iterate(cx, other)? {
            Some(iterator) => crate::value::iterate::collect_rest(cx, &iterator)?,
            None => {
                return Err(type_error(format!(
                    "{} argument after * must be an iterable, not {}",
                    callee_text(callee),
                    other.type_name()
                )));
            }
        },
    };
    let pairs = keyword_pairs(cx, || callee_text(callee), keywords)?;
    let mut names = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        names.push(name);
        values.push(value);
    }
    cx.call_with(
        callee,
        Args {
            values: &values,
            names: &names,
        },
    )
}

/// The entries of a mapping: a dict, or anything with `keys` and `__getitem__`; `None` for
/// anything else.
fn mapping_entries(cx: &mut Context, mapping: &Value) -> Outcome<Option<Vec<(Value, Value)>>> {
    if let Value::Dict(dict) = mapping.unwrapped() {
        return Ok(Some(dict.entries()?));
    }
    let Some(keys) = find(cx, mapping, known().keys)? else {
        return Ok(None);
    };
    let keys = cx.call(&keys, &[])?;
    let mut entries = Vec::new();
    for key in crate::value::iterate::collect(cx, &keys)? {
        let value = crate::value::sequence::get_item(cx, mapping, &key)?;
        entries.push((key, value));
    }
    Ok(Some(entries))
}

/// `**mapping` in a dict display.
pub(in crate::eval) fn update_from_mapping(
    cx: &mut Context,
    dict: &Dict,
    mapping: &Value,
) -> Outcome<()> {
    let Some(entries) = mapping_entries(cx, mapping)? else {
        return Err(type_error(format!(
            "'{}' object is not a mapping",
            mapping.type_name()
        )));
    };
    for (key, value) in entries {
        dict.set(cx, key, value)?;
    }
    Ok(())
}
