//! Integers as indices, and slices: which items of a sequence `x[i]` and `x[i:j:k]` mean. It must
//! not know what the items are.

use num_traits::{Signed, ToPrimitive};

use super::exception::{index_error, type_error, value_error};
use super::name::known;
use super::scalar::Slice;
use super::sequence::special;
use super::string::Str;
use super::{Outcome, Value, room};
use crate::eval::context::Context;

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

    /// Whether the items follow one another.
    pub fn is_plain(self) -> bool {
        self.step == 1
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
///
/// # Errors
/// `MemoryError`.
pub fn sliced<T: Clone>(items: &[T], indices: Indices) -> Outcome<Vec<T>> {
    match indices.range() {
        Some(range) => room::copied(&items[range]),
        None => room::collected(indices.places().map(|place| items[place].clone())),
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
