//! Membership: what `x in y` does, and where in a list an item is. It must not know how it is
//! written.

use std::borrow::Cow;

use super::exception::{ExceptionKind, type_error, value_error};
use super::instance::Payload;
use super::list::List;
use super::name::known;
use super::object::Ref;
use super::scalar::RangeObject;
use super::sequence::special;
use super::slice::try_index;
use super::{Outcome, Value, compare, iterate};
use crate::eval::context::Context;

/// What `item in container` gives.
///
/// # Errors
/// `TypeError` for a value that contains nothing, or whatever comparing or `__contains__` raises.
#[inline]
pub fn contains(cx: &mut Context, container: &Value, item: &Value) -> Outcome<bool> {
    match container {
        Value::Dict(dict) => dict.contains(cx, item),
        Value::Set(set) | Value::FrozenSet(set) => set_contains(cx, set, item),
        Value::List(list) => Ok(find_in_list(cx, list, item, 0, usize::MAX)?.is_some()),
        Value::Tuple(tuple) => slice_contains(cx, tuple.items(), item),
        other => contains_slow(cx, other, item),
    }
}

/// Whether a set has the item; a set is looked for as the frozenset of its items.
fn set_contains(cx: &mut Context, set: &Ref<super::Set>, item: &Value) -> Outcome<bool> {
    if let Value::Set(inner) = item.unwrapped() {
        let frozen = Value::FrozenSet(Ref::new(inner.copy()?));
        return set.contains(cx, &frozen);
    }
    set.contains(cx, item)
}

fn slice_contains(cx: &mut Context, items: &[Value], item: &Value) -> Outcome<bool> {
    for known in items {
        if compare::identical_or_equal(cx, known, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The place of the first item from `start` up to `stop` that equals `item`. Items are compared
/// with the list unlocked, so that comparing may change it.
///
/// # Errors
/// Whatever comparing raises.
pub fn find_in_list(
    cx: &mut Context,
    list: &List,
    item: &Value,
    start: usize,
    stop: usize,
) -> Outcome<Option<usize>> {
    let mut place = start;
    loop {
        let items = list.lock();
        let end = stop.min(items.len());
        let mut other = None;
        while place < end {
            match compare::quick_same_or_equal(&items[place], item) {
                Some(true) => return Ok(Some(place)),
                Some(false) => place += 1,
                None => {
                    other = Some(items[place].clone());
                    break;
                }
            }
        }
        drop(items);
        let Some(other) = other else {
            return Ok(None);
        };
        if compare::identical_or_equal(cx, &other, item)? {
            return Ok(Some(place));
        }
        place += 1;
    }
}

#[inline(never)]
fn contains_slow(cx: &mut Context, container: &Value, item: &Value) -> Outcome<bool> {
    match container {
        Value::Str(text) => match item.unwrapped() {
            Value::Str(part) => Ok(text_contains(text.as_str(), part.as_str())),
            _ => Err(type_error(format!(
                "'in <string>' requires string as left operand, not {}",
                item.type_name()
            ))),
        },
        Value::Bytes(bytes) => bytes_contain(cx, bytes.get(), item),
        Value::Range(range) => range_contains(cx, range, item),
        Value::Instance(instance) => {
            if let Some(method) = special(instance, known().contains) {
                if method.is_none() {
                    return Err(type_error(format!(
                        "'{}' object is not a container",
                        container.type_name()
                    )));
                }
                let result = cx.call_found(&method, container, std::slice::from_ref(item))?;
                return super::truth::truthy(cx, &result);
            }
            if special(instance, known().iter).is_none()
                && let Some(inner) = instance.wrapped()
                && !matches!(inner, Value::Int(_) | Value::BigInt(_) | Value::Float(_))
            {
                return contains(cx, inner, item);
            }
            contains_by_iteration(cx, container, item)
        }
        Value::Class(class) => match class.lookup(known().class_contains) {
            Some(method) => {
                let result = cx.call(&method, &[container.clone(), item.clone()])?;
                super::truth::truthy(cx, &result)
            }
            None => contains_by_iteration(cx, container, item),
        },
        other => contains_by_iteration(cx, other, item),
    }
}

/// Whether one text has the other in it.
pub fn text_contains(text: &str, part: &str) -> bool {
    match part.as_bytes() {
        [byte] => memchr::memchr(*byte, text.as_bytes()).is_some(),
        part => memchr::memmem::find(text.as_bytes(), part).is_some(),
    }
}

/// The bytes of a value that can stand where bytes are wanted.
pub fn bytes_like(value: &Value) -> Option<Cow<'_, [u8]>> {
    match value.unwrapped() {
        Value::Bytes(bytes) => Some(Cow::Borrowed(bytes.get())),
        Value::Instance(instance) => match instance.payload() {
            Payload::Native(data) => data.bytes().map(Cow::Owned),
            _ => None,
        },
        _ => None,
    }
}

/// Whether bytes have an integer or a sequence of bytes in them.
///
/// # Errors
/// `ValueError` for an integer that is no byte, `TypeError` for anything else.
pub fn bytes_contain(cx: &mut Context, bytes: &[u8], item: &Value) -> Outcome<bool> {
    if let Some(part) = bytes_like(item) {
        return Ok(memchr::memmem::find(bytes, &part).is_some());
    }
    match try_index(cx, item)? {
        Some(Value::Int(number)) => match u8::try_from(number) {
            Ok(byte) => Ok(memchr::memchr(byte, bytes).is_some()),
            Err(_) => Err(value_error("byte must be in range(0, 256)")),
        },
        Some(_) => Err(value_error("byte must be in range(0, 256)")),
        None => Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            item.type_name()
        ))),
    }
}

fn range_contains(cx: &mut Context, range: &RangeObject, item: &Value) -> Outcome<bool> {
    match item {
        Value::Int(number) => Ok(range_place(range, *number).is_some()),
        Value::Bool(flag) => Ok(range_place(range, i64::from(*flag)).is_some()),
        Value::BigInt(_) => Ok(false),
        other => {
            for place in 0..range.len() {
                let Some(number) = range.get(place) else {
                    break;
                };
                if compare::equal(cx, other, &Value::Int(number))? {
                    return Ok(true);
                }
                cx.safepoint()?;
            }
            Ok(false)
        }
    }
}

/// The place of a number in a range.
pub fn range_place(range: &RangeObject, number: i64) -> Option<usize> {
    let distance = i128::from(number) - i128::from(range.start);
    let step = i128::from(range.step);
    if distance % step != 0 {
        return None;
    }
    usize::try_from(distance / step)
        .ok()
        .filter(|&place| place < range.len())
}

fn contains_by_iteration(cx: &mut Context, container: &Value, item: &Value) -> Outcome<bool> {
    let iterator = match iterate::try_iterate(cx, container) {
        Ok(Some(iterator)) => iterator,
        Err(raised) if !raised.is(ExceptionKind::TypeError) => return Err(raised),
        _ => {
            return Err(type_error(format!(
                "argument of type '{}' is not iterable",
                container.type_name()
            )));
        }
    };
    while let Some(known) = iterate::next(cx, &iterator)? {
        if compare::identical_or_equal(cx, &known, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}
