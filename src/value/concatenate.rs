//! `+` and `*` of sequences: strings, bytes, lists and tuples. It must not know special methods
//! beyond `__index__`.

use super::buffer::byte_array;
use super::exception::{memory_error, overflow_error, type_error};
use super::list::List;
use super::operator::BinaryOperator;
use super::room::joined;
use super::string::Str;
use super::{Outcome, Value, iterate, room, sequence};
use crate::eval::context::Context;

/// A string and another behind it.
///
/// # Errors
/// `MemoryError`.
pub fn texts(left: &Str, right: &Str) -> Outcome<Value> {
    match Str::concatenated(left, right) {
        Some(text) => Ok(Value::Str(text)),
        None => Err(memory_error("")),
    }
}

/// Puts a string behind the one that a variable holds, without copying that; `false` when the
/// string can be seen from elsewhere too, and has to be copied. One place to see it from is `more`, which need not count:
/// in `text += text` it is the variable itself that was looked at.
#[inline]
pub fn append_text(text: &mut Value, more: &Str) -> bool {
    match text {
        Value::Str(text) if std::ptr::eq(&raw const **text, more) => false,
        Value::Str(text) => match text.unique_mut() {
            Some(text) => text.append(more),
            None => false,
        },
        _ => false,
    }
}

/// The items of a list and of another behind them.
pub(super) fn lists(left: &List, right: &List) -> Outcome<Value> {
    let mut items = room::with_room(left.len() + right.len())?;
    items.extend_from_slice(&left.lock());
    items.extend_from_slice(&right.lock());
    Ok(Value::list(items))
}

/// What `+` and `*` do to sequences once no special method has answered; `None` when neither
/// value is a sequence.
pub(super) fn join_sequences(
    cx: &mut Context,
    op: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Outcome<Option<Value>> {
    match op {
        BinaryOperator::Add => {
            let name = match left.unwrapped() {
                Value::Str(_) => "str",
                Value::List(_) => "list",
                Value::Tuple(_) => "tuple",
                Value::Bytes(bytes) => {
                    return match sequence::bytes_like(right) {
                        Some(more) => Ok(Some(Value::bytes(joined(bytes.get(), &more)?))),
                        None => Err(type_error(format!(
                            "can't concat {} to bytes",
                            right.type_name()
                        ))),
                    };
                }
                _ => return Ok(None),
            };
            Err(type_error(format!(
                "can only concatenate {name} (not \"{}\") to {name}",
                right.type_name()
            )))
        }
        BinaryOperator::Multiply => {
            for (items, count) in [(left, right), (right, left)] {
                let items = items.unwrapped();
                if matches!(
                    items,
                    Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Bytes(_)
                ) {
                    let count = repetitions(cx, count)?;
                    return repeat(items, count).map(Some);
                }
                // Its own method has not answered: the other value is no integer.
                if byte_array(items).is_some() {
                    repetitions(cx, count)?;
                }
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// How often a sequence is to be repeated.
pub(super) fn repetitions(cx: &mut Context, count: &Value) -> Outcome<i64> {
    match sequence::try_index(cx, count)? {
        Some(Value::Int(count)) => Ok(count),
        Some(_) => Err(overflow_error(
            "cannot fit 'int' into an index-sized integer",
        )),
        None => Err(type_error(format!(
            "can't multiply sequence by non-int of type '{}'",
            count.type_name()
        ))),
    }
}

/// A sequence repeated; not at all for a negative count.
pub(super) fn repeat(items: &Value, count: i64) -> Outcome<Value> {
    let count = usize::try_from(count).unwrap_or(0);
    match items {
        Value::Str(text) if count == 1 => Ok(Value::Str(text.clone())),
        Value::Tuple(tuple) if count == 1 => Ok(Value::Tuple(tuple.clone())),
        Value::Str(text) => {
            let bytes = repeated_bytes(text.as_str().as_bytes(), count)?;
            // Whole texts one behind the other.
            String::from_utf8(bytes)
                .map(Value::str)
                .map_err(|_| memory_error(""))
        }
        Value::Bytes(bytes) => Ok(Value::bytes(repeated_bytes(bytes.get(), count)?)),
        Value::List(list) => Ok(Value::list(repeated(list.copied()?, count)?)),
        Value::Tuple(tuple) => Ok(Value::tuple(repeated(tuple.items().to_vec(), count)?)),
        _ => Ok(Value::NotImplemented),
    }
}

/// Copies what is there already, twice as much each time.
fn repeated_bytes(bytes: &[u8], count: usize) -> Outcome<Vec<u8>> {
    let total = product(bytes.len(), count)?;
    let mut all = room::with_room(total)?;
    if total > 0 {
        all.extend_from_slice(bytes);
    }
    while all.len() < total {
        let more = all.len().min(total - all.len());
        all.extend_from_within(..more);
    }
    Ok(all)
}

fn product(length: usize, count: usize) -> Outcome<usize> {
    match length.checked_mul(count) {
        Some(room) if isize::try_from(room).is_ok() => Ok(room),
        _ => Err(memory_error("")),
    }
}

fn repeated(items: Vec<Value>, count: usize) -> Outcome<Vec<Value>> {
    let mut all = room::with_room(product(items.len(), count)?)?;
    match items.as_slice() {
        [] => {}
        [item] => all.resize(count, item.clone()),
        items => {
            for _ in 0..count {
                all.extend_from_slice(items);
            }
        }
    }
    Ok(all)
}

/// Repeats the items of a list in place, as one change.
pub(super) fn repeat_in_place(list: &List, count: i64) -> Outcome<()> {
    let count = usize::try_from(count).unwrap_or(0);
    if count == 0 {
        drop(list.replace(Vec::new()));
        return Ok(());
    }
    let mut items = list.lock();
    let length = items.len();
    let more = match length.checked_mul(count - 1) {
        Some(more) if items.try_reserve(more).is_ok() => more,
        _ => return Err(room::refused(items)),
    };
    if length == 0 {
        return Ok(());
    }
    for _ in 0..more / length {
        items.extend_from_within(length);
    }
    Ok(())
}

/// Appends all items of another value to a list: `extend`.
///
/// # Errors
/// `TypeError` for a value that cannot be iterated over, or what the iteration raises.
pub fn extend(cx: &mut Context, list: &List, more: &Value) -> Outcome<()> {
    match more {
        Value::List(other) => {
            let more = other.copied()?;
            list.append_all(more)
        }
        Value::Tuple(tuple) => {
            let mut items = list.lock();
            if items.try_reserve(tuple.items().len()).is_err() {
                return Err(room::refused(items));
            }
            items.extend_from_slice(tuple.items());
            Ok(())
        }
        other => iterate::for_each(cx, other, |_, item| {
            list.push(item);
            Ok(())
        }),
    }
}
