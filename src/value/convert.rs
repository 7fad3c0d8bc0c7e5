//! Conversion of values that are not texts to integers and floats: what `int(x)`, `float(x)` and
//! number formatting ask of a value. It must not know who asks.

use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive};

use super::exception::{overflow_error, type_error, value_error};
use super::name::known;
use super::sequence::{special, try_index};
use super::{Outcome, Value};
use crate::eval::context::Context;

/// The integer that a number stands for, cut towards zero, `Int` or `BigInt`; `None` when the
/// value is no number.
///
/// # Errors
/// `ValueError` and `OverflowError` for floats that have no integer part, or whatever the
/// value's special methods raise.
pub fn to_integer(cx: &mut Context, value: &Value) -> Outcome<Option<Value>> {
    match value {
        Value::Int(_) | Value::BigInt(_) => Ok(Some(value.clone())),
        Value::Bool(flag) => Ok(Some(Value::Int(i64::from(*flag)))),
        Value::Float(number) => truncate(*number).map(Some),
        Value::Instance(instance) => {
            if let Some(method) = special(instance, known().int) {
                let result = cx.call_found(&method, value, &[])?;
                return checked_integer("__int__", &result).map(Some);
            }
            if let Some(Value::Int(_) | Value::BigInt(_) | Value::Float(_)) = instance.wrapped() {
                return to_integer(cx, value.unwrapped());
            }
            if let Some(number) = try_index(cx, value)? {
                return Ok(Some(number));
            }
            let Some(method) = special(instance, known().trunc) else {
                return Ok(None);
            };
            let result = cx.call_found(&method, value, &[])?;
            match try_index(cx, &result)? {
                Some(number) => Ok(Some(number)),
                None => Err(type_error(format!(
                    "__trunc__ returned non-Integral (type {})",
                    result.type_name()
                ))),
            }
        }
        _ => Ok(None),
    }
}

fn checked_integer(method: &str, result: &Value) -> Outcome<Value> {
    match result.unwrapped() {
        number @ (Value::Int(_) | Value::BigInt(_)) => Ok(number.clone()),
        Value::Bool(flag) => Ok(Value::Int(i64::from(*flag))),
        _ => Err(type_error(format!(
            "{method} returned non-int (type {})",
            result.type_name()
        ))),
    }
}

/// A float cut towards zero.
///
/// # Errors
/// `ValueError` for a NaN, `OverflowError` for an infinity.
pub fn truncate(number: f64) -> Outcome<Value> {
    // Both bounds are floats; beyond them a float is an integer already.
    if (-9.2e18..9.2e18).contains(&number) {
        return Ok(Value::Int(number as i64));
    }
    match BigInt::from_f64(number.trunc()) {
        Some(whole) => Ok(Value::integer(whole)),
        None if number.is_nan() => Err(value_error("cannot convert float NaN to integer")),
        None => Err(overflow_error("cannot convert float infinity to integer")),
    }
}

/// The float that a number stands for; `None` when the value is no number.
///
/// # Errors
/// `OverflowError` for an integer beyond the floats, or whatever the value's special methods
/// raise.
pub fn to_float(cx: &mut Context, value: &Value) -> Outcome<Option<f64>> {
    match value {
        Value::Float(number) => Ok(Some(*number)),
        Value::Int(number) => Ok(Some(*number as f64)),
        Value::Bool(flag) => Ok(Some(f64::from(u8::from(*flag)))),
        Value::BigInt(number) => big_to_float(number.get()).map(Some),
        Value::Instance(instance) => {
            if let Some(method) = special(instance, known().float) {
                let result = cx.call_found(&method, value, &[])?;
                return match result.unwrapped() {
                    Value::Float(number) => Ok(Some(*number)),
                    _ => Err(type_error(format!(
                        "{}.__float__ returned non-float (type {})",
                        value.type_name(),
                        result.type_name()
                    ))),
                };
            }
            match value.unwrapped() {
                inner @ (Value::Float(_) | Value::Int(_) | Value::BigInt(_)) => to_float(cx, inner),
                _ => match try_index(cx, value)? {
                    Some(number) => to_float(cx, &number),
                    None => Ok(None),
                },
            }
        }
        _ => Ok(None),
    }
}

/// The float nearest to a large integer.
///
/// # Errors
/// `OverflowError` when there is none.
pub fn big_to_float(number: &BigInt) -> Outcome<f64> {
    nearest_float(number).ok_or_else(|| overflow_error("int too large to convert to float"))
}

/// The float nearest to an integer, of two equally near ones the even; `None` beyond the floats.
pub fn nearest_float(number: &BigInt) -> Option<f64> {
    let magnitude = number.magnitude();
    let bits = magnitude.bits();
    if bits <= 64 {
        // One rounding, by the processor.
        let float = magnitude.to_u64()? as f64;
        return Some(if number.sign() == num_bigint::Sign::Minus {
            -float
        } else {
            float
        });
    }
    if bits > 1024 {
        return None;
    }
    // The highest 64 bits decide, with the lowest of them set when anything below is.
    let shift = bits - 64;
    let high = (magnitude >> shift).to_u64()?;
    let sticky = magnitude
        .trailing_zeros()
        .is_some_and(|zeros| zeros < shift);
    let float = (high | u64::from(sticky)) as f64 * 2f64.powi(shift as i32);
    if float.is_infinite() {
        return None;
    }
    Some(if number.sign() == num_bigint::Sign::Minus {
        -float
    } else {
        float
    })
}
