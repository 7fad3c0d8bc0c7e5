//! How long an operation may block, as scripts say it. It must not know the operations.

use crate::eval::context::Context;
use crate::library::arguments;
use crate::runtime::clock::Deadline;
use crate::runtime::shared_wait::Until;
use crate::value::{Outcome, Value};

/// From an optional number of seconds: `None` is for ever, nothing left is not at all.
///
/// # Errors
/// `TypeError` for what is no number.
pub fn until(cx: &mut Context, timeout: Option<&Value>) -> Outcome<Until> {
    Ok(match seconds(cx, timeout)? {
        None => Until::Forever,
        Some(seconds) if seconds > 0.0 => Until::Deadline(Deadline::after_seconds(seconds)),
        Some(_) => Until::Now,
    })
}

/// The same with a flag that says whether to block at all.
///
/// # Errors
/// `TypeError` for what is no number, or what the truth of the flag raises.
#[inline]
pub fn until_if(
    cx: &mut Context,
    block: Option<&Value>,
    timeout: Option<&Value>,
) -> Outcome<Until> {
    if block.is_none() && timeout.is_none() {
        return Ok(Until::Forever);
    }
    if !arguments::flag(cx, block, true)? {
        return Ok(Until::Now);
    }
    until(cx, timeout)
}

/// An optional deadline.
///
/// # Errors
/// `TypeError` for what is no number.
pub fn deadline(cx: &mut Context, timeout: Option<&Value>) -> Outcome<Option<Deadline>> {
    Ok(seconds(cx, timeout)?.map(Deadline::after_seconds))
}

fn seconds(cx: &mut Context, timeout: Option<&Value>) -> Outcome<Option<f64>> {
    match timeout {
        None | Some(Value::None) => Ok(None),
        Some(value) => arguments::float(cx, value).map(Some),
    }
}
