//! Which values count as true. It must not know what a condition is used for.

use super::exception::{overflow_error, type_error, value_error};
use super::name::known;
use super::{Outcome, Value};
use crate::eval::context::Context;

/// Whether a value counts as true.
///
/// # Errors
/// What the value's own `__bool__` or `__len__` raises.
#[inline]
pub fn truthy(cx: &mut Context, value: &Value) -> Outcome<bool> {
    match quick_truth(value) {
        Some(truth) => Ok(truth),
        None => truth_of_instance(cx, value),
    }
}

/// Whether a value of a built-in type counts as true; `None` for an instance of a class.
#[inline(always)]
pub fn quick_truth(value: &Value) -> Option<bool> {
    Some(match value {
        Value::Bool(truth) => *truth,
        Value::None | Value::Unbound => false,
        Value::Int(number) => *number != 0,
        Value::Float(number) => *number != 0.0,
        Value::Str(text) => !text.is_empty(),
        Value::List(list) => !list.is_empty(),
        Value::Tuple(tuple) => !tuple.items().is_empty(),
        Value::Dict(dict) => !dict.is_empty(),
        Value::Set(set) | Value::FrozenSet(set) => !set.is_empty(),
        Value::Bytes(bytes) => !bytes.get().is_empty(),
        Value::Range(range) => !range.is_empty(),
        Value::Instance(_) => return None,
        _ => true,
    })
}

#[cold]
#[inline(never)]
fn truth_of_instance(cx: &mut Context, value: &Value) -> Outcome<bool> {
    let Value::Instance(instance) = value else {
        return Ok(true);
    };
    let class = instance.class();
    let of_bool = cx.lookup(class, known().bool);
    let of_length = match of_bool {
        None => cx.lookup(class, known().len),
        Some(_) => None,
    };
    // What the language's own methods would do with the value behind it.
    if let Some(wrapped) = instance.wrapped()
        && of_bool
            .as_ref()
            .or(of_length.as_ref())
            .is_none_or(|method| instance.is_of_wrapped(method))
    {
        return truthy(cx, wrapped);
    }
    if let Some(method) = of_bool {
        let result = cx.call_found(&method, value, &[])?;
        return match result {
            Value::Bool(truth) => Ok(truth),
            other => Err(type_error(format!(
                "__bool__ should return bool, returned {}",
                other.type_name()
            ))),
        };
    }
    if let Some(method) = of_length {
        let result = cx.call_found(&method, value, &[])?;
        return match result.unwrapped() {
            Value::Int(number) if *number < 0 => Err(value_error("__len__() should return >= 0")),
            Value::Int(number) => Ok(*number != 0),
            Value::Bool(truth) => Ok(*truth),
            Value::BigInt(number) if number.get().sign() == num_bigint::Sign::Minus => {
                Err(value_error("__len__() should return >= 0"))
            }
            Value::BigInt(_) => Err(overflow_error(
                "cannot fit 'int' into an index-sized integer",
            )),
            _ => Err(type_error(format!(
                "'{}' object cannot be interpreted as an integer",
                result.type_name()
            ))),
        };
    }
    Ok(true)
}
