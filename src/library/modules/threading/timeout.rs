//! Timeouts as the objects of `threading` take them. It must not know what is waited for.

use super::TIMEOUT_MAX;
use crate::eval::context::Context;
use crate::runtime::clock::Deadline;
use crate::value::exception::{overflow_error, type_error, value_error};
use crate::value::{Outcome, Value, sequence};

/// How long `acquire(blocking, timeout)` of a lock may wait.
pub enum Patience {
    /// Not at all.
    None,
    /// Until then at most; for ever without a moment.
    Until(Option<Deadline>),
}

/// The arguments of `acquire` of a lock: -1 means for ever.
///
/// # Errors
/// `ValueError` for a wrong combination, `TypeError` for no number, `OverflowError`.
pub fn of_lock(cx: &mut Context, blocking: bool, timeout: Option<&Value>) -> Outcome<Patience> {
    let seconds = match timeout {
        None => -1.0,
        Some(value) => match value.unwrapped() {
            Value::Float(number) => *number,
            _ => match sequence::index_value(cx, value)? {
                Value::Int(number) => number as f64,
                _ => f64::INFINITY,
            },
        },
    };
    if seconds.is_nan() {
        return Err(value_error("Invalid value NaN (not a number)"));
    }
    if !blocking {
        if seconds != -1.0 {
            return Err(value_error(
                "can't specify a timeout for a non-blocking call",
            ));
        }
        return Ok(Patience::None);
    }
    if seconds == -1.0 {
        return Ok(Patience::Until(None));
    }
    if seconds < 0.0 {
        return Err(value_error("timeout value must be a non-negative number"));
    }
    check_size(seconds, timeout)?;
    Ok(Patience::Until(Some(Deadline::after_seconds(seconds))))
}

/// Refuses what CPython's clock cannot hold.
fn check_size(seconds: f64, value: Option<&Value>) -> Outcome<()> {
    if seconds <= TIMEOUT_MAX {
        return Ok(());
    }
    let is_float = value.is_some_and(|value| matches!(value.unwrapped(), Value::Float(_)));
    Err(overflow_error(if is_float {
        "timestamp out of range for platform time_t"
    } else {
        "timestamp too large to convert to C PyTime_t"
    }))
}

/// A number that is compared with others.
///
/// # Errors
/// `TypeError` for no number, with a text that gets the name of its class.
pub fn number(
    cx: &mut Context,
    value: &Value,
    refusal: impl FnOnce(&str) -> String,
) -> Outcome<f64> {
    Ok(match value.unwrapped() {
        Value::Float(number) => *number,
        Value::Int(number) => *number as f64,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::BigInt(_) => f64::INFINITY,
        _ => match crate::library::arguments::float(cx, value) {
            Ok(number) => number,
            Err(_) => return Err(type_error(refusal(value.type_name()))),
        },
    })
}

/// A timeout in seconds as those classes take it that CPython writes in Python: none at all for
/// `None`, and what is not positive has passed already. `comparison` is the one that fails there
/// for something else, with `0` on the right.
///
/// # Errors
/// `TypeError` for no number, `OverflowError`.
pub fn seconds(
    cx: &mut Context,
    timeout: Option<&Value>,
    refusal: impl FnOnce(&str) -> String,
) -> Outcome<Option<f64>> {
    let Some(value) = timeout.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    let seconds = number(cx, value, refusal)?;
    if seconds.is_nan() {
        // Not positive.
        return Ok(Some(0.0));
    }
    check_size(seconds, timeout)?;
    Ok(Some(seconds))
}

/// The moment at which a wait with such a timeout ends.
///
/// # Errors
/// As [`seconds`].
pub fn deadline(cx: &mut Context, timeout: Option<&Value>) -> Outcome<Option<Deadline>> {
    let refusal = |kind: &str| format!("'>' not supported between instances of '{kind}' and 'int'");
    Ok(seconds(cx, timeout, refusal)?.map(Deadline::after_seconds))
}
