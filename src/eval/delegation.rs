//! `yield from`: what is sent to or thrown into a generator goes to the iterator that it delegates to.
//! It must not know how the generator itself is suspended.

use super::attribute;
use super::context::Context;
use super::fiber::{Sent, suspend};
use super::generator::{Resume, Step, advance, close, resume};
use super::handle::chain_thrown;
use crate::value::exception::{ExceptionKind, Raised, type_error};
use crate::value::name::known;
use crate::value::{Outcome, Value, iterate};

/// `yield from value`, in the body of a generator.
pub(super) fn yield_from(cx: &mut Context, value: Value) -> Outcome<Value> {
    let iterator = iterate::iterate(cx, &value)?;
    drop(value);
    let held = cx.held();
    // SAFETY: neither moved nor dropped until it is let go of.
    unsafe { cx.hold(&iterator) };
    let result = delegate(cx, &iterator);
    cx.let_go(held);
    result
}

fn delegate(cx: &mut Context, iterator: &Value) -> Outcome<Value> {
    let mut sent: Sent = Ok(Value::None);
    loop {
        let was_thrown = sent.is_err();
        match delegate_once(cx, iterator, sent) {
            Ok(Step::Yielded(item)) => sent = suspend(cx, item),
            Ok(Step::Returned(value)) => return Ok(value),
            Err(raised) => {
                if was_thrown {
                    chain_thrown(&raised, &cx.handled);
                }
                return Err(raised);
            }
        }
    }
}

/// Hands to the iterator of a `yield from` what was sent or thrown.
pub(super) fn delegate_once(cx: &mut Context, iterator: &Value, sent: Sent) -> Outcome<Step> {
    match sent {
        Ok(value) => match iterator {
            Value::Generator(inner) if value.is_none() => advance(cx, inner),
            Value::Generator(inner) => resume(cx, inner, Resume::Send(value)),
            _ if value.is_none() => next_or_result(cx, iterator),
            _ => stepped(cx.call_method(iterator, "send", &[value])),
        },
        Err(raised) => throw_into(cx, iterator, raised),
    }
}

/// `next`, with the value of a `StopIteration` where a script's iterator ends by one.
fn next_or_result(cx: &mut Context, iterator: &Value) -> Outcome<Step> {
    match iterator {
        Value::Instance(_) => match cx.call_special(iterator, known().next, &[]) {
            Ok(Some(value)) => Ok(Step::Yielded(value)),
            Ok(None) => Err(type_error(format!(
                "'{}' object is not an iterator",
                iterator.type_name()
            ))),
            Err(raised) => stepped(Err(raised)),
        },
        _ => Ok(match iterate::next(cx, iterator)? {
            Some(value) => Step::Yielded(value),
            None => Step::Returned(Value::None),
        }),
    }
}

/// A `StopIteration` is a return.
fn stepped(result: Outcome<Value>) -> Outcome<Step> {
    match result {
        Ok(value) => Ok(Step::Yielded(value)),
        Err(raised) if raised.is(ExceptionKind::StopIteration) => {
            let value = raised
                .exception()
                .and_then(|stop| stop.get(known().value))
                .or_else(|| raised.data().and_then(|data| data.args().first().cloned()))
                .unwrap_or(Value::None);
            Ok(Step::Returned(value))
        }
        Err(raised) => Err(raised),
    }
}

/// An exception thrown into a generator that delegates goes to the one it delegates to.
fn throw_into(cx: &mut Context, iterator: &Value, raised: Raised) -> Outcome<Step> {
    if raised.exception().is_none() || raised.is(ExceptionKind::GeneratorExit) {
        match iterator {
            Value::Generator(inner) => close(cx, inner)?,
            Value::Instance(_) => {
                if let Some(close) = attribute::find(cx, iterator, known().close)? {
                    cx.call(&close, &[])?;
                }
            }
            _ => {}
        }
        return Err(raised);
    }
    match iterator {
        Value::Generator(inner) => resume(cx, inner, Resume::Throw(raised)),
        Value::Instance(_) => {
            let (Some(throw), Some(exception)) = (
                attribute::find(cx, iterator, known().throw)?,
                raised.exception().cloned(),
            ) else {
                return Err(raised);
            };
            stepped(cx.call(&throw, &[Value::Instance(exception)]))
        }
        _ => Err(raised),
    }
}
