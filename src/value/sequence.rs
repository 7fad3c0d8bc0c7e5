//! Length and items of containers: what `len`, `x[i]`, `x[i] = v` and `del x[i]` do. It must not
//! know how they are written.
//!
//! Special methods of scripts' classes win over those of the built-in type that a class derives
//! from; a native method found on the class of a wrapped value is not called but done here.

use num_traits::Signed;

use super::big_range::BigRange;
use super::class::Class;
use super::exception::{index_error, key_error, overflow_error, type_error, value_error};
use super::instance::{Instance, Payload};
use super::iterate;
use super::list::List;
use super::name::{Name, known};
use super::object::Ref;
use super::scalar::{Bytes, Slice};
use super::string::Str;
use super::tuple::Tuple;
use super::{Dict, Outcome, Value, room};
use crate::eval::context::Context;

pub use super::membership::{bytes_contain, bytes_like, contains, find_in_list, range_place};
pub use super::slice::{Bounds, Indices, index, index_value, place, slice_text, sliced, try_index};

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
        Value::Class(class) => match class.lookup(known().class_len) {
            Some(method) => {
                let length = cx.call(&method, std::slice::from_ref(value))?;
                match length {
                    Value::Int(length) => Ok(usize::try_from(length).unwrap_or(0)),
                    _ => Err(no_length(value)),
                }
            }
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
        (Value::Dict(dict), key) => match Dict::get_from(dict, cx, key)? {
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

/// What `container[start:stop:step]` gives for the built-in sequences of which a slice is made at
/// once; `None` for every other value.
///
/// # Errors
/// `TypeError` for a bound that is no integer, or whatever `__index__` raises.
pub fn get_slice(cx: &mut Context, container: &Value, slice: &Slice) -> Outcome<Option<Value>> {
    Ok(Some(match container {
        Value::List(list) => {
            let bounds = slice.bounds(cx)?;
            let items = list.lock();
            let part = sliced(&items, bounds.indices(items.len()));
            drop(items);
            Value::list(part?)
        }
        Value::Tuple(tuple) => {
            let indices = slice.indices(cx, tuple.items().len())?;
            if indices.step == 1 && indices.count == tuple.items().len() {
                return Ok(Some(container.clone()));
            }
            Value::tuple(sliced(tuple.items(), indices)?)
        }
        Value::Str(text) => {
            let indices = slice.indices(cx, text.len())?;
            if indices.step == 1 && indices.count == text.len() {
                return Ok(Some(container.clone()));
            }
            match indices.range() {
                Some(range) => Value::str(text.slice(range)),
                None => Value::str(slice_text(text, indices)),
            }
        }
        Value::Bytes(bytes) => {
            let indices = slice.indices(cx, bytes.get().len())?;
            Value::bytes(sliced(bytes.get(), indices)?)
        }
        _ => return Ok(None),
    }))
}

#[inline(never)]
fn get_item_slow(cx: &mut Context, container: &Value, key: &Value) -> Outcome<Value> {
    if let Value::Slice(slice) = key
        && let Some(part) = get_slice(cx, container, slice)?
    {
        return Ok(part);
    }
    match container {
        Value::List(list) => {
            let index = item_index(cx, key, Indexed::Other("list"))?;
            list.get_signed(index)
                .ok_or_else(|| index_error("list index out of range"))
        }
        Value::Tuple(tuple) => {
            let index = item_index(cx, key, Indexed::Other("tuple"))?;
            tuple_item(tuple, index)
        }
        Value::Str(text) => {
            let index = item_index(cx, key, Indexed::Str)?;
            string_item(text, index)
        }
        Value::Bytes(bytes) => {
            let index = item_index(cx, key, Indexed::Other("byte"))?;
            byte_item(bytes, index)
        }
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
        (Value::Dict(dict), key) => dict.set_at(cx, key, value),
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
    if bounds.is_plain() {
        let start = indices.start as usize;
        if items
            .try_reserve(new.len().saturating_sub(indices.count))
            .is_err()
        {
            return Err(room::refused(items));
        }
        let old: Vec<Value> = items.replace_range(start..start + indices.count, new);
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
        items.take_range(range)
    } else {
        let mut places: Vec<usize> = indices.places().collect();
        places.sort_unstable();
        let all = items.take_all();
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
        items.append(&mut kept);
        removed
    };
    drop(items);
    drop(old);
    Ok(())
}
