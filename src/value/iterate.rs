//! Iteration: what `iter` and `next` do, and collecting what an iteration gives. It must not know
//! how a loop is written.

use super::container_iterators::{item_iterator, over};
use super::exception::{ExceptionKind, type_error};
use super::instance::Instance;
use super::name::known;
use super::object::Ref;
use super::scalar::RangeObject;
use super::sequence::{character, special};
use super::view::DictView;
use super::{Outcome, Value, room};
use crate::eval::context::Context;
use crate::eval::generator;
use crate::runtime::memory;

pub use super::container_iterators::{
    Place, call_iterator, dict_iterator, dict_reversed, list_reversed,
};

/// An iterator over a value.
///
/// # Errors
/// `TypeError` for a value that cannot be iterated over, or whatever `__iter__` raises.
#[inline]
pub fn iterate(cx: &mut Context, value: &Value) -> Outcome<Value> {
    match try_iterate(cx, value)? {
        Some(iterator) => Ok(iterator),
        None => Err(not_iterable(value)),
    }
}

#[cold]
fn not_iterable(value: &Value) -> super::exception::Raised {
    type_error(format!("'{}' object is not iterable", value.type_name()))
}

/// An iterator over a value, `None` when it cannot be iterated over.
///
/// # Errors
/// Whatever `__iter__` raises; `TypeError` when it returns no iterator.
pub fn try_iterate(cx: &mut Context, value: &Value) -> Outcome<Option<Value>> {
    match value {
        Value::Iterator(_) | Value::Generator(_) => Ok(Some(value.clone())),
        Value::Instance(instance) => instance_iterator(cx, value, instance),
        Value::Class(class) => class_iterator(cx, value, class),
        other => Ok(over(other)),
    }
}

fn instance_iterator(
    cx: &mut Context,
    value: &Value,
    instance: &Instance,
) -> Outcome<Option<Value>> {
    if let Some(view) = instance.native::<DictView>() {
        return Ok(Some(dict_iterator(&view.dict, view.part)));
    }
    let Some(method) = special(instance, known().iter) else {
        if let Some(inner) = instance.wrapped() {
            return try_iterate(cx, inner);
        }
        if instance.class().lookup(known().getitem).is_some() {
            return Ok(Some(item_iterator(value.clone())));
        }
        return Ok(None);
    };
    if method.is_none() {
        return Ok(None);
    }
    let iterator = cx.call_found(&method, value, &[])?;
    check_iterator(&iterator)?;
    Ok(Some(iterator))
}

/// A class can be iterated over when its metaclass says so; the one that classes with a fixed set
/// of instances have asks the class itself.
fn class_iterator(
    cx: &mut Context,
    value: &Value,
    class: &Ref<super::class::Class>,
) -> Outcome<Option<Value>> {
    let Some(method) = class.lookup(known().class_iter) else {
        return Ok(None);
    };
    cx.call(&method, std::slice::from_ref(value)).map(Some)
}

fn check_iterator(iterator: &Value) -> Outcome<()> {
    if is_iterator(iterator) {
        Ok(())
    } else {
        Err(type_error(format!(
            "iter() returned non-iterator of type '{}'",
            iterator.type_name()
        )))
    }
}

/// Whether `next` can be asked of the value.
pub fn is_iterator(value: &Value) -> bool {
    match value {
        Value::Iterator(_) | Value::Generator(_) => true,
        Value::Instance(instance) => instance.class().lookup(known().next).is_some(),
        _ => false,
    }
}

/// The next item of an iterator, `None` at its end.
///
/// # Errors
/// Whatever the iterator raises; `TypeError` for a value that is no iterator.
#[inline]
pub fn next(cx: &mut Context, iterator: &Value) -> Outcome<Option<Value>> {
    match iterator {
        Value::Iterator(iterator) => iterator.next(cx),
        Value::Generator(generator) => generator::next(cx, generator),
        other => next_of_instance(cx, other),
    }
}

#[inline(never)]
fn next_of_instance(cx: &mut Context, iterator: &Value) -> Outcome<Option<Value>> {
    let method = match iterator {
        Value::Instance(instance) => cx.lookup(instance.class(), known().next),
        _ => None,
    };
    let Some(method) = method else {
        return Err(type_error(format!(
            "'{}' object is not an iterator",
            iterator.type_name()
        )));
    };
    end_at_stop(cx.call_found(&method, iterator, &[]))
}

/// Turns a `StopIteration` into the end of an iteration.
pub fn end_at_stop(result: Outcome<Value>) -> Outcome<Option<Value>> {
    match result {
        Ok(item) => Ok(Some(item)),
        Err(raised) if raised.is(ExceptionKind::StopIteration) => Ok(None),
        Err(raised) => Err(raised),
    }
}

/// All items of a value.
///
/// # Errors
/// `TypeError` for a value that cannot be iterated over, or whatever the iteration raises.
pub fn collect(cx: &mut Context, value: &Value) -> Outcome<Vec<Value>> {
    if let Some(items) = collect_known(value)? {
        return Ok(items);
    }
    let iterator = iterate(cx, value)?;
    collect_rest(cx, &iterator)
}

/// All items of a value; `message` for one that cannot be iterated over.
///
/// # Errors
/// As [`collect`].
pub fn collect_or(cx: &mut Context, value: &Value, message: &str) -> Outcome<Vec<Value>> {
    if let Some(items) = collect_known(value)? {
        return Ok(items);
    }
    match try_iterate(cx, value)? {
        Some(iterator) => collect_rest(cx, &iterator),
        None => Err(type_error(message)),
    }
}

/// The items of a built-in container, in one step.
fn collect_known(value: &Value) -> Outcome<Option<Vec<Value>>> {
    Ok(Some(match value {
        Value::List(list) => list.copied()?,
        Value::Tuple(tuple) => filled(tuple.items().len(), tuple.items().iter().cloned())?,
        Value::Dict(dict) => dict.keys()?,
        Value::Set(set) | Value::FrozenSet(set) => set.snapshot()?,
        Value::Str(text) => {
            let text = text.as_str();
            filled(text.chars().count(), text.chars().map(character))?
        }
        Value::Bytes(bytes) => {
            let numbers = bytes.get().iter().map(|&byte| Value::Int(i64::from(byte)));
            filled(bytes.get().len(), numbers)?
        }
        Value::Range(range) => collect_range(range)?,
        Value::Instance(instance) => match instance.native::<DictView>() {
            Some(view) => view.snapshot()?,
            None => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

/// The values of an iterator that gives this many.
fn filled(count: usize, values: impl Iterator<Item = Value>) -> Outcome<Vec<Value>> {
    let mut items = room::with_room(count)?;
    items.extend(values);
    Ok(items)
}

fn collect_range(range: &RangeObject) -> Outcome<Vec<Value>> {
    let mut items = room::with_room(range.len())?;
    let mut number = range.start;
    for _ in 0..range.len() {
        items.push(Value::Int(number));
        // The step after the last number may leave the 64 bits; it is not used.
        number = number.wrapping_add(range.step);
    }
    Ok(items)
}

/// What is left of an iterator.
///
/// # Errors
/// Whatever the iteration raises.
pub fn collect_rest(cx: &mut Context, iterator: &Value) -> Outcome<Vec<Value>> {
    let mut items = match iterator {
        // A hint may be wrong, and it may be enormous.
        Value::Iterator(known) => {
            Vec::with_capacity(known.kind().length_hint().unwrap_or(0).min(1 << 16))
        }
        _ => Vec::new(),
    };
    while let Some(item) = next(cx, iterator)? {
        if items.len() == items.capacity() {
            memory::grow(&mut items, 1);
        }
        items.push(item);
        cx.safepoint()?;
    }
    Ok(items)
}

/// Does something with every item of a value.
///
/// # Errors
/// `TypeError` for a value that cannot be iterated over, or whatever the iteration or `work`
/// raises.
pub fn for_each(
    cx: &mut Context,
    value: &Value,
    mut work: impl FnMut(&mut Context, Value) -> Outcome<()>,
) -> Outcome<()> {
    find_map(cx, value, |cx, item| work(cx, item).map(|()| None::<()>)).map(|_| ())
}

/// Does something with the items of a value until that gives a result.
///
/// # Errors
/// As [`for_each`].
pub fn find_map<T>(
    cx: &mut Context,
    value: &Value,
    mut work: impl FnMut(&mut Context, Value) -> Outcome<Option<T>>,
) -> Outcome<Option<T>> {
    match value {
        Value::List(list) => {
            let mut place = 0;
            while let Some(item) = list.get(place) {
                place += 1;
                if let Some(result) = work(cx, item)? {
                    return Ok(Some(result));
                }
                cx.safepoint()?;
            }
        }
        Value::Tuple(tuple) => {
            for item in tuple.items() {
                if let Some(result) = work(cx, item.clone())? {
                    return Ok(Some(result));
                }
                cx.safepoint()?;
            }
        }
        Value::Range(range) => {
            let mut number = range.start;
            for _ in 0..range.len() {
                if let Some(result) = work(cx, Value::Int(number))? {
                    return Ok(Some(result));
                }
                number = number.wrapping_add(range.step);
                cx.safepoint()?;
            }
        }
        other => {
            let iterator = iterate(cx, other)?;
            while let Some(item) = next(cx, &iterator)? {
                if let Some(result) = work(cx, item)? {
                    return Ok(Some(result));
                }
                cx.safepoint()?;
            }
        }
    }
    Ok(None)
}
