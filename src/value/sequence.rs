//! Length, items, slices and membership of containers: what `len`, `x[i]`, `x[i] = v`, `del x[i]`
//! and `in` do. It must not know how they are written.
//!
//! Special methods of scripts' classes win over those of the built-in type that a class derives
//! from; a native method found on the class of a wrapped value is not called but done here.

use std::borrow::Cow;

use num_traits::{Signed, ToPrimitive};

use super::big_range::BigRange;
use super::class::Class;
use super::exception::{
    ExceptionKind, index_error, key_error, overflow_error, runtime_error, type_error, value_error,
};
use super::instance::{Instance, Payload};
use super::iterate;
use super::list::List;
use super::name::{Name, known};
use super::object::Ref;
use super::scalar::{Bytes, RangeObject, Slice};
use super::string::Str;
use super::tuple::Tuple;
use super::{Outcome, Value, compare};
use crate::eval::context::Context;

/// The method that an instance's class has under this special name, unless it is the native one
/// of the built-in type that the instance wraps a value of: then the wrapped value is asked.
#[inline]
pub fn special(instance: &Instance, name: Name) -> Option<Value> {
    let method = instance.class().lookup(name)?;
    (!instance.is_of_wrapped(&method)).then_some(method)
}

// ---- length ----

/// The number of items, what `len` gives.
///
/// # Errors
/// `TypeError` for a value without a length, or whatever `__len__` raises.
#[inline]
pub fn length(cx: &mut Context, value: &Value) -> Outcome<usize> {
    match value {
        Value::List(list) => Ok(list.len()),
        Value::Str(text) => Ok(text.len()),
        Value::Tuple(tuple) => Ok(tuple.items().len()),
        Value::Dict(dict) => Ok(dict.len()),
        other => length_slow(cx, other),
    }
}

#[cold]
#[inline(never)]
fn length_slow(cx: &mut Context, value: &Value) -> Outcome<usize> {
    match value {
        Value::Set(set) | Value::FrozenSet(set) => Ok(set.len()),
        Value::Bytes(bytes) => Ok(bytes.get().len()),
        Value::Range(range) => match i64::try_from(range.len()) {
            Ok(length) => Ok(length as usize),
            Err(_) => Err(overflow_error(
                "Python int too large to convert to C ssize_t",
            )),
        },
        Value::Instance(instance) => match try_length(cx, value, instance)? {
            Some(length) => Ok(length),
            None => Err(no_length(value)),
        },
        _ => Err(no_length(value)),
    }
}

#[cold]
fn no_length(value: &Value) -> super::exception::Raised {
    type_error(format!(
        "object of type '{}' has no len()",
        value.type_name()
    ))
}

/// The length of an instance, `None` when its class has no `__len__`.
///
/// # Errors
/// Whatever `__len__` raises; `TypeError`, `ValueError` and `OverflowError` for a bad result.
pub fn try_length(cx: &mut Context, value: &Value, instance: &Instance) -> Outcome<Option<usize>> {
    let Some(method) = special(instance, known().len) else {
        return match instance.wrapped() {
            Some(Value::Int(_) | Value::BigInt(_) | Value::Float(_)) => Ok(None),
            Some(inner) => length(cx, inner).map(Some),
            None => Ok(None),
        };
    };
    let result = cx.call_found(&method, value, &[])?;
    match index_value(cx, &result)? {
        Value::Int(length) => match usize::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) => Err(value_error("__len__() should return >= 0")),
        },
        Value::BigInt(length) if length.get().is_negative() => {
            Err(value_error("__len__() should return >= 0"))
        }
        _ => Err(overflow_error(
            "cannot fit 'int' into an index-sized integer",
        )),
    }
}

// ---- integers as indices ----

/// The integer that a value stands for where an index is wanted, `Int` or `BigInt`; `None` when
/// it is no integer and has no `__index__`.
///
/// # Errors
/// Whatever `__index__` raises, `TypeError` when it returns no integer.
pub fn try_index(cx: &mut Context, value: &Value) -> Outcome<Option<Value>> {
    match value {
        Value::Int(_) | Value::BigInt(_) => Ok(Some(value.clone())),
        Value::Bool(flag) => Ok(Some(Value::Int(i64::from(*flag)))),
        Value::Instance(instance) => {
            if let Some(inner @ (Value::Int(_) | Value::BigInt(_))) = instance.wrapped() {
                return Ok(Some(inner.clone()));
            }
            let Some(method) = special(instance, known().index) else {
                return Ok(None);
            };
            let result = cx.call_found(&method, value, &[])?;
            match result.unwrapped() {
                number @ (Value::Int(_) | Value::BigInt(_)) => Ok(Some(number.clone())),
                Value::Bool(flag) => Ok(Some(Value::Int(i64::from(*flag)))),
                _ => Err(type_error(format!(
                    "__index__ returned non-int (type {})",
                    result.type_name()
                ))),
            }
        }
        _ => Ok(None),
    }
}

/// The integer that a value stands for where an integer is wanted, `Int` or `BigInt`.
///
/// # Errors
/// `TypeError` when it is none, or whatever `__index__` raises.
pub fn index_value(cx: &mut Context, value: &Value) -> Outcome<Value> {
    try_index(cx, value)?.ok_or_else(|| {
        type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))
    })
}

/// The integer that a value stands for, which must fit 64 bits.
///
/// # Errors
/// `TypeError` when it is none, `IndexError` when it does not fit, or whatever `__index__` raises.
#[inline]
pub fn index(cx: &mut Context, value: &Value) -> Outcome<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        other => match index_value(cx, other)? {
            Value::Int(number) => Ok(number),
            _ => Err(index_error("cannot fit 'int' into an index-sized integer")),
        },
    }
}

/// The index of an item: `kind` and `indices` are for the message of a value that is none.
fn item_index(cx: &mut Context, key: &Value, kind: Indexed) -> Outcome<i64> {
    match try_index(cx, key)? {
        Some(Value::Int(number)) => Ok(number),
        Some(_) => Err(match kind {
            Indexed::Range => index_error("range object index out of range"),
            _ => index_error("cannot fit 'int' into an index-sized integer"),
        }),
        None => Err(type_error(match kind {
            Indexed::Str => format!("string indices must be integers, not '{}'", key.type_name()),
            Indexed::Other(name) => format!(
                "{name} indices must be integers or slices, not {}",
                key.type_name()
            ),
            Indexed::Range => format!(
                "range indices must be integers or slices, not {}",
                key.type_name()
            ),
        })),
    }
}

#[derive(Clone, Copy)]
enum Indexed {
    Str,
    Range,
    Other(&'static str),
}

/// The place of an index in a sequence of this length, negative indices from the end.
#[inline(always)]
pub fn place(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 {
        index.checked_add(length as i64)?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|&place| place < length)
}

// ---- slices ----

/// The three numbers of a slice before the length of the sequence is known; those beyond 64 bits
/// are cut off there.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
}

/// The items that a slice stands for: `count` items from `start` on, each `step` further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indices {
    /// The first item, if there is one; otherwise where one would be inserted.
    pub start: i64,
    /// The bound.
    pub stop: i64,
    /// The distance, not 0.
    pub step: i64,
    /// How many.
    pub count: usize,
}

impl Indices {
    /// The places of the items in order.
    pub fn places(self) -> impl ExactSizeIterator<Item = usize> {
        (0..self.count).map(move |number| (self.start + number as i64 * self.step) as usize)
    }

    /// The places as a plain range, when they follow one another.
    pub fn range(self) -> Option<std::ops::Range<usize>> {
        (self.step == 1).then(|| self.start as usize..self.start as usize + self.count)
    }
}

impl Bounds {
    /// A slice from here to there.
    pub fn new(start: Option<i64>, stop: Option<i64>, step: i64) -> Bounds {
        Bounds { start, stop, step }
    }

    /// The items of a sequence of this length.
    pub fn indices(self, length: usize) -> Indices {
        let length = length as i64;
        let (lowest, highest) = if self.step < 0 {
            (-1, length - 1)
        } else {
            (0, length)
        };
        let fit = |bound: Option<i64>, default: i64| match bound {
            None => default,
            Some(bound) if bound < 0 => bound.saturating_add(length).max(lowest),
            Some(bound) => bound.min(highest),
        };
        let (start, stop) = if self.step < 0 {
            (fit(self.start, highest), fit(self.stop, lowest))
        } else {
            (fit(self.start, lowest), fit(self.stop, highest))
        };
        let count = if self.step < 0 {
            if stop < start {
                (start - stop - 1) / self.step.saturating_neg() + 1
            } else {
                0
            }
        } else if start < stop {
            (stop - start - 1) / self.step + 1
        } else {
            0
        };
        Indices {
            start,
            stop,
            step: self.step,
            count: count as usize,
        }
    }
}

impl Slice {
    /// The numbers of the slice.
    ///
    /// # Errors
    /// `TypeError` for parts that are no integers, `ValueError` for a step of 0, or whatever
    /// `__index__` raises.
    pub fn bounds(&self, cx: &mut Context) -> Outcome<Bounds> {
        let step = slice_part(cx, &self.step)?.unwrap_or(1);
        if step == 0 {
            return Err(value_error("slice step cannot be zero"));
        }
        Ok(Bounds {
            step: step.max(-i64::MAX),
            start: slice_part(cx, &self.start)?,
            stop: slice_part(cx, &self.stop)?,
        })
    }

    /// The items of a sequence of this length that the slice stands for.
    ///
    /// # Errors
    /// As [`Slice::bounds`].
    pub fn indices(&self, cx: &mut Context, length: usize) -> Outcome<Indices> {
        Ok(self.bounds(cx)?.indices(length))
    }
}

#[inline]
fn slice_part(cx: &mut Context, part: &Value) -> Outcome<Option<i64>> {
    match part {
        Value::None => Ok(None),
        Value::Int(number) => Ok(Some(*number)),
        other => match try_index(cx, other)? {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::BigInt(number)) => Ok(Some(number.get().to_i64().unwrap_or(
                if number.get().is_negative() {
                    i64::MIN
                } else {
                    i64::MAX
                },
            ))),
            _ => Err(type_error(
                "slice indices must be integers or None or have an __index__ method",
            )),
        },
    }
}

/// The items of a slice, copied.
pub fn sliced<T: Clone>(items: &[T], indices: Indices) -> Vec<T> {
    match indices.range() {
        Some(range) => items[range].to_vec(),
        None => indices.places().map(|place| items[place].clone()).collect(),
    }
}

/// The part of a string that a slice stands for.
pub fn slice_text(text: &Str, indices: Indices) -> Box<str> {
    if let Some(range) = indices.range() {
        return text.slice(range).into();
    }
    if text.is_ascii() {
        let bytes = text.as_str().as_bytes();
        return indices
            .places()
            .map(|place| char::from(bytes[place]))
            .collect::<String>()
            .into();
    }
    let characters: Vec<char> = text.as_str().chars().collect();
    indices
        .places()
        .map(|place| characters[place])
        .collect::<String>()
        .into()
}

// ---- items ----

/// A string of one character. Those of ASCII are made once for the process.
#[inline]
pub fn character(character: char) -> Value {
    static ASCII: std::sync::OnceLock<Vec<Value>> = std::sync::OnceLock::new();
    let known = ASCII.get_or_init(|| {
        (0..128u8)
            .map(|byte| Name::new(char::from(byte).encode_utf8(&mut [0; 4])).value())
            .collect()
    });
    match known.get(character as usize) {
        Some(value) => value.clone(),
        None => Value::str(&*character.encode_utf8(&mut [0; 4])),
    }
}

/// What `container[key]` gives.
///
/// # Errors
/// `IndexError`, `KeyError`, `TypeError`, or whatever `__getitem__` raises.
#[inline]
pub fn get_item(cx: &mut Context, container: &Value, key: &Value) -> Outcome<Value> {
    match (container, key) {
        (Value::List(list), Value::Int(index)) => match list.get_signed(*index) {
            Some(item) => Ok(item),
            None => Err(index_error("list index out of range")),
        },
        (Value::Dict(dict), key) => match dict.get(cx, key)? {
            Some(value) => Ok(value),
            None => Err(key_error(key.clone())),
        },
        (Value::Tuple(tuple), Value::Int(index)) => tuple_item(tuple, *index),
        (Value::Str(text), Value::Int(index)) => string_item(text, *index),
        (container, key) => get_item_slow(cx, container, key),
    }
}

#[inline]
fn tuple_item(tuple: &Tuple, index: i64) -> Outcome<Value> {
    match place(index, tuple.items().len()) {
        Some(place) => Ok(tuple.items()[place].clone()),
        None => Err(index_error("tuple index out of range")),
    }
}

#[inline]
fn string_item(text: &Str, index: i64) -> Outcome<Value> {
    match place(index, text.len()).and_then(|place| text.character(place)) {
        Some(found) => Ok(character(found)),
        None => Err(index_error("string index out of range")),
    }
}

fn byte_item(bytes: &Bytes, index: i64) -> Outcome<Value> {
    match place(index, bytes.get().len()) {
        Some(place) => Ok(Value::Int(i64::from(bytes.get()[place]))),
        None => Err(index_error("index out of range")),
    }
}

#[inline(never)]
fn get_item_slow(cx: &mut Context, container: &Value, key: &Value) -> Outcome<Value> {
    match container {
        Value::List(list) => match key {
            Value::Slice(slice) => {
                let bounds = slice.bounds(cx)?;
                let items = list.lock();
                let part = sliced(&items, bounds.indices(items.len()));
                drop(items);
                Ok(Value::list(part))
            }
            key => {
                let index = item_index(cx, key, Indexed::Other("list"))?;
                list.get_signed(index)
                    .ok_or_else(|| index_error("list index out of range"))
            }
        },
        Value::Tuple(tuple) => match key {
            Value::Slice(slice) => {
                let indices = slice.indices(cx, tuple.items().len())?;
                if indices.step == 1 && indices.count == tuple.items().len() {
                    return Ok(container.clone());
                }
                Ok(Value::tuple(sliced(tuple.items(), indices)))
            }
            key => {
                let index = item_index(cx, key, Indexed::Other("tuple"))?;
                tuple_item(tuple, index)
            }
        },
        Value::Str(text) => match key {
            Value::Slice(slice) => {
                let indices = slice.indices(cx, text.len())?;
                if indices.step == 1 && indices.count == text.len() {
                    return Ok(container.clone());
                }
                Ok(Value::str(slice_text(text, indices)))
            }
            key => {
                let index = item_index(cx, key, Indexed::Str)?;
                string_item(text, index)
            }
        },
        Value::Bytes(bytes) => match key {
            Value::Slice(slice) => {
                let indices = slice.indices(cx, bytes.get().len())?;
                Ok(Value::bytes(sliced(bytes.get(), indices)))
            }
            key => {
                let index = item_index(cx, key, Indexed::Other("byte"))?;
                byte_item(bytes, index)
            }
        },
        Value::Range(range) => match key {
            Value::Slice(slice) => BigRange::from(&**range).part(cx, slice),
            key => {
                let index = item_index(cx, key, Indexed::Range)?;
                place(index, range.len())
                    .and_then(|place| range.get(place))
                    .map(Value::Int)
                    .ok_or_else(|| index_error("range object index out of range"))
            }
        },
        Value::Dict(_) => get_item(cx, container, key),
        Value::Instance(instance) => instance_item(cx, container, instance, key),
        Value::Class(class) => class_item(cx, class, container, key),
        other => Err(type_error(format!(
            "'{}' object is not subscriptable",
            other.type_name()
        ))),
    }
}

fn instance_item(
    cx: &mut Context,
    container: &Value,
    instance: &Instance,
    key: &Value,
) -> Outcome<Value> {
    if let Some(method) = special(instance, known().getitem) {
        return cx.call_found(&method, container, std::slice::from_ref(key));
    }
    match instance.wrapped() {
        Some(Value::Dict(dict)) => {
            if let Some(value) = dict.get(cx, key)? {
                return Ok(value);
            }
            missing_item(cx, container, key)
        }
        Some(inner @ (Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Bytes(_))) => {
            get_item(cx, inner, key)
        }
        _ => Err(type_error(format!(
            "'{}' object is not subscriptable",
            container.type_name()
        ))),
    }
}

/// What a class derived from `dict` gives for a key that is not there: `__missing__`.
///
/// # Errors
/// `KeyError`, or whatever `__missing__` raises.
pub fn missing_item(cx: &mut Context, container: &Value, key: &Value) -> Outcome<Value> {
    match container
        .as_instance()
        .and_then(|instance| instance.class().lookup(known().missing))
    {
        Some(method) => cx.call_found(&method, container, std::slice::from_ref(key)),
        None => Err(key_error(key.clone())),
    }
}

fn class_item(cx: &mut Context, class: &Ref<Class>, value: &Value, key: &Value) -> Outcome<Value> {
    let Some(method) = class.lookup(known().class_getitem) else {
        return Err(type_error(format!(
            "type '{}' is not subscriptable",
            class.name()
        )));
    };
    match &method {
        // It is a class method whether it is marked so or not.
        Value::Function(_) | Value::Native(_) => cx.call(&method, &[value.clone(), key.clone()]),
        Value::Instance(instance) => match instance.payload() {
            Payload::ClassMethod(function) => cx.call(function, &[value.clone(), key.clone()]),
            Payload::StaticMethod(function) => cx.call(function, std::slice::from_ref(key)),
            _ => cx.call(&method, std::slice::from_ref(key)),
        },
        _ => cx.call(&method, std::slice::from_ref(key)),
    }
}

/// Does `container[key] = value`.
///
/// # Errors
/// `IndexError`, `TypeError`, or whatever `__setitem__` raises.
#[inline]
pub fn set_item(cx: &mut Context, container: &Value, key: &Value, value: Value) -> Outcome<()> {
    match (container, key) {
        (Value::List(list), Value::Int(index)) => match list.set_signed(*index, value) {
            Ok(()) => Ok(()),
            Err(_) => Err(index_error("list assignment index out of range")),
        },
        (Value::Dict(dict), key) => dict.set(cx, key.clone(), value),
        (container, key) => set_item_slow(cx, container, key, value),
    }
}

#[inline(never)]
fn set_item_slow(cx: &mut Context, container: &Value, key: &Value, value: Value) -> Outcome<()> {
    match container {
        Value::List(list) => match key {
            Value::Slice(slice) => set_slice(cx, list, slice, &value),
            key => {
                let index = item_index(cx, key, Indexed::Other("list"))?;
                list.set_signed(index, value)
                    .map_err(|_| index_error("list assignment index out of range"))
            }
        },
        Value::Instance(instance) => {
            if let Some(method) = special(instance, known().setitem) {
                cx.call_found(&method, container, &[key.clone(), value])?;
                return Ok(());
            }
            match instance.wrapped() {
                Some(inner @ (Value::List(_) | Value::Dict(_))) => set_item(cx, inner, key, value),
                _ => Err(no_assignment(container)),
            }
        }
        other => Err(no_assignment(other)),
    }
}

#[cold]
fn no_assignment(container: &Value) -> super::exception::Raised {
    type_error(format!(
        "'{}' object does not support item assignment",
        container.type_name()
    ))
}

fn set_slice(cx: &mut Context, list: &List, slice: &Slice, value: &Value) -> Outcome<()> {
    let bounds = slice.bounds(cx)?;
    let new = iterate::collect_or(cx, value, "must assign iterable to extended slice")?;
    let mut items = list.lock();
    let indices = bounds.indices(items.len());
    if bounds.step == 1 {
        let start = indices.start as usize;
        let old: Vec<Value> = items.splice(start..start + indices.count, new).collect();
        drop(items);
        drop(old);
        return Ok(());
    }
    if new.len() != indices.count {
        drop(items);
        return Err(value_error(format!(
            "attempt to assign sequence of size {} to extended slice of size {}",
            new.len(),
            indices.count
        )));
    }
    let mut old = new;
    for (place, value) in indices.places().zip(&mut old) {
        std::mem::swap(&mut items[place], value);
    }
    drop(items);
    drop(old);
    Ok(())
}

/// Does `del container[key]`.
///
/// # Errors
/// `IndexError`, `KeyError`, `TypeError`, or whatever `__delitem__` raises.
pub fn delete_item(cx: &mut Context, container: &Value, key: &Value) -> Outcome<()> {
    match container {
        Value::List(list) => match key {
            Value::Slice(slice) => delete_slice(cx, list, slice),
            key => {
                let index = item_index(cx, key, Indexed::Other("list"))?;
                let mut items = list.lock();
                let Some(place) = place(index, items.len()) else {
                    drop(items);
                    return Err(index_error("list assignment index out of range"));
                };
                let old = items.remove(place);
                drop(items);
                drop(old);
                Ok(())
            }
        },
        Value::Dict(dict) => match dict.remove(cx, key)? {
            Some(_) => Ok(()),
            None => Err(key_error(key.clone())),
        },
        Value::Instance(instance) => {
            if let Some(method) = special(instance, known().delitem) {
                cx.call_found(&method, container, std::slice::from_ref(key))?;
                return Ok(());
            }
            match instance.wrapped() {
                Some(inner @ (Value::List(_) | Value::Dict(_))) => delete_item(cx, inner, key),
                _ => Err(no_deletion(cx, container, key)?),
            }
        }
        other => Err(no_deletion(cx, other, key)?),
    }
}

/// CPython words it in two ways, depending on whether the type is a sequence in its own sense and
/// the key an index.
#[cold]
fn no_deletion(
    cx: &mut Context,
    container: &Value,
    key: &Value,
) -> Outcome<super::exception::Raised> {
    let sequence = matches!(
        container,
        Value::Instance(_)
            | Value::Str(_)
            | Value::Bytes(_)
            | Value::Tuple(_)
            | Value::Set(_)
            | Value::FrozenSet(_)
            | Value::Range(_)
    );
    let verb = if sequence && try_index(cx, key)?.is_some() {
        "doesn't"
    } else {
        "does not"
    };
    Ok(type_error(format!(
        "'{}' object {verb} support item deletion",
        container.type_name()
    )))
}

fn delete_slice(cx: &mut Context, list: &List, slice: &Slice) -> Outcome<()> {
    let bounds = slice.bounds(cx)?;
    let mut items = list.lock();
    let indices = bounds.indices(items.len());
    let old: Vec<Value> = if let Some(range) = indices.range() {
        items.drain(range).collect()
    } else {
        let mut places: Vec<usize> = indices.places().collect();
        places.sort_unstable();
        let all = std::mem::take(&mut *items);
        let mut removed = Vec::with_capacity(places.len());
        let mut next = places.into_iter().peekable();
        let mut kept = Vec::with_capacity(all.len());
        for (place, item) in all.into_iter().enumerate() {
            if next.next_if_eq(&place).is_some() {
                removed.push(item);
            } else {
                kept.push(item);
            }
        }
        *items = kept;
        removed
    };
    drop(items);
    drop(old);
    Ok(())
}

// ---- membership ----

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
        let frozen = Value::FrozenSet(Ref::new(inner.copy()));
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

/// Whether two values are equal, when that can be told without running script code and without
/// looking into containers.
#[inline]
fn plainly_equal(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a == b),
        (Value::Str(a), Value::Str(b)) => Some(a.same(b) || a.as_str() == b.as_str()),
        (Value::Int(_), Value::Str(_)) | (Value::Str(_), Value::Int(_)) => Some(false),
        (Value::None, Value::None) => Some(true),
        (Value::None, Value::Int(_) | Value::Str(_))
        | (Value::Int(_) | Value::Str(_), Value::None) => Some(false),
        _ => None,
    }
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
            match plainly_equal(&items[place], item) {
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
        other => contains_by_iteration(cx, other, item),
    }
}

/// Whether one text has the other in it.
pub fn text_contains(text: &str, part: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some()
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

/// The error of a container that changed while something iterated over it.
#[cold]
pub fn changed_during_iteration(what: &str) -> super::exception::Raised {
    runtime_error(format!("{what} changed size during iteration"))
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    fn places(start: Option<i64>, stop: Option<i64>, step: i64, length: usize) -> Vec<usize> {
        Bounds::new(start, stop, step)
            .indices(length)
            .places()
            .collect()
    }

    #[test]
    fn slices_stand_for_places() {
        assert_eq!(places(None, None, 1, 3), [0, 1, 2]);
        assert_eq!(places(None, None, -1, 3), [2, 1, 0]);
        assert_eq!(places(Some(-2), None, 1, 3), [1, 2]);
        assert_eq!(places(Some(5), Some(-9), -2, 5), [4, 2, 0]);
        assert_eq!(places(Some(3), Some(1), 1, 5), []);
        assert_eq!(places(Some(i64::MIN), Some(i64::MAX), i64::MAX, 2), [0]);
        assert_eq!(places(Some(i64::MAX), Some(i64::MIN), -i64::MAX, 2), [1]);
        assert_eq!(places(None, None, 2, 0), []);
    }
}
